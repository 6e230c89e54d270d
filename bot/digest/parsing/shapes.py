"""What a block looks like: the opening of an item, a label, a lead line, a stray marker. Pure questions to one block.

Rules go by *kind of block*, never by who wrote the digest. What an answer means among its neighbours is the parser's
affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from bot.digest.identity import normalise
from bot.digest.model import Link, PartKind, TitleSource
from bot.digest.parsing.markdown import Block
from bot.digest.parsing.spans import Span

BUILT_IN_LABELS: Final[Mapping[PartKind, tuple[str, ...]]] = {
    "abstract": ("摘要", "简介", "abstract", "summary", "tl;dr", "tldr"),
    "recommendation": ("推荐", "推荐理由", "点评", "why"),
    "other": (),
}
GENERIC_TITLES: Final = frozenset(
    "pdf link links paper papers here code source github demo project page website web site html arxiv doc docs slides "
    "video blog post article url via abs homepage home more 这里 链接 原文 论文 代码 地址 点击 点我 这儿 此处 传送门 "
    "原文链接 论文链接 代码链接 项目 主页 详情 全文 网址 来源 视频 文章 网站".split()
)
"""Words that say what kind of thing a link leads to, not what it is called."""

_LONGEST_GENERIC: Final = 20  # with brackets and blanks around it; anything longer has something to say

MAX_LEAD: Final = 30
MAX_TITLE: Final = 200
MAX_CELL_TITLE: Final = 120
MAX_KIND: Final = 20
MAX_PREFIX: Final = 400
"""Characters before a link; what is longer is prose, however many brackets it has."""

_CJK = "\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
_INVISIBLE = "\u200b\u2060\ufeff\u00ad"
STRIP = f" \t\n\r\u00a0\u3000{_INVISIBLE}"
_CJK_GAP = re.compile(f"(?<=[{_CJK}]) (?=[{_CJK}])")
_WORD = re.compile(r"\w")
_URL_TEXT = re.compile(r"https?://|www\.", re.IGNORECASE)
NUMBER = re.compile(r"(?:\d{1,4}\s*(?:[.、．)）]|[:：]\s)\s*|[(（\[]\d{1,4}[)）\]]\s*|[\u2460-\u2473]\s*)")
_KIND = re.compile(r"(?:\[([^\[\]]{0,24})\]|【([^【】]{1,24})】|\(([^()]{1,16})\)|（([^（）]{1,16})）)\s*")
_POINTING_WORDS = (
    r"(?:参考|参见|源码|代码|论文|原文|链接|项目|地址|官网|来源|出处|详见|见|教程|文档|博客|视频|翻译|转自)"
    r"(?:链接|地址|资料|文献|论文|文章)?|via|see also|see|from|source|code|paper|references?|refs?|read|link"
)
_POINTING = re.compile(_POINTING_WORDS, re.IGNORECASE)
_REFERRING = re.compile(rf"(?:{_POINTING_WORDS})\s*[:：]?|[^:：。！？!?,，.;；|]{{1,14}}[:：]", re.IGNORECASE)
_JOINT = re.compile(r"^[\s\-\u2010-\u2015:：，,]+")
_SOURCE_DASH = re.compile(r"\s*(?:--|[\u2013\u2014\u2015]{1,2}|-)\s*")
_STRAY = re.compile(r"={3,}\s*(?!>)[\w ]{0,16}=*|(?:todo|fixme|xxx|tbd)\b.{0,80}|[xX]{3,}|-{3,}>?here", re.IGNORECASE)
_NUMBER_ONLY = re.compile(r"\d{1,3}\s*[、.．)）]?")
_NUMBERED = re.compile(r"\s*\d{1,3}(?:[、．]|[.)）]\s)")
GAPS = (re.compile(r"[ \t]{2,}|\n"), re.compile(r"\s[-\u2013\u2014]\s"), re.compile(r"：|:\s"))
_BAD_SCHEME = re.compile(r"h{0,2}t{0,2}tps?:?/{1,3}(?=\w)|https?:/(?=\w)|https?:;//|http[s]?//", re.IGNORECASE)
_WEB = re.compile(r"https?://[^\s/?#.][^\s]*", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)


# ---------------------------------------------------------------- text of spans


def plain(spans: Sequence[Span]) -> str:
    """The words of *spans* as a reader sees them: soft wraps between Chinese letters close up, pictures are silent."""
    if len(spans) == 1:
        return spans[0].text.strip(STRIP) if spans[0].kind != "image" else ""
    text = "".join([s.text for s in spans if s.kind != "image"])
    if " " in text and not text.isascii() and any(s.kind == "break" and s.text == " " for s in spans):
        text = _CJK_GAP.sub("", text)
    return (
        "\n".join([line.strip(STRIP) for line in text.split("\n")]).strip(STRIP) if "\n" in text else text.strip(STRIP)
    )


def says_something(prefix: str) -> bool:
    """Whether a referring word before a link is worth keeping: ``最早的论文`` is, ``参考`` and ``5`` are not."""
    return re.search(r"[^\W\d]", prefix) is not None and _POINTING.fullmatch(prefix) is None


def has_words(text: str) -> bool:
    return text[:1].isalnum() or _WORD.search(text) is not None


def title_text(text: str) -> str:
    """Without the white space and the invisible characters around it; everything else is verbatim."""
    text = text.strip(STRIP)
    return " ".join(text.split()) if "  " in text or "\n" in text or "\t" in text else text


# ---------------------------------------------------------------- links


@lru_cache(maxsize=1024)
def web_address(url: str) -> str | None:
    """The address to open, if *url* is one that may live on: http, https, or one of these mistyped."""
    if _WEB.fullmatch(url):
        return url
    if " " in url.strip() and _WEB.fullmatch(spaced := url.strip().replace(" ", "%20")):
        return spaced
    if url[:8].lower().startswith(("http://", "https://")):
        return None
    if url.startswith("//") and "." in url:
        return "https:" + url
    if (match := _BAD_SCHEME.match(url)) and "." in url[match.end() :]:
        return ("https://" if "s" in match[0].lower() else "http://") + url[match.end() :]
    return None


def address(url: str) -> str | None:
    """A web address, or a mail address; None for anything else, which then stays plain text."""
    return url if url.lower().startswith("mailto:") and "@" in url else web_address(url)


def is_anchor(url: str) -> bool:
    """Whether *url* leads to a heading of the same file."""
    return url.startswith(("#", "./#"))


def malformed(url: str) -> str | None:
    """What is wrong with an external address, or None. Relative paths and anchors are no business of ours."""
    if web_address(url) == url or not url.strip():
        return None
    if match := _SCHEME.match(url):
        scheme = match[1].lower()
        if scheme in ("http", "https"):
            return f"{_short(url)} is no complete address"
        if scheme == "mailto" and "@" in url:
            return None
        if scheme in ("ftp", "magnet", "tel", "irc", "ircs", "data", "file"):
            return None
        return f"{_short(url)} begins with {match[1]}:, which is neither http:, https: nor mailto:"
    if _BAD_SCHEME.match(url):
        return f"{_short(url)} is no complete address"
    return None


def links_in(spans: Iterable[Span]) -> list[Link]:
    """All links that may live on, in order, each once an address and line."""
    found: dict[tuple[str, int], Link] = {}
    for span in spans:
        if span.url and (url := address(span.url)):
            found.setdefault((url, span.line), Link(title_text(span.text), url, span.line))
    return list(found.values())


def is_url_text(label: str, url: str) -> bool:
    """Whether a link's text is nothing but an address. A bare domain (``jsonstore.io``) is a name."""
    label = label.strip(STRIP)
    if _URL_TEXT.match(label):
        return " " not in label
    return "/" in label and " " not in label and normalise(label) == normalise(url)


