"""Which topic a reader means by a word."""

from typing import NamedTuple

import factories
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.digest.config import DigestConfig
from bot.digest.library import Library
from bot.errors import TopicAmbiguous, TopicNotFound

TREE = {
    "基础研究/优化方法": ["On optimizers"],
    "NLP/bert变种/bert蒸馏、量化、剪枝": ["BERT made small"],
    "NLP/对话/convai": ["A conversational AI"],
    "视频/google": ["VideoBERT"],
    "ctr/传统ctr": ["Wide & Deep"],
    "ctr/深度学习ctr": ["DeepFM"],
    "GNN": [],
    "RL": [],
    "架构/TensorRT": ["BERT on TensorRT"],
    "架构/开源gnn平台": ["GNN platforms"],
    "课程资源/tf2.0": ["Checkpoints"],
}
ALIASES = {"gnn": ("图神经网络", "graph neural network"), "rl": ("强化学习",), "ctr": ("点击率",), "架构": ("infra",)}


class Reading(NamedTuple):
    full: str
    initials: str


READINGS = {"对话": Reading("duihua", "dh"), "强化学习": Reading("qianghuaxuexi", "qhxx")}


def read_aloud(texts):
    return [READINGS.get(text, Reading("", "")) for text in texts]


def build(tree, aliases=None, pinyin=read_aloud):
    return Library.build([factories.digest(tree)], DigestConfig(aliases=aliases or {}), pinyin=pinyin)


@pytest.fixture(scope="module")
def library():
    return build(TREE, ALIASES)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("ctr", "ctr"),
        ("CTR", "ctr"),
        ("ＣＴＲ", "ctr"),
        ("  c\u200btr ", "ctr"),
        ("点击率", "ctr"),
        ("nlp/对话", "NLP/对话"),
        ("NLP ／ 对话", "NLP/对话"),
        ("nlp > 对话", "NLP/对话"),
        ("对话", "NLP/对话"),
        ("对话/convai", "NLP/对话/convai"),
        ("nlp/convai", "NLP/对话/convai"),
        ("tf2.0", "课程资源/tf2.0"),
        ("tf20", "课程资源/tf2.0"),
        ("#tf20", "课程资源/tf2.0"),
        ("tf 2.0", "课程资源/tf2.0"),
        ("bert蒸馏量化剪枝", "NLP/bert变种/bert蒸馏、量化、剪枝"),
        ("gnn", "GNN"),
        ("Graph  Neural Network", "GNN"),
        ("infra", "架构"),
        ("2", "基础研究/优化方法"),
        ("２", "基础研究/优化方法"),
        ("#1", "基础研究"),
        ("深度", "ctr/深度学习ctr"),
        ("学习ctr", "ctr/深度学习ctr"),
        ("蒸馏 bert", "NLP/bert变种/bert蒸馏、量化、剪枝"),
        ("nlp/对", "NLP/对话"),
        ("tensorrtt", "架构/TensorRT"),
        ("duihua", "NLP/对话"),
        ("dui hua", "NLP/对话"),
        ("dh", "NLP/对话"),
        ("qianghua", "RL"),
        ("qiangxuexi", "RL"),
    ],
)
def test_a_topic_is_found_however_it_is_written(library, query, path):
    assert library.find_topic(query).path == factories.path(path)


def test_a_word_that_begins_several_titles_is_asked_back(library):
    with pytest.raises(TopicAmbiguous) as caught:
        library.find_topic("bert")

    assert [topic.title for topic in caught.value.candidates] == ["bert变种", "bert蒸馏、量化、剪枝"]


def test_a_short_typo_is_answered_with_what_came_near(library):
    with pytest.raises(TopicNotFound) as caught:
        library.find_topic("nlpp")

    assert caught.value.query == "nlpp"
    assert [topic.title for topic in caught.value.suggestions] == ["NLP"]


