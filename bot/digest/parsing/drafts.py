"""Items and notes while their text is still coming in, and what they become. Decides nothing: `reading` does."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bot.digest.identity import item_id
from bot.digest.model import Item, Link, Part, PartKind, Path, TitleSource
from bot.digest.parsing.markdown import Place
from bot.digest.parsing.spans import Span


class DraftPart(Struct, eq=False, gc=False):
    kind: PartKind
    label: str
    texts: list[str]
    line: int


class DraftNote(Struct, eq=False, gc=False):
    topic: Path
    text: str
    line: int
    last: int
    links: list[Link]
    quoted: bool
    spans: Sequence[Span]


class DraftItem(Struct, eq=False, gc=False):
    """An item while its text is still coming in. *fresh* until a following block has added to it."""

    topic: Path
    title: str
    title_source: TitleSource
    url: str
    line: int
    first: int
    last: int
    place: Place
    links: list[Link] = []
    parts: list[DraftPart] = []
    body: list[str] = []
    tags: list[str] = []
    parent: DraftItem | None = None
    group_label: str | None = None
    fresh: bool = True
    has_list: bool = False
    numbered: bool = False
    row: bool = False


def finished(item: DraftItem, file: str) -> Item:
    """The item as the model has it."""
    abstracts = [text for part in item.parts if part.kind == "abstract" for text in part.texts] if item.parts else ()
    abstract, body = "\n".join(abstracts), "\n".join(item.body)
    return Item(
        id=item_id(item.url),
        file=file,
        topic=item.topic,
        title=item.title,
        title_source=item.title_source,
        url=item.url,
        line=item.line,
        lines=(item.first, item.last),
        links=_each_once(item.links, item.url) if item.links else (),
        parts=tuple([Part(p.kind, p.label, "\n".join(p.texts), p.line) for p in item.parts]) if item.parts else (),
        body=tuple(item.body),
        summary=abstract or body or None,
        summary_source="abstract" if abstract else "body" if body else None,
        tags=tuple(dict.fromkeys(item.tags)) if item.tags else (),
        parent=item_id(item.parent.url) if item.parent else None,
        group_label=item.group_label,
    )


def _each_once(links: Sequence[Link], primary: str) -> tuple[Link, ...]:
    found: dict[str, Link] = {}
    for link in links:
        if link.url != primary:
            found.setdefault(link.url, link)
    return tuple(found.values())
