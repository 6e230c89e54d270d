"""What stands above a digest's text: YAML between ``---``, TOML between ``+++``, or Pelican's ``Key: value`` lines.

It is cut before the Markdown is read, since CommonMark takes a YAML block for a heading. Its lines become blank ones,
so that all line numbers stay those of the file.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import yaml

from bot.digest.parsing.markdown import Mistake

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 8
MAX_DOTS: Final = 100

# Every scalar as the characters that stand there: 22:30 is not 1350 and `no` is not False.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_FENCED = re.compile(r"\A\ufeff?(---|\+\+\+)[ \t]*\n(.*?)^(?:\1|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_OPENED = re.compile(r"\A\ufeff?(---|\+\+\+)[ \t]*\n(?=\S)")
_PELICAN_KEYS = frozenset(
    "title date modified tags keywords category slug lang translation author authors summary status number template "
    "save_as url".split()
)
_KEY_LINE = re.compile(r"([A-Za-z][\w-]*):[ \t]*(.*)")


class FrontMatter(NamedTuple):
    """The values (text, lists and mappings of text), the text without them, and what is wrong with them."""

    values: Mapping[str, Any]
    text: str
    problems: tuple[Mistake, ...] = ()


def cut(text: str) -> FrontMatter:
    """Split *text* (its lines end in a line feed) into its front matter and the rest; never raises."""
    if match := _FENCED.match(text):
        inner = match[2]
        rest = "\n" * match[0].count("\n") + text[match.end() :]
        if match[1] == "---" and inner.strip() and not _looks_like_mapping(inner):
            return FrontMatter({}, text)  # two rules with prose between them
        values, problem = _yaml(inner) if match[1] == "---" else _toml(inner)
        return FrontMatter(values, rest, (problem,) if problem else ())
    if (match := _OPENED.match(text)) and _KEY_LINE.match(text, match.end()):
        return _unclosed(text, match)
    return _pelican(text)


def _looks_like_mapping(inner: str) -> bool:
    lines = [line for line in inner.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return (
        not lines or bool(re.match(r"""\s*["']?[\w.-]+["']?\s*:(\s|$)""", lines[0])) or lines[0].lstrip()[:1] in "{&*!"
    )


def _yaml(inner: str) -> tuple[Mapping[str, Any], Mistake | None]:
    if len(inner.encode("utf-8", "replace")) > MAX_BYTES:
        return {}, (1, "front-matter", f"front matter larger than {MAX_BYTES // 1024} KiB is not read")
    try:
        _refuse_bombs(inner)
        values = yaml.load(inner, Loader=_Loader)  # noqa: S506 - the base loader only makes text, lists and mappings
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 2
        return {}, (line, "front-matter", f"the front matter is no valid YAML: {error.problem or 'not readable'}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return {}, (1, "front-matter", f"the front matter is no valid YAML: {str(error).splitlines()[0]}")
    if values in (None, ""):
        return {}, None
    if not isinstance(values, dict):
        return {}, (2, "front-matter", "the front matter is not a list of `key: value` lines")
    return {str(key): value for key, value in values.items()}, None


def _refuse_bombs(inner: str) -> None:
    depth = 0
    for event in yaml.parse(inner, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are refused, write the value out",
                problem_mark=event.start_mark,  # type: ignore[arg-type]  # either loader's mark has a line
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _toml(inner: str) -> tuple[Mapping[str, Any], Mistake | None]:
    # tomllib takes quadratic time for a key of many dots.
    if len(inner) > MAX_BYTES or any(line.count(".") > MAX_DOTS for line in inner.split("\n")):
        return {}, (1, "front-matter", f"front matter larger than 64 KiB or with {MAX_DOTS} dots a line is not read")
    try:
        return {key: _as_text(value) for key, value in tomllib.loads(inner).items()}, None
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        return {}, (int(found[1]) + 1 if found else 1, "front-matter", f"the front matter is no valid TOML: {error}")


def _as_text(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _as_text(inner) for key, inner in value.items()}
        case list():
            return [_as_text(inner) for inner in value]
        case bool():
            return "true" if value else "false"
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case _:
            return str(value)


def _unclosed(text: str, match: re.Match[str]) -> FrontMatter:
    """A fence that nobody closed: the ``key: value`` lines below it are front matter all the same."""
    fence = (1, "front-matter", f"the front matter opened by {match[1]} is never closed")
    values, rest = _key_lines(text, match.end())
    return FrontMatter(values, rest, (fence,))


def _pelican(text: str) -> FrontMatter:
    first = _KEY_LINE.match(text.removeprefix("\ufeff"))
    if first is None or first[1].lower() not in _PELICAN_KEYS:
        return FrontMatter({}, text)
    values, rest = _key_lines(text, 0)
    return FrontMatter(values, rest)


def _key_lines(text: str, start: int) -> tuple[dict[str, Any], str]:
    values: dict[str, Any] = {}
    at, key = start, ""
    while at < len(text):
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)].removeprefix("\ufeff")
        if match := _KEY_LINE.fullmatch(line):
            key = match[1].lower()
            values[key] = match[2].strip()
        elif key and line[:1] in " \t" and line.strip():  # a continuation
            values[key] += " " + line.strip()
        else:
            break
        at = len(text) if end < 0 else end + 1
    if isinstance(tags := values.get("tags"), str):
        values["tags"] = [tag.strip() for tag in tags.strip("[]").split(",") if tag.strip()]
    return values, "\n" * text.count("\n", 0, at) + text[at:]
