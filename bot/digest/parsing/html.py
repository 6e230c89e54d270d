"""The little of raw HTML that a digest needs: words, line breaks, links, the words of pictures, and comments.

Not a parser of HTML: tags are found one after the other, in one pass that is linear whatever is thrown at it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)([^<>]*)>|<!--")
HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)

_PARAGRAPH_TAGS = frozenset(
    "p div li ul ol table tr td th h1 h2 h3 h4 h5 h6 details summary blockquote section article center header footer "
    "dl dt dd pre hr".split()
)
_SILENT_TAGS = frozenset({"script", "style", "textarea", "pre"})


def pieces(raw: str) -> Iterator[tuple[str, str, int]]:  # noqa: C901 - a row a tag
    """Kind, text and line offset of each piece of *raw*; one pass, never backwards."""
    at = line = 0
    silent: str | None = None
    while at < len(raw):
        tag = TAG.search(raw, at)
        stop = tag.start() if tag else len(raw)
        if stop > at:
            if silent is None:
                yield "text", html.unescape(raw[at:stop]), line
            line += raw.count("\n", at, stop)
        if tag is None:
            return
        if tag[2] is None:  # a comment; one without an end runs to the end of the block
            close = raw.find("-->", tag.end())
            at = len(raw) if close < 0 else close + 3
            if silent is None:
                yield "comment", raw[stop:at], line
        else:
            at = tag.end()
            name = tag[2].lower()
            if silent:
                silent = None if tag[1] and name == silent else silent
            elif name in _SILENT_TAGS and not tag[1]:
                silent = name
            elif name == "a":
                yield ("/a", "", line) if tag[1] else ("a", attribute(HREF, tag[3]), line)
            elif name == "img":
                yield "img", attribute(_ALT, tag[3]), line
            elif name == "br":
                yield "br", "", line
            elif name in _PARAGRAPH_TAGS:
                yield tag[1] + "p", "", line
        line += raw.count("\n", stop, at)


def attribute(pattern: re.Pattern[str], attributes: str) -> str:
    match = pattern.search(attributes)
    return html.unescape(next((group for group in match.groups() if group is not None), "")).strip() if match else ""
