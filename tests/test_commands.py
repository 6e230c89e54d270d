import datetime as dt
from dataclasses import replace
from random import Random
from zoneinfo import ZoneInfo

import pytest
from factories import item, library
from msgspec import structs

from bot.chat import commands
from bot.chat.conversation import (
    QUESTION,
    ChatSettings,
    Command,
    Context,
    CountMiss,
    ReloadContent,
    SetLanguage,
)
from bot.chat.message import Action, Buttons, Card, Heading, Text, Usage
from bot.chat.pages.parts import reference
from bot.editions.edition import Edition

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 11, 26, 18, 0, tzinfo=dt.UTC)
LIBRARY = library(
    {
        "NLP/对话": ["Conversational AI", "Dialogue state tracking"],
        "NLP/bert蒸馏": [item("BERT distillation", url="https://arxiv.org/abs/1910.01108")],
        "ctr": ["Wide & Deep", "DeepFM"],
        "GNN": [],
        "其他": [],
    },
    aliases={"ctr": ("点击率",), "GNN": ("图神经网络",)},
)
EMPTY = library({})
GROUP = Command(private=False)


def context(**fields):
    return Context(**{"library": LIBRARY, "now": NOW, "random": Random(7), **fields})


def ask(text, who=Command(), **fields):
    return commands.answer(commands.read(text, who), context(**fields))


def titles(answer):
    return [card.title for card in answer.message.cards()]


def said(answer):
    return [block.text for block in answer.message.blocks if isinstance(block, Heading | Text)]


def offered(answer):
    return [button.action for block in answer.message.blocks if isinstance(block, Buttons) for button in block.buttons]


def usage(answer):
    return [line.action.name for block in answer.message.blocks if isinstance(block, Usage) for line in block.lines]


# -- reading what was typed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "args", "page"),
    [
        ("/topic ctr", "topic", "ctr", 1),
        ("/t ctr", "topic", "ctr", 1),
        ("  /TOPIC   bert   蒸馏 ", "topic", "bert 蒸馏", 1),
        ("／topic ctr", "topic", "ctr", 1),
        ("/topic@heji ctr", "topic", "ctr", 1),
        ("/topic@HEJI", "topic", "", 1),
        ("/topic nlp --page 2", "topic", "nlp", 2),
        ("/topics —page 3", "topics", "", 3),
        ("/search page 2 of it", "search", "page 2 of it", 1),
        ("/search 第\n二行", "search", "第 二行", 1),
        ("话题 ctr", "topic", "ctr", 1),
        ("搜索：蒸馏", "search", "蒸馏", 1),
        ("本周", "week", "", 1),
        ("下一页", "more", "", 1),
        ("/本周", "week", "", 1),
        ("搜索引擎", QUESTION, "搜索引擎", 1),
        ("random forest", QUESTION, "random forest", 1),
        ("ctr", QUESTION, "ctr", 1),
        ("", QUESTION, "", 1),
        ("/", QUESTION, "/", 1),
        ("/frobnicate it", "frobnicate", "it", 1),
    ],
)
def test_what_is_typed_becomes_a_command(text, name, args, page):
    read = commands.read(text, Command())

    assert (read.name, read.args, read.page) == (name, args, page)


def test_a_command_keeps_who_asked_and_where():
    who = Command(platform="telegram", chat="telegram:-100", user="7", role="admin", language="zh-hans", private=False)

    assert commands.read("/week", who) == replace(who, name="week")


def test_what_is_meant_for_another_bot_is_ignored():
    assert commands.read("/topic@OtherBot ctr", Command()) is None
    assert commands.read("/topic@heji_bot ctr", Command(), me="heji_bot").args == "ctr"


def test_in_a_group_only_commands_and_mentions_are_for_the_bot():
    assert commands.read("ctr", GROUP) is None
    assert commands.read("本周", GROUP) is None
    assert commands.read("/banana", GROUP) is None

    assert commands.read("/week", GROUP).name == "week"
    assert commands.read("/banana@heji", GROUP).name == "banana"
    assert commands.read("本周", GROUP, mentioned=True).name == "week"
    assert commands.read("ctr", GROUP, mentioned=True).name == QUESTION


def test_behind_a_root_names_need_no_slash():
    assert commands.read("topic ctr", Command(), slashless=True).args == "ctr"
    assert commands.read("ctr", Command(), slashless=True).name == QUESTION


def test_nobody_is_read_endlessly():
    assert len(commands.read("/search " + "x" * 10_000, Command()).args) < commands.MAX_WORDS


# -- the answers -------------------------------------------------------------------------------------------------------


def test_a_topic_is_shown_with_everything_under_it():
    assert titles(ask("/topic nlp")) == ["Conversational AI", "Dialogue state tracking", "BERT distillation"]


def test_a_topic_is_found_by_number_alias_and_path():
    assert titles(ask("/topic 4")) == titles(ask("/topic 点击率")) == ["Wide & Deep", "DeepFM"]
    assert titles(ask("/topic NLP/对话")) == ["Conversational AI", "Dialogue state tracking"]


