"""Find and read text files in a folder that somebody else fills. Opens nothing but regular files of a bearable size.

Whatever else lies there (a link out of the folder, a FIFO that would never answer, 60 MB, UTF-16) becomes a Problem
with the file's name; what vanishes while one looks was never there.
"""

# os.path says no where pathlib raises, and pathlib knows no descriptors:
# ruff: noqa: PTH112, PTH114, PTH116, PTH119, PTH123

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TypeAlias

from bot.digest.model import Problem

MAX_BYTES = 5 * 1024 * 1024
MAX_FOLDERS_DEEP = 32

Stamp: TypeAlias = tuple[int, int, int]
"""Modification time in nanoseconds, size and inode: a file whose stamp is the same is taken to be the same."""

# Absent on some systems, where opening follows links and never blocks.
_OPEN = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: where to open it, how to call it (printable, with slashes), its place and its stamp."""

    path: str
    name: str
    relative: str
    stamp: Stamp


def shown(path: str) -> str:
    r"""*path* as it may be printed: with slashes, and bytes that are no text as ``\xff``."""
    text = os.fsencode(PurePath(path).as_posix()).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == "\u3000" else c.encode("unicode_escape").decode() for c in text)


def at(path: str, folder: str | None = None) -> File | Problem | None:
    """The file at *path*, a Problem if it is not to be read, None if there is none.

    With *folder*, a link that leads out of it is refused; the file's place is relative to it.
    """
    name = shown(path)
    try:
        status = os.lstat(path)
        target = path
        if stat.S_ISLNK(status.st_mode):
            target = os.path.realpath(path)
            if folder is not None and not _inside(target, folder):
                return _refused(name, "link", "a link out of the folder: it is not followed")
            status = os.stat(target)
    except FileNotFoundError:
        return _refused(name, "link", "a link that leads nowhere") if os.path.islink(path) else None
    except (OSError, ValueError) as error:
        return _unreadable(name, error)
    if not stat.S_ISREG(status.st_mode):
        return _refused(name, "type", f"{_kind(status.st_mode)}, not a file: it is not read")
    relative = PurePath(os.path.relpath(path, folder)).as_posix() if folder is not None else os.path.basename(path)
    return File(target, name, relative, (status.st_mtime_ns, status.st_size, status.st_ino))


def below(folder: str, selects: Callable[[str], bool]) -> tuple[tuple[File, ...], tuple[Problem, ...]]:
    """The files beneath *folder* whose place (``2026/week-48.md``) *selects*, in order of place, and what was refused.

    Hidden files and folders are passed over, linked folders not entered: inside, they would be read twice.
    """
    files: dict[str, File] = {}
    linked: list[File] = []
    problems: list[Problem] = []
    for path, is_link in _walk(folder, problems):
        if is_link and os.path.isdir(path):
            if not _inside(os.path.realpath(path), folder):
                problems.append(_refused(shown(path), "link", "a link out of the folder: it is not followed"))
            continue
        if not selects(PurePath(os.path.relpath(path, folder)).as_posix()):
            continue
        match at(path, folder):
            case Problem() as problem:
                problems.append(problem)
            case File() as file if is_link:
                linked.append(file)
            case File() as file:
                files[os.path.realpath(path)] = file
    for file in linked:
        files.setdefault(file.path, file)
    in_order = sorted(files.values(), key=lambda file: file.relative.split("/"))
    return tuple(in_order), tuple(sorted(problems, key=lambda problem: problem.file))


def _walk(folder: str, problems: list[Problem]) -> Iterator[tuple[str, bool]]:
    """Path of everything beneath *folder* but folders, and whether it is a link."""
    rest = [(folder, 0)]
    seen = set[tuple[int, int]]()
    while rest:
        path, depth = rest.pop()
        try:
            status = os.stat(path)
            # A folder mounted beneath itself goes on for ever under new names.
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                found = [(e.path, e.is_symlink(), e.is_dir(follow_symlinks=False)) for e in entries if e.name[0] != "."]
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(_unreadable(shown(path), error))
            continue
        for below, is_link, is_folder in found:
            if not is_folder:
                yield below, is_link
            elif depth < MAX_FOLDERS_DEEP:
                rest.append((below, depth + 1))
            else:
                problems.append(_refused(shown(below), "depth", f"more than {MAX_FOLDERS_DEEP} folders deep"))


def matches(place: str, pattern: str) -> bool:
    """Whether *pattern* selects the file at *place* or a folder above it, as a line of `.gitignore` would.

    ``*`` and ``?`` stay within a name, ``**`` spans folders, a pattern without a slash holds at any depth.
    """
    parts = pattern.removeprefix("./").rstrip("/").split("/")
    if len(parts) == 1:
        parts = ["**", *parts]

    def reached(states: set[int]) -> set[int]:
        more = {state + 1 for state in states if state < len(parts) and parts[state] == "**"} - states
        return reached(states | more) if more else states

    states = reached({0})
    for name in place.split("/"):
        fits = {
            state
            for state in states
            if state < len(parts) and (parts[state] == "**" or fnmatchcase(name, parts[state]))
        }
        states = reached({state if parts[state] == "**" else state + 1 for state in fits})
        if len(parts) in states:
            return True
    return False


def read(file: File, limit: int = MAX_BYTES) -> bytes | Problem | None:
    """The bytes of *file*; None if it is gone. More than *limit* are not read at all."""
    if file.stamp[1] > limit:
        return _too_large(file, file.stamp[1], limit)
    try:
        descriptor = os.open(file.path, _OPEN)
        with open(descriptor, "rb", buffering=0) as opened:
            status = os.fstat(descriptor)
            # Between the look and the opening somebody may have put something else there.
            if not stat.S_ISREG(status.st_mode):
                return _refused(file.name, "type", f"{_kind(status.st_mode)}, not a file: it is not read")
            data = bytearray()
            while len(data) <= limit and (piece := opened.read(limit + 1 - len(data))):
                data += piece
    except FileNotFoundError:
        return None
    except OSError as error:
        return _unreadable(file.name, error)
    return bytes(data) if len(data) <= limit else _too_large(file, len(data), limit)


def read_text(file: File) -> str | Problem | None:
    """The text of *file* without a byte order mark; a Problem says at which byte it is no UTF-8."""
    data = read(file)
    if not isinstance(data, bytes):
        return data
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _looks_like_utf16(data):
        return _refused(file.name, "encoding", "UTF-16: save the file as UTF-8")
    if data.startswith(_LFS_POINTER):
        return _refused(file.name, "pointer", "a Git LFS pointer in place of the file: run `git lfs pull`")
    if (nul := data.find(b"\0")) >= 0:
        return _at_byte(file, data, nul, f"a NUL byte at byte {nul}: this is no text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        return _at_byte(file, data, wrong, f"not UTF-8 at byte {wrong} (0x{data[wrong]:02x}): save the file as UTF-8")


def _looks_like_utf16(data: bytes) -> bool:
    # Without its mark it shows by zeros in every other byte, which Latin letters, spaces and Markdown's signs leave.
    head = data[:2048]
    fewer, more = sorted((head[0::2].count(0), head[1::2].count(0)))
    return not fewer and more > max(1, len(head) // 40)


def _inside(target: str, folder: str) -> bool:
    root = os.path.realpath(folder)
    return target == root or target.startswith(root.rstrip(os.sep) + os.sep)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFDIR: "a folder",
        stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a device",
        stat.S_IFCHR: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _too_large(file: File, size: int, limit: int) -> Problem:
    shown_limit = f"{limit // 1024**2} MB" if limit >= 1024**2 else f"{limit // 1024} KiB"
    return _refused(file.name, "size", f"{max(size, limit + 1):,} bytes: files over {shown_limit} are refused")


def _unreadable(name: str, error: OSError | ValueError) -> Problem:
    return _refused(name, "unreadable", f"cannot be read: {getattr(error, 'strerror', None) or 'no such path'}")


def _at_byte(file: File, data: bytes, byte: int, message: str) -> Problem:
    return Problem(file.name, data.count(b"\n", 0, byte) + 1, "file-encoding", "error", message)


def _refused(name: str, code: str, message: str) -> Problem:
    return Problem(name, 1, f"file-{code}", "error", message)
