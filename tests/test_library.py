"""The Library: topics merged over files, items indexed, nothing unreachable."""

import threading
import time

import pytest
from factories import digest, item, library, note, topic

from bot.digest.config import DigestConfig
from bot.digest.identity import item_id
from bot.digest.library import Library
from bot.digest.model import Link, Part, Problem
from bot.digest.search import Search


def titles(items):
    return [i.title for i in items]


def test_the_tree_can_be_walked_from_its_roots():
    books = library({"NLP/对话/convai": ["a"], "NLP/标准": ["b"], "ctr": ["c"], "GNN": []})

    assert titles(books.roots()) == ["NLP", "ctr", "GNN"]
    assert titles(books.children(("NLP",))) == ["对话", "标准"]
    assert books.topic_at(("NLP", "对话")).state == "container"
    assert books.topic_at(("nowhere",)) is None
    assert [books.number(t) for t in books.topics] == [1, 2, 3, 4, 5, 6]


def test_items_are_found_directly_and_in_the_subtree_in_document_order():
    books = library(
        {"ctr": ["own"], "ctr/传统ctr": ["old"], "ctr/深度学习ctr": ["deep", note("n")], "GNN": [note("m")]}
    )

    assert titles(books.items_in(("ctr",))) == ["own"]
    assert titles(books.items_under(("ctr",))) == ["own", "old", "deep"]
    assert titles(books.items_under(())) == ["own", "old", "deep"]
    assert books.items_under(("GNN",)) == ()
    assert [n.text for n in books.notes_under(("ctr",))] == ["n"]
    assert [n.text for n in books.notes_in(("GNN",))] == ["m"]


def test_an_item_in_two_topics_is_one_item_listed_twice():
    books = library({"A/x": ["same", "other"], "A/y": ["same"]})
    same = item_id("https://example.org/same")

    assert titles(books.items) == ["same", "other", "same"]
    assert titles(books.items_under(("A",))) == ["same", "other"]
    assert titles(books.items_in(("A", "y"))) == ["same"]
    assert [t.title for t in books.topics_of(same)] == ["x", "y"]
    assert books.item(same).topic == ("A", "x")
    assert books.item("nobody") is None


def test_equal_paths_of_several_files_are_one_topic_in_its_fullest_state():
    first = digest({"NLP": [], "ctr": ["a"]}, file="content/1.md")
    second = digest({"NLP/对话": ["b"], "ctr": [note("n")], "New": ["c"]}, file="content/2.md")
    books = Library.build([first, second])

    assert [t.path for t in books.topics] == [("NLP",), ("NLP", "对话"), ("ctr",), ("New",)]
    assert books.topic_at(("NLP",)).state == "container"
    assert books.topic_at(("ctr",)).state == "items"
    assert books.topic_at(("NLP",)).file == "content/1.md"
    assert titles(books.items_under(("NLP",))) == ["b"]


def test_a_jumped_level_hangs_on_the_next_topic_above():
    sparse = digest({}, topics=(topic("A"), topic(("A", "skipped", "deep"))))
    books = Library.build([sparse])

    assert [t.title for t in books.children(("A",))] == ["deep"]


def test_items_before_the_first_heading_get_a_topic_called_like_the_digest():
    preface = digest({"": ["early", note("hello")], "ctr": ["late"]}, title="Weekly 7")
    books = Library.build([preface])

    assert titles(books.items_in(("Weekly 7",))) == ["early"]
    assert [n.text for n in books.notes_in(("Weekly 7",))] == ["hello"]
    assert books.find_topic("weekly 7").state == "items"
    assert [t.title for t in books.topics_of(books.items[0].id)] == ["Weekly 7"]
    assert books.digests == (preface,)


def test_children_are_found_by_their_parent():
    parent = item("parent")
    child = item("child", parent=parent.id)
    grandchild = item("grandchild", parent=child.id)
    books = library({"ctr": [parent, child, grandchild]})

    assert titles(books.children_of(parent.id)) == ["child"]
    assert titles(books.children_of(child.id)) == ["grandchild"]
    assert books.children_of(grandchild.id) == ()


def test_two_links_that_nest_both_ways_do_not_nest_for_ever():
    one, two = item("one"), item("two")
    books = library({"A": [one, item("two", parent=one.id)], "B": [two, item("one", parent=two.id)]})

    assert titles(books.children_of(one.id)) == ["two"]
    assert books.children_of(two.id) == ()
    assert [i.parent for i in books.items] == [None, one.id, None, None]


def test_a_chain_of_items_deeper_than_anybody_nests_is_cut_and_nothing_is_lost():
    rows = [item("0")]
    for number in range(1, 200):
        rows.append(item(str(number), parent=rows[-1].id))
    books = library({"A": rows})

    def depth(item_id):
        return 1 + max(map(depth, [i.id for i in books.children_of(item_id)]), default=0)

    tops = [i.id for i in books.items if i.parent is None]
    assert len(tops) > 1
    assert max(map(depth, tops)) <= 33
    assert sum(map(depth, tops)) == 200


