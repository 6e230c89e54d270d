"""How updates come in, and that they go on coming: webhook, polling, and all that goes wrong with either."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import threading
from collections import Counter
from random import Random

import aiohttp
import pytest
from adapters import House
from fakes.faults import Reply, in_html
from fakes.telegram import FakeTelegram
from serving import connection, head, said
from telegram_bot import SECRET, Running

from bot.platforms.telegram import receiving
from bot.platforms.telegram.checking import check, set_up
from bot.platforms.telegram.delivering import Telegram
from bot.platforms.telegram.lanes import Lanes
from bot.platforms.telegram.webhook import HEADER, LIMIT, Door
from bot.platforms.telegram.wire import Malformed, Update, read_update
from bot.processes import logs
from bot.settings import Settings


@pytest.fixture
def telegram():
    with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
def house():
    return House()


@pytest.fixture
def world(telegram):
    return telegram.world


@pytest.fixture
def ann(world):
    return world.user("Ann")


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """What is tried again is tried soon."""
    monkeypatch.setattr(receiving, "LONGEST_WAIT", 0.05)


def ask(telegram, ann, n=1):
    chat = telegram.world.private(ann)
    telegram.world.say(ann, chat, "/topic ctr")
    telegram.wait(lambda: len(telegram.messages_in(chat)) == n)


def update(number, text="/topic ctr", **fields):
    chat = {"id": 7, "type": "private"}
    message = {"message_id": 1, "date": 1, "chat": chat, "from": {"id": 7, "is_bot": False, "first_name": "A"}}
    return {"update_id": number, "message": message | {"text": text} | fields}


async def posted(session, url, body):
    """What is said to a post of *body*."""
    async with session.post(f"{url}/telegram", data=body) as answer:
        return answer.status


# By webhook -----------------------------------------------------------------------------------------------------------


def test_with_a_public_address_updates_are_posted(telegram, ann):
    with Running(telegram, webhook=True) as bot:
        telegram.wait(lambda: telegram.updates.webhook)
        ask(telegram, ann)
        webhook = telegram.updates.webhook

    assert webhook["url"] == f"{bot.root}/telegram"
    assert webhook["secret_token"] == SECRET
    assert webhook["allowed_updates"] == ["message", "channel_post", "callback_query", "inline_query", "my_chat_member"]
    assert telegram.calls("getUpdates") == []


def test_a_webhook_that_is_as_it_should_be_is_not_set_again(telegram, ann):
    with Running(telegram, webhook=True) as bot:
        telegram.wait(lambda: telegram.updates.webhook)
        changed = bot.do(lambda: set_up(bot.platform, public_url=bot.root, secret=SECRET, language="zh"))

    assert len(telegram.calls("setWebhook")) == 1
    assert not any("webhook" in line for line in changed)


def forgeries(secret, random):
    """Requests of those who do not know *secret*, and of those who do and ask for something else."""
    wrong = ["", secret[:-1], f"{secret}x", secret.upper(), "ä" * 64, "\x00", f" {secret}x"]
    paths = ["/", "/telegram/", "/telegram/x", "/Telegram", f"/{secret}", "/telegram\x00"]
    while True:
        known = random.random() < 0.3
        headers = {HEADER: secret if known else random.choice(wrong)}
        method, path = "POST", "/telegram"
        match random.randrange(3) if known else 3:
            case 0:
                path = random.choice(paths)
            case 1:
                method = random.choice(["GET", "PUT", "DELETE", "OPTIONS"])
            case 2:
                headers["content-length"] = str(random.randrange(LIMIT + 1, 10**12))
            case 3 if random.random() < 0.1:
                headers = {"authorization": secret}
        yield method, path, headers


def test_ten_thousand_forged_posts_are_refused_and_none_is_handled(telegram, house):
    forged = itertools.islice(forgeries(SECRET, Random(4)), 10_000)
    body = json.dumps(update(1)).encode()

    async def forge_all(site):
        return Counter([await asked_of(site, *request, body) for request in forged])

    with Running(telegram, house, webhook=True) as bot:
        telegram.wait(lambda: telegram.updates.webhook)
        statuses = bot.do(forge_all, bot.site)

    assert statuses.keys() == {401, 404, 413}
    assert statuses.total() == 10_000
    assert house.asked == []
    assert telegram.calls("sendMessage") == []


async def asked_of(site, method, path, headers, body):
    """The status of one request to an ASGI application."""
    said = []
    sent = [(name.encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "method": method, "path": path, "headers": sent}
    scope |= {"http_version": "1.1", "scheme": "http", "query_string": b"", "root_path": "", "raw_path": path.encode()}

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        said.append(message)

    await site(scope, receive, send)
    return said[0]["status"]


def test_a_forged_post_over_the_wire_is_refused_by_its_head_alone(telegram, house):
    secret = SECRET

    async def statuses(bot):
        found = []
        for lines in (["Content-Length: 99"], [f"{HEADER}: {secret}", f"Content-Length: {LIMIT + 1}"]):
            async with connection(bot) as (reader, writer):
                writer.write(head("/telegram", *lines))
                found.append((await said(reader)).split()[1])
        return found

    with Running(telegram, house, webhook=True) as bot:
        found = asyncio.run(statuses(bot))

    assert found == [b"401", b"413"]


def test_whoever_knows_the_secret_and_sends_no_update_is_told(telegram, house):
    bodies = [b"", b"{", b"[]", b'{"update_id":"x"}', b'{"update_id":1,"message":{}}', b"\xff" * 9, b"[" * 100_000]

    async def post(url):
        async with aiohttp.ClientSession(headers={HEADER: "sesame"}) as session:
            return [await posted(session, url, body) for body in bodies]

    with Running(telegram, house, webhook=True, secret="sesame") as bot:
        telegram.wait(lambda: telegram.updates.webhook)
        statuses = asyncio.run(post(bot.root))

    assert statuses == [400] * len(bodies)
    assert house.asked == []


def test_one_update_delivered_fifty_times_is_handled_once(telegram, house, ann):
    async def post(url):
        body = json.dumps(update(77, chat={"id": ann.id, "type": "private"})).encode()
        async with aiohttp.ClientSession(headers={HEADER: "sesame"}) as session:
            return set(await asyncio.gather(*(posted(session, url, body) for _ in range(50))))

    telegram.world.private(ann)
    with Running(telegram, house, webhook=True, secret="sesame") as bot:
        telegram.wait(lambda: telegram.updates.webhook)
        statuses = asyncio.run(post(bot.root))
        ask(telegram, ann, 2)

    assert statuses == {200}
    assert len(house.asked) == 2


def test_one_update_that_comes_to_several_processes_is_handled_once(telegram, ann):
    house = House()
    with (
        Running(telegram, house, webhook=True, secret="sesame") as one,
        Running(telegram, house, webhook=True, secret="sesame") as two,
    ):
        telegram.wait(lambda: len(telegram.calls("setWebhook")) == 2)
        body = json.dumps(update(77, chat={"id": ann.id, "type": "private"})).encode()
        telegram.world.private(ann)

        async def post():
            async with aiohttp.ClientSession(headers={HEADER: "sesame"}) as session:
                urls = [one.root, two.root] * 25
                return set(await asyncio.gather(*(posted(session, url, body) for url in urls)))

        statuses = asyncio.run(post())
        ask(telegram, ann, 2)

    assert statuses == {200}
    assert len(house.asked) == 2


def test_before_the_bot_knows_who_it_is_updates_have_to_come_again(telegram, ann):
    fault = telegram.faults.add(in_html(502), method="getMe", times=None)
    with Running(telegram, webhook=True, secret="sesame") as bot:
        telegram.wait(lambda: fault.struck)
        taken = bot.do(lambda: bot.receiver.webhook.take({}, json.dumps(update(1)).encode()))
        telegram.faults.clear()
        telegram.wait(lambda: telegram.updates.webhook)

    assert taken.status == 503


def test_the_secret_is_compared_as_bytes():
    door = Door("sesame", lambda _: "taken")

    assert door.admits({HEADER: "sesame"})
    assert not any(door.admits({HEADER: text}) for text in ("", "sesam", "sesame ", "Sesame", "ſesame", "\udcff"))


def test_a_webhook_elsewhere_is_taken_back(telegram, ann):
    telegram.updates.set_webhook({"url": "https://elsewhere.example/telegram"})
    with Running(telegram, webhook=True) as bot:
        telegram.wait(lambda: telegram.updates.webhook["url"] == f"{bot.root}/telegram")
        ask(telegram, ann)


# By polling -----------------------------------------------------------------------------------------------------------


def test_without_a_public_address_a_webhook_is_removed_and_what_waits_there_is_answered(telegram, ann):
    telegram.updates.set_webhook({"url": "https://127.0.0.1:9/telegram"})
    chat = telegram.world.private(ann)
    telegram.world.say(ann, chat, "/topic ctr")
    with Running(telegram):
        telegram.wait(lambda: telegram.messages_in(chat))

    assert telegram.calls("deleteWebhook")[0].params == {"drop_pending_updates": False}


def test_what_was_answered_does_not_come_again(telegram, ann):
    with Running(telegram):
        ask(telegram, ann)
    with Running(telegram):
        ask(telegram, ann, 2)

    assert len(telegram.calls("sendMessage")) == 2


def test_of_several_processes_one_polls_and_the_next_takes_over(telegram, ann, house, monkeypatch):
    monkeypatch.setattr(receiving, "LEASE", 0.3)
    with Running(telegram, house):
        telegram.wait(lambda: house.leader)
        with Running(telegram, house) as second:
            ask(telegram, ann)
            polls = len(telegram.calls("getUpdates"))
            assert second.receiver.status.ok
            # The first ends here, and gives the lease up.
            assert all(call.status != 409 for call in telegram.calls("getUpdates"))
    with Running(telegram, house):
        ask(telegram, ann, 2)

    assert len(telegram.calls("getUpdates")) > polls


def test_another_program_with_the_same_token_is_a_sentence(telegram, ann):
    conflict = b'{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}'
    telegram.faults.add(Reply(409, conflict), method="getUpdates", times=None)
    with Running(telegram) as bot:
        telegram.wait(lambda: len(telegram.calls("getUpdates")) > 2)
        status = bot.receiver.status
        telegram.faults.clear()
        ask(telegram, ann)

    assert not status.ok
    assert status.message == "another program polls with the same token: stop it, or get it a bot of its own"
    assert bot.receiver.status.ok


def test_a_webhook_that_somebody_sets_meanwhile_is_removed(telegram, ann):
    with Running(telegram):
        ask(telegram, ann)
        telegram.updates.set_webhook({"url": "https://127.0.0.1:9/telegram"})
        ask(telegram, ann, 2)


def test_an_update_of_a_shape_that_nobody_documented_holds_up_nothing(telegram, ann, caplog):
    telegram.updates.emit("message", {"message_id": "first", "chat": 7})
    telegram.updates._enqueue({"update_id": 700_000_002, "message": []})
    telegram.updates._next_id = 700_000_003
    with Running(telegram):
        ask(telegram, ann)

    assert "another shape" in caplog.text


# From the start -------------------------------------------------------------------------------------------------------


def test_it_listens_before_the_house_is_open_and_answers_once_it_is(telegram, ann, house):
    """Whoever polls while the database is looked for takes updates, and tells the house nothing yet."""
    chat = telegram.world.private(ann)
    good = threading.Event()
    house.opened.clear()
    telegram.world.say(ann, chat, "/topic ctr")
    with Running(telegram, house, token_good=good.set) as bot:
        telegram.wait(lambda: len(telegram.calls("getUpdates")) > 1)  # the first brought the update
        told_before = good.is_set(), [*house.asked], telegram.messages_in(chat)
        bot.call_soon(house.opened.set)
        telegram.wait(lambda: telegram.messages_in(chat))
        told = good.wait(20)

    assert told_before == (False, [], [])
    assert told
    assert [command.name for command in house.asked] == ["topic"]


def test_no_network_at_the_start_is_red_and_recovers(telegram, ann):
    asyncio.run(telegram.stop_listening())
    with Running(telegram) as bot:
        _until(lambda: not bot.receiver.status.ok)
        status = bot.receiver.status
        asyncio.run(telegram.listen())
        ask(telegram, ann)

    assert status.message.startswith("Telegram cannot be reached: the connection was refused")
    assert bot.receiver.status.ok


@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        (in_html(404), "the server answers with something that is not the Bot API's (HTTP 404)"),
        (Reply(200, b"<html>hello</html>", "text/html"), "the server answers with something that is not the Bot API's"),
        (Reply(200, b'{"ok":true,"result":[]}'), "the adapter broke: see the log"),
        (in_html(502), "the server answers with something that is not the Bot API's (HTTP 502)"),
    ],
)
def test_a_server_that_is_no_bot_api_is_a_sentence_and_recovers(telegram, ann, deed, sentence):
    fault = telegram.faults.add(deed, times=None)
    with Running(telegram) as bot:
        telegram.wait(lambda: fault.struck > 2)
        _until(lambda: not bot.receiver.status.ok)
        status = bot.receiver.status
        telegram.faults.clear()
        ask(telegram, ann)

    assert status.message.startswith(sentence)


def test_a_wrong_token_is_a_sentence_and_is_tried_again(telegram, ann):
    good = threading.Event()
    telegram.revoke()
    with Running(telegram, token_good=good.set) as bot:
        telegram.wait(lambda: len(telegram.calls("getMe")) > 2)
        _until(lambda: not bot.receiver.status.ok)
        status, was_good = bot.receiver.status, good.is_set()
        telegram.revoked = False
        ask(telegram, ann)
        told = good.wait(20)

    assert status.message == "Telegram refuses the bot's token (401): check TELEGRAM_BOT_TOKEN"
    assert not was_good
    assert told


def test_a_token_revoked_at_work_is_red_and_told_once_it_is_good_again(telegram, ann):
    told = []
    with Running(telegram, token_good=lambda: told.append(1)) as bot:
        ask(telegram, ann)
        telegram.revoke()
        telegram.update("message", {})  # ends the poll
        _until(lambda: not bot.receiver.status.ok)
        telegram.updates.queue.clear()
        telegram.revoked = False
        ask(telegram, ann, 2)
        _until(lambda: bot.receiver.status.ok and len(told) == 2)


def _until(condition):
    """Wait for what happens in the bot, and rings no bell of Telegram's."""
    bell = threading.Event()
    for _ in range(2000):
        if condition():
            return
        bell.wait(0.01)
    raise AssertionError("it never happened")


