"""How long it takes to understand a digest: text -> Digest, beside bare markdown-it-py and bare pyromark events.

    python benchmarks/parse.py [PATH ...]      PATH: folders of Markdown, each measured as one text more

All in one run, in turns, best of several: the ratios mean something on a noisy machine, the milliseconds little.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyromark
from markdown_it import MarkdownIt
from variations import of_bytes, of_copies

from bot.digest import sources
from bot.digest.model import Digest
from bot.digest.parsing import parser

ROUNDS = 7
MEGABYTE = 1_000_000


def main() -> None:
    """Print every figure."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("paths", nargs="*", type=Path)
    texts = {"reference digest varied to 1 MB": of_bytes(MEGABYTE)}
    for path in arguments.parse_args().paths:
        texts[str(path)[-32:]] = "\n\n".join(file.read_text("utf-8") for file in sorted(path.rglob("*.md")))
    print(f"Python {sys.version.split()[0]}, best of {ROUNDS}, CPU milliseconds\n")
    print(f"{'text':<32} {'KB':>6} {'items':>6} {'Digest':>8} {'markdown-it-py':>15} {'events':>8} {'ratio':>7}")
    for name, text in texts.items():
        compare(name, text)
    print()
    growth()
    reload()


def compare(name: str, text: str) -> None:
    """One text: our Digest, markdown-it-py's tokens, pyromark's events."""
    oracle = MarkdownIt("commonmark").enable("table")
    ours, theirs, events = in_turns(
        lambda: parse(text),
        lambda: oracle.parse(text),
        lambda: drain(pyromark.events_with_range(text, merge_text=True)),
    )
    items = len(parse(text).items)
    print(
        f"{name:<32} {len(text.encode()) // 1000:>6} {items:>6} {ours * 1000:>8.0f} {theirs * 1000:>15.0f} "
        f"{events * 1000:>8.0f} {theirs / ours:>6.1f}x"
    )


def growth() -> None:
    """What four times the text and ten times the files cost."""
    one, four, ten_small = of_bytes(MEGABYTE), of_bytes(4 * MEGABYTE), of_bytes(MEGABYTE // 10)
    small, large, tenth, ten = in_turns(
        lambda: parse(one),
        lambda: parse(four),
        lambda: parse(ten_small),
        lambda: [parse(ten_small) for _ in range(10)],
        rounds=3,
    )
    print(f"4 MB costs {large / small:.1f}x 1 MB (goal 6); ten files cost {ten / tenth:.1f}x one (goal 14)")


def reload() -> None:
    """A folder of 400 files, loaded; one of them changed; loaded again; and its search index."""
    parsed: list[str] = []

    def counting(text: str, *, file: str, config: object) -> Digest:
        parsed.append(file)
        return parser.parse(text, file=file, config=config)  # type: ignore[arg-type]

    with tempfile.TemporaryDirectory() as folder:
        for number in range(400):
            Path(folder, f"{number:03}.md").write_text(of_copies(1, first=number), "utf-8")
        start = time.perf_counter()
        content = sources.Content([folder], parse=counting)
        loaded = time.perf_counter() - start
        parsed.clear()
        with Path(folder, "007.md").open("a", encoding="utf-8") as file:
            file.write("\n\n[One more](https://example.org/more)\n")
        start = time.perf_counter()
        content.refresh()
        again = time.perf_counter() - start
        start = time.perf_counter()
        found = len(content.library.search.find("bert"))
        index = time.perf_counter() - start
    print(f"400 files load in {loaded:.2f} s; one of them changed: {len(parsed)} parsed, {again:.2f} s")
    items = len(content.library.items_under(()))
    print(f"search index over {items} items, built at the first search: {index:.2f} s ({found} hits)")


def parse(text: str) -> Digest:
    """The text as a digest."""
    return parser.parse(text, file="digest.md")


def drain(events: object) -> int:
    """Go through events and do nothing."""
    return sum(1 for _ in events)  # type: ignore[attr-defined]


def in_turns(*jobs: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """CPU seconds of each job, the best of *rounds*, all jobs in turn; no cache of ours is warm."""
    from bot.digest import identity
    from bot.digest.parsing import shapes

    best = [float("inf")] * len(jobs)
    for _ in range(rounds):
        for number, job in enumerate(jobs):
            identity.item_id.cache_clear()
            shapes.web_address.cache_clear()
            gc.collect()
            start = time.process_time()
            job()
            best[number] = min(best[number], time.process_time() - start)
    return best


if __name__ == "__main__":
    main()
