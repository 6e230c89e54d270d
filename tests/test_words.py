"""How schedules and formats are said: so that whoever reads them can type them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from factories import library
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.conversation import Subscribed
from bot.chat.language import LANGUAGES, voice
from bot.chat.pages.parts import FORMAT_NAMES, clock, schedule
from bot.chat.wishes import with_setting
from bot.editions.schedule import Schedule, parse_schedule

HOURS, MINUTES = st.integers(0, 23), st.integers(0, 59)
WEEKDAYS = st.sets(st.integers(0, 6), min_size=1).map(sorted).map(tuple)
SCHEDULES = st.builds(Schedule, HOURS, MINUTES, WEEKDAYS) | st.builds(
    Schedule, HOURS, MINUTES, month_day=st.integers(1, 31)
)
LIBRARY = library({"ctr": ["Wide & Deep"]})


def typed(key: str, text: str) -> Subscribed:
    """The subscription of a chat that says ``/set`` *key* *text*."""
    return with_setting(Subscribed(), key, text, LIBRARY, LIBRARY.find_topic, lambda _: False)


@pytest.mark.parametrize(
    ("written", "zh", "en"),
    [
        ("mon 09:00", "周一 09:00", "mon 09:00"),
        ("mon,thu 18:30", "周一、周四 18:30", "mon, thu 18:30"),
        ("daily 08:00", "每天 08:00", "daily 08:00"),
        ("monthly 1 09:00", "每月1日 09:00", "monthly 1 09:00"),
    ],
)
def test_it_is_said_in_the_readers_language(written, zh, en):
    said = {language: schedule(parse_schedule(written), voice(language)) for language in LANGUAGES}

    assert said == {"zh": zh, "en": en}


@given(SCHEDULES, st.sampled_from(LANGUAGES))
def test_what_is_said_can_be_typed(wanted, language):
    said = schedule(wanted, voice(language))

    assert parse_schedule(said) == wanted
    assert typed("schedule", said).schedule == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_can_be_typed(language):
    said = voice(language)("mon,thu 18:30")

    assert typed("schedule", said).schedule == parse_schedule("mon,thu 18:30")


def test_a_clock_says_where_it_hangs():
    weekly = parse_schedule("mon 09:00")

    assert clock(weekly, ZoneInfo("Asia/Shanghai"), voice("zh")) == "周一 09:00（Asia/Shanghai）"
    assert clock(weekly, ZoneInfo("UTC"), voice("en")) == "mon 09:00 (UTC)"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", FORMAT_NAMES)
def test_a_format_is_typed_by_the_name_that_it_is_called_by(language, code):
    said = voice(language)(FORMAT_NAMES[code])

    assert typed("format", said).format == code
