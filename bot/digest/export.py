"""What was understood, for other programs: JSON (contract, section 4), OPML and CSV. Pure; texts only."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

from bot.digest.model import Digest, Item, Link, Path

_CSV_COLUMNS = (
    "file", "line", "id", "topic", "title", "url", "summary", "recommendation", "links", "tags", "parent",
    "group_label",
)  # fmt: skip


def as_json(digests: Iterable[Digest]) -> str:
    """One JSON value: ``{"digests": [...]}``."""
    return json.dumps({"digests": [_digest(digest) for digest in digests]}, ensure_ascii=False, indent=1)


def _digest(digest: Digest) -> dict[str, Any]:
    return {
        "file": digest.file,
        "title": digest.title,
        "title_source": digest.title_source,
        "date": digest.date.isoformat() if digest.date else None,
        "language": digest.language,
        "tags": list(digest.tags),
        "front_matter": dict(digest.front_matter),
        "topics": [
            {"path": list(t.path), "title": t.title, "slug": t.slug, "level": t.level, "line": t.line, "state": t.state}
            for t in digest.topics
        ],
        "items": [_item(item) for item in digest.items],
        "notes": [
            {"topic": list(n.topic), "text": n.text, "line": n.line, "links": [_link(link) for link in n.links]}
            for n in digest.notes
        ],
        "problems": [
            {"line": p.line, "code": p.code, "severity": p.severity, "message": p.message} for p in digest.problems
        ],
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "topic": list(item.topic),
        "title": item.title,
        "title_source": item.title_source,
        "url": item.url,
        "links": [_link(link) for link in item.links],
        "parts": [{"kind": p.kind, "label": p.label, "text": p.text, "line": p.line} for p in item.parts],
        "body": list(item.body),
        "summary": item.summary,
        "summary_source": item.summary_source,
        "tags": list(item.tags),
        "parent": item.parent,
        "group_label": item.group_label,
        "line": item.line,
        "lines": list(item.lines),
    }


def _link(link: Link) -> dict[str, Any]:
    return {"label": link.label, "url": link.url, "line": link.line}


def as_csv(digests: Iterable[Digest]) -> str:
    """A row an item, with a header (RFC 4180); a topic's path is joined by `` / ``, links and tags by line breaks."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_CSV_COLUMNS)
    for digest in digests:
        rows.writerows(
            (
                digest.file, item.line, item.id, " / ".join(item.topic), item.title, item.url, item.summary or "",
                item.recommendation or "", "\n".join(link.url for link in item.links), "\n".join(item.tags),
                item.parent or "", item.group_label or "",
            )
            for item in digest.items
        )  # fmt: skip
    return out.getvalue()


def as_opml(digests: Iterable[Digest], title: str) -> str:
    """OPML 2.0: topics as outlines, items as outlines of type ``link``, companions beneath their item."""
    root = ET.Element("opml", version="2.0")
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "title").text = _xml(title)
    body = ET.SubElement(root, "body")
    for digest in digests:
        outlines: dict[Path, ET.Element] = {(): _outline(body, digest.title)}
        for path in _paths(digest):
            if path not in outlines:
                outlines[path] = _outline(outlines[path[:-1]], path[-1])
        by_id: dict[str, ET.Element] = {}
        for item in digest.items:
            above = by_id.get(item.parent or "", outlines[item.topic])
            by_id[item.id] = outline = _outline(above, item.title, item.url, item.summary)
            for link in item.links:
                _outline(outline, link.label or link.url, link.url)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _paths(digest: Digest) -> Iterator[Path]:
    for topic in digest.topics:
        for depth in range(1, len(topic.path) + 1):
            yield topic.path[:depth]


def _outline(above: ET.Element, text: str, url: str = "", summary: str | None = None) -> ET.Element:
    attributes = {"text": _xml(text)}
    if url:
        attributes |= {"type": "link", "url": _xml(url)}
    if summary:
        attributes["description"] = _xml(summary)
    return ET.SubElement(above, "outline", attributes)


def _xml(text: str) -> str:
    """*text* without what XML 1.0 cannot hold (section 2.2)."""
    return "".join(
        c for c in text if c in "\t\n\r" or (" " <= c <= "\ud7ff") or ("\ue000" <= c != "\ufffe" and c != "\uffff")
    )
