"""Telegram's payloads as bubbles on a page: the same text, its few tags one by one made ours, its buttons as links."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html.parser import HTMLParser

from bot.chat.prose import shortened
from bot.platforms.base import Payload
from bot.web.addresses import safe
from bot.web.markup import REL, asking, text
from bot.web.room import Asking

_TAGS = {"b": "strong", "strong": "strong", "i": "em", "em": "em", "u": "u", "s": "s", "code": "code", "pre": "pre"}
_FOLDED_COLUMNS = 110
"""What of a quotation shows before it is unfolded: three lines of a telephone."""


def bubbles(typed: Callable[[str], str]) -> Callable[[Sequence[Payload], Asking], str]:
    """How Telegram is drawn. *typed*: the command, as one types it, that a button's data stands for; empty for none."""

    def draw(payloads: Sequence[Payload], asking_for: Asking) -> str:
        return "".join(_bubble(payload, typed, asking_for) for payload in payloads if "text" in payload["params"])

    return draw


def _bubble(payload: Payload, typed: Callable[[str], str], asking_for: Asking) -> str:
    params = payload["params"]
    said = from_telegram(params["text"]) if params.get("parse_mode") == "HTML" else text(params["text"])
    rows = params.get("reply_markup", {}).get("inline_keyboard", ())
    keyboard = "".join(
        f'<div class="keys">{"".join(_key(one, typed, asking_for) for one in row)}</div>' for row in rows
    )
    return f'<div class="bubble">{said}</div>{keyboard}'


def _key(button: dict[str, str], typed: Callable[[str], str], asking_for: Asking) -> str:
    command = typed(button.get("callback_data", ""))
    return asking(button["text"], asking_for(command) if command else "", "key")


def from_telegram(html: str) -> str:
    """Telegram's HTML as a page's. Only tags that Telegram has are let through, and nothing of what is in them."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.made()


class _Reader(HTMLParser):
    """Keeps what is open, so that what it makes is well-formed whatever it reads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._open: list[tuple[str, str]] = []  # the tag that was read, and what ends the one that was made
        self._folded: list[str] | None = None  # what a quotation says, as text

    def made(self) -> str:
        """What was read so far, all of it closed."""
        while self._open:
            self._close()
        return "".join(self._pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "blockquote" and "expandable" in given and self._folded is None:
            self._begin(tag, "", "")
            self._folded = []
            self._at = len(self._pieces)
        elif tag == "blockquote":
            self._begin(tag, "<blockquote>", "</blockquote>")
        elif tag == "a":
            target = safe(given.get("href") or "")
            self._begin(tag, f'<a href="{text(target)}" rel="{REL}">' if target else "", "</a>" if target else "")
        elif tag in _TAGS:
            self._begin(tag, f"<{_TAGS[tag]}>", f"</{_TAGS[tag]}>")

    def handle_endtag(self, tag: str) -> None:
        if any(tag == one for one, _ in self._open):
            while self._close() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._pieces and self._pieces[-1].endswith(("</blockquote>", "</details>")):
            data = data.removeprefix("\n")  # a quotation ends its line by itself
        self._pieces.append(text(data))
        if self._folded is not None:
            self._folded.append(data)

    def _begin(self, tag: str, start: str, end: str) -> None:
        if tag == "blockquote" and self._pieces:
            self._pieces[-1] = self._pieces[-1].removesuffix("\n")  # and begins one
        self._pieces.append(start)
        self._open.append((tag, end))

    def _close(self) -> str:
        tag, end = self._open.pop()
        folding = tag == "blockquote" and not end
        self._pieces.append(end)
        if folding and self._folded is not None:
            self._fold("".join(self._folded))
        return tag

    def _fold(self, said: str) -> None:
        """Put a quotation behind its first lines, where it has more."""
        inside = "".join(self._pieces[self._at :])
        lead = shortened(said, _FOLDED_COLUMNS)
        self._pieces[self._at :] = (
            [f"<blockquote>{inside}</blockquote>"]
            if lead == " ".join(said.split())
            else [f'<details class="fold"><summary>{text(lead)}</summary><blockquote>{inside}</blockquote></details>']
        )
        self._folded = None
