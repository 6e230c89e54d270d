"""The fake Slack under the real SDK: who is too fast waits, and what is to go wrong goes wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from fakes.faults import Cut, Hang, Reply, Slow, in_html, mislabelled
from fakes.server import PATIENCE
from fakes.slack import FakeSlack
from fakes.slack_client import QUIET, ask, client, connected, post
from fakes.slack_faults import broken, refusing, too_fast
from fakes.slack_limits import Limits
from fakes.slack_world import Channel
from simulated import Clock
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[FakeSlack]:
    with FakeSlack(clock=clock) as slack:
        slack.deliveries.patience = PATIENCE
        yield slack


@pytest.fixture
def channel(slack: FakeSlack) -> Channel:
    return slack.world.channel("papers", slack.world.user("Ann"))


def said(channel: Channel) -> Any:
    return lambda bot: bot.chat_postMessage(channel=channel.id, text="a", **QUIET)


# Too fast -------------------------------------------------------------------------------------------------------------


def test_limits_refuse_what_is_too_fast_and_note_who_does_not_wait(clock):
    with FakeSlack(limits=Limits(), clock=clock) as slack:
        ann = slack.world.user("Ann")
        channel, other = slack.world.channel("papers", ann), slack.world.channel("talks", ann)
        ask(slack, *[said(channel)] * 3)
        with pytest.raises(SlackApiError, match="ratelimited") as refusal:
            ask(slack, said(channel))
        ask(slack, said(other))

        assert refusal.value.response.status_code == 429
        assert refusal.value.response.headers["Retry-After"] == "3"
        assert not slack.violations
        assert post(slack, "chat.postMessage", channel=channel.id, text="a", **QUIET)["error"] == "ratelimited"
        assert [(one.where, one.early) for one in slack.violations] == [(channel.id, 3.0)]
        clock.now += 3
        ask(slack, said(channel))
        assert len(slack.messages_in(channel)) == 4


def test_methods_have_their_own_limits(clock):
    with FakeSlack(limits=Limits(), clock=clock) as slack:
        answers = [post(slack, "conversations.list") for _ in range(21)]

        assert [answer["ok"] for answer in answers] == [True] * 20 + [False]
        assert post(slack, "auth.test")["ok"]


# Made to order --------------------------------------------------------------------------------------------------------


def test_429_to_order_with_and_without_its_header(slack, channel, clock):
    slack.faults.add(too_fast(30), method="chat.postMessage")
    with pytest.raises(SlackApiError) as first:
        ask(slack, said(channel))
    clock.now += 31
    slack.faults.add(too_fast(None), method="chat.postMessage")
    with pytest.raises(SlackApiError) as second:
        ask(slack, said(channel))
    ask(slack, said(channel))

    assert first.value.response.headers["Retry-After"] == "30"
    assert "Retry-After" not in second.value.response.headers
    assert [call.status for call in slack.calls("chat.postMessage")] == [429, 429, 200]


@pytest.mark.parametrize("status", [500, 503])
def test_broken_server_answers_in_json_or_in_html(slack, channel, status):
    slack.faults.add(broken(status))
    slack.faults.add(in_html(status))
    for _ in range(2):
        with pytest.raises(SlackApiError) as error:
            ask(slack, said(channel))
        assert error.value.response.status_code == status

    assert not slack.messages_in(channel)


def test_refusal_to_order_and_answer_under_a_wrong_type(slack, channel):
    slack.faults.add(refusing("fatal_error"))
    with pytest.raises(SlackApiError, match="fatal_error"):
        ask(slack, said(channel))
    slack.faults.add(mislabelled())
    with pytest.raises(SlackApiError):
        ask(slack, said(channel))

    assert len(slack.messages_in(channel)) == 1


@pytest.mark.parametrize("accepted", [False, True])
def test_cut_connection_tells_nothing_whether_the_message_was_taken_or_not(slack, channel, accepted):
    slack.faults.add(Cut(accepted=accepted))
    with pytest.raises(aiohttp.ClientError):
        ask(slack, said(channel))

    assert len(slack.messages_in(channel)) == accepted
    assert slack.calls("chat.postMessage")[0].status is None


def test_hanging_call_times_out_and_a_slow_one_arrives(slack, channel):
    slack.faults.add(Hang(accepted=True))
    slack.faults.add(Slow(0.01))

    async def hang() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await said(channel)(client(slack))
        await said(channel)(client(slack))

    asyncio.run(hang())
    assert len(slack.messages_in(channel)) == 2


def test_faults_choose_by_channel_method_and_number(slack, channel):
    other = slack.world.channel("talks", slack.world.user("Bob"))
    fault = slack.faults.add(Reply(500, b"{}"), method="chat.postMessage", chat=channel.id, nth=2)
    ask(slack, said(channel), said(other), lambda bot: bot.auth_test())
    with pytest.raises(SlackApiError):
        ask(slack, said(channel))
    ask(slack, said(channel))

    assert (fault.seen, fault.struck) == (3, 1)


def test_slack_that_refuses_connections_comes_back_at_the_same_address(slack, channel):
    async def away() -> None:
        await slack.stop_listening()
        with pytest.raises(aiohttp.ClientConnectorError):
            await said(channel)(client(slack))
        await slack.listen()
        await said(channel)(client(slack))

    asyncio.run(away())
    assert len(slack.messages_in(channel)) == 1


def test_it_runs_in_the_loop_of_the_test_as_well():
    async def talk() -> int:
        async with FakeSlack() as slack:
            channel = slack.world.channel("papers", slack.world.user("Ann"))
            heard: list[str] = []
            async with connected(slack, bolt(slack, heard)):
                slack.world.mention(channel.creator, channel, "new")
                await slack.until(lambda: slack.told[0].acked)
            slack.faults.add(Hang())
            hanging = asyncio.create_task(said(channel)(client(slack)))
            await slack.until(lambda: slack.calls("chat.postMessage"))
        with pytest.raises(aiohttp.ClientError):
            await hanging
        return len(heard)

    assert asyncio.run(talk()) == 1


def test_other_processes_can_call_it(slack, channel):
    script = (
        "import sys; from slack_sdk import WebClient; "
        "WebClient(sys.argv[2], base_url=sys.argv[1]).chat_postMessage("
        "channel=sys.argv[3], text='a', unfurl_links=False, unfurl_media=False)"
    )
    subprocess.run([sys.executable, "-c", script, slack.url, slack.token, channel.id], check=True)

    assert len(slack.messages_in(channel)) == 1


# Sockets --------------------------------------------------------------------------------------------------------------


def bolt(slack: FakeSlack, heard: list[str]) -> AsyncApp:
    app = AsyncApp(client=client(slack))

    @app.event("app_mention")
    async def mentioned(body: Any) -> None:
        heard.append(body["event_id"])

    return app


def test_each_event_goes_to_one_of_several_connections(slack, channel):
    heard: list[str] = []

    async def listen() -> None:
        async with connected(slack, bolt(slack, heard)), connected(slack, bolt(slack, heard)):
            await slack.until(lambda: len(slack.connections) == 2)
            for _ in range(4):
                slack.world.mention(channel.creator, channel, "new")
            await slack.until(lambda: len(slack.told) == 4 and all(told.acked for told in slack.told))

    asyncio.run(listen())
    assert sorted(told.attempts[0].connection for told in slack.told) == [0, 0, 1, 1]
    assert sorted(heard) == sorted(told.payload["event_id"] for told in slack.told)


@pytest.mark.parametrize("how", ["cut", "disconnect", "freeze"])
def test_app_comes_back_however_its_connection_ends(slack, channel, how):
    heard: list[str] = []

    async def listen() -> None:
        async with connected(slack, bolt(slack, heard), ping=0.2):
            (first,) = await slack.until(lambda: slack.connections)
            getattr(first, how)()
            await slack.until(lambda: any(one.alive for one in slack.deliveries.sockets.all[1:]))
            slack.deliveries.patience, slack.deliveries.retries = 1.0, (0.0,) * 20
            slack.world.mention(channel.creator, channel, "new")
            await slack.until(lambda: slack.told[0].acked)

    asyncio.run(listen())
    assert set(heard) == {slack.told[0].payload["event_id"]}


def test_after_a_warning_events_still_come(slack, channel):
    async def listen() -> list[str]:
        address = (await client(slack).apps_connections_open(app_token=slack.app.app_token))["url"]
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            await socket.receive_json()
            slack.connections[0].disconnect("warning")
            frames = [await socket.receive_json()]
            slack.world.mention(channel.creator, channel, "new")
            frames.append(await socket.receive_json())
            await socket.send_json({"envelope_id": frames[1]["envelope_id"]})
            await slack.until(lambda: slack.told[0].acked)
            return [frame["type"] for frame in frames]

    assert asyncio.run(listen()) == ["disconnect", "events_api"]


def test_event_that_is_not_acknowledged_comes_again_in_another_envelope(slack, channel):
    slack.deliveries.patience, slack.deliveries.retries = 0.1, (0.0, 0.0)

    async def listen() -> list[dict[str, Any]]:
        address = (await client(slack).apps_connections_open(app_token=slack.app.app_token))["url"]
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            assert (await socket.receive_json())["type"] == "hello"
            slack.world.mention(channel.creator, channel, "new")
            return [await socket.receive_json() for _ in range(3)]

    frames = asyncio.run(listen())
    assert [(one["retry_attempt"], one["retry_reason"]) for one in frames] == [(0, ""), (1, "timeout"), (2, "timeout")]
    assert len({one["envelope_id"] for one in frames}) == 3
    assert len({one["payload"]["event_id"] for one in frames}) == 1
    slack.wait(lambda: slack.told[0].failure == "timeout")


def test_command_without_a_connection_fails_and_what_was_acknowledged_may_come_again(slack, channel):
    told = slack.world.slash(channel.creator, channel, "new")
    slack.wait(lambda: told.failure == "dispatch_failed")
    heard: list[str] = []

    async def listen() -> None:
        async with connected(slack, bolt(slack, heard)):
            slack.world.mention(channel.creator, channel, "new")
            await slack.until(lambda: slack.told[1].acked)
            slack.redeliver(slack.told[1])
            await slack.until(lambda: [one.took is not None for one in slack.told[1].attempts] == [True, True])

    asyncio.run(listen())
    assert heard[0] == heard[1]


def test_address_of_a_socket_is_good_once_and_nonsense_is_noted(slack):
    async def connect() -> int:
        address = (await client(slack).apps_connections_open(app_token=slack.app.app_token))["url"]
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(address) as socket:
                await socket.send_json({"envelope_id": "unknown"})
                await socket.send_json({"hello": "there"})
                await slack.until(lambda: len(slack.complaints) == 2)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await session.ws_connect(address)
            return refusal.value.status

    assert asyncio.run(connect()) == 403


def test_handshake_fails_to_order(slack):
    slack.faults.add(Reply(503, b""), method="socket")

    async def connect() -> None:
        address = (await client(slack).apps_connections_open(app_token=slack.app.app_token))["url"]
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(address)
            async with session.ws_connect(address) as socket:
                assert (await socket.receive_json())["num_connections"] == 1

    asyncio.run(connect())
    assert len(slack.deliveries.sockets.all) == 1


def test_crowded_app_is_sent_away(slack):
    async def connect() -> dict[str, Any]:
        sockets = []
        async with aiohttp.ClientSession() as session:
            for _ in range(11):
                address = (await client(slack).apps_connections_open(app_token=slack.app.app_token))["url"]
                sockets.append(await session.ws_connect(address))
                frame = await sockets[-1].receive_json()
            return frame

    assert asyncio.run(connect())["reason"] == "too_many_websockets"
    slack.wait(lambda: not slack.connections)
