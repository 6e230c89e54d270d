"""Messages as Slack shows them: blocks within its limits, a text for notifications, threads under editions. Pure.

Prose stands in `rich_text`, not in `mrkdwn`: Slack parses nothing there, so whatever a digest says is inert without
being escaped, addresses keep every sign, and lists have levels. What it costs: no block folds by itself, which is what
threads are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.chat.language import voice
from bot.chat.message import (
    Block,
    Button,
    Buttons,
    Card,
    Facts,
    Heading,
    Labelled,
    Link,
    Message,
    Note,
    Pager,
    Text,
    TopicLine,
    Tree,
    Usage,
    UsageLine,
)
from bot.chat.prose import width
from bot.platforms.base import Payload
from bot.platforms.console import colon, with_leads
from bot.platforms.letters import clean, one_line
from bot.platforms.slack.buttons import menu, row
from bot.platforms.slack.fallback import NOTHING, fallback
from bot.platforms.slack.packing import Group, Piece, packed
from bot.platforms.slack.text import SEPARATOR, Line, Span, Style, link, prose

ROOT = "/digest "
PARENT = "@parent"
"""In the place of the first message's `ts`, which nobody knows before it is sent (see `delivery.outbox`)."""

_DEEPEST = 8


def render(
    message: Message, *, root: str = ROOT, answering: bool = False, share: Button | None = None
) -> tuple[Payload, ...]:
    """The calls that say *message*, in order; one where it fits.

    An edition is a line an item, and what there is to say about them stands in its thread; not so where it is
    *answering* somebody, for what only they see has no thread. *root* is what commands are typed with. *share* is a
    button for an answer that one person sees: all others may have it too.
    """
    threaded = message.edition and not answering
    groups = list(_groups(_titles_alone(message) if threaded else message, root))
    if share:
        groups.append([Piece("buttons", buttons=(share,), purpose="share")])
    bodies = [_payload(pieces) for pieces in packed(groups)] or [_payload([])]
    if not threaded:
        return tuple(bodies)
    details = [_payload(pieces) for pieces in packed(_groups(_details(message), root))]
    return (bodies[0], *map(_in_thread, [*bodies[1:], *details]))


def answered(payload: Payload, *, to_all: bool = False, replacing: bool = False) -> Payload:
    """The same as an answer to a slash command or a button, through the `response_url` that came with it.

    Only who asked sees it, unless it goes *to_all*. *replacing*: in the place of the message that was asked from.
    """
    params = {name: value for name, value in payload["params"].items() if name != "thread_ts"}
    kind = "in_channel" if to_all else "ephemeral"
    return {"method": "response_url", "params": {"response_type": kind, "replace_original": replacing, **params}}


class Renderer:
    """This renderer, for whoever lays out and sends nothing. *command* is what commands are typed with."""

    name = "slack"

    def __init__(self, command: str = ROOT) -> None:
        self.root = f"/{command.strip().removeprefix('/')} "

    def render(self, message: Message) -> tuple[Payload, ...]:
        """The calls that say *message*, in order."""
        return render(message, root=self.root)


def plain(payload: Payload) -> Payload:
    """The same call without blocks: what is always accepted, where its links are still links."""
    return {**payload, "params": {name: value for name, value in payload["params"].items() if name != "blocks"}}


def _payload(pieces: Sequence[Piece]) -> Payload:
    text = fallback(line for piece in pieces for line in piece.lines)
    blocks = _blocks(pieces) or [_rich([Line((Span(NOTHING),))])]
    return {
        "method": "chat.postMessage",
        "params": {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False},
    }


def _in_thread(payload: Payload) -> Payload:
    return {**payload, "params": {**payload["params"], "thread_ts": PARENT}}


# -- editions ----------------------------------------------------------------------------------------------------------


def _titles_alone(message: Message) -> Message:
    return replace(message, format="compact")


def _details(message: Message) -> Message:
    """What the items of an edition say beyond their titles, whole: a thread is where Slack folds."""
    cards = [_whole(block) for block in message.blocks if isinstance(block, Card) and _says_something(block)]
    return replace(message, blocks=tuple(cards), format="full")


def _says_something(card: Card) -> bool:
    return bool(card.summary or card.recommendation or card.parts) or any(map(_says_something, card.children))