def test_a_button_finds_its_topic_by_reference():
    assert titles(ask(f"/topic {reference(('NLP', '对话'))}")) == ["Conversational AI", "Dialogue state tracking"]


def test_a_button_that_outlived_its_topic_is_answered():
    answer = ask("/topic ~aaaaaaaa")

    assert said(answer) == ["这个主题已经不在合辑里了。"]
    assert offered(answer) == [Action("topics")]
    assert answer.changes == ()


def test_no_topic_of_that_name_is_said_and_counted():
    answer = ask("/topic quantum")

    assert said(answer)[0] == "没有叫“quantum”的主题。"
    assert answer.changes == (CountMiss("quantum"),)


def test_a_bare_word_is_a_topic_if_one_is_called_so_else_a_search():
    assert titles(ask("ctr")) == titles(ask("/ctr")) == ["Wide & Deep", "DeepFM"]
    assert said(ask("distillation"))[0] == "搜索：distillation"
    assert titles(ask("distillation")) == ["BERT distillation"]


@pytest.mark.parametrize(
    "text",
    ["https://arxiv.org/pdf/1910.01108v4", "arXiv:1910.01108", "1910.01108", "是这篇吗？https://arxiv.org/abs/1910.01108，谢谢",
     "/search https://arxiv.org/abs/1910.01108", "arxiv.org/abs/1910.01108"],
)  # fmt: skip
def test_an_address_is_answered_with_where_the_digest_holds_it(text):
    answer = ask(text)

    assert [(card.title, card.path) for card in answer.message.cards()] == [("BERT distillation", ("NLP", "bert蒸馏"))]


def test_an_unknown_address_is_answered_too():
    assert said(ask("https://example.org/nowhere")) == ["合辑里没有收录这个链接。"]


def test_nothing_is_found_silently():
    answer = ask("/search qqqqqq")

    assert said(answer)[0] == "合辑里没有提到“qqqqqq”的内容。"
    assert offered(answer)
    assert answer.changes == (CountMiss("qqqqqq"),)


def test_a_slip_in_a_command_suggests_it():
    answer = ask("/topc")

    assert said(answer)[0] == "没有“topc”这个命令。"
    assert Action("topic") in offered(answer)


def test_random_draws_from_the_topic_and_offers_another():
    answer = ask("/random ctr")

    assert titles(answer)[0] in ("Wide & Deep", "DeepFM")
    assert offered(answer)[0].typed() == "/random ctr"
    assert {titles(ask("/random", random=Random(seed)))[0] for seed in range(40)} == {
        "Conversational AI", "Dialogue state tracking", "BERT distillation", "Wide & Deep", "DeepFM",
    }  # fmt: skip


def test_random_in_an_empty_topic_says_that_it_is_empty():
    assert said(ask("/random gnn"))[0] == "GNN"


def test_a_period_that_was_composed_is_shown_as_it_was():
    theme = LIBRARY.find_topic("ctr")
    posted = Edition("2026-W48", theme, "least-recent", LIBRARY.items_under(theme.path))

    assert said(ask("/week", edition=posted))[0] == "ctr · 2026 年第 48 周"
    assert said(ask("/week", edition=replace(posted, period="2026-W47")))[0] == "NLP · 2026 年第 48 周"


def test_next_follows_this_weeks_theme_and_names_time_and_zone():
    answer = ask("/next", settings=ChatSettings(zone=SHANGHAI))

    assert said(answer)[:2] == ["下一期：ctr", "发布时间：11月30日星期一 09:00（Asia/Shanghai）"]


def test_before_its_hour_next_is_this_weeks():
    monday = dt.datetime(2026, 11, 30, 8, 0, tzinfo=dt.UTC)

    assert said(ask("/next", now=monday))[0] == "下一期：NLP"
    assert said(ask("/week", now=monday))[0] == "NLP · 2026 年第 49 周"


def test_preview_is_for_curators_and_between_the_two():
    curator = Command(role="curator")
    answer = ask("/preview 对话", curator)

    assert said(ask("/preview"))[0] == "只有合辑的编者可以这样做。"
    assert titles(answer)[:2] == ["Conversational AI", "Dialogue state tracking"]
    assert answer.discreet
    assert said(ask("/preview gnn", curator))[0] == "GNN"


def test_reload_is_a_wish_that_is_carried_out_elsewhere():
    assert ask("/reload", Command(role="curator")).changes == (ReloadContent(),)
    assert ask("/reload force", Command(role="curator")).changes == (ReloadContent(force=True),)
    assert ask("/reload", Command(role="admin")).changes == ()


def test_the_language_is_changed_and_said_in_the_new_one():
    answer = ask("/lang en")

    assert answer.changes == (SetLanguage("en"),)
    assert said(answer) == ["From now on I speak English here."]
    assert ask("/lang 英文").changes == (SetLanguage("en"),)


