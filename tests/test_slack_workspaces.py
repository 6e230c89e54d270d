"""Many workspaces: each lets the app in by two pages, is spoken to by its own token, and may throw it out again."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import re
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from correspondents import Press, outbox, planner, states, subscribe
from fakes.faults import Cut, Hang, Reply, in_html
from fakes.slack import FakeSlack
from fakes.slack_faults import refusing
from slack_bot import HTTP, House, Running

from bot.errors import StoreUnreachable
from bot.platforms.base import Rejected, Retryable, Sent
from bot.platforms.slack import watching, workspaces
from bot.platforms.slack.delivering import Slack
from bot.platforms.slack.installing import LASTS, Book, Installing
from bot.platforms.slack.watching import WorkspacesWatch
from bot.platforms.slack.workspaces import Workspaces
from bot.store import buckets
from bot.store.store import Store

PUBLIC = "https://heji.example"
PAGE = {"method": "chat.postMessage", "params": {"text": "the weekly", "unfurl_links": False, "unfurl_media": False}}


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Tokens that were refused are looked at soon."""
    monkeypatch.setattr(watching, "WATCH", 0.05)


@pytest.fixture
def slack():
    """A Slack that knows the bot by its address; the app is in no workspace."""
    with FakeSlack(HTTP) as slack:
        slack.world.home.state = "absent"
        yield slack


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/heji.db")
    yield store
    store.close()


class Hour:
    """The time, which tests move."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead


class Hosting(Running):
    """The adapter for whoever installs it, over *store*."""

    def __init__(self, slack, store, **options):
        self.workspaces = Workspaces(options.pop("book", lambda: store.installations))
        self.hour = Hour()
        self.secrets = {"client_id": slack.app.client_id, "client_secret": slack.app.client_secret}
        self.secrets |= options.pop("secrets", {})
        super().__init__(slack, House(), token=self.workspaces, pages=self._pages, **options)

    def _pages(self, platform):
        return Installing(
            platform.transport, self.workspaces, is_new=self.house.is_new, public_url=PUBLIC, clock=self.hour,
            **self.secrets,
        ).pages  # fmt: skip


class Browser:
    """Somebody's browser: it keeps the cookie of the installation and goes where it is sent."""

    def __init__(self, bot, language="en"):
        self.bot = bot
        self.language = language
        self.cookie = ""

    def get(self, address):
        """A page of the bot's, whatever name it is called by."""
        path = address.removeprefix(PUBLIC)
        headers = {"Accept-Language": self.language, "Cookie": self.cookie}
        answer = httpx.get(self.bot.root + path, headers=headers, timeout=20, trust_env=False)
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def begin(self):
        """The first page, and where it leads."""
        page = self.get("/slack/install")
        return page, html.unescape(re.search(r'<a href="([^"]+)">', page.text)[1])

    def returned(self):
        """Where Slack sends them back to, once they have said what they think of it."""
        _, url = self.begin()
        return httpx.get(url, timeout=20, trust_env=False).headers["location"]

    def install(self):
        """All of it."""
        return self.get(self.returned())


def installer(slack, name="Readers"):
    """Somebody at a workspace that does not have the app."""
    team = slack.world.team(name, name.lower(), installed=False)
    slack.oauth.installer = user = slack.world.user("Ann", team=team)
    return user


def until(condition):
    """Wait for what no Slack hears of: what is in the database."""
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, "this did not happen"
        time.sleep(0.01)