# Secrets --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("webhook", [False, True])
def test_no_log_holds_a_secret_or_what_was_said_even_at_debug(telegram, ann, webhook):
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    logs.set_up(Settings(telegram_bot_token=telegram.token, log_level="DEBUG"), stream)
    root.handlers[0].setFormatter(logging.Formatter("%(name)s %(message)s"))  # nothing may lean on the redaction
    try:
        telegram.faults.add(in_html(502), method="getMe")
        with Running(telegram, webhook=webhook) as bot:
            telegram.world.say(ann, telegram.world.private(ann), "/topics something embarrassing")
            telegram.wait(lambda: telegram.messages_in(telegram.world.private(ann)))
            bot.house.breaks.append(RuntimeError("a bug"))
            telegram.world.say(ann, telegram.world.private(ann), "/topics more embarrassing still")
            telegram.wait(lambda: len(telegram.messages_in(telegram.world.private(ann))) > 1)
    finally:
        root.handlers = before[0]
        root.setLevel(before[1])
    said = stream.getvalue()

    assert "telegram speaks as @heji_bot" in said
    assert "update broke" in said
    assert telegram.token.partition(":")[2] not in said
    assert SECRET not in said
    assert "embarrassing" not in said


# Order and room -------------------------------------------------------------------------------------------------------


