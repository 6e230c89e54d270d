"""Pick what an edition is about. Remembers nothing itself: what was posted comes in as a History and goes out as one.

A *rotation* goes through the library in rounds. A round brings every item once; only then does the next one begin:

    Rotation.of(library, filter) -> candidates --pick(history, period)--> Theme --compose--> Edition --> History
                                                  ^                                                        |
                                                  +--------------------------------------------------------+
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from bot.digest.library import Library
from bot.digest.model import Item, Path, Topic
from bot.digest.names import squeeze
from bot.errors import TopicAmbiguous, TopicNotFound

if TYPE_CHECKING:
    from bot.editions.edition import Edition

Reason = Literal["asked", "plan", "vote", "never-posted", "least-recent", "most-left"]


@dataclass(frozen=True, slots=True)
class Turn:
    """When a topic was last the theme, as the number of that edition, and which part of it that was."""

    last: int
    part: int


@dataclass(frozen=True, slots=True)
class History:
    """What a rotation has posted: one number an item and one turn a topic, however many years it runs.

    Editions are numbered from 1. *items* gives for each id the last edition that brought it, *round* the first edition
    of the running round, so an item is open as long as its edition is older than the round.
    """

    editions: int = 0
    round: int = 1
    items: Mapping[str, int] = field(default_factory=dict)
    topics: Mapping[Path, Turn] = field(default_factory=dict)
    theme: Path | None = None
    period: str | None = None

    def last_brought(self, item_id: str) -> int:
        """The number of the edition that last brought the item; 0 if none did."""
        return self.items.get(item_id, 0)

    def after(self, edition: Edition) -> History:
        """The history once *edition* is posted. What it shows as related or new was not posted by that."""
        number = self.editions + 1
        return History(
            editions=number,
            round=edition.round,
            items={**self.items, **dict.fromkeys(edition.posts, number)},
            topics={**self.topics, edition.theme.path: Turn(number, edition.part)},
            theme=edition.theme.path,
            period=edition.period,
        )

    def to_data(self) -> dict[str, Any]:
        """The history as JSON can hold it."""
        return {
            "editions": self.editions,
            "round": self.round,
            "items": dict(self.items),
            "topics": [[list(path), turn.last, turn.part] for path, turn in self.topics.items()],
            "theme": None if self.theme is None else list(self.theme),
            "period": self.period,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> History:
        """What `to_data` gave."""
        return cls(
            editions=data["editions"],
            round=data["round"],
            items=data["items"],
            topics={tuple(path): Turn(last, part) for path, last, part in data["topics"]},
            theme=None if data["theme"] is None else tuple(data["theme"]),
            period=data["period"],
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A topic that may be a theme, with the top-level items it would bring, in document order; never without one."""

    topic: Topic
    items: tuple[Item, ...]


Waiting: TypeAlias = tuple[Candidate, list[Item]]
"""A candidate with those of its items that the running round has still to bring."""


@dataclass(frozen=True, slots=True)
class Theme:
    """What an edition will be about, and why.

    *items* are the topic's top-level items, posted or not; *part* counts the topic's turns in the round whose first
    edition is number *round*. The ids in *reserved* are left to other topics, where anything else is to be had.
    """

    topic: Topic
    items: tuple[Item, ...]
    reason: Reason
    part: int
    round: int
    reserved: frozenset[str] = frozenset()


def pick(
    library: Library,
    history: History,
    period: str,
    *,
    topics: Sequence[str] = (),
    vote: Path | None = None,
    theme: Topic | None = None,
) -> Theme | None:
    """The theme of one edition (see `Rotation.pick`, which spares the set-up where there are many)."""
    return Rotation.of(library, topics).pick(history, period, vote=vote, theme=theme)


