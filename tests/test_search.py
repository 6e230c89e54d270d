from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.digest.identity import item_id
from bot.digest.model import Item, Link, Part
from bot.digest.search import Search


def item(title: str, topic: tuple[str, ...] = ("other",), url: str = "", **fields: Any) -> Item:
    url = url or f"https://example.org/{title}"
    values: dict[str, Any] = {"file": "a.md", "title_source": "link", "line": 1, "lines": (1, 1)}
    return Item(**{**values, "id": item_id(url), "title": title, "topic": topic, "url": url, **fields})


ITEMS = (
    item("How small can BERT get", ("NLP", "bert"), summary="一文看懂知识蒸馏、量化与剪枝", body=("细节见附录",)),
    item("知识蒸馏综述", ("压缩与部署",)),
    item("深度强化学习入门", ("RL",), tags=("教程",)),
    item("Reinforcement learning of board games", ("RL",)),
    item("ResNet-50 in an hour", ("CV",)),
    item("FlashAttention explained", ("NLP",)),
    item("Long Short Attention", ("NLP",)),
    item("Diffusion models from scratch", ("CV",)),
    item("A model of the tides", ("other",), body=("It speaks of diffusion once, and of BERT.",)),
    item("TensorFlow 2 in practice", ("tools",), summary="what changed since tf1.x and how tf2.0 runs"),
    item("Modern C++", ("tools",), url="https://isocpp.example/modern"),
    item("F# for fun", ("tools",)),
    item("C for yourself", ("tools",)),
    item("Wide & Deep", ("ctr",), links=(Link("源码 code", "https://code.example/wd", 3),)),
    item("推荐系统调参", ("推荐",), parts=(Part("recommendation", "推荐理由", "作者讲得透彻", 4),)),
    item("快手短视频", ("视频",)),
)


@pytest.fixture(scope="module")
def search() -> Iterator[Search]:
    search = Search.build(ITEMS)
    yield search
    search.close()


def titles(search: Search, query: str, **options: Any) -> list[str]:
    return [hit.item.title for hit in search.find(query, **options)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("bert 蒸馏", "How small can BERT get"),
        ("bert蒸馏", "How small can BERT get"),
        ("蒸馏", "知识蒸馏综述"),
        ("强化学习", "深度强化学习入门"),
        ("强化学习的教程", "深度强化学习入门"),
        ("怎么学习强化学习", "深度强化学习入门"),
        ("learning reinforcement", "Reinforcement learning of board games"),
        ("resnet", "ResNet-50 in an hour"),
        ("resnet50", "ResNet-50 in an hour"),
        ("resnet 50", "ResNet-50 in an hour"),
        ("ResNet_50", "ResNet-50 in an hour"),
        ("tf2.0", "TensorFlow 2 in practice"),
        ("tf20", "TensorFlow 2 in practice"),
        ("c++", "Modern C++"),
        ("F#", "F# for fun"),
        ("ｃ＋＋", "Modern C++"),
        ("ＢＥＲＴ　蒸馏", "How small can BERT get"),
        ("flash attention", "FlashAttention explained"),
        ("longshort attention", "Long Short Attention"),
        ("isocpp", "Modern C++"),
        ("源码", "Wide & Deep"),
        ("透彻", "推荐系统调参"),
        ("附录", "How small can BERT get"),
        ("ctr", "Wide & Deep"),
    ],
)
def test_a_query_finds_its_item_first(search: Search, query: str, first: str) -> None:
    hits = search.find(query)

    assert hits[0].item.title == first
    assert search.find("知识蒸馏综述")[0].corrected is None


@pytest.mark.parametrize(
    ("query", "first", "corrected"),
    [
        ("reinforcment", "Reinforcement learning of board games", "reinforcement"),
        ("reinforcement lerning", "Reinforcement learning of board games", "reinforcement learning"),
        ("difusion", "Diffusion models from scratch", "diffusion"),
        ("tenosrflow", "TensorFlow 2 in practice", "tensorflow"),
        ("qianghuaxuexi", "深度强化学习入门", "强化学习"),
        ("qiang hua xue xi", "深度强化学习入门", "强化学习"),
        ("qianghua rumen", "深度强化学习入门", "强化 入门"),
        ("qhxx", "深度强化学习入门", "强化学习"),
        ("bert zhengliu", "How small can BERT get", "bert 蒸馏"),
        ("tiaocan", "推荐系统调参", "调参"),
        ("强化学西", "深度强化学习入门", "强化学习"),
        ("蒸溜", "知识蒸馏综述", "蒸馏"),
        ("pianzi 快手", "快手短视频", None),
    ],
)
def test_a_slip_is_repaired_and_said(search: Search, query: str, first: str, corrected: str | None) -> None:
    hit = search.find(query)[0]

    assert hit.item.title == first
    assert corrected is None or hit.corrected == corrected


@pytest.mark.parametrize(
    ("query", "found"), [("reinf", "Reinforcement learning of board games"), ("强化", "深度强化学习入门")]
)
def test_the_beginning_of_a_word_finds_it(search: Search, query: str, found: str) -> None:
    assert titles(search, query)[0] == found
    assert search.find(query)[0].corrected is None


