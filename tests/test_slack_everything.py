"""Everything that can be asked of the bot on Slack, asked: each command, in each way, in both languages; each button of
each answer pressed; Home, forms and shortcuts. `heji run` as a process of its own, at DEBUG, on a strict Slack.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest
from fakes.slack import Call, FakeSlack
from fakes.slack_telling import Told
from fakes.slack_world import Channel, Message, User, View, actors
from processes import CONTENT, PATIENT, Process, program
from slack_bot import HTTP, SOCKET
from slack_judge import links

from bot.app import build
from bot.chat.commands import TABLE
from bot.chat.language import voice
from bot.platforms.slack.manifest import ASK, FIND
from bot.settings import Settings

LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
WAYS = ("slash", "mention", "thread", "dm")

CANARIES = {
    "CONTENT_PUSH_SECRET": "canary-of-the-push",
    "TELEGRAM_WEBHOOK_SECRET": "canary-of-the-webhook",
}
"""Secrets that nothing may tell, besides those of the app, and of every `response_url`."""

FAR = f"{dt.datetime.now(dt.UTC) + dt.timedelta(days=3):%a}".lower()
"""A weekday on which nothing falls due while these tests run."""

SCRIPT: dict[str, tuple[str, ...]] = {
    "start": ("", "nonsense"),
    "help": ("", "topic", "subscribe", "nonsense"),
    "topic": ("", "ctr", "nlp", "no such topic"),
    "topics": ("", "nlp"),
    "search": ("", "zzzzzz", "deep learning", "模型", f"学习 网络 模型 推荐 {'深度' * 20}"),
    "more": ("",),
    "random": ("", "ctr"),
    "new": ("",),
    "week": ("",),
    "next": ("",),
    "subscribe": ("", "no such topic", f"ctr {FAR} 09:00 Asia/Shanghai"),
    "set": (
        "", "format full", "items 3", "timezone Europe/Paris", f"schedule {FAR} 08:00", "topics nlp",
        "lang {own}", "format nonsense", "nonsense 1",
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

SETTLING = "zqx"
"""What words begin with that are searched for to see whether all before is answered."""

SORRY = [voice(language)("Something went wrong on my side. Please try again later.") for language in LANGUAGES]
NOWHERE = [voice(language)("This button leads nowhere any more. Please ask anew.") for language in LANGUAGES]


@dataclass(frozen=True)
class Choice:
    """A button, or a choice of a menu, where it was seen. *turning*: the page goes when it is pressed."""

    where: Message | View
    action_id: str
    value: str
    menu: bool

    @property
    def turning(self) -> bool:
        return self.action_id.startswith("turn") or isinstance(self.where, View)


@dataclass
class Scene:
    """*person* asks in *channel*, in one of the WAYS."""

    slack: FakeSlack
    person: User
    channel: Channel
    way: str
    thread: Message | None = None
    known: set[tuple[str, str]] = field(default_factory=set)
    presses: list[Told] = field(default_factory=list)
    asked: int = 0
    numbers: Iterator[int] = field(default_factory=count)

    def say(self, *texts: str) -> list[Message]:
        """Say *texts*, each when the one before is answered; what is there to read then."""
        world, before = self.slack.world, len(self.answers)
        for text in texts:
            so_far = len(self.answers)
            if self.way == "slash":
                world.slash(self.person, self.channel, text)
            elif self.way == "dm":
                world.dm(self.person, text)
            else:
                world.mention(self.person, self.channel, text, thread=self.thread)
            self.slack.wait(lambda so_far=so_far: len(self.answers) > so_far, 60)
        self.asked += len(texts)
        return self.answers[before:]

    @property
    def answers(self) -> list[Message]:
        """What the bot said that this person sees, edits aside."""
        with self.slack.world.changed:
            said = [*self.channel.messages.values(), *self.channel.ephemerals]
        mine = [one for one in said if one.ours and one.only_for in {None, self.person}]
        return sorted(mine, key=lambda one: one.ts)

    def settle(self) -> None:
        """Wait until all that was done before is: one after the other is answered for a person, in their order."""
        self.slack.wait(lambda: all(told.acked for told in self.slack.told), 60)
        word = f"{SETTLING}{next(self.numbers)}"
        self.asked -= 1
        self.say(f"search {word}")
        self.slack.wait(lambda: any(word in message.text for message in self.answers), 60)

    def press_everything(self) -> None:
        """Press each button that is to be seen here, and those of what comes of it, till all are; fill all forms."""
        while waiting := self._fresh():
            now = [one for one in waiting if not one.turning and not LAST.fullmatch(one.value)]
            if not now:
                pages = {id(one.where): one for one in waiting if not LAST.fullmatch(one.value)}
                now = list(pages.values()) or waiting
            for one in now:
                self.known.add((one.action_id.partition("-")[0], one.value))
                self.presses.append(self.press(one))
            self.settle()
            for form in [view for view in self.modals if "submit" in view.given]:
                self.presses.append(self.slack.world.submit(form, {"topics": "nlp", "format": "compact"}))
                self.settle()
            for view in self.modals:
                self.slack.world.close(view)

    def press(self, one: Choice) -> Told:
        if one.menu:
            return self.slack.world.choose(one.where, one.value, self.person)
        return self.slack.world.press(one.where, one.action_id, self.person)

    @property
    def modals(self) -> list[View]:
        """The modals that are open."""
        views = list(self.slack.world.views.values())
        return [view for view in views if view.user is self.person and view.open and view.given["type"] == "modal"]

    def _fresh(self) -> list[Choice]:
        """What was never pressed, each once."""
        found = {(one.action_id.partition("-")[0], one.value): one for where in self.answers for one in choices(where)}
        return [one for key, one in found.items() if key not in self.known and SETTLING not in one.value]


def choices(where: Message | View) -> Iterator[Choice]:
    """What can be pressed or chosen there."""
    for element in actors(tuple(where.blocks)):
        if element["type"] == "button":
            yield Choice(where, element["action_id"], element["value"], menu=False)
        for option in element.get("options", ()) if element["type"] == "static_select" else ():
            yield Choice(where, element["action_id"], option["value"], menu=True)


def came_to_nothing(slack: FakeSlack, presses: Iterable[Told]) -> list[str]:
    """The presses after which nothing could be seen: no answer, no modal, no other page."""
    turned = {call.view.id for call in slack.calls("views.update") if call.view}
    return [
        str(told.payload.get("actions"))
        for told in presses
        if not (told.response_url and told.response_url.used)
        and not (told.trigger and told.trigger.used)
        and not (told.view and told.view.id in turned)
    ]


def refusals(calls: Iterable[Call]) -> list[str]:
    """The calls that Slack did not accept."""
    return [f"{call.method}: {call.answer}" for call in calls if not call.accepted and call.status is not None]


def shown(calls: Iterable[Call]) -> set[str]:
    """The addresses that anybody was led to."""
    made = ({"method": call.method, "params": call.params} for call in calls if call.message)
    return {link for payload in made for link in links(payload)}


def secrets(slack: FakeSlack) -> list[str]:
    """All that must never be told: keys to the app, and to single answers."""
    urls = [path.rpartition("/")[2] for path in list(slack.world.response_urls)]
    return [slack.token, slack.app.app_token, slack.app.signing_secret, *CANARIES.values(), *urls]


def told(secrets: Iterable[str], *texts: str) -> set[str]:
    """Those of *secrets* that are in one of *texts*."""
    return {secret for secret in secrets for text in texts if secret in text}


def mistakes(log: str) -> list[str]:
    """The lines of a log about what should not have happened."""
    return [line for line in log.splitlines() if json.loads(line)["level"] in {"error", "critical"}]


@contextmanager
def watched(slack: FakeSlack, process: Process) -> Iterator[None]:
    """Nothing may be refused, late, unanswered, gone wrong or told meanwhile that should not be; nobody is pinged."""
    calls, heard = len(slack.journal), len(slack.told)
    yield
    slack.wait(lambda: all(one.acked or one.failure for one in slack.told))
    made = slack.journal[calls:]
    texts = {call.reading for call in made}
    database = "".join(file.read_text("latin-1") for file in process.folder.glob("data/heji.db*"))

    assert refusals(made) == []
    assert slack.complaints == []
    assert slack.violations == []
    assert [one.failure for one in slack.told[heard:] if one.failure or len(one.attempts) > 1] == []
    assert [call.pings for call in made if call.pings] == []
    assert not any(sorry in text for text in texts for sorry in [*SORRY, *NOWHERE])
    assert mistakes(process.said) == []
    assert told(secrets(slack), process.said, database, *texts) == set()


@dataclass
class Bot:
    """One process on a Slack of its own, which all tests share: each has people and channels of its own."""

    slack: FakeSlack
    process: Process
    curators: dict[str, User]

    def scene(self, way: str, language: str = "en", person: User | None = None) -> Scene:
        """Sets the scene: a way to ask, a language, and who made the channel."""
        world = self.slack.world
        person = person or world.user("Olga", locale=LANGUAGES[language])
        if way == "dm":
            return Scene(self.slack, person, world.im(person), way)
        channel = world.channel(f"{way}-{len(world.channels)}", person)
        thread = world.say(person, channel, "What is there to read?") if way == "thread" else None
        return Scene(self.slack, person, channel, way, thread)


@pytest.fixture(scope="module", params=["socket", "http"])
def running(request, tmp_path_factory):
    app = SOCKET if request.param == "socket" else HTTP
    with FakeSlack(app) as slack:
        curators = {
            language: slack.world.user("Cura", locale=locale, tz="Asia/Shanghai")
            for language, locale in LANGUAGES.items()
        }
        way = {"SLACK_APP_TOKEN": app.app_token} if app.socket_mode else {"SLACK_SIGNING_SECRET": app.signing_secret}
        variables = {
            **CANARIES, "SLACK_BOT_TOKEN": slack.token, "SLACK_API_BASE_URL": slack.url,
            "SLACK_SIGNING_SECRET": app.signing_secret, **way, "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json",
            "DIGEST_SCHEDULE": f"{FAR} 09:00", "CURATORS": " ".join(f"slack:{one.id}" for one in curators.values()),
        }  # fmt: skip
        with Process(program("run", first=PATIENT), tmp_path_factory.mktemp("heji"), **variables) as process:
            slack.door.url = f"http://127.0.0.1:{process.port}/slack/events"
            process.wait(lambda: slack.calls("auth.test"))
            process.wait(lambda: slack.connections or not app.socket_mode)
            yield Bot(slack, process, curators)
            status = process.stop(within=10)

    assert status == 0


@pytest.fixture
def bot(running):
    with watched(running.slack, running.process):
        yield running


@pytest.fixture(scope="module")
def library():
    return build(Settings(content=(str(CONTENT),))).library


# Everything -----------------------------------------------------------------------------------------------------------


def test_the_script_has_every_command():
    assert SCRIPT.keys() == {row.name for row in TABLE}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
def test_every_command_is_answered_and_every_button_leads_somewhere(bot, library, way, language):
    here = bot.scene(way, language, bot.curators[language])
    (other,) = LANGUAGES.keys() - {language}
    before = len(bot.slack.journal)
    for name, words in SCRIPT.items():
        here.say(*(f"{name} {args}".strip().format(own=language, other=other) for args in words))
    here.settle()
    asked, answers, for_all = here.asked, len(here.answers), bot.slack.messages_in(here.channel)
    here.press_everything()
    here.say("unsubscribe")

    assert answers >= asked
    assert (for_all == []) == (way != "dm")
    assert len(here.presses) > 50
    assert came_to_nothing(bot.slack, here.presses) == []
    assert {item.url for item in library.items} - shown(bot.slack.journal[before:]) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_home_shows_every_topic_and_each_of_its_buttons_opens_something(bot, language):
    here = bot.scene("slash", language)
    here.say(f"subscribe {FAR} 09:00")
    slack, person = bot.slack, here.person
    slack.world.open_home(person)
    home = slack.wait(lambda: slack.world.homes.get(person.id))
    before, pressed = len(slack.calls("views.open")), {}
    for choice in choices(home):
        pressed.setdefault(choice.action_id + choice.value, choice)
    presses = []
    for choice in pressed.values():
        presses.append(here.press(choice))
        here.settle()
        for modal in here.modals:
            if "submit" in modal.given:
                question = {"question": "ctr"} if modal.given["callback_id"] == "ask_form" else {"format": "full"}
                presses.append(slack.world.submit(modal, question))
            else:
                presses += [here.press(one) for one in list(choices(modal))[:1]]
            here.settle()
            slack.world.close(modal)

    assert f"#{here.channel.name}" in home.reading
    assert len(pressed) > 10
    assert len(slack.calls("views.open")) - before == len(pressed)
    assert came_to_nothing(slack, presses) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_shortcuts_find_what_the_digest_holds(bot, library, language):
    here = bot.scene("slash", language)
    slack, world, item = bot.slack, bot.slack.world, library.items[0]
    world.message_shortcut(here.person, world.say(here.person, here.channel, f"Read {item.url} yet?"), FIND)
    slack.wait(lambda: here.answers)
    world.global_shortcut(here.person, ASK)
    (form,) = slack.wait(lambda: here.modals)
    world.submit(form, {"question": item.title})
    slack.wait(lambda: form.given["callback_id"] == "answer" and item.title in form.reading)

    assert item.url in json.dumps(here.answers[0].blocks)
    assert here.answers[0].only_for is here.person


def test_an_edition_comes_to_channels_threads_and_people_and_its_buttons_lead_somewhere(bot):
    slack, curator = bot.slack, bot.scene("dm", person=bot.curators["en"])
    scenes = [bot.scene(way, language) for way in ("slash", "thread", "dm") for language in LANGUAGES]
    for here in scenes:
        here.say("subscribe")
    before = {here.channel.id: set(map(id, slack.messages_in(here.channel))) for here in scenes}
    curator.say("post")

    def editions(here: Scene) -> list[Message]:
        return [one for one in slack.messages_in(here.channel) if id(one) not in before[here.channel.id]]

    slack.wait(lambda: all(editions(here) for here in scenes), 60)
    firsts = [editions(here)[0] for here in scenes]
    presses = [here.press(one) for here, edition in zip(scenes, firsts, strict=True) for one in choices(edition)]
    for here in scenes:
        here.settle()
        here.say("unsubscribe")

    assert all(links({"method": "chat.postMessage", "params": {"blocks": list(one.blocks)}}) for one in firsts)
    assert [one.thread_ts for one in firsts] == [here.thread.ts if here.thread else "" for here in scenes]
    assert len(presses) >= len(scenes)
    assert came_to_nothing(slack, presses) == []


# Who may --------------------------------------------------------------------------------------------------------------


def test_members_are_told_who_may_and_nothing_comes_of_it(bot):
    made_by_another = bot.scene("slash")
    ann = bot.slack.world.user("Ann", locale="en-GB")
    bot.slack.world.join(made_by_another.channel, ann)
    here = Scene(bot.slack, ann, made_by_another.channel, "slash")
    denied = {}
    for row in TABLE:
        (answer, *_) = here.say(row.name)
        denied[row.name] = answer.text if answer.text.startswith("Only ") else ""
    (status, *_) = made_by_another.say("status")

    admins, curators = ({name for name, text in denied.items() if who in text} for who in ("admins", "curators"))
    assert admins == {row.name for row in TABLE if row.group_role == "admin"}
    assert curators == {row.name for row in TABLE if row.role == "curator"}
    assert "not subscribed" in status.text.casefold()


def test_what_a_curator_asks_for_in_a_channel_stays_with_them(bot):
    here = bot.scene("slash", person=bot.curators["en"])
    for name in ("preview", "check", "status"):
        here.say(name)

    assert bot.slack.messages_in(here.channel) == []
    assert {message.only_for for message in here.answers} == {here.person}
