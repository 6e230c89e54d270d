"""What comes of sending to Slack: each row of the table of outcomes, on a Slack that refuses as Slack does."""

from __future__ import annotations

import asyncio
import json
import logging
import socket

import pytest
from fakes.faults import Cut, Hang, Reply, in_html, mislabelled
from fakes.slack import FakeSlack
from fakes.slack_faults import broken, refusing, too_fast

from bot.chat.message import Card, Heading, Message
from bot.platforms.base import Rejected, Retryable, Sent, Uncertain
from bot.platforms.slack import transport
from bot.platforms.slack.checking import check
from bot.platforms.slack.delivering import Place, Slack, addressed, place
from bot.platforms.slack.transport import BAD_TOKEN
from bot.platforms.slack.verdicts import verdict
from bot.platforms.slack.workspaces import OneToken

SECRET = "xoxb-1-S3CR3T"
PAGE = Message((Heading("Ctr"), Card("1", "Wide & <!channel> Deep", "https://example.org/a?b&c")))


@pytest.fixture
def slack():
    with FakeSlack() as slack:
        yield slack


@pytest.fixture
def papers(slack):
    return slack.world.channel("papers", slack.world.user("Ann"))


def send(slack, chat, *, payload=None, token=None, root=None):
    async def once():
        platform = Slack(token or slack.token, root or slack.url)
        try:
            return await platform.send(payload or platform.render(PAGE)[0], chat)
        finally:
            await platform.close()

    return asyncio.run(once())


def chat(channel, thread=None):
    return f"slack:{channel.team.id}/{channel.id}" + (f"/{thread.ts}" if thread else "")


def outcome_of(slack, channel, deed):
    slack.faults.add(deed, method="chat.postMessage")
    return send(slack, chat(channel))


# Sent -----------------------------------------------------------------------------------------------------------------


def test_what_arrives_is_sent_under_its_ts(slack, papers):
    outcome = send(slack, chat(papers))

    assert outcome == Sent(slack.last(papers).ts)
    assert slack.last(papers).pings == ()
    assert slack.complaints == []


def test_a_true_answer_under_a_wrong_content_type_counts(slack, papers):
    assert outcome_of(slack, papers, mislabelled()) == Sent(slack.last(papers).ts)


def test_nothing_unfurls(slack, papers):
    send(slack, chat(papers))
    (call,) = slack.calls("chat.postMessage")

    assert (call.params["unfurl_links"], call.params["unfurl_media"]) == (False, False)


def test_what_a_thread_subscribed_to_stays_in_it(slack, papers):
    first = slack.world.say(papers.creator, papers, "the weekly goes here")
    send(slack, chat(papers, first))
    edition = Slack(slack.token, slack.url).render(Message(PAGE.blocks, edition=True))[0]
    reply = {**edition, "params": {**edition["params"], "thread_ts": slack.last(papers).ts}}
    outcome = send(slack, chat(papers, first), payload=reply)

    assert isinstance(outcome, Sent)
    assert [message.thread_ts for message in slack.messages_in(papers)] == [first.ts, first.ts]


def test_a_person_is_written_to_by_their_id(slack):
    ann = slack.world.user("Ann")

    assert isinstance(send(slack, f"slack:{ann.team.id}/{ann.id}"), Sent)
    assert isinstance(send(slack, f"slack:{ann.id}"), Sent)  # as CURATORS names them
    assert len(slack.messages_in(slack.world.im(ann))) == 2


def test_a_place_is_taken_apart():
    assert place("slack:T1/C1/1700000000.000100") == Place("T1", "C1", "1700000000.000100")
    assert place("slack:U1") == Place("", "U1")
    assert addressed({"text": "a", "thread_ts": "1.0"}, Place("T", "C", "2.0")) == {
        "channel": "C", "text": "a", "thread_ts": "2.0",
    }  # fmt: skip


# Again ----------------------------------------------------------------------------------------------------------------


def test_too_fast_waits_as_long_as_slack_says(slack, papers):
    outcome = outcome_of(slack, papers, too_fast(7))

    assert (outcome.after, outcome.limited) == (7.0, True)


def test_too_fast_without_a_time_is_too_fast_all_the_same(slack, papers):
    outcome = outcome_of(slack, papers, too_fast(None))

    assert (outcome.after, outcome.limited) == (None, True)


@pytest.mark.parametrize(
    "deed", [Reply(429, b"<html>slow</html>", "text/html", retry_after=3), refusing("ratelimited")]
)
def test_too_fast_in_whatever_shape(slack, papers, deed):
    outcome = outcome_of(slack, papers, deed)

    assert isinstance(outcome, Retryable)
    assert outcome.limited


