"""Everything that can be asked of the bot on Telegram, asked: each command, in each kind of chat, in both languages;
and each button of each answer pressed. The real adapter, app and store, on a strict Telegram.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from fakes.telegram import Call, FakeTelegram
from fakes.telegram_faults import Cut, broken, broken_in_html, too_fast
from fakes.telegram_world import Chat, Message, Topic, User
from telegram_bot import SECRET, Running

from bot.app import App, build
from bot.chat.commands import TABLE
from bot.chat.language import voice
from bot.chat.pages.parts import reference
from bot.digest.model import Item
from bot.platforms import flood
from bot.platforms.telegram.delivering import Telegram
from bot.reception import Reception
from bot.service import outbox
from bot.settings import Settings
from bot.store.store import Store

CONTENT = Path(__file__).parent.parent / "content"

LANGUAGES = {"zh": "zh-hans", "en": "en-GB"}
CURATOR = 4_999_999_999
PLACES = ("private", "group", "topic", "channel")

SCRIPT: dict[str, tuple[str, ...]] = {
    "start": ("", "private", "nonsense"),
    "help": ("", "topic", "subscribe", "nonsense"),
    "topic": ("", "ctr", "nlp", "no such topic"),
    "topics": ("", "nlp"),
    "search": ("", "模型", "deep learning", f"学习 网络 模型 推荐 {'深度' * 20}", "zzzzzz"),
    "more": ("", ""),
    "random": ("", "ctr"),
    "new": ("",),
    "week": ("",),
    "next": ("",),
    "subscribe": ("", "no such topic", "ctr mon 09:00 Asia/Shanghai"),
    "set": (
        "", "format full", "preview on", "items 3", "timezone Europe/Paris", "schedule daily 08:00", "topics nlp",
        "lang en", "pin on", "silent on", "format nonsense", "nonsense 1",
    ),
    "settings": ("",),
    "status": ("",),
    "pause": ("",),
    "resume": ("",),
    "lang": ("", "en", "zh", "fr"),
    "preview": ("", "ctr"),
    "post": ("", "ctr"),
    "skip": ("",),
    "reload": ("", "force"),
    "check": ("",),
    "unsubscribe": ("", ""),
}  # fmt: skip
"""Every command, in an order that has something to say to each, with the words that it is given."""

SORRY = [voice(language)("Something went wrong on my side. Please try again later.") for language in LANGUAGES]
NOWHERE = [voice(language)("This button leads nowhere any more. Please ask anew.") for language in LANGUAGES]


@dataclass
class Scene:
    """A chat of one kind, and who speaks there: *person*, who runs it. In a channel nobody seems to."""

    telegram: FakeTelegram
    chat: Chat
    person: User
    topic: Topic | None = None
    pressed: set[tuple[str, str]] = field(default_factory=set)
    read: int = 0

    def say(self, text: str) -> list[Message]:
        """Say it, and what the bot says there to it."""
        world, before = self.telegram.world, len(self._said())
        if self.chat.type == "channel":
            world.post_in_channel(self.chat, text)
        else:
            world.say(self.person, self.chat, text, topic=self.topic)
        self.telegram.wait(lambda: len(self._said()) > before)
        return self._said()[before:]

    def _said(self) -> list[Message]:
        return self.telegram.messages_in(self.chat)

    def settle(self) -> None:
        """Wait until all that was said and pressed here before is done: a chat is answered in its order."""
        self.say("/help@heji_bot")

    def press_everything(self, wanted: Callable[[str], bool] = lambda data: True) -> None:
        """Press each button that was ever seen here and is *wanted*, and those of what comes of it, till all are."""
        while new := [(message, data) for message, data in self._fresh_buttons() if wanted(data)]:
            for message, data in new:
                # What was pressed before has turned the message: an app that was not told yet still shows the old.
                message.markup = {"inline_keyboard": [[{"text": "•", "callback_data": data}]]}
                self.telegram.world.press(message, data, self.person)
            self.settle()

    def _fresh_buttons(self) -> Iterator[tuple[Message, str]]:
        calls, self.read = self.shown[self.read :], len(self.shown)
        for call in calls:
            assert call.message is not None
            message = self.chat.messages[call.message.id]
            question = message.reply_to.text if message.reply_to else ""
            for button in (button for row in call.message.keyboard for button in row):
                key = button.get("callback_data", ""), question if button.get("callback_data", "").endswith("^") else ""
                if key[0] and key not in self.pressed:
                    self.pressed.add(key)
                    yield message, key[0]

    @property
    def shown(self) -> list[Call]:
        """The calls after which there was something new to read here; each holds what that was."""
        return [call for call in list(self.telegram.journal) if call.message and call.message.chat is self.chat]

    @property
    def links(self) -> set[str]:
        """Where everything that was ever shown here leads."""
        return {url for call in self.shown if call.message for url in leads(call.message)}


def leads(message: Message) -> set[str]:
    bare = {message.covered(entity) for entity in message.entities if entity["type"] == "url"}
    return bare | {url for _, url in message.links}


def lost(items: Iterable[Item], links: Collection[str]) -> set[str]:
    """The links of *items* that are not among *links*."""
    return {url for item in items for url in (item.url, *(link.url for link in item.links))} - set(links)


def told(records: Iterable[logging.LogRecord], *secrets: str) -> set[str]:
    """Those of *secrets* that are in a record, or in what it was made of."""
    written = "\n".join(f"{logging.Formatter().format(record)} {record.__dict__}" for record in records)
    return {
        secret for secret in secrets if secret.rpartition(":")[2] in written
    }  # a token is one without its number too


def refusals(telegram: FakeTelegram) -> list[str]:
    """The calls that Telegram did not accept. To turn a message into what it says already is no mistake."""
    refused = (call for call in telegram.journal if not call.accepted and call.status is not None)
    return [f"{call.method}: {call.answer}" for call in refused if "message is not modified" not in str(call.answer)]


def alerts(telegram: FakeTelegram) -> set[str]:
    """What those who pressed were told alone."""
    return {
        query.answer["text"] for query in telegram.world.queries.values() if query.answer and "text" in query.answer
    }


def said(telegram: FakeTelegram) -> set[str]:
    """Every text that was ever shown to anybody."""
    return {call.message.text for call in telegram.journal if call.message} | alerts(telegram)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Nobody is told to slow down: whoever asks here asks everything."""
    boundless = flood.Rate(1e9, 1.0)
    monkeypatch.setattr(flood, "Flood", partial(flood.Flood, user=boundless, chat=boundless))


