"""Links that lead astray, seen while their Markdown is still at hand: no address at all, or not the one that they show.

The parser drops what is no address to plain text and takes a title in place of a label that is one, so this looks at
the blocks as they were read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.digest.findings import shorten
from bot.digest.identity import normalise
from bot.digest.parsing import shapes
from bot.digest.parsing.markdown import Document, Mistake

_FINE = re.compile(r"https?://[a-z0-9](?!ttps?(?::|%3a|/))", re.IGNORECASE)
_SHOWS_ADDRESS = re.compile(r"http|www\.", re.IGNORECASE)
_TWO_SCHEMES = re.compile(r"https?://https?(?::|%3a|/)", re.IGNORECASE)
_HOST_ALONE = re.compile(r"www\.[\w-]+\.\w", re.IGNORECASE)
_MISTYPED = re.compile(r"(?<![a-z0-9])(?!https?:)[ht]{1,5}ps{0,2}://[\w-]+\.\w[^\s<>]*", re.IGNORECASE)
_NAMED = re.compile(r"""<[a-z][^<>]*?\s(?:id|name)\s*=\s*["']?([^"'\s<>]+)""", re.IGNORECASE)
_CUT_SHORT = ("…", "...")
_SENTENCE_END = ".,;:!?)]）】。，；："


def mistakes(document: Document) -> Iterator[Mistake]:
    """``malformed-url`` for each link without a usable address, ``text-differs`` for each that shows another one."""
    for link in document.links:
        if not _FINE.match(link.url) and not shapes.is_anchor(link.url) and (wrong := _malformed(link.url)):
            yield link.line, "malformed-url", wrong
        elif _SHOWS_ADDRESS.match(link.text) and link.text != link.url and _shows_another(link.text, link.url):
            message = f"the link shows {shorten(link.text)} but leads to {shorten(link.url)}: make both the same"
            yield link.line, "text-differs", message
    for line, text in document.with_urls:
        if found := _MISTYPED.search(text):
            yield line, "malformed-url", f"{shorten(found[0])} is no complete address: begin it with https://"


def _malformed(url: str) -> str | None:
    if url[:8] == "https://" and url[8:9].isalnum() and not _TWO_SCHEMES.match(url):
        return None
    if wrong := shapes.malformed(url):
        return f"{wrong}; write the whole address"
    if _TWO_SCHEMES.match(url):
        return f"{shorten(url)} begins with https:// twice: keep one"
    if _HOST_ALONE.match(url):
        return f"{shorten(url)} lacks its https://: without it the link leads to a file beside the digest"
    return None


def _shows_another(label: str, url: str) -> bool:
    """Whether *label* is an address other than *url*. One that is cut short for the eye shows none."""
    label = label.strip()
    if not shapes.is_url_text(label, url) or label.endswith(_CUT_SHORT):
        return False
    return normalise(label.rstrip(_SENTENCE_END)) != normalise(url.rstrip(_SENTENCE_END))


def named_anchors(text: str) -> tuple[str, ...]:
    """The anchors that raw HTML sets (``<a id="x">``, ``<a name="x">``), where a table of contents may lead as well."""
    return tuple(dict.fromkeys(_NAMED.findall(text))) if "<" in text else ()
