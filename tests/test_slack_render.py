"""What Slack is given: tried on digests that nobody would write, with Slack's own types as the judge."""

import json
from dataclasses import replace
from html import escape
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
import slack_judge
from chat_goldens import NOW, conversation, goldens, library_of, settle
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.chat import commands, pages
from bot.chat.conversation import ChatSettings, Command, Context, Reader
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
from bot.editions.edition import Edition
from bot.platforms.letters import clean, is_visible, one_line
from bot.platforms.slack.buttons import asked, purpose_of, value
from bot.platforms.slack.fallback import escaped
from bot.platforms.slack.render import answered, plain, render
from bot.platforms.slack.text import address

GOLDEN = Path(__file__).with_name("golden") / "slack.md"
A = "https://example.org/a"
PINGS = (
    "<!channel>",
    "<!here|x>",
    "<!subteam^S1>",
    "<@U1>",
    "<#C1>",
    "<#C1|general>",
    "@here",
    "@channel",
    "@everyone",
)


def said(message, **how):
    """The calls that say *message*, once it is certain that Slack takes them and that nobody is called."""
    payloads = render(message, **how)
    for payload in payloads:
        assert not (complaints := slack_judge.judge(payload)), complaints
        assert slack_judge.pings(payload) == ()
        assert json.loads(json.dumps(payload, ensure_ascii=False).encode("utf-8")) == payload
    return payloads


def blocks_of(payloads):
    return [block for payload in payloads for block in payload["params"]["blocks"]]


def text_of(payloads):
    """All letters of *payloads*, without space, buttons and addresses: where a cut falls makes no difference."""
    shown = (block for block in blocks_of(payloads) if block["type"] != "actions")
    words = [one["text"] for block in shown for one in slack_judge.objects(block) if isinstance(one.get("text"), str)]
    return squeezed("".join(words))


def squeezed(text):
    return "".join(clean(text).split())


def links_of(payloads):
    return [url for payload in payloads for url in slack_judge.links(payload)]


def buttons_of(payloads):
    return [one for one in slack_judge.objects(blocks_of(payloads)) if one.get("type") == "button"]


def values_of(payloads):
    return [one["value"] for one in slack_judge.objects(blocks_of(payloads)) if "value" in one]


def is_subsequence(wanted, found):
    remaining = iter(found)
    return all(one in remaining for one in wanted)


def in_order(pieces, text):
    """Whether *pieces* stand in *text* one after the other."""
    at = 0
    for piece in pieces:
        found = text.find(squeezed(piece), at)
        if found < 0:
            return False
        at = found + len(squeezed(piece))
    return True


EXAMPLES = 40