def lanes_of(numbers, **options):
    """In what order the updates with these (chat, number) are handled, and how many at once at most."""

    async def run():
        done, at_once, most = [], 0, 0

        async def work(one):
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            done.append((one.message.chat.id, one.update_id))
            at_once -= 1

        lanes = Lanes(work, **options)
        for chat, number in numbers:
            await lanes.take(read_update(json.dumps(update(number, chat={"id": chat, "type": "private"})).encode()))
        await lanes.finish(5)
        return done, most

    return asyncio.run(run())


def test_each_chat_is_in_order_and_no_more_at_once_than_allowed():
    numbers = [(n % 7, n) for n in range(200)]
    done, most = lanes_of(numbers, width=3, room=20)

    assert sorted(done) == sorted(numbers)
    assert all([n for c, n in done if c == chat] == list(range(chat, 200, 7)) for chat in range(7))
    assert most == 3


def test_there_is_room_for_so_many_and_the_next_has_to_come_again():
    async def run():
        gate = asyncio.Event()

        async def work(_):
            await gate.wait()

        lanes = Lanes(work, room=2)
        taken = [lanes.put(Update(n)) for n in range(3)]
        gate.set()
        await lanes.finish(5)
        return [*taken, lanes.put(Update(3))]

    assert asyncio.run(run()) == [True, True, False, True]