# Installing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "lang", "title", "label"),
    [
        ("en-US,en;q=0.9", "en", "A reading list for your workspace", "Add to Slack"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh", "工作区里的阅读清单", "添加到 Slack"),
        ("fr,de;q=0.5,zh;q=0.3", "zh", "工作区里的阅读清单", "添加到 Slack"),
        ("", "en", "A reading list for your workspace", "Add to Slack"),
    ],
)
def test_first_page_is_in_the_browser_s_language_and_leads_to_slack(slack, store, language, lang, title, label):
    with Hosting(slack, store) as bot:
        browser = Browser(bot, language)
        page, url = browser.begin()
        query = parse_qs(urlsplit(url).query)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f'<html lang="{lang}">' in page.text
    assert f"<h1>{title}</h1>" in page.text
    assert f">{label}</a>" in page.text
    assert url.startswith(f"{slack.root}/oauth/v2/authorize?")
    assert query["redirect_uri"] == ["https://heji.example/slack/oauth_redirect"]
    assert set(query["scope"][0].split(",")) == HTTP.scopes
    assert "user_scope" not in query
    assert browser.cookie == f"slack-app-oauth-state={query['state'][0]}"
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "team"), [("team=T123", ["T123"]), ("team=T1%0d%0aX-A:b", None), ("team=%26state", None), ("team", None)]
)
def test_a_link_may_name_the_workspace_and_nothing_else(slack, store, query, team):
    with Hosting(slack, store) as bot:
        page = Browser(bot).get(f"/slack/install?{query}")
        url = html.unescape(re.search(r'<a href="([^"]+)">', page.text)[1])

    assert parse_qs(urlsplit(url).query).get("team") == team


def test_looking_at_the_page_leaves_nothing_behind(slack, store):
    with Hosting(slack, store) as bot:
        for _ in range(5):
            Browser(bot).begin()
        seen = set(bot.house._seen)

    assert seen == set()


@pytest.mark.parametrize(
    ("language", "title", "text"),
    [("en", "The bot is in your workspace", "Type /digest in"), ("zh", "机器人已加入你的工作区", "输入 /digest")],
)
def test_who_allowed_it_is_told_what_to_do_with_it(slack, store, language, title, text):
    ann = installer(slack)
    with Hosting(slack, store) as bot:
        browser = Browser(bot, language)
        page = browser.install()
    found = store.installations.find(ann.team.id)

    assert page.status_code == 200
    assert title in page.text
    assert text in page.text
    assert f"https://slack.com/app_redirect?app={slack.app.id}&amp;team={ann.team.id}" in page.text
    assert browser.cookie == "slack-app-oauth-state=deleted"
    assert (found.token, found.bot_user) == (ann.team.token, ann.team.bot.id)
    assert found.installed_by == f"slack:{ann.team.id}/{ann.id}"
    assert set(found.scopes) == HTTP.scopes


def test_who_installed_it_is_answered_by_its_token(slack, store):
    ann = installer(slack)
    with Hosting(slack, store) as bot:
        Browser(bot).install()
        slack.world.dm(ann, "topic ctr")
        slack.wait(lambda: slack.messages_in(slack.world.im(ann)))
    calls = slack.calls("users.info") + slack.calls("chat.postMessage")

    assert {call.team for call in calls} == {ann.team}
    assert slack.complaints == []


def test_no_secret_of_an_installation_is_in_a_log_at_debug(slack, store, caplog):
    caplog.set_level(logging.DEBUG)
    ann = installer(slack)
    with Hosting(slack, store) as bot:
        browser = Browser(bot)
        back = browser.returned()
        browser.get(back)
        browser.get(back)
        slack.world.dm(ann, "topic ctr")
        slack.wait(lambda: slack.messages_in(slack.world.im(ann)))
        slack.world.uninstall(ann.team)
        until(lambda: store.installations.find(ann.team.id) is None)
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    query = parse_qs(urlsplit(back).query)

    assert f"workspace installed team={ann.team.id}" in ours
    for secret in (ann.team.token, slack.app.client_secret, query["code"][0], query["state"][0]):
        assert secret not in ours
    assert ann.team.token not in repr(vars(bot.workspaces))


# Those who come back by another way -----------------------------------------------------------------------------------


def over(page, store):
    assert page.status_code == 400
    assert "Please begin anew" in page.text
    assert '<a href="/slack/install">' in page.text
    assert store.installations.find("") is None


def test_a_state_is_good_once(slack, store):
    ann = installer(slack)
    with Hosting(slack, store) as bot:
        browser = Browser(bot)
        back = browser.returned()
        cookie = browser.cookie
        first = browser.get(back)
        store.installations.forget(ann.team.id)
        browser.cookie = cookie
        second = browser.get(back)

    assert first.status_code == 200
    over(second, store)
    assert len(slack.calls("oauth.v2.access")) == 1


