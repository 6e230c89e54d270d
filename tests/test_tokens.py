from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.digest import tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("强化学习", ["强", "化", "学", "习", "强化", "化学", "学习"]),
        ("书", ["书"]),
        ("BERT", ["bert"]),
        ("bert蒸馏", ["bert", "蒸", "馏", "蒸馏"]),
        ("ResNet-50", ["resnet", "50", "resnet50"]),
        ("tf2.0", ["tf", "2", "0", "tf20"]),
        ("snake_case", ["snake", "case", "snakecase"]),
        ("C++ and F#", ["c++", "and", "f#"]),
        ("don't", ["don", "t", "dont"]),
        ("ＧＰＴ－４", ["gpt", "4", "gpt4"]),
        ("Ünïcode", ["ünïcode"]),
        ("", []),
        (' "*:^()-', []),
    ],
)
def test_text_becomes_these_tokens(text: str, expected: list[str]) -> None:
    assert tokens.tokens(text) == expected


def test_a_hash_is_one_token_and_not_twenty() -> None:
    assert tokens.tokens("a1b2c3d4e5f6a7b8") == ["a1b2c3d4e5f6a7b8"]


def test_a_very_long_word_is_cut() -> None:
    assert [len(token) for token in tokens.tokens("x" * 1000)] == [48]


def test_kana_and_hangul_are_read_by_characters_too() -> None:
    assert "カタ" in tokens.tokens("カタカナ")
    assert "검색" in tokens.tokens("검색")


def test_only_chinese_characters_have_a_pinyin() -> None:
    assert tokens.chinese_runs("BERT蒸馏、カナ量化 2019年") == ["蒸馏", "量化", "年"]


@given(st.text())
def test_a_token_can_stand_between_quotes_of_any_query_language(text: str) -> None:
    for token in tokens.tokens(text):
        assert token
        assert all(character.isalnum() or character in "+#" or not character.isascii() for character in token)


@given(st.text())
def test_what_is_typed_in_full_width_has_the_same_tokens(text: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)

    assert tokens.tokens(wide) == tokens.tokens("".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text))
