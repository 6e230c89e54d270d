"""What somebody wants of a subscription, read from their words: topics, days and a time, a zone, in any order.

Nothing is guessed: what fits nowhere raises an error that says so, and then nothing changes.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from bot.chat import language
from bot.chat.conversation import Subscribed
from bot.chat.message import FORMATS, Format
from bot.chat.pages.parts import topic_words
from bot.digest.library import Library
from bot.digest.model import Topic
from bot.digest.names import squeeze
from bot.editions.schedule import Schedule, ScheduleError, parse_schedule
from bot.errors import BotError, TopicNotFound

MOST_ITEMS = 50
"""Items in an edition: more than anybody reads."""

_ALL = frozenset({"all", "全部", "所有", "全部主题", "所有主题", "*"})
_BETWEEN = frozenset({"at", "in", "on", "and", "to", "的", "和", "在"})
_COMMAS = re.compile(r"[,，、;；]+")
_TIME = re.compile(r"(?:.*\D)?\d{1,4}(?::\d*|点\d*分?|[ap]m)")
_CRON = re.compile(r"[\d*/,?-]+")
_OFFSET = re.compile(r"(?:utc|gmt)?[+-]\d{1,2}(?::?\d\d)?")
_LONGEST = 8
"""Words of the longest schedule or title that is looked for."""


class ZoneNotFound(BotError, ValueError):
    """“*zone*” is no time zone: write its name, such as Asia/Shanghai or Europe/Berlin."""

    zone: str
    suggestions: tuple[str, ...]

    def __init__(self, zone: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(zone=zone[:60], suggestions=suggestions)


class SettingNotFound(BotError, ValueError):
    """There is no setting “*key*”; there are: *settings*."""

    def __init__(self, key: str, switches: Collection[str] = ()) -> None:
        there = [one for one in SETTINGS if one in switches or one not in _SWITCHES]
        super().__init__(key=key[:40], settings=", ".join(there))


class SettingRefused(BotError, ValueError):
    """“*value*” will not do for *key*: write *choices*."""

    def __init__(self, key: str, value: str, choices: str) -> None:
        super().__init__(key=key, value=value[:40], choices=choices)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for; None where nothing was said about it."""

    topics: tuple[str, ...] | None = None
    schedule: Schedule | None = None
    zone: ZoneInfo | None = None

    def upon(self, standing: Subscribed) -> Subscribed:
        """*standing* with these fulfilled."""
        return replace(
            standing,
            topics=standing.topics if self.topics is None else self.topics,
            schedule=self.schedule or standing.schedule,
            zone=self.zone or standing.zone,
        )


Find: TypeAlias = Callable[[str], Topic]
Called: TypeAlias = Callable[[str], bool]


def read_wishes(text: str, library: Library, standing: Schedule, find: Find, called: Called) -> Wishes:
    """Read ``nlp, ctr mon 09:00 Asia/Shanghai`` and the like; a time or days alone keep the rest of *standing*.

    *find* makes out a topic as ``/topic`` does, *called* tells whether words are a topic's very name. Raises
    ScheduleError, ZoneNotFound, TopicNotFound and TopicAmbiguous.
    """
    words = text.split()
    schedule, words = _take_schedule(words, standing, called)
    zone, words = _take_zone(words, called)
    return Wishes(_topics(words, library, find, called), schedule, zone)


# -- days and a time ---------------------------------------------------------------------------------------------------


def _take_schedule(words: Sequence[str], standing: Schedule, called: Called) -> tuple[Schedule | None, list[str]]:
    """The schedule among *words*, and the words that are left."""
    _refuse_cron(words)
    times = [at for at, word in enumerate(words) if _is_time(word, called)]
    if len(times) > 1:
        raise ScheduleError(" ".join(words[_days_before(words, times[0]) : times[-1] + 1]))
    if times:
        return _timed(words, times[0], standing)
    for start, stop in _windows(len(words)):
        phrase = " ".join(words[start:stop])
        # Days alone: at the time of before. A topic's name goes first.
        if (days := _parsed(f"{phrase} {standing.hour:02}:{standing.minute:02}")) and not called(phrase):
            return days, [*words[:start], *words[stop:]]
    return None, list(words)


def _timed(words: Sequence[str], at: int, standing: Schedule) -> tuple[Schedule, list[str]]:
    for start in range(max(0, at - _LONGEST), at + 1):
        if found := _parsed(" ".join(words[start : at + 1])):
            return found, [*words[:start], *words[at + 1 :]]
    for stop in range(min(len(words), at + _LONGEST), at + 1, -1):
        if found := _parsed(" ".join((*words[at + 1 : stop], words[at]))):
            return found, [*words[:at], *words[stop:]]
    if time := _parsed(f"mon {words[at]}"):
        return replace(standing, hour=time.hour, minute=time.minute), [*words[:at], *words[at + 1 :]]
    raise ScheduleError(" ".join(words[_days_before(words, at) : at + 1]))


