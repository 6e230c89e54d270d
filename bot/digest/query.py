"""What was typed, in the words of the index: slips repaired, pinyin read, beginnings completed.

    text -> runs (tokens) -> Groups: for each word that was typed, the expressions that stand for it in the index

An expression is FTS5 syntax, made here of quoted tokens only; whatever the reader typed can never be syntax itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile, zip_longest
from typing import Any

from bot.digest import tokens
from bot.digest.pinyin import Sounds

Ask = Callable[[str, Sequence[Any]], list[Any]]
"""Runs one SQL statement and returns its rows."""

_LONGEST = 200
_MOST_RUNS = 16
_MOST_COMPLETED = 500
# What says how the rest hangs together rather than what it is about; left out where anything else was typed.
_STOP = frozenset(
    re.findall(
        r"\w+",
        """
    a an and are as at be by can do does for from how i in into is it its my of on or that the their this to using was
    what when where which why will with you your
""",
    )
)
_CHINESE_STOP = re.compile("有哪些|有没有|为什么|是什么|怎么样|怎么|如何|什么|哪些|关于|一下|的|[了吗呢吧]$")
# Only a hint, taken before the child is waited for: no two consonants meet in pinyin but after an n, ng or r.
_CLUSTER = re.compile(r"[^a-z]|[bcdfghjklmpqstwxyz][bcdfghjklmnpqrstwxyz]")
_SYLLABLE = re.compile(
    r"(?:[zcs]h|[bpmfdtnlgkhjqxrzcsyw])?(?:[aeo][ionr]?|[aeo]ng|[iu][aeo]?[io]?|[iuv]?[ae]?ng?|[iu]ong|ve?)"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_INITIALS = re.compile(r"[a-hj-tw-z]{2,8}")


@dataclass(frozen=True, slots=True)
class Group:
    """One word of a query. *exact* is its expression, empty where the index holds nothing like it.

    *count* is about how many items match it. *parts* are the smallest expressions in it with their counts, *forms* the
    spellings to look for in a title, *word* what `Reader.wider` may go on from.
    """

    exact: str
    count: int
    parts: tuple[tuple[str, int], ...]
    forms: tuple[str, ...]
    word: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """A query as it was understood. *corrected* is None where it was taken as it stands."""

    text: str
    groups: tuple[Group, ...]
    corrected: str | None


class Words:
    """The vocabulary of the FTS5 table ``items``: what holds a word, how it may go on, what a slip was meant to be."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        ask("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(items, row)", ())
        # fts5vocab walks through a word's items to count them (1 ms for "the"), so the counts are written down once.
        ask("CREATE TABLE words (word TEXT PRIMARY KEY, items INTEGER) WITHOUT ROWID", ())
        ask("INSERT INTO words SELECT term, doc FROM vocabulary", ())
        self._latin: dict[tuple[str, int], list[str]] = defaultdict(list)
        for (word,) in ask("SELECT word FROM words WHERE word >= 'a' AND word < '{' AND length(word) > 2", ()):
            self._latin[word[0], len(word)].append(word)

    def counts(self, words: Iterable[str]) -> dict[str, int]:
        """How many items hold each of *words*; the unknown are left out."""
        wanted = list(dict.fromkeys(words))
        marks = ",".join("?" * len(wanted))
        return dict(self._ask(f"SELECT word, items FROM words WHERE word IN ({marks})", wanted))  # noqa: S608 - question marks only

    def beginning(self, start: str) -> list[tuple[str, int]]:
        """The commonest longer words that begin with *start*, with their counts."""
        return self._ask(
            "SELECT word, items FROM words WHERE word > ? AND word < ? ORDER BY items DESC, word LIMIT 100",
            (start, start + chr(0x10FFFF)),
        )

    def nearest(self, word: str) -> str | None:
        """The known word that *word* is most likely a slip of: the same first letter, few edits, common."""
        # With three letters everything is near to everything.
        if len(word) < 4 or not word.isascii() or not word.isalpha():
            return None
        # Few slips are made in the first letter, and looking at all others takes twenty times as long.
        near = self._near(word, word[0]) or self._near(word, _LETTERS.replace(word[0], ""))
        counts = self.counts(near)
        return min(near, key=lambda other: (near[other], -counts[other], other), default=None)

    def _near(self, word: str, initials: str) -> dict[str, int]:
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        most = 1 if len(word) < 6 else 2
        near: dict[str, int] = {}
        for length in range(len(word) - most, len(word) + most + 1):
            for initial in initials:
                those = self._latin.get((initial, length), ())
                found = process.extract(word, those, scorer=OSA.distance, score_cutoff=most, limit=20)
                near |= {other: int(edits) for other, edits, _ in found}
        return near

    def halves(self, word: str) -> list[tuple[str, str]]:
        """Ways to cut *word* into two known words of three letters or more, the commoner first."""
        cuts = [(word[:at], word[at:]) for at in range(3, len(word) - 2)]
        counts = self.counts(half for cut in cuts for half in cut) if cuts else {}
        known = [cut for cut in cuts if cut[0] in counts and cut[1] in counts]
        return sorted(known, key=lambda cut: -min(counts[cut[0]], counts[cut[1]]))


