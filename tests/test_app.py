"""The running bot: what it remembers, what it does with edited files, and that all its pages tell one story."""

from __future__ import annotations

import datetime as dt
import os
import re
import threading
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bot.app import MAX_NEWS, build, chat_settings, load
from bot.chat.address import parse_address
from bot.chat.conversation import Command
from bot.digest.config import DigestConfig
from bot.errors import ConfigurationError, StoreBehind, StoreError, StoreFull, StoreReadOnly, StoreUnreachable
from bot.platforms.console import plain
from bot.settings import Settings
from bot.store.store import Store

FRIDAY = dt.datetime(2026, 11, 27, 8, 0, tzinfo=dt.UTC)
CURATOR = Command(chat="console:a", role="curator", language="en")


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, moment):
        self.moment = moment

    def __call__(self):
        return self.moment


@pytest.fixture
def clock():
    return Clock(FRIDAY)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "list.md", six())
    return tmp_path


@pytest.fixture
def app(folder, clock):
    return build(Settings(content=(str(folder),)), clock=clock, random=Random(1))


def six(*more):
    return "".join(f"## {name}\n\n[On {name}](https://example.org/{name})\n\n" for name in (*"abcdef", *more))


_ticks = iter(range(1, 1_000_000))


def write(path: Path, text):
    """Save *text*, with a time of its own: file systems count in ticks that may be longer than a test."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    stamp = 1_700_000_000 + next(_ticks)
    os.utime(path, (stamp, stamp))


def said(app, name, args="", **who):
    return plain(app.answer(replace(CURATOR, name=name, args=args, **who)).message)


# Starting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [build, load])
def test_all_that_is_wrong_with_the_content_is_told_at_once(tmp_path, start):
    write(tmp_path / "list.md", six())
    write(tmp_path / "digest.yaml", "titel: x\ntimezone: Mars/Base\nschedule: 1 09:00\n")
    with pytest.raises(ConfigurationError) as refused:
        start(Settings(content=(str(tmp_path), str(tmp_path / "gone"))))
    with pytest.raises(ConfigurationError) as mistaken:
        start(Settings(content=(str(tmp_path),)))

    assert [sentence.partition("digest.yaml, ")[2][:6] for sentence in refused.value.mistakes] == [
        "",
        "line 1",
        "line 2",
    ]
    assert "gone, which does not exist" in refused.value.mistakes[0]
    assert [sentence.partition("digest.yaml, ")[2][:6] for sentence in mistaken.value.mistakes] == [
        "line 1", "line 2", "line 3",
    ]  # fmt: skip


def test_the_environment_wins_over_the_digest_which_wins_over_the_defaults():
    config = DigestConfig(schedule="fri 18:00", timezone="Asia/Shanghai")
    given = Settings(digest_schedule="daily 08:00", digest_timezone="Europe/Berlin", digest_language="zh")

    assert shown(chat_settings(given, config)) == ("daily 08:00", "Europe/Berlin", "zh")
    assert shown(chat_settings(Settings(), config)) == ("fri 18:00", "Asia/Shanghai", None)
    assert shown(chat_settings(Settings(), DigestConfig())) == ("mon 09:00", "UTC", None)


def shown(settings):
    return str(settings.schedule), settings.zone.key, settings.language


# Remembering ----------------------------------------------------------------------------------------------------------


def test_a_chat_keeps_its_language_and_others_theirs(app):
    app.answer(replace(CURATOR, name="lang", args="zh"))

    assert "状态" in said(app, "status")
    assert "Status" in said(app, "status", chat="console:b")


def test_more_goes_on_where_this_chat_is_and_nowhere_else(tmp_path, clock):
    write(tmp_path / "list.md", "## t\n\n" + "".join(f"[Item {n}](https://example.org/{n})\n\n" for n in range(30)))
    app = build(Settings(content=(str(tmp_path),)), clock=clock)
    first, second = said(app, "topic", "t"), said(app, "more")

    assert "https://example.org/0\n" in first
    assert "https://example.org/0\n" not in second
    assert "https://example.org/" in second
    assert "https://example.org/" not in said(app, "more", chat="console:b")


def test_what_nobody_has_written_about_is_counted(app):
    for _ in range(2):
        app.answer(replace(CURATOR, name="search", args="zzz qqq xxx"))

    assert app.misses == {"zzz qqq xxx": 2}


# Edited files ---------------------------------------------------------------------------------------------------------


def test_what_is_saved_is_there_at_the_next_look_and_is_news(app, folder, clock):
    before = said(app, "new")
    clock.moment += dt.timedelta(hours=1)
    write(folder / "list.md", six("fresh"))
    app.refresh()

    assert "example.org/fresh" not in before
    assert "https://example.org/fresh" in said(app, "topic", "fresh")
    assert "https://example.org/fresh" in said(app, "new")
    assert app.loaded == clock.moment


def test_the_newest_news_come_first_and_the_oldest_are_let_go(app, folder):
    write(folder / "list.md", six("first"))
    app.refresh()
    write(folder / "list.md", six("first", *(f"n{number}" for number in range(MAX_NEWS))))
    app.refresh()

    assert len(app.news) == MAX_NEWS
    assert app.news[0].item.title == "On n0"
    assert "On first" not in {one.item.title for one in app.news}


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("## a\n\n[On a](https://example.org/a)\n\n[On b](https://example.org/b)\n", "shrank from 6 items to 2"),
        ("", "emptied"),
        (six().encode() + b"\xff", "not UTF-8"),
        (None, "gone"),
    ],
)
def test_a_digest_that_broke_does_not_replace_the_good_one_until_it_is_forced(app, folder, caplog, broken, why):
    write(folder / "keeps.md", "## more\n\n[More](https://example.org/more)\n")
    app.refresh()
    if broken is None:
        (folder / "list.md").unlink()
    else:
        write(folder / "list.md", broken)
    loaded = app.loaded
    app.refresh()
    app.refresh()

    assert "https://example.org/f" in said(app, "topic", "f")
    assert [record.getMessage() for record in caplog.records if why in record.getMessage()] != []
    assert len(caplog.records) == 1, "the same is not told at every look"
    assert app.loaded == loaded
    said(app, "reload", "force")
    assert "https://example.org/f" not in said(app, "topic", "f")


def test_reload_says_what_it_brought(app, folder):
    write(folder / "list.md", six("fresh"))

    assert "fresh" in said(app, "reload")
    assert "https://example.org/fresh" in said(app, "new")


def test_a_member_cannot_reload(app, folder):
    write(folder / "list.md", six("fresh"))
    said(app, "reload", role="member")

    assert "fresh" not in {topic.title for topic in app.library.topics}


def test_a_new_schedule_counts_and_a_wrong_one_does_not(app, folder, caplog):
    write(folder / "digest.yaml", "schedule: fri 18:00\ntimezone: Asia/Shanghai\n")
    app.refresh()
    good = shown(app.defaults)
    write(folder / "digest.yaml", "schedule: 5 18:00\ntimezone: Asia/Tokyo\n")
    app.refresh()

    assert good == ("fri 18:00", "Asia/Shanghai", None)
    assert shown(app.defaults) == good
    assert ["schedule kept" in record.getMessage() for record in caplog.records] == [True]


# One story ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["mon 09:00", "fri 18:00", "daily 08:00", "monthly 15 09:00"])
@pytest.mark.parametrize("day", ["2026-11-23T00:30", "2026-11-23T12:00", "2026-11-27T12:00", "2026-12-31T23:30"])
def test_week_next_status_and_preview_speak_of_the_same_editions(folder, clock, schedule, day):
    clock.moment = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    app = build(Settings(content=(str(folder),), digest_schedule=schedule), clock=clock)
    period = app.defaults.schedule.period_of(clock.moment.date())
    coming = app.defaults.schedule.next_occurrence(clock.moment, app.defaults.zone).period
    ahead = "b" if coming != period else "a"

    assert "On a\n" in said(app, "week")
    assert f"On {ahead} " in said(app, "next")
    assert f"On {ahead}\n" in said(app, "preview")
    assert f"  {ahead}\n" in said(app, "status")
    assert "On e\n" in said(app, "preview", "e")


# Without what is remembered -------------------------------------------------------------------------------------------


@pytest.fixture
def remembering(app):
    app.attach(Store.open(clock=lambda: app.clock().timestamp()))
    yield app
    app.store.close()


@pytest.mark.parametrize("name", ["subscribe", "unsubscribe", "pause", "resume", "settings", "set", "post", "skip"])
def test_what_is_about_a_subscription_is_refused_while_the_database_is_away(app, name):
    app.trouble = StoreFull("disk is full")

    assert said(app, name).startswith("I cannot note anything down at the moment")
    assert "make room" in said(app, name)
    assert "make room" not in said(app, name, role="admin")


@pytest.mark.parametrize("name", ["week", "next", "status", "preview"])
@pytest.mark.parametrize(("language", "note"), [("en", "At the moment I cannot look up"), ("zh", "现在查不到这里")])
def test_what_depends_on_the_past_says_that_it_knows_nothing_of_it(app, name, language, note):
    without = said(app, name, language=language)
    app.trouble = StoreUnreachable("refused")

    assert note not in without
    assert note in said(app, name, language=language)
    assert "refused" in said(app, name, language=language)


def test_a_status_without_a_database_claims_no_subscription_and_offers_none(app):
    app.trouble = StoreUnreachable("refused")

    assert "cannot be looked up" in said(app, "status")
    assert "not subscribed" not in said(app, "status")
    assert "/subscribe" not in said(app, "status")


@pytest.mark.parametrize("error", [StoreError, StoreUnreachable, StoreReadOnly, StoreFull, StoreBehind])
def test_every_trouble_is_told_to_curators_in_their_language(app, error):
    app.trouble = error("why")

    assert str(app.trouble) in said(app, "pause")
    assert str(app.trouble) not in said(app, "pause", language="zh")
    assert "why" in said(app, "pause", language="zh")


def test_a_database_that_hangs_takes_no_answer_with_it(remembering, monkeypatch, caplog):
    over = threading.Event()
    remembering.patience.seconds = 0.01
    monkeypatch.setattr(remembering, "standing", lambda *_, **__: over.wait())
    answer = said(remembering, "week")
    over.set()

    assert "On a\n" in answer
    assert "cannot look up" in answer
    assert "no answer within" in caplog.text


def test_a_search_does_not_wait_for_what_is_only_counted(remembering, monkeypatch):
    over = threading.Event()
    remembering.patience.seconds = 0.01
    monkeypatch.setattr(remembering.store.memory, "miss", lambda query: over.wait())
    answer = said(remembering, "search", "zzz qqq xxx")
    over.set()

    assert "zzz qqq xxx" in answer
    assert "cannot note" not in answer


# The past of other rotations ------------------------------------------------------------------------------------------


def test_who_subscribes_to_a_filter_is_told_the_theme_that_its_rotation_comes_to(remembering, clock):
    said(remembering, "subscribe", "a b mon 09:00", chat="file:first")
    clock.moment = dt.datetime(2026, 11, 30, 9, 0, tzinfo=dt.UTC)
    remembering.tick()
    posted = remembering.store.planning.editions()[0].data["theme"]

    assert posted == ["a"]
    assert re.search(
        r"Its theme +b$", said(remembering, "subscribe", "b a mon 09:00", chat="file:second"), re.MULTILINE
    )
    assert re.search(r"Its theme +c$", said(remembering, "subscribe", "c mon 09:00", chat="file:third"), re.MULTILINE)


def test_the_owner_of_a_subscription_is_a_chat_in_which_they_are_told_things(remembering):
    said(remembering, "subscribe", chat="telegram:-100", user="telegram:7")
    said(remembering, "subscribe", "fri 10:00", chat="telegram:-100", user="telegram:8")
    found = remembering.store.subscriptions.find(parse_address("telegram:-100"))

    assert found.owner == "telegram:7"
    assert parse_address(found.owner).kind == "private"


# Weeks without an edition ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "config", "day"),
    [
        ("mon,thu 09:00", "", "2026-11-25T12:00"),
        ("mon 09:00", "holidays: [2026-11-23]\n", "2026-11-25T12:00"),
        ("fri 09:00", "holidays: [2026-11-27]\n", "2026-11-25T12:00"),
        ("mon,thu 09:00", "holidays: [2026-11-23]\n", "2026-11-24T12:00"),
    ],
)
def test_between_two_editions_the_next_one_is_the_one_after_the_running_one(folder, clock, schedule, config, day):
    write(folder / "digest.yaml", config)
    clock.moment = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    app = build(Settings(content=(str(folder),), digest_schedule=schedule), clock=clock)

    assert "On a\n" in said(app, "week")
    assert "On b " in said(app, "next")
    assert "On b\n" in said(app, "preview")


def test_what_a_chat_chose_shows_at_once_and_what_it_chose_elsewhere_after_a_minute(remembering, clock):
    chat = parse_address("telegram:7")
    who = {"chat": str(chat), "user": "telegram:7", "role": "admin"}
    before = said(remembering, "topic", "a", **who)
    said(remembering, "lang", "zh", **who)
    chosen = said(remembering, "topic", "a", **who)
    remembering.store.memory.set_language(chat, "en")
    at_once = said(remembering, "topic", "a", **who)
    clock.moment += dt.timedelta(seconds=61)

    assert "1 item" in before
    assert "1 条" in chosen
    assert at_once == chosen
    assert said(remembering, "topic", "a", **who) == before


def test_the_same_question_has_the_same_answer_until_the_digest_changes(app, folder):
    first, again = (app.answer(replace(CURATOR, name="topics")) for _ in range(2))
    write(folder / "list.md", six("g"))
    app.refresh()
    later = app.answer(replace(CURATOR, name="topics"))

    assert again is first
    assert "7" in plain(later.message)
    assert "7" not in plain(first.message)


def test_members_and_curators_share_no_answer(app):
    for name in ("help", "start", "topics"):
        app.answer(replace(CURATOR, name=name))

    assert "/post" in said(app, "help")
    assert "/post" not in said(app, "help", role="member")


def test_chance_does_not_repeat_itself(app):
    assert len({said(app, "random") for _ in range(30)}) > 1


def test_what_is_asked_for_in_vain_counts_each_time(remembering):
    for _ in range(3):
        said(remembering, "search", "zzz qqq xxx", chat="telegram:7")

    assert remembering.store.memory.misses() == (("zzz qqq xxx", 3),)