@pytest.fixture
def telegram():
    with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
def app(tmp_path):
    app = build(Settings(content=(str(CONTENT),)))
    app.attach(Store.open())
    yield app
    app.store.close()


@pytest.fixture
def bot(telegram, app, caplog):
    """The bot, of whose work nothing may have been refused, left unanswered or gone wrong at the end."""
    caplog.set_level(logging.DEBUG)
    curator = telegram.world.user("Cura", language_code="zh-hans", id=CURATOR)
    telegram.world.private(curator)
    with Running(telegram, Reception(app), curators=[f"telegram:{curator.id}"]) as bot:
        yield bot

    assert refusals(telegram) == []
    assert telegram.complaints == []
    assert telegram.violations == []
    assert telegram.world.unanswered == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert told(caplog.records, telegram.token, SECRET) == set()
    assert said(telegram).isdisjoint([*SORRY, *NOWHERE])


@pytest.fixture
def curator(telegram, bot):
    return telegram.world.users[CURATOR]


@pytest.fixture
def scene(telegram, bot, curator) -> Callable[..., Scene]:
    """Sets the scene: a place, a language, and who runs it."""
    return partial(stage, telegram)


def stage(telegram: FakeTelegram, place: str = "private", language: str = "en", person: User | None = None) -> Scene:
    world = telegram.world
    person = person or world.user("Olga", language_code=LANGUAGES[language])
    match place:
        case "private":
            return Scene(telegram, world.private(person), person)
        case "group":
            return Scene(telegram, world.supergroup("Readers", owner=person), person)
        case "topic":
            forum = world.supergroup("Forum", owner=person, forum=True)
            return Scene(telegram, forum, person, world.topic(forum, "Weekly"))
    channel = Scene(telegram, world.channel("News", owner=person, username="thenews"), person)
    channel.say(f"/lang {language}")
    return channel


def deliver(telegram: FakeTelegram, app: App) -> None:
    """What lies in the outbox goes out."""

    async def work() -> None:
        platform = Telegram(telegram.token, telegram.url)
        try:
            await outbox(app.settings, app.store, [platform]).drain()
        finally:
            await platform.close()

    asyncio.run(work())


# Everything -----------------------------------------------------------------------------------------------------------


def test_the_script_has_every_command():
    assert SCRIPT.keys() == {row.name for row in TABLE}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", PLACES)
def test_every_command_is_answered_and_every_button_leads_somewhere(scene, app, telegram, curator, place, language):
    curator.language_code = LANGUAGES[language]
    here = scene(place, language, curator if place == "private" else None)
    for name, words in SCRIPT.items():
        for args in words:
            here.say(f"/{name} {args}".strip())
    here.press_everything()
    here.say("/subscribe")
    app.planner.post(key="last")
    deliver(telegram, app)
    edition = telegram.last(here.chat)
    here.press_everything()

    assert len(here.pressed) > 50
    assert lost(app.library.items, here.links) == set()
    assert [row.state for row in app.store.ledger.rows() if row.edition.endswith("post/last")] == ["sent"]
    assert edition.thread_id == (here.topic.id if here.topic else None)


LONG = "# 合辑\n" + "".join(
    f"\n## 话题{topic}\n\n导读。\n"
    + "".join(
        f"\n- [第 {n} 篇 <&> {topic}](https://example.org/{topic}/{n}?a=1&b=2)，[代码](https://example.com/{topic}-{n})。"
        f"{'很长的摘要。' * (n % 40)}\n"
        for n in range(1, 61)
    )
    for topic in "一二三"
)


