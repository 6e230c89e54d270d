"""Take the README's pictures anew: a real chat and the real pages, as a headless Chromium sees them.

    make screenshots

Needs Debian's `chromium` and a font with Chinese in it, such as `fonts-wqy-microhei`; with `pngquant` the pictures take
a third of the space. What is on them is the digest in `content/` and seven weeks of editions that were really posted,
on a clock of their own: the same pictures every time.
"""

from __future__ import annotations

import asyncio
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import httpx
from archives import MONDAY, WEEK, Archive
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text
from serving import served
from simulated import Clock

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs/images"

WEEKS = 7
SHARP = 2
"""Pixels of a picture for each of the page's, so that a README on a good screen is not blurred."""

LARGEST = 250_000
"""Bytes: what a reader of the README has to fetch."""

TYPED = ("/topic ctr", "/search 蒸馏")
"""What the terminal is asked."""

EDITION = "/preview?lang=zh&theme=NLP"
ANSWER = "/preview?lang=zh&say="
ASKED = {"telegram": "/topic ctr", "slack": "ctr"}
"""What is asked beneath an edition; on Slack in a direct message, since `/topic` belongs to Slack itself."""

COLUMNS = 72
PROMPT = "› "


@dataclass(frozen=True, slots=True)
class Picture:
    """A window of so many of the page's pixels."""

    name: str
    width: int
    height: int


CONSOLE = Picture("console", 560, 664)
TELEGRAM = Picture("telegram", 560, 790)
SLACK = Picture("slack", 560, 790)
ARCHIVE = Picture("archive", 1000, 1186)


# The terminal ---------------------------------------------------------------------------------------------------------

THEME = TerminalTheme(
    (31, 29, 26),
    (236, 230, 218),
    [
        (31, 29, 26), (226, 106, 92), (143, 190, 109), (224, 175, 104),
        (122, 162, 247), (187, 154, 247), (125, 207, 214), (236, 230, 218),
    ],
)  # fmt: skip

