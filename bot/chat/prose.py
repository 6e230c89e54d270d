"""Measure prose and cut it where a reader would pause. Knows Chinese and Latin sentences; knows no platform."""

from __future__ import annotations

import re
import unicodedata

_SENTENCE_END = re.compile(r"[。！？!?…]+[」』”’\"')）】]*|(?<=[\w)\]”’\"'])\.[”’\"')]*(?=\s|$)")
_PAUSE = re.compile(r"[，、；：,;]\s*|\s+")
_FLAG = ("\U0001f1e6", "\U0001f1ff")
_FLAG_LETTERS = "".join(map(chr, range(ord(_FLAG[0]), ord(_FLAG[1]) + 1)))
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^\s<>，。；）]+", re.IGNORECASE)


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
    return _outside_addresses(text, _outside_clusters(text, at or ceiling))


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
    while 0 < at < len(text) and _in_cluster(text, at):
        at -= 1
    return at or len(text)


def _in_cluster(text: str, at: int) -> bool:
    """Whether the characters on both sides of *at* show as one: marks, joined emoji, skin tones, flags, syllables."""
    after = text[at]
    if after <= "\u02ff":
        return after == "\xad"
    if text[at - 1] == "\u200d" or unicodedata.category(after) in ("Mn", "Mc", "Me", "Cf"):
        return True
    if _FLAG[0] <= after <= _FLAG[1]:
        letters = len(text[:at]) - len(text[:at].rstrip(_FLAG_LETTERS))
        return letters % 2 == 1
    return "\U0001f3fb" <= after <= "\U0001f3ff" or "\u1160" <= after <= "\u11ff"


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
