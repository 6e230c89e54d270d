"""Slack's blocks as a page shows them: headers, sections, rich text, context, actions. It leaves out what it does not
know.

Blocks are dicts as they go to Slack (https://docs.slack.dev/reference/block-kit/blocks); nothing here imports anything
of Slack's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import Any, TypeAlias

from bot.platforms.base import Payload
from bot.web.markup import asking, link, text
from bot.web.room import Asking

Block: TypeAlias = Mapping[str, Any]
Typed: TypeAlias = Callable[[str], str]

_STYLES = {"bold": "strong", "italic": "em", "strike": "s", "code": "code"}
_SECTIONS = {"rich_text_section": "p", "rich_text_quote": "blockquote", "rich_text_preformatted": "pre"}
_MRKDWN = re.compile(
    r"<(?P<url>[^|<>\s]+)(?:\|(?P<label>[^<>]*))?>"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?![\w*])|(?<![\w_])_(?P<italic>[^_\n]+)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^~\n]+)~(?![\w~])|`(?P<code>[^`\n]+)`"
)


def messages(typed: Typed) -> Callable[[Sequence[Payload], Asking], str]:
    """How Slack is drawn. *typed*: the command, as one types it, that a button's value stands for; empty for none.

    Messages that reply to the first one stand beneath it as its thread.
    """

    def draw(payloads: Sequence[Payload], asking_for: Asking) -> str:
        drawn: list[str] = []
        thread: list[str] = []
        for payload in payloads:
            params = payload["params"]
            blocks = params.get("blocks")
            said = from_blocks(blocks, typed, asking_for) if blocks else _mrkdwn(params.get("text", ""))
            (thread if "thread_ts" in params else drawn).append(f'<div class="message">{said}</div>')
        return "".join(drawn) + (f'<div class="thread">{"".join(thread)}</div>' if thread else "")

    return draw


def from_blocks(blocks: Sequence[Block], typed: Typed, asking_for: Asking) -> str:
    """*blocks* as HTML."""
    return "".join(_block(block, typed, asking_for) for block in blocks)


def _block(block: Block, typed: Typed, asking_for: Asking) -> str:
    match block:
        case {"type": "header", "text": words}:
            return f'<p class="header">{_text(words)}</p>'
        case {"type": "section"}:
            fields = "".join(f"<p>{_text(words)}</p>" for words in block.get("fields", ()))
            beside = _element(block["accessory"], typed, asking_for) if "accessory" in block else ""
            return (f"<p>{_text(block['text'])}</p>" if "text" in block else "") + fields + beside
        case {"type": "rich_text", "elements": elements}:
            return f'<div class="rich">{_rich(elements)}</div>'
        case {"type": "context", "elements": elements}:
            return f'<p class="context">{" ".join(_text(one) for one in elements if "text" in one)}</p>'
        case {"type": "actions", "elements": elements}:
            return f'<div class="actions">{"".join(_element(one, typed, asking_for) for one in elements)}</div>'
        case {"type": "divider"}:
            return "<hr>"
    return ""


def _text(words: Block) -> str:
    """A composition object: ``plain_text`` or ``mrkdwn``."""
    said = words.get("text", "")
    return _mrkdwn(said) if words.get("type") == "mrkdwn" else text(said).replace("\n", "<br>")


def _mrkdwn(said: str) -> str:
    made, at = [], 0
    for match in _MRKDWN.finditer(said):
        made += [_plain(said[at : match.start()]), _marked(match)]
        at = match.end()
    return "".join((*made, _plain(said[at:])))


def _marked(match: re.Match[str]) -> str:
    if url := match["url"]:
        return link(_plain(match["label"] or url), unescape(url))
    style = str(match.lastgroup)
    return f"<{_STYLES[style]}>{_plain(match[style])}</{_STYLES[style]}>"


def _plain(said: str) -> str:
    """Slack writes ``&``, ``<`` and ``>`` as entities."""
    return text(unescape(said)).replace("\n", "<br>")


# -- rich text ---------------------------------------------------------------------------------------------------------


def _rich(elements: Sequence[Block]) -> str:
    """Sections and lists. Slack has no lists within lists: it has lists with an indent, one after the other."""
    return "".join(_list(one) if one.get("type") == "rich_text_list" else _section(one) for one in elements)


def _section(section: Block) -> str:
    tag = _SECTIONS.get(str(section.get("type")))
    return f"<{tag}>{_inline(section.get('elements', ()))}</{tag}>" if tag else ""


def _list(rows: Block) -> str:
    tag = "ol" if rows.get("style") == "ordered" else "ul"
    indent = min(max(int(rows.get("indent", 0)), 0), 8)
    entries = "".join(f"<li>{_inline(row.get('elements', ()))}</li>" for row in rows.get("elements", ()))
    return f'<{tag} class="indent-{indent}">{entries}</{tag}>'


def _inline(elements: Sequence[Block]) -> str:
    return "".join(map(_piece, elements))


def _piece(piece: Block) -> str:
    match piece:
        case {"type": "text", "text": said}:
            made = text(said).replace("\n", "<br>")
        case {"type": "link", "url": url}:
            made = link(text(piece.get("text") or url), url)
        case {"type": "emoji", "name": name}:
            made = text(f":{name}:")
        case {"type": "user" | "channel" | "usergroup" | "broadcast"}:
            made = text("@…")
        case _:
            return ""
    for style, tag in _STYLES.items():
        if piece.get("style", {}).get(style):
            made = f"<{tag}>{made}</{tag}>"
    return made


# -- buttons -----------------------------------------------------------------------------------------------------------


def _element(element: Block, typed: Typed, asking_for: Asking) -> str:
    match element:
        case {"type": "button", "text": words, "url": url}:
            return f'<span class="button">{link(_text(words), url)}</span>'
        case {"type": "button", "text": words}:
            command = typed(str(element.get("value", "")))
            return asking(words.get("text", ""), asking_for(command) if command else "", "button")
        case {"type": "static_select", "options": options}:
            shown = words.get("text", "") if (words := element.get("placeholder")) else "…"
            choices = "".join(f"<li>{_choice(one, typed, asking_for)}</li>" for one in options)
            return f'<details class="menu"><summary>{text(shown)}</summary><ul>{choices}</ul></details>'
    return ""


def _choice(option: Block, typed: Typed, asking_for: Asking) -> str:
    command = typed(str(option.get("value", "")))
    return asking(option["text"].get("text", ""), asking_for(command) if command else "", "choice")