# -- whatever there is to say ------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *PINGS, "&lt;!channel&gt;", "&lt;", "&amp;amp;", ":smile:", ":tada::+1:", "*", "_", "~", "`", "```", "> ", "|",
        "<", ">", "&", "<https://evil.org|Click>", "[a](https://b.org)", "README.md", "example.com", "#general",
        "שלום", "مرحبا", "\u202eabc", "\u2066", "\u200b", "\u2060", "\u3164", "\x00", "\r", "\ud83d", "👩‍👩‍👧‍👦",
        "🇨🇳🇯🇵", "@name", "e\u0301", "神经网络", "一句话。", "Sentence. ", "词，", " ", "\n", "\n\n", "·", " · ",
        "https://e.org/@", "javascript:alert(1)",
        "https://example.org/x_(y)?a=1&b=2", "https://中文.org/路径", "https://e.org/<!channel>", "x", "中", "7",
    ]
)  # fmt: skip
SHORT = st.lists(PIECES, max_size=8).map("".join)
LONG = st.builds(lambda piece, n, end: piece * n + end, SHORT, st.sampled_from([1, 1, 1, 40, 700]), SHORT).map(
    lambda text: text[:5000]
)
PROSE = st.one_of(SHORT, LONG, st.text(max_size=60))
HOSTS = st.sampled_from(
    ["example.org", "a.b", "localhost", "例子.中国", "1.2.3.4:80", "[::1]", "a..b", "u:p@h.org", ""]
)
PATHS = st.text(st.sampled_from("ab/?#&%=+ .,_~()'\"<>中é🎉\u200b\u2028\x01\\@:;|{}[]!"), max_size=12)
SCHEMES = st.sampled_from(["https://", "http://", "HTTPS://", ""])
URLS = st.one_of(
    st.builds(lambda *parts: "".join(parts), SCHEMES, HOSTS, PATHS),
    st.sampled_from(["javascript:alert(1)", "mailto:a@b.co", "slack://open", "data:text/html,x", "//a.b", "#x", ""]),
    st.integers(0, 999).map("https://example.org/{}".format),
    st.integers(2500, 3500).map(lambda n: "https://example.org/" + "&" * n),
)
LINKS = st.lists(st.builds(Link, SHORT, URLS), max_size=4).map(tuple)
MANY_LINKS = st.integers(100, 300).map(lambda n: tuple(Link(f"l{i}", f"{A}{i}") for i in range(n)))
LABELLED = st.builds(Labelled, SHORT, PROSE, st.just("") | PROSE)
CARDS = st.builds(
    Card,
    id=SHORT, title=PROSE, url=URLS, summary=PROSE, more=st.just("") | PROSE,
    recommendation=st.none() | LABELLED, parts=st.lists(LABELLED, max_size=2).map(tuple),
    links=st.one_of(LINKS, LINKS, LINKS, MANY_LINKS),
    path=st.lists(SHORT, max_size=2).map(tuple), tags=st.lists(SHORT, max_size=2).map(tuple),
    group_label=SHORT, beneath=SHORT, badge=SHORT,
)  # fmt: skip
FAMILIES = st.builds(lambda card, children: replace(card, children=tuple(children)), CARDS, st.lists(CARDS, max_size=3))
ACTIONS = st.builds(
    Action, st.sampled_from(["topic", "search"]), PROSE, st.integers(1, 999_999), st.just("") | st.just("~abcdefgh")
)
BUTTONS = st.builds(Button, PROSE, ACTIONS, SHORT)
LINES = st.builds(TopicLine, st.integers(1, 99), st.integers(0, 12), PROSE, SHORT, ACTIONS, st.booleans())
BLOCKS = st.one_of(
    FAMILIES,
    st.builds(Heading, PROSE, st.integers(1, 3), SHORT),
    st.builds(Text, PROSE, st.booleans()),
    st.builds(Note, PROSE, LINKS),
    st.builds(Tree, st.one_of(st.lists(LINES, max_size=5), LINES.map(lambda one: [one] * 60)).map(tuple)),
    st.builds(Facts, st.lists(st.tuples(SHORT, PROSE), max_size=3).map(tuple)),
    st.builds(Usage, st.lists(st.builds(UsageLine, ACTIONS, SHORT, PROSE), max_size=3).map(tuple)),
    st.builds(Buttons, st.one_of(st.lists(BUTTONS, max_size=4), BUTTONS.map(lambda one: [one] * 90)).map(tuple)),
)
PAGERS = st.builds(Pager, SHORT, st.none() | BUTTONS, st.none() | BUTTONS)
MESSAGES = st.builds(
    lambda blocks, pager, wanted, edition: Message((*blocks, *pager), "zh", wanted, edition=edition),
    st.lists(BLOCKS, max_size=4), st.lists(PAGERS, max_size=1), st.sampled_from(FORMATS), st.booleans(),
)  # fmt: skip


@settings(max_examples=EXAMPLES)
@given(MESSAGES, st.none() | BUTTONS)
def test_whatever_is_said_slack_takes_it_and_nobody_is_called(message, share):
    assert said(message, share=share, answering=share is not None)


