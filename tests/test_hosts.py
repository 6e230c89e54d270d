"""Processes as a host sees them: red when something is wrong and green when it is over, a quiet end, and no secret."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import sys
from urllib.parse import quote

import pytest
from fakes.telegram import FakeTelegram
from postgresql import Cluster, programs
from processes import ROOT, Process, program, run

CONTENT = str(ROOT / "content")

HURRY = (
    "import bot.processes.service as service, bot.store.database as database;"
    "service.TICK = service.FEEL = service.REOPEN = database.PATIENCE = 0.2"
)
"""A clock that runs quickly: so long as a test waits, it proves no more."""


def hurried(verb, hurry=HURRY):
    return program(verb, first=hurry)


@pytest.fixture
def server(request):
    """A PostgreSQL of this test's own, which it may stop, with our tables in the database `heji`."""
    if programs() is None:
        request.getfixturevalue("cluster")  # which knows what to do where there is none
    server = Cluster(programs())
    try:
        server.start()
        server.sql("CREATE DATABASE heji")
        yield server
    finally:
        server.remove()


# Health ---------------------------------------------------------------------------------------------------------------


def test_a_server_that_is_gone_makes_health_red_and_one_that_is_back_green(server, tmp_path):
    url = server.url("heji")
    assert run(program("db", "upgrade"), tmp_path, DATABASE_URL=url).returncode == 0
    with Process(hurried("run"), tmp_path, DATABASE_URL=url) as process:
        process.wait(lambda: not process.red())
        server.stop("immediate")
        process.wait(lambda: process.red() == {"database"})
        server.start()
        process.wait(lambda: not process.red())
        status = process.stop()

    assert status == 0
    assert "database missed" in process.said
    assert "database found again" in process.said
    assert "Traceback" not in process.said


def test_a_database_that_was_not_there_at_the_start_is_taken_up_when_it_comes(server, tmp_path):
    url = server.url("heji")
    run(program("db", "upgrade"), tmp_path, DATABASE_URL=url)
    server.stop()
    with Process(hurried("run"), tmp_path, DATABASE_URL=url) as process:
        process.wait(lambda: "database" in process.red())
        server.start()
        process.wait(lambda: not process.red())
        status = process.stop()

    assert status == 0


def test_a_file_that_is_gone_is_missed_although_it_could_still_be_written(tmp_path):
    file = tmp_path / "data/heji.db"
    with Process(hurried("run"), tmp_path) as process:
        process.wait(lambda: not process.red())
        file.rename(tmp_path / "away.db")
        process.wait(lambda: process.red() == {"database"})
        (tmp_path / "away.db").rename(file)
        process.wait(lambda: not process.red())
        status = process.stop()

    assert status == 0
    assert "heji.db is gone" in process.said