def test_singular_and_plural_find_each_other(search: Search) -> None:
    assert titles(search, "diffusions models")[0] == "Diffusion models from scratch"
    assert "Diffusion models from scratch" in titles(search, "model")


def test_a_title_counts_more_than_a_text(search: Search) -> None:
    assert titles(search, "diffusion") == ["Diffusion models from scratch", "A model of the tides"]


def test_items_with_all_words_come_before_those_with_some(search: Search) -> None:
    found = search.find("bert 蒸馏")

    assert [hit.item.title for hit in found[:1]] == ["How small can BERT get"]
    assert "知识蒸馏综述" in [hit.item.title for hit in found[1:]]
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_a_word_that_is_nowhere_does_not_hide_the_others(search: Search) -> None:
    assert titles(search, "zzqqvv 快手")[0] == "快手短视频"


@pytest.mark.parametrize("query", ["", "   ", "*", '"', "()", "^", "的", "🙂", "\x00", "\ud800", "zzqqvvww"])
def test_nothing_sensible_finds_nothing(search: Search, query: str) -> None:
    assert search.find(query) == ()


@pytest.mark.parametrize(
    "query", ["title : bert", "bert NOT bert", "NEAR(bert small)", '"bert', "bert* OR", "{title}:(bert)", "-bert"]
)
def test_fts5_syntax_is_only_words(search: Search, query: str) -> None:
    assert titles(search, query)[0] == "How small can BERT get"


@given(st.text(max_size=40) | st.text(alphabet="abc强化学习xi \"*()^:-+#'{}", max_size=60))
def test_no_text_raises(search: Search, query: str) -> None:
    found = search.find(query)

    assert len({hit.item.id for hit in found}) == len(found) <= 10


def test_a_huge_query_is_cut(search: Search) -> None:
    assert titles(search, "bert 蒸馏 " * 100_000)[0] == "How small can BERT get"
    assert search.find("﷽" * 10_000) == ()


def test_the_limit_holds(search: Search) -> None:
    assert len(search.find("bert attention model", limit=2)) == 2
    assert search.find("bert", limit=0) == ()
    assert search.find("bert", limit=-1) == ()
    assert len(search.find("tf2.0", limit=10**9)) == 1


def test_a_topic_is_searched_with_all_beneath_it(search: Search) -> None:
    assert titles(search, "bert", topic=("NLP",)) == ["How small can BERT get"]
    assert titles(search, "attention", topic=("NLP", "bert")) == []
    assert titles(search, "bert", topic=("CV",)) == []
    assert titles(search, "bert", topic=()) == titles(search, "bert")


def test_an_item_in_two_topics_is_one_hit_and_found_by_both() -> None:
    twice = (
        item("Attention", ("NLP",), url="https://a.example"),
        item("Attention", ("视觉",), url="https://a.example"),
    )
    search = Search.build(twice)

    assert [hit.item.topic for hit in search.find("视觉")] == [("NLP",)]
    assert [hit.item.topic for hit in search.find("attention", topic=("视觉",))] == [("视觉",)]
    search.close()


def test_nothing_to_search_is_no_error() -> None:
    search = Search.build(())

    assert search.find("bert") == ()
    assert search.find("qianghuaxuexi") == ()
    search.close()


def test_common_words_and_many_items_still_give_the_shortest_title_first() -> None:
    search = Search.build([item("rust " + "and more " * (1 + n % 7) + str(n)) for n in range(1500)] + [item("Rust")])

    assert titles(search, "rust")[0] == "Rust"
    assert len(titles(search, "rust", limit=50)) == 50
    search.close()


def test_without_pinyin_the_rest_still_works(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with caplog.at_level(logging.WARNING):
        search = Search.build(ITEMS)

    assert titles(search, "强化学习")[0] == "深度强化学习入门"
    assert titles(search, "reinforcment")[0] == "Reinforcement learning of board games"
    assert search.find("qianghuaxuexi") == ()
    assert caplog.text.count("pinyin unavailable") == 1
    search.close()


def test_threads_may_ask_at_once(search: Search) -> None:
    queries = ["bert 蒸馏", "qianghuaxuexi", "reinforcment", "flash attention"] * 10
    alone = [search.find(query) for query in queries]
    together: dict[int, object] = {}
    threads = [
        threading.Thread(target=lambda n=n, query=query: together.setdefault(n, search.find(query)))
        for n, query in enumerate(queries)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [together[n] for n in range(len(queries))] == alone


def test_a_search_closed_early_leaves_no_child() -> None:
    search = Search.build(ITEMS)
    assert search._reading
    process = search._reading._process
    search.close()

    assert process
    assert process.poll() is not None


def test_a_search_that_is_dropped_leaves_no_child() -> None:
    search = Search.build(ITEMS)
    assert search._reading
    process = search._reading._process
    del search

    assert process
    assert process.poll() is not None
