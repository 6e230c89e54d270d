"""Read the environment once: variables, and a `.env` beside them, into one frozen `Settings`; all mistakes together.

A field's *description* says how its variable has to look: it is the cure in the sentence about a mistake. What the
content's own `digest.yaml` may set too (DIGEST_…) is None here where the environment is silent: the order is
environment, then `digest.yaml`, then the DEFAULT_… of this module, and `app` puts them together.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import ConfigurationError
from bot.hosting import loses

DEFAULT_PORT = 8080
DEFAULT_SCHEDULE = "mon 09:00"
DEFAULT_TIMEZONE = "UTC"

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

_SCHEDULE = re.compile(
    r"""(?: daily
          | (?:mon|tue|wed|thu|fri|sat|sun)(?:\s*,\s*(?:mon|tue|wed|thu|fri|sat|sun))*
          | monthly \s+ (?:[1-9]|[12]\d|3[01]) )
        \s+ (?:[01]?\d|2[0-3]) : [0-5]\d""",
    re.VERBOSE | re.IGNORECASE,
)
_DATABASE = re.compile(
    r"""sqlite:///?.*
      | postgres(?:ql(?:\+psycopg)?)?://
        (?! $ ) (?: .*@ )?                                      # who
        (?: \[ [^\]/?]+ \] | [^:/?\[\]]* ) (?: :\d{0,5} )?    # where
        (?: [/?] .* )?""",
    re.VERBOSE | re.DOTALL,
)
_USER = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<name>[^/?#:@]+)(?::(?P<password>[^@]*))?@", re.IGNORECASE)
_SECRET_NAME = re.compile(r"token|secret|passw|pwd|key|sig|auth", re.IGNORECASE)
_CURATOR = re.compile(r"telegram:[1-9]\d*|slack:[A-Z][A-Z0-9]*|console:\S+")


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


# How a variable has to look ------------------------------------------------------------------------------------------
# Each takes the text and gives back what the program uses, or raises ValueError saying what is wrong with it.


def _shown(text: str) -> str:
    """*text* in quotation marks, cut, and on one line whatever it holds."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return f'"{shown if len(shown) <= 60 else shown[:59] + "…"}"'


def _words(text: object) -> object:
    return tuple(text.replace(",", " ").split()) if isinstance(text, str) else text


def _places(text: object) -> object:
    """Split at spaces; quotation marks keep a folder's name with spaces in it together, backslashes mean nothing."""
    if not isinstance(text, str):
        return text
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        return tuple(place for place in lexer if place)
    except ValueError:
        raise ValueError("has a quotation mark that is never closed") from None


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


def _upper(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


def _schedule(text: str) -> str:
    if not _SCHEDULE.fullmatch(text):
        raise ValueError(f"is {_shown(text)}, which is no schedule")
    return " ".join(text.lower().split())


def known_zone(text: str) -> str:
    """The IANA name that *text* is. Raises ValueError saying that it is none, and what comes near."""
    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, LookupError):  # a folder's name, a path out of the database, no such zone
        zones = {zone.lower(): zone for zone in available_timezones()}
        near = difflib.get_close_matches(text.lower(), zones, n=1)
        hint = f" (did you mean {zones[near[0]]}?)" if near else ""
        raise ValueError(f"is {_shown(text)}, which is no known time zone{hint}") from None


def _language(text: str) -> str:
    """`zh-CN` and `en_GB` count as what the bot speaks: zh, en."""
    language = re.split("[-_]", text.lower())[0]
    if language not in ("zh", "en"):
        raise ValueError(f"is {_shown(text)}, which the bot does not speak")
    return language


def _host(text: str) -> str:
    if re.search(r"[\s/]", text):
        raise ValueError(f"is {_shown(text)}, which is no address")
    return text


def _root(text: str) -> str:
    """The root of an HTTP service, without the slash at its end."""
    try:
        url = urlsplit(text)
        sound = url.scheme in ("http", "https") and url.hostname and not re.search(r"\s", text)
        sound = sound and not (url.query or url.fragment or url.username) and url.port != 0
    except ValueError:  # a port out of range, a bracket that is never closed
        sound = False
    if not sound:
        raise ValueError("is no such address")
    return text.rstrip("/")


def _database(secret: SecretStr) -> SecretStr:
    if not _DATABASE.fullmatch(secret.get_secret_value()):
        raise ValueError("names no database that heji can use")
    return secret


