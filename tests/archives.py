"""A bot whose editions really went out, its pages, and a judge of what they say."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import html5lib
import httpx
from correspondents import chat, outbox
from simulated import Clock, run
from starlette.applications import Starlette

from bot.app import App, build
from bot.front.reading_room import ReadingRoom, screens
from bot.platforms.console import Console
from bot.settings import Settings
from bot.store.patience import Patience
from bot.store.store import Store
from bot.store.subscriptions import Subscriber
from bot.web.health import Health
from bot.web.limit import Limit
from bot.web.pages import Pages
from bot.web.site import site

MONDAY = dt.datetime(2026, 11, 2, 9, 0, 30, tzinfo=dt.UTC)
WEEK = 7 * 24 * 3600.0
DIGEST = """# 合辑

## ctr

[Wide & Deep](https://example.org/wide)

摘要：记忆与泛化。详见 https://example.org/more 。

推荐：先读这篇。

[DeepFM](https://example.org/deepfm)

## NLP

### 对话

[ConvAI](https://example.org/convai)

### bert变种

[ALBERT](https://example.org/albert)

## GNN
"""


@dataclass
class Archive:
    """The bot over a folder, a database and a clock of its own."""

    folder: Path
    digest: str = DIGEST
    clock: Clock = field(default_factory=lambda: Clock(MONDAY.timestamp() - 3600))

    def __post_init__(self) -> None:
        self.write(self.digest)
        settings = Settings(content=(str(self.folder),), digest_timezone="UTC")
        self.app: App = build(settings, clock=lambda: dt.datetime.fromtimestamp(self.clock.now, dt.UTC))
        self.app.patience = Patience(60.0)  # the machine may be busy
        self.console = Console()
        self.room = ReadingRoom(self.app)

    def write(self, digest: str) -> None:
        (self.folder / "heji.md").write_text(digest, encoding="utf-8", errors="surrogatepass")

    def remembering(self, store: Store | None = None) -> Archive:
        """With a database on the bot's clock; in memory, unless it is given."""
        self.app.attach(store or Store.open(clock=self.clock))
        self.app.notice()
        return self

    @property
    def store(self) -> Store:
        assert self.app.store is not None
        return self.app.store

    def subscribe(self, name: str = "console:reading", **wants: object) -> Archive:
        self.store.subscriptions.add(Subscriber(chat(name), **wants))  # type: ignore[arg-type]
        return self

    def post(self, weeks: int = 1, *, sending: bool = True) -> Archive:
        """Let the next Mondays come; what is due is planned and, where it is *sending*, goes out."""
        for _ in range(weeks):
            self.clock.now = (self.clock.now - MONDAY.timestamp()) // WEEK * WEEK + WEEK + MONDAY.timestamp()
            self.app.tick()
            if sending:
                run(self.clock, outbox(self.store, self.console).drain())
        return self

    def pages(self, *, public: str | None = None, chat: bool = True, limit: Limit | None = None) -> Starlette:
        made = Pages(self.room, screens, public=public, chat=chat, limit=limit)
        return site(health=lambda: Health(()), pages=made)

    def said(self) -> list[str]:
        """The texts that reached the console."""
        return [payload["params"]["text"] for _, payload in self.console.sent]


def visit(app: Starlette, *paths: str, method: str = "GET", **headers: str) -> list[httpx.Response]:
    """What is answered, one after the other, to somebody on the machine itself."""

    async def visited() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            return [await http.request(method, path, headers=named) for path in paths]

    return asyncio.run(visited())


# -- what a page may be ------------------------------------------------------------------------------------------------

_ELEMENTS = frozenset(
    """html head meta title link body a header p span nav ul li form label input button main footer section h1 h2 h3
    ol article div blockquote code strong em u s pre br hr select option details summary time svg rect text
    """.split()
)
_ATTRIBUTES = frozenset(
    """lang charset name content rel href type title class id aria-label aria-hidden aria-labelledby aria-current role
    action method for value placeholder maxlength enterkeyhint tabindex hreflang viewBox xmlns x y width height rx
    datetime selected autocomplete autocapitalize spellcheck
    """.split()
)


def flaws(html: str) -> list[str]:
    """What is wrong with a page: mistakes by the HTML standard, and whatever our templates never write."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    tree = parser.parse(html)
    found = [f"{code} at {where}" for where, code, _ in parser.errors]
    ids: set[str] = set()
    for element in tree.iter():
        found += _flaws(element, ids)
    return found


def _flaws(element: ET.Element, ids: set[str]) -> Iterator[str]:
    name = str(element.tag).rpartition("}")[2]
    if name not in _ELEMENTS:
        yield f"<{name}>"
    for attribute, value in element.attrib.items():
        if attribute not in _ATTRIBUTES:
            yield f"{name} {attribute}={value}"
    if (here := element.get("id")) is not None:
        if here in ids:
            yield f"id {here} twice"
        ids.add(here)
    yield from _wrong_addresses(element, name)


def _wrong_addresses(element: ET.Element, name: str) -> Iterator[str]:
    for attribute in ("href", "src", "action"):
        if (value := element.get(attribute)) is None or value.startswith("#"):
            continue
        ours = value.startswith("/") and not value.startswith("//")
        if not ours and name != "a":
            yield f"{name} loads {value}"
        if not ours and urlsplit(value).scheme not in ("http", "https", "mailto"):
            yield f"{name} leads to {value}"
        if not ours and element.get("rel") != "noopener nofollow":
            yield f"{value} has rel={element.get('rel')}"


def links(html: str) -> Sequence[str]:
    """All addresses on a page, in order."""
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    found = (element.get(name) for element in tree.iter() for name in ("href", "src", "action"))
    return [one for one in found if one is not None]


def text(html: str) -> str:
    """What a page says."""
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    return " ".join("".join(tree.itertext()).split())
