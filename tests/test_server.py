"""The site's server in our own event loop: ports, deadlines, crowds, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading

import pytest
from serving import KNOWN, PATIENCE, Bell, client, connection, head, said, served
from starlette.responses import PlainTextResponse

from bot.errors import ConfigurationError
from bot.web import server as web
from bot.web.health import Health
from bot.web.server import Server
from bot.web.site import site

APP = site(health=Health, title="合辑")


def taken() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.listen()
    return listener


# The port -------------------------------------------------------------------------------------------------------------


def test_port_0_is_any_that_is_free():
    async def asked():
        async with served(APP) as one, served(APP) as two:
            return one.port, two.port

    one, two = asyncio.run(asked())

    assert one != two
    assert min(one, two) > 0


def test_a_port_that_is_taken_is_a_sentence():
    with taken() as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"PORT: {port} is taken by another program"):
            asyncio.run(Server(APP, "127.0.0.1", port).start())


def test_without_a_port_the_next_free_one_after_the_default_is_taken(monkeypatch):
    with taken() as other:
        default = other.getsockname()[1]
        monkeypatch.setattr(web, "DEFAULT_PORT", default)

        async def asked():
            server = Server(APP, "127.0.0.1", None)
            await server.start()
            await server.stop()
            return server.port

        assert default < asyncio.run(asked()) < default + web.NEXT


def test_without_a_port_and_with_all_taken_the_sentence_names_them(monkeypatch):
    with taken() as other:
        monkeypatch.setattr(web, "DEFAULT_PORT", other.getsockname()[1])
        monkeypatch.setattr(web, "NEXT", 1)
        with pytest.raises(ConfigurationError, match="is taken by another program"):
            asyncio.run(Server(APP, "127.0.0.1", None).start())


def test_an_address_of_another_machine_is_a_sentence():
    with pytest.raises(ConfigurationError, match=r"HOST: “192\.0\.2\.1” is no address of this machine"):
        asyncio.run(Server(APP, "192.0.2.1", 0).start())


def test_a_port_that_this_user_may_not_have_is_a_sentence(monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(web, "_listener", refused)
    with pytest.raises(ConfigurationError, match="PORT: 80 may not be used by this user"):
        asyncio.run(Server(APP, "127.0.0.1", 80).start())


def test_a_name_with_several_addresses_is_heard_at_all_of_them(monkeypatch):
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in ("127.0.0.1", "127.0.0.2")]

    async def found(*_, **__):
        return addresses

    async def asked():
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        server = Server(APP, "both", 0)
        await server.start()
        monkeypatch.undo()
        heads = []
        for ip in ("127.0.0.1", "127.0.0.2"):
            reader, writer = await asyncio.open_connection(ip, server.port)
            writer.write(head("/healthz", method="GET"))
            heads.append(await said(reader))
            writer.close()
        await server.stop()
        return heads

    assert [one[:15] for one in asyncio.run(asked())] == [b"HTTP/1.1 200 OK"] * 2


# Its end --------------------------------------------------------------------------------------------------------------


def test_signals_stay_with_whoever_had_them():
    before = signal.getsignal(signal.SIGTERM)
    during = []

    async def asked():
        heard = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, heard.set)
        async with served(APP):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(heard.wait(), PATIENCE)
            during.append("alive")
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    asyncio.run(asked())
    signal.signal(signal.SIGTERM, before)

    assert during == ["alive"]


def test_it_starts_where_no_signal_can_be_caught():
    """uvicorn's own would be set in the main thread only; ours are nowhere."""
    statuses = []

    async def asked():
        async with client(APP) as http:
            statuses.append((await http.get("/")).status_code)

    thread = threading.Thread(target=lambda: asyncio.run(asked()))
    thread.start()
    thread.join(PATIENCE)

    assert statuses == [200]


def test_the_end_lets_a_request_finish_and_takes_no_other():
    async def asked():
        begun, go = asyncio.Event(), asyncio.Event()

        async def slow(scope, receive, send):
            begun.set()
            await go.wait()
            await PlainTextResponse("done")(scope, receive, send)

        server = Server(slow, "127.0.0.1", 0)
        await server.start()
        async with connection(server) as (reader, writer):
            writer.write(head("/", method="GET"))
            await begun.wait()
            stopping = asyncio.create_task(server.stop())
            await refused(server)
            go.set()
            answer = await said(reader)
            await stopping
            return answer

    async def refused(server):
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with connection(server):
                        await asyncio.sleep(0.01)
                except OSError:
                    return

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 200 OK")


def test_the_end_does_not_wait_for_silent_clients_nor_for_a_request_without_end(monkeypatch):
    monkeypatch.setattr(web, "LEAVING", 0)

    async def asked():
        begun = asyncio.Event()

        async def endless(scope, receive, send):
            begun.set()
            await asyncio.Event().wait()

        async with served(endless) as server, connection(server) as (reader, writer), connection(server) as (_, half):
            half.write(b"GET / HT")
            writer.write(head("/", method="GET"))
            await begun.wait()
            await asyncio.wait_for(server.stop(), PATIENCE)
            return await said(reader)

    assert not asyncio.run(asked()).startswith(b"HTTP/1.1 200")


def test_one_that_never_started_can_be_stopped():
    asyncio.run(Server(APP, "127.0.0.1", 0).stop())


# Crowds and sloths ----------------------------------------------------------------------------------------------------


