"""Who somebody is on Slack: their language and zone, and whether they are member, admin or curator where they ask.

Slack is asked once an hour for somebody's language, and within a minute for their rights where an answer depends on it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from cachetools import TTLCache

from bot.chat import commands
from bot.chat.access import Role, role_of
from bot.chat.conversation import UTC, Command
from bot.platforms.slack.delivering import NoToken, Slack, place
from bot.platforms.slack.transport import NoAnswer, NotSent

KNOWN_FOR = 3600.0
"""Seconds; languages and zones hardly change."""

RIGHTS_FOR = 60.0
"""Seconds; who was made admin, or is none any more, is known within a minute."""

KEPT = 50_000
_SHOWS_MORE_TO_ADMINS = frozenset({"help", "start", "status"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """*locale* is a tag such as `zh-CN`, None where nobody knows. *admin*: of the workspace. *at*: when that was so."""

    locale: str | None = None
    zone: ZoneInfo = UTC
    admin: bool = False
    at: float = float("-inf")


NOBODY = Person()


class People:
    """Those who ask. *curators* are written `slack:U1`. *clock* counts seconds."""

    def __init__(self, slack: Slack, curators: frozenset[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._slack = slack
        self._curators = curators
        self._clock = clock
        self._people: TTLCache[tuple[str, str], Person] = TTLCache(KEPT, KNOWN_FOR, timer=clock)
        self._creators: TTLCache[tuple[str, str], str] = TTLCache(KEPT, KNOWN_FOR, timer=clock)

    async def person(self, team: str, user: str, *, within: float = KNOWN_FOR, patience: float = 3.0) -> Person:
        """Who *user* is, as it was so many seconds ago at most; what was known before, where Slack does not say."""
        known = self._people.get((team, user), NOBODY)
        if self._clock() - known.at < within:
            return known
        found = await self._asked("users.info", {"user": user, "include_locale": "true"}, team, "user", patience)
        if found is None:  # for a minute: an answer shall not wait for it again and again
            self._people[team, user] = replace(known, at=self._clock() - KNOWN_FOR + RIGHTS_FOR)
            return known
        self._people[team, user] = person = _person(found, self._clock())
        return person

    async def role(self, command: Command) -> Role:
        """The role of who gives *command*, as far as the answer depends on it."""
        _, team, user = _parts(command.user)
        if f"slack:{user}" in self._curators or command.user in self._curators:
            return "curator"
        if command.private or not depends_on_role(command.name):
            return role_of(private=command.private)
        admin = (await self.person(team, user, within=RIGHTS_FOR)).admin
        return role_of(admin=admin or await self._creator(team, place(command.chat).channel) == user)

    async def _creator(self, team: str, channel: str) -> str:
        if (known := self._creators.get((team, channel))) is not None:
            return known
        found = await self._asked("conversations.info", {"channel": channel}, team, "channel", 3.0)
        if found is None:
            return ""
        self._creators[team, channel] = creator = str(found.get("creator") or "")
        return creator

    async def channels(self, team: str, user: str, most: int) -> dict[str, str]:
        """The names of the channels that *user* shares with the bot, by their ids; *most* of them."""
        params = {"user": user, "types": "public_channel,private_channel", "exclude_archived": "true"}
        try:
            reply = await self._slack.ask("users.conversations", {**params, "limit": str(most)}, team)
        except (NotSent, NoAnswer, NoToken):
            return {}
        found = reply.data.get("channels") if reply.ok and reply.data else None
        rows = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return {str(one["id"]): str(one.get("name") or one["id"]) for one in rows if "id" in one}

    async def _asked(
        self, method: str, params: Mapping[str, str], team: str, key: str, patience: float
    ) -> Mapping[str, Any] | None:
        try:
            reply = await self._slack.ask(method, params, team, patience=patience)
        except (NotSent, NoAnswer, NoToken) as failure:
            logger.warning("not found out method=%s reason=%s", method, str(failure) or type(failure).__name__)
            return None
        found = reply.data.get(key) if reply.ok and reply.data else None
        if not isinstance(found, Mapping):
            logger.info("not found out method=%s reason=%s", method, reply.error or reply.status)
            return None
        return found


def depends_on_role(name: str) -> bool:
    """Whether the command's answer in a channel is another one for admins."""
    row = commands.find_row(name)
    return row is not None and (row.name in _SHOWS_MORE_TO_ADMINS or row.needed(private=False) != "member")


def _person(found: Mapping[str, Any], at: float) -> Person:
    locale = found.get("locale")
    admin = any(found.get(flag) is True for flag in ("is_admin", "is_owner", "is_primary_owner"))
    return Person(locale if isinstance(locale, str) else None, _zone(found.get("tz")), admin, at)


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) else UTC
    except (ValueError, OSError, LookupError):  # Slack knows some that we do not
        return UTC


def _parts(user: str) -> tuple[str, str, str]:
    platform, _, rest = user.partition(":")
    team, _, person = rest.partition("/")
    return platform, team, person