TERMINAL = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>heji</title>
<style>
body {{ margin: 0; padding: 18px 20px; background: #1f1d1a; color: #ece6da; }}
pre {{ margin: 0; font: 13.5px/1.5 "WenQuanYi Micro Hei Mono", "Noto Sans Mono CJK SC", monospace; white-space: pre; }}
a {{ color: inherit; text-decoration: none; }}
</style>
<pre>{code}</pre></html>
"""


def chatted(folder: Path, *lines: str) -> str:
    """What a terminal in *folder* shows of `heji chat` while *lines* are typed into it, with its colours."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ |= {"CONTENT": str(ROOT / "content"), "COLUMNS": str(COLUMNS), "PYTHONPATH": str(ROOT)}
        os.environ |= {"TERM": "xterm-256color"}
        os.execv(sys.executable, [sys.executable, "-m", "bot", "chat"])
    shown = _until_prompt(terminal)
    greeting = len(shown) - len(PROMPT)
    for line in lines:
        os.write(terminal, f"{line}\n".encode())
        shown += _until_prompt(terminal)
    os.write(terminal, b"/quit\n")
    os.waitpid(child, 0)
    os.close(terminal)
    return shown[greeting : -len(PROMPT)].replace("\r\n", "\n").rstrip()


def _until_prompt(terminal: int, patience: float = 60.0) -> str:
    shown, end = b"", time.monotonic() + patience
    while not shown.endswith(PROMPT.encode()):
        if not select.select([terminal], [], [], max(end - time.monotonic(), 0))[0]:
            raise SystemExit(f"the chat said nothing for {patience:.0f} s")
        shown += os.read(terminal, 65_536)
    return re.sub(r"\x1b\[\?2004[hl]", "", shown.decode())  # that what comes is typed, not pasted, is for the terminal


def as_page(shown: str) -> str:
    """What a terminal shows, as HTML."""
    canvas = Console(file=StringIO(), record=True, width=200, force_terminal=True, color_system="truecolor")
    canvas.print(Text.from_ansi(shown), soft_wrap=True)
    code = canvas.export_html(theme=THEME, inline_styles=True, code_format="{code}")
    return TERMINAL.format(code=code)


# The pages ------------------------------------------------------------------------------------------------------------

ALONE = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>heji</title>
<base href="{root}/"><link rel="stylesheet" href="static/style.css">
<style>
body {{ max-width: none; padding: 0; background: none; }}
.stage {{ min-height: 100vh; border: 0; border-radius: 0; font-size: 15px; }}
.shown + .said {{ margin-top: 1rem; }}
</style>
<section class="screen {screen}"><div class="stage">{said}</div></section></html>
"""


def conversation(root: str, screen: str, *pages: str) -> str:
    """What *screen* shows on some pages of the preview, one below the other and with nothing around."""
    part = re.compile(rf'id="screen-{screen}".*?<div class="stage">(.*?)</div>\s*</section>', re.DOTALL)
    said = [found[1] for page in pages for found in [part.search(page)] if found]
    assert len(said) == len(pages), "the preview is laid out in another way"
    return ALONE.format(root=root, screen=screen, said="".join(said))


def posted(folder: Path) -> Archive:
    """The digest, its editions of some weeks, and the clock of the Friday after them."""
    shutil.copy(ROOT / "content/digest.yaml", folder)
    text = (ROOT / "content/heji.md").read_text(encoding="utf-8")
    last = MONDAY.timestamp() + 3 * WEEK
    archive = Archive(folder, text, Clock(last - WEEKS * WEEK)).remembering().subscribe().post(WEEKS)
    archive.clock.now += 4 * WEEK / 7
    return archive


# The camera -----------------------------------------------------------------------------------------------------------


def take(picture: Picture, address: str) -> None:
    """A picture of what is at *address*."""
    target = IMAGES / f"{picture.name}.png"
    with tempfile.TemporaryDirectory() as profile:
        command = [
            "chromium", "--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--lang=zh-CN",
            f"--user-data-dir={profile}", f"--force-device-scale-factor={SHARP}",
            f"--window-size={picture.width},{picture.height}", f"--screenshot={target}", address,
        ]  # fmt: skip
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=120)
    if pngquant := shutil.which("pngquant"):
        subprocess.run([pngquant, "--force", "--strip", "--output", target, "--", target], check=True)
    size = target.stat().st_size
    print(f"{target.relative_to(ROOT)}  {picture.width * SHARP} x {picture.height * SHARP}  {size:,} bytes")
    if size > LARGEST:
        raise SystemExit(f"that is more than {LARGEST:,}: install pngquant, or show less")


async def look_around(archive: Archive, folder: Path) -> None:
    """Take the pictures of the pages."""
    async with served(archive.pages()) as server:
        root = f"http://127.0.0.1:{server.port}"
        await asyncio.to_thread(take, ARCHIVE, f"{root}/?lang=zh")
        async with httpx.AsyncClient(base_url=root, timeout=60, trust_env=False) as http:
            for picture in (TELEGRAM, SLACK):
                pages = [(await http.get(path)).text for path in (EDITION, ANSWER + quote(ASKED[picture.name]))]
                page = folder / f"{picture.name}.html"
                page.write_text(conversation(root, picture.name, *pages), encoding="utf-8")
                await asyncio.to_thread(take, picture, page.as_uri())


def main() -> None:
    """Take all four."""
    if shutil.which("chromium") is None:
        raise SystemExit("chromium is not installed: apt-get install chromium fonts-wqy-microhei pngquant")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        terminal = folder / "terminal.html"
        terminal.write_text(as_page(chatted(folder, *TYPED)), encoding="utf-8")
        take(CONSOLE, terminal.as_uri())
        (content := folder / "content").mkdir()
        asyncio.run(look_around(posted(content), folder))


if __name__ == "__main__":
    main()
