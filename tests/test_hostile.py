"""Texts and files of somebody who means harm, or whose editor did: each is read or refused in time, none raises.

No time is asserted here: that a text's cost grows with its length and not faster is what `benchmarks/parse.py` shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.digest.parsing.parser import parse
from bot.digest.sources import load

ITEM = "\n\n[On sleep](https://example.com/sleep)\n"

# Each is repeated until it fills the size; what comes first opens it.
PATTERNS = [
    *(
        "[",
        "]",
        "![",
        "[a](",
        "](",
        "] (",
        "[a][b] ",
        "[a]: ",
        "[a]:\n",
        "[a] (https://e.org/) ",
        "[a] (https://e.org/)\n",
    ),
    *("*", "_", "**a", "*a_b`c[d", "`", "` `` ", "~~~\n", "```\n", "- ```\n", "\\", "\\[", "&", "&amp;"),
    *(
        "<",
        "<a ",
        '<a href="',
        '<a href="https://e.org/">',
        "<!--",
        "<!-- TOC -->\n\n",
        "<?",
        "<div>\n",
        "<br>",
        "a<![CDATA[",
    ),
    *("> a\n", "- a\n", "1. a\n", "1、a\n\n", "# a\n", "a\n===\n", "---\n", "+++\n", "|", "|a|b|\n|-|-|\n|c|d|\n\n"),
    *(
        "https://",
        "https://e.org/a ",
        "https://e.org/睡",
        "()",
        "a ",
        "睡眠",
        "睡\n",
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "\u200b",
        "\ud800",
    ),
    *(
        "摘要：a\n\n",
        "两篇：\n\n",
        "===here\n\n",
        "> a\n\n-- [b](https://e.org/)\n\n",
        "- [a](#a)\n",
        "title: a\n",
        "a: ",
    ),
]


@pytest.mark.parametrize("pattern", PATTERNS, ids=ascii)
@pytest.mark.parametrize("before", ["", f"x{ITEM}\n"], ids=["alone", "below an item"])
def test_a_pattern_over_and_over_is_read(pattern: str, before: str) -> None:
    text = before + pattern * (30_000 // len(pattern))

    assert parse(text, file="digest.md").file == "digest.md"


@pytest.mark.parametrize(
    "opening",
    [
        "---\na: &a [x, x]\n",
        "---\na: ",
        "---\na: 1\n",
        "+++\na = ",
        "+++\n",
        "title: a\n",
        "| a |\n|---|\n| ",
        "- " * 40,
        "<div>\n",
    ],
    ids=ascii,
)
@pytest.mark.parametrize(
    "pattern", ["b: [*a, *a]\n", "[", "{a: ", "''", "- ", "? ", "x", "a = [1]\n", " \n"], ids=ascii
)
def test_front_matter_tables_and_lists_may_be_full_of_anything(opening: str, pattern: str) -> None:
    text = opening + pattern * (30_000 // len(pattern)) + "\n---\n+++\n"

    assert parse(text + ITEM, file="digest.md").problems is not None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(">" * 10_000 + " a", 3, id="quotations"),
        pytest.param("- " * 10_000 + "a", 3, id="lists in a line"),
        pytest.param("".join(f"{' ' * 2 * depth}- a\n" for depth in range(500)), 35, id="lists"),
        pytest.param("> - " * 5_000 + "a", 3, id="both"),
    ],
)
def test_nesting_without_end_is_refused_with_its_line(text: str, line: int) -> None:
    digest = parse(f"# a\n\n{text}{ITEM}", file="digest.md")

    assert digest.items == ()
    assert [(problem.line, problem.severity, problem.code) for problem in digest.problems] == [
        (line, "error", "too-deep")
    ]


def test_ten_thousand_brackets_hide_no_item() -> None:
    digest = parse("[" * 10_000 + "]" * 10_000 + ITEM, file="digest.md")

    assert [item.title for item in digest.items] == ["On sleep"]


def test_too_many_items_are_refused_with_a_sentence() -> None:
    digest = parse("[a](https://example.com/a)\n\n" * 50_001, file="digest.md")

    assert digest.items == ()
    assert [problem.code for problem in digest.problems] == ["too-many"]
    assert "50,000" in digest.problems[0].message


@pytest.mark.parametrize("letters", ["a", "睡", "a ", "https://example.com/a ", "a](b "], ids=ascii)
def test_a_line_of_a_megabyte_is_read(letters: str) -> None:
    line = letters * (1_000_000 // len(letters.encode()))
    digest = parse(f"# {line}\n\n[{line}](https://example.com/long)\n\n{line}{ITEM}", file="digest.md")

    assert "https://example.com/sleep" in {item.url for item in digest.items}


# Files ------------------------------------------------------------------------------------------------------------


def bomb(path: Path) -> None:
    lines = "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9))
    path.write_text(f"---\na: &a [lol, lol]\n{lines}---\n", "utf-8")


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(60_000_000)


def outside(path: Path) -> None:
    secret = path.parent.parent / "secret.md"
    secret.write_text("[Secret](https://example.com/secret)\n")
    path.symlink_to(secret)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.write_bytes(b"# a\n\xff\xfe\xfa\n"), id="no UTF-8"),
        pytest.param(lambda path: path.write_bytes("# 睡眠\n".encode("gb18030")), id="GB 18030"),
        pytest.param(lambda path: path.write_bytes(b"# a\0b\n"), id="NUL"),
        pytest.param(lambda path: path.write_bytes("# a\n".encode("utf-16")), id="UTF-16"),
        pytest.param(lambda path: path.write_bytes(b"a" * 6_000_000), id="6 MB"),
        pytest.param(sparse, id="60 MB"),
        pytest.param(bomb, id="YAML bomb"),
        pytest.param(lambda path: path.write_text(">" * 10_000 + "a"), id="10,000 quotations"),
        pytest.param(lambda path: path.write_text("---\na: " + "[" * 10_000 + "\n---\n"), id="10,000 brackets in YAML"),
        pytest.param(outside, id="a link out of the folder"),
        pytest.param(os.mkfifo, id="a FIFO"),
        pytest.param(lambda path: path.symlink_to(path), id="a ring"),
    ],
)
def test_a_bad_file_is_named_and_the_good_ones_beside_it_load(tmp_path: Path, make: Callable[[Path], object]) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "a.md").write_text("## Sleep\n\n[On sleep](https://example.com/sleep)\n")
    make(content / "bad.md")
    (content / "z.md").write_text("## Food\n\n[On bread](https://example.com/bread)\n")
    library = load([content])
    errors = {Path(problem.file).name for problem in library.problems if problem.severity == "error"}

    assert [item.title for item in library.items] == ["On sleep", "On bread"]
    assert errors == {"bad.md"}
    assert all(problem.message for problem in library.problems)
