"""Read the environment once: variables, and a `.env` beside them, into one frozen `Settings`; all mistakes together.

A field's *cure* says how its variable has to look: it ends the sentence about a mistake. What the
content's own `digest.yaml` may set too (DIGEST_…) is None here where the environment is silent: the order is
environment, then `digest.yaml`, then the DEFAULT_… of this module, and `app` puts them together.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Literal

from dotenv import dotenv_values

from bot import values
from bot.errors import ConfigurationError
from bot.hosting import loses
from bot.values import Secret

DEFAULT_PORT = 8080
DEFAULT_SCHEDULE = "mon 09:00"
DEFAULT_TIMEZONE = "UTC"
DEFAULT_LOG_LEVEL = "INFO"

READING = (
    "content",
    "public_url",
    "database_url",
    "content_refresh",
    "allow_private_addresses",
    "digest_schedule",
    "digest_timezone",
    "digest_language",
    "log_level",
    "log_format",
)
"""What the verbs read that only read content (ask, check, export, calendar, preview)."""


def _lost(file: str | None) -> list[str]:
    """The sentence about a database in *file* that its host will have forgotten tomorrow, if it is one."""
    if file is None or (host := loses(file, os.environ)) is None:
        return []
    sentence = (
        f"DATABASE_URL is SQLite in {file}, on a disk that {host} throws away at every restart, and with it every "
        "subscription: write the address of a PostgreSQL, or of a file on a volume if there is one, or "
        "ALLOW_EPHEMERAL_SQLITE=on where nothing needs to be remembered."
    )
    return [sentence]


def _variable(default: Any, read: Callable[[Any], Any], cure: str, *, show: bool = True) -> Any:
    """A field that *read* makes of a variable's text."""
    return field(default=default, repr=show, metadata={"read": read, "cure": cure})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the person who runs the bot decided. A value: only `Settings.load` looks at the environment.

    Made by hand, it takes texts too, and raises ValueError at the first that is wrong.
    """

    # An address of CONTENT may hold a password, so it stays out of repr as the secrets do.
    content: tuple[str, ...] = _variable(
        ("content",), values.places, "name folders, files or addresses, separated by spaces", show=False
    )
    database_url: Secret = _variable(
        Secret("sqlite:///data/heji.db"),
        values.database,
        "write sqlite:///path/to/file.db or postgresql://user:password@host/name",
    )

    telegram_bot_token: Secret | None = _variable(
        None,
        values.telegram_token,
        "copy the whole token from @BotFather: a number, a colon and about 35 characters",
    )
    telegram_api_base_url: str = _variable(
        "https://api.telegram.org", values.root, "write the root of a Bot API server, such as http://127.0.0.1:8081"
    )
    telegram_webhook_secret: Secret | None = _variable(
        None,
        values.webhook_secret,
        "write 1 to 256 of A-Z a-z 0-9 _ - or leave it out: it is then derived from the token",
    )

    slack_bot_token: Secret | None = _variable(
        None, values.slack_bot_token, "copy the Bot User OAuth Token, which begins with xoxb-"
    )
    slack_app_token: Secret | None = _variable(
        None, values.slack_app_token, "copy the App-Level Token with connections:write, which begins with xapp-"
    )
    slack_signing_secret: Secret | None = _variable(None, values.hidden, "copy the Signing Secret of the app's page")
    slack_client_id: str | None = _variable(None, str, "copy the Client ID of the app's page")
    slack_client_secret: Secret | None = _variable(None, values.hidden, "copy the Client Secret of the app's page")
    slack_api_base_url: str = _variable(
        "https://slack.com/api/",
        values.slack_root,
        "write the root of Slack's methods, such as http://127.0.0.1:9300/api/",
    )
    slack_command: str = _variable(
        "/digest", values.slack_command, "write a slash and up to 31 of a-z 0-9 _ - such as /digest"
    )

    public_url: str | None = _variable(
        None,
        values.root,
        "write the address under which the world reaches the bot, such as https://digest.example.org",
    )
    host: str = _variable(
        "127.0.0.1", values.host, "write a name or number such as 127.0.0.1, or 0.0.0.0 for every network interface"
    )
    # None is not DEFAULT_PORT: who sets PORT wants that one or none, and wants to be served after the console's end.
    port: int | None = _variable(None, values.port, "write a number from 0 to 65535, such as 8080")

    curators: tuple[str, ...] = _variable((), values.curators, "write telegram:NUMBER or slack:ID, separated by spaces")

    digest_schedule: str | None = _variable(
        None, values.schedule, "write for example mon 09:00, or mon,thu 18:30, or daily 08:00, or monthly 1 09:00"
    )
    digest_timezone: str | None = _variable(None, values.known_zone, "write an IANA name such as Asia/Shanghai or UTC")
    digest_language: str | None = _variable(None, values.language, "write zh or en")

    delivery_on_uncertain: Literal["resend", "hold"] = _variable(
        "resend", values.one_of("resend", "hold"), "write resend or hold"
    )
    telegram_rate: float = _variable(25.0, values.rate, "write messages per second, above 0, such as 25")
    slack_rate: float = _variable(1.0, values.rate, "write messages per second and channel, above 0, such as 1")

    content_refresh: float = _variable(5.0, values.rate, "write minutes, above 0, such as 5")
    content_push_secret: Secret | None = _variable(None, values.hidden, "write the secret that the sender signs with")

    chat_box: bool = _variable(True, values.switch, "write on or off")

    allow_private_addresses: bool = _variable(False, values.switch, "write on or off")
    allow_ephemeral_sqlite: bool = _variable(False, values.switch, "write on or off")
    enrich: bool = _variable(False, values.switch, "write on or off")

    # None is DEFAULT_LOG_LEVEL, or less of it where somebody sits at a terminal.
    log_level: str | None = _variable(
        None,
        values.one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "write DEBUG, INFO, WARNING, ERROR or CRITICAL",
    )
    log_format: Literal["console", "json"] = _variable(
        "console", values.one_of("console", "json"), "write console or json"
    )

    metrics: bool = _variable(True, values.switch, "write on or off")

    # What one variable needs of another: (this, needs one of these, why). Checked where all of them are read.
    NEEDS: ClassVar[tuple[tuple[str, tuple[str, ...], str], ...]] = (
        ("SLACK_APP_TOKEN", ("SLACK_BOT_TOKEN",), "set that too, Socket Mode answers with it"),
        ("SLACK_BOT_TOKEN", ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"), "set one of them, or nothing can arrive"),
        ("SLACK_CLIENT_ID", ("SLACK_CLIENT_SECRET",), "OAuth needs both"),
        ("SLACK_CLIENT_SECRET", ("SLACK_CLIENT_ID",), "OAuth needs both"),
        ("SLACK_CLIENT_ID", ("SLACK_SIGNING_SECRET",), "OAuth comes with HTTP, whose requests are signed"),
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            if (value := getattr(self, one.name)) is not None:
                object.__setattr__(self, one.name, one.metadata["read"](value))

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL as SQLAlchemy takes it: hosts write `postgres://`, which it refuses. Holds the password."""
        url = self.database_url.reveal()
        return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url)

    @property
    def sqlite_file(self) -> str | None:
        """The file of a SQLite database; None for PostgreSQL, and for a database in memory."""
        kind, _, rest = self.database_url.reveal().partition(":///")
        return rest.partition("?")[0] or None if kind == "sqlite" else None

    @property
    def on_postgresql(self) -> bool:
        """Whether the database is PostgreSQL, where any number of processes work side by side."""
        return self.sqlalchemy_url.startswith("postgresql")

    @property
    def archive(self) -> str | None:
        """Where readers find all editions, if anywhere."""
        return f"{self.public_url}/" if self.public_url else None

    @property
    def has_token(self) -> bool:
        """Whether there is a network to answer on; else the chat is on the terminal."""
        return any((self.telegram_bot_token, self.slack_bot_token, self.slack_client_id))

    @property
    def webhook_secret(self) -> str:
        """TELEGRAM_WEBHOOK_SECRET; where none is set, one that nobody can tell who does not know the token."""
        if self.telegram_webhook_secret is not None:
            return self.telegram_webhook_secret.reveal()
        token = self.telegram_bot_token.reveal() if self.telegram_bot_token else ""
        return hmac.new(token.encode(), b"heji telegram webhook", hashlib.sha256).hexdigest()

    def secrets(self) -> frozenset[str]:
        """Every text that no log, page or error message may hold, the password inside DATABASE_URL too."""
        mine = (getattr(self, one.name) for one in fields(self))
        found = {one.reveal() for one in mine if isinstance(one, Secret)}
        found.add(self.webhook_secret)
        addresses = (self.database_url.reveal(), *self.content)
        return frozenset(found.union(*map(values.secrets_in, addresses))) - {""}

    @classmethod
    def load(cls, *names: str) -> Settings:
        """The settings called *names* (all of them where none is named) from the environment and `.env`.

        A variable that is not asked for keeps its default, whatever is written in it: a verb validates only what it
        reads. An empty variable is an unset one. Raises ConfigurationError with a sentence for each mistake.
        """
        asked = frozenset(name.upper() for name in names) or cls.variables()
        if unknown := asked - cls.variables():
            raise KeyError(*sorted(unknown))
        given = {name: text for name, text in cls._written().items() if name in asked}
        taken, mistakes = {}, []
        for one in fields(cls):
            if (text := given.get(one.name.upper())) is not None:
                try:
                    taken[one.name] = one.metadata["read"](text)
                except ValueError as error:
                    mistakes.append(_sentence(one, text, error))
        mistakes += cls._lonely(given, asked)
        settings = cls(**taken)
        if "ALLOW_EPHEMERAL_SQLITE" in asked and not settings.allow_ephemeral_sqlite:
            mistakes += _lost(settings.sqlite_file)
        if mistakes:
            raise ConfigurationError(mistakes)
        return settings

    @classmethod
    def variables(cls) -> frozenset[str]:
        """The names of all variables that the program reads."""
        return frozenset(one.name.upper() for one in fields(cls))

    @classmethod
    def _written(cls) -> dict[str, str]:
        """Name to text of every variable of ours that is set and not blank; the environment wins over `.env`."""
        try:
            beside = dotenv_values(".env", encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f".env cannot be read: {error}; make it a UTF-8 text file.") from None
        texts = ((name, (text or "").strip()) for source in (beside, os.environ) for name, text in source.items())
        return {name: text for name, text in texts if text and name in cls.variables()}

    @classmethod
    def _lonely(cls, given: Mapping[str, str], asked: frozenset[str]) -> list[str]:
        """A sentence for each variable that is set without what it NEEDS, as far as all of them are asked for."""
        return [
            f"{name} is set without {' or '.join(needs)}: {why}."
            for name, needs, why in cls.NEEDS
            if asked.issuperset({name, *needs}) and name in given and given.keys().isdisjoint(needs)
        ]


def _sentence(one: Field[Any], text: str, error: ValueError) -> str:
    """What is wrong with one variable, and the cure: PORT is "x": write a number from 0 to 65535."""
    return f"{one.name.upper()} {str(error) or f'is {values.shown(text)}'}: {one.metadata['cure']}."
