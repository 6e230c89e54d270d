"""What people do on the fake Slack, and real Bolt under it: it is told, through a socket and over HTTP, as by Slack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from fakes.server import PATIENCE
from fakes.slack import FakeSlack
from fakes.slack_client import QUIET, client, connected, listening, post
from fakes.slack_world import App
from simulated import Clock
from slack_bolt.async_app import AsyncApp

PRESS: list[dict[str, Any]] = [
    {"type": "actions", "elements": [
        {"type": "button", "action_id": "turn-0", "text": {"type": "plain_text", "text": "Next"},
         "value": "topic|2|a&b"},
        {"type": "static_select", "action_id": "ask-1", "placeholder": {"type": "plain_text", "text": "Which?"},
         "options": [{"text": {"type": "plain_text", "text": "1. Ctr"}, "value": "topic|1|ctr"}]},
    ]},
]  # fmt: skip
ASK: dict[str, Any] = {
    "type": "modal", "callback_id": "ask", "title": {"type": "plain_text", "text": "Ask"},
    "submit": {"type": "plain_text", "text": "Ask"},
    "blocks": [
        {"type": "input", "block_id": "question", "label": {"type": "plain_text", "text": "Question"},
         "element": {"type": "plain_text_input", "action_id": "words"}},
    ],
}  # fmt: skip


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack(clock=Clock()) as slack:
        slack.deliveries.patience = PATIENCE
        yield slack


@pytest.fixture
def by_http() -> Iterator[FakeSlack]:
    with FakeSlack(App(socket_mode=False)) as slack:
        slack.deliveries.patience, slack.deliveries.retries = PATIENCE, (0.0, 0.0, 0.0)
        yield slack


def bolt(slack: FakeSlack) -> AsyncApp:
    """An app that answers each thing in a word."""
    app = AsyncApp(client=client(slack), signing_secret=slack.app.signing_secret)

    @app.command("/digest")
    async def command(ack: Any, respond: Any, body: Any) -> None:
        await ack()
        await respond(text=body["text"], blocks=PRESS, response_type="ephemeral", **QUIET)

    @app.action("turn-0")
    async def turn(ack: Any, respond: Any, action: Any) -> None:
        await ack()
        await respond(text=action["value"], response_type="ephemeral", replace_original=True, **QUIET)

    @app.action("ask-1")
    async def chosen(ack: Any, respond: Any, action: Any) -> None:
        await ack()
        await respond(text=action["selected_option"]["value"], response_type="in_channel", **QUIET)

    @app.event("app_mention")
    async def mentioned(event: Any, say: Any) -> None:
        await say(text="here", thread_ts=event["ts"], **QUIET)

    @app.event("message")
    async def written(event: Any, say: Any) -> None:
        if "bot_id" not in event:
            await say(text=event["text"], **QUIET)

    @app.event("app_home_opened")
    async def opened(event: Any, client: Any) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": PRESS})

    @app.shortcut("ask_the_digest")
    async def shortcut(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=ASK)

    @app.view("ask")
    async def submitted(ack: Any, view: Any) -> None:
        words = view["state"]["values"]["question"]["words"]["value"]
        await (ack() if words else ack(response_action="errors", errors={"question": "Write something"}))

    return app


# Through a socket -----------------------------------------------------------------------------------------------------


def test_command_and_what_comes_of_it_go_through_the_socket(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann, bot=False)

    async def talk() -> None:
        async with connected(slack, bolt(slack)):
            told = slack.world.slash(ann, channel, "topic a&b")
            await slack.until(lambda: told.acked and slack.seen_only_by(ann, channel))
            message = slack.last(channel, ann)
            slack.world.choose(message, "1. Ctr", ann)
            await slack.until(lambda: slack.messages_in(channel))
            slack.world.press(message, "Next", ann)
            await slack.until(lambda: not message.blocks and all(told.acked for told in slack.told))

    asyncio.run(talk())
    command, choice, press = slack.told
    assert (command.payload["text"], command.payload["channel_id"]) == ("topic a&amp;b", channel.id)
    assert slack.last(channel).text == "topic|1|ctr"
    assert "message" not in press.payload
    assert press.payload["container"]["is_ephemeral"]
    assert slack.last(channel, ann).text == press.payload["actions"][0]["value"] == "topic|2|a&amp;b"
    assert choice.payload["actions"][0]["selected_option"]["text"]["text"] == "1. Ctr"
    assert all(told.delay == told.attempts[0].took for told in slack.told)
    assert not slack.complaints


def test_bot_hears_mentions_where_it_is_and_direct_messages_and_itself(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    elsewhere = slack.world.channel("talks", ann, bot=False)

    async def talk() -> None:
        async with connected(slack, bolt(slack)):
            slack.world.mention(ann, elsewhere, "new")
            slack.world.say(ann, channel, "hello everybody")
            asked = slack.world.mention(ann, channel, "see https://example.org/a")
            await slack.until(lambda: slack.messages_in(channel))
            assert slack.last(channel).thread_ts == asked.ts
            slack.world.dm(ann, "ctr")
            await slack.until(lambda: len(slack.told) == 3)

    asyncio.run(talk())
    mention, message, own = (told.payload["event"] for told in slack.told)
    assert mention["text"] == f"<@{slack.world.home.bot.id}> see <https://example.org/a>"
    assert (message["channel_type"], message["user"], message["text"]) == ("im", ann.id, "ctr")
    assert own["bot_id"] == slack.world.home.bot.bot_id
    assert slack.last(slack.world.im(ann)).text == "ctr"
    assert not slack.complaints


def test_home_and_modal_are_seen_and_filled(slack):
    ann = slack.world.user("Ann")

    async def look() -> tuple[str, dict[str, str], bool]:
        async with connected(slack, bolt(slack)):
            slack.world.open_home(ann)
            await slack.until(lambda: slack.world.homes)
            pressed = slack.world.press(slack.world.homes[ann.id], "Next", ann)
            assert pressed.payload["container"]["type"] == "view"
            slack.world.global_shortcut(ann, "ask_the_digest")
            view = (await slack.until(lambda: slack.calls("views.open") and slack.calls("views.open")[0].view)) or None
            first = slack.world.submit(view, {"words": ""})
            await slack.until(lambda: first.acked and view.errors)
            errors = dict(view.errors)
            slack.world.submit(view, {"question": "ctr"})
            await slack.until(lambda: not view.open)
            return view.reading, errors, view.open

    reading, errors, is_open = asyncio.run(look())
    assert reading.startswith("(views.open)\n\n«Ask»")
    assert errors == {"question": "Write something"}
    assert not is_open


def test_press_of_a_message_carries_the_message(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    post(slack, "chat.postMessage", channel=channel.id, text="a", blocks=PRESS, **QUIET)
    told = slack.world.press(slack.last(channel), "turn-0", ann)
    found = slack.world.message_shortcut(ann, slack.last(channel), "find_in_the_digest")

    assert told.payload["message"]["blocks"][0]["block_id"] == told.payload["actions"][0]["block_id"]
    assert told.payload["message"]["ts"] == told.payload["container"]["message_ts"]
    assert (found.payload["type"], found.payload["message"]["text"]) == ("message_action", "a")
    with pytest.raises(LookupError, match="Previous"):
        slack.world.press(slack.last(channel), "Previous", ann)
    with pytest.raises(AssertionError, match="Eve does not see it"):
        slack.world.press(slack.last(channel), "Next", slack.world.user("Eve"))


def test_what_happens_to_channels_and_to_the_app_is_told(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann, bot=False)
    hidden = slack.world.channel("secret", ann, private=True)
    slack.world.invite_bot(channel, ann)
    slack.world.rename(channel, "reading")
    slack.world.archive(hidden)
    slack.world.unarchive(hidden)
    slack.world.change_id(channel)
    slack.world.kick_bot(channel, ann)
    slack.world.kick_bot(hidden, ann)
    slack.world.archive(hidden)
    slack.world.delete_channel(channel)
    slack.world.uninstall()

    assert [told.type for told in slack.told] == [
        "member_joined_channel", "channel_rename", "group_archive", "group_unarchive", "channel_id_changed",
        "channel_left", "group_left", "channel_deleted", "tokens_revoked", "app_uninstalled",
    ]  # fmt: skip
    joined, renamed = (told.payload["event"] for told in slack.told[:2])
    assert (joined["user"], joined["inviter"]) == (slack.world.home.bot.id, ann.id)
    assert renamed["channel"]["name"] == "reading"


def test_what_is_changed_and_taken_back_in_a_direct_message_is_told(slack):
    message = slack.world.dm(slack.world.user("Ann"), "ctr")
    slack.world.edit(message, "db")
    slack.world.delete(message)

    events = [told.payload["event"] for told in slack.told]
    assert [event.get("subtype") for event in events] == [None, "message_changed", "message_deleted"]
    assert events[1]["message"]["text"] == events[2]["previous_message"]["text"] == "db"
    assert events[2]["deleted_ts"] == message.ts


def test_modal_that_is_closed_is_told_where_it_asked_for_that(slack):
    ann = slack.world.user("Ann")
    for notify in (False, True):
        trigger = slack.world.global_shortcut(ann, "ask").trigger.id
        view_id = post(slack, "views.open", trigger_id=trigger, view=ASK | {"notify_on_close": notify})["view"]["id"]
        slack.world.close(slack.world.views[view_id])

    assert [told.type for told in slack.told] == ["shortcut", "shortcut", "view_closed"]


def test_bot_in_a_group_of_people_hears_mentions_there(slack):
    ann, bob = slack.world.user("Ann"), slack.world.user("Bob")
    slack.world.mention(bob, slack.world.mpim(ann, bob), "new")

    assert slack.told[0].type == "app_mention"


def test_nobody_can_use_an_app_that_is_gone(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    slack.world.uninstall()
    slack.world.mention(ann, channel, "new")

    assert [told.type for told in slack.told] == ["tokens_revoked", "app_uninstalled"]
    with pytest.raises(AssertionError, match="nobody installed"):
        slack.world.slash(ann, channel, "new")


def test_app_is_told_only_what_it_subscribed_to_and_commands_that_it_registered():
    with FakeSlack(App(events=frozenset({"app_mention"}), shortcuts=frozenset({"ask"}))) as slack:
        ann = slack.world.user("Ann")
        channel = slack.world.channel("papers", ann)
        slack.world.dm(ann, "hello")
        slack.world.archive(channel)

        assert not slack.told
        with pytest.raises(AssertionError, match="/topic"):
            slack.world.slash(ann, channel, "ctr", command="/topic")
        with pytest.raises(AssertionError, match="find"):
            slack.world.global_shortcut(ann, "find")


# Over HTTP ------------------------------------------------------------------------------------------------------------


def test_signed_requests_reach_bolt_and_its_answers_reach_people(by_http):
    slack, ann = by_http, by_http.world.user("Ann")
    channel = slack.world.channel("papers", ann)

    async def talk() -> object:
        async with listening(slack, bolt(slack)):
            answer = await slack.door.post(slack.door.challenge("word"))
            slack.world.slash(ann, channel, "new")
            await slack.until(lambda: slack.seen_only_by(ann, channel))
            slack.world.press(slack.last(channel, ann), "Next", ann)
            slack.world.mention(ann, channel, "new")
            await slack.until(lambda: slack.messages_in(channel) and all(told.acked for told in slack.told))
            return answer.said

    assert asyncio.run(talk()) == {"challenge": "word"}
    assert [told.attempts[0].status for told in slack.told] == [200, 200, 200]
    assert not slack.complaints


def test_each_kind_has_its_form_on_the_wire(by_http):
    slack, ann = by_http, by_http.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    command = slack.door.request(slack.world.slash(ann, channel, "a b"))
    shortcut = slack.door.request(slack.world.global_shortcut(ann, "ask"))
    slack.world.mention(ann, channel, "a")
    event = slack.door.request(slack.told[-1])

    assert parse_qs(command.body.decode())["text"] == ["a b"]
    assert json.loads(parse_qs(shortcut.body.decode())["payload"][0])["type"] == "shortcut"
    assert json.loads(event.body)["type"] == "event_callback"


def test_answer_to_a_command_may_come_with_the_acknowledgement(by_http):
    slack, ann = by_http, by_http.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    app = AsyncApp(client=client(slack), signing_secret=slack.app.signing_secret)
    answers = iter([{"text": "first", **QUIET}, {"text": "a < b", **QUIET}])

    @app.command("/digest")
    async def command(ack: Any) -> None:
        await ack(**next(answers))

    async def talk() -> None:
        async with listening(slack, app):
            for count in (1, 2):
                slack.world.slash(ann, channel, "new")
                await slack.until(lambda count=count: [told.acked for told in slack.told] == [True] * count)

    asyncio.run(talk())
    slack.wait(lambda: slack.world.complaints)
    assert [message.text for message in slack.seen_only_by(ann, channel)] == ["first"]
    assert slack.complaints == ["the answer to /digest: invalid_arguments text: not escaped"]


def test_event_that_is_not_taken_comes_again_and_a_command_does_not(by_http):
    slack, ann = by_http, by_http.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    app = AsyncApp(client=client(slack), signing_secret=slack.app.signing_secret)

    async def talk() -> None:
        async with listening(slack, app):
            slack.world.mention(ann, channel, "new")
            slack.world.slash(ann, channel, "new")
            await slack.until(lambda: all(told.failure for told in slack.told))

    asyncio.run(talk())
    event, command = slack.told
    assert [(attempt.number, attempt.reason, attempt.status) for attempt in event.attempts] == [
        (0, "", 404), (1, "http_error", 404), (2, "http_error", 404), (3, "http_error", 404),
    ]  # fmt: skip
    assert [attempt.status for attempt in command.attempts] == [404]
    assert command.failure == "http_error"
    post = slack.door.request(event, event.attempts[2])
    assert (post.headers["X-Slack-Retry-Num"], post.headers["X-Slack-Retry-Reason"]) == ("2", "http_error")


def test_forgeries_do_not_pass_and_the_true_one_does(by_http):
    slack, ann = by_http, by_http.world.user("Ann")
    slack.world.mention(ann, slack.world.channel("papers", ann), "new")
    true = slack.door.request(slack.told[0])
    forged = [
        true.saying(true.body + b" "),
        true.having("X-Slack-Signature", "v0=" + "0" * 64),
        true.without("X-Slack-Signature"),
        true.without("X-Slack-Request-Timestamp"),
        true.having("X-Slack-Signature", "v0=é"),
        true.having("X-Slack-Request-Timestamp", "soon"),
        slack.door.signed(true.body, at=1_000_000_000),
        slack.door.signed(true.body, at=4_000_000_000),
    ]

    async def knock() -> list[bool]:
        async with listening(slack, bolt(slack)):
            return [(await slack.door.post(one)).taken for one in [*forged, true]]

    assert asyncio.run(knock()) == [False] * 8 + [True]


def test_app_that_is_slow_or_absent_has_failed(by_http):
    slack, ann = by_http, by_http.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    slack.deliveries.patience = 0.2
    app = AsyncApp(client=client(slack), signing_secret=slack.app.signing_secret)

    @app.command("/digest")
    async def command(ack: Any) -> None:
        await slack.until(lambda: slack.told[0].failure)
        await ack()

    async def talk() -> None:
        async with listening(slack, app):
            slack.world.slash(ann, channel, "new")
            await slack.until(lambda: slack.told[0].failure)
        slack.deliveries.patience = PATIENCE
        slack.world.slash(ann, channel, "new")
        await slack.until(lambda: slack.told[1].failure)

    asyncio.run(talk())
    assert [told.failure for told in slack.told] == ["http_timeout", "connection_failed"]
