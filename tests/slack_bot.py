"""The bot at work on a Slack of the tests' own: the real adapter, in an event loop of its own beside the test.

with FakeSlack(APP) as slack, Running(slack) as bot:
    slack.world.slash(ann, papers, "topic ctr")
    slack.wait(lambda: slack.seen_only_by(ann, papers))
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Self

import telegram_bot
from fakes.slack import FakeSlack
from fakes.slack_world import App

from bot.chat import commands
from bot.chat.address import Address
from bot.chat.conversation import Answer, Command, Pause, Resume, SetLanguage, Subscribe, Subscribed, Unsubscribe
from bot.platforms.slack.delivering import Slack
from bot.platforms.slack.manifest import manifest
from bot.platforms.slack.receiving import Receiver
from bot.platforms.slack.workspaces import OneToken
from bot.web.health import Health
from bot.web.server import Server
from bot.web.site import site as web_site

SOCKET = App.of(manifest(mode="socket"))
HTTP = App.of(manifest(mode="http", public_url="https://heji.example"))


class House(telegram_bot.House):
    """The bot behind the adapter, without a database but with the subscriptions that are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.subscribed: dict[str, Subscribed] = {}
        self._changed = threading.Condition()

    def wait(self, condition: Callable[[], Any]) -> None:
        """Wait until something is so of what it was told."""
        with self._changed:
            assert self._changed.wait_for(condition, 20)

    def left(self, chat: Address, reason: str) -> None:
        with self._changed:
            super().left(chat, reason)
            self._changed.notify_all()

    def moved(self, old: Address, new: Address) -> None:
        with self._changed:
            super().moved(old, new)
            self._changed.notify_all()

    def arrived(self, command: Command) -> Answer | None:
        with self._changed:
            answer = super().arrived(command)
            self._changed.notify_all()
            return answer

    def answer(self, command: Command) -> Answer:
        with self._lock:
            self.asked.append(command)
            broken = self.breaks.pop() if self.breaks else None
        if broken:
            raise broken
        if self.gate and command.name == "topics":
            assert self.gate.wait(20)
        return self._carried_out(command)

    def _carried_out(self, command: Command) -> Answer:
        context = replace(self.app.context(command), subscription=self.subscribed.get(command.chat))
        answer = commands.answer(command, context)
        for change in answer.changes:
            match change:
                case Subscribe(wants=wants):
                    self.subscribed[command.chat] = wants
                case Unsubscribe():
                    del self.subscribed[command.chat]
                case Pause():
                    self.subscribed[command.chat] = replace(self.subscribed[command.chat], state="paused")
                case Resume():
                    self.subscribed[command.chat] = replace(self.subscribed[command.chat], state="active")
                case SetLanguage():
                    pass
        return answer

    def subscriptions(self, chats: Iterable[Address]) -> tuple[tuple[Address, Subscribed], ...]:
        return tuple((chat, self.subscribed[str(chat)]) for chat in chats if str(chat) in self.subscribed)


class Running:
    """The adapter, receiving from *slack* till the end of the block: by socket or at its door, as the app is made.

    *pages* gives what is served beside the door, once the platform is there.
    """

    def __init__(self, slack: FakeSlack, house: House | None = None, **options: Any) -> None:
        self.slack = slack
        self.house = house or House()
        self.good: list[str] = []
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bot", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._start)
        if isinstance(self.platform.tokens, OneToken):
            self.slack.wait(lambda: self.slack.calls("auth.test"))
        if self.slack.app.socket_mode:
            self.slack.wait(lambda: self.slack.connections)
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """What comes of *work*, in the bot's event loop."""
        return asyncio.run_coroutine_threadsafe(work(*arguments), self._loop).result(20)

    def call_soon(self, work: Callable[[], Any]) -> None:
        """Do *work* in the bot's event loop, without waiting for it."""
        self._loop.call_soon_threadsafe(work)

    async def _start(self) -> None:
        app = self.slack.app
        self.platform = Slack(
            self._options.pop("token", self.slack.token), self._options.pop("api_root", self.slack.url)
        )
        pages = self._options.pop("pages", lambda _: ())(self.platform)
        way = {"app_token": app.app_token} if app.socket_mode else {"signing_secret": app.signing_secret}
        self.receiver = Receiver(self.platform, self.house, token_good=self.good.append, **way | self._options)
        self._server: Server | None = None
        if self.receiver.webhook:
            self._server = Server(
                web_site(health=Health, webhooks=[self.receiver.webhook], windows=pages), "127.0.0.1", 0
            )
            await self._server.start()
            self.root = f"http://127.0.0.1:{self._server.port}"
            self.slack.door.url = f"{self.root}/slack/events"
        self._task = asyncio.create_task(self.receiver.run())

    async def _stop(self) -> None:
        self.receiver.stop()
        await asyncio.wait_for(self._task, 20)
        if self._server is not None:
            await self._server.stop()
        await self.platform.close()
