"""What people do on Telegram and what they see there: the real adapter on a Telegram of our own."""

from __future__ import annotations

import threading

import pytest
from adapters import House
from fakes.faults import Cut, Reply
from fakes.telegram import FakeTelegram
from fakes.telegram_faults import broken, too_fast
from processes import CONTENT
from telegram_bot import Running

from bot.app import build
from bot.chat.conversation import Command
from bot.front.reception import Reception
from bot.settings import Settings

TOPICS = "/topics"
SORRY = "Something went wrong on my side. Please try again later."


@pytest.fixture
def telegram():
    with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
def house():
    return House()


@pytest.fixture
def bot(telegram, house):
    with Running(telegram, house) as bot:
        yield bot


@pytest.fixture
def world(telegram):
    return telegram.world


@pytest.fixture
def ann(world):
    return world.user("Ann")


@pytest.fixture
def owner(world):
    return world.user("Olga")


@pytest.fixture
def group(world, ann, owner):
    return world.supergroup("Readers", owner=owner, members=[ann])


def answers(telegram, chat, n=1):
    """The first *n* things that the bot said in *chat*, once they are there."""
    telegram.wait(lambda: len(telegram.messages_in(chat)) >= n)
    return telegram.messages_in(chat)


def answered(telegram, query):
    """What became of a press or an inline question."""
    return telegram.wait(lambda: query.answer)


def settle(telegram, world, person):
    """Wait until everything that was said before is answered: one lane is not, so a last question in each."""
    chat = world.private(person)
    n = len(telegram.messages_in(chat))
    world.say(person, chat, "/help")
    answers(telegram, chat, n + 1)


# Asking ---------------------------------------------------------------------------------------------------------------


def test_a_command_is_answered_where_it_was_asked(telegram, bot, world, ann):
    world.say(ann, world.private(ann), "/topic ctr")
    (answer,) = answers(telegram, world.private(ann))

    assert answer.text.startswith("ctr")
    assert answer.reply_to is None
    assert telegram.complaints == []


def test_what_is_at_hand_is_said_once_and_nobody_is_asked(telegram, bot, world, ann, house):
    house.ready["help"] = house.answer(Command(name="topic", args="ctr", language="en", platform="telegram"))
    house.asked.clear()
    world.say(ann, world.private(ann), "/help")
    (answer,) = answers(telegram, world.private(ann))

    assert answer.text.startswith("ctr")
    assert house.asked == []


@pytest.mark.parametrize("asked", ["ctr", "话题 ctr", "/t ctr", "/topic@heji_bot ctr", "/TOPIC ctr"])
def test_a_bare_question_and_plain_chinese_will_do_in_private(telegram, bot, world, ann, asked):
    world.say(ann, world.private(ann), asked)

    assert answers(telegram, world.private(ann))[0].text.startswith("ctr")


def test_it_speaks_the_language_of_who_asks(telegram, bot, world):
    people = [world.user("Li", language_code="zh-hans"), world.user("Ann", language_code="en-GB")]
    for person in people:
        world.say(person, world.private(person), "/settings")

    assert [answers(telegram, world.private(person))[0].text for person in people] == [
        "这里还没有订阅。",
        "This chat has no subscription.",
    ]


@pytest.mark.parametrize("asked", ["@heji_bot ctr", "hey", "/topic@other_bot ctr", "/unknown"])
def test_in_a_group_only_what_is_meant_for_the_bot_is_answered(telegram, bot, world, ann, group, asked):
    world.privacy = False  # so that it is told everything, and has to judge for itself
    world.say(ann, group, asked)
    settle(telegram, world, ann)

    said = telegram.messages_in(group)
    assert [message.reply_to.text for message in said] == (["@heji_bot ctr"] if asked.startswith("@heji") else [])


def test_the_mention_is_not_part_of_the_question(telegram, bot, world, ann, group, house):
    world.say(ann, group, "@Heji_Bot, 话题 ctr")
    world.say(ann, group, "@heji_bot /topic ctr")
    answers(telegram, group, 2)

    assert [(command.name, command.args) for command in house.asked] == [("topic", "ctr")] * 2


