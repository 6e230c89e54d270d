import json
import re
from pathlib import Path

import fastjsonschema
import pytest
import yaml

from bot.chat.commands import TABLE
from bot.errors import ConfigurationError
from bot.platforms.slack.manifest import EVENTS, RESERVED, SCOPES, as_yaml, manifest, usage_hint

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs" / "slack.md"
URL = "https://digest.example.org"
SOCKET = manifest(mode="socket")
HTTP = manifest(mode="http", public_url=f"{URL}/", command="/reading")

# Slack's own schema has these where its types have none (slackapi/manifest-schema, version 1.0.0).
LENGTHS = {
    "display_information.name": (1, 35),
    "display_information.description": (1, 140),
    "display_information.long_description": (175, 4000),
    "features.bot_user.display_name": (1, 80),
    "features.shortcuts.name": (1, 24),
    "features.shortcuts.callback_id": (1, 255),
    "features.shortcuts.description": (1, 150),
    "features.slash_commands.command": (2, 32),
    "features.slash_commands.description": (1, 2000),
    "features.slash_commands.usage_hint": (1, 1000),
    "features.slash_commands.url": (1, 3000),
    "settings.event_subscriptions.bot_events": (1, 50),
    "oauth_config.scopes.bot": (1, 50),
}


def strings(found, place=""):
    """Every string of a manifest and where it stands."""
    match found:
        case dict():
            for key, value in found.items():
                yield from strings(value, f"{place}.{key}".lstrip("."))
        case list():
            for one in found:
                yield from strings(one, place)
        case str():
            yield place, found


@pytest.mark.parametrize("made", [SOCKET, HTTP], ids=["socket", "http"])
def test_it_is_one_by_slacks_types(made):
    schema = json.loads((HERE / "slack_manifest.schema.json").read_text("utf-8"))

    assert fastjsonschema.compile(schema, use_default=False)(made) == made


@pytest.mark.parametrize("made", [SOCKET, HTTP], ids=["socket", "http"])
def test_no_text_in_it_is_too_short_or_too_long(made):
    lengths = {place: len(text) for place, text in strings(made) if place in LENGTHS}

    assert {place for place, n in lengths.items() if not LENGTHS[place][0] <= n <= LENGTHS[place][1]} == set()
    assert set(LENGTHS) - set(lengths) <= {"features.slash_commands.url"}


@pytest.mark.parametrize("made", [SOCKET, HTTP], ids=["socket", "http"])
def test_as_yaml_it_is_the_same(made):
    assert yaml.safe_load(as_yaml(made)) == made
    assert as_yaml(made).startswith("_metadata:")


def test_with_sockets_it_names_no_address():
    assert SOCKET["settings"]["socket_mode_enabled"] is True
    assert not [place for place, text in strings(SOCKET) if text.startswith("http")]


def test_with_http_slack_sends_all_to_one_door_and_people_come_back_from_oauth():
    addresses = {place: text for place, text in strings(HTTP) if text.startswith("http")}

    assert HTTP["settings"]["socket_mode_enabled"] is False
    assert addresses == {
        "features.slash_commands.url": f"{URL}/slack/events",
        "oauth_config.redirect_urls": f"{URL}/slack/oauth_redirect",
        "settings.event_subscriptions.request_url": f"{URL}/slack/events",
        "settings.interactivity.request_url": f"{URL}/slack/events",
    }


def test_the_root_is_the_one_command():
    assert [one["command"] for one in SOCKET["features"]["slash_commands"]] == ["/digest"]
    assert [one["command"] for one in HTTP["features"]["slash_commands"]] == ["/reading"]


def test_its_usage_is_the_command_table_without_what_only_curators_may():
    names = [one.split()[0] for one in usage_hint().split(" | ")]

    assert names == [row.name for row in TABLE if row.listed and row.role != "curator"]
    assert "search words" in usage_hint()


def test_every_event_has_its_scopes_and_every_scope_its_use():
    needed = {scope for scopes in EVENTS.values() for scope in scopes}
    by_other_means = {"chat:write", "commands", "users:read"}

    assert needed | by_other_means == set(SCOPES)
    assert SOCKET["oauth_config"]["scopes"] == {"bot": list(SCOPES)}
    assert SOCKET["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)


def test_the_documentation_gives_each_scope_with_its_reason():
    rows = re.findall(r"^\| `([a-z_]+(?::[a-z]+)?)` \| (.+) \|$", DOCS.read_text("utf-8"), re.MULTILINE)

    assert dict(rows) == dict(SCOPES)


@pytest.mark.parametrize("name", ["topic", "search", "invite_people", "status"])
def test_a_command_of_slacks_own_is_refused_with_the_cure(name):
    assert name in RESERVED
    with pytest.raises(ConfigurationError, match=f"SLACK_COMMAND is /{name}, .* such as /digest"):
        manifest(mode="socket", command=f"/{name}")


def test_all_mistakes_are_said_at_once():
    with pytest.raises(ConfigurationError) as caught:
        manifest(mode="http", command="/who", name="n" * 36)

    assert [mistake.split()[0] for mistake in caught.value.mistakes] == ["SLACK_COMMAND", "PUBLIC_URL", "the"]


def test_slack_calls_nothing_but_https():
    with pytest.raises(ConfigurationError, match="PUBLIC_URL is not https"):
        manifest(mode="http", public_url="http://digest.example.org")
