"""One line an event, readable for people or programs, and never a secret in it."""

from __future__ import annotations

import io
import json
import logging
from urllib.parse import quote

import pytest

from bot.processes import logs
from bot.settings import Settings

TOKEN = "123456:ABC-very_secret"
PASSWORD = 'p@ss"wörd\\1'
HOOK = "https://hooks.example.org/" + "x" * 300


@pytest.fixture
def logged():
    """`logged(log_format=…)` sets logging up and gives the stream that it goes to; everything is put back behind it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def set_up(**fields):
        stream = io.StringIO()
        values = {
            "log_level": "DEBUG",
            "telegram_bot_token": TOKEN,
            "database_url": f"postgresql://u:{quote(PASSWORD, safe='')}@db/x",
            "content_push_secret": PASSWORD,
            "slack_client_secret": HOOK,
        }
        logs.set_up(Settings(**{**values, **fields}), stream)
        return stream

    yield set_up
    root.handlers, root.level = before
    root.setLevel(before[1])


def failing():
    hook = HOOK  # a local variable, as some formatters would show it
    try:
        raise ValueError(f"no luck with {hook} and {PASSWORD!r}") from KeyError(TOKEN)
    except ValueError:
        logging.getLogger("bot.test").exception("request failed url=%s", f"https://x/bot{TOKEN}/getMe")


def written(secret):
    return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe="")}


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_secret_gets_into_a_log_not_even_by_a_traceback(logged, log_format):
    stream = logged(log_format=log_format)
    failing()
    log = logging.getLogger("bot.test")
    log.debug("token=%s password=%s", TOKEN, PASSWORD)
    log.info("params=%r url=postgresql://u:%s@db/x", {"a": PASSWORD}, quote(PASSWORD, safe=""))
    log.warning("connected to %s", f"postgresql://u:{quote(PASSWORD, safe='')}@db/x")
    text = stream.getvalue()

    assert [form for secret in (TOKEN, PASSWORD, HOOK) for form in written(secret) if form in text] == []
    assert "x" * 40 not in text
    assert "request failed url=https://x/bot***/getMe" in text
    assert "ValueError" in text
    assert "failing" in text


def test_a_traceback_shows_no_local_variables(logged):
    stream = logged()
    failing()

    assert "hook =" not in stream.getvalue().replace("hook = HOOK  #", "")


def test_json_logs_are_an_object_a_line_tracebacks_included(logged):
    stream = logged(log_format="json")
    failing()
    logging.getLogger("bot.app").warning("content read: %s", "两\n行")
    failed, read = map(json.loads, stream.getvalue().splitlines())

    assert (failed["level"], failed["logger"]) == ("error", "bot.test")
    assert failed["exception"].endswith("***'")
    assert read["event"] == "content read: 两\n行"
    assert read["timestamp"].endswith("Z")


def test_console_logs_are_a_line_an_event_without_colour_where_nobody_sees_it(logged):
    stream = logged(log_level="INFO")
    log = logging.getLogger("bot.app")
    log.debug("not asked for")
    log.info("content read files=%d", 3)
    (line,) = stream.getvalue().splitlines()

    assert "content read files=3" in line
    assert "bot.app" in line
    assert "\x1b" not in line


def test_setting_up_twice_does_not_say_everything_twice(logged):
    logged()
    stream = logged()
    logging.getLogger("bot.app").warning("once")

    assert stream.getvalue().count("once") == 1


@pytest.mark.parametrize("library", ["httpx", "alembic.runtime.migration"])
def test_chatty_libraries_speak_up_only_when_something_is_wrong(logged, library):
    stream = logged(log_level="INFO")
    logging.getLogger(library).info("GET https://example.org")
    logging.getLogger(library).warning("slow")

    assert "GET" not in stream.getvalue()
    assert "slow" in stream.getvalue()


def test_words_too_short_to_be_a_secret_are_left_alone(logged):
    stream = logged(slack_client_secret="the")
    logging.getLogger("bot.app").info("the content was read")

    assert "the content was read" in stream.getvalue()


@pytest.mark.parametrize("token", ["xoxb-000000000002-f4keToken_2", "xoxe.xoxp-1-Mi0yLTEx", "xapp-1-A0HEJI-4242-f4ke"])
def test_a_token_that_was_learned_while_the_program_ran_gets_into_no_log_either(logged, token):
    stream = logged()
    logging.getLogger("bot.test").warning("refused token=%s, and xoxb- is how they begin", token)

    assert token not in stream.getvalue()
    assert "token=***, and xoxb- is how they begin" in stream.getvalue()
