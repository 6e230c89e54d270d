"""What is done about an update: the way from what somebody did on Telegram to what they see there.

update ──▶ flood ──▶ role ──▶ is it new? ──▶ the answer, rendered ──▶ said, or put in place of what was pressed
                   (Telegram)  (in a thread,   (at hand, or
                                all at once)    in a thread)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cachetools import LRUCache
from telegram.error import TelegramError

from bot.chat import pages
from bot.chat.address import Address, parse_address
from bot.chat.conversation import Answer, Command, Reader
from bot.chat.language import choose
from bot.chat.message import Message as Page
from bot.platforms import flood
from bot.platforms.base import House, Payload, Rejected
from bot.platforms.telegram import channels, render
from bot.platforms.telegram.delivering import Telegram
from bot.platforms.telegram.keyboard import AS_ASKED
from bot.platforms.telegram.members import Members
from bot.platforms.telegram.reading import Me, asker, question, typed
from bot.platforms.telegram.saying import MAX_ALERT, Speaker, needs_question, reply
from bot.platforms.telegram.wire import CallbackQuery, InlineQuery, MemberUpdated, Message, Update
from bot.platforms.turnstile import Turnstile

INLINE_CACHE = 300
"""Seconds that Telegram keeps inline results; for each person their own, since they come in their language."""

QUESTIONS = 1_000
"""Chats whose last question with too many words for a button is remembered: `/more` goes on with it."""

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer, ready to be sent. *quiet*: for the one who asked, not for the group."""

    payloads: tuple[Payload, ...]
    quiet: bool = False
    refused: bool = False


