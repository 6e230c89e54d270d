"""The scene on which people and the bot act: it holds everybody and everything, and tells the app what it hears."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fakes.server import alone
from fakes.slack_telling import Told, event_shape
from fakes.slack_world import App, Channel, Kind, Message, ResponseUrl, Shape, Team, Trigger, User, View

LETTERS: Mapping[Kind, str] = {"public": "C", "private": "G", "im": "D", "mpim": "G"}


class Scene:
    """Everybody and everything on Slack, and one app. Safe from any thread.

    *tell* takes what the app is to be told. *home* is the workspace that is meant where none is named.
    """

    def __init__(
        self, app: App, clock: Callable[[], float], tell: Callable[[Told], None], changed: threading.Condition
    ) -> None:
        self.app = app
        self.clock = clock
        self.changed = changed
        self.complaints: list[str] = []
        self.teams: dict[str, Team] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        """Who sees which Home, by the person's id."""
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.root = ""
        self._tell = tell
        self._numbers = itertools.count(1)
        self._microseconds = 0
        self.home = self.team("Readers", "readers")

    # Who and what there is ------------------------------------------------------------------------------------------

    @alone
    def team(self, name: str, domain: str, *, installed: bool = True) -> Team:
        """Another workspace, with the app in it unless it is not *installed*."""
        number = next(self._numbers)
        token = f"xoxb-{number:012d}-f4keBotTokenOfTheTests{number}"
        team = Team(f"T{number:010d}", name, domain, token, self.app.scopes)
        team.state = "installed" if installed else "absent"
        team.bot = self._user("heji", team, bot_id=f"B{number:010d}")
        self.teams[team.id] = team
        return team

    @alone
    def user(self, name: str, /, *, team: Team | None = None, **about: Any) -> User:
        """Somebody new. *about*: `locale`, `tz`, `is_admin`, `is_owner`."""
        return self._user(name, team or self.home, **about)

    def _user(self, name: str, team: Team, **about: Any) -> User:
        user = User(f"U{next(self._numbers):010d}", name, team, **about)
        self.users[user.id] = user
        return user

    @alone
    def channel(
        self, name: str, creator: User, *, members: Iterable[User] = (), bot: bool = True, private: bool = False
    ) -> Channel:
        """A channel; nobody is told that the *bot* is in it from the start."""
        people = [creator, *members, *([creator.team.bot] if bot else [])]
        return self._channel("private" if private else "public", name, creator, people)

    @alone
    def im(self, user: User) -> Channel:
        """The direct messages of *user* with the bot."""
        found = (one for one in self.channels.values() if one.kind == "im" and one.creator is user)
        return next(found, None) or self._channel("im", "", user, [user, user.team.bot])

    @alone
    def mpim(self, *users: User) -> Channel:
        """A group's direct messages, the bot among them."""
        name = f"mpdm-{'--'.join(user.name.lower() for user in users)}-1"
        return self._channel("mpim", name, users[0], [*users, users[0].team.bot])

    def _channel(self, kind: Kind, name: str, creator: User, members: Iterable[User]) -> Channel:
        number = next(self._numbers)
        channel = Channel(f"{LETTERS[kind]}{number:010d}", kind, name, creator.team, creator, int(self.clock()))
        channel.members = {user.id: user for user in members}
        self.channels[channel.id] = channel
        return channel

    # For the app's side ---------------------------------------------------------------------------------------------

    def ts(self) -> str:
        """Now, as Slack writes it: no two are the same."""
        self._microseconds = max(int(self.clock() * 1_000_000), self._microseconds + 1)
        return f"{self._microseconds // 1_000_000}.{self._microseconds % 1_000_000:06d}"

    def post(
        self, channel: Channel, user: User, text: str, *, thread: Message | None = None, only_for: User | None = None,
        blocks: Iterable[Shape] = (), method: str = "chat.postMessage",
    ) -> Message:  # fmt: skip
        """Put a message into *channel*; whether the app is told of it is the caller's business."""
        thread_ts = (thread.thread_ts or thread.ts) if thread else ""
        message = Message(channel, self.ts(), user, text, tuple(blocks), thread_ts, only_for, method=method)
        if only_for is None:
            channel.messages[message.ts] = message
        else:
            channel.ephemerals.append(message)
        return message

    def announce_change(self, message: Message) -> None:
        event = _about(message, "message_changed") | {"message": message.shape(), "event_ts": self.ts()}
        self._message_event(message.channel, event)

    def remove(self, message: Message) -> None:
        message.deleted = True
        message.channel.messages.pop(message.ts, None)
        if message in message.channel.ephemerals:
            message.channel.ephemerals.remove(message)
        event = _about(message, "message_deleted") | {"deleted_ts": message.ts, "event_ts": self.ts()}
        self._message_event(message.channel, event)

    def view(self, user: User, given: Shape) -> View:
        number = next(self._numbers)
        view = View(f"V{number:010d}", user, given, f"{int(self.clock())}.{number}")
        self.views[view.id] = view
        return view

    def refill(self, view: View, given: Shape) -> None:
        view.given, view.hash = given, f"{int(self.clock())}.{next(self._numbers)}"

    def announce(self, message: Message) -> None:
        """Tell the app what was said in a conversation whose messages it hears: its own too."""
        self._message_event(message.channel, said(message, "message"), message)

    def _message_event(self, channel: Channel, event: Shape, message: Message | None = None) -> None:
        kind = channel.scope_word.removesuffix("s")
        name = f"message.{channel.scope_word if kind in {'channel', 'group'} else kind}"
        event = {"type": "message", "channel": channel.id, "channel_type": kind} | event
        if channel.has_bot:
            self._event(channel.team, event, name=name, message=message)

    def _channel_event(self, channel: Channel, what: str, /, **about: Any) -> None:
        """Of public channels the app hears all, of private ones where it is."""
        if channel.kind == "public" or channel.has_bot:
            event = {"type": named(channel, what), "channel": channel.id, **about, "event_ts": self.ts()}
            self._event(channel.team, event)

    def _event(self, team: Team, event: Shape, *, name: str = "", always: bool = False, **about: Any) -> Told | None:
        """Tell the app, if it subscribed to that; *always*: although it may not be installed any more."""
        if (name or event["type"]) not in self.app.events or not (always or team.state == "installed"):
            return None
        payload = event_shape(self.app, team, event, f"Ev{next(self._numbers):010d}", self.clock())
        return self._told("events_api", payload, team, **about)

    def _told(self, kind: Any, payload: Shape, team: Team, **about: Any) -> Told:
        assert kind == "events_api" or team.state in {"installed", "revoked"}, (
            f"nobody installed the app at {team.name}"
        )
        told = Told(kind, payload, self.clock(), team, **about)
        self._tell(told)
        return told

    def _trigger(self, user: User) -> Trigger:
        number = next(self._numbers)
        trigger = Trigger(f"{number}.{number * 7919}.{number:032x}", user, self.clock())
        self.triggers[trigger.id] = trigger
        return trigger

    def _response_url(self, kind: str, channel: Channel, user: User, source: Message | None = None) -> ResponseUrl:
        number = next(self._numbers)
        path = f"/{kind}/{user.team.id}/{number}/f4keS3cr3tOfTheAnswer{number}"
        self.response_urls[path] = url = ResponseUrl(path, channel, user, self.clock(), source)
        return url


def said(message: Message, kind: str) -> Shape:
    shape = message.shape() | {"type": kind, "channel": message.channel.id, "event_ts": message.ts}
    return shape | ({} if message.ours else {"client_msg_id": f"c0ffee00-0000-4000-8000-{message.ts.replace('.', '')}"})


def _about(message: Message, subtype: str) -> Shape:
    return {"subtype": subtype, "hidden": True, "ts": message.ts, "previous_message": message.shape()}


def named(channel: Channel, what: str) -> str:
    return f"{'channel' if channel.kind == 'public' else 'group'}_{what}"
