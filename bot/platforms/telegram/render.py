"""Messages as Telegram shows them: HTML that always parses, links within its limits, buttons beneath. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

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
from bot.chat.prose import pause, shortened, width
from bot.platforms.base import Payload
from bot.platforms.console import close_together, colon, with_leads
from bot.platforms.letters import clean, is_visible, one_line, units
from bot.platforms.telegram.keyboard import MAX_BUTTONS, asked, callback, keyboard
from bot.platforms.telegram.packing import packed
from bot.platforms.telegram.text import (
    ROOM,
    SEPARATOR,
    Paragraph,
    Span,
    address,
    carries,
    inert,
    link,
    markup,
    prose,
    total,
)

__all__ = ["Renderer", "asked", "callback", "carries", "inline", "plain", "render"]

NOTHING = "…"
"""Said where a message would be empty, which Telegram refuses."""

PIN = "pinChatMessage"

_MOST_NUMBERS = 40


def render(message: Message) -> tuple[Payload, ...]:
    """The calls that say *message*, in order; one where it fits. Buttons stand under the last.

    Where it is to be pinned, one more pins the first: whoever sends puts that one's number in the place of `@parent`.
    """
    said, groups, pager = _parted(message)
    written = list(_written(said, message))
    whole = [paragraph for block in written for paragraph in block]
    texts = [whole] if total(whole).within(ROOM) else packed(written)
    bodies = list(filter(None, (markup(text).strip() for text in texts))) or [NOTHING]
    shown = next(filter(None, (address(card.url) for card in message.cards())), "") if message.preview else ""
    payloads = [_payload(body, shown if n == 0 else "", silent=message.silent) for n, body in enumerate(bodies)]
    if buttons := keyboard(groups, pager):
        payloads[-1]["params"]["reply_markup"] = buttons
    if message.pin:  # without a sound: the edition itself rang, or was not to
        payloads.append({"method": PIN, "params": {"message_id": "@parent", "disable_notification": True}})
    return tuple(payloads)


class Renderer:
    """This renderer, for whoever lays out and sends nothing."""

    name = "telegram"
    render = staticmethod(render)


def _payload(html: str, preview: str, *, silent: bool) -> Payload:
    params: dict[str, Any] = {"text": html, "parse_mode": "HTML", "link_preview_options": _preview(preview)}
    if silent:
        params["disable_notification"] = True
    return {"method": "sendMessage", "params": params}


def _preview(url: str) -> dict[str, Any]:
    return {"url": url} if url else {"is_disabled": True}


# -- blocks ------------------------------------------------------------------------------------------------------------


def _parted(message: Message) -> tuple[list[Block], list[tuple[Button, ...]], Pager | None]:
    """What is written, what stands on buttons, and where we are.

    All buttons stand at the end. So a line that announces some (“Did you mean:”) goes there too, and buttons beyond
    what a message may have are written out.
    """
    said: list[Block] = []
    last: list[Block] = []
    groups: list[tuple[Button, ...]] = []
    pager: Pager | None = None
    room = MAX_BUTTONS - 2
    for block in message.blocks:
        match block:
            case Buttons(buttons):
                if said and isinstance(before := said[-1], Text) and before.text.endswith((":", "：")):
                    last.append(said.pop())
                groups.append(buttons[:room])
                if beyond := buttons[room:]:
                    last.append(Usage(tuple(UsageLine(one.action, one.action.args, one.label) for one in beyond)))
                room -= len(groups[-1])
            case Pager():
                pager = block
            case Tree(lines):
                groups.append(_numbers(lines)[:room])
                room -= len(groups[-1])
                said.append(block)
            case _:
                said.append(block)
    return [*said, *last, *((pager,) if pager else ())], groups, pager


def _numbers(lines: tuple[TopicLine, ...]) -> tuple[Button, ...]:
    """The topics of a list by their numbers, where they are few enough to be found again on the buttons."""
    numbers = tuple(Button(str(line.number), line.action) for line in lines if not line.muted)
    return numbers if len(numbers) <= _MOST_NUMBERS else ()


def _written(blocks: list[Block], message: Message) -> Iterator[list[Paragraph]]:
    """The paragraphs of each block that has any."""
    before: Block | None = None
    for block in blocks:
        paragraphs = [paragraph for paragraph in _paragraphs(block, message) if paragraph.visible]
        if not paragraphs:
            continue
        if before is not None and not _close(before, block, message):
            paragraphs[0] = paragraphs[0]._replace(gap=True)
        before = block
        yield paragraphs


def _close(above: Block, below: Block, message: Message) -> bool:
    """No empty line between the two. Items that are a title alone read as a list."""
    match above, below:
        case Card(), Card():
            return message.format == "compact" or (_is_line(above) and _is_line(below))
    return close_together(above, below, message)


def _is_line(card: Card) -> bool:
    return not (card.summary or card.recommendation or card.parts or card.links or card.path or card.children)


def _paragraphs(block: Block, message: Message) -> Iterator[Paragraph]:
    match block:
        case Heading():
            yield _heading(block)
        case Text(text, quiet):
            yield _line(text, "i" if quiet else "")
        case Card():
            yield from _compact(block) if message.format == "compact" else _card(block)
        case Note():
            yield Paragraph(prose(clean(block.text).strip()))
            yield _links(block.links)
        case Tree(lines):
            yield from map(_topic, lines)
        case Facts(rows):
            for name, value in rows:
                yield Paragraph((Span(inert(name.strip()), "b"), Span(inert(f"{colon(name)}{value}"))))
        case Usage(lines):
            for usage in lines:
                yield _usage(usage)
        case Pager(text):
            yield _line(text, "i")


_INDENT = "\u2003"
"""An em space: what a line begins with is thrown away if it is an ordinary one."""


def _line(text: str, tag: str = "") -> Paragraph:
    return Paragraph((Span(inert(clean(text).strip()), tag),))


def _heading(heading: Heading) -> Paragraph:
    return Paragraph((Span(inert(one_line(heading.text)), "b"), *_aside(heading.aside)), leads=True)


def _aside(text: str, tag: str = "") -> tuple[Span, ...]:
    """*text* behind a separator, which does not stand alone."""
    return (Span(inert(f"{SEPARATOR}{one_line(text)}"), tag),) if is_visible(one_line(text)) else ()


def _topic(line: TopicLine) -> Paragraph:
    title = Span(inert(one_line(line.title)), "b" if line.depth == 0 and not line.muted else "")
    return Paragraph((Span(f"{line.number}. {_INDENT * line.depth}"), title, *_aside(line.aside)))


def _usage(line: UsageLine) -> Paragraph:
    """A command that can be touched, how it goes on, what comes of it."""
    typed = Span(f"/{line.action.name}", "/")
    return Paragraph((typed, Span(inert(f" {line.arguments}".rstrip())), Span(inert(f" — {line.meaning}"))))


def _links(links: tuple[Link, ...]) -> Paragraph:
    spans: list[Span] = []
    for one in links:
        spans += [Span(SEPARATOR)] if spans else []
        spans += link(one.label, one.url)
    return Paragraph(tuple(spans))


# -- cards -------------------------------------------------------------------------------------------------------------


def _compact(card: Card, bullet: str = "• ") -> Iterator[Paragraph]:
    further = _links(card.links).spans
    yield Paragraph((*_title(card, bullet), *((Span(SEPARATOR), *further) if further else ())))
    for child in card.children:
        yield from _compact(child, f"{_INDENT}◦ ")


def _card(card: Card, bullet: str = "• ") -> Iterator[Paragraph]:
    yield Paragraph(_title(card, bullet))
    yield from _foldable((), card.summary, card.more)
    if card.recommendation:
        yield from _labelled(card.recommendation, "b")
    for part in card.parts:
        yield from _labelled(part, "i")
    yield _links(card.links)
    yield _places(card)
    for lead, child in with_leads(card):
        if lead:
            yield _line(lead)
        yield from _card(child, f"{_INDENT}◦ ")


def _title(card: Card, bullet: str) -> tuple[Span, ...]:
    return (Span(bullet), *link(card.title, card.url), *_aside(card.badge, "i"))


def _labelled(part: Labelled, tag: str) -> Iterator[Paragraph]:
    label = (Span(inert(part.label), tag), Span(colon(part.label))) if part.label else ()
    yield from _foldable(label, part.text, part.more)


def _foldable(label: tuple[Span, ...], text: str, more: str) -> Iterator[Paragraph]:
    """What is to be read at once; where that is not all, the whole in a quotation that unfolds."""
    if more:
        text = f"{text}{'' if width(text[-1:]) == 2 else ' '}{more}"
    if text := clean(text).strip():
        yield Paragraph((*label, *prose(text)), quote=bool(more))


def _places(card: Card) -> Paragraph:
    """Where the card belongs, in the lower voice: its article, its path, its tags."""
    where = [f"↑ {card.beneath}"] if card.beneath else []
    where += [" / ".join(card.path)] if card.path else []
    return _line(one_line(SEPARATOR.join((*where, *card.tags))), "i")


# -- without layout ----------------------------------------------------------------------------------------------------

_LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def plain(payload: Payload) -> Payload:
    """The same call without layout and buttons, cut to what is always accepted; addresses stand behind their names."""
    params = {name: value for name, value in payload["params"].items() if name not in ("parse_mode", "reply_markup")}
    if "text" in params:
        html = params["text"]
        text = _stripped(_LINK.sub(lambda match: f"{match[2]} {match[1]}" if match[1] != match[2] else match[1], html))
        if units(text) > ROOM.units:
            text = _cut(_stripped(html))
        params["text"] = text if is_visible(text) else NOTHING
    return {"method": payload["method"], "params": params}


def _stripped(html: str) -> str:
    return unescape(_TAG.sub("", html)).strip()


def _cut(text: str) -> str:
    while units(text) > ROOM.units:
        text = text[: pause(text, len(text) - max(1, (units(text) - ROOM.units) // 2))]
    return text


# -- inline ------------------------------------------------------------------------------------------------------------

_DESCRIPTION_COLUMNS = 160
_TITLE_COLUMNS = 120
_ID_BYTES = 64


def inline(message: Message, limit: int = 50) -> tuple[dict[str, Any], ...]:
    """The cards of *message* as results of an inline query, each once; Telegram takes 50 at most."""
    results: dict[str, dict[str, Any]] = {}
    for card in message.cards():
        if len(results) == limit:
            break
        ours = card.id.isascii() and 0 < len(card.id) <= _ID_BYTES
        name = card.id if ours else hashlib.sha256(card.id.encode("utf-8", "replace")).hexdigest()
        results.setdefault(name, _article(name, card, message))
    return tuple(results.values())


def _article(name: str, card: Card, message: Message) -> dict[str, Any]:
    (first, *_) = render(Message((card,), message.language, message.format, preview=message.preview))
    content = {"message_text": first["params"]["text"]}
    content |= {key: first["params"][key] for key in ("parse_mode", "link_preview_options")}
    title = shortened(clean(card.title), _TITLE_COLUMNS)
    about = card.summary or (card.recommendation.text if card.recommendation else "") or " / ".join(card.path)
    article = {
        "type": "article",
        "id": name,
        "title": title if is_visible(title) else NOTHING,
        "input_message_content": content,
    }
    if description := shortened(clean(about), _DESCRIPTION_COLUMNS):
        article["description"] = description
    if url := address(card.url):
        article["url"] = url
    return article
