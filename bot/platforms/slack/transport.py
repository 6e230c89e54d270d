"""Calls to Slack, once each: nothing here tries again, and every failure says whether the call may have arrived.

slack_sdk's own client opens a session for every call, repeats by itself what was cut off, loses an answer under a wrong
content type, and writes whole messages into the log at DEBUG. This one is aiohttp and orjson.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson

from bot.platforms.health import Health

CONNECT_TIMEOUT = 4.0
READ_TIMEOUT = 9.0
"""Seconds; connected or not, delivery waits for ten."""

KEPT_ALIVE = 15.0
"""Seconds that an idle connection is kept: well below what servers do, or a call may be written into a closed one."""

CONNECTIONS = 64
MAX_ANSWER = 4 * 1024 * 1024

BAD_TOKEN = frozenset(
    {
        "account_inactive",
        "ekm_access_denied",
        "invalid_auth",
        "invalid_token",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""Slack's words for a token that is good for nothing until somebody does something about it."""


class NotSent(Exception):
    """The call was certainly not accepted: nothing of it was written."""


class NoAnswer(Exception):
    """The call was written, and nobody knows what became of it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said: *data* is its JSON object, None where it sent something else, such as a web page.

    *broken*: what it sent began like one. *scopes*: what the token may do, None where nothing is said of it.
    """

    status: int
    data: Mapping[str, Any] | None
    retry_after: float | None = None
    broken: bool = False
    scopes: frozenset[str] | None = None

    @property
    def ok(self) -> bool:
        """Whether the call was accepted."""
        return self.data is not None and self.data.get("ok") is True and 200 <= self.status < 300

    @property
    def error(self) -> str:
        """Slack's own word for why not; it holds no token and nothing of the message."""
        said = self.data.get("error") if self.data else None
        return " ".join(said.split())[:100] if isinstance(said, str) and said else ""

    @property
    def refuses_token(self) -> bool:
        """Whether the token is at fault, and not what was said with it."""
        return self.error in BAD_TOKEN or self.status == 401


class Transport:
    """One connection pool to Slack; it belongs to the event loop that uses it first.

    *many*: tokens are those of many workspaces, so one that is refused says nothing of how it stands with Slack.
    """

    def __init__(self, api_root: str, health: Health, *, many: bool = False) -> None:
        self.root = api_root if api_root.endswith("/") else f"{api_root}/"
        self._health = health
        self._many = many
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self, method: str, params: Mapping[str, Any], token: str, *, patience: float = READ_TIMEOUT
    ) -> Reply:
        """Call *method*, and wait *patience* seconds for the answer. Raises NotSent or NoAnswer where there is none."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        reply = await self._post(self.root + method, orjson.dumps(params), headers, patience)
        self.note(reply)
        return reply

    async def ask(self, method: str, params: Mapping[str, str], token: str, *, patience: float = READ_TIMEOUT) -> Reply:
        """The same for methods that only read: they take forms and no JSON."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-www-form-urlencoded"}
        reply = await self._post(self.root + method, urlencode(params).encode(), headers, patience)
        self.note(reply)
        return reply

    async def exchange(self, params: Mapping[str, str], *, patience: float = READ_TIMEOUT) -> Reply:
        """What Slack gives for the code that somebody came back with. What is in *params* stands for a token."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._post(f"{self.root}oauth.v2.access", urlencode(params).encode(), headers, patience)

    async def ticket(self, app_token: str, *, patience: float = CONNECT_TIMEOUT) -> Reply:
        """Ask for a WebSocket's address. What is said against *app_token* says nothing against the bot's."""
        headers = {"Authorization": f"Bearer {app_token}", "Content-Type": "application/x-www-form-urlencoded"}
        return await self._post(f"{self.root}apps.connections.open", b"", headers, patience)

    async def respond(self, url: str, params: Mapping[str, Any], *, patience: float = READ_TIMEOUT) -> Reply:
        """Answer at a `response_url`, which is a secret of its own. Its `ok` may be a bare word."""
        return await self._post(url, orjson.dumps(params), {"Content-Type": "application/json"}, patience)

    async def socket(self, url: str, *, patience: float = CONNECT_TIMEOUT) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket to *url*, whose pings are its owner's business. Raises NotSent."""
        try:
            async with asyncio.timeout(patience):
                return await self._opened().ws_connect(
                    url, autoping=False, timeout=aiohttp.ClientWSTimeout(ws_close=0.5), max_msg_size=MAX_ANSWER
                )
        except TimeoutError:
            raise NotSent(f"no WebSocket within {patience:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:  # the message may hold the address, which holds a ticket
            raise NotSent(f"no WebSocket ({type(error).__name__})") from None

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], patience: float) -> Reply:
        try:
            return await self._posted(url, body, headers, patience)
        except (NotSent, NoAnswer) as failure:
            self._health.failed(f"Slack cannot be reached: {failure}")
            raise

    async def _posted(self, url: str, body: bytes, headers: Mapping[str, str], patience: float) -> Reply:
        timeout = aiohttp.ClientTimeout(total=CONNECT_TIMEOUT + patience, connect=CONNECT_TIMEOUT, sock_read=patience)
        # Messages of these errors may hold the address, which may be a secret: only their kind is repeated.
        try:
            async with self._opened().post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if response.content_length is not None and response.content_length > MAX_ANSWER:
                    raise NoAnswer("the answer is too long")
                return _reply(response.status, await response.read(), response.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise NotSent(f"the connection was refused ({' '.join(str(reason).split())[:80]})") from None
        except aiohttp.ConnectionTimeoutError:
            raise NotSent(f"no connection within {CONNECT_TIMEOUT:.0f} s") from None
        except aiohttp.InvalidURL:
            raise NotSent("SLACK_API_BASE_URL is no address that can be called") from None
        except TimeoutError:
            raise NoAnswer(f"no answer within {patience:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"the connection was cut ({type(error).__name__})") from None

    def note(self, reply: Reply) -> None:
        """Tell those who watch how it went. What Slack says against one message says nothing about Slack."""
        if self._many and reply.error in BAD_TOKEN:
            self._health.succeeded()
        elif reply.refuses_token:
            self._health.refused(f"Slack refuses the token ({reply.error or reply.status}): check SLACK_BOT_TOKEN")
        elif reply.data is None and reply.status != 429:
            page = "the server answers with something that is not Slack's Web API"
            self._health.failed(f"{page} (HTTP {reply.status}): check SLACK_API_BASE_URL and any proxy")
        elif reply.status >= 500:
            self._health.failed(f"Slack is out of order (HTTP {reply.status})")
        else:
            self._health.succeeded()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=_proxy(self.root),
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            )
        return self._session

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _proxy(root: str) -> str | None:
    """HTTPS_PROXY and its like, unless NO_PROXY or the loopback say otherwise."""
    url = urlsplit(root)
    host = url.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127.") or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)


def _reply(status: int, body: bytes, headers: Mapping[str, str]) -> Reply:
    data: Mapping[str, Any] | None = None
    with contextlib.suppress(json.JSONDecodeError):  # orjson's error is one of these
        found = orjson.loads(body)
        data = found if isinstance(found, dict) else None
    if body.strip() == b"ok":  # what a `response_url` says
        data = {"ok": True}
    broken = data is None and body.lstrip().startswith(b"{")
    return Reply(status, data, _seconds(headers.get("Retry-After")), broken, _scopes(headers.get("X-OAuth-Scopes")))


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isascii() and header.isdigit() and len(header) < 7 else None


def _scopes(header: str | None) -> frozenset[str] | None:
    return None if header is None else frozenset(one.strip() for one in header.split(","))
