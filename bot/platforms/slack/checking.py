"""What the tokens may do at Slack, for doctor. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from bot.platforms.health import Finding
from bot.platforms.slack.delivering import NoToken, Slack
from bot.platforms.slack.manifest import EVENTS_PATH, INSTALL_PATH, SCOPES
from bot.platforms.slack.transport import NoAnswer, NotSent, Reply

_REINSTALL = "add it under OAuth & Permissions and reinstall the app (heji slack manifest lists them all)"
_MUTE_WITHOUT = frozenset({"chat:write", "commands"})


async def check(slack: Slack, *, app_token: str | None = None, public_url: str | None = None) -> tuple[Finding, ...]:
    """What there is to say about the app at Slack, and about the way it hears. Raises nothing."""
    try:
        me = await slack.ask("auth.test", {}, "")
        hearing = _socket(await slack.transport.ticket(app_token)) if app_token else _requests(public_url)
        return _token(slack, me), *_missing(me), hearing
    except (NotSent, NoAnswer, NoToken):
        return (_unreached(slack),)


def installable(public_url: str | None, *, own_token: bool) -> Finding:
    """Whether workspaces can install the app; whether their tokens are good shows when they are used.

    *own_token*: one is set that nobody uses, since every workspace brings its own.
    """
    if public_url and own_token:
        cure = "remove it, and install the app there as everywhere"
        return Finding("warn", "SLACK_BOT_TOKEN counts for nothing beside SLACK_CLIENT_ID", cure)
    if public_url:
        return Finding("ok", f"workspaces install the app at {public_url.rstrip('/')}{INSTALL_PATH}")
    cure = "set it and make the manifest anew with --mode http"
    return Finding("fail", "no workspace can install the app, for PUBLIC_URL does not say where", cure)


def _token(slack: Slack, me: Reply) -> Finding:
    if me.ok and me.data:
        return Finding("ok", f"the token is good for @{me.data.get('user')} in {me.data.get('team')}")
    if me.refuses_token:
        cure = "copy the Bot User OAuth Token (xoxb-…) of the app's page into SLACK_BOT_TOKEN"
        return Finding("fail", f"Slack refuses the bot's token ({me.error or me.status})", cure)
    return _unreached(slack)


def _unreached(slack: Slack) -> Finding:
    message, _, cure = slack.status.message.partition(": check ")
    return Finding(
        "fail", message, f"check {cure}" if cure else "check the network, SLACK_API_BASE_URL and HTTPS_PROXY"
    )


def _missing(me: Reply) -> Iterator[Finding]:
    """What the token may not do that the manifest asks for."""
    for scope, reason in SCOPES.items():
        if me.scopes is not None and scope not in me.scopes:
            state: Literal["warn", "fail"] = "fail" if scope in _MUTE_WITHOUT else "warn"
            yield Finding(state, f"the token has no {scope} ({reason})", _REINSTALL)


def _requests(public_url: str | None) -> Finding:
    """Whether Slack can know where to post to. Whether it does, it tells nobody but the app's page."""
    if public_url:
        return Finding("ok", f"Slack is to post to {public_url.rstrip('/')}{EVENTS_PATH}, as the manifest says")
    cure = "set it and make the manifest anew with --mode http, or set SLACK_APP_TOKEN for Socket Mode"
    return Finding("warn", "Slack posts to the bot, and PUBLIC_URL does not say where that is", cure)


def _socket(reply: Reply) -> Finding:
    if reply.ok:
        return Finding("ok", "the app token opens Socket Mode")
    if reply.retry_after is not None:
        return Finding("ok", "the app token opens Socket Mode, and was used too often in this minute")
    cure = "make an app-level token (xapp-…) with connections:write, and turn Socket Mode on"
    return Finding("fail", f"the app token opens no socket ({reply.error or reply.status})", cure)