def test_what_takes_too_long_at_the_end_is_broken_off(caplog):
    async def run():
        async def work(_):
            await asyncio.Event().wait()

        lanes = Lanes(work)
        lanes.put(Update(1))
        await asyncio.sleep(0)
        await lanes.finish(0.01)

    asyncio.run(run())

    assert "broken off at the end n=1" in caplog.text


@pytest.mark.parametrize("body", [b"", b"null", b'{"update_id":1.5}', b'{"update_id":1,"message":{"message_id":1}}'])
def test_what_is_no_update_is_malformed(body):
    with pytest.raises(Malformed):
        read_update(body)


# Menus, and what doctor finds -----------------------------------------------------------------------------------------


def at(telegram, work, **options):
    async def run():
        platform = Telegram(telegram.token, telegram.url)
        try:
            return await work(platform, **options)
        finally:
            await platform.close()

    return asyncio.run(run())


def test_menus_and_descriptions_are_set_where_they_differ_and_only_there(telegram):
    world = telegram.world
    curators = [f"telegram:{world.private(world.user('Ann')).id}", "telegram:5", "slack:U1"]
    first, second = (at(telegram, set_up, curators=curators, language="zh") for _ in range(2))
    scopes = {json.loads(scope).get("type") for scope, _ in telegram.commands}

    assert "menu all_private_chats zh" in first
    assert second == ()
    assert scopes == {"default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat"}
    assert telegram.texts["description", "en"].startswith("A reading list that answers.")
    assert telegram.texts["short_description", ""] == "会回答问题的精选书单，每周发布一期主题。"