class Reader:
    """Reads one query. *listen* gives the index's Chinese words by sound, or None; it may have to wait for them."""

    def __init__(self, words: Words, ask: Ask, listen: Callable[[], Sounds | None]) -> None:
        self._words = words
        self._ask = ask
        self._listen = listen
        self._counts: dict[str, int] = {}

    def read(self, query: str) -> Understood:
        """Understand *query*: any text, of which the first 200 characters are read."""
        text = " ".join(tokens.fold(query[:_LONGEST])[:_LONGEST].split())
        runs = _without_stop_words(tokens.runs(text)[:_MOST_RUNS])
        self._learn(_candidates(runs))
        groups: list[Group] = []
        said: list[str] = []
        at = place = 0
        while at < len(runs):
            taken, found, meant = self._next(runs[at:])
            groups += found
            start = end = text.index(runs[at], place)
            for run in runs[at : at + taken]:
                end = text.index(run, end) + len(run)
            said += (text[place:start], meant or text[start:end])
            place = end
            at += taken
        corrected = "".join(said) + text[place:]
        return Understood(text, tuple(groups), corrected if corrected != text else None)

    def wider(self, group: Group) -> str:
        """*group*'s expression, or also the other grammatical number of its word and what begins with it."""
        begun = self._begun(group.word) if len(group.word) > 2 else []
        return _any([group.exact, *self._numbers(group.word), *begun])

    def _learn(self, words: Iterable[str]) -> None:
        if unknown := [word for word in words if word not in self._counts]:
            self._counts |= self._words.counts(unknown)

    def _next(self, runs: Sequence[str]) -> tuple[int, Sequence[Group], str | None]:
        """How many of *runs* are taken as one, the groups they make, and their correction."""
        if tokens.is_cjk(runs[0]):
            return 1, *self._chinese(runs[0])
        if spaced := self._spaced_pinyin(runs):
            return spaced
        if len(runs) > 1 and (joined := _joined(*runs[:2])) in self._counts:
            return 2, [self._together(runs[0], runs[1], joined)], None
        if known := self._latin(runs[0]):
            return 1, [known], None
        parts = tokens.pieces(runs[0])
        if len(parts) == 1:
            group, meant = self._unknown(parts[0])
            return 1, [group], meant
        read = [(known, None) if (known := self._latin(part)) else self._unknown(part) for part in parts]
        repaired = any(meant for _, meant in read)
        meant = " ".join(meant or part for (_, meant), part in zip(read, parts, strict=True))
        return 1, [group for group, _ in read], meant if repaired else None

    def _latin(self, run: str) -> Group | None:
        """A word as it stands: whole, or its pieces next to each other; None if the index has neither."""
        whole, parts = tokens.whole(run), tokens.pieces(run)
        exact = [whole] if whole in self._counts else []
        if len(parts) > 1 and all(part in self._counts for part in parts):
            exact.append(" ".join(parts))
        if not exact:
            return None
        count = self._counts.get(whole, 0) or min(self._counts[part] for part in parts)
        known = [part for part in dict.fromkeys((whole, *parts)) if part in self._counts]
        smallest = tuple((_quoted(part), self._counts[part]) for part in known)
        return Group(_any(map(_quoted, exact)), count, smallest, (run, whole), whole)

    def _together(self, first: str, second: str, joined: str) -> Group:
        """``flash attention`` where the index has ``flashattention``: either will do."""
        apart = [group for run in (first, second) if (group := self._latin(run))]
        exact = [_quoted(joined)]
        if len(apart) == 2:
            exact.append(_all(group.exact for group in apart))
        parts = ((_quoted(joined), self._counts[joined]), *(part for group in apart for part in group.parts))
        return Group(_any(exact), self._counts[joined], parts, (joined, f"{first} {second}"))

    def _unknown(self, word: str) -> tuple[Group, str | None]:
        """A word that the index does not hold: what it begins, sounds like, stands for or was meant to be."""
        sounding = self._spelled(word)
        begun = [*self._numbers(word), *self._begun(word)]
        if sounding or begun:
            spelled = self._sounding(sounding) if sounding else None
            exact = _any([*([spelled.exact] if spelled else []), *begun])
            parts = (*(spelled.parts if spelled else ()), *((expression, 1) for expression in begun))
            return Group(exact, 1, parts, (word, *sounding)), sounding[0] if sounding else None
        plainly_initials = not any(vowel in word for vowel in "aeiou")
        if plainly_initials and (sounding := self._abbreviated(word)):
            return self._sounding(sounding), sounding[0]
        for halves in self._words.halves(word)[:3]:
            phrase = _quoted(" ".join(halves))
            if self._ask("SELECT 1 FROM items WHERE items MATCH ? LIMIT 1", (phrase,)):
                return Group(phrase, 1, ((phrase, 1),), (" ".join(halves),)), " ".join(halves)
        if near := self._words.nearest(word):
            self._learn([near, *_numbers(near)])
            if group := self._latin(near):
                return group, near
        if not plainly_initials and (sounding := self._abbreviated(word)):
            return self._sounding(sounding), sounding[0]
        return _NOTHING, None

    def _numbers(self, word: str) -> list[str]:
        return [_quoted(other) for other in _numbers(word) if other in self._counts]

    def _begun(self, start: str) -> list[str]:
        """What begins with *start*: all of it, or the commonest words where all would be too many rows to rank."""
        longer = self._words.beginning(start) if len(start) > 1 else []
        if not longer:
            return []
        if sum(count for _, count in longer) <= _MOST_COMPLETED:
            return [f"{_quoted(start)} *"]
        return [_quoted(word) for word, _ in longer[:3]]

    def _spelled(self, letters: str) -> tuple[str, ...]:
        if len(letters) < 4 or _CLUSTER.search(re.sub("[zcs]h", "z", letters).replace("ng", "n")):
            return ()
        sounds = self._listen()
        return sounds.spelled(letters) if sounds else ()

    def _abbreviated(self, letters: str) -> tuple[str, ...]:
        sounds = self._listen() if _INITIALS.fullmatch(letters) else None
        return sounds.abbreviated(letters) if sounds else ()

    def _spaced_pinyin(self, runs: Sequence[str]) -> tuple[int, Sequence[Group], str] | None:
        """``qiang hua xue xi``: the most runs from here on that are syllables of something Chinese."""
        syllables = list(takewhile(_SYLLABLE.fullmatch, runs))
        sounds = self._listen() if len(syllables) > 1 else None
        for taken in range(len(syllables), 1, -1) if sounds else ():
            if sounds and (found := sounds.said(syllables[:taken])):
                return taken, [self._sounding(found)], found[0]
        return None

    def _sounding(self, words: Sequence[str]) -> Group:
        self._learn(pair for word in words for pair in tokens.pairs(word))
        groups = [self._pairs(word) for word in words]
        exact = _any(group.exact for group in groups)
        count = sum(group.count for group in groups)
        return Group(exact, count, groups[0].parts, tuple(words))

    def _chinese(self, run: str) -> tuple[Sequence[Group], str | None]:
        """A run of characters. Pairs that the index does not hold are a slip, or else where one word meets the next."""
        doubtful = self._doubtful(run)
        meant = self._meant(run, doubtful) if doubtful else None
        if meant:
            run = meant
            doubtful = self._doubtful(run)
        ends = [0, *(place + 1 for place in doubtful), len(run)] if len(run) > 1 else [0, 1]
        words = [run[start:end] for start, end in pairwise(ends)]
        groups = [self._pairs(word) for word in words if len(word) > 1 or len(run) == 1]
        if not any(group.exact for group in groups):
            self._learn(run)
            parts = tuple(
                (_quoted(character), self._counts[character]) for character in run if character in self._counts
            )
            return [Group("", 0, parts, (run,))], meant
        return groups, meant

    def _meant(self, run: str, doubtful: Sequence[int]) -> str | None:
        """*run* with its wrong characters put right: each new one must be known next to both its neighbours."""
        sounds = self._listen()
        for meant in sounds.meanings(run, doubtful) if sounds else ():
            self._learn(tokens.pairs(meant))
            still = self._doubtful(meant)
            if not any(run[place : place + 2] != meant[place : place + 2] for place in still):
                return meant
        return None

    def _doubtful(self, run: str) -> list[int]:
        return (
            [place for place, pair in enumerate(tokens.pairs(run)) if pair not in self._counts] if len(run) > 1 else []
        )

    def _pairs(self, word: str) -> Group:
        parts = tuple((_quoted(pair), self._counts.get(pair, 0)) for pair in dict.fromkeys(tokens.pairs(word)))
        count = min(count for _, count in parts)
        exact = _all(pair for pair, _ in parts) if count else ""
        return Group(exact, count, parts if count else (), (word,))