@settings(max_examples=EXAMPLES)
@given(MESSAGES)
def test_every_link_that_can_be_carried_is_live_and_in_order(message):
    wanted = [address(url) for card in message.cards() for url in [card.url, *(link.url for link in card.links)]]
    cards = [block for block in message.blocks if isinstance(block, Card)]
    in_families = [address(one.url) for card in cards for one in (card, *card.children)]
    found = links_of(said(message))

    assert set(filter(None, wanted)) <= set(found)
    assert is_subsequence(filter(None, in_families), found)


@settings(max_examples=EXAMPLES)
@given(MESSAGES)
def test_an_item_whose_link_cannot_be_carried_is_shown_with_its_address_as_text(message):
    text = text_of(said(message))

    for card in message.cards():
        if is_visible(one_line(card.title)) or not address(card.url):
            assert squeezed(card.title) in text
        if not address(card.url):
            assert squeezed(card.url) in text


@settings(max_examples=EXAMPLES)
@given(st.lists(BLOCKS, max_size=4), st.sampled_from(FORMATS))
def test_nothing_is_lost_and_the_order_is_kept(blocks, wanted):
    text = text_of(said(Message(tuple(blocks), "zh", wanted)))

    assert in_order(filter(is_visible, words_of(blocks, wanted)), text)


def words_of(blocks, wanted):
    """What must be read of each block, as far as its order is certain."""
    for block in blocks:
        match block:
            case Heading(text) | Text(text) | Note(text):
                yield text
            case Card() if wanted == "compact":
                yield from (card.title for card in (block, *block.children) if is_visible(one_line(card.title)))
            case Card():
                yield block.title if is_visible(one_line(block.title)) else ""
                yield block.summary
                yield from (part.text for part in (block.recommendation, *block.parts) if part)
            case Tree(lines):
                yield from (line.title for line in lines)
            case Facts(rows):
                yield from (word for row in rows for word in row)
            case Usage(lines):
                yield from (line.meaning for line in lines)


@settings(max_examples=EXAMPLES)
@given(MESSAGES)
def test_without_blocks_it_is_taken_too(message):
    for payload in map(plain, said(message)):
        assert "blocks" not in payload["params"]
        assert slack_judge.judge(payload) == ()
        assert slack_judge.pings(payload) == ()


@settings(max_examples=EXAMPLES)
@given(MESSAGES)
def test_as_an_answer_it_is_taken_too(message):
    for payload in render(message, answering=True):
        for to_all in (False, True):
            assert slack_judge.judge(answered(payload, to_all=to_all)) == ()
        assert "thread_ts" not in payload["params"]


@given(ACTIONS)
@example(Action("search", "a <b> & c"))
def test_a_button_says_all_of_its_command(action):
    kept = " ".join(clean(action.args).split())
    name, args, page = asked(escape(value(action), quote=False))

    assert (name, page) == (action.name, action.page)
    assert args in (kept, action.ref) or kept.startswith(args)


@pytest.mark.parametrize("text", ["", "topic", "topic|0|ctr", "topic|x|ctr", "Topic|1|ctr", "|1|", "topic|1"])
def test_a_value_that_is_none_of_ours_asks_nothing(text):
    assert asked(text) is None


# -- nothing pings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ping", PINGS)
def test_a_ping_is_shown_as_it_was_written(ping):
    card = Card("a", f"{ping} title", A, summary=f"To {ping}: read.", path=(ping,), tags=(ping,))
    message = Message((Heading(ping, aside=ping), Text(ping), Text(ping, quiet=True), card, Note(ping)))
    (payload,) = said(message)

    assert slack_judge.reading(payload).count(ping) == 9
    assert "\u2060" not in json.dumps(payload["params"]["blocks"], ensure_ascii=False)


def test_the_fallback_is_escaped_once():
    assert escaped("&lt; <@U1> @here") == "&amp;lt; &lt;@U1&gt; @\u2060here"


def test_an_address_that_shouts_does_so_in_a_whisper():
    (payload,) = said(Message((Card("a", "A", "https://e.org/@here"),)))

    assert slack_judge.links(payload) == ("https://e.org/@here",)
    assert payload["params"]["text"] == "<https://e.org/%40here|A>"


