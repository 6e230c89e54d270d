import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.prose import cut, shortened, width, wrapped

PROSE = st.text(st.sampled_from("ab c。，.！ \n神经网络é\u0301\u200d👩😀https://x/y"), max_size=120)


@pytest.mark.parametrize(
    ("text", "columns"), [("ctr", 3), ("点击率", 6), ("e\u0301", 1), ("ＣＴＲ", 6), ("a\u200bb", 2)]
)
def test_width_counts_columns_and_not_characters(text, columns):
    assert width(text) == columns


def test_a_short_text_is_not_cut():
    assert cut("一句话。", 80) == ("一句话。", "")


def test_a_long_text_is_cut_after_the_last_whole_sentence_that_fits():
    text = "第一句话在这里。第二句话也在这里！第三句话太长，放不下了，所以留到后面再说，好不好呢。"

    assert cut(text, 40) == (
        "第一句话在这里。第二句话也在这里！",
        "第三句话太长，放不下了，所以留到后面再说，好不好呢。",
    )


def test_a_full_stop_within_a_word_ends_no_sentence():
    text = "We use TensorFlow 2.0 and e.g. fp16 to train it on v3.2 pods for three days in a row without any rest."

    head, rest = cut(text, 60)

    assert head.startswith("We use TensorFlow 2.0 and e.g.")
    assert not head.endswith("2.")
    assert f"{head} {rest}" == text


def test_a_first_sentence_that_does_not_fit_is_cut_at_a_pause():
    head, rest = cut("研究者展示了优化器比较对元参数调优协议的灵敏度，并且在很多任务上验证了这个结论，没有例外", 60)

    assert head == "研究者展示了优化器比较对元参数调优协议的灵敏度，"
    assert rest.startswith("并且")


def test_a_cut_never_falls_into_an_address():
    url = "https://example.org/a,very,long/address?with=commas,and.dots"

    head, rest = cut(f"见这里 {url} 以及其他的一些说明文字。", 30)

    assert url in head or url in rest


@given(PROSE, st.integers(4, 60))
def test_a_cut_loses_nothing_but_space_and_always_gets_on(text, limit):
    head, rest = cut(text, limit)

    assert "".join((head + rest).split()) == "".join(text.split())
    assert head or not text.strip()


@given(PROSE, st.integers(4, 60))
def test_wrapping_loses_nothing_but_space(text, columns):
    assert "".join("".join(wrapped(text, columns)).split()) == "".join(text.split())


def test_chinese_is_wrapped_between_characters_but_no_line_begins_with_a_stop():
    lines = wrapped("神经网络的架构，和异构设备。", 14)

    assert lines == ["神经网络的架", "构，和异构设", "备。"]


def test_words_and_addresses_stay_whole_where_they_are_wrapped():
    assert wrapped("see https://example.org/a-long-address for more", 12) == [
        "see",
        "https://example.org/a-long-address",
        "for more",
    ]


def test_a_shortened_line_ends_with_an_ellipsis_and_fits():
    assert shortened("深度学习推荐系统", 9) == "深度学习…"
    assert shortened("two\n lines", 20) == "two lines"
