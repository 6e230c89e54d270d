"""digest.yaml: what it may say, and that every mistake in it is named with its line."""

import datetime as dt

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.digest import config as config_module
from bot.digest.config import DEFAULTS, DigestConfig, Themes, parse_config


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def loader(request, monkeypatch):
    """Where PyYAML was built without libyaml, the same must come out."""
    if request.param == "pure Python":
        monkeypatch.setattr(config_module, "_Loader", yaml.SafeLoader)


def read(text):
    config, problems = parse_config(text.encode(), file="digest.yaml")
    assert problems == ()
    return config


def found(data):
    """Line and code of each problem, with the configuration that is left."""
    config, problems = parse_config(data.encode() if isinstance(data, str) else data, file="content/digest.yaml")
    assert all(p.file == "content/digest.yaml" and p.severity == "error" and p.message for p in problems)
    return config, [(p.line, p.code.removeprefix("config-")) for p in problems]


def test_every_key_is_read_into_its_own_type():
    config = read("""
title: 合辑
language: zh
timezone: Asia/Shanghai
schedule: mon 09:00
items_per_edition: 7
include: ["*.md"]
exclude: [drafts/]
holidays: [2026-12-25]
aliases: {gnn: [图神经网络, graph neural network]}
labels: {abstract: [梗概], recommendation: ["为什么读："]}
themes: {depth: 2, plan: {2026-W50: ctr, 2026-12-07: nlp, 2026-12: 其他}, skip: [其他]}
""")

    assert config == DigestConfig(
        title="合辑",
        language="zh",
        timezone="Asia/Shanghai",
        schedule="mon 09:00",
        items_per_edition=7,
        include=("*.md",),
        exclude=("drafts/",),
        holidays=(dt.date(2026, 12, 25),),
        aliases={"gnn": ("图神经网络", "graph neural network")},
        labels={"abstract": ("梗概",), "recommendation": ("为什么读",)},
        themes=Themes(2, {"2026-W50": "ctr", "2026-12-07": "nlp", "2026-12": "其他"}, ("其他",)),
    )


@pytest.mark.parametrize("text", ["", "\n# only a remark\n", "title:\naliases: ~\nthemes: {}\n", "\ufeff"])
def test_what_is_absent_or_null_has_its_default(text):
    assert read(text) == DEFAULTS


def test_words_that_yaml_takes_for_something_else_stay_words():
    config = read("title: no\nschedule: 22:30\naliases: {no: [yes, 1.0, 2026-12-25], 2: [0x1f]}\nthemes: {skip: [on]}")

    assert (config.title, config.schedule) == ("no", "22:30")
    assert config.aliases == {"no": ("yes", "1.0", "2026-12-25"), "2": ("0x1f",)}
    assert config.themes.skip == ("on",)


def test_all_mistakes_are_told_at_once_with_their_lines_and_the_rest_counts():
    config, problems = found("""titel: 合辑
timezone: Asia/Shangai
schedule: [mon, tue]
items_per_edition: no
holidays:
  - 2026-02-31
  - 2026-12-25
themes:
  plan: {2026-W54: ctr}
  dept: 3
timezone: UTC
labels: {abstrakt: [a]}
include: [../secrets]
aliases: {ctr: 点击率}
language: zh
""")

    assert problems == [
        (1, "unknown-key"),
        (2, "zone"),
        (3, "type"),
        (4, "value"),
        (6, "value"),
        (9, "value"),
        (10, "unknown-key"),
        (11, "duplicate"),
        (12, "unknown-key"),
        (13, "value"),
        (14, "type"),
    ]
    assert config == DigestConfig(language="zh", holidays=(dt.date(2026, 12, 25),))


def test_near_misses_are_told_what_was_perhaps_meant():
    _, problems = parse_config(b"titel: x\ntimezone: Asia/Shangai\n", file="d")

    assert [p.message.rsplit(": ", 1)[1] for p in problems] == ["did you mean title?", "did you mean Asia/Shanghai?"]


@pytest.mark.parametrize("zone", ["Asia", "../etc/passwd", "/etc/localtime", "Mars/Base", "a" * 5000, '"a\\0b"'])
def test_what_is_no_zone_is_named_and_not_raised(zone):
    config, problems = found(f"timezone: {zone}")

    assert config.timezone is None
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param("a: &a [x]\nb: *a", (1, "alias"), id="anchor"),
        pytest.param(
            "a: &a [" + "x," * 9 + "]\n" + "".join(f"b{i}: [*a, *a]\n" for i in range(9)), (1, "alias"), id="laughs"
        ),
        pytest.param("title: !!python/object/apply:os.getcwd []", (1, "tag"), id="tag"),
        pytest.param("title: a\n---\ntitle: b", (2, "yaml"), id="two documents"),
        pytest.param("- " * 30_000, (1, "depth"), id="deep list"),
        pytest.param("x" * 70_000, (1, "size"), id="too large"),
        pytest.param("title: a\nlanguage: [zh", (2, "yaml"), id="unclosed"),
        pytest.param(b"title: a\nlanguage: \xff", (2, "encoding"), id="not UTF-8"),
        pytest.param("title: a".encode("utf-16"), (1, "encoding"), id="UTF-16"),
        pytest.param("title: a\nlanguage: \0", (2, "yaml"), id="NUL"),
        pytest.param("[zh, en]", (1, "type"), id="a list"),
        pytest.param("just words", (1, "type"), id="a scalar"),
    ],
)
def test_a_hostile_file_yields_the_defaults_and_one_problem(data, problem):
    config, problems = found(data)

    assert config == DEFAULTS
    # libyaml says where it gave up, PyYAML's own scanner sometimes the line after.
    assert [code for _, code in problems] == [problem[1]]
    assert problem[0] <= problems[0][0] <= problem[0] + 1


@pytest.mark.parametrize("bracket", ["[", "{", "? ", "a: [", "- - "])
def test_bombs_of_nesting_are_refused_quickly(bracket):
    config, problems = found(bracket * (60_000 // len(bracket)))

    assert config == DEFAULTS
    assert len(problems) == 1


@given(st.one_of(st.binary(max_size=200), st.text("abc:-[]{}&*!|>'\"\n #?,%@`~0\\u合", max_size=80).map(str.encode)))
def test_no_bytes_raise(data):
    _, problems = parse_config(data, file="digest.yaml")

    assert all(p.line >= 1 and p.code.startswith("config-") for p in problems)
    assert "\n".join(p.message for p in problems).encode() is not None