def test_a_state_is_good_for_ten_minutes(slack, store):
    ann = installer(slack)
    with Hosting(slack, store) as bot:
        late, early = Browser(bot), Browser(bot)
        back, other = late.returned(), early.returned()
        bot.hour.ahead = LASTS + 2
        over(late.get(back), store)
        bot.hour.ahead = LASTS - 30
        page = early.get(other)

    assert page.status_code == 200
    assert store.installations.find(ann.team.id)


def test_a_state_is_good_in_the_browser_that_it_was_given_to(slack, store):
    installer(slack)
    with Hosting(slack, store) as bot:
        back = Browser(bot).returned()
        victim = Browser(bot)
        over(victim.get(back), store)
        victim.begin()
        over(victim.get(back), store)

    assert slack.calls("oauth.v2.access") == []


@pytest.mark.parametrize(
    "forged",
    [
        "", "x", "deleted", "1.2.3", "9" * 400, "{stamp}.{word}.{zeros}", "{later}.{word}.{mac}", "{stamp}.{word}",
        "{stamp}.{other}.{mac}", "{stamp}.{word}.{mac}x", " {stamp}.{word}.{mac}", "٣.{word}.{mac}",
    ],
)  # fmt: skip
def test_a_forged_state_is_not_taken(slack, store, forged):
    installer(slack)
    with Hosting(slack, store) as bot:
        browser = Browser(bot)
        query = parse_qs(urlsplit(browser.returned()).query)
        stamp, word, mac = query["state"][0].split(".")
        state = forged.format(stamp=stamp, word=word, mac=mac, zeros="0" * 64, other="A" * 22, later=int(stamp) + 1)
        with httpx.Client(trust_env=False, timeout=20) as client:
            page = client.get(
                f"{bot.root}/slack/oauth_redirect",
                params={"code": query["code"][0], "state": state},
                headers={"Cookie": f"slack-app-oauth-state={state}".encode()},
            )

    over(page, store)
    assert slack.calls("oauth.v2.access") == []


@pytest.mark.parametrize("query", ["", "?code=1", "?state=1", "?code=&state=", "?%00=%ff&&&=", "?state=a&state=b"])
def test_who_was_never_at_slack_gets_a_sentence(slack, store, query):
    with Hosting(slack, store) as bot:
        over(Browser(bot).get(f"/slack/oauth_redirect{query}"), store)


@pytest.mark.parametrize(("language", "sentence"), [("en", "You did not allow it"), ("zh", "你没有允许")])
def test_who_denies_it_is_told_that_nothing_has_changed(slack, store, language, sentence):
    installer(slack)
    slack.oauth.denies = True
    with Hosting(slack, store) as bot:
        page = Browser(bot, language).install()

    assert page.status_code == 200
    assert sentence in page.text
    assert store.installations.find("") is None
    assert slack.calls("oauth.v2.access") == []


def test_what_a_stranger_writes_as_an_error_is_neither_shown_nor_logged(slack, store, caplog):
    caplog.set_level(logging.DEBUG)
    with Hosting(slack, store) as bot:
        page = Browser(bot).get("/slack/oauth_redirect?error=<b>evil%0a2026-11-27 all is lost</b>")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bot.")]

    assert page.status_code == 400
    assert "evil" not in page.text
    assert not any("evil" in line for line in ours)


# What Slack and the database have to say about it ---------------------------------------------------------------------


def test_a_wrong_client_secret_is_named_in_the_log(slack, store, caplog):
    installer(slack)
    with Hosting(slack, store, secrets={"client_secret": "another"}) as bot:
        page = Browser(bot).install()

    assert page.status_code == 400
    assert "tell whoever runs the bot" in page.text
    assert "installation refused reason=bad_client_secret" in caplog.text


@pytest.mark.parametrize("deed", [Cut(), in_html(503), Reply(200, b"<html>captive portal</html>", "text/html")])
def test_slack_out_of_order_is_no_traceback(slack, store, deed):
    installer(slack)
    slack.faults.add(deed, method="oauth.v2.access")
    with Hosting(slack, store) as bot:
        page = Browser(bot).install()

    assert page.status_code == 503
    assert "It cannot be finished just now" in page.text
    assert store.installations.find("") is None


