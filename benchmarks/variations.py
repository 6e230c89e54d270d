"""Make large digests of the reference one: every copy has its own headings, titles, addresses; one TOC lists all."""

from __future__ import annotations

import re
from pathlib import Path

REFERENCE = Path(__file__).parent.parent / "content" / "heji.md"

_ENTRY = re.compile(r"- \[(.*?)\]\(#(.*?)\)")
_HEADING = re.compile(r"^(#+ .*)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]*)\]\((https?://[^)\n]*)\)")


def of_copies(copies: int, first: int = 0) -> str:
    """The reference digest *copies* times over, as one digest; the copies are numbered from *first*."""
    head, rest = REFERENCE.read_text(encoding="utf-8").split("<!-- TOC -->")
    toc, body = rest.split("<!-- /TOC -->")
    text = [head, "<!-- TOC -->\n\n"]
    text += [_ENTRY.sub(rf"- [\1 {n}](#\2-{n})", toc.strip("\n")) + "\n" for n in range(first, first + copies)]
    text.append("\n<!-- /TOC -->\n")
    text += [_varied(body, n).rstrip("\n") + "\n\n" for n in range(first, first + copies)]
    return "".join(text)


def of_bytes(size: int) -> str:
    """As many copies as make about *size* bytes of UTF-8."""
    ten = len(of_copies(10).encode())
    return of_copies(max(1, round(size / (ten / 10))))


def _varied(body: str, number: int) -> str:
    def link(match: re.Match[str]) -> str:
        label, url = match.groups()
        own = re.sub(r"(?<=\w)/", f"/{number}/", url, count=1)
        return f"[{own}]({own})" if label == url else f"[{label} {number}]({own})"

    return _LINK.sub(link, _HEADING.sub(rf"\1 {number}", body))
