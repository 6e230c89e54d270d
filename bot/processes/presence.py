"""Where the bot is reached from outside: the site with its pages, `/healthz` and webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.app import App
from bot.errors import ConfigurationError
from bot.front.networks import Line
from bot.front.reading_room import ReadingRoom, screens
from bot.settings import DEFAULT_PORT
from bot.web.health import Health
from bot.web.pages import Pages
from bot.web.server import Server
from bot.web.site import site

if TYPE_CHECKING:
    from bot.web.metrics import Metrics

log = logging.getLogger(__name__)


class Presence:
    """Serves for *app*, and receives through the webhooks of *lines*. *health* and *metrics* are told to who asks."""

    def __init__(
        self, app: App, lines: Sequence[Line], health: Callable[[], Health], metrics: Metrics | None = None
    ) -> None:
        self._receivers = [line.receiver for line in lines if line.receiver and line.receiver.webhook]
        doors = [receiver.webhook for receiver in self._receivers if receiver.webhook]
        pages = Pages(
            ReadingRoom(app),
            partial(screens, app.settings.slack_command),
            public=app.settings.public_url,
            chat=app.settings.chat_box,
        )
        self._server = Server(
            site(
                health=health,
                webhooks=doors,
                windows=[page for line in lines for page in line.pages],
                pages=pages,
                title=app.library.title,
                metrics=metrics,
            ),
            app.settings.host,
            app.settings.port,
        )
        # A laptop's port may be taken; a host's, or one that Telegram is to post to, may not.
        self._needed = bool(doors) or app.settings.port is not None
        self._stopped = asyncio.Event()

    @property
    def port(self) -> int:
        """Where the site is heard; 0 until then."""
        return self._server.port

    def stop(self) -> None:
        """Take nothing new; `run` finishes what is under way and returns."""
        self._stopped.set()
        for receiver in self._receivers:
            receiver.stop()

    async def run(self) -> None:
        """Serve and receive until `stop`. Raises ConfigurationError where the port cannot be had and has to be."""
        try:
            await self._server.start()
            log.info("site served port=%s", self._server.port)
            if not self._needed and self._server.port != DEFAULT_PORT:
                log.warning("port %s is taken: the pages are at http://127.0.0.1:%s/", DEFAULT_PORT, self._server.port)
        except ConfigurationError as error:
            if self._needed:
                raise
            log.warning("no site beside the chat: %s", error)
        try:
            await asyncio.gather(self._stopped.wait(), *(receiver.run() for receiver in self._receivers))
        finally:
            await self._server.stop()
