"""The archive over HTTP: who asks for what, how often, in which language, and whether they have it already.

request ──▶ too fast? 429 ──▶ kept? ──▶ 304 or the page             in the event loop
                                └─ no ─▶ state, shelf, page ──▶ kept  in a thread
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import TypeAlias
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.chat.language import choose, speaks
from bot.web import archive
from bot.web.addresses import Served
from bot.web.guard import where
from bot.web.keeping import Keeping, Made
from bot.web.limit import Limit, client_of
from bot.web.room import Room, Screen
from bot.web.shelf import Shelf
from bot.web.views import Frame

logger = logging.getLogger(__name__)

STATIC = Path(__file__).with_name("static")
FILES = {"style.css": "text/css", "icon.svg": "image/svg+xml"}

FEEDS = ("/feed.atom", "/feed.json")
"""What is read elsewhere, and so needs whole addresses."""

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from outside, nothing inline, no script at all."""

MINUTE = "public, max-age=60"
FOR_GOOD = "public, max-age=31536000, immutable"

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?", re.IGNORECASE)
_TAG = re.compile(r"\s*([a-z]{1,8}(?:-[a-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([0-9.]{1,5})\s*)?", re.IGNORECASE)

Maker: TypeAlias = Callable[[Frame], Made | None]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a request says that a page depends on."""

    path: str
    place: str
    query: tuple[tuple[str, str], ...]
    language: str | None  # asked for in the address
    accepted: tuple[str, ...]
    origin: str

    def asked(self, name: str) -> str:
        """A value of the query."""
        return dict(self.query).get(name, "")


class Pages:
    """Serves what *room* shows. *public*: PUBLIC_URL, where there is one. *chat*: whether one may ask the bot."""

    def __init__(
        self,
        room: Room,
        screens: Callable[[], Sequence[Screen]],
        *,
        public: str | None = None,
        chat: bool = True,
        limit: Limit | None = None,
    ) -> None:
        self._room = room
        self._screens = cache(screens)
        self._public = urlsplit(public or "")
        self._chat = chat
        self._limit = limit or Limit()
        self._kept = Keeping()
        self._threads = ThreadPoolExecutor(2, "pages")
        self._shelving = Lock()
        self._shelf: Shelf | None = None

    def routes(self) -> list[Route]:
        """Where everything is."""
        fixed: dict[str, Maker] = {
            "/": archive.home,
            "/editions": archive.editions,
            "/editions/{rest:path}": archive.edition,
            "/topics": archive.topic,
            "/topics/{rest:path}": archive.topic,
            "/items/{rest:path}": archive.item,
            "/feed.atom": archive.atom,
            "/feed.json": archive.json_feed,
            "/opml": archive.opml,
        }
        return [
            *(Route(path, self._endpoint(maker)) for path, maker in fixed.items()),
            Route("/search", self._asked(self._search, "q")),
            Route("/preview", self._asked(self._preview, "week", "theme", "format", "say")),
            Route("/static/{name}", self._file),
        ]

    # One request --------------------------------------------------------------------------------------------------

    def _endpoint(self, maker: Maker) -> Endpoint:
        """A page that is where it is."""

        async def endpoint(request: Request) -> Response:
            return await self._answered(request, self._visit(request, ()), maker)

        return endpoint

    def _asked(self, maker: Callable[[Frame, Visit], Made], *words: str) -> Endpoint:
        """A page that answers to *words* of the query; of others it is not another page."""

        async def endpoint(request: Request) -> Response:
            visit = self._visit(request, words)
            return await self._answered(request, visit, lambda frame: maker(frame, visit))

        return endpoint

    def _visit(self, request: Request, words: Sequence[str]) -> Visit:
        wanted = request.query_params.get("lang", "")
        return Visit(
            path=request.url.path,
            place=request.scope["path"].strip("/"),
            query=tuple((name, request.query_params[name]) for name in words if name in request.query_params),
            language=choose(wanted) if speaks(wanted) else None,
            accepted=_accepted(request.headers.get("accept-language", "")),
            origin=_origin(request) if request.url.path in FEEDS and not self._public.netloc else "",
        )

    async def _answered(self, request: Request, visit: Visit, make: Maker) -> Response:
        if not self._limit.allows(_client(request)):
            return await self._trouble(visit, 429)
        state = self._room.at_hand()
        made = self._kept.find(state.version, visit) if state else None
        if made is None:
            try:
                made = await self._in_thread(partial(self._made, visit, make))
            except Exception as error:  # noqa: BLE001 - the door to strangers
                logger.error("page failed path=%r error=%s", visit.path, where(error))
                return await self._trouble(visit, 500)
        return _response(made, request.headers.get("if-none-match", ""))

    async def nothing(self, request: Request) -> Response:
        """What is said where there is no page."""
        visit = self._visit(request, ())
        return await self._trouble(visit, 404 if self._limit.allows(_client(request)) else 429)

    async def _trouble(self, visit: Visit, status: int) -> Response:
        """A page about what went wrong. That somebody is too fast must cost nearly nothing to say."""
        key = (status, visit.language, visit.accepted)
        state = self._room.at_hand() if status == 429 else None
        made = self._kept.find(state.version, key) if state else None
        if made is None:
            made = await self._in_thread(lambda: archive.trouble(self._frame(visit), status))
        if state is not None:
            self._kept.keep(state.version, key, made)
        return _response(made, "", {"Retry-After": "5"} if status == 429 else {})

    async def _in_thread(self, make: Callable[[], Made]) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._threads, make)

    def _made(self, visit: Visit, make: Maker) -> Made:
        frame = self._frame(visit)
        made = make(frame)
        if made is None:
            return archive.trouble(frame, 404)
        if made.kept:
            self._kept.keep(frame.shelf.state.version, visit, made)
        return made

    def _frame(self, visit: Visit) -> Frame:
        state = self._room.state()
        with self._shelving:
            if self._shelf is None or self._shelf.state.version != state.version:
                self._shelf = Shelf(state)
            shelf = self._shelf
        language = choose(visit.language, *visit.accepted, shelf.library.language)
        links = Served(self._public.path, visit.language or "", _mark())
        public = f"{self._public.scheme}://{self._public.netloc}" if self._public.netloc else visit.origin
        return Frame(shelf, language, links, visit.place, public)

    # What answers -------------------------------------------------------------------------------------------------

    def _search(self, frame: Frame, visit: Visit) -> Made:
        return archive.search(frame, visit.asked("q"))

    def _preview(self, frame: Frame, visit: Visit) -> Made:
        return archive.preview(frame, dict(visit.query), self._room, self._screens(), chat=self._chat)

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            return await self.nothing(request)
        known = request.query_params.get("v") == _mark()
        headers = {"Cache-Control": FOR_GOOD if known else MINUTE}
        return _response(_static(name), request.headers.get("if-none-match", ""), headers)


def _response(made: Made, known: str, headers: dict[str, str] | None = None) -> Response:
    found = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": MINUTE if made.kept else "no-store",
        "Vary": "Accept-Language",
        **(headers or {}),
    }
    if made.location:
        return Response(status_code=made.status, headers={**found, "Location": made.location})
    if made.status == 200:
        found["ETag"] = made.mark
    if known and made.is_known(known):
        return Response(status_code=304, headers=found)
    return Response(made.body, made.status, found, f"{made.media_type}; charset=utf-8")


# What a request says --------------------------------------------------------------------------------------------------


def _accepted(header: str) -> tuple[str, ...]:
    """The first of a reader's languages that the bot speaks: all else makes no other page."""
    tags: list[tuple[float, str]] = []
    for part in header[:200].split(","):
        if match := _TAG.fullmatch(part):
            try:
                tags.append((float(match[2] or 1), match[1]))
            except ValueError:
                continue
    spoken = [choose(tag) for weight, tag in sorted(tags, key=lambda one: -one[0]) if weight > 0 and speaks(tag)]
    return tuple(spoken[:1])


def _origin(request: Request) -> str:
    """The root by which this request reached us: all that is known of it without PUBLIC_URL."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        return ""
    secure = request.headers.get("x-forwarded-proto", "").strip().lower() == "https"
    return f"{'https' if secure else 'http'}://{host.lower()}"


def _client(request: Request) -> str:
    peer = request.client.host if request.client else ""
    return client_of(peer, request.headers.get("x-forwarded-for", ""))


# Files ----------------------------------------------------------------------------------------------------------------


@cache
def _static(name: str) -> Made:
    return Made((STATIC / name).read_bytes(), FILES[name])


@cache
def _mark() -> str:
    """Another one where any of the files is another."""
    return "".join(_static(name).mark.strip('"')[:6] for name in sorted(FILES))