def is_generic(label: str) -> bool:
    """Whether a link's text says only what kind of thing is behind it (``pdf``, ``这里``), or nothing at all."""
    if len(label) > _LONGEST_GENERIC:
        return False
    bare = label.strip(STRIP + "[]()（）【】「」《》<>*.,:：。→»›#").casefold()
    return not has_words(bare) or bare in GENERIC_TITLES


def only_addresses(spans: Sequence[Span]) -> bool:
    """Whether the block consists of links whose text is their address, and of nothing else."""
    links = [s for s in spans if s.kind == "link" and web_address(s.url)]
    rest = (s.text for s in spans if s.kind in ("text", "code") or (s.kind == "link" and not web_address(s.url)))
    return bool(links) and all(is_url_text(s.text, s.url) for s in links) and not has_words("".join(rest))


def only_pictures(spans: Sequence[Span]) -> bool:
    return not any(s.kind != "image" and has_words(s.text) for s in spans)


# ---------------------------------------------------------------- openings


class Opening(Struct, gc=False):
    """How an item begins. *title* is None where the link's text is no title and nothing stands before it.

    *prefix* is the referring word before the link (``源码``); *rest* what follows on the block, not yet read for parts.
    """

    url: str
    line: int
    title: str | None
    title_source: TitleSource
    links: list[Link] = []
    rest: list[Span] = []
    body: list[str] = []
    tags: list[str] = []
    prefix: str = ""


