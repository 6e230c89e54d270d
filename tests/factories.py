"""Digests and libraries in a line, for tests: what a test does not name gets a sensible value.

>>> library({"ctr": ["Wide & Deep"], "NLP/对话": ["A", "B"], "GNN": []}).find_topic("对话").state
'items'
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.digest.config import DigestConfig
from bot.digest.identity import item_id
from bot.digest.library import Library
from bot.digest.model import Digest, Item, Note, Path, State, Topic

FILE = "content/heji.md"


def path(text: str | Path) -> Path:
    """``"NLP/对话"`` as a path; tuples pass through."""
    return tuple(text.split("/")) if isinstance(text, str) and text else tuple(text)


def item(title: str = "An article", topic: str | Path = "ctr", **fields: Any) -> Item:
    """An item whose URL, and so its id, comes from its title unless *url* is given."""
    url = fields.pop("url", f"https://example.org/{'-'.join(title.split())}")
    line = fields.pop("line", 1)
    values: dict[str, Any] = {"file": FILE, "title_source": "link", "lines": (line, line), "id": item_id(url)}
    return Item(**{**values, "title": title, "topic": path(topic), "url": url, "line": line, **fields})


def topic(where: str | Path = "ctr", state: State = "items", **fields: Any) -> Topic:
    """A heading two levels deeper than its path is long at the outermost, as in a digest with a title."""
    names = path(where)
    slug = re.sub(r"[^\w\- ]", "", names[-1].lower()).replace(" ", "-")
    values: dict[str, Any] = {"file": FILE, "line": 1, "slug": slug, "level": min(len(names) + 1, 6)}
    return Topic(**{**values, "path": names, "title": names[-1], "state": state, **fields})


def note(text: str = "A remark", topic: str | Path = "ctr", **fields: Any) -> Note:
    """A remark under a heading."""
    return Note(**{"file": FILE, "topic": path(topic), "text": text, "line": 1, **fields})


def digest(tree: Mapping[str, Sequence[str | Item | Note]] | None = None, **fields: Any) -> Digest:
    """A digest from ``{"NLP/对话": ["title", item(…), note(…)]}``; headings above appear by themselves, lines count up.

    The key ``""`` holds what stands before the first heading. Strings become items.
    """
    file = fields.get("file", FILE)
    topics: dict[Path, Topic] = {}
    rows: list[Item | Note] = []
    line = 1
    for where, held in (tree or {}).items():
        names = path(where)
        for depth in range(1, len(names) + 1):
            if names[:depth] not in topics:
                topics[names[:depth]] = topic(names[:depth], "empty", file=file, line=(line := line + 2))
        for row in held:
            line += 2
            built = item(row, names) if isinstance(row, str) else row
            rows.append(_placed(built, file, names, line))
    items = tuple(row for row in rows if isinstance(row, Item))
    notes = tuple(row for row in rows if isinstance(row, Note))
    stated = tuple(topic(t.path, _state(t.path, topics, items, notes), file=file, line=t.line) for t in topics.values())
    values: dict[str, Any] = {"file": file, "title": "合辑", "title_source": "heading", "date": None, "language": "zh"}
    return Digest(**{**values, "topics": stated, "items": items, "notes": notes, **fields})


def library(tree: Mapping[str, Sequence[str | Item | Note]] | None = None, **config: Any) -> Library:
    """A library over one `digest`; keywords go into its `DigestConfig`."""
    return Library.build([digest(tree)], DigestConfig(**config))


def _placed(row: Item | Note, file: str, names: Path, line: int) -> Item | Note:
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    values |= {"file": file, "topic": names, "line": line}
    return Item(**{**values, "lines": (line, line)}) if isinstance(row, Item) else Note(**values)


def _state(where: Path, topics: Mapping[Path, Topic], items: Sequence[Item], notes: Sequence[Note]) -> State:
    if any(i.topic == where for i in items):
        return "items"
    if any(other[:-1] == where for other in topics):
        return "container"
    return "notes-only" if any(n.topic == where for n in notes) else "empty"
