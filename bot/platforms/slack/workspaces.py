"""Whose token speaks in which workspace. Today there is one; an app that many install has a `Tokens` of its own."""

from __future__ import annotations

from typing import Protocol


class Tokens(Protocol):
    """The bot's tokens, by workspace. Asked in the event loop, so it waits for nothing."""

    def of(self, team: str) -> str | None:
        """The token for *team* (`T1`), None where the app is not installed."""
        ...


class OneToken:
    """SLACK_BOT_TOKEN: it is tried wherever something is to be said, for it alone knows where it is good."""

    def __init__(self, token: str) -> None:
        self._token = token

    def of(self, team: str) -> str | None:  # noqa: ARG002 - a Tokens' shape
        """The one token there is."""
        return self._token
