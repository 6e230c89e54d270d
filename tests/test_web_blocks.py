"""Slack's blocks on a page: each as Slack shows it, and nothing of what is in them as HTML."""

from __future__ import annotations

import pytest
from drawing import asking, flaws_of, typed
from hypothesis import given
from hypothesis import strategies as st

from bot.web.blocks_html import messages

WORDS = {"type": "text", "text": "<words> & more"}
SHOWN = "&lt;words&gt; &amp; more"
LINK = {"type": "link", "url": "https://x.example", "text": "y"}
ASTRAY = {"type": "link", "url": "javascript:x", "text": "z"}
LINKED = '<a href="https://x.example" rel="noopener nofollow">y</a>'


def plain(text):
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def rich(*elements):
    return {"type": "rich_text", "elements": list(elements)}


def section(*elements, kind="section"):
    return {"type": f"rich_text_{kind}", "elements": list(elements)}


def rows(*elements, **style):
    return {"type": "rich_text_list", "elements": [section(one) for one in elements], **style}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def button(text, value, **more):
    return {"type": "button", "action_id": "ask-1", "text": plain(text), "value": value, **more}


def menu(text, value):
    options = [{"text": plain(text), "value": value}]
    return {"type": "static_select", "action_id": "ask-1", "placeholder": plain("Which?"), "options": options}


def in_rich(html):
    return f'<div class="rich">{html}</div>'


def drawn(*blocks):
    return messages(typed)([{"method": "chat.postMessage", "params": {"blocks": list(blocks)}}], asking)


@pytest.mark.parametrize(
    ("block", "html"),
    [
        ({"type": "header", "text": plain("ctr <b>")}, '<p class="header">ctr &lt;b&gt;</p>'),
        ({"type": "divider"}, "<hr>"),
        ({"type": "context", "elements": [plain("2 条")]}, '<p class="context">2 条</p>'),
        ({"type": "video", "title": "x"}, ""),
        (mrkdwn("*b* _i_ ~s~ `c`"), "<p><strong>b</strong> <em>i</em> <s>s</s> <code>c</code></p>"),
        (mrkdwn("a_b_c 2*3*4 &lt;x&gt;\ny"), "<p>a_b_c 2*3*4 &lt;x&gt;<br>y</p>"),
        (mrkdwn("<https://x.example|y> <javascript:x|z>"), f"<p>{LINKED} z</p>"),
        (rich(section(WORDS)), in_rich(f"<p>{SHOWN}</p>")),
        (rich(section({**WORDS, "style": {"bold": True, "code": False}})), in_rich(f"<p><strong>{SHOWN}</strong></p>")),
        (rich(section(LINK, ASTRAY)), in_rich(f"<p>{LINKED}z</p>")),
        (rich(rows(WORDS, style="bullet", indent=1)), in_rich(f'<ul class="indent-1"><li>{SHOWN}</li></ul>')),
        (rich(rows(WORDS, style="ordered")), in_rich(f'<ol class="indent-0"><li>{SHOWN}</li></ol>')),
        (rich(section(WORDS, kind="quote")), in_rich(f"<blockquote>{SHOWN}</blockquote>")),
        (rich(section(WORDS, kind="preformatted")), in_rich(f"<pre>{SHOWN}</pre>")),
    ],
)
def test_a_block_is_drawn(block, html):
    assert drawn(block) == f'<div class="message">{html}</div>'


def test_buttons_and_menus_lead_to_the_answers_that_they_ask_for():
    go = '<a class="button" href="/preview?say=/topic ctr --page 2">Go</a>'
    away = f'<span class="button">{LINKED.replace(">y<", ">Read<")}</span>'
    which = '<li><a class="choice" href="/preview?say=/topic a">a</a></li>'
    made = drawn(
        actions(button("Go", "topic|2|ctr"), button("Dead", "?"), button("Read", "", url="https://x.example")),
        actions(menu("a", "topic|1|a")),
    )

    assert f'<div class="actions">{go}<span>Dead</span>{away}</div>' in made
    assert f'<details class="menu"><summary>Which?</summary><ul>{which}</ul></details>' in made
    assert flaws_of(made) == []


def test_replies_stand_beneath_as_a_thread():
    parent = {"method": "chat.postMessage", "params": {"text": "one", "blocks": [rich(section(WORDS))]}}
    reply = {"method": "chat.postMessage", "params": {"text": "*two*", "thread_ts": "@parent"}}
    made = messages(typed)([parent, reply, reply], asking)
    two = '<div class="message"><strong>two</strong></div>'

    assert made.endswith(f'<div class="thread">{two * 2}</div>')
    assert flaws_of(made) == []


@given(st.text())
def test_whatever_slack_is_sent_the_page_stays_sound(said):
    emoji = {"type": "emoji", "name": said}
    made = drawn(
        {"type": "header", "text": plain(said)},
        {**mrkdwn(said), "fields": [plain(said), {"type": "mrkdwn", "text": said}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": said}]},
        actions(button(said, said), button(said, said, url=said), menu(said, said)),
        rich(section({"type": "text", "text": said}, {"type": "link", "url": said, "text": said}, emoji)),
    )

    assert flaws_of(made) == []