def test_a_mention_after_an_emoji_is_cut_out_where_it_stands(telegram, bot, world, ann, group, house):
    world.say(ann, group, "😀😀 what of @heji_bot ctr")
    answers(telegram, group)

    assert house.asked[0].args == "😀😀 what of ctr"


def test_a_reply_to_the_bot_is_a_question(telegram, bot, world, ann, group):
    world.say(ann, group, TOPICS)
    (first,) = answers(telegram, group)
    world.say(ann, group, "ctr", reply_to=first)

    assert answers(telegram, group, 2)[1].text.startswith("ctr")


def test_an_answer_in_a_group_replies_to_its_question(telegram, bot, world, ann, group):
    asked = world.say(ann, group, "/topic ctr")
    (answer,) = answers(telegram, group)

    assert answer.reply_to is asked
    assert telegram.calls("getChatMember") == []  # nobody's role matters for that


def test_a_forum_topic_is_answered_there(telegram, bot, world, ann, owner, house):
    forum = world.supergroup("Forum", owner=owner, members=[ann], forum=True)
    topic = world.topic(forum, "Weekly")
    world.say(ann, forum, "/topic ctr", topic=topic)
    world.say(ann, forum, "/topic nlp")
    first, second = answers(telegram, forum, 2)

    assert {message.thread_id for message in (first, second)} == {topic.id, None}
    assert {command.chat for command in house.asked} == {f"telegram:{forum.id}/{topic.id}", f"telegram:{forum.id}"}


def test_a_thread_of_replies_is_no_topic(telegram, bot, world, ann, group, house):
    first = world.say(ann, group, "look here")
    world.say(ann, group, "/topic ctr", reply_to=first)
    answers(telegram, group)

    assert house.asked[0].chat == f"telegram:{group.id}"


def test_what_bots_say_and_inline_results_are_not_answered(telegram, bot, world, ann, group, house):
    robot = world.user("Robot")
    robot.is_bot = True
    world.say(robot, group, "/topic ctr")
    query = world.inline(ann, "ctr")
    answered(telegram, query)
    sent = world.choose(query, query.results[0]["id"], world.private(ann))
    telegram.update("message", sent.shape())
    settle(telegram, world, ann)

    assert [command.name for command in house.asked] == ["search", "help"]


def test_a_caption_is_read_too(telegram, bot, world, ann):
    shape = world.say(ann, world.private(ann), "x").shape()
    telegram.update("message", {**{k: v for k, v in shape.items() if k != "text"}, "message_id": 99, "caption": "ctr"})

    assert any(message.text.startswith("ctr") for message in answers(telegram, world.private(ann), 2))


def test_a_corrected_message_is_not_answered_twice(telegram, bot, world, ann):
    chat = world.private(ann)
    asked = world.say(ann, chat, "/topic ctr")
    answers(telegram, chat)
    world.edit(asked, "/topic nlp")
    settle(telegram, world, ann)

    assert len(telegram.messages_in(chat)) == 2


# Buttons --------------------------------------------------------------------------------------------------------------


def test_a_button_turns_the_answer_into_another(telegram, bot, world, ann):
    chat = world.private(ann)
    world.say(ann, chat, TOPICS)
    (answer,) = answers(telegram, chat)
    query = world.press(answer, "topic|1|ctr", ann)
    answered(telegram, query)
    telegram.wait(lambda: answer.edited)

    assert telegram.messages_in(chat) == [answer]
    assert answer.text.startswith("ctr")
    assert "text" not in query.answer


def test_paging_goes_on_with_the_words_that_are_too_long_for_a_button(telegram, bot, world, ann, group, house):
    words = "学习 网络 模型 推荐 " + "深度" * 20
    world.say(ann, group, f"/search {words}")
    (answer,) = answers(telegram, group)
    data = [button["callback_data"] for row in answer.keyboard for button in row if "|2|" in button["callback_data"]]
    query = world.press(answer, data[0], ann)
    answered(telegram, query)

    assert data == ["search|2|^"]
    assert (house.asked[-1].args, house.asked[-1].page) == (words, 2)


