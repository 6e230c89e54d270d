"""What becomes of the bot's channels and workspaces; and Home, when somebody opens it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.chat.access import role_of
from bot.chat.address import Address
from bot.platforms.base import Payload
from bot.platforms.slack import reading
from bot.platforms.slack.reading import Shape, Spot
from bot.platforms.slack.saying import Speaker

if TYPE_CHECKING:
    from bot.platforms.slack.responding import Responder

_ENDS = {
    "channel_archive": "the channel was archived",
    "group_archive": "the channel was archived",
    "channel_deleted": "the channel was deleted",
    "group_deleted": "the channel was deleted",
    "channel_left": "it was removed from the channel",
    "group_left": "it was removed from the channel",
}

logger = logging.getLogger(__name__)


class Chats:
    """Hears what happens around the conversations."""

    def __init__(self, responder: Responder, speaker: Speaker) -> None:
        self._responder = responder
        self._speaker = speaker

    async def told(self, payload: Shape) -> None:
        """Do what there is to do about an event that is no message."""
        event, team = payload["event"], str(payload["team_id"])
        kind = str(event.get("type"))
        if kind in _ENDS:
            await self._left(payload, team, str(event["channel"]), _ENDS[kind])
        match event:
            case {"type": "member_joined_channel", "user": str(user), "channel": str(channel)}:
                if user == reading.me(payload):
                    await self._joined(payload, Spot(team, str(event.get("inviter") or ""), channel))
            case {"type": "channel_unarchive" | "group_unarchive", "channel": str(channel)}:
                await self._opened_again(payload, Spot(team, str(event.get("user") or ""), channel))
            case {"type": "channel_id_changed", "old_channel_id": str(old), "new_channel_id": str(new)}:
                await self._moved(payload, f"slack:{team}/{old}", f"slack:{team}/{new}")
            case {"type": "app_home_opened", "tab": "home", "user": str(user), "channel": str(channel)}:
                if await self._responder.first_time(payload):
                    await self._responder.modals.show_home(Spot(team, user, channel))
            case {"type": "app_uninstalled" | "tokens_revoked"}:
                # The outbox finds out by itself, and keeps what is due there for a new token.
                logger.warning("workspace lost team=%s event=%s", team, kind)

    async def _joined(self, payload: Shape, spot: Spot) -> None:
        """The bot came into a channel: what was suspended there goes on, and it says once who it is, to all."""
        if greeting := await self._greeting(payload, spot):
            await self._speaker.say(greeting, spot, to_all=True)

    async def _opened_again(self, payload: Shape, spot: Spot) -> None:
        """Of public channels the bot hears this wherever it is not: only those that subscribed are its business."""
        there = Address(spot.place)
        house = self._responder.house
        if await self._responder.call(lambda: house.subscriptions([there])):
            await self._greeting(payload, spot)

    async def _greeting(self, payload: Shape, spot: Spot) -> tuple[Payload, ...]:
        responder = self._responder
        person = await responder.person(spot) if spot.user else None
        asker = spot.asker(person.locale if person else None)
        command = replace(asker, name="start", role=role_of(admin=True), user=asker.user if spot.user else "")

        if not await responder.first_time(payload):
            return ()

        def greet() -> tuple[Payload, ...]:
            answer = responder.house.arrived(command)
            return responder.rendered(answer.message) if answer else ()

        return await responder.call(greet)

    async def _left(self, payload: Shape, team: str, channel: str, reason: str) -> None:
        responder, there = self._responder, Address(f"slack:{team}/{channel}")
        if await responder.first_time(payload):
            await responder.call(lambda: responder.house.left(there, reason))

    async def _moved(self, payload: Shape, old: str, new: str) -> None:
        responder = self._responder
        if await responder.first_time(payload):
            await responder.call(lambda: responder.house.moved(Address(old), Address(new)))
