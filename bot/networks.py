"""The networks that have a token: who sends there and who receives. An SDK is imported only where its token is set."""

from __future__ import annotations

from dataclasses import dataclass

from bot.app import App
from bot.platforms.base import Network, Receiver
from bot.reception import Reception


@dataclass(frozen=True, slots=True)
class Line:
    """The connection to one network; *receiver* is None where only editions are sent."""

    network: Network
    receiver: Receiver | None = None


def lines(app: App, *, answering: bool) -> tuple[Line, ...]:
    """The connections that the environment asks for; nothing is called yet."""
    return (_telegram(app, answering),) if app.settings.telegram_bot_token else ()


def _telegram(app: App, answering: bool) -> Line:
    from bot.platforms.telegram.delivering import Telegram

    settings = app.settings
    assert settings.telegram_bot_token is not None
    token = settings.telegram_bot_token.get_secret_value()
    telegram = Telegram(token, settings.telegram_api_base_url)
    if not answering:
        return Line(telegram)
    from bot.platforms.telegram.receiving import Receiver

    reception, secret = Reception(app), settings.telegram_webhook_secret
    receiver = Receiver(
        telegram,
        reception,
        token=token,
        curators=settings.curators,
        public_url=settings.public_url,
        secret=secret.get_secret_value() if secret else None,
        language=settings.digest_language or app.library.language,
        token_good=lambda: reception.reopen(telegram.name),
    )
    return Line(telegram, receiver)
