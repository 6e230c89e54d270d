"""The preview: the very payloads of each platform, drawn; and the bot, asked as a member of a chat asks it."""

from __future__ import annotations

from html import escape, unescape

import pytest
from archives import Archive, flaws, links, text, visit

from bot.chat.conversation import Command
from bot.platforms.telegram.render import render
from bot.web.telegram_html import from_telegram

pytestmark = pytest.mark.usefixtures("without_pinyin")


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path).remembering()


def page(app, query="", **headers):
    return visit(app, f"/preview{query}", **{"accept_language": "en", **headers})[0].text


# The edition ----------------------------------------------------------------------------------------------------------


def test_the_coming_edition_is_shown_as_every_platform_will_say_it(archive):
    archive.subscribe()
    shown = page(archive.pages(), "?lang=zh")
    archive.post()

    (posted,) = archive.said()
    assert f'<pre class="printed">{escape(posted)}</pre>' in shown
    assert 'id="screen-telegram"' in shown
    assert 'id="screen-console"' in shown
    assert "<strong>ctr · 2026 年第 45 周</strong>" in shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?week=2026-W46", "NLP · week 46 of 2026"),
        ("?theme=NLP/对话", "NLP / 对话 · week 45 of 2026"),
        ("?theme=ctr&week=2026-W45&lang=zh", "ctr · 2026 年第 45 周"),
        ("?theme=nowhere", "No topic is called “nowhere”."),
        ("?theme=GNN", "This heading is still empty"),
        ("?week=1999-W01", "ctr · week 45 of 2026"),
        ("?week=nonsense&format=nonsense", "ctr · week 45 of 2026"),
    ],
)
def test_week_theme_and_language_can_be_chosen(archive, query, said):
    assert said in unescape(page(archive.pages(), query))


def test_the_format_can_be_chosen(archive):
    app = archive.pages()

    assert "记忆与泛化" not in page(app, "?format=compact")
    assert "记忆与泛化" in page(app, "?format=full")
    assert '<option value="full" selected>' in page(app, "?format=full")


def test_what_was_chosen_is_chosen_still(archive):
    shown = page(archive.pages(), "?week=2026-W46&theme=NLP&lang=en")

    assert '<option value="2026-W46" selected>' in shown
    assert '<option value="NLP" selected>' in shown
    assert '<option value="en" selected>' in shown


# The chat box ---------------------------------------------------------------------------------------------------------


def test_the_bot_answers_in_the_words_that_the_chat_gets(archive):
    shown = page(archive.pages(), "?say=/topic+ctr")
    command = Command("topic", "ctr", language="en", private=False)
    message = archive.app.glance(command).message

    assert from_telegram(render(message)[0]["params"]["text"]) in shown
    assert "Wide &amp; Deep" in shown
    assert flaws(shown) == []


def test_buttons_ask_what_they_ask_in_the_chat(archive):
    app = archive.pages()
    shown = page(app, "?say=/topics&lang=en")
    pressed = [link for link in links(shown) if "say=%2Ftopic+" in link]

    assert len(pressed) >= 4
    answer = visit(app, pressed[0].partition("#")[0])[0]
    assert "Wide & Deep" in text(answer.text)


@pytest.mark.parametrize(
    "command", ["/subscribe", "/post", "/reload", "/skip", "/set lang en", "/pause", "/settings", "/lang en"]
)
def test_a_visitor_has_a_member_s_rights_and_changes_nothing(archive, command):
    archive.subscribe()
    before = [*archive.store.subscriptions.all()]
    shown = text(page(archive.pages(), f"?say={command}"))

    assert shown.count("admins may do this") + shown.count("curators may do this") == 3
    assert [*archive.store.subscriptions.all()] == before
    assert archive.store.memory.misses() == ()


def test_what_was_searched_for_in_vain_on_a_page_is_not_counted(archive):
    page(archive.pages(), "?say=/search+nowhere")
    visit(archive.pages(), "/search?q=nowhere")

    assert archive.store.memory.misses() == ()


def test_an_answer_is_kept_by_nobody(archive):
    answer = visit(archive.pages(), "/preview?say=/random")[0]

    assert answer.headers["cache-control"] == "no-store"


def test_the_chat_box_can_be_turned_off(archive):
    shown = page(archive.pages(chat=False), "?say=/topic+ctr")

    assert 'id="say"' not in shown
    assert "Wide &amp; Deep" in shown  # the edition is what it was
    assert not any("say=" in link for link in links(shown))