def _refuse_cron(words: Sequence[str]) -> None:
    """``0 9 * * 1`` means Monday to some programs and Tuesday to others."""
    numbers = [word for word in words if _CRON.fullmatch(word)]
    if len(numbers) >= 5 or (len(numbers) > 1 and any("*" in word for word in numbers)):
        raise ScheduleError(" ".join(numbers))


def _is_time(word: str, called: Called) -> bool:
    plain = _plain(word)
    return bool(_TIME.fullmatch(plain)) and not _OFFSET.fullmatch(plain) and not called(word)


def _days_before(words: Sequence[str], at: int) -> int:
    """Where the days before the time at *at* begin, for the sentence that refuses both."""
    while at and (_parsed(f"{words[at - 1]} 09:00") or words[at - 1].isdigit() or _plain(words[at - 1]) == "monthly"):
        at -= 1
    return at


def _parsed(text: str) -> Schedule | None:
    try:
        return parse_schedule(text)
    except ScheduleError:
        return None


def _plain(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()


def _windows(n: int) -> Iterator[tuple[int, int]]:
    """Every run of *n* words, the longest first."""
    for size in range(min(n, _LONGEST), 0, -1):
        for start in range(n - size + 1):
            yield start, start + size


# -- a zone ------------------------------------------------------------------------------------------------------------


def read_zone(text: str) -> ZoneInfo:
    """``asia/shanghai``, ``America/New York``, ``shanghai``. Raises ZoneNotFound with what comes near."""
    zones, wanted = _zones(), _zone_key(text)
    if wanted in zones:
        return ZoneInfo(zones[wanted])
    cities = _cities(wanted)
    if len(cities) == 1:
        return ZoneInfo(cities[0])
    if _OFFSET.fullmatch(wanted):  # an offset knows no summer time, so that nothing is near it
        raise ZoneNotFound(text)
    near = difflib.get_close_matches(wanted, zones, n=3, cutoff=0.8)
    if not near:
        by_city = {key.rpartition("/")[2]: key for key in zones}
        near = [by_city[city] for city in difflib.get_close_matches(wanted.rpartition("/")[2], by_city, 3, 0.75)]
    raise ZoneNotFound(text, cities[:3] or tuple(zones[key] for key in near))


def _take_zone(words: Sequence[str], called: Called) -> tuple[ZoneInfo | None, list[str]]:
    """The zone among *words*, and the words that are left; a topic's very name is no zone."""
    for start, stop in _windows(len(words)):
        phrase = " ".join(words[start:stop])
        if stop - start <= 3 and not called(phrase) and _names_a_zone(phrase):
            return read_zone(phrase), [*words[:start], *words[stop:]]
    for at, word in enumerate(words):
        if not called(word) and _is_meant_as_a_zone(_zone_key(word)):
            return read_zone(word), [*words[:at], *words[at + 1 :]]
    return None, list(words)


def _names_a_zone(phrase: str) -> bool:
    key = _zone_key(phrase)
    return key in _zones() or len(_cities(key)) == 1


def _is_meant_as_a_zone(key: str) -> bool:
    area, slash, _ = key.partition("/")
    return bool(_OFFSET.fullmatch(key) or (slash and area in {zone.partition("/")[0] for zone in _zones()}))


def _cities(key: str) -> tuple[str, ...]:
    return tuple(name for zone, name in sorted(_zones().items()) if zone.endswith(f"/{key}"))


def _zone_key(text: str) -> str:
    return "_".join(_plain(text).split())


@cache
def _zones() -> Mapping[str, str]:
    """The names of all zones by what is typed for them."""
    names = zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"}
    return {name.casefold(): name for name in sorted(names)}


# -- topics ------------------------------------------------------------------------------------------------------------


def read_topics(text: str, library: Library, find: Find, called: Called) -> tuple[str, ...]:
    """Topics in a row, by comma or not; ``all`` are none. Raises TopicNotFound and TopicAmbiguous."""
    topics = _topics(text.split(), library, find, called)
    if topics is None:
        raise TopicNotFound(text)
    return topics


def _topics(words: Sequence[str], library: Library, find: Find, called: Called) -> tuple[str, ...] | None:
    """The same; None where nothing is named."""
    text = " ".join(words)
    if squeeze(text) in _ALL or text == "*":
        return ()
    phrases = [text] if called(text) else [part.split() for part in _COMMAS.split(text) if part.split()]
    found: list[Topic] = []
    for phrase in phrases:
        found += [find(phrase)] if isinstance(phrase, str) else _named(phrase, find, called)
    return _canonical(found, library) if found else None


def _named(words: Sequence[str], find: Find, called: Called) -> Iterator[Topic]:
    """The topics of words without commas: names first, the longest before the shorter, then what comes near."""
    if not words:
        return
    for start, stop in _windows(len(words)):
        if called(phrase := " ".join(words[start:stop])):
            yield from _named(words[:start], find, called)
            yield find(phrase)
            yield from _named(words[stop:], find, called)
            return
    words = [word for word in words if word.casefold() not in _BETWEEN]
    try:
        yield from [find(word) for word in words]
    except TopicNotFound as unknown:
        try:
            yield find(" ".join(words))
        except TopicNotFound:
            raise unknown from None


def _canonical(topics: Collection[Topic], library: Library) -> tuple[str, ...]:
    """In the order of the digest and without those within another, so that the same wish is one rotation."""
    paths = {topic.path for topic in topics}
    kept = [
        topic
        for topic in library.topics
        if topic.path in paths and not any(topic.path[:depth] in paths for depth in range(1, len(topic.path)))
    ]
    return tuple(topic_words(topic, library) for topic in kept)


# -- one setting -------------------------------------------------------------------------------------------------------

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "format": ("格式",),
    "preview": ("previews", "预览", "链接预览"),
    "silent": ("quiet", "静音", "静默"),
    "pin": ("pinned", "置顶"),
    "lang": ("language", "语言"),
    "items": ("条数", "条目数"),
    "timezone": ("zone", "tz", "时区"),
    "schedule": ("time", "day", "days", "时间", "日程"),
    "topics": ("topic", "主题", "话题"),
}
"""What `/set` changes, and the other words for it."""

