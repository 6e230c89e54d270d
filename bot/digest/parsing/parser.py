"""Blocks to a Digest: what is a topic, an item, its text, a note. Never raises on content.

text -> front_matter.cut -> markdown.read -> blocks
     -> Outline     which headings are topics, where the table of contents is
     -> Reading     one pass over the blocks: openings make items, the rest finds its owner
     -> Digest
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final

from bot.digest.config import DigestConfig
from bot.digest.model import Digest, Note, Problem, Severity
from bot.digest.parsing import addresses, front_matter, markdown, shapes
from bot.digest.parsing.outline import Outline
from bot.digest.parsing.reading import MAX_ITEMS, Reading

_SEVERITIES: Final[dict[str, Severity]] = {"stray-marker": "warning", "text-differs": "warning"}
_CJK_LETTER = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_LATIN_WORD = re.compile("[A-Za-z]{2,}")
_FILE_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})[-_.]?")
_DUMMY_YEAR: Final = 1970
_SAMPLE: Final = 500


def parse(text: str, *, file: str, config: DigestConfig | None = None) -> Digest:
    """The digest that *text* is. Lines count in *text* as it is, front matter included; takes linear time."""
    config = config or DigestConfig()
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    front = front_matter.cut(text)
    document = markdown.read(front.text)
    mistakes = [*front.problems, *document.problems, *addresses.mistakes(document)]
    if document.too_deep:
        document.blocks.clear()
        mistakes.append(
            (document.too_deep, "too-deep", f"nested deeper than {markdown.MAX_DEPTH} levels: the file is not read")
        )
    if len(document.blocks) > markdown.MAX_BLOCKS:
        document.blocks.clear()
        mistakes.append(
            (1, "too-many", f"more than {markdown.MAX_BLOCKS:,} paragraphs: the file is not read, split it")
        )
    outline = Outline(document.blocks)
    mistakes += outline.problems
    reading = Reading(outline, shapes.Labels(config.labels))
    reading.read()
    if len(reading.items) > MAX_ITEMS:
        mistakes.append((1, "too-many", f"more than {MAX_ITEMS:,} items: the file is not read, split it"))
        outline, reading = Outline([]), Reading(Outline([]), shapes.Labels())
    title, title_source = _title(front.values, outline, file)
    return Digest(
        file=file,
        title=title,
        title_source=title_source,
        date=_date(front.values, file),
        language=_language(front, config),
        tags=_tags(front.values),
        front_matter=front.values,
        topics=reading.topics(file),
        items=reading.finished_items(file),
        notes=tuple(Note(file, n.topic, n.text, n.line, tuple(n.links)) for n in reading.notes),
        problems=_problems(file, mistakes + reading.problems),
        headings=outline.headings,
        tocs=outline.tocs,
        anchors=addresses.named_anchors(text) if outline.tocs else (),
    )


def _title(values: Any, outline: Outline, file: str) -> tuple[str, Any]:
    given = values.get("title") or values.get("Title")
    if isinstance(given, str) and given.strip():
        return given.strip(), "front_matter"
    if outline.title:
        return outline.title.title, "heading"
    return PurePath(file).stem, "file"


def _date(values: Any, file: str) -> dt.date | None:
    """The day the digest is of; a dummy such as 1970-01-01 is none. A day to come is for the readers of dates."""
    texts = [values.get("date")]
    if found := _FILE_DATE.match(PurePath(file).name):
        texts.append(found[1])
    for text in texts:
        try:
            day = dt.date.fromisoformat(str(text)[:10])
        except ValueError:
            continue
        if day.year > _DUMMY_YEAR:
            return day
    return None


def _tags(values: Any) -> tuple[str, ...]:
    tags = values.get("tags") or ()
    if isinstance(tags, str):
        tags = re.split(r"[,，\s]+", tags.strip("[]"))
    return tuple(dict.fromkeys(tag.strip() for tag in tags if isinstance(tag, str) and tag.strip()))


def _language(front: front_matter.FrontMatter, config: DigestConfig) -> str:
    """As the front matter or `digest.yaml` says, else by the letters: a tenth of Chinese ones makes a Chinese text."""
    given = front.values.get("lang") or front.values.get("language") or config.language
    if isinstance(given, str) and given.strip():
        return given.strip().split("-")[0].split("_")[0].lower()
    # Four places spread over the text, so that an English preface does not decide.
    step = max(1, len(front.text) // 4)
    sample = " ".join(front.text[at : at + _SAMPLE] for at in range(0, len(front.text), step))
    return "zh" if len(_CJK_LETTER.findall(sample)) * 5 > len(_LATIN_WORD.findall(sample)) else "en"


def _problems(file: str, mistakes: Sequence[markdown.Mistake]) -> tuple[Problem, ...]:
    found = [Problem(file, line, code, _SEVERITIES.get(code, "error"), text) for line, code, text in mistakes]
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: problem.line))
