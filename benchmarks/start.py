"""What starting costs: CPU of `heji --help` and `heji ask "/topic ctr"` beside `python -c "import telegram.ext"`.

    python benchmarks/start.py

In turns, the median of several, user and system time of the whole process: the ratios are what counts. Byte code is
there, as it is after `pip install`.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys

ROUNDS = 9
COMMANDS = {
    'python -c "import telegram.ext"': [sys.executable, "-c", "import telegram.ext"],
    "heji --help": [sys.executable, "-m", "bot", "--help"],
    'heji ask "/topic ctr"': [sys.executable, "-m", "bot", "ask", "/topic ctr"],
}
GOALS = {"heji --help": 1.0, 'heji ask "/topic ctr"': 2.0}


def main() -> None:
    """Print CPU seconds and ratios."""
    spent: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for round_ in range(ROUNDS + 1):
        for name, command in COMMANDS.items():
            seconds = cpu(command)
            if round_:  # the first one warms the disk, and writes byte code
                spent[name].append(seconds)
    peer, *_ = (statistics.median(times) for times in spent.values())
    print(f"Python {sys.version.split()[0]}, median of {ROUNDS}, CPU seconds\n")
    for name, times in spent.items():
        seconds = statistics.median(times)
        goal = f"  (goal {GOALS[name]:.1f})" if name in GOALS else ""
        print(f"{name:<34} {seconds:6.3f}  {seconds / peer:5.2f}x{goal}")


def cpu(command: list[str]) -> float:
    """User and system seconds that *command* takes, its children included."""
    environment = {**os.environ, "LOG_LEVEL": "WARNING"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
