"""What the linter tells a curator. The cases of one file are Markdown, `golden/linter.md`: see `notation.py`."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from random import Random

import pytest
from factories import digest, item, note, topic
from msgspec.structs import replace
from notation import Golden, goldens

from bot.chat import commands
from bot.chat.conversation import Command, Context
from bot.digest.config import DigestConfig, Themes, parse_config
from bot.digest.library import Library
from bot.digest.linter import lint
from bot.digest.model import Problem
from bot.digest.parsing.parser import parse

ROOT = Path(__file__).parent
REFERENCE = ROOT.parent / "content" / "heji.md"


@pytest.mark.parametrize("golden", list(goldens(ROOT / "golden" / "linter.md")), ids=lambda golden: golden.name)
def test_a_digest_has_the_findings_that_its_golden_says(golden: Golden) -> None:
    config, mistakes = parse_config(golden.yaml.encode(), file="digest.yaml")
    found = lint(Library.build([parse(golden.text, file="digest.md", config=config)], config))

    assert mistakes == ()
    assert "".join(f"{shown(problem)}\n" for problem in found) == golden.expected


def shown(problem: Problem) -> str:
    where = "yaml" if problem.file == "digest.yaml" else problem.line
    return f"{where} {problem.severity} {problem.code} {problem.message}"


def codes(*digests, **config):
    return [(p.file, p.line, p.code) for p in lint(Library.build(digests, DigestConfig(**config)))]


def test_the_reference_digest_has_what_was_found_by_hand() -> None:
    found = lint(Library.build([parse(REFERENCE.read_text("utf-8"), file="content/heji.md")]))

    assert [(p.line, p.severity, p.code) for p in found] == [
        (1, "info", "no-summary"),
        (102, "warning", "stray-marker"),
        (168, "info", "empty-section"),
        (176, "info", "heading-title"),
        (180, "info", "heading-title"),
        (182, "info", "empty-section"),
        (187, "info", "empty-section"),
        (222, "info", "heading-title"),
        (234, "info", "heading-title"),
    ]
    assert found[0].message.startswith("19 of 30 items have no summary")


def test_the_reference_digests_own_configuration_names_topics_only() -> None:
    config, _ = parse_config((REFERENCE.parent / "digest.yaml").read_bytes(), file="content/digest.yaml")
    found = lint(Library.build([parse(REFERENCE.read_text("utf-8"), file="content/heji.md")], config))

    assert [p for p in found if p.code == "unknown-topic"] == []


def test_an_item_under_another_topic_of_another_file_is_told_with_that_file() -> None:
    one = digest({"ctr": [item("Wide & Deep", summary="Both.")]}, file="a.md")
    two = digest(
        {"推荐": [item("Wide & Deep", summary="Both.")], "ctr": [item("DeepFM", summary="Deep.")]}, file="b.md"
    )

    (found,) = lint(Library.build([one, two]))

    assert (found.file, found.line, found.code, found.severity) == ("b.md", 5, "duplicate-link", "warning")
    assert "“ctr” already (a.md:5)" in found.message


def test_the_same_topic_in_two_files_is_one_topic() -> None:
    one, two = (digest({"ctr": [item("DeepFM", summary="Deep.")]}, file=file) for file in ("a.md", "b.md"))

    assert codes(one, two) == []


def test_a_companion_link_is_compared_within_its_file_only() -> None:
    link = parse("[A](https://example.com/a) by [us](https://example.com/us)", file="x").items[0].links
    one, two = (
        digest({topic: [item(topic, summary="S", links=link)]}, file=f"{topic}.md") for topic in ("ctr", "推荐")
    )
    both = digest({topic: [item(topic, summary="S", links=link)] for topic in ("ctr", "推荐")}, file="both.md")

    assert codes(one, two) == []
    assert codes(both) == [("both.md", 1, "duplicate-link")]


def test_findings_stand_file_by_file_and_line_by_line_errors_first() -> None:
    refused = Problem("z.md", 1, "file-size", "error", "too large")
    stray = Problem("b.md", 5, "stray-marker", "warning", "stray")
    bad = Problem("b.md", 5, "broken-link", "error", "broken")
    first = digest({"GNN": []}, file="c.md")
    second = digest({"GNN": [item("A", summary="S")], "RL": []}, file="b.md", problems=(stray, bad))
    found = lint(Library.build([first, second], problems=[refused]))

    assert [(p.file, p.line, p.code) for p in found] == [
        ("z.md", 1, "file-size"),
        ("c.md", 3, "empty-section"),
        ("b.md", 5, "broken-link"),
        ("b.md", 5, "stray-marker"),
        ("b.md", 7, "empty-section"),
    ]


def test_an_anchor_that_html_sets_is_no_dead_one() -> None:
    text = "- [Sleep](#sleep)\n- [Notes](#notes)\n\n## Sleep\n\n[A](https://example.com/a) Good.\n\n<a id=notes></a>\n"
    plain = parse(text, file="a.md")

    assert [(p.line, p.code) for p in lint(Library.build([replace(plain, anchors=())]))] == [(2, "dead-anchor")]
    assert lint(Library.build([replace(plain, anchors=("notes",))])) == ()


def test_a_plan_that_may_mean_two_topics_is_told() -> None:
    twice = digest({"NLP/对话": [item("A", summary="S")], "语音/对话": [item("B", summary="S")]})
    found = lint(Library.build([twice], DigestConfig(themes=Themes(plan={"2026-W50": "对话"}))))

    assert [p.message for p in found] == ["themes.plan.2026-W50: “对话” may be “NLP/对话”, “语音/对话”"]


def test_a_name_in_digest_yaml_is_told_with_its_line() -> None:
    yaml = b"aliases:\n  ctr: [clicks]\n  gnn: [graphs]\nthemes:\n  skip: [none]\n  plan:\n    2026-W50: quantum\n"
    config, _ = parse_config(yaml, file="content/digest.yaml")
    found = lint(Library.build([digest({"ctr": [item("A", summary="S")]})], config))

    assert [(p.file, p.line) for p in found] == [("content/digest.yaml", line) for line in (3, 5, 7)]


def test_a_heading_with_only_a_remark_is_not_empty() -> None:
    assert codes(digest({"其他": [note("Later.")]})) == []


def test_an_empty_library_has_nothing_to_fix() -> None:
    assert lint(Library.build([])) == ()


def test_a_curator_who_asks_for_a_check_is_told_the_same() -> None:
    books = Library.build([digest({"GNN": []})])
    context = Context(library=books, now=dt.datetime(2026, 11, 26, tzinfo=dt.UTC), random=Random(7))
    answer = commands.answer(commands.read("/check", Command(role="curator")), context)

    assert "nothing stands under “GNN”: add an item or take the heading out" in repr(answer.message)


def test_time_is_linear_in_the_items() -> None:
    def seconds(count: int) -> float:
        items = [item(f"T{n}", f"Topic {n // 10}", url=f"https://example.com/{n % (count - 7)}") for n in range(count)]
        topics = [topic(f"Topic {n}", line=n + 1) for n in range(count // 10)]
        books = Library.build([digest(topics=tuple(topics), items=tuple(items))])
        spent = []
        for _ in range(3):
            started = time.process_time()
            assert len(lint(books)) > 7
            spent.append(time.process_time() - started)
        return min(spent)

    assert seconds(16_000) < 8 * seconds(4_000) + 0.05
