"""Everything that can be asked of the bot on Telegram, asked: each command, in each kind of chat, in both languages;
and each button of each answer pressed. `heji run` as a process of its own, at DEBUG, on a strict Telegram.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from fakes.faults import Cut, in_html
from fakes.telegram import Call, FakeTelegram
from fakes.telegram_faults import broken, too_fast
from fakes.telegram_world import Chat, Message, Topic, User
from processes import CONTENT, PATIENT
from telegram_bot import Process, Running

from bot.app import build
from bot.chat.commands import TABLE
from bot.chat.language import voice
from bot.chat.pages.parts import reference
from bot.digest.model import Item
from bot.front.reception import Reception
from bot.settings import Settings
from bot.store.store import Store
from bot.store.subscriptions import Subscriber

LANGUAGES = {"zh": "zh-hans", "en": "en-GB"}
CURATORS = {"zh": 4_999_999_998, "en": 4_999_999_999}
PLACES = ("private", "group", "topic", "channel")

CANARIES = {
    "TELEGRAM_WEBHOOK_SECRET": "canary-of-the-webhook",
    "SLACK_BOT_TOKEN": "xoxb-canary-of-the-workspace",
    "SLACK_SIGNING_SECRET": "canary-of-the-signature",
    "SLACK_CLIENT_SECRET": "canary-of-the-client",
    "CONTENT_PUSH_SECRET": "canary-of-the-push",
}
"""Secrets that nothing may tell; the token and the database's password are two more."""

PASSWORD = "canary-of-the-database"

FAR = f"{dt.datetime.now(dt.UTC) + dt.timedelta(days=3):%a}".lower()
"""A weekday on which nothing falls due while these tests run."""

SCRIPT: dict[str, tuple[str, ...]] = {
    "start": ("", "private", "nonsense"),
    "help": ("", "topic", "subscribe", "nonsense"),
    "topic": ("", "ctr", "nlp", "no such topic"),
    "topics": ("", "nlp"),
    "search": ("", "zzzzzz", "deep learning", "模型", f"学习 网络 模型 推荐 {'深度' * 20}"),
    "more": ("", "", ""),
    "random": ("", "ctr"),
    "new": ("",),
    "week": ("",),
    "next": ("",),
    "subscribe": ("", "no such topic", f"ctr {FAR} 09:00 Asia/Shanghai"),
    "set": (
        "", "format full", "preview on", "items 3", "timezone Europe/Paris", f"schedule {FAR} 08:00", "topics nlp",
        "lang {own}", "pin on", "silent on", "format nonsense", "nonsense 1",
    ),
    "settings": ("",),
    "status": ("",),
    "pause": ("",),
    "resume": ("",),
    "lang": ("", "fr", "{other}", "{own}"),
    "unsubscribe": ("", ""),
    "preview": ("", "ctr"),
    "post": ("", "ctr"),
    "skip": ("",),
    "reload": ("", "force"),
    "check": ("",),
}  # fmt: skip
"""Every command, in an order that has something to say to each, with the words that it is given. An edition is posted
when nobody is subscribed any more: nothing comes but what was asked for.
"""

LAST = re.compile(r"(unsubscribe|pause|lang)\|.*|set\|.*lang.*")
"""What is pressed when all other buttons were: after it there is little left to press, or in another language."""

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
    asked: int = 0
    read: int = 0

    def say(self, *texts: str) -> list[Message]:
        """Say all of *texts*, and what the bot says there to them: one message to each."""
        world, before = self.telegram.world, len(self._said())
        self.asked += len(texts)
        for text in texts:
            if self.chat.type == "channel":
                world.post_in_channel(self.chat, text)
            else:
                world.say(self.person, self.chat, text, topic=self.topic)
        self.telegram.wait(lambda: len(self._said()) >= before + len(texts))
        return self._said()[before:]

    def _said(self) -> list[Message]:
        return self.telegram.messages_in(self.chat)

    def settle(self) -> None:
        """Wait until all that was said and pressed here before is done: a chat is answered in its order."""
        self.say("/help@heji_bot")

    def press_everything(self, wanted: Callable[[str], bool] = lambda data: True) -> None:
        """Press each button that was ever seen here and is *wanted*, and those of what comes of it, till all are."""
        waiting: list[tuple[Message, str]] = []
        while waiting := waiting + [one for one in self._fresh_buttons() if wanted(one[1])]:
            now = [one for one in waiting if not LAST.fullmatch(one[1])] or waiting
            waiting = [one for one in waiting if one not in now]
            for message, data in now:
                self.telegram.world.press(message, data, self.person, stale=True)
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


