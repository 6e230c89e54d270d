"""What Slack posts to the app's own address: signed, and again where it was not taken; and what only forgers post."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

import aiohttp

from fakes.slack_telling import ACK_SECONDS, Attempt, Told
from fakes.slack_world import App

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Post:
    """A request as it goes to the app, signed or not."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def without(self, header: str) -> Post:
        """The same, but for a header."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name != header})

    def having(self, header: str, value: str) -> Post:
        """The same with another value of a header, its signature not made anew."""
        return replace(self, headers={**self.headers, header: value})

    def saying(self, body: bytes) -> Post:
        """The same with another body, its signature not made anew."""
        return replace(self, body=body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app answered; *status* None: nothing, within three seconds."""

    status: int | None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def said(self) -> object:
        """The body as JSON if it is that, else as text."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return self.body.decode("utf-8", "replace")


class Door:
    """The way to the app's address, *url*. Tests post forgeries through it as well."""

    def __init__(self, app: App, clock: Callable[[], float]) -> None:
        self.url = ""
        self.patience = ACK_SECONDS
        self._app = app
        self._clock = clock

    def signed(self, body: bytes, content_type: str = "application/json", *, at: float | None = None) -> Post:
        """A request as Slack signs it, *at* another time than now if need be."""
        stamp = str(int(self._clock() if at is None else at))
        headers = {
            "Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(self._app.signing_secret, stamp, body),
        }  # fmt: skip
        return Post(body, headers)

    def request(self, told: Told, attempt: Attempt | None = None) -> Post:
        """How *told* goes over HTTP: events as JSON, commands as a form, interactions as JSON in a form."""
        match told.kind:
            case "events_api":
                post = self.signed(json.dumps(told.payload).encode())
            case "slash_commands":
                post = self.signed(urlencode(told.payload).encode(), FORM)
            case "interactive":
                post = self.signed(urlencode({"payload": json.dumps(told.payload)}).encode(), FORM)
        if attempt is not None and attempt.number:
            post = post.having("X-Slack-Retry-Num", str(attempt.number))
            post = post.having("X-Slack-Retry-Reason", attempt.reason)
        return post

    def challenge(self, word: str = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P") -> Post:
        """What Slack asks of an address before it believes in it; the answer is the word."""
        asked = {"token": self._app.verification_token, "challenge": word, "type": "url_verification"}
        return self.signed(json.dumps(asked).encode())

    async def post(self, post: Post) -> Answer:
        """Post it, and wait as long as Slack waits."""
        started = time.monotonic()
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.patience)) as session,
                session.post(self.url, data=post.body, headers=post.headers, allow_redirects=False) as answer,
            ):
                body = await answer.read()
                reason = "" if 200 <= answer.status < 300 else "http_error"
                return Answer(answer.status, body, dict(answer.headers), time.monotonic() - started, reason)
        except TimeoutError:
            return Answer(None, reason="http_timeout")
        except aiohttp.ClientError:
            return Answer(None, reason="connection_failed")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """The `v0` signature."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
