"""Find Chinese words by their sound: ``qianghuaxuexi``, ``qhxx`` and the slip 强化学西 all mean 强化学习.

pypinyin's dictionaries take 57 MB, so it is imported in a child process only, which reads everything aloud once and
is gone. What stays here is how the digest's own words sound, and one syllable for each of some 7,000 characters.

    Reading.start(runs) -> child: python -m bot.digest.pinyin -> Reading.take() -> Sounds

Without pypinyin, or when the child fails, all of this finds nothing, and says so in the log once.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bot.digest import tokens

_log = logging.getLogger(__name__)
_PATIENCE = 30.0
_MOST_HEARD = 200
# Words of the field with a character of several readings, of which pypinyin's dictionary takes the other.
_FIELD_TERMS = {
    "调参": "tiáo cān",
    "调优": "tiáo yōu",
    "微调": "wēi tiáo",
    "重排": "chóng pái",
    "重构": "chóng gòu",
    "重采样": "chóng cǎi yàng",
    "重识别": "chóng shí bié",
    "重参数": "chóng cān shù",
    "长文本": "cháng wén běn",
    "长尾": "cháng wěi",
    "似然": "sì rán",
}
# What a child needs to start; the bot's secrets stay in the parent.
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TMPDIR", "TEMP")


@dataclass(frozen=True, slots=True)
class PinyinKey:
    """How a title is typed: *full* (``qianghuaxuexi``) and by *initials* (``qhxx``); Latin words stand in both.

    Both are empty where there is no Chinese in it, or no pypinyin.
    """

    full: str
    initials: str


def keys(texts: Sequence[str], *, patience: float = _PATIENCE) -> tuple[PinyinKey, ...]:
    """The keys of *texts*, one for each, by one child process (about half a second) if there is any Chinese in them."""
    folded = [tokens.runs(tokens.fold(text)) for text in texts]
    chinese = list(dict.fromkeys(word for runs in folded for run in runs for word in tokens.chinese_runs(run)))
    if not chinese:
        return (PinyinKey("", ""),) * len(texts)
    sheet = Reading.start(chinese).take(patience)
    return tuple(_key(runs, sheet.read) if sheet else PinyinKey("", "") for runs in folded)


def _key(runs: list[str], read: Mapping[str, str]) -> PinyinKey:
    if not any(run in read for run in runs):
        return PinyinKey("", "")
    full = "".join(read[run].replace(" ", "") if run in read else tokens.whole(run) for run in runs)
    initials = "".join(_initials(read[run]) if run in read else tokens.whole(run) for run in runs)
    return PinyinKey(full, initials)


def _initials(syllables: str) -> str:
    return "".join(syllable[0] for syllable in syllables.split())


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the child wrote down: each run's syllables, separated by spaces, and the characters of each syllable."""

    read: Mapping[str, str]
    characters: Mapping[str, str]