def test_more_of_a_long_question_can_be_paged_too(telegram, world, ann):
    chat = world.private(ann)
    longs = [f"学习 网络 模型 推荐 {'深度' * n}" for n in (20, 30)]
    with Running(telegram, Reception(build(Settings(content=(str(CONTENT),))))):
        questions = [world.say(ann, chat, f"/search {words}") for words in longs]
        first, _ = answers(telegram, chat, 2)
        answered(telegram, world.press(first, "search|2|^", ann))
        world.say(ann, chat, "/more")
        *_, more = answers(telegram, chat, 3)
        query = world.press(more, "search|2|^", ann)
        answered(telegram, query)

    assert more.reply_to is questions[0]
    assert "text" not in query.answer


def test_pressing_twice_is_no_error(telegram, bot, world, ann):
    chat = world.private(ann)
    world.say(ann, chat, TOPICS)
    (answer,) = answers(telegram, chat)
    first, second = (world.press(answer, "topic|1|ctr", ann) for _ in range(2))
    answered(telegram, second)
    telegram.wait(lambda: len(telegram.calls("editMessageText")) == 2)
    settle(telegram, world, ann)

    assert [call.status for call in telegram.calls("editMessageText")] == [200, 400]
    assert len(telegram.messages_in(chat)) == 2
    assert all(query.answer == {"callback_query_id": query.id} for query in (first, second))


def test_an_edition_stays_whoever_presses_its_buttons(telegram, bot, world, ann, group):
    """Nobody asked for it, so it answers nobody: that is how an edition, and the greeting, is told from an answer."""
    payload = bot.platform.render(bot.house.answer(Command("week", chat="telegram:1")).message)[0]
    bot.do(bot.platform.send, payload, f"telegram:{group.id}")
    (edition,) = answers(telegram, group)
    text = edition.text
    query = world.press(edition, edition.labels[0], ann)
    answered(telegram, query)
    _, answer = answers(telegram, group, 2)

    assert edition.text == text
    assert answer.reply_to is edition


@pytest.mark.parametrize("data", ["", "nonsense", "topic|x|y", "topic|1|^", "\x00|1|", "🙂" * 16])
def test_whatever_strangers_send_as_a_button_s_data_is_acknowledged(telegram, bot, world, ann, data):
    chat = world.private(ann)
    world.say(ann, chat, TOPICS)
    (answer,) = answers(telegram, chat)
    answer.markup["inline_keyboard"] = [[{"text": "x", "callback_data": data}]]
    query = world.press(answer, "x", ann)

    assert answered(telegram, query)["text"] == "This button leads nowhere any more. Please ask anew."


def test_a_message_out_of_reach_is_said_anew(telegram, bot, world, ann):
    chat = world.private(ann)
    world.say(ann, chat, TOPICS)
    (answer,) = answers(telegram, chat)
    query = world.press(answer, "topic|1|ctr", ann)
    del chat.messages[answer.id]
    answered(telegram, query)
    (anew,) = answers(telegram, chat)

    assert anew.text.startswith("ctr")


def test_a_button_is_acknowledged_even_where_the_answer_breaks(telegram, bot, world, ann, house):
    chat = world.private(ann)
    world.say(ann, chat, TOPICS)
    (answer,) = answers(telegram, chat)
    house.breaks.append(RuntimeError("a bug"))
    query = world.press(answer, "topic|1|ctr", ann)

    assert answered(telegram, query)["text"] == SORRY
    assert world.unanswered == []


# Who may --------------------------------------------------------------------------------------------------------------


def test_members_read_and_admins_change(telegram, bot, world, ann, owner, group, house):
    world.say(ann, group, "/lang zh")
    (refusal,) = answers(telegram, group)
    world.say(owner, group, "/lang zh")
    _, done = answers(telegram, group, 2)

    assert refusal.text == "Only this chat's admins may do this."
    assert done.text == "好，以后在这里我说中文。"
    assert [command.role for command in house.asked] == ["member", "admin"]


