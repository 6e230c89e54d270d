"""A disk so small that it can be filled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoDisk(Exception):
    """Making one takes root, and a system that lets root do it."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Eight megabytes at *folder*: SQLite's log alone takes four before it is put back. Raises NoDisk."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "heji", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        raise NoDisk("there is no mount") from None
    if done.returncode:
        raise NoDisk(done.stderr.decode().strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
