"""What Telegram's answer means for a message: the table of outcomes, as one pure function.

What cannot be told by its code is told by its words, in any capitals: the Bot API has no codes of its own.
"""

from __future__ import annotations

from bot.platforms.base import Outcome, Rejected, Retryable, Sent, Uncertain, Why
from bot.platforms.telegram.transport import Reply

_BY_WORDS: tuple[tuple[Why, tuple[str, ...]], ...] = (
    (
        "thread-closed",
        ("topic_closed", "topic_deleted", "topic_id_invalid", "message thread not found", "topic closed"),
    ),
    (
        "gone",
        (
            "chat not found",
            "user not found",
            "peer_id_invalid",
            "user is deactivated",
            "input_user_deactivated",
            "bot was kicked",
            "bot was blocked",
            "bot is not a member",
            "group chat was deactivated",
            "group chat was deleted",
            "channel_private",
            "have no rights to send",
            "not enough rights",
            "need administrator rights",
            "chat_write_forbidden",
            "chat_restricted",
            "chat_send_plain_forbidden",
        ),
    ),
    (
        "malformed",
        (
            "can't parse",
            "too long",
            "too_long",
            "too big",
            "too much",
            "too_much",
            "entity",
            "entities",
            "unsupported start tag",
            "button_",
            "button",
            "keyboard",
            "reply_markup",
            "reply markup",
            "url host is empty",
            "wrong http url",
            "webpage",
            "must be encoded in utf-8",
        ),
    ),
)


def verdict(reply: Reply) -> Outcome:
    """The outcome of a call that was answered."""
    if reply.data is None:
        return _without_json(reply)
    if reply.ok:
        return Sent(_message_id(reply.result))
    reason = f"{reply.status} {reply.description}"
    if reply.status == 400 and "message is not modified" in reason.casefold():
        return Sent()  # an edit of what says so already
    if reply.status == 429:
        return Retryable(_seconds(reply), reason, limited=True)
    if reply.refuses_token:
        return Rejected(reason, "revoked")
    if reply.status == 413:
        return Rejected(reason, "malformed")
    if reply.status == 403:
        return Rejected(reason, "gone")
    if isinstance(moved_to := reply.parameters.get("migrate_to_chat_id"), int):
        return Rejected(reason, "moved", f"telegram:{moved_to}")
    if 400 <= reply.status < 500 and reply.status not in (408, 409):
        return Rejected(reason, _by_words(reply.description))
    return Retryable(_seconds(reply), reason)


_PIN_IS_MOOT = ("message to pin not found", "chat_not_modified")
"""It was deleted meanwhile, or is pinned already."""


def of_pin(outcome: Outcome) -> Outcome:
    """*outcome* as it is to be taken where a message was to be pinned: it is there, so the chat is not out of reach."""
    match outcome:
        case Uncertain(reason):
            return Retryable(reason=reason)  # to pin twice is to pin once
        case Rejected(reason, why) if why not in ("moved", "revoked"):
            moot = any(words in reason.casefold() for words in _PIN_IS_MOOT)
            return Sent() if moot else Rejected(reason, "unpinned")
    return outcome


def _without_json(reply: Reply) -> Outcome:
    """A web page, or nothing: some proxy's, which knows no message. A 429 of that kind says nothing of its length."""
    if reply.status == 429:
        return Retryable(reply.retry_after, "429 without words", limited=True)
    if 200 <= reply.status < 300 and reply.broken:
        return Uncertain(f"HTTP {reply.status} with half an answer")
    return Retryable(reason=f"HTTP {reply.status} and no answer of the Bot API")


def _seconds(reply: Reply) -> float | None:
    found = reply.parameters.get("retry_after", reply.retry_after)
    return float(found) if isinstance(found, int | float) and found >= 0 else None


def _by_words(description: str) -> Why:
    said = description.casefold()
    return next((why for why, words in _BY_WORDS if any(word in said for word in words)), "refused")


def _message_id(result: object) -> str | None:
    found = result.get("message_id") if isinstance(result, dict) else None
    return None if found is None else str(found)
