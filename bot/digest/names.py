"""Find the topic that a reader means by a word: however it is written, by an alias, a number, a typo, in pinyin.

    exact (title, slug, path, alias, number)  ->  prefix  ->  substring  ->  near (rapidfuzz)  ->  pinyin

The first stage that knows anything answers. A stage that knows several topics asks back (`TopicAmbiguous`); if no
stage is sure, `TopicNotFound` carries what came near.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from bot.digest.model import Path, Topic
from bot.errors import TopicAmbiguous, TopicNotFound

MAX_QUERY = 200
MAX_CANDIDATES = 10

# A typo is taken for the name itself only where the word is long enough that nothing else can be meant.
_SURE_SCORE, _SURE_LENGTH = 85, 6
_NEAR_SCORE = 60
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")
# What people leave out or put in: `tf 2.0` is tf2.0 is tf20. Not `+` and `#`, or C++ would be C.
_SEPARATORS = re.compile(r"[\s\-_.,·・、，。:;!?/|()\[\]【】「」《》\"'“”‘’]+")
_PATH_SEPARATOR = re.compile(r"\s*[/>›»→]\s*")
_NUMBER = re.compile(r"#?([0-9]{1,6})[.)]?")
_PINYIN = re.compile(r"[a-z]{2,40}")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


class PinyinKey(Protocol):
    """How a text sounds: *full* syllables joined (``duihua``) and their *initials* (``dh``)."""

    @property
    def full(self) -> str: ...

    @property
    def initials(self) -> str: ...


Pinyin = Callable[[Sequence[str]], Sequence[PinyinKey]]


def fold(text: str) -> str:
    """The form in which names are compared: full and half width, capitals, spaces and invisible marks are one."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(_INVISIBLE.sub("", text).split())


def squeeze(text: str) -> str:
    """`fold` without separators, so that ``bert蒸馏、量化`` and ``BERT 蒸馏量化`` are one."""
    return _SEPARATORS.sub("", fold(text))


