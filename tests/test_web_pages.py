"""The archive's pages: what was written and posted can be read, in two languages, at addresses that stay."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import httpx
import pytest
from archives import DIGEST, Archive, flaws, links, text, visit
from serving import PATIENCE

from bot.errors import StoreUnreachable
from bot.processes.presence import Presence
from bot.web import archive as pages_of
from bot.web.health import Health
from bot.web.limit import Limit
from bot.web.views import environment

pytestmark = pytest.mark.usefixtures("without_pinyin")


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path).remembering()


@pytest.fixture
def posted(archive):
    return archive.subscribe().post(2)


def one(app, path, **headers):
    return visit(app, path, **headers)[0]


def marks_of(app, path):
    return one(app, path).headers["etag"]


# What is there --------------------------------------------------------------------------------------------------------


def test_the_front_page_shows_the_theme_the_picture_the_topics_and_the_past_editions(posted):
    page = one(posted.pages(), "/", accept_language="en")
    said = text(page.text)

    assert page.status_code == 200
    assert "Theme of the moment · week 46 of 2026 NLP Posted on 9 November 2026" in said
    assert "ctr: 2 of 2 posted" in said
    assert "Past editions NLP week 46 of 2026 ConvAI, ALBERT ctr week 45 of 2026 Wide & Deep, DeepFM" in said
    assert "Next ctr Monday, 16 November, 09:00 (UTC)" in said
    assert {"/topics/ctr", "/topics/nlp/%E5%AF%B9%E8%AF%9D", "/editions/1/2026-W46"} <= {*links(page.text)}


PLACES = ("/", "/topics/nlp", "/topics/gnn", "/editions", "/editions/1/2026-W45", "/preview", "/preview?say=/topics",
          "/search?q=albert", "/search", "/search?q=nowhere", "/nothing")  # fmt: skip


@pytest.mark.parametrize(("language", "tag"), [("zh", "zh-Hans"), ("en", "en")])
def test_every_page_is_sound_html_with_landmarks_and_labels_in_both_languages(posted, language, tag):
    for page in visit(posted.pages(), *PLACES, accept_language=language):
        assert flaws(page.text) == [], page.url
        assert f'<html lang="{tag}">' in page.text
        assert page.text.count("<h1") == 1
        assert all(landmark in page.text for landmark in ("<header", "<nav", '<main id="main"', "<footer", "#main"))


def test_all_that_leads_on_from_a_page_is_there(posted):
    app = posted.pages()
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        page = one(app, path)
        assert page.status_code == 200, path
        if page.headers["content-type"].startswith("text/html"):
            ours = {link.partition("#")[0] for link in links(page.text) if link.startswith("/")}
            waiting += sorted(ours - seen - {*waiting})

    assert {"/editions/1/2026-W45", "/feed.atom", "/opml", "/preview"} <= seen
    assert len({path.partition("?")[0] for path in seen if path.startswith("/items/")}) == 4


def test_a_topic_shows_what_is_in_it_and_below_it_with_the_curators_words(archive):
    said = text(one(archive.pages(), "/topics/ctr", accept_language="zh").text)

    assert "Wide & Deep example.org 详细 记忆与泛化。详见 https://example.org/more 。 推荐先读这篇。" in said
    assert "NLP" not in said.partition("ctr")[2]


def test_a_topic_that_holds_nothing_says_so(archive):
    assert "This heading is still empty" in one(archive.pages(), "/topics/gnn", accept_language="en").text


@pytest.mark.parametrize(
    ("path", "place"),
    [("/topics/NLP/", "/topics/nlp"), ("/topics/CTR", "/topics/ctr"), ("/topics", "/#topics"),
     ("/topics/对话", "/topics/nlp/%E5%AF%B9%E8%AF%9D"), ("/editions/2026-W45", "/editions/1/2026-W45")],
)  # fmt: skip
def test_what_is_asked_for_by_another_name_is_shown_where_it_is(posted, path, place):
    answer = one(posted.pages(), path)

    assert (answer.status_code, answer.headers.get("location", place)) in ((302, place), (200, place))


def test_an_item_keeps_its_address_and_its_editions_when_it_leaves_the_digest(posted):
    (item,) = (one for one in posted.app.library.items if one.title == "DeepFM")
    posted.write(DIGEST.replace("[DeepFM](https://example.org/deepfm)", ""))
    posted.app.refresh()
    item_page = one(posted.pages(), f"/items/{item.id}", accept_language="en")
    edition = one(posted.pages(), "/editions/1/2026-W45")

    assert posted.app.library.item(item.id) is None
    assert "no longer in the digest" in item_page.text
    assert "https://example.org/deepfm" in links(item_page.text)
    assert "https://example.org/deepfm" in links(edition.text)


def test_an_edition_keeps_the_titles_that_were_posted(posted):
    posted.write(DIGEST.replace("[DeepFM]", "[DeepFM, renamed]"))
    posted.app.refresh()

    assert "renamed" in one(posted.pages(), "/topics/ctr").text
    assert "renamed" not in one(posted.pages(), "/editions/1/2026-W45").text


def test_an_edition_that_reached_nobody_is_in_no_archive(archive):
    app = archive.subscribe().post(sending=False).pages()

    assert "Nothing has been posted yet." in one(app, "/editions", accept_language="en").text
    assert one(app, "/editions/1/2026-W45").status_code == 404


def test_two_rotations_of_one_community_do_not_fill_the_archive_twice(archive):
    archive.subscribe("console:one").subscribe("console:two", items=50).post()
    page = one(archive.pages(), "/editions")

    assert len(archive.said()) == 2
    assert [link for link in links(page.text) if link.startswith("/editions/")] == ["/editions/1/2026-W45"]
    assert one(archive.pages(), "/editions/2/2026-W45").status_code == 200


def test_an_edition_out_of_turn_has_an_address_that_does_not_tell_its_key(archive):
    archive.subscribe()
    archive.app.planner.post(key="our secret plans")
    archive.post()
    found = [link for link in links(one(archive.pages(), "/editions").text) if "/post-" in link]

    assert len(found) == 1
    assert "secret" not in found[0]
    assert one(archive.pages(), found[0]).status_code == 200


def test_search_finds_items_topics_and_addresses(posted):
    app = posted.pages()

    assert "/topics/ctr" in links(one(app, "/search?q=ctr").text)
    assert "https://example.org/albert" in links(one(app, "/search?q=albert").text)
    assert "https://example.org/convai" in links(one(app, "/search?q=https://example.org/convai").text)
    assert 'value="albert"' in one(app, "/search?q=albert").text


# In which language ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("en-GB,en;q=0.8", "en"), ("fr, en;q=0.2, zh;q=0.7", "zh-Hans"), ("", "zh-Hans"), ("fr", "zh-Hans"),
     ("zh;q=0, en", "en"), ("*;q=x,,;;q=1", "zh-Hans"), ("en;q=0.9.9", "zh-Hans")],
)  # fmt: skip
def test_the_reader_s_language_is_spoken_else_the_digest_s(archive, accepted, language):
    page = one(archive.pages(), "/", accept_language=accepted)

    assert f'<html lang="{language}">' in page.text
    assert page.headers["vary"] == "Accept-Language"


def test_a_language_that_was_chosen_stays_from_page_to_page(archive):
    page = one(archive.pages(), "/?lang=en", accept_language="zh")
    ours = [link for link in links(page.text) if link.startswith(("/topics", "/editions", "/preview"))]

    assert '<html lang="en">' in page.text
    assert ours
    assert all("lang=en" in link for link in ours)


# Having it already ----------------------------------------------------------------------------------------------------


def test_who_has_a_page_already_gets_304_until_it_changes(posted):
    app, places = posted.pages(), ("/", "/topics/ctr", "/feed.atom", "/feed.json", "/opml", "/static/style.css")
    first = visit(app, *places)
    again = [one(app, page.url.path, if_none_match=f'"other", W/{page.headers["etag"]}') for page in first]

    assert [(page.status_code, page.content) for page in again] == [(304, b"")] * len(places)
    assert [page.headers["etag"] for page in again] == [page.headers["etag"] for page in first]
    assert {page.status_code for page in visit(app, *places, if_none_match='"other"')} == {200}


def test_a_new_edition_and_new_content_change_the_pages(posted):
    app = posted.pages()
    feed, front = marks_of(app, "/feed.atom"), marks_of(app, "/")
    posted.post()
    newer = marks_of(app, "/feed.atom")
    posted.write(DIGEST + "\n[New here](https://example.org/new)\n")
    posted.app.refresh()

    assert newer != feed
    assert marks_of(app, "/") != front
    assert "https://example.org/new" in links(one(app, "/topics/gnn").text)


def test_pages_are_made_once_and_kept(posted, monkeypatch):
    made = []
    app = posted.pages()
    monkeypatch.setattr(pages_of, "page", lambda *a, _page=pages_of.page, **k: made.append(a[0]) or _page(*a, **k))
    answers = visit(app, "/search?q=albert", "/search?q=albert&utm_source=x", "/search?q=albert")

    assert len({answer.text for answer in answers}) == 1
    assert made == ["search.html"]


def test_what_never_changes_may_be_kept_for_good(archive):
    app = archive.pages()
    (style,) = (link for link in links(one(app, "/").text) if "style.css" in link)

    assert "immutable" in one(app, style).headers["cache-control"]
    assert one(app, "/static/style.css?v=other").headers["cache-control"] == "public, max-age=60"
    assert one(app, "/static/../site.py").status_code == 404


# What may be done -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/topics/ctr", "/feed.atom", "/preview", "/nothing", "/static/style.css"])
def test_a_browser_is_told_to_load_nothing_that_is_not_ours_and_to_run_nothing(archive, path):
    answer = one(archive.pages(), path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert policy == {"default-src": "'none'", "style-src": "'self'", "img-src": "'self'", "form-action": "'self'",
                      "base-uri": "'none'", "frame-ancestors": "'none'"}  # fmt: skip
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_pages_are_read_and_nothing_else(archive, method):
    assert {answer.status_code for answer in visit(archive.pages(), "/", "/preview", "/feed.atom", method=method)} == {
        404
    }


def test_head_is_the_page_without_the_page(archive):
    (answer,) = visit(archive.pages(), "/", method="HEAD")

    assert answer.status_code == 200
    assert answer.headers["etag"] == marks_of(archive.pages(), "/")


def test_who_asks_too_fast_is_told_to_wait_and_nobody_else(archive):
    app = archive.pages(limit=Limit(rate=1, burst=3, clock=lambda: 0.0))
    fast = visit(app, *["/topics/ctr"] * 5, x_forwarded_for="93.184.216.7", accept_language="en")
    other = one(app, "/topics/ctr", x_forwarded_for="93.184.216.8")

    assert [answer.status_code for answer in fast] == [200, 200, 200, 429, 429]
    assert "Please wait a few seconds" in fast[-1].text
    assert fast[-1].headers["retry-after"] == "5"
    assert other.status_code == 200
    assert one(app, "/healthz", x_forwarded_for="93.184.216.7").status_code == 200


# What breaks ----------------------------------------------------------------------------------------------------------


def test_without_a_database_the_digest_can_be_read(tmp_path):
    app = Archive(tmp_path).pages()

    assert [answer.status_code for answer in visit(app, "/", "/topics/ctr", "/editions", "/preview", "/feed.atom")] == [
        200
    ] * 5


def test_a_database_that_goes_away_takes_no_page_with_it(posted, monkeypatch, caplog):
    def away(*_):
        raise StoreUnreachable("cut")

    app = posted.pages()
    before = one(app, "/editions")
    monkeypatch.setattr(posted.store.database, "read", away)
    posted.clock.now += 3600
    after = visit(app, "/editions", "/", "/preview", "/feed.atom", "/preview?say=/week")

    assert after[0].text == before.text
    assert {answer.status_code for answer in after} == {200}
    assert sum("pages show what was last known" in message for message in caplog.messages) == 1


def test_an_empty_digest_has_pages(tmp_path):
    app = Archive(tmp_path, digest="# 空\n").remembering().pages()
    answers = visit(app, "/", "/editions", "/preview", "/search?q=x", "/feed.atom", "/feed.json", "/opml")

    assert {answer.status_code for answer in answers} == {200}
    assert flaws(answers[0].text) == []


def test_a_page_that_breaks_is_a_page_to_the_reader_and_a_line_in_the_log(archive, monkeypatch, caplog):
    def broken(*_):
        raise ValueError("what somebody wrote")

    monkeypatch.setattr(pages_of, "search", broken)
    answer = one(archive.pages(), "/search?q=secret", accept_language="en")

    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert flaws(answer.text) == []
    (record,) = (one for one in caplog.records if one.levelno == logging.ERROR)
    assert record.getMessage().startswith("page failed path='/search' error=ValueError at test_web_pages.py:")
    assert "somebody" not in caplog.text


def test_templates_have_no_way_to_put_in_what_was_not_escaped():
    assert "safe" not in environment().filters
    assert environment().from_string("{{ '<b>' }}").render() == "&lt;b&gt;"


def test_the_running_bot_serves_its_archive(posted):
    posted.app.settings = replace(posted.app.settings, port=0)
    presence = Presence(posted.app, (), lambda: Health(()))

    async def asked():
        serving = asyncio.create_task(presence.run())
        try:
            async with asyncio.timeout(PATIENCE):
                while not presence.port:  # noqa: ASYNC110 - there is nothing else to wait for
                    await asyncio.sleep(0)
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
                return await http.get(f"http://127.0.0.1:{presence.port}/editions/1/2026-W45")
        finally:
            presence.stop()
            await serving

    assert "Wide & Deep" in text(asyncio.run(asked()).text)
