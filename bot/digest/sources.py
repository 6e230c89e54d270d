"""From folders and files to a Library, and a fresh one when they change; the last good snapshot stays live.

    paths --list--> files with stamps --read--> texts --parse--> Digests --build--> Library
                                      (both only where a stamp or the digest.yaml is new)

`load` does it once. `Content` keeps doing it for a running bot and refuses a Library that lost too much: a half-saved
file, a pointer in place of a text or an unmounted disk must not empty the chats.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Protocol

from msgspec import structs

from bot.digest import files
from bot.digest.changes import Changes, changes
from bot.digest.config import DEFAULTS, MAX_BYTES, DigestConfig, parse_config
from bot.digest.files import File
from bot.digest.library import Library
from bot.digest.model import Digest, Problem
from bot.errors import ConfigurationError

CONFIG_FILE = "digest.yaml"

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://|git@", re.IGNORECASE)
_PASSWORD = re.compile(r"/+[^/@\s]+@")
# A repository's own papers. They are the digest only where nothing else is, the README before all others.
_README = re.compile(r"readme([._-].*)?\.(md|markdown)", re.IGNORECASE)
_PAPERS = re.compile(r"(readme|changelog|contributing|licen[cs]e|security)([._-].*)?\.(md|markdown)", re.IGNORECASE)


class Parse(Protocol):
    """`bot.digest.parsing.parser.parse`, or a test's."""

    def __call__(self, text: str, *, file: str, config: DigestConfig) -> Digest: ...


def load(paths: Sequence[str | os.PathLike[str]], *, parse: Parse | None = None, name: str = "CONTENT") -> Library:
    """Everything that the folders and files of *paths* hold now; what cannot be read is in `Library.problems`.

    A folder, or the folder of a file, may have a `digest.yaml`; it decides which files of that folder count and which
    words label parts in them. Of several the first governs the Library, with the aliases of all. An item's file is the
    path as given, joined with its place below. A path that does not exist raises ConfigurationError, which names the
    setting or argument *name*; mistakes in a `digest.yaml` do not (see `mistakes`).
    """
    return _Loader(parse or _parse).load(_list(paths, name))


def mistakes(library: Library) -> tuple[str, ...]:
    """A sentence for each mistake in a `digest.yaml`: what a verb that wants to go on must not pass over."""
    found = (problem for problem in library.problems if problem.code.startswith("config-"))
    return tuple(f"{problem.file}, line {problem.line}: {problem.message}" for problem in found)


@dataclass(frozen=True, slots=True)
class Reload:
    """What looking again brought.

    *replaced* is whether there is a new Library, with its *changes*. If there is none although files changed, the
    *problems* say why the last one was kept; else they are the errors that the new one has and the old had not.
    """

    replaced: bool
    changes: Changes = field(default_factory=Changes)
    problems: tuple[Problem, ...] = ()


class Content:
    """The live Library of a running bot. Whoever ticks calls `refresh`; a curator's word calls `reload`.

    Thread-safe: a Library is swapped whole. Not itself a thread.
    """

    def __init__(
        self, paths: Sequence[str | os.PathLike[str]], *, parse: Parse | None = None, name: str = "CONTENT"
    ) -> None:
        self._paths = paths
        self._name = name
        self._loader = _Loader(parse or _parse)
        self._lock = Lock()
        self._listing = _list(paths, name)
        self.library = self._loader.load(self._listing)
        self.problems: tuple[Problem, ...] = ()
        """Why the files as they are now are not what is live; empty where they are."""

    def refresh(self) -> Reload | None:
        """Reload if a file changed; None, after no more than a look at each, if not."""
        with self._lock:
            try:
                listing = _list(self._paths, self._name)
            except ConfigurationError as error:
                return None if self.problems == self._gone(error) else self._keep(self._gone(error))
            if listing == self._listing:
                return None
            return self._replace(listing, force=False)

    def reload(self, force: bool = False) -> Reload:
        """Look again, reading only what changed. *force* takes what is there even if much was lost."""
        with self._lock:
            try:
                listing = _list(self._paths, self._name)
            except ConfigurationError as error:
                # Nothing at all is no digest that somebody could mean.
                return self._keep(self._gone(error))
            return self._replace(listing, force)

    def _replace(self, listing: tuple[_Place, ...], force: bool) -> Reload:
        old, new = self.library, self._loader.load(listing)
        # Also when it is refused: the same files are not told again at the next tick.
        self._listing = listing
        if not force and (losses := tuple(_losses(old, new))):
            return self._keep(losses)
        self.problems = ()
        self.library = new
        known = set(old.problems)
        errors = tuple(p for p in new.problems if p.severity == "error" and p not in known)
        return Reload(replaced=True, changes=changes(old, new), problems=errors)

    def _keep(self, problems: tuple[Problem, ...]) -> Reload:
        self.problems = problems
        return Reload(replaced=False, problems=problems)

    def _gone(self, error: ConfigurationError) -> tuple[Problem, ...]:
        # The stamps seen are worth nothing now: when the folder is back, its files are looked at as new.
        self._listing = ()
        return tuple(Problem(self._name, 1, "kept-missing", "error", sentence) for sentence in error.mistakes)


