"""Read the environment once: variables, and a `.env` beside them, into one frozen `Settings`; all mistakes together.

A field's *cure* says how its variable has to look: it ends the sentence about a mistake. What the
content's own `digest.yaml` may set too (DIGEST_…) is None here where the environment is silent: the order is
environment, then `digest.yaml`, then the DEFAULT_… of this module, and `app` puts them together.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import math
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values

from bot.errors import ConfigurationError
from bot.hosting import loses

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
_YES, _NO = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")
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


class Secret:
    """A text that shows itself only to whoever asks for it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other.get_secret_value()

    def __hash__(self) -> int:
        return hash(self._text)


# How a variable has to look ------------------------------------------------------------------------------------------
# Each takes the text and gives back what the program uses, which it lets pass too; or raises ValueError, saying what is
# wrong with it where that is more than the text itself shows.


def _shown(text: str) -> str:
    """*text* in quotation marks, cut, and on one line whatever it holds."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return f'"{shown if len(shown) <= 60 else shown[:59] + "…"}"'


def _places(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Split at spaces; quotation marks keep a folder's name with spaces in it together, backslashes mean nothing."""
    if isinstance(text, tuple):
        return text
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        places = tuple(place for place in lexer if place)
    except ValueError:
        raise ValueError("has a quotation mark that is never closed") from None
    if not places:
        raise ValueError
    return places


def _one_of(*choices: str) -> Callable[[str], str]:
    """A reader of one of *choices*, in small letters or capitals."""

    def read(text: str) -> str:
        if (found := next((choice for choice in choices if choice.lower() == text.lower()), None)) is None:
            raise ValueError
        return found

    return read


def _switch(text: str | bool) -> bool:
    if isinstance(text, bool):
        return text
    if (word := text.lower()) not in _YES + _NO:
        raise ValueError
    return word in _YES


def _port(text: str | int) -> int:
    if not re.fullmatch(r"\d{1,5}", str(text), re.ASCII) or (number := int(text)) > 65535:
        raise ValueError
    return number


def _rate(text: str | float) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise ValueError from None
    if not 0 < rate < math.inf:
        raise ValueError
    return rate


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


def _slack_root(text: str) -> str:
    return _root(text) + "/"


def _secret(text: str | Secret) -> Secret:
    return text if isinstance(text, Secret) else Secret(text)


def _database(text: str | Secret) -> Secret:
    if not _DATABASE.fullmatch((secret := _secret(text)).get_secret_value()):
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


def _telegram_token(text: str | Secret) -> Secret:
    secret = _secret(text)
    if not re.fullmatch(r"\d+:[\w-]+", secret.get_secret_value(), re.ASCII):
        raise ValueError("does not look like a bot's token")
    return secret


def _webhook_secret(text: str | Secret) -> Secret:
    secret = _secret(text)
    if not re.fullmatch(r"[\w-]{1,256}", secret.get_secret_value(), re.ASCII):
        raise ValueError("has characters that Telegram refuses, or too many")
    return secret


def revealed(secret: Secret | None) -> str | None:
    """The text of *secret*, for whoever has to show it to its network."""
    return secret.get_secret_value() if secret else None


def _slack_bot_token(text: str | Secret) -> Secret:
    secret = _secret(text)
    if secret.get_secret_value().startswith(("xapp-", "xoxp-", "xoxe")):
        raise ValueError("holds another kind of token")
    return secret


def _slack_app_token(text: str | Secret) -> Secret:
    secret = _secret(text)
    if secret.get_secret_value().startswith("xox"):
        raise ValueError("holds another kind of token")
    return secret


def _slack_command(text: str) -> str:
    command = "/" + text.removeprefix("/")
    if not re.fullmatch(r"/[\w-]{1,31}", command) or command != command.lower():
        raise ValueError(f"is {_shown(text)}, which Slack takes for no command")
    return command