def test_an_item_whose_parent_is_nowhere_stands_at_the_top():
    books = library({"A": [item("orphan", parent="gone")]})

    assert books.items[0].parent is None


@pytest.mark.parametrize(
    "text",
    [
        "https://arxiv.org/pdf/1910.05446.pdf",
        "http://arxiv.org/abs/1910.05446v3",
        "<https://arxiv.org/abs/1910.05446?utm_source=x>",
        "arxiv.org/abs/1910.05446",
        "1910.05446",
        " arXiv:1910.05446v2 ",
    ],
)
def test_an_address_is_found_however_it_is_written(text):
    books = library({"A": [item("paper", url="https://arxiv.org/pdf/1910.05446.pdf")]})

    assert titles(books.find_url(text)) == ["paper"]


def test_an_address_is_found_as_a_companion_after_those_it_is_the_link_of():
    code = "https://github.com/x/y"
    books = library({"A": [item("article", links=(Link("code", code, 3),)), item("code itself", url=code + "/")]})

    assert titles(books.find_url("www.github.com/x/y")) == ["code itself", "article"]
    assert books.find_url("https://nowhere.example/") == ()


@pytest.mark.parametrize("text", ["", "http://[", "\0", "\ud800", "ctr", "1910", "https://", "<>"])
def test_what_is_no_address_is_not_found(text):
    assert library({"A": ["a"]}).find_url(text) == ()


def test_title_and_language_come_from_the_configuration_else_from_the_content():
    files = [digest({"A": ["a"]}, title="Eins", language="en"), digest({"B": ["b", "c"]}, title="Zwei", language="zh")]

    assert (Library.build(files).title, Library.build(files).language) == ("Eins", "zh")
    configured = Library.build(files, DigestConfig(title="合辑", language="de"))
    assert (configured.title, configured.language) == ("合辑", "de")
    assert Library.build([]).title


def test_problems_of_files_that_are_no_digest_stand_first():
    refused = Problem("bad.md", 1, "file-size", "error", "too large")
    stray = Problem("content/heji.md", 102, "stray-marker", "warning", "a marker")
    books = Library.build([digest({}, problems=(stray,))], problems=[refused])

    assert books.problems == (refused, stray)


def test_related_items_are_of_other_topics_and_speak_of_this_one():
    books = library(
        {
            "ctr/传统ctr": ["Wide & Deep for CTR"],
            "多目标": ["同时提升电商GMV和CTR"],
            "GNN": [],
            "架构": ["手把手 TensorRT", "开源gnn平台"],
            "综述": ["图神经网络综述"],
        },
        aliases={"gnn": ("图神经网络",)},
    )

    assert titles(books.related(books.find_topic("ctr"), 2)) == ["同时提升电商GMV和CTR"]
    assert titles(books.related(books.find_topic("gnn"), 2)) == ["开源gnn平台", "图神经网络综述"]
    assert titles(books.related(books.find_topic("gnn"), 1)) == ["开源gnn平台"]


def test_items_that_only_come_near_are_not_related():
    books = library(
        {
            "RL": ["Playing games"],
            "A": ["Words of the world", item("Learning rate", body=("点击的速率",))],
            "B": [item("A paper", parts=(Part("recommendation", "推荐", "RL 的读者", 3),)), "Offline RL, compared"],
        },
        aliases={"rl": ("点击率",)},
    )

    assert titles(books.related(books.find_topic("rl"), 5)) == ["Offline RL, compared"]


def test_what_is_related_waits_for_nobody_who_reads_aloud(monkeypatch):
    books = library({"语音合成": [], "yuyin": [], "CV": [], "结构": ["语音的结构", "语音合成综述"]})
    monkeypatch.setattr(Search, "_listen", lambda _: pytest.fail("a topic's own name need not be guessed at"))

    assert [titles(books.related(topic, 2)) for topic in books.topics] == [["语音合成综述"], [], [], []]


def test_the_search_is_built_once_for_all_threads():
    books = library({"A": ["a"]})
    found = []
    threads = [threading.Thread(target=lambda: found.append(books.search)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert all(search is found[0] for search in found)


def test_25_000_items_are_indexed_well_within_a_second():
    files = [
        digest(
            {
                f"A{t}/T{t}": [item(f"{t} {n}", url=f"https://example.org/{f}/{t}/{n}") for n in range(50)]
                for t in range(5)
            },
            file=f"content/{f}.md",
        )
        for f in range(100)
    ]
    started = time.process_time()
    books = Library.build(files)
    spent = time.process_time() - started

    assert len(books.items_under(())) == 25_000
    assert spent < 1