def test_who_is_admin_is_asked_once_a_minute(telegram, bot, world, owner, group):
    for n in range(3):
        world.say(owner, group, "/settings")
        answers(telegram, group, n + 1)

    assert len(telegram.calls("getChatMember")) == 1


def test_where_telegram_does_not_say_everybody_is_a_member(telegram, bot, world, owner, group, house):
    telegram.faults.add(broken(), method="getChatMember")
    world.say(owner, group, "/lang zh")
    answers(telegram, group)

    assert house.asked[0].role == "member"


def test_an_anonymous_admin_is_an_admin_and_nobody_in_particular(telegram, bot, world, owner, group, house):
    world.hide(group, owner)
    world.say(owner, group, "/lang zh")
    answers(telegram, group)

    assert (house.asked[0].role, house.asked[0].user) == ("admin", "")
    assert telegram.calls("getChatMember") == []


def test_a_refusal_of_a_button_is_for_the_one_who_pressed_it(telegram, bot, world, ann, owner, group):
    world.say(owner, group, "/lang")
    (answer,) = answers(telegram, group)
    text = answer.text
    query = world.press(answer, "English", ann)

    assert answered(telegram, query)["text"] == "Only this chat's admins may do this."
    assert query.answer["show_alert"] is True
    assert answer.text == text


def test_in_a_channel_commands_are_posts_and_posters_admins(telegram, bot, world, owner, house):
    channel = world.channel("News", owner=owner)
    world.post_in_channel(channel, "a post of no concern")
    world.post_in_channel(channel, "/lang zh")
    (answer,) = answers(telegram, channel)

    assert answer.text == "好，以后在这里我说中文。"
    assert (house.asked[0].role, house.asked[0].private) == ("admin", False)


@pytest.fixture
def curated(telegram, house, ann):
    with Running(telegram, house, curators=[f"telegram:{ann.id}"]) as bot:
        yield bot


def test_what_is_for_curators_alone_goes_to_them_in_private(telegram, curated, world, ann, group):
    world.private(ann)
    world.say(ann, group, "/preview")

    assert answers(telegram, world.chats[ann.id])[0].text
    assert telegram.messages_in(group) == []


def test_who_never_spoke_to_the_bot_is_shown_the_way(telegram, curated, world, ann, group):
    world.say(ann, group, "/preview")
    (answer,) = answers(telegram, group)

    assert answer.text == "That is for you alone. Open a private chat with me, then ask again."
    assert answer.keyboard == [[{"text": "Open the private chat", "url": "https://t.me/heji_bot?start=private"}]]


# Channels, from a private chat ----------------------------------------------------------------------------------------


def test_a_channel_s_admin_changes_it_from_a_private_chat(telegram, bot, world, owner, house):
    channel = world.channel("News", owner=owner, username="thenews")
    world.say(owner, world.private(owner), "/subscribe @thenews ctr mon 09:00")
    answers(telegram, world.private(owner))

    asked = house.asked[0]
    assert (asked.name, asked.args, asked.chat) == ("subscribe", "ctr mon 09:00", f"telegram:{channel.id}")
    assert (asked.role, asked.private, asked.user) == ("admin", False, f"telegram:{owner.id}")


def test_the_buttons_of_such_an_answer_mean_the_channel(telegram, bot, world, owner, house):
    channel = world.channel("News", owner=owner, username="thenews")
    world.say(owner, world.private(owner), "/status @thenews")
    (answer,) = answers(telegram, world.private(owner))
    data = answer.button("Subscribe this chat")["callback_data"]
    query = world.press(answer, data, owner)
    answered(telegram, query)

    assert data == f"subscribe|1|{channel.id}"
    assert (house.asked[-1].name, house.asked[-1].chat) == ("subscribe", f"telegram:{channel.id}")