def test_a_database_that_is_away_is_no_traceback(slack, store, caplog):
    def away():
        raise StoreUnreachable("gone")

    ann = installer(slack)
    with Hosting(slack, store, book=away) as bot:
        page = Browser(bot).install()

    assert page.status_code == 503
    assert "It cannot be finished just now" in page.text
    assert f"installation not kept team={ann.team.id}" in caplog.text
    assert ann.team.token not in caplog.text


def test_a_whole_organization_is_told_to_choose_a_workspace(slack, store):
    installer(slack)
    said = {"ok": True, "access_token": "xoxb-org", "team": None, "enterprise": {"id": "E1"}}
    body = json.dumps(said | {"is_enterprise_install": True, "authed_user": {"id": "U1"}}).encode()
    slack.faults.add(Reply(200, body), method="oauth.v2.access")
    with Hosting(slack, store) as bot:
        page = Browser(bot).install()

    assert page.status_code == 400
    assert "one workspace at a time" in page.text
    assert store.installations.find("") is None


# Two workspaces -------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(slack, store):
    """A channel in each of two workspaces that have the app, both subscribed."""
    channels = []
    for name in ("Readers", "Writers"):
        team = slack.world.team(name, name.lower())
        store.installations.save(team.id, team.token, bot_user=team.bot.id)
        channels.append(slack.world.channel("papers", slack.world.user("Eve", team=team)))
    subscribe(store, *map(address, channels))
    return channels


class Weekly(Press):
    """An edition as one message."""

    def edition(self, edition, look, library):
        return [PAGE]


def address(channel):
    return f"slack:{channel.team.id}/{channel.id}"


def post(store, bot, key, *channels):
    """Plan an edition, and deliver until it is in *channels*."""
    planner(store, Weekly()).post(key=key)
    deliver(store, bot, *channels)


def deliver(store, bot, *channels):
    """Work the outbox until all that is due in *channels* is there; the rest has had its turn."""

    async def work():
        box = outbox(store, bot.platform, call=asyncio.to_thread, idle=0.01)
        working = asyncio.create_task(box.run())
        try:
            await asyncio.to_thread(until, lambda: all(set(states_in(store, one)) == {"sent"} for one in channels))
        finally:
            box.stop()
            await working

    bot.do(work)


def states_in(store, channel):
    return sorted(row.state for row in store.ledger.rows() if row.chat == address(channel))


def calls_to(slack, team, since=0):
    """What was called by a token of *team*, good or not."""
    tokens = {f"Bearer {team.token}"}
    return [call for call in slack.journal[since:] if call.headers.get("Authorization") in tokens]


def test_each_is_answered_and_posted_to_by_its_own_token(slack, store, two):
    with Hosting(slack, store) as bot:
        post(store, bot, "k", *two)
        for channel in two:
            slack.world.dm(channel.creator, "topic ctr")
        for channel in two:
            slack.wait(lambda channel=channel: slack.messages_in(slack.world.im(channel.creator)))
            slack.world.slash(channel.creator, channel, "topics")
            slack.wait(lambda channel=channel: slack.seen_only_by(channel.creator, channel))

    assert set(states(store).values()) == {"sent"}
    assert [message.text for channel in two for message in slack.messages_in(channel)] == ["the weekly"] * 2
    for channel in two:
        called = calls_to(slack, channel.team)
        assert {call.method for call in called} == {"users.info", "chat.postMessage"}
        assert {call.team for call in called} == {channel.team}
    assert not any(call.error for call in slack.journal)
    assert slack.complaints == []


def test_where_it_was_uninstalled_nothing_more_is_called_and_what_is_due_waits(slack, store, two):
    gone, there = two
    with Hosting(slack, store) as bot:
        post(store, bot, "before", gone, there)
        slack.world.uninstall(gone.team)
        until(lambda: store.installations.find(gone.team.id) is None)
        slack.wait(lambda: all(told.acked for told in slack.told))
        since = len(slack.journal)
        post(store, bot, "after", there)
        status = bot.receiver.status

    assert calls_to(slack, gone.team, since) == []
    assert states_in(store, gone) == ["pending", "sent"]
    assert states_in(store, there) == ["sent", "sent"]
    assert [one.state for one in store.subscriptions.all()] == ["active", "active"]
    assert status.ok


