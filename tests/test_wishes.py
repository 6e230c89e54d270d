from zoneinfo import ZoneInfo

import pytest
from factories import library

from bot.chat.conversation import SWITCHES, Subscribed
from bot.chat.subscription import ways_to_topics
from bot.chat.wishes import (
    SETTINGS,
    SettingNotFound,
    SettingRefused,
    Wishes,
    ZoneNotFound,
    read_wishes,
    read_zone,
    setting_called,
    with_setting,
)
from bot.editions.schedule import ScheduleError, parse_schedule
from bot.errors import TopicNotFound

LIBRARY = library(
    {
        "NLP/对话": ["Dialogue"],
        "NLP/bert蒸馏": ["Distilled"],
        "ctr": ["DeepFM"],
        "Deep Learning": ["Nets"],
        "GB": ["Tea"],
    },
    aliases={"ctr": ("点击率",)},
)
STANDING = parse_schedule("mon 09:00")
find, called = ways_to_topics(LIBRARY)


def wishes(text):
    return read_wishes(text, LIBRARY, STANDING, find, called)


def changed(key, value, standing=Subscribed()):
    return with_setting(standing, key, value, LIBRARY, find, called)


@pytest.mark.parametrize(
    ("text", "topics", "schedule", "zone"),
    [
        ("", None, None, None),
        ("nlp", ("NLP",), None, None),
        ("ctr mon 18:30 Asia/Shanghai", ("ctr",), "mon 18:30", "Asia/Shanghai"),
        ("Asia/Shanghai mon 18:30 ctr", ("ctr",), "mon 18:30", "Asia/Shanghai"),
        ("mon,thu 18:30 nlp/对话 UTC ctr", ("对话", "ctr"), "mon,thu 18:30", "UTC"),
        ("ctr, nlp mon, thu 18:30", ("NLP", "ctr"), "mon,thu 18:30", None),
        ("ctr，nlp 每周一9点", ("NLP", "ctr"), "mon 09:00", None),
        ("nlp 对话", ("NLP",), None, None),
        ("deep learning ctr daily 08:00", ("ctr", "Deep Learning"), "daily 08:00", None),
        ("点击率 every day 8:00", ("ctr",), "daily 08:00", None),
        ("monthly 1 09:00 4", ("ctr",), "monthly 1 09:00", None),
        ("dep lerning", ("Deep Learning",), None, None),
        ("all fri", (), "fri 09:00", None),
        ("全部", (), None, None),
        ("18:30", None, "mon 18:30", None),
        ("18:30 thu", None, "thu 18:30", None),
        ("nlp at mon 10:00 in america/new york", ("NLP",), "mon 10:00", "America/New_York"),
        ("shanghai", None, None, "Asia/Shanghai"),
        ("gb", ("GB",), None, None),
        (",,, in mon 10:00", None, "mon 10:00", None),
    ],
)
def test_topics_time_and_zone_come_in_any_order(text, topics, schedule, zone):
    expected = Wishes(topics, schedule and parse_schedule(schedule), zone and ZoneInfo(zone))

    assert wishes(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("25:00", "25:00"),
        ("ctr mon 25:00", "mon 25:00"),
        ("mon,thu 9:60 ctr", "mon,thu 9:60"),
        ("0 9 * * 1", "0 9 * * 1"),
        ("ctr */5 * * * *", "*/5 * * * *"),
        ("0 9 1 1 1", "0 9 1 1 1"),
        ("mon 9am", "mon 9am"),
        ("mon 09:00 thu 10:00", "mon 09:00 thu 10:00"),
        ("monthly 40 09:00 ctr", None),
    ],
)
def test_a_wrong_schedule_is_named(text, named):
    with pytest.raises((ScheduleError, TopicNotFound)) as refused:
        wishes(text)

    assert named is None or refused.value.text == named


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Asia/Shanghia", "Asia/Shanghai"),
        ("Europe/Berln", "Europe/Berlin"),
        ("UTC+8", None),
        ("+08:00", None),
        ("Asia/Atlantis", None),
    ],
)
def test_a_wrong_zone_is_named_with_what_comes_near(text, near):
    with pytest.raises(ZoneNotFound) as refused:
        wishes(text)

    assert refused.value.zone == text
    assert near is None or near in refused.value.suggestions


