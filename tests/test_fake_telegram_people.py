"""The fake Telegram under the real SDK: what people do reaches the bot as Telegram would tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from fakes.telegram import FakeTelegram
from fakes.telegram_methods import QUERY_SECONDS
from fakes.telegram_sdk import ask, post, refused
from simulated import Clock
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    Update,
)
from telegram.error import (
    BadRequest,
    Conflict,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telegram(clock: Clock) -> Iterator[FakeTelegram]:
    with FakeTelegram(clock=clock) as telegram:
        yield telegram


# Updates --------------------------------------------------------------------------------------------------------------


def updates(telegram: FakeTelegram) -> list[dict[str, Any]]:
    return telegram.updates.issued


def kind(update: dict[str, Any]) -> str:
    return next(name for name in update if name != "update_id")


def polled(telegram: FakeTelegram, **options: Any) -> list[Update]:
    return list(ask(telegram, lambda bot: bot.get_updates(**options)))


def test_person_is_heard_with_the_entities_that_telegram_finds(telegram):
    ann = telegram.world.user("Ann", language_code="zh-hans", username="ann")
    telegram.world.say(ann, telegram.world.private(ann), "𝒜 /topic@heji_bot ctr @bobby")
    (update,) = polled(telegram)

    message = update.message
    assert (message.from_user.language_code, message.chat.type) == ("zh-hans", "private")
    assert list(message.parse_entities().values()) == ["/topic@heji_bot", "@bobby"]
    assert [entity.offset for entity in message.entities] == [3, 23]


def test_updates_come_again_until_they_are_confirmed(telegram):
    ann = telegram.world.user("Ann")
    for text in "abc":
        telegram.world.say(ann, telegram.world.private(ann), text)
    first, again, two = polled(telegram), polled(telegram), polled(telegram, limit=2)
    rest = polled(telegram, offset=two[-1].update_id + 1)

    assert [update.message.text for update in first] == ["a", "b", "c"] == [update.message.text for update in again]
    assert [update.update_id - first[0].update_id for update in first] == [0, 1, 2]
    assert [update.message.text for update in rest] == ["c"]
    telegram.updates.repeat(updates(telegram)[0])
    assert [update.message.text for update in polled(telegram, offset=-1)] == ["a"]


def test_long_poll_ends_as_soon_as_somebody_speaks(telegram):
    ann = telegram.world.user("Ann")

    async def heard(bot: Bot) -> tuple[Update, ...]:
        polling = asyncio.create_task(bot.get_updates(timeout=50))
        await telegram.until(lambda: telegram.calls("getUpdates"))
        telegram.world.say(ann, telegram.world.private(ann), "hello")
        return await polling

    (update,) = ask(telegram, heard)
    assert update.message.text == "hello"


def test_second_poller_ends_the_first_with_a_conflict(telegram):
    async def contested(bot: Bot) -> None:
        first = asyncio.create_task(bot.get_updates(timeout=50))
        await telegram.until(lambda: telegram.calls("getUpdates"))
        await bot.get_updates(timeout=0)
        await first

    with pytest.raises(Conflict, match="terminated by other getUpdates request; make sure that only one bot instance"):
        ask(telegram, contested)
    url = "http://127.0.0.1:1/hook"
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active; use deleteWebhook to"):
        ask(telegram, lambda bot: bot.set_webhook(url), lambda bot: bot.get_updates())
    assert ask(telegram, lambda bot: bot.get_webhook_info()).url == url
    assert ask(telegram, lambda bot: bot.delete_webhook(), lambda bot: bot.get_updates()) == ()


def test_only_allowed_updates_come_and_unknown_kinds_are_refused(telegram):
    ann, bob = telegram.world.user("Ann"), telegram.world.user("Bob")
    group = telegram.world.group("Reading", owner=ann)
    telegram.world.promote(group, telegram.world.bot)
    telegram.world.promote(group, bob)
    polled(telegram, allowed_updates=["chat_member"])
    telegram.world.demote(group, bob)
    telegram.world.say(ann, group, "hello")

    assert [kind(update) for update in updates(telegram)] == ["my_chat_member", "chat_member"]
    assert refused(telegram, "getUpdates", allowed_updates=["messages"]) == (
        'Bad Request: parameter "allowed_updates[0]" must not be "messages"'
    )


class Door:
    """A webhook: answers with *statuses* in turn, then 200; keeps what came."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.came: list[tuple[str, dict[str, Any]]] = []

    async def take(self, request: web.BaseRequest) -> web.Response:
        self.came.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""), await request.json()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def __aenter__(self) -> str:
        self._server = web.Server(self.take)
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._server, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}/telegram"

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        await self._server.shutdown(1)


def test_webhook_gets_updates_with_the_secret_and_again_until_it_takes_them():
    async def main() -> None:
        door = Door(500, 503)
        async with FakeTelegram() as telegram, door as url:
            ann = telegram.world.user("Ann")
            async with Bot(telegram.token, f"{telegram.url}/bot") as bot:
                await bot.set_webhook(url, secret_token="s3cret")
            for text in "ab":
                telegram.world.say(ann, telegram.world.private(ann), text)
            await telegram.until(lambda: not telegram.updates.queue)
            telegram.updates.repeat()
            await telegram.until(lambda: len(telegram.updates.attempts) == 5)

            assert [(secret, update["message"]["text"]) for secret, update in door.came] == [
                ("s3cret", text) for text in "aaabb"
            ]
            assert [status for _, status in telegram.updates.attempts] == [500, 503, 200, 200, 200]

    asyncio.run(main())