@pytest.mark.parametrize("place", PLACES)
def test_turning_the_pages_of_all_topics_shows_every_link(telegram, tmp_path, place):
    (tmp_path / "list.md").write_text(LONG, encoding="utf-8")
    app = build(Settings(content=(str(tmp_path / "list.md"),)))
    with Running(telegram, Reception(app)):
        here = stage(telegram, place, "zh")
        here.say("/topics")
        here.press_everything(lambda data: data.startswith(("topic|", "topics|")))

    assert len(app.library.items) == 180
    assert lost(app.library.items, here.links) == set()
    assert len(here.pressed) > 20
    assert refusals(telegram) == telegram.complaints == []


# Without a chat of one's own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_inline_results_can_be_had_page_by_page_sent_anywhere_and_pressed(telegram, bot, scene, language):
    here = scene("private", language)
    friends = telegram.world.user("Finn"), telegram.world.supergroup("Elsewhere", owner=here.person, bot=False)
    queries = []
    for words in ("", "模型", "deep", "zzzzzz", "<b>&", "🙂" * 100):
        offset: str | None = ""
        while offset is not None:
            queries.append(telegram.world.inline(here.person, words, offset=offset))
            offset = telegram.wait(lambda: queries[-1].answer).get("next_offset") or None
    found = [(query, result["id"]) for query in queries for result in query.results]
    sent = [telegram.world.choose(query, result, friends[1]) for query, result in found]
    presses = [
        telegram.world.press(message, button["callback_data"], friends[0])
        for message in sent
        for row in message.keyboard
        for button in row
        if "callback_data" in button
    ]
    telegram.wait(lambda: all(press.answer for press in presses))
    telegram.wait(lambda: all(call.status for call in telegram.calls("editMessageText")))

    assert len(found) > 10
    assert all(leads(message) or message.edited for message in sent)
    assert [query.answer["button"]["start_parameter"] for query in queries if not query.results] == ["inline"] * 3


def test_deep_links_lead_to_every_topic_and_every_item(telegram, scene, app):
    here = scene()
    for topic in app.library.topics:
        (first, *_) = here.say(f"/start t_{reference(topic.path).removeprefix('~')}")
        assert topic.title in first.text
    for item in app.library.items:
        (found,) = here.say(f"/start i_{item.id}")
        assert item.url in leads(found)


# Who may --------------------------------------------------------------------------------------------------------------


def test_members_are_told_who_may_and_nothing_comes_of_it(telegram, scene, app):
    here = scene("group")
    member = Scene(telegram, here.chat, telegram.world.user("Ann", language_code="en"))
    denied = {}
    for row in TABLE:
        (answer, *_) = member.say(f"/{row.name}")
        denied[row.name] = answer.text if answer.text.startswith("Only ") else ""

    assert {name for name, text in denied.items() if "admins" in text} == {
        row.name for row in TABLE if row.group_role == "admin"
    }
    assert {name for name, text in denied.items() if "curators" in text} == {
        row.name for row in TABLE if row.role == "curator"
    }
    assert [*app.store.subscriptions.all()] == []


def test_an_anonymous_admin_runs_the_group(telegram, scene, app):
    here = scene("group")
    telegram.world.hide(here.chat, here.person)
    here.say("/subscribe ctr mon 09:00")
    here.say("/set items 3")
    here.say("/lang zh")
    (subscriber,) = app.store.subscriptions.all()

    assert (subscriber.chat.id, subscriber.topics, subscriber.items) == (str(here.chat.id), ("ctr",), 3)
    assert here.say("/help")[0].text.startswith("可以这样问")
    assert telegram.calls("getChatMember") == []


def test_what_a_curator_asks_for_in_a_group_goes_to_the_private_chat(telegram, scene, curator):
    here = scene("group", person=curator)
    alone = Scene(telegram, telegram.world.private(curator), curator)
    for name in ("preview", "check"):
        telegram.world.say(curator, here.chat, f"/{name}")
        telegram.wait(lambda name=name: len(telegram.messages_in(alone.chat)) > ("preview", "check").index(name))
    here.settle()

    assert len(telegram.messages_in(here.chat)) == 1


# Secrets --------------------------------------------------------------------------------------------------------------


def test_on_a_bad_day_no_secret_is_told_to_anybody(telegram, app, caplog):
    caplog.set_level(logging.DEBUG)
    words = "canary-in-somebody's-words"
    for deed in (broken(500), broken_in_html(502), Cut(), Cut(accepted=True), too_fast(1), broken(401)):
        telegram.faults.add(deed, probability=0.05, times=5)
    with Running(telegram, Reception(app), webhook=True):
        here = stage(telegram, "private", "en")
        for _ in range(30):
            telegram.world.say(here.person, here.chat, f"/search {words}")
            telegram.world.say(here.person, here.chat, "/topics")
        telegram.wait(lambda: not telegram.updates.queue)
        telegram.faults.clear()
        here.settle()

    assert told(caplog.records, telegram.token, SECRET, words) == set()
