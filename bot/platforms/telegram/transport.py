"""Calls to the Bot API, once each: nothing here tries again, and every failure says whether the call may have arrived.

PTB's own transport, httpx, spends more time on a call than all the rest of an answer. This one is aiohttp and orjson;
`Request` gives it to PTB's `Bot`, for the calls where PTB's types are of use.
"""

from __future__ import annotations

import contextlib
import errno
import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.platforms.telegram.health import Health

CONNECT_TIMEOUT = 4.0
READ_TIMEOUT = 9.0
"""Seconds; connected or not, delivery waits for ten."""

KEPT_ALIVE = 15.0
"""Seconds that an idle connection is kept: well below what servers do, or a call may be written into a closed one."""

CONNECTIONS = 64
MAX_ANSWER = 32 * 1024 * 1024
_JSON = {"Content-Type": "application/json"}


class NotSent(Exception):
    """The call was certainly not accepted: nothing of it was written."""


class NoAnswer(Exception):
    """The call was written, and nobody knows what became of it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said: *data* is its JSON object, None where it sent something else, such as a web page.

    *broken*: what it sent began like one.
    """

    status: int
    data: Mapping[str, Any] | None
    retry_after: float | None = None
    broken: bool = False

    @property
    def ok(self) -> bool:
        """Whether the call was accepted."""
        return self.data is not None and self.data.get("ok") is True and 200 <= self.status < 300

    @property
    def result(self) -> Any:
        """What was asked for, if it was accepted."""
        return self.data.get("result") if self.data else None

    @property
    def description(self) -> str:
        """The server's own words, on one line; they hold no token and nothing of the message."""
        said = self.data.get("description") if self.data else None
        return " ".join(said.split())[:200] if isinstance(said, str) and said else f"HTTP {self.status}"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """`retry_after` or `migrate_to_chat_id`, where the server names them."""
        found = self.data.get("parameters") if self.data else None
        return found if isinstance(found, Mapping) else {}

    @property
    def refuses_token(self) -> bool:
        """Whether the token is good for nothing: 401, or the bare 404 that a malformed or deleted one gets."""
        if self.data is None:
            return False
        return self.status == 401 or (self.status == 404 and self.description.casefold() == "not found")


