"""One state of affairs, indexed for the pages: which topic, item or edition is where, and what was posted."""

from __future__ import annotations

from collections import defaultdict

from bot.digest.model import Item, Path, Topic
from bot.web.addresses import names
from bot.web.picture import Picture, drawn
from bot.web.room import Issue, State

WIDE = (1000, 400)
NARROW = (340, 460)
"""The picture's sizes: beside each other on a desk, one above the other on a telephone."""


class Shelf:
    """The library and the editions of *state*. Immutable."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.library = state.library
        self.issues = _each_once(state.issues)
        self._places = names(topic.path for topic in self.library.topics)
        self._topics = {place: path for path, place in self._places.items()}
        self._issues = {issue_place(issue): issue for issue in state.issues}
        self._of: defaultdict[str, list[Issue]] = defaultdict(list)
        self._gone: dict[str, Item] = {}
        for issue in self.issues:
            for item in issue.edition.items:
                self._gone.setdefault(item.id, item)
            for item_id in issue.edition.posts:
                self._of[item_id].append(issue)
        self.posted = frozenset(self._of)
        self.picture_wide = self._drawn(WIDE)
        self.picture_narrow = self._drawn(NARROW)

    def _drawn(self, size: tuple[int, int]) -> Picture:
        return drawn(self.library, self.posted, *size)

    # Where things are ---------------------------------------------------------------------------------------------

    def place(self, path: Path) -> str:
        """Where a topic is; the front page where there is none."""
        return self._places.get(path, "")

    def topic_at(self, place: str) -> Topic | None:
        """The topic that is there."""
        path = self._topics.get(place)
        return None if path is None else self.library.topic_at(path)

    def issue_at(self, place: str) -> Issue | None:
        """The edition that is there."""
        return self._issues.get(place)

    def issue_of(self, key: str) -> Issue | None:
        """The first edition of a period, whichever rotation's."""
        return next((issue for issue in reversed(self.issues) if issue.key == key), None)

    def item(self, item_id: str) -> Item | None:
        """The item as the digest has it; where it was removed, as it was posted."""
        return self.library.item(item_id) or self._gone.get(item_id)

    # What became of them ------------------------------------------------------------------------------------------

    def issues_of(self, item_id: str) -> tuple[Issue, ...]:
        """The editions that brought an item, the latest first."""
        return tuple(self._of.get(item_id, ()))

    def issues_about(self, path: Path) -> tuple[Issue, ...]:
        """The editions whose theme a topic was."""
        return tuple(issue for issue in self.issues if issue.edition.theme.path == path)

    def beside(self, issue: Issue) -> tuple[Issue | None, Issue | None]:
        """The editions of the same rotation before and after one."""
        same = [one for one in self.issues if one.rotation == issue.rotation]
        at = next((n for n, one in enumerate(same) if one.key == issue.key), None)
        if at is None:
            return None, None
        return (same[at + 1] if at + 1 < len(same) else None), (same[at - 1] if at else None)

    @property
    def current(self) -> Issue | None:
        """This period's edition, if it was posted."""
        now = self.state.current
        return next((issue for issue in self.issues if now and _brings(issue) == (now.period, now.posts)), None)


def issue_place(issue: Issue) -> str:
    """Where an edition is, for good."""
    return f"editions/{issue.rotation}/{issue.key}"


def _each_once(issues: tuple[Issue, ...]) -> tuple[Issue, ...]:
    """*issues* without those that bring just what another rotation's of the same period brought before them."""
    first: dict[object, Issue] = {}
    for issue in reversed(issues):
        first.setdefault((*_brings(issue), issue.edition.theme.path), issue)
    return tuple(reversed(first.values()))


def _brings(issue: Issue) -> tuple[str, tuple[str, ...]]:
    return issue.edition.period, issue.edition.posts
