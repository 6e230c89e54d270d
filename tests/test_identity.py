"""Which addresses are the same page, and that no address at all breaks the question."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.digest.identity import item_id, normalise

PAGE = "https://example.com/sleep"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(PAGE, "http://example.com/sleep", id="scheme"),
        pytest.param(PAGE, "https://www.example.com/sleep", id="www"),
        pytest.param(PAGE, "HTTPS://Example.COM/sleep", id="upper case of the host"),
        pytest.param(PAGE, "https://example.com/sleep/", id="trailing slash"),
        pytest.param(PAGE, "  https://example.com/sleep\n", id="white space"),
        pytest.param(PAGE, "https://example.com:443/sleep", id="the usual port"),
        pytest.param(PAGE, "http://example.com:80/sleep#", id="an empty fragment"),
        pytest.param(PAGE, PAGE + "?utm_source=a&utm_campaign=b", id="utm"),
        pytest.param(PAGE, PAGE + "?fbclid=1&gclid=2&spm=3", id="click ids"),
        pytest.param(PAGE + "?a=1", PAGE + "?utm_source=x&a=1", id="tracking beside a parameter"),
        pytest.param("https://example.com/%7Eada", "https://example.com/~ada", id="needless encoding"),
        pytest.param("https://example.com/%e7%9d%a1", "https://example.com/睡", id="encoding in lower case"),
        pytest.param("https://arxiv.org/abs/2101.00001", "https://arxiv.org/pdf/2101.00001v3.pdf", id="arXiv versions"),
        pytest.param("https://arxiv.org/abs/2101.00001", "http://export.arxiv.org/abs/2101.00001v1", id="arXiv mirror"),
        pytest.param("https://arxiv.org/abs/cs.LG/0301001", "https://arxiv.org/pdf/cs.LG/0301001v2", id="old arXiv"),
        pytest.param(PAGE, "https://link.zhihu.com/?target=https%3A//example.com/sleep", id="click wrapper"),
        pytest.param(PAGE, "https://www.google.com/url?sa=t&q=https://example.com/sleep", id="wrapper with a path"),
        pytest.param(
            PAGE,
            "https://l.facebook.com/l.php?u=https%3A%2F%2Flink.juejin.cn%2F%3Ftarget%3Dhttps%253A%252F%252Fexample.com%252Fsleep",
            id="a wrapper in a wrapper",
        ),
    ],
)
def test_these_addresses_are_one_page(one: str, other: str) -> None:
    assert item_id(one) == item_id(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(PAGE, "https://example.org/sleep", id="host"),
        pytest.param(PAGE, "https://blog.example.com/sleep", id="sub-domain"),
        pytest.param(PAGE, "https://example.com/Sleep", id="case of the path"),
        pytest.param(PAGE, "https://example.com:8080/sleep", id="another port"),
        pytest.param(PAGE, PAGE + "?id=2", id="a parameter"),
        pytest.param(PAGE + "?a=1&b=2", PAGE + "?b=2&a=1", id="order of parameters"),
        pytest.param(PAGE, PAGE + "#naps", id="a fragment"),
        pytest.param("https://arxiv.org/abs/2101.00001", "https://arxiv.org/abs/2101.00002", id="another paper"),
        pytest.param("https://arxiv.org/abs/2101.00001", "https://example.com/abs/2101.00001", id="not at arXiv"),
        pytest.param("https://notarxiv.org/abs/2101.00001", "https://notarxiv.org/abs/2101.00001v2", id="like arXiv"),
        pytest.param("mailto:ada@example.com", "mailto:ben@example.com", id="mail"),
        pytest.param("https://link.zhihu.com/?target=x", "https://link.zhihu.com/?target=y", id="wrapper of nothing"),
    ],
)
def test_these_addresses_are_two_pages(one: str, other: str) -> None:
    assert item_id(one) != item_id(other)


def test_an_id_is_twelve_hexadecimal_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", item_id(PAGE))


def test_an_id_never_changes_from_one_release_to_the_next() -> None:
    # Written down once: the store of a running bot knows what was posted by these.
    assert normalise(PAGE) == "example.com/sleep"
    assert item_id(PAGE) == "5875a83a913a"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "http://[",
        "http://[::1",
        "http://a:b",
        "http://a:99999999",
        "http://a:８０",
        "%",
        "https://e.org/%",
        "https://e.org/%zz?%=%&&=#%",
        "https://e.org/\ud800?\udfff=\ud800",
        "https://睡眠.example/梦",
        "https://xn--/",
        "https://e.org\\@x",
        "//e.org",
        "://",
        "https://google.com/url?q=" * 50,
        "https://google.com/url?" + "q=1&" * 2000,
    ],
)
def test_garbage_gets_an_id_like_everything_else(url: str) -> None:
    assert len(item_id(url)) == 12


@given(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.sampled_from(["", "https://", "http://[", "https://link.zhihu.com/?target="]),
)
def test_no_text_raises(text: str, before: str) -> None:
    assert item_id(before + text) == item_id(before + text)


@given(
    st.from_regex(
        r"https?://[a-z]{1,9}\.example(:[1-9][0-9]{0,3})?(/[a-z%0-9~]{0,5}){0,3}(\?[a-z=&%]{0,9})?", fullmatch=True
    )
)
def test_what_is_normal_stays_as_it_is(url: str) -> None:
    once = normalise(url)

    assert normalise("https://" + once) == once
