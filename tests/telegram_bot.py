"""The bot at work on a Telegram of the tests' own: the real adapter, in an event loop of its own beside the test.

with FakeTelegram() as telegram, Running(telegram) as bot:
    telegram.world.say(ann, telegram.world.private(ann), "/topic ctr")
    telegram.wait(lambda: telegram.calls("sendMessage"))

Or, as `Process`, all of it, the way somebody starts it who installed it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import adapters
import processes
from fakes.telegram import FakeTelegram

from bot.platforms.telegram.delivering import Telegram
from bot.platforms.telegram.receiving import Receiver
from bot.web.health import Health
from bot.web.site import site as web_site

SECRET = "open-sesame-1234"


class Running(adapters.Running):
    """The adapter, receiving from *telegram* till the end of the block; by webhook where *webhook*."""

    def __init__(
        self, telegram: FakeTelegram, house: adapters.House | None = None, *, webhook: bool = False, **options: Any
    ) -> None:
        super().__init__(house or adapters.House(), options)
        self.telegram = telegram
        self._webhook = webhook

    async def _make(self) -> None:
        token = self._options.pop("token", self.telegram.token)
        self.platform = Telegram(token, self._options.pop("api_root", self.telegram.url))
        if self._webhook:
            await self._serve(self.site)
            self._options["public_url"] = self.root
        self.receiver = Receiver(self.platform, self.house, **{"secret": SECRET, **self._options})
        self._app = web_site(health=Health, webhooks=[self.receiver.webhook] if self.receiver.webhook else [])

    async def site(self, scope: Any, receive: Any, send: Any) -> None:
        """The site, which is made as soon as its port is known."""
        await self._app(scope, receive, send)


class Process(processes.Process):
    """`heji run`, or another *verb*, on *telegram*, in *folder*; *first*: see `processes.program`."""

    def __init__(
        self, telegram: FakeTelegram, folder: Path, *, verb: str = "run", first: str = "", **variables: str
    ) -> None:
        place = {"TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_BASE_URL": telegram.url}
        super().__init__(processes.program(verb, first=first), folder, **place | variables)
