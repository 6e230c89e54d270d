"""The bot at work on a Slack of the tests' own: the real adapter, in an event loop of its own beside the test.

with FakeSlack(APP) as slack, Running(slack) as bot:
    slack.world.slash(ann, papers, "topic ctr")
    slack.wait(lambda: slack.seen_only_by(ann, papers))
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Self

import adapters
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
from bot.web.site import site as web_site

SOCKET = App.of(manifest(mode="socket"))
HTTP = App.of(manifest(mode="http", public_url="https://heji.example"))


class House(adapters.House):
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


class Running(adapters.Running):
    """The adapter, receiving from *slack* till the end of the block: by socket or at its door, as the app is made.

    *pages* gives what is served beside the door, once the platform is there.
    """

    def __init__(self, slack: FakeSlack, house: House | None = None, **options: Any) -> None:
        super().__init__(house or House(), options)
        self.slack = slack
        self.good: list[str] = []

    def __enter__(self) -> Self:
        super().__enter__()
        if isinstance(self.platform.tokens, OneToken):
            self.slack.wait(lambda: self.slack.calls("auth.test"))
        if self.slack.app.socket_mode:
            self.slack.wait(lambda: self.slack.connections)
        return self

    async def _make(self) -> None:
        app = self.slack.app
        self.platform = Slack(
            self._options.pop("token", self.slack.token), self._options.pop("api_root", self.slack.url)
        )
        pages = self._options.pop("pages", lambda _: ())(self.platform)
        way = {"app_token": app.app_token} if app.socket_mode else {"signing_secret": app.signing_secret}
        self.receiver = Receiver(self.platform, self.house, token_good=self.good.append, **way | self._options)
        if self.receiver.webhook:
            await self._serve(web_site(health=Health, webhooks=[self.receiver.webhook], windows=pages))
            self.slack.door.url = f"{self.root}/slack/events"