def test_a_menu_shows_what_its_readers_may(telegram):
    curator = telegram.world.private(telegram.world.user("Ann"))
    at(telegram, set_up, curators=[f"telegram:{curator.id}"])
    shown = {
        (json.loads(scope)["type"], language): [command["command"] for command in commands]
        for (scope, language), commands in telegram.commands.items()
    }

    assert "subscribe" in shown["all_private_chats", ""]
    assert "subscribe" in shown["all_chat_administrators", ""]
    assert "subscribe" not in shown["all_group_chats", ""]
    assert "post" in shown["chat", ""]
    assert not any("post" in commands for (scope, _), commands in shown.items() if scope != "chat")


def test_doctor_finds_nothing_wrong_with_a_sound_bot(telegram):
    assert at(telegram, check)[0].state == "ok"


def test_doctor_finds_a_refused_token_a_dead_network_and_a_stray_webhook(telegram):
    telegram.updates.set_webhook({"url": "https://elsewhere.example/secret-in-its-path"})
    stray = at(telegram, check)
    elsewhere = at(telegram, check, public_url="https://here.example")
    telegram.revoke()
    (refused,) = at(telegram, check)
    asyncio.run(telegram.stop_listening())
    (dead,) = at(telegram, check)

    assert stray[-1].message == "a webhook at elsewhere.example is set, and PUBLIC_URL is not"
    assert elsewhere[-1].message == "Telegram does not post to https://here.example/telegram yet"
    assert (refused.state, refused.message) == ("fail", "Telegram refuses the bot's token")
    assert dead.message.startswith("Telegram cannot be reached: the connection was refused")
    assert all(one.cure for one in (stray[-1], elsewhere[-1], refused, dead))
