"""How the text of a variable has to look, and the value that the program makes of it.

Each reader takes the text and gives back what the program uses, which it lets pass too; or it raises ValueError, saying
what is wrong with the text where that is more than the text itself shows.
"""

from __future__ import annotations

import difflib
import math
import re
import shlex
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, available_timezones

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


class Secret:
    """A text that shows itself only to whoever asks for it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other.reveal()

    def __hash__(self) -> int:
        return hash(self._text)


def shown(text: str) -> str:
    """*text* in quotation marks, cut, and on one line whatever it holds."""
    line = "".join(c if c.isprintable() else "?" for c in text)
    return f'"{line if len(line) <= 60 else line[:59] + "…"}"'


def places(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Split at spaces; quotation marks keep a folder's name with spaces in it together, backslashes mean nothing."""
    if isinstance(text, tuple):
        return text
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        found = tuple(place for place in lexer if place)
    except ValueError:
        raise ValueError("has a quotation mark that is never closed") from None
    if not found:
        raise ValueError
    return found


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader of one of *choices*, in small letters or capitals."""

    def read(text: str) -> str:
        if (found := next((choice for choice in choices if choice.lower() == text.lower()), None)) is None:
            raise ValueError
        return found

    return read


def switch(text: str | bool) -> bool:
    if isinstance(text, bool):
        return text
    if (word := text.lower()) not in _YES + _NO:
        raise ValueError
    return word in _YES


def port(text: str | int) -> int:
    if not re.fullmatch(r"\d{1,5}", str(text), re.ASCII) or (number := int(text)) > 65535:
        raise ValueError
    return number


def rate(text: str | float) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError from None
    if not 0 < number < math.inf:
        raise ValueError
    return number


def schedule(text: str) -> str:
    if not _SCHEDULE.fullmatch(text):
        raise ValueError(f"is {shown(text)}, which is no schedule")
    return " ".join(text.lower().split())


def known_zone(text: str) -> str:
    """The IANA name that *text* is. Raises ValueError saying that it is none, and what comes near."""
    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, LookupError):  # a folder's name, a path out of the database, no such zone
        zones = {zone.lower(): zone for zone in available_timezones()}
        near = difflib.get_close_matches(text.lower(), zones, n=1)
        hint = f" (did you mean {zones[near[0]]}?)" if near else ""
        raise ValueError(f"is {shown(text)}, which is no known time zone{hint}") from None


def language(text: str) -> str:
    """`zh-CN` and `en_GB` count as what the bot speaks: zh, en."""
    language = re.split("[-_]", text.lower())[0]
    if language not in ("zh", "en"):
        raise ValueError(f"is {shown(text)}, which the bot does not speak")
    return language


def host(text: str) -> str:
    if re.search(r"[\s/]", text):
        raise ValueError(f"is {shown(text)}, which is no address")
    return text


def root(text: str) -> str:
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


def slack_root(text: str) -> str:
    return root(text) + "/"


def hidden(text: str | Secret) -> Secret:
    """Any text, which nobody is to see."""
    return text if isinstance(text, Secret) else Secret(text)


def database(text: str | Secret) -> Secret:
    if not _DATABASE.fullmatch((secret := hidden(text)).reveal()):
        raise ValueError("names no database that heji can use")
    return secret


def secrets_in(address: str) -> Iterator[str]:
    """What nobody else may see of *address*: its password, a token in the place of a name, the value of `?token=…`."""
    if user := _USER.match(address):
        yield user["password"] or (user["name"] if user["scheme"].startswith("http") else "")
    try:
        parts = urlsplit(address)
    except ValueError:  # a bracket that is never closed
        return
    yield parts.password or ""  # where it holds an @, urlsplit takes the last one
    yield from (value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name))


def telegram_token(text: str | Secret) -> Secret:
    secret = hidden(text)
    if not re.fullmatch(r"\d+:[\w-]+", secret.reveal(), re.ASCII):
        raise ValueError("does not look like a bot's token")
    return secret


def webhook_secret(text: str | Secret) -> Secret:
    secret = hidden(text)
    if not re.fullmatch(r"[\w-]{1,256}", secret.reveal(), re.ASCII):
        raise ValueError("has characters that Telegram refuses, or too many")
    return secret


def revealed(secret: Secret | None) -> str | None:
    """The text of *secret*, for whoever has to show it to its network."""
    return secret.reveal() if secret else None


def slack_bot_token(text: str | Secret) -> Secret:
    secret = hidden(text)
    if secret.reveal().startswith(("xapp-", "xoxp-", "xoxe")):
        raise ValueError("holds another kind of token")
    return secret


def slack_app_token(text: str | Secret) -> Secret:
    secret = hidden(text)
    if secret.reveal().startswith("xox"):
        raise ValueError("holds another kind of token")
    return secret


def slack_command(text: str) -> str:
    command = "/" + text.removeprefix("/")
    if not re.fullmatch(r"/[\w-]{1,31}", command) or command != command.lower():
        raise ValueError(f"is {shown(text)}, which Slack takes for no command")
    return command


def curators(text: str | tuple[str, ...]) -> tuple[str, ...]:
    people = tuple(text.replace(",", " ").split()) if isinstance(text, str) else text
    if wrong := [person for person in people if not _CURATOR.fullmatch(person)]:
        raise ValueError(f"names {', '.join(map(shown, wrong))}, which is nobody on a platform")
    return tuple(dict.fromkeys(people))
