"""The fake Slack under the real SDK: what the bot says is taken as Slack takes it, or refused in its words."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from fakes.slack import FakeSlack
from fakes.slack_client import QUIET, ask, post, refused, respond
from fakes.slack_schema import METHODS
from fakes.slack_world import App
from simulated import Clock

from bot.platforms.slack.manifest import manifest


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[FakeSlack]:
    with FakeSlack(clock=clock) as slack:
        yield slack


def button(label: str = "More", action_id: str = "ask-0", value: str = "topic|1|ctr") -> dict[str, Any]:
    return {
        "type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": label}, "value": value,
    }  # fmt: skip


def actions(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "actions", "elements": list(elements)}]


def rich(text: str) -> list[dict[str, Any]]:
    element = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "elements": [element]}]


def modal(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "modal", "title": {"type": "plain_text", "text": "Ask"}, "blocks": list(blocks)}


def home(text: str) -> dict[str, Any]:
    return {"type": "home", "blocks": rich(text)}


# Speaking -------------------------------------------------------------------------------------------------------------


def test_what_is_posted_stands_in_the_journal_as_a_reader_sees_it(slack):
    channel = slack.world.channel("papers", slack.world.user("Ann"))
    answer = ask(
        slack,
        lambda bot: bot.chat_postMessage(channel=channel.id, text="Ctr", blocks=actions(button()), **QUIET),
    )

    message = slack.last(channel)
    assert answer["ts"] == answer["message"]["ts"] == message.ts
    assert message.labels == ["More"]
    (call,) = slack.calls("chat.postMessage")
    assert (call.status, call.accepted, call.message) == (200, True, message)
    assert call.reading == "(chat.postMessage)\n\n[ More → topic|1|ctr ]"
    assert not slack.complaints


def test_json_and_forms_mean_the_same(slack):
    channel = slack.world.channel("papers", slack.world.user("Ann"))
    params = {"channel": channel.id, "text": "a", "blocks": rich("a")}
    form = params | {"blocks": json.dumps(params["blocks"]), "unfurl_links": "0", "unfurl_media": "false"}
    ask(
        slack,
        lambda bot: bot.api_call("chat.postMessage", json=params | QUIET),
        lambda bot: bot.api_call("chat.postMessage", data=form),
    )

    first, second = slack.calls("chat.postMessage")
    assert first.params == second.params
    assert [message.text for message in slack.messages_in(channel)] == ["a", "a"]


def test_every_message_has_a_time_of_its_own(slack):
    channel = slack.world.channel("papers", slack.world.user("Ann"))
    for _ in range(3):
        post(slack, "chat.postMessage", channel=channel.id, text="a", **QUIET)

    times = [message.ts for message in slack.messages_in(channel)]
    assert len(set(times)) == 3
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, "no_text"),
        ({"text": " "}, "no_text"),
        ({"blocks": rich("a")}, "no_text"),
        ({"text": "a" * 4001}, "msg_too_long"),
        ({"text": "a", "blocks": rich("a") * 51}, "invalid_blocks"),
        ({"text": "a", "blocks": [{"type": "heading", "text": "a"}]}, "invalid_blocks"),
        ({"text": "a", "blocks": actions(button(), button())}, "invalid_blocks"),
        ({"text": "a", "blocks": actions(button("a" * 76))}, "invalid_blocks"),
        ({"text": "a", "blocks": rich("a" * 2900) * 5}, "msg_blocks_too_long"),
        ({"text": "a", "blocks": "[{"}, "invalid_blocks_format"),
        ({"text": "a", "unfurl_links": True}, "invalid_arguments"),
        ({"text": "a < b"}, "invalid_arguments"),
        ({"text": "a", "link_names": True}, "invalid_arguments"),
        ({"text": 5}, "invalid_arguments"),
        ({"text": "a", "thread_ts": 1700000000.000100}, "invalid_arguments"),
        ({"text": "a", "thread_ts": "1700000000.000100"}, "thread_not_found"),
    ],
)
def test_message_that_slack_refuses_is_refused_in_its_words(slack, params, error):
    channel = slack.world.channel("papers", slack.world.user("Ann"))

    assert refused(slack, "chat.postMessage", channel=channel.id, **QUIET | params) == error
    assert not slack.messages_in(channel)


def test_message_with_links_that_would_unfold_is_refused(slack):
    channel = slack.world.channel("papers", slack.world.user("Ann"))
    text = "<https://example.org/a|A>"

    assert refused(slack, "chat.postMessage", channel=channel.id, text=text) == "invalid_arguments"
    assert slack.complaints == [
        "chat.postMessage: unfurl_links is not off",
        "chat.postMessage: unfurl_media is not off",
    ]


def test_answer_in_a_thread_belongs_to_the_first_message_alone(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    asked = slack.world.say(ann, channel, "what is new?")
    answer = post(slack, "chat.postMessage", channel=channel.id, text="a", thread_ts=asked.ts, **QUIET)

    assert answer["message"]["thread_ts"] == asked.ts
    assert (
        refused(slack, "chat.postMessage", channel=channel.id, text="b", thread_ts=answer["ts"], **QUIET)
        == "cannot_reply_to_message"
    )


def test_message_for_one_person_is_in_nobodys_history(slack):
    ann, bob, eve = (slack.world.user(name) for name in ("Ann", "Bob", "Eve"))
    channel = slack.world.channel("papers", ann, members=[bob])
    params = {"channel": channel.id, "text": "a"}
    answer = ask(slack, lambda bot: bot.chat_postEphemeral(user=bob.id, **params))

    assert slack.last(channel, bob).ts == answer["message_ts"]
    assert not slack.messages_in(channel)
    assert not slack.seen_only_by(ann, channel)
    assert refused(slack, "chat.postEphemeral", user=eve.id, **params) == "user_not_in_channel"
    assert refused(slack, "chat.update", ts=answer["message_ts"], **params) == "message_not_found"


def test_only_own_messages_are_changed_and_deleted(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    hers = {"channel": channel.id, "ts": slack.world.say(ann, channel, "mine").ts}
    own = {"channel": channel.id, "ts": post(slack, "chat.postMessage", channel=channel.id, text="a", **QUIET)["ts"]}

    assert refused(slack, "chat.update", text="b", **hers) == "cant_update_message"
    assert refused(slack, "chat.delete", **hers) == "cant_delete_message"
    assert ask(slack, lambda bot: bot.chat_update(text="b", **own))["text"] == "b"
    assert slack.last(channel).edited_ts
    ask(slack, lambda bot: bot.chat_delete(**own))
    assert not slack.messages_in(channel)
    assert refused(slack, "chat.update", text="c", **own) == "message_not_found"


def test_direct_message_goes_to_a_person_without_opening_it(slack):
    ann = slack.world.user("Ann")
    post(slack, "chat.postMessage", channel=ann.id, text="a", **QUIET)

    assert slack.last(slack.world.im(ann)).text == "a"
    slack.app.messages_tab = False
    assert refused(slack, "chat.postMessage", channel=ann.id, text="a", **QUIET) == "messages_tab_disabled"


def test_whom_a_message_would_call_stands_in_the_journal(slack):
    channel = slack.world.channel("papers", slack.world.user("Ann"))
    post(slack, "chat.postMessage", channel=channel.id, text="<!channel> look", **QUIET)

    assert slack.calls("chat.postMessage")[0].pings == slack.last(channel).pings == ("!channel",)


def test_reaction_is_given_once(slack):
    slack.world.home.scopes |= {"reactions:write"}
    ann = slack.world.user("Ann")
    message = slack.world.say(ann, slack.world.channel("papers", ann), "new?")
    where = {"channel": message.channel.id, "timestamp": message.ts, "name": "eyes"}
    ask(slack, lambda bot: bot.reactions_add(**where))

    assert message.reactions == ["eyes"]
    assert refused(slack, "reactions.add", **where) == "already_reacted"


# Where and who --------------------------------------------------------------------------------------------------------


def test_bot_writes_only_where_it_is_and_somebody_reads(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann, bot=False)
    hidden = slack.world.channel("secret", ann, bot=False, private=True)

    def refusal(where: str) -> str:
        return refused(slack, "chat.postMessage", channel=where, text="a", **QUIET)

    assert refusal("C404") == "channel_not_found"
    assert refusal(channel.id) == "not_in_channel"
    assert refusal(hidden.id) == "channel_not_found"
    slack.world.invite_bot(channel, ann)
    slack.world.archive(channel)
    assert refusal(channel.id) == "is_archived"
    slack.world.delete_channel(channel)
    assert refusal(channel.id) == "channel_not_found"
    slack.world.deactivate(ann)
    assert refusal(ann.id) == "user_disabled"


def test_token_is_good_until_it_is_revoked_or_the_app_is_gone(slack):
    home = slack.world.home

    assert ask(slack, lambda bot: bot.auth_test())["user_id"] == home.bot.id
    assert refused(slack, "auth.test", token="xoxb-other") == "invalid_auth"
    assert refused(slack, "auth.test", token=slack.app.app_token) == "not_allowed_token_type"
    assert refused(slack, "apps.connections.open", token=slack.token) == "not_allowed_token_type"
    assert refused(slack, "chat.shout") == "unknown_method"
    post(slack, "auth.revoke")
    assert refused(slack, "auth.test") == "token_revoked"
    slack.world.reinstall(home)
    slack.world.uninstall(home)
    assert refused(slack, "auth.test") == "account_inactive"


def test_token_of_one_workspace_sees_nothing_of_another(slack):
    other = slack.world.team("Others", "others")
    channel = slack.world.channel("papers", slack.world.user("Ann"))

    assert refused(slack, "conversations.info", token=other.token, channel=channel.id) == "channel_not_found"
    assert refused(slack, "users.info", token=other.token, user=channel.creator.id) == "user_not_found"


def test_missing_scope_says_which(slack):
    slack.world.home.scopes = frozenset({"chat:write", "channels:read"})
    ann = slack.world.user("Ann")
    hidden = slack.world.channel("secret", ann, private=True)

    assert post(slack, "users.info", user=ann.id) == {
        "ok": False, "error": "missing_scope", "needed": "users:read", "provided": "channels:read,chat:write",
    }  # fmt: skip
    assert post(slack, "conversations.info", channel=hidden.id)["needed"] == "groups:read"
    assert post(slack, "users.conversations", types="public_channel,private_channel")["needed"] == "groups:read"


def test_people_and_conversations_are_described(slack):
    ann = slack.world.user("Ann", locale="zh-CN", tz="Asia/Shanghai", is_admin=True)
    channels = [slack.world.channel(name, ann) for name in ("papers", "talks", "old")]
    slack.world.archive(channels[2])
    slack.world.channel("elsewhere", ann, bot=False)

    user = ask(slack, lambda bot: bot.users_info(user=ann.id, include_locale=True))["user"]
    assert (user["locale"], user["tz"], user["is_admin"], user["is_bot"]) == ("zh-CN", "Asia/Shanghai", True, False)
    about = ask(slack, lambda bot: bot.conversations_info(channel=channels[0].id))["channel"]
    assert (about["creator"], about["is_member"], about["is_private"]) == (ann.id, True, False)
    first = ask(slack, lambda bot: bot.users_conversations(limit=1, exclude_archived=True))
    rest = ask(
        slack,
        lambda bot: bot.users_conversations(
            limit=1, exclude_archived=True, cursor=first["response_metadata"]["next_cursor"]
        ),
    )
    assert [one["name"] for one in first["channels"] + rest["channels"]] == ["papers", "talks"]
    assert rest["response_metadata"]["next_cursor"] == ""
    members = ask(slack, lambda bot: bot.conversations_members(channel=channels[0].id))["members"]
    assert members == [ann.id, slack.world.home.bot.id]


def test_permalink_leads_to_the_message_and_its_thread(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    asked = slack.world.say(ann, channel, "what is new?")
    answer = slack.world.say(ann, channel, "nobody knows", thread=asked)
    link = ask(slack, lambda bot: bot.chat_getPermalink(channel=channel.id, message_ts=answer.ts))["permalink"]

    assert link == (
        f"https://readers.slack.com/archives/{channel.id}/p{answer.ts.replace('.', '')}"
        f"?thread_ts={asked.ts}&cid={channel.id}"
    )


def test_history_needs_its_scope_and_threads_are_whole(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    asked = slack.world.say(ann, channel, "what is new?")
    slack.world.say(ann, channel, "nobody knows", thread=asked)

    assert post(slack, "conversations.replies", channel=channel.id, ts=asked.ts)["needed"] == "channels:history"
    slack.world.home.scopes |= {"channels:history"}
    replies = ask(slack, lambda bot: bot.conversations_replies(channel=channel.id, ts=asked.ts))["messages"]
    assert [one["text"] for one in replies] == ["what is new?", "nobody knows"]
    missing = {"channel": channel.id, "ts": "1700000000.000100"}
    assert refused(slack, "conversations.replies", **missing) == "thread_not_found"


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("conversations.list", {"types": "public"}, "invalid_types"),
        ("conversations.list", {"limit": 0}, "invalid_limit"),
        ("conversations.list", {"limit": "many"}, "invalid_arguments"),
        ("conversations.list", {"cursor": "later"}, "invalid_cursor"),
        ("conversations.list", {"team_id": "T404"}, "team_access_not_granted"),
        ("conversations.open", {"users": "U404"}, "missing_scope"),
        ("users.info", {"user": "U404"}, "user_not_found"),
        ("users.info", {}, "invalid_arguments"),
        ("bots.info", {"bot": "B404"}, "bot_not_found"),
        ("chat.getPermalink", {"channel": "C404", "message_ts": "1700000000.000100"}, "channel_not_found"),
        ("views.open", {"view": {"type": "modal"}}, "invalid_arguments"),
        ("views.publish", {"user_id": "U404", "view": home("a")}, "user_not_found"),
    ],
)
def test_what_is_not_there_or_wrong_has_its_own_word(slack, method, params, error):
    assert refused(slack, method, **params) == error


def test_request_without_a_token_or_without_json_is_told_so(slack):
    address = f"{slack.url}auth.test"
    request = urllib.request.Request(address, b"{", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        broken = json.load(answer)

    assert respond(address) == (200, '{"ok": false, "error": "not_authed"}')
    assert broken == {"ok": False, "error": "invalid_json"}


def test_direct_messages_are_opened_with_their_scopes(slack):
    slack.world.home.scopes |= {"im:write", "mpim:write", "im:read"}
    ann, bob = slack.world.user("Ann"), slack.world.user("Bob")
    own = ask(slack, lambda bot: bot.conversations_open(users=[ann.id], return_im=True))["channel"]
    both = ask(slack, lambda bot: bot.conversations_open(users=[ann.id, bob.id]))["channel"]

    assert (own["id"], own["is_im"], own["user"]) == (slack.world.im(ann).id, True, ann.id)
    assert slack.world.channels[both["id"]].kind == "mpim"
    assert post(slack, "conversations.info", channel=own["id"])["channel"]["is_im"]


def test_every_method_of_the_table_is_there(slack):
    for method in METHODS:
        assert post(slack, method).get("error") != "unknown_method"
    assert not slack.broken


# Views ----------------------------------------------------------------------------------------------------------------


def test_modal_opens_once_and_only_within_three_seconds(slack, clock):
    ann = slack.world.user("Ann")
    first, second = (slack.world.global_shortcut(ann, "ask_the_digest").trigger.id for _ in range(2))
    view = modal(*rich("a"))
    answer = ask(slack, lambda bot: bot.views_open(trigger_id=first, view=view))

    assert slack.world.views[answer["view"]["id"]].user is ann
    assert refused(slack, "views.open", trigger_id=first, view=view) == "exchanged_trigger_id"
    assert refused(slack, "views.open", trigger_id="1.2.3", view=view) == "invalid_trigger_id"
    clock.now += 4
    assert refused(slack, "views.open", trigger_id=second, view=view) == "expired_trigger_id"


def test_view_is_judged_and_an_older_one_does_not_replace_a_newer(slack):
    ann = slack.world.user("Ann")
    old = ask(slack, lambda bot: bot.views_publish(user_id=ann.id, view=home("a")))["view"]["hash"]
    ask(slack, lambda bot: bot.views_publish(user_id=ann.id, view=home("b"), hash=old))

    assert slack.world.homes[ann.id].reading == "(views.publish)\n\nb"
    assert refused(slack, "views.publish", user_id=ann.id, view=home("c"), hash=old) == "hash_conflict"
    assert refused(slack, "views.publish", user_id=ann.id, view=modal(*rich("a"))) == "invalid_arguments"
    assert refused(slack, "views.publish", user_id=ann.id, view=home("")) == "invalid_arguments"
    view_id = slack.world.homes[ann.id].id
    assert ask(slack, lambda bot: bot.views_update(view_id=view_id, view=home("d")))["view"]["blocks"]
    assert refused(slack, "views.update", view_id="V404", view=home("d")) == "not_found"


# Answers through a response_url ---------------------------------------------------------------------------------------

SAID = {"response_type": "ephemeral", "text": "a", **QUIET}


def test_response_url_is_good_for_five_posts_in_half_an_hour(slack, clock):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann, bot=False)
    first, second = (slack.world.slash(ann, channel, "new").payload["response_url"] for _ in range(2))

    assert [respond(first, **SAID)[0] for _ in range(6)] == [200] * 5 + [404]
    assert len(slack.seen_only_by(ann, channel)) == 5
    assert slack.calls("response_url")[-1].error == "used_url"
    clock.now += 1801
    assert "expired_url" in respond(second, **SAID)[1]


def test_response_is_for_one_or_for_all_in_the_place_of_what_was_pressed_or_not(slack):
    ann = slack.world.user("Ann")
    channel = slack.world.channel("papers", ann)
    post(slack, "chat.postMessage", channel=channel.id, text="a", blocks=actions(button()), **QUIET)
    message = slack.last(channel)
    url = slack.world.press(message, "More", ann).payload["response_url"]

    respond(url, **SAID | {"text": "for you"})
    assert slack.last(channel, ann).text == "for you"
    respond(url, **SAID | {"text": "page 2", "replace_original": True})
    assert (message.text, message.blocks) == ("page 2", ())
    respond(url, **SAID | {"text": "for all", "response_type": "in_channel"})
    assert [one.text for one in slack.messages_in(channel)] == ["page 2", "for all"]
    respond(url, delete_original=True)
    assert [one.text for one in slack.messages_in(channel)] == ["for all"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"response_type": "public"}, "invalid_arguments"),
        ({"text": ""}, "no_text"),
        ({"blocks": rich("")}, "invalid_blocks"),
        ({"channel": "C1"}, "invalid_arguments"),
        ({"delete_original": True}, "invalid_arguments"),
    ],
)
def test_response_is_judged_as_messages_are(slack, params, error):
    ann = slack.world.user("Ann")
    url = slack.world.slash(ann, slack.world.channel("papers", ann), "new").payload["response_url"]

    status, answer = respond(url, **SAID | params)
    assert status == 400
    assert f'"error": "{error}"' in answer


# Installing -----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # the SDK uses it
def test_code_becomes_a_token_once(slack):
    team = slack.world.team("Others", "others", installed=False)
    slack.oauth.installer = slack.world.user("Eve", team=team)
    query = {
        "client_id": slack.app.client_id,
        "scope": "chat:write,commands",
        "state": "s1",
        "redirect_uri": "http://b/r",
    }
    browser = http.client.HTTPConnection(urlsplit(slack.root).netloc)
    browser.request("GET", f"/oauth/v2/authorize?{urlencode(query)}")
    page = browser.getresponse()
    where = page.headers["Location"]
    browser.close()
    code = where.partition("code=")[2].partition("&")[0]
    secrets = {"client_id": slack.app.client_id, "client_secret": slack.app.client_secret}

    def exchange(**params: str) -> dict[str, Any]:
        return post(slack, "oauth.v2.access", token="none", **secrets | {"code": code} | params)

    assert page.status == 302
    assert where == f"http://b/r?code={code}&state=s1"
    assert exchange(client_secret="x")["error"] == "bad_client_secret"
    assert exchange(code="x")["error"] == "invalid_code"
    assert exchange()["error"] == "bad_redirect_uri"
    answer = ask(slack, lambda bot: bot.oauth_v2_access(**secrets, code=code, redirect_uri="http://b/r"), token="none")
    assert (answer["team"]["id"], answer["bot_user_id"]) == (team.id, team.bot.id)
    assert post(slack, "auth.test", token=answer["access_token"])["team_id"] == team.id
    assert exchange(redirect_uri="http://b/r")["error"] == "code_already_used"


def test_installer_may_deny_and_strangers_see_a_page(slack):
    slack.oauth.installer, slack.oauth.denies = slack.world.user("Ann"), True
    query = {"client_id": slack.app.client_id, "scope": "commands", "state": "s1", "redirect_uri": "http://b/r"}

    assert slack.oauth.authorize(query) == "http://b/r?error=access_denied&state=s1"
    for wrong, error in (({"client_id": "1"}, "invalid_client_id"), ({"scope": "admin"}, "invalid_scope")):
        with urllib.request.urlopen(f"{slack.root}/oauth/v2/authorize?{urlencode(query | wrong)}") as page:
            assert error in page.read().decode()


def test_app_is_what_its_manifest_says():
    app = App.of(manifest(mode="http", public_url="https://digest.example.org", command="/read"))

    assert (app.commands, app.socket_mode) == (frozenset({"/read"}), False)
    assert app.scopes == App().scopes
    assert app.events == App().events