def test_500_half_open_connections_keep_nobody_from_being_served():
    bell = Bell()

    async def asked():
        async with served(site(health=Health, webhooks=[bell])) as server, contextlib.AsyncExitStack() as crowd:
            for number in range(500):
                _, writer = await crowd.enter_async_context(connection(server))
                writer.write(head("/bell", "X-Word: sesame")[: number % 40])
            async with connection(server) as (reader, writer):
                writer.write(head("/bell", *map(": ".join, KNOWN.items()), "Content-Length: 4") + b"ding")
                return await said(reader)

    assert asyncio.run(asked()).startswith(b"HTTP/1.1 200 OK")
    assert bell.heard == [b"ding"]


def test_where_there_are_too_many_the_one_that_never_asked_makes_room(monkeypatch):
    monkeypatch.setattr(web, "MOST", 2)

    async def asked():
        async with (
            served(APP) as server,
            connection(server) as (regular, regulars),
            connection(server) as (silent, _),
        ):
            regulars.write(head("/healthz", method="GET"))
            await said(regular)
            async with connection(server) as (late, lates):
                gone = await asyncio.wait_for(_end(silent), PATIENCE)
                lates.write(head("/nothing", method="GET"))
                regulars.write(head("/nothing", method="GET"))
                await regular.read(len(b'{"status":"ok","checks":{}}'))
                return gone, await said(late), await said(regular)

    gone, late, regular = asyncio.run(asked())

    assert gone
    assert late.startswith(b"HTTP/1.1 404 ")
    assert regular.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"POST /nothing HTTP/1.1\r\nHost: x\r\nX-"])
def test_who_does_not_say_what_they_want_is_sent_away(monkeypatch, begun):
    monkeypatch.setattr(web, "ASKING", 0.02)

    async def asked():
        async with served(APP) as server, connection(server) as (reader, writer):
            writer.write(begun)
            return await asyncio.wait_for(_end(reader), PATIENCE)

    assert asyncio.run(asked())


def test_bytes_that_lead_nowhere_buy_no_time(monkeypatch):
    monkeypatch.setattr(web, "ASKING", 0.1)

    async def asked():
        async with served(APP) as server, connection(server) as (reader, writer):
            writer.write(head("/", "X: y", method="GET")[:-2])

            async def trickle():
                while True:
                    writer.write(b"X: y\r\n")
                    await asyncio.sleep(0.01)

            trickling = asyncio.create_task(trickle())
            gone = await asyncio.wait_for(_end(reader), PATIENCE)
            trickling.cancel()
            return gone

    assert asyncio.run(asked())


@pytest.mark.parametrize("before", [b"", head("/nothing", "Content-Length: 4") + b"body"])
def test_a_head_without_end_is_not_kept(monkeypatch, before):
    monkeypatch.setattr(web, "ASKING", 3600.0)

    async def asked():
        async with served(APP) as server, connection(server) as (reader, writer):
            if before:
                writer.write(before)
                await said(reader)
            writer.write(head("/", method="GET")[:-2] + b"X: " + b"x" * 2 * web.HEAD)
            return await asyncio.wait_for(_end(reader), PATIENCE)

    assert asyncio.run(asked())


def test_a_body_that_nobody_wants_is_not_taken_for_ever(monkeypatch):
    monkeypatch.setattr(web, "ASKING", 0.1)

    async def asked():
        async with served(APP) as server, connection(server) as (reader, writer):
            writer.write(head("/nothing", "Transfer-Encoding: chunked"))
            answer = await said(reader)

            async def trickle():
                while True:
                    writer.write(b"1\r\nx\r\n")
                    await asyncio.sleep(0.01)

            trickling = asyncio.create_task(trickle())
            gone = await asyncio.wait_for(_end(reader), PATIENCE)
            trickling.cancel()
            return answer, gone

    answer, gone = asyncio.run(asked())

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert gone


def test_who_does_not_read_the_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(web, "ANSWERING", 0.05)

    async def asked():
        left = asyncio.Event()

        async def endless(scope, receive, send):
            async def gone():
                while (await receive())["type"] != "http.disconnect":
                    pass

            going = asyncio.create_task(gone())
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while not going.done():
                await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
                await asyncio.sleep(0)
            left.set()

        async with served(endless) as server, connection(server) as (_, writer):
            writer.write(head("/", method="GET"))
            await asyncio.wait_for(left.wait(), PATIENCE)
            return left.is_set()

    assert asyncio.run(asked())


def test_several_requests_go_over_one_connection_even_all_at_once():
    async def asked():
        async with served(APP) as server, connection(server) as (reader, writer):
            writer.write(head("/nothing", method="GET") * 3)
            answers = []
            for _ in range(3):
                answers.append(await said(reader))
                await reader.readexactly(len("There is nothing here."))
            return answers

    assert [one[:13] for one in asyncio.run(asked())] == [b"HTTP/1.1 404 "] * 3


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /\r\n\r\n", b"x" * 100_000])
def test_what_is_no_request_is_turned_away_and_no_news_for_the_log(garbage, caplog):
    async def asked():
        async with served(APP) as server:
            async with connection(server) as (reader, writer):
                writer.write(garbage)
                ended = await asyncio.wait_for(_end(reader), PATIENCE)
            async with connection(server) as (reader, writer):
                writer.write(head("/healthz", method="GET"))
                return ended, await said(reader)

    ended, answer = asyncio.run(asked())

    assert ended
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert caplog.records == []


async def _end(reader: asyncio.StreamReader) -> bool:
    """Wait until the server hangs up."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass
    return True
