"""What Telegram is given: tried on digests that nobody would write, with Telegram's own parser as the judge."""

import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
import telegram_judge as judge
from chat_goldens import NOW, conversation, goldens, library_of, settle
from hypothesis import example, given, settings
from hypothesis import strategies as st
from telegram_reading import read

from bot.chat import commands
from bot.chat.conversation import ChatSettings, Command, Context
from bot.chat.message import (
    FORMATS,
    Action,
    Button,
    Buttons,
    Card,
    Facts,
    Heading,
    Labelled,
    Link,
    Message,
    Note,
    Pager,
    Text,
    TopicLine,
    Tree,
    Usage,
    UsageLine,
)
from bot.digest.config import DigestConfig
from bot.digest.library import Library
from bot.digest.parsing.parser import parse
from bot.platforms.letters import is_visible
from bot.platforms.telegram.render import asked, callback, carries, inline, plain, render
from bot.platforms.telegram.text import address, inert

# An example of theirs may hold 300 links; it is worth reading all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

GOLDEN = Path(__file__).with_name("golden") / "telegram.md"
A = "https://example.org/a"
OURS = {"bold", "italic", "text_link", "expandable_blockquote"}


def said(payload):
    """The text of *payload* and the entities that a reader gets, once it is certain that Telegram takes it."""
    params = payload["params"]
    text, entities = judge.received(params["text"], params["parse_mode"])
    buttons = params.get("reply_markup", {}).get("inline_keyboard", [])

    assert payload["method"] == "sendMessage"
    assert json.loads(json.dumps(payload, ensure_ascii=False).encode("utf-8")) == payload
    assert is_visible(text)
    assert text == text.strip(" \n")
    assert judge.units(text) <= judge.MAX_UNITS
    assert len(entities) <= judge.MAX_ENTITIES
    assert len(params["text"].encode()) <= 32_768
    assert sum(len(one.get("url", "").encode()) for one in entities) <= 9_000
    assert all(1 <= len(row) <= 8 for row in buttons)
    assert sum(map(len, buttons)) <= 100
    assert all(
        is_visible(key["text"]) and 1 <= len(key["callback_data"].encode()) <= 64 for row in buttons for key in row
    )
    assert set(params["link_preview_options"]) == {"is_disabled"} or params["link_preview_options"]["url"]
    return text, entities


def all_said(message):
    return [said(payload) for payload in render(message)]


def text_of(message):
    return "\n".join(text for text, _ in all_said(message))


def links_of(message):
    """Every live link: its label and where it leads, in order."""
    return [
        (judge.covered(text, one), one["url"])
        for text, entities in all_said(message)
        for one in entities
        if one["type"] == "text_link"
    ]


def as_telegram_writes(url):
    ((_, (link,))) = judge.parse(f'<a href="{escape(address(url))}">x</a>')
    return link["url"]


def is_subsequence(wanted, found):
    remaining = iter(found)
    return all(one in remaining for one in wanted)


