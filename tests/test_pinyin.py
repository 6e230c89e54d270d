from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.digest import pinyin
from bot.digest.pinyin import PinyinKey, Reading, Sounds


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    sheet = Reading.start(["强化学习", "知识蒸馏", "深度强化学习入门", "调参", "银行", "西安", "推荐"]).take()
    assert sheet
    return Sounds(sheet)


def test_keys_are_full_syllables_and_initials() -> None:
    assert pinyin.keys(["强化学习", "BERT 蒸馏", "ctr"]) == (
        PinyinKey("qianghuaxuexi", "qhxx"),
        PinyinKey("bertzhengliu", "bertzl"),
        PinyinKey("", ""),
    )


def test_no_child_is_started_where_there_is_no_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    assert pinyin.keys(["ctr", "GNN"]) == (PinyinKey("", ""),) * 2


@pytest.mark.parametrize(
    ("letters", "word"),
    [
        ("qianghuaxuexi", "强化学习"),
        ("huaxue", "化学"),
        ("qianghuaxuex", "强化学习"),
        ("tiaocan", "调参"),
        ("yinhang", "银行"),
        ("xian", "西安"),
    ],
)
def test_full_pinyin_finds_the_word(sounds: Sounds, letters: str, word: str) -> None:
    assert sounds.spelled(letters)[:1] == (word,)


@pytest.mark.parametrize("letters", ["transformer", "qianghuax9", "meiyouzhegeci", "", "a", "*"])
def test_what_spells_nothing_of_the_digest_finds_nothing(sounds: Sounds, letters: str) -> None:
    assert sounds.spelled(letters) == ()


@pytest.mark.parametrize(("letters", "word"), [("qhxx", "强化学习"), ("zszl", "知识蒸馏"), ("tj", "推荐")])
def test_initials_find_the_word(sounds: Sounds, letters: str, word: str) -> None:
    assert sounds.abbreviated(letters)[:1] == (word,)


def test_a_wrong_character_of_the_same_sound_is_put_right(sounds: Sounds) -> None:
    assert next(sounds.meanings("强化学西", [2])) == "强化学习"
    assert next(sounds.meanings("知识征流", [1, 2])) == "知识蒸馏"


def test_what_sounds_like_nothing_has_no_other_meaning(sounds: Sounds) -> None:
    assert list(sounds.meanings("量子纠缠", [0, 1, 2])) == []


def test_pypinyin_never_comes_into_the_parent() -> None:
    code = (
        "import sys; from bot.digest import pinyin; "
        "assert pinyin.keys(['强化学习'])[0].full == 'qianghuaxuexi'; "
        "assert not [name for name in sys.modules if name.startswith('pypinyin')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_the_child_finds_its_packages_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)

    assert pinyin.keys(["推荐"]) == (PinyinKey("tuijian", "tj"),)


def test_secrets_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, str]] = []
    real = subprocess.Popen

    def noting(*args: object, env: dict[str, str], **rest: object) -> object:
        given.append(env)
        return real(*args, env=env, **rest)  # type: ignore[call-overload]

    monkeypatch.setenv("TELEGRAM_TOKEN", "1:secret")
    monkeypatch.setattr(subprocess, "Popen", noting)
    pinyin.keys(["推荐"])

    assert len(given) == 1
    assert "TELEGRAM_TOKEN" not in given[0]


def test_without_an_interpreter_there_is_no_pinyin_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with caplog.at_level(logging.WARNING):
        keys = pinyin.keys(["推荐"])

    assert keys == (PinyinKey("", ""),)
    assert "pinyin unavailable reason=FileNotFoundError" in caplog.text


def test_a_frozen_program_does_not_start_itself_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)

    assert Reading.start(["推荐"]).take() is None
    assert "reason=no-interpreter" in caplog.text


def test_a_child_that_fails_or_prints_nonsense_is_no_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for code, reason in (("exit 3", "exit-3"), ("echo nonsense", "JSONDecodeError")):
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{code}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

        assert Reading.start(["推荐"]).take() is None
        assert f"pinyin unavailable reason={reason}" in caplog.text


def test_a_child_that_takes_too_long_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    reading = Reading.start(["推荐"])
    assert reading._process
    child = reading._process.pid

    assert reading.take(patience=0) is None
    assert "pinyin unavailable reason=TimeoutExpired" in caplog.text
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_reading_that_nobody_takes_leaves_no_child() -> None:
    reading = Reading.start(["推荐"])
    assert reading._process
    child = reading._process.pid
    del reading

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
