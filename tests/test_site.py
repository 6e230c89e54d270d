"""The site over real sockets: who is let in, who is not, and that nobody ever sees a traceback."""

from __future__ import annotations

import asyncio
import logging

import pytest
from serving import KNOWN, Bell, client, connection, head, said, served
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from bot.platforms.base import HttpAnswer
from bot.web import site as web
from bot.web.guard import BROKEN
from bot.web.health import Check, Health
from bot.web.site import site

WELL = Health((Check("database", True, "in use"),))
ILL = Health((Check("database", False, "cannot be used"),))


def house(*webhooks, health=lambda: WELL, title="合辑"):
    return site(health=health, webhooks=webhooks, title=title)


def ask(app, method, path, **options):
    async def asked():
        async with client(app) as http:
            return await http.request(method, path, **options)

    return asyncio.run(asked())


# Webhooks -------------------------------------------------------------------------------------------------------------


def test_what_a_webhook_says_is_answered_as_it_says_it():
    bell = Bell(answer=HttpAnswer(202, "收到".encode(), "text/plain"))
    answer = ask(house(bell), "POST", "/bell", content=b"ding", headers=KNOWN)

    assert (answer.status_code, answer.text) == (202, "收到")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert bell.heard == [b"ding"]


def test_each_webhook_has_its_own_path():
    one, two = Bell("/one"), Bell("/two")
    ask(house(one, two), "POST", "/two", content=b"ding", headers=KNOWN)

    assert (one.heard, two.heard) == ([], [b"ding"])


@pytest.mark.parametrize("headers", [{}, {"X-Word": "simsala"}, {"X-Word": b"\xff\xfe"}, {"X-Word": ""}])
def test_who_does_not_know_the_word_is_not_heard(headers):
    bell = Bell()
    answer = ask(house(bell), "POST", "/bell", content=b"ding", headers=headers)

    assert answer.status_code == 401
    assert bell.heard == []


def test_who_is_not_admitted_is_turned_away_before_sending_a_byte_of_the_body():
    async def asked():
        async with served(house(Bell())) as server, connection(server) as (reader, writer):
            writer.write(head("/bell", "Content-Length: 900"))
            return await said(reader)

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_is_announced_too_long_is_refused_before_it_comes():
    async def asked():
        async with served(house(Bell())) as server, connection(server) as (reader, writer):
            writer.write(head("/bell", "X-Word: sesame", "Content-Length: 1001"))
            return await said(reader)

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_nobody_announced_is_counted_as_it_comes():
    bell = Bell()

    async def asked():
        async with served(house(bell)) as server, connection(server) as (reader, writer):
            writer.write(head("/bell", "X-Word: sesame", "Transfer-Encoding: chunked"))
            writer.write((b"190\r\n" + b"x" * 400 + b"\r\n") * 3)  # it never ends, and need not
            return await said(reader)

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 413 ")
    assert bell.heard == []


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_body_up_to_the_limit_arrives_whole(size):
    bell = Bell()

    async def chunks():
        for start in range(0, size, 300):
            yield b"x" * min(300, size - start)

    whole = ask(house(bell), "POST", "/bell", content=b"x" * size, headers=KNOWN)
    pieces = ask(house(bell), "POST", "/bell", content=chunks(), headers=KNOWN)

    assert (whole.status_code, pieces.status_code) == (200, 200)
    assert bell.heard == [b"x" * size] * 2


def test_who_leaves_amid_the_body_is_not_heard_and_troubles_nobody(caplog):
    bell = Bell()

    async def asked():
        async with served(house(bell)) as server:
            async with connection(server) as (_, writer):
                writer.write(head("/bell", "X-Word: sesame", "Content-Length: 900") + b"half of it")
                await writer.drain()
            async with connection(server) as (reader, writer):
                writer.write(head("/bell", "X-Word: sesame", "Content-Length: 4") + b"ding")
                return await said(reader)

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 200 ")
    assert bell.heard == [b"ding"]
    assert caplog.records == []


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(web, "PATIENCE", 0.01)

    async def asked():
        async with served(house(Bell())) as server, connection(server) as (reader, writer):
            writer.write(head("/bell", "X-Word: sesame", "Content-Length: 900") + b"half of it")
            return await said(reader)

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_webhook_is_nothing_to_whoever_does_not_post(method):
    bell = Bell()

    assert ask(house(bell), method, "/bell", headers=KNOWN).status_code == 404
    assert bell.heard == []


@pytest.mark.parametrize("path", ["/bell/", "/Bell", "/bell/x", "//bell", "/%62ell%00", "/healthz", "/"])
def test_posts_to_any_other_place_find_nothing(path):
    bell = Bell()
    answer = ask(house(bell), "POST", path, content=b"ding", headers=KNOWN)

    assert answer.status_code == 404
    assert bell.heard == []


