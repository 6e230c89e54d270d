"""What people do on Slack and what they see there: the real adapter on a Slack of our own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fakes.slack import FakeSlack
from fakes.slack_faults import refusing, too_fast
from fakes.slack_people import World
from slack_bot import HTTP, SOCKET, House, Running

from bot.chat.commands import TABLE
from bot.chat.conversation import Command, Subscribed
from bot.platforms import flood
from bot.platforms.slack.manifest import ASK, FIND
from bot.platforms.slack.reading import links, meant, plain

COMMANDS = [row.name for row in TABLE]
SORRY = "Something went wrong on my side. Please try again later."


@pytest.fixture
def slack():
    with FakeSlack(SOCKET) as slack:
        yield slack


@pytest.fixture
def house():
    return House()


@pytest.fixture
def bot(slack, house):
    with Running(slack, house) as bot:
        yield bot
        slack.wait(lambda: all(told.acked for told in slack.told))
    assert slack.complaints == []
    assert [message.pings for message in everything(slack.world) if message.pings] == []
    assert max((told.delay for told in slack.told), default=0) < 1


@pytest.fixture
def world(slack):
    return slack.world


@pytest.fixture
def ann(world):
    return world.user("Ann")


@pytest.fixture
def olga(world):
    """Who made the channel."""
    return world.user("Olga")


@pytest.fixture
def papers(world, olga, ann):
    return world.channel("papers", olga, members=[ann])


def everything(world: World):
    """All that the bot ever said in a channel, to all or to one."""
    for channel in list(world.channels.values()):
        yield from (one for one in (*channel.messages.values(), *channel.ephemerals) if one.ours)


def aside(slack, person, channel, n=1):
    """The nth thing that *person* alone sees there, once it is there."""
    slack.wait(lambda: len(slack.seen_only_by(person, channel)) >= n)
    return slack.seen_only_by(person, channel)[n - 1]


def said(slack, channel, n=1):
    """The nth thing that the bot said there to all, once it is there."""
    slack.wait(lambda: len(slack.messages_in(channel)) >= n)
    return slack.messages_in(channel)[n - 1]


def modal(slack, method="views.open", n=1):
    """The view of the nth call of *method*, once it is there."""
    slack.wait(lambda: len([call for call in slack.calls(method) if call.view]) >= n)
    return [call for call in slack.calls(method) if call.view][n - 1].view


def title(message):
    """The first line that a reader sees."""
    return message.reading.split("\n\n", 1)[1].splitlines()[0]


# Asking ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("app", [SOCKET, HTTP], ids=["socket", "http"])
def test_a_slash_command_is_answered_to_who_asked_alone(app):
    with FakeSlack(app) as slack:
        ann = slack.world.user("Ann")
        papers = slack.world.channel("papers", ann)
        with Running(slack):
            told = slack.world.slash(ann, papers, "topic ctr")
            answer = aside(slack, ann, papers)

    assert title(answer) == "# ctr"
    assert slack.messages_in(papers) == []
    assert told.delay < 1
    assert slack.complaints == []


def typed(name):
    return f"{name} ctr" if name in ("topic", "search", "random") else name


@pytest.mark.parametrize("way", ["slash", "mention"])
def test_every_command_is_answered_in_a_channel_to_who_asked_alone(slack, bot, world, ann, papers, way):
    for n, name in enumerate(COMMANDS, 1):
        getattr(world, way)(ann, papers, typed(name))
        assert aside(slack, ann, papers, n).text.strip()

    assert slack.messages_in(papers) == []


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_command_is_answered_in_direct_messages_with_its_slash_or_without(slack, bot, world, ann, slash):
    for n, name in enumerate(COMMANDS, 1):
        world.dm(ann, slash + typed(name))
        assert said(slack, world.im(ann), n).text.strip()

    assert slack.seen_only_by(ann, world.im(ann)) == []


@pytest.mark.parametrize("asked", ["ctr", "t ctr", "/topic ctr", "话题 ctr", "TOPIC ctr"])
def test_the_short_form_and_plain_chinese_will_do(slack, bot, world, ann, papers, asked):
    world.slash(ann, papers, asked)

    assert title(aside(slack, ann, papers)) == "# ctr"


def test_it_speaks_the_language_of_who_asks(slack, bot, world, papers, olga):
    people = [world.user("Li", locale="zh-CN"), world.user("Joe", locale="en-GB")]
    for person in people:
        world.join(papers, person)
        world.slash(person, papers, "week")

    assert "年第" in aside(slack, people[0], papers).reading
    assert "week" in aside(slack, people[1], papers).reading


def test_locales_are_asked_for_once(slack, bot, world, ann, papers):
    for n in range(1, 4):
        world.slash(ann, papers, "topic ctr")
        aside(slack, ann, papers, n)

    assert len(slack.calls("users.info")) == 1


def test_a_mention_in_a_thread_is_answered_there(slack, bot, world, ann, papers, house):
    question = world.say(ann, papers, "what do we know of ctr?")
    world.mention(ann, papers, "topic ctr", thread=question)

    assert aside(slack, ann, papers).thread_ts == question.ts
    assert house.asked[-1].chat == f"slack:{world.home.id}/{papers.id}/{question.ts}"


def test_a_direct_message_in_a_thread_is_answered_there_and_is_no_chat_of_its_own(slack, bot, world, ann, house):
    first = world.dm(ann, "topic ctr")
    said(slack, world.im(ann))
    world.dm(ann, "topic nlp", thread=first)

    assert said(slack, world.im(ann), 2).thread_ts == first.ts
    assert {command.chat for command in house.asked} == {f"slack:{world.home.id}/{world.im(ann).id}"}


def test_what_others_say_and_what_is_corrected_is_nobodys_question(slack, bot, world, ann, papers, house):
    message = world.dm(ann, "topic ctr")
    said(slack, world.im(ann))
    world.edit(message, "topic nlp")
    world.say(ann, papers, "topic ctr")
    world.dm(ann, "help")
    said(slack, world.im(ann), 2)

    assert [command.name for command in house.asked] == ["topic", "help"]


def test_where_the_bot_is_not_a_slash_command_is_answered_all_the_same(slack, bot, world, ann, olga):
    elsewhere = world.channel("elsewhere", olga, members=[ann], bot=False)
    world.slash(ann, elsewhere, "topic ctr")

    assert title(aside(slack, ann, elsewhere)) == "# ctr"


def test_commands_are_written_with_the_root_that_slack_knows(slack, bot, world, ann, papers):
    world.slash(ann, papers, "help")

    assert "/digest topic" in aside(slack, ann, papers).reading


# Buttons --------------------------------------------------------------------------------------------------------------


def test_paging_takes_the_place_of_the_page(slack, bot, world, ann, papers):
    world.slash(ann, papers, "search 模型")
    first = aside(slack, ann, papers)
    before = first.reading
    world.press(first, "Next page", ann)
    slack.wait(lambda: first.reading != before)

    assert len(slack.seen_only_by(ann, papers)) == 1
    assert "Share here" in first.labels


def test_another_question_is_answered_beside_the_first(slack, bot, world, ann, papers):
    world.slash(ann, papers, "topic")
    choice = aside(slack, ann, papers)
    world.press(choice, next(label for label in choice.labels if label.startswith("ctr")), ann)

    assert title(aside(slack, ann, papers, 2)) == "# ctr"


def test_a_topic_can_be_chosen_from_the_tree(slack, bot, world, ann, papers):
    world.slash(ann, papers, "topics")
    tree = aside(slack, ann, papers)
    world.choose(tree, next(label for label in tree.labels if " ctr" in label), ann)

    assert "ctr" in title(aside(slack, ann, papers, 2))


@pytest.mark.parametrize("asked", ["topic ctr", "ctr", "搜索 bert", "week"])
def test_an_answer_can_be_shared(slack, bot, world, ann, papers, asked):
    world.slash(ann, papers, asked)
    mine = aside(slack, ann, papers)
    world.press(mine, "Share here", ann)
    shared = said(slack, papers)

    assert title(shared) == title(mine)
    assert "Share here" not in shared.labels


def test_what_is_shared_from_a_thread_stays_in_it(slack, bot, world, ann, papers):
    question = world.say(ann, papers, "what do we know of ctr?")
    world.mention(ann, papers, "ctr", thread=question)
    world.press(aside(slack, ann, papers), "Share here", ann)

    assert said(slack, papers).thread_ts == question.ts


@pytest.mark.parametrize("asked", ["help", "subscribe", "check", "status nobody", "start"])
def test_what_is_for_one_reader_or_changes_something_is_not_to_be_shared(slack, bot, world, olga, papers, asked):
    world.slash(olga, papers, asked)
    labels = aside(slack, olga, papers).labels

    assert ("Share here" in labels) == asked.startswith("status")


def test_others_do_not_turn_the_page_of_what_was_shared(slack, bot, world, ann, olga, papers):
    world.slash(ann, papers, "search 模型")
    world.press(aside(slack, ann, papers), "Share here", ann)
    shared = said(slack, papers)
    before = shared.reading
    world.press(shared, "Next page", olga)
    aside(slack, olga, papers)

    assert shared.reading == before


def test_in_direct_messages_buttons_work_too_and_nothing_is_to_be_shared(slack, bot, world, ann):
    world.dm(ann, "topic")
    choice = said(slack, world.im(ann))
    world.press(choice, next(label for label in choice.labels if label.startswith("ctr")), ann)
    answer = said(slack, world.im(ann), 2)

    assert title(answer) == "# ctr"
    assert "Share here" not in answer.labels


def test_a_button_that_nobody_knows_says_so(slack, bot, world, ann, papers):
    world.slash(ann, papers, "topic ctr")
    answer = aside(slack, ann, papers)
    for block in answer.blocks:
        for element in block.get("elements", ()):
            if element.get("action_id", "").startswith("share"):
                element["value"] = "???"
    world.press(answer, "Share here", ann)

    assert aside(slack, ann, papers, 2).text == "This button leads nowhere any more. Please ask anew."


# Roles ----------------------------------------------------------------------------------------------------------------


def test_members_read_and_the_channels_creator_changes(slack, bot, world, ann, olga, papers, house):
    world.slash(ann, papers, "subscribe")
    refused = aside(slack, ann, papers).text
    world.slash(olga, papers, "subscribe ctr tue 10:00 Asia/Shanghai")
    done = aside(slack, olga, papers).text

    assert refused.startswith("Only")
    assert "ctr" in done
    assert [*house.subscribed] == [f"slack:{world.home.id}/{papers.id}"]


def test_the_workspaces_admins_change_every_channel(slack, bot, world, papers, house):
    boss = world.user("Boss", is_admin=True)
    world.join(papers, boss)
    world.slash(boss, papers, "subscribe")
    aside(slack, boss, papers)

    assert house.subscribed


def test_everybody_subscribes_their_own_conversation(slack, bot, world, ann, house):
    world.dm(ann, "subscribe")
    said(slack, world.im(ann))

    assert [*house.subscribed] == [f"slack:{world.home.id}/{world.im(ann).id}"]


def test_curators_are_known_by_their_id(slack, world, ann, papers, house):
    with Running(slack, house, curators=[f"slack:{ann.id}"]):
        world.slash(ann, papers, "check")
        aside(slack, ann, papers)

    assert house.asked[-1].role == "curator"


def test_who_cannot_be_looked_up_is_a_member(slack, bot, world, olga, papers, house):
    slack.faults.add(refusing("missing_scope"), method="users.info", times=None)
    slack.faults.add(refusing("missing_scope"), method="conversations.info", times=None)
    world.slash(olga, papers, "subscribe")

    assert "管理员" in aside(slack, olga, papers).text  # nor is it known what they speak
    assert house.subscribed == {}


# Shortcuts and modals -------------------------------------------------------------------------------------------------


def test_a_message_can_be_looked_up(slack, bot, world, ann, papers, house):
    url = next(item.url for item in house.app.library.items if item.url)
    message = world.say(ann, papers, f"Has anybody read {url} yet?")
    world.message_shortcut(ann, message, FIND)
    answer = aside(slack, ann, papers)

    assert url in json.dumps(answer.blocks)
    assert house.asked[-1].args == url


def test_a_message_without_links_is_searched_for(slack, bot, world, ann, papers, house):
    world.message_shortcut(ann, world.say(ann, papers, "ctr"), FIND)

    assert title(aside(slack, ann, papers)) == "# ctr"


def test_a_question_can_be_asked_from_anywhere(slack, bot, world, ann):
    world.global_shortcut(ann, ASK)
    form = modal(slack)
    sent = world.submit(form, {"question": "topic ctr"})
    answer = modal(slack, "views.update")

    assert sent.answer["response_action"] == "update"
    assert "# ctr" in answer.reading
    assert answer is form


def test_buttons_in_a_modal_show_their_answer_there(slack, bot, world, ann):
    world.global_shortcut(ann, ASK)
    form = modal(slack)
    world.submit(form, {"question": "topic"})
    modal(slack, "views.update")
    world.press(form, next(label for label in form.labels if label.startswith("ctr")), ann)
    modal(slack, "views.update", 2)

    assert "# ctr" in form.reading


def test_the_settings_button_opens_a_form_that_changes_them(slack, bot, world, olga, papers, house):
    world.slash(olga, papers, "subscribe")
    world.press(aside(slack, olga, papers), "Settings", olga)
    form = modal(slack)
    world.submit(
        form, {"topics": "all", "schedule": "fri 17:30", "timezone": "Asia/Tokyo", "format": "compact", "lang": "zh"}
    )
    modal(slack, "views.update")
    (found,) = house.subscribed.values()

    assert (str(found.schedule), found.zone.key, found.format, found.language) == (
        "fri 17:30",
        "Asia/Tokyo",
        "compact",
        "zh",
    )
    assert "fri 17:30" in form.reading


def test_what_a_form_has_wrong_is_said(slack, bot, world, olga, papers, house):
    world.slash(olga, papers, "subscribe")
    world.press(aside(slack, olga, papers), "Settings", olga)
    form = modal(slack)
    before = dict(house.subscribed)
    world.submit(form, {"topics": "all", "schedule": "mon 09:00", "timezone": "Atlantis", "format": "normal"})
    modal(slack, "views.update")

    assert "Atlantis" in form.reading
    assert house.subscribed == before


# Home -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def weekly(house, world, papers):
    """The subscription of the channel."""
    house.subscribed[f"slack:{world.home.id}/{papers.id}"] = subscribed = Subscribed()
    return subscribed


def test_home_shows_what_there_is_and_the_subscriptions_in_the_readers_zone(slack, bot, world, papers, weekly, ann):
    ann.tz = "Asia/Tokyo"
    world.open_home(ann)
    home = modal(slack, "views.publish")

    assert "#papers" in home.reading
    assert "Asia/Tokyo" in home.reading
    assert any(label.startswith("ctr") for label in home.labels)


def test_home_is_written_in_the_readers_language(slack, bot, world):
    li = world.user("Li", locale="zh-CN")
    world.open_home(li)

    assert "你所在频道的订阅" in modal(slack, "views.publish").reading


def test_a_topic_in_home_opens_in_a_modal(slack, bot, world, ann):
    world.open_home(ann)
    home = modal(slack, "views.publish")
    world.press(home, next(label for label in home.labels if label.startswith("ctr")), ann)
    modal(slack, "views.update")

    assert "# ctr" in modal(slack).reading


def test_every_button_in_home_leads_somewhere(slack, bot, world, ann, weekly):
    world.open_home(ann)
    home = modal(slack, "views.publish")
    for n, label in enumerate(dict.fromkeys(home.labels), 1):
        world.press(home, label, ann)
        slack.wait(lambda n=n: len(slack.calls("views.open")) == n)

    assert {call.error for call in slack.calls("views.open")} == {""}


def test_home_has_a_search(slack, bot, world, ann):
    world.open_home(ann)
    world.press(modal(slack, "views.publish"), "Ask the digest", ann)
    world.submit(modal(slack), {"question": "bert"})

    assert "bert" in modal(slack, "views.update").reading.casefold()


def test_settings_in_home_are_for_those_who_may(slack, bot, world, ann, olga, papers, weekly, house):
    for n, person in enumerate((ann, olga), 1):
        world.open_home(person)
        world.press(modal(slack, "views.publish", n), "Settings", person)
        modal(slack, "views.open", n)
    refused, form = (call.view for call in slack.calls("views.open"))

    assert "Only" in refused.reading
    assert "submit" in form.given


def test_home_is_shown_anew_when_its_settings_have_changed(slack, bot, world, olga, papers, weekly, house):
    world.open_home(olga)
    world.press(modal(slack, "views.publish"), "Settings", olga)
    form = modal(slack)
    world.submit(form, {"topics": "all", "schedule": "fri 17:30", "timezone": "UTC", "format": "normal"})
    home = modal(slack, "views.publish", 2)

    assert "17:30" in form.reading
    assert "Next edition" in home.reading


# The bot's channels ---------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(world, olga, ann):
    """A channel without the bot."""
    return world.channel("empty", olga, members=[ann], bot=False)


def test_it_greets_once_when_it_is_invited(slack, bot, world, olga, empty, house):
    world.invite_bot(empty, olga)
    said(slack, empty)
    world.kick_bot(empty, olga)
    house.wait(lambda: house.lost)
    world.invite_bot(empty, olga)
    world.dm(olga, "help")
    said(slack, world.im(olga))

    assert len(slack.messages_in(empty)) == 1
    assert house.lost == [(f"slack:{world.home.id}/{empty.id}", "it was removed from the channel")]


def test_it_greets_in_the_language_of_who_invited_it(slack, bot, world, empty):
    li = world.user("Li", locale="zh-CN")
    world.join(empty, li)
    world.invite_bot(empty, li)

    assert any("\u4e00" <= letter <= "\u9fff" for letter in said(slack, empty).text)


def test_others_who_join_are_not_greeted(slack, bot, world, papers, ann):
    world.join(papers, world.user("Joe"))
    world.dm(ann, "help")
    said(slack, world.im(ann))

    assert slack.messages_in(papers) == []


@pytest.mark.parametrize(
    ("deed", "reason"),
    [("archive", "the channel was archived"), ("delete_channel", "the channel was deleted")],
)
@pytest.mark.parametrize("private", [False, True])
def test_a_channel_that_ends_is_lost(slack, bot, world, olga, house, deed, reason, private):
    channel = world.channel("old", olga, private=private)
    getattr(world, deed)(channel)
    house.wait(lambda: house.lost)

    assert house.lost == [(f"slack:{world.home.id}/{channel.id}", reason)]


def test_a_channel_that_subscribed_is_woken_when_it_is_opened_again(slack, bot, world, papers, weekly, house, ann):
    world.archive(papers)
    world.unarchive(papers)
    house.wait(lambda: house.greeted)

    assert house.greeted == [f"slack:{world.home.id}/{papers.id}"]
    assert slack.messages_in(papers) == []


def test_a_channel_with_another_id_is_followed(slack, bot, world, papers, house):
    old = papers.id
    world.change_id(papers)
    house.wait(lambda: house.migrated)

    assert house.migrated == [(f"slack:{world.home.id}/{old}", f"slack:{world.home.id}/{papers.id}")]


def test_a_new_name_changes_nothing(slack, bot, world, papers, house, ann):
    world.rename(papers, "articles")
    world.slash(ann, papers, "topic ctr")
    aside(slack, ann, papers)

    assert (house.lost, house.migrated) == ([], [])


# When it goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["slash", "mention", "dm"])
def test_a_bug_is_answered_with_a_sentence(slack, bot, world, ann, papers, house, way):
    house.breaks = [RuntimeError("boom")]
    if way == "dm":
        world.dm(ann, "topic ctr")
        answer = said(slack, world.im(ann))
    else:
        getattr(world, way)(ann, papers, "topic ctr")
        answer = aside(slack, ann, papers)

    assert answer.text == SORRY


def test_an_answer_waits_once_where_slack_says_too_fast(slack, bot, world, ann):
    slack.faults.add(too_fast(1), method="chat.postMessage")
    world.dm(ann, "topic ctr")

    assert title(said(slack, world.im(ann))) == "# ctr"
    assert slack.violations == []


def test_an_answer_whose_layout_is_refused_is_said_without(slack, bot, world, ann):
    slack.faults.add(refusing("invalid_blocks"), method="chat.postMessage")
    world.dm(ann, "topic ctr")

    assert said(slack, world.im(ann)).blocks == ()


def test_whoever_asks_too_fast_is_told_so_once(slack, world, ann, papers, house, monkeypatch):
    monkeypatch.setitem(flood.Flood.__init__.__kwdefaults__, "clock", lambda: 0.0)  # nothing is forgiven meanwhile
    with Running(slack, house):
        for _ in range(33):
            world.slash(ann, papers, "topic ctr")
        aside(slack, ann, papers, 31)
        slack.wait(lambda: all(told.acked for told in slack.told))
    texts = [message.text for message in slack.seen_only_by(ann, papers)]

    assert len(texts) == 31
    assert texts.count("That is more than I can answer at once. Please wait a little.") == 1


# Reading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("&lt;b&gt; &amp;amp;", "<b> &amp;"),
        ("<@UBOT> topic ctr", "topic ctr"),
        ("<@UBOT>, ctr", "ctr"),
        ("<https://x.example/?a&amp;b|x.example>", "https://x.example/?a&b"),
        ("<#C1|papers> <!here> <@U7|ann>", "#papers  @ann"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
    ],
)
def test_what_slack_makes_of_what_is_typed_is_undone(typed, read):
    assert plain(typed, "UBOT") == read


def test_links_are_found_in_text_blocks_and_attachments_each_once():
    message = {
        "text": "<https://a.example|a> and <https://a.example>, not <@U1>",
        "blocks": [{"type": "rich_text", "elements": [{"type": "link", "url": "https://b.example"}]}],
        "attachments": [{"title_link": "https://c.example", "from_url": "ftp://d.example"}],
    }

    assert links(message) == ("https://a.example", "https://b.example", "https://c.example")


def test_a_bare_question_can_be_given_by_a_button():
    asker = Command(platform="slack")

    assert meant("ask|1|ctr", asker) == replace(asker, name="", args="ctr")
    assert meant("", asker) is None