def test_a_platform_that_is_cut_makes_health_red_and_one_that_is_back_green(tmp_path):
    hurry = "import bot.platforms.health as health, datetime; health.GRACE = datetime.timedelta(seconds=1)"
    with FakeTelegram() as telegram:
        command = hurried("serve", f"{HURRY}; {hurry}")
        variables = {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_BASE_URL": telegram.url}
        with Process(command, tmp_path, **variables) as process:
            process.wait(lambda: process.health()["telegram"].get("at"))
            asyncio.run(telegram.stop_listening())
            process.wait(lambda: process.red() == {"telegram"})
            asyncio.run(telegram.listen())
            process.wait(lambda: not process.red())
            status = process.stop()

    assert status == 0
    assert telegram.token.partition(":")[2] not in process.said


def test_figures_are_served_unless_they_are_turned_off(tmp_path):
    with Process(hurried("run"), tmp_path) as process:
        process.wait(lambda: "heji_deliveries{" in process.get("/metrics")[1])
        status, text = process.get("/metrics")
    with Process(hurried("run"), tmp_path, METRICS="off") as process:
        absent, _ = process.get("/metrics")

    assert (status, absent) == (200, 404)
    assert 'heji_healthy{check="database"} 1.0' in text
    assert 'heji_deliveries{state="pending"} 0.0' in text
    assert re.search(r"^heji_content_items [1-9]", text, re.MULTILINE)


# The end --------------------------------------------------------------------------------------------------------------


def test_a_request_that_is_still_coming_at_sigterm_is_answered_and_then_the_process_ends(tmp_path):
    body = json.dumps({"update_id": 7, "what": "nobody knows"}).encode()
    with FakeTelegram() as telegram:
        variables = {
            "TELEGRAM_BOT_TOKEN": telegram.token,
            "TELEGRAM_API_BASE_URL": telegram.url,
            "TELEGRAM_WEBHOOK_SECRET": "open-sesame-1234",
            "PUBLIC_URL": "https://digest.example.org",
        }
        with Process(program("serve"), tmp_path, **variables) as process:
            process.wait(lambda: telegram.calls("setWebhook"))
            head = (
                "POST /telegram HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: open-sesame-1234\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            with socket.create_connection(("127.0.0.1", process.port), 20) as slow:
                slow.sendall(head.encode() + body[:9])
                process.get("/healthz")  # by now the first half was heard
                process.terminate()
                process.wait(lambda: refused(process.port))
                slow.sendall(body[9:])
                answer = slow.recv(1000)
            status = process.ended()

    assert answer.startswith(b"HTTP/1.1 503 ")  # so that Telegram sends it to whoever comes next
    assert status == 0
    assert "Traceback" not in process.said


def refused(port):
    """Whether nobody new is let in."""
    try:
        with socket.create_connection(("127.0.0.1", port), 20):
            return False
    except OSError:
        return True


# Disks that are thrown away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [("run",), ("serve",), ("work",), ("db", "upgrade"), ("chats", "list"), ("post",)])
def test_sqlite_on_a_disk_that_is_thrown_away_is_refused_with_a_sentence(tmp_path, verb):
    done = run(program(*verb), tmp_path, CONTENT=CONTENT, DYNO="web.1", PORT="0")

    assert done.returncode == 2
    assert done.stderr.startswith("heji: DATABASE_URL is SQLite in data/heji.db, on a disk that Heroku throws away")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_whoever_takes_the_risk_by_its_name_may(tmp_path):
    done = run(program("chats", "list", "--json"), tmp_path, DYNO="web.1", ALLOW_EPHEMERAL_SQLITE="on")

    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_doctor_tells_of_the_disk_and_reading_verbs_do_not_mind(tmp_path):
    doctor = run(program("doctor", "--json"), tmp_path, CONTENT=CONTENT, DYNO="web.1")
    asked = run(program("ask", "/topics"), tmp_path, CONTENT=CONTENT, DYNO="web.1")
    (finding,) = [one for one in json.loads(doctor.stdout) if one["state"] == "fail"]

    assert doctor.returncode == 1
    assert "Heroku throws away" in finding["message"]
    assert finding["cure"].startswith("write the address of a PostgreSQL")
    assert asked.returncode == 0


# Secrets --------------------------------------------------------------------------------------------------------------

CANARIES = {
    "TELEGRAM_BOT_TOKEN": "1234567:canary-Of_The-Token",
    "TELEGRAM_WEBHOOK_SECRET": "canary-of-the-webhook",
    "SLACK_BOT_TOKEN": "xoxb-canary-of-slack",
    "SLACK_APP_TOKEN": "xapp-canary-of-the-socket",
    "SLACK_SIGNING_SECRET": "canary of the signature",
    "CONTENT_PUSH_SECRET": "canary/of\"the'push&",
}
PASSWORD = "canary@of/the:base"


def written(secret):
    """The ways in which *secret* may be written down."""
    forms = {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret), quote(secret, safe="")}
    return {form.encode() for form in forms} | {base64.b64encode(secret.encode())}


def leaks(*texts):
    """The canaries that are in *texts*."""
    secrets = [*CANARIES.values(), CANARIES["TELEGRAM_BOT_TOKEN"].partition(":")[2], PASSWORD]
    whole = b"\n".join(text.encode() if isinstance(text, str) else text for text in texts)
    return [secret for secret in secrets if any(form in whole for form in written(secret))]


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_canary_gets_out_of_a_process_that_has_all_kinds_of_trouble(tmp_path, log_format):
    with FakeTelegram() as telegram:  # which does not know this token
        variables = CANARIES | {
            "TELEGRAM_API_BASE_URL": telegram.url,
            "PUBLIC_URL": "https://digest.example.org",
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": log_format,
            "CONTENT": CONTENT,
        }
        run(program("chats", "add", "telegram:7", "--schedule", "daily 09:00"), tmp_path, **variables)
        run(program("chats", "add", "file:/nowhere/at/all", "--schedule", "daily 09:00"), tmp_path, **variables)
        posted = run(program("post"), tmp_path, **variables)
        with Process(hurried("run"), tmp_path, **variables) as process:
            process.wait(lambda: process.health()["telegram"]["message"].count("token"))
            process.wait(lambda: telegram.journal)
            token = CANARIES["TELEGRAM_BOT_TOKEN"]
            paths = ("/", "/healthz", "/metrics", f"/{token}", "/telegram", "/search?q=canary")
            pages = [process.get(path)[1] for path in paths]
            (tmp_path / "data/heji.db").rename(tmp_path / "data/away")
            process.wait(lambda: process.red() >= {"database"})
            (tmp_path / "data/away").rename(tmp_path / "data/heji.db")
            process.stop()
        database = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())

    assert leaks(posted.stdout, posted.stderr, process.said, database, *pages) == []
    assert "Unauthorized" in process.said or "token" in process.said


