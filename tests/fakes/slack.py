"""Slack on loopback: Web API, Socket Mode, signed requests, `response_url`s and OAuth, which refuse what Slack refuses.

The real SDK and Bolt run against it. In the test's own event loop, or in a thread of its own, so that other processes
can call it while the test waits:

    async with FakeSlack() as slack: …
    with FakeSlack(App.of(manifest)) as slack: …

People are moved by `slack.world` (`slash`, `press`, `invite_bot`, …), mishaps ordered from `slack.faults`. What came of
it stands in two journals: `slack.journal`, what the app asked for, and `slack.told`, what it was told and how soon it
acknowledged. A test names what it waits for:

    await slack.until(lambda: slack.calls("chat.postMessage"))

A call goes pauses -> faults -> token -> parameters -> scope -> limits -> method -> answer, and stands in the journal
from the first moment. The parts: `slack_schema` (parameters), `slack_saying` (messages and views, by the judge),
`slack_world`, `slack_scene` and `slack_people` (who is there and does what), `slack_methods` (what the bot can do),
`slack_telling`, `slack_delivery`, `slack_socket` and `slack_door` (how it is told), `slack_oauth`, `slack_limits`,
`slack_faults`; `server` and `faults` as on every network; `slack_client` makes calls in a line.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from slack_judge import pings, reading

from fakes import server
from fakes.faults import Hang, Reply
from fakes.slack_delivery import Deliveries
from fakes.slack_door import Door
from fakes.slack_limits import Flood, Limits, Violation
from fakes.slack_methods import Methods
from fakes.slack_oauth import OAuth
from fakes.slack_people import World
from fakes.slack_schema import METHODS, RESPONSE, Refusal, read
from fakes.slack_socket import Connection
from fakes.slack_telling import Told
from fakes.slack_world import App, Channel, Message, Team, User, View


@dataclass(slots=True, eq=False)
class Call(server.Call):
    """*answer* is what the caller was told, *error* Slack's word for the refusal, *complaints* what the judge had
    against it. *reading* is what a reader saw then, *pings* whom it called.

    A post to a `response_url` is a call too.
    """

    team: Team | None = None
    error: str = ""
    complaints: tuple[str, ...] = ()
    message: Message | None = None
    view: View | None = None
    reading: str = ""
    pings: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.status} {self.error or 'ok'}"


class FakeSlack(server.Server[Call]):
    """Slack, one app, and the journals of all that went between them.

    *limits* None: the bot may speak as fast as it likes. *clock* is what `ts`, limits and the age of triggers and
    `response_url`s go by; how long Slack waits for an acknowledgement is real time.
    """

    def __init__(
        self, app: App | None = None, *, limits: Limits | None = None, seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        super().__init__(seed)
        self.app = app or App()
        self.deliveries = Deliveries(self.app, self._changed, clock, self._answered)
        self.world = World(self.app, clock, self.deliveries.tell, self._changed)
        self.oauth = OAuth(self.world)
        self.broken: list[str] = []
        self._flood = Flood(clock, limits)
        self._methods = Methods(self.world)
        self._clock = clock

    # What tests ask -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """What stands in for `https://slack.com/api/`."""
        return f"{self.root}/api/"

    @property
    def token(self) -> str:
        """The bot's token in the home workspace."""
        return self.world.home.token

    @property
    def told(self) -> list[Told]:
        """All that the app was told, in order."""
        return self.deliveries.told

    @property
    def door(self) -> Door:
        """The app's own address; set `door.url` where the app takes requests."""
        return self.deliveries.door

    @property
    def connections(self) -> list[Connection]:
        """The sockets that are open as far as Slack knows."""
        return self.deliveries.sockets.alive

    @property
    def complaints(self) -> list[str]:
        """What the judge had against the app's calls, and what is wrong where nothing can be refused."""
        judged = [f"{call.method}: {one}" for call in self.journal for one in call.complaints]
        return [*self.broken, *judged, *self.deliveries.complaints, *self.world.complaints]

    @property
    def violations(self) -> list[Violation]:
        """The calls that came although Slack had asked for a pause."""
        return self._flood.violations

    def messages_in(self, channel: Channel) -> list[Message]:
        """What the bot said there for everybody, and is still there."""
        with self._changed:
            return [message for message in channel.messages.values() if message.ours]

    def seen_only_by(self, user: User, channel: Channel) -> list[Message]:
        """What the bot said there for *user* alone."""
        with self._changed:
            return [message for message in channel.ephemerals if message.only_for is user]

    def last(self, channel: Channel, user: User | None = None) -> Message:
        """The latest thing that the bot said there; for *user* alone, if one is named."""
        return (self.seen_only_by(user, channel) if user else self.messages_in(channel))[-1]

    def redeliver(self, told: Told) -> None:
        """Tell it again, acknowledged or not."""
        self.deliveries.again(told)

    def _answered(self, told: Told, answer: Any) -> None:
        self.world.answered(told, answer)

    async def start(self) -> None:
        await super().start()
        self.world.root = self.root
        self.deliveries.start()

    async def close(self) -> None:
        await self.deliveries.close()
        await super().close()

    # Answering ------------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if found := re.fullmatch(r"/api/([\w.]+)", request.path):
                return await self._called(Call(found[1], {}, self._clock(), headers=dict(request.headers)), request)
            if request.path in self.world.response_urls:
                return await self._called(Call("response_url", {}, self._clock()), request)
            if request.path == "/socket":
                return await self._connected(request)
            if request.path == "/oauth/v2/authorize":
                return self._authorized(request)
        except Exception as error:
            # Our own bug must not pass for one of Slack's bad days, which every bot gets over.
            self.broken.append(f"{request.path} broke the fake: {error!r}")
            raise
        return web.Response(status=404, text="<html>404</html>", content_type="text/html")

    async def _answer(self, call: Call, request: web.BaseRequest) -> web.Response:
        try:
            call.params = await _given(request)
            channel = _channel_of(call.params)
            self._flood.check(call.method, channel)
            return await self._answer_with_faults(call, request, channel)
        except Refusal as refusal:
            return _refused(call, refusal)

    def _pause(self, call: Call, seconds: int) -> dict[str, str]:
        self._flood.pause(call.method, _channel_of(call.params), seconds)
        return {"Retry-After": str(seconds)}

    async def _carried_out(self, call: Call, request: web.BaseRequest) -> web.Response:
        try:
            with self._changed:
                if call.method == "response_url":
                    return self._responded(call, request.path)
                call.answer = {"ok": True} | self._result(call, request)
        except Refusal as refusal:
            return _refused(call, refusal)
        call.accepted = True
        scopes = {"X-OAuth-Scopes": ",".join(sorted(call.team.scopes))} if call.team else {}
        return web.json_response(call.answer, headers=scopes)

    def _responded(self, call: Call, path: str) -> web.Response:
        try:
            call.params = read(RESPONSE, call.params)
            self._show(call, self._methods.respond(self.world.response_urls[path], call.params))
        except Refusal as refusal:
            refusal.status = 400 if refusal.status == 200 else refusal.status
            raise
        call.accepted, call.answer = True, "ok"
        return web.Response(text="ok")

    def _result(self, call: Call, request: web.BaseRequest) -> dict[str, Any]:
        method = METHODS.get(call.method)
        if method is None:
            raise Refusal("unknown_method", req_method=call.method)
        token = call.params.pop("token", "") or _bearer(request)
        if method.token == "none":
            return self.oauth.access(read(method, call.params | _basic(request)))
        if method.token == "app":
            return self._ticket(token, read(method, call.params))
        call.team = self._team_of(token)
        call.params = read(method, call.params)
        if call.params.get("team_id", call.team.id) != call.team.id:
            raise Refusal("team_access_not_granted")
        if method.scope and not method.scope.startswith(":") and method.scope not in call.team.scopes:
            raise Refusal("missing_scope", needed=method.scope, provided=",".join(sorted(call.team.scopes)))
        self._flood.count(call.method, call.team.id, _channel_of(call.params))
        fields, seen = self._methods.call(call.method, call.team, call.params)
        self._show(call, seen)
        return fields

    @staticmethod
    def _show(call: Call, seen: Message | View | None) -> None:
        call.message = seen if isinstance(seen, Message) else None
        call.view = seen if isinstance(seen, View) else None
        if "text" in call.params or "view" in call.params:
            payload = {"method": call.method, "params": call.params}
            call.reading, call.pings = reading(payload), pings(payload)

    def _ticket(self, token: str, _: dict[str, Any]) -> dict[str, Any]:
        if token != self.app.app_token:
            raise Refusal("not_allowed_token_type" if token.startswith("xoxb-") else _unknown(token))
        return {"url": f"{self.root.replace('http', 'ws', 1)}/socket?{self.deliveries.sockets.ticket()}"}

    def _team_of(self, token: str) -> Team:
        """Whose token it is, if it is still good."""
        if token == self.app.app_token:
            raise Refusal("not_allowed_token_type")
        team = next((team for team in self.world.teams.values() if team.token == token), None)
        if team is None or team.state == "absent":
            raise Refusal(_unknown(token))
        if team.state != "installed":
            raise Refusal("account_inactive" if team.state == "uninstalled" else "token_revoked")
        return team

    async def _connected(self, request: web.BaseRequest) -> web.StreamResponse:
        deed = self.faults.deed("socket", "")
        if isinstance(deed, Reply):
            return web.Response(status=deed.status, body=deed.body, content_type=deed.content_type)
        if isinstance(deed, Hang):
            await self._closing.wait()
        if deed is not None:
            server.hang_up(request)
            return web.Response()
        return await self.deliveries.sockets.accept(request, self.deliveries.moved, self.deliveries.heard)

    def _authorized(self, request: web.BaseRequest) -> web.Response:
        try:
            where = self.oauth.authorize(dict(request.query))
        except Refusal as refusal:
            return web.Response(text=f"<html>{refusal.error}</html>", content_type="text/html")
        return web.Response(status=302, headers={"Location": where})


async def _given(request: web.BaseRequest) -> dict[str, Any]:
    """The parameters, by whatever way they came: query string, JSON, form."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type != "application/json":
        return given | dict(await request.post())
    try:
        sent = json.loads(await request.read() or b"{}")
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(sent, dict):
        raise Refusal("json_not_object")
    return given | sent


def _bearer(request: web.BaseRequest) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


def _basic(request: web.BaseRequest) -> dict[str, str]:
    """The app's id and secret, where they came as a name and its password."""
    kind, _, word = request.headers.get("Authorization", "").partition(" ")
    if kind != "Basic":
        return {}
    name, _, secret = base64.b64decode(word).decode().partition(":")
    return {"client_id": name, "client_secret": secret}


def _unknown(token: str) -> str:
    return "invalid_auth" if token else "not_authed"


def _channel_of(params: dict[str, Any]) -> str:
    return str(params.get("channel", ""))


def _refused(call: Call, refusal: Refusal) -> web.Response:
    call.error, call.answer = refusal.error, refusal.shape()
    call.complaints = refusal.messages
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
    return web.json_response(call.answer, status=refusal.status, headers=headers)
