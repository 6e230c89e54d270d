"""How a workspace lets the app in: two pages, between which Slack asks whoever installs it.

    /slack/install ──▶ Slack's page ──▶ /slack/oauth_redirect ──▶ code for a token ──▶ Workspaces
       (state: signed, and a cookie)       (state: true, young, new, of this browser)

Bolt has the steps and their order. The call to Slack is ours, because slack_sdk's client writes codes into the log and
gives up on what it does not know; so is the state, which needs no room: it is signed, and remembered when it is used,
so that nobody fills a database by looking at a page.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import html
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from typing import Any
from urllib.parse import urlencode, urljoin

from slack_bolt.error import BoltError
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from bot.chat.language import Voice, choose, voice
from bot.chat.pages import installing as pages
from bot.chat.pages.installing import Sheet
from bot.errors import StoreError
from bot.platforms.base import HttpAnswer, Page
from bot.platforms.slack.manifest import INSTALL_PATH, REDIRECT_PATH, SCOPES
from bot.platforms.slack.transport import NoAnswer, NotSent, Transport
from bot.platforms.slack.workspaces import Workspaces

LASTS = 600
"""Seconds that somebody may take from the first page to the last."""

_STATE = re.compile(r"([0-9]{1,12})\.([\w-]{22})\.([0-9a-f]{64})", re.ASCII)
_TEAM = re.compile(r"T[A-Z0-9]{1,31}", re.ASCII)
_WORD = re.compile(r"[a-z_]{1,40}", re.ASCII)

_LANGUAGE = "heji_language"

_HTML = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{text}</p>
<p><a href="{url}">{label}</a></p>
"""

logger = logging.getLogger(__name__)


class WholeOrganization(Exception):
    """The app was let into an Enterprise Grid organization, and not into one workspace."""


class States(AsyncOAuthStateStore):
    """The word that goes to Slack and comes back: true, at most LASTS seconds old, and good for once.

    *is_new* says, in *threads*, whether a key comes for the first time. *clock* counts seconds since 1970.
    """

    def __init__(
        self, secret: str, is_new: Callable[[str], bool], threads: Executor | None, clock: Callable[[], float]
    ) -> None:
        self._key = hmac.digest(secret.encode(), b"heji slack oauth state", hashlib.sha256)
        self._is_new = is_new
        self._threads = threads
        self._clock = clock

    @property
    def logger(self) -> logging.Logger:
        """Where the SDK would write."""
        return logger

    async def async_issue(self, *_: object, **__: object) -> str:
        """A new one."""
        word = f"{int(self._clock())}.{secrets.token_urlsafe(16)}"
        return f"{word}.{self._signature(word)}"

    async def async_consume(self, state: str) -> bool:
        """Whether *state* is good; it is not any more."""
        found = _STATE.fullmatch(state)
        if found is None or not hmac.compare_digest(self._signature(f"{found[1]}.{found[2]}"), found[3]):
            return False
        if not -1 <= self._clock() - int(found[1]) <= LASTS:
            return False
        key = f"slack:oauth:{found[2]}"
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: self._is_new(key))

    def _signature(self, word: str) -> str:
        return hmac.new(self._key, word.encode(), hashlib.sha256).hexdigest()


class Book(AsyncInstallationStore):
    """Bolt's view of *workspaces*. It knows bots and nobody's own tokens: the app asks for none."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    @property
    def logger(self) -> logging.Logger:
        """Where the SDK would write."""
        return logger

    async def async_save(self, installation: Installation) -> None:
        """Keep it. Raises BoltError, which is how Bolt is told that it cannot be kept."""
        team = installation.team_id or ""
        try:
            await self._workspaces.install(
                team,
                installation.bot_token or "",
                enterprise=installation.enterprise_id or "",
                bot_user=installation.bot_user_id or "",
                scopes=tuple(installation.bot_scopes or ()),
                installed_by=f"slack:{team}/{installation.user_id}" if installation.user_id else "",
            )
        except StoreError as error:
            logger.error("installation not kept team=%s: %s", team, error)
            raise BoltError("it cannot be kept") from None

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,  # noqa: ARG002 - Bolt's shape; a workspace's id is enough
        team_id: str | None,
        is_enterprise_install: bool | None = False,  # noqa: ARG002
    ) -> Bot | None:
        """The bot in a workspace."""
        found = await self._workspaces.find(team_id) if team_id else None
        if found is None:
            return None
        return Bot(
            enterprise_id=found.enterprise or None,
            team_id=found.team,
            bot_token=found.token,
            bot_id="",
            bot_user_id=found.bot_user,
            bot_scopes=found.scopes,
            installed_at=found.installed_at.timestamp(),
        )

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:  # noqa: ARG002
        """Forget the bot in a workspace."""
        if team_id:
            await self._workspaces.uninstall(team_id)


class Flow(AsyncOAuthFlow):
    """Bolt's steps, over *transport*."""

    def __init__(self, settings: AsyncOAuthSettings, transport: Transport) -> None:
        quiet = logging.getLogger("slack_bolt.heji")
        quiet.setLevel(logging.ERROR)
        super().__init__(settings=settings, logger=quiet)
        self._transport = transport

    async def build_authorize_url(self, state: str, request: AsyncBoltRequest) -> str:
        """Slack's page; with its workspace chosen where *request* names one."""
        settings = self.settings
        query = {"client_id": settings.client_id, "scope": ",".join(settings.scopes or ()), "state": state}
        if settings.redirect_uri:
            query["redirect_uri"] = settings.redirect_uri
        if _TEAM.fullmatch(team := (request.query.get("team") or [""])[0]):
            query["team"] = team
        return f"{settings.authorization_url}?{urlencode(query)}"

    async def build_install_page_html(self, url: str, request: AsyncBoltRequest) -> str:
        """The first page."""
        return _page(pages.offer(_voice(request)), url)

    async def run_installation(self, code: str) -> Installation | None:
        """What Slack gives for *code*, None where it gives nothing. Raises NotSent, NoAnswer or WholeOrganization."""
        settings = self.settings
        params = {"client_id": settings.client_id, "client_secret": settings.client_secret, "code": code}
        if settings.redirect_uri:
            params["redirect_uri"] = settings.redirect_uri
        reply = await self._transport.exchange(params)
        if reply.data is None:
            raise NoAnswer(f"HTTP {reply.status} and no answer of Slack's")
        if not reply.ok or not reply.data.get("access_token"):
            logger.warning("installation refused reason=%s", reply.error or reply.status)
            return None
        return _installation(reply.data)