TROUBLES = """
import logging, sys, threading, warnings
from bot.processes import logs
from bot.settings import Settings

settings = Settings.load()
logs.set_up(settings, sys.stderr)
log, secrets = logging.getLogger("bot.trouble"), sorted(settings.secrets())

class Dying:
    def __init__(self, last_words):
        self.last_words = last_words

    def __del__(self):
        raise ValueError(self.last_words)

def chained(secret):
    try:
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise ValueError(f"first {secret}") from error
    except ValueError:
        raise ExceptionGroup(f"all {secret}", [OSError(2, secret), UnicodeError(secret)])

for secret in secrets:
    log.debug("here it is: %s %r", secret, [secret.encode()], extra={"field": secret})
    log.info("%d is no number", secret)
    log.warning("asked url=%s", f"https://ann:{secret}@example.org/bot{secret}/getMe?token={secret}")
    try:
        chained(secret)
    except ExceptionGroup:
        log.exception("broke on %s", secret, stack_info=True)
    Dying(secret)
    thread = threading.Thread(target=chained, args=(secret,), name=secret)
    thread.start()
    thread.join()
    warnings.warn(f"old: {secret}", DeprecationWarning)
chained(" ".join(secrets))
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_canary_gets_out_by_a_traceback_a_thread_a_destructor_a_warning_or_a_record_that_is_none(
    tmp_path, log_format
):
    database = f"postgresql://ann:{quote(PASSWORD, safe='')}@127.0.0.1/heji"
    variables = CANARIES | {"DATABASE_URL": database, "LOG_LEVEL": "DEBUG", "LOG_FORMAT": log_format}
    done = run([sys.executable, "-c", TROUBLES], tmp_path, PYTHONWARNINGS="always", **variables)

    assert done.returncode == 1
    assert leaks(done.stdout, done.stderr) == []
    for told in ("here it is: ***", "record lost (TypeError) in bot.trouble", "bot***/getMe?token=***", "broke on ***",
                 "thread broke name=***", "error ignored", "old: ***", "program broke"):  # fmt: skip
        assert told in done.stderr


@pytest.mark.parametrize(
    ("verb", "address"),
    [
        ("run", "postgresql://ann:{}@127.0.0.1:1/heji"),
        ("work", "postgresql://127.0.0.1:1/heji?password={}"),
        ("serve", "postgresql://ann:{}@[::1/heji"),
        ("doctor", "postgresql://ann:{}@127.0.0.1:1/heji"),
        ("doctor", "postgresql://ann:{}@h:port/heji"),
        ("deliveries", "postgresql://ann:{}@127.0.0.1:port/heji"),
        ("post", "postgresql://ann:{}@[::1/heji"),
        ("chats list", "mysql://ann:{}@h/heji"),
        ("db upgrade", "postgresql://127.0.0.1:1/heji?password={}"),
    ],
)
def test_no_password_of_a_database_gets_into_an_error(heji_process, verb, address):
    done = heji_process(*verb.split(), DATABASE_URL=address.format(quote(PASSWORD, safe="")))

    assert leaks(done.stdout, done.stderr) == []
    assert "Traceback" not in done.stderr


@pytest.fixture
def heji_process(tmp_path):
    """Run a verb that cannot work: what stays is ended as soon as it has said twice that there is no database."""

    def run_it(*verb, **variables):
        if verb[0] not in ("run", "serve", "work"):
            return run(program(*verb), tmp_path, CONTENT=CONTENT, **variables)
        # It may be ended amid an import, which then leaves a file open, and that is no mistake.
        with Process(hurried(*verb), tmp_path, PYTHONWARNINGS="ignore", **variables) as process:
            try:
                process.wait(lambda: "database not opened, tried again" in process.said)
                process.stop()
            except AssertionError:
                assert "DATABASE_URL" in process.said  # it has said so and ended
        return Said(process.said)

    return run_it


class Said:
    """What a process said, on whichever stream."""

    def __init__(self, text):
        self.stdout, self.stderr = "", text