def _whole(card: Card) -> Card:
    recommended = card.recommendation
    return replace(
        card,
        summary=_joined(card.summary, card.more),
        more="",
        recommendation=recommended and replace(recommended, text=_joined(recommended.text, recommended.more), more=""),
        children=tuple(map(_whole, card.children)),
    )


def _joined(text: str, more: str) -> str:
    return f"{text}{'' if not more or width(text[-1:]) == 2 else ' '}{more}"


# -- what is said ------------------------------------------------------------------------------------------------------


def _groups(message: Message, root: str) -> Iterator[Group]:
    """The pieces of each block; items of a line each are one list, below their heading if compact."""
    listed: list[Line] = []
    for block, below in zip(message.blocks, (*message.blocks[1:], None), strict=False):
        compact = message.format == "compact"
        if isinstance(block, Card) and (compact or (_is_line(block) and (listed or _is_line(below)))):
            listed += _compact(block)
            continue
        if listed:
            yield [Piece("text", tuple(listed))]
            listed = []
        if isinstance(block, Heading) and block.level > 1 and compact:
            listed.append(_heading(block))
        else:
            yield _pieces(block, message, root)
    if listed:
        yield [Piece("text", tuple(listed))]


def _is_line(block: Block | None) -> bool:
    """Whether it is an item of a title alone."""
    if not isinstance(block, Card):
        return False
    places = block.path or block.tags or block.beneath
    return not (block.summary or block.recommendation or block.parts or block.children or places)


def _pieces(block: Block, message: Message, root: str) -> Group:
    match block:
        case Heading(level=1) if not block.aside:
            return [Piece("header", (Line((Span(one_line(block.text)),)),), leads=True)]
        case Heading(level=1):
            return [
                Piece("header", (Line((Span(one_line(block.text)),)),), leads=True),
                Piece("quiet", (Line((Span(one_line(block.aside)),)),), leads=True),
            ]
        case Heading():
            return [Piece("text", (_heading(block),), leads=True)]
        case Text(text, quiet):
            return [Piece("quiet" if quiet else "text", (Line((Span(clean(text.strip())),)),))]
        case Card():
            return _card(block)
        case Note(text, links):
            return [Piece("text", (Line(prose(text.strip())), *_links(links)))]
        case Tree(lines):
            return [Piece("text", tuple(map(_topic, lines))), _choice(lines, message)]
        case Facts(rows):
            return [Piece("text", tuple(_fact(name, value) for name, value in rows))]
        case Usage(lines):
            return [Piece("text", tuple(_usage(line, root) for line in lines))]
        case Buttons(buttons):
            return [Piece("buttons", buttons=buttons)]
        case Pager():
            return _pager(block)


def _heading(heading: Heading) -> Line:
    aside = (Span(f"{SEPARATOR}{one_line(heading.aside)}"),) if heading.aside else ()
    return Line((Span(one_line(heading.text), "bold"), *aside))


def _topic(line: TopicLine) -> Line:
    title = Span(one_line(line.title), "bold" if line.depth == 0 and not line.muted else "")
    aside = Span(f"{SEPARATOR}{one_line(line.aside)}")
    return Line((Span(f"{line.number}. "), title, aside), min(line.depth, _DEEPEST))


def _choice(lines: Iterable[TopicLine], message: Message) -> Piece:
    """The topics of a list, to be chosen from."""
    filled = [line for line in lines if not line.muted]
    buttons = tuple(Button(f"{line.number}. {line.title}", line.action, line.aside) for line in filled)
    return Piece("menu", buttons=buttons, prompt=voice(message.language)("Which topic?"))


def _fact(name: str, value: str) -> Line:
    return Line((Span(one_line(name), "bold"), Span(f"{colon(name)}{clean(value)}")))


def _usage(line: UsageLine, root: str) -> Line:
    typed = one_line(f"{line.action.typed(root)} {line.arguments}")
    return Line((Span(typed, "code"), Span(f" — {one_line(line.meaning)}")), 0)


def _links(links: Iterable[Link]) -> tuple[Line, ...]:
    spans: list[Span] = []
    for one in links:
        spans += [Span(SEPARATOR)] if spans else []
        spans += link(one.label, one.url)
    return (Line(tuple(spans)),) if spans else ()


def _pager(pager: Pager) -> Group:
    turning = tuple(button for button in (pager.previous, pager.next) if button)
    where = Piece("quiet", (Line((Span(one_line(pager.text)),)),), leads=True)
    return [where, *([Piece("buttons", buttons=turning, purpose="turn")] if turning else [])]


