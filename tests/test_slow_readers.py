"""Clients who take their time, by the hundred: they hold up nobody, and none of them is kept for ever."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import select
import socket
import threading
from collections.abc import Callable

import httpx
import pytest
from fakes.telegram import FakeTelegram
from serving import KNOWN, PATIENCE, Bell, connection, head, said, served
from starlette.responses import PlainTextResponse, Response
from telegram_bot import SECRET

from bot.app import build, now, open_store
from bot.front import networks
from bot.platforms.telegram.webhook import HEADER
from bot.processes.presence import Presence
from bot.processes.service import Service
from bot.settings import Settings
from bot.web import server as web
from bot.web.health import Health, judge
from bot.web.site import site

APP = site(health=Health, webhooks=[Bell()])
LARGE = b"x" * 30_000_000
"""More than the kernel takes for a client that reads nothing."""

SLOW = 200


async def large(scope, receive, send):
    """A page handed over whole."""
    await Response(LARGE)(scope, receive, send)


async def hung_up(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


async def status(reader: asyncio.StreamReader) -> bytes:
    return (await said(reader))[9:12]


# Who makes room -------------------------------------------------------------------------------------------------------


def test_where_all_rest_the_one_that_rested_longest_makes_room(monkeypatch):
    monkeypatch.setattr(web, "MOST", 2)

    async def asked():
        async with (
            served(APP) as server,
            connection(server) as (first, firsts),
            connection(server) as (second, seconds),
        ):
            for reader, writer in ((first, firsts), (second, seconds)):
                writer.write(head("/healthz", method="GET"))
                await said(reader)
            await second.read(len(b'{"status":"ok","checks":{}}'))
            async with connection(server) as (late, lates):
                lates.write(head("/healthz", method="GET"))
                seconds.write(head("/healthz", method="GET"))
                statuses = await status(late), await status(second)
                await asyncio.wait_for(hung_up(first), PATIENCE)
                return statuses

    assert asyncio.run(asked()) == (b"200", b"200")


SLOTHS = {
    "never sends the end of a body": head("/bell", *map(": ".join, KNOWN.items()), "Content-Length: 900") + b"half",
    "never sends the end of a head": head("/bell")[:-2],
    "never says anything": b"",
}


@pytest.mark.parametrize("begun", SLOTHS.values(), ids=SLOTHS)
def test_who_is_silent_amid_a_request_makes_room_for_who_is_not(monkeypatch, begun):
    monkeypatch.setattr(web, "MOST", 3)
    monkeypatch.setattr(web, "GRACE", 0.0)

    async def asked():
        async with (
            served(APP) as server,
            connection(server) as (regular, regulars),
            connection(server) as (one, ones),
            connection(server) as (two, twos),
        ):
            ones.write(begun)
            twos.write(begun)
            regulars.write(head("/healthz", method="GET"))
            await said(regular)
            async with connection(server) as (late, lates):
                lates.write(head("/healthz", method="GET"))
                served_late = await status(late)
                gone = [asyncio.create_task(hung_up(reader)) for reader in (one, two)]
                await asyncio.wait(gone, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
                await regular.read(len(b'{"status":"ok","checks":{}}'))
                regulars.write(head("/nothing", method="GET"))
                found = served_late, sum(task.done() for task in gone), await status(regular)
                for task in gone:
                    task.cancel()
                return found

    assert asyncio.run(asked()) == (b"200", 1, b"404")


def test_who_does_not_take_an_answer_makes_room(monkeypatch):
    monkeypatch.setattr(web, "MOST", 2)

    async def app(scope, receive, send):
        await (large if scope["path"] == "/large" else PlainTextResponse("small"))(scope, receive, send)

    async def asked():
        async with served(app) as server, contextlib.AsyncExitStack() as sloths:
            for _ in range(2):
                reader, writer = await sloths.enter_async_context(connection(server))
                writer.write(head("/large", method="GET"))
                await said(reader)
            async with connection(server) as (late, lates):
                lates.write(head("/small", method="GET"))
                return await status(late)

    assert asyncio.run(asked()) == b"200"


def test_a_crowd_that_comes_at_once_is_no_more_than_there_may_be(monkeypatch):
    monkeypatch.setattr(web, "MOST", 8)
    monkeypatch.setattr(web, "ASKING", 3600.0)

    async def asked():
        async with served(APP) as server, contextlib.AsyncExitStack() as crowd:
            readers = []
            coming = (asyncio.open_connection("127.0.0.1", server.port) for _ in range(100))
            for reader, writer in await asyncio.gather(*coming):
                crowd.callback(writer.close)
                readers.append(reader)
            here = {asyncio.create_task(hung_up(reader)) for reader in readers}
            async with asyncio.timeout(PATIENCE):
                while len(here) > 8:
                    _, here = await asyncio.wait(here, return_when=asyncio.FIRST_COMPLETED)
            async with connection(server) as (late, lates):
                lates.write(head("/healthz", method="GET"))
                found = len(here), await status(late)
            for task in here:
                task.cancel()
            return found

    left, late = asyncio.run(asked())

    assert left == 8
    assert late == b"200"


# Who is not kept ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [(), ("Connection: close",)])
def test_who_never_takes_the_answer_is_let_go_though_it_was_handed_over_whole(monkeypatch, lines):
    monkeypatch.setattr(web, "ANSWERING", 0.05)

    def cut(port: int) -> bool:
        """Whether the server hangs up on a client that asks and reads nothing."""
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(head("/", *lines, method="GET"))
            poll = select.poll()
            poll.register(client, 0)  # nothing but the end
            return bool(poll.poll(PATIENCE * 1000))

    async def asked():
        async with served(large) as server:
            return await asyncio.to_thread(cut, server.port)

    assert asyncio.run(asked())


def test_who_takes_a_large_answer_is_given_it_whole_and_may_ask_again(monkeypatch):
    async def asked():
        async with served(large) as server, connection(server) as (reader, writer):
            lengths = []
            for _ in range(2):
                writer.write(head("/", method="GET"))
                await said(reader)
                lengths.append(len(await reader.readexactly(len(LARGE))))
            return lengths

    assert asyncio.run(asked()) == [len(LARGE)] * 2


def test_who_asks_a_thousand_things_at_once_is_hung_up_on(caplog):
    async def asked():
        async with served(APP) as server, connection(server) as (reader, writer):
            writer.write(head("/healthz", method="GET") * 1000)
            await asyncio.wait_for(hung_up(reader), PATIENCE)
            async with connection(server) as (late, lates):
                lates.write(head("/healthz", method="GET"))
                return await status(late)

    assert asyncio.run(asked()) == b"200"
    assert caplog.records == []


# File descriptors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "asked_for", "most"),
    [
        ((256, 4096), (1024, 4096), 256),
        ((256, 512), (512, 512), 128),
        ((64, 64), (64, 64), 16),
        ((4096, 4096), (4096, 4096), 256),
    ],
)
def test_as_many_file_descriptors_as_it_takes_are_asked_for_and_fewer_are_made_do_with(
    monkeypatch, limits, asked_for, most
):
    had = [limits]
    monkeypatch.setattr(web.resource, "getrlimit", lambda _: had[-1])
    monkeypatch.setattr(web.resource, "setrlimit", lambda _, wanted: had.append(wanted))
    web._have_files()

    assert had[-1] == asked_for
    assert web._most() == most


# All of the bot beside them -------------------------------------------------------------------------------------------


class Bot:
    """The service and the site with Telegram's webhook, in an event loop of their own as in `heji run`."""

    def __init__(self, telegram: FakeTelegram, folder, port: int) -> None:
        self.port = port
        (folder / "list.md").write_text("## ctr\n\n[On ctr](https://example.org/ctr)\n\n")
        settings = Settings(
            content=(str(folder / "list.md"),),
            database_url=f"sqlite:///{folder}/heji.db",
            telegram_bot_token=telegram.token,
            telegram_api_base_url=telegram.url,
            telegram_webhook_secret=SECRET,
            public_url=f"http://127.0.0.1:{port}",
            port=port,
        )
        self.app = build(settings, clock=now)
        self.app.attach(open_store(settings))
        self.lines = networks.lines(self.app, answering=True)
        self.service = Service(self.app, lambda: open_store(settings), [line.network for line in self.lines])
        self.presence = Presence(self.app, self.lines, lambda: judge(self.signs(), now()))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), name="bot")

    def signs(self):
        return self.service.signs({line.network.name: line.receiver.status for line in self.lines})

    @property
    def ticked(self) -> dt.datetime | None:
        return self.signs().ticked

    async def _run(self):
        await asyncio.gather(self.service.run(), self.presence.run())
        for line in self.lines:
            await line.network.close()

    def _stop(self):
        self.service.stop()
        self.presence.stop()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self.app.store.close()