def test_a_city_of_two_zones_is_asked_about():
    with pytest.raises(ZoneNotFound) as refused:
        read_zone("louisville")

    assert len(refused.value.suggestions) > 1


def test_an_unknown_topic_is_named_alone():
    with pytest.raises(TopicNotFound) as refused:
        wishes("ctr zzzz mon 09:00")

    assert refused.value.query == "zzzz"


def test_what_was_not_said_stays_as_it_was():
    standing = Subscribed(topics=("ctr",), zone=ZoneInfo("Asia/Tokyo"), format="full", items=3)

    assert wishes("thu 10:00").upon(standing).schedule == parse_schedule("thu 10:00")
    assert Wishes().upon(standing) == standing


def test_the_longest_question_is_read_in_no_time():
    with pytest.raises(TopicNotFound):
        wishes("q " * 250)


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("format", "FULL", "format", "full"),
        ("format", "简洁", "format", "compact"),
        ("preview", "on", "preview", True),
        ("preview", "关", "preview", False),
        ("silent", "on", "silent", True),
        ("静音", "OFF", "silent", False),
        ("pin", "yes", "pin", True),
        ("置顶", "关闭", "pin", False),
        ("lang", "中文", "language", "zh"),
        ("lang", "en-GB", "language", "en"),
        ("lang", "default", "language", None),
        ("items", "3", "items", 3),
        ("items", "default", "items", None),
        ("timezone", "europe/berlin", "zone", ZoneInfo("Europe/Berlin")),
        ("schedule", "mon, thu 18:30", "schedule", parse_schedule("mon,thu 18:30")),
        ("schedule", "18:30", "schedule", parse_schedule("mon 18:30")),
        ("topics", "ctr, nlp", "topics", ("NLP", "ctr")),
        ("topics", "all", "topics", ()),
    ],
)
def test_a_setting_takes_its_values(key, value, field, expected):
    switches = dict.fromkeys(("preview", "silent", "pin"), field not in ("preview", "silent", "pin") or not expected)
    standing = Subscribed(topics=("ctr",), language="zh", items=9, **switches)

    assert getattr(changed(setting_called(key, SWITCHES["telegram"]), value, standing), field) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [("format", "huge"), ("preview", "maybe"), ("silent", "2"), ("pin", ""), ("lang", "fr"), ("items", "0"),
     ("items", "51"), ("items", "-1"), ("items", "many")],
)  # fmt: skip
def test_a_value_that_will_not_do_is_named(key, value):
    with pytest.raises(SettingRefused) as refused:
        changed(key, value)

    assert (refused.value.key, refused.value.value) == (key, value)


def test_no_topic_at_all_is_not_every_topic():
    with pytest.raises(TopicNotFound):
        changed("topics", ",")


@pytest.mark.parametrize("value", ["25:00", "0 9 * * 1", "ctr mon 09:00", "someday"])
def test_a_schedule_alone_is_a_schedule(value):
    with pytest.raises(ScheduleError):
        changed("schedule", value)


def test_settings_are_called_by_their_chinese_names_too():
    assert [setting_called(word, ()) for word in ("格式", "TIMEZONE", "tz", "条数")] == [
        "format",
        "timezone",
        "timezone",
        "items",
    ]
    with pytest.raises(SettingNotFound) as refused:
        setting_called("colour", SWITCHES["telegram"])

    assert all(key in str(refused.value) for key in SETTINGS)


@pytest.mark.parametrize("word", ["preview", "静音", "pinned"])
def test_a_switch_that_a_platform_does_not_have_is_no_setting_there(word):
    with pytest.raises(SettingNotFound) as refused:
        setting_called(word, SWITCHES.get("slack", ()))

    assert str(refused.value).endswith("there are: format, lang, items, timezone, schedule, topics.")
