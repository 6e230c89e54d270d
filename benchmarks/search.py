"""How well and how fast the search finds things: ``python benchmarks/search.py PATH [PATH…] [-v]``.

PATH are folders of Markdown, searched as one library. Quality is measured on them as they are, against the judged
queries beside this file (see queries.md); time and memory on 25,000 items made up from theirs.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[1]))

from bot.digest.identity import item_id
from bot.digest.model import Item
from bot.digest.search import Search

QUERIES = Path(__file__).with_name("queries.jsonl")
MANY = 25_000
GOALS = {"hit@3": 0.85, "p50 ms": 0.5, "p99 ms": 5.0}


def main() -> int:
    """Print all figures as a table for docs/performance.md; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="folders or files of Markdown")
    parser.add_argument("-v", "--verbose", action="store_true", help="name the queries that missed")
    arguments = parser.parse_args()

    from bot.digest.sources import load

    return run(load(arguments.paths).items, verbose=arguments.verbose)


def run(items: Sequence[Item], *, verbose: bool = False) -> int:
    """Measure quality on *items*, then time and memory on many more of their kind."""
    queries = [json.loads(line) for line in QUERIES.read_text(encoding="utf-8").splitlines() if line.strip()]
    figures = quality(items, queries, verbose=verbose)
    figures |= speed(many(items, MANY), [query["query"] for query in queries])
    missed = [
        name for name, goal in GOALS.items() if (figures[name] < goal if name == "hit@3" else figures[name] > goal)
    ]
    print("\nall goals reached" if not missed else f"\nmissed: {', '.join(missed)}")
    return bool(missed)


def quality(items: Sequence[Item], queries: Sequence[dict[str, object]], *, verbose: bool) -> dict[str, float]:
    """hit@1 and hit@3 for each kind of query: how often an accepted item is the first, or among the first three."""
    known = {item.id for item in items}
    search = Search.build(items)
    places: dict[str, list[int]] = defaultdict(list)
    for query in queries:
        hits = search.find(str(query["query"]), limit=10)
        expected = set(query["expect"])  # type: ignore[call-overload]
        place = next((n for n, hit in enumerate(hits, 1) if hit.item.id in expected), 99)
        places[str(query["kind"])].append(place)
        if verbose and place > 3:
            found = place if place < 99 else None
            print(f"missed {query['kind']:9} {query['query']!r} place={found} ({query['why']})")
            if not expected & known:
                print("       none of the accepted items is in the library")
            for hit in hits[:3]:
                print(
                    f"       got {hit.item.title[:70]!r}" + (f" corrected={hit.corrected!r}" if hit.corrected else "")
                )
    search.close()
    every = [place for found in places.values() for place in found]
    print(f"\n{len(known):,} items, {len(queries)} queries\n\n| kind | queries | hit@1 | hit@3 |\n|---|---|---|---|")
    for kind, found in [*sorted(places.items()), ("**all**", every)]:
        print(f"| {kind} | {len(found)} | {_share(found, 1):.3f} | {_share(found, 3):.3f} |")
    return {"hit@1": _share(every, 1), "hit@3": _share(every, 3)}


def _share(places: Sequence[int], first: int) -> float:
    return sum(place <= first for place in places) / max(len(places), 1)


def speed(items: Sequence[Item], queries: Sequence[str]) -> dict[str, float]:
    """Build time, memory and latency over *items*: the judged queries, and as many again out of the titles."""
    gc.collect()
    before = _resident()
    started = perf_counter()
    search = Search.build(items)
    built = perf_counter() - started
    started = perf_counter()
    # Any query that needs the sound of Chinese: from here on it is there.
    search.find("qianghuaxuexi")
    sounds = perf_counter() - started
    gc.collect()
    resident = _resident() - before
    judged = _latencies(search, queries)
    # Harder: half of them fragments of words that stand nowhere, so that every lenient reading is tried as well.
    cut = _latencies(search, _from_titles(items, len(queries)))
    figures = {
        "build s": built,
        "sounds s": sounds,
        "memory MB": resident,
        "p50 ms": _quantile(judged, 0.5),
        "p99 ms": _quantile(judged, 0.99),
        "p50 ms, titles cut short": _quantile(cut, 0.5),
        "p99 ms, titles cut short": _quantile(cut, 0.99),
    }
    distinct = len({item.id for item in items})
    print(f"\n{distinct:,} distinct items, {len(queries)} judged queries and as many titles cut short\n")
    print("| figure | value |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value:.2f} |")
    search.close()
    return figures


def many(items: Sequence[Item], number: int) -> list[Item]:
    """*number* items with titles and addresses of their own, made of the given ones: half of a title and of another."""
    chance = random.Random(7)
    made = list({item.id: item for item in items}.values())
    given = tuple(made)
    while made and len(made) < number:
        first, second = chance.choice(given), chance.choice(given)
        # A path of its own: a mere parameter is not another page to item_id (an arXiv paper stays that paper).
        url = f"https://{urlsplit(first.url).netloc or 'example.org'}/made-up/{len(made)}"
        title = f"{_half(first.title, 0)} {_half(second.title, 1)} {len(made)}"
        made.append(replace(chance.choice(given), id=item_id(url), url=url, title=title))
    return made


def _half(title: str, which: int) -> str:
    middle = title.find(" ", len(title) // 2)
    middle = middle if middle > 0 else len(title) // 2
    return title[middle:].strip() if which else title[:middle].strip()


def _from_titles(items: Sequence[Item], number: int) -> list[str]:
    chance = random.Random(11)
    return [" ".join(chance.choice(items).title.split()[:3])[:20] for _ in range(number)]


def _latencies(search: Search, queries: Sequence[str]) -> list[float]:
    """Milliseconds of each query, sorted: the best of three runs, as what else the machine does is not the search's
    doing. Nothing is cached in between.
    """
    taken = []
    for query in queries:
        runs = []
        for _ in range(3):
            started = perf_counter()
            search.find(query)
            runs.append(perf_counter() - started)
        taken.append(min(runs) * 1000)
    return sorted(taken)


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)]


def _resident() -> float:
    """Resident memory of this process in MB."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * 4096 / 1e6


if __name__ == "__main__":
    sys.exit(main())
