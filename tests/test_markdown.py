"""Blocks with their lines and places, spans with their links. The goldens show what becomes of them."""

from __future__ import annotations

import pytest

from bot.digest.parsing.markdown import MAX_DEPTH, Block, read


def only(text: str) -> Block:
    (block,) = read(text).blocks
    return block


def links(block: Block) -> list[tuple[str, str, int]]:
    return [(span.text, span.url, span.line) for span in block.spans if span.kind == "link"]


def test_each_leaf_is_a_block_with_its_first_and_last_line() -> None:
    blocks = read("# a\n\nb\nc\n\n---\n\n```\nd\n```\n\n| e |\n|---|\n| f |\n\n<!--\ng\n-->\n").blocks

    assert [(block.kind, block.line, block.last) for block in blocks] == [
        ("heading", 1, 1),
        ("paragraph", 3, 4),
        ("rule", 6, 6),
        ("code", 8, 10),
        ("row", 12, 12),
        ("row", 14, 14),
        ("comment", 16, 18),
    ]


def test_lines_count_in_a_text_of_several_bytes_a_letter() -> None:
    blocks = read("睡眠🔥\n睡\n\n[梦](https://example.com/睡)\n").blocks

    assert links(blocks[1]) == [("梦", "https://example.com/睡", 4)]


def test_a_block_knows_the_list_items_and_the_quotations_it_stands_in() -> None:
    blocks = read("- a\n  - b\n\n    c\n- d\n\n> > e\n").blocks
    a, b, c, d, e = blocks

    assert [block.opens for block in blocks] == [True, True, False, True, False]
    assert b.place.items[0] == a.place.items[0]
    assert c.place == b.place
    assert len(d.place.items) == 1
    assert d.place.items != a.place.items
    assert d.place.list == a.place.list != b.place.list
    assert (e.place.quotes, e.place.items) == (2, ())


def test_a_list_that_is_tight_has_the_lines_of_one_that_is_loose() -> None:
    tight = read("- a\n  b\n- [c](https://example.com/c)\n").blocks

    assert [(block.line, block.last) for block in tight] == [(1, 2), (3, 3)]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://example.com/a.", "https://example.com/a"),
        ("see (https://example.com/a)", "https://example.com/a"),
        ("see https://example.com/a_(b)", "https://example.com/a_(b)"),
        ("在https://example.com/a，", "https://example.com/a"),
        ("“https://example.com/a”", "https://example.com/a"),
        ("https://example.com/a?b=c&d=e#f!", "https://example.com/a?b=c&d=e#f"),
        ("HTTPS://EXAMPLE.COM/A", "HTTPS://EXAMPLE.COM/A"),
        ("https://example.com/a**b**", "https://example.com/a"),
    ],
)
def test_a_bare_address_ends_where_the_sentence_goes_on(text: str, url: str) -> None:
    assert [found for _, found, _ in links(only(text))] == [url]


@pytest.mark.parametrize(
    "text", ["xhttps://example.com", "https://", "http://a", "ftp://example.com", "www.example.com"]
)
def test_what_is_no_address_stays_text(text: str) -> None:
    assert links(only(text)) == []


def test_an_address_in_code_and_in_a_picture_is_no_link() -> None:
    assert links(only("`https://example.com/a` ![b](https://example.com/b.png)")) == []


def test_links_keep_their_line_within_a_paragraph() -> None:
    block = only(
        "a\n[b](https://example.com/b)  \n<https://example.com/c>\\\nhttps://example.com/d\n<a\nhref='https://e.org'>e</a>"
    )

    assert [line for _, _, line in links(block)] == [2, 3, 4, 5]


def test_a_row_has_its_cells() -> None:
    head, row = read("| a | b |\n|---|---|\n| [c](https://example.com/c) \\| d | |\n").blocks

    assert (head.head, row.head) == (True, False)
    assert ["".join(span.text for span in cell) for cell in row.cells] == ["c | d", ""]


def test_html_is_read_for_its_words_links_and_breaks() -> None:
    first, second = read(
        '<p>a <a href="https://example.com/b?c&amp;d">b</a><br>e</p>\n<p>f</p>\n<script>g</script>'
    ).blocks

    assert links(first) == [("b", "https://example.com/b?c&d", 1)]
    assert "".join(span.text for span in first.spans) == "a b\ne"
    assert [span.text for span in second.spans] == ["f"]


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("a\n\n[b] (https://example.com/b)\n", 3, "broken-link"),
        ("a\nc [b](https://example.com/b\n", 2, "broken-link"),
        ("[b][c]\n", 1, "unresolved-reference"),
        ("[b]\n\n[b]:\n[c]: https://example.com/c\n", 3, "unresolved-reference"),
        ("a\n\n```\nb\n", 3, "unclosed-fence"),
        ("- a\n\n  ~~~~\n  b\n  ~~~\n", 3, "unclosed-fence"),
    ],
)
def test_what_is_wrong_with_the_markdown_is_told_with_its_line(text: str, line: int, code: str) -> None:
    assert [problem[:2] for problem in read(text).problems] == [(line, code)]


@pytest.mark.parametrize(
    "text", ["[a](b)", "[a] (b)", "[video] x", "[x]", "f(a)[b](c)", "`[a] (https://e.org)`", "```\na\n```"]
)
def test_what_is_right_is_not_told(text: str) -> None:
    assert read(text).problems == []


def test_nesting_has_an_end() -> None:
    fine, deep = read(">" * MAX_DEPTH + " a"), read("a\n\n" + ">" * (MAX_DEPTH + 1) + " a")

    assert fine.too_deep is None
    assert deep.too_deep == 3