class Reading:
    """A child process that reads Chinese aloud while its parent does something else.

    It reads from and writes to files without a name: it never waits for its parent, ends by itself, and can be left
    alone. When the Reading goes, a child that still runs is ended.
    """

    def __init__(self, runs: Sequence[str], process: subprocess.Popen[bytes] | None, output: IO[bytes] | None) -> None:
        self._runs = runs
        self._process = process
        self._output = output
        if process and output:
            self._end = weakref.finalize(self, _end, process, output)

    @classmethod
    def start(cls, runs: Sequence[str]) -> Reading:
        """Begin to read *runs*; returns at once and never raises."""
        # A frozen program is its own sys.executable: started again it would be the bot once more.
        if not sys.executable or getattr(sys, "frozen", False):
            _log.warning("pinyin unavailable reason=no-interpreter")
            return cls(runs, None, None)
        # The parent's path, spelled out: the child must find the same packages from any working directory.
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {"PYTHONPATH": path}
        try:
            with ExitStack() as opened:
                given = opened.enter_context(tempfile.TemporaryFile())
                output = opened.enter_context(tempfile.TemporaryFile())
                given.write(json.dumps(list(runs)).encode())
                given.seek(0)
                process = subprocess.Popen(  # noqa: S603 - our own module by our own interpreter, no shell
                    [sys.executable, "-P", "-m", __name__],
                    stdin=given,
                    stdout=output,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                )
                opened.pop_all()
                given.close()
        except OSError as error:
            _log.warning("pinyin unavailable reason=%s", type(error).__name__)
            return cls(runs, None, None)
        return cls(runs, process, output)

    def abandon(self) -> None:
        """End the child: nobody wants to know any more."""
        if self._process:
            self._end()

    def take(self, patience: float = _PATIENCE) -> Sheet | None:
        """What was read, waiting for it up to *patience* seconds; None, with a line in the log, if it failed."""
        if not self._process or not self._output:
            return None
        try:
            code = self._process.wait(patience)
            self._output.seek(0)
            written = json.load(self._output) if code == 0 else None
        except (subprocess.TimeoutExpired, ValueError, OSError) as error:
            _log.warning("pinyin unavailable reason=%s", type(error).__name__)
            return None
        finally:
            self._end()
        if not written:
            _log.warning("pinyin unavailable reason=exit-%d", code)
            return None
        return Sheet(dict(zip(self._runs, written["read"], strict=True)), written["characters"])


