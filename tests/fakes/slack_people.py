"""What people do on Slack: they type commands, mention the bot, press buttons, invite it, throw it out, uninstall it.

Each verb changes the world and tells the app what Slack would tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakes.server import alone
from fakes.slack_saying import check_message, check_view
from fakes.slack_scene import LETTERS, Scene, named, said
from fakes.slack_schema import Refusal
from fakes.slack_telling import (
    Told,
    action_shape,
    command_shape,
    interaction_shape,
    where_shape,
)
from fakes.slack_world import (
    Channel,
    Message,
    Shape,
    Team,
    Trigger,
    User,
    View,
    actors,
    typed,
)

_NAMES: tuple[Callable[[Shape], Any], ...] = (
    lambda one: one["text"]["text"],
    lambda one: one.get("action_id"),
    lambda one: one.get("value"),
)
"""By what a button or a choice is called, in this order."""


class World(Scene):
    """The scene, and what people do on it."""

    # What people say and press --------------------------------------------------------------------------------------

    @alone
    def slash(self, user: User, channel: Channel, text: str, *, command: str = "/digest") -> Told:
        """*user* types a command, wherever they are: the bot need not be there."""
        assert command in self.app.commands, f"nobody registered {command}"
        assert user.id in channel.members, f"{user.name} is not in {channel.name}"
        trigger, url = self._trigger(user), self._response_url("commands", channel, user)
        payload = command_shape(self.app, user, channel.brief(), command, text, trigger, self.root + url.path)
        return self._told("slash_commands", payload, user.team, user=user, trigger=trigger, response_url=url)

    @alone
    def mention(self, user: User, channel: Channel, text: str, *, thread: Message | None = None) -> Message:
        """*user* writes `@bot text`; where the bot is not, nobody tells it."""
        message = self.post(channel, user, typed(f"{user.team.bot.mention()} {text}"), thread=thread)
        if channel.has_bot and channel.kind != "im":
            self._event(user.team, said(message, "app_mention"), message=message)
        self.announce(message)
        return message

    @alone
    def say(self, user: User, channel: Channel, text: str, *, thread: Message | None = None) -> Message:
        """*user* writes to the others, which is none of the bot's business unless it asked for the event."""
        message = self.post(channel, user, typed(text), thread=thread)
        self.announce(message)
        return message

    def dm(self, user: User, text: str, *, thread: Message | None = None) -> Message:
        """*user* writes to the bot."""
        return self.say(user, self.im(user), text, thread=thread)

    @alone
    def edit(self, message: Message, text: str) -> None:
        """Whoever wrote *message* changes it."""
        message.text, message.edited_ts = typed(text), self.ts()
        self.announce_change(message)

    @alone
    def delete(self, message: Message) -> None:
        """Whoever wrote *message* takes it back."""
        self.remove(message)

    @alone
    def press(self, where: Message | View, label_or_id: str, user: User) -> Told:
        """*user* presses the button with this label, or else this `action_id`, or this `value`."""
        return self._acted(where, label_or_id, user, menus=False)

    @alone
    def choose(self, where: Message | View, label_or_value: str, user: User) -> Told:
        """*user* unfolds a menu and takes the choice with this label, or else this value."""
        return self._acted(where, label_or_value, user, menus=True)

    def _acted(self, where: Message | View, wanted: str, user: User, *, menus: bool) -> Told:
        assert _sees(user, where), f"{user.name} does not see it"
        block, element, option = _found(where, wanted, menus=menus)
        trigger, url = self._trigger(user), None
        if isinstance(where, Message):
            url = self._response_url("actions", where.channel, user, where)
        payload = interaction_shape(self.app, "block_actions", user, trigger)
        payload |= where_shape(where, self.root + url.path if url else "")
        payload["actions"] = [action_shape(element, block["block_id"], self.ts(), option)]
        return self._told(
            "interactive", payload, user.team, **_place(where), user=user, trigger=trigger, response_url=url
        )

    @alone
    def message_shortcut(self, user: User, message: Message, callback_id: str) -> Told:
        """*user* takes the app's entry of a message's menu; the bot need not be there."""
        assert _sees(user, message), f"{user.name} does not see it"
        assert message.only_for is None, "a message that one person sees has no menu"
        trigger, url = self._shortcut(user, callback_id), self._response_url("app", message.channel, user)
        payload = interaction_shape(self.app, "message_action", user, trigger) | {
            "callback_id": callback_id, "action_ts": self.ts(), "message_ts": message.ts, "message": message.shape(),
            "channel": message.channel.brief(), "response_url": self.root + url.path,
        }  # fmt: skip
        return self._told(
            "interactive", payload, user.team, user=user, message=message, trigger=trigger, response_url=url
        )

    @alone
    def global_shortcut(self, user: User, callback_id: str) -> Told:
        """*user* takes the app's entry of the lightning menu: without a place, so without a `response_url`."""
        trigger = self._shortcut(user, callback_id)
        payload = interaction_shape(self.app, "shortcut", user, trigger)
        payload |= {"callback_id": callback_id, "action_ts": self.ts()}
        return self._told("interactive", payload, user.team, user=user, trigger=trigger)

    @alone
    def submit(self, view: View, values: Mapping[str, str] | None = None) -> Told:
        """The modal's person fills its inputs, by `action_id` or `block_id`, and submits it."""
        assert view.open, "it is closed"
        assert "submit" in view.given, "it has no submit button"
        view.values, view.errors = _filled(view, dict(values or {})), {}
        trigger = self._trigger(view.user)
        payload = interaction_shape(self.app, "view_submission", view.user, trigger)
        payload |= {"view": view.shape(), "response_urls": []}
        return self._told("interactive", payload, view.user.team, user=view.user, view=view, trigger=trigger)

    @alone
    def close(self, view: View) -> None:
        """The modal's person closes it; the app hears of it where the view asked for that."""
        view.open = False
        if view.given.get("notify_on_close"):
            payload = interaction_shape(self.app, "view_closed", view.user, self._trigger(view.user))
            del payload["trigger_id"]
            payload |= {"view": view.shape(), "is_cleared": False}
            self._told("interactive", payload, view.user.team, user=view.user, view=view)

    @alone
    def open_home(self, user: User, tab: str = "home") -> Told | None:
        """*user* opens the app's Home, or its `messages`."""
        event: Shape = {"type": "app_home_opened", "user": user.id, "channel": self.im(user).id, "tab": tab}
        if tab == "home" and user.id in self.homes:
            event["view"] = self.homes[user.id].shape()
        return self._event(user.team, event | {"event_ts": self.ts()}, user=user)

    @alone
    def event(self, event: Shape, *, team: Team | None = None) -> Told | None:
        """An event that no other verb makes, be it nonsense; told if the app subscribed to its type."""
        return self._event(team or self.home, event | {"event_ts": self.ts()})

    # Who is where ---------------------------------------------------------------------------------------------------

    @alone
    def invite_bot(self, channel: Channel, by: User) -> None:
        """*by* writes `/invite @bot`."""
        assert by.id in channel.members, f"{by.name} is not in {channel.name}"
        self._join(channel, channel.team.bot, by)

    @alone
    def join(self, channel: Channel, user: User) -> None:
        self._join(channel, user, None)

    def _join(self, channel: Channel, user: User, by: User | None) -> None:
        assert not channel.archived, f"{channel.name} is archived"
        channel.members[user.id] = user
        event = {"type": "member_joined_channel", "user": user.id, "channel": channel.id}
        event |= {"channel_type": LETTERS[channel.kind], "team": channel.team.id, "event_ts": self.ts()}
        if channel.has_bot:
            self._event(channel.team, event | ({"inviter": by.id} if by else {}))

    @alone
    def kick_bot(self, channel: Channel, by: User) -> None:
        del channel.members[channel.team.bot.id]
        event = {"type": named(channel, "left"), "channel": channel.id, "actor_id": by.id, "event_ts": self.ts()}
        self._event(channel.team, event)

    @alone
    def archive(self, channel: Channel, by: User | None = None) -> None:
        self._channel_event(channel, "archive", user=(by or channel.creator).id, is_moved=0)
        channel.archived = True

    @alone
    def unarchive(self, channel: Channel, by: User | None = None) -> None:
        channel.archived = False
        self._channel_event(channel, "unarchive", user=(by or channel.creator).id)

    @alone
    def rename(self, channel: Channel, name: str) -> None:
        channel.name = name
        about = {"id": channel.id, "name": name, "name_normalized": name, "created": channel.created}
        self._channel_event(channel, "rename", channel=about)

    @alone
    def delete_channel(self, channel: Channel, by: User | None = None) -> None:
        self._channel_event(channel, "deleted", actor_id=(by or channel.creator).id)
        channel.deleted = True

    @alone
    def change_id(self, channel: Channel) -> None:
        """A channel that becomes shared may get another id."""
        old = channel.id
        channel.id = f"C{next(self._numbers):010d}"
        self.channels[channel.id] = self.channels.pop(old)
        event = {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": channel.id}
        self._event(channel.team, event | {"event_ts": self.ts()})

    @alone
    def deactivate(self, user: User) -> None:
        """*user* leaves the company."""
        user.deleted = True

    @alone
    def uninstall(self, team: Team | None = None) -> None:
        """The app is thrown out of a workspace: its token is worth nothing, then two events say so, in no order."""
        team = team or self.home
        team.state = "uninstalled"
        self._tokens_revoked(team)
        self._event(team, {"type": "app_uninstalled", "event_ts": self.ts()}, always=True)

    @alone
    def revoke(self, team: Team | None = None) -> None:
        """The token alone is revoked."""
        team = team or self.home
        team.state = "revoked"
        self._tokens_revoked(team)

    def _tokens_revoked(self, team: Team) -> None:
        tokens = {"oauth": [], "bot": [team.bot.id]}
        self._event(team, {"type": "tokens_revoked", "tokens": tokens, "event_ts": self.ts()}, always=True)

    @alone
    def reinstall(self, team: Team) -> None:
        """The app comes, or comes back, with the scopes that it asks for today; with a new token where it was gone."""
        if team.state != "installed":
            number = next(self._numbers)
            team.token, team.state = f"xoxb-{number:012d}-f4keNewToken{number}", "installed"
        team.scopes = self.app.scopes

    @alone
    def answered(self, told: Told, answer: Any) -> None:
        """What came with an acknowledgement: a message for who asked, or what becomes of a modal."""
        try:
            if told.kind == "slash_commands" and answer:
                self._answer_command(told, {"text": answer} if isinstance(answer, str) else dict(answer))
            elif told.view is not None and told.payload["type"] == "view_submission":
                self._answer_submission(told.view, answer if isinstance(answer, dict) else {})
        except Refusal as refusal:
            self.complaints.append(f"the answer to {told.type}: {refusal.error} {'; '.join(refusal.messages)}")

    def _answer_command(self, told: Told, answer: Shape) -> None:
        assert told.response_url is not None
        answer.setdefault("response_type", "ephemeral")
        blocks = check_message("response_url", answer)
        channel, user = told.response_url.channel, told.response_url.user
        only_for = user if answer["response_type"] == "ephemeral" else None
        self.post(channel, user.team.bot, answer["text"], blocks=blocks, only_for=only_for, method="response_url")

    def _answer_submission(self, view: View, answer: Shape) -> None:
        match answer.get("response_action"):
            case None | "clear":
                view.open = False
            case "errors":
                blocks = {block["block_id"] for block in view.blocks if block["type"] == "input"}
                if not answer["errors"] or not set(answer["errors"]) <= blocks:
                    raise Refusal("invalid_arguments", f"errors for no input: {sorted(answer['errors'])}")
                view.errors = dict(answer["errors"])
            case "update" | "push" as action:
                given = check_view(answer["view"], kind="modal")
                if action == "update":
                    self.refill(view, given)
                else:
                    self.view(view.user, given)
            case action:
                raise Refusal("invalid_arguments", f"no response_action {action!r}")

    def _shortcut(self, user: User, callback_id: str) -> Trigger:
        known = self.app.shortcuts
        assert known is None or callback_id in known, f"nobody registered {callback_id}"
        return self._trigger(user)


def _sees(user: User, where: Message | View) -> bool:
    if isinstance(where, View):
        return where.user is user and where.open
    return user.id in where.channel.members and where.only_for in {None, user} and not where.deleted


def _place(where: Message | View) -> dict[str, Any]:
    return {"view" if isinstance(where, View) else "message": where}


def _found(where: Message | View, wanted: str, *, menus: bool) -> tuple[Shape, Shape, Shape | None]:
    """The block, the element and the option that *wanted* names: by label, by `action_id`, by value."""
    candidates = [
        (block, element, option)
        for block in where.blocks
        for element in actors((block,))
        for option in (element.get("options", []) if menus else [None] if element["type"] == "button" else [])
    ]
    for name in _NAMES:
        for block, element, option in candidates:
            if name(option or element) == wanted:
                return block, element, option
    raise LookupError(f"nothing called {wanted!r} among {where.labels}")


def _filled(view: View, values: dict[str, str]) -> Shape:
    """The state of a modal's inputs, filled with *values*."""
    state: Shape = {}
    for block in view.blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = values.pop(element["action_id"], values.pop(block["block_id"], None))
        assert value is not None or block.get("optional"), f"{element['action_id']} wants to be filled"
        shape: Shape = {"type": element["type"]}
        if "options" in element:
            options = [option for option in element["options"] if value in (option["value"], option["text"]["text"])]
            assert value is None or options, f"{element['action_id']} offers no {value!r}"
            shape["selected_option"] = options[0] if options else None
        else:
            shape["value"] = value
        state[block["block_id"]] = {element["action_id"]: shape}
    assert not values, f"the modal asks for no {sorted(values)}"
    return state