# -- whatever there is to say ------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "README.md", "x.py", "@name", "a@b.co", "#tag", "#标签", "/cmd",
        "/topic@heji_bot", "$USD", "$1INCH", "arxiv.org", "示例.中国", "1.2.3.4",
        "tg://resolve?domain=x", "ton://x", "mailto:a@b.co", "javascript:alert(1)",
        "http:x.com", "+1-212-555-0123", "4111 1111 1111 1111", "4111111111111111",
        "<b>", "</a>", "<a href='x'>", "&amp;", "&#64;", "&", '"', "<blockquote>",
        "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇨🇳🇯🇵", "👍🏽", "e\u0301", "שלום", "\u202eabc", "\u2066",
        "\u200b", "\u2060", "\u3164", "\x00", "\r", "\ud83d", "神经网络", "一句话。",
        "Sentence. ", "词，", " ", "\n", "\n\n", "://", ".com", "@", "#",
        "https://example.org/x_(y)?a=1&b=2", "https://中文.org/路径",
        "https://t.me/joinchat", "http://localhost/x", "·", "①", "_", "中", "x", "7",
        "/", ".", "$", "-", "’", "ǅ", "ª", "𝒜", "٣", "‿",
    ]
)  # fmt: skip
SHORT = st.lists(PIECES, max_size=8).map("".join)
LONG = st.builds(lambda piece, n, end: piece * n + end, SHORT, st.sampled_from([1, 1, 40, 700]), SHORT).map(
    lambda text: text[:6000]
)
PROSE = st.one_of(SHORT, LONG, st.text(max_size=60))
HOSTS = st.sampled_from(
    ["example.org", "a.b", "localhost", "例子.中国", "1.2.3.4:80", "[::1]", "a..b", "u:p@h.org", "", "x"]
)
PATHS = st.text(st.sampled_from("ab/?#&%=+ .,_~()'\"<>中é🎉\u200b\u2028\x01\\@:;|{}[]"), max_size=12)
URLS = st.one_of(
    st.builds(
        lambda scheme, host, path: f"{scheme}{host}{path}",
        st.sampled_from(["https://", "http://", "HTTPS://", ""]),
        HOSTS,
        PATHS,
    ),
    st.sampled_from(
        ["javascript:alert(1)", "mailto:a@b.co", "tg://user?id=1", "data:text/html,x", "//a.b", "#x", "a.md", ""]
    ),
    st.integers(0, 999).map("https://example.org/{}".format),
    st.integers(1500, 5000).map(lambda n: "https://example.org/" + "&" * n),
)
LINKS = st.lists(st.builds(Link, SHORT, URLS), max_size=4).map(tuple)
LABELLED = st.builds(Labelled, SHORT, PROSE, st.one_of(st.just(""), PROSE))
CARDS = st.builds(
    Card,
    id=SHORT, title=PROSE, url=URLS, summary=PROSE, more=st.one_of(st.just(""), PROSE),
    recommendation=st.none() | LABELLED, parts=st.lists(LABELLED, max_size=2).map(tuple),
    links=st.one_of(LINKS, st.integers(150, 300).map(lambda n: tuple(Link(f"l{i}", f"{A}{i}") for i in range(n)))),
    path=st.lists(SHORT, max_size=2).map(tuple), tags=st.lists(SHORT, max_size=2).map(tuple),
    group_label=SHORT, beneath=SHORT, badge=SHORT,
)  # fmt: skip
FAMILIES = st.builds(lambda card, children: replace(card, children=tuple(children)), CARDS, st.lists(CARDS, max_size=3))
ACTIONS = st.builds(
    Action, st.sampled_from(["topic", "search"]), PROSE, st.integers(1, 999_999), st.just("") | st.just("~abcdefgh")
)
BUTTONS = st.builds(Button, PROSE, ACTIONS, SHORT)
LINES = st.builds(TopicLine, st.integers(1, 99), st.integers(0, 5), PROSE, SHORT, ACTIONS, st.booleans())
BLOCKS = st.one_of(
    FAMILIES,
    st.builds(Heading, PROSE, st.integers(1, 3), SHORT),
    st.builds(Text, PROSE, st.booleans()),
    st.builds(Note, PROSE, LINKS),
    st.builds(Tree, st.lists(LINES, max_size=5).map(tuple)),
    st.builds(Facts, st.lists(st.tuples(SHORT, PROSE), max_size=3).map(tuple)),
    st.builds(Usage, st.lists(st.builds(UsageLine, ACTIONS, SHORT, PROSE), max_size=3).map(tuple)),
    st.builds(Buttons, st.one_of(st.lists(BUTTONS, max_size=4), BUTTONS.map(lambda one: [one] * 150)).map(tuple)),
)  # fmt: skip
PAGERS = st.builds(Pager, SHORT, st.none() | BUTTONS, st.none() | BUTTONS)
MESSAGES = st.builds(
    lambda blocks, pager, form, preview: Message((*blocks, *pager), "zh", form, preview),
    st.lists(BLOCKS, max_size=5), st.lists(PAGERS, max_size=1), st.sampled_from(FORMATS), st.booleans(),
)  # fmt: skip


@settings(max_examples=50)
@given(MESSAGES)
def test_whatever_is_said_telegram_takes_it_and_makes_nothing_of_it_that_was_not_meant(message):
    usage = {f"/{line.action.name}" for block in message.blocks if isinstance(block, Usage) for line in block.lines}
    usage |= {f"/{one.action.name}" for block in message.blocks if isinstance(block, Buttons) for one in block.buttons}

    for text, entities in all_said(message):
        for one in entities:
            assert one["type"] in OURS or (one["type"] == "bot_command" and judge.covered(text, one) in usage)


