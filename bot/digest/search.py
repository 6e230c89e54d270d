"""Full-text search over a library's items: Chinese and English, with typos and pinyin forgiven.

    query -> Reader: words of the index -> FTS5, strict first, then ever more lenient -> titles looked at -> hits

The index is an FTS5 table without content in SQLite's memory. It holds our own tokens (see `tokens`); what a reader
types is never FTS5 syntax. Built once for a library; safe to ask from many threads.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from bot.digest import tokens
from bot.digest.model import Item, Path
from bot.digest.pinyin import Reading, Sounds
from bot.digest.query import Group, Reader, Understood, Words

_log = logging.getLogger(__name__)

# A word in the title says most about an item, its topic and tags next, then what its links are called.
_WEIGHTS = "10.0, 4.0, 3.0, 1.0, 0.5"
_LONGEST_TEXT = 20_000
# bm25 costs 2 µs a row: beyond this many rows of a common word, titles alone are asked, the shortest of them first.
_MANY = 400
_LOOKED_AT = 20
_MOST_REPEATED = 4096
# pypinyin reads some 70,000 characters a second.
_MOST_SPOKEN = 300_000
# With fewer hits than this the reader is better served by items that hold only some of the words.
_ENOUGH = 3
_MOST_COMBINED = 6
_MOST_PARTS = 6
_TELLING = 25
_FEW = 200
_MOST_HITS = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that answers a query. *score* only compares hits of one answer.

    *corrected* is the query as it was understood, if a slip was repaired or pinyin was read; None otherwise.
    """

    item: Item
    score: float
    corrected: str | None = None


class _Database:
    """One SQLite connection that many threads may ask. Not part of `Search`: a circle would keep a dropped one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        # Nothing here is ever rolled back; a journal in memory would hold every page twice while building.
        self._connection.execute("PRAGMA journal_mode = OFF")
        # One transaction for good: FTS5 looks at its structure again in each, which a small query would feel.
        self._connection.execute("BEGIN")

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def insert(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._lock:
            self._connection.executemany(statement, rows)

    def close(self) -> None:
        with self._lock:
            self._connection.close()


class Search:
    """The index over one library's items. Immutable once built; `close` gives its memory back early."""

    def __init__(self, places: Sequence[Sequence[Item]], database: _Database, reading: Reading) -> None:
        self._places = places
        self._database = database
        self._ask = database.ask
        self._words = Words(database.ask)
        self._reading: Reading | None = reading
        self._reading_lock = threading.Lock()
        self._sounds: Sounds | None = None

    @classmethod
    def build(cls, library_items: Iterable[Item]) -> Search:
        """Index *library_items*: one row for each id; an item that stands in several topics is found by all of them."""
        started = perf_counter()
        by_id: dict[str, list[Item]] = {}
        for item in library_items:
            by_id.setdefault(item.id, []).append(item)
        # The row number is the order in which FTS5 yields matches. Where a common word has too many of them, those
        # seen first should be those with the shortest titles: the word is a larger part of what they are about.
        places = sorted(by_id.values(), key=lambda same: len(same[0].title))
        reading = Reading.start(_chinese(places))
        database = _Database()
        database.ask(
            "CREATE VIRTUAL TABLE items USING fts5"
            "(title, topics, labels, text, host, content='', tokenize=\"ascii tokenchars '+#'\")"
        )
        # Topics, labels and hosts are those of many items each.
        repeated = lru_cache(_MOST_REPEATED)(_indexed)
        database.insert(
            "INSERT INTO items (rowid, title, topics, labels, text, host) VALUES (?, ?, ?, ?, ?, ?)",
            ((row, *_columns(same, repeated)) for row, same in enumerate(places)),
        )
        database.ask("INSERT INTO items (items) VALUES ('optimize')")
        search = cls(places, database, reading)
        _log.debug("search built items=%d seconds=%.2f", len(places), perf_counter() - started)
        return search

    def close(self) -> None:
        """Give the memory back and end the child process if it still runs. The search cannot be asked afterwards."""
        with self._reading_lock:
            if self._reading:
                self._reading.abandon()
                self._reading = None
            if self._sounds:
                self._sounds.close()
        self._database.close()

    def find(self, query: str, *, limit: int = 10, topic: Path | None = None, by_sound: bool = True) -> tuple[Hit, ...]:
        """The items that answer *query* best, at most *limit* (and 100), best first; of *topic*'s subtree if given.

        Takes any text and never raises on it; what lies beyond the first 200 characters is not read. Not *by_sound*: as
        it is written, so that nobody has to wait for how Chinese words are read aloud.
        """
        limit = min(limit, _MOST_HITS)
        if limit < 1:
            return ()
        reader = Reader(self._words, self._ask, self._listen if by_sound else lambda: None)
        understood = reader.read(query)
        readings = _readings(understood.groups, reader.wider, limit, len(self._places))
        rows = self._ranked(readings, understood, limit, topic)
        return tuple(Hit(self._shown(row, topic), score, understood.corrected) for row, score in rows)

    def _ranked(
        self, readings: Iterable[tuple[int, str]], query: Understood, limit: int, topic: Path | None
    ) -> list[tuple[int, float]]:
        """Rows with their scores. A more lenient reading only fills up what the stricter left, and scores below it."""
        allowed = None if topic is None else [row for row, same in enumerate(self._places) if _under(same, topic)]
        words = (query.corrected or query.text, [group.forms for group in query.groups if group.forms])
        found: dict[int, float] = {}
        asked: set[str] = set()
        for wanted, expression in readings:
            if len(found) >= wanted:
                break
            if expression in asked:
                continue
            asked.add(expression)
            ceiling = min(found.values(), default=float("inf"))
            rows = [
                (row, -bm25 * (1 + self._title_bonus(row, *words)))
                for bm25, row in self._matches(expression, limit + len(found), allowed)
                if row not in found
            ]
            for row, score in sorted(rows, key=lambda it: (-it[1], it[0])):
                found[row] = min(score, ceiling)
        return list(islice(found.items(), limit))

    def _matches(self, expression: str, wanted: int, allowed: list[int] | None) -> list[tuple[float, int]]:
        """The best rows for *expression*, each after its bm25: the smaller, the better."""
        among = "" if allowed is None else f"AND +rowid IN ({','.join(map(str, allowed))})"
        matches = self._ask(
            f"SELECT bm25(items, {_WEIGHTS}), rowid FROM items WHERE items MATCH ? {among} LIMIT ?",  # noqa: S608
            (expression, _MANY if allowed is None else -1),
        )
        # Sorted here: SQLite would first set up a table for it, at the price of scoring ten rows.
        return sorted(matches)[: max(wanted, _LOOKED_AT)]

    def _title_bonus(self, row: int, text: str, forms: Sequence[Sequence[str]]) -> float:
        """How much of the query the title holds, up to 2: by bm25 alone a long text can outdo a title."""
        title = tokens.fold(self._places[row][0].title)
        held = 0
        for some in forms:
            for form in some:
                if form in title:
                    held += 1
                    break
        return held / max(len(forms), 1) + (0.5 if text in title else 0) + (0.5 if text == title else 0)

    def _listen(self) -> Sounds | None:
        """The words by their sound, as soon as the child has read them aloud; asked for by few queries only."""
        with self._reading_lock:
            if self._reading:
                sheet = self._reading.take()
                self._sounds = Sounds(sheet) if sheet else None
                self._reading = None
            return self._sounds

    def _shown(self, row: int, topic: Path | None) -> Item:
        same = self._places[row]
        if topic is None or len(same) == 1:
            return same[0]
        return next((item for item in same if item.topic[: len(topic)] == topic), same[0])


