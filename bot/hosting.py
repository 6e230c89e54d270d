"""What is known of where the process runs: hosts whose disk is thrown away at every restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

HOSTS = {
    "FLY_APP_NAME": "Fly",
    "RENDER": "Render",
    "RAILWAY_ENVIRONMENT_NAME": "Railway",
    "K_SERVICE": "Cloud Run",
    "WEBSITE_INSTANCE_ID": "App Service",
}
"""By the variable that each sets. Their own disk is thrown away; a volume, which is a disk of its own, stays."""


def _device(path: Path) -> int:
    """The disk on which *path* is, or would be made."""
    return next(one for one in (path, *path.parents) if one.exists()).stat().st_dev


def loses(file: str, environment: Mapping[str, str], device: Callable[[Path], int] = _device) -> str | None:
    """The host that will not have *file* after its next restart; None where none is known to be that forgetful."""
    if "DYNO" in environment:
        return "Heroku"  # which has no volumes, whatever is mounted where
    for sign, host in HOSTS.items():
        if sign in environment:
            path = Path(file).absolute()
            return host if device(path) == device(Path(path.anchor)) else None
    return None