@settings(max_examples=50)
@given(MESSAGES)
def test_every_link_that_can_be_carried_is_live_and_in_order(message):
    urls = [as_telegram_writes(card.url) for card in message.cards() if carries(card.url)]

    assert is_subsequence(urls, [url for _, url in links_of(message)])


@settings(max_examples=50)
@given(MESSAGES)
def test_without_layout_it_is_taken_too(message):
    for payload in map(plain, render(message)):
        assert set(payload["params"]) <= {"text", "link_preview_options", "disable_notification"}
        assert judge.units(payload["params"]["text"]) <= judge.MAX_UNITS
        assert is_visible(payload["params"]["text"])


def test_a_badge_that_nobody_can_see_leaves_no_separator_behind():
    card = Card(id="1", title="A", url=A, badge=" \u200b")

    assert [text_of(Message((card,), "zh", form)) for form in FORMATS] == ["• A"] * 3


@settings(max_examples=50)
@given(st.lists(FAMILIES, max_size=4), st.sampled_from(FORMATS))
def test_inline_results_are_taken_too(cards, form):
    results = inline(Message(tuple(cards), "zh", form))

    assert len({one["id"] for one in results}) == len(results)
    for one in results:
        assert 1 <= len(one["id"].encode()) <= 64
        assert is_visible(one["title"])
        content = one["input_message_content"]
        said(
            {
                "method": "sendMessage",
                "params": {
                    "text": content["message_text"],
                    **{k: content[k] for k in ("parse_mode", "link_preview_options")},
                },
            }
        )


@pytest.mark.parametrize("between", ["Sentence. ", " ", " and ", "Sentence.\n"])
def test_a_cut_before_a_link_leaves_no_space_at_either_side(between):
    address = "https://example.org/x_(y)?a=1&b=2"
    for padding in range(len(address)):
        text = "x" * padding + " " + between.join([address] * 150)
        payloads = render(Message((Card(id="1", title="A", url=A, more=text),), "en", "full"))
        read = [said(payload)[0] for payload in payloads]

        assert len(read) > 1
        assert sum(part.count(address) for part in read) == 150


@given(PROSE)
def test_nothing_is_found_in_what_is_inert(text):
    assert judge.auto_entities(inert(text)) == []


@given(URLS)
@example("https://example.org:99999/")
@example("https://user@example.org/")
@example("https://user@.")
def test_a_link_is_carried_if_and_only_if_telegram_would_keep_it(url):
    (_, kept) = judge.parse(f'<a href="{escape(address(url) or url.strip())}">x</a>')
    web = url.strip().lower().startswith(("http://", "https://")) and url.isascii() and len(url) < 800

    assert [one["type"] for one in kept] == ["text_link"] if carries(url) else not (web and kept)


# -- a digest that means harm ------------------------------------------------------------------------------------------

WORDS = st.lists(PIECES.filter(lambda one: "\n" not in one and one != "\ud83d"), min_size=1, max_size=5).map("".join)
ITEMS = st.builds(
    lambda n, title, text, times, beside: (
        f"[{title} {n}](https://example.org/{n})\n\n摘要：{text * times}\n\n推荐：{text}\n\n"
        + "".join(f"[{title}](https://example.org/{n}/{i})\n\n" for i in range(beside))
    ),
    st.integers(0, 999), WORDS, WORDS, st.sampled_from([1, 30, 300]), st.sampled_from([0, 2, 300]),
)  # fmt: skip
DIGESTS = st.lists(st.tuples(WORDS, st.lists(ITEMS, max_size=4)), min_size=1, max_size=3).map(
    lambda topics: "# d\n\n" + "".join(f"## {title}\n\n{''.join(items)}" for title, items in topics)
)