def refusals(calls: Iterable[Call]) -> list[str]:
    """The calls that Telegram did not accept. To turn a message into what it says already is no mistake."""
    refused = (call for call in calls if not call.accepted and call.status is not None)
    return [f"{call.method}: {call.answer}" for call in refused if "message is not modified" not in str(call.answer)]


def said(telegram: FakeTelegram, calls: Iterable[Call]) -> set[str]:
    """Every text that *calls* showed to anybody, and what those who pressed were told alone."""
    alerts = (query.answer.get("text", "") for query in telegram.world.queries.values() if query.answer)
    return {call.message.text for call in calls if call.message}.union(alerts)


def told(secrets: Iterable[str], *texts: str) -> set[str]:
    """Those of *secrets* that are in one of *texts*; a token is one without its number, too."""
    return {secret for secret in secrets for text in texts if secret.rpartition(":")[2] in text}


def mistakes(log: str) -> list[str]:
    """The lines of a log about what should not have happened."""
    return [line for line in log.splitlines() if json.loads(line)["level"] in {"error", "critical"}]


@contextmanager
def watched(telegram: FakeTelegram, process: Process) -> Iterator[None]:
    """Nothing may be refused, left unanswered, gone wrong or told meanwhile that should not be."""
    before = len(telegram.journal)
    yield
    calls = telegram.journal[before:]
    texts = said(telegram, calls)
    database = "".join(file.read_text("latin-1") for file in process.folder.glob("data/heji.db*"))

    assert refusals(calls) == []
    assert telegram.complaints == []
    assert telegram.violations == []
    assert telegram.world.unanswered == []
    assert texts.isdisjoint([*SORRY, *NOWHERE])
    assert mistakes(process.said) == []
    assert told(secrets(telegram), process.said, database, *texts) == set()


def secrets(telegram: FakeTelegram) -> tuple[str, ...]:
    """All that must never be told."""
    return telegram.token, PASSWORD, *CANARIES.values()


@pytest.fixture(scope="module")
def telegram():
    with FakeTelegram() as telegram:
        for language, number in CURATORS.items():
            telegram.world.private(telegram.world.user("Cura", language_code=LANGUAGES[language], id=number))
        yield telegram


@pytest.fixture(scope="module")
def process(telegram, tmp_path_factory):
    """One for all tests: each has chats of its own."""
    curators = " ".join(f"telegram:{number}" for number in CURATORS.values())
    folder = tmp_path_factory.mktemp("heji")
    with Process(telegram, folder, first=PATIENT, CURATORS=curators, **talkative(telegram)) as process:
        telegram.wait(lambda: telegram.calls("getUpdates"), 60)
        yield process
        status = process.stop()

    assert status == 0


def talkative(telegram: FakeTelegram) -> dict[str, str]:
    """The environment of a bot that knows many secrets and logs all that it can. Slack is nobody here."""
    slack = {"SLACK_CLIENT_ID": "1.2", "SLACK_API_BASE_URL": f"{telegram.url}/slack/"}
    return CANARIES | slack | {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "DIGEST_SCHEDULE": f"{FAR} 09:00"}


@pytest.fixture
def bot(telegram, process):
    with watched(telegram, process):
        yield process


@pytest.fixture(scope="module")
def library():
    return build(Settings(content=(str(CONTENT),))).library


