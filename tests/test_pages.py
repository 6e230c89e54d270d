import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from factories import digest, item, library, note
from hypothesis import given
from hypothesis import strategies as st

from bot.chat import pages
from bot.chat.conversation import Reader
from bot.chat.message import Buttons, Card, Facts, Heading, Labelled, Link, Note, Pager, Text, Tree
from bot.chat.pages import parts
from bot.digest.changes import Change, Changes
from bot.digest.library import Library
from bot.digest.model import Link as ItemLink
from bot.digest.model import Part, Problem
from bot.digest.sources import Reload
from bot.editions.edition import Edition
from bot.editions.schedule import PeriodError, Schedule, ScheduleError
from bot.errors import TopicAmbiguous, TopicNotFound

READER = Reader(language="en", now=dt.datetime(2026, 11, 26, 18, 0, tzinfo=dt.UTC))
LONG = "The first sentence is as long as sentences go in abstracts of papers like these. " * 6


def blocks(message, kind):
    return [block for block in message.blocks if isinstance(block, kind)]


def headings(message):
    return [block.text for block in blocks(message, Heading)]


def titles(message):
    return [card.title for card in message.cards()]


def texts(message):
    return [block.text for block in blocks(message, Text)]


def card_of(one, reader=READER):
    held = library({"ctr": [one]})
    return next(pages.topic(held.find_topic("ctr"), held, reader).cards())


# -- cards -------------------------------------------------------------------------------------------------------------


def test_a_card_holds_all_that_the_curator_wrote_about_an_item():
    full = item(
        "DeepFM",
        url="https://example.org/deepfm",
        summary="In short.",
        summary_source="abstract",
        body=("Said beside it.",),
        parts=(
            Part("abstract", "摘要", "In short.", 2),
            Part("recommendation", "推荐", "Read it.", 3),
            Part("other", "会议", "IJCAI", 4),
        ),
        links=(ItemLink("slides", "https://example.org/slides", 5),),
        tags=("video",),
    )

    card = card_of(full, replace(READER, format="full"))

    assert (card.title, card.url, card.summary, card.more) == ("DeepFM", "https://example.org/deepfm", "In short.", "")
    assert card.recommendation == Labelled("推荐", "Read it.")
    assert card.parts == (Labelled("", "Said beside it."), Labelled("会议", "IJCAI"))
    assert card.links == (Link("slides", "https://example.org/slides"),)
    assert card.tags == ("video",)


def test_a_card_of_nothing_but_a_link_is_whole_too():
    card = card_of(item("Only a link"))

    assert (card.summary, card.recommendation, card.parts, card.links) == ("", None, (), ())


@pytest.mark.parametrize(("form", "shown"), [("compact", 0), ("normal", 3), ("full", 6)])
def test_a_summary_is_cut_at_a_sentence_to_fit_the_format(form, shown):
    card = card_of(item(summary=LONG, summary_source="body"), replace(READER, format=form))

    assert card.summary.count("like these.") == shown
    assert card.summary == "" or card.summary.endswith("like these.")
    if form == "normal":
        assert f"{card.summary} {card.more}" == LONG.strip()


@pytest.mark.parametrize(
    ("label", "url", "name"),
    [
        ("https://github.com/a/b", "https://github.com/a/b", "Code"),
        ("", "https://arxiv.org/abs/1", "Paper"),
        ("https://ai.example.com/blog", "https://ai.example.com/blog", "ai.example.com"),
        ("demo", "https://github.com/a/b", "demo"),
        ("", "mailto:someone@example.org", "someone@example.org"),
        ("", "https://[bad", "https://[bad"),
    ],
)
def test_companion_links_stand_under_their_names(label, url, name):
    assert parts.link_name(label, url, READER.say) == name


