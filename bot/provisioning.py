"""The verbs that set a network up before or beside the running bot: they call it, and change nothing here."""

from __future__ import annotations

import typer

from bot.output import say

telegram = typer.Typer(help="The bot at Telegram.", add_completion=False, rich_markup_mode=None)


@telegram.callback()
def _telegram() -> None:
    """The bot at Telegram."""  # so that `setup` stays a verb of its own, the only one as it is


@telegram.command()
def setup() -> None:
    """Set menus, descriptions and, with PUBLIC_URL, the webhook. Only what differs; run does the same at its start."""
    import asyncio

    from bot import networks
    from bot.app import load
    from bot.errors import ConfigurationError
    from bot.settings import Settings

    settings = Settings.load()
    if settings.telegram_bot_token is None:
        raise ConfigurationError("TELEGRAM_BOT_TOKEN: there is no bot to set up: get a token from @BotFather.")
    language = settings.digest_language or load(settings).language
    changed = asyncio.run(networks.set_up_telegram(settings, language))
    for line in changed or ("nothing differs",):
        say(line)
