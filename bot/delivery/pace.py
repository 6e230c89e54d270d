"""How fast each platform may be spoken to. The buckets themselves are rows that all processes share."""

from __future__ import annotations

from collections.abc import Mapping

from bot.store.buckets import Rate

TELEGRAM_PRIVATE = 1.0
"""Seconds between two messages to one private chat: Telegram's documented limit."""

TELEGRAM_GROUP = 60 / 20
"""Twenty a minute in one group, evenly spaced."""

SLACK_AT_ONCE = 12
"""Calls under way by one token. Slack has no overall pace; but when a token is revoked, no more than these find out."""

TOLERANCE = 0.15
"""Seconds by which a message may miss its slot. Whoever is later gives way: with 25 slots a second no second ever holds
more than 25 x (1 + TOLERANCE) messages, which stays below Telegram's ceiling of 30."""


def rates(*, telegram: float = 25.0, slack: float = 1.0) -> Mapping[str, Rate]:
    """By platform: TELEGRAM_RATE messages a second over all chats, SLACK_RATE per channel; the others take any."""
    return {
        "telegram": Rate(overall=telegram, private=TELEGRAM_PRIVATE, group=TELEGRAM_GROUP),
        "slack": Rate(overall=None, private=1 / slack, group=1 / slack, at_once=SLACK_AT_ONCE),
    }
