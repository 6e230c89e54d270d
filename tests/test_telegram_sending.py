"""One call to Telegram and what comes of it: every row of the table of outcomes, by the real transport."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

import pytest
from fakes.faults import Cut, Hang, Reply, in_html, mislabelled
from fakes.telegram import FakeTelegram
from fakes.telegram_faults import broken, too_fast
from telegram.error import InvalidToken, NetworkError, TelegramError, TimedOut

from bot.chat.message import Action, Button, Buttons, Heading, Message, Text
from bot.platforms.base import Platform, Rejected, Retryable, Sent, Uncertain
from bot.platforms.telegram import transport
from bot.platforms.telegram.delivering import Telegram
from bot.platforms.telegram.transport import Reply as Said
from bot.platforms.telegram.verdicts import verdict

HELLO = {"method": "sendMessage", "params": {"text": "<b>hello</b>", "parse_mode": "HTML"}}
SECRET = "4711:AAHnobodyMayReadThisInAnyLog-orError"


@pytest.fixture
def telegram():
    with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
def chat(telegram):
    return telegram.world.private(telegram.world.user("Ann"))


def send(telegram, chat, payload=HELLO, *, token=None, root=None):
    """What becomes of one call to *chat*."""

    async def once():
        platform = Telegram(token or telegram.token, root or telegram.url)
        try:
            return await platform.send(payload, chat if isinstance(chat, str) else f"telegram:{chat.id}")
        finally:
            await platform.close()

    return asyncio.run(once())


# It is there ----------------------------------------------------------------------------------------------------------


def test_a_message_that_is_there_has_a_number(telegram, chat):
    outcome = send(telegram, chat)

    assert outcome == Sent(str(telegram.last(chat).id))
    assert telegram.last(chat).text == "hello"


def test_the_chat_is_named_first_and_the_forum_s_general_topic_never(telegram):
    owner = telegram.world.user("Ann")
    forum = telegram.world.supergroup("Forum", owner=owner, forum=True)
    topic = telegram.world.topic(forum, "Weekly")
    there, general = send(telegram, f"telegram:{forum.id}/{topic.id}"), send(telegram, f"telegram:{forum.id}/1")
    first, second = telegram.calls("sendMessage")

    assert isinstance(there, Sent)
    assert isinstance(general, Sent)
    assert list(first.params)[:2] == ["chat_id", "message_thread_id"]
    assert list(second.params) == ["chat_id", "text", "parse_mode"]


def test_a_number_that_came_as_text_is_a_number_again(telegram, chat):
    first = send(telegram, chat)
    edit = {"method": "editMessageText", "params": {"message_id": first.message_id, "text": "bye"}}
    reply = {"method": "sendMessage", "params": {"reply_parameters": {"message_id": first.message_id}, "text": "re"}}

    assert send(telegram, chat, edit) == Sent(first.message_id)
    assert isinstance(send(telegram, chat, reply), Sent)
    assert telegram.last(chat).reply_to.text == "bye"


def test_a_channel_is_spoken_to_by_its_name(telegram):
    channel = telegram.world.channel("News", owner=telegram.world.user("Ann"), username="thenews")

    assert isinstance(send(telegram, "telegram:@thenews"), Sent)
    assert telegram.last(channel).text == "hello"


def test_an_edit_that_changes_nothing_is_done(telegram, chat):
    number = send(telegram, chat).message_id
    edit = {"method": "editMessageText", "params": {"message_id": number, **HELLO["params"]}}

    assert send(telegram, chat, edit) == Sent()
    assert telegram.calls("editMessageText")[0].status == 400


def test_every_page_of_the_bot_is_rendered_and_sent(telegram, chat):
    page = Message((Heading("T & T"), Text("a <b> c"), Buttons((Button("Go", Action("topic", "ctr")),))))

    async def say():
        platform: Platform = Telegram(telegram.token, telegram.url)
        outcomes = [await platform.send(payload, f"telegram:{chat.id}") for payload in platform.render(page)]
        await platform.close()
        return outcomes

    assert all(isinstance(outcome, Sent) for outcome in asyncio.run(say()))
    assert telegram.last(chat).labels == ["Go"]


# It may be tried again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        (too_fast(7), Retryable(7.0, "429 Too Many Requests: retry after 7", limited=True)),
        (in_html(429), Retryable(None, "429 without words", limited=True)),
        (broken(500), Retryable(None, "500 Internal Server Error")),
        (in_html(502), Retryable(None, "HTTP 502 and no answer of the Bot API")),
        (Reply(200, b"<html>Please log in to this wifi</html>", "text/html"),
         Retryable(None, "HTTP 200 and no answer of the Bot API")),
        (Reply(302, b"", "text/html"), Retryable(None, "HTTP 302 and no answer of the Bot API")),
        (Reply(404, b"<html>nginx</html>", "text/html"), Retryable(None, "HTTP 404 and no answer of the Bot API")),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_again(telegram, chat, deed, outcome):
    telegram.faults.add(deed)

    assert send(telegram, chat) == outcome
    assert telegram.messages_in(chat) == []


def test_a_refused_connection_was_certainly_not_sent(chat, telegram):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        root = f"http://127.0.0.1:{listener.getsockname()[1]}"
        outcome = send(telegram, chat, root=root)

    assert outcome == Retryable(reason="the connection was refused")  # without a word of where: strangers read it, too


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("http://nobody.invalid", "the name of the server cannot be looked up"),
        ("https://127.0.0.1:{port}", "the server speaks no TLS"),
        ("http://bot-api.invalid", "the proxy cannot be reached"),
    ],
)
def test_without_a_connection_it_was_certainly_not_sent(chat, telegram, monkeypatch, root, reason):
    for name in ("http_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    if "proxy" in reason:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    root = root.format(port=telegram.url.rpartition(":")[2])

    assert send(telegram, chat, root=root) == Retryable(reason=reason)


def test_no_connection_in_time_was_certainly_not_sent(chat, telegram, monkeypatch):
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT", 0.2)
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # the queue is full: further ones wait for ever
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        outcome = send(telegram, chat, root=f"http://127.0.0.1:{listener.getsockname()[1]}")

    assert isinstance(outcome, Retryable)
    assert outcome.reason.startswith("no connection within")


# Nobody knows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deed", [Cut(), Cut(accepted=True)])
def test_a_connection_cut_after_the_request_was_written_is_uncertain(telegram, chat, deed):
    telegram.faults.add(deed)
    outcome = send(telegram, chat)

    assert isinstance(outcome, Uncertain)
    assert outcome.reason.startswith("the connection was cut")
    assert len(telegram.messages_in(chat)) == deed.accepted  # and nothing was tried again


def test_no_answer_in_time_is_uncertain(telegram, chat):
    telegram.faults.add(Hang(accepted=True))

    async def once():
        platform = Telegram(telegram.token, telegram.url)
        try:
            with pytest.raises(transport.NoAnswer, match="no answer within"):
                await platform.transport.call("sendMessage", {"chat_id": chat.id, "text": "hello"}, patience=0.2)
        finally:
            await platform.close()

    asyncio.run(once())

    assert len(telegram.messages_in(chat)) == 1


def test_half_an_answer_is_uncertain():
    assert isinstance(verdict(Said(200, None, broken=True)), Uncertain)


def test_a_true_answer_under_a_wrong_name_is_an_answer(telegram, chat):
    telegram.faults.add(mislabelled())

    assert isinstance(send(telegram, chat), Sent)


# It will never be accepted --------------------------------------------------------------------------------------------


def test_whoever_blocked_the_bot_or_never_spoke_to_it_is_gone(telegram, chat):
    telegram.world.block(chat.user)
    stranger = telegram.world.user("Bob")
    blocked, unknown = send(telegram, chat), send(telegram, f"telegram:{stranger.id}")

    assert (blocked.why, unknown.why) == ("gone", "gone")
    assert send(telegram, "telegram:-1009999999999").why == "gone"


def test_a_group_that_threw_the_bot_out_or_muted_it_is_gone(telegram):
    owner = telegram.world.user("Ann")
    kicked, muted = (telegram.world.supergroup(name, owner=owner) for name in ("A", "B"))
    telegram.world.remove_bot(kicked)
    telegram.world.mute_bot(muted)

    assert send(telegram, kicked).why == "gone"
    assert send(telegram, muted).why == "gone"


def test_an_account_that_was_deleted_is_gone(telegram, chat):
    telegram.world.deactivate(chat.user)

    assert send(telegram, chat).why == "gone"


def test_a_group_with_another_id_says_which(telegram):
    group = telegram.world.group("G", owner=telegram.world.user("Ann"))
    new = telegram.world.migrate(group)
    outcome = send(telegram, group)

    assert (outcome.why, outcome.moved_to) == ("moved", f"telegram:{new.id}")


@pytest.mark.parametrize("ending", ["close_topic", "delete_topic"])
def test_a_topic_that_is_closed_or_deleted_is_told_apart(telegram, ending):
    forum = telegram.world.supergroup("Forum", owner=telegram.world.user("Ann"), forum=True)
    topic = telegram.world.topic(forum, "Weekly")
    getattr(telegram.world, ending)(forum, topic)

    assert send(telegram, f"telegram:{forum.id}/{topic.id}").why == "thread-closed"
    assert isinstance(send(telegram, forum), Sent)


@pytest.mark.parametrize(
    "params",
    [
        {"text": "<b>never closed", "parse_mode": "HTML"},
        {"text": "x" * 4097},
        {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "x" * 65}]]}},
        {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "x", "url": "javascript:x"}]]}},
    ],
)
def test_what_cannot_be_parsed_or_is_too_long_is_malformed(telegram, chat, params):
    outcome = send(telegram, chat, {"method": "sendMessage", "params": params})

    assert isinstance(outcome, Rejected)
    assert outcome.why == "malformed", outcome


def test_any_other_refusal_is_a_refusal(telegram, chat):
    outcome = send(telegram, chat, {"method": "sendMessage", "params": {"text": ""}})

    assert outcome.why == "refused"
    assert outcome.reason.startswith("400 ")


def test_a_revoked_token_and_one_that_never_was_are_told_apart_from_all_else(telegram, chat):
    telegram.revoke()

    assert send(telegram, chat).why == "revoked"
    assert send(telegram, chat, token="no-token").why == "revoked"


# Pinning --------------------------------------------------------------------------------------------------------------


def pin(telegram, chat, number):
    params = {"disable_notification": True} if number is None else {"message_id": number, "disable_notification": True}
    return send(telegram, chat, {"method": "pinChatMessage", "params": params})


def test_a_message_is_pinned_where_the_bot_may_in_whatever_topic_it_is(telegram, chat):
    owner = telegram.world.user("Olga")
    forum, channel = (
        telegram.world.supergroup("Forum", owner=owner, forum=True),
        telegram.world.channel("N", owner=owner),
    )
    telegram.world.promote(forum, telegram.world.bot)
    topic = telegram.world.topic(forum, "Weekly")
    for there in (f"telegram:{forum.id}/{topic.id}", channel, chat):
        number = send(telegram, there).message_id

        assert pin(telegram, there, number) == Sent()

    assert [[message.text for message in where.pinned] for where in (forum, channel, chat)] == [["hello"]] * 3
    assert telegram.complaints == []


def test_what_must_not_be_pinned_is_neither_a_lost_chat_nor_a_lost_message(telegram):
    owner = telegram.world.user("Olga")
    group, channel = telegram.world.supergroup("G", owner=owner), telegram.world.channel("N", owner=owner)
    telegram.world.promote(channel, telegram.world.bot, rights=["can_post_messages"])
    reason = "400 Bad Request: not enough rights to manage pinned messages in the chat"
    for there in (group, channel):
        assert pin(telegram, there, send(telegram, there).message_id) == Rejected(reason, "unpinned")

    telegram.world.remove_bot(group)

    assert pin(telegram, group, "1").why == "unpinned"


def test_there_is_nothing_left_to_do_where_the_message_was_deleted_or_is_pinned_already(telegram, chat):
    send(telegram, chat)
    again = b'{"ok":false,"error_code":400,"description":"Bad Request: CHAT_NOT_MODIFIED"}'

    assert pin(telegram, chat, "999") == Sent()
    telegram.faults.add(Reply(400, again, "application/json"))
    assert pin(telegram, chat, "999") == Sent()


def test_a_message_that_nobody_knows_the_number_of_is_not_asked_for(telegram, chat):
    assert pin(telegram, chat, None) == Rejected("nobody knows which message it is", "unpinned")
    assert telegram.calls("pinChatMessage") == []


def test_whether_it_was_pinned_need_not_be_known_for_it_can_be_pinned_again(telegram, chat):
    number = send(telegram, chat).message_id
    telegram.faults.add(Cut(accepted=True))
    outcome = pin(telegram, chat, number)

    assert isinstance(outcome, Retryable)
    assert outcome.reason.startswith("the connection was cut")


def test_pinning_waits_moves_and_stops_like_everything_else(telegram, chat):
    group = telegram.world.group("G", owner=telegram.world.user("Ann"))
    new = telegram.world.migrate(group)
    telegram.faults.add(too_fast(7))
    limited, moved = pin(telegram, chat, "1"), pin(telegram, group, "1")
    telegram.revoke()
    revoked = pin(telegram, new, "1")

    assert (limited.limited, limited.after) == (True, 7.0)
    assert (moved.why, moved.moved_to) == ("moved", f"telegram:{new.id}")
    assert revoked.why == "revoked"


# For whoever runs the bot ---------------------------------------------------------------------------------------------


def status_after(telegram, *deeds, token=None):
    async def calls():
        platform = Telegram(token or telegram.token, telegram.url)
        before = platform.status
        for deed in deeds:
            if deed is not None:
                telegram.faults.add(deed)
            await platform.send(HELLO, "telegram:1")
        await platform.close()
        return before, platform.status

    return asyncio.run(calls())


def test_nothing_is_wrong_before_anything_was_asked(telegram):
    before, after = status_after(telegram, None)

    assert (before.ok, before.last_success) == (True, None)
    assert after.ok  # that there is no such chat says nothing against Telegram
    assert after.last_success is not None


def test_a_page_in_place_of_an_answer_is_red_and_says_where_to_look(telegram):
    _, after = status_after(telegram, in_html(404))

    assert not after.ok
    assert "TELEGRAM_API_BASE_URL" in after.message


def test_one_failure_after_a_success_is_a_hiccup_and_a_refused_token_is_none(telegram):
    _, hiccup = status_after(telegram, None, broken(500))
    telegram.revoke()
    _, refused = status_after(telegram, None)

    assert hiccup.ok
    assert hiccup.message == "Telegram is out of order (HTTP 500)"
    assert not refused.ok
    assert refused.message == "Telegram refuses the bot's token (401): check TELEGRAM_BOT_TOKEN"


@pytest.mark.parametrize("root", ["{url}", "http://127.0.0.1:1", "http://nobody.invalid", "{url}/?x="])
def test_no_failure_tells_the_token(telegram, chat, root, caplog):
    caplog.set_level(logging.DEBUG)
    outcome = send(telegram, chat, token=SECRET, root=root.format(url=telegram.url))

    assert SECRET not in repr(outcome)
    assert SECRET.partition(":")[2] not in caplog.text


# PTB over the same connections ----------------------------------------------------------------------------------------


def ask(telegram, method, *, token=None, root=None):
    async def once():
        platform = Telegram(token or telegram.token, root or telegram.url)
        try:
            return await getattr(platform.bot, method)()
        finally:
            await platform.close()

    return asyncio.run(once())


def test_ptb_s_bot_asks_through_the_transport(telegram):
    assert ask(telegram, "get_me").username == "heji_bot"


@pytest.mark.parametrize(
    ("deed", "error"),
    [
        (Cut(), TimedOut),
        (broken(500), NetworkError),
        (Reply(200, b"<html>"), TelegramError),
        (broken(401), InvalidToken),
    ],
)
def test_its_failures_are_ptb_s_own(telegram, deed, error, caplog):
    telegram.faults.add(deed)
    with pytest.raises(error) as failed:
        ask(telegram, "get_me")

    assert telegram.token not in str(failed.value)
    assert "html" not in caplog.text


def test_ptb_s_bot_finds_nobody_there(telegram):
    with pytest.raises(NetworkError, match="the connection was refused"):
        ask(telegram, "get_me", root="http://127.0.0.1:1")
