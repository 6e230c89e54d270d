"""Chromium over the archive: all can be reached and read, in both languages, by day and night, on desk and phone."""

from __future__ import annotations

import shutil

import pytest
from archives import Archive
from browser import DESK, NARROW, PHONE, Reader, chromium, heard
from processes import CONTENT, Process, program

from bot.digest.pinyin import Reading
from bot.store.store import Store

pytestmark = pytest.mark.slow

STABILIZING = "Stabilizing Transformers for Reinforcement Learning"
ABSTRACT = "得益于预训练语言模型强大的能力"
CONVAI = "GitHub超1.5万星NLP团队热播教程：使用迁移学习构建顶尖会话AI"

WORD = "W" * 40
LONG = "好" * 150
WORDY = f"""# 合辑

## {WORD}

[{"Wide&Deep" * 40}](https://example.org/{"a" * 300})

摘要：{"x" * 400} https://example.org/{"b" * 400}

推荐：{LONG}

[![]({"c" * 200})](https://example.org/picture) `{"d" * 200}`

### {LONG}

[{LONG}](https://{"e" * 60}.example.org/)
"""
"""Words that are longer than any line."""


# What is served -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def executable(requires_program):
    return requires_program("chromium")


@pytest.fixture(scope="module")
def sites(executable, tmp_path_factory):
    """The roots of three: the reference digest after five Mondays, one of very long words, and one without any."""

    def archive(name, digest):
        folder = tmp_path_factory.mktemp(name)
        shutil.copy(CONTENT / "digest.yaml", folder)
        made = Archive(folder, digest)
        made.remembering(Store.open(f"sqlite:///{folder}/heji.db", clock=made.clock)).subscribe()
        archives.append(made)
        return made

    archives = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Reading, "start", lambda runs: Reading(runs, None, None))  # see `without_pinyin`
        reference = archive("reference", (CONTENT / "heji.md").read_text(encoding="utf-8")).post(5)
        wordy, empty = archive("wordy", WORDY).post(1), archive("empty", "# 合辑\n")
        with heard(reference.pages()) as first, heard(wordy.pages()) as second, heard(empty.pages()) as third:
            yield {"reference": first, "wordy": second, "empty": third}
    for one in archives:
        one.store.close()


@pytest.fixture(scope="module")
def chrome(executable, sites):
    """The browser. It starts after the sites are made: its loop then runs in this thread, which can have but one."""
    with chromium(executable) as browser:
        yield browser


@pytest.fixture
def reader(chrome, sites):
    with Reader(chrome, sites["reference"]) as someone:
        yield someone
        assert someone.troubles() == []


# Getting about --------------------------------------------------------------------------------------------------------


def test_one_reads_on_from_the_front_page_to_a_topic_an_item_and_its_edition_and_finds_back(reader):
    reader.open("/")
    way = [(reader.path, reader.title)]
    for link in ("NLP", f"详细：{STABILIZING}", "NLP 2026 年第 47 周"):
        reader.follow(link)
        way.append((reader.path, reader.title))

    assert way == [
        ("/", "合辑"),
        ("/topics/nlp", "NLP"),
        ("/items/6c7b87649fe4", STABILIZING),
        ("/editions/1/2026-W47", "NLP"),
    ]
    for place in reversed(way[:-1]):
        reader.page.go_back()
        assert (reader.path, reader.title) == place


def test_a_title_leads_to_what_is_recommended_and_tells_it_nothing_of_where_one_was(reader):
    reader.open("/items/6c7b87649fe4")
    link = reader.page.get_by_role("link", name=STABILIZING).first

    assert link.get_attribute("href") == "https://arxiv.org/abs/1910.06764"
    assert link.get_attribute("rel") == "noopener nofollow"


def test_the_map_leads_to_topics_and_editions_to_their_neighbours(reader):
    reader.open("/")
    reader.page.get_by_role("group", name="文摘地图").get_by_role("link", name="压缩与部署").click()
    assert (reader.path, reader.title) == ("/topics/压缩与部署", "压缩与部署")

    reader.open("/editions/1/2026-W47")
    reader.follow("← 上一期 CV")
    assert (reader.path, reader.title) == ("/editions/1/2026-W46", "CV")


def test_a_heading_over_one_article_of_the_same_name_is_not_said_twice(reader):
    reader.open("/topics/ctr")

    assert reader.page.get_by_role("heading").all_inner_texts() == ["ctr", "传统ctr", "深度学习ctr"]