def _curators(text: str | tuple[str, ...]) -> tuple[str, ...]:
    people = tuple(text.replace(",", " ").split()) if isinstance(text, str) else text
    if wrong := [person for person in people if not _CURATOR.fullmatch(person)]:
        raise ValueError(f"names {', '.join(map(_shown, wrong))}, which is nobody on a platform")
    return tuple(dict.fromkeys(people))


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
        ("content",), _places, "name folders, files or addresses, separated by spaces", show=False
    )
    database_url: Secret = _variable(
        Secret("sqlite:///data/heji.db"),
        _database,
        "write sqlite:///path/to/file.db or postgresql://user:password@host/name",
    )

    telegram_bot_token: Secret | None = _variable(
        None, _telegram_token, "copy the whole token from @BotFather: a number, a colon and about 35 characters"
    )
    telegram_api_base_url: str = _variable(
        "https://api.telegram.org", _root, "write the root of a Bot API server, such as http://127.0.0.1:8081"
    )
    telegram_webhook_secret: Secret | None = _variable(
        None, _webhook_secret, "write 1 to 256 of A-Z a-z 0-9 _ - or leave it out: it is then derived from the token"
    )

    slack_bot_token: Secret | None = _variable(
        None, _slack_bot_token, "copy the Bot User OAuth Token, which begins with xoxb-"
    )
    slack_app_token: Secret | None = _variable(
        None, _slack_app_token, "copy the App-Level Token with connections:write, which begins with xapp-"
    )
    slack_signing_secret: Secret | None = _variable(None, _secret, "copy the Signing Secret of the app's page")
    slack_client_id: str | None = _variable(None, str, "copy the Client ID of the app's page")
    slack_client_secret: Secret | None = _variable(None, _secret, "copy the Client Secret of the app's page")
    slack_api_base_url: str = _variable(
        "https://slack.com/api/", _slack_root, "write the root of Slack's methods, such as http://127.0.0.1:9300/api/"
    )
    slack_command: str = _variable(
        "/digest", _slack_command, "write a slash and up to 31 of a-z 0-9 _ - such as /digest"
    )

    public_url: str | None = _variable(
        None, _root, "write the address under which the world reaches the bot, such as https://digest.example.org"
    )
    host: str = _variable(
        "127.0.0.1", _host, "write a name or number such as 127.0.0.1, or 0.0.0.0 for every network interface"
    )
    # None is not DEFAULT_PORT: who sets PORT wants that one or none, and wants to be served after the console's end.
    port: int | None = _variable(None, _port, "write a number from 0 to 65535, such as 8080")

    curators: tuple[str, ...] = _variable((), _curators, "write telegram:NUMBER or slack:ID, separated by spaces")

    digest_schedule: str | None = _variable(
        None, _schedule, "write for example mon 09:00, or mon,thu 18:30, or daily 08:00, or monthly 1 09:00"
    )
    digest_timezone: str | None = _variable(None, known_zone, "write an IANA name such as Asia/Shanghai or UTC")
    digest_language: str | None = _variable(None, _language, "write zh or en")

    delivery_on_uncertain: Literal["resend", "hold"] = _variable(
        "resend", _one_of("resend", "hold"), "write resend or hold"
    )
    telegram_rate: float = _variable(25.0, _rate, "write messages per second, above 0, such as 25")
    slack_rate: float = _variable(1.0, _rate, "write messages per second and channel, above 0, such as 1")

    content_refresh: float = _variable(5.0, _rate, "write minutes, above 0, such as 5")
    content_push_secret: Secret | None = _variable(None, _secret, "write the secret that the sender signs with")

    chat_box: bool = _variable(True, _switch, "write on or off")

    allow_private_addresses: bool = _variable(False, _switch, "write on or off")
    allow_ephemeral_sqlite: bool = _variable(False, _switch, "write on or off")
    enrich: bool = _variable(False, _switch, "write on or off")

    # None is DEFAULT_LOG_LEVEL, or less of it where somebody sits at a terminal.
    log_level: str | None = _variable(
        None,
        _one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "write DEBUG, INFO, WARNING, ERROR or CRITICAL",
    )
    log_format: Literal["console", "json"] = _variable("console", _one_of("console", "json"), "write console or json")

    metrics: bool = _variable(True, _switch, "write on or off")

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
        url = self.database_url.get_secret_value()
        return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url)

    @property
    def sqlite_file(self) -> str | None:
        """The file of a SQLite database; None for PostgreSQL, and for a database in memory."""
        kind, _, rest = self.database_url.get_secret_value().partition(":///")
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
            return self.telegram_webhook_secret.get_secret_value()
        token = self.telegram_bot_token.get_secret_value() if self.telegram_bot_token else ""
        return hmac.new(token.encode(), b"heji telegram webhook", hashlib.sha256).hexdigest()

    def secrets(self) -> frozenset[str]:
        """Every text that no log, page or error message may hold, the password inside DATABASE_URL too."""
        values = (getattr(self, one.name) for one in fields(self))
        found = {value.get_secret_value() for value in values if isinstance(value, Secret)}
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
        values, mistakes = {}, []
        for one in fields(cls):
            if (text := given.get(one.name.upper())) is not None:
                try:
                    values[one.name] = one.metadata["read"](text)
                except ValueError as error:
                    mistakes.append(_sentence(one, text, error))
        mistakes += cls._lonely(given, asked)
        settings = cls(**values)
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
    return f"{one.name.upper()} {str(error) or f'is {_shown(text)}'}: {one.metadata['cure']}."