def test_an_address_cannot_break_out_of_its_link():
    (payload,) = said(Message((Card("a", "A|B>", "https://e.org/x|<!channel>"),)))

    assert slack_judge.links(payload) == ("https://e.org/x%7C%3C!channel%3E",)
    assert payload["params"]["text"] == "<https://e.org/x%7C%3C!channel%3E|A|B&gt;>"


def test_the_bots_messages_have_no_unfurled_links():
    (payload,) = said(Message((Card("a", "A", A),), preview=True))

    assert (payload["params"]["unfurl_links"], payload["params"]["unfurl_media"]) == (False, False)


# -- limits ------------------------------------------------------------------------------------------------------------


def test_three_hundred_links_are_all_there():
    cards = tuple(Card(str(n), f"Title {n}", f"{A}/{n}", summary="一句话。" * 20) for n in range(300))
    payloads = said(Message(cards))

    assert links_of(payloads) == [card.url for card in cards]
    assert all(len(payload["params"]["blocks"]) <= 50 for payload in payloads)


def test_a_long_paragraph_is_cut_after_a_sentence():
    payloads = said(Message((Card("a", "A", A, summary="这是一句话。" * 1000),)))
    texts = ["".join(o["text"] for o in slack_judge.objects(b) if "text" in o) for b in blocks_of(payloads)]

    assert len(texts) == 3
    assert all(text.endswith("。") for text in texts)


def test_a_heading_moves_on_with_what_stands_under_it():
    cards = [Card(str(n), f"T{n}", f"{A}/{n}", summary="长。" * 1400) for n in range(4)]
    blocks = [one for n, card in enumerate(cards) for one in (Heading(f"H{n}", level=2), card)]
    payloads = said(Message(tuple(blocks)))

    for payload in payloads:
        kinds = [
            "H" in slack_judge.reading({**payload, "params": {"blocks": [b]}}) for b in payload["params"]["blocks"]
        ]
        assert not kinds[-1]
        assert all(above != below for above, below in pairwise(kinds))


def test_a_title_too_long_for_a_header_is_whole():
    title = "很长的标题" * 60

    assert text_of(said(Message((Heading(title),)))) == title


def test_buttons_beyond_a_row_go_into_the_next_and_have_ids_of_their_own():
    buttons = tuple(Button(f"B{n}", Action("topic", str(n))) for n in range(60))
    payloads = said(Message((Text("Which?"), Buttons(buttons))))

    assert [len(block["elements"]) for block in blocks_of(payloads)[1:]] == [25, 25, 10]
    assert [one["value"] for one in buttons_of(payloads)] == [f"topic|1|{n}" for n in range(60)]


def test_what_a_button_is_for_is_in_its_id():
    more = Pager("Page 2 of 3", Button("Back", Action("new")), Button("On", Action("new", page=3)))
    share = Button("Share here", Action("new", page=2))
    message = Message((Text("…"), Buttons((Button("A", Action("week")),)), more))
    buttons = buttons_of(said(message, share=share))

    assert [purpose_of(one["action_id"]) for one in buttons] == ["ask", "turn", "turn", "share"]
    assert [one["value"] for one in buttons] == ["week|1|", "new|1|", "new|3|", "new|2|"]
    assert purpose_of("settings") is None


def test_an_empty_message_says_something():
    (payload,) = said(Message(()))

    assert payload["params"]["text"] == "…"


def test_a_long_fallback_ends_between_items():
    cards = tuple(Card(str(n), f"Title {n}", f"{A}/{n}") for n in range(300))
    text = said(Message(cards, format="compact"))[0]["params"]["text"]

    assert text.endswith("…")
    assert slack_judge.units(text) <= slack_judge.MAX_FALLBACK
    assert slack_judge.units(text) > slack_judge.MAX_FALLBACK - 100


# -- how it looks ------------------------------------------------------------------------------------------------------


