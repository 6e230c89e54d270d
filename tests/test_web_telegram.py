"""Telegram's payloads as bubbles: the tags that Telegram has, whatever comes."""

from __future__ import annotations

import re
from html import unescape

from drawing import asking, flaws_of, typed
from hypothesis import given
from hypothesis import strategies as st

from bot.web.markup import linked
from bot.web.telegram_html import bubbles, from_telegram

TAGS = (
    "<b>", "</b>", "<i>", "</i>", "<a href='javascript:x'>", '<a href="https://x.example">', "</a>", "<blockquote>",
    "<blockquote expandable>", "</blockquote>", "<script>", "</script>", "<!--", "-->", "<pre>", "</pre>", "x",
    "y " * 90,
)  # fmt: skip


def test_telegrams_tags_become_ours_and_no_other_tag_does():
    plain = "<b>b</b> <i>i</i> <u>u</u> <s>s</s> <code>c</code>"
    html = f'{plain} <a href="https://x.example/?a=1&amp;b=2">x</a> <h1>h</h1>'
    link = '<a href="https://x.example/?a=1&amp;b=2" rel="noopener nofollow">x</a>'

    assert from_telegram(html) == f"<strong>b</strong> <em>i</em> <u>u</u> <s>s</s> <code>c</code> {link} h"


def test_a_long_quotation_is_folded_and_a_short_one_is_not():
    long = from_telegram(f"a\n<blockquote expandable>{'long ' * 40}</blockquote>\nb")
    short = from_telegram("a\n<blockquote expandable>short</blockquote>\nb")
    folded = r'a<details class="fold"><summary>[^<]*…</summary><blockquote>[^<]*</blockquote></details>b'

    assert re.fullmatch(folded, long)
    assert short == "a<blockquote>short</blockquote>b"


@given(st.text(alphabet="<>/\"'=&;abiu bloquteprcdnhf\n#xonjav:") | st.text())
def test_whatever_telegram_is_sent_the_page_stays_sound(html):
    assert flaws_of(f'<div class="bubble">{from_telegram(html)}</div>') == []


@given(st.lists(st.sampled_from(TAGS)))
def test_tags_in_any_order_are_all_closed_and_lead_nowhere_unsafe(pieces):
    made = from_telegram("".join(pieces))

    assert sorted(re.findall(r"<(\w+)", made)) == sorted(re.findall(r"</(\w+)", made))
    assert not re.search(r"<script|<a [^>]*javascript", made)


def test_buttons_lead_to_their_answer_and_one_without_a_command_nowhere():
    keys = [{"text": "Go", "callback_data": "topic|2|ctr"}, {"text": "<b>", "callback_data": "?"}]
    payload = {"method": "sendMessage", "params": {"text": "x", "reply_markup": {"inline_keyboard": [keys]}}}
    go = '<a class="key" href="/preview?say=/topic ctr --page 2">Go</a>'
    keyboard = f'<div class="keys">{go}<span>&lt;b&gt;</span></div>'

    assert bubbles(typed)([payload], asking) == f'<div class="bubble">x</div>{keyboard}'


def test_what_pins_a_message_is_not_drawn():
    assert bubbles(typed)([{"method": "pinChatMessage", "params": {"message_id": "@parent"}}], asking) == ""


@given(st.text() | st.from_regex(r"(https?://[\w./()?&=,。]*\s?){1,3}"))
def test_written_out_addresses_are_links_and_no_word_is_lost(said):
    made = linked(said)
    words = re.findall(r"[a-z]+", said)

    assert flaws_of(f"<p>{made}</p>") == []
    assert all(word in unescape(re.sub(r"<[^>]*>", "", made)) for word in words)
