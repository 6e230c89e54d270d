"""Text as Slack takes it: spans in one style each, lines of them, what they count.

What a digest says stands in `rich_text` and `plain_text` alone. Slack parses neither: there `<!channel>`, `<@U1>`,
`@here`, `:smile:`, `*` and `&lt;` are letters like all others, so nothing has to be escaped and nothing can ping. The
one place that is parsed is a call's `text`, which notifications are made of: see `bot.platforms.slack.fallback`.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from bot.platforms.letters import addresses, clean, is_visible, one_line, units

SEPARATOR = " · "
MAX_URL = 3000

Style: TypeAlias = Literal["", "bold", "italic", "code"]


class Span(NamedTuple):
    """A stretch of text in one style; with a *url* it leads there."""

    text: str
    style: Style = ""
    url: str = ""


class Line(NamedTuple):
    """Spans that begin a new line; with an *indent* (0 is the outermost) they are an item of a list."""

    spans: tuple[Span, ...]
    indent: int | None = None

    @property
    def visible(self) -> bool:
        """Whether there is anything to see."""
        return any(is_visible(span.text) for span in self.spans)

    @property
    def text(self) -> str:
        """What it says, without its styles."""
        return "".join(span.text for span in self.spans)


# -- links -------------------------------------------------------------------------------------------------------------

_HTTP = re.compile(
    r"""https?://
    [^\s/?\#@:\[\]\\%"<>|]+\.[^\s/?\#@:\[\]\\%"<>|.]+\.?
    (?::[0-9]{1,5})?
    (?=[/?\#]|$)""",
    re.VERBOSE | re.IGNORECASE,
)
# Besides what no address may hold: `|` and `>`, which end an address in Slack's own markup.
_UNSAFE = re.compile(r'[\x00-\x20"<>|`\x7f-\xa0\xad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]')


def address(url: str) -> str:
    """*url* as Slack accepts it, what is unsafe in it percent-encoded; empty where it cannot be carried.

    Only http(s): `slack:` would open channels in the digest's name, and others do nothing on a telephone. None with a
    user's name in it, which looks like another site's.
    """
    url = url.strip()
    match = _HTTP.match(url)
    if match is None:
        return ""
    if _UNSAFE.search(url):
        url = match[0] + _UNSAFE.sub(lambda one: quote(one[0]), url[match.end() :])
    return "" if units(url) > MAX_URL or clean(url) != url or _UNSAFE.search(url) else url


def link(label: str, url: str, style: Style = "") -> tuple[Span, ...]:
    """*label* as a link; where Slack cannot carry it, the label and the address as text."""
    label, target = one_line(label), address(url)
    if target:
        return (Span(label if is_visible(label) else target, style, target),)
    plain = one_line(url)
    return (Span(label if plain in ("", label) else f"{label} {plain}".strip(), style),)


def prose(text: str) -> tuple[Span, ...]:
    """What a curator wrote: letters, but for the addresses that they wrote out."""
    text = clean(text)
    spans, at = [], 0
    for start, url in addresses(text):
        if target := address(url):
            spans += [Span(text[at:start]), Span(url, url=target)]
            at = start + len(url)
    spans.append(Span(text[at:]))
    return tuple(span for span in spans if span.text)