def test_an_item_takes_one_block_and_its_whereabouts_another():
    cards = tuple(Card(str(n), "T", A, "Summary.", links=(Link("Code", A),), path=("ctr",)) for n in range(8))
    payloads = said(Message(cards))

    assert [block["type"] for block in blocks_of(payloads)] == ["rich_text", "context"] * 8


def test_items_of_a_line_each_are_one_list_with_the_heading_above_them():
    blocks = (Heading("One", level=2), Card("a", "A", A), Card("b", "B", A), Heading("Two", level=2), Card("c", "C", A))
    payloads = said(Message(blocks, format="compact"))

    assert slack_judge.reading(payloads[0]) == (
        f"(chat.postMessage)\n\n*One*\n• [A]({A})\n• [B]({A})\n\n*Two*\n• [C]({A})"
    )


def test_commands_are_typed_with_the_root_of_the_installation():
    usage = Message((Usage((UsageLine(Action("topic"), "ctr", "a topic"),)),))

    assert "`/reading topic ctr` — a topic" in slack_judge.reading(said(usage, root="/reading ")[0])


def test_topics_of_a_list_can_be_chosen_from_a_menu():
    lines = (
        TopicLine(1, 0, "NLP", "2", Action("topic", "NLP")),
        TopicLine(2, 1, "GNN", "empty", Action("topic", "GNN"), True),
    )
    payloads = said(Message((Tree(lines),)))

    assert values_of(payloads) == ["topic|1|NLP"]


# -- editions ----------------------------------------------------------------------------------------------------------

EDITION = Message(
    (
        Heading("ctr · week 48 of 2026"),
        Card("a", "A", f"{A}/a", summary="First.", more="Second.", recommendation=Labelled("推荐", "Do", "read.")),
        Card("b", "B", f"{A}/b", links=(Link("Code", f"{A}/code"),)),
        Buttons((Button("The whole topic", Action("topic", "ctr")),)),
    ),
    edition=True,
)


def test_an_edition_is_titles_with_all_that_is_said_of_them_whole_in_its_thread():
    parent, details = said(EDITION)

    assert links_of([parent]) == [f"{A}/a", f"{A}/b", f"{A}/code"]
    assert "First." not in slack_judge.reading(parent)
    assert "First. Second." in slack_judge.reading(details)
    assert "*推荐*：Do read." in slack_judge.reading(details)
    assert links_of([details]) == [f"{A}/a"]
    assert [payload["params"].get("thread_ts") for payload in (parent, details)] == [None, "@parent"]
    assert len(buttons_of([parent])) == 1


def test_an_edition_without_a_word_about_its_items_has_no_thread():
    bare = replace(EDITION, blocks=(EDITION.blocks[0], EDITION.blocks[2]))

    assert len(said(bare)) == 1


def test_an_edition_that_answers_somebody_has_no_thread():
    (payload,) = said(EDITION, answering=True)

    assert "First." in slack_judge.reading(payload)


def test_an_edition_too_long_for_a_message_goes_on_in_the_thread():
    cards = tuple(Card(str(n), f"Title {n}" * 10, f"{A}/{n}") for n in range(300))
    parent, *rest = said(Message((Heading("ctr"), *cards), edition=True))

    assert "thread_ts" not in parent["params"]
    assert rest
    assert {payload["params"]["thread_ts"] for payload in rest} == {"@parent"}
    assert links_of([parent, *rest]) == [card.url for card in cards]


# -- answers -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_for_who_asked_until_it_is_shared():
    share = pages.sharing(Action("topic", "ctr"), "zh")
    (payload,) = said(Message((Text("…"),), "zh"), share=share)
    mine, ours = answered(payload), answered(payload, to_all=True, replacing=True)

    assert mine["method"] == "response_url"
    assert (mine["params"]["response_type"], mine["params"]["replace_original"]) == ("ephemeral", False)
    assert (ours["params"]["response_type"], ours["params"]["replace_original"]) == ("in_channel", True)
    assert "[ 分享到这里 → topic|1|ctr ]" in slack_judge.reading(mine)


# -- what a reader sees ------------------------------------------------------------------------------------------------

