"""The networks that have a token: who sends there and who receives. An SDK is imported only where its token is set."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.app import App
from bot.errors import StoreUnreachable
from bot.front.reception import Reception
from bot.platforms.base import Network, Page, Receiver
from bot.settings import Settings
from bot.values import revealed

if TYPE_CHECKING:
    from bot.platforms.health import Finding
    from bot.platforms.slack.delivering import Slack
    from bot.platforms.telegram.delivering import Telegram


@dataclass(frozen=True, slots=True)
class Line:
    """The connection to one network; *receiver* is None where only editions are sent. *pages* are for the site."""

    network: Network
    receiver: Receiver | None = None
    pages: tuple[Page, ...] = ()


def lines(app: App, *, answering: bool, opened: asyncio.Event | None = None) -> tuple[Line, ...]:
    """The connections that the environment asks for; nothing is called yet. Nobody is answered before *opened* is set:
    then *app* has its store, or has to do without.
    """
    made, house = [], Reception(app, opened) if answering else None
    if app.settings.telegram_bot_token:
        made.append(_telegram(app, house))
    if app.settings.slack_client_id:
        made.append(_many_slacks(app, house))
    elif app.settings.slack_bot_token:
        made.append(_slack(app, house))
    return tuple(made)


async def check(settings: Settings) -> dict[str, tuple[Finding, ...]]:
    """What each network says of its token and its setup, by its name. Changes nothing and raises nothing."""
    found = {}
    if settings.telegram_bot_token:
        found["Telegram"] = await _check_telegram(settings)
    if settings.slack_client_id:
        from bot.platforms.slack.checking import installable

        found["Slack"] = (installable(settings.public_url, own_token=settings.slack_bot_token is not None),)
    elif settings.slack_bot_token:
        found["Slack"] = await _check_slack(settings)
    return found


async def _check_telegram(settings: Settings) -> tuple[Finding, ...]:
    from bot.platforms.telegram.checking import check

    telegram = _to_telegram(settings)
    try:
        return await check(telegram, public_url=settings.public_url)
    finally:
        await telegram.close()


async def _check_slack(settings: Settings) -> tuple[Finding, ...]:
    from bot.platforms.slack.checking import check

    slack = _to_slack(settings)
    try:
        return await check(slack, app_token=revealed(settings.slack_app_token), public_url=settings.public_url)
    finally:
        await slack.close()


async def set_up_telegram(settings: Settings, language: str) -> tuple[str, ...]:
    """Menus, descriptions and webhook, where they differ; a line for each that did. Raises ConfigurationError."""
    from bot.platforms.telegram.checking import set_up

    telegram = _to_telegram(settings)
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


def _to_telegram(settings: Settings) -> Telegram:
    from bot.platforms.telegram.delivering import Telegram

    assert settings.telegram_bot_token is not None
    return Telegram(settings.telegram_bot_token.reveal(), settings.telegram_api_base_url)


def _telegram(app: App, house: Reception | None) -> Line:
    settings, telegram = app.settings, _to_telegram(app.settings)
    if house is None:
        return Line(telegram)
    from bot.platforms.telegram.receiving import Receiver

    receiver = Receiver(
        telegram,
        house,
        secret=settings.webhook_secret,
        curators=settings.curators,
        public_url=settings.public_url,
        language=settings.digest_language or app.library.language,
        token_good=lambda: house.reopen(telegram.name),
    )
    return Line(telegram, receiver)


def _to_slack(settings: Settings) -> Slack:
    from bot.platforms.slack.delivering import Slack

    assert settings.slack_bot_token is not None
    token = settings.slack_bot_token.reveal()
    return Slack(token, settings.slack_api_base_url, command=settings.slack_command)


def _slack(app: App, house: Reception | None) -> Line:
    settings, slack = app.settings, _to_slack(app.settings)
    if house is None:
        return Line(slack)
    from bot.platforms.slack.receiving import Receiver

    receiver = Receiver(
        slack,
        house,
        app_token=revealed(settings.slack_app_token),
        signing_secret=revealed(settings.slack_signing_secret),
        curators=settings.curators,
        language=settings.digest_language or app.library.language,
        token_good=house.reopen,
    )
    return Line(slack, receiver)


def _many_slacks(app: App, house: Reception | None) -> Line:
    """Slack with the tokens of every workspace that installed the app. SLACK_BOT_TOKEN would be that of one of them."""
    from bot.platforms.slack.delivering import Slack
    from bot.platforms.slack.workspaces import Installations, Workspaces

    def installations() -> Installations:
        if app.store is None:
            raise StoreUnreachable("it has not answered yet")
        return app.store.installations

    settings, workspaces = app.settings, Workspaces(installations)
    slack = Slack(workspaces, settings.slack_api_base_url, command=settings.slack_command)
    if house is None:
        return Line(slack)
    from bot.platforms.slack.installing import Installing
    from bot.platforms.slack.receiving import Receiver

    language = settings.digest_language or app.library.language
    receiver = Receiver(
        slack,
        house,
        signing_secret=revealed(settings.slack_signing_secret),
        curators=settings.curators,
        language=language,
    )
    installing = Installing(
        slack.transport,
        workspaces,
        client_id=settings.slack_client_id or "",
        client_secret=revealed(settings.slack_client_secret) or "",
        is_new=house.is_new,
        public_url=settings.public_url,
        command=settings.slack_command,
        language=language,
    )
    return Line(slack, receiver, installing.pages)