def _readings(
    groups: Sequence[Group], wider: Callable[[Group], str], limit: int, rows: int
) -> Iterator[tuple[int, str]]:
    """Expressions from strict to lenient, each made when it is asked for, with how many hits make it superfluous."""
    if groups and all(group.exact for group in groups):
        exact = " AND ".join(group.exact for group in groups)
        if min(group.count for group in groups) > _MANY:
            yield limit, f"title : ({exact})"
        yield limit, exact
        wide = " AND ".join(map(wider, groups))
        if wide != exact:
            yield limit, wide
    known = [group.exact for group in groups if group.exact]
    if 2 < len(known) <= _MOST_COMBINED:
        but_one = (" AND ".join(known[:n] + known[n + 1 :]) for n in range(len(known)))
        yield _ENOUGH, " OR ".join(f"({some})" for some in but_one)
    parts = sorted({part for group in groups for part in group.parts}, key=lambda part: part[1])
    # A word that many items hold tells little and costs much.
    telling = [part for part in parts if part[1] <= max(rows / _TELLING, _FEW)] or parts[:1]
    if telling:
        some = " OR ".join(expression for expression, _ in telling[:_MOST_PARTS])
        if sum(count for _, count in telling[:_MOST_PARTS]) > _MANY:
            yield _ENOUGH, f"{{title topics}} : ({some})"
        yield _ENOUGH, some


def _under(same: Iterable[Item], topic: Path) -> bool:
    return any(item.topic[: len(topic)] == topic for item in same)


def _columns(same: Sequence[Item], repeated: Callable[[str], str]) -> Iterator[str]:
    """What is indexed of one item, wherever it stands: title, topics, labels, text, host.

    *repeated* is `_indexed`, for texts that it will be given again.
    """
    first = same[0]
    yield _indexed(_joined(dict.fromkeys(item.title for item in same)))
    yield repeated(_joined([*dict.fromkeys(name for item in same for name in item.topic), *first.tags]))
    yield repeated(_joined([*(link.label for link in first.links), first.group_label or ""]))
    yield _indexed(_joined(dict.fromkeys(text for item in same for text in (item.summary, *_texts(item)) if text)))
    yield repeated(_host(first.url))


def _texts(item: Item) -> Iterator[str]:
    yield from (part.text for part in item.parts)
    yield from item.body


def _joined(texts: Iterable[str]) -> str:
    return " \n".join(texts)[:_LONGEST_TEXT]


def _indexed(text: str) -> str:
    return " ".join(tokens.tokens(text))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _chinese(places: Sequence[Sequence[Item]]) -> list[str]:
    """Each stretch of Chinese that can be asked for by its sound, once: of all names, then of texts, up to a limit."""
    every = [item for same in places for item in same]
    names = dict.fromkeys(name for item in every for name in (item.title, *item.topic, *item.tags))
    found: dict[str, None] = {}
    length = 0
    for text in chain(names, (item.summary or "" for item in every)):
        for run in tokens.chinese_runs(text):
            if run not in found:
                found[run] = None
                length += len(run)
        if length > _MOST_SPOKEN:
            break
    return list(found)
