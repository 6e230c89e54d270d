"""Text as every network takes it: without what none may hold, as one line, what it counts, the addresses in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# What turns the rest of the message around or cannot be sent at all: controls, bidi overrides, halves of pairs.
_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

# Letters by name, blanks by looks.
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"

_BARE = re.compile(r"https?://[^\s<>\"“”「」『』《》【】，。；、！？：（）]+", re.IGNORECASE)
_BEHIND = ".,:;!?'\"*_~|"


def clean(text: str) -> str:
    """*text* without the characters that no message may hold."""
    return text if text.isprintable() else _UNWANTED.sub("", text)


def one_line(text: str) -> str:
    """*text*, clean and with every run of space made one."""
    return " ".join(clean(text).split())


def is_visible(text: str) -> bool:
    """Whether *text* leaves any ink: no network takes a message, a label or a link of spaces and joiners alone."""
    if text[:1].isalnum() and text[0] not in _BLANK:
        return True
    return any(unicodedata.category(one)[0] not in "ZCM" and one not in _BLANK for one in text)


def units(text: str) -> int:
    """UTF-16 units, in which Telegram measures. How Slack does is nowhere said, and no other way yields more."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def addresses(text: str) -> Iterator[tuple[int, str]]:
    """Where in *text* somebody wrote out an address, and which: without the punctuation behind it."""
    for match in _BARE.finditer(text) if "://" in text else ():
        yield match.start(), _without_punctuation(match[0])


def _without_punctuation(url: str) -> str:
    while True:
        url = url.rstrip(_BEHIND)
        if url[-1] in ")]}" and url.count(url[-1]) > url.count("([{"[")]}".index(url[-1])]):
            url = url[:-1]
        else:
            return url
