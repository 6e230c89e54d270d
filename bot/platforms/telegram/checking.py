"""What the token may do and how the bot is set up at Telegram, for doctor; and the setting up, for the shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from telegram import User, WebhookInfo
from telegram.error import InvalidToken, TelegramError

from bot.errors import ConfigurationError
from bot.platforms.health import Finding
from bot.platforms.telegram import menus
from bot.platforms.telegram.delivering import Telegram
from bot.platforms.telegram.webhook import Registration

__all__ = ["Finding", "check", "set_up"]


async def check(telegram: Telegram, *, public_url: str | None = None) -> tuple[Finding, ...]:
    """What there is to say about the bot at Telegram. Changes nothing and raises nothing."""
    try:
        me = await telegram.bot.get_me()
        webhook = await telegram.bot.get_webhook_info()
    except InvalidToken:
        if telegram.health.certain:
            cure = "copy the whole token from @BotFather into TELEGRAM_BOT_TOKEN"
            return (Finding("fail", "Telegram refuses the bot's token", cure),)
    except TelegramError:
        pass
    else:
        return (Finding("ok", f"the token is good for @{me.username}"), *_rights(me), *_ways(webhook, public_url))
    message, _, cure = telegram.status.message.partition(": check ")
    cure = f"check {cure}" if cure else "check the network, TELEGRAM_API_BASE_URL and HTTPS_PROXY"
    return (Finding("fail", message, cure),)


def _rights(me: User) -> Iterator[Finding]:
    if me.can_join_groups is False:
        yield Finding("warn", "it may not be added to groups", "send /setjoingroups to @BotFather")
    if me.can_read_all_group_messages:
        message = "privacy mode is off: it is sent all that is said in its groups, and needs a tenth of it"
        yield Finding("warn", message, "send /setprivacy to @BotFather and choose Enable")
    if me.supports_inline_queries is False:
        yield Finding(
            "warn", f"inline mode is off: @{me.username} finds nothing in other chats", "send /setinline to @BotFather"
        )


def _ways(webhook: WebhookInfo, public_url: str | None) -> Iterator[Finding]:
    """How updates come. Of another's webhook only the host is shown: some write their token into the path."""
    ours = Registration(public_url, "") if public_url else None
    if ours is None:
        if webhook.url:
            message = f"a webhook at {urlsplit(webhook.url).hostname} is set, and PUBLIC_URL is not"
            yield Finding("warn", message, "heji run removes it and polls; or set PUBLIC_URL")
        return
    if webhook.url != ours.url:
        yield Finding(
            "warn", f"Telegram does not post to {ours.url} yet", "heji run sets it, and so does heji telegram setup"
        )
    elif trouble := ours.trouble(webhook):
        yield Finding("fail", trouble, "see whether the address can be reached from outside, with a valid certificate")


async def set_up(
    telegram: Telegram,
    *,
    curators: Iterable[str] = (),
    language: str | None = None,
    public_url: str | None = None,
    secret: str = "",
) -> tuple[str, ...]:
    """Set menus, descriptions and, with a *public_url*, the webhook, where they differ; a line for each that did.

    Raises ConfigurationError with what there is to do about it.
    """
    try:
        return await _set_up(telegram, curators, language, public_url, secret)
    except TelegramError as error:
        failed = [found for found in await check(telegram, public_url=public_url) if found.state == "fail"]
        sentences = [f"Telegram: {found.message}: {found.cure}." for found in failed]
        raise ConfigurationError(sentences or f"Telegram: {' '.join(error.message.split())[:200]}.") from None


async def _set_up(
    telegram: Telegram, curators: Iterable[str], language: str | None, public_url: str | None, secret: str
) -> tuple[str, ...]:
    changed = await menus.set_up(telegram.bot, curators, default=language or "en")
    if public_url is None:
        return changed
    ours = Registration(public_url, secret)
    if not ours.differs(await telegram.bot.get_webhook_info()):
        return changed
    await ours.make(telegram.bot)
    return (*changed, f"webhook {ours.url}")