def _losses(old: Library, new: Library) -> Iterable[Problem]:
    """What speaks against putting *new* in the place of *old*."""
    known = set(old.problems)
    yield from (p for p in new.problems if p.code.startswith("config-") and p not in known)

    refused = {problem.file: problem for problem in new.problems if problem.code.startswith("file-")}
    now = {digest.file: digest for digest in new.digests}
    for before in old.digests:
        after = now.get(before.file)
        ids = {item.id for item in before.items}
        if not before.items and not before.notes:
            continue
        if after is None and before.file in refused:
            yield refused[before.file]
        elif after is None and os.path.lexists(before.file):
            continue  # It is there: digest.yaml or a new neighbour says that it does not count any more.
        elif sum(new.item(item_id) is not None for item_id in ids) * 2 >= len(ids) > 0:
            continue  # Most of it stands here or elsewhere: a file was renamed or cut in two.
        elif after is None:
            yield _kept(before, "vanished", f"gone, and {len(before.items)} items with it")
        elif not after.items and not after.notes:
            why = next((problem.message for problem in after.problems if problem.severity == "error"), "")
            yield _kept(before, "emptied", f"emptied ({why})" if why else "emptied")
        elif len(after.items) * 2 < len(before.items):
            yield _kept(before, "shrunk", f"shrank from {len(before.items)} items to {len(after.items)}")


def _kept(digest: Digest, code: str, what: str) -> Problem:
    message = f"{what}: the last good version stays live until the file is back or a curator says /reload force"
    return Problem(digest.file, 1, f"kept-{code}", "error", message)


# Listing: what is there --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """One path as given, with what is there now. Two listings are equal if no byte changed, as far as stamps tell."""

    config: DigestConfig
    files: tuple[File, ...]
    problems: tuple[Problem, ...]


def _list(paths: Sequence[str | os.PathLike[str]], name: str) -> tuple[_Place, ...]:
    places: list[_Place] = []
    missing = []
    for given in [os.fspath(path) for path in paths]:
        if _ADDRESS.match(given):
            told = _PASSWORD.sub("//***@", files.shown(given))
            missing.append(f"{name} is {told}: only folders and files can be read, not addresses")
        elif "\0" in given or not os.path.lexists(given):
            missing.append(f"{name} is {files.shown(given)}, which does not exist: name a folder or a Markdown file")
        else:
            places.append(_list_folder(given) if pathlib.Path(given).is_dir() else _list_file(given))
    if not paths:
        missing.append(f"{name} is empty: name a folder or a Markdown file")
    if missing:
        raise ConfigurationError([*missing, *mistakes(Library.build((), problems=_all_problems(places)))])
    return tuple(places)


def _list_folder(given: str) -> _Place:
    config, problems = _config_in(given)
    found, refused = files.below(str(pathlib.Path(given)), partial(_is_candidate, config))
    chosen = found if config.include else _without_papers(found)
    return _Place(config, chosen, (*problems, *refused))


def _list_file(given: str) -> _Place:
    config, problems = _config_in(str(pathlib.Path(given).parent))
    match files.at(given):
        case File() as file:
            return _Place(config, (file,), problems)
        case Problem() as problem:
            return _Place(config, (), (*problems, problem))
        case _:
            return _Place(config, (), problems)


def _is_candidate(config: DigestConfig, place: str) -> bool:
    if any(files.matches(place, pattern) for pattern in config.exclude):
        return False
    if config.include:
        return any(files.matches(place, pattern) for pattern in config.include)
    return place.lower().endswith((".md", ".markdown"))


def _without_papers(found: tuple[File, ...]) -> tuple[File, ...]:
    def named(pattern: re.Pattern[str], file: File) -> bool:
        return pattern.fullmatch(file.relative.rsplit("/", 1)[-1]) is not None

    proper = tuple(file for file in found if not named(_PAPERS, file))
    return proper or tuple(file for file in found if named(_README, file)) or found


def _config_in(folder: str) -> tuple[DigestConfig, tuple[Problem, ...]]:
    path = str(pathlib.Path(folder, CONFIG_FILE))
    match files.at(path, folder):
        case File() as file:
            data = files.read(file, MAX_BYTES)
        case problem:
            data = problem
    match data:
        case None:
            return DEFAULTS, ()
        case Problem():
            return DEFAULTS, (structs.replace(data, code=data.code.replace("file-", "config-")),)
        case _:
            return parse_config(data, file=files.shown(path))


# Loading: what it says ---------------------------------------------------------------------------------------------


class _Loader:
    """Turns listings into Libraries and remembers each file's Digest by its stamp."""

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._known: dict[str, tuple[File, DigestConfig, Digest | Problem | None]] = {}

    def load(self, listing: Sequence[_Place]) -> Library:
        before, self._known = self._known, {}
        problems = list(_all_problems(listing))
        digests = []
        for place in listing:
            for file in place.files:
                # Two paths may lead to one file; it counts where it is met first.
                if (path := os.path.realpath(file.path)) in self._known:
                    continue
                self._known[path] = self._read(file, place.config, before.get(path))
                match self._known[path][2]:
                    case Digest() as digest:
                        digests.append(digest)
                    case Problem() as problem:
                        problems.append(problem)
        return Library.build(digests, _governing([place.config for place in listing]), problems)

    def _read(
        self, file: File, config: DigestConfig, known: tuple[File, DigestConfig, Digest | Problem | None] | None
    ) -> tuple[File, DigestConfig, Digest | Problem | None]:
        if known and known[:2] == (file, config):
            return known
        text = files.read_text(file)
        return file, config, self._parse(text, file=file.name, config=config) if isinstance(text, str) else text


def _all_problems(places: Iterable[_Place]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(problem for place in places for problem in place.problems))


def _governing(configs: Sequence[DigestConfig]) -> DigestConfig:
    """The first configuration, with the aliases of all."""
    aliases: dict[str, tuple[str, ...]] = {}
    for config in configs:
        for key, words in config.aliases.items():
            aliases[key] = tuple(dict.fromkeys((*aliases.get(key, ()), *words)))
    return replace(configs[0], aliases=aliases)


def _parse(text: str, *, file: str, config: DigestConfig) -> Digest:
    from bot.digest.parsing.parser import parse

    return parse(text, file=file, config=config)
