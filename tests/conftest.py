"""What holds for every test: nobody's own settings get in, and missing programs are said aloud."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import hypothesis
import pytest

from bot.settings import Settings


def pytest_configure() -> None:
    for name in Settings.variables():
        os.environ.pop(name, None)  # a developer's own token must never reach a test
    # No deadlines: the machine may be busy. In CI always the same examples: what lands does not hang on luck.
    hypothesis.settings.register_profile("heji", deadline=None, derandomize=bool(os.environ.get("CI")))
    hypothesis.settings.load_profile("heji")


@pytest.fixture(scope="session")
def requires_program() -> Callable[[str], str]:
    """Where a program is. A test that asks for a missing one is skipped, or fails where REQUIRE_ALL=1 (see .ci/run)."""

    def path(program: str) -> str:
        if found := shutil.which(program):
            return found
        reason = f"{program} is not installed"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(f"{reason}, and REQUIRE_ALL=1 wants every test", pytrace=False)
        pytest.skip(reason)

    return path
