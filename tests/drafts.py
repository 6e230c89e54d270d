"""Hypothesis strategies that write digests as people do, and what markdown-it-py, another parser, sees in them.

Every word and every address of a draft occurs once, so whoever reads a draft can be asked where each of them went.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

Draw = Callable[[st.SearchStrategy[Any]], Any]

WORD = re.compile(r"w\d+q")
_ADDRESS = re.compile(r"https?://[\w./-]*[\w/]", re.ASCII)
_ANCHOR = re.compile(r"""<a\s[^>]*?href=["']?([^"'\s>]+)""")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_JOINTS = ["", " ", "，", ": ", " - ", "——", " (", "；", "! ", " * ", " \\* ", " & ", " < ", "] ", " #", " _ ", "、"]


@dataclass
class Draft:
    """A digest's text. *shown* words must be found again, *hidden* ones must not; neither are those of headings."""

    text: str = ""
    shown: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


class _Writer:
    """Draws pieces of Markdown; counts words and addresses up."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.count = 0
        self.shown: list[str] = []
        self.hidden: list[str] = []
        self.definitions: list[str] = []

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def times(self, low: int, high: int) -> range:
        return range(self.draw(st.integers(low, high)))

    # Inline -------------------------------------------------------------------------------------------------------

    def word(self, hidden: bool = False) -> str:
        self.count += 1
        word = f"w{self.count}q"
        (self.hidden if hidden else self.shown).append(word)
        return str(self.one("{}", "睡{}眠", "{} of", "《{}》")).format(word)

    def url(self) -> str:
        self.count += 1
        host = self.one("https://example.com", "http://www.example.org", "https://arxiv.org/abs")
        return f"{host}/p{self.count}{self.one('', '/', '/a_b', '.html')}"

    def words(self, low: int = 1, high: int = 4) -> str:
        text = self.word()
        for _ in self.times(low - 1, high - 1):
            text += self.one(*_JOINTS, " ", " ", "\n") + self.decorated(self.word())
        return text

    def decorated(self, text: str) -> str:
        return str(self.one("{}", "{}", "{}", "**{}**", "*{}*", "`{}`")).format(text)

    def link(self) -> str:
        label = self.one(self.word, self.word, lambda: f"**{self.word()}**", lambda: f"{self.word()} [{self.word()}]")()
        match self.one("inline", "inline", "inline", "title", "reference", "html"):
            case "title":
                return f'[{label}]({self.url()} "a title")'
            case "reference":
                self.count += 1
                self.definitions.append(f"[r{self.count}]: {self.url()}")
                return f"[{label}][r{self.definitions[-1].split(']')[0][2:]}]"
            case "html":
                return f'<a href="{self.url()}">{label.strip("*[]")}</a>'
            case _:
                return f"[{label}]({self.url()})"

    def address(self) -> str:
        url = self.url()
        return str(self.one("{0}", "<{0}>", "[{0}]({0})")).format(url)

    def opening(self) -> str:
        """A link with what may stand before and after it."""
        before = self.one("", "", "", "1、", "（2）", "[video] ", "【文章】", "`C` ", "**", "参考", "源码：", "🔥 ")
        after = "**" if before == "**" else ""
        tail = self.one(str, lambda: f" - {self.words()}", lambda: f"，{self.words()}。", lambda: f" {self.more()}")
        return f"{before}{self.link()}{after}{tail()}"

    def more(self) -> str:
        return str(self.one(lambda: f"({self.link()}, {self.link()})", lambda: f"{self.words()} `{self.word()}`")())

    def prose(self) -> str:
        text = f"{self.one('', '', 'The ', '这是 ')}{self.words()}"
        for _ in self.times(0, 2):
            text += self.one(" ", "，", "\n", " see ") + self.one(self.link, self.link, self.bare)()
            text += self.one(" ", "，", "。", " and ") + self.words()
        return text

    def bare(self) -> str:
        return f"{self.url()}{self.one(' ', '，', '。', '）', ', ', '. ', chr(10))}"

    # Blocks -------------------------------------------------------------------------------------------------------

    def block(self) -> str:
        return str(
            self.one(
                self.heading, self.heading, self.opening, self.opening, self.opening, self.prose, self.prose, self.list,
                self.list, self.address, self.table, self.quote, self.sourced, self.label, self.lead, self.html,
                self.code, self.comment, self.rule, self.picture, self.marker,
            )()
        )  # fmt: skip

    def heading(self) -> str:
        if self.one(True, True, True, False):
            words = self.one(self.heading_words, self.heading_words, self.link)
            return f"{'#' * self.one(1, 2, 2, 3, 3, 4, 6)} {words()}"
        return f"{self.heading_words()}\n{self.one('===', '---')}"

    def heading_words(self) -> str:
        return f"{self.word()}{self.one('', ' 1.0', '：', ' & ')}{self.one(str, self.word)()}".strip()

    def list(self, depth: int = 0) -> str:
        # Within a paragraph only a list that begins with 1 is one.
        bullet = self.one("-", "+", "*", "1.", *(["3)"] if depth == 0 else []))
        gap = self.one("\n", "\n", "\n\n")
        return gap.join(self.entry(bullet, depth) for _ in self.times(1, 3))

    def entry(self, bullet: str, depth: int) -> str:
        first = self.one(self.opening, self.opening, self.opening, self.prose, self.words, self.address)()
        parts = [first]
        if depth < 3 and self.one(True, False, False):
            parts.append(self.list(depth + 1))
        if self.one(True, False, False, False):
            parts.append("\n" + self.one(self.prose, self.label, self.opening, self.quote)())
        indent = " " * (len(bullet) + 1)
        return f"{bullet} " + "\n".join(parts).replace("\n", "\n" + indent).replace(f"\n{indent}\n", "\n\n")

    def table(self) -> str:
        columns = self.one(2, 3)
        rows = [[self.word(hidden=True) for _ in range(columns)], ["---"] * columns]
        rows += [self.row(columns) for _ in self.times(1, 3)]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def row(self, columns: int) -> list[str]:
        # Where the title is no link, the links beside it say only what they lead to; see the goldens for the others.
        linked = self.one(True, False)
        link = self.link if linked else lambda: f"[{self.one('pdf', '代码')}]({self.url()})"
        cell = self.one(self.word, link, self.address, lambda: f"**{self.word()}** - {self.word()}", str)
        title = self.link if linked else self.one(self.word, lambda: f"**{self.word()}**: {self.word()}")
        return [title(), *(cell() for _ in range(columns - 1))]

    def quote(self) -> str:
        text = "\n\n".join(self.one(self.prose, self.words, self.opening)() for _ in self.times(1, 2))
        return "> " + text.replace("\n", "\n> ")

    def sourced(self) -> str:
        # After a rule: which quotations above belong to a source as well is what the goldens say.
        return f"- - -\n\n> {self.words()}\n\n-- {self.link()}"

    def label(self) -> str:
        label = self.one("摘要：", "推荐：", "Abstract: ", "**推荐**：", "TL;DR: ", "简介:", "要点：")
        return f"{label}{self.prose()}"

    def lead(self) -> str:
        return f"{self.word()}{self.one('：', ':')}\n\n{self.one(self.opening, self.list, self.prose)()}"

    def html(self) -> str:
        words, url = self.word, self.url
        match self.one("paragraph", "link", "break", "anchor", "details"):
            case "anchor":
                return '<a name="here"></a>'
            case "paragraph":
                return f'<p>{words()} <a href="{url()}">{words()}</a>\n{words()}</p>'
            case "link":
                return f"<div>\n<a href='{url()}' target=_blank>{words()}</a></div>"
            case "break":
                return f"{self.link()}<br />{self.words()}<br>\n{self.words()}"
            case _:
                return f"<details>\n<summary>{words()}</summary>\n\n{self.list()}\n\n</details>"

    def code(self) -> str:
        hidden = f"{self.word(hidden=True)} {self.url()}\n# [{self.word(hidden=True)}]({self.url()})"
        return str(self.one("```sh\n{}\n```", "~~~\n{}\n~~~", "<pre>\n{}\n</pre>")).format(hidden)

    def comment(self) -> str:
        return f"<!-- {self.word(hidden=True)}\n[{self.word(hidden=True)}]({self.url()}) -->"

    def rule(self) -> str:
        return str(self.one("---", "***", "- - -"))

    def picture(self) -> str:
        # A link around a picture without words is a badge: it may be held or not, so there is none here.
        linked = self.one(True, False)
        picture = f"![{self.word(hidden=not linked)}](https://example.com/{self.count}.png)"
        return f"[{picture}]({self.url()})" if linked else picture

    def marker(self) -> str:
        return f"{self.one('===', 'TODO: ', '=== ')}{self.word(hidden=True).strip('《》')}"


@st.composite
def drafts(draw: Draw) -> Draft:
    """A digest of up to ten blocks, with headings, nested lists, tables, HTML and the rest."""
    writer = _Writer(draw)
    blocks = [writer.block() for _ in writer.times(1, 10)]
    text = "\n\n".join([*blocks, "\n".join(writer.definitions)])
    if draw(st.booleans()):
        text = text.replace("\n\n", "\n\n\n")
    if text.startswith("---"):  # what stands between two rules at the top may be front matter
        text = f"\n{text}"
    return Draft(text, writer.shown, writer.hidden)


# The second opinion ----------------------------------------------------------------------------------------------


@dataclass
class Opinion:
    """Links as (address, line), headings as (title, level, line), *openings* as (title, address, line)."""

    links: list[tuple[str, int]] = field(default_factory=list)
    headings: list[tuple[str, int, int]] = field(default_factory=list)
    topics: dict[str, int] = field(default_factory=dict)
    openings: list[tuple[str, str, int]] = field(default_factory=list)


_MARKDOWN = MarkdownIt("commonmark").enable("table")


def opinion(text: str) -> Opinion:
    """What markdown-it-py sees in *text*. Lines count from 1. *topics* map each address to the line of its heading."""
    seen = Opinion()
    heading = row = 0
    around: list[str] = []
    tokens = _MARKDOWN.parse(text)
    for number, token in enumerate(tokens):
        before = tokens[number - 1] if number else None
        if token.nesting:
            around.append(token.type) if token.nesting > 0 else around.pop()
        if token.type == "tr_open" and token.map:
            row = token.map[0] + 1
        elif token.type == "html_block" and token.map:
            found = list(_raw(token.content, token.map[0] + 1))
            seen.links += found
            seen.topics |= {url: heading for url, _ in found}
        elif token.type == "inline":
            line = row if "tr_open" in around else token.map[0] + 1 if token.map else 0
            if before is not None and before.type == "heading_open":
                heading = line
                title = "".join(_plain(child) for child in token.children or [])
                seen.headings.append((title.strip(), int(before.tag[1]), line))
            found = list(_links(token.children or [], line))
            seen.links += [(url, at) for _, url, at in found]
            seen.topics |= {url: heading for _, url, _ in found}
            if _opens(token, around, tokens, number) and found:
                seen.openings.append(found[0])
    return seen


def _opens(token: Token, around: list[str], tokens: list[Token], number: int) -> bool:
    """Whether a paragraph that is no continuation of a list item and no quotation begins with a titled link."""
    first = (token.children or [None])[0]
    fresh = "list_item_open" not in around or tokens[number - 2].type == "list_item_open"
    return (
        around[-1:] == ["paragraph_open"]
        and fresh
        and "blockquote_open" not in around
        and first is not None
        and first.type == "link_open"
        and (token.children or [])[1].type != "image"
        and not _ADDRESS.match((token.children or [])[1].content)
    )


def _plain(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return " "
    return token.content if token.type in ("text", "code_inline") else ""


def _links(children: list[Token], line: int) -> Iterator[tuple[str, str, int]]:
    label, open_at = "", None
    for token in children:
        if token.type == "link_open":
            label, open_at = "", (str(token.attrs["href"]), line)
        elif token.type == "link_close" and open_at:
            yield (" ".join(label.split()), *open_at)
            open_at = None
        elif token.type == "html_inline":
            yield from (("", url, at) for url, at in _raw(token.content, line))
        elif token.type == "text" and not open_at:
            yield from ((match[0], match[0], line) for match in _ADDRESS.finditer(token.content))
        label += _plain(token)
        line += (token.type in ("softbreak", "hardbreak")) + token.content.count("\n")


def _raw(html: str, line: int) -> Iterator[tuple[str, int]]:
    html = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), html)
    if html.startswith("<pre"):
        return
    for match in _ANCHOR.finditer(html):
        yield match[1], line + html.count("\n", 0, match.start())