def test_who_has_only_a_keyboard_skips_to_the_content(reader):
    reader.open("/topics/nlp")
    reader.page.keyboard.press("Tab")
    skip = reader.page.locator(":focus")
    box = skip.bounding_box()
    assert (skip.inner_text(), box["y"] >= 0) == ("跳到正文", True)

    reader.page.keyboard.press("Enter")
    assert reader.page.evaluate("document.activeElement.id") == "main"


# Searching ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "box", "words", "found"),
    [
        ("zh-CN", "在文摘中搜索", "对话", CONVAI),
        ("zh-CN", "在文摘中搜索", "https://arxiv.org/abs/1910.06764", STABILIZING),
        ("en-GB", "Search the digest", "optimizers", "On Empirical Comparisons of Optimizers for Deep Learning"),
    ],
)
def test_the_search_finds_articles_in_chinese_in_english_and_by_their_address(
    chrome, sites, language, box, words, found
):
    with Reader(chrome, sites["reference"], language) as reader:
        reader.open("/")
        reader.page.get_by_role("searchbox", name=box).fill(words)
        reader.page.keyboard.press("Enter")
        reader.page.wait_for_url("**/search?**")

        assert reader.path == "/search"
        assert reader.page.get_by_role("article").first.get_by_role("heading").inner_text() == found
        assert reader.page.get_by_role("searchbox").input_value() == words
        assert reader.troubles() == []


def test_a_search_without_a_hit_says_so(reader):
    reader.open("/?lang=en")
    reader.page.get_by_role("searchbox").fill("zeppelin")
    reader.page.get_by_role("button", name="Search").click()

    assert "Nothing in the digest mentions “zeppelin”." in reader.page.locator("main").inner_text()
    assert reader.spoken == "en"


# The preview ----------------------------------------------------------------------------------------------------------


def test_the_preview_shows_the_next_edition_on_all_platforms_beside_each_other(reader):
    reader.open("/")
    reader.follow("预览")

    shown = reader.screens()
    assert [*shown] == ["Telegram", "Slack", "纯文本"]
    assert all("多目标" in text and "2026 年第 50 周" in text for text in shown.values())

    across = reader.places()
    assert [left for left, _ in across] == sorted({left for left, _ in across})
    assert len({top for _, top in across}) == 1

    reader.look(PHONE, dark=False)
    down = reader.places()
    assert len({left for left, _ in down}) == 1
    assert [top for _, top in down] == sorted({top for _, top in down})


def test_theme_format_week_and_language_can_be_switched(reader):
    reader.open("/preview")
    reader.choose("查看", 主题="NLP")
    assert all(STABILIZING in text and ABSTRACT in text for text in reader.screens().values())

    reader.choose("查看", 格式="精简")
    assert all(STABILIZING in text and ABSTRACT not in text for text in reader.screens().values())

    reader.choose("查看", 语言="English")
    assert reader.spoken == "en"
    assert [*reader.screens()] == ["Telegram", "Slack", "Plain text"]

    reader.choose("Show", Period="week 51 of 2026", Theme="whose turn it is")
    assert all("ctr" in text and "week 51 of 2026" in text for text in reader.screens().values())


def test_the_bot_answers_what_is_typed_into_the_chat_box_on_all_platforms(reader):
    reader.open("/preview")
    reader.say("/topic ctr")
    for text in reader.screens().values():
        assert text.startswith("/topic ctr")
        assert "2 条" in text
        assert "深度学习ctr" in text

    reader.follow("返回这一期")
    assert all("2026 年第 50 周" in text for text in reader.screens().values())


def test_the_bot_says_that_it_knows_no_such_topic_and_its_suggestion_can_be_pressed(reader):
    reader.open("/preview?lang=en")
    reader.say("/topic ctrr")
    assert all("No topic is called “ctrr”." in text for text in reader.screens().values())

    for platform in ("Telegram", "Slack"):
        reader.say("/topic ctrr")
        reader.screen(platform).get_by_role("link", name="ctr", exact=True).click()
        assert all(text.startswith("/topic ctr\n") and "2 items" in text for text in reader.screens().values())


# Languages, day and night ---------------------------------------------------------------------------------------------


def test_pages_speak_the_reader_s_language_until_another_one_is_chosen_and_keep_that(chrome, sites):
    with Reader(chrome, sites["reference"], "en-GB") as reader:
        reader.open("/topics/nlp")
        assert reader.spoken == "en"

        reader.follow("中文")
        assert (reader.path, reader.spoken) == ("/topics/nlp", "zh-Hans")
        reader.follow("往期")
        assert (reader.path, reader.spoken, reader.title) == ("/editions", "zh-Hans", "往期")
        reader.follow("English")
        assert (reader.path, reader.spoken, reader.title) == ("/editions", "en", "Past editions")
        assert reader.troubles() == []


