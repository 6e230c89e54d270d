"""A digest that no file ever held, shown as it is; and what people write who mean no good."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from starlette.applications import Starlette

from bot.chat import pages as chat_pages
from bot.chat.conversation import Reader
from bot.chat.message import Message
from bot.digest.config import DigestConfig
from bot.digest.library import Library
from bot.digest.model import Digest
from bot.editions.edition import compose
from bot.editions.theme import History, pick
from bot.front.reading_room import screens
from bot.web.health import Health
from bot.web.pages import Pages
from bot.web.room import Coming, Issue, Room, State, Wish
from bot.web.site import site

WICKED = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "</title><b>",
    "{{ 7*7 }}", "{% raw %}", "&lt;b&gt; & <b>", "<!--", "]]>", "\x00\x08\x1b[31m", "\u202egnp.exe", "\ud800 half",
    "a\u2028b", "<svg/onload=alert(1)>", "javascript:alert(1)", "\ufffe\uffff", "../../etc/passwd", "%2e%2e%2f",
    "a\r\nSet-Cookie: x=1", "", " ", "\u200b", "𝕏" * 300, "<style>*{display:none}</style>", "</main></body></html>",
    "<x-evil on=1>",
)  # fmt: skip

UNSAFE = (
    "javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,<b>", "vbscript:x", "file:///etc/passwd", "//evil",
    "https://", "http:///x", "https://a\nb", "ht\ttps://x", "\x01https://x", "", "x", "https://[::1",
)  # fmt: skip
"""Addresses to which no browser must be sent."""


class Glass(Room):
    """Shows one state, however it came about."""

    def __init__(self, state: State) -> None:
        self._state = state

    def state(self) -> State:
        return self._state

    def at_hand(self) -> State:
        return self._state

    def preview(self, wish: Wish) -> Message:
        assert self._state.current is not None
        return chat_pages.edition(self._state.current, self._state.library, Reader(wish.language, wish.format))

    def answer(self, text: str, language: str) -> Message:
        return chat_pages.search(text, (), (), self._state.library, Reader(language))


def shown(one: Digest, *, posted: bool = False, title: str | None = None) -> Starlette:
    """The pages over a digest; with its first edition *posted* or not."""
    library = Library.build([one], DigestConfig(title=title))
    theme = pick(library, History(), "2026-W45")
    assert theme is not None
    edition = compose(library, theme, History(), "2026-W45", items_per_edition=50)
    at = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
    issues = (Issue(1, "2026-W45", edition, at),) if posted else ()
    state = State(library, ZoneInfo("UTC"), issues, edition, Coming(edition, at), ("2026-W45",), 1)
    return site(health=lambda: Health(()), pages=Pages(Glass(state), screens))