_SWITCHES = frozenset({"preview", "silent", "pin"})
"""Those of them that not every platform has."""

_FORMAT_WORDS: Mapping[str, Format] = {
    "精简": "compact", "简洁": "compact", "标准": "normal", "普通": "normal", "正常": "normal", "完整": "full",
}  # fmt: skip
_YES = frozenset({"on", "yes", "true", "1", "开", "开启", "是"})
_NO = frozenset({"off", "no", "false", "0", "关", "关闭", "否"})
_DEFAULT = frozenset({"default", "auto", "默认", "自动"})
_TONGUES = {"中文": "zh", "汉语": "zh", "chinese": "zh", "英文": "en", "英语": "en", "english": "en"}


def setting_called(word: str, switches: Collection[str]) -> str:
    """The setting of that name, where a platform has those *switches*. Raises SettingNotFound."""
    wanted = word.casefold()
    for key, others in SETTINGS.items():
        if (wanted == key or wanted in others) and (key in switches or key not in _SWITCHES):
            return key
    raise SettingNotFound(word, switches)


def with_setting(
    standing: Subscribed, key: str, value: str, library: Library, find: Find, called: Called
) -> Subscribed:
    """*standing* with one of :data:`SETTINGS` changed. Raises an error that says what will do."""
    word = value.casefold()
    match key:
        case "topics":
            return replace(standing, topics=read_topics(value, library, find, called))
        case "schedule":
            schedule, rest = _take_schedule(value.split(), standing.schedule, lambda _: False)
            if schedule is None or rest:
                raise ScheduleError(value)
            return replace(standing, schedule=schedule)
        case "timezone":
            return replace(standing, zone=read_zone(value))
        case "format":
            chosen = next((one for one in FORMATS if one == word), None) or _FORMAT_WORDS.get(word)
            if chosen is None:
                raise SettingRefused(key, value, ", ".join(FORMATS))
            return replace(standing, format=chosen)
        case "preview":
            return replace(standing, preview=_is_on(key, value))
        case "silent":
            return replace(standing, silent=_is_on(key, value))
        case "pin":
            return replace(standing, pin=_is_on(key, value))
        case "lang":
            return replace(standing, language=None if word in _DEFAULT else read_language(value))
        case "items":
            return replace(standing, items=None if word in _DEFAULT else _items(value))
    raise SettingNotFound(key)


def _is_on(key: str, value: str) -> bool:
    word = value.casefold()
    if word not in _YES | _NO:
        raise SettingRefused(key, value, "on, off")
    return word in _YES


def read_language(value: str) -> str:
    """``zh``, ``English``, ``中文``. Raises SettingRefused."""
    tag = _TONGUES.get(value.casefold(), value)
    if not language.speaks(tag):
        raise SettingRefused("lang", value, ", ".join(language.LANGUAGES))
    return language.choose(tag)


def _items(value: str) -> int:
    plain = _plain(value)
    if not (plain.isascii() and plain.isdigit() and len(plain) < 4 and 1 <= int(plain) <= MOST_ITEMS):
        raise SettingRefused("items", value, f"1–{MOST_ITEMS}, default")
    return int(plain)
