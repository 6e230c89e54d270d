"""Values to messages, one function a page. A page knows its reader and never their platform; it changes nothing."""

from bot.chat.pages.editions import calendar, coming, edition, nothing_to_post
from bot.chat.pages.help import about, error, language_set, languages, no_more, overview, start, unknown_command
from bot.chat.pages.house import problems, reloaded, reloading, status
from bot.chat.pages.items import SEARCH_LIMIT, empty_library, found, new, nothing_found, random, search
from bot.chat.pages.notices import notice
from bot.chat.pages.subscription import (
    missed_reason,
    not_subscribed,
    nothing_under,
    paused,
    posted,
    posting,
    setting_changed,
    settings,
    skipped,
    skipping,
    subscribed,
    unsubscribed,
    which_topic,
    which_zone,
)
from bot.chat.pages.topics import choice, topic, topics

__all__ = [
    "SEARCH_LIMIT",
    "about",
    "calendar",
    "choice",
    "coming",
    "edition",
    "empty_library",
    "error",
    "found",
    "language_set",
    "languages",
    "missed_reason",
    "new",
    "no_more",
    "not_subscribed",
    "nothing_found",
    "nothing_to_post",
    "nothing_under",
    "notice",
    "overview",
    "paused",
    "posted",
    "posting",
    "problems",
    "random",
    "reloaded",
    "reloading",
    "search",
    "setting_changed",
    "settings",
    "skipped",
    "skipping",
    "start",
    "status",
    "subscribed",
    "topic",
    "topics",
    "unknown_command",
    "unsubscribed",
    "which_topic",
    "which_zone",
]