def test_forged_posts_on_a_few_connections_are_all_turned_away():
    bell = Bell()
    kinds = [
        {"url": "/bell", "headers": {"X-Word": "simsala"}, "content": b"x" * 5000},
        {"url": "/bell", "headers": KNOWN, "content": b"x" * 5000},
        {"url": "/bel", "headers": KNOWN},
        {"url": "/bell"},
    ]

    async def asked():
        async with client(house(bell)) as http:

            async def one(number: int) -> list[int]:
                return [(await http.post(**kinds[n % 4])).status_code for n in range(number, number + 20)]

            return await asyncio.gather(*map(one, range(10)))

    codes = [code for row in asyncio.run(asked()) for code in row]

    assert {code: codes.count(code) for code in set(codes)} == {401: 100, 404: 50, 413: 50}
    assert bell.heard == []


# What breaks ----------------------------------------------------------------------------------------------------------


class Broken(Bell):
    async def take(self, headers, body):
        raise ValueError(f"cannot read {body!r}")


def test_a_handler_that_breaks_is_a_sentence_to_the_caller_and_a_line_without_the_body_in_the_log(caplog):
    answer = ask(house(Broken()), "POST", "/bell", content=b"what I told the bot", headers=KNOWN)

    assert (answer.status_code, answer.text) == (500, BROKEN)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "path='/bell' error=ValueError at test_site.py:" in record.getMessage()
    assert "what I told" not in caplog.text
    assert "Traceback" not in caplog.text


def test_an_answer_that_breaks_on_its_way_is_cut_short(caplog):
    async def halves(_):
        async def parts():
            yield b"half"
            raise ValueError

        return StreamingResponse(parts(), headers={"Content-Length": "8"})

    app = house()
    app.routes.append(Route("/halves", halves))

    async def asked():
        async with served(app) as server, connection(server) as (reader, writer):
            writer.write(head("/halves", method="GET"))
            return await reader.read()

    assert asyncio.run(asked()).endswith(b"\r\n\r\nhalf")
    assert len(caplog.records) == 1


# Pages ----------------------------------------------------------------------------------------------------------------


def test_health_is_200_when_ok_and_503_when_red_and_green_again_by_itself():
    state = [WELL]
    app = house(health=lambda: state[0])

    async def asked():
        async with client(app) as http:
            first = await http.get("/healthz")
            state[0] = ILL
            second = await http.get("/healthz")
            state[0] = WELL
            return first, second, await http.get("/healthz")

    answers = asyncio.run(asked())

    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert [answer.json()["status"] for answer in answers] == ["ok", "red", "ok"]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


def test_the_front_page_says_what_runs_here():
    answer = ask(house(title="合辑 <&> Digest"), "GET", "/")

    assert answer.status_code == 200
    assert "<h1>合辑 &lt;&amp;&gt; Digest</h1>" in answer.text


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/healthz"), ("GET", "/nothing"), ("POST", "/bell")]
)
def test_every_answer_tells_browsers_to_trust_nothing(method, path):
    answer = ask(house(Broken()), method, path, headers=KNOWN)

    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers


def test_a_page_may_have_a_policy_of_its_own():
    app = house()
    app.routes.append(
        Route("/own", lambda _: PlainTextResponse("", headers={"Content-Security-Policy": "default-src 'self'"}))
    )

    assert ask(app, "GET", "/own").headers["content-security-policy"] == "default-src 'self'"


# Pages ----------------------------------------------------------------------------------------------------------------


class Leaf:
    """A page that shows what was asked of it."""

    path = "/leaf"

    def __init__(self):
        self.looks = 0

    async def show(self, query, headers):
        self.looks += 1
        text = f"{query} {headers.get('accept-language')}"
        return HttpAnswer(202, text.encode(), "text/html", {"Set-Cookie": "a=b; HttpOnly", "Cache-Control": "no-store"})


def leafed(leaf, method="GET", path="/leaf", **options):
    return ask(site(health=lambda: WELL, windows=[leaf]), method, path, **options)


def test_a_page_is_shown_with_its_query_as_it_came_and_its_own_headers():
    answer = leafed(Leaf(), path="/leaf?a=%C3%A9&b", headers={"Accept-Language": "zh-CN"})

    assert (answer.status_code, answer.text) == (202, "a=%C3%A9&b zh-CN")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert (answer.headers["set-cookie"], answer.headers["cache-control"]) == ("a=b; HttpOnly", "no-store")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_page_is_looked_at_by_nothing_but_a_get(method):
    leaf = Leaf()

    assert leafed(leaf, method).status_code == 404
    assert leaf.looks == 0
