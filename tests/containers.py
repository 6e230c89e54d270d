"""A Dockerfile's steps without Docker: each RUN as it stands there, by an unprivileged user, in folders that stand for
the images. COPY copies, ENV and WORKDIR hold, USER names the user; paths lead into the image's folder.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import processes

NOBODY = 10001
"""The user who takes the steps: the Dockerfile's own number, whom no system has to know."""

PLACES = re.compile(r"(?<![\w.-])/(?=(?:opt|data|srv|build)\b)")
"""Where a path of the image's begins in the value of a variable."""

PATIENCE = 900.0


@dataclass(frozen=True)
class Step:
    """One instruction: ``RUN``, its ``--flags`` and the rest of it."""

    word: str
    text: str
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """The JSON form where it is one, else its words."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


@dataclass(frozen=True)
class Stage:
    """What stands between two FROMs."""

    base: str
    name: str
    steps: tuple[Step, ...]

    def all(self, word: str) -> list[Step]:
        return [step for step in self.steps if step.word == word]


def read(text: str) -> dict[str, Stage]:
    """The stages of a Dockerfile by name; one without a name is called by its number."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    stages: dict[str, Stage] = {}
    for line in filter(None, map(str.strip, lines)):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name or str(len(stages))] = Stage(base, name or str(len(stages)), ())
            continue
        flags = {}
        while found := re.match(r"--([\w-]+)=(\S+)\s+", rest):
            flags[found[1]], rest = found[2], rest[found.end() :]
        last = next(reversed(stages))
        stages[last] = Stage(stages[last].base, last, (*stages[last].steps, Step(word, rest, flags)))
    return stages


class Image:
    """What a stage comes to: a folder, and the environment, folder and command of what runs in it."""

    def __init__(self, root: Path, base: Image | None = None) -> None:
        self.root = root
        self.environment = dict(base.environment) if base else {}
        self.workdir = base.workdir if base else Path("/")
        self.command = list(base.command) if base else []
        self.healthcheck = list(base.healthcheck) if base else []
        self.entrypoint = list(base.entrypoint) if base else []
        self.user = base.user if base else 0

    def path(self, name: str) -> Path:
        """Where *name* is, seen from outside."""
        return self.root / (self.workdir / name).relative_to("/")

    def outside(self) -> dict[str, str]:
        """The variables, with paths seen from outside."""
        return {name: PLACES.sub(f"{self.root}/", value) for name, value in self.environment.items()}


class Builder:
    """Builds images of *dockerfile* over *context*. *python* is the one that the images have from the beginning."""

    def __init__(self, dockerfile: str, context: Path, python: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="heji-image-"))  # pytest's own folder is closed to other users
        self.folder.chmod(0o755)
        self.stages = read(dockerfile)
        self.ran: list[str] = []
        self._context = context
        self._images: dict[str, Image] = {}
        self._bin = self.folder / "bin"
        self._bin.mkdir()
        (self._bin / "python").symlink_to(python)

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def build(self, target: str) -> Image:
        """The image of the stage called *target*, and of those it needs."""
        if target not in self._images:
            self._images[target] = self._built(self.stages[target])
        return self._images[target]

    def _built(self, stage: Stage) -> Image:
        base = self.build(stage.base) if stage.base in self.stages else None
        root = self.folder / stage.name
        if base is None:
            root.mkdir()
        else:
            shutil.copytree(base.root, root, symlinks=True)
        image = Image(root, base)
        give(root)
        for step in stage.steps:
            getattr(self, f"_{step.word.lower()}")(image, step)
        return image

    def _env(self, image: Image, step: Step) -> None:
        for one in step.arguments:
            name, _, value = one.partition("=")
            known = {"PATH": str(self._bin), **image.environment}
            image.environment[name] = re.sub(r"\$(\w+)", lambda found, known=known: known[found[1]], value)

    def _workdir(self, image: Image, step: Step) -> None:
        image.workdir = image.workdir / step.text
        image.path(".").mkdir(parents=True, exist_ok=True)
        give(image.root)

    def _copy(self, image: Image, step: Step) -> None:
        *sources, target = step.arguments
        for source in sources:
            there = self.build(step.flags["from"]).path(source) if "from" in step.flags else self._context / source
            into = image.path(target)
            if target.endswith("/"):
                into = into / there.name
            into.parent.mkdir(parents=True, exist_ok=True)
            if there.is_dir():
                left_out = None if "from" in step.flags else shutil.ignore_patterns("__pycache__")
                shutil.copytree(there, into, symlinks=True, dirs_exist_ok=True, ignore=left_out)
            else:
                shutil.copy2(there, into)
        give(image.root)

    def _run(self, image: Image, step: Step) -> None:
        done = self.run(image, ["/bin/sh", "-c", step.text])
        self.ran.append(step.text)
        assert done.returncode == 0, f"RUN {step.text}\n{done.stdout}{done.stderr}"

    def _cmd(self, image: Image, step: Step) -> None:
        image.command = step.arguments

    def _entrypoint(self, image: Image, step: Step) -> None:
        image.entrypoint = step.arguments

    def _healthcheck(self, image: Image, step: Step) -> None:
        word, _, command = step.text.partition(" ")
        assert word == "CMD"
        image.healthcheck = json.loads(command)

    def _user(self, image: Image, step: Step) -> None:
        image.user = int(step.text.partition(":")[0])

    def _expose(self, image: Image, step: Step) -> None:
        """Nothing is published here."""

    _volume = _expose

    def options(self, image: Image, **variables: str) -> dict[str, Any]:
        """How `subprocess` starts something in *image*."""
        inherited = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_", "LANG"))}
        inherited |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        path = f"{self._bin}:{os.defpath}"
        environment = {**inherited, "PATH": path, "HOME": str(image.root), **image.outside(), **variables}
        if "PATH" in image.environment:
            environment["PATH"] += f":{os.defpath}"
        account = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return {"cwd": image.path("."), "env": environment, "stdin": subprocess.DEVNULL, **account}

    def run(self, image: Image, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """*command* to its end."""
        options = self.options(image, **variables)
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, **options)


class Container(processes.Process):
    """What *image* is made to start, at work in it."""

    def __init__(self, builder: Builder, image: Image, **variables: str) -> None:
        super().__init__(image.command, image.path("."))
        self._options = builder.options(image, **variables)


def give(root: Path) -> None:
    """All of it to the user who takes the steps, if it is ours to give."""
    if os.getuid() != 0:
        return
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def usable(python: str) -> bool:
    """Whether the user may use *python* to make a virtual environment."""
    account = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    try:
        done = subprocess.run([python, "-c", probe], capture_output=True, cwd="/", check=False, **account)
    except OSError:
        return False
    return done.returncode == 0