@pytest.mark.parametrize(
    "deed",
    [
        *(broken(500), broken(503), in_html(502), in_html(404), Reply(200, b"<html>")),
        *(refusing("request_timeout"), refusing("service_unavailable")),
    ],
)
def test_what_was_certainly_not_accepted_may_be_tried_again(slack, papers, deed):
    outcome = outcome_of(slack, papers, deed)

    assert isinstance(outcome, Retryable)
    assert not outcome.limited
    assert slack.messages_in(papers) == []


def test_nobody_there_may_be_tried_again(slack, papers):
    assert isinstance(send(slack, chat(papers), root="http://127.0.0.1:1/api/"), Retryable)


def test_no_connection_in_time_may_be_tried_again(slack, papers, monkeypatch):
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT", 0.2)
    with socket.socket() as full:  # it listens, and takes nobody in
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        outcome = send(slack, chat(papers), root=f"http://127.0.0.1:{full.getsockname()[1]}/api/")
        for one in waiting:
            one.close()

    assert isinstance(outcome, Retryable)


# Uncertain ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "deed",
    [
        Cut(),
        Cut(accepted=True),
        Reply(200, b'{"ok": tr', accepted=True),
        refusing("internal_error"),
        refusing("fatal_error"),
    ],
)
def test_where_nobody_knows_it_is_uncertain(slack, papers, deed):
    assert isinstance(outcome_of(slack, papers, deed), Uncertain)


def test_no_answer_in_time_is_uncertain(slack, papers, monkeypatch):
    slack.faults.add(Hang(accepted=True), method="chat.postMessage")

    async def once():
        platform = Slack(slack.token, slack.url)
        try:
            return await platform.transport.call("chat.postMessage", {"channel": papers.id}, slack.token, patience=0.2)
        finally:
            await platform.close()

    with pytest.raises(transport.NoAnswer):
        asyncio.run(once())


@pytest.mark.parametrize("deed", [Cut(), Cut(accepted=True), broken(500), too_fast()])
def test_nothing_is_tried_again_by_itself(slack, papers, deed):
    outcome_of(slack, papers, deed)

    assert len(slack.calls("chat.postMessage")) == 1


