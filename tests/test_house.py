"""What the top level promises: two commands, whole locks, pages that say what is there."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from bot.digest.config import parse_config

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Package to (version, hashes) of a lock."""
    found: dict[str, tuple[str, list[str]]] = {}
    name = ""
    for line in read(lock).splitlines():
        if line.startswith("    --hash="):
            found[name][1].append(line.strip(" \\"))
        elif line and not line.startswith("#"):
            name, version = re.fullmatch(r"([a-z0-9-]+)==([^ ;]+)(?: ; [^\\]+)? \\", line).groups()
            found[name] = (version, [])
    return found


def tracked() -> list[Path]:
    """Files that are in the repository, or will be when the next commit takes what stands there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Top level ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        ".ci/run", ".env.example", ".gitignore", ".python-version", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
        "Makefile", "Procfile", "README.md", "SECURITY.md", "content/digest.yaml", "content/heji.md", "docs/design.md",
        "pyproject.toml", "requirements-dev.txt", "requirements.txt",
    ],
)  # fmt: skip
def test_the_top_level_is_complete(name):
    assert (ROOT / name).stat().st_size > 0


def test_ci_can_be_executed():
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_nothing_outside_the_repository_is_named():
    outside = re.compile(r"\.\./" + r"shared|/wo" + r"rk/|/ro" + r"ot/|/ho" + r"me/[a-z]+/")
    naming = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if outside.search(path.read_bytes().decode("utf-8", errors="replace"))
    ]

    assert naming == []


def test_every_page_links_only_to_what_is_there():
    missing = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in tracked()
        if page.suffix == ".md" and page.parent in (ROOT, ROOT / "docs")
        for target in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert missing == []


def test_the_readme_begins_with_the_two_commands():
    first_code = re.search(r"```\w*\n(.*?)```", read("README.md"), re.DOTALL)

    assert first_code is not None
    assert re.findall(r"^\$ make (\w+)", first_code[1], re.MULTILINE) == ["run", "test"]


def test_the_changelog_knows_the_version():
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]

    assert re.search(rf"^## \[({re.escape(version)}|Unreleased)\]", read("CHANGELOG.md"), re.MULTILINE)


# The two commands -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["run", "test", "lint", "bench", "lock", "clean"])
def test_make_knows_its_targets_and_help_lists_them(target):
    assert make("--dry-run", target).returncode == 0
    assert re.search(rf"^{target}\s+\S", make("help").stdout, re.MULTILINE)


def test_make_run_refuses_an_old_python_in_one_sentence(tmp_path):
    refused = make("-s", "run", "PYTHON=/bin/false", f"VENV={tmp_path}/venv")

    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.startswith("heji: /bin/false is not Python 3.11 or newer with venv: install one")


def test_make_run_finds_no_python_on_an_empty_path(tmp_path):
    refused = make("-s", "run", f"VENV={tmp_path}/venv", "SHELL=/bin/sh", "PATH=/nowhere")

    assert refused.returncode == 2
    assert refused.stderr.startswith("heji: nothing on the PATH is Python 3.11 or newer with venv")


def test_a_missing_program_skips_its_test_unless_every_test_is_wanted(requires_program, monkeypatch):
    monkeypatch.setenv("REQUIRE_ALL", "")
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        requires_program("no-such-program")

    monkeypatch.setenv("REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not installed, and REQUIRE_ALL=1"):
        requires_program("no-such-program")


def test_ci_wants_every_test():
    assert re.search(r"^REQUIRE_ALL=1 exec make test$", read(".ci/run"), re.MULTILINE)


def test_every_process_of_the_procfile_starts_the_program():
    lines = read("Procfile").splitlines()

    assert all(re.fullmatch(r"\w+: (\w+=\S+ )*python -m bot \w+( \w+)?", line) for line in lines)


# Packages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_one_version_and_hashes_for_more_than_one_platform(lock):
    packages = pins(lock)
    compiled = {"aiohttp", "pydantic-core", "pyromark", "pyyaml", "rapidfuzz"}

    assert [name for name, (_, hashes) in packages.items() if not hashes] == []
    assert [name for name in compiled if len(packages[name][1]) < 20] == []
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", h) for _, hashes in packages.values() for h in hashes)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_no_path(lock):
    assert re.findall(r"https?://|--(?:extra-)?index|--find-links|file:| @ |/tmp|\.whl", read(lock)) == []


def test_the_locks_agree():
    run, dev = pins("requirements.txt"), pins("requirements-dev.txt")

    assert {name: dev.get(name) for name in run} == run


def test_the_locks_hold_all_that_the_project_asks_for():
    project = tomllib.loads(read("pyproject.toml"))
    run, dev = project["project"]["dependencies"], project["dependency-groups"]["dev"]
    name = re.compile(r"[A-Za-z0-9-]+")

    assert {name.match(requirement)[0] for requirement in run} - pins("requirements.txt").keys() == set()
    assert {name.match(requirement)[0] for requirement in run + dev} - pins("requirements-dev.txt").keys() == set()


def test_the_command_and_the_distribution_are_called_heji():
    project = tomllib.loads(read("pyproject.toml"))["project"]

    assert project["name"] == "heji"
    assert project["scripts"] == {"heji": "bot.__main__:main"}
    assert project["requires-python"] == ">=3.11"


# Content --------------------------------------------------------------------------------------------------------------


def test_the_reference_digest_is_the_one_that_was_handed_over_byte_for_byte():
    data = (ROOT / "content/heji.md").read_bytes()

    assert len(data) == 11_910
    assert hashlib.sha256(data).hexdigest() == "cf485b88022c037b1cdcf867cfd0d16953beba0d3f81b5efa568af8b39dcc48a"


def test_the_reference_digest_s_configuration_has_no_mistakes():
    config, problems = parse_config((ROOT / "content/digest.yaml").read_bytes(), file="content/digest.yaml")

    assert problems == ()
    assert (config.title, config.timezone, config.schedule) == ("合辑", "Asia/Shanghai", "mon 09:00")
    assert config.themes.skip == ("其他",)
