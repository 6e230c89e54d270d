"""Home, the forms, and answers that stand in a modal, since they were asked for where no message can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from bot.chat import commands, pages
from bot.chat.access import may
from bot.chat.address import parse_address
from bot.chat.conversation import Command, Subscribed
from bot.errors import AddressError
from bot.platforms import flood
from bot.platforms.base import Payload
from bot.platforms.slack import home, reading, views
from bot.platforms.slack.manifest import ASK
from bot.platforms.slack.people import Person
from bot.platforms.slack.reading import Press, Shape, Spot, meant
from bot.platforms.slack.saying import Speaker
from bot.platforms.slack.views import Memo

if TYPE_CHECKING:
    from bot.platforms.slack.responding import Responder

QUICK = 1.0
"""Seconds for what has to be known before a modal is opened: its trigger is good for three."""

MAX_CHANNELS = 100
"""Channels of one person that are looked through for subscriptions."""

KEPT = 50_000


class Modals:
    """Answers where there is no channel."""

    def __init__(self, responder: Responder, speaker: Speaker) -> None:
        self._responder = responder
        self._speaker = speaker
        # Who has which conversation with the bot: nothing that is pressed in Home says so.
        self._direct: LRUCache[tuple[str, str], str] = LRUCache(KEPT)

    async def told(self, payload: Shape) -> None:
        """A shortcut was taken that has no message, or a form was sent."""
        if payload["type"] == "view_submission":
            await self._submitted(payload)
        elif payload.get("callback_id") == ASK:
            spot = reading.shortcut(payload)
            person = await self._responder.person(spot, patience=QUICK)
            await self._open_question(payload, spot, person)

    async def pressed(self, payload: Shape, press: Press) -> None:
        """Something was pressed in Home or in a modal."""
        spot = press.spot
        person = await self._responder.person(spot, patience=QUICK)
        if press.home and press.action_id.startswith(home.SEARCH):
            await self._open_question(payload, spot, person)
        elif press.home and press.action_id.startswith(home.SETTINGS):
            await self._settings_of(payload, press, person)
        elif press.purpose is not None:
            await self._show_answer(payload, press, person)

    # Answers ------------------------------------------------------------------------------------------------------

    async def _show_answer(self, payload: Shape, press: Press, person: Person) -> None:
        """In the modal that it was asked from, or from Home in one that opens at once and waits for it."""
        spot = press.spot
        memo = Memo.of(payload.get("view") or {}) if spot.view else self._memo(spot, person)
        spot = replace(spot, about=_known(memo.chat) or self._own(spot))
        command = meant(press.value, spot.asker(person.locale))
        if command is None or not await self._responder.may_ask(command, spot, flood.BUTTON):
            return
        opened = spot.view or await self._open(spot, views.waiting(self._words(person, spot), memo))
        answer = await self._responder.prepared(payload, command)
        if answer is not None and opened:
            await self._fill(opened, answer.payloads, spot, person, memo)
        elif answer is not None:  # the moment for a modal has gone by
            await self._speaker.say(answer.payloads, replace(spot, channel=self._channel(spot)))

    async def _fill(self, view: str, payloads: tuple[Payload, ...], spot: Spot, person: Person, memo: Memo) -> None:
        shown = views.answer(payloads, self._words(person, spot), memo)
        await self._speaker.call("views.update", {"view_id": view, "view": shown}, spot.team)

    async def _open(self, spot: Spot, view: Mapping[str, Any]) -> str:
        """Open *view*; its id, or nothing where that came too late."""
        answer = await self._speaker.call("views.open", {"trigger_id": spot.trigger, "view": view}, spot.team)
        shown = answer.get("view") if answer else None
        return str(shown.get("id") or "") if isinstance(shown, Mapping) else ""

    # Forms --------------------------------------------------------------------------------------------------------

    async def _open_question(self, payload: Shape, spot: Spot, person: Person) -> None:
        if await self._responder.first_time(payload):
            await self._open(spot, views.ask_form(self._words(person, spot), self._memo(spot, person)))

    async def _settings_of(self, payload: Shape, press: Press, person: Person) -> None:
        """The settings of a subscription that Home shows; to those who may not change them, that they may not."""
        if not (about := _known(press.value)):
            return
        spot = replace(press.spot, about=about)
        command = replace(spot.asker(person.locale), name="settings")
        if await self._responder.may_ask(command, spot, flood.BUTTON):
            opened = await self.settings(payload, command, spot, person)
            if not opened and (answer := await self._responder.prepared(payload, command)):
                memo = self._memo(spot, person)._replace(chat=about)
                await self._open(spot, views.answer(answer.payloads, self._words(person, spot), memo))

    async def settings(self, payload: Shape, command: Command, spot: Spot, person: Person) -> bool:
        """Open the settings form of the chat that *command* is about; False where it has to be answered otherwise."""
        responder, chat = self._responder, parse_address(command.chat)
        command = replace(command, role=await responder.people.role(command))
        if not spot.trigger or not _allowed(command):
            return False
        found = await responder.call(lambda: responder.house.subscriptions([chat]))
        if not found or not await responder.first_time(payload):
            return False
        memo = self._memo(spot, person)._replace(chat=command.chat)
        if not await self._open(spot, views.settings_form(found[0][1], self._words(person, spot), memo)):
            answer = await responder.call(lambda: responder.answered(command))  # the moment for a form has gone by
            await self._speaker.say(answer.payloads, replace(spot, channel=spot.channel or self._channel(spot)))
        return True

    def waiting(self, payload: Shape) -> dict[str, Any]:
        """What a form that was sent shows until it is answered: it goes with the acknowledgement."""
        memo = Memo.of(payload.get("view") or {})
        spot, _ = reading.submitted(payload)
        reader = replace(self._responder.reader(Person(), spot), language=memo.language)
        return views.waiting(pages.words(reader), memo)

    async def _submitted(self, payload: Shape) -> None:
        spot, values = reading.submitted(payload)
        memo = Memo.of(payload["view"])
        spot = replace(spot, about=_known(memo.chat) or self._own(spot))
        person = await self._responder.person(spot)
        asker = spot.asker(person.locale)
        if payload["view"].get("callback_id") == views.SETTINGS_FORM:
            await self._save(payload, asker, values, spot, person)
            return
        command = commands.read(values.get("question", ""), asker, mentioned=True, slashless=True)
        if command is None or not await self._responder.may_ask(command, spot):
            return
        if answer := await self._responder.prepared(payload, command):
            await self._fill(spot.view, answer.payloads, spot, person, memo)

    async def _save(self, payload: Shape, asker: Command, values: dict[str, str], spot: Spot, person: Person) -> None:
        """Change what the form has otherwise, one setting after the other; what is refused says why."""
        responder, words = self._responder, self._words(person, spot)
        asker = replace(asker, name="set")
        asker = replace(asker, role=await responder.people.role(asker))

        if not await responder.first_time(payload):
            return

        def save() -> tuple[Payload, ...]:
            found = responder.house.subscriptions([parse_address(asker.chat)])
            wanted = views.changed(values, found[0][1] if found else Subscribed(), words.everything)
            asked = [replace(asker, args=f"{key} {value}") for key, value in wanted]
            said = [responder.house.answer(one).message for one in asked or [replace(asker, name="settings")]]
            return tuple(part for page in said for part in responder.rendered(page))

        await self._fill(spot.view, await responder.call(save), spot, person, Memo.of(payload["view"]))
        if channel := self._direct.get((spot.team, spot.user)):
            await self.show_home(Spot(spot.team, spot.user, channel))

    # Home ---------------------------------------------------------------------------------------------------------

    async def show_home(self, spot: Spot) -> None:
        """Publish the Home of who is at *spot*, their conversation with the bot."""
        responder = self._responder
        self._direct[spot.team, spot.user] = spot.channel
        person = await responder.person(spot)
        names = await responder.people.channels(spot.team, spot.user, MAX_CHANNELS)
        reader = responder.reader(person, spot)
        asker = spot.asker(person.locale)
        chats = [parse_address(spot.place), *(parse_address(f"slack:{spot.team}/{channel}") for channel in names)]
        words = pages.words(reader)

        def gather() -> tuple[tuple[Payload, ...], list[home.Row]]:
            week, coming, choice = (
                responder.house.answer(replace(asker, name=name)).message for name in ("week", "next", "topic")
            )
            rows = [
                home.Row(str(chat), _named(chat.id, names, words), pages.following(one, reader))
                for chat, one in responder.house.subscriptions(chats)
            ]
            return responder.rendered(pages.front(week, coming, choice, reader)), rows

        payloads, rows = await responder.call(gather)
        params = {"user_id": spot.user, "view": home.home(payloads, rows, words)}
        await self._speaker.call("views.publish", params, spot.team)

    # What all of them need ----------------------------------------------------------------------------------------

    def _words(self, person: Person, spot: Spot) -> pages.Words:
        return pages.words(self._responder.reader(person, spot))

    def _memo(self, spot: Spot, person: Person) -> Memo:
        return Memo(self._own(spot), self._responder.reader(person, spot).language)

    def _own(self, spot: Spot) -> str:
        """The conversation of who asks with the bot, as chats are written."""
        return f"slack:{spot.team}/{self._channel(spot)}"

    def _channel(self, spot: Spot) -> str:
        return self._direct.get((spot.team, spot.user), spot.user)


def _allowed(command: Command) -> bool:
    """Whether it may be given, by whom it is given there."""
    row = commands.find_row(command.name)
    return row is not None and may(command.role, row.needed(private=command.private))


def _known(chat: str) -> str:
    """*chat*, if it is one."""
    try:
        return str(parse_address(chat))
    except AddressError:
        return ""


def _named(place: str, names: Mapping[str, str], words: pages.Words) -> str:
    channel = place.partition("/")[2]
    return f"#{names[channel]}" if channel in names else words.direct
