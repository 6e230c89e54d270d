"""The table of contents put right. The cases are Markdown, `golden/toc.md`: see `notation.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from notation import Golden, goldens

from bot.digest import toc
from bot.digest.parsing.parser import parse

ROOT = Path(__file__).parent
REFERENCE = ROOT.parent / "content" / "heji.md"


def fixed(text: str) -> str | None:
    return toc.fix_toc(text, parse(text, file="digest.md"))


@pytest.mark.parametrize("golden", list(goldens(ROOT / "golden" / "toc.md")), ids=lambda golden: golden.name)
def test_a_table_of_contents_becomes_what_its_golden_says(golden: Golden) -> None:
    expected = golden.expected.removesuffix("\n")
    result = fixed(golden.text)

    assert (result or "(unchanged)") == expected
    assert result is None or fixed(result) is None


def test_the_reference_digests_table_is_in_order() -> None:
    assert fixed(REFERENCE.read_text("utf-8")) is None


def test_a_heading_taken_from_the_reference_digests_table_comes_back_as_it_was() -> None:
    text = REFERENCE.read_text("utf-8")
    for line in (
        "    - [中文语音识别](#中文语音识别)\n",
        "- [GNN](#gnn)\n",
        "- [RL](#rl)\n- [压缩与部署](#压缩与部署)\n",
    ):
        assert fixed(text.replace(line, "")) == text


def test_entries_that_markdown_takes_for_code_are_left_alone() -> None:
    text = REFERENCE.read_text("utf-8").replace("- [基础研究](#基础研究)\n", "")

    assert fixed(text) is None


def test_line_ends_and_the_missing_last_one_are_kept() -> None:
    text = "<!-- TOC -->\r\n- [Sleep](#sleep)\r\n<!-- /TOC -->\r\n\n## Sleep\r\n\r## Tea"

    assert fixed(text) == text.replace("(#sleep)\r\n", "(#sleep)\r\n- [Tea](#tea)\r\n")


def test_a_table_on_the_last_line_gets_no_line_end() -> None:
    text = "## Sleep\n## Food\n## Tea\n\n- [Sleep](#sleep)\n- [Tea](#tea)"

    assert fixed(text) == text.replace("\n- [Tea]", "\n- [Food](#food)\n- [Tea]")


def test_a_table_with_anchors_that_html_sets_is_left_alone() -> None:
    text = "- [Sleep](#sleep)\n- [Notes](#notes)\n- [Food](#food)\n\n## Sleep\n## Tea\n## Food\n"
    digest = parse(text, file="a.md")

    assert toc.fix_toc(text, replace(digest, anchors=())) is not None
    assert toc.fix_toc(text, replace(digest, anchors=("notes",))) is None


def test_a_digest_of_another_text_is_not_written_into_this_one() -> None:
    digest = parse("- [Sleep](#sleep)\n- [Tea](#tea)\n\n## Sleep\n## Food\n## Tea\n", file="a.md")

    assert toc.fix_toc("- [Sleep](https://example.com)\n- [Tea](#other)\n", digest) is None


# Drifted tables of all styles ------------------------------------------------------------------------------------

TITLES = st.lists(
    st.sampled_from(
        ["Sleep", "睡眠", "Food & drink", "bert蒸馏、量化", "tf2.0", "a_b", "*x*", "C++", "`code`", "Sleep [1]"]
    ),
    min_size=3,
    max_size=9,
)


@st.composite
def drifted(draw: Any) -> str:
    """A digest whose table lists some of its headings and some that are gone, in one of the styles of the field."""
    one = lambda *choices: draw(st.sampled_from(choices))  # noqa: E731
    levels, bullet, step, dot = one((2,), (2, 3), (1, 2, 3)), one("-", "*", "+"), one(2, 4), one("", "./")
    headings = [(one(*levels), title) for title in draw(TITLES)]
    headings[0] = (levels[0], headings[0][1])
    body = "\n\n".join(
        f"{'#' * level} {title}\n\n[{n}](https://example.com/{n})" for n, (level, title) in enumerate(headings)
    )
    rows, above = [], []
    for heading in parse(body, file="a.md").headings:
        while above and above[-1] >= heading.level:
            above.pop()
        rows.append(
            f"{' ' * step * len(above)}{bullet} [{toc._MARKUP.sub(toc._escaped, heading.title)}]({dot}#{heading.slug})"
        )
        above.append(heading.level)
    kept = [row for number, row in enumerate(rows) if number < 2 or one(True, True, False)]
    kept += [f"{bullet} [Gone]({dot}#gone)"] * one(0, 1)
    table = "\n".join(kept)
    table = f"<!-- TOC -->\n\n{table}\n\n<!-- /TOC -->" if one(True, False) else table
    text = f"{one('', '---' + chr(10) + 'title: A' + chr(10) + '---' + chr(10))}\n{table}\n\n{body}{one('', chr(10))}"
    return text.replace("\n", one("\n", "\r\n"))


@given(drifted())
def test_a_drifted_table_is_put_right_and_nothing_else_changes(text: str) -> None:
    digest = parse(text, file="a.md")
    result = toc.fix_toc(text, digest)

    if result is None:
        assert list(toc.drift(digest)) == []
        return
    again = parse(result, file="a.md")
    first, last = digest.tocs[0].lines
    lines, before = result.splitlines(keepends=True), text.splitlines(keepends=True)
    assert list(toc.drift(again)) == []
    assert toc.fix_toc(result, again) is None
    assert lines[: first - 1] == before[: first - 1]
    assert lines[len(lines) - (len(before) - last) :] == before[last:]
    assert [(h.title, h.slug) for h in again.headings] == [(h.title, h.slug) for h in digest.headings]
    assert [(i.id, i.topic) for i in again.items] == [(i.id, i.topic) for i in digest.items]


@given(st.text(alphabet="-*# []()ab\n\r1.<!>TOC/`\t", max_size=200))
def test_any_text_is_fixed_or_left_alone(text: str) -> None:
    result = fixed(text)

    assert result is None or fixed(result) is None