@settings(max_examples=15)
@given(DIGESTS, st.sampled_from(FORMATS), st.sampled_from(["zh", "en"]))
def test_every_page_and_edition_of_a_hostile_digest_is_taken(text, form, language):
    config = DigestConfig()
    library = Library.build([parse(text, file="d.md", config=config)], config)
    chat = ChatSettings(zone=ZoneInfo("UTC"), language=language, format=form)

    # No search here: it reads Chinese aloud in a process of its own, and shows the same cards.
    numbers = [("topic", str(n + 1)) for n in range(min(2, len(library.topics)))]
    for name, args in (("topics", ""), ("topic", ""), *numbers, ("week", ""), ("help", "")):
        page, pages = Action(name, args), 0
        while page and pages < 3:
            asking = Command(page.name, page.args, page.page)
            message = commands.answer(asking, Context(library, NOW, Random(1), settings=chat)).message
            urls = [as_telegram_writes(card.url) for card in message.cards() if carries(card.url)]
            assert is_subsequence(urls, [url for _, url in links_of(message)])
            for content, entities in all_said(message):
                commands_said = [judge.covered(content, one) for one in entities if one["type"] == "bot_command"]
                assert {one["type"] for one in entities} <= OURS | {"bot_command"}
                assert all(commands.find_row(one.removeprefix("/")) for one in commands_said)
            page, pages = message.more, pages + 1


# -- one thing at a time -----------------------------------------------------------------------------------------------


def card(n, **more):
    return Card(f"id{n}", f"第 {n} 篇", f"https://example.org/{n}", **more)


def test_an_edition_that_fits_is_one_message():
    cards = tuple(card(n, summary="一句话。" * 20) for n in range(12))

    assert len(render(Message((Heading("本期"), *cards)))) == 1


def test_an_edition_that_does_not_fit_is_cut_between_items_and_leaves_no_heading_behind():
    blocks = [block for n in range(12) for block in (Heading(f"小节 {n}", 2), card(n, summary="一句话。" * 200))]

    texts = [text for text, _ in all_said(Message((Heading("本期"), *blocks)))]

    assert len(texts) > 1
    assert all(text.startswith(("本期", "小节")) for text in texts)
    assert all(text.endswith("一句话。") for text in texts)
    assert re.findall("第 ([0-9]+) 篇", "".join(texts)) == [str(n) for n in range(12)]


def test_a_message_holds_a_hundred_links_and_the_next_one_the_others():
    message = Message(tuple(card(n) for n in range(300)), format="compact")

    assert [len(entities) for _, entities in all_said(message)] == [100, 100, 100]


def test_a_paragraph_longer_than_a_message_is_cut_after_a_sentence():
    first, second = all_said(Message((Text("这句话有十个字左右。" * 600),)))

    assert first[0].endswith("。")
    assert len(first[0]) > 4000
    assert first[0] + second[0] == "这句话有十个字左右。" * 600


@pytest.mark.parametrize("cluster", ["👩‍👩‍👧‍👦", "🏳️‍🌈", "🇨🇳", "👍🏽", "e\u0301\u0302"])
def test_no_cut_falls_into_what_shows_as_one_character(cluster):
    for shift in range(len(cluster)):
        for text in text_of(Message((Text("x" * shift + cluster * 2500),))).split("\n"):
            assert text.lstrip("x").replace(cluster, "") == ""


def test_a_long_summary_folds_with_what_was_cut_off():
    ((text, entities),) = all_said(Message((card(1, summary="开头。", more="其余。"),)))

    (fold,) = [one for one in entities if one["type"] == "expandable_blockquote"]
    assert judge.covered(text, fold) == "开头。其余。"


def test_an_item_whose_link_cannot_be_carried_is_shown_without_it():
    ((text, entities),) = all_said(Message((Card("a", "标题", "javascript:alert(1)"),)))

    assert "标题 javascript:alert(1)" in text
    assert entities == []


def test_an_address_that_a_curator_wrote_out_stays_a_link_without_the_sentence_around_it():
    message = Message((Note("见 https://example.org/x_(y)，还有（https://example.org/z）。"),))

    assert links_of(message) == [(url, url) for url in ("https://example.org/x_(y)", "https://example.org/z")]


def test_the_first_link_is_previewed_where_the_chat_wants_it_and_none_elsewhere():
    cards = (Card("a", "A", "mailto:a@b.co"), card(1), card(2))

    (with_it,), (without,) = render(Message(cards, preview=True)), render(Message(cards))

    assert with_it["params"]["link_preview_options"] == {"url": "https://example.org/1"}
    assert without["params"]["link_preview_options"] == {"is_disabled": True}


