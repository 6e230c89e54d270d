"""Folders and files as they come: what is read, what is refused and named, what stays live when something breaks."""

import os
import socket
import time
from pathlib import Path

import pytest
from factories import digest, item, note

from bot.digest import files
from bot.digest.model import Problem
from bot.digest.sources import Content, load, mistakes
from bot.errors import ConfigurationError


class Lines:
    """A parser for tests: ``# topic``, ``- item``, anything else is a note. Counts what it was given."""

    def __init__(self):
        self.parsed = []

    def __call__(self, text, *, file, config):
        self.parsed.append(file)
        tree, where = {}, ""
        for line in text.splitlines():
            if line.startswith("# "):
                tree.setdefault(where := line[2:], [])
            elif line.startswith("- "):
                tree.setdefault(where, []).append(item(line[2:]))
            elif line:
                tree.setdefault(where, []).append(note(line))
        labels = tuple(Problem(file, 1, "label", "info", label) for label in config.labels.get("abstract", ()))
        return digest(tree, file=file, title=file, problems=labels)


@pytest.fixture
def parse():
    return Lines()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder `content` in the working directory, with a function to write into it."""
    monkeypatch.chdir(tmp_path)
    content = tmp_path / "content"
    content.mkdir()
    return content


def write(folder, place, text="# ctr\n- a\n"):
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def items(*titles, topic="ctr"):
    return f"# {topic}\n" + "".join(f"- {title}\n" for title in titles)


def found(library):
    return [d.file for d in library.digests]


def refused(library):
    return {p.file: (p.line, p.code, p.message) for p in library.problems}


# What is read ------------------------------------------------------------------------------------------------------


def test_a_folder_yields_its_markdown_files_in_order_of_name(folder, parse):
    for place in ("b.md", "a/z.markdown", "a/b/c.MD", "notes.txt", "x.md.bak", ".hidden.md", ".git/HEAD.md"):
        write(folder, place)

    assert found(load(["content"], parse=parse)) == ["content/a/b/c.MD", "content/a/z.markdown", "content/b.md"]


@pytest.mark.parametrize("given", ["content", "content/", "./content", "content/.", "content//"])
def test_files_are_called_by_the_path_as_given(folder, parse, given):
    write(folder, "heji.md")

    assert found(load([given], parse=parse)) == ["content/heji.md"]


def test_files_of_the_working_directory_have_no_dot_before_them(folder, parse, monkeypatch):
    write(folder, "heji.md")
    monkeypatch.chdir(folder)

    assert found(load(["."], parse=parse)) == ["heji.md"]
    assert found(load([folder], parse=parse)) == [str(folder / "heji.md")]


def test_several_paths_are_one_library_and_no_file_counts_twice(folder, parse):
    write(folder, "a.md", items("a"))
    write(folder, "b.md", items("b"))
    library = load(["content/b.md", "content", "content/a.md"], parse=parse)

    assert found(library) == ["content/b.md", "content/a.md"]
    assert [i.title for i in library.items] == ["b", "a"]


@pytest.mark.parametrize(
    ("there", "read"),
    [
        (["README.md", "heji.md", "CHANGELOG.md", "LICENSE.md"], ["heji.md"]),
        (["README.md"], ["README.md"]),
        (["readme.zh-CN.md", "Contributing.md", "SECURITY.md"], ["readme.zh-CN.md"]),
        (["CHANGELOG.md", "LICENSE.md"], ["CHANGELOG.md", "LICENSE.md"]),
        (["README.md", "2026/48.md", "2026/README.md"], ["2026/48.md"]),
        (["readmes.md", "security-news.md", "licensing.md"], ["licensing.md", "readmes.md"]),
    ],
)
def test_a_repositorys_own_papers_are_the_digest_only_where_nothing_else_is(folder, parse, there, read):
    for place in there:
        write(folder, place)

    assert found(load(["content"], parse=parse)) == [f"content/{place}" for place in read]


def test_include_and_exclude_choose_the_files(folder, parse):
    for place in ("README.md", "posts/1.md", "posts/drafts/2.md", "posts/list.txt", "other/3.md"):
        write(folder, place)
    write(folder, "digest.yaml", "include: [posts/**, README.md]\nexclude: [drafts/]")

    assert found(load(["content"], parse=parse)) == [
        "content/README.md",
        "content/posts/1.md",
        "content/posts/list.txt",
    ]


@pytest.mark.parametrize(
    ("pattern", "place", "fits"),
    [
        ("*.md", "a.md", True),
        ("*.md", "deep/er/a.md", True),
        ("a/*.md", "a/b.md", True),
        ("a/*.md", "a/b/c.md", False),
        ("a/**", "a/b/c.md", True),
        ("**/c.md", "c.md", True),
        ("**/c.md", "a/b/c.md", True),
        ("a/**/c.md", "a/c.md", True),
        ("drafts", "x/drafts/a.md", True),
        ("drafts/", "drafts/a.md", True),
        ("x/drafts", "x/drafts/a.md", True),
        ("x/drafts", "y/x/drafts/a.md", False),
        ("./a.md", "a.md", True),
        ("[ab].md", "b.md", True),
        ("[z-a].md", "b.md", False),
        ("?.md", "合.md", True),
        ("a.md", "A.md", False),
        ("**/*x*x/" * 30 + "y", "xxx/" * 500 + "z", False),
    ],
)
def test_patterns_select_as_in_a_gitignore(pattern, place, fits):
    assert files.matches(place, pattern) is fits


def test_the_digest_yaml_beside_a_single_file_counts(folder, parse):
    write(folder, "heji.md")
    write(folder, "digest.yaml", "title: 合辑\nexclude: ['*.md']")
    library = load(["content/heji.md"], parse=parse)

    assert library.title == "合辑"
    assert found(library) == ["content/heji.md"]


def test_the_first_of_several_configurations_governs_with_the_aliases_of_all(folder, parse, tmp_path):
    write(folder, "a.md")
    write(folder, "digest.yaml", "title: One\naliases: {ctr: [点击率]}\nlabels: {abstract: [梗概]}")
    write(tmp_path / "more", "b.md")
    write(tmp_path / "more", "digest.yaml", "title: Two\ntimezone: UTC\naliases: {ctr: [clicks], nlp: [text]}")
    library = load(["content", "more"], parse=parse)

    assert (library.config.title, library.config.timezone) == ("One", None)
    assert library.config.aliases == {"ctr": ("点击率", "clicks"), "nlp": ("text",)}
    assert [(p.file, p.message) for p in library.problems] == [("content/a.md", "梗概")]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_is_cut(folder, parse, mark):
    write(folder, "a.md", mark + "# 标题\r\n- a\r\n".encode())

    assert [t.title for t in load(["content"], parse=parse).topics] == ["标题"]


def test_an_empty_folder_is_an_empty_library(folder, parse):
    library = load(["content"], parse=parse)

    assert (library.digests, library.items, library.problems) == ((), (), ())


# What is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "code", "message"),
    [
        (b"# a\n\xff", 2, "file-encoding", "not UTF-8 at byte 4 (0xff): save the file as UTF-8"),
        (b"\xef\xbb\xbf# a\n\xe5\x90", 2, "file-encoding", "not UTF-8 at byte 7 (0xe5): save the file as UTF-8"),
        ("标题".encode("gb18030"), 1, "file-encoding", "not UTF-8 at byte 0 (0xb1): save the file as UTF-8"),
        (b"# a\n- b\0\n", 2, "file-encoding", "a NUL byte at byte 7: this is no text"),
        ("# 标题\n[a](b)".encode("utf-16"), 1, "file-encoding", "UTF-16: save the file as UTF-8"),
        ("# title\n[a](b)".encode("utf-16-be"), 1, "file-encoding", "UTF-16: save the file as UTF-8"),
        (
            "# 合辑标题\n[文章](https://example.org)".encode("utf-16-le"),
            1,
            "file-encoding",
            "UTF-16: save the file as UTF-8",
        ),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", 1, "file-pointer", None),
    ],
)
def test_what_is_no_utf8_text_is_named_and_the_files_beside_it_load(folder, parse, data, line, code, message):
    write(folder, "good.md")
    write(folder, "bad.md", data)
    library = load(["content"], parse=parse)

    assert found(library) == ["content/good.md"]
    assert refused(library)["content/bad.md"][:2] == (line, code)
    assert message in (None, refused(library)["content/bad.md"][2])


def test_a_file_of_60_mb_is_refused_without_being_opened(folder, parse, monkeypatch):
    write(folder, "good.md")
    with (folder / "huge.md").open("wb") as huge:
        huge.truncate(60_000_000)
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(Path(path).name) or real(path, *rest))
    library = load(["content"], parse=parse)

    assert opened == ["good.md"]
    assert refused(library) == {"content/huge.md": (1, "file-size", "60,000,000 bytes: files over 5 MB are refused")}


def test_a_file_of_5_mb_is_read(folder, parse):
    write(folder, "large.md", b"x" * files.MAX_BYTES)

    assert found(load(["content"], parse=parse)) == ["content/large.md"]


def test_a_file_that_grows_while_it_is_read_is_refused(folder):
    path = write(folder, "a.md", "x" * 10)
    file = files.at(str(path))
    path.write_text("x" * 100)

    assert files.read(file, limit=50).code == "file-size"


def test_links_out_of_the_folder_are_not_followed(folder, parse, tmp_path):
    secret = write(tmp_path / "outside", "secret.md", items("secret"))
    write(folder, "good.md")
    (folder / "file.md").symlink_to(secret)
    (folder / "all").symlink_to(secret.parent)
    (folder / "up.md").symlink_to("../outside/secret.md")
    (folder / "picture.png").symlink_to(secret)
    library = load(["content"], parse=parse)

    assert found(library) == ["content/good.md"]
    assert {file: code for file, (_, code, _) in refused(library).items()} == {
        "content/all": "file-link",
        "content/file.md": "file-link",
        "content/up.md": "file-link",
    }


def test_links_within_the_folder_are_read_once(folder, parse):
    write(folder, ".data/v1/heji.md", items("mounted"))  # the way a mounted configuration map looks
    write(folder, "a.md", items("a"))
    (folder / "heji.md").symlink_to(".data/v1/heji.md")
    (folder / "again.md").symlink_to("a.md")
    (folder / "loop").symlink_to(".")
    library = load(["content"], parse=parse)

    assert found(library) == ["content/a.md", "content/heji.md"]
    assert library.problems == ()


def test_links_that_lead_nowhere_or_in_a_ring_are_named(folder, parse):
    (folder / "gone.md").symlink_to("nothing.md")
    (folder / "ring.md").symlink_to("ring.md")
    library = load(["content"], parse=parse)

    assert sorted(refused(library)) == ["content/gone.md", "content/ring.md"]


def test_a_path_given_may_itself_be_a_link(folder, parse, tmp_path):
    write(folder, "heji.md")
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "link.md").symlink_to(folder / "heji.md")

    assert found(load(["link"], parse=parse)) == ["link/heji.md"]
    assert found(load(["link.md"], parse=parse)) == ["link.md"]


@pytest.mark.parametrize("as_argument", [False, True])
def test_a_fifo_does_not_block(folder, parse, as_argument):
    write(folder, "good.md")
    os.mkfifo(folder / "pipe.md")
    library = load(["content/pipe.md", "content/good.md"] if as_argument else ["content"], parse=parse)

    assert found(library) == ["content/good.md"]
    assert refused(library) == {"content/pipe.md": (1, "file-type", "a FIFO, not a file: it is not read")}


def test_a_fifo_put_in_place_of_a_file_does_not_block_either(folder):
    path = write(folder, "a.md")
    file = files.at(str(path))
    path.unlink()
    os.mkfifo(path)

    assert files.read(file).code == "file-type"


def test_a_link_put_in_place_of_a_file_is_not_followed(folder, tmp_path):
    path = write(folder, "a.md")
    file = files.at(str(path))
    path.unlink()
    path.symlink_to(write(tmp_path, "secret.md"))

    assert files.read(file).code == "file-unreadable"


def test_sockets_and_devices_are_not_opened(folder, parse):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("content/talk.md")
        library = load(["content", "/dev/zero"], parse=parse)

    assert refused(library) == {
        "content/talk.md": (1, "file-type", "a socket, not a file: it is not read"),
        "/dev/zero": (1, "file-type", "a device, not a file: it is not read"),
    }


def test_locked_files_and_folders_are_named(folder, parse, monkeypatch):
    """Refused by the fake of a disk, since root may read everything."""
    write(folder, "good.md")
    write(folder, "locked.md")
    write(folder, "vault/a.md")
    real_open, real_scan = os.open, os.scandir

    def deny(real, name):
        def call(path, *rest):
            if Path(path).name == name:
                raise PermissionError(13, "Permission denied")
            return real(path, *rest)

        return call

    monkeypatch.setattr(os, "open", deny(real_open, "locked.md"))
    monkeypatch.setattr(os, "scandir", deny(real_scan, "vault"))
    library = load(["content"], parse=parse)

    assert found(library) == ["content/good.md"]
    assert refused(library) == {
        "content/locked.md": (1, "file-unreadable", "cannot be read: Permission denied"),
        "content/vault": (1, "file-unreadable", "cannot be read: Permission denied"),
    }


def test_files_that_vanish_while_one_looks_were_never_there(folder, parse, monkeypatch):
    write(folder, "a.md")
    vanishing = write(folder, "b.md")
    write(folder, "sub/c.md")
    real_open, real_scan = os.open, os.scandir

    def open_after_unlinking(path, *rest):
        vanishing.unlink(missing_ok=True)
        return real_open(path, *rest)

    def scan_after_removal(path):
        if Path(path).name == "sub":
            raise FileNotFoundError(2, "No such file or directory")
        return real_scan(path)

    monkeypatch.setattr(os, "open", open_after_unlinking)
    monkeypatch.setattr(os, "scandir", scan_after_removal)
    library = load(["content"], parse=parse)

    assert found(library) == ["content/a.md"]
    assert library.problems == ()


def test_file_names_of_odd_bytes_can_be_printed(folder, parse):
    for name in (b"caf\xe9.md", b"new\nline.md", "合辑 🚀.md".encode(), b"\xff.md"):
        write(folder, os.fsdecode(name), b"\xff" if name == b"\xff.md" else items("a"))
    library = load(["content"], parse=parse)

    assert sorted(found(library)) == ["content/caf\\xe9.md", "content/new\\nline.md", "content/合辑 🚀.md"]
    assert list(refused(library)) == ["content/\\xff.md"]


def test_folders_in_folders_end_somewhere(folder, parse):
    deep = folder.joinpath(*["d"] * 40)
    write(deep, "a.md")
    write(folder, "b.md")
    library = load(["content"], parse=parse)

    assert found(library) == ["content/b.md"]
    assert [p.code for p in library.problems] == ["file-depth"]


@pytest.mark.parametrize("given", ["nowhere", "content/nowhere.md", "", "a\0b", "content/heji.md/x"])
def test_a_path_that_does_not_exist_is_a_mistake_of_configuration(folder, parse, given):
    write(folder, "heji.md")
    with pytest.raises(ConfigurationError) as caught:
        load([given], parse=parse)

    assert len(caught.value.mistakes) == 1
    assert caught.value.mistakes[0].startswith("CONTENT is ")


def test_all_mistakes_of_configuration_are_told_at_once(folder, parse):
    write(folder, "digest.yaml", "titel: x\ntimezone: Mars")
    with pytest.raises(ConfigurationError) as caught:
        load(["nowhere", "content", "https://example.org/x.md", "gone.md"], parse=parse, name="PATH")

    assert len(caught.value.mistakes) == 5
    assert "PATH is nowhere, which does not exist: name a folder or a Markdown file" in caught.value.mistakes
    assert "content/digest.yaml, line 1: unknown key titel in digest.yaml: did you mean title?" in caught.value.mistakes


def test_a_bad_digest_yaml_is_a_finding_that_a_verb_may_make_a_mistake_of(folder, parse):
    write(folder, "heji.md")
    write(folder, "digest.yaml", "title: 合辑\ntimezone: Asia/Shangai\n")
    library = load(["content"], parse=parse)

    assert (library.title, found(library)) == ("合辑", ["content/heji.md"])
    assert mistakes(library) == (
        "content/digest.yaml, line 2: unknown zone Asia/Shangai in timezone: did you mean Asia/Shanghai?",
    )


@pytest.mark.parametrize("what", ["link", "fifo", "folder", "large"])
def test_a_digest_yaml_that_is_no_small_file_is_named(folder, parse, tmp_path, what):
    write(folder, "heji.md")
    path = folder / "digest.yaml"
    match what:
        case "link":
            path.symlink_to(write(tmp_path, "other.yaml", "title: stolen"))
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "large":
            path.write_text("#" * 100_000)
    library = load(["content"], parse=parse)

    assert found(library) == ["content/heji.md"]
    assert [(p.file, p.code[:7]) for p in library.problems] == [("content/digest.yaml", "config-")]


# The live library --------------------------------------------------------------------------------------------------


@pytest.fixture
def content(folder, parse):
    """Four live items in two files; nothing more to parse."""
    write(folder, "a.md", items("1", "2", "3"))
    write(folder, "b.md", items("4", topic="nlp"))
    content = Content(["content"], parse=parse)
    parse.parsed.clear()
    return content


def titles(content):
    return [i.title for i in content.library.items]


def test_nothing_changed_is_nothing_to_do(content, parse, monkeypatch):
    before = content.library
    monkeypatch.setattr(os, "open", None)

    assert content.refresh() is None
    assert content.library is before
    assert parse.parsed == []


def test_one_changed_file_of_400_is_parsed_alone(folder, parse):
    for number in range(400):
        write(folder, f"{number:03}.md", items(f"item {number}"))
    content = Content(["content"], parse=parse)
    parse.parsed.clear()
    write(folder, "123.md", items("item 123", "brand new"))
    reload = content.refresh()

    assert parse.parsed == ["content/123.md"]
    assert reload.replaced
    assert [i.title for i in reload.changes.added] == ["brand new"]
    assert len(content.library.items) == 401


def test_an_edit_of_the_same_size_is_seen(content, folder):
    os.utime(write(folder, "b.md", items("5", topic="nlp")), ns=(1, 1))

    assert content.refresh().replaced
    assert titles(content) == ["1", "2", "3", "5"]


def test_new_and_renamed_files_are_taken_up(content, folder):
    write(folder, "c.md", items("5"))
    (folder / "a.md").rename(folder / "z.md")
    reload = content.refresh()

    assert reload.replaced
    assert found(content.library) == ["content/b.md", "content/c.md", "content/z.md"]
    assert [i.title for i in reload.changes.added] == ["5"]
    assert reload.changes.removed == ()


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda path: path.write_text(items("1")), "kept-shrunk"),
        (lambda path: path.write_text(""), "kept-emptied"),
        (lambda path: path.write_text("version 1: a pointer in place of the text"), "kept-shrunk"),
        (lambda path: path.write_bytes(b"\xff" * 100), "file-encoding"),
        (lambda path: path.unlink(), "kept-vanished"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "file-type"),
        (lambda path: (path.parent / "digest.yaml").write_text("titel: x"), "config-unknown-key"),
        (lambda path: path.parent.rename(path.parent.with_name("elsewhere")), "kept-missing"),
    ],
    ids=["shrunk", "emptied", "pointer", "no text", "vanished", "fifo", "bad digest.yaml", "unmounted"],
)
def test_the_last_good_library_stays_live_and_the_loss_is_told_once(content, folder, harm, code):
    before = content.library
    write(folder, "b.md", items("4", "5", topic="nlp"))
    harm(folder / "a.md")
    reload = content.refresh()

    assert not reload.replaced
    assert [p.code for p in reload.problems] == [code]
    assert content.problems == reload.problems
    assert content.library is before
    assert content.refresh() is None


def test_a_curator_may_mean_it(content, folder):
    (folder / "a.md").write_text(items("1"))
    refused = content.reload()
    forced = content.reload(force=True)

    assert (refused.replaced, forced.replaced) == (False, True)
    assert [i.title for i in forced.changes.removed] == ["2", "3"]
    assert titles(content) == ["1", "4"]
    assert content.problems == ()
    assert content.refresh() is None


def test_a_bad_digest_yaml_that_a_curator_means_keeps_what_is_right_in_it(content, folder):
    write(folder, "digest.yaml", "title: 合辑\ntitel: x")
    forced = content.reload(force=True)

    assert forced.replaced
    assert [p.code for p in forced.problems] == ["config-unknown-key"]
    assert content.library.title == "合辑"


def test_a_missing_folder_cannot_be_meant_and_is_taken_up_when_it_is_back(content, folder):
    folder.rename(folder.with_name("elsewhere"))
    forced = content.reload(force=True)
    folder.with_name("elsewhere").rename(folder)
    back = content.refresh()

    assert not forced.replaced
    assert back.replaced
    assert not back.changes
    assert content.problems == ()
    assert titles(content) == ["1", "2", "3", "4"]


def test_a_half_saved_file_is_taken_up_when_it_is_whole(content, folder):
    (folder / "a.md").write_text("# c")
    half = content.refresh()
    (folder / "a.md").write_text(items("1", "2", "3", "5"))
    whole = content.refresh()

    assert (half.replaced, whole.replaced) == (False, True)
    assert titles(content) == ["1", "2", "3", "5", "4"]


def test_half_of_a_digest_may_go(content, folder):
    write(folder, "a.md", items("1", "2"))

    assert content.refresh().replaced


def test_items_that_moved_into_another_file_are_no_loss(content, folder):
    write(folder, "a.md", items("1"))
    write(folder, "c.md", items("2", "3"))

    assert content.refresh().replaced


def test_a_file_that_digest_yaml_excludes_is_no_loss(content, folder):
    write(folder, "digest.yaml", "exclude: [a.md]")

    assert content.refresh().replaced
    assert titles(content) == ["4"]


def test_a_new_file_that_is_bad_does_not_hold_up_the_others(content, folder):
    write(folder, "b.md", items("4", "5", topic="nlp"))
    write(folder, "bad.md", b"\xff")
    reload = content.refresh()

    assert reload.replaced
    assert [p.file for p in reload.problems] == ["content/bad.md"]
    assert titles(content) == ["1", "2", "3", "4", "5"]


def test_a_changed_digest_yaml_is_heeded(content, folder, parse):
    write(folder, "digest.yaml", "aliases: {ctr: [点击率]}\nlabels: {abstract: [梗概]}")
    reload = content.refresh()

    assert reload.replaced
    assert not reload.changes
    assert content.library.find_topic("点击率").title == "ctr"
    assert parse.parsed == ["content/a.md", "content/b.md"]


def test_a_look_at_400_unchanged_files_is_cheap(folder, parse):
    for number in range(400):
        write(folder, f"{number:03}.md", items(f"item {number}"))
    content = Content(["content"], parse=parse)
    started = time.process_time()
    content.refresh()
    spent = time.process_time() - started

    assert spent < 0.5


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(["https://reader:hunter2@example.org/digest.md"])

    assert "hunter2" not in str(caught.value)
    assert "//***@example.org" in str(caught.value)
