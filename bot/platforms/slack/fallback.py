"""A message in one string: for notifications, for screen readers, and for when its blocks are refused.

This is the only text that Slack parses: `&`, `<` and `>` are escaped, and `@here` and its kin are kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.chat.prose import pause
from bot.platforms.letters import is_visible, units
from bot.platforms.slack.text import Line, Span

MAX_FALLBACK = 4000
NOTHING = "…"
"""Said where a message would be empty, which Slack refuses."""

_SHOUT = re.compile(r"@(?=(?:here|channel|everyone)\b)")
_JOINER = "\u2060"


def fallback(lines: Iterable[Line]) -> str:
    """*lines*, addresses behind their names; as much of them as a call's text may hold."""
    said: list[str] = []
    left = MAX_FALLBACK - len(NOTHING) - 1
    for line in lines:
        pieces, left = _fitting(line, left - 1)
        said.append("".join(pieces))
        if left < 0:
            said[-1] += NOTHING
            break
    text = "\n".join(said).strip()
    return text if is_visible(text) else NOTHING


def _fitting(line: Line, room: int) -> tuple[list[str], int]:
    """What of *line* there is *room* for, and how much of that is left; less than nothing where not all fitted."""
    pieces = [] if line.indent is None else ["    " * line.indent + "• "]
    room -= sum(map(units, pieces))
    for span in line.spans:
        written = _written(span)
        if units(written) > room:
            return ([*pieces, "" if span.url else _cut(span.text, room)] if room > 0 else []), -1
        room -= units(written)
        pieces.append(written)
    return pieces, room


def _cut(text: str, room: int) -> str:
    ceiling = min(len(text), room)
    while (over := units(escaped(text[:ceiling])) - room) > 0:
        ceiling -= max(1, over // 5)  # an ampersand takes five
    return escaped(text[: min(pause(text, ceiling), ceiling)])


def _written(span: Span) -> str:
    if not span.url:
        return escaped(span.text)
    url = _SHOUT.sub("%40", span.url.replace("&", "&amp;"))
    return f"<{url}>" if span.text == span.url else f"<{url}|{escaped(span.text)}>"


def escaped(text: str) -> str:
    """*text* in which Slack finds nothing of its own."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SHOUT.sub(f"@{_JOINER}", text)
