"""Problems in writing: for a person, for a program, for GitHub's annotations. Pure; `heji check` prints them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from bot.digest.model import Problem, Severity

_NOUNS: Final[dict[Severity, tuple[str, str]]] = {
    "error": ("error", "errors"),
    "warning": ("warning", "warnings"),
    "info": ("remark", "remarks"),
}
MAX_QUOTED: Final = 60
_COMMANDS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "info": "notice"}


def shorten(text: str) -> str:
    """A title or an address, short enough to stand in a sentence."""
    return text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…"


def as_text(problems: Sequence[Problem]) -> str:
    """One line a problem (``file:line: severity: message [code]``), then how many of each severity there are."""
    lines = [f"{p.file}:{p.line}: {p.severity}: {p.message} [{p.code}]" for p in problems]
    return "\n".join(_printable(line) for line in [*lines, _tally(problems)])


def as_json(problems: Sequence[Problem]) -> str:
    """A list of objects with the keys ``file``, ``line``, ``code``, ``severity``, ``message``."""
    keys = ("file", "line", "code", "severity", "message")
    return json.dumps([{key: getattr(p, key) for key in keys} for p in problems], ensure_ascii=False, indent=2)


def as_github(problems: Sequence[Problem]) -> str:
    """Workflow commands, a line each, which GitHub Actions shows at the file's line; info becomes a notice.

    The escapes are those of actions/toolkit, `packages/core/src/command.ts`.
    """
    return "\n".join(
        f"::{_COMMANDS[p.severity]} file={_property(p.file)},line={p.line},title={_property(p.code)}"
        f"::{_data(p.message)}"
        for p in problems
    )


def _tally(problems: Sequence[Problem]) -> str:
    counts = Counter(problem.severity for problem in problems)
    found = [f"{counts[s]} {one if counts[s] == 1 else many}" for s, (one, many) in _NOUNS.items() if counts[s]]
    return ", ".join(found) if found else "nothing to fix"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _printable(text: str) -> str:
    # A digest is somebody's text: what it holds must not steer the terminal.
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\u3000" else c.encode("unicode_escape").decode() for c in text)