class Responder:
    """Answers updates, each on its own. What may wait for a database is done in *threads*.

    *language* is what the bot says by itself to those whose own it does not speak.
    """

    def __init__(
        self, telegram: Telegram, house: House, members: Members, me: Me, threads: Executor, language: str = "en"
    ) -> None:
        self._telegram = telegram
        self._house = house
        self._members = members
        self._me = me
        self._threads = threads
        self._language = language
        self._flood = flood.Flood()
        self._speaker = Speaker(telegram, self._move)
        self._questions: LRUCache[str, Message] = LRUCache(QUESTIONS)
        self._turnstile = Turnstile(house.new, threads)

    async def respond(self, update: Update) -> None:
        """Do what there is to do about *update*. Raises nothing: whoever asked is told that something went wrong."""
        await self._house.opened.wait()
        try:
            if message := update.message or update.channel_post:
                await self._heard(update, message)
            elif update.callback_query:
                await self._pressed(update, update.callback_query)
            elif update.inline_query:
                await self._inline(update.inline_query)
            elif update.my_chat_member:
                await self._member(update, update.my_chat_member)
        except Exception:  # the door: a bug behind it must not stay without an answer
            logger.exception("update broke update=%s", update.update_id)
            try:
                await self._apologize(update)
            except Exception:  # the chat's next update is to be answered all the same
                logger.exception("no apology either update=%s", update.update_id)

    # What was said ------------------------------------------------------------------------------------------------

    async def _heard(self, update: Update, message: Message) -> None:
        if message.migrate_to_chat_id:
            await self._move(f"telegram:{message.chat.id}", f"telegram:{message.migrate_to_chat_id}")
        elif message.migrate_from_chat_id:
            await self._move(f"telegram:{message.migrate_from_chat_id}", f"telegram:{message.chat.id}")
        elif command := typed(message, self._me):
            await self._asked(update, command, message)

    async def _asked(self, update: Update, command: Command, message: Message) -> None:
        place = parse_address(command.chat)
        verdict = self._flood.judge(command.user, place.place)
        if verdict != "answer":
            if verdict == "slow-down":
                await self._say_aside(pages.slow_down(self._reader(command)), command, message)
            return
        answer = await self._prepared(update, command, message)
        if answer is None:
            return
        if answer.quiet and not answer.refused and not command.private and command.user:
            await self._say_in_private(answer, command, message)
            return
        about = reply(answer.payloads, message, private=command.private)
        if needs_question(answer.payloads):
            if command.name == "more":  # has no words itself
                about = self._questions.get(command.chat, about)
            else:
                self._questions[command.chat] = message
        await self._speaker.say(answer.payloads, place, about=about)

    async def _say_in_private(self, answer: Prepared, command: Command, message: Message) -> None:
        outcome = await self._speaker.say(answer.payloads, Address(command.user))
        if isinstance(outcome, Rejected):
            await self._say_aside(
                pages.private_chat_first(self._reader(command)), command, message, leads_to_private=True
            )

    async def _say_aside(
        self, page: Page, command: Command, message: Message, *, leads_to_private: bool = False
    ) -> None:
        payloads = self._telegram.render(page)
        if leads_to_private:
            label = pages.private_chat_label(self._reader(command))
            button = {"text": label, "url": f"https://t.me/{self._me.username}?start=private"}
            payloads = tuple(_with_button(payload, button) for payload in payloads)
        about = reply(payloads, message, private=command.private)
        await self._speaker.say(payloads, parse_address(command.chat), about=about)

    # What was pressed ---------------------------------------------------------------------------------------------

    async def _pressed(self, update: Update, query: CallbackQuery) -> None:
        """Whatever happens, the press is acknowledged: till then the button shows that it waits."""
        try:
            text = await self._turn(update, query)
        except Exception:
            await self._speaker.acknowledge(query.id, self._words(pages.went_wrong(self._reader(_presser(query)))))
            raise
        if text is not None:
            await self._speaker.acknowledge(query.id, text)

    async def _turn(self, update: Update, query: CallbackQuery) -> str | None:
        """Do what the button asks. What whoever pressed it is to be told alone; None if all was told already."""
        command, message = _presser(query), query.message
        asked = question(message) if message else None
        found = render.asked(query.data, question=(asked.text or asked.caption) if asked else "")
        if found is None:
            return self._words(pages.button_gone(self._reader(command)))
        name, args, page = found
        command = replace(command, name=name, args=args, page=page)
        if asked and query.data.endswith(f"|{AS_ASKED}"):
            self._questions[command.chat] = asked
        verdict = self._flood.judge(command.user, parse_address(command.chat).place, flood.BUTTON)
        if verdict != "answer":
            return self._words(pages.slow_down(self._reader(command))) if verdict == "slow-down" else ""
        answer = await self._prepared(update, command, message)
        if answer is None:
            return ""
        if (answer.quiet or answer.refused) and not command.private:
            return await self._aside(answer, command)
        turning = self._turn_inline(query, answer) if message is None else self._speaker.turn(message, answer.payloads)
        await asyncio.gather(self._speaker.acknowledge(query.id), turning)
        return None

    async def _turn_inline(self, query: CallbackQuery, answer: Prepared) -> None:
        """The same for a message that came from inline mode, of which there is one, whatever the answer's length."""
        params = {name: value for name, value in answer.payloads[0]["params"].items() if name != "disable_notification"}
        await self._speaker.call("editMessageText", {"inline_message_id": query.inline_message_id, **params})

    async def _aside(self, answer: Prepared, command: Command) -> str:
        """An answer to who pressed alone: shown at once where it is short, else said in private."""
        text = "\n\n".join(self._telegram.plain(payload)["params"]["text"] for payload in answer.payloads)
        if len(text) <= MAX_ALERT or answer.refused:
            return text
        outcome = await self._speaker.say(answer.payloads, Address(command.user))
        page = pages.private_chat_first if isinstance(outcome, Rejected) else pages.said_in_private
        return self._words(page(self._reader(command)))

    # What is typed behind the bot's name in any chat -----------------------------------------------------------------

    async def _inline(self, query: InlineQuery) -> None:
        """Cards to send into any chat: what is found, or where nothing is asked this week's edition, or what is new."""
        command = asker(query.from_user, f"telegram:{query.from_user.id}", private=True)
        if self._flood.judge(command.user, "", flood.BUTTON) != "answer":
            return
        page = int(query.offset) if query.offset.isascii() and query.offset.isdigit() and len(query.offset) < 6 else 1
        words = " ".join(query.query.split())
        asked = (
            [replace(command, name="search", args=words, page=max(page, 1))]
            if words
            else [replace(command, name="week"), replace(command, name="new")]
        )
        results, more = await self._call(lambda: self._results(asked))
        params: dict[str, Any] = {
            "inline_query_id": query.id,
            "results": results,
            "cache_time": INLINE_CACHE,
            "is_personal": True,
            "next_offset": str(more) if more else "",
        }
        if not results:
            label = pages.nothing_inline_label(self._reader(command))
            params["button"] = {"text": label, "start_parameter": "inline"}
        await self._speaker.call("answerInlineQuery", params)

    def _results(self, asked: list[Command]) -> tuple[tuple[dict[str, Any], ...], int]:
        """The results of the first of *asked* that has any, and the page after them. Runs in a worker thread."""
        for command in asked:
            message = self._house.glance(command).message
            if results := render.inline(message):
                return results, message.more.page if message.more else 0
        return (), 0

    # Where the bot is ---------------------------------------------------------------------------------------------

    async def _member(self, update: Update, change: MemberUpdated) -> None:
        """The bot came into a chat or went; in private it was unblocked, which a `/start` follows, or blocked."""
        before, after = change.old_chat_member.inside, change.new_chat_member.inside
        if before == after:
            return
        place = Address(f"telegram:{change.chat.id}")
        if not after:
            reason = "it was blocked" if change.chat.private else "it was removed from the chat"
            await self._once(update, lambda: self._house.left(place, reason))
            return
        command = replace(asker(change.from_user, str(place), private=change.chat.private), name="start", role="admin")
        payloads = await self._once(update, lambda: self._greeting(command))
        if payloads and not change.chat.private:
            await self._speaker.say(payloads, place)

    def _greeting(self, command: Command) -> tuple[Payload, ...]:
        answer = self._house.arrived(command)
        return self._telegram.render(answer.message) if answer else ()

    async def _move(self, old: str, new: str) -> None:
        await self._call(lambda: self._house.moved(Address(old), Address(new)))

    # What all of them need ----------------------------------------------------------------------------------------

    async def _prepared(self, update: Update, command: Command, message: Message | None) -> Prepared | None:
        """The answer to *command*; None where the update was answered before."""
        command = replace(command, role=await self._members.role(command, message))
        if channels.named(command):
            return await self._prepared_for_channel(update, command)
        if not await self._is_new(update):
            return None
        if (answer := self._house.at_hand(command)) is not None:
            return self._laid_out(answer)
        return await self._call(lambda: self._answered(command))

    async def _prepared_for_channel(self, update: Update, command: Command) -> Prepared | None:
        """The same for a command that is about a channel: checked there, answered here."""
        try:
            aimed = await channels.aimed(command, self._telegram.bot, self._me, self._reader(command))
        except TelegramError:
            aimed = pages.went_wrong(self._reader(command))
        if isinstance(aimed, Page):
            page = aimed
            return await self._once(update, lambda: Prepared(self._telegram.render(page)))
        there = aimed
        return await self._once(update, lambda: self._answered(there, returned=True))

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _once(self, update: Update, work: Callable[[], T]) -> T | None:
        """Do *work* in a worker thread, unless this update was handled before."""
        return await self._call(work) if await self._is_new(update) else None

    async def _is_new(self, update: Update) -> bool:
        """Whether this update was handled by nobody yet, neither here nor elsewhere."""
        return await self._turnstile.passes(f"telegram:update:{update.update_id}")

    def _answered(self, command: Command, *, returned: bool = False) -> Prepared:
        """Ask the house, and render. Runs in a worker thread."""
        answer = self._house.answer(command)
        if returned:
            answer = replace(answer, message=channels.returned(answer.message, command.chat))
        return self._laid_out(answer)

    def _laid_out(self, answer: Answer) -> Prepared:
        return Prepared(self._telegram.render(answer.message), quiet=answer.discreet, refused=answer.refused)

    def _reader(self, command: Command) -> Reader:
        """For whom an aside is: what the chat has chosen is not asked for it."""
        language = choose(command.language, self._language)
        return Reader(language=language, role=command.role, private=command.private)

    def _words(self, page: Page) -> str:
        return "\n".join(self._telegram.plain(payload)["params"]["text"] for payload in self._telegram.render(page))

    async def _apologize(self, update: Update) -> None:
        """Tell whoever asked. Who pressed a button was told already, and an inline question has no place for it."""
        message = update.message or update.channel_post
        if message is not None and (command := typed(message, self._me)):
            await self._say_aside(pages.went_wrong(self._reader(command)), command, message)


def _with_button(payload: Payload, button: dict[str, str]) -> Payload:
    return {**payload, "params": {**payload["params"], "reply_markup": {"inline_keyboard": [[button]]}}}


def _presser(query: CallbackQuery) -> Command:
    """Who pressed, where: below an inline result nobody knows in which chat, so it counts as their own."""
    if query.message is None:
        return asker(query.from_user, f"telegram:{query.from_user.id}", private=False)
    return asker(query.from_user, query.message.place, private=query.message.chat.private)
