import asyncio
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chat_goldens import conversation, goldens, library_of, settle

from bot.chat.message import (
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
from bot.chat.prose import width
from bot.platforms.base import Platform, Rejected, Retryable, Sent, Uncertain
from bot.platforms.console import Console, plain

GOLDEN = Path(__file__).with_name("golden") / "console.md"
URL = "https://example.org/a/very/long/address?with=a&query=that+must,not.be(broken)#anywhere"
CARD = Card(
    "a",
    "深度学习推荐系统",
    URL,
    summary="一句话。" * 30,
    more="还有。",
    recommendation=Labelled("推荐", "值得读。"),
    links=(Link("代码", "https://github.com/a/b"),),
    path=("ctr", "深度学习ctr"),
    tags=("video",),
    children=(
        Card("b", "Child", "https://example.org/b", group_label="两篇"),
        Card("c", "Twin", URL, group_label="两篇"),
    ),
)
EVERYTHING = Message(
    (
        Heading("标题", aside="3 条"),
        Text("轻声", quiet=True),
        Heading("小节", level=2),
        CARD,
        Note("备注", (Link("出处", URL),)),
        Tree(
            (TopicLine(1, 0, "NLP", "2", Action("topic", "NLP")), TopicLine(12, 1, "对话", "空", Action("topic"), True))
        ),
        Facts((("下一期", "周一"), ("Schedule", "mon 09:00"))),
        Usage((UsageLine(Action("topic"), "[主题]", "说明"), UsageLine(Action("week"), "", "本周"))),
        Buttons((Button("全部", Action("topics")), Button("NLP", Action("topic", "NLP"), "2"))),
        Pager("第 1/2 页", next=Button("下一页", Action("topic", "NLP", page=2))),
    ),
    "zh",
)


def text_of(console, message):
    (payload,) = console.render(message)
    assert payload["method"] == "print"
    return payload["params"]["text"]


# -- plain -------------------------------------------------------------------------------------------------------------


def test_a_pipe_gets_no_escape_sequence_and_no_broken_line():
    text = text_of(Console.on(io.StringIO()), EVERYTHING)

    assert "\x1b" not in text
    assert text.count(URL) == 3
    assert "一句话。" * 30 in text


def test_each_link_of_a_card_is_on_view_alone_or_behind_its_name():
    lines = plain(Message((CARD,))).splitlines()

    assert f"  {URL}" in lines
    assert "  代码 https://github.com/a/b" in lines


def test_a_lead_line_is_said_once_for_those_who_share_it():
    assert plain(Message((CARD,))).count("两篇：") == 1


def test_compact_is_one_line_an_item():
    cards = (Card("a", "A", "https://a"), Card("b", "B", "https://b", links=(Link("代码", "https://c"),)))

    assert plain(Message(cards, format="compact")).splitlines() == ["• A https://a", "• B https://b · 代码 https://c"]


def test_tables_are_aligned_by_what_characters_take():
    lines = plain(Message((Facts((("下一期", "x"), ("Schedule", "y"), ("a", "z"))),))).splitlines()

    assert {width(line[: line.index(value)]) for line, value in zip(lines, "xyz", strict=True)} == {12}


def test_an_item_whose_title_is_its_address_shows_it_once():
    assert plain(Message((Card("a", URL, URL),))) == f"• {URL}"


def test_the_next_page_is_a_short_word_in_a_chat_and_a_whole_command_elsewhere():
    assert text_of(Console(next_page="/more"), EVERYTHING).endswith("第 1/2 页 · 下一页：/more")
    assert text_of(Console(), EVERYTHING).endswith("第 1/2 页 · 下一页：/topic NLP --page 2")


def test_content_cannot_give_orders_to_a_terminal():
    evil = Card("a", "\x1b[2J\x07title\u009b31m", "https://a/\x1b]0;x\x07", summary="a\x08b")

    for columns in (None, 80):
        text = text_of(Console(columns=columns), Message((evil, Text("\x1b[31mred"), Heading("\x1b[1mh"))))
        ours = re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", text)
        assert re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", ours) is None
        assert "\x1b[2J" not in text
        assert "\x1b]0;" not in text


# -- a terminal --------------------------------------------------------------------------------------------------------


def uncoloured(text):
    return re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", text)


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_a_terminal_gets_lines_that_fit_and_whole_addresses(columns):
    text = uncoloured(text_of(Console(columns=columns), EVERYTHING))

    assert text.count(URL) == 3
    assert all(width(line) <= columns for line in text.splitlines() if "://" not in line and "/topic" not in line)
    assert "".join(plain(Message((CARD,))).split())[:40] in "".join(text.split())


def test_a_terminal_gets_links_that_can_be_clicked():
    assert f";{URL}\x1b\\" in text_of(Console(columns=80), EVERYTHING)


def test_everything_plain_is_said_in_colour_too():
    colour = "".join(uncoloured(text_of(Console(columns=4000), EVERYTHING)).split())

    assert [word for word in plain(EVERYTHING).replace("═", "").split() if word not in colour] == []


def test_a_pipe_never_pays_for_rich():
    code = "import sys; from bot.platforms.console import Console; Console.on(sys.stdout); print('rich' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "False"


# -- sending -----------------------------------------------------------------------------------------------------------


def send(console, payload, chat="console:terminal"):
    return asyncio.run(console.send(payload, chat))


def test_the_console_is_a_platform():
    platform: Platform = Console()

    assert platform.name == "console"


def test_without_a_stream_it_collects():
    console = Console()
    (payload,) = console.render(Message((Text("hello"),)))

    assert send(console, payload, "console:a") == Sent("1")
    assert console.sent == [("console:a", {"method": "print", "params": {"text": "hello"}})]


def test_with_a_stream_it_prints():
    stream = io.StringIO()
    console = Console.on(stream)

    assert send(console, {"method": "print", "params": {"text": "你好"}}) == Sent()
    assert stream.getvalue() == "你好\n"


def test_failures_come_in_the_order_given_and_nothing_is_sent_then():
    failures = [Rejected("kicked"), Retryable(after=3), Uncertain("cut")]
    console = Console(failures=failures)
    payload = {"method": "print", "params": {"text": "x"}}

    assert [send(console, payload) for _ in range(4)] == [*failures, Sent("1")]
    assert len(console.sent) == 1


def test_an_encoding_without_chinese_loses_characters_and_not_the_answer():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    send(Console.on(stream), {"method": "print", "params": {"text": "ctr 点击率"}})

    assert raw.getvalue().split() == [b"ctr", b"???"]


def test_a_pipe_that_nobody_reads_any_more_rejects():
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    assert isinstance(send(Console.on(Gone()), {"method": "print", "params": {"text": "x"}}), Rejected)


# -- goldens -----------------------------------------------------------------------------------------------------------


CASES = goldens(GOLDEN)


@pytest.fixture(scope="module")
def held():
    return library_of(GOLDEN)


@pytest.mark.parametrize("golden", CASES, ids=str)
def test_golden(golden, held):
    console = Console(next_page="/more")
    answers = [text_of(console, message) if message else "(no answer)" for message in conversation(golden, held)]
    said = "\n\n".join(answers)
    settle(golden, said)

    assert said.splitlines() == golden.expected.splitlines()
