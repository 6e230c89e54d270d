"""What hosts read: every file is what its host takes it for, and every command in it runs as it is written."""

from __future__ import annotations

import configparser
import fnmatch
import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from containers import NOBODY, Builder, Container, read, usable
from processes import CONTENT, ROOT, Process, program, run

from bot.settings import Settings

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines())
GIVEN = {"DATABASE_URL", "HOST", "PORT"}
"""What a host sets by itself."""


def loaded(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


# Heroku ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app_json():
    return json.loads((ROOT / "app.json").read_text(encoding="utf-8"))


def test_the_heroku_button_describes_every_variable_and_asks_for_none(app_json):
    described = app_json["env"]

    assert described.keys() == Settings.variables() - GIVEN
    assert [name for name, one in described.items() if len(one["description"]) < 20] == []
    assert [name for name, one in described.items() if one["required"] or "value" in one] == []


def test_the_heroku_button_brings_a_database_and_one_web_process(app_json):
    assert [addon["plan"].split(":")[0] for addon in app_json["addons"]] == ["heroku-postgresql"]
    assert app_json["formation"]["web"]["quantity"] == 1
    assert app_json["formation"].keys() <= PROCFILE.keys()
    assert app_json["buildpacks"] == [{"url": "heroku/python"}]


def test_the_procfile_has_a_release_a_web_and_a_worker():
    assert [*PROCFILE] == ["release", "web", "worker"]


def test_hosts_and_containers_run_the_same_python():
    version = (ROOT / ".python-version").read_text().strip()
    python = {stage.base for stage in read(DOCKERFILE).values() if not read(DOCKERFILE).get(stage.base)}

    assert re.fullmatch(r"3\.\d+", version)
    assert python == {f"python:{version}-slim"}


def test_the_procfile_s_processes_deliver_an_edition_once_and_end_in_order(cluster, tmp_path):
    cluster.sql("CREATE DATABASE hosted")
    url = cluster.url("hosted").replace("postgresql+psycopg://", "postgres://")
    variables = {"DATABASE_URL": url, "CONTENT": str(CONTENT)}
    released = run(shell("release"), tmp_path, **variables)
    for chat in range(3):
        added = run(program("chats", "add", f"file:out{chat}.jsonl"), tmp_path, **variables)
        assert added.returncode == 0, added.stderr
    with (
        Process(shell("web"), tmp_path, PORT=str(free_port()), **variables) as web,
        Process(shell("worker"), tmp_path, **variables) as one,
        Process(shell("worker"), tmp_path, **variables) as other,
    ):
        web.wait(lambda: not web.red())
        posted = run(program("post"), tmp_path, **variables)
        web.wait(lambda: settled(tmp_path, variables))
        statuses = [process.stop() for process in (one, other, web)]
    ledger = rows(tmp_path, variables)
    written = [len((tmp_path / f"out{chat}.jsonl").read_text().splitlines()) for chat in range(3)]

    assert (released.returncode, released.stdout) == (0, "the tables are those of this version\n")
    assert posted.returncode == 0
    assert statuses == [0, 0, 0]
    assert {row["state"] for row in ledger} == {"sent"}
    assert sum(written) == len(ledger)
    assert len(set(written)) == 1
    assert "Traceback" not in web.said + one.said + other.said


def shell(name):
    """A process of the Procfile, started as Heroku does: by a shell that gives way to it."""
    variables = re.match(r"(?:\w+=\S+ )*", PROCFILE[name])[0]
    return ["/bin/sh", "-c", f"{variables}exec {PROCFILE[name][len(variables) :]}"]


def rows(folder, variables):
    return json.loads(run(program("deliveries", "--json"), folder, **variables).stdout)


def settled(folder, variables):
    found = rows(folder, variables)
    return found and all(row["state"] in ("sent", "dead") for row in found)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# Docker ---------------------------------------------------------------------------------------------------------------


def test_hadolint_finds_nothing_in_the_dockerfile(requires_program):
    beside = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    hadolint = beside or requires_program("hadolint")
    command = [hadolint, "--no-color", str(ROOT / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_slim_installs_by_hash_and_runs_as_nobody():
    stages = read(DOCKERFILE)
    program, last = stages["program"], stages[[*stages][-1]]
    installs = [step.text for stage in stages.values() for step in stage.all("RUN") if " install " in step.text]

    assert len(stages) > 2
    assert last.base == "program"
    assert [step.text for step in last.all("USER")] == [f"{NOBODY}:{NOBODY}"]
    assert len(installs) == 1
    assert {"--require-hashes", "-r", "requirements.txt", "--no-cache-dir"} <= {*installs[0].split()}
    assert program.all("RUN") == []
    assert "HOST=0.0.0.0" in program.all("ENV")[-1].arguments
    assert "curl" not in DOCKERFILE.partition("HEALTHCHECK")[2]


def test_the_lock_is_copied_and_installed_before_the_program_so_that_its_layer_lasts():
    steps = [f"{step.word} {step.text}" for step in read(DOCKERFILE)["build"].steps]
    order = [next(n for n, step in enumerate(steps) if word in step)
             for word in ("venv", "COPY requirements.txt", "--require-hashes", "COPY bot", "compileall")]  # fmt: skip

    assert order == sorted(order)


def ignored(path):
    """Whether `.dockerignore` keeps *path* out: the last line that matches it, or what it is in, decides."""
    found = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        parts = [str(one) for one in (path, *path.parents)]
        if line and not line.startswith("#") and any(
            fnmatch.fnmatch(part, pattern.replace("**/", "*")) for part in parts
        ):  # fmt: skip
            found = not line.startswith("!")
    return found


def test_the_context_holds_all_that_is_copied_and_no_secret():
    copied = [
        source
        for stage in read(DOCKERFILE).values()
        for step in stage.all("COPY")
        if "from" not in step.flags
        for source in step.arguments[:-1]
    ]

    assert [name for name in copied if ignored(Path(name)) or not (ROOT / name).exists()] == []
    assert [name for name in (".env", "data/heji.db", ".git/config", "bot/__pycache__/x.pyc", ".venv/bin/python")
            if not ignored(Path(name))] == []  # fmt: skip


@pytest.fixture(scope="module")
def builder():
    pythons = (sys.executable, *(f"/usr/{local}bin/python3" for local in ("local/", "")))
    python = next(filter(usable, pythons), None)
    if python is None:
        reason = "no Python may be used by another user than this one"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    builder = Builder(DOCKERFILE, ROOT, os.path.realpath(python))
    yield builder
    builder.remove()


@pytest.mark.slow
def test_the_dockerfile_s_steps_run_as_they_stand_for_an_unprivileged_user_and_give_a_bot_that_is_well(builder):
    try:
        image = builder.build([*builder.stages][-1])
    except AssertionError as error:
        if os.environ.get("REQUIRE_ALL") != "1" and "No matching distribution" in str(error):
            pytest.skip("the package index cannot be reached")
        raise
    with Container(builder, image, PORT="0") as bot:
        port = str(bot.port)
        bot.wait(lambda: builder.run(image, image.healthcheck, PORT=port).returncode == 0)
        well = builder.run(image, image.healthcheck, PORT=port)
        made = (image.root / "data/heji.db").stat()
        status = bot.stop()
    unwell = builder.run(image, image.healthcheck, PORT=port)

    assert builder.ran == [step.text for step in builder.stages["build"].all("RUN")]
    assert json.loads(well.stdout)["status"] == "ok"
    assert unwell.returncode == 1
    assert status == 0
    assert made.st_uid == (NOBODY if os.getuid() == 0 else os.getuid())
    assert image.user == NOBODY


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_volume_of_root_s_is_given_away_and_nothing_of_root_is_left(requires_program):
    requires_program("setpriv")
    look = 'id -u; id -G; grep Cap /proc/self/status; echo > "$DATA/new"'
    volume = Path(tempfile.mkdtemp(prefix="heji-volume-"))
    try:
        done = subprocess.run(
            [ROOT / "deploy/own-the-volume", "/bin/sh", "-c", look],
            env={"PATH": os.defpath, "DATA": str(volume)}, cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        owners = {path.stat().st_uid for path in (volume, volume / "new")}
    finally:
        shutil.rmtree(volume)
    user, groups, *capabilities = done.stdout.splitlines()

    assert done.returncode == 0, done.stderr
    assert (user, groups, owners) == (str(NOBODY), str(NOBODY), {NOBODY})
    assert {line.split()[1] for line in capabilities} == {"0" * 16}


@pytest.mark.parametrize("status", [200, 503])
def test_the_health_check_of_the_image_says_what_healthz_says_whatever_proxy_is_set(status):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        done = subprocess.run(
            [sys.executable, ROOT / "deploy/healthcheck.py"], check=False, capture_output=True,
            env={"PORT": str(server.server_port), "http_proxy": "http://127.0.0.1:1"},
        )  # fmt: skip
        answering.join()

    assert done.returncode == (0 if status == http.client.OK else 1)


def test_compose_starts_the_bot_when_the_tables_are_made_and_keeps_the_database_on_a_volume():
    services, volumes = loaded("compose.yaml")["services"], loaded("compose.yaml")["volumes"]
    bot, migration, database = services["bot"], services["migration"], services["database"]

    assert bot["depends_on"] == {"migration": {"condition": "service_completed_successfully"}}
    assert migration["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert migration["command"] == [*shlex.split(PROCFILE["release"])]
    assert bot["environment"]["DATABASE_URL"].startswith("postgresql://heji:${POSTGRES_PASSWORD:?")
    assert database["image"].startswith("postgres:")
    assert database["volumes"][0].split(":")[0] in volumes
    assert "ports" not in database


# Fly, systemd, GitHub -------------------------------------------------------------------------------------------------


def test_fly_keeps_one_machine_awake_with_a_volume_and_lets_it_end_in_peace():
    fly = tomllib.loads((ROOT / "fly.toml").read_text(encoding="utf-8"))
    service, (mount,) = fly["http_service"], fly["mounts"]

    assert (fly["kill_signal"], fly["kill_timeout"]) == ("SIGTERM", 30)
    assert (service["auto_stop_machines"], service["min_machines_running"]) == ("off", 1)
    assert [check["path"] for check in service["checks"]] == ["/healthz"]
    assert str(service["internal_port"]) == fly["env"]["PORT"]
    assert fly["env"]["HOST"] == "0.0.0.0"
    assert fly["env"]["DATABASE_URL"].startswith(f"sqlite:///{mount['destination']}/")
    assert fly["build"]["build-target"] in read(DOCKERFILE)
    assert fly["env"].keys() <= Settings.variables()


def unit():
    """The unit's sections; what is written twice comes as a list."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string((ROOT / "deploy/heji.service").read_text(encoding="utf-8"))
    return parser


def test_systemd_runs_it_as_nobody_and_lets_it_end_in_peace():
    service = unit()["Service"]

    assert service["ExecStart"].endswith("/python -m bot run")
    assert service["ExecStartPre"].endswith("/python -m bot db upgrade")
    assert "PORT=8080" in service["Environment"].split()
    assert (service["DynamicUser"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("yes", "yes", "strict")
    assert (service["KillSignal"], service["RestartPreventExitStatus"]) == ("SIGTERM", "2")
    assert int(service["TimeoutStopSec"]) >= 30
    assert f"/var/lib/{service['StateDirectory']}/" in service["Environment"]


def test_systemd_finds_the_unit_well_shut_off():
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd is not installed, and nobody needs it to run the tests")
    done = subprocess.run(
        [analyze, "security", "--offline=yes", "--threshold=20", str(ROOT / "deploy/heji.service")],
        capture_output=True, text=True, check=False, env={"PATH": os.defpath, "SYSTEMD_PAGER": ""},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_reads_only_and_runs_what_the_makefile_or_the_program_has(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]

    assert workflow["permissions"] == {"contents": "read"}
    assert all("uses" in step or "run" in step for step in steps)
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)
    assert "${{ github.event" not in path.read_text(encoding="utf-8")


def test_the_whole_suite_runs_at_every_push_and_on_every_python():
    workflow = loaded(".github/workflows/test.yml")
    runs = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    pythons = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]

    assert "make test" in runs
    assert any(".ci/run" in one for one in runs)
    assert {f"Programming Language :: Python :: {version}" for version in pythons} <= {*classifiers}
    assert workflow[True].keys() >= {"push", "pull_request"}  # YAML takes `on` for a yes