def test_a_channel_of_others_is_not_changed(telegram, bot, world, ann, owner, house):
    world.channel("News", owner=owner, username="thenews")
    muted = world.channel("Mute", owner=ann, username="themute")
    world.promote(muted, world.bot, rights=[])
    world.channel("Away", owner=ann, username="theaway", bot=False)
    chat = world.private(ann)
    for name in ("thenews", "themute", "theaway", "nowhere"):
        world.say(ann, chat, f"/subscribe @{name}")

    said = [message.text.replace("\u2060", "") for message in answers(telegram, chat, 4)]  # what keeps names inert
    assert said == [
        "Only the admins of “@thenews” may do this.",
        "I may not post in “@themute”. Make me an admin there with the right to post.",
        "I cannot see “@theaway”. Make me an admin there, then ask again.",
        "I cannot see “@nowhere”. Make me an admin there, then ask again.",
    ]
    assert house.asked == []


def test_where_telegram_cannot_be_asked_about_a_channel_that_is_said(telegram, bot, world, owner):
    world.channel("News", owner=owner, username="thenews")
    telegram.faults.add(Cut(), method="getChat")
    world.say(owner, world.private(owner), "/subscribe @thenews")

    assert answers(telegram, world.private(owner))[0].text == SORRY


# Coming and going -----------------------------------------------------------------------------------------------------


def test_being_added_is_enough_and_it_greets_once(telegram, bot, world, owner, house):
    group = world.supergroup("New", owner=owner, bot=False)
    world.add_bot(group, owner)
    answers(telegram, group)
    world.remove_bot(group)
    world.add_bot(group, owner)
    settle(telegram, world, owner)

    assert len(telegram.messages_in(group)) == 1
    assert house.lost == [(f"telegram:{group.id}", "it was removed from the chat")]


def test_becoming_admin_is_no_arrival(telegram, bot, world, group, owner, house):
    world.promote(group, world.bot)
    world.mute_bot(group)
    settle(telegram, world, owner)

    assert (house.greeted, house.lost) == ([], [])


def test_who_blocks_the_bot_is_left_alone_and_who_unblocks_it_is_back(telegram, bot, world, ann, house):
    chat = world.private(ann)
    world.block(ann)
    telegram.wait(lambda: house.lost)
    world.unblock(ann)
    telegram.wait(lambda: house.greeted)
    settle(telegram, world, ann)

    assert house.lost == [(f"telegram:{ann.id}", "it was blocked")]
    assert len(telegram.messages_in(chat)) == 1  # their `/start` follows, and is answered


def test_a_group_that_becomes_a_supergroup_keeps_what_it_had(telegram, bot, world, owner, house):
    group = world.group("G", owner=owner)
    new = world.migrate(group)
    telegram.wait(lambda: house.migrated)
    settle(telegram, world, owner)

    assert set(house.migrated) == {(f"telegram:{group.id}", f"telegram:{new.id}")}


def test_an_answer_follows_a_group_that_moved_meanwhile(telegram, bot, world, owner, house):
    group = world.group("G", owner=owner)
    house.gate = threading.Event()
    world.say(owner, group, TOPICS)
    telegram.wait(lambda: house.asked)
    new = world.migrate(group)
    house.gate.set()

    assert answers(telegram, new)[0].text


# Inline ---------------------------------------------------------------------------------------------------------------


def test_inline_finds_cards_for_any_chat_in_pages(telegram, bot, world, ann):
    first = world.inline(ann, "模型")
    answer = answered(telegram, first)
    second = world.inline(ann, "模型", offset=answer["next_offset"])
    answered(telegram, second)

    assert first.results
    assert second.results
    assert not {one["id"] for one in first.results} & {one["id"] for one in second.results}
    assert (answer["cache_time"], answer["is_personal"]) == (300, True)
    assert world.choose(first, first.results[0]["id"], world.private(ann)).links


def test_inline_without_words_shows_this_week(telegram, bot, world, ann, house):
    query = world.inline(ann, "")
    answered(telegram, query)

    assert query.results
    assert house.asked[0].name == "week"


