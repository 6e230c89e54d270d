r"""Digests in a notation that one can read and edit, and the goldens `tests/golden/digest-*.md` that are written in it.

A golden is a heading (a sentence about behaviour), a fence with the digest and a fence with what it must yield::

    ## A link at the start of a paragraph opens an item
    ~~~~ markdown
    [On sleep](https://example.com/sleep) Short.
    ~~~~
    ~~~~ text
    item 1 On sleep <https://example.com/sleep>
      body Short.
    ~~~~

The info string of the first fence may go on with `file=NAME`, and with `escaped` where `\r`, `\t`, `\0` and `\u200b`
stand for what nobody could see. A fence `~~~~ yaml` between the two is the `digest.yaml`. A line `xfail: why` below the
heading marks what the parser does not get right yet.

The notation, one line a thing, in the order of the file; the number is the line in the digest:

    digest TITLE (where the title comes from) language, date, #tag …     only compared where a golden has it,
      | key: value                                                       with the front matter
    toc FIRST-LAST marked|unmarked: label #anchor · label #anchor        `>` before a label for each step inwards
    topic 3 outer / inner: items|container|notes-only|empty
    item 5 TITLE <address>
      title from heading|bold|cell|text|url                              unless it is the link's own text
      lines 5-9                                                          where the item has more than its line
      under TITLE                                                        the item that it stands beneath
      group LABEL
      tags one, two
      link 7 LABEL <address>
      body TEXT                                                          a line a paragraph; ⏎ is a line break in it
      abstract|recommendation|other 9 LABEL: TEXT
      topic outer / inner                                                where that is not the topic line above
    note 4 TEXT
      link 4 LABEL <address>
    problem 8 severity code
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.digest.model import Digest, Item, Link, Note, Problem, Toc, Topic

_CASE = re.compile(
    r"^## (?P<name>.+)\n"
    r"(?:xfail: (?P<xfail>.+)\n)?"
    r"(?P<prose>(?:(?!##|~~~~).*\n)*)"
    r"~~~~ markdown(?P<info>.*)\n(?P<text>(?:(?!~~~~).*\n)*)~~~~\n\n*"
    r"(?:~~~~ yaml\n(?P<yaml>(?:(?!~~~~).*\n)*)~~~~\n\n*)?"
    r"~~~~ text\n(?P<expected>(?:(?!~~~~).*\n)*)~~~~\n",
    re.MULTILINE,
)
_FENCE = re.compile(r"^~~~~.*?^~~~~$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|([rt0]))")


@dataclass(frozen=True)
class Golden:
    """One case of a golden file, ready to be parsed."""

    name: str
    text: str
    file: str
    yaml: str
    expected: str
    xfail: str | None


def goldens(path: Path) -> Iterator[Golden]:
    """The cases of one file. A heading of level 2 without its fences is a mistake in the file, no case to pass over."""
    source = path.read_text("utf-8")
    found = list(_CASE.finditer(source))
    names = _HEADING.findall(_FENCE.sub("", source))
    assert names == [match["name"] for match in found], f"{path.name}: a heading without its fences"
    for match in found:
        info = match["info"].split()
        text = match["text"].removesuffix("\n")
        file = next((word.removeprefix("file=") for word in info if word.startswith("file=")), "digest.md")
        text = _unescaped(text) if "escaped" in info else text
        yield Golden(match["name"], text, file, match["yaml"] or "", match["expected"], match["xfail"])


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else {"r": "\r", "t": "\t", "0": "\0"}[m[2]], text)


def shown(digest: Digest, *, head: bool = True, width: int = 10_000) -> str:
    """The digest in the notation; texts longer than *width* lose their middle."""
    rows: list[Toc | Topic | Item | Note | Problem]
    rows = [*digest.tocs, *digest.topics, *digest.items, *digest.notes, *digest.problems]
    # Of several things on one line the outermost comes first: a linked heading is a topic, then an item.
    ranks = {Toc: 0, Topic: 1, Item: 2, Note: 3, Problem: 4}
    rows.sort(key=lambda row: (row.lines[0] if isinstance(row, Toc) else row.line, ranks[type(row)]))
    titles = {item.id: item.title for item in digest.items}
    lines = list(_head(digest)) if head else []
    topic: tuple[str, ...] = ()
    for row in rows:
        match row:
            case Toc():
                lines.append(_toc(row))
            case Topic():
                topic = row.path
                lines.append(f"topic {row.line} {_path(topic)}: {row.state}")
            case Item():
                lines += _item(row, titles, topic, width)
            case Note():
                lines.append(f"note {row.line} {_text(row.text, width)}")
                lines += [_link(link) for link in row.links]
                lines += [f"  topic {_path(row.topic)}"] * (row.topic != topic)
            case Problem():
                lines.append(f"problem {row.line} {row.severity} {row.code}")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _head(digest: Digest) -> Iterator[str]:
    source = digest.title_source.replace("_", " ")
    date = [str(digest.date)] if digest.date else []
    facts = [digest.language, *date, *(f"#{tag}" for tag in digest.tags)]
    yield f"digest {digest.title} ({source}) {', '.join(facts)}"
    for key, value in digest.front_matter.items():
        yield f"  | {key}: {value}"


def _toc(toc: Toc) -> str:
    entries = " · ".join(f"{'>' * entry.depth}{entry.label} #{entry.anchor}" for entry in toc.entries)
    return f"toc {toc.lines[0]}-{toc.lines[1]} {'marked' if toc.marked else 'unmarked'}: {entries}"


def _item(item: Item, titles: dict[str, str], topic: tuple[str, ...], width: int) -> Iterator[str]:
    yield f"item {item.line} {item.title} <{item.url}>"
    if item.title_source != "link":
        yield f"  title from {item.title_source}"
    if item.lines != (item.line, item.line):
        yield f"  lines {item.lines[0]}-{item.lines[1]}"
    if item.parent:
        yield f"  under {titles[item.parent]}"
    if item.group_label:
        yield f"  group {item.group_label}"
    if item.tags:
        yield f"  tags {', '.join(item.tags)}"
    yield from (_link(link) for link in item.links)
    yield from (f"  body {_text(text, width)}" for text in item.body)
    yield from (f"  {part.kind} {part.line} {part.label}: {_text(part.text, width)}" for part in item.parts)
    if item.topic != topic:
        yield f"  topic {_path(item.topic)}"


def _link(link: Link) -> str:
    return f"  link {link.line} {link.label} <{link.url}>"


def _path(path: tuple[str, ...]) -> str:
    return " / ".join(path) or "(none)"


def _text(text: str, width: int) -> str:
    text = text.replace("\n", " ⏎ ")
    return text if len(text) <= width else f"{text[: width // 2]} [{len(text)}] {text[-width // 2 :]}"