# -- cards -------------------------------------------------------------------------------------------------------------


def _card(card: Card) -> Group:
    lines = [Line(_title(card, "bold")), *_said(card), *_links(card.links)]
    for lead, child in with_leads(card):
        lines += [Line((Span(one_line(lead)),))] if lead else []
        below = [Line(_title(child)), *_said(child), *_links(child.links), *_places(child)]
        lines.append(Line(_in_one(line for line in below if line.visible), 0))
    return [Piece("text", tuple(line for line in lines if line.visible)), Piece("quiet", _places(card))]


def _in_one(lines: Iterable[Line]) -> tuple[Span, ...]:
    """Lines as one item of a list, which holds them all."""
    spans: list[Span] = []
    for line in lines:
        spans += [Span("\n")] if spans else []
        spans += line.spans
    return tuple(spans)


def _compact(card: Card, depth: int = 0) -> Iterator[Line]:
    spans = [*_title(card)]
    for line in _links(card.links):
        spans += [Span(SEPARATOR), *line.spans]
    yield Line(tuple(spans), depth)
    for child in card.children:
        yield from _compact(child, min(depth + 1, _DEEPEST))


def _title(card: Card, style: Style = "") -> tuple[Span, ...]:
    badge = (Span(f"{SEPARATOR}{one_line(card.badge)}", "italic"),) if card.badge else ()
    return (*link(card.title, card.url, style), *badge)


def _said(card: Card) -> Iterator[Line]:
    if card.summary:
        yield Line(prose(_cut_off(card.summary, card.more)))
    for part in (card.recommendation, *card.parts):
        if part:
            yield _labelled(part)


def _labelled(part: Labelled) -> Line:
    label = (Span(one_line(part.label), "bold"), Span(colon(part.label))) if part.label else ()
    return Line((*label, *prose(_cut_off(part.text, part.more))))


def _cut_off(text: str, more: str) -> str:
    return f"{text.strip()} …" if more else text.strip()


def _places(card: Card) -> tuple[Line, ...]:
    """Where the card belongs, in the lower voice: its article, its path, its tags."""
    where = [f"↑ {card.beneath}"] if card.beneath else []
    where += [" / ".join(card.path)] if card.path else []
    said = one_line(SEPARATOR.join((*where, *card.tags)))
    return (Line((Span(said),)),) if said else ()


# -- blocks ------------------------------------------------------------------------------------------------------------


def _blocks(pieces: Iterable[Piece]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    buttons = 0
    for piece in pieces:
        match piece.kind:
            case "header":
                blocks.append({"type": "header", "text": _plain_text(piece)})
            case "quiet":
                blocks.append({"type": "context", "elements": [_plain_text(piece)]})
            case "text":
                blocks.append(_rich(piece.lines))
            case "buttons":
                blocks.append(row(piece.buttons, piece.purpose, buttons))
                buttons += len(piece.buttons)
            case "menu":
                blocks.append(menu(piece.buttons, buttons, piece.prompt))
                buttons += 1
    return blocks


def _plain_text(piece: Piece) -> dict[str, Any]:
    return {"type": "plain_text", "text": "\n".join(line.text for line in piece.lines).strip(), "emoji": False}


def _rich(lines: Iterable[Line]) -> dict[str, Any]:
    """A block of sections, and of lists where lines have an indent."""
    elements: list[dict[str, Any]] = []
    before: Line | None = None
    for line in lines:
        inline = [_inline(span) for span in line.spans if span.text]
        if not inline:
            continue
        section = {"type": "rich_text_section", "elements": inline}
        alike = before is not None and before.indent == line.indent
        if line.indent is None:
            if alike:
                elements[-1]["elements"] += [{"type": "text", "text": "\n"}, *inline]
            else:
                elements.append(section)
        elif alike:
            elements[-1]["elements"].append(section)
        else:
            elements.append({"type": "rich_text_list", "style": "bullet", "indent": line.indent, "elements": [section]})
        before = line
    return {"type": "rich_text", "elements": elements}


def _inline(span: Span) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "link", "url": span.url} if span.url else {"type": "text"}
    made["text"] = span.text
    if span.style:
        made["style"] = {span.style: True}
    return made
