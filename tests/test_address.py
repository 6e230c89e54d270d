from __future__ import annotations

import pytest

from bot.chat.address import Address, parse_address
from bot.errors import AddressError


@pytest.mark.parametrize(
    ("text", "place", "thread", "bucket", "kind"),
    [
        ("telegram:7", "telegram:7", "", "telegram", "private"),
        ("telegram:-100123/45", "telegram:-100123", "45", "telegram", "group"),
        ("telegram:@channel", "telegram:@channel", "", "telegram", "group"),
        ("slack:T1/C1", "slack:T1/C1", "", "slack:T1", "private"),
        ("slack:T1/C1/1700000000.000100", "slack:T1/C1", "1700000000.000100", "slack:T1", "private"),
        ("file:a/b c.jsonl", "file:a/b c.jsonl", "", "file", "private"),
        ("console:me", "console:me", "", "console", "private"),
    ],
)
def test_a_chat_is_taken_apart_and_written_as_before(text, place, thread, bucket, kind):
    found = parse_address(f" {text} ")

    assert found == Address(place, thread)
    assert (str(found), found.bucket, found.kind) == (text, bucket, kind)


def test_a_forum_s_general_topic_is_the_forum():
    assert str(parse_address("telegram:-100123/1")) == "telegram:-100123"


@pytest.mark.parametrize(
    "text",
    ["", "telegram:", "telegram:0", "telegram:x", "slack:T1", "slack:t1/c1", "irc:#x", "file:", "7", "file:a\nb"],
)
def test_anything_else_is_refused_with_a_sentence(text):
    with pytest.raises(AddressError, match="is no chat"):
        parse_address(text)