_NOTHING = Group("", 0, (), ())


def _candidates(runs: Sequence[str]) -> Iterator[str]:
    """Every token that a query of *runs* may need to know the count of: asked for in one statement."""
    for run, following in zip_longest(runs, runs[1:]):
        if tokens.is_cjk(run):
            yield from tokens.pairs(run)
            continue
        yield tokens.whole(run)
        yield from tokens.pieces(run)
        yield from _numbers(tokens.whole(run))
        if following and not tokens.is_cjk(following):
            yield _joined(run, following)


def _without_stop_words(runs: Sequence[str]) -> list[str]:
    kept = [run for run in runs if run not in _STOP] or list(runs)
    split = ([part for part in _CHINESE_STOP.split(run) if part] if len(run) > 3 else [run] for run in kept)
    return [part for run, parts in zip(kept, split, strict=True) for part in (parts or [run])]


def _numbers(word: str) -> Sequence[str]:
    """*word* in the other grammatical number, as far as spelling tells: ``model`` is ``models``."""
    if len(word) < 3 or not word.isascii() or not word.isalpha():
        return ()
    if word.endswith("ies"):
        return (word[:-3] + "y",)
    if word.endswith("s") and not word.endswith("ss"):
        return (word[:-1], word[:-2]) if word.endswith("es") else (word[:-1],)
    return (word[:-1] + "ies",) if word.endswith("y") else (word + "s", word + "es")


def _joined(first: str, second: str) -> str:
    return tokens.whole(first) + tokens.whole(second)


def _quoted(token: str) -> str:
    return f'"{token}"'


def _all(expressions: Iterable[str]) -> str:
    return _grouped(" AND ", expressions)


def _any(expressions: Iterable[str]) -> str:
    return _grouped(" OR ", expressions)


def _grouped(operator: str, expressions: Iterable[str]) -> str:
    # One expression stays as it is: two spellings of the same question would be asked twice.
    distinct = list(dict.fromkeys(expressions))
    return distinct[0] if len(distinct) == 1 else f"({operator.join(distinct)})"
