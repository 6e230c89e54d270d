from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.editions.schedule import parse_schedule
from bot.errors import ConfigurationError
from bot.hosting import loses
from bot.settings import DEFAULT_SCHEDULE, DEFAULT_TIMEZONE, READING, Settings
from bot.values import known_zone

EXAMPLE = Path(__file__).parent.parent / ".env.example"


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Set variables in an environment that holds none of ours, in a folder without `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.variables():
        monkeypatch.delenv(name, raising=False)

    def setting(**variables: str) -> None:
        for name, text in variables.items():
            monkeypatch.setenv(name, text)

    return setting


def mistakes(*names: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(*names)
    return list(caught.value.mistakes)


# What is read ---------------------------------------------------------------------------------------------------------


def test_an_empty_environment_gives_the_documented_defaults(environment):
    settings = Settings.load()

    assert settings == Settings()
    assert settings.content == ("content",)
    assert settings.sqlalchemy_url == "sqlite:///data/heji.db"
    assert (settings.host, settings.slack_command, settings.log_level) == ("127.0.0.1", "/digest", None)
    assert (settings.telegram_rate, settings.slack_rate, settings.content_refresh) == (25, 1, 5)
    assert not any((settings.allow_private_addresses, settings.allow_ephemeral_sqlite, settings.enrich))


def test_what_digest_yaml_may_set_as_well_is_none_where_the_environment_is_silent(environment):
    settings = Settings.load()

    assert (settings.digest_schedule, settings.digest_timezone, settings.digest_language) == (None, None, None)
    assert settings.port is None


def test_an_empty_or_blank_variable_is_an_unset_one(environment):
    environment(PORT="", TELEGRAM_BOT_TOKEN="", CONTENT="  ", DIGEST_TIMEZONE=" ", ENRICH="")

    assert Settings.load() == Settings()


def test_the_environment_wins_over_the_file(environment, tmp_path):
    (tmp_path / ".env").write_text("PORT=1000\nLOG_LEVEL=debug\nPATH_OF_SOMEBODY_ELSE=x\n", encoding="utf-8")
    environment(PORT="2000")
    settings = Settings.load()

    assert (settings.port, settings.log_level) == (2000, "DEBUG")


def test_a_file_saved_by_a_windows_editor_is_read(environment, tmp_path):
    (tmp_path / ".env").write_bytes("\ufeffPORT=1000\r\nCONTENT=合辑\r\n".encode())
    settings = Settings.load()

    assert (settings.port, settings.content) == (1000, ("合辑",))


def test_a_file_that_is_no_text_is_named(environment, tmp_path):
    (tmp_path / ".env").write_bytes(b"CONTENT=\xff\xfe\x00")

    assert mistakes()[0].startswith(".env cannot be read: ")


def test_surrounding_blanks_of_a_pasted_secret_are_dropped(environment):
    environment(TELEGRAM_BOT_TOKEN=" 123:abc\n")
    token = Settings.load().telegram_bot_token

    assert token is not None
    assert token.reveal() == "123:abc"


def test_settings_are_a_frozen_value(environment):
    settings = Settings.load()

    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


def test_a_settings_value_made_by_hand_reads_no_environment(environment):
    environment(PORT="nonsense")

    assert Settings(port=7).port == 7


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("content", ("content",)),
        ("a.md b.md", ("a.md", "b.md")),
        ("'my notes' \"other notes\"/x.md", ("my notes", "other notes/x.md")),
        (r"C:\digests\heji.md", (r"C:\digests\heji.md",)),
        ("a#b.md", ("a#b.md",)),
    ],
)
def test_content_names_several_places(environment, text, places):
    environment(CONTENT=text)

    assert Settings.load().content == places


@pytest.mark.parametrize("written", ["on", "1", "true", "YES", "On"])
def test_a_risk_is_taken_by_any_word_for_yes(environment, written):
    environment(ENRICH=written)

    assert Settings.load().enrich is True


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////var/heji.db", "sqlite:////var/heji.db"),
    ],
)
def test_every_spelling_of_a_database_becomes_the_one_that_sqlalchemy_takes(environment, written, url):
    environment(DATABASE_URL=written)

    assert Settings.load().sqlalchemy_url == url


def test_roots_end_as_their_clients_want_them(environment):
    environment(
        TELEGRAM_API_BASE_URL="http://127.0.0.1:8081/",
        SLACK_API_BASE_URL="http://127.0.0.1:9300/api",
        PUBLIC_URL="https://digest.example.org/",
    )
    settings = Settings.load()

    assert settings.telegram_api_base_url == "http://127.0.0.1:8081"
    assert settings.slack_api_base_url == "http://127.0.0.1:9300/api/"
    assert settings.public_url == "https://digest.example.org"


def test_curators_are_listed_once_each(environment):
    environment(CURATORS="telegram:123 slack:U1, telegram:123 console:ann")

    assert Settings.load().curators == ("telegram:123", "slack:U1", "console:ann")


@pytest.mark.parametrize("written", ["zh", "zh-CN", "ZH_tw"])
def test_a_regional_language_is_what_the_bot_speaks(environment, written):
    environment(DIGEST_LANGUAGE=written)

    assert Settings.load().digest_language == "zh"


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("CONTENT", "'a b", "CONTENT has a quotation mark that is never closed: name folders"),
        ("CONTENT", "''", "CONTENT is \"''\": name folders"),
        ("DATABASE_URL", "mysql://h/d", "DATABASE_URL names no database that heji can use: write sqlite"),
        ("DATABASE_URL", "postgres://", "DATABASE_URL names no database"),
        ("TELEGRAM_BOT_TOKEN", "bot123:abc", "TELEGRAM_BOT_TOKEN does not look like a bot's token: copy"),
        ("TELEGRAM_API_BASE_URL", "127.0.0.1:8081", "TELEGRAM_API_BASE_URL is no such address: write"),
        ("TELEGRAM_WEBHOOK_SECRET", "no spaces", "TELEGRAM_WEBHOOK_SECRET has characters that Telegram refuses"),
        ("SLACK_BOT_TOKEN", "xapp-1", "SLACK_BOT_TOKEN holds another kind of token: copy"),
        ("SLACK_APP_TOKEN", "xoxb-1", "SLACK_APP_TOKEN holds another kind of token: copy"),
        ("SLACK_API_BASE_URL", "https://", "SLACK_API_BASE_URL is no such address: write"),
        ("SLACK_COMMAND", "/Two words", 'SLACK_COMMAND is "/Two words", which Slack takes for no command: write'),
        ("PUBLIC_URL", "https://h:99999", "PUBLIC_URL is no such address: write"),
        ("PUBLIC_URL", "https://h/?q=1", "PUBLIC_URL is no such address: write"),
        ("HOST", "http://0.0.0.0", 'HOST is "http://0.0.0.0", which is no address: write'),
        ("PORT", "eighty", 'PORT is "eighty": write a number from 0 to 65535'),
        ("PORT", "65536", 'PORT is "65536": write a number from 0 to 65535'),
        (
            "CURATORS",
            "telegram:@ann ann",
            'CURATORS names "telegram:@ann", "ann", which is nobody on a platform: write',
        ),
        ("DIGEST_SCHEDULE", "0 9 * * 1", 'DIGEST_SCHEDULE is "0 9 * * 1", which is no schedule: write for example mon'),
        ("DIGEST_TIMEZONE", "asia/shangai", 'DIGEST_TIMEZONE is "asia/shangai", which is no known time zone (did'),
        ("DIGEST_LANGUAGE", "fr", 'DIGEST_LANGUAGE is "fr", which the bot does not speak: write zh or en'),
        ("DELIVERY_ON_UNCERTAIN", "drop", 'DELIVERY_ON_UNCERTAIN is "drop": write resend or hold'),
        ("TELEGRAM_RATE", "nan", 'TELEGRAM_RATE is "nan": write messages per second'),
        ("SLACK_RATE", "0", 'SLACK_RATE is "0": write messages per second'),
        ("CONTENT_REFRESH", "-5", 'CONTENT_REFRESH is "-5": write minutes'),
        ("ENRICH", "perhaps", 'ENRICH is "perhaps": write on or off'),
        ("LOG_LEVEL", "loud", 'LOG_LEVEL is "loud": write DEBUG'),
        ("LOG_FORMAT", "xml", 'LOG_FORMAT is "xml": write console or json'),
    ],
)
def test_a_mistake_names_the_variable_and_the_cure(environment, name, text, sentence):
    environment(**{name: text})
    found = mistakes(name)

    assert len(found) == 1
    assert found[0].startswith(sentence)
    assert found[0].endswith(".")


def test_all_mistakes_come_together(environment):
    environment(PORT="x", DIGEST_TIMEZONE="Mars/Base", SLACK_APP_TOKEN="xapp-1")

    assert [mistake.split()[0] for mistake in mistakes()] == ["PORT", "DIGEST_TIMEZONE", "SLACK_APP_TOKEN"]


def test_a_verb_validates_only_what_it_reads(environment):
    environment(PORT="x", TELEGRAM_BOT_TOKEN="x", CONTENT="digests", SLACK_BOT_TOKEN="xoxb-1")
    settings = Settings.load(*READING)

    assert settings.content == ("digests",)
    assert settings.port is None
    assert settings.telegram_bot_token is None


def test_asking_for_a_setting_that_does_not_exist_is_a_mistake_of_ours(environment):
    with pytest.raises(KeyError, match="COLOUR"):
        Settings.load("colour")


@pytest.mark.parametrize(
    ("variables", "lonely"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_BOT_TOKEN is set without SLACK_APP_TOKEN or SLACK_SIGNING_SECRET"),
        ({"SLACK_APP_TOKEN": "xapp-1"}, "SLACK_APP_TOKEN is set without SLACK_BOT_TOKEN"),
        ({"SLACK_CLIENT_SECRET": "s"}, "SLACK_CLIENT_SECRET is set without SLACK_CLIENT_ID"),
        ({"SLACK_CLIENT_ID": "1", "SLACK_CLIENT_SECRET": "s"}, "SLACK_CLIENT_ID is set without SLACK_SIGNING_SECRET"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}, None),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s"}, None),
        ({"SLACK_CLIENT_ID": "1", "SLACK_CLIENT_SECRET": "s", "SLACK_SIGNING_SECRET": "s"}, None),
    ],
)
def test_a_variable_that_needs_another_says_so(environment, variables, lonely):
    environment(**variables)
    if lonely is None:
        assert Settings.load().slack_command == "/digest"
        return
    found = mistakes()

    assert len(found) == 1
    assert found[0].startswith(lonely)


@pytest.mark.parametrize("zone", ["Asia", "../etc/passwd", "/etc/localtime", "", "\0", "UTC+8", "x" * 5000])
def test_nothing_that_is_no_zone_gets_past(zone):
    with pytest.raises(ValueError, match="no known time zone"):
        known_zone(zone)


@given(
    st.from_regex(r"(mon|TUE|wed ?, ?sun|daily|monthly {1,2}31) ([01][0-9]|2[0-3]|[0-9]):[0-5][0-9]", fullmatch=True)
)
def test_a_schedule_that_is_let_through_is_one(text):
    settings = Settings(digest_schedule=text)

    assert settings.digest_schedule is not None
    assert parse_schedule(settings.digest_schedule)


def test_the_defaults_for_new_chats_are_sound():
    assert str(parse_schedule(DEFAULT_SCHEDULE)) == DEFAULT_SCHEDULE
    assert known_zone(DEFAULT_TIMEZONE) == DEFAULT_TIMEZONE


# What is never shown --------------------------------------------------------------------------------------------------

SECRETS = {
    "CONTENT": "https://ann:hunter2@git.example.org/x.md",
    "DATABASE_URL": "postgresql://ann:hunter2@h/d",
    "TELEGRAM_BOT_TOKEN": "123:hunter2",
    "TELEGRAM_WEBHOOK_SECRET": "hunter2",
    "SLACK_BOT_TOKEN": "xoxb-hunter2",
    "SLACK_APP_TOKEN": "xapp-hunter2",
    "SLACK_SIGNING_SECRET": "hunter2",
    "SLACK_CLIENT_SECRET": "hunter2",
    "SLACK_CLIENT_ID": "1",
    "CONTENT_PUSH_SECRET": "hunter2",
}


def test_settings_never_show_a_secret(environment):
    environment(**SECRETS)
    settings = Settings.load()

    assert "hunter2" not in repr(settings) + str(settings)


def test_mistakes_never_show_a_secret(environment):
    spoilt = {
        "CONTENT": "'https://ann:hunter2@h",
        "DATABASE_URL": "mysql://ann:hunter2@h",
        "TELEGRAM_BOT_TOKEN": "hunter2",
        "TELEGRAM_WEBHOOK_SECRET": "hunter2 ü",
        "SLACK_BOT_TOKEN": "xapp-hunter2",
        "SLACK_APP_TOKEN": "xoxb-hunter2",
        "PUBLIC_URL": "https://ann:hunter2@h",
    }
    environment(**spoilt)
    found = mistakes()

    assert {sentence.split()[0] for sentence in found} == spoilt.keys()
    assert "hunter2" not in "\n".join(found)


# The example ----------------------------------------------------------------------------------------------------------


def test_the_example_names_every_variable_and_nothing_else():
    named = re.findall(r"^#([A-Z_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(named) == sorted(Settings.variables())


def test_the_example_comments_on_each_variable():
    blocks = EXAMPLE.read_text(encoding="utf-8").split("\n\n")
    bare = [block for block in blocks if "=" in block and not re.match(r"# \S", block)]

    assert bare == []


def test_the_example_shows_defaults_where_there_are_any(environment, tmp_path):
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.MULTILINE), encoding="utf-8")
    shown, defaults = asdict(Settings.load()), asdict(Settings())

    assert [name for name in shown if defaults[name] and shown[name] != defaults[name]] == []


def test_the_webhooks_secret_comes_from_the_token_where_none_is_set_and_is_kept_out_of_logs():
    one, other = (Settings(telegram_bot_token=f"{n}:{'A' * 35}") for n in (1, 2))
    given = Settings(telegram_bot_token=f"1:{'A' * 35}", telegram_webhook_secret="open-sesame")

    assert len(one.webhook_secret) == 64
    assert one.webhook_secret != other.webhook_secret
    assert one.webhook_secret in one.secrets()
    assert given.webhook_secret == "open-sesame"


# Hosts that forget ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "own", "lost"),
    [
        ("DYNO", True, "Heroku"),
        ("DYNO", False, "Heroku"),  # which has no volumes
        ("FLY_APP_NAME", True, "Fly"),
        ("FLY_APP_NAME", False, None),
        ("K_SERVICE", True, "Cloud Run"),
        ("NOTHING_OF_THE_KIND", True, None),
    ],
)
def test_a_file_on_the_host_s_own_disk_is_lost_and_one_on_a_volume_is_not(sign, own, lost):
    assert loses("/data/heji.db", {sign: "x"}, lambda path: 1 if own or path == Path("/") else 2) == lost


def test_a_database_in_memory_or_on_a_server_is_nothing_that_a_host_could_forget(environment):
    environment(DYNO="web.1", DATABASE_URL="postgres://ann:x@h/d")
    served = Settings.load()
    environment(DATABASE_URL="sqlite://")
    remembered = Settings.load()

    assert served.sqlite_file is None
    assert remembered.sqlite_file is None


@pytest.mark.parametrize(
    ("url", "sound"),
    [
        ("postgresql://ann:p@h:5432/d?sslmode=require", True),
        ("postgresql://ann:p/a:b@[::1]:5432/d", True),
        ("postgresql+psycopg:///d?host=/run/a:b", True),
        ("sqlite:///a folder/b.db", True),
        ("postgresql://ann:p@h:port/d", False),
        ("postgresql://ann:p@[::1/d", False),
        ("postgresql://", False),
        ("mysql://h/d", False),
    ],
)
def test_an_address_of_a_database_is_looked_at_before_it_is_used(environment, url, sound):
    environment(DATABASE_URL=url)
    if sound:
        assert Settings.load().database_url.reveal() == url
        return

    (mistake,) = mistakes()

    assert mistake.startswith("DATABASE_URL names no database that heji can use: write sqlite:///")


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("https://ghp_0123456789@github.com/ann/list.git", {"ghp_0123456789"}),
        ("https://ann:hunter2@example.org/x@y.md", {"hunter2"}),
        ("https://example.org/list.md?access_token=0123456789&page=2", {"0123456789"}),
        ("notes/me@home", set()),
    ],
)
def test_what_gives_access_in_an_address_of_the_content_is_a_secret(address, secrets):
    assert Settings(content=(address,)).secrets() - Settings().secrets() == secrets


def test_a_password_with_an_at_or_a_slash_is_a_secret_however_one_reads_it():
    found = Settings(database_url="postgresql://ann:can/ary@9@h/d").secrets()

    assert "can/ary" in found
    assert "ann" not in found
