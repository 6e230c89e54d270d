"""Measure prose and cut it where a reader would pause. Knows Chinese and Latin sentences; knows no platform."""

from __future__ import annotations

import re
import unicodedata

_SENTENCE_END = re.compile(r"[。！？!?…]+[」』”’\"')）】]*|(?<=[\w)\]”’\"'])\.[”’\"')]*(?=\s|$)")
_PAUSE = re.compile(r"[，、；：,;]\s*|\s+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s<>，。；）]+", re.IGNORECASE)


def width(text: str) -> int:
    """Columns that *text* takes in a terminal: two for a Chinese character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, limit: int) -> tuple[str, str]:
    """*text* in two: what fits into about *limit* columns, and the rest.

    The cut falls after the last whole sentence that fits; a first sentence that does not fit is cut at a pause, never
    inside an address or between a character and its marks. A rest too short to be worth a second look stays with the
    first.
    """
    text = text.strip()
    if width(text) <= limit * 1.15:
        return text, ""
    at = pause(text, _index_at(text, limit))
    return text[:at].rstrip(), text[at:].lstrip()


def pause(text: str, ceiling: int) -> int:
    """The last index up to *ceiling* where a reader would pause: after a sentence, else at a pause, else anywhere.

    It is beyond *ceiling* only where *text* begins with an address or a cluster that is longer.
    """
    at = _last_end(_SENTENCE_END, text, ceiling, floor=ceiling // 3) or _last_end(
        _PAUSE, text, ceiling, floor=ceiling // 2
    )
    return _outside_addresses(text, at or _outside_clusters(text, ceiling))


def _index_at(text: str, columns: int) -> int:
    used = 0
    for index, character in enumerate(text):
        used += _columns(character)
        if used > columns:
            return index
    return len(text)


def _last_end(pattern: re.Pattern[str], text: str, ceiling: int, *, floor: int) -> int:
    addresses = [match.span() for match in _URL.finditer(text)]
    ends = [match.end() for match in pattern.finditer(text, 0, ceiling + 1) if match.end() <= ceiling]
    outside = [end for end in ends if end >= floor and not any(start < end < stop for start, stop in addresses)]
    return max(outside, default=0)


def _outside_addresses(text: str, at: int) -> int:
    for match in _URL.finditer(text):
        if match.start() < at < match.end():
            return match.start() or match.end()
    return at


def _outside_clusters(text: str, at: int) -> int:
    while 0 < at < len(text) and (_columns(text[at]) == 0 or text[at - 1] == "\u200d"):
        at -= 1
    return at or len(text)


def shortened(text: str, limit: int) -> str:
    """One line of at most *limit* columns, with an ellipsis where something is missing."""
    text = " ".join(text.split())
    if width(text) <= limit:
        return text
    return text[: _outside_clusters(text, _index_at(text, limit - 1))].rstrip() + "…"


# What a line must not begin or end with, in Chinese and in English.
_CLOSING = "，。！？；：、…）」』】》”’％,.!?;:)]}%·"
_OPENING = "（「『【《“‘([{"
_UNIT = re.compile(rf"[{re.escape(_OPENING)}]*(?:[\x21-\xff\u0100-\u1fff]+|.)[{re.escape(_CLOSING)}]*", re.DOTALL)


def wrapped(text: str, columns: int) -> list[str]:
    """*text* in lines of at most *columns*, its own line breaks kept.

    Chinese breaks between any two characters, but no line begins with a full stop or ends with an opening bracket;
    words and addresses stay whole, and stand alone where they are too long.
    """
    return [line for paragraph in text.splitlines() for line in _wrapped_paragraph(paragraph, columns)]


def _wrapped_paragraph(text: str, columns: int) -> list[str]:
    lines: list[str] = []
    line, used = "", 0
    for unit in _UNIT.findall(text):
        taken = width(unit)
        if used + taken > columns and line.strip():
            lines.append(line.rstrip())
            line, used = "", 0
            if unit.isspace():
                continue
        line += unit
        used += taken
    return [*lines, line.rstrip()]
