"""What other programs get: JSON key by key as promised, OPML that parses, CSV that comes back as it was."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from factories import digest, item, library, note

from bot.digest.export import as_csv, as_json, as_opml
from bot.digest.model import Link, Part
from bot.digest.parsing.parser import parse
from bot.digest.sources import load

CONTENT = Path(__file__).parent.parent / "content"

KEYS = {
    "digest": {
        "file", "title", "title_source", "date", "language", "tags", "front_matter", "topics", "items", "notes",
        "problems",
    },
    "topic": {"path", "title", "slug", "level", "line", "state"},
    "item": {
        "id", "topic", "title", "title_source", "url", "links", "parts", "body", "summary", "summary_source", "tags",
        "parent", "group_label", "line", "lines",
    },
    "link": {"label", "url", "line"},
    "part": {"kind", "label", "text", "line"},
    "note": {"topic", "text", "line", "links"},
    "problem": {"line", "code", "severity", "message"},
}  # fmt: skip


@pytest.fixture(scope="module")
def reference():
    return load([CONTENT])


@pytest.fixture(scope="module")
def exported(reference):
    (only,) = json.loads(as_json(reference.digests))["digests"]
    return only


def outlines(text):
    return [outline.attrib for outline in ET.fromstring(text.encode()).iter("outline")]


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


# JSON -----------------------------------------------------------------------------------------------------------------


def test_json_has_the_keys_that_were_promised_and_no_others(exported):
    found = {
        "digest": [exported],
        "topic": exported["topics"],
        "item": exported["items"],
        "link": [link for one in exported["items"] for link in one["links"]],
        "part": [part for one in exported["items"] for part in one["parts"]],
        "note": exported["notes"],
        "problem": exported["problems"],
    }

    assert {name: {frozenset(value) for value in values} for name, values in found.items()} == {
        name: {frozenset(keys)} for name, keys in KEYS.items()
    }


def test_json_of_the_reference_digest_says_what_stands_in_it(exported):
    traditional = next(one for one in exported["items"] if one["title"] == "传统ctr")

    assert (exported["title"], exported["title_source"], exported["language"]) == ("合辑", "front_matter", "zh")
    assert exported["front_matter"]["layout"] == "post"
    assert (len(exported["topics"]), len(exported["items"])) == (39, 30)
    assert {
        "path": ["ctr", "传统ctr"], "title": "传统ctr", "slug": "传统ctr", "level": 3, "line": 174, "state": "items",
    } in exported["topics"]  # fmt: skip
    assert traditional == {
        "id": traditional["id"], "topic": ["ctr", "传统ctr"], "title": "传统ctr", "title_source": "heading",
        "url": "https://daiwk.github.io/posts/dl-traditional-ctr-models.html", "links": [], "parts": [], "body": [],
        "summary": None, "summary_source": None, "tags": [], "parent": None, "group_label": None, "line": 176,
        "lines": [176, 176],
    }  # fmt: skip
    assert [(p["line"], p["code"], p["severity"]) for p in exported["problems"]] == [(102, "stray-marker", "warning")]


def test_json_keeps_parents_labels_and_the_order_of_the_document(exported):
    grouped = [one for one in exported["items"] if one["group_label"]]
    ids = [one["id"] for one in exported["items"]]

    assert grouped
    assert all(ids.index(one["parent"]) < ids.index(one["id"]) for one in grouped)
    assert [one["line"] for one in exported["items"]] == sorted(one["line"] for one in exported["items"])


def test_json_gives_a_date_as_a_day_and_what_stands_before_headings_an_empty_path():
    read = parse("---\ndate: 2026-11-23\n---\n\n[A](https://example.org/a)\n\n## T\n", file="a.md")
    (told,) = json.loads(as_json([read]))["digests"]

    assert told["date"] == "2026-11-23"
    assert told["items"][0]["topic"] == []
    assert [(topic["title"], topic["state"]) for topic in told["topics"]] == [("T", "empty")]


def test_json_of_nothing_is_an_empty_list():
    assert json.loads(as_json([])) == {"digests": []}


# OPML -----------------------------------------------------------------------------------------------------------------


def test_opml_holds_every_item_with_its_address_and_every_topic(reference):
    text = as_opml(reference.digests, reference.title)
    links = {outline["url"] for outline in outlines(text) if outline.get("type") == "link"}
    names = {outline["text"] for outline in outlines(text)}

    assert {one.url for one in reference.items} <= links
    assert {topic.title for topic in reference.topics} <= names
    assert ET.fromstring(text.encode()).findtext("head/title") == "合辑"


def test_opml_nests_items_as_their_topics_and_parents_do():
    parent = item("Parent", "NLP/对话", links=(Link("code", "https://example.org/code", 3),))
    child = item("Child", "NLP/对话", parent=parent.id)
    body = ET.fromstring(as_opml([digest({"NLP/对话": [parent, child]})], "T").encode()).find("body")

    assert (
        body.find("outline[@text='合辑']/outline[@text='NLP']/outline[@text='对话']/outline[@text='Parent']")
        is not None
    )
    assert body.find(".//outline[@text='Parent']/outline[@text='Child']") is not None
    assert body.find(".//outline[@text='Parent']/outline[@text='code']").get("url") == "https://example.org/code"


def test_opml_says_a_topic_once_although_its_heading_comes_twice():
    read = parse("## T\n\n[A](https://example.org/a)\n\n## U\n\n## T\n\n[B](https://example.org/b)\n", file="a.md")

    assert [outline["text"] for outline in outlines(as_opml([read], "x"))].count("T") == 1


def test_opml_leaves_out_characters_that_xml_cannot_hold():
    odd = item("a\x01b\x0b<&>\"'\ufffe", summary="c\x00d \U0001f600")
    (found,) = [one for one in outlines(as_opml([digest({"t": [odd]})], "x\x02")) if "url" in one]

    assert (found["text"], found["description"]) == ("ab<&>\"'", "cd \U0001f600")


# CSV ------------------------------------------------------------------------------------------------------------------


def test_csv_comes_back_as_it_was(reference):
    read = rows(as_csv(reference.digests))

    assert [(row["url"], row["title"], row["topic"], row["summary"], int(row["line"])) for row in read] == [
        (one.url, one.title, " / ".join(one.topic), one.summary or "", one.line) for one in reference.digests[0].items
    ]


def test_csv_keeps_commas_quotes_and_line_breaks_in_their_cells():
    odd = item(
        'One, "two"',
        summary="first\nsecond, third",
        parts=(Part("recommendation", "推荐", 'read, "it"', 4),),
        links=(Link("", "https://example.org/1", 1), Link("x", "https://example.org/2", 1)),
        tags=("a", "b"),
    )
    text = as_csv([digest({"ctr": [odd]})])
    (row,) = rows(text)

    assert (row["title"], row["summary"], row["recommendation"]) == (odd.title, odd.summary, 'read, "it"')
    assert row["links"].split("\n") == ["https://example.org/1", "https://example.org/2"]
    assert row["tags"].split("\n") == ["a", "b"]
    assert text.endswith("\r\n")


def test_csv_of_no_items_is_a_header():
    assert len(as_csv(library({"t": [note("only a remark")]}).digests).splitlines()) == 1