class Names:
    """The names of all *topics*, in the order of their numbers; *filled* holds the paths with anything beneath."""

    def __init__(
        self,
        topics: Sequence[Topic],
        aliases: Mapping[str, tuple[str, ...]],
        filled: frozenset[Path],
        pinyin: Pinyin | None = None,
    ) -> None:
        self._topics = topics
        self._filled = filled
        self._pinyin = pinyin or _pinyin
        self._titles = _index((topic, [fold(topic.title)]) for topic in topics)
        self._slugs = _index((topic, [fold(topic.slug)]) for topic in topics)
        self._paths = _index((topic, _tails(topic.path)) for topic in topics)
        self._squeezed = _index((topic, [squeeze(topic.title)]) for topic in topics)
        self._aliases: Mapping[str, Sequence[Topic]] = {}
        groups = [(key, *values) for key, values in aliases.items()]
        self._alias_words = [(word, topics) for words in groups for topics in [self._named(words)] for word in words]
        self._aliases = _index((topic, [fold(word)]) for word, topics in self._alias_words for topic in topics)

    def find(self, query: str) -> Topic:
        """The one topic called *query*; raises TopicNotFound or TopicAmbiguous and nothing else, whatever the text."""
        name = fold(query) if len(query) <= MAX_QUERY else ""
        if not name:
            raise TopicNotFound(query)
        if hits := self._exact(name):
            return self._meant(hits, query)
        for stage in (self._prefixed, self._containing, self._surely_near, self._sounding):
            hits = stage(name)
            if len(hits) == 1:
                return hits[0]
            if hits:
                raise TopicAmbiguous(query, tuple(hits[:MAX_CANDIDATES]))
        raise TopicNotFound(query, self.suggest(query))

    def suggest(self, query: str, n: int = 5) -> tuple[Topic, ...]:
        """Up to *n* topics whose names come near, the nearest first; none where nothing does."""
        name = fold(query[:MAX_QUERY])
        if not squeeze(name):
            return ()
        found = [*self._exact(name), *self._prefixed(name), *self._containing(name), *self._near(name, _NEAR_SCORE)]
        found = found or self._sounding(name)
        return tuple(_unique(found)[:n])

    def aliases_of(self, topic: Topic) -> tuple[str, ...]:
        """The other words for *topic*, as the curator wrote them, without those that spell its own title."""
        words = [word for word, topics in self._alias_words if any(topic.path == other.path for other in topics)]
        return tuple(word for word in dict.fromkeys(words) if fold(word) != fold(topic.title))

    # The stages ---------------------------------------------------------------------------------------------------

    def _exact(self, name: str) -> Sequence[Topic]:
        bare = name.removeprefix("#")
        return (
            self._titles.get(name)
            or self._slugs.get(bare)
            or self._paths.get(_slashed(name))
            or self._aliases.get(name)
            or self._numbered(name)
            or self._squeezed.get(squeeze(name))
            or ()
        )

    def _numbered(self, name: str) -> Sequence[Topic]:
        number = _NUMBER.fullmatch(name)
        return self._topics[int(number[1]) - 1 : int(number[1])] if number and int(number[1]) else ()

    def _meant(self, hits: Sequence[Topic], query: str) -> Topic:
        """Of several topics of one name the one that is clearly meant."""
        filled = [topic for topic in hits if topic.path in self._filled]
        pool = filled or list(hits)
        outermost = min(pool, key=lambda topic: len(topic.path))
        roots = sum(len(topic.path) == 1 for topic in pool)
        # A topic that holds all others of its name answers for them. An outermost heading has no longer name to be
        # asked by; the ones further in do.
        if all(topic.path[: len(outermost.path)] == outermost.path for topic in pool) or roots == 1:
            return outermost
        spelt_alike = [topic for topic in pool if topic.title == query.strip()]
        if len(spelt_alike) == 1:
            return spelt_alike[0]
        raise TopicAmbiguous(query, tuple(pool[:MAX_CANDIDATES]))

    def _prefixed(self, name: str) -> list[Topic]:
        squeezed = squeeze(name)
        hits = [(len(known), topic) for known, topic in self._known if squeezed and known.startswith(squeezed)]
        parts = _PATH_SEPARATOR.split(name)
        if len(parts) > 1 and all(parts):
            hits += [(len(name), topic) for topic in self._topics if _leads(parts, topic.path)]
        return _shortest_first(hits)

    def _containing(self, name: str) -> list[Topic]:
        words = [word for word in map(squeeze, name.split()) if word]
        # One letter stands in half of all titles; one Chinese character is a word.
        if not words or (len(name) < 2 and not _CHINESE.search(name)):
            return []
        return _shortest_first(
            (len(known), topic) for known, topic in self._known if all(word in known for word in words)
        )

    def _surely_near(self, name: str) -> list[Topic]:
        return self._near(name, _SURE_SCORE) if len(squeeze(name)) >= _SURE_LENGTH else []

    def _near(self, name: str, score: float) -> list[Topic]:
        from rapidfuzz import fuzz, process  # not before somebody errs: a start need not wait for it

        names = [known for known, _ in self._known]
        found = process.extract(squeeze(name), names, scorer=fuzz.ratio, limit=MAX_CANDIDATES, score_cutoff=score)
        return _unique(self._known[index][1] for _, _, index in found)

    def _sounding(self, name: str) -> list[Topic]:
        # The readings are made in a child process: asked for only when a pinyin is what the query may be, and when no
        # name comes near as it is written.
        squeezed = squeeze(name)
        if not _PINYIN.fullmatch(squeezed) or self._near(name, _SURE_SCORE):
            return []
        readings = self._readings
        same = [topic for key, topic in readings if squeezed in (key.full, key.initials)]
        longer = [topic for key, topic in readings if len(squeezed) > 3 and key.full.startswith(squeezed)]
        if same or longer or len(squeezed) < _SURE_LENGTH:
            return _unique(same or longer)
        from rapidfuzz import fuzz, process

        sounds = [key.full for key, _ in readings]
        found = process.extract(squeezed, sounds, scorer=fuzz.ratio, limit=MAX_CANDIDATES, score_cutoff=_SURE_SCORE)
        return _unique(readings[index][1] for _, _, index in found)

    # The indexes --------------------------------------------------------------------------------------------------

    def _named(self, words: Sequence[str]) -> Sequence[Topic]:
        """What the first of *words* that names anything names: a group's key, if it does."""
        return next(filter(None, (self._exact(name) for name in map(fold, words) if name)), ())

    @cached_property
    def _known(self) -> list[tuple[str, Topic]]:
        """Every name without separators, with its topic."""
        titles = [(squeeze(topic.title), topic) for topic in self._topics]
        aliases = [(squeeze(word), topic) for word, topics in self._alias_words for topic in topics]
        return [(name, topic) for name, topic in titles + aliases if name]

    @cached_property
    def _readings(self) -> list[tuple[PinyinKey, Topic]]:
        chinese = [(name, topic) for name, topic in self._known if _CHINESE.search(name)]
        return list(zip(self._pinyin([name for name, _ in chinese]), (topic for _, topic in chinese), strict=True))


def _pinyin(texts: Sequence[str]) -> Sequence[PinyinKey]:
    from bot.digest.pinyin import keys

    return keys(texts)


def _index(rows: Iterable[tuple[Topic, Sequence[str]]]) -> Mapping[str, Sequence[Topic]]:
    found: defaultdict[str, dict[Path, Topic]] = defaultdict(dict)
    for topic, names in rows:
        for name in names:
            if name:
                found[name].setdefault(topic.path, topic)
    return {name: tuple(topics.values()) for name, topics in found.items()}


def _slashed(name: str) -> str:
    return "/".join(_PATH_SEPARATOR.split(name))


def _tails(path: Path) -> list[str]:
    """The path and its ends: ``nlp/对话/convai``, ``对话/convai``, ``convai``."""
    titles = [_slashed(fold(title)) for title in path]
    return ["/".join(titles[start:]) for start in range(len(titles))]


def _leads(parts: Sequence[str], path: Path) -> bool:
    """Whether *parts* are the beginnings of titles on *path*, in order, the last of them of the last one's."""
    titles = iter([fold(title) for title in path[:-1]])
    outer = all(any(title.startswith(part) for title in titles) for part in parts[:-1])
    return outer and fold(path[-1]).startswith(parts[-1])


def _shortest_first(hits: Iterable[tuple[int, Topic]]) -> list[Topic]:
    return _unique(topic for _, topic in sorted(hits, key=lambda hit: hit[0]))


def _unique(topics: Iterable[Topic]) -> list[Topic]:
    return list({topic.path: topic for topic in topics}.values())
