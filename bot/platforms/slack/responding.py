"""What is done about what comes from Slack, once it is acknowledged: from what somebody did to what they see.

payload ──▶ who is it ──▶ flood ──▶ role ──▶ is it new? ──▶ the answer, rendered ──▶ said
            (Slack, kept)          (Slack)  (in a thread,   (at hand, or
                                             all at once)    in a thread)
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bot.chat import commands, pages
from bot.chat.conversation import Answer, Command, Reader
from bot.chat.language import choose
from bot.chat.message import Button
from bot.chat.message import Message as Page
from bot.platforms import flood
from bot.platforms.base import House, Payload
from bot.platforms.layouts import Layouts
from bot.platforms.slack import reading, render
from bot.platforms.slack.chats import Chats
from bot.platforms.slack.delivering import Slack
from bot.platforms.slack.modals import Modals
from bot.platforms.slack.people import People, Person
from bot.platforms.slack.reading import Press, Shape, Spot, meant
from bot.platforms.slack.saying import Speaker
from bot.platforms.slack.sharing import shareable, sharing_button
from bot.platforms.turnstile import Turnstile

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer, ready to be sent. *aside*: for the one who asked, whatever they wish."""

    payloads: tuple[Payload, ...]
    aside: bool = False


class Responder:
    """Answers what it is given, each on its own. What may wait for a database is done in *threads*.

    *language* is what the bot says by itself to those whose own it does not speak.
    """

    def __init__(self, slack: Slack, house: House, people: People, threads: Executor, language: str = "en") -> None:
        self._slack = slack
        self._house = house
        self._people = people
        self._threads = threads
        self._language = language
        self._flood = flood.Flood()
        self._turnstile = Turnstile(house.new, threads)
        self._layouts = Layouts()
        self._speaker = Speaker(slack)
        self.modals = Modals(self, self._speaker)
        self._chats = Chats(self, self._speaker)

    async def respond(self, payload: Shape) -> None:
        """Do what there is to do about *payload*. Raises nothing: whoever asked is told that something went wrong."""
        await self._house.opened.wait()
        try:
            await self._respond(payload)
        except Exception:  # the door: a bug behind it must not stay without an answer
            logger.exception("payload broke type=%s", _kind(payload))
            try:
                await self._apologize(payload)
            except Exception:  # the next one is to be answered all the same
                logger.exception("no apology either type=%s", _kind(payload))

    async def _respond(self, payload: Shape) -> None:
        match payload:
            case {"command": str()}:
                spot, text = reading.slash(payload)
                await self._asked(payload, spot, text)
            case {"type": "event_callback", "event": {"type": "app_mention" | "message"}}:
                if said := reading.spoken(payload):
                    await self._asked(payload, *said)
            case {"type": "event_callback"}:
                await self._chats.told(payload)
            case {"type": "block_actions"}:
                if press := reading.pressed(payload):
                    await self._pressed(payload, press)
            case {"type": "message_action"}:
                await self._looked_up(payload)
            case {"type": "shortcut" | "view_submission"}:
                await self.modals.told(payload)

    # What was said ------------------------------------------------------------------------------------------------

    async def _asked(self, payload: Shape, spot: Spot, text: str) -> None:
        person = await self.person(spot)
        command = commands.read(text, spot.asker(person.locale), mentioned=True, slashless=True)
        if command is not None and await self.may_ask(command, spot):
            await self._answer(payload, command, spot)

    async def _answer(self, payload: Shape, command: Command, spot: Spot) -> None:
        if answer := await self.prepared(payload, command, sharing=not spot.private):
            await self._speaker.say(answer.payloads, spot)

    async def _looked_up(self, payload: Shape) -> None:
        """The message shortcut: where the digest holds the links of a message, or what it has about its words."""
        spot, message = reading.shortcut(payload), payload.get("message") or {}
        person = await self.person(spot)
        asker = spot.asker(person.locale)
        words = reading.plain(str(message.get("text") or ""))
        asked = [replace(asker, name="search", args=url) for url in reading.links(message)]
        asked = asked or [replace(asker, args=words[: commands.MAX_WORDS])]
        if not await self.may_ask(asked[0], spot):
            return
        if await self.first_time(payload):
            answer = await self.call(lambda: self._all(asked))
            await self._speaker.say(answer.payloads, spot)

    def _all(self, asked: list[Command]) -> Prepared:
        """The answers to *asked*, one after the other. Runs in a worker thread."""
        found = [self._house.answer(command).message for command in asked]
        return Prepared(self.rendered(replace(found[0], blocks=tuple(b for page in found for b in page.blocks))))

    # What was pressed ---------------------------------------------------------------------------------------------

    async def _pressed(self, payload: Shape, press: Press) -> None:
        if press.purpose is None or press.home or press.spot.view:
            await self.modals.pressed(payload, press)
            return
        spot = press.spot
        person = await self.person(spot)
        command = meant(press.value, spot.asker(person.locale))
        if command is None:
            await self.say_aside(pages.button_gone(self.reader(person, spot)), spot)
        elif not await self.may_ask(command, spot, flood.BUTTON):
            return
        elif press.purpose == "share":
            await self._shared(payload, command, spot)
        elif command.name == "settings" and await self.modals.settings(payload, command, spot, person):
            return
        elif answer := await self.prepared(payload, command, sharing=not spot.private):
            replacing = press.purpose == "turn" and (spot.hidden or spot.private)
            await self._speaker.say(answer.payloads, spot, to_all=spot.private, replacing=replacing)

    async def _shared(self, payload: Shape, command: Command, spot: Spot) -> None:
        """The answer that one person has, for everybody there."""
        if not shareable(command):
            return
        if answer := await self.prepared(payload, command, sharing=False):
            await self._speaker.say(answer.payloads, spot, to_all=not answer.aside)

    # What all of them need ----------------------------------------------------------------------------------------

    async def person(self, spot: Spot, *, patience: float = 3.0) -> Person:
        """Who asks."""
        return await self._people.person(spot.team, spot.user, patience=patience)

    @property
    def people(self) -> People:
        """Those who ask."""
        return self._people

    @property
    def house(self) -> House:
        """The bot behind all this; asked in `call` alone."""
        return self._house

    async def may_ask(self, command: Command, spot: Spot, cost: float = 1.0) -> bool:
        """Whether there is room for one more question; if not, they are told so once."""
        verdict = self._flood.judge(command.user, spot.place, cost)
        if verdict == "slow-down":
            await self.say_aside(pages.slow_down(_reader(command, self._language)), spot)
        return verdict == "answer"

    async def prepared(self, payload: Shape, command: Command, *, sharing: bool = False) -> Prepared | None:
        """The answer to *command*; None where *payload* was answered before."""
        command = replace(command, role=await self._people.role(command))
        if not await self.first_time(payload):
            return None
        if (answer := self._house.at_hand(command)) is not None:
            return self._laid_out(command, answer, sharing=sharing)
        return await self.call(lambda: self.answered(command, sharing=sharing))

    async def first_time(self, payload: Shape) -> bool:
        """Whether *payload* was not done before, here or elsewhere."""
        return await self._turnstile.passes(reading.seal(payload))

    def answered(self, command: Command, *, sharing: bool = False) -> Prepared:
        """Ask the house, and render; *command* has its role. In a worker thread only."""
        return self._laid_out(command, self._house.answer(command), sharing=sharing)

    def _laid_out(self, command: Command, answer: Answer, *, sharing: bool) -> Prepared:
        share = sharing_button(command, answer) if sharing else None
        return Prepared(self.rendered(answer.message, share), aside=answer.discreet or answer.refused)

    def rendered(self, page: Page, share: Button | None = None) -> tuple[Payload, ...]:
        """*page* as an answer."""

        def laid_out(page: Page) -> tuple[Payload, ...]:
            return render.render(page, root=self._slack.root, answering=True, share=share)

        return self._layouts.of(page, laid_out, share)

    async def call(self, work: Callable[[], T]) -> T:
        """Do *work* in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def say_aside(self, page: Page, spot: Spot) -> None:
        """Something about the way that was asked."""
        if spot.url or spot.channel:
            await self._speaker.say(self.rendered(page), spot)

    def reader(self, person: Person, spot: Spot) -> Reader:
        """For whom an aside, a form or the front page is: what the chat has chosen is not asked for it."""
        language = choose(person.locale, self._language)
        now = dt.datetime.now(dt.UTC)
        return Reader(language=language, private=spot.private, zone=person.zone, now=now, root=self._slack.root)

    async def _apologize(self, payload: Shape) -> None:
        spot: Spot | None = None
        match payload:
            case {"command": str()}:
                spot, _ = reading.slash(payload)
            case {"event": {"type": "app_mention" | "message"}}:
                said = reading.spoken(payload)
                spot = said[0] if said else None
            case {"type": "block_actions" | "message_action"}:
                spot = reading.shortcut(payload)
        if spot:
            await self.say_aside(pages.went_wrong(self.reader(await self.person(spot), spot)), spot)


def _reader(command: Command, language: str) -> Reader:
    return Reader(language=choose(command.language, language), role=command.role, private=command.private)


def _kind(payload: Shape) -> Any:
    event = payload.get("event")
    return event.get("type") if isinstance(event, dict) else payload.get("type") or payload.get("command")
