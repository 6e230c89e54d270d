"""What a Telegram payload looks like, written so that a curator can read and edit it in a golden.

`*bold*`, `_italic_`, `[link](address)`; a `│` before what folds; a line of `[labels]` for each row of buttons; `-----`
between one message and the next. The joiners that keep content inert are left out: nobody sees them.
"""

import re
from collections.abc import Iterable
from html import unescape

_STYLES = ((r"</?b>", "*"), (r"</?i>", "_"), (r'<a href="([^"]*)">(.*?)</a>', r"[\2](\1)"))


def read(payloads: Iterable[dict]) -> str:
    """All that a reader sees of *payloads*, in order."""
    return "\n-----\n".join(map(_message, payloads))


def _message(payload: dict) -> str:
    params = payload["params"]
    text = re.sub(r"<blockquote expandable>(.*?)</blockquote>", _quoted, params["text"], flags=re.DOTALL)
    for pattern, style in _STYLES:
        text = re.sub(pattern, style, text, flags=re.DOTALL)
    shown = [unescape(text).replace("\u2060", "").replace("\u2003", "  ")]
    if url := params["link_preview_options"].get("url"):
        shown.append(f"(a picture of {url})")
    if "reply_markup" in params:
        shown.append("")
        shown += [" ".join(f"[{key['text']}]" for key in row) for row in params["reply_markup"]["inline_keyboard"]]
    return "\n".join(shown)


def _quoted(match: re.Match[str]) -> str:
    return "\n".join(f"│ {line}" for line in match[1].split("\n"))
