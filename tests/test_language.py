import datetime as dt
import inspect
import string
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import bot.chat
import bot.chat.commands  # with all errors that are said in chats
import bot.web
from bot.chat.access import NotAllowed
from bot.chat.language import LANGUAGES, LOCALE, choose, sentence, speaks, voice
from bot.errors import BotError, ConfigurationError, StoreError, TopicAmbiguous, TopicNotFound

SHANGHAI = ZoneInfo("Asia/Shanghai")
KEYWORDS = {"say": None, "self": None, "later": None, "plural": (1, 2)}
# These have pages of their own, or never reach a chat.
SAID_OTHERWISE = {ConfigurationError, NotAllowed, TopicAmbiguous, TopicNotFound}


def catalogue(language):
    with (LOCALE / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language)


def ids_in_the_code():
    methods = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
    rooms = (Path(inspect.getfile(room)).parent for room in (bot.chat, bot.web))
    options = {"**.html": {"trimmed": "true"}}
    found = [row for room in rooms for row in extract_from_dir(str(room), methods, options, KEYWORDS)]
    return {message for _, _, message, _, _ in found} | {sentence(kind) for kind in errors_in_chats()}


def errors_in_chats():
    kinds, waiting = set(), [BotError]
    while waiting:
        waiting += (new := waiting.pop().__subclasses__())
        kinds |= set(new)
    said = {kind for kind in kinds if kind.__module__.startswith(("bot.editions", "bot.chat"))}
    return (said | {kind for kind in kinds if issubclass(kind, StoreError)}) - SAID_OTHERWISE


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_the_code_is_in_the_catalogue_and_none_is_stale(language):
    written = {message.id for message in catalogue(language) if message.id}

    assert ids_in_the_code() - written == set()
    assert written - ids_in_the_code() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_with_its_named_places(language):
    for message in catalogue(language):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)

        assert all(strings), ids
        assert not message.fuzzy, ids
        assert {places(text) for text in strings} == {places(text) for text in ids}, ids


def places(text):
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_the_plurals_of_its_language(language):
    forms = {"zh": 1, "en": 2}[language]

    assert all(len(m.string) == forms for m in catalogue(language) if isinstance(m.id, tuple))


def test_what_is_said_twice_is_read_once():
    assert voice("zh") is voice("zh")


def test_the_same_sentence_in_two_languages():
    assert voice("en")("No topic is called “{query}”.", query="x{y}") == "No topic is called “x{y}”."
    assert voice("zh")("No topic is called “{query}”.", query="x{y}") == "没有叫“x{y}”的主题。"


def test_plurals_follow_the_language_and_great_numbers_are_readable():
    assert voice("en").plural("{n} item", "{n} items", 1) == "1 item"
    assert voice("en").plural("{n} item", "{n} items", 0) == "0 items"
    assert voice("zh").plural("{n} item", "{n} items", 24610) == "24,610 条"


def test_nothing_said_is_nothing_and_not_the_header_of_the_catalogue():
    assert voice("zh")("") == ""


def test_names_in_a_row_stand_as_the_language_has_it():
    assert voice("zh").listing(["RL", "GNN"]) == "RL、GNN"
    assert voice("en").listing(["RL", "GNN"]) == "RL, GNN"


def test_a_moment_is_said_with_day_time_and_zone():
    moment = dt.datetime(2026, 11, 30, 9, 0, tzinfo=SHANGHAI)
    now = dt.datetime(2026, 11, 26, 18, 0, tzinfo=dt.UTC)

    assert voice("zh").moment(moment, now=now) == "11月30日星期一 09:00（Asia/Shanghai）"
    assert voice("en").moment(moment, now=now) == "Monday, 30 November, 09:00 (Asia/Shanghai)"


def test_a_day_of_another_year_is_said_with_its_year():
    day, today = dt.date(2019, 11, 8), dt.date(2026, 11, 26)

    assert voice("zh").day(day, today=today) == "2019年11月8日"
    assert voice("en").day(day, today=today) == "8 November 2019"
    assert voice("zh").month(day) == "2019年11月"


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ((None, "zh-Hans-CN", "en"), "zh"),
        (("en_US",), "en"),
        (("fr", "ZH"), "zh"),
        (("fr", None, ""), "en"),
        ((), "en"),
    ],
)
def test_the_first_language_that_the_bot_speaks_is_chosen(wanted, chosen):
    assert choose(*wanted) == chosen


def test_it_does_not_claim_to_speak_others():
    assert [tag for tag in ("zh-TW", "en", "fr", "zho", "") if speaks(tag)] == ["zh-TW", "en"]


def test_an_errors_sentence_is_its_docstring_with_named_places():
    class Odd(BotError):
        """“*text*” is
        odd.

        More about it.
        """

    assert sentence(Odd) == "“{text}” is odd."
