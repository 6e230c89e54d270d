"""Links without a usable address, and links that show another one."""

from __future__ import annotations

import pytest

from bot.digest.parsing import addresses, markdown


def found(text: str) -> list[tuple[int, str]]:
    return [(line, code) for line, code, _ in addresses.mistakes(markdown.read(text))]


@pytest.mark.parametrize(
    "address",
    [
        "ttps://example.com/a",
        "hhttps://example.com/a",
        "htp://example.com",
        "https:/example.com",
        "https//example.com",
        "https://",
        "http://https://example.com",
        "https://https//example.com",
        "mail:us@example.com",
        "javascript:alert(1)",
        "www.example.com/a",
    ],
)
def test_a_link_without_a_usable_address_is_told(address: str) -> None:
    assert found(f"\n\n- [A](<{address}>)") == [(3, "malformed-url")]


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com",
        "HTTPS://Example.com/a?b=http://example.org",
        "http://127.0.0.1:8080/a",
        "https://例子.中国/路",
        "https://web.archive.org/web/2020/https://example.com",
        "//example.com/a",
        "mailto:us@example.com",
        "ftp://example.com/a",
        "tel:+49301234",
        "#sleep",
        "./#sleep",
        "notes/sleep.md",
        "../a",
    ],
)
def test_what_a_browser_can_open_is_fine(address: str) -> None:
    assert found(f"[A]({address})") == []


def test_a_mistyped_scheme_is_seen_in_plain_words_too() -> None:
    assert found("See this:\nttps://example.com/a, and 见hhttps://example.com/b。") == [(2, "malformed-url")]
    assert found("`ttps://example.com/a` and postgres://host/a and s3://a.b/c") == []


@pytest.mark.parametrize(
    ("shown", "address"),
    [
        ("https://example.com/a", "https://example.com/b"),
        ("www.example.com/a", "https://example.org/a"),
        ("https://example.com/a", "#a"),
        ("https://example.com", "https://example.com/a"),
    ],
)
def test_a_link_that_shows_another_address_is_told(shown: str, address: str) -> None:
    assert found(f"| a |\n|---|\n| [{shown}]({address}) |") == [(3, "text-differs")]


@pytest.mark.parametrize(
    ("shown", "address"),
    [
        ("https://example.com/a", "https://example.com/a"),
        ("http://www.example.com/a/", "https://example.com/a?utm_source=b"),
        ("https://example.com/a.", "https://example.com/a"),
        ("https://example.com/a_long…", "https://example.com/a_long_way"),
        ("https://example.com/%E7%9D%A1", "https://example.com/睡"),
        ("https://example.com/a", "https://link.zhihu.com/?target=https%3A//example.com/a"),
        ("https is everywhere", "https://example.com/a"),
        ("example.com", "https://example.org"),
    ],
)
def test_a_link_that_shows_its_own_address_or_none_is_fine(shown: str, address: str) -> None:
    assert found(f"[{shown}]({address})") == []


def test_bare_addresses_and_pictures_have_nothing_to_differ_from() -> None:
    assert (
        found("https://example.com/a <https://example.com/b> ![https://example.com](https://example.com/c.png)") == []
    )


def test_each_mistake_has_its_sentence() -> None:
    (mistake,) = addresses.mistakes(markdown.read("[https://a.org](https://b.org)"))

    assert mistake[2] == "the link shows https://a.org but leads to https://b.org: make both the same"


def test_anchors_that_html_sets_are_found_once() -> None:
    text = "<a name=\"top\"></a>\n<h2 class='x' id='sleep'>Sleep</h2> <a id=tea> <a id=tea> id=none a < b id=\"no\""

    assert addresses.named_anchors(text) == ("top", "sleep", "tea")
