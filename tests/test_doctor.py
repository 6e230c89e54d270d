"""What `heji doctor` finds: a line and a cure each, and all of it at once."""

from __future__ import annotations

import datetime as dt
import socket

import pytest
from fakes.slack import FakeSlack
from fakes.slack_world import App
from fakes.telegram import FakeTelegram

from bot.errors import StoreBehind, StoreError, StoreFull, StoreReadOnly, StoreUnreachable
from bot.platforms.slack.manifest import manifest
from bot.store.store import Store
from bot.verbs.doctor import diagnose

FRIDAY = dt.datetime(2026, 11, 27, 8, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder with one good digest, where nobody's `.env` is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "content").mkdir()
    write(tmp_path, "list.md", "## ctr\n\n[A](https://example.org/a)\n")
    return tmp_path


def write(place, name, text):
    (place / "content" / name).write_text(text, encoding="utf-8")


def found(*checks):
    return [one for one in diagnose(lambda: FRIDAY) if not checks or one.check in checks]


def test_a_fresh_machine_is_in_order():
    assert [(one.check, one.state, one.message, one.cure) for one in found()] == [
        ("configuration", "ok", "every variable that is set can be used", ""),
        ("content", "ok", "1 file, 1 topic, 1 item", ""),
        ("schedule", "ok", "mon 09:00 in UTC; the next edition would come 2026-11-30 09:00 UTC", ""),
        ("database", "ok", "none yet; made at the first run", ""),
        ("platforms", "ok", "no token is set: the bot answers in the terminal", ""),
    ]


def test_every_wrong_variable_is_found_and_the_content_looked_at_all_the_same(monkeypatch):
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("SLACK_COMMAND", "/No Command")
    wrong = found("configuration")

    assert [(one.state, one.message.split()[0]) for one in wrong] == [("fail", "SLACK_COMMAND"), ("fail", "PORT")]
    assert (wrong[1].message, wrong[1].cure) == ('PORT is "x"', "write a number from 0 to 65535, such as 8080")
    assert [one.state for one in found("content", "schedule")] == ["ok", "ok"]


def test_a_variable_that_the_content_needs_is_told_once(monkeypatch):
    monkeypatch.setenv("DIGEST_TIMEZONE", "Asia/Shangai")

    assert [(one.check, one.state, one.cure) for one in found()] == [
        ("configuration", "fail", "write an IANA name such as Asia/Shanghai or UTC")
    ]


def test_every_mistake_in_the_content_is_told_with_its_cure(place, monkeypatch):
    write(place, "digest.yaml", "titel: x\ntimezone: Mars/Base\nschedule: 1 09:00\n")
    monkeypatch.setenv("CONTENT", "content nowhere")
    wrong = found("content")

    assert [(one.state, one.message) for one in wrong] == [
        ("fail", "CONTENT is nowhere, which does not exist"),
        ("fail", "content/digest.yaml, line 1: unknown key titel in digest.yaml"),
        ("fail", "content/digest.yaml, line 2: unknown zone Mars/Base in timezone"),
    ]
    assert all(one.cure for one in wrong)


def test_a_schedule_that_is_none_is_found(place):
    write(place, "digest.yaml", "title: x\nschedule: 1 09:00\n")
    (wrong,) = found("content")

    assert wrong.state == "fail"
    assert wrong.message.startswith("content/digest.yaml, line 2: schedule: “1 09:00” is no schedule")
    assert "mon 09:00" in wrong.cure


def test_a_file_that_cannot_be_read_is_a_warning_that_says_where_to_look(place):
    (place / "content" / "bad.md").write_bytes(b"\xff\xfe")
    (told,) = found("content")

    assert (told.state, told.message, told.cure) == ("warn", "1 file, 1 topic, 1 item; 1 error", "see heji check")


def test_content_without_an_item_fails(place):
    write(place, "list.md", "just words\n")
    (told,) = found("content")

    assert (told.state, told.message) == ("fail", "nothing to say: 1 file, 0 topics, 0 items")


def test_telegram_says_whether_it_takes_the_token(monkeypatch):
    with FakeTelegram() as telegram:
        monkeypatch.setenv("TELEGRAM_API_BASE_URL", telegram.url)
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", telegram.token)
        good = found("Telegram", "platforms")
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456:ABC-DEF")
        (bad,) = found("Telegram", "platforms")

    assert [one.state for one in good] == ["ok"]
    assert "@heji_bot" in good[0].message
    assert (bad.state, bad.message) == ("fail", "Telegram refuses the bot's token")
    assert "@BotFather" in bad.cure
    assert "123456" not in bad.message + bad.cure


def test_a_telegram_that_cannot_be_reached_is_a_finding_with_a_cure(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setenv("TELEGRAM_API_BASE_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456:ABC-DEF")
        (told,) = found("Telegram")

    assert told.state == "fail"
    assert "network" in told.cure
    assert "123456" not in told.message + told.cure


def test_slack_says_whether_it_takes_the_tokens_and_what_they_lack(monkeypatch):
    with FakeSlack(App.of(manifest(mode="socket"))) as slack:
        monkeypatch.setenv("SLACK_API_BASE_URL", slack.url)
        monkeypatch.setenv("SLACK_BOT_TOKEN", slack.token)
        monkeypatch.setenv("SLACK_APP_TOKEN", slack.app.app_token)
        good = found("Slack", "platforms")
        slack.world.home.scopes -= {"im:history"}
        _, lacking, _ = found("Slack")
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-123456-ABC")
        monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-123456-ABC")
        bad = found("Slack")

    assert [one.state for one in good] == ["ok", "ok"]
    assert "im:history" in lacking.message
    assert [(one.state, one.message) for one in bad] == [
        ("fail", "Slack refuses the bot's token (invalid_auth)"),
        ("fail", "the app token opens no socket (invalid_auth)"),
    ]
    assert "123456" not in "".join(one.message + one.cure for one in bad)


def test_what_slack_needs_besides_the_bot_token_is_named(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-123456-ABC")
    (told,) = found("configuration")

    assert told.message == "SLACK_BOT_TOKEN is set without SLACK_APP_TOKEN or SLACK_SIGNING_SECRET"
    assert told.cure == "set one of them, or nothing can arrive"


@pytest.mark.parametrize(
    ("public_url", "token", "state", "words"),
    [
        ("https://digest.example.org", "", "ok", "https://digest.example.org/slack/install"),
        ("https://digest.example.org", "xoxb-1-2-abcdef", "warn", "SLACK_BOT_TOKEN counts for nothing"),
        ("", "", "fail", "PUBLIC_URL"),
    ],
)
def test_many_workspaces_are_told_where_to_install_and_which_token_nobody_uses(
    monkeypatch, public_url, token, state, words
):
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "a-client-secret")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "a-signing-secret")
    monkeypatch.setenv("PUBLIC_URL", public_url)
    monkeypatch.setenv("SLACK_BOT_TOKEN", token)
    (told,) = found("Slack")

    assert told.state == state
    assert words in told.message
    assert bool(told.cure) == (state != "ok")


def test_the_json_of_a_finding_has_its_four_keys():
    assert {tuple(one.as_json()) for one in found()} == {("check", "state", "message", "cure")}


# The database ---------------------------------------------------------------------------------------------------------


def test_looking_at_a_database_changes_nothing_in_it(place):
    store = Store.open(f"sqlite:///{place}/data/heji.db")
    before = store.memory.recall("doctor")
    (told,) = found("database")

    assert (told.state, told.message) == ("ok", "it can be read and written")
    assert store.memory.recall("doctor") == before
    store.close()


def test_a_folder_in_which_no_database_can_be_made_fails_before_the_first_run(place, monkeypatch):
    (place / "taken").write_text("")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{place}/taken/heji.db")
    (told,) = found("database")

    assert told.state == "fail"
    assert "taken cannot be written" in told.message
    assert "name another file in DATABASE_URL" in told.cure


@pytest.mark.parametrize(
    ("error", "message", "cure"),
    [
        (StoreFull("disk is full"), "The database's disk is full (disk is full)", "make room, and everything goes on"),
        (StoreReadOnly("readonly"), "The database cannot be written (readonly)", "give heji the right to write"),
        (StoreUnreachable("refused"), "The database cannot be reached (refused)", "check DATABASE_URL and whether"),
        (StoreBehind("it is empty"), "The database's tables are not those", "run `heji db upgrade`"),
        (StoreError("disk I/O error"), "The database cannot be used: disk I/O error", "check DATABASE_URL, the disk"),
    ],
)
def test_every_trouble_with_the_database_fails_with_its_cure(place, monkeypatch, error, message, cure):
    def refuse(settings):
        raise error

    monkeypatch.setattr("bot.verbs.doctor.existing_store", refuse)
    (told,) = found("database")

    assert told.state == "fail"
    assert told.message.startswith(message)
    assert told.cure.startswith(cure)