# Never ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("is_archived", "gone"), ("channel_not_found", "gone"), ("not_in_channel", "gone"), ("user_disabled", "gone"),
        ("restricted_action", "gone"), ("messages_tab_disabled", "gone"),
        ("thread_not_found", "thread-closed"), ("restricted_action_thread_locked", "thread-closed"),
        ("invalid_blocks", "malformed"), ("invalid_blocks_format", "malformed"), ("msg_blocks_too_long", "malformed"),
        ("msg_too_long", "malformed"), ("no_text", "malformed"), ("invalid_arguments", "malformed"),
        ("missing_scope", "revoked"),
        *((error, "revoked") for error in sorted(BAD_TOKEN)),
        ("something_that_slack_has_not_said_yet", "refused"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(slack, papers, error, why):
    outcome = outcome_of(slack, papers, refusing(error))

    assert outcome == Rejected(f"200 {error}", why)


def test_the_fakes_own_refusals_are_told_apart(slack, papers):
    olga = papers.creator
    elsewhere = slack.world.channel("elsewhere", olga, bot=False)
    archived = slack.world.channel("archived", olga)
    slack.world.archive(archived)
    reasons = [send(slack, chat(one)).reason for one in (elsewhere, archived)]
    unknown = send(slack, f"slack:{papers.team.id}/C9")

    assert reasons == ["200 not_in_channel", "200 is_archived"]
    assert unknown == Rejected("200 channel_not_found", "gone")


def test_a_revoked_token_stops_the_workspace(slack, papers):
    slack.world.revoke()

    assert send(slack, chat(papers)).why == "revoked"


def test_where_the_app_is_not_installed_nothing_is_called(slack, papers):
    class Nowhere(OneToken):
        async def of(self, team):
            return None

    assert send(slack, chat(papers), token=Nowhere("")) == Rejected("the app is not installed there", "revoked")
    assert slack.journal == []


def test_what_is_refused_as_blocks_is_taken_as_text(slack, papers):
    platform = Slack(slack.token, slack.url)
    bare = platform.plain(platform.render(PAGE)[0])

    assert isinstance(send(slack, chat(papers), payload=bare), Sent)
    assert slack.last(papers).blocks == ()
    assert slack.last(papers).pings == ()


@pytest.mark.parametrize(("status", "body"), [(200, b"ok"), (200, b'{"ok":true}')])
def test_what_a_response_url_says_counts_as_well(status, body):
    assert isinstance(verdict(transport._reply(status, body, {})), Sent)


def test_a_used_up_response_url_is_refused(slack, papers):
    told = slack.world.slash(papers.creator, papers, "ctr")
    url = f"{slack.root}{told.response_url.path}"

    async def six():
        platform = Slack(slack.token, slack.url)
        params = {"response_type": "ephemeral", "text": "a", "unfurl_links": False, "unfurl_media": False}
        try:
            return [await platform.respond(url, params) for _ in range(6)]
        finally:
            await platform.close()

    *taken, refused = asyncio.run(six())

    assert {type(one) for one in taken} == {Sent}
    assert refused == Rejected("404 used_url")


# How it stands --------------------------------------------------------------------------------------------------------


def status_after(slack, *deeds, token=None):
    """The status before and after calls with *deeds* on them; None is a call that goes well."""

    async def calls():
        platform = Slack(token or slack.token, slack.url)
        before = platform.status
        for deed in deeds:
            if deed is not None:
                slack.faults.add(deed)
            await platform.ask("auth.test", {}, "")
        await platform.close()
        return before, platform.status

    return asyncio.run(calls())


def test_nothing_is_wrong_before_anything_was_asked(slack):
    before, after = status_after(slack, None)

    assert (before.ok, before.last_success) == (True, None)
    assert (after.ok, after.message) == (True, "Slack answers")


def test_a_page_in_place_of_an_answer_is_red_and_says_where_to_look(slack):
    _, after = status_after(slack, in_html(404))

    assert not after.ok
    assert "SLACK_API_BASE_URL" in after.message


def test_one_failure_after_a_success_is_a_hiccup_and_a_refused_token_is_none(slack):
    _, hiccup = status_after(slack, None, broken(500))
    slack.world.revoke()
    _, refused = status_after(slack, None)

    assert hiccup.ok
    assert not refused.ok
    assert refused.message == "Slack refuses the token (token_revoked): check SLACK_BOT_TOKEN"


def test_a_scope_that_is_missing_says_nothing_against_the_token(slack):
    _, after = status_after(slack, refusing("missing_scope"))

    assert after.ok


@pytest.mark.parametrize("root", ["{url}", "http://127.0.0.1:1/api/", "http://nobody.invalid/", "{url}?x="])
def test_no_failure_tells_the_token_or_the_message(slack, papers, root, caplog):
    caplog.set_level(logging.DEBUG)
    outcome = send(slack, chat(papers), token=SECRET, root=root.format(url=slack.url))

    assert SECRET not in repr(outcome)
    assert SECRET not in caplog.text
    assert "Deep" not in caplog.text


def test_what_is_sent_is_what_is_shown(slack, papers):
    send(slack, chat(papers))
    (call,) = slack.calls("chat.postMessage")
    shown = Slack(slack.token, slack.url).render(PAGE)[0]["params"]

    assert call.params == json.loads(json.dumps({"channel": papers.id, **shown}))


# What doctor says -----------------------------------------------------------------------------------------------------


def findings(slack, *, token=None, root=None, app_token=None, public_url=None):
    async def once():
        platform = Slack(token or slack.token, root or slack.url)
        try:
            return await check(platform, app_token=app_token, public_url=public_url)
        finally:
            await platform.close()

    return asyncio.run(once())


def test_good_tokens_are_said_to_be_good(slack):
    found = findings(slack, app_token=slack.app.app_token)

    assert [(one.state, one.message) for one in found] == [
        ("ok", "the token is good for @heji in Readers"),
        ("ok", "the app token opens Socket Mode"),
    ]


def test_bad_tokens_are_told_apart_and_not_repeated(slack):
    found = findings(slack, token=SECRET, app_token=SECRET)

    assert [one.state for one in found] == ["fail", "fail"]
    assert "SLACK_BOT_TOKEN" in found[0].cure
    assert "xapp-" in found[1].cure
    assert SECRET not in repr(found)


def test_each_scope_that_is_missing_is_named_with_what_is_lost(slack):
    slack.world.home.scopes -= {"users:read", "chat:write"}
    _, mute, nameless, _ = findings(slack)

    assert (mute.state, nameless.state) == ("fail", "warn")
    assert mute.message.startswith("the token has no chat:write (to post")
    assert nameless.message.startswith("the token has no users:read (the language")
    assert all("reinstall" in one.cure for one in (mute, nameless))


@pytest.mark.parametrize(
    ("public_url", "state", "message"),
    [
        ("https://heji.example", "ok", "Slack is to post to https://heji.example/slack/events, as the manifest says"),
        (None, "warn", "Slack posts to the bot, and PUBLIC_URL does not say where that is"),
    ],
)
def test_without_an_app_token_slack_has_to_know_where_to_post(slack, public_url, state, message):
    *_, found = findings(slack, public_url=public_url)

    assert (found.state, found.message) == (state, message)


def test_where_nobody_answers_doctor_says_where_to_look(slack):
    (found,) = findings(slack, root="http://127.0.0.1:1/api/")

    assert found.state == "fail"
    assert "SLACK_API_BASE_URL" in found.cure