@pytest.fixture
def subscribers(process) -> Iterator[Callable[[Chat], list[Subscriber]]]:
    """Who is subscribed in a chat, as it stands in the database of the bot."""
    with closing(Store.open(f"sqlite:///{process.folder}/data/heji.db")) as store:
        yield lambda chat: [one for one in store.subscriptions.all() if one.chat.id == str(chat.id)]


@pytest.fixture
def scene(telegram, bot) -> Callable[..., Scene]:
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
    channel = Scene(telegram, world.channel("News", owner=person), person)
    channel.say(f"/lang {language}")
    return channel


# Everything -----------------------------------------------------------------------------------------------------------


def test_the_script_has_every_command():
    assert SCRIPT.keys() == {row.name for row in TABLE}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", PLACES)
def test_every_command_is_answered_and_every_button_leads_somewhere(scene, library, telegram, place, language):
    curator = telegram.world.users[CURATORS[language]]
    here = scene(place, language, curator if place == "private" else None)
    (other,) = LANGUAGES.keys() - {language}
    for name, words in SCRIPT.items():
        here.say(*(f"/{name} {args}".strip().format(own=language, other=other) for args in words))
    here.settle()
    asked, answers = here.asked, len(telegram.messages_in(here.chat))
    here.press_everything()
    here.say("/unsubscribe")

    assert answers == asked
    assert len(here.pressed) > 50
    assert lost(library.items, here.links) == set()


def test_an_edition_comes_to_every_kind_of_chat_and_each_of_its_buttons_leads_somewhere(scene, telegram, subscribers):
    curator = scene(person=telegram.world.users[CURATORS["en"]])
    scenes = [scene(place, language) for place in PLACES for language in LANGUAGES]
    for here in scenes:
        here.say("/subscribe")
    before = {here.chat.id: len(telegram.messages_in(here.chat)) for here in scenes}
    curator.say("/post")
    telegram.wait(lambda: all(len(telegram.messages_in(here.chat)) > before[here.chat.id] for here in scenes), 60)
    editions = [telegram.last(here.chat) for here in scenes]
    presses = [
        telegram.world.press(edition, label, here.person)
        for here, edition in zip(scenes, editions, strict=True)
        for label in edition.labels
    ]
    for here in scenes:
        here.settle()
        here.say("/unsubscribe")

    assert all(leads(edition) for edition in editions)
    assert len(presses) >= len(scenes)
    assert [edition.thread_id for edition in editions] == [here.topic and here.topic.id for here in scenes]
    assert not any(subscribers(here.chat) for here in scenes)


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
def test_turning_the_pages_of_all_topics_shows_every_link(tmp_path, place):
    (tmp_path / "list.md").write_text(LONG, encoding="utf-8")
    app = build(Settings(content=(str(tmp_path / "list.md"),)))
    with FakeTelegram() as telegram, Running(telegram, Reception(app)):
        here = stage(telegram, place, "zh")
        here.say("/topics")
        here.press_everything(lambda data: data.startswith(("topic|", "topics|")))

    assert len(app.library.items) == 180
    assert lost(app.library.items, here.links) == set()
    assert len(here.pressed) > 20
    assert refusals(telegram.journal) == telegram.complaints == []