def test_inline_only_glances_for_who_asks_has_not_finished_typing(telegram, bot, world, ann, house):
    answered(telegram, world.inline(ann, "模型"))

    assert house.glances == len(house.asked) == 1


@pytest.mark.parametrize("offset", ["-1", "x", "9" * 60, "0"])
def test_inline_without_results_leads_to_the_private_chat(telegram, bot, world, ann, offset):
    query = world.inline(ann, "zzzzqqqq", offset=offset)
    answer = answered(telegram, query)

    assert answer["results"] == []
    assert answer["button"] == {"text": "Nothing found. Ask me in private", "start_parameter": "inline"}


# Too fast, broken, in order -------------------------------------------------------------------------------------------


def test_who_floods_is_told_once_and_then_not_answered(telegram, bot, world, ann):
    chat = world.private(ann)
    for _ in range(45):
        world.say(ann, chat, "/help")
    telegram.wait(lambda: any("wait a little" in message.text for message in telegram.messages_in(chat)))
    other = world.user("Bob")
    settle(telegram, world, other)

    told = [message for message in telegram.messages_in(chat) if "wait a little" in message.text]
    assert len(told) == 1
    assert len(telegram.messages_in(chat)) < 45


def test_an_answer_waits_once_as_long_as_telegram_asks(telegram, bot, world, ann):
    telegram.faults.add(too_fast(1), method="sendMessage")
    world.say(ann, world.private(ann), "/topic ctr")
    answers(telegram, world.private(ann))

    assert [call.status for call in telegram.calls("sendMessage")] == [429, 200]
    assert telegram.violations == []


def test_an_answer_that_would_wait_longer_is_given_up(telegram, bot, world, ann):
    telegram.faults.add(too_fast(30), method="sendMessage")
    world.say(ann, world.private(ann), "/topic ctr")
    telegram.wait(lambda: telegram.calls("sendMessage"))
    settle(telegram, world, world.user("Bob"))

    assert len(telegram.messages_in(world.private(ann))) == 0


def test_what_telegram_cannot_parse_is_said_in_plain_text(telegram, bot, world, ann):
    refusal = b'{"ok":false,"error_code":400,"description":"Bad Request: can\'t parse entities: byte offset 7"}'
    telegram.faults.add(Reply(400, refusal), method="sendMessage")
    world.say(ann, world.private(ann), "/topic ctr")
    (answer,) = answers(telegram, world.private(ann))

    assert answer.text.startswith("ctr")
    assert "parse_mode" not in telegram.calls("sendMessage")[1].params


def test_a_bug_is_a_sentence_and_the_next_question_is_answered(telegram, bot, world, ann, house):
    chat = world.private(ann)
    house.breaks.append(RuntimeError("a bug"))
    world.say(ann, chat, "/topic ctr")
    world.say(ann, chat, "/topic ctr")
    first, second = answers(telegram, chat, 2)

    assert first.text == SORRY
    assert second.text.startswith("ctr")


def test_a_chat_is_answered_in_order_and_holds_nobody_up(telegram, bot, world, ann, house):
    slow, quick = world.private(ann), world.user("Bob")
    house.gate = threading.Event()
    world.say(ann, slow, TOPICS)
    world.say(ann, slow, "/topic ctr")
    settle(telegram, world, quick)
    before = len(telegram.messages_in(slow))
    house.gate.set()
    first, second = answers(telegram, slow, 2)

    assert before == 0
    assert (first.text[:2], second.text[:3]) == ("合辑", "ctr")


def test_a_bug_that_cannot_even_be_told_holds_up_nobody(telegram, bot, world, ann, house, monkeypatch):
    chat = world.private(ann)
    house.breaks.append(RuntimeError("a bug"))
    broken = [RuntimeError("another")]
    render = bot.platform.render

    def breaking(page):
        if broken:
            raise broken.pop()
        return render(page)

    monkeypatch.setattr(bot.platform, "render", breaking)
    world.say(ann, chat, "/topic ctr")
    world.say(ann, chat, "/topic ctr")

    assert answers(telegram, chat)[0].text.startswith("ctr")