def test_where_it_is_installed_again_what_waited_is_sent_by_the_new_token(slack, store, two):
    gone, there = two
    with Hosting(slack, store) as bot:
        slack.world.uninstall(gone.team)
        until(lambda: store.installations.find(gone.team.id) is None)
        post(store, bot, "k", there)
        assert states_in(store, gone) == ["pending"]
        old, slack.oauth.installer = gone.team.token, gone.creator
        page = Browser(bot).install()
        deliver(store, bot, gone)

    assert page.status_code == 200
    assert gone.team.token != old
    assert states_in(store, gone) == ["sent"]
    assert [call.team for call in calls_to(slack, gone.team) if call.method == "chat.postMessage"] == [gone.team]


def test_a_revoked_token_stops_its_workspace_alone_and_is_soon_forgotten(slack, store, two):
    gone, there = two
    gone.team.state = "revoked"  # without a word: the event is lost
    more = [slack.world.channel(f"c{n}", gone.creator) for n in range(30)]
    subscribe(store, *map(address, more))
    with Hosting(slack, store) as bot:
        post(store, bot, "k", there)
        until(lambda: store.installations.find(gone.team.id) is None)
        for n in range(5):
            slack.world.dm(gone.creator, f"topic ctr {n}")
        slack.wait(lambda: all(told.acked for told in slack.told))
        post(store, bot, "l", there)
        status = bot.receiver.status
    called = calls_to(slack, gone.team)

    assert 0 < len(called) <= 20
    assert {call.error for call in called} == {"token_revoked"}
    assert {row.state for row in store.ledger.rows() if row.chat.startswith(f"slack:{gone.team.id}/")} <= {
        "pending", "retry",
    }  # fmt: skip
    assert states_in(store, there) == ["sent", "sent"]
    assert status.ok
    assert not any(one.reason for one in store.subscriptions.all())


def test_a_token_that_was_refused_by_mistake_is_used_again(slack, store, two, monkeypatch):
    monkeypatch.setattr(workspaces, "REFUSED_FOR", 0.01)
    channel, other = two
    fault = slack.faults.add(refusing("invalid_auth"), method="chat.postMessage", chat=channel.id)
    with Hosting(slack, store) as bot:
        post(store, bot, "k", channel, other)

    assert fault.struck == 1
    assert [message.text for message in slack.messages_in(channel)] == ["the weekly"]
    assert slack.calls("auth.test")
    assert store.installations.find(channel.team.id).token == channel.team.token