def test_children_stand_beneath_their_article_with_their_lead_line():
    parent = item("Article", "视频")
    child = item("VideoBERT", "视频", parent=parent.id, group_label="两篇")
    held = library({"视频": [parent, child]})

    (card,) = blocks(pages.topic(held.find_topic("视频"), held, READER), Card)
    (alone,) = blocks(pages.found([child], held, READER), Card)

    assert [(one.title, one.group_label) for one in card.children] == [("VideoBERT", "两篇")]
    assert (alone.beneath, alone.path) == ("Article", ("视频",))


# -- topics ------------------------------------------------------------------------------------------------------------


def test_a_topic_shows_its_subtree_under_the_headings_below_it():
    held = library(
        {"NLP": [note("Read these first.")], "NLP/标准": ["GLUE"], "NLP/对话/convai": ["ConvAI"], "CV": ["X"]}
    )

    message = pages.topic(held.find_topic("NLP"), held, READER)

    assert headings(message) == ["NLP", "标准", "对话 / convai"]
    assert blocks(message, Note) == [Note("Read these first.")]
    assert titles(message) == ["GLUE", "ConvAI"]
    assert message.blocks[0].aside == "2 items"


def test_a_heading_that_only_repeats_its_one_item_is_not_shown():
    held = library({"ctr/传统ctr": [item("传统ctr", title_source="heading")], "ctr/深度ctr": ["DeepFM"]})

    assert headings(pages.topic(held.find_topic("ctr"), held, READER)) == ["ctr", "深度ctr"]


def test_an_empty_topic_says_so_and_shows_what_is_related_with_its_path():
    held = library({"GNN": [], "架构/平台": ["GNN platforms compared"], "CV": ["Something else"]})

    message = pages.topic(held.find_topic("GNN"), held, READER)

    assert "still empty" in texts(message)[0]
    assert [(card.title, card.path) for card in message.cards()] == [("GNN platforms compared", ("架构", "平台"))]


def test_an_empty_topic_without_relatives_shows_the_way_on():
    held = library({"GNN": [], "CV": ["Something else"]})

    assert blocks(pages.topic(held.find_topic("GNN"), held, READER), Buttons)


def test_a_container_of_empty_topics_is_empty_too():
    held = library({"outer/inner": []})

    assert "still empty" in texts(pages.topic(held.find_topic("outer"), held, READER))[0]


def test_empty_sub_topics_are_named_once_at_the_end():
    held = library({"NLP/a": [], "NLP/b": ["B"], "NLP/c": []})

    message = pages.topic(held.find_topic("NLP"), held, READER)

    assert texts(message) == ["Nothing yet under: a, c"]
    assert headings(message) == ["NLP", "b"]


def test_notes_alone_are_shown():
    held = library(
        {"其他": [note("不知道是啥。。"), note("另一条", links=(ItemLink("x", "https://example.org/x", 9),))]}
    )

    message = pages.topic(held.find_topic("其他"), held, READER)

    assert [block.text for block in blocks(message, Note)] == ["不知道是啥。。", "另一条"]
    assert blocks(message, Note)[1].links == (Link("x", "https://example.org/x"),)