@pytest.fixture
def bot(tmp_path, monkeypatch):
    monkeypatch.setattr("bot.processes.service.TICK", 0.1)
    monkeypatch.setattr(web, "IDLE", 1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with FakeTelegram() as telegram, Bot(telegram, tmp_path, port) as bot:
        telegram.wait(lambda: telegram.updates.webhook)
        bot.telegram = telegram
        yield bot


def until(condition: Callable[[], object]) -> None:
    """Wait for what nobody tells of."""
    waiting, tries = threading.Event(), 0
    while not condition():
        tries += 1
        assert tries < PATIENCE * 100
        waiting.wait(0.01)


def sloths(port: int, crowd: contextlib.ExitStack) -> list[socket.socket]:
    """Clients of five kinds, who stay till the end of *crowd*."""
    kinds = [
        b"",
        b"GET / HT",
        head("/telegram", "Content-Length: 100")[:-2],
        head("/telegram", f"{HEADER}: {SECRET}", "Content-Length: 900") + b"{",
        head("/", method="GET") * 10,  # and the answers are not read
    ]
    made = []
    for number in range(SLOW):
        made.append(crowd.enter_context(socket.create_connection(("127.0.0.1", port))))
        made[-1].sendall(kinds[number % len(kinds)])
    return made


def test_ticks_commands_and_health_go_on_beside_hundreds_of_slow_clients(bot):
    ann = bot.telegram.world.user("Ann")
    chat = bot.telegram.world.private(ann)
    with (
        contextlib.ExitStack() as crowd,
        httpx.Client(base_url=f"http://127.0.0.1:{bot.port}", trust_env=False) as http,
    ):
        sloths(bot.port, crowd)
        before = bot.ticked
        until(lambda: bot.ticked > before)
        bot.telegram.world.say(ann, chat, "/topic ctr")
        bot.telegram.wait(lambda: bot.telegram.messages_in(chat))
        health = http.get("/healthz", timeout=PATIENCE)
        page = http.get("/search?q=ctr", timeout=PATIENCE)
        again = bot.ticked
        until(lambda: bot.ticked > again)

    assert "On ctr" in bot.telegram.last(chat).text
    assert json.loads(health.content)["checks"]["clock"]["ok"]
    assert page.status_code == 200


def test_slow_clients_are_let_go_though_they_stay(bot, monkeypatch):
    monkeypatch.setattr(web, "ASKING", 0.5)
    monkeypatch.setattr(web, "ANSWERING", 0.5)
    with contextlib.ExitStack() as crowd:
        waiting = {one.fileno(): one for one in sloths(bot.port, crowd)}
        poll = select.poll()
        for number in waiting:
            poll.register(number, select.POLLRDHUP)
        while waiting and (ended := poll.poll(PATIENCE * 1000)):
            for number, _ in ended:
                poll.unregister(number)
                del waiting[number]

    assert not waiting