CASES = goldens(GOLDEN)


@pytest.fixture(scope="module")
def held():
    return library_of(GOLDEN)


@pytest.mark.parametrize("golden", CASES, ids=str)
def test_golden(golden, held):
    payloads = [
        payload
        for message in conversation(golden, held, root="/digest ")
        for payload in (shown(message, golden) if message else ())
    ]
    text = "\n\n-----\n\n".join(map(slack_judge.reading, payloads)) or "(no answer)"
    settle(golden, text)

    assert text.splitlines() == golden.expected.splitlines()


def shown(message, golden):
    """As the adapter would: posted, said in a direct message, or to one person in a channel who may share it."""
    if golden.settings.get("as") == "edition":
        return said(message)
    if golden.settings.get("where") != "group":
        return said(message, answering=True)
    name, _, words = golden.typed[-1].lstrip("/").partition(" ")
    share = pages.sharing(Action(name, words), message.language)
    return [answered(payload) for payload in said(message, answering=True, share=share)]


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_of_the_digest_is_taken(language, wanted, held):
    reader = Command(role="curator", language=language)
    words = [topic.title for topic in held.topics]
    asked_for = [*(row.name for row in commands.TABLE), *(f"topic {word}" for word in words), "search a", "help set"]

    for line in asked_for:
        answer = commands.answer(commands.read(f"/{line}", reader), context(held, wanted))
        assert said(answer.message)
        assert said(answer.message, answering=True)


def context(held, wanted):
    return Context(held, NOW, Random(1), settings=ChatSettings(format=wanted), root="/digest ")


HOSTILE = """# <!channel>

## &lt;!here&gt; {n}

[&lt;@U1&gt; &lt;!channel&gt;](https://example.org/{n}/a|<!here>)

摘要：@everyone &lt;!subteam^S1&gt; :tada: \u202e {long}

推荐：&lt;#C1&gt; 见 https://example.org/{n}/b_(c)，[源码](https://github.com/{n}/x)。

- [不通](javascript:alert({n}))
- [{title}](https://example.org/{n}/c)

"""


@pytest.fixture(scope="module")
def hostile():
    sections = (
        HOSTILE.format(n=n, long="长文一句。" * (1000 if n % 7 == 0 else 2), title="标题" * (1 + 40 * (n % 9)))
        for n in range(60)
    )
    links = "".join(f"[<!channel> {n}](https://example.org/many/{n})\n\n" for n in range(300))
    config = DigestConfig()
    return Library.build([parse(f"{''.join(sections)}## 许多\n\n{links}", file="hostile.md", config=config)], config)


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_hostile_digest_goes_through_every_page_and_loses_no_item(wanted, hostile):
    seen = set()
    for topic in hostile.children(()):
        for page in range(1, 100):
            command = commands.read(f"/topic {topic.title} --page {page}", Command(role="curator"))
            message = commands.answer(command, context(hostile, wanted)).message
            seen |= set(links_of(said(message)))
            if not message.more:
                break
    for line in ("topics", "search channel", "random", "week", "next", "check", "start", "help", "topic", "new"):
        assert said(commands.answer(commands.read(f"/{line}", Command()), context(hostile, wanted)).message)

    assert len(hostile.items) > 300
    assert {address(item.url) for item in hostile.items} - {""} <= seen


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_hostile_edition_loses_no_item(wanted, hostile):
    reader = Reader(format=wanted, root="/digest ")
    for topic in hostile.children(()):
        items = hostile.items_under(topic.path)
        message = pages.edition(Edition("2026-W48", topic, "turn", items), hostile, reader)

        assert {address(item.url) for item in items} - {""} <= set(links_of(said(message)))


def test_slack_is_told_why_there_is_a_root(held):
    rows = tuple(commands.usable_by(Reader(root="/digest ")))
    page = pages.overview(rows, held, Reader(root="/digest "))

    assert "every command begins with /digest." in text_with_space(said(page))


def text_with_space(payloads):
    return "\n".join(map(slack_judge.reading, payloads))
