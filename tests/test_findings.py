"""Problems in writing, for a person, a program and GitHub."""

from __future__ import annotations

import json

from bot.digest.findings import as_github, as_json, as_text, shorten
from bot.digest.model import Problem

STRAY = Problem("content/heji.md", 102, "stray-marker", "warning", "stray marker '===here': it is shown nowhere")
EMPTY = Problem("content/heji.md", 168, "empty-section", "info", "nothing stands under “推荐”")
BROKEN = Problem("a,b:c 100%.md", 3, "broken-link", "error", "one\r\ntwo: 100%, [31m")


def test_a_person_reads_a_line_a_problem_and_how_many_there_are() -> None:
    assert as_text([STRAY, EMPTY, EMPTY]).split("\n") == [
        "content/heji.md:102: warning: stray marker '===here': it is shown nowhere [stray-marker]",
        "content/heji.md:168: info: nothing stands under “推荐” [empty-section]",
        "content/heji.md:168: info: nothing stands under “推荐” [empty-section]",
        "1 warning, 2 remarks",
    ]
    assert as_text([]) == "nothing to fix"


def test_what_a_digest_holds_does_not_steer_the_terminal() -> None:
    hostile = Problem("a.md", 1, "generic-title", "warning", "\x1b[2Jred\u202e\nnext　全角")

    assert as_text([hostile]).split("\n")[0] == ("a.md:1: warning: \\x1b[2Jred\\u202e\\nnext　全角 [generic-title]")


def test_a_program_reads_what_the_contract_says() -> None:
    assert json.loads(as_json([STRAY, BROKEN]))[0] == {
        "file": "content/heji.md",
        "line": 102,
        "code": "stray-marker",
        "severity": "warning",
        "message": "stray marker '===here': it is shown nowhere",
    }
    assert as_json([]) == "[]"


def test_github_reads_one_command_a_problem_with_its_escapes() -> None:
    assert as_github([STRAY, EMPTY, BROKEN]).split("\n") == [
        "::warning file=content/heji.md,line=102,title=stray-marker::stray marker '===here': it is shown nowhere",
        "::notice file=content/heji.md,line=168,title=empty-section::nothing stands under “推荐”",
        "::error file=a%2Cb%3Ac 100%25.md,line=3,title=broken-link::one%0D%0Atwo: 100%25, [31m",
    ]
    assert as_github([]) == ""


def test_a_long_title_is_cut_for_the_sentence() -> None:
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 61) == "x" * 59 + "…"