def opening(block: Block) -> Opening | None:
    """The item that *block* begins, if its first meaningful content is a link or a title followed by its links."""
    first = first_link(block.spans)
    if first is None:
        return None
    return link_opening(block.spans, first) or _titled_opening(block, first)


def heading_opening(spans: Sequence[Span]) -> Opening | None:
    """The item of a heading that holds a link; unless it begins with a titled one, the heading is its title."""
    first = first_link(spans)
    if first is None:
        return None
    found = link_opening(spans, first)
    if found is not None and found.title:
        return found
    url = web_address(spans[first].url) or ""
    return Opening(url, spans[first].line, title_text(plain(spans)), "heading", companions(spans, url))


def link_opening(spans: Sequence[Span], first: int) -> Opening | None:
    """The item of spans whose first meaningful content is the link at *first*."""
    tags: list[str] = []
    prefix = ""
    if first:
        before = _before(spans[:first])
        if before is None:
            return None
        tags, prefix = before
    link = spans[first]
    url = web_address(link.url) or ""
    title = None if is_url_text(link.text, link.url) or is_generic(link.text) else title_text(link.text)
    if len(spans) == first + 1:
        return Opening(url, link.line, title, "link", tags=tags, prefix=prefix)
    rest = list(spans[first + 1 :])
    tags += _trailing_tags(rest)
    return Opening(url, link.line, title, "link", companions(rest, url), rest, tags=tags, prefix=prefix)


def first_link(spans: Sequence[Span]) -> int | None:
    """Where the first link to the web stands."""
    for number, span in enumerate(spans):
        if span.kind == "link" and web_address(span.url):
            return number
    return None


def _before(spans: Sequence[Span]) -> tuple[list[str], str] | None:
    """Kinds and referring word of what stands before a link, or None if it is prose."""
    tags: list[str] = []
    pieces: list[str] = []
    for span in spans:
        if span.kind == "code" and len(span.text) <= MAX_KIND and not has_words("".join(pieces)):
            tags.append(span.text.strip())
        elif span.kind == "link":
            return None
        elif span.kind != "image":
            pieces.append(span.text)
    text = "".join(pieces)
    if not has_words(text):
        return tags, ""
    if len(text) > MAX_PREFIX:
        return None
    text = without_bullet(text.strip(STRIP))
    if number := NUMBER.match(text):
        text = without_bullet(text[number.end() :])
    while kind := _KIND.match(text):
        word = next((w for w in kind.groups() if w), "").strip()
        if has_words(word) and word.lower() != "x":
            tags.append(word)
        text = text[kind.end() :]
    text = without_bullet(text)
    if not has_words(text):
        return tags, ""
    bold = all(s.strong for s in spans if s.kind == "text" and has_words(s.text))
    if not bold and (match := _REFERRING.match(text)) and not has_words(text[match.end() :]) and len(text.split()) <= 4:
        return tags, match[0].strip(STRIP + ":：")
    return None


def without_bullet(text: str) -> str:
    """*text* without the dashes, dots and pictures that it begins with."""
    return re.sub(r"^(?:(?![\[【(（\u2460-\u2473])[^\w])+", "", text)


def _trailing_tags(rest: list[Span]) -> list[str]:
    """Take the back-ticked words off the end of *rest*."""
    at = len(rest)
    while at and (rest[at - 1].kind == "code" or (rest[at - 1].kind == "text" and not has_words(rest[at - 1].text))):
        at -= 1
    tags = [span.text.strip() for span in rest[at:] if span.kind == "code"]
    if tags:
        del rest[at:]
    return tags


def companions(spans: Sequence[Span], primary: str) -> list[Link]:
    """All links but the primary one."""
    return [link for link in links_in(spans) if link.url != primary]


def body_text(rest: Sequence[Span]) -> str:
    """The words after a link on its line, minus the joint; nothing where only further links follow."""
    if not has_words("".join(s.text for s in rest if s.kind in ("text", "code"))):
        return ""
    return _JOINT.sub("", plain(rest)).strip()


