"""Questions to one block. The goldens show most answers; here are the lists of words and the edges of lengths."""

from __future__ import annotations

import pytest

from bot.digest.parsing import shapes
from bot.digest.parsing.markdown import read
from bot.digest.parsing.spans import Span


@pytest.mark.parametrize("label", ["pdf", "PDF", "[pdf]", "(Paper)", "这里", "「原文链接」", "→", "", "here.", "Link:"])
def test_generic_words_are_no_title(label: str) -> None:
    assert shapes.is_generic(label)


@pytest.mark.parametrize("label", ["pdf of cats", "论文集", "C", "Papers with code", "42"])
def test_other_words_are_a_title(label: str) -> None:
    assert not shapes.is_generic(label)


@pytest.mark.parametrize(
    ("label", "url"),
    [
        ("https://example.com/a", "https://example.com/a"),
        ("http://example.com/another", "https://example.com/a"),
        ("www.example.com", "https://example.com"),
        ("example.com/a/", "https://example.com/a"),
    ],
)
def test_a_label_that_is_an_address_is_no_title(label: str, url: str) -> None:
    assert shapes.is_url_text(label, url)


@pytest.mark.parametrize("label", ["example.com", "https://example.com is down", "and/or"])
def test_a_label_that_only_looks_like_an_address_is_a_title(label: str) -> None:
    assert not shapes.is_url_text(label, "https://example.com/a")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://example.com", "https://example.com"),
        ("ttps://example.com/a", "https://example.com/a"),
        ("ttp://example.com/a", "http://example.com/a"),
        ("https:/example.com/a", "https://example.com/a"),
        ("https//example.com/a", "https://example.com/a"),
        ("//example.com/a", "https://example.com/a"),
        ("https://", None),
        ("https:///a", None),
        ("ftp://example.com", None),
        ("javascript:alert(1)", None),
        ("../a.md", None),
        ("#a", None),
        ("", None),
    ],
)
def test_only_web_addresses_live_on_mistyped_ones_too(url: str, address: str | None) -> None:
    assert shapes.web_address(url) == address


@pytest.mark.parametrize(
    "text", ["===here", "====", "TODO", "todo: read", "xxx", "XXXX", "FIXME later", "=== here ==="]
)
def test_markers_of_the_curators_own_are_stray(text: str) -> None:
    assert shapes.is_stray(text)


@pytest.mark.parametrize("text", ["here", "=> see", "todos", "xx", "a ===", "==="[:2], "TODO " + "x" * 100])
def test_words_are_not(text: str) -> None:
    assert not shapes.is_stray(text)


@pytest.mark.parametrize(
    ("text", "label"),
    [("两篇：", "两篇"), ("Two of them:", "Two of them"), ("x" * 30 + ":", "x" * 30), ("两篇 ：", "两篇")],
)
def test_a_short_line_with_a_colon_leads(text: str, label: str) -> None:
    assert shapes.lead_line(text) == label


@pytest.mark.parametrize("text", ["两篇", ":", "：", "x" * 31 + ":", "a\nb:", ""])
def test_other_lines_do_not(text: str) -> None:
    assert shapes.lead_line(text) is None


def test_the_longest_label_wins_and_configured_ones_are_added() -> None:
    labels = shapes.Labels({"other": ("阅读时长",), "abstract": ("要点",)})

    assert labels.match("推荐理由：好") == ("recommendation", "推荐理由", "好")
    assert labels.match("阅读时长: 5") == ("other", "阅读时长", "5")
    assert labels.match("推荐：好") == ("recommendation", "推荐", "好")
    assert labels.match("要点:  一") == ("abstract", "要点", "一")
    assert labels.match("推荐") is None
    assert labels.match("我推荐：好") is None


def test_soft_wraps_close_up_between_chinese_letters_only() -> None:
    (block,) = read("睡眠\n很好 of\ncats\n猫").blocks

    assert shapes.plain(block.spans) == "睡眠很好 of cats 猫"


def test_a_picture_has_no_words() -> None:
    assert shapes.plain([Span("image", "a cat")]) == ""
