"""The fake Telegram under the real SDK: what the bot says is taken as Telegram takes it, or refused in its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fakes.telegram import FakeTelegram
from fakes.telegram_schema import METHODS
from fakes.telegram_sdk import ask, post, raw, refused
from telegram import (
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
)
from telegram.error import (
    BadRequest,
    InvalidToken,
)


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram() as telegram:
        yield telegram


# Speaking -------------------------------------------------------------------------------------------------------------


def test_what_is_sent_stands_in_the_journal_as_a_reader_sees_it(telegram):
    ann = telegram.world.user("Ann")
    chat = telegram.world.private(ann)
    button = InlineKeyboardButton("More", callback_data="topic|2|ctr")
    message = ask(
        telegram,
        lambda bot: bot.send_message(
            chat.id, '<b>Ctr</b> &amp; <a href="https://example.org/a">DIN</a>', parse_mode="HTML",
            reply_markup=InlineKeyboardMarkup([[button]]), disable_notification=True,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        ),
    )  # fmt: skip

    assert (message.message_id, message.text, message.chat.id) == (1, "Ctr & DIN", ann.id)
    seen = telegram.last(chat)
    assert (seen.text, seen.links, seen.labels, seen.silent) == (
        "Ctr & DIN", [("DIN", "https://example.org/a")], ["More"], True,
    )  # fmt: skip
    (call,) = telegram.calls("sendMessage")
    assert (call.status, call.accepted, call.message.text) == (200, True, "Ctr & DIN")
    assert call.params["link_preview_options"] == {"is_disabled": True}
    assert not telegram.complaints


def test_json_forms_and_query_strings_mean_the_same(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    params = {"chat_id": chat.id, "text": "5"}
    raw(telegram, "sendMessage", json=params)
    raw(telegram, "sendMessage", data=params)
    raw(telegram, "sendMessage", files={name: (None, str(value)) for name, value in params.items()})
    raw(telegram, "SENDMESSAGE", params=params)

    assert [message.text for message in telegram.messages_in(chat)] == ["5"] * 4
    assert [call.params for call in telegram.calls("sendMessage")] == [params] * 4


def test_message_ids_count_for_each_chat(telegram):
    ann, bob = telegram.world.user("Ann"), telegram.world.user("Bob")
    chats = telegram.world.private(ann), telegram.world.private(bob)
    for chat in chats * 2:
        post(telegram, "sendMessage", chat_id=chat.id, text="a")

    assert [[message.id for message in telegram.messages_in(chat)] for chat in chats] == [[1, 2], [1, 2]]


def test_wrong_token_is_unauthorized_and_no_token_is_not_found(telegram):
    with pytest.raises(InvalidToken):
        ask(telegram, lambda bot: bot.get_me(), token="123:wrong")

    assert httpx.get(f"{telegram.url}/botwrong/getMe", verify=False).json() == {
        "ok": False, "error_code": 404, "description": "Not Found",
    }  # fmt: skip
    assert post(telegram, "sendPigeon")[0] == 404
    telegram.revoke()
    assert post(telegram, "getMe") == (401, {"ok": False, "error_code": 401, "description": "Unauthorized"})


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"text": ""}, "message text is empty"),
        ({}, "message text is empty"),
        ({"text": " \n"}, "text must be non-empty"),
        ({"text": "<b></b>", "parse_mode": "HTML"}, "text must be non-empty"),
        ({"text": "a" * 4097}, "message is too long"),
        ({"text": "𝒜" * 2049}, "message is too long"),
        ({"text": "<b>a", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag corresponding to start tag"),
        ({"text": "a", "parse_mode": "Word"}, "unsupported parse_mode"),
        ({"text": "a", "disable_web_page_preview": True}, "unknown parameter disable_web_page_preview"),
        ({"text": "a", "reply_markup": {"inline_keyboard": [], "x": 1}}, "unknown parameter reply_markup.x"),
        ({"text": 5}, 'parameter "text" must be a string'),
        ({"text": "a", "message_thread_id": "first"}, 'parameter "message_thread_id" must be an integer'),
        ({"text": "a", "disable_notification": 1}, 'parameter "disable_notification" must be a boolean'),
        ({"text": "a", "entities": {}}, 'parameter "entities" must be an array'),
        ({"text": "a", "link_preview_options": "{"}, "can't parse link_preview_options JSON object"),
        ({"text": "a", "reply_markup": {"buttons": []}}, "object expected as reply markup"),
        ({"text": "a", "reply_parameters": {"message_id": 99}}, "message to be replied not found"),
        ({"text": "a", "message_thread_id": 99}, "message thread not found"),
    ],
)  # fmt: skip
def test_text_that_telegram_refuses_is_refused_in_its_words(telegram, params, words):
    chat = telegram.world.private(telegram.world.user("Ann"))

    assert f"Bad Request: {words}" in refused(telegram, "sendMessage", chat_id=chat.id, **params)
    assert not telegram.messages_in(chat)


def test_just_enough_is_taken(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    keyboard = {"inline_keyboard": [[{"text": "x", "callback_data": "d" * 64}] * 8] * 12}
    text = "<i>&lt;</i> " * 100 + "a" * (4096 - 200)

    assert post(telegram, "sendMessage", chat_id=chat.id, text=text, parse_mode="HTML", reply_markup=keyboard)[0] == 200
    assert len(telegram.last(chat).text) == 4096
    assert len(telegram.last(chat).entities) == 100


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[{"text": "x", "callback_data": "𝒜" * 17}]], "BUTTON_DATA_INVALID"),
        ([[{"text": "x", "callback_data": ""}]], "BUTTON_DATA_INVALID"),
        ([[{"text": " ", "callback_data": "a"}]], "can't parse inline keyboard button: Text buttons must be non-empty"),
        ([[{"text": "x"}]], "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        ([[{"text": "x", "url": "https://e.org", "callback_data": "a"}]], "button: it does callback_data and url"),
        ([[{"text": "x", "url": "javascript:x"}]], "button URL 'javascript:x' is invalid: Wrong HTTP URL"),
        ([[{"text": "x", "callback_data": "a"}] * 9], "reply markup is too long"),
        ([[{"text": "x", "callback_data": "a"}]] * 101, "reply markup is too long"),
        ([[{"callback_data": "a"}]], 'parameter "reply_markup.inline_keyboard[0][0].text" is required'),
    ],
)  # fmt: skip
def test_keyboard_that_telegram_refuses_is_refused(telegram, rows, words):
    chat = telegram.world.private(telegram.world.user("Ann"))
    keyboard = {"inline_keyboard": rows}

    assert words in refused(telegram, "sendMessage", chat_id=chat.id, text="a", reply_markup=keyboard)


def test_more_than_a_hundred_entities_are_a_complaint_and_a_refusal(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    text = "<b>a</b> " * 101

    assert "101 entities" in refused(telegram, "sendMessage", chat_id=chat.id, text=text, parse_mode="HTML")
    assert telegram.complaints == ["101 entities in one message: a reader would miss those after the 100th"]


def test_link_that_telegram_drops_is_a_complaint(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    text = '<a href="https://example.org/?a=1&amp;b=2">good</a> <a href="http://localhost">bad</a>'
    ask(telegram, lambda bot: bot.send_message(chat.id, text, parse_mode="HTML"))

    assert telegram.last(chat).links == [("good", "https://example.org/?a=1&b=2")]
    assert telegram.complaints == ["a link to 'http://localhost' was dropped"]


def test_readers_see_what_apps_find_by_themselves(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    ask(telegram, lambda bot: bot.send_message(chat.id, "  README.md <code>@name</code> /week", parse_mode="HTML"))

    seen = telegram.last(chat)
    assert [(one["type"], seen.covered(one)) for one in seen.entities] == [
        ("url", "README.md"), ("code", "@name"), ("bot_command", "/week"),
    ]  # fmt: skip


def test_entities_may_stand_beside_the_text(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    entity = MessageEntity("text_link", 3, 3, url="https://example.org/")
    ask(telegram, lambda bot: bot.send_message(chat.id, "𝒜 DIN", entities=[entity]))

    assert telegram.last(chat).links == [("DIN", "https://example.org/")]


# Changing what was said -----------------------------------------------------------------------------------------------


def test_edit_changes_what_a_reader_sees_and_nothing_changed_is_refused(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("More", callback_data="a")]])
    ask(telegram, lambda bot: bot.send_message(chat.id, "a", reply_markup=keyboard))
    edited = ask(telegram, lambda bot: bot.edit_message_text("b", chat.id, 1, reply_markup=keyboard))
    with pytest.raises(BadRequest, match="Message is not modified: specified new message content and reply markup are"):
        ask(telegram, lambda bot: bot.edit_message_text("b", chat.id, 1, reply_markup=keyboard))
    with pytest.raises(BadRequest, match="Message is not modified"):
        ask(telegram, lambda bot: bot.edit_message_reply_markup(chat.id, 1, reply_markup=keyboard))
    ask(telegram, lambda bot: bot.edit_message_reply_markup(chat.id, 1))

    assert edited.edit_date is not None
    assert (telegram.last(chat).text, telegram.last(chat).labels) == ("b", [])
    assert telegram.calls("sendMessage")[0].message.text == "a"


def test_what_is_not_the_bots_is_not_edited_or_deleted(telegram):
    ann = telegram.world.user("Ann")
    group = telegram.world.group("Reading", owner=ann)
    said = telegram.world.say(ann, group, "hello")

    assert refused(telegram, "editMessageText", chat_id=group.id, message_id=said.id, text="a") == (
        "Bad Request: message can't be edited"
    )
    assert refused(telegram, "editMessageText", chat_id=group.id, message_id=99, text="a") == (
        "Bad Request: message to edit not found"
    )
    assert refused(telegram, "editMessageText", chat_id=group.id, text="a") == (
        "Bad Request: message identifier is not specified"
    )
    assert refused(telegram, "deleteMessage", chat_id=group.id, message_id=said.id) == (
        "Bad Request: message can't be deleted for everyone"
    )
    assert refused(telegram, "deleteMessage", chat_id=group.id, message_id=99) == (
        "Bad Request: message to delete not found"
    )
    ask(telegram, lambda bot: bot.send_message(group.id, "a"), lambda bot: bot.delete_message(group.id, said.id + 1))
    assert not telegram.messages_in(group)


def test_pinned_message_is_unpinned(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    pinned = ask(
        telegram,
        lambda bot: bot.send_message(chat.id, "a"),
        lambda bot: bot.pin_chat_message(chat.id, 1),
        lambda bot: bot.get_chat(chat.id),
    )
    ask(telegram, lambda bot: bot.unpin_chat_message(chat.id))

    assert pinned.pinned_message.text == "a"
    assert refused(telegram, "unpinChatMessage", chat_id=chat.id) == "Bad Request: message to unpin not found"
    assert refused(telegram, "pinChatMessage", chat_id=chat.id, message_id=9) == "Bad Request: message to pin not found"


def test_poll_counts_votes_until_it_is_stopped(telegram):
    ann = telegram.world.user("Ann")
    group = telegram.world.group("Reading", owner=ann)
    ask(telegram, lambda bot: bot.send_poll(group.id, "Next?", ["ctr", "nlp"], is_anonymous=False))
    telegram.world.vote(ann, telegram.last(group), 1)
    poll = ask(telegram, lambda bot: bot.stop_poll(group.id, 1))

    assert [(option.text, option.voter_count) for option in poll.options] == [("ctr", 0), ("nlp", 1)]
    assert poll.is_closed
    assert ["poll" in update for update in telegram.updates.issued] == [False, True]
    assert refused(telegram, "stopPoll", chat_id=group.id, message_id=1) == "Bad Request: poll has already been closed"
    assert refused(telegram, "sendPoll", chat_id=group.id, question="Next?", options=[{"text": "ctr"}]) == (
        "Bad Request: poll must have at least 2 options"
    )


# The bot itself -------------------------------------------------------------------------------------------------------


def test_menus_are_kept_by_scope_and_language(telegram):
    ann = telegram.world.user("Ann")
    telegram.world.private(ann)
    scope = BotCommandScopeChat(ann.id)
    ask(
        telegram,
        lambda bot: bot.set_my_commands([BotCommand("week", "本周")], language_code="zh"),
        lambda bot: bot.set_my_commands([("post", "post now")], scope=scope),
    )

    assert ask(telegram, lambda bot: bot.get_my_commands(language_code="zh")) == (BotCommand("week", "本周"),)
    assert ask(telegram, lambda bot: bot.get_my_commands(scope=scope)) == (BotCommand("post", "post now"),)
    assert ask(telegram, lambda bot: bot.get_my_commands()) == ()
    ask(telegram, lambda bot: bot.delete_my_commands(language_code="zh"))
    assert len(telegram.commands) == 1


def menu(command: str = "week", description: str = "a", *, times: int = 1) -> dict[str, Any]:
    return {"commands": [{"command": command, "description": description}] * times}


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("setMyCommands", menu("Week"), "BOT_COMMAND_INVALID"),
        ("setMyCommands", menu("w" * 33), "BOT_COMMAND_INVALID"),
        ("setMyCommands", menu(description=""), "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("setMyCommands", menu(description="a" * 257), "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("setMyCommands", menu(times=101), "BOT_COMMANDS_TOO_MUCH"),
        ("setMyCommands", {"commands": [], "language_code": "zh-hans"}, "LANG_CODE_INVALID"),
        ("setMyCommands", {"commands": [], "scope": {"type": "chat", "chat_id": 99}}, "chat not found"),
        ("setMyCommands", {"commands": [], "scope": {"type": "everybody"}}, 'parameter "scope" has no known "type"'),
        ("setMyDescription", {"description": "a" * 513}, "bot description is too long"),
        ("setMyShortDescription", {"short_description": "a" * 121}, "bot short description is too long"),
        ("setMyName", {"name": "a" * 65}, "bot name is too long"),
        ("sendMessage", {"text": "a"}, "chat_id is empty"),
        ("getChat", {"chat_id": "papers"}, "chat not found"),
    ],
)  # fmt: skip
def test_menu_or_description_that_telegram_refuses_is_refused(telegram, method, params, words):
    assert refused(telegram, method, **params) == f"Bad Request: {words}"


def test_descriptions_fall_back_to_the_default_language(telegram):
    ask(
        telegram,
        lambda bot: bot.set_my_description("reads", language_code="en"),
        lambda bot: bot.set_my_description("读"),
        lambda bot: bot.set_my_short_description("short"),
        lambda bot: bot.set_my_name("Heji"),
    )

    assert ask(telegram, lambda bot: bot.get_my_description("en")).description == "reads"
    assert ask(telegram, lambda bot: bot.get_my_description("de")).description == "读"
    assert ask(telegram, lambda bot: bot.get_my_short_description()).short_description == "short"
    assert ask(telegram, lambda bot: bot.get_my_name()).name == "Heji"
    assert not ask(telegram, lambda bot: bot.get_my_default_administrator_rights()).can_pin_messages


def test_chat_action_is_one_that_telegram_knows(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))

    assert ask(telegram, lambda bot: bot.send_chat_action(chat.id, "typing"))
    assert refused(telegram, "sendChatAction", chat_id=chat.id, action="sleeping") == (
        "Bad Request: wrong parameter action in request"
    )


def test_bot_that_logged_out_is_heard_no_more(telegram):
    ask(telegram, lambda bot: bot.log_out())

    assert post(telegram, "getMe") == (400, {"ok": False, "error_code": 400, "description": "Logged out"})


def test_every_method_of_the_table_is_there(telegram):
    chat = telegram.world.private(telegram.world.user("Ann"))
    filled = {
        "chat_id": chat.id,
        "commands": [],
        "text": "a",
        "url": "",
        "question": "?",
        "results": [],
        "action": "typing",
    }
    filled |= {"message_id": 1, "user_id": 1, "callback_query_id": "1", "inline_query_id": "1", "options": []}
    statuses = {}
    for method, (required, _) in METHODS.items():
        if method != "logOut":
            statuses[method], _ = post(telegram, method, **{name: filled[name] for name in required.split()})

    assert set(statuses.values()) <= {200, 400}


def test_parameters_that_are_no_json_are_refused(telegram):
    header = {"Content-Type": "application/json"}
    for body in (b"{", b"[]"):
        answer = raw(telegram, "getMe", content=body, headers=header)

        assert (answer.status_code, answer.json()["description"]) == (400, "Bad Request: can't parse JSON object")