def _titled_opening(block: Block, first: int) -> Opening | None:
    """A title in bold or plain text followed by ``[[pdf]](url)`` or the like."""
    spans = block.spans
    links = [s for s in spans if s.kind == "link" and web_address(s.url)]
    if not all(is_generic(s.text) or is_url_text(s.text, s.url) for s in links):
        return None
    url = web_address(links[0].url) or ""
    rest = list(spans)
    tags = _trailing_tags(rest)
    if (bold := leading_bold(rest)) is not None:
        title, after = bold
        return Opening(url, links[0].line, title, "bold", companions(spans, url), after, [], tags)
    if any(s.kind == "break" and s.text == "\n" for s in spans[:first]):
        return None
    title = NUMBER.sub("", without_bullet(plain(spans[:first])), count=1).strip(STRIP + "-\u2013\u2014:：,，([（")
    tail = "".join(s.text for s in rest[first:] if s.kind in ("text", "code"))
    bracketed = links[0].text.strip().startswith("[") or spans[first - 1].text.rstrip().endswith("[")
    if not has_words(title) or len(title) > MAX_TITLE or is_generic(title) or has_words(tail):
        return None
    if bracketed or (block.opens and not is_url_text(links[0].text, links[0].url)):
        return Opening(url, links[0].line, title, "text", companions(spans, url), [], [], tags)
    return None


def leading_bold(spans: Sequence[Span]) -> tuple[str, list[Span]] | None:
    """The bold words that *spans* begin with (after a number), and what follows them."""
    start = next(
        (n for n, s in enumerate(spans) if s.strong and s.kind in ("text", "code") and has_words(s.text)), None
    )
    if start is None:
        return None
    before = plain(spans[:start])
    if has_words(NUMBER.sub("", without_bullet(before), count=1)) or any(s.kind == "link" for s in spans[:start]):
        return None
    end = start
    while end < len(spans) and spans[end].strong and spans[end].kind in ("text", "code"):
        end += 1
    title = title_text("".join(s.text for s in spans[start:end])).rstrip(":：").strip()
    title = NUMBER.sub("", title, count=1) if NUMBER.match(title) else title
    after = list(spans[end:])
    if len(title) > MAX_CELL_TITLE and (gap := GAPS[1].search(title)):  # the bold mark was closed too late
        after.insert(0, Span("text", title[gap.start() :]))
        title = title[: gap.start()]
    return (title, after) if has_words(title) and len(title) <= MAX_TITLE else None


# ---------------------------------------------------------------- other lines


class Labels:
    """The words that open a part, from `digest.yaml` and the built-in list."""

    def __init__(self, extra: Mapping[str, Sequence[str]] | None = None) -> None:
        self.kinds: dict[str, PartKind] = {}
        for kind, words in BUILT_IN_LABELS.items():
            for word in (*words, *(extra or {}).get(kind, ())):
                self.kinds.setdefault(word.casefold(), kind)
        longest_first = sorted(self.kinds, key=len, reverse=True)
        words_ = "|".join(re.escape(word) for word in longest_first)
        self._start = re.compile(rf"[\s*_【\[]*({words_})[\s*_】\]]*[:：][\s*_]*", re.IGNORECASE)

    def match(self, text: str) -> tuple[PartKind, str, str] | None:
        """Kind, label as written and text of a paragraph that begins with a label."""
        found = self._start.match(text)
        return (self.kinds[found[1].casefold()], found[1], text[found.end() :].strip()) if found else None


def is_stray(text: str) -> bool:
    """A curator's own bookmark: ``===here``, ``TODO …``, ``xxx``, a rule of ``=``."""
    return len(text) < 100 and _STRAY.fullmatch(text) is not None


def is_number_only(text: str) -> bool:
    return len(text) < 8 and _NUMBER_ONLY.fullmatch(text) is not None


def is_numbered(text: str) -> bool:
    """A paragraph such as ``3、…`` that Markdown does not take for a list item."""
    return _NUMBERED.match(text) is not None


def lead_line(text: str) -> str | None:
    """The words of a short line that ends in a colon (``两篇：``), without it."""
    if len(text) <= MAX_LEAD + 1 and text.endswith((":", "：")) and "\n" not in text and has_words(text):
        return text[:-1].rstrip(STRIP)
    return None


def source_line(spans: Sequence[Span]) -> bool:
    """Whether the block is ``-- [source](url)``, which closes a quotation."""
    if len(spans) < 2 or spans[0].kind != "text":
        return False
    first = first_link(spans)
    return bool(first) and _SOURCE_DASH.fullmatch("".join([s.text for s in spans[:first]])) is not None


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
