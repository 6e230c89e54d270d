import datetime as dt
from dataclasses import replace
from random import Random
from zoneinfo import ZoneInfo

import pytest
from factories import library

from bot.chat import commands, pages
from bot.chat.conversation import (
    ChatSettings,
    Command,
    Context,
    Missed,
    Pause,
    Posted,
    PostNow,
    Reader,
    Resume,
    SetLanguage,
    SkipNext,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from bot.chat.message import Action, Buttons, Facts, Heading, Text, Usage
from bot.chat.pages.parts import reference
from bot.editions.edition import compose
from bot.editions.schedule import parse_schedule
from bot.editions.theme import History, pick
from bot.errors import StoreReadOnly

NOW = dt.datetime(2026, 11, 26, 10, 0, tzinfo=dt.UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
LIBRARY = library({"NLP/对话": ["Dialogue"], "ctr": ["Wide & Deep", "DeepFM"], "GNN": [], "AI/对话": ["Talk"]})
HERE = Subscribed(topics=("ctr",), schedule=parse_schedule("mon 09:00"), zone=SHANGHAI, format="full", items=3)
CURATOR = Command(role="curator")
MEMBER = Command(private=False)


def ask(text, who=Command(language="en"), subscription=None, **fields):
    settings = subscription.settings() if subscription else ChatSettings(zone=SHANGHAI)
    context = Context(LIBRARY, NOW, Random(1), settings, subscription=subscription, **fields)
    return commands.answer(commands.read(text, who), context)


def said(answer):
    return [block.text for block in answer.message.blocks if isinstance(block, Heading | Text)]


def facts(answer):
    return {name: value for block in answer.message.blocks if isinstance(block, Facts) for name, value in block.rows}


def offered(answer):
    return [button.action for block in answer.message.blocks if isinstance(block, Buttons) for button in block.buttons]


# -- subscribing -------------------------------------------------------------------------------------------------------


def test_a_chat_subscribes_to_what_it_names_and_is_told_what_comes_next():
    answer = ask("/subscribe ctr thu 18:30 europe/berlin")

    wants = Subscribed(topics=("ctr",), schedule=parse_schedule("thu 18:30"), zone=ZoneInfo("Europe/Berlin"))
    assert answer.changes == (Subscribe(wants),)
    assert said(answer) == ["Subscribed to ctr."]
    assert facts(answer)["Next edition"] == "Thursday, 26 November, 18:30 (Europe/Berlin)"
    assert facts(answer)["Its theme"] == "ctr"


def test_a_chat_that_names_nothing_gets_the_digests_defaults():
    assert ask("/sub").changes == (Subscribe(Subscribed(zone=SHANGHAI)),)


def test_whoever_subscribes_again_is_told_what_changed_and_keeps_the_rest():
    answer = ask("/subscribe thu 18:30", subscription=HERE)

    assert answer.changes == (Subscribe(replace(HERE, schedule=parse_schedule("thu 18:30"))),)
    assert said(answer) == ["The subscription is changed."]
    assert "mon 09:00 → thu 18:30" in [row[1] for block in answer.message.blocks
                                       if isinstance(block, Facts) for row in block.rows]  # fmt: skip


def test_whoever_subscribes_to_the_same_changes_nothing():
    answer = ask("/subscribe ctr mon 09:00 asia/shanghai", subscription=HERE)

    assert answer.changes == ()
    assert said(answer) == ["This chat is subscribed already."]


@pytest.mark.parametrize("state", ["paused", "suspended"])
def test_subscribing_wakes_what_slept(state):
    answer = ask("/subscribe", subscription=replace(HERE, state=state, reason="kicked"))

    assert answer.changes == (Subscribe(HERE),)
    assert said(answer) == ["Editions are posted here again."]


def test_an_unknown_topic_changes_nothing_and_suggests_the_whole_command():
    answer = ask("/subscribe ctrr mon 10:00 zzzzz")

    assert answer.changes == ()
    assert said(answer)[:2] == ["No topic is called “ctrr”.", "Nothing was changed."]
    assert offered(answer) == [Action("subscribe", "ctr mon 10:00 zzzzz", ref=f"{reference(('ctr',))} mon 10:00 zzzzz")]


def test_a_topic_of_two_is_asked_for_with_the_rest_of_the_command():
    answer = ask("/subscribe 对话 fri 10:00")

    action = offered(answer)[0]
    assert answer.changes == ()
    assert action.args == "NLP/对话 fri 10:00"
    assert action.ref == f"{reference(('NLP', '对话'))} fri 10:00"
    assert ask(f"/subscribe {action.ref}").changes[0].wants.topics == ("NLP/对话",)


def test_a_wrong_zone_changes_nothing_and_suggests_the_right_one():
    answer = ask("/subscribe ctr Asia/Shanghia")

    assert answer.changes == ()
    assert offered(answer) == [Action("subscribe", "ctr Asia/Shanghai")]


def test_a_wrong_schedule_is_answered_with_what_would_be_right():
    for wrong in ("25:00", "0 9 * * 1"):
        answer = ask(f"/subscribe ctr {wrong}")

        assert answer.changes == ()
        assert said(answer)[0].startswith(f"“{wrong}” is no schedule")


def test_the_theme_is_that_of_the_rotation_which_the_chat_joins():
    def past(settings):
        theme = LIBRARY.find_topic("NLP" if settings.topics else "ctr")
        edition = compose(LIBRARY, pick(LIBRARY, History(), "2026-W47", theme=theme), History(), "2026-W47")
        return History().after(edition)

    assert facts(ask("/subscribe nlp ctr", past=past))["Its theme"] == "ctr"


def test_an_edition_that_others_had_already_is_the_one_to_come():
    monday = parse_schedule("mon 09:00")
    theme = LIBRARY.find_topic("AI")
    edition = compose(LIBRARY, pick(LIBRARY, History(), "2026-W49", theme=theme), History(), "2026-W49")

    answer = ask("/status", subscription=Subscribed(schedule=monday), edition=edition)
    assert facts(answer)["Its theme"] == "AI"


# -- stopping and going on ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "state", "changes"),
    [
        ("/unsubscribe", "active", (Unsubscribe(),)),
        ("/unsub", "suspended", (Unsubscribe(),)),
        ("/pause", "active", (Pause(),)),
        ("/pause", "paused", ()),
        ("/pause", "suspended", (Subscribe(replace(HERE, state="paused")),)),
        ("/resume", "paused", (Resume(),)),
        ("/resume", "suspended", (Resume(),)),
        ("/resume", "active", ()),
        ("暂停", "active", (Pause(),)),
        ("恢复", "paused", (Resume(),)),
        ("退订", "active", (Unsubscribe(),)),
    ],
)
def test_a_subscription_is_stopped_and_goes_on(text, state, changes):
    assert ask(text, subscription=replace(HERE, state=state)).changes == changes


@pytest.mark.parametrize("text", ["/unsubscribe", "/pause", "/resume", "/settings", "/set format full"])
def test_without_a_subscription_there_is_nothing_to_change(text):
    answer = ask(text)

    assert answer.changes == ()
    assert said(answer) == ["This chat has no subscription."]
    assert offered(answer) == [Action("subscribe")]


@pytest.mark.parametrize("text", ["/subscribe", "/unsubscribe", "/pause", "/resume", "/settings", "/set items 3"])
def test_members_of_a_group_change_nothing_and_hear_who_may(text):
    answer = ask(text, MEMBER, subscription=HERE)

    assert answer.changes == ()
    assert said(answer) == ["只有本群管理员可以这样做。"]


# -- settings ----------------------------------------------------------------------------------------------------------


def test_a_setting_is_changed_and_said():
    answer = ask("/set format=compact", subscription=HERE)

    assert answer.changes == (Subscribe(replace(HERE, format="compact")),)
    assert facts(answer) == {"Format": "full → compact"}


def test_a_changed_zone_is_answered_with_the_next_edition_there():
    answer = ask("/set timezone europe/berlin", subscription=HERE)

    assert facts(answer)["Next edition"] == "Monday, 30 November, 09:00 (Europe/Berlin)"


def test_a_paused_subscription_stays_paused_when_a_setting_is_changed():
    paused = replace(HERE, state="paused")

    assert ask("/set items 5", subscription=paused).changes == (Subscribe(replace(paused, items=5)),)


def test_the_new_language_is_spoken_at_once():
    answer = ask("/set lang zh", subscription=HERE)

    assert answer.message.language == "zh"
    assert ask("/set lang zh").changes == (SetLanguage("zh"),)


def test_a_setting_that_is_so_already_changes_nothing():
    answer = ask("/set items 3", subscription=HERE)

    assert answer.changes == ()
    assert said(answer) == ["That is how it is already."]


def test_settings_offer_what_takes_few_values():
    assert Action("set", "format compact") in offered(ask("/settings", subscription=HERE))
    assert Action("resume") in offered(ask("/set", subscription=replace(HERE, state="paused")))


@pytest.mark.parametrize(
    ("switch", "row"), [("preview", "Link previews"), ("silent", "Sent silently"), ("pin", "Pinned")]
)
def test_a_switch_is_shown_and_turned_by_its_button(switch, row):
    there = Command(language="en", platform="telegram")
    off = ask("/settings", there, subscription=HERE)
    on = ask("/settings", there, subscription=replace(HERE, **{switch: True}))
    turned = ask(f"/set {switch} on", there, subscription=HERE)
    elsewhere = ask("/settings", subscription=HERE)

    assert (facts(off)[row], facts(on)[row]) == ("off", "on")
    assert Action("set", f"{switch} on") in offered(off)
    assert Action("set", f"{switch} off") in offered(on)
    assert turned.changes == (Subscribe(replace(HERE, **{switch: True})),)
    assert facts(turned) == {row: "off → on"}
    assert row not in facts(elsewhere)
    assert not any(action.args.startswith(switch) for action in offered(elsewhere))


# -- how it stands -----------------------------------------------------------------------------------------------------


def test_status_says_what_was_posted_what_was_not_and_why():
    monday = dt.datetime(2026, 11, 23, 1, 0, tzinfo=dt.UTC)
    stands = replace(
        HERE,
        last=Posted("2026-W47", ("ctr",), monday - dt.timedelta(days=7)),
        missed=Missed("2026-W48", monday, "too-late"),
        troubles=("part 2: message too long",),
    )
    rows = facts(ask("/status", subscription=stands))

    assert rows["This chat"] == "subscribed"
    assert rows["Last edition"] == "ctr · week 47 of 2026 · Monday, 16 November, 09:00 (Asia/Shanghai)"
    assert rows["Not posted"].endswith("missed by more than 36 hours, since the bot was not running")
    assert rows["Error"] == "part 2: message too long"
    assert rows["Schedule"] == "mon 09:00 (Asia/Shanghai)"


@pytest.mark.parametrize("reason", ["too-late", "holiday", "skipped", "nothing"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_reason_for_silence_has_words(reason, language):
    assert pages.missed_reason(reason, Reader(language)) != reason


def test_status_of_a_suspended_chat_says_why_and_offers_to_go_on():
    answer = ask("/status", subscription=replace(HERE, state="suspended", reason="bot was kicked"))

    assert facts(answer)["This chat"] == "suspended: bot was kicked"
    assert facts(answer)["Next edition"] == "none until it is resumed"
    assert offered(answer) == [Action("resume")]
    assert offered(ask("/status", MEMBER, subscription=replace(HERE, state="paused"))) == []


def test_an_edition_out_of_turn_is_told_without_a_period():
    stands = replace(HERE, last=Posted("post/k1", ("ctr",)))

    assert facts(ask("/status", subscription=stands))["Last edition"] == "ctr · out of turn"


def test_what_curators_let_go_is_not_the_next_edition():
    rows = facts(ask("/status", subscription=HERE, skipped=("2026-W49",)))

    assert rows["Next edition"] == "Monday, 7 December, 09:00 (Asia/Shanghai)"


# -- curators ----------------------------------------------------------------------------------------------------------


def test_curators_post_and_skip_in_private():
    assert ask("/post", CURATOR).changes == (PostNow(),)
    assert ask("/post ctr", CURATOR).changes == (PostNow(LIBRARY.find_topic("ctr")),)
    assert ask("/skip", CURATOR).changes == (SkipNext("2026-W49"),)
    assert ask("/skip", CURATOR).discreet
    assert ask("/post", Command(role="admin")).changes == ask("/skip").changes == ()


def test_a_topic_without_items_is_not_posted():
    answer = ask("/post gnn", CURATOR)

    assert answer.changes == ()
    assert said(answer) == ["“GNN”下没有条目，没有发布。"]


def test_what_came_of_posting_and_skipping_is_said():
    reader = Reader("en")

    assert pages.posted(3, reader).blocks[0] == Text("3 messages are on their way.")
    assert pages.posted(0, reader).blocks[0].text.startswith("Nothing is posted")
    assert pages.skipped("2026-W49", False, reader).blocks[0].text.startswith("Too late")


def test_a_database_that_cannot_be_written_is_a_curators_matter():
    error = StoreReadOnly("readonly database")

    assert len(pages.error(error, LIBRARY, Reader("en")).blocks) == 1
    assert "readonly database" in pages.error(error, LIBRARY, Reader("en", role="curator")).blocks[1].text


# -- notices -----------------------------------------------------------------------------------------------------------

DATA = {"chat": "telegram:-100", "reason": "bot was kicked", "bucket": "telegram", "seconds": "7199"}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", ["dead", "gone", "unpinned", "thread-closed", "limited", "revoked", "unheard-of"])
def test_every_notice_names_whom_it_is_about(kind, language):
    message = pages.notice(kind, DATA, Reader(language))
    text = " ".join(block.text for block in message.blocks if isinstance(block, Text))

    assert message.language == language
    assert "telegram" in text or kind == "unheard-of"
    assert any(isinstance(block, Facts) for block in message.blocks) == (kind == "unheard-of")


def test_the_owner_of_a_lost_chat_is_told_what_to_do():
    blocks = pages.notice("gone", DATA, Reader("en")).blocks

    assert "bot was kicked" in blocks[0].text
    assert [line.action for block in blocks if isinstance(block, Usage) for line in block.lines] == [Action("resume")]


def test_the_owner_of_a_chat_where_nothing_can_be_pinned_hears_which_right_is_missing_and_how_to_do_without():
    reason = "400 Bad Request: not enough rights to manage pinned messages in the chat"
    blocks = pages.notice("unpinned", {**DATA, "reason": reason}, Reader("en")).blocks

    assert reason in blocks[0].text
    assert "the right to pin messages" in blocks[1].text
    assert [f"{line.action.typed()} {line.arguments}" for line in blocks[2].lines] == ["/set pin off"]


def test_a_long_limit_is_told_in_minutes():
    assert "120 minutes" in pages.notice("limited", DATA, Reader("en")).blocks[0].text
