"""`heji archive`: the same pages as files, which lead to each other wherever the folder lies."""

from __future__ import annotations

import io
import json
import posixpath
from urllib.parse import unquote, urlsplit

import feedparser
import pytest
from archives import DIGEST, Archive, flaws, links
from factories import digest
from glass import WICKED

from bot.__main__ import main
from bot.digest.library import Library
from bot.store.store import Store
from bot.web.filing import filed, write
from bot.web.room import State
from bot.web.shelf import Shelf

pytestmark = pytest.mark.usefixtures("without_pinyin")

ABROAD = ("https://", "http://", "mailto:")


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path).remembering().subscribe().post(2)


def files(archive, **options):
    return dict(filed(Shelf(archive.room.state()), "zh", **options))


def inward(name, body):
    """Where a page leads, as names of files."""
    for link in links(body.decode()):
        if not link.startswith((*ABROAD, "#")):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(urlsplit(link).path)))


def test_every_link_leads_to_a_file_from_any_folder(archive):
    written = files(archive)
    pages = {name: body for name, body in written.items() if name.endswith(".html")}

    assert {"index.html", "editions.html", "editions/1/2026-W45.html", "topics/nlp/对话.html"} <= {*pages}
    assert sum(name.startswith("items/") for name in pages) == 4
    for name, body in pages.items():
        assert {*inward(name, body)} - {*written} == set(), name
        assert not any(link.startswith("/") for link in links(body.decode())), name


def test_what_needs_somebody_to_answer_is_not_there(archive):
    front = files(archive)["index.html"].decode()

    assert "<form" not in front
    assert "preview" not in front
    assert [
        flaw for flaw in flaws(front) if " loads " not in flaw and " leads to " not in flaw and " has rel=" not in flaw
    ] == []


def test_the_feeds_lead_to_where_the_folder_will_be(archive):
    written = files(archive, public="https://name.github.io/digest")
    atom = feedparser.parse(written["feed.atom"])
    entry = json.loads(written["feed.json"])["items"][0]

    assert not atom.bozo
    assert atom.entries[0].link == entry["url"] == "https://name.github.io/digest/editions/1/2026-W46.html"
    assert atom.feed.links[0].href == "https://name.github.io/digest/feed.atom"


def test_no_title_leads_out_of_the_folder(tmp_path):
    tree = {title: [f"in {n}"] for n, title in enumerate((*WICKED, "..", "../..", "a/../../b", "/etc/x"))}
    library = Library.build([digest(tree)])
    out = tmp_path / "out"
    for name, body in filed(Shelf(State(library, Archive(tmp_path).room.state().zone)), "en"):
        write(out, name, body)

    assert {path.name for path in tmp_path.iterdir()} == {"out", "heji.md"}
    assert {path.name for path in out.iterdir()} >= {"index.html", "topics", "items", "static"}


# The verb -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def heji(tmp_path, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["heji", *arguments])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "heji.md").write_text(DIGEST, encoding="utf-8")
    return run


def test_the_verb_writes_the_pages_says_how_many_and_touches_nothing_that_is_the_same(heji, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "CNAME").write_text("digest.example.org")
    first = heji("archive", "out", "--url", "https://digest.example.org", "--lang", "en")
    second = heji("archive", "out", "--url", "https://digest.example.org", "--lang", "en")

    assert first == (0, "11 pages in out, 17 files new or changed\n", "")
    assert second == (0, "11 pages in out, 0 files new or changed\n", "")
    assert (tmp_path / "out" / "CNAME").read_text() == "digest.example.org"
    assert '<html lang="en">' in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_the_verb_knows_what_was_posted(heji, tmp_path):
    (tmp_path / "data").mkdir()
    archive = Archive(tmp_path / "content")
    archive.app.attach(Store.open(f"sqlite:///{tmp_path}/data/heji.db", clock=archive.clock))
    archive.subscribe().post()
    archive.store.close()
    heji("archive", "out")

    assert "ctr" in (tmp_path / "out" / "editions" / "1" / "2026-W45.html").read_text(encoding="utf-8")


def test_without_an_address_the_verb_says_what_the_feeds_lack_and_with_a_wrong_one_what_is_wrong(heji):
    code, _, said = heji("archive", "out")
    wrong, out, cure = heji("archive", "out", "--url", "javascript:x")

    assert (code, said.count("--url")) == (0, 1)
    assert (wrong, out) == (2, "")
    assert "https://name.github.io/digest" in cure


def test_a_folder_that_cannot_be_written_is_a_sentence(heji, tmp_path):
    (tmp_path / "out").write_text("a file")
    code, _, said = heji("archive", "out")

    assert code == 2
    assert said.startswith("heji: out")
    assert "Traceback" not in said
