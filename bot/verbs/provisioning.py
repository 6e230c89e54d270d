"""The verbs that set a network up, before the bot runs there or beside it. They change nothing here."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from bot.output import say

telegram = typer.Typer(help="The bot at Telegram.", add_completion=False, rich_markup_mode=None)
slack = typer.Typer(help="The app at Slack.", add_completion=False, rich_markup_mode=None)


class Mode(StrEnum):
    """How Slack reaches the bot."""

    socket = "socket"
    http = "http"


@telegram.callback()
def _telegram() -> None:
    """The bot at Telegram."""  # so that `setup` stays a verb of its own, the only one as it is


@telegram.command()
def setup() -> None:
    """Set menus, descriptions and, with PUBLIC_URL, the webhook. Only what differs; run does the same at its start."""
    import asyncio

    from bot.app import load
    from bot.errors import ConfigurationError
    from bot.front import networks
    from bot.settings import Settings

    settings = Settings.load()
    if settings.telegram_bot_token is None:
        raise ConfigurationError("TELEGRAM_BOT_TOKEN: there is no bot to set up: get a token from @BotFather.")
    language = settings.digest_language or load(settings).language
    changed = asyncio.run(networks.set_up_telegram(settings, language))
    for line in changed or ("nothing differs",):
        say(line)


@slack.callback()
def _slack() -> None:
    """The app at Slack."""


@slack.command()
def manifest(
    mode: Annotated[
        Mode, typer.Option(help="By Socket Mode, with an app token; or by requests to PUBLIC_URL.")
    ] = Mode.socket,
) -> None:
    """Print what the app is to be made from: api.slack.com/apps, Create New App, From a manifest. Calls nothing."""
    from bot.platforms.slack.manifest import as_yaml
    from bot.platforms.slack.manifest import manifest as made
    from bot.settings import Settings

    settings = Settings.load("slack_command", "public_url")
    say(as_yaml(made(mode=mode.value, command=settings.slack_command, public_url=settings.public_url)), end="")
