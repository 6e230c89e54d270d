"""The Library: an immutable snapshot of all digests, indexed once so that every question is a look-up.

Topics of equal path are one topic here, whatever file they come from; an item that stands in several topics is one
item by its id, listed in each. The files as they are stay in `digests`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from bot.digest import identity
from bot.digest.config import DEFAULTS, DigestConfig
from bot.digest.model import Digest, Item, Note, Path, Problem, State, Topic
from bot.digest.names import Names, Pinyin, fold

if TYPE_CHECKING:
    from bot.digest.search import Search

_STATES: tuple[State, ...] = ("items", "container", "notes-only", "empty")
_ARXIV_NUMBER = re.compile(
    r"(?:arxiv:\s*)?(\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[a-z]{2})?/\d{7}(?:v\d+)?)", re.IGNORECASE
)
_BARE_ADDRESS = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?(/\S*)?")
MAX_NESTING = 32
"""Items beneath items beneath items; the parser refuses more, the sum of several files is cut here."""

_Row = TypeVar("_Row", Item, Note)


class Library:
    """Everything that was written, to be asked. Make one with `build`; it never changes."""

    def __init__(
        self, digests: tuple[Digest, ...], config: DigestConfig, problems: tuple[Problem, ...], pinyin: Pinyin | None
    ) -> None:
        self.digests = digests
        self.config = config
        self.problems = problems
        self.title = config.title or (digests[0].title if digests else "heji")
        self.language = config.language or _language(digests)

        placed = [_without_preface(digest) for digest in digests]
        self.topics = _in_tree_order(_merged(topic for digest in placed for topic in digest.topics))
        self.items = _without_rings(item for digest in placed for item in digest.items)

        self._topics = {topic.path: topic for topic in self.topics}
        self._numbers = {topic.path: number for number, topic in enumerate(self.topics, 1)}
        self._children = _grouped((_nearest(topic.path[:-1], self._topics), topic) for topic in self.topics)
        self._by_id: dict[str, Item] = {}
        for item in self.items:
            self._by_id.setdefault(item.id, item)
        self._direct, self._beneath = _by_topic(self.items)
        self._item_children = _by_parent(self.items)
        self._item_topics = _grouped((item.id, item.topic) for item in self.items)
        self._notes = _grouped((note.topic, note) for digest in placed for note in digest.notes)
        self._pinyin = pinyin
        self._search_lock = Lock()
        self._search: Search | None = None

    @classmethod
    def build(
        cls,
        digests: Iterable[Digest],
        config: DigestConfig = DEFAULTS,
        problems: Iterable[Problem] = (),
        *,
        pinyin: Pinyin | None = None,
    ) -> Library:
        """A library over *digests* in the order given; *problems* are those of no digest (files that were refused)."""
        digests = tuple(digests)
        found = [*problems, *(problem for digest in digests for problem in digest.problems)]
        return cls(digests, config, tuple(found), pinyin)

    # Topics -------------------------------------------------------------------------------------------------------

    def topic_at(self, path: Path) -> Topic | None:
        return self._topics.get(path)

    def children(self, path: Path) -> tuple[Topic, ...]:
        """The topics one step below; where a level was jumped, the next that there is."""
        return self._children.get(path, ())

    def roots(self) -> tuple[Topic, ...]:
        return self.children(())

    def number(self, topic: Topic) -> int:
        """The place of *topic* in `topics`, from 1, by which a reader may ask for it."""
        return self._numbers[topic.path]

    def topics_of(self, item_id: str) -> tuple[Topic, ...]:
        """The topics that an item stands in, in document order."""
        paths = dict.fromkeys(self._item_topics.get(item_id, ()))
        return tuple(self._topics[path] for path in paths if path in self._topics)

    def find_topic(self, query: str) -> Topic:
        """The topic that a reader means by *query* (see `bot.digest.names`); raises TopicNotFound, TopicAmbiguous."""
        return self._names.find(query)

    def suggest(self, query: str, n: int = 5) -> tuple[Topic, ...]:
        """Up to *n* topics whose names come near *query*."""
        return self._names.suggest(query, n)

    # Items and notes ----------------------------------------------------------------------------------------------

    def item(self, item_id: str) -> Item | None:
        """The item as it stands first; `items` has its other places."""
        return self._by_id.get(item_id)

    def items_in(self, path: Path) -> tuple[Item, ...]:
        """What stands directly under the heading, each item once."""
        return self._direct.get(path, ())

    def items_under(self, path: Path) -> tuple[Item, ...]:
        """What stands under the heading and all below it, in document order, each item once."""
        return self._beneath.get(path, ())

    def children_of(self, item_id: str) -> tuple[Item, ...]:
        """The items beneath an item. No item is found beneath itself, however the files nest it."""
        return self._item_children.get(item_id, ())

    def notes_in(self, path: Path) -> tuple[Note, ...]:
        return self._notes.get(path, ())

    def notes_under(self, path: Path) -> tuple[Note, ...]:
        return tuple(
            note for topic in ((), *self._topics) if topic[: len(path)] == path for note in self._notes.get(topic, ())
        )

    def find_url(self, text: str) -> tuple[Item, ...]:
        """The items that hold an address: first those that it is the primary link of, then those it accompanies.

        *text* is a URL with or without its scheme, or an arXiv number alone.
        """
        # A chat may hand on half a surrogate pair, of which no address can be made.
        text = text.encode(errors="replace").decode().strip().strip("<>")
        if number := _ARXIV_NUMBER.fullmatch(text):
            text = f"https://arxiv.org/abs/{number[1]}"
        elif "://" not in text and _BARE_ADDRESS.fullmatch(text):
            text = f"https://{text}"
        primary = self._by_id.get(identity.item_id(text))
        found = [primary] if primary and identity.normalise(primary.url) == identity.normalise(text) else []
        found += (self._by_id[item_id] for item_id in self._companions.get(identity.normalise(text), ()))
        return _each_once(found)

    def related(self, topic: Topic, n: int) -> tuple[Item, ...]:
        """Up to *n* items of other topics that speak of *topic*: for an empty heading and a thin edition."""
        own = {item.id for item in self.items_under(topic.path)}
        found: dict[str, Item] = {}
        for words in (topic.title, *self._names.aliases_of(topic)):
            for hit in self.search.find(words, limit=n + len(own) + len(found) + 10, by_sound=False):
                if hit.item.id not in own and _speaks_of(hit.item, words):
                    found.setdefault(hit.item.id, hit.item)
            if len(found) >= n:
                break
        return tuple(found.values())[:n]

    # Made when first asked for ------------------------------------------------------------------------------------

    @property
    def search(self) -> Search:
        """The full-text index over all items."""
        with self._search_lock:
            if self._search is None:
                from bot.digest.search import Search

                self._search = Search.build(self.items)
            return self._search

    @cached_property
    def _names(self) -> Names:
        noted = {path[:depth] for path in self._notes for depth in range(len(path) + 1)}
        filled = frozenset({*self._beneath, *noted})
        return Names(self.topics, self.config.aliases, filled, self._pinyin)

    @cached_property
    def _companions(self) -> Mapping[str, tuple[str, ...]]:
        return _grouped((identity.normalise(link.url), item.id) for item in self.items for link in item.links)


def _language(digests: Sequence[Digest]) -> str:
    """The language of most items; of the first digest where there are none."""
    counts = Counter[str]()
    for digest in digests:
        counts[digest.language] += len(digest.items)
    return counts.most_common(1)[0][0] if counts else "en"


def _without_preface(digest: Digest) -> Digest:
    """*digest* with the items before its first heading under a topic called like the digest, so all can be reached."""
    if not any(item.topic == () for item in digest.items):
        return digest
    path = (digest.title,)
    topic = Topic(digest.file, path, digest.title, "", 1, 1, "items")
    return replace(
        digest,
        topics=(topic, *digest.topics),
        items=tuple(_moved(item, path) for item in digest.items),
        notes=tuple(_moved(note, path) for note in digest.notes),
    )


def _moved(row: _Row, path: Path) -> _Row:
    return row if row.topic else replace(row, topic=path)


def _merged(topics: Iterable[Topic]) -> dict[Path, Topic]:
    """One topic a path: the first, in the fullest of their states."""
    found: dict[Path, Topic] = {}
    for topic in topics:
        first = found.setdefault(topic.path, topic)
        if _STATES.index(topic.state) < _STATES.index(first.state):
            found[topic.path] = replace(first, state=topic.state)
    return found


def _in_tree_order(topics: Mapping[Path, Topic]) -> tuple[Topic, ...]:
    """Each topic after the one above it, as in one document: a second file's sub-topic joins its parent's others."""
    places = {path: place for place, path in enumerate(topics)}

    def order(path: Path) -> list[int]:
        return [places[path[:depth]] for depth in range(1, len(path) + 1) if path[:depth] in places]

    return tuple(topics[path] for path in sorted(topics, key=order))


def _speaks_of(item: Item, name: str) -> bool:
    """Whether *item* holds the very word: a search also finds what comes near, which is related to nothing.

    The curator's 推荐 does not count; "推荐…阅读" stands under every other item.
    """
    texts = (item.title, *item.tags, *item.body, *(part.text for part in item.parts if part.kind != "recommendation"))
    # RL is no word of "world", but CTR is one of GMV和CTR.
    word = rf"(?<![a-z0-9]){re.escape(fold(name))}s?(?![a-z0-9])"
    return re.search(word, fold("\n".join(texts))) is not None


def _nearest(path: Path, topics: Mapping[Path, Topic]) -> Path:
    while path and path not in topics:
        path = path[:-1]
    return path


def _by_topic(items: Iterable[Item]) -> tuple[Mapping[Path, tuple[Item, ...]], Mapping[Path, tuple[Item, ...]]]:
    """The items directly at each path, and those at it or below."""
    direct: defaultdict[Path, dict[str, Item]] = defaultdict(dict)
    beneath: defaultdict[Path, dict[str, Item]] = defaultdict(dict)
    for item in items:
        direct[item.topic].setdefault(item.id, item)
        for depth in range(len(item.topic) + 1):
            beneath[item.topic[:depth]].setdefault(item.id, item)
    return _tuples(direct), _tuples(beneath)


def _without_rings(items: Iterable[Item]) -> tuple[Item, ...]:
    """*items*, some of them without their parent, so that whoever walks down through `children_of` arrives.

    The same two links may nest one way in one file and the other way in another. The step that would close a ring, go
    deeper than anybody nests or lead to an item that is nowhere is left out: that item stands at the top.
    """
    items = tuple(items)
    known = {item.id for item in items}
    parents: defaultdict[str, set[str]] = defaultdict(set)
    kept = []
    for item in items:
        if item.parent is not None and (item.parent not in known or _closes_ring(item, parents)):
            item = replace(item, parent=None)
        if item.parent is not None:
            parents[item.id].add(item.parent)
        kept.append(item)
    return tuple(kept)


def _closes_ring(item: Item, parents: Mapping[str, set[str]]) -> bool:
    """Whether *item* is its own parent, stands above it, or is too far down to tell."""
    above = {item.parent}
    rest = [item.parent]
    while rest and len(above) <= MAX_NESTING:
        higher = parents.get(rest.pop() or "", set()) - above
        above |= higher
        rest += higher
    return item.id in above or len(above) > MAX_NESTING


def _by_parent(items: Iterable[Item]) -> Mapping[str, tuple[Item, ...]]:
    children: defaultdict[str, dict[str, Item]] = defaultdict(dict)
    for item in items:
        if item.parent is not None:
            children[item.parent].setdefault(item.id, item)
    return _tuples(children)


_K = TypeVar("_K")
_V = TypeVar("_V")


def _grouped(rows: Iterable[tuple[_K, _V]]) -> dict[_K, tuple[_V, ...]]:
    groups: defaultdict[_K, list[_V]] = defaultdict(list)
    for key, value in rows:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}


def _tuples(groups: Mapping[_K, Mapping[str, Item]]) -> dict[_K, tuple[Item, ...]]:
    return {key: tuple(rows.values()) for key, rows in groups.items()}


def _each_once(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple({item.id: item for item in items}.values())
