"""The pages that people read first: what they link to is there, what they name exists, and all that exists is named."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from urllib.parse import unquote

import pytest

from bot.chat.commands import TABLE, find_row
from bot.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT)) for pattern in ("*.md", "docs/*.md", "benchmarks/*.md") for path in ROOT.glob(pattern)
)
PICTURES = ("console", "telegram", "slack", "archive")

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def prose(text):
    return _FENCE.sub("", text)


def anchors(text):
    """What one may write behind a # to come to a heading, by GitHub's rule."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.casefold()).replace(" ", "-") for heading in headings}


def astray(page, text):
    """The links of a page that lead to nothing in this repository."""
    lost = []
    for link in (found[1] or found[2] for found in _LINK.finditer(prose(text))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(text if not path else target.read_text("utf-8"))):
            lost.append(link)
    return lost


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page):
    assert astray(page, read(page)) == []


def test_a_link_that_leads_nowhere_is_noticed():
    text = '# A b\n\n[x](gone.md) [x](#a-b) [x](#c) <img src="no.png"> [x](README.md#gone) [x](https://example.org/x)\n'

    assert astray("README.md", text) == ["gone.md", "#c", "no.png", "README.md#gone"]


def test_every_page_is_reached_from_the_readme():
    reached, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        for found in _LINK.finditer(prose(read(page))):
            target = ((ROOT / page).parent / (found[1] or found[2]).partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and str(target.relative_to(ROOT)) not in reached:
                todo.append(str(target.relative_to(ROOT)))

    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("name", PICTURES)
def test_the_readme_shows_a_picture_that_is_quickly_there_and_sharp(name):
    picture = (ROOT / f"docs/images/{name}.png").read_bytes()
    width, height = struct.unpack(">II", picture[16:24])

    assert picture.startswith(b"\x89PNG")
    assert f'<img src="docs/images/{name}.png" width="420" alt="' in read("README.md")
    assert len(picture) < 250_000
    assert width >= 2 * 420
    assert height <= 1.5 * width


def test_every_target_of_make_that_a_page_names_is_one():
    targets = set(re.findall(r"^(\w+):", read("Makefile"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:`|\$ )make (?:-s )?(\w+)", read(page))}

    assert named >= {"run", "test", "bench", "chaos", "screenshots"}
    assert named - targets == set()


def test_the_page_of_settings_names_every_variable_and_none_that_is_not_there():
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", read("docs/settings.md")))

    assert named - {"INFO"} == Settings.variables()  # that one is a value


def test_the_page_of_commands_names_every_command_and_none_that_is_not_there():
    page = read("docs/commands.md")
    asked = page[page.index("## Ask it") : page.index("## From the shell")]
    named = set(re.findall(r"`/(\w+)", asked))

    assert {row.name for row in TABLE} - named == {"start"}  # nobody types it
    assert [name for name in named - {"digest", "quit"} if find_row(name) is None] == []


def test_the_design_page_has_a_row_for_every_room():
    table = re.findall(r"^\| (`[^|]+) \|", read("docs/design.md"), re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(table)))
    rooms = {path.stem for path in (ROOT / "bot").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    assert {room for room in rooms if not room.startswith("__")} - named == set()
