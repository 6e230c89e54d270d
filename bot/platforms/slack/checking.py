"""What the tokens may do at Slack, for doctor. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from bot.platforms.health import Finding
from bot.platforms.slack.delivering import NoToken, Slack
from bot.platforms.slack.transport import NoAnswer, NotSent, Reply

_REINSTALL = "add it under OAuth & Permissions, then reinstall the app (heji slack manifest lists them all)"


async def check(slack: Slack, *, app_token: str | None = None) -> tuple[Finding, ...]:
    """What there is to say about the app at Slack, with *app_token* about Socket Mode too. Raises nothing."""
    try:
        me = await slack.ask("auth.test", {}, "")
        found = [_token(slack, me)]
        if me.ok and me.data:
            found += await _scopes(slack, str(me.data.get("user_id")))
        if app_token:
            found.append(_socket(await slack.transport.ticket(app_token)))
        return tuple(found)
    except (NotSent, NoAnswer, NoToken):
        return (_unreached(slack),)


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


async def _scopes(slack: Slack, bot: str) -> list[Finding]:
    """What may be asked about people and channels; whether it may post shows when it does."""
    questions: tuple[tuple[str, Mapping[str, str], str], ...] = (
        ("users.info", {"user": bot}, "nobody's language, zone and rights are known"),
        ("users.conversations", {"types": "public_channel"}, "who created a public channel is not known"),
        ("users.conversations", {"types": "private_channel"}, "who created a private channel is not known"),
    )
    found = []
    for method, params, loss in questions:
        reply = await slack.ask(method, params, "")
        if reply.error == "missing_scope":
            needed = (reply.data or {}).get("needed") or "a scope"
            found.append(Finding("warn", f"without {needed}, {loss}", _REINSTALL))
    return found


def _socket(reply: Reply) -> Finding:
    if reply.ok:
        return Finding("ok", "the app token opens Socket Mode")
    if reply.retry_after is not None:
        return Finding("ok", "the app token opens Socket Mode, and was used too often in this minute")
    cure = "make an app-level token (xapp-…) with connections:write, and turn Socket Mode on"
    return Finding("fail", f"the app token opens no socket ({reply.error or reply.status})", cure)
