"""What the pages are told of the bot: as it stands now, and as it was last known where nobody answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from archives import DIGEST, MONDAY, Archive

from bot.errors import StoreUnreachable
from bot.front.reading_room import AHEAD, FRESH
from bot.web.room import Wish

pytestmark = pytest.mark.usefixtures("without_pinyin")


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path).remembering().subscribe()


def test_before_the_first_edition_its_theme_is_known_and_nothing_was_posted(archive):
    state = archive.room.state()

    assert state.issues == ()
    assert state.current.theme.title == "ctr"
    assert state.coming is None  # it is this very period's
    assert state.periods[:2] == ("2026-W45", "2026-W46")
    assert len(state.periods) == AHEAD


def test_after_it_the_next_one_is_known_and_when_it_comes(archive):
    state = archive.post().room.state()

    assert [issue.edition.theme.title for issue in state.issues] == ["ctr"]
    assert (state.issues[0].at, state.issues[0].key) == (MONDAY, "2026-W45")
    assert state.coming.edition.theme.title == "NLP"
    assert state.coming.at.isoformat() == "2026-11-09T09:00:00+00:00"


def test_a_state_is_at_hand_as_long_as_it_is_fresh_and_no_content_came(archive):
    room = archive.room
    assert room.at_hand() is None
    state = room.state()
    assert room.at_hand() is state

    archive.clock.now += FRESH.total_seconds() + 1
    assert room.at_hand() is None
    assert room.state().version == state.version  # nothing is another

    archive.write(DIGEST + "\n[New](https://example.org/new)\n")
    archive.app.refresh()
    assert room.at_hand() is None
    assert room.state().version == state.version + 1


def test_what_was_posted_is_read_once(archive, monkeypatch):
    asked = []
    ledger = archive.post(2).store.ledger
    monkeypatch.setattr(ledger, "appeared", lambda known, _do=ledger.appeared: asked.append(len(known)) or _do(known))
    for _ in range(3):
        archive.clock.now += 60
        archive.room.state()

    assert asked == [0, 2, 2]
    assert len(archive.room.state().issues) == 2


def test_what_reached_somebody_is_told_by_every_database_also_when_its_messages_were_pruned(tmp_path, open_store):
    archive = Archive(tmp_path)
    archive.remembering(open_store(clock=archive.clock)).subscribe("console:one").subscribe("console:two").post()
    archive.post(sending=False)
    before = archive.store.ledger.appeared()
    archive.clock.now += 100 * 24 * 3600
    pruned = archive.store.ledger.prune()

    assert [row.period for row in before] == ["2026-W45"]
    assert pruned == 2
    assert archive.store.ledger.appeared() == before
    assert archive.store.ledger.appeared([before[0].id]) == ()


def test_a_database_that_does_not_answer_leaves_the_last_state(archive, monkeypatch, caplog):
    def away(*_):
        raise StoreUnreachable("cut")

    before = archive.post().room.state()
    with monkeypatch.context() as cut:
        cut.setattr(archive.store.database, "read", away)
        for _ in range(3):
            archive.clock.now += 60
            assert archive.room.state() == before
    archive.post()

    assert len(archive.room.state().issues) == 2
    assert sum("last known" in message for message in caplog.messages) == 1


def test_a_preview_is_what_is_posted_then(archive):
    before = archive.room.preview(Wish("2026-W45", language="zh"))
    archive.post()

    archive.clock.now += 60
    archive.room.state()
    assert archive.room.preview(Wish("2026-W45", language="zh")) == before


@pytest.mark.parametrize(
    "text", ["", " ", "/topic@OtherBot ctr", "/", "@", "/nonsense", "\x00", "/more", "/topic ctr --page 999999"]
)
def test_whatever_is_typed_gets_an_answer(archive, text):
    assert archive.room.answer(text, "en").blocks


def test_showing_how_a_platform_looks_imports_no_sdk_and_pages_no_template_engine_before_the_first():
    script = (
        "import sys; import bot.processes.presence; assert 'jinja2' not in sys.modules;"
        "from bot.front.reading_room import screens; screens();"
        "print(sorted({'telegram', 'slack_sdk', 'slack_bolt', 'jinja2'} & {*sys.modules}))"
    )
    root = Path(__file__).parent.parent
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)

    assert (ended.stdout, ended.stderr) == ("[]\n", "")
