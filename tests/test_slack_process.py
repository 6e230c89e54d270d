"""`heji run` with Slack's tokens, as a process of its own: what goes wrong there is a sentence and passes by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.faults import Reply, Slow
from fakes.slack import FakeSlack
from fakes.slack_world import Channel, User
from fakes.telegram import FakeTelegram
from processes import Process, program
from slack_bot import HTTP, SOCKET

PAGE = b"<!doctype html><title>Welcome to our network</title><p>Please sign in."


@pytest.fixture
def slack():
    with FakeSlack(SOCKET) as slack:
        slack.deliveries.retries = (0.5,) * 60  # Slack itself waits for minutes
        yield slack


@pytest.fixture
def ann(slack):
    """Who made the channel."""
    return slack.world.user("Ann")


@pytest.fixture
def papers(slack, ann):
    return slack.world.channel("papers", ann)


def by_socket(slack: FakeSlack, folder: Path, **variables: str) -> Process:
    """The bot on *slack*, in Socket Mode."""
    tokens = {"SLACK_BOT_TOKEN": slack.token, "SLACK_APP_TOKEN": slack.app.app_token}
    return Process(program("run"), folder, **tokens, SLACK_API_BASE_URL=slack.url, **variables)


def revoke(slack: FakeSlack) -> None:
    slack.world.home.state = "revoked"


def reinstate(slack: FakeSlack) -> None:
    slack.world.home.state = "installed"


def lose_app_token(slack: FakeSlack) -> None:
    slack.app.app_token = slack.app.app_token.swapcase()


def cut_off(slack: FakeSlack) -> None:
    asyncio.run(slack.stop_listening())


def connect(slack: FakeSlack) -> None:
    asyncio.run(slack.listen())


def sign_in_first(slack: FakeSlack) -> None:
    slack.faults.add(Reply(200, PAGE, "text/html"), times=None)


def clear(slack: FakeSlack) -> None:
    slack.faults.clear()


Deed = Callable[[FakeSlack], None]

TROUBLES: dict[str, tuple[Deed, Deed, str, str]] = {
    "wrong bot token": (
        revoke, reinstate, "does not work: Slack refuses the token (token_revoked): check SLACK_BOT_TOKEN",
        "copy the Bot User OAuth Token (xoxb-…) of the app's page into SLACK_BOT_TOKEN",
    ),
    "wrong app token": (
        lose_app_token, lose_app_token,
        "does not work: Slack refuses the app token (invalid_auth): check SLACK_APP_TOKEN",
        "make an app-level token (xapp-…) with connections:write",
    ),
    "no network": (
        cut_off, connect, "does not work: Slack cannot be reached: the connection was refused",
        "check the network, SLACK_API_BASE_URL and HTTPS_PROXY",
    ),
    "sign in first": (
        sign_in_first, clear, "does not work: the server answers with something that is not Slack's Web API (HTTP 200)",
        "check SLACK_API_BASE_URL and any proxy",
    ),
}  # fmt: skip
"""What goes wrong, how it gets well, the sentence in the log, and the cure that doctor knows."""


def answer(slack: FakeSlack, bot: Process, person: User, channel: Channel) -> str:
    """What the bot says to *person*, who asks for a topic."""
    before = len(slack.seen_only_by(person, channel))
    slack.world.slash(person, channel, "topic ctr")
    bot.wait(lambda: len(slack.seen_only_by(person, channel)) > before)
    return slack.last(channel, person).text


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_is_wrong_at_the_start_is_a_sentence_and_gets_well_without_a_restart(
    slack, ann, papers, tmp_path, trouble
):
    spoil, mend, sentence, cure = TROUBLES[trouble]
    bot = by_socket(slack, tmp_path)  # with the good tokens
    spoil(slack)
    with bot:
        bot.wait(lambda: sentence in bot.said)
        red = bot.red()
        doctor = bot.heji("doctor")
        mend(slack)
        bot.wait(lambda: slack.connections)
        text = answer(slack, bot, ann, papers)
        bot.wait(lambda: not bot.red())
        status = bot.stop(within=10)

    assert "slack" in red
    assert (doctor.returncode, doctor.stderr) == (1, "")
    assert cure in doctor.stdout
    assert "传统ctr" in text
    assert bot.said.count(sentence) == 1
    assert "Traceback" not in bot.said
    assert slack.token not in bot.said + doctor.stdout
    assert status == 0


def test_a_token_revoked_at_work_is_red_and_gets_well_without_a_restart(slack, ann, papers, tmp_path):
    with by_socket(slack, tmp_path) as bot:
        bot.wait(lambda: slack.connections)
        answer(slack, bot, ann, papers)
        bot.wait(lambda: not bot.red())
        slack.world.revoke()
        bot.wait(lambda: "Slack refuses the token (token_revoked)" in bot.said)
        red = bot.red()
        calls = len(slack.journal)
        bot.wait(lambda: len(slack.calls("auth.test")) > 3)
        tries = len(slack.journal) - calls
        reinstate(slack)
        bot.wait(lambda: not bot.red())
        text = answer(slack, bot, ann, papers)

    assert "slack" in red
    assert tries <= 20
    assert "传统ctr" in text
    assert bot.said.count("Slack refuses the token") == 1
    assert "slack works again" in bot.said
    assert "Traceback" not in bot.said


def test_at_its_end_it_finishes_its_answer_and_the_next_process_is_told_the_rest(slack, ann, papers, tmp_path):
    world, direct = slack.world, slack.world.im(ann)
    with by_socket(slack, tmp_path) as bot:
        bot.wait(lambda: slack.connections)
        answer(slack, bot, ann, papers)
        slow = slack.faults.add(Slow(1.0), method="chat.postMessage", chat=direct.id)
        world.dm(ann, "topics")
        bot.wait(lambda: slow.struck)
        status = bot.stop(within=10)
    (under_way,) = slack.calls("chat.postMessage")
    world.mention(ann, papers, "topic ctr")  # to nobody, for the moment
    with by_socket(slack, tmp_path) as bot:
        bot.wait(lambda: len(slack.seen_only_by(ann, papers)) == 2)

    assert status == 0
    assert (under_way.accepted, under_way.status) == (True, 200)
    assert len(slack.messages_in(direct)) == 1


def test_without_an_app_token_slack_posts_to_the_bot_and_nobody_else_is_heard(tmp_path):
    with FakeSlack(HTTP) as slack:
        ann = slack.world.user("Ann")
        papers = slack.world.channel("papers", ann)
        tokens = {"SLACK_BOT_TOKEN": slack.token, "SLACK_SIGNING_SECRET": slack.app.signing_secret}
        tokens |= {"SLACK_API_BASE_URL": slack.url, "PUBLIC_URL": "https://heji.example"}
        with Process(program("run"), tmp_path, **tokens) as bot:
            slack.door.url = f"http://127.0.0.1:{bot.port}/slack/events"
            bot.wait(lambda: slack.calls("auth.test"))
            text = answer(slack, bot, ann, papers)
            told = slack.told[-1]
            slack.redeliver(told)
            bot.wait(lambda: len(told.attempts) == 2 and told.attempts[1].status)
            slack.world.slash(ann, papers, "help")
            bot.wait(lambda: len(slack.seen_only_by(ann, papers)) == 2)
            red, doctor = bot.red(), bot.heji("doctor")
            status = bot.stop(within=10)

    assert "传统ctr" in text
    assert len(slack.calls("response_url")) == 2
    assert red == set()
    assert "https://heji.example/slack/events" in doctor.stdout
    assert status == 0


def test_one_process_answers_on_both_networks(slack, ann, papers, tmp_path):
    with FakeTelegram() as telegram:
        bob = telegram.world.user("Bob")
        chat = telegram.world.private(bob)
        tokens = {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_BASE_URL": telegram.url}
        with by_socket(slack, tmp_path, **tokens) as bot:
            bot.wait(lambda: slack.connections)
            here = answer(slack, bot, ann, papers)
            telegram.world.say(bob, chat, "/topic ctr")
            bot.wait(lambda: telegram.messages_in(chat))
            there = telegram.last(chat).text
            slack.world.slash(ann, papers, "subscribe")
            telegram.world.say(bob, chat, "/subscribe")
            bot.wait(lambda: len(slack.seen_only_by(ann, papers)) == 2 and len(telegram.messages_in(chat)) == 2)
            posted = bot.heji("post", "--theme", "ctr")
            bot.wait(lambda: slack.messages_in(papers) and len(telegram.messages_in(chat)) == 3)
            health = bot.health()
            status = bot.stop(within=10)

    assert "传统ctr" in here
    assert "传统ctr" in there
    assert posted.returncode == 0
    assert "传统ctr" in slack.messages_in(papers)[0].reading
    assert {"slack", "telegram"} <= {name for name, check in health.items() if check["ok"]} == health.keys()
    assert slack.complaints == telegram.complaints == []
    assert status == 0
