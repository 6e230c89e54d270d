"""HTML made of text, piece by piece: what is not ours is escaped, and an address leads somewhere only if it is safe."""

from __future__ import annotations

import re
from html import escape

from bot.web.addresses import safe

REL = "noopener nofollow"

_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]")
_HALVES = re.compile(r"[\ud800-\udfff]")
_ADDRESS = re.compile(r"https?://[^\s<>\"“”「」『』《》【】，。；、！？：（）]+", re.IGNORECASE)
_BEHIND = ".,:;!?'\"*_~|"


def tidy(text: str) -> str:
    """*text* without what no page may hold, or what would turn the rest of it around."""
    if text.isascii() and text.isprintable():
        return text
    return _HALVES.sub("\ufffd", _UNWANTED.sub("", text))


def text(words: str) -> str:
    """*words* as they are."""
    return escape(tidy(words))


def link(label: str, url: str) -> str:
    """*label* (HTML) as a link out of here; where that may not be, the label alone."""
    target = safe(url)
    return f'<a href="{text(target)}" rel="{REL}">{label}</a>' if target else label


def linked(words: str) -> str:
    """*words*, in which the addresses that somebody wrote out are links."""
    made, at = [], 0
    for match in _ADDRESS.finditer(words):
        url = _without_punctuation(match[0])
        made += [text(words[at : match.start()]), link(text(url), url)]
        at = match.start() + len(url)
    return "".join((*made, text(words[at:])))


def _without_punctuation(url: str) -> str:
    while True:
        url = url.rstrip(_BEHIND)
        if url[-1] in ")]}" and url.count(url[-1]) > url.count("([{"[")]}".index(url[-1])]):
            url = url[:-1]
        else:
            return url


def asking(label: str, address: str, kind: str) -> str:
    """A button (its label is text) that leads to another page of ours."""
    return f'<a class="{kind}" href="{text(address)}">{text(label)}</a>' if address else f"<span>{text(label)}</span>"
