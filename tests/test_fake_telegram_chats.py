"""The fake Telegram under the real SDK: where the bot may speak, what it hears there and is told of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.telegram import FakeTelegram
from fakes.telegram_sdk import ask, refused
from telegram import (
    Bot,
    ReplyParameters,
    Update,
)
from telegram.constants import ChatMemberStatus
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
)


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram() as telegram:
        yield telegram


def polled(telegram: FakeTelegram) -> list[Update]:
    """The updates as the SDK reads them."""
    return list(ask(telegram, lambda bot: bot.get_updates()))


# Where the bot may speak ----------------------------------------------------------------------------------------------


def test_chat_that_nobody_knows_is_not_found(telegram):
    with pytest.raises(BadRequest, match="Chat not found"):
        ask(telegram, lambda bot: bot.send_message(-100123, "a"))
    with pytest.raises(BadRequest, match="Chat not found"):
        ask(telegram, lambda bot: bot.send_message("@nowhere", "a"))


def test_person_who_cannot_be_reached_is_forbidden(telegram):
    ann = telegram.world.user("Ann", id=2**52 - 1)
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        ask(telegram, lambda bot: bot.send_message(ann.id, "a"))
    telegram.world.private(ann)
    telegram.world.block(ann)
    with pytest.raises(Forbidden, match=r"^Forbidden: bot was blocked by the user$"):
        ask(telegram, lambda bot: bot.send_message(ann.id, "a"))
    telegram.world.unblock(ann)
    ask(telegram, lambda bot: bot.send_message(ann.id, "a"))
    telegram.world.deactivate(ann)
    with pytest.raises(Forbidden, match=r"^Forbidden: user is deactivated$"):
        ask(telegram, lambda bot: bot.send_message(ann.id, "a"))

    assert len(telegram.messages_in(telegram.world.private(ann))) == 1


def test_bot_that_was_thrown_out_or_left_is_forbidden(telegram):
    ann = telegram.world.user("Ann")
    group = telegram.world.supergroup("Reading", owner=ann)
    telegram.world.remove_bot(group)
    with pytest.raises(Forbidden, match=r"^Forbidden: bot was kicked from the supergroup chat$"):
        ask(telegram, lambda bot: bot.send_message(group.id, "a"))
    telegram.world.add_bot(group, ann)
    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        ask(telegram, lambda bot: bot.leave_chat(group.id), lambda bot: bot.send_message(group.id, "a"))

    assert not telegram.messages_in(group)


def test_rights_that_the_bot_has_not_are_named(telegram):
    ann = telegram.world.user("Ann")
    group = telegram.world.supergroup("Reading", owner=ann)
    channel = telegram.world.channel("Papers", owner=ann, username="papers")
    sent = ask(telegram, lambda bot: bot.send_message(group.id, "a"))
    with pytest.raises(BadRequest, match="Not enough rights to manage pinned messages in the chat"):
        ask(telegram, lambda bot: bot.pin_chat_message(group.id, sent.message_id))
    telegram.world.promote(group, telegram.world.bot)
    ask(telegram, lambda bot: bot.pin_chat_message(group.id, sent.message_id))
    telegram.world.mute_bot(group)
    with pytest.raises(BadRequest, match="Not enough rights to send text messages to the chat"):
        ask(telegram, lambda bot: bot.send_message(group.id, "a"))
    telegram.world.promote(channel, telegram.world.bot, rights=["can_manage_chat"])
    with pytest.raises(BadRequest, match="Need administrator rights in the channel chat"):
        ask(telegram, lambda bot: bot.send_message("@papers", "a"))

    assert [message.id for message in group.pinned] == [sent.message_id]


def test_migrated_group_tells_its_new_id(telegram):
    group = telegram.world.group("Reading", owner=telegram.world.user("Ann"))
    new = telegram.world.migrate(group)
    with pytest.raises(ChatMigrated) as told:
        ask(telegram, lambda bot: bot.send_message(group.id, "a"))
    ask(telegram, lambda bot: bot.send_message(told.value.new_chat_id, "a"))

    assert telegram.last(new).text == "a"
    assert [update["message"].get("migrate_to_chat_id") for update in telegram.updates.issued] == [new.id, None]
    assert [update["message"].get("migrate_from_chat_id") for update in telegram.updates.issued] == [None, group.id]


def test_forum_topics_are_open_closed_or_not_there(telegram):
    ann = telegram.world.user("Ann")
    forum = telegram.world.supergroup("Reading", owner=ann, forum=True)
    topic = telegram.world.topic(forum, "Papers")
    sent = ask(telegram, lambda bot: bot.send_message(forum.id, "a", message_thread_id=topic.id))

    assert (sent.message_thread_id, sent.is_topic_message) == (topic.id, True)
    for thread in (1, 99):
        assert refused(telegram, "sendMessage", chat_id=forum.id, text="a", message_thread_id=thread) == (
            "Bad Request: message thread not found"
        )
    telegram.world.close_topic(forum, topic)
    with pytest.raises(BadRequest, match="Topic_closed"):
        ask(telegram, lambda bot: bot.send_message(forum.id, "a", message_thread_id=topic.id))
    telegram.world.delete_topic(forum, topic)
    with pytest.raises(BadRequest, match="Message thread not found"):
        ask(telegram, lambda bot: bot.send_message(forum.id, "a", message_thread_id=topic.id))
    telegram.world.close_topic(forum)
    assert refused(telegram, "sendMessage", chat_id=forum.id, text="a") == "Bad Request: TOPIC_CLOSED"


def test_answer_stands_in_the_thread_of_what_it_answers(telegram):
    ann = telegram.world.user("Ann")
    forum = telegram.world.supergroup("Reading", owner=ann, forum=True)
    asked = telegram.world.say(ann, forum, "/week", topic=telegram.world.topic(forum, "Papers"))
    reply = ReplyParameters(asked.id)
    sent = ask(telegram, lambda bot: bot.send_message(forum.id, "a", reply_parameters=reply))
    late = ReplyParameters(99, allow_sending_without_reply=True)
    alone = ask(telegram, lambda bot: bot.send_message(forum.id, "a", reply_parameters=late))

    assert (sent.reply_to_message.text, sent.message_thread_id) == ("/week", asked.thread_id)
    assert (alone.reply_to_message, alone.message_thread_id) == (None, None)


# Groups and channels --------------------------------------------------------------------------------------------------


def test_bot_in_privacy_mode_hears_what_is_meant_for_it(telegram):
    ann = telegram.world.user("Ann")
    group = telegram.world.group("Reading", owner=ann)
    ask(telegram, lambda bot: bot.send_message(group.id, "a"))
    heard = ["/week", "/week@HEJI_bot", "what is new, @heji_bot?"]
    for text in (*heard, "hello", "/week@other_bot", "@other_bot hello"):
        telegram.world.say(ann, group, text)
    telegram.world.say(ann, group, "thanks", reply_to=telegram.last(group))

    assert [update["message"]["text"] for update in telegram.updates.issued] == [*heard, "thanks"]
    telegram.world.promote(group, telegram.world.bot)
    telegram.world.say(ann, group, "hello")
    assert telegram.updates.issued[-1]["message"]["text"] == "hello"


def test_anonymous_administrator_seems_to_be_the_group(telegram):
    ann = telegram.world.user("Ann")
    group = telegram.world.supergroup("Reading", owner=ann)
    telegram.world.hide(group, ann)
    telegram.world.say(ann, group, "/pause")
    (update,) = polled(telegram)

    assert update.message.from_user.username == "GroupAnonymousBot"
    assert update.message.sender_chat == update.message.chat


def test_channel_post_has_no_author(telegram):
    channel = telegram.world.channel("Papers", owner=telegram.world.user("Ann"))
    telegram.world.post_in_channel(channel, "/week")
    (update,) = polled(telegram)
    sent = ask(
        telegram, lambda bot: bot.send_message(channel.id, "a"), lambda bot: bot.edit_message_text("b", channel.id, 2)
    )

    assert update.message is None
    assert (update.channel_post.from_user, update.channel_post.sender_chat.id) == (None, channel.id)
    assert (sent.from_user, sent.sender_chat.id, sent.text) == (None, channel.id, "b")
    assert [message.text for message in telegram.messages_in(channel)] == ["b"]


def test_bot_is_told_when_it_comes_and_goes(telegram):
    ann = telegram.world.user("Ann")
    group = telegram.world.supergroup("Reading", owner=ann, bot=False)
    telegram.world.add_bot(group, ann)
    telegram.world.remove_bot(group, ann)
    telegram.world.block(ann)
    telegram.world.unblock(ann)
    changes = [update.my_chat_member for update in polled(telegram) if update.my_chat_member]

    assert [(change.old_chat_member.status, change.new_chat_member.status) for change in changes] == [
        ("left", "member"), ("member", "kicked"), ("member", "kicked"), ("kicked", "member"),
    ]  # fmt: skip
    assert {change.from_user.id for change in changes} == {ann.id}


def test_message_in_a_topic_answers_the_one_that_opened_it(telegram):
    ann = telegram.world.user("Ann")
    forum = telegram.world.supergroup("Reading", owner=ann, forum=True)
    topic = telegram.world.topic(forum, "Papers")
    telegram.world.say(ann, forum, "/week", topic=topic)
    plain = telegram.world.supergroup("Talk", owner=ann)
    telegram.world.say(ann, plain, "/week", reply_to=telegram.world.say(ann, plain, "hello"))
    _, in_topic, in_thread = (update.message for update in polled(telegram))

    assert (in_topic.message_thread_id, in_topic.is_topic_message) == (topic.id, True)
    assert in_topic.reply_to_message.forum_topic_created.name == "Papers"
    assert (in_thread.message_thread_id, in_thread.is_topic_message) == (1, None)


def test_members_and_chats_are_told_as_they_are(telegram):
    ann, bob, eve = (telegram.world.user(name) for name in ("Ann", "Bob", "Eve"))
    group = telegram.world.supergroup("Reading", owner=ann, members=[bob])
    telegram.world.promote(group, bob, anonymous=True)

    async def statuses(bot: Bot) -> list[str]:
        return [(await bot.get_chat_member(group.id, user.id)).status for user in (ann, bob, eve, telegram.world.bot)]

    assert ask(telegram, statuses) == [
        ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.LEFT, ChatMemberStatus.MEMBER,
    ]  # fmt: skip
    assert {one.user.id for one in ask(telegram, lambda bot: bot.get_chat_administrators(group.id))} == {ann.id, bob.id}
    assert ask(telegram, lambda bot: bot.get_chat_member_count(group.id)) == 3
    assert ask(telegram, lambda bot: bot.get_chat(group.id)).title == "Reading"
    assert refused(telegram, "getChatMember", chat_id=group.id, user_id=99) == "Bad Request: invalid user_id specified"