def _end(process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    output.close()


class Sounds:
    """The digest's Chinese words by their sound. Small: what stays of them is a table in SQLite's memory."""

    def __init__(self, sheet: Sheet) -> None:
        self._characters = sheet.characters
        self._beginnings = frozenset(
            syllable[:end] for syllable in sheet.characters for end in range(1, len(syllable) + 1)
        )
        self._lock = threading.Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("CREATE TABLE spoken (id INTEGER PRIMARY KEY, run TEXT, said TEXT)")
        self._db.execute(
            "CREATE VIRTUAL TABLE sounds USING fts5(syllables, initials, content='', columnsize=0, tokenize=ascii)"
        )
        # Only where each character has its syllable: the place in one is the place in the other.
        spoken = [(run, said) for run, said in sheet.read.items() if len(run) == said.count(" ") + 1]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO spoken VALUES (?, ?, ?)", ((n, *row) for n, row in enumerate(spoken)))
        self._db.executemany(
            "INSERT INTO sounds (rowid, syllables, initials) VALUES (?, ?, ?)",
            ((n, said, " ".join(_threes(_initials(said)))) for n, (_, said) in enumerate(spoken)),
        )
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._db.close()

    def spelled(self, letters: str) -> tuple[str, ...]:
        """Chinese words that *letters* spell in full, the commonest first; the last syllable may be unfinished."""
        for syllables, unfinished in self._cut(letters):
            if found := self._heard(syllables, unfinished):
                return found
        return ()

    def said(self, syllables: Sequence[str]) -> tuple[str, ...]:
        """Chinese words of just these *syllables*, the commonest first."""
        return self._heard(syllables, False)

    def abbreviated(self, letters: str) -> tuple[str, ...]:
        """Chinese words whose syllables begin with *letters*, the commonest first."""
        if not 2 <= len(letters) <= 8 or not letters.isascii() or not letters.isalpha():
            return ()
        wanted = " ".join(_threes(letters))
        found = []
        for run, said in self._rows(f'initials : "{wanted}"' + ("*" if len(letters) < 3 else "")):
            at = _initials(said).find(letters)
            if at >= 0:
                found.append(run[at : at + len(letters)])
        return _commonest(found)

    def meanings(self, run: str, doubtful: Sequence[int]) -> Iterator[str]:
        """*run* with characters replaced by others of the same sound; *doubtful* are the places of its unknown pairs.

        All of it is tried first, then four or three characters around a doubtful pair of which one may be wrong: with
        fewer, any two neighbouring words would be "put right" to some third.
        """
        said = [self._syllable(character) for character in run]
        for size in dict.fromkeys((len(run), 4, 3)):
            for at in range(len(run) - size + 1):
                window = [syllable for syllable in said[at : at + size] if syllable]
                if len(window) < size or not any(at <= place < at + size - 1 for place in doubtful):
                    continue
                for found in self._heard(window, False):
                    wrong = sum(a != b for a, b in zip(found, run[at : at + size], strict=True))
                    if wrong and (wrong == 1 or size == len(run)):
                        yield run[:at] + found + run[at + size :]

    def _syllable(self, character: str) -> str | None:
        return next((syllable for syllable, those in self._characters.items() if character in those), None)

    def _cut(self, letters: str) -> Iterator[tuple[list[str], bool]]:
        """Ways to cut *letters* into two syllables or more, the fewest first; then those with an unfinished last."""
        ways: list[list[tuple[str, ...]]] = [[()], *([] for _ in letters)]
        for end in range(1, len(letters) + 1):
            for start in range(max(0, end - 6), end):
                if ways[start] and letters[start:end] in self._characters:
                    ways[end] += [(*way, letters[start:end]) for way in ways[start]]
            ways[end] = sorted(ways[end], key=len)[:4]
        for way in ways[-1]:
            if len(way) > 1:
                yield list(way), False
        for start in range(max(0, len(letters) - 5), len(letters)):
            if ways[start] and len(ways[start][0]) and letters[start:] in self._beginnings:
                yield [*ways[start][0], letters[start:]], True

    def _heard(self, syllables: Sequence[str], unfinished: bool) -> tuple[str, ...]:
        """The words at which some run sounds like *syllables*, the commonest first."""
        sound = " ".join(syllables)
        wanted = f" {sound}" if unfinished else f" {sound} "
        found = []
        for run, said in self._rows(f'syllables : "{sound}"' + ("*" if unfinished else "")):
            at = f" {said} ".find(wanted)
            if at >= 0:
                before = f" {said} ".count(" ", 0, at)
                found.append(run[before : before + len(syllables)])
        return _commonest(found)

    def _rows(self, expression: str) -> list[Any]:
        with self._lock:
            return self._db.execute(
                "SELECT run, said FROM sounds JOIN spoken ON id = sounds.rowid WHERE sounds MATCH ? LIMIT ?",
                (expression, _MOST_HEARD),
            ).fetchall()


def _commonest(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word, _ in Counter(words).most_common(3))


def _threes(initials: str) -> list[str]:
    """Neighbouring triples: a phrase of them finds an abbreviation anywhere in a word, and few words share one."""
    return [initials[n : n + 3] for n in range(len(initials) - 2)] or [initials]


def _read_aloud(runs: list[str]) -> dict[str, Any]:
    """The child's work. Everything that imports pypinyin happens here."""
    from pypinyin import lazy_pinyin, load_phrases_dict

    load_phrases_dict({word: [[syllable] for syllable in said.split()] for word, said in _FIELD_TERMS.items()})
    # GB 2312 is what people type; a wrong character of the same sound need not stand in the digest.
    rows = bytes(byte for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF) for byte in (row, cell))
    common = rows.decode("gb2312", "ignore")
    characters: dict[str, str] = {}
    for character in dict.fromkeys(common + "".join(runs)):
        syllable = lazy_pinyin(character)[0]
        if syllable.isascii():
            characters[syllable] = characters.get(syllable, "") + character
    return {"read": [" ".join(lazy_pinyin(run, errors=_each)) for run in runs], "characters": characters}


def _each(unreadable: str) -> Any:
    # One entry for each character, where pypinyin would put all that it cannot read into one.
    return list(unreadable)


if __name__ == "__main__":
    json.dump(_read_aloud(json.load(sys.stdin)), sys.stdout)