class Installing:
    """The pages, for an app that Slack knows as *client_id* with *client_secret*.

    *public_url* is where they are reached; None: where the app's page at Slack says. *is_new* is a House's. *language*
    is for those whose own the bot does not speak.
    """

    def __init__(
        self,
        transport: Transport,
        workspaces: Workspaces,
        *,
        client_id: str,
        client_secret: str,
        is_new: Callable[[str], bool],
        public_url: str | None = None,
        command: str = "/digest",
        language: str = "en",
        threads: Executor | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._command = command
        settings = AsyncOAuthSettings(
            client_id=client_id,
            client_secret=client_secret,
            scopes=list(SCOPES),
            user_scopes=[],
            redirect_uri=f"{public_url}{REDIRECT_PATH}" if public_url else None,
            install_path=INSTALL_PATH,
            redirect_uri_path=REDIRECT_PATH,
            authorization_url=urljoin(transport.root, "../oauth/v2/authorize"),
            callback_options=AsyncCallbackOptions(self._succeeded, self._failed),
            installation_store=Book(workspaces),
            installation_store_bot_only=True,
            state_store=States(client_secret, is_new, threads, clock),
            state_expiration_seconds=LASTS,
        )
        self._flow = Flow(settings, transport)
        self.pages: tuple[Page, ...] = (
            _Page(INSTALL_PATH, self._flow.handle_installation, language),
            _Page(REDIRECT_PATH, self._end, language),
        )

    async def _end(self, request: AsyncBoltRequest) -> BoltResponse:
        try:
            return await self._flow.handle_callback(request)
        except (NotSent, NoAnswer) as failure:
            logger.warning("installation not finished: %s", failure)
            return self._answer(503, pages.put_off(_voice(request)))
        except WholeOrganization:
            return self._answer(400, pages.too_large(_voice(request)))

    async def _succeeded(self, args: AsyncSuccessArgs) -> BoltResponse:
        there = urlencode({"app": args.installation.app_id or "", "team": args.installation.team_id or ""})
        sheet = pages.installed(_voice(args.request), self._command)
        return self._answer(200, sheet, f"https://slack.com/app_redirect?{there}")

    async def _failed(self, args: AsyncFailureArgs) -> BoltResponse:
        say = _voice(args.request)
        match args.reason:
            case "access_denied":
                return self._answer(200, pages.denied(say))
            case "invalid_browser" | "invalid_state" | "missing_code":
                return self._answer(400, pages.over(say))
            case "storage_error":
                return self._answer(503, pages.put_off(say))
        # What Slack says of itself; or a stranger, who is not to write into the log.
        word = args.reason if _WORD.fullmatch(args.reason) else "?"
        logger.info("installation ended reason=%s", word)
        return self._answer(400, pages.refused(say))

    def _answer(self, status: int, sheet: Sheet, url: str = INSTALL_PATH) -> BoltResponse:
        forgetting = self._flow.settings.state_utils.build_set_cookie_for_deletion()
        return BoltResponse(status=status, body=_page(sheet, url), headers={"Set-Cookie": forgetting})


class _Page:
    """A page at *path*, as the web room shows it, in the browser's language or else in *language*."""

    def __init__(self, path: str, look: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]], language: str) -> None:
        self.path = path
        self._look = look
        self._language = language

    async def show(self, query: str, headers: Mapping[str, str]) -> HttpAnswer:
        """The page for one look."""
        wanted = [tag.partition(";")[0] for tag in headers.get("accept-language", "").split(",")]
        context = {_LANGUAGE: choose(*wanted, self._language)}
        said = await self._look(AsyncBoltRequest(body="", query=query, headers=dict(headers), context=context))
        cookies = said.headers.get("set-cookie", ())
        more = {"Cache-Control": "no-store"} | ({"Set-Cookie": cookies[0]} if cookies else {})
        return HttpAnswer(said.status, said.body.encode(), "text/html", more)


def _voice(request: AsyncBoltRequest) -> Voice:
    return voice(request.context[_LANGUAGE])


def _installation(data: Mapping[str, Any]) -> Installation:
    """What Slack says to a code that it takes."""
    team, token = (data.get("team") or {}).get("id"), data.get("access_token")
    if data.get("is_enterprise_install") or not team:
        raise WholeOrganization
    if data.get("expires_in"):
        logger.warning("the token of team=%s expires: turn token rotation off on the app's page, then reinstall", team)
    return Installation(
        app_id=data.get("app_id"),
        enterprise_id=(data.get("enterprise") or {}).get("id"),
        team_id=team,
        bot_token=token,
        bot_user_id=data.get("bot_user_id"),
        bot_scopes=str(data.get("scope") or ""),
        user_id=(data.get("authed_user") or {}).get("id") or "",
    )


def _page(sheet: Sheet, url: str) -> str:
    shown = {name: html.escape(getattr(sheet, name)) for name in ("language", "title", "text", "label")}
    return _HTML.format(url=html.escape(url), **shown)
