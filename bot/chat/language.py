"""What the bot says, in Chinese and in English; what the curator wrote is never translated.

The catalogues are ``locale/*.po``, read and compiled in memory when the first word is said in that language: nothing
has to be built or installed. A message's id is its English sentence, with named places: ``say("{n} topics", n=39)``.
"""

from __future__ import annotations

import datetime as dt
import inspect
import io
import re
from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

LANGUAGES = ("zh", "en")
LOCALE = Path(__file__).with_name("locale")

# What stands between the names of a list, and how CLDR's patterns read where a weekday and a time stand together.
_SEPARATORS = {"zh": "、", "en": ", "}
_DAY = {"zh": "M月d日EEEE", "en": "EEEE, d MMMM"}
_DAY_OF_ANOTHER_YEAR = {"zh": "y年M月d日", "en": "d MMMM y"}


def later(text: str) -> str:
    """Mark a sentence that is said later, for those who collect the catalogues."""
    return text


def speaks(tag: str) -> bool:
    """Whether the bot speaks the language of *tag*: ``zh-Hans-CN`` is ``zh``."""
    return _language(tag) in LANGUAGES


def choose(*wanted: str | None) -> str:
    """The first language of *wanted* that the bot speaks, else English."""
    return next((_language(tag) for tag in wanted if tag and speaks(tag)), "en")


def _language(tag: str) -> str:
    return re.split(r"[-_]", tag.strip().lower())[0]


def sentence(kind: type[Exception]) -> str:
    """The id of an error's sentence: its docstring's first paragraph, with ``{name}`` where that says ``*name*``."""
    first = inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0]
    return re.sub(r"\*(\w+)\*", r"{\1}", " ".join(first.split()))


class Voice:
    """The bot's words in one language: ``say("Page {page}", page=2)``, ``say.plural("{n} item", "{n} items", 3)``."""

    def __init__(self, language: str, catalogue: GNUTranslations) -> None:
        self.language = language
        self._catalogue = catalogue

    def __call__(self, text: str, /, **values: Any) -> str:
        # No text, no header of the catalogue: gettext keeps that under the empty id.
        return self._catalogue.gettext(text).format(**values) if text else ""

    def plural(self, one: str, many: str, n: int, /, **values: Any) -> str:
        """The sentence for *n* of them; ``{n}`` is the number."""
        return self._catalogue.ngettext(one, many, n).format(n=self.number(n), **values)

    def number(self, n: int) -> str:
        """*n* with its thousands apart."""
        return f"{n:,}"

    def listing(self, names: Iterable[str]) -> str:
        """Names in a row."""
        return _SEPARATORS[self.language].join(names)

    def day(self, day: dt.date, *, today: dt.date | None = None) -> str:
        """A date as one would say it; with its year unless *today* lies in the same one."""
        from babel.dates import format_date

        same_year = today is not None and day.year == today.year
        return str(format_date(day, (_DAY if same_year else _DAY_OF_ANOTHER_YEAR)[self.language], locale=self.language))

    def moment(self, moment: dt.datetime, *, now: dt.datetime) -> str:
        """A time with its day and its zone by name: readers of one chat sit in several."""
        today = now.astimezone(moment.tzinfo).date()
        day = self.day(moment.date(), today=today)
        return self("{day} {time} ({zone})", day=day, time=moment.strftime("%H:%M"), zone=str(moment.tzinfo))

    def month(self, first: dt.date) -> str:
        """A month of a year."""
        from babel.dates import format_skeleton

        return str(format_skeleton("yMMMM", first, locale=self.language))


@cache
def voice(language: str) -> Voice:
    """The bot's voice in *language*, one of :data:`LANGUAGES`. Read once."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (LOCALE / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Voice(language, GNUTranslations(compiled))
