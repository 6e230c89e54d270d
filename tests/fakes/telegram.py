"""Telegram on loopback: a Bot API server that refuses what Telegram refuses, in its words, and forgets nothing.

The real SDK runs against it. In the test's own event loop, or in a thread of its own, so that other processes can call
it while the test waits:

    async with FakeTelegram() as telegram: …
    with FakeTelegram() as telegram: …

People are moved by `telegram.world` (`say`, `press`, `add_bot`, …), mishaps ordered from `telegram.faults`. What came
of it stands in the journal. A test names what it waits for:

    await telegram.until(lambda: telegram.calls("leaveChat"))

A call goes pauses -> faults -> parameters -> method -> answer, and stands in the journal from the first moment. The
parts: `telegram_schema` (parameters), `telegram_text` (what becomes of a text), `telegram_world` and `telegram_people`
(who is there and does what), `telegram_methods` and `telegram_profile` (what the bot can do), `telegram_updates`
(polling, webhook), `telegram_limits`, `telegram_faults`; `server` and `faults` as on every network; `telegram_sdk`
makes calls in a line.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from fakes import server
from fakes.telegram_limits import Flood, Limits, Violation
from fakes.telegram_methods import Methods
from fakes.telegram_people import World
from fakes.telegram_schema import METHODS, Refusal, bad, read
from fakes.telegram_updates import Updates
from fakes.telegram_world import Chat, Message, Shape


@dataclass(slots=True, eq=False)
class Call(server.Call):
    """*answer* is the result, or the description of the refusal; *message* what a reader saw then."""

    token: str = ""
    message: Message | None = None


class FakeTelegram(server.Server[Call]):
    """Telegram, its one bot, and the journal of all that the bot asked for.

    *limits* None: it may speak as fast as it likes. *clock* is what dates, limits and the age of queries go by.
    """

    def __init__(
        self, *, limits: Limits | None = None, seed: int = 0, clock: Callable[[], float] = time.time,
        username: str = "heji_bot",
    ) -> None:  # fmt: skip
        super().__init__(seed)
        self.updates = Updates(self._changed)
        self.world = World(clock, self.updates.emit, self._changed, username=username)
        self.token = f"{self.world.bot.id}:AAF4keT0kenOfTheTestsAndOfNobodyElse_-x"
        self.revoked = False
        self._flood = Flood(clock, limits)
        self._methods = Methods(self.world, self._flood)
        self._clock = clock

    # What tests ask -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The root that stands in for `https://api.telegram.org`."""
        return self.root

    @property
    def complaints(self) -> list[str]:
        """What Telegram lets pass without a word and a reader misses: dropped links, entities beyond the hundredth."""
        return self._methods.complaints

    @property
    def violations(self) -> list[Violation]:
        """The calls that came although Telegram had asked for a pause."""
        return self._flood.violations

    @property
    def commands(self) -> dict[tuple[str, str], list[Shape]]:
        """The menus that were set, by scope (its JSON) and language."""
        return self._methods.profile.commands

    @property
    def texts(self) -> dict[tuple[str, str], str]:
        """`name`, `description` and `short_description` of the bot, by language."""
        return self._methods.profile.texts

    def messages_in(self, chat: Chat) -> list[Message]:
        """What the bot said in *chat* and is still there, as a reader sees it now."""
        with self._changed:
            return [message for message in chat.messages.values() if message.ours]

    def last(self, chat: Chat) -> Message:
        """The latest of them."""
        return self.messages_in(chat)[-1]

    def update(self, kind: str, body: Any) -> None:
        """Give the bot an update that no verb of the world makes, be it nonsense."""
        self.updates.emit(kind, body)

    def revoke(self) -> None:
        """The token is good for nothing from now on."""
        self.revoked = True

    async def start(self) -> None:
        self.updates.start()
        await super().start()

    async def close(self) -> None:
        await super().close()
        await self.updates.close()

    # Answering ------------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        found = re.fullmatch(r"/bot(?P<token>[0-9]+:[A-Za-z0-9_-]+)/(?P<method>\w+)", request.path)
        if found is None:
            return _refused(Refusal(404, "Not Found"))
        call = Call(_known(found["method"]), {}, self._clock(), token=found["token"])
        try:
            return await self._called(call, request)
        except Exception as error:
            # Our own bug must not pass for one of Telegram's bad days, which every bot gets over.
            self.complaints.append(f"{call.method} broke the fake: {error!r}")
            raise

    async def _answer(self, call: Call, request: web.BaseRequest) -> web.Response:
        try:
            call.params = await _given(request)
            chat = _chat_of(call.params)
            self._flood.check(call.method, chat)
            return await self._answer_with_faults(call, request, chat)
        except Refusal as refusal:
            call.answer = refusal.description
            return _refused(refusal)

    def _pause(self, call: Call, seconds: int) -> dict[str, str]:
        self._flood.pause(call.method, _chat_of(call.params), seconds)
        return {}

    async def _carried_out(self, call: Call, request: web.BaseRequest) -> web.Response:
        try:
            call.answer = await self._result(call)
        except Refusal as refusal:
            call.answer = refusal.description
            return _refused(refusal)
        call.accepted = True
        return web.json_response({"ok": True, "result": call.answer})

    async def _result(self, call: Call) -> Any:
        if call.token != self.token or self.revoked:
            raise Refusal(401, "Unauthorized")
        if call.method not in METHODS:
            raise Refusal(404, "Not Found: method not found")
        if self._methods.logged_out:
            raise Refusal(400, "Logged out")
        call.params = read(call.method, call.params)
        match call.method:
            case "getUpdates":
                return await self.updates.poll(call.params)
            case "setWebhook":
                return self.updates.set_webhook(call.params)
            case "deleteWebhook":
                return self.updates.delete_webhook(call.params)
            case "getWebhookInfo":
                return self.updates.webhook_info(call.params)
            case _:
                with self._changed:
                    result, call.message = self._methods.call(call.method, call.params)
                return result


async def _given(request: web.BaseRequest) -> dict[str, Any]:
    """The parameters, by whatever way they came: query string, JSON, form, multipart."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type != "application/json":
        return given | dict(await request.post())
    try:
        return given | json.loads(await request.read() or b"{}")
    except (ValueError, TypeError):
        raise bad("can't parse JSON object") from None


def _known(method: str) -> str:
    """Methods may be written in any capitals."""
    return next((name for name in METHODS if name.lower() == method.lower()), method)


def _chat_of(params: dict[str, Any]) -> int | None:
    """The chat's id, as far as it can be told before the parameters are read."""
    chat = str(params.get("chat_id", ""))
    return int(chat) if re.fullmatch(r"-?[0-9]{1,19}", chat) else None


def _refused(refusal: Refusal) -> web.Response:
    answer = {"ok": False, "error_code": refusal.status, "description": refusal.description}
    if refusal.parameters:
        answer["parameters"] = refusal.parameters
    return web.json_response(answer, status=refusal.status)