def test_buttons_stand_under_the_last_message_alone():
    payloads = render(Message((Text("长。" * 3000), Buttons((Button("全部", Action("topics")),)))))

    assert ["reply_markup" in payload["params"] for payload in payloads] == [False] * (len(payloads) - 1) + [True]


def test_buttons_beyond_a_hundred_are_written_out():
    (payload,) = render(
        Message((Text("?"), Buttons(tuple(Button(f"b{n}", Action("topic", f"t{n}")) for n in range(120)))))
    )
    text, _ = said(payload)

    assert "/topic t119 — b119" in text


def test_a_silent_message_says_so():
    (payload,) = render(Message((Text("x"),), silent=True))

    assert payload["params"]["disable_notification"] is True


def test_a_message_to_be_pinned_is_followed_by_the_call_that_pins_its_first_part():
    long = Message((Text("长。" * 3000), Buttons((Button("全部", Action("topics")),))), silent=True)
    *parts, pinning = render(replace(long, pin=True))

    assert tuple(parts) == render(long)
    assert pinning == {
        "method": "pinChatMessage", "params": {"message_id": "@parent", "disable_notification": True},
    }  # fmt: skip
    assert plain(pinning) == pinning


def test_a_message_without_words_is_not_empty():
    assert text_of(Message((Buttons((Button("全部", Action("topics")),)),))) == "…"
    assert text_of(Message(())) == "…"


def test_without_layout_addresses_stand_behind_their_names():
    (payload,) = render(Message((Card("a", "A & B", A, summary="x < y"), Buttons((Button("b", Action("topics")),)))))

    assert plain(payload) == {
        "method": "sendMessage",
        "params": {"text": f"• A & B {A}\nx < y", "link_preview_options": {"is_disabled": True}},
    }


# -- what buttons ask --------------------------------------------------------------------------------------------------


def test_a_button_names_its_words_where_they_fit_else_a_short_name_else_the_question():
    long = "蒸馏" * 20

    assert callback(Action("topic", "NLP", 2)) == "topic|2|NLP"
    assert callback(Action("topic", long, 2, "~abcdefgh")) == "topic|2|~abcdefgh"
    assert callback(Action("search", long, 2)) == "search|2|^"


@pytest.mark.parametrize(
    "question",
    ["/search {}", "/s@heji_bot {}", "搜索 {}", "@heji_bot 搜索 {}", "/search   {} --page 3", "@heji_bot {}", "{}"],
)
def test_words_too_long_for_a_button_are_those_of_the_question(question):
    words = "知识蒸馏 在 推荐系统 里的 各种 应用 以及 相关 综述 文章"

    assert asked(callback(Action("search", words, 2)), question=question.format(words)) == ("search", words, 2)


@given(ACTIONS)
def test_a_button_asks_what_it_was_made_for(action):
    said_before = asked(callback(action), question=f"/{action.name} {action.args}")

    assert len(callback(action).encode()) <= 64
    assert said_before is None or (said_before[0], said_before[2]) == (action.name, action.page)


@given(st.one_of(st.text(max_size=64), st.builds("{}|{}|{}".format, SHORT, st.integers(-9, 10**9), PROSE)), PROSE)
@example("topic|1|^", "")
@example("topic|１|x", "")
@example("topic|0|x", "")
def test_whatever_a_stranger_presses_is_no_command_or_a_harmless_one(data, question):
    command = asked(data, question=question)

    assert command is None or (re.fullmatch("[a-z]{1,32}", command[0]) and 1 <= command[2] < 10**6)


# -- goldens -----------------------------------------------------------------------------------------------------------

CASES = goldens(GOLDEN)


@pytest.fixture(scope="module")
def held():
    return library_of(GOLDEN)


@pytest.mark.parametrize("golden", CASES, ids=str)
def test_golden(golden, held):
    answers = [read(render(message)) if message else "(no answer)" for message in conversation(golden, held)]
    shown = "\n=====\n".join(answers)
    settle(golden, shown)

    assert shown.splitlines() == golden.expected.splitlines()