# Without a chat of one's own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_inline_results_can_be_had_page_by_page_sent_anywhere_and_pressed(telegram, scene, language):
    here = scene("private", language)
    friend, elsewhere = (
        telegram.world.user("Finn"),
        telegram.world.supergroup("Elsewhere", owner=here.person, bot=False),
    )
    queries = []
    for words in ("", "模型", "deep", "zzzzzz", "<b>&", "🙂" * 100):
        offset: str | None = ""
        while offset is not None:
            queries.append(telegram.world.inline(here.person, words, offset=offset))
            offset = telegram.wait(lambda: queries[-1].answer).get("next_offset") or None
    found = [(query, result["id"]) for query in queries for result in query.results]
    sent = [telegram.world.choose(query, result, elsewhere) for query, result in found]
    presses = [
        telegram.world.press(message, button["callback_data"], friend)
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


def test_deep_links_lead_to_every_topic_and_every_item(scene, library):
    here = scene()
    for topic in library.topics:
        (first, *_) = here.say(f"/start t_{reference(topic.path).removeprefix('~')}")
        assert topic.title in first.text
    for item in library.items:
        (found,) = here.say(f"/start i_{item.id}")
        assert item.url in leads(found)


# Who may --------------------------------------------------------------------------------------------------------------


def test_members_are_told_who_may_and_nothing_comes_of_it(telegram, scene, subscribers):
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
    assert subscribers(here.chat) == []


def test_an_anonymous_admin_runs_the_group(telegram, scene, subscribers):
    here = scene("group")
    telegram.world.hide(here.chat, here.person)
    here.say(f"/subscribe ctr {FAR} 09:00")
    here.say("/set items 3")
    here.say("/lang zh")
    (subscriber,) = subscribers(here.chat)
    (help_,) = here.say("/help")
    here.say("/unsubscribe")

    assert (subscriber.topics, subscriber.items) == (("ctr",), 3)
    assert help_.text.startswith("可以这样问")
    assert [call for call in telegram.calls("getChatMember") if call.params["chat_id"] == here.chat.id] == []


def test_what_a_curator_asks_for_in_a_group_goes_to_the_private_chat(telegram, scene):
    curator = telegram.world.users[CURATORS["en"]]
    here, alone = scene("group", person=curator), telegram.world.private(curator)
    before = len(telegram.messages_in(alone))
    for number, name in enumerate(("preview", "check"), 1):
        telegram.world.say(curator, here.chat, f"/{name}")
        telegram.wait(lambda number=number: len(telegram.messages_in(alone)) == before + number)
    here.settle()

    assert len(telegram.messages_in(here.chat)) == 1


# By webhook, on PostgreSQL, as it is started at a host ----------------------------------------------------------------


@pytest.fixture(scope="module")
def hosted(cluster, tmp_path_factory):
    """A bot that is posted to, and its Telegram. Its database has a password, which this one asks nobody for."""
    folder = tmp_path_factory.mktemp("asked")  # with a number that no other has
    cluster.sql(f"CREATE DATABASE {folder.name} TEMPLATE template")
    database = cluster.url(folder.name).replace("heji@", f"heji:{PASSWORD}@")
    with FakeTelegram() as telegram, socket.socket() as place:
        # Bound and deaf: the bot may listen there, and nobody else is given it meanwhile.
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", 0))
        port = str(place.getsockname()[1])
        public = {"PUBLIC_URL": f"http://127.0.0.1:{port}", "PORT": port, "DATABASE_URL": database}
        with Process(telegram, folder, **talkative(telegram) | public) as process:
            telegram.wait(lambda: telegram.updates.webhook, 60)
            yield telegram, process
            status = process.stop()

    assert status == 0


def test_by_webhook_it_answers_in_every_kind_of_chat(hosted):
    telegram, process = hosted
    with watched(telegram, process):
        for place in PLACES:
            here = stage(telegram, place)
            here.say("/topic nlp", "/search 模型", "/subscribe", "/settings", "/unsubscribe")
            here.press_everything(lambda data: data.startswith(("set|", "settings|", "topics|")))
            assert len(here.pressed) > 10

    assert telegram.calls("getUpdates") == []


def test_on_a_bad_day_no_secret_and_nobody_s_words_are_told(hosted):
    telegram, process = hosted
    for deed in (broken(500), in_html(502), Cut(), Cut(accepted=True), too_fast(1), broken(401)):
        telegram.faults.add(deed, probability=0.05, times=5)
    for _ in range(8):
        here = stage(telegram, "private")
        for words in ("/search words-of-somebody", "/topics", "/subscribe", "words-of-somebody"):
            telegram.world.say(here.person, here.chat, words)
    telegram.wait(lambda: not telegram.updates.queue)
    telegram.faults.clear()
    here = stage(telegram, "private")
    here.settle()

    assert told([*secrets(telegram), "words-of-somebody"], process.said) == set()
    assert told(secrets(telegram), *said(telegram, telegram.journal)) == set()