def test_whoever_likes_it_dark_gets_it_dark(reader):
    reader.open("/preview")
    light = {name: reader.colours(name) for name in ("body", "select", ".telegram .bubble", ".slack .stage")}
    reader.look(DESK, dark=True)
    dark = {name: reader.colours(name) for name in light}

    assert all(paper > ink for paper, ink in light.values()), light
    assert all(paper < ink for paper, ink in dark.values()), dark


# Every page -----------------------------------------------------------------------------------------------------------

PAGES = (
    ("reference", "/"), ("reference", "/?lang=en"), ("reference", "/topics/nlp"), ("reference", "/topics/推荐"),
    ("reference", "/items/6c7b87649fe4"), ("reference", "/editions"), ("reference", "/editions/1/2026-W49"),
    ("reference", "/search?q=bert"), ("reference", "/search?q=zeppelin&lang=en"), ("reference", "/preview"),
    ("reference", "/preview?format=full&theme=NLP&lang=en"), ("reference", "/preview?say=/topics"),
    ("reference", "/preview?say=/topic+ctrr&lang=en"), ("reference", "/preview?say=/help"), ("reference", "/nothing"),
    ("wordy", "/"), ("wordy", f"/topics/{WORD}"), ("wordy", "/items/ac28d6a96e09"),
    ("wordy", "/editions/1/2026-W45"), ("wordy", "/preview?format=full"),
    ("empty", "/"), ("empty", "/preview"),
)  # fmt: skip


@pytest.fixture(scope="module")
def inspector(chrome, sites):
    """Somebody who looks at everything in the same window: to open one for each page takes as long as the page."""
    with Reader(chrome, sites["reference"]) as someone:
        yield someone


@pytest.mark.parametrize(("site", "path"), PAGES)
def test_a_page_fits_its_window_keeps_nobody_out_and_asks_nobody_else(inspector, sites, site, path):
    inspector.visit(sites[site])
    status = inspector.open(path)
    inspector.unfold()
    found = []
    for size, dark in ((NARROW, False), (DESK, False), (PHONE, True)):
        inspector.look(size, dark=dark)
        found += [f"{beside} px more than {size['width']} px"] if (beside := inspector.beside()) else []
        found += inspector.barriers() if size != NARROW else []

    assert status == (404 if path == "/nothing" else 200)
    assert found + inspector.troubles() == []


def test_a_page_on_which_all_of_that_is_wrong_is_found_out(reader):
    reader.page.goto(
        "data:text/html,<html lang=en><title>x</title><h1 style='color:%23ccc;width:2000px'>grey</h1>"
        "<img src='http://example.org/x.png'><script>console.error('oh'); nowhere()</script>"
    )
    barriers = " ".join(reader.barriers())
    troubles = " ".join(reader.troubles())

    assert reader.beside() > 700
    assert "color-contrast at h1" in barriers
    assert "image-alt at img" in barriers
    assert all(word in troubles for word in ("example.org/x.png is elsewhere", "oh", "nowhere is not defined"))
    reader.forget()


def test_nothing_that_gets_into_a_page_is_run_or_fetched(reader):
    reader.open("/")
    smuggled = "<p id=smuggled onclick='window.ran = 1'>press<img src='http://example.org/x.png'></p>"
    with reader.page.expect_event("requestfailed") as fetched:
        reader.page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", smuggled)
    with reader.page.expect_console_message(lambda message: "inline event handler" in message.text):
        reader.page.locator("#smuggled").click()

    assert reader.page.evaluate("window.ran") is None
    assert (fetched.value.url, fetched.value.failure) == ("http://example.org/x.png", "csp")
    reader.forget()


# The program ----------------------------------------------------------------------------------------------------------


def test_the_program_serves_the_same_pages_as_it_is_started(chrome, tmp_path):
    with (
        Process(program("run"), tmp_path) as bot,
        Reader(chrome, f"http://127.0.0.1:{bot.port}") as reader,
    ):
        reader.open("/")
        assert reader.title == "合辑"

        reader.page.get_by_role("searchbox").fill("duihua")
        reader.page.keyboard.press("Enter")
        reader.page.wait_for_url("**/search?**")
        assert CONVAI in reader.page.locator("main").inner_text()

        reader.follow("预览")
        reader.say("/topic ctr")
        assert all("深度学习ctr" in text for text in reader.screens().values())
        assert reader.troubles() == []
