"""Chromium before the site: somebody who clicks, types and reads, and what they must never meet on a page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote_plus, unquote, urlsplit

import pytest
from anyio.from_thread import start_blocking_portal
from serving import served

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright has no wheel here")
axe = pytest.importorskip("axe_playwright_python.base")

NARROW = {"width": 320, "height": 640}
PHONE = {"width": 375, "height": 812}
DESK = {"width": 1280, "height": 900}

PATIENCE = 20_000.0
"""Milliseconds in which a page has come, or never will: the machine may be busy."""

SWITCHES = (
    "--disable-gpu",  # there is none, and to play one takes a fifth of the time
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # whatever a page asks for, nothing leaves the machine
)

_AXE = "axe.run({ resultTypes: ['violations'], preload: false }).then((found) => found.violations)"
_SEVERE = frozenset({"serious", "critical"})
_BESIDE = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
_COLOURS = """
(element) => {
    const { backgroundColor, color } = getComputedStyle(element);
    return [backgroundColor, color].map((one) => one.match(/[0-9.]+/g).slice(0, 3).map(Number));
}
"""


@contextlib.contextmanager
def heard(app: Any) -> Iterator[str]:
    """Serve *app* from a thread as long as the block lasts. The root of its addresses."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(served(app)) as server:
        yield f"http://127.0.0.1:{server.port}"


@contextlib.contextmanager
def chromium(program: str) -> Iterator[Any]:
    """A browser of our own, with the system's Chromium instead of a download."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*SWITCHES])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Reader:
    """Somebody who sits before one window, speaks *language*, and notices what goes wrong behind the pages."""

    browser: Any
    root: str
    language: str = "zh-CN"
    _troubles: list[str] = field(default_factory=list)
    _opened: str = ""

    def __enter__(self) -> Self:
        self._context = self.browser.new_context(locale=self.language, viewport=DESK, color_scheme="light")
        self._context.set_default_timeout(PATIENCE)
        self.page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self._troubles.append(f"a script failed: {error}"))
        self.page.on("request", self._asked)
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def _heard(self, message: Any) -> None:
        # That a page itself is missing is for its reader to see, and for a test to expect.
        missing = message.text.startswith("Failed to load resource") and message.location["url"] == self._opened
        if message.type in ("error", "warning") and not missing:
            self._troubles.append(f"the console says: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((f"{self.root}/", "data:")):
            self._troubles.append(f"{request.url} is elsewhere")

    def troubles(self) -> list[str]:
        """What the console said, and who was asked for anything but the site."""
        return [*self._troubles]

    def forget(self) -> None:
        """Have seen no trouble."""
        self._troubles.clear()

    # Doing --------------------------------------------------------------------------------------------------------

    def visit(self, root: str) -> None:
        """Go on at another site, with all that was before forgotten."""
        self.root = root
        self.forget()

    def open(self, path: str) -> int:
        """Go to *path*; the status of the answer."""
        self._opened = self.root + path
        return int(self.page.goto(self._opened).status)

    def follow(self, name: str) -> None:
        """Click the first link with that name."""
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def look(self, size: dict[str, int], *, dark: bool) -> None:
        """See the same page in another window, by day or by night."""
        self.page.set_viewport_size(size)
        self.page.emulate_media(color_scheme="dark" if dark else "light")

    def unfold(self) -> None:
        """Open whatever is folded on the page."""
        self.page.locator("details").evaluate_all("(folded) => folded.forEach((one) => { one.open = true; })")

    def choose(self, button: str, **wishes: str) -> None:
        """On the preview, set what is called so to what is called so, and press *button*."""
        for name, wish in wishes.items():
            self.page.get_by_label(name, exact=True).select_option(label=wish)
        self.page.get_by_role("button", name=button, exact=True).click()

    def say(self, words: str) -> None:
        """Type *words* into the chat box of the preview."""
        self.page.locator("#say").fill(words)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"**?*say={quote_plus(words)}*")

    # Seeing -------------------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Where one is."""
        return unquote(urlsplit(self.page.url).path)

    @property
    def title(self) -> str:
        """What the page is called."""
        return str(self.page.locator("h1").inner_text())

    @property
    def spoken(self) -> str:
        """The language that the page is in."""
        return str(self.page.locator("html").get_attribute("lang"))

    def screen(self, platform: str) -> Any:
        """What stands under a platform's name on the preview."""
        return self.page.get_by_role("region", name=platform, exact=True)

    def screens(self) -> dict[str, str]:
        """What each platform shows, by its name, from left to right."""
        found = self.page.locator(".screen").all()
        return {one.locator("h2").inner_text(): one.locator(".stage").inner_text() for one in found}

    def places(self) -> list[tuple[float, float]]:
        """The left and the top edge of each of them."""
        return [(box["x"], box["y"]) for one in self.page.locator(".screen").all() if (box := one.bounding_box())]

    def colours(self, selector: str) -> tuple[float, float]:
        """How bright something is, and what is written on it."""
        paper, ink = self.page.locator(selector).first.evaluate(_COLOURS)
        return sum(paper), sum(ink)

    def beside(self) -> int:
        """How many pixels of the page lie to the right of the window."""
        return int(self.page.evaluate(_BESIDE))

    def barriers(self) -> list[str]:
        """What keeps people from reading the page, as axe-core judges it: the serious and the critical."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(axe.AXE_SCRIPT)
        found = self.page.evaluate(_AXE)
        return [
            f"{one['id']} at {' '.join(map(str, node['target']))}: {node['failureSummary']}"
            for one in found
            if one["impact"] in _SEVERE
            for node in one["nodes"]
        ]
