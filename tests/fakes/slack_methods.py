"""What the bot can do: one function for each method of the Web API, refusing what Slack refuses, in its words.

Each is called for a workspace, with parameters that the table in `slack_schema` has read, and gives the fields of the
answer. None knows of HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from fakes.slack_people import World
from fakes.slack_saying import check_message, check_view
from fakes.slack_schema import Refusal
from fakes.slack_world import SCOPE_WORDS, TYPE_WORDS, Channel, Message, ResponseUrl, Shape, Team, Trigger, User, View

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 1800.0
RESPONSE_POSTS = 5

T = TypeVar("T")
Params = dict[str, Any]
Result = tuple[Shape, Message | View | None]
"""The fields of the answer, and what a reader sees of it."""


class Methods:
    """The bot's hands in *world*."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_name: dict[str, Callable[[Team, Params], Result]] = {
            "auth.test": self._test,
            "auth.revoke": self._revoke,
            "bots.info": self._bot,
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.getPermalink": self._permalink,
            "conversations.info": self._info,
            "conversations.list": self._list,
            "conversations.members": self._members,
            "conversations.open": self._open,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "reactions.add": self._react,
            "team.info": self._team,
            "users.info": self._user_info,
            "users.conversations": self._own,
            "views.open": self._open_view,
            "views.update": self._update_view,
            "views.publish": self._publish,
        }

    def call(self, method: str, team: Team, params: Params) -> Result:
        return self._by_name[method](team, params)

    # Messages -------------------------------------------------------------------------------------------------------

    def _post(self, team: Team, params: Params) -> Result:
        channel = self._writable(team, params["channel"])
        thread = self._thread(channel, params)
        blocks = check_message("chat.postMessage", params)
        message = self._world.post(channel, team.bot, params["text"], thread=thread, blocks=blocks)
        self._world.announce(message)
        return {"channel": channel.id, "ts": message.ts, "message": message.shape()}, message

    def _post_ephemeral(self, team: Team, params: Params) -> Result:
        channel = self._writable(team, params["channel"])
        if params["user"] not in channel.members:
            raise Refusal("user_not_in_channel")
        user, thread = channel.members[params["user"]], self._thread(channel, params)
        blocks = check_message("chat.postEphemeral", _with_unfurls_off(params))
        message = self._world.post(
            channel, team.bot, params["text"], thread=thread, blocks=blocks, only_for=user, method="chat.postEphemeral"
        )
        return {"message_ts": message.ts}, message

    def _update(self, team: Team, params: Params) -> Result:
        channel, message = self._own_message(team, params, "cant_update_message")
        blocks = check_message("chat.update", _with_unfurls_off(params))
        message.text, message.blocks, message.edited_ts = params["text"], tuple(blocks), self._world.ts()
        self._world.announce_change(message)
        return {
            "channel": channel.id, "ts": message.ts, "text": message.text, "message": message.shape(),
        }, message  # fmt: skip

    def _delete(self, team: Team, params: Params) -> Result:
        channel, message = self._own_message(team, params, "cant_delete_message")
        self._world.remove(message)
        return {"channel": channel.id, "ts": message.ts}, None

    def _own_message(self, team: Team, params: Params, refusal: str) -> tuple[Channel, Message]:
        channel = self._readable(team, params["channel"])
        if channel.archived:
            raise Refusal("is_archived")
        message = self._message(channel, params["ts"])
        if message.user is not team.bot:
            raise Refusal(refusal)
        return channel, message

    def _permalink(self, team: Team, params: Params) -> Result:
        channel = self._readable(team, params["channel"])
        message = self._message(channel, params["message_ts"])
        link = f"https://{team.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
        if message.thread_ts:
            link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
        return {"channel": channel.id, "permalink": link}, message

    def _react(self, team: Team, params: Params) -> Result:
        message = self._message(self._writable(team, params["channel"]), params["timestamp"])
        if params["name"] in message.reactions:
            raise Refusal("already_reacted")
        message.reactions.append(params["name"])
        return {}, message

    def respond(self, url: ResponseUrl, params: Params) -> Message | None:
        """A post to a `response_url`, which works in conversations that the bot is not in."""
        if self._world.clock() - url.at > RESPONSE_SECONDS:
            raise Refusal("expired_url", status=404)
        if url.used >= RESPONSE_POSTS:
            raise Refusal("used_url", status=404)
        url.used += 1
        if url.channel.archived or url.channel.deleted:
            raise Refusal("is_archived" if url.channel.archived else "channel_not_found", status=404)
        source = url.source if url.source and not url.source.deleted else None
        if params.get("delete_original"):
            if set(params) - {"delete_original", "response_type", "replace_original"}:
                raise Refusal("invalid_arguments", "what deletes the original says nothing", status=400)
            if source:
                self._world.remove(source)
            return None
        blocks = check_message("response_url", params)
        if params.get("replace_original") and source:
            return self._replaced(source, params["text"], blocks)
        only_for = url.user if params["response_type"] == "ephemeral" else None
        message = self._world.post(
            url.channel, url.channel.team.bot, params["text"], thread=self._thread(url.channel, params),
            blocks=blocks, only_for=only_for, method="response_url",
        )  # fmt: skip
        if only_for is None:
            self._world.announce(message)
        return message

    def _replaced(self, message: Message, text: str, blocks: Iterable[Shape]) -> Message:
        message.text, message.blocks = text, tuple(blocks)
        if message.only_for is None:
            message.edited_ts = self._world.ts()
            self._world.announce_change(message)
        return message

    # Conversations --------------------------------------------------------------------------------------------------

    def _info(self, team: Team, params: Params) -> Result:
        channel = self._readable(team, params["channel"])
        self._needs(team, channel, "read")
        return {"channel": channel.shape(members=params.get("include_num_members", False))}, None

    def _list(self, team: Team, params: Params) -> Result:
        return self._listed(team, params, [one for one in self._of(team) if one.kind == "public" or one.has_bot])

    def _own(self, team: Team, params: Params) -> Result:
        user = params.get("user", team.bot.id)
        return self._listed(team, params, [one for one in self._of(team) if {user, team.bot.id} <= set(one.members)])

    def _listed(self, team: Team, params: Params, channels: list[Channel]) -> Result:
        types = params.get("types") or ["public_channel"]
        if unknown := set(types) - set(TYPE_WORDS):
            raise Refusal("invalid_types", f"no such types: {sorted(unknown)}")
        kinds = {TYPE_WORDS[one] for one in types}
        for kind in kinds:
            self._scoped(team, f"{SCOPE_WORDS[kind]}:read")
        channels = [one for one in channels if one.kind in kinds]
        if params.get("exclude_archived"):
            channels = [one for one in channels if not one.archived]
        page, pages = _page(channels, params, most=1000)
        return {"channels": [one.shape() for one in page]} | pages, None

    def _of(self, team: Team) -> list[Channel]:
        return [one for one in self._world.channels.values() if one.team is team and not one.deleted]

    def _members(self, team: Team, params: Params) -> Result:
        channel = self._readable(team, params["channel"])
        self._needs(team, channel, "read")
        page, pages = _page(list(channel.members), params, most=1000)
        return {"members": page} | pages, None

    def _open(self, team: Team, params: Params) -> Result:
        if ("channel" in params) == ("users" in params):
            raise Refusal("invalid_arguments", "either channel or users")
        if "channel" in params:
            channel = self._readable(team, params["channel"])
        else:
            people = [self._person(team, one) for one in params["users"]]
            if not people:
                raise Refusal("users_list_not_supplied")
            if len(people) > 1:
                self._scoped(team, "mpim:write")
            channel = self._world.im(people[0]) if len(people) == 1 else self._world.mpim(*people)
        return {"channel": channel.shape() if params.get("return_im") else {"id": channel.id}}, None

    def _history(self, team: Team, params: Params) -> Result:
        channel = self._heard(team, params)
        newest_first = [one for one in reversed(list(channel.messages.values())) if not one.thread_ts]
        page, pages = _page(newest_first, params, most=999)
        return {"messages": [one.shape() for one in page]} | pages, None

    def _replies(self, team: Team, params: Params) -> Result:
        channel = self._heard(team, params)
        if params["ts"] not in channel.messages:
            raise Refusal("thread_not_found")
        page, pages = _page(channel.thread(params["ts"]), params, most=999)
        return {"messages": [one.shape() for one in page]} | pages, None

    def _heard(self, team: Team, params: Params) -> Channel:
        channel = self._readable(team, params["channel"])
        self._needs(team, channel, "history")
        if not channel.has_bot:
            raise Refusal("not_in_channel")
        return channel

    # People and places ----------------------------------------------------------------------------------------------

    def _test(self, team: Team, _: Params) -> Result:
        return {
            "url": f"https://{team.domain}.slack.com/", "team": team.name, "user": team.bot.name, "team_id": team.id,
            "user_id": team.bot.id, "bot_id": team.bot.bot_id, "is_enterprise_install": False,
        }, None  # fmt: skip

    def _revoke(self, team: Team, params: Params) -> Result:
        if not params.get("test"):
            self._world.revoke(team)
        return {"revoked": not params.get("test")}, None

    def _bot(self, team: Team, params: Params) -> Result:
        if params.get("bot", team.bot.bot_id) != team.bot.bot_id:
            raise Refusal("bot_not_found")
        bot = {"id": team.bot.bot_id, "deleted": False, "name": team.bot.name, "app_id": self._world.app.id}
        return {"bot": bot | {"user_id": team.bot.id, "updated": 1700000000}}, None

    def _team(self, team: Team, params: Params) -> Result:
        if params.get("team", team.id) != team.id:
            raise Refusal("team_not_found")
        return {"team": {"id": team.id, "name": team.name, "domain": team.domain, "email_domain": ""}}, None

    def _user_info(self, team: Team, params: Params) -> Result:
        user = self._world.users.get(params["user"])
        if user is None or user.team is not team:
            raise Refusal("user_not_found")
        return {"user": user.shape(locale=params.get("include_locale", False))}, None

    # Views ----------------------------------------------------------------------------------------------------------

    def _open_view(self, team: Team, params: Params) -> Result:
        trigger = self._trigger(team, params)
        given = check_view(params["view"], kind="modal")
        trigger.used = True
        view = self._world.view(trigger.user, given)
        return {"view": view.shape()}, view

    def _trigger(self, team: Team, params: Params) -> Trigger:
        trigger = self._world.triggers.get(params.get("trigger_id", ""))
        if trigger is None or trigger.user.team is not team:
            raise Refusal("invalid_trigger_id" if "trigger_id" in params else "invalid_arguments")
        if trigger.used:
            raise Refusal("exchanged_trigger_id")
        if self._world.clock() - trigger.at > TRIGGER_SECONDS:
            raise Refusal("expired_trigger_id")
        return trigger

    def _update_view(self, team: Team, params: Params) -> Result:
        if ("view_id" in params) == ("external_id" in params):
            raise Refusal("invalid_arguments", "either view_id or external_id")
        view = self._world.views.get(params.get("view_id", "")) or self._called(params.get("external_id", ""))
        if view is None or view.user.team is not team or not view.open:
            raise Refusal("not_found")
        if params.get("hash", view.hash) != view.hash:
            raise Refusal("hash_conflict")
        self._world.refill(view, check_view(params["view"], kind=view.given["type"]))
        return {"view": view.shape()}, view

    def _called(self, external_id: str) -> View | None:
        named = (view for view in self._world.views.values() if view.given.get("external_id") == external_id)
        return next(named, None) if external_id else None

    def _publish(self, team: Team, params: Params) -> Result:
        user = self._person(team, params["user_id"])
        given = check_view(params["view"], kind="home")
        view = self._world.homes.get(user.id)
        if view is None:
            view = self._world.homes[user.id] = self._world.view(user, given)
        elif params.get("hash", view.hash) != view.hash:
            raise Refusal("hash_conflict")
        else:
            self._world.refill(view, given)
        return {"view": view.shape()}, view

    # Who may what ---------------------------------------------------------------------------------------------------

    def _scoped(self, team: Team, scope: str) -> None:
        if scope not in team.scopes:
            raise Refusal("missing_scope", needed=scope, provided=",".join(sorted(team.scopes)))

    def _needs(self, team: Team, channel: Channel, what: str) -> None:
        self._scoped(team, f"{channel.scope_word}:{what}")

    def _person(self, team: Team, user_id: str) -> User:
        user = self._world.users.get(user_id)
        if user is None or user.team is not team or user.bot_id:
            raise Refusal("user_not_found")
        if user.deleted:
            raise Refusal("user_disabled")
        return user

    def _readable(self, team: Team, channel_id: str) -> Channel:
        """The conversation, if the bot can know of it."""
        channel = self._world.channels.get(channel_id)
        if channel is None or channel.team is not team or channel.deleted:
            raise Refusal("channel_not_found")
        if channel.kind != "public" and not channel.has_bot:
            raise Refusal("channel_not_found")
        return channel

    def _writable(self, team: Team, channel_id: str) -> Channel:
        """The conversation, if the bot may write there; a person's id means their direct messages."""
        if channel_id.startswith(("U", "W")):
            channel = self._world.im(self._person(team, channel_id))
        else:
            channel = self._readable(team, channel_id)
        if channel.archived:
            raise Refusal("is_archived")
        if not channel.has_bot:
            raise Refusal("not_in_channel")
        if channel.kind == "im" and channel.creator.deleted:
            raise Refusal("user_disabled")
        if channel.kind == "im" and not self._world.app.messages_tab:
            raise Refusal("messages_tab_disabled")
        return channel

    def _message(self, channel: Channel, ts: str) -> Message:
        if ts not in channel.messages:
            raise Refusal("message_not_found")
        return channel.messages[ts]

    def _thread(self, channel: Channel, params: Params) -> Message | None:
        """The message that is answered. Slack wants the first of its thread, and puts other answers anywhere."""
        if "thread_ts" not in params:
            return None
        message = channel.messages.get(params["thread_ts"])
        if message is None:
            raise Refusal("thread_not_found")
        if message.thread_ts:
            raise Refusal("cannot_reply_to_message", f"{message.ts} is an answer; its thread is {message.thread_ts}")
        return message


def _with_unfurls_off(params: Params) -> Params:
    """What needs not be said where Slack unfurls nothing anyhow."""
    return {"unfurl_links": False, "unfurl_media": False} | params


def _page(found: list[T], params: Params, *, most: int) -> tuple[list[T], Shape]:
    """A page of *found*, and where the next begins."""
    limit, cursor = params.get("limit", 100), params.get("cursor", "")
    if not 1 <= limit <= most:
        raise Refusal("invalid_limit")
    if cursor and not cursor.isdigit():
        raise Refusal("invalid_cursor")
    start = int(cursor or 0)
    following = str(start + limit) if start + limit < len(found) else ""
    return found[start : start + limit], {"response_metadata": {"next_cursor": following}}