def test_pinyin_is_read_only_when_nothing_else_fits_and_once():
    asked = []
    library = build(TREE, ALIASES, pinyin=lambda texts: asked.append(texts) or read_aloud(texts))
    for query in ("ctr", "深度", "tensorrtt", "没有这个", "x" * 1000):
        try:
            library.find_topic(query)
        except TopicNotFound:
            continue
    before = len(asked)
    library.find_topic("duihua")
    library.find_topic("dh")

    assert (before, len(asked)) == (0, 1)
    assert "强化学习" in asked[0]
    assert "ctr" not in asked[0]


def test_suggestions_are_few_and_the_nearest_first(library):
    assert [topic.title for topic in library.suggest("ctr")][:3] == ["ctr", "传统ctr", "深度学习ctr"]
    assert len(library.suggest("ctr", 2)) == 2
    assert library.suggest("量子引力") == ()


def test_of_two_topics_of_one_name_the_one_with_content_is_meant():
    library = build({"A/Papers": [], "B/Papers": ["one"]})

    assert library.find_topic("papers").path == ("B", "Papers")


def test_a_topic_that_holds_all_others_of_its_name_answers_for_them():
    library = build({"A/Vision": ["one"], "A/Vision/Vision": ["two"]})

    assert library.find_topic("vision").path == ("A", "Vision")


def test_an_outermost_topic_is_meant_by_its_bare_name():
    library = build({"2019/Speech": ["old"], "Speech": ["new"]})

    assert library.find_topic("speech").path == ("Speech",)
    assert library.find_topic("2019/speech").path == ("2019", "Speech")


def test_equal_names_at_equal_places_are_asked_back():
    library = build({"2019/Speech": ["old"], "2020/Speech": ["new"]})

    with pytest.raises(TopicAmbiguous) as caught:
        library.find_topic("speech")
    assert [topic.path for topic in caught.value.candidates] == [("2019", "Speech"), ("2020", "Speech")]


def test_candidates_are_few_however_many_topics_fit():
    library = build({f"Part {number:03}": ["item"] for number in range(300)})

    with pytest.raises(TopicAmbiguous) as caught:
        library.find_topic("part")
    assert len(caught.value.candidates) == 10


def test_a_title_that_is_a_number_goes_before_the_number_of_the_list():
    library = build({"First": ["a"], "Second": ["b"], "1": ["c"]})

    assert library.find_topic("1").title == "1"
    assert library.find_topic("2").title == "Second"


def test_signs_that_make_a_name_are_not_left_out():
    library = build({"C": ["a"], "C++": ["b"], "C#": ["c"]})

    assert [library.find_topic(query).title for query in ("c", "c++", "C#")] == ["C", "C++", "C#"]


def test_a_title_with_a_slash_is_a_title():
    library = build({("CI/CD",): ["a"], ("Ops", "CI / CD"): []})

    assert library.find_topic("ci/cd").path == ("CI/CD",)
    assert library.find_topic("ops/ci/cd").path == ("Ops", "CI / CD")


def test_any_word_of_an_alias_group_may_be_the_title():
    library = build({"语音": ["a"]}, {"speech": ("asr", "语音")})

    assert library.find_topic("asr").title == library.find_topic("SPEECH").title == "语音"


def test_an_alias_of_no_topic_is_no_name():
    library = build({"ctr": ["a"]}, {"quantum": ("量子",)})

    with pytest.raises(TopicNotFound):
        library.find_topic("量子")


@pytest.mark.parametrize(
    "query", ["", " ", "/", "//", "#", ".", "0", "99999999", "\0", "\ud800", "x" * 100_000, "ﷺ" * 150]
)
def test_what_is_no_name_is_not_found(library, query):
    with pytest.raises(TopicNotFound):
        library.find_topic(query)


@given(st.text(max_size=40))
def test_no_text_raises_anything_else(query):
    library = build(TREE, ALIASES)
    try:
        found = (library.find_topic(query),)
    except TopicNotFound as error:
        found = error.suggestions
    except TopicAmbiguous as error:
        found = error.candidates

    assert set(found) <= set(library.topics)


def test_the_empty_library_finds_nothing():
    with pytest.raises(TopicNotFound) as caught:
        build({}).find_topic("ctr")

    assert caught.value.suggestions == ()