class Transport:
    """One connection pool to *api_root* for one *token*; it belongs to the event loop that uses it first."""

    def __init__(self, token: str, api_root: str, health: Health) -> None:
        self._base = f"{api_root}/bot{token}/"
        self._root = api_root
        self._health = health
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, params: Mapping[str, Any], *, patience: float = READ_TIMEOUT) -> Reply:
        """Call *method*, and wait *patience* seconds for the answer. Raises NotSent or NoAnswer where there is none."""
        status, body, retry_after = await self.post(self._base + method, orjson.dumps(params), patience)
        reply = _reply(status, body, retry_after)
        self.note(reply)
        return reply

    async def post(self, url: str, body: bytes, patience: float) -> tuple[int, bytes, float | None]:
        """One POST of JSON: status, body, and the seconds that a `Retry-After` asks for."""
        try:
            return await self._post(url, body, patience)
        except (NotSent, NoAnswer) as failure:
            self._health.failed(f"Telegram cannot be reached: {failure}")
            raise

    async def _post(self, url: str, body: bytes, patience: float) -> tuple[int, bytes, float | None]:
        if self._session is None:
            self._session = _session(self._root)
        timeout = aiohttp.ClientTimeout(total=CONNECT_TIMEOUT + patience, connect=CONNECT_TIMEOUT, sock_read=patience)
        # Messages of these errors may hold the address, which holds the token; and `/healthz` tells them to strangers.
        try:
            async with self._session.post(
                url, data=body, headers=_JSON, timeout=timeout, allow_redirects=False
            ) as response:
                if response.content_length is not None and response.content_length > MAX_ANSWER:
                    raise NoAnswer("the answer is too long")
                return response.status, await response.read(), _seconds(response.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            raise NotSent(_unconnected(error)) from None
        except aiohttp.ConnectionTimeoutError:
            raise NotSent(f"no connection within {CONNECT_TIMEOUT:.0f} s") from None
        except aiohttp.InvalidURL:
            raise NotSent("TELEGRAM_API_BASE_URL is no address that can be called") from None
        except TimeoutError:
            raise NoAnswer(f"no answer within {patience:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(f"the connection was cut ({type(error).__name__})") from None

    def note(self, reply: Reply) -> None:
        """Tell those who watch how it went. What Telegram says against one message says nothing about Telegram."""
        if reply.refuses_token:
            self._health.refused(f"Telegram refuses the bot's token ({reply.status}): check TELEGRAM_BOT_TOKEN")
        elif reply.data is None:
            page = "the server answers with something that is not the Bot API's"
            self._health.failed(f"{page} (HTTP {reply.status}): check TELEGRAM_API_BASE_URL and any proxy")
        elif reply.status >= 500:
            self._health.failed(f"Telegram is out of order (HTTP {reply.status})")
        else:
            self._health.succeeded()

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class Request(BaseRequest):
    """PTB's way to call, over a `Transport`'s connections. It uploads no files: the bot has none."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def read_timeout(self) -> float:
        """Seconds, where a call does not say."""
        return READ_TIMEOUT

    async def initialize(self) -> None:
        """Nothing: the first call opens the connections."""

    async def shutdown(self) -> None:
        """Nothing: who made the transport closes it."""

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = None,
        *_: Any,
        **__: Any,
    ) -> tuple[int, bytes]:
        """One call. Its failures are PTB's: NetworkError where nothing was written, TimedOut where nobody knows."""
        if method != "POST" or (request_data is not None and request_data.contains_files):
            raise TelegramError("only calls without files are made")
        patience = float(read_timeout) if isinstance(read_timeout, int | float) else READ_TIMEOUT
        body = orjson.dumps(request_data.parameters if request_data else {})
        try:
            status, answer, retry_after = await self._transport.post(url, body, patience)
        except NotSent as failure:
            raise NetworkError(str(failure)) from None
        except NoAnswer as failure:
            raise TimedOut(str(failure)) from None
        self._transport.note(_reply(status, answer, retry_after))
        return status, answer

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """PTB's own writes what it cannot parse into the log."""
        found = _object(payload)
        if found is None:
            raise TelegramError("the server answers with something that is not the Bot API's")
        return dict(found)


def _session(root: str) -> aiohttp.ClientSession:
    """A pool without cookies, and with the proxy that the environment names for *root*, looked up once."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=_proxy(root),
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    )


def _proxy(root: str) -> str | None:
    """HTTPS_PROXY and its like, unless NO_PROXY or the loopback say otherwise."""
    url = urlsplit(root)
    host = url.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127.") or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)


def _unconnected(error: aiohttp.ClientError) -> str:
    """Why there is no connection, without a word of to where."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "the name of the server cannot be looked up"
        case aiohttp.ClientConnectorCertificateError():
            return "the certificate of the server is not to be trusted"
        case aiohttp.ClientConnectorSSLError():
            return "the server speaks no TLS"
        case aiohttp.ClientProxyConnectionError():
            return "the proxy cannot be reached"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refused the connection (HTTP {error.status})"
        case aiohttp.ClientConnectorError(errno=errno.ECONNREFUSED):
            return "the connection was refused"
        case aiohttp.ClientConnectorError(errno=int(number)) if number > 0:
            return f"there is no connection ({os.strerror(number)})"
    return f"there is no connection ({type(error).__name__})"


def _reply(status: int, body: bytes, retry_after: float | None) -> Reply:
    data = _object(body)
    return Reply(status, data, retry_after, broken=data is None and body.lstrip().startswith(b"{"))


def _object(body: bytes) -> Mapping[str, Any] | None:
    with contextlib.suppress(orjson.JSONDecodeError):
        found = orjson.loads(body)
        return found if isinstance(found, dict) else None
    return None


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isascii() and header.isdigit() and len(header) < 7 else None
