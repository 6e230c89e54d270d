"""Figures for Prometheus at `/metrics`: how much is said and sent, how quickly, and how the process is.

Strangers may read them. So there are counts, ages and names out of our own tables, and nothing that anybody wrote: no
chat, no person, no address. That also keeps the number of series small, however large the bot gets.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bot.chat.commands import find_row
from bot.chat.conversation import QUESTION, Command
from bot.web.health import Health, Signs

CONTENT_TYPE = CONTENT_TYPE_LATEST

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The steps of the histogram. Most answers take a few milliseconds; one that takes seconds waited for the database."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read off a process when somebody asks: its *signs*, and the *health* that they were judged to show.

    *lag*: seconds for which the event loop was held lately, at the longest. *problems*: how many of each severity the
    content has, and *loaded*: when it was last taken up.
    """

    now: dt.datetime
    signs: Signs
    health: Health
    lag: float = 0.0
    items: int = 0
    problems: Mapping[str, int] = field(default_factory=dict)
    loaded: dt.datetime | None = None


class Metrics(Collector):
    """The figures of one process, in a registry of its own. *reading* must not wait for anything."""

    def __init__(self, reading: Callable[[], Reading]) -> None:
        self._reading = reading
        self._registry = CollectorRegistry()
        self._commands = Counter(
            "heji_commands", "Commands answered.", ("platform", "command"), registry=self._registry
        )
        self._seconds = Histogram(
            "heji_answer_seconds", "Time from a command to its answer, sending not included.", ("platform",),
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def answered(self, command: Command, seconds: float) -> None:
        """Count an answer. May be called from any thread."""
        self._commands.labels(command.platform, _called(command)).inc()
        self._seconds.labels(command.platform).observe(seconds)

    def page(self) -> bytes:
        """All of it, as CONTENT_TYPE."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[Metric]:
        """What `collect` brings. Said here without a reading, which the process may not be ready for."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """What is only looked up when somebody asks."""
        return families(self._reading())


def _called(command: Command) -> str:
    """What *command* is called in the table: readers may type whatever they like."""
    if command.name == QUESTION:
        return "question"
    row = find_row(command.name)
    return row.name if row else "unknown"


def families(reading: Reading) -> Iterator[Metric]:
    """*reading* as Prometheus takes it."""
    signs, ages = reading.signs, _ages(reading)
    yield _gauge("healthy", "Whether a check of /healthz is well.", _checks(reading.health), "check")
    yield _gauge("deliveries", "Messages in each state, counted up to 10,000.", signs.counts, "state")
    settled = CounterMetricFamily("heji_deliveries_settled", "Outcomes written down by this process.", labels=["state"])
    for state, count in signs.settled.items():
        settled.add_metric([state], count)
    yield settled
    yield CounterMetricFamily("heji_editions", "Editions posted since the beginning.", signs.editions)
    yield _gauge("outbox_lag_seconds", "For how long the message has been due that waits longest.", signs.due)
    if signs.ticking:
        ticked = signs.ticked or signs.started
        yield _gauge("tick_age_seconds", "Time since the clock last ticked.", _age(reading.now, ticked))
    yield _gauge(
        "platform_last_success_age_seconds", "Time since a platform last answered as it should.", ages, "platform"
    )
    yield _gauge("loop_lag_seconds", "For how long the event loop was held in the last minute, at most.", reading.lag)
    yield _gauge("content_items", "Items of the digests.", reading.items)
    yield _gauge("content_problems", "Problems found in the digests.", reading.problems, "severity")
    if reading.loaded is not None:
        loaded = reading.loaded.timestamp()
        yield _gauge("content_loaded_timestamp_seconds", "When the content was last taken up.", loaded)


def _gauge(name: str, what: str, value: float | Mapping[str, float], label: str = "") -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"heji_{name}", what, labels=[label] if label else None)
    for one, number in value.items() if isinstance(value, Mapping) else [("", value)]:
        family.add_metric([one] if label else [], number)
    return family


def _checks(health: Health) -> Mapping[str, float]:
    return {check.name: float(check.ok) for check in health.checks}


def _ages(reading: Reading) -> Mapping[str, float]:
    found = {name: one.last_success for name, one in reading.signs.platforms.items()}
    return {name: _age(reading.now, moment) for name, moment in found.items() if moment is not None}


def _age(now: dt.datetime, moment: dt.datetime) -> float:
    return max(0.0, (now - moment).total_seconds())
