"""The networks that have a token: who sends there and who receives. An SDK is imported only where its token is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.app import App
from bot.platforms.base import Network, Receiver
from bot.reception import Reception
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.platforms.telegram.checking import Finding
    from bot.platforms.telegram.delivering import Telegram


@dataclass(frozen=True, slots=True)
class Line:
    """The connection to one network; *receiver* is None where only editions are sent."""

    network: Network
    receiver: Receiver | None = None


def lines(app: App, *, answering: bool) -> tuple[Line, ...]:
    """The connections that the environment asks for; nothing is called yet."""
    return (_telegram(app, answering),) if app.settings.telegram_bot_token else ()


async def check(settings: Settings) -> dict[str, tuple[Finding, ...]]:
    """What each network says of its token and its setup, by its name. Changes nothing and raises nothing."""
    if settings.telegram_bot_token is None:
        return {}
    from bot.platforms.telegram.checking import check as check_telegram

    telegram = _speaking(settings)
    try:
        return {"Telegram": await check_telegram(telegram, public_url=settings.public_url)}
    finally:
        await telegram.close()


async def set_up_telegram(settings: Settings, language: str) -> tuple[str, ...]:
    """Menus, descriptions and webhook, where they differ; a line for each that did. Raises ConfigurationError."""
    from bot.platforms.telegram.checking import set_up

    telegram = _speaking(settings)
    try:
        return await set_up(
            telegram,
            curators=settings.curators,
            language=language,
            public_url=settings.public_url,
            secret=settings.webhook_secret,
        )
    finally:
        await telegram.close()


def _speaking(settings: Settings) -> Telegram:
    from bot.platforms.telegram.delivering import Telegram

    assert settings.telegram_bot_token is not None
    return Telegram(settings.telegram_bot_token.get_secret_value(), settings.telegram_api_base_url)


def _telegram(app: App, answering: bool) -> Line:
    settings, telegram = app.settings, _speaking(app.settings)
    if not answering:
        return Line(telegram)
    from bot.platforms.telegram.receiving import Receiver

    reception = Reception(app)
    receiver = Receiver(
        telegram,
        reception,
        secret=settings.webhook_secret,
        curators=settings.curators,
        public_url=settings.public_url,
        language=settings.digest_language or app.library.language,
        token_good=lambda: reception.reopen(telegram.name),
    )
    return Line(telegram, receiver)
