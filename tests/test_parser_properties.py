"""What holds for every text: nothing raises, nothing is lost, nothing is invented, nothing stands twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from drafts import WORD, Draft, drafts, opinion
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.digest.model import Digest
from bot.digest.parsing.parser import parse

# Letters that mean something to some part of the parser, and some that mean nothing.
PIECES = [
    *"\n\n\n  \t#*-+_`~>|[]()<>!\\:：、，。=&;/1aZ睡\u200b\ufeff\r\0\ud800",
    *(
        "https://",
        "http://e.org/a",
        "[a](https://e.org/b)",
        "](",
        "[x]: ",
        "<a href=",
        "<a name=x></a>",
        "<br>",
        "<!--",
        "-->",
        "```",
        "~~~",
    ),
    *("---\n", "+++\n", "title: x\n", "\n    ", "\n- ", "\n1. ", "\n> ", "| a | b |\n|---|---|\n", "摘要：", "TL;DR:"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=200)


def read(text: str) -> Digest:
    return parse(text, file="draft.md")


def links(digest: Digest) -> Iterator[tuple[str, int]]:
    """Every address that the digest holds, with its line, as often as it does."""
    for item in digest.items:
        yield item.url, item.line
        yield from ((link.url, link.line) for link in item.links)
    for note in digest.notes:
        yield from ((link.url, link.line) for link in note.links)


def words(digest: Digest) -> Counter[str]:
    """Every word of a draft that a reader of the digest sees, a title from a heading and a group label once."""
    titles = [item.title for item in digest.items if item.title_source != "heading"]
    texts = [topic.title for topic in digest.topics] + [note.text for note in digest.notes]
    texts += {item.group_label for item in digest.items if item.group_label}
    for item in digest.items:
        texts += [*item.body, *item.tags, *(part.text for part in item.parts)]
    found = Counter(word for text in texts for word in WORD.findall(text))
    # An item that prose holds is called like its link, and a link's label may be part of the prose around it.
    labels = [link.label for row in (*digest.items, *digest.notes) for link in row.links]
    for word in {word for text in (*titles, *labels, digest.title) for word in WORD.findall(text)}:
        found.setdefault(word, 1)
    return found


@given(texts)
@example("\ud800[a](https://example.com/\udfff)")
@example("[" * 200)
@example("---\n? [a\n---\n")
def test_no_text_raises_and_each_is_read_the_same_twice(text: str) -> None:
    digest = read(text)

    assert digest == read(text)
    assert all(url.startswith(("http", "HTTP", "mailto:", "MAILTO:")) for url, _ in links(digest))
    assert all(1 <= line <= text.count("\n") + text.count("\r") + 1 for _, line in links(digest))


@settings(max_examples=300)
@given(drafts())
def test_another_parser_sees_the_same_links_headings_and_items(draft: Draft) -> None:
    digest, seen = read(draft.text), opinion(draft.text)
    paths = {topic.line: topic.path for topic in digest.topics}
    topics = {item.url: item.topic for item in digest.items}
    topics |= {link.url: row.topic for row in (*digest.items, *digest.notes) for link in row.links}
    items = [(item.title, item.url, item.line) for item in digest.items]

    assert Counter(links(digest)) == Counter(seen.links)
    assert [(heading.title, heading.level, heading.line) for heading in digest.headings] == seen.headings
    assert topics == {url: paths.get(line, ()) for url, line in seen.topics.items()}
    assert [opening for opening in seen.openings if opening not in items] == []


@settings(max_examples=300)
@given(drafts())
def test_every_word_that_is_no_code_or_comment_is_found_again_once(draft: Draft) -> None:
    assert words(read(draft.text)) == Counter(draft.shown)


@given(drafts())
def test_an_item_keeps_its_id_when_it_moves_and_gets_other_words(draft: Draft) -> None:
    before = read(draft.text).items
    moved = f"# Elsewhere\n\n{WORD.sub('other', draft.text)}"
    after = read(moved).items

    assert {item.id: item.url for item in before} == {item.id: item.url for item in after}


@given(drafts())
def test_line_ends_of_other_systems_change_nothing(draft: Draft) -> None:
    digest = read(draft.text)

    assert read(draft.text.replace("\n", "\r\n")) == digest
    assert read(draft.text.replace("\n", "\r")) == digest


@given(drafts())
def test_front_matter_moves_all_lines_and_changes_nothing_else(draft: Draft) -> None:
    digest = read(draft.text)
    below = read(f'---\ntitle: "{digest.title}"\n---\n{draft.text}')

    assert list(links(below)) == [(url, line + 3) for url, line in links(digest)]
    assert words(below) == words(digest)
