"""A judge who never complains proves nothing."""

import pytest
from slack_judge import judge, pings, reading

A = "https://example.org/a"
PLAIN = {"type": "plain_text", "text": "Title", "emoji": False}
BUTTON = {"type": "button", "action_id": "ask-0", "text": PLAIN, "value": "new|1|"}
GOOD = [
    {"type": "header", "text": PLAIN},
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "See "}, {"type": "link", "url": A, "text": "this"}],
            }
        ],
    },
    {"type": "context", "elements": [{"type": "mrkdwn", "text": f"a &amp; <{A}|b>", "verbatim": True}]},
    {"type": "actions", "elements": [BUTTON]},
]


def call(blocks=GOOD, text="Title", **params):
    held = {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False, **params}
    return {"method": "chat.postMessage", "params": held}


def rich(*inline):
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(inline)}]}


def test_a_good_call_is_left_alone():
    assert judge(call()) == ()
    assert pings(call()) == ()
    assert reading(call()) == (
        f"(chat.postMessage)\n\n# Title\n\nSee [this]({A})\n\n‹a & [b]({A})›\n\n[ Title → new|1| ]"
    )


@pytest.mark.parametrize(
    ("blocks", "complaint"),
    [
        pytest.param([], "0 blocks", id="none"),
        pytest.param([{"type": "divider"}] * 51, "51 blocks", id="too many"),
        pytest.param([{"type": "marquee"}], "no such block", id="unheard of"),
        pytest.param([{"type": "divider", "colour": "red"}], "colour", id="a key of no block"),
        pytest.param([{"type": "header", "text": {**PLAIN, "type": "mrkdwn"}}], "const", id="a header that is parsed"),
        pytest.param([{"type": "header", "text": {**PLAIN, "text": "x" * 151}}], "151 units", id="a long header"),
        pytest.param([{"type": "header", "text": {**PLAIN, "text": "👍" * 76}}], "152 units", id="a header of emoji"),
        pytest.param([{"type": "header", "text": {**PLAIN, "text": ""}}], "empty text", id="an empty header"),
        pytest.param([{"type": "header", "text": {**PLAIN, "text": " "}}], "nothing but space", id="a blank header"),
        pytest.param([{"type": "context", "elements": [PLAIN] * 11}], "11 elements", id="a long context"),
        pytest.param([{"type": "actions", "elements": []}], "0 elements", id="no button"),
        pytest.param([{"type": "actions", "elements": [BUTTON, BUTTON]}], "action_id twice", id="the same id"),
        pytest.param(
            [{"type": "actions", "elements": [{**BUTTON, "value": "x" * 2001}]}], "2001 units", id="a long value"
        ),
        pytest.param(
            [{"type": "actions", "elements": [{**BUTTON, "text": {**PLAIN, "text": "x" * 76}}]}],
            "76",
            id="a long label",
        ),
        pytest.param([rich({"type": "text", "text": ""})], "empty text", id="an empty span"),
        pytest.param([rich({"type": "text", "text": "x" * 3001})], "3001 units", id="a long block"),
        pytest.param([rich()], "an empty rich_text_section", id="an empty section"),
        pytest.param([rich({"type": "link", "url": "javascript:x", "text": "x"})], "no address", id="a script"),
        pytest.param([rich({"type": "link", "url": f"{A}|b", "text": "x"})], "no address", id="a pipe"),
        pytest.param([rich({"type": "link", "url": A + "x" * 3000, "text": "x"})], "no address", id="a long address"),
        pytest.param([rich({"type": "text", "text": "x" * 2999})] * 5, "msg_blocks_too_long", id="long together"),
        pytest.param(
            [{"type": "section", "text": {"type": "mrkdwn", "text": "a & <b>"}}], "not escaped", id="markup by chance"
        ),
    ],
)
def test_blocks_that_slack_would_refuse_are_complained_of(blocks, complaint):
    assert any(complaint in one for one in judge(call(blocks))), judge(call(blocks))


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "x" * 4001}, "4001 units"),
        ({"text": "a < b"}, "not escaped"),
        ({"text": "AT&T"}, "not escaped"),
        ({"unfurl_links": True}, "unfurl_links"),
        ({"thread_ts": 1.5}, "thread_ts"),
    ],
)
def test_what_stands_beside_the_blocks_is_judged_too(params, complaint):
    assert any(complaint in one for one in judge(call(**params)))


def test_a_modal_has_a_short_title_and_asks_with_a_button():
    field = {"type": "plain_text_input", "action_id": "words"}
    view = {
        "type": "modal",
        "title": {**PLAIN, "text": "x" * 25},
        "blocks": [{"type": "input", "label": PLAIN, "element": field}],
    }
    complaints = judge({"method": "views.open", "params": {"view": view}})

    assert complaints == ("view.title: 25 units", "view: inputs without a submit button")


@pytest.mark.parametrize(
    ("payload", "called"),
    [
        (call(text="<!channel> and <@U1|Ann>"), ("!channel", "@U1|Ann")),
        (call(text="@here"), ("@here",)),
        (call([rich({"type": "broadcast", "range": "everyone"})]), ("@everyone",)),
        (call([rich({"type": "user", "user_id": "U1"})]), ("@U1",)),
        (call([{"type": "section", "text": {"type": "mrkdwn", "text": "#general"}}]), ("#general",)),
        (call([rich({"type": "text", "text": "<!channel> @here"})]), ()),
    ],
)
def test_it_knows_who_would_be_called(payload, called):
    assert pings(payload) == called
