"""A PostgreSQL of our own: started in a temporary folder by an unprivileged user, gone when the tests are.

Nothing listens on the network, and no server that runs on this machine is touched.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "5min",
    "log_min_messages": "fatal",
}


class Cluster:
    """A server and its databases. *durable*: sync to the disk, as one in production does; tests need not."""

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self._programs = programs
        # Not pytest's folder: its path may be too long for a socket, and closed to the user that the server runs as.
        self.folder = Path(tempfile.mkdtemp(prefix="heji-pg-"))
        self._user = _unprivileged()
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._data = self.folder / "data"
        self._run("initdb", "-D", self._data, "-U", "heji", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        settings = _SETTINGS | {"unix_socket_directories": str(self.folder)}
        if not durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self.folder / "log", "-s")

    def stop(self, mode: str = "fast") -> None:
        """*mode*: `fast`, or `immediate`, which is a crash."""
        self._run("pg_ctl", "stop", "-w", "-D", self._data, "-m", mode, "-s")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://heji@/{database}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        done = self._run("psql", "-qAtX", "-h", self.folder, "-U", "heji", "-d", database, "-c", statement)
        return done.strip()

    def remove(self) -> None:
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str | Path) -> str:
        command: Sequence[str] = [str(self._programs / program), *map(str, arguments)]
        account = {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid}
        # What the server inherits it keeps open: no pipe of ours, or we would wait for its end.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={"PATH": os.defpath, "LC_ALL": "C"}, extra_groups=[] if account else None, check=False, **account,
            )  # fmt: skip
            output.seek(0)
            text = output.read().decode(errors="replace")
        if done.returncode:
            raise RuntimeError(f"{program} failed: {text}")
        return text


def programs() -> Path | None:
    """Where initdb and its like are: Debian keeps them off the PATH, a folder a version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root, so root lends it somebody else's name."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise RuntimeError("nobody is there to run PostgreSQL as")
