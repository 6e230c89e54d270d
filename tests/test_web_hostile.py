"""Whoever asks for whatever: no page breaks, nothing gets in unescaped, nothing comes from outside."""

from __future__ import annotations

import asyncio
from random import Random
from urllib.parse import quote

import pytest
from archives import Archive, flaws, links, visit
from factories import digest, item, note
from glass import UNSAFE, WICKED, shown
from serving import connection, served

from bot.web.addresses import names, safe


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return Archive(tmp_path_factory.mktemp("archive")).remembering().subscribe().post()


# What is asked --------------------------------------------------------------------------------------------------------


def questions(number: int) -> list[str]:
    """Paths and queries made of what is known to break pages."""
    random = Random(2026)
    heads = (
        "/", "/topics/", "/items/", "/editions/", "/editions/1/", "/static/", "/nothing/", "/search?q=", "/?lang=",
        "/search?lang=en&q=", "/preview?say=", "/preview?theme=", "/preview?week=", "/preview?format=",
        "/preview?lang=",
    )  # fmt: skip
    bits = (
        *WICKED,
        *UNSAFE,
        "/topic ctr",
        "/subscribe",
        "/reload",
        "2026-W99",
        "9999-W01",
        "ctr",
        "__class__",
        "1" * 5000,
        ";",
        "?",
        "#",
    )
    made = []
    for _ in range(number):
        words = "".join(random.choice(bits) for _ in range(random.randint(1, 3)))
        made.append(
            random.choice(heads) + quote(words.encode("utf-8", "surrogatepass"), safe=random.choice(("", "/?&=.;")))
        )
    return made


def test_500_hostile_questions_break_no_page_and_get_nothing_in(archive):
    app = archive.pages()
    answers = visit(app, *questions(500), accept_language="en")
    html = [answer for answer in answers if answer.headers.get("content-type", "").startswith("text/html")]

    assert {answer.status_code for answer in answers} <= {200, 302, 404}
    assert len(html) > 300
    for answer in html:
        assert flaws(answer.text) == [], answer.url
    for answer in answers:
        assert answer.headers.get("location", "/").startswith("/")
        assert not answer.headers.get("location", "/").startswith("//")
        assert "set-cookie" not in answer.headers


ODD_HEADERS = (b"Host: \xff\xfe<b>", b"Accept-Language: \xff;q=\xfe", b"If-None-Match: \xff", b"Connection: close")


@pytest.mark.parametrize(
    "line",
    [b"GET /%ff%fe/topics HTTP/1.1", b"GET /topics/%c0%ae%c0%ae HTTP/1.1", b"GET //evil.example/ HTTP/1.1",
     b"GET /search?q=%80&q=%00&lang=%ff HTTP/1.1", b"GET /topics/\xe4\xb8\xad HTTP/1.1", b"GET /?%=%%%&&==& HTTP/1.1",
     b"GET http://evil.example/ HTTP/1.1", b"GET /preview?say=/topic+%ed%a0%80 HTTP/1.1"],
)  # fmt: skip
def test_bytes_that_no_browser_sends_break_no_page(archive, line):
    async def asked() -> bytes:
        async with served(archive.pages()) as server, connection(server) as (reader, writer):
            writer.write(b"\r\n".join((line, *ODD_HEADERS, b"", b"")))
            return await reader.read()

    said = asyncio.run(asked())

    assert said.split(b" ", 2)[1] in {b"200", b"302", b"400", b"404"}
    assert b"evil.example" not in said
    assert b"Traceback" not in said


# What the digest says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("posted", [True, False])
def test_whatever_a_digest_says_stays_text(posted):
    rows = [
        item(one, "ctr", url=f"https://example.org/{n}", summary=one, body=(one,), tags=(one,), group_label=one or None)
        for n, one in enumerate(WICKED)
    ]
    tree = {
        "ctr": [*rows, *(note(one) for one in WICKED)],
        **{f"w/{one}": [f"beneath {n}"] for n, one in enumerate(WICKED)},
    }
    app = shown(digest(tree), posted=posted, title=WICKED[0])
    waiting, seen = ["/", "/search?q=alert", "/preview", "/editions"], set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = visit(app, path)[0]
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            assert flaws(answer.text) == [], path
            ours = {
                link.partition("#")[0]
                for link in links(answer.text)
                if link.startswith(("/topics", "/items", "/editions"))
            }
            waiting += sorted(one for one in ours - seen - {*waiting} if "lang=" not in one)

    assert len(seen) > 2 * len(WICKED)


def test_addresses_to_which_no_browser_must_be_sent_are_text():
    rows = [item(f"No {n}", "ctr", url=url) for n, url in enumerate(UNSAFE)]
    app = shown(digest({"ctr": rows}), posted=True)
    answers = visit(app, "/", "/topics/ctr", "/editions/1/2026-W45", "/feed.json", "/feed.atom", "/opml")

    assert [url for url in UNSAFE if safe(url)] == []
    for answer in answers[:3]:
        assert flaws(answer.text) == []
        assert not any("alert" in link for link in links(answer.text))
    assert "javascript:alert(1)" in answers[1].text
    for answer in answers[3:]:
        assert 'href=\\"javascript' not in answer.text
        assert 'url="javascript' not in answer.text.lower()


def test_every_topic_has_a_place_of_its_own_that_a_file_system_and_an_address_can_hold():
    titles = (*WICKED, *UNSAFE, "A B", "a-b", "A-B", "...", "ctr", "CTR", "图" * 200, "é", "e\u0301", "nlp.html", "CON")
    paths = [*((title,) for title in titles), *(("ctr", title) for title in titles)]
    places = names(dict.fromkeys(paths))

    assert len({place.casefold() for place in places.values()}) == len({*paths})
    for place in places.values():
        assert all(part and len(part.encode()) < 120 and part.strip(".") for part in place.split("/"))
        assert not {*place} & {*'\\:*?"<>|#% \x00'}
        assert place.encode().decode() == place
