"""Digests as they are written, and what a correct reading of them is. The cases are Markdown: see `notation.py`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from notation import Golden, goldens, shown

from bot.digest.config import parse_config
from bot.digest.identity import item_id
from bot.digest.model import Digest, Item
from bot.digest.parsing.parser import parse

ROOT = Path(__file__).parent
REFERENCE = ROOT.parent / "content" / "heji.md"


def cases() -> list[object]:
    found = []
    for path in sorted((ROOT / "golden").glob("digest-*.md")):
        for golden in goldens(path):
            marks = [pytest.mark.xfail(strict=True, reason=golden.xfail)] if golden.xfail else []
            found.append(pytest.param(golden, id=f"{path.stem.removeprefix('digest-')}: {golden.name}", marks=marks))
    return found


@pytest.mark.parametrize("golden", cases())
def test_a_digest_yields_what_its_golden_says(golden: Golden) -> None:
    config, mistakes = parse_config(golden.yaml.encode(), file="digest.yaml")
    digest = parse(golden.text, file=golden.file, config=config)

    assert mistakes == ()
    assert shown(digest, head=golden.expected.startswith("digest ")) == golden.expected
    assert_sound(digest, golden.text)


def assert_sound(digest: Digest, text: str) -> None:
    """What holds for every digest and is too plain to be written into each golden."""
    last = text.count("\n") + 1
    for item in digest.items:
        assert item.id == item_id(item.url)
        assert (item.summary, item.summary_source) == summary(item)
        assert 1 <= item.lines[0] <= item.line <= item.lines[1] <= last
        assert all(item.lines[0] <= part.line <= item.lines[1] for part in item.parts)
        assert all(item.lines[0] <= link.line <= item.lines[1] for link in item.links)
        assert all(link.url != item.url for link in item.links)
        assert all(body.strip() for body in item.body)
    for rows in (digest.topics, digest.items, digest.notes, digest.problems, digest.headings):
        assert [row.line for row in rows] == sorted(row.line for row in rows)
    assert {item.parent for item in digest.items} <= {item.id for item in digest.items} | {None}
    paths = {topic.path for topic in digest.topics} | {()}
    assert all(row.topic in paths for row in (*digest.items, *digest.notes))
    assert all(problem.message for problem in digest.problems)


def summary(item: Item) -> tuple[str | None, str | None]:
    """The abstract, else the body, else nothing; the recommendation never."""
    abstract = "\n".join(part.text for part in item.parts if part.kind == "abstract" and part.text)
    if abstract:
        return abstract, "abstract"
    return ("\n".join(item.body), "body") if item.body else (None, None)


# The reference digest --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heji() -> Digest:
    return parse(REFERENCE.read_text("utf-8"), file="content/heji.md")


def test_the_reference_digest_yields_what_was_read_by_hand(heji: Digest) -> None:
    assert shown(heji, width=60) == (ROOT / "golden" / "heji.txt").read_text("utf-8")
    assert_sound(heji, REFERENCE.read_text("utf-8"))


def test_the_reference_digest_has_the_figures_that_were_counted_by_hand(heji: Digest) -> None:
    parts = Counter(part.kind for item in heji.items for part in item.parts)

    assert len(heji.topics) == 39
    assert Counter(topic.level for topic in heji.topics) == {2: 14, 3: 17, 4: 8}
    assert Counter(topic.state for topic in heji.topics) == {"items": 23, "container": 12, "empty": 3, "notes-only": 1}
    assert [topic.title for topic in heji.topics if topic.state == "empty"] == ["推荐", "GNN", "RL"]
    assert len(heji.items) == 30
    assert sum(1 + len(item.links) for item in heji.items) == 34
    assert sum(item.parent is not None for item in heji.items) == 5
    assert parts == {"abstract": 3, "recommendation": 4}
    assert sum(item.summary is not None for item in heji.items) == 11
    assert sum(item.title_source == "heading" for item in heji.items) == 4
    assert [(item.line, item.group_label) for item in heji.items if item.group_label] == [(160, "两篇"), (162, "两篇")]
    assert [note.line for note in heji.notes] == [241, 243]
    assert [(problem.line, problem.code) for problem in heji.problems] == [(102, "stray-marker")]


def test_the_reference_digests_table_of_contents_names_its_headings_in_order(heji: Digest) -> None:
    (toc,) = heji.tocs

    assert [entry.anchor for entry in toc.entries] == [heading.slug for heading in heji.headings]
    assert [entry.label for entry in toc.entries] == [topic.title for topic in heji.topics]
    assert [entry.depth for entry in toc.entries] == [topic.level - 2 for topic in heji.topics]


def test_the_reference_digests_texts_are_verbatim(heji: Digest) -> None:
    lines = REFERENCE.read_text("utf-8").split("\n")

    for item in heji.items:
        assert item.title_source == "heading" or f"[{item.title}]({item.url})" in lines[item.line - 1]
        assert all(lines[part.line - 1] == f"{part.label}：{part.text}" for part in item.parts)
        assert all(lines[link.line - 1] == f"[{link.label}]({link.url})" for link in item.links)
        assert all(any(line.endswith(body) for line in lines) for body in item.body)
    assert all(lines[note.line - 1] == note.text for note in heji.notes)
