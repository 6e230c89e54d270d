"""Text as Telegram takes it: spans in one style each, what they count, how they are written as HTML.

What a digest says is inert: `README.md`, `@name`, `#tag`, `/word` become no link, mention, hashtag or command. Telegram
finds those by itself, in every app, so a word joiner (invisible, no place to break a line) keeps them apart from the
sign that makes them one. Which signs and where is what TDLib does (`match_urls` and its neighbours in
`MessageEntity.cpp`); the tests ask it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple
from urllib.parse import quote as percent_encoded

from bot.platforms.letters import addresses, clean, is_visible, one_line, units

JOINER = "\u2060"
SEPARATOR = " · "
MAX_URL_BYTES = 4096
"""Of an address, escaped: nobody reads one that is longer, and two of them fill a message (see `ROOM`)."""

Tag = str
"""`b`, `i`, `a`, or nothing; `/` is a command, which is written plainly and counts all the same."""


class Span(NamedTuple):
    """A stretch of text in one style; an `a` leads to *url*.

    Spans are never nested: Telegram would take the outer one apart, and each piece counts.
    """

    text: str
    tag: Tag = ""
    url: str = ""


class Paragraph(NamedTuple):
    """Spans that begin a new line, after an empty one where there is a *gap*.

    A *quote* folds when it is long. One that *leads* (a heading) does not stay behind when what follows moves on.
    """

    spans: tuple[Span, ...]
    gap: bool = False
    quote: bool = False
    leads: bool = False

    @property
    def visible(self) -> bool:
        """Whether there is anything to see."""
        return any(is_visible(span.text) for span in self.spans)


# -- inert -------------------------------------------------------------------------------------------------------------

# One set of signs in front, since that is what `re` finds quickly; where it stands is looked at afterwards.
_SIGN = re.compile(r"[@#$/.+](?=[\w\u200c\xb7\u0d80-\u0dff-])")
_DIGITS = re.compile(r"[0-9](?:[ -]*[0-9]){12,}")
_EIGHT_DIGITS = re.compile(r"(?:[0-9][ -]*){8}(?=[0-9])")
_BEHIND_SIGN = {
    "$": re.compile(r"[A-Z]|1INCH"),
    ".": re.compile(r"[^\W\d_]|[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"),  # a domain; four numbers
    "+": re.compile(r"[0-9][0-9 ()-]{6}"),  # a telephone number
}
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def inert(text: str) -> str:
    """*text* in which Telegram finds nothing by itself."""
    text = clean(text)
    if _SIGN.search(text):
        text = _SIGN.sub(_parted, text)
    if _DIGITS.search(text):
        text = _DIGITS.sub(lambda card: _EIGHT_DIGITS.sub(lambda eight: eight[0] + JOINER, card[0]), text)
    return text


def _parted(match: re.Match[str]) -> str:
    sign, at, text = match[0], match.end(), match.string
    if behind := _BEHIND_SIGN.get(sign):
        alive = behind.match(text, at) is not None
    else:
        # A mention, a hashtag, a command: none of them behind a word (the @ of an address has its dot to betray it).
        alive = at == 1 or text[at - 2] not in _WORD
    return sign + JOINER if alive else sign


# -- links -------------------------------------------------------------------------------------------------------------

_HTTP = re.compile(
    r"""https?://
    (?:(?:[^\x00-\x20"#%/<>?@\[\\\]^`{|}\x7f]|%[0-9a-f]{2})*@)?
    (?:\[(?P<v6>[0-9a-f:.]+)\] | (?P<host>(?:[^\x00-\x20"#%/:<>?@\[\\\]^`{|}\x7f]|%[0-9a-f]{2})+))
    (?::(?P<port>[0-9]+))?
    (?=[/?#]|$)""",
    re.VERBOSE | re.IGNORECASE,
)
_UNSAFE = re.compile(r'[\x00-\x20"<>`\x7f-\xa0\xad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]')


def carries(url: str) -> bool:
    """Whether Telegram makes a link of *url*: it drops others without a word, and their text stays plain.

    Only http(s): `tg:` would make mentions and start bots in the digest's name, and `mailto:` becomes nonsense.
    """
    return address(url) != ""


def address(url: str) -> str:
    """*url* as Telegram accepts it, what is unsafe in it percent-encoded; empty where it cannot be carried."""
    url = url.strip()
    match = _HTTP.match(url)
    if match is None or not _is_place(match["host"], match["v6"], match["port"]):
        return ""
    if _UNSAFE.search(url):
        url = match[0] + _UNSAFE.sub(lambda one: percent_encoded(one[0]), url[match.end() :])
    return "" if clean(url) != url or _bytes(url) > MAX_URL_BYTES else url


def _is_place(host: str | None, v6: str | None, port: str | None) -> bool:
    if port and not (len(port) <= 5 and 0 < int(port) < 65536):
        return False
    if host:
        return "." in host and host != "."
    try:
        return bool(IPv6Address(v6))
    except AddressValueError:
        return False


def link(label: str, url: str) -> tuple[Span, ...]:
    """*label* as a link; where Telegram cannot carry it, the label and the address as plain text."""
    label = one_line(label)
    target = address(url)
    if target:
        return (Span(label if is_visible(label) else target, "a", target),)
    plain = one_line(url)
    return (Span(inert(label if plain in ("", label) else f"{label} {plain}")),)


def prose(text: str) -> tuple[Span, ...]:
    """What a curator wrote: inert, but for the addresses that they wrote out."""
    spans, at = [], 0
    for start, url in addresses(text):
        if target := address(url):
            spans += [Span(inert(text[at:start])), Span(url, "a", target)]
            at = start + len(url)
    spans.append(Span(inert(text[at:])))
    return tuple(span for span in spans if span.text)


# -- what is counted ---------------------------------------------------------------------------------------------------


class Size(NamedTuple):
    """What Telegram limits in a message: UTF-16 units, entities, and bytes that the entities take."""

    units: int = 0
    entities: int = 0
    weight: int = 0

    def within(self, room: Size) -> bool:
        """Whether it fits into *room*."""
        return self.units <= room.units and self.entities <= room.entities and self.weight <= room.weight

    def plus(self, other: Size) -> Size:
        """Both together."""
        return Size(self.units + other.units, self.entities + other.entities, self.weight + other.weight)

    def minus(self, other: Size) -> Size:
        """What is left of this room beside *other*."""
        return Size(self.units - other.units, self.entities - other.entities, self.weight - other.weight)


ROOM = Size(4096, 100, 9000)
"""Beyond the second, styles and links are dropped without a word. The third is in no documentation: Telegram answers
`ENTITIES_TOO_LONG` from about 9,500 (tdlib/telegram-bot-api, issue 165)."""

_ENTITY_BYTES = 16


def size(span: Span) -> Size:
    """What *span* takes."""
    text, tag, url = span
    if not tag:
        return Size(units(text))
    return Size(units(text), 1, _ENTITY_BYTES + (_bytes(url) if url else 0))


def _bytes(url: str) -> int:
    """Of *url* as it is written: `&amp;` is the only thing that an address needs escaped."""
    return (len(url) if url.isascii() else len(url.encode())) + 4 * url.count("&")


def total(paragraphs: Iterable[Paragraph]) -> Size:
    """What *paragraphs* take, the line breaks before them included."""
    counted = entities = weight = 0
    for spans, gap, quote, _ in paragraphs:
        counted += 2 if gap else 1
        entities += quote
        for text, tag, url in spans:
            counted += len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
            if tag:
                entities += 1
                weight += _bytes(url)
    return Size(counted, entities, weight + _ENTITY_BYTES * entities)


# -- what is written ---------------------------------------------------------------------------------------------------


def markup(paragraphs: Sequence[Paragraph]) -> str:
    """*paragraphs* as HTML."""
    pieces: list[str] = []
    for paragraph in paragraphs:
        written = "".join([_written(span) for span in paragraph.spans])
        if pieces:
            pieces.append("\n\n" if paragraph.gap else "\n")
        pieces.append(f"<blockquote expandable>{written}</blockquote>" if paragraph.quote else written)
    return "".join(pieces)


def _written(span: Span) -> str:
    if not span.text:
        return ""
    text = escape(span.text, quote=False)
    match span.tag:
        case "" | "/":
            return text
        case "a":
            return f'<a href="{span.url.replace("&", "&amp;")}">{text}</a>'
        case tag:
            return f"<{tag}>{text}</{tag}>"