@dataclass(frozen=True, slots=True)
class Rotation:
    """A library under a topic filter. *roots* are the paths the filter names, or only ``()``: everything."""

    library: Library
    roots: tuple[Path, ...]
    candidates: tuple[Candidate, ...]

    @classmethod
    def of(cls, library: Library, topics: Sequence[str] = ()) -> Rotation:
        """The rotation of the chats that want *topics*, given by name; no names stand for all.

        Names that no topic answers to any more drop out; if all do, there are no candidates, and no edition.
        """
        roots = _outermost(_named(library, topics)) if topics else ((),)
        return cls(library, roots, tuple(_candidates(library, roots)))

    def holds(self, path: Path) -> bool:
        """Whether the topic at *path* is within the filter."""
        return any(_within(path, root) for root in self.roots)

    def pick(
        self, history: History, period: str, *, vote: Path | None = None, theme: Topic | None = None
    ) -> Theme | None:
        """The theme for *period*: what is asked for, planned or voted, else what has waited longest; None for nothing.

        Asked for is *theme*, whatever it holds. A plan or a *vote* counts where its topic is there, within the filter,
        and holds an item; these three may repeat a theme before its turn.
        """
        opened = [(one, _open(one, history)) for one in self.candidates]
        if not any(items for _, items in opened):  # all were posted: the next round begins
            history = replace(history, round=history.editions + 1)
            opened = [(one, list(one.items)) for one in self.candidates]
        if theme is not None:
            return _theme(self._whole(theme), "asked", history)
        if planned := self._planned(period):
            return _theme(planned, "plan", history)
        if vote is not None and (voted := self._offered(self.library.topic_at(vote))):
            return _theme(voted, "vote", history)
        return self._next(history, [(one, items) for one, items in opened if items])

    def _next(self, history: History, waiting: list[Waiting]) -> Theme | None:
        """The one of *waiting* whose turn it is: never-posted items first, then what was posted longest ago.

        The same topic follows itself only where it alone has anything left. To keep that rare, a topic comes out of
        turn as soon as more editions of it are left than of all others together, and alternates with them: otherwise a
        digest with one great topic would end every round with months of it.
        """
        if not waiting:
            return None
        eligible = [(one, items) for one, items in waiting if one.topic.path != history.theme] or waiting
        left = {one.topic.path: self._editions_of(items) for one, items in waiting}
        for one, _ in eligible:
            if len(eligible) > 1 and left[one.topic.path] > sum(left.values()) - left[one.topic.path]:
                return self._in_turn(one, "most-left", history, waiting)

        def turn(entry: Waiting) -> tuple[bool, int]:
            one, items = entry
            last = history.topics.get(one.topic.path)
            return all(history.last_brought(item.id) for item in items), last.last if last else 0

        one, items = min(eligible, key=turn)  # the first of equals: document order
        reason: Reason = "least-recent" if turn((one, items))[0] else "never-posted"
        return self._in_turn(one, reason, history, waiting)

    def _in_turn(self, one: Candidate, reason: Reason, history: History, waiting: list[Waiting]) -> Theme:
        """The theme, with what other topics need to appear at all left to them.

        That is one item of each topic that has had no turn in this round and holds nothing open but what stands here
        too. Of two topics with the same single item only one can appear in a round.
        """
        here = {item.id for item in self.library.items_under(one.topic.path)}
        reserved = set()
        for other, items in waiting:
            turn = history.topics.get(other.topic.path)
            had_turn = turn is not None and turn.last >= history.round
            if other is not one and not had_turn and all(item.id in here for item in items):
                reserved.add(items[0].id)
        return replace(_theme(one, reason, history), reserved=frozenset(reserved))

    def _editions_of(self, items: Sequence[Item]) -> int:
        return -(-len(items) // self.library.config.items_per_edition)

    def _planned(self, period: str) -> Candidate | None:
        """By exact period: the plan of a week is none for a chat with an edition a day, which would repeat it."""
        name = self.library.config.themes.plan.get(period)
        if name is None:
            return None
        try:
            return self._offered(self.library.find_topic(name))
        except (TopicNotFound, TopicAmbiguous):  # nobody is here to be told; `heji check` tells the curator
            return None

    def _offered(self, topic: Topic | None) -> Candidate | None:
        if topic is None or not self.holds(topic.path) or not self.library.items_under(topic.path):
            return None
        return self._whole(topic)

    def _whole(self, topic: Topic) -> Candidate:
        return Candidate(topic, _top_level(self.library.items_under(topic.path)))


def _theme(one: Candidate, reason: Reason, history: History) -> Theme:
    turn = history.topics.get(one.topic.path)
    continued = turn is not None and turn.last >= history.round and bool(_open(one, history))
    return Theme(one.topic, one.items, reason, turn.part + 1 if turn and continued else 1, history.round)


def _open(one: Candidate, history: History) -> list[Item]:
    """The items that the running round has still to bring."""
    return [item for item in one.items if history.last_brought(item.id) < history.round]


def _candidates(library: Library, roots: Sequence[Path]) -> Iterator[Candidate]:
    """The topics at `themes.depth`, in document order, each with all below it.

    Items that stand higher up would never be reached, so a topic above that depth is a candidate with the items
    directly under it. A filter that names a topic further in makes that one the candidate.
    """
    themes = library.config.themes
    skipped = _skipped(library)
    for topic in library.topics:
        root = next((root for root in roots if _within(topic.path, root)), None)
        if root is None or _is_called(topic.path, skipped):
            continue
        depth = max(themes.depth, len(root))
        if len(topic.path) <= depth:
            below = library.items_under if len(topic.path) == depth else library.items_in
            if items := _top_level(below(topic.path)):
                yield Candidate(topic, items)


def _top_level(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items that stand beneath none of those before them."""
    before: set[str] = set()
    found = []
    for item in items:
        if item.parent not in before:
            found.append(item)
        before.add(item.id)
    return tuple(found)


def _named(library: Library, names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        try:
            yield library.find_topic(name).path
        except TopicAmbiguous as error:
            yield from (topic.path for topic in error.candidates)
        except TopicNotFound:
            pass


def _outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """*paths* without those within another of them."""
    paths = tuple(dict.fromkeys(paths))
    return tuple(path for path in paths if not any(_within(path, other) for other in paths if other != path))


def _within(path: Path, root: Path) -> bool:
    return path[: len(root)] == root


def _skipped(library: Library) -> frozenset[str]:
    """The names in `themes.skip` and their aliases. No near names: a slip must not silence another topic."""
    words = {squeeze(word) for word in library.config.themes.skip}
    for key, values in library.config.aliases.items():
        group = {squeeze(word) for word in (key, *values)}
        if group & words:
            words |= group
    return frozenset(words - {""})


def _is_called(path: Path, names: frozenset[str]) -> bool:
    """Whether the topic at *path*, or one that it stands in, has one of *names*, alone or with titles before it."""
    return any(squeeze("/".join(path[i:j])) in names for j in range(1, len(path) + 1) for i in range(j))
