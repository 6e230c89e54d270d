"""The pieces of a block's text: words, links, pictures; and the links that hide in words.

Bare addresses become links, and ``[text] (url)`` the link that was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

SpanKind = Literal["text", "link", "image", "code", "break"]

_BARE_URL = re.compile(
    r"""(?i:https?)://(?:[^\s<>"'`\\|{}^\[\]\u3000-\u303f\u2018-\u201f\u2026\u3400-\u9fff\uff01-\uffef]
    |\[[\w.:%-]*\]
    |(?<=[/=_\u3400-\u9fff-])[\u3400-\u9fff])+""",
    re.VERBOSE,  # not IGNORECASE for all of it: each of these 28,000 signs would be asked for its capital
)
_BROKEN_END = re.compile(r"\[([^\[\]]{1,300})\]\s?\($")


class Span(Struct, frozen=True, gc=False):
    """A piece of a block's text. Of a link, *text* is its label and *url* its target as written."""

    kind: SpanKind
    text: str
    url: str = ""
    line: int = 0
    strong: bool = False


def split_urls(text: str, line: int, strong: bool) -> Iterator[Span]:
    """*text* as spans, the bare addresses in it as links (GitHub Flavored Markdown, section 6.9).

    Unlike there, an address also ends before full-width punctuation and before a Chinese word glued to it.
    """
    at = 0
    for match in _BARE_URL.finditer(text):
        url = _trimmed(match[0])
        if len(url) < 10 or (match.start() and text[match.start() - 1].isalnum() and text[match.start() - 1].isascii()):
            continue
        if match.start() > at:
            yield Span("text", text[at : match.start()], "", 0, strong)
        yield Span("link", url, url, line, strong)
        at = match.start() + len(url)
    if at < len(text):
        yield Span("text", text[at:], "", 0, strong)


def _trimmed(url: str) -> str:
    """Without the punctuation of the sentence around it; closing parentheses stay only where they were opened."""
    end = len(url)
    surplus = url.count(")") - url.count("(")
    while end:
        if url[end - 1] in "?!.,:;*_~'\"":
            end -= 1
        elif url[end - 1] == ")" and surplus > 0:
            surplus -= 1
            end -= 1
        else:
            break
    return url[:end]


def mended_links(spans: list[Span]) -> list[Span]:
    """The spans with ``[text] (url)`` and ``[text](url`` made into the links that were meant."""
    mended: list[Span] = []
    joined = False
    for span in spans:
        before = mended[-1] if mended else None
        if joined and span.kind == "text":
            span = replace(span, text=span.text.removeprefix(")"))
        joined = False
        bare = span.kind == "link" and span.text == span.url and before is not None and before.kind == "text"
        if bare and before and (found := _BROKEN_END.search(before.text)):
            mended[-1] = replace(before, text=before.text[: found.start()])
            span = replace(span, text=found[1])
            joined = True
        mended.append(span)
    return mended


def shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
