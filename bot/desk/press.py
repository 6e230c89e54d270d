"""Turn editions and notices into payloads: `chat.pages` says them, the platforms' renderers lay them out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.chat import pages
from bot.chat.address import Address
from bot.chat.conversation import Reader
from bot.chat.language import choose
from bot.chat.message import Message
from bot.digest.library import Library
from bot.editions.edition import Edition
from bot.platforms.base import Payload, Renderer

if TYPE_CHECKING:  # with them comes what `heji ask` needs for nothing: the database
    from bot.store.notices import Notice
    from bot.store.planning import Look


def renderers(slack_command: str) -> tuple[Renderer, ...]:
    """One for each platform, with a token or without. *slack_command* is what is typed on Slack."""
    from bot.platforms.console import Console
    from bot.platforms.file import File
    from bot.platforms.slack.render import Renderer as Slack
    from bot.platforms.telegram.render import Renderer as Telegram

    return Console(), File(), Telegram(), Slack(slack_command)


class Press:
    """Renders with *renderers*. *language* is the bot's where a chat chose none: the digest's, unless it is given.
    *archive* is where editions can be read on the web.
    """

    def __init__(
        self, renderers: Iterable[Renderer], *, language: str | None = None, archive: str | None = None
    ) -> None:
        self._renderers = {renderer.name: renderer for renderer in renderers}
        self._language = language
        self._archive = archive

    def edition(self, edition: Edition, look: Look, library: Library) -> Sequence[Payload]:
        """The parts of *edition* for one look, in order."""
        reader = Reader(
            language=choose(look.lang, self._language, library.language),
            format=look.format,
            private=False,
            archive=self._archive,
        )
        said = pages.edition(edition, library, reader, late=look.late)
        return self._rendered(replace(said, preview=look.preview, silent=look.silent, pin=look.pin), look.platform)

    def notice(self, notice: Notice, reader: Address) -> Sequence[Payload]:
        """The notice, as *reader* in private is told it."""
        told = Reader(language=choose(self._language), role="curator")
        return self._rendered(pages.notice(notice.kind, notice.data, told), reader.platform)

    def _rendered(self, message: Message, platform: str) -> Sequence[Payload]:
        return self._renderers[platform].render(message)