def test_an_event_of_before_the_installation_takes_no_token(slack, store, two):
    channel, _ = two
    with Hosting(slack, store) as bot:
        old = {"type": "event_callback", "team_id": channel.team.id, "event_time": int(time.time()) - 60}
        for event in ({"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["U1"]}}):
            bot.do(bot.receiver._watch.told, old | {"event": event})

    assert store.installations.find(channel.team.id).token == channel.team.token


def test_somebody_s_own_token_is_none_of_the_bot_s(slack, store, two):
    channel, _ = two
    with Hosting(slack, store) as bot:
        payload = {"type": "event_callback", "team_id": channel.team.id, "event_time": int(time.time()) + 60}
        bot.do(
            bot.receiver._watch.told,
            payload | {"event": {"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}},
        )

    assert store.installations.find(channel.team.id)


# Whose token it is ----------------------------------------------------------------------------------------------------


def sent(slack, tokens, *chats):
    """What comes of a message to each of *chats*, one after the other."""

    async def send():
        platform = Slack(tokens, slack.url)
        try:
            return [await platform.send(PAGE, chat) for chat in chats]
        finally:
            await platform.close()

    return asyncio.run(send())


def test_what_another_process_learned_is_taken_up_at_once(slack, store, two):
    channel, _ = two
    tokens = Workspaces(lambda: store.installations)
    assert sent(slack, tokens, address(channel)) == [Sent(slack.last(channel).ts)]

    slack.world.uninstall(channel.team)
    slack.world.reinstall(channel.team)
    store.installations.save(channel.team.id, channel.team.token)
    assert sent(slack, tokens, address(channel)) == [Sent(slack.last(channel).ts)]
    assert [call.error for call in slack.calls("chat.postMessage")] == ["", "invalid_auth", ""]


def test_where_nobody_installed_it_nothing_is_called(slack, store):
    assert sent(slack, Workspaces(lambda: store.installations), "slack:T9/C9") == [
        Rejected("the app is not installed there", "revoked")
    ]
    assert slack.journal == []


def test_a_database_that_is_away_keeps_no_known_token_back(slack, store, two, monkeypatch):
    known, unknown = two
    here = True

    def book():
        if here:
            return store.installations
        raise StoreUnreachable("gone")

    tokens = Workspaces(book)
    monkeypatch.setattr(workspaces, "KNOWN_FOR", 0.0)
    sent(slack, tokens, address(known))
    here = False
    outcomes = sent(slack, tokens, address(known), address(unknown))

    assert isinstance(outcomes[0], Sent)
    assert outcomes[1] == Retryable(reason="no token could be looked up (StoreUnreachable)")


def test_one_workspace_does_not_take_up_all_connections(slack, store, two, monkeypatch):
    monkeypatch.setattr(workspaces, "AT_ONCE", 2)
    monkeypatch.setattr(workspaces, "PATIENCE", 0.2)
    busy, other = two
    slack.faults.add(Hang(), method="chat.postMessage", chat=busy.id, times=None)

    async def crowd():
        platform = Slack(Workspaces(lambda: store.installations), slack.url)
        sending = [asyncio.create_task(platform.send(PAGE, address(busy))) for _ in range(4)]
        try:
            outcomes = [await one for one in asyncio.as_completed(sending[2:])]
            return [*outcomes, await platform.send(PAGE, address(other))]
        finally:
            for one in sending:
                one.cancel()
            await platform.close()

    *turned_away, sent_elsewhere = asyncio.run(crowd())

    assert turned_away == [Retryable(reason="2 calls are under way there")] * 2
    assert isinstance(sent_elsewhere, Sent)


def test_a_curator_is_written_to_in_the_workspace_that_was_first(slack, store, two):
    first, _ = two
    outcomes = sent(slack, Workspaces(lambda: store.installations), f"slack:{first.creator.id}")

    assert isinstance(outcomes[0], Sent)
    assert [call.team for call in slack.calls("chat.postMessage")] == [first.team]


def test_what_is_refused_for_a_reason_that_may_pass_is_asked_about_rarely(slack, store, two):
    channel, _ = two
    store.database.write(lambda c: buckets.stop(c, f"slack:{channel.team.id}", "200 invalid_auth"))
    slack.faults.add(refusing("invalid_auth"), method="auth.test", times=None)

    async def looked():
        platform = Slack(Workspaces(lambda: store.installations), slack.url)
        watch = WorkspacesWatch(platform, platform.tokens, random=None)
        try:
            for _ in range(5):
                await watch._look()
        finally:
            await platform.close()

    asyncio.run(looked())

    assert len(slack.calls("auth.test")) == 1
    assert store.installations.find(channel.team.id)


def test_bolt_finds_keeps_and_forgets_bots_where_ours_are(slack, store, two):
    channel, _ = two
    book = Book(Workspaces(lambda: store.installations))
    there = {"enterprise_id": None, "team_id": channel.team.id}

    async def asked():
        before = await book.async_find_bot(**there)
        await book.async_delete_bot(**there)
        return before, await book.async_find_bot(**there), await book.async_find_bot(enterprise_id="E1", team_id=None)

    before, after, organization = asyncio.run(asked())

    assert (before.team_id, before.bot_token, before.bot_user_id) == (
        channel.team.id, channel.team.token, channel.team.bot.id,
    )  # fmt: skip
    assert (after, organization) == (None, None)
