"""The feeds: readers take them as they are, and they carry what was posted, no more and no less."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import feedparser
import pytest
from archives import Archive, flaws, visit
from factories import digest, item
from glass import WICKED, shown

pytestmark = pytest.mark.usefixtures("without_pinyin")

PUBLIC = "https://digest.example.org/reading"


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path).remembering().subscribe().post(2)


def feeds(app, **headers):
    """The feed as a reader of Atom has it, and as JSON."""
    atom, other = visit(app, "/feed.atom", "/feed.json", **headers)
    parsed = feedparser.parse(atom.content, response_headers=dict(atom.headers))
    assert not parsed.bozo, parsed.get("bozo_exception")
    return parsed, json.loads(other.content)


def test_both_feeds_carry_what_reached_the_chat(archive):
    atom, other = feeds(archive.pages(), accept_language="en")
    said = archive.said()

    assert [entry.title for entry in atom.entries] == ["NLP · week 46 of 2026", "ctr · week 45 of 2026"]
    assert [entry["title"] for entry in other["items"]] == [entry.title for entry in atom.entries]
    for text, entry, row in zip(reversed(said), atom.entries, other["items"], strict=True):
        posted = {line.strip() for line in text.splitlines() if line.strip().startswith("https://")}
        assert posted
        assert all(f'href="{url}"' in entry.content[0].value for url in posted)
        assert all(f'href="{url}"' in row["content_html"] for url in posted)


def test_what_was_planned_and_reached_nobody_is_in_no_feed(archive):
    atom, other = feeds(archive.post(sending=False).pages())

    assert len(atom.entries) == len(other["items"]) == 2


def test_addresses_are_whole_and_lead_to_the_public_place(archive):
    atom, other = feeds(archive.pages(public=PUBLIC))
    whole = [atom.feed.link, *(link.href for link in atom.feed.links), *(entry.link for entry in atom.entries),
             other["home_page_url"], other["feed_url"], *(entry["url"] for entry in other["items"])]  # fmt: skip

    assert all(url.startswith(f"{PUBLIC}/") for url in whole)
    assert atom.entries[0].link == f"{PUBLIC}/editions/1/2026-W46"


@pytest.mark.parametrize(
    ("host", "root"), [("feeds.example.org", "http://feeds.example.org"), ("evil.example/x", ""), ('"><b>', "")]
)
def test_without_a_public_address_the_feed_leads_to_where_it_was_asked_for(archive, host, root):
    _, other = feeds(archive.pages(), host=host)

    assert other["feed_url"] == f"{root}/feed.json"


def test_json_feed_keeps_its_rules(archive):
    """https://www.jsonfeed.org/version/1.1/"""
    answer = visit(archive.pages(public=PUBLIC), "/feed.json")[0]
    feed = json.loads(answer.content)

    assert answer.headers["content-type"].startswith("application/feed+json")
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] == "合辑"
    assert feed["authors"] == [{"name": "合辑"}]
    assert len({entry["id"] for entry in feed["items"]}) == 2
    assert all(isinstance(entry["content_html"], str) and entry["content_html"] for entry in feed["items"])
    assert [entry["date_published"] for entry in feed["items"]] == ["2026-11-09T09:00:30Z", "2026-11-02T09:00:30Z"]


def test_an_entry_keeps_its_name_when_the_content_and_the_public_address_change(archive):
    before = [entry.id for entry in feeds(archive.pages())[0].entries]
    archive.write(archive.digest.replace("[ALBERT]", "[A Lite BERT]"))
    archive.app.refresh()
    after = [entry.id for entry in feeds(archive.pages(public=PUBLIC))[0].entries]

    assert before == after
    assert all(one.startswith("urn:uuid:") for one in before)


def test_opml_holds_every_topic_and_item(archive):
    answer = visit(archive.pages(), "/opml")[0]
    root = ET.fromstring(answer.content)

    assert answer.headers["content-type"].startswith("text/x-opml")
    assert {"ctr", "NLP", "对话", "GNN", "DeepFM"} <= {outline.get("text") for outline in root.iter("outline")}
    assert {"https://example.org/deepfm"} <= {outline.get("url") for outline in root.iter("outline")}


def test_whatever_the_digest_says_the_feeds_are_sound():
    rows = [item(wicked, "ctr", url=f"https://example.org/{n}", summary=wicked) for n, wicked in enumerate(WICKED)]
    app = shown(digest({"ctr": rows}), posted=True)
    atom, other = feeds(app)
    ET.fromstring(visit(app, "/opml")[0].content)

    assert len(atom.entries) == len(other["items"]) == 1
    assert flaws(f"<!doctype html><title>t</title>{other['items'][0]['content_html']}") == []