def test_in_a_group_only_admins_change_the_language():
    member = commands.answer(Command("lang", "en", private=False), context())
    admin = commands.answer(Command("lang", "en", private=False, role="admin"), context())

    assert member.changes == ()
    assert said(member) == ["只有本群管理员可以这样做。"]
    assert admin.changes == (SetLanguage("en"),)


def test_an_unknown_language_is_refused_with_the_choice():
    answer = ask("/lang fr")

    assert answer.changes == ()
    assert offered(answer) == [Action("lang", "zh"), Action("lang", "en")]


def test_the_chats_language_goes_before_the_readers_and_that_before_the_digests():
    english = Command("more", language="en-GB")

    assert said(commands.answer(Command("more"), context())) == ["没有更多了。"]
    assert said(commands.answer(english, context())) == ["There is nothing more to show."]
    assert said(commands.answer(english, context(settings=ChatSettings(language="zh")))) == ["没有更多了。"]


def test_help_shows_only_what_the_reader_may_use_here():
    everybody = ["topic", "topics", "search", "random", "new", "week", "next", "status"]
    admins = ["subscribe", "unsubscribe", "pause", "resume", "settings", "set", "lang"]
    curators = ["preview", "post", "skip", "reload", "check"]

    assert usage(ask("/help", Command(private=False))) == [*everybody, "help"]
    assert usage(ask("/help", Command(role="admin", private=False))) == [*everybody, *admins, "help"]
    assert usage(ask("/help", Command())) == [*everybody, *admins, "help"]
    assert usage(ask("/help", Command(role="curator"))) == [*everybody, *admins, *curators, "help"]


def test_help_explains_one_command_by_any_of_its_names():
    assert usage(ask("/help topic")) == usage(ask("/help /t")) == usage(ask("帮助 话题")) == ["topic"]
    assert usage(ask("/help reload")) == []


def test_help_on_slack_says_why_everything_has_a_root():
    assert any("/digest" in text for text in said(ask("/help", root="/digest ")))


def test_start_greets_and_follows_deep_links():
    assert said(ask("/start"))[0] == "合辑"
    assert titles(ask(f"/start t_{reference(('ctr',))[1:]}")) == ["Wide & Deep", "DeepFM"]
    assert titles(ask(f"/start i_{LIBRARY.items[0].id}")) == ["Conversational AI"]
    assert said(ask("/start nonsense"))[0] == "合辑"


def test_more_asks_for_the_next_page_of_the_last_answer():
    many = library({"ctr": [f"Paper {n}" for n in range(12)]})
    first = ask("/topic ctr", library=many)
    second = ask("/more", library=many, more=first.message.more)

    assert titles(first) + titles(second) == [f"Paper {n}" for n in range(12)]
    assert second.message.more is None
    assert said(ask("/more")) == ["没有更多了。"]


def test_more_gives_nobody_rights():
    answer = ask("/more", more=Action("check", page=2))

    assert said(answer) == ["只有合辑的编者可以这样做。"]


def test_new_is_dated_by_the_digests_where_nothing_was_seen_to_come():
    old = structs.replace(LIBRARY.digests[0], date=dt.date(2026, 11, 20), file="a.md")
    dated = type(LIBRARY).build([structs.replace(old, items=tuple(structs.replace(i, file="a.md") for i in old.items))])

    answer = ask("/new", library=dated)

    assert said(answer)[:2] == ["最近收录", "11月20日星期五"]
    assert said(ask("/new"))[0] == "合辑没有标日期，暂时说不上哪些是新的。"


# -- the table ---------------------------------------------------------------------------------------------------------


def test_no_word_means_two_commands():
    names = [name for row in commands.TABLE for name in (row.name, *row.aliases, *row.words)]

    assert len(names) == len(set(names))


def test_every_command_fits_telegrams_menu():
    assert all(len(row.name) <= 32 and row.name.isascii() and row.name.islower() for row in commands.TABLE)


@pytest.mark.parametrize("role", ["member", "admin", "curator", "stranger"])
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_command_says_something_to_everybody_about_anything(role, private, language):
    for row in commands.TABLE:
        for args in ("", "ctr", "no such thing", "GNN", "0", "-1", "{x} %s <b>", "~", "/"):
            for held in (LIBRARY, EMPTY):
                command = Command(row.name, args, page=99, role=role, private=private, language=language)
                answer = commands.answer(command, context(library=held))

                assert any(isinstance(block, Heading | Text | Card | Usage) for block in answer.message.blocks), command
                assert answer.message.language in ("zh", "en")


@pytest.mark.parametrize(
    ("asked", "needed"),
    [("/topic ctr", False), ("/search bert", False), ("ctr", False), ("/week", True), ("/status", True)],
)
def test_only_what_speaks_of_editions_and_choices_needs_the_memory(asked, needed):
    command = commands.read(asked, commands.Command())

    assert commands.needs_memory(command) is needed
