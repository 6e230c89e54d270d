"""What Slack's answer means for a message: the table of outcomes, as one pure function."""

from __future__ import annotations

from bot.platforms.base import Outcome, Rejected, Retryable, Sent, Uncertain, Why
from bot.platforms.slack.transport import Reply

_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})

_LATER = frozenset(
    {"external_channel_migrating", "request_timeout", "service_unavailable", "team_added_to_org", "token_refreshing"}
)

_DOUBTFUL = frozenset({"fatal_error", "internal_error"})
"""Of these Slack itself says that some of what was asked may have been done."""

_WHY: dict[str, Why] = {
    **dict.fromkeys(("missing_scope", "no_permission"), "revoked"),
    **dict.fromkeys(
        (
            "cannot_dm_bot",
            "channel_is_archived",
            "channel_not_found",
            "channel_type_not_supported",
            "is_archived",
            "is_inactive",
            "messages_tab_disabled",
            "not_in_channel",
            "restricted_action",
            "restricted_action_read_only_channel",
            "restricted_action_thread_only_channel",
            "user_disabled",
            "user_not_found",
            "user_not_in_channel",
            "user_not_visible",
        ),
        "gone",
    ),
    **dict.fromkeys(
        (
            "cannot_reply_to_message",
            "restricted_action_non_threadable_channel",
            "restricted_action_thread_locked",
            "thread_locked",
            "thread_not_found",
        ),
        "thread-closed",
    ),
    **dict.fromkeys(
        (
            "invalid_arguments",
            "invalid_blocks",
            "invalid_blocks_format",
            "invalid_json",
            "json_not_object",
            "msg_blocks_too_long",
            "msg_too_long",
            "no_text",
        ),
        "malformed",
    ),
}


def verdict(reply: Reply) -> Outcome:
    """The outcome of a call that was answered."""
    error = reply.error
    if reply.ok:
        return Sent(_ts(reply))
    reason = f"{reply.status} {error}".strip()
    if reply.status == 429 or error in _LIMITED:
        return Retryable(reply.retry_after, reason, limited=True)
    if reply.data is None:
        return _without_json(reply)
    if reply.refuses_token:
        return Rejected(reason, "revoked")
    if reply.status >= 500 or reply.status == 408 or error in _LATER:
        return Retryable(reply.retry_after, reason)
    if error in _DOUBTFUL:
        return Uncertain(reason)
    if reply.status == 413:
        return Rejected(reason, "malformed")
    return Rejected(reason, _WHY.get(error, "refused"))


def _without_json(reply: Reply) -> Outcome:
    """A web page, or nothing: some proxy's, which knows no message."""
    if reply.status == 401:
        return Rejected("401", "revoked")
    if 200 <= reply.status < 300 and reply.broken:
        return Uncertain(f"HTTP {reply.status} with half an answer")
    return Retryable(reason=f"HTTP {reply.status} and no answer of Slack's")


def _ts(reply: Reply) -> str | None:
    data = reply.data or {}
    found = data.get("ts") or data.get("message_ts")
    return found if isinstance(found, str) else None
