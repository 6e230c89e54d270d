"""Read `digest.yaml`, what a curator may say about a digest, and name every mistake in it with its line.

YAML guesses types (``22:30`` is 1350, ``no`` is False, ``2026-12-25`` a date), so nothing here is *constructed*: the
text is composed into nodes, every scalar is taken as the characters that stand there, and each key validates its own.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import yaml

from bot.digest.model import Problem

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
"""Levels of nesting; the deepest that means anything is `themes: {plan: {week: topic}}`, three."""

_T = TypeVar("_T")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Themes:
    """Which topics may be a week's theme.

    *depth* 1 takes the outermost headings; *plan* fixes the theme of a period (``2026-W50``, ``2026-12-07``,
    ``2026-12``) by a topic's name; topics called as in *skip* are never one.
    """

    depth: int = 1
    plan: Mapping[str, str] = field(default_factory=dict)
    skip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DigestConfig:
    """What `digest.yaml` says; None and empty where it says nothing, so that whoever reads it knows the difference.

    *schedule* is text in the grammar of `bot.editions.schedule`, which alone can judge it. *aliases* map a topic's
    name to other words for it, *labels* add to the built-in names of an item's parts (keys ``abstract``,
    ``recommendation``, ``other``).

    *file* is the `digest.yaml`, *lines* where its keys stand in it (``aliases.gnn``, ``themes.skip``,
    ``plan.2026-W50``): for whoever finds a mistake later. Neither makes a configuration another one.
    """

    title: str | None = None
    language: str | None = None
    timezone: str | None = None
    schedule: str | None = None
    items_per_edition: int = 5
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    holidays: tuple[dt.date, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    themes: Themes = Themes()
    file: str | None = field(default=None, compare=False)
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)


DEFAULTS = DigestConfig()
"""What holds where nobody wrote a `digest.yaml`."""


def parse_config(data: bytes, *, file: str) -> tuple[DigestConfig, tuple[Problem, ...]]:
    """The configuration and all that is wrong with it, at once and with lines; never raises.

    A key with a mistake keeps its default, the others count. A file that is no YAML at all yields the defaults.
    """
    reader = _Reader(file)
    root = reader.compose(data)
    config = _config(reader, root) if root is not None else DEFAULTS
    return config, tuple(sorted(reader.problems, key=lambda problem: problem.line))


def _config(reader: _Reader, root: yaml.Node) -> DigestConfig:
    readers: dict[str, Callable[[yaml.Node, str], Any]] = {
        "title": reader.text,
        "language": reader.language,
        "timezone": reader.timezone,
        "schedule": reader.text,
        "items_per_edition": lambda node, name: reader.number(node, name, 1, 50),
        "include": reader.globs,
        "exclude": reader.globs,
        "holidays": lambda node, name: reader.sequence(node, name, reader.date),
        "aliases": lambda node, name: reader.mapping(node, name, reader.texts),
        "labels": reader.labels,
        "themes": reader.themes,
    }
    return DigestConfig(**reader.section(root, "digest.yaml", readers), file=reader.file, lines=reader.lines)


class _Reader:
    """Turns nodes into values; what it cannot turn it notes in *problems* and gives back as None."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}

    def wrong(self, line: int, code: str, message: str) -> None:
        self.problems.append(Problem(self.file, line, f"config-{code}", "error", message))

    # Text to nodes ------------------------------------------------------------------------------------------------

    def compose(self, data: bytes) -> yaml.Node | None:
        """The root node, or None where the file is empty or not to be read (then with a problem)."""
        if len(data) > MAX_BYTES:
            self.wrong(1, "size", f"larger than {MAX_BYTES // 1024} KiB: a digest.yaml this long is refused")
            return None
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.wrong(line, "encoding", f"not UTF-8 at byte {error.start}: save the file as UTF-8")
            return None
        try:
            # The events first: they come one by one, so a bomb is refused before anything of its size is built.
            if self._refused(text):
                return None
            root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            self.wrong(*_yaml_mistake(error, text))
            return None
        return None if root is None or _is_null(root) else root

    def _refused(self, text: str) -> bool:
        depth = documents = 0
        for event in yaml.parse(text, Loader=_Loader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                self.wrong(line, "alias", "anchors (&name) and aliases (*name) are refused: write the value out")
                return True
            if (tag := getattr(event, "tag", None)) not in (None, "!"):
                self.wrong(line, "tag", f"the tag {_short(str(tag))} is refused: write the value without it")
                return True
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                self.wrong(line, "yaml", "a second document (after ---) is refused: keep one")
                return True
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                self.wrong(line, "depth", f"nested deeper than {MAX_DEPTH} levels")
                return True
        return False

    # Nodes to shapes ----------------------------------------------------------------------------------------------

    def pairs(self, node: yaml.Node, name: str) -> Iterator[tuple[str, int, yaml.Node]]:
        """Key, its line and value of each entry whose key is a word and comes for the first time."""
        if not isinstance(node, yaml.MappingNode):
            self._type(node, name, "a mapping (key: value)")
            return
        seen = set[str]()
        for key_node, value in node.value:
            key = self.text(key_node, f"a key of {name}")
            if key is None:
                continue
            if key in seen:
                self.wrong(_line(key_node), "duplicate", f"{key} stands twice in {name}: keep one")
                continue
            seen.add(key)
            self.lines[f"{name}.{key}"] = _line(key_node)
            yield key, _line(key_node), value

    def section(
        self, node: yaml.Node, name: str, readers: Mapping[str, Callable[[yaml.Node, str], Any]]
    ) -> dict[str, Any]:
        """A mapping whose keys are all known beforehand; what is absent, null or wrong is left out."""
        values = {}
        for key, line, value in self.pairs(node, name):
            if key not in readers:
                near = _nearest(key, readers, 70)
                hint = f"did you mean {near}?" if near else f"known are {', '.join(readers)}"
                self.wrong(line, "unknown-key", f"unknown key {key} in {name}: {hint}")
            elif not _is_null(value) and (read := readers[key](value, key)) is not None:
                values[key] = read
        return values

    def mapping(self, node: yaml.Node, name: str, read: Callable[[yaml.Node, str], _T | None]) -> Mapping[str, _T]:
        """A mapping whose keys are the curator's own words."""
        return {
            key: got for key, _, value in self.pairs(node, name) if (got := read(value, f"{name}.{key}")) is not None
        }

    def sequence(
        self, node: yaml.Node, name: str, read: Callable[[yaml.Node, str], _T | None]
    ) -> tuple[_T, ...] | None:
        if not isinstance(node, yaml.SequenceNode):
            self._type(node, name, "a list ([one, two] or lines with -)")
            return None
        return tuple(got for value in node.value if (got := read(value, f"an entry of {name}")) is not None)

    def text(self, node: yaml.Node, name: str) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._type(node, name, "text")
            return None
        text = str(node.value).strip()
        if not text:
            self.wrong(_line(node), "value", f"{name} is empty: say something or leave it out")
        elif _UNSHOWABLE.search(text):
            self.wrong(_line(node), "value", f"{name} holds a line break or a control character: {_short(text)}")
        else:
            return text
        return None

    def texts(self, node: yaml.Node, name: str) -> tuple[str, ...] | None:
        return self.sequence(node, name, self.text)

    # Shapes to values ---------------------------------------------------------------------------------------------

    def number(self, node: yaml.Node, name: str, low: int, high: int) -> int | None:
        text = self.text(node, name)
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            self.wrong(_line(node), "value", f"{name} is {_short(text)}: a whole number from {low} to {high} is needed")
            return None
        return int(text)

    def language(self, node: yaml.Node, name: str) -> str | None:
        text = self.text(node, name)
        if text is not None and not _LANGUAGE.fullmatch(text):
            self.wrong(_line(node), "value", f"{name} is {_short(text)}: a code such as zh or en is needed")
            return None
        return text

    def timezone(self, node: yaml.Node, name: str) -> str | None:
        text = self.text(node, name)
        if text is None or _is_zone(text):
            return text
        near = _nearest(text, sorted(available_timezones()), 75)
        hint = f"did you mean {near}?" if near else "write an IANA name such as Asia/Shanghai"
        self.wrong(_line(node), "zone", f"unknown zone {_short(text)} in {name}: {hint}")
        return None

    def globs(self, node: yaml.Node, name: str) -> tuple[str, ...] | None:
        return self.sequence(node, name, self._glob)

    def _glob(self, node: yaml.Node, name: str) -> str | None:
        text = self.text(node, name)
        if text is not None and (text.startswith("/") or ".." in text.split("/") or "\0" in text):
            self.wrong(_line(node), "value", f"{name} is {_short(text)}: patterns stay below the folder")
            return None
        return text

    def date(self, node: yaml.Node, name: str) -> dt.date | None:
        text = self.text(node, name)
        if text is None:
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
                raise ValueError
            return dt.date.fromisoformat(text)
        except ValueError:
            self.wrong(_line(node), "value", f"{name} is {_short(text)}: a day such as 2026-12-25 is needed")
            return None

    def labels(self, node: yaml.Node, name: str) -> Mapping[str, tuple[str, ...]]:
        read = self.section(node, name, dict.fromkeys(("abstract", "recommendation", "other"), self.texts))
        # `摘要：` is how the label stands in the digest; the parser knows labels without their colon.
        cut = {kind: tuple(label.rstrip(":： ") for label in labels) for kind, labels in read.items()}
        return {kind: tuple(filter(None, labels)) for kind, labels in cut.items()}

    def themes(self, node: yaml.Node, name: str) -> Themes:
        readers: dict[str, Callable[[yaml.Node, str], Any]] = {
            "depth": lambda value, key: self.number(value, key, 1, 6),
            "plan": self._plan,
            "skip": self.texts,
        }
        return Themes(**self.section(node, name, readers))

    def _plan(self, node: yaml.Node, name: str) -> Mapping[str, str]:
        plan = {}
        for period, line, value in self.pairs(node, name):
            if not _is_period(period):
                message = f"{_short(period)} in {name} is no period: write 2026-W50, 2026-12-07 or 2026-12"
                self.wrong(line, "value", message)
            elif (topic := self.text(value, f"{name}.{period}")) is not None:
                plan[period] = topic
        return plan

    def _type(self, node: yaml.Node, name: str, wanted: str) -> None:
        found = (
            "a mapping"
            if isinstance(node, yaml.MappingNode)
            else "a list"
            if isinstance(node, yaml.SequenceNode)
            else "text"
        )
        self.wrong(_line(node), "type", f"{name} is {found}: {wanted} is needed")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _nearest(word: str, known: Iterable[str], score: float) -> str | None:
    """Which of *known* may have been meant by *word*: the likest, if it is like enough (0 to 100)."""
    from rapidfuzz import process

    found = process.extractOne(word, list(known), score_cutoff=score)
    return str(found[0]) if found else None


def _is_null(node: yaml.Node) -> bool:
    # Only a bare `key:` or a null written plainly; "null" in quotes is somebody's title.
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; not a name at all; a folder of zones such as `Asia`
        return False
    return True


def _is_period(text: str) -> bool:
    try:
        if week := _WEEK.fullmatch(text):
            dt.date.fromisocalendar(int(week[1]), int(week[2]), 1)
            return True
        return bool(_MONTH.fullmatch(text)) or (len(text) == 10 and bool(dt.date.fromisoformat(text)))
    except ValueError:
        return False


def _short(text: str) -> str:
    shown = _UNSHOWABLE.sub("�", text[:60])
    return shown if len(text) <= 60 else shown[:59] + "…"


def _yaml_mistake(error: yaml.YAMLError, text: str) -> tuple[int, str, str]:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        return mark.line + 1, "yaml", f"no YAML here: {error.problem or error.context}"
    position = getattr(error, "position", None)
    line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
    return line, "yaml", f"no YAML here: {getattr(error, 'reason', None) or 'it holds characters that YAML refuses'}"