@given(st.integers(1, 60), st.integers(0, 3), st.sampled_from(["compact", "normal", "full"]))
def test_the_pages_of_a_topic_hold_every_item_once_and_never_less_than_five(items, notes, form):
    rows = [f"Paper {n}" for n in range(items)]
    held = library({"a": rows[: items // 2], "a/b": [*[note(f"Note {n}") for n in range(notes)], *rows[items // 2 :]]})
    reader = replace(READER, format=form)
    first = pages.topic(held.find_topic("a"), held, reader)
    all_pages = [first]
    while all_pages[-1].more:
        all_pages.append(pages.topic(held.find_topic("a"), held, reader, page=len(all_pages) + 1))

    assert [title for message in all_pages for title in titles(message)] == rows
    assert sum(len(blocks(message, Note)) for message in all_pages) == notes
    assert all(len(titles(message)) >= min(items, parts.LEAST) for message in all_pages)
    assert {len(blocks(message, Pager)) for message in all_pages} == {0 if len(all_pages) == 1 else 1}


def test_a_section_that_goes_on_says_its_heading_again():
    held = library({"a/b": [f"Paper {n}" for n in range(12)]})

    second = pages.topic(held.find_topic("a"), held, READER, page=2)

    assert [(block.text, block.aside) for block in blocks(second, Heading)] == [("a", "12 items"), ("b", "continued")]


def test_a_page_beyond_the_last_is_the_last():
    held = library({"a": [f"Paper {n}" for n in range(12)]})

    assert pages.topic(held.find_topic("a"), held, READER, page=99) == pages.topic(
        held.find_topic("a"), held, READER, page=2
    )


def test_the_tree_counts_what_lies_under_each_topic_and_marks_the_empty():
    held = library({"NLP/对话": ["A", "B"], "GNN": [], "其他": [note()]})

    (tree,) = blocks(pages.topics(held, READER), Tree)

    assert [(line.number, line.depth, line.title, line.aside, line.muted) for line in tree.lines] == [
        (1, 0, "NLP", "2", False),
        (2, 1, "对话", "2", False),
        (3, 0, "GNN", "empty", True),
        (4, 0, "其他", "note", True),
    ]


def test_the_tree_of_a_word_holds_the_topics_above_and_below():
    held = library({"NLP/对话/convai": ["A"], "CV": ["B"]})

    (tree,) = blocks(pages.topics(held, READER, word="对"), Tree)

    assert [line.title for line in tree.lines] == ["NLP", "对话", "convai"]
    assert texts(pages.topics(held, READER, word="xyz")) == ["No topic has “xyz” in its title."]


def test_a_button_to_one_of_two_topics_of_a_name_says_which():
    held = library({"NLP/其他": ["A"], "CV/其他": ["B"]})
    for topic in held.topics:
        action = parts.topic_action(topic, held)

        assert held.find_topic(action.args) == topic
        assert action.ref == parts.reference(topic.path)


def test_references_are_short_and_differ():
    held = library({f"{n}/topic": ["A"] for n in range(50)})
    references = {parts.reference(topic.path) for topic in held.topics}

    assert len(references) == 100
    assert {len(reference) for reference in references} == {9}


def test_a_near_miss_suggests_topics_and_shows_what_mentions_it():
    held = library({"ctr": ["Distillation at last"], "蒸馏": ["B"]})
    error = TopicNotFound("distillation", (held.find_topic("蒸馏"),))

    message = pages.error(error, held, READER)

    assert [button.action.args for block in blocks(message, Buttons) for button in block.buttons] == ["蒸馏"]
    assert titles(message) == ["Distillation at last"]


def test_an_ambiguous_name_is_asked_back():
    held = library({"NLP/其他": ["A"], "CV/其他": ["B"]})

    message = pages.error(TopicAmbiguous("其他", held.topics[1::2]), held, READER)

    assert [button.label for block in blocks(message, Buttons) for button in block.buttons] == [
        "NLP / 其他",
        "CV / 其他",
    ]


# -- the weekly --------------------------------------------------------------------------------------------------------


def edition_of(held, **fields):
    theme = held.topics[0]
    values = {"period": "2026-W48", "theme": theme, "reason": "never-posted", "items": held.items_in(theme.path)}
    return Edition(**{**values, **fields})


def test_an_edition_is_one_message_without_pages_however_much_it_holds():
    held = library({"ctr": [f"Paper {n}" for n in range(30)]})

    message = pages.edition(edition_of(held), held, READER)

    assert len(titles(message)) == 30
    assert blocks(message, Pager) == []


def test_an_edition_shows_its_children_its_relatives_and_one_line_of_news():
    parent, child = item("Article"), item("Child")
    held = library({"ctr": [parent, child], "多目标": ["GMV and CTR"], "CV": [f"New {n}" for n in range(5)]})
    edition = edition_of(
        held,
        items=(parent,),
        children={parent.id: (child,)},
        related=held.items_in(("多目标",)),
        new=held.items_in(("CV",)),
        part=2,
        left=3,
        reason="plan",
    )

    message = pages.edition(edition, held, READER)

    assert headings(message) == ["ctr · week 48 of 2026", "Related, from other topics"]
    assert texts(message) == [
        "part 2 · 3 more to come · planned by the curators",
        "New in the digest: New 0, New 1, New 2 and 2 more",
    ]
    assert [(card.title, [one.title for one in card.children], card.path) for card in blocks(message, Card)] == [
        ("Article", ["Child"], ()),
        ("GMV and CTR", [], ("多目标",)),
    ]


def test_a_late_edition_says_so():
    held = library({"ctr": ["A"]})

    assert texts(pages.edition(edition_of(held), held, READER, late=True)) == ["late, with apologies"]


@pytest.mark.parametrize(
    ("period", "zh", "en"),
    [
        ("2026-W48", "2026 年第 48 周", "week 48 of 2026"),
        ("2026-11-23", "2026年11月23日", "23 November 2026"),
        ("2026-12", "2026年12月", "December 2026"),
    ],
)
def test_a_period_is_said_as_people_say_it(period, zh, en):
    held = library({"ctr": ["A"]})
    edition = edition_of(held, period=period)

    assert headings(pages.edition(edition, held, READER.speaking("zh"))) == [f"ctr · {zh}"]
    assert headings(pages.edition(edition, held, READER)) == [f"ctr · {en}"]


# -- the house ---------------------------------------------------------------------------------------------------------


def status(role):
    held = Library.build([digest({"ctr": ["A"]})], problems=[Problem("a.md", 3, "stray-marker", "warning", "odd")])
    run = dt.datetime(2026, 11, 30, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    reader = replace(READER, role=role, zone=ZoneInfo("Asia/Shanghai"))
    message = pages.status(held, edition_of(held), run, Schedule(9, 0, (0,)), reader)
    return dict(blocks(message, Facts)[0].rows)


def test_the_status_names_the_next_run_its_zone_and_its_theme():
    facts = status("member")

    assert facts["Next edition"] == "Monday, 30 November, 09:00 (Asia/Shanghai)"
    assert facts["Its theme"] == "ctr"
    assert facts["Digest"] == "合辑 · 1 item, 1 topic, 1 file"
    assert "To fix" not in facts


def test_the_status_counts_problems_for_curators_alone():
    assert status("curator")["To fix"] == "1 warning"


def test_problems_are_shown_with_file_and_line():
    message = pages.problems([Problem("a.md", 3, "stray-marker", "warning", "a stray marker")], READER)

    assert blocks(message, Facts)[0].rows == (("a.md:3", "warning: a stray marker"),)
    assert texts(pages.problems([], READER)) == ["Nothing to fix."]


def test_a_reload_says_what_changed():
    changes = Changes(added=(item("New"),), moved=(Change(item("Old", "a"), item("Old", "b")),))

    message = pages.reloaded(Reload(True, changes), READER)

    assert blocks(message, Facts)[0].rows == (("Added 1", "New"), ("Moved 1", "Old"))
    assert texts(pages.reloaded(Reload(True), READER)) == ["The content was read again.", "Nothing has changed."]


def test_a_refused_reload_says_why_and_how_to_force_it():
    problem = Problem("a.md", 1, "shrank", "error", "30 items became 2")

    message = pages.reloaded(Reload(False, problems=(problem,)), READER)

    assert "Kept what was there" in texts(message)[0]
    assert blocks(message, Facts)[0].rows == (("a.md:1", "30 items became 2"),)
    assert blocks(message, Buttons)[0].buttons[0].action.typed() == "/reload force"


@pytest.mark.parametrize("error", [ScheduleError("25:00"), PeriodError("2026-W99")])
def test_an_error_is_a_sentence_in_the_readers_language(error):
    held = library({"ctr": ["A"]})
    (english,), (chinese,) = (
        texts(pages.error(error, held, READER)),
        texts(pages.error(error, held, READER.speaking("zh"))),
    )

    assert english == str(error)
    assert error.text in chinese
    assert chinese.endswith("。")