def test_every_kind_of_update_that_the_sdk_knows_may_be_asked_for(telegram):
    assert polled(telegram, allowed_updates=Update.ALL_TYPES) == []


def test_nonsense_reaches_the_bot_as_it_is(telegram):
    telegram.update("message", {"text": 5})
    telegram.update("pigeon", [])

    assert [update["update_id"] for update in post(telegram, "getUpdates")[1]["result"]] == [700_000_001, 700_000_002]


def test_webhook_must_be_encrypted_elsewhere_and_its_secret_plain(telegram):
    assert refused(telegram, "setWebhook", url="http://example.org/") == (
        "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    )
    assert refused(telegram, "setWebhook", url="https://example.org/", secret_token="p\u00e4ss") == (
        "Bad Request: secret token contains unallowed characters"
    )


# Queries --------------------------------------------------------------------------------------------------------------


def test_press_is_answered_once_and_in_time(telegram, clock):
    ann = telegram.world.user("Ann")
    chat = telegram.world.private(ann)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("More", callback_data="topic|2")]])
    ask(telegram, lambda bot: bot.send_message(chat.id, "a", reply_markup=keyboard))
    by_label = telegram.world.press(telegram.last(chat), "More", ann)
    by_data = telegram.world.press(telegram.last(chat), "topic|2", ann)
    first, second = (update.callback_query for update in polled(telegram))

    assert (first.data, first.message.text, first.from_user.id) == ("topic|2", "a", ann.id)
    assert telegram.world.unanswered == [by_label, by_data]
    ask(telegram, lambda bot: bot.answer_callback_query(first.id, "done", show_alert=True))
    assert by_label.answer == {"callback_query_id": first.id, "text": "done", "show_alert": True}
    too_old = "Query is too old and response timeout expired or query id is invalid"
    with pytest.raises(BadRequest, match=too_old):
        ask(telegram, lambda bot: bot.answer_callback_query(first.id))
    clock.now += QUERY_SECONDS + 1
    with pytest.raises(BadRequest, match=too_old):
        ask(telegram, lambda bot: bot.answer_callback_query(second.id))
    assert refused(telegram, "answerCallbackQuery", callback_query_id="1", text="a" * 201) == (
        "Bad Request: MESSAGE_TOO_LONG"
    )
    with pytest.raises(LookupError):
        telegram.world.press(telegram.last(chat), "Less", ann)


def test_press_on_a_deleted_message_tells_only_where_it_was(telegram):
    ann = telegram.world.user("Ann")
    chat = telegram.world.private(ann)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("More", callback_data="more")]])
    ask(telegram, lambda bot: bot.send_message(chat.id, "a", reply_markup=keyboard))
    message = telegram.last(chat)
    ask(telegram, lambda bot: bot.delete_message(chat.id, message.id))
    telegram.world.press(message, "More", ann)
    (update,) = polled(telegram)

    assert not update.callback_query.message.is_accessible
    assert update.callback_query.message.text is None
    assert update.effective_chat.id == ann.id


def article(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "type": "article", "id": str(number), "title": "DIN", "input_message_content": {"message_text": "a"}, **fields,
    }  # fmt: skip


def test_inline_query_is_answered_and_a_result_is_sent_and_pressed(telegram):
    ann = telegram.world.user("Ann")
    group = telegram.world.group("Elsewhere", owner=ann, bot=False)
    query = telegram.world.inline(ann, "din")
    (update,) = polled(telegram)
    content = InputTextMessageContent("<b>DIN</b>", parse_mode="HTML")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("More", callback_data="more")]])
    result = InlineQueryResultArticle("din", "DIN", content, keyboard)
    ask(telegram, lambda bot: bot.answer_inline_query(update.inline_query.id, [result]))
    sent = telegram.world.choose(query, "din", group)
    telegram.world.press(sent, "More", ann)
    pressed = polled(telegram)[-1].callback_query
    ask(telegram, lambda bot: bot.edit_message_text("b", inline_message_id=pressed.inline_message_id))

    assert update.inline_query.query == "din"
    assert pressed.message is None
    assert (sent.text, sent.sender, sent.via) == ("b", ann, telegram.world.bot)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([article(n) for n in range(51)], "RESULTS_TOO_MUCH"),
        ([article(1), article(1)], "RESULT_ID_DUPLICATE"),
        ([article(1, id="i" * 65)], "RESULT_ID_INVALID"),
        ([article(1, title="")], "ARTICLE_TITLE_EMPTY"),
        ([article(1, input_message_content={"message_text": "a" * 4097})], "message is too long"),
        ([article(1, type="pigeon")], 'parameter "results[0]" has no known "type"'),
    ],
)
def test_inline_results_that_telegram_refuses_are_refused(telegram, results, words):
    query = telegram.world.inline(telegram.world.user("Ann"), "din")

    assert refused(telegram, "answerInlineQuery", inline_query_id=query.id, results=results) == f"Bad Request: {words}"
    assert query.answer is None