def _secrets_in(address: str) -> Iterator[str]:
    """What nobody else may see of *address*: its password, a token in the place of a name, the value of `?token=…`."""
    if user := _USER.match(address):
        yield user["password"] or (user["name"] if user["scheme"].startswith("http") else "")
    try:
        parts = urlsplit(address)
    except ValueError:  # a bracket that is never closed
        return
    yield parts.password or ""  # where it holds an @, urlsplit takes the last one
    yield from (value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name))


def _telegram_token(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"\d+:[\w-]+", secret.get_secret_value(), re.ASCII):
        raise ValueError("does not look like a bot's token")
    return secret


def _webhook_secret(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\w-]{1,256}", secret.get_secret_value(), re.ASCII):
        raise ValueError("has characters that Telegram refuses, or too many")
    return secret


def revealed(secret: SecretStr | None) -> str | None:
    """The text of *secret*, for whoever has to show it to its network."""
    return secret.get_secret_value() if secret else None


def _slack_bot_token(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value().startswith(("xapp-", "xoxp-", "xoxe")):
        raise ValueError("holds another kind of token")
    return secret


def _slack_app_token(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value().startswith("xox"):
        raise ValueError("holds another kind of token")
    return secret


def _slack_command(text: str) -> str:
    command = "/" + text.removeprefix("/")
    if not re.fullmatch(r"/[\w-]{1,31}", command) or command != command.lower():
        raise ValueError(f"is {_shown(text)}, which Slack takes for no command")
    return command


def _curators(people: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [person for person in people if not _CURATOR.fullmatch(person)]:
        raise ValueError(f"names {', '.join(map(_shown, wrong))}, which is nobody on a platform")
    return tuple(dict.fromkeys(people))


Choice = BeforeValidator(_lower)
Places = Annotated[tuple[str, ...], BeforeValidator(_places)]
Curators = Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_curators)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Root = Annotated[str, AfterValidator(_root)]


class Settings(BaseModel):
    """What the person who runs the bot decided. A value: only `Settings.load` looks at the environment."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=str.upper, populate_by_name=True, hide_input_in_errors=True
    )

    # An address of CONTENT may hold a password, so it stays out of repr as the secrets do.
    content: Places = Field(
        ("content",), min_length=1, repr=False, description="name folders, files or addresses, separated by spaces"
    )
    database_url: Annotated[SecretStr, AfterValidator(_database)] = Field(
        SecretStr("sqlite:///data/heji.db"),
        description="write sqlite:///path/to/file.db or postgresql://user:password@host/name",
    )

    telegram_bot_token: Annotated[SecretStr, AfterValidator(_telegram_token)] | None = Field(
        None, description="copy the whole token from @BotFather: a number, a colon and about 35 characters"
    )
    telegram_api_base_url: Root = Field(
        "https://api.telegram.org", description="write the root of a Bot API server, such as http://127.0.0.1:8081"
    )
    telegram_webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = Field(
        None, description="write 1 to 256 of A-Z a-z 0-9 _ - or leave it out: it is then derived from the token"
    )

    slack_bot_token: Annotated[SecretStr, AfterValidator(_slack_bot_token)] | None = Field(
        None, description="copy the Bot User OAuth Token, which begins with xoxb-"
    )
    slack_app_token: Annotated[SecretStr, AfterValidator(_slack_app_token)] | None = Field(
        None, description="copy the App-Level Token with connections:write, which begins with xapp-"
    )
    slack_signing_secret: SecretStr | None = Field(None, description="copy the Signing Secret of the app's page")
    slack_client_id: str | None = Field(None, description="copy the Client ID of the app's page")
    slack_client_secret: SecretStr | None = Field(None, description="copy the Client Secret of the app's page")
    slack_api_base_url: Annotated[Root, AfterValidator(lambda root: root + "/")] = Field(
        "https://slack.com/api/", description="write the root of Slack's methods, such as http://127.0.0.1:9300/api/"
    )
    slack_command: Annotated[str, AfterValidator(_slack_command)] = Field(
        "/digest", description="write a slash and up to 31 of a-z 0-9 _ - such as /digest"
    )

    public_url: Root | None = Field(
        None, description="write the address under which the world reaches the bot, such as https://digest.example.org"
    )
    host: Annotated[str, AfterValidator(_host)] = Field(
        "127.0.0.1", description="write a name or number such as 127.0.0.1, or 0.0.0.0 for every network interface"
    )
    # None is not DEFAULT_PORT: who sets PORT wants that one or none, and wants to be served after the console's end.
    port: int | None = Field(None, ge=0, le=65535, description="write a number from 0 to 65535, such as 8080")

    curators: Curators = Field((), description="write telegram:NUMBER or slack:ID, separated by spaces")

    digest_schedule: Annotated[str, AfterValidator(_schedule)] | None = Field(
        None, description="write for example mon 09:00, or mon,thu 18:30, or daily 08:00, or monthly 1 09:00"
    )
    digest_timezone: Annotated[str, AfterValidator(known_zone)] | None = Field(
        None, description="write an IANA name such as Asia/Shanghai or UTC"
    )
    digest_language: Annotated[str, AfterValidator(_language)] | None = Field(None, description="write zh or en")

    delivery_on_uncertain: Annotated[Literal["resend", "hold"], Choice] = Field(
        "resend", description="write resend or hold"
    )
    telegram_rate: Rate = Field(25.0, description="write messages per second, above 0, such as 25")
    slack_rate: Rate = Field(1.0, description="write messages per second and channel, above 0, such as 1")

    content_refresh: Rate = Field(5.0, description="write minutes, above 0, such as 5")
    content_push_secret: SecretStr | None = Field(None, description="write the secret that the sender signs with")

    chat_box: bool = Field(True, description="write on or off")

    allow_private_addresses: bool = Field(False, description="write on or off")
    allow_ephemeral_sqlite: bool = Field(False, description="write on or off")
    enrich: bool = Field(False, description="write on or off")

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = Field(
        "INFO", description="write DEBUG, INFO, WARNING, ERROR or CRITICAL"
    )
    log_format: Annotated[Literal["console", "json"], Choice] = Field("console", description="write console or json")

    metrics: bool = Field(True, description="write on or off")

    # What one variable needs of another: (this, needs one of these, why). Checked where all of them are read.
    NEEDS: ClassVar[tuple[tuple[str, tuple[str, ...], str], ...]] = (
        ("SLACK_APP_TOKEN", ("SLACK_BOT_TOKEN",), "set that too, Socket Mode answers with it"),
        ("SLACK_BOT_TOKEN", ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"), "set one of them, or nothing can arrive"),
        ("SLACK_CLIENT_ID", ("SLACK_CLIENT_SECRET",), "OAuth needs both"),
        ("SLACK_CLIENT_SECRET", ("SLACK_CLIENT_ID",), "OAuth needs both"),
        ("SLACK_CLIENT_ID", ("SLACK_SIGNING_SECRET",), "OAuth comes with HTTP, whose requests are signed"),
    )

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL as SQLAlchemy takes it: hosts write `postgres://`, which it refuses. Holds the password."""
        url = self.database_url.get_secret_value()
        return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url)

    @property
    def sqlite_file(self) -> str | None:
        """The file of a SQLite database; None for PostgreSQL, and for a database in memory."""
        kind, _, rest = self.database_url.get_secret_value().partition(":///")
        return rest.partition("?")[0] or None if kind == "sqlite" else None

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
            return self.telegram_webhook_secret.get_secret_value()
        token = self.telegram_bot_token.get_secret_value() if self.telegram_bot_token else ""
        return hmac.new(token.encode(), b"heji telegram webhook", hashlib.sha256).hexdigest()

    def secrets(self) -> frozenset[str]:
        """Every text that no log, page or error message may hold, the password inside DATABASE_URL too."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        found = {field.get_secret_value() for field in fields if isinstance(field, SecretStr)}
        found.add(self.webhook_secret)
        addresses = (self.database_url.get_secret_value(), *self.content)
        return frozenset(found.union(*map(_secrets_in, addresses))) - {""}

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
        mistakes = cls._lonely(given, asked)
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            raise ConfigurationError([cls._sentence(mistake, given) for mistake in error.errors()] + mistakes) from None
        if "ALLOW_EPHEMERAL_SQLITE" in asked and not settings.allow_ephemeral_sqlite:
            mistakes += _lost(settings.sqlite_file)
        if mistakes:
            raise ConfigurationError(mistakes)
        return settings

    @classmethod
    def variables(cls) -> frozenset[str]:
        """The names of all variables that the program reads."""
        return frozenset(name.upper() for name in cls.model_fields)

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

    @classmethod
    def _sentence(cls, mistake: ErrorDetails, given: Mapping[str, str]) -> str:
        """What is wrong with one variable, and the cure: PORT is "x": write a number from 0 to 65535."""
        name = str(mistake["loc"][0])
        wrong = mistake.get("ctx", {}).get("error") or f"is {_shown(given[name])}"
        return f"{name} {wrong}: {cls.model_fields[name.lower()].description}."
