"""How things come in from Slack, and that they go on coming: sockets, signed requests, what goes wrong with both."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections import Counter
from random import Random
from urllib.parse import urlencode

import pytest
from fakes.faults import Cut, Hang, Reply
from fakes.slack import FakeSlack
from fakes.slack_door import FORM
from fakes.slack_faults import broken, refusing, too_fast
from slack_bot import HTTP, SOCKET, House, Running

from bot.platforms.slack import sockets, watching
from bot.platforms.slack.listening import Deaf, Heard
from bot.platforms.slack.webhook import SIGNATURE, STAMP, Door, read
from bot.processes import logs
from bot.settings import Settings
from bot.web.health import Health
from bot.web.site import site as web_site


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """What is tried again is tried soon, and silence is noticed soon."""
    monkeypatch.setattr(watching, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(sockets, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(sockets, "BREATH", 0.01)
    monkeypatch.setattr(sockets, "PING", 0.05)
    monkeypatch.setattr(sockets, "SILENCE", 0.5)


@pytest.fixture
def slack():
    with FakeSlack(SOCKET) as slack:
        slack.deliveries.retries = (0.1,) * 50  # what went into a connection that is gone comes again soon
        yield slack


@pytest.fixture
def door():
    """A Slack that knows the bot by its address."""
    with FakeSlack(HTTP) as slack:
        yield slack


@pytest.fixture
def house():
    return House()


def ask(slack, n=1):
    """Ask for something in private, and wait for the nth answer."""
    ann = next((user for user in slack.world.users.values() if user.name == "Ann"), None) or slack.world.user("Ann")
    slack.world.dm(ann, "topic ctr")
    slack.wait(lambda: len(slack.messages_in(slack.world.im(ann))) >= n)


def command(ann, channel, slack):
    """A slash command as it is posted."""
    told = slack.world.slash(ann, channel, "topic ctr")
    slack.wait(lambda: told.acked)
    return told


# Forgeries ------------------------------------------------------------------------------------------------------------


def forgeries(door, random):
    """Requests of those who do not know the secret; and of those who heard one and say it again, or otherwise."""
    body = urlencode(
        {"command": "/digest", "text": "ctr", "team_id": "T1", "user_id": "U1", "channel_id": "C1"}
    ).encode()
    wrong = [
        "",
        "v0=",
        "v0=" + "0" * 64,
        "v0=" + "ä" * 64,
        "v1=" + "0" * 64,
        "v0=" + "G" * 64,
        "\x00",
        "v0=" + "０" * 64,
    ]
    stamps = ["", "now", "-1", "1e9", "٣" * 10, "9" * 400, "0x10", " 1", "\x00"]
    while True:
        post = door.signed(
            body, FORM, at=random.choice([None, -random.randrange(301, 10**6), random.randrange(301, 10**6)])
        )
        stamp = int(post.headers["X-Slack-Request-Timestamp"])
        match random.randrange(6):
            case 0:
                yield post.having("X-Slack-Signature", random.choice(wrong))
            case 1:
                yield post.without("X-Slack-Signature")
            case 2:
                yield post.having("X-Slack-Request-Timestamp", random.choice(stamps))
            case 3:
                yield post.without("X-Slack-Request-Timestamp")
            case 4:
                yield post.having(
                    "X-Slack-Request-Timestamp", str(stamp + random.choice([-1, 1]) * random.randrange(1, 299))
                )
            case 5:
                yield post.saying(random.choice([b"", b"{", body + b"x", random.randbytes(30)]))


async def status_of(site, post):
    """The status of one request to an ASGI application."""
    said = []
    headers = [(name.lower().encode(), text.encode("utf-8", "surrogatepass")) for name, text in post.headers.items()]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "method": "POST", "path": "/slack/events", "headers": headers}
    scope |= {
        "http_version": "1.1",
        "scheme": "http",
        "query_string": b"",
        "root_path": "",
        "raw_path": b"/slack/events",
    }

    async def receive():
        return {"type": "http.request", "body": post.body, "more_body": False}

    async def send(message):
        said.append(message)

    await site(scope, receive, send)
    return said[0]["status"]


def test_ten_thousand_forged_requests_are_refused_and_none_is_handled(door, house):
    with Running(door, house) as bot:
        site = web_site(health=Health, webhooks=[bot.receiver.webhook])
        forged = forgeries(door.door, Random(5))

        async def forge_all():
            return Counter([await status_of(site, next(forged)) for _ in range(10_000)])

        statuses = bot.do(forge_all)

    assert statuses == {401: 10_000}
    assert house.asked == []
    assert [call.method for call in door.journal if call.method != "auth.test"] == []


@pytest.mark.parametrize("off", [-301, 301, -(10**9)])
def test_what_is_old_or_of_the_future_is_refused_however_well_it_is_signed(door, house, off):
    with Running(door, house):
        post = door.door.signed(b"{}", at=door.door._clock() + off)
        answer = asyncio.run(door.door.post(post))

    assert answer.status == 401


def test_a_request_that_was_heard_and_is_said_again_is_refused(door, house):
    ann = door.world.user("Ann")
    papers = door.world.channel("papers", ann)
    with Running(door, house):
        post = door.door.request(command(ann, papers, door))
        statuses = [asyncio.run(door.door.post(post)).status for _ in range(3)]
        ask(door)

    assert statuses[1:] == [401, 401]  # the first may be of another second, and so signed anew
    assert len(house.asked) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'"x"'])
def test_signed_garbage_is_refused(door, house, body):
    with Running(door, house):
        kinds = ("application/json", FORM, "text/plain", "")
        statuses = [asyncio.run(door.door.post(door.door.signed(body, kind))).status for kind in kinds]

    assert set(statuses) == {401}
    assert house.asked == []


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "block_actions"},
        {"type": "event_callback"},
        {"type": "event_callback", "event": 7, "event_id": "E"},
        {"type": "event_callback", "event": {"type": "app_mention"}, "event_id": "E"},
        {"type": "event_callback", "event": {"type": "channel_left"}, "event_id": "E"},
        {"type": "view_submission", "trigger_id": "1"},
        {"type": "message_action", "trigger_id": "1"},
        {"type": "block_actions", "actions": [7], "trigger_id": "1", "user": {}},
        {"type": "shortcut", "user": 7, "team": [], "trigger_id": "1"},
        {"command": "/digest", "trigger_id": "1"},
        {"command": 7},
    ],
)
def test_what_slack_never_sends_breaks_nothing(door, house, payload):
    with Running(door, house):
        answer = asyncio.run(door.door.post(door.door.signed(json.dumps(payload).encode())))
        ask(door)

    assert answer.status == 200
    assert [asked.name for asked in house.asked] == ["topic"]


def test_slack_may_see_whether_the_address_is_ours(door):
    with Running(door):
        answer = asyncio.run(door.door.post(door.door.challenge("a-word")))

    assert (answer.status, answer.body) == (200, b"a-word")


def test_the_door_remembers_as_long_as_a_signature_is_good():
    now = [1_000_000.0]
    heard = []

    async def hear(payload):
        heard.append(payload)
        return Heard()

    door = Door("s3cret", hear, clock=lambda: now[0])
    headers = {STAMP: str(int(now[0])), "content-type": "application/json"}
    headers[SIGNATURE] = door._signature(headers[STAMP], b"{}")

    async def twice():
        first = await door.take(headers, b"{}")
        now[0] += 299
        return first.status, door.admits(headers), (await door.take(headers, b"{}")).status

    assert asyncio.run(twice()) == (200, True, 401)
    assert len(heard) == 1


def test_what_cannot_be_taken_now_may_come_again():
    async def hear(_):
        raise Deaf

    async def statuses():
        door = Door("s3cret", hear, clock=lambda: 5.0)
        headers = {STAMP: "5", SIGNATURE: door._signature("5", b"{}"), "content-type": "application/json"}
        return [(await door.take(headers, b"{}")).status for _ in range(2)]

    assert asyncio.run(statuses()) == [503, 503]


def test_forms_and_json_are_told_apart():
    assert read("application/json; charset=utf-8", b'{"a":1}') == {"a": 1}
    assert read("application/x-www-form-urlencoded", b"command=%2Fdigest&text=") == {"command": "/digest", "text": ""}
    assert read("application/x-www-form-urlencoded", b"payload=%7B%22a%22%3A1%7D") == {"a": 1}
    assert read("application/x-www-form-urlencoded", b"payload=x") is None


# Once -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("app", [SOCKET, HTTP], ids=["socket", "http"])
@pytest.mark.parametrize("kind", ["event", "command", "press"])
def test_one_thing_delivered_fifty_times_is_handled_once(app, kind, house):
    with FakeSlack(app) as slack, Running(slack, house):
        ann = slack.world.user("Ann")
        papers = slack.world.channel("papers", ann)
        ask(slack)
        match kind:
            case "event":
                slack.world.dm(ann, "topic nlp")
                told = slack.wait(
                    lambda: [one for one in slack.told if one.payload.get("event", {}).get("text") == "topic nlp"]
                )[0]
            case "command":
                told = command(ann, papers, slack)
            case "press":
                slack.world.slash(ann, papers, "topic")
                slack.wait(lambda: slack.seen_only_by(ann, papers))
                choice = slack.last(papers, ann)
                told = slack.world.press(choice, next(one for one in choice.labels if one.startswith("ctr")), ann)
        slack.wait(lambda: told.acked)
        before = len(told.attempts)
        for _ in range(50):
            slack.redeliver(told)
        slack.wait(
            lambda: len([one for one in told.attempts[before:] if one.took is not None or one.status == 401]) == 50
        )
        ask(slack, 3 if kind == "event" else 2)

    assert len(house.asked) == (4 if kind == "press" else 3)


def test_one_thing_that_comes_to_several_processes_is_handled_once(slack, house):
    with Running(slack, house), Running(slack, house):
        ann = slack.world.user("Ann")
        slack.world.dm(ann, "topic nlp")
        told = slack.told[-1]
        for _ in range(20):
            slack.redeliver(told)
        slack.wait(lambda: len([one for one in told.attempts if one.took is not None]) == 21)
        ask(slack, 2)

    assert len(house.asked) == 2


# Sockets --------------------------------------------------------------------------------------------------------------


def test_two_connections_are_kept(slack):
    with Running(slack):
        slack.wait(lambda: len(slack.connections) == 2)
        slack.connections[0].cut()
        slack.wait(lambda: len(slack.deliveries.sockets.all) == 3 and len(slack.connections) == 2)


def test_it_answers_again_after_every_cut(slack):
    with Running(slack):
        for n in range(1, 11):
            for connection in slack.connections:
                connection.cut()
            ask(slack, n)


@pytest.mark.parametrize("reason", ["refresh_requested", "link_disabled", "warning"])
def test_it_answers_again_when_slack_asks_it_to_come_anew(slack, reason):
    with Running(slack):
        slack.wait(lambda: len(slack.connections) == 2)
        for connection in slack.connections:
            connection.disconnect(reason)
        ask(slack)


def test_a_half_open_connection_is_given_up(slack):
    slack.deliveries.patience = 0.5
    with Running(slack):
        slack.wait(lambda: len(slack.connections) == 2)
        frozen = slack.connections
        for connection in frozen:
            connection.freeze()
        slack.wait(lambda: len([one for one in slack.connections if one not in frozen]) == 2)
        ask(slack)


@pytest.mark.parametrize(
    "deed",
    [Cut(), Reply(403, b"{}"), Reply(200, b"<html>"), broken(503)],
)
def test_a_handshake_that_fails_is_tried_with_a_new_ticket(slack, deed):
    slack.faults.add(deed, method="socket", times=3)
    with Running(slack):
        ask(slack)


def test_a_handshake_that_hangs_is_given_up(slack, monkeypatch):
    monkeypatch.setattr("bot.platforms.slack.transport.Transport.socket.__kwdefaults__", {"patience": 0.2})
    slack.faults.add(Hang(), method="socket", times=2)
    with Running(slack):
        ask(slack)


@pytest.mark.parametrize(
    "deed",
    [Cut(), broken(500), Reply(200, b"<html>"), refusing("internal_error"), Reply(200, b'{"ok":true}'), too_fast(1)],
)
def test_a_ticket_that_is_not_given_is_asked_for_again(slack, deed):
    slack.faults.add(deed, method="apps.connections.open", times=2)
    with Running(slack):
        ask(slack)


def test_nonsense_on_a_socket_breaks_nothing(slack, house):
    with Running(slack, house):
        for connection in slack.connections:
            for frame in (
                "",
                "hey",
                "[]",
                "{}",
                '{"envelope_id": 7}',
                '{"envelope_id": "x", "payload": 7}',
                '{"type": "?"}',
            ):
                connection.send(frame)
        ask(slack)

    assert len(house.asked) == 1


def test_a_bad_app_token_is_said_and_a_good_bot_token_is_none_of_its_business(slack):
    slack.faults.add(refusing("invalid_auth"), method="apps.connections.open", times=None)
    bot = Running(slack)
    bot._thread.start()
    bot.do(bot._start)
    slack.wait(lambda: len(slack.calls("apps.connections.open")) > 2)
    status, spoken = bot.receiver.status, bot.platform.status
    bot.__exit__()

    assert not status.ok
    assert "SLACK_APP_TOKEN" in status.message
    assert "SLACK_BOT_TOKEN" not in spoken.message


# The token ------------------------------------------------------------------------------------------------------------


def test_it_listens_before_the_house_is_open_and_answers_once_it_is(slack, house):
    """What comes while the database is looked for is acknowledged, and the house is told nothing yet."""
    ann = slack.world.user("Ann")
    house.opened.clear()
    with Running(slack, house) as bot:
        slack.world.dm(ann, "topic ctr")
        slack.wait(lambda: slack.told[0].acked)
        told_before = [*bot.good], [*house.asked], slack.messages_in(slack.world.im(ann))
        bot.call_soon(house.opened.set)
        slack.wait(lambda: slack.messages_in(slack.world.im(ann)))
        ask(slack, 2)

    assert told_before == ([], [], [])
    assert bot.good == [f"slack:{slack.world.home.id}"]
    assert [command.name for command in house.asked] == ["topic", "topic"]


def test_a_good_token_says_where_it_is_good(slack):
    with Running(slack) as bot:
        slack.wait(lambda: bot.good or slack.calls("auth.test"))
        ask(slack)

    assert bot.good == [f"slack:{slack.world.home.id}"]


@pytest.mark.parametrize("deed", ["revoke", "uninstall"])
def test_a_token_that_goes_bad_and_good_again_is_noticed(slack, monkeypatch, deed):
    with Running(slack) as bot:
        ask(slack)
        getattr(slack.world, deed)()
        slack.wait(lambda: not bot.receiver.status.ok)
        red = bot.receiver.status.message
        slack.world.home.state = "installed"
        slack.wait(lambda: slack.calls("auth.test")[-1].accepted)
        ask(slack, 2)

    assert "SLACK_BOT_TOKEN" in red
    assert bot.good == [f"slack:{slack.world.home.id}"] * 2
    assert bot.receiver.status.ok


def test_the_end_waits_for_answers_under_way(slack, house):
    ann = slack.world.user("Ann")
    with Running(slack, house):
        slack.world.dm(ann, "topic ctr")
        slack.wait(lambda: slack.told[0].acked)

    assert len(slack.messages_in(slack.world.im(ann))) == 1


@pytest.mark.parametrize("app", [SOCKET, HTTP], ids=["socket", "http"])
def test_no_log_holds_a_secret_or_what_was_said_even_at_debug(app, house):
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    logs.set_up(Settings(log_level="DEBUG"), stream)
    root.handlers[0].setFormatter(logging.Formatter("%(name)s %(message)s"))  # nothing may lean on the redaction
    try:
        with FakeSlack(app) as slack, Running(slack, house):
            ann = slack.world.user("Ann")
            papers = slack.world.channel("papers", ann)
            slack.faults.add(Cut(), method="socket", times=2)
            told = command(ann, papers, slack)
            slack.wait(lambda: slack.seen_only_by(ann, papers))
            house.breaks = [RuntimeError("a bug")]
            slack.world.slash(ann, papers, "search embarrassing")
            slack.wait(lambda: len(slack.seen_only_by(ann, papers)) == 2)
            for connection in slack.connections:
                connection.cut()
            slack.wait(lambda: slack.connections or not app.socket_mode)
    finally:
        root.handlers = before[0]
        root.setLevel(before[1])
    said = stream.getvalue()

    assert "payload broke type=/digest" in said
    for secret in (
        slack.token,
        app.app_token,
        app.signing_secret,
        told.response_url.path,
        "f4ke-ticket",
        "embarrassing",
    ):
        assert secret not in said
