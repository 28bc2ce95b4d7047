"""Themes and candidates of items: worked out apart, written in pieces, carried over."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from heedback_service.core.overview import overview
from heedback_service.flow import themes as flow_themes
from heedback_service.flow.apart import Found, GaveUpError, overview_apart
from heedback_service.flow.intake import Batch, take
from heedback_service.flow.kindred import Kindred, MayRepeat, kindred
from heedback_service.flow.themes import EVERY, LEASE, theme_step
from heedback_service.flow.triage import triage_step
from heedback_service.store.db import Database
from heedback_service.store.tables import Candidate, Item, Project, Theme, ThemeRun
from support import NOW, an_output, numbered_ids, some_feedback

VAT = ("The total leaves out the VAT", "VAT is missing in the total of my invoice", "No VAT in the invoice total")
SLOW = ("Answers take forever", "So slow, answers take a minute", "Waiting for slow answers")
LATER = NOW + EVERY


class Desk:
    """A service that has heard some comments and made items of them."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.new_id = numbered_ids(0x10_0000)
        self.heard = 0
        with db.write() as session:
            self.project = Project(slug="acme", name="Acme Books", timezone="Europe/Oslo", created_at=NOW)
            session.add(self.project)

    def hear(self, *comments: str | None, now: datetime = NOW) -> None:
        events: list[dict[str, Any]] = []
        for comment in comments:
            self.heard += 2
            events.append(an_output(self.heard, output=f"Answer {self.heard}"))
            said = {"comment": comment} if comment else {}
            events.append(some_feedback(self.heard + 1, output_id=events[-1]["id"], down=True, **said))
        with self.db.write() as session:
            take(session, self.project, Batch(sent_at=now, events=tuple(events)), now, self.new_id)
        while triage_step(self.db, now, new_id=self.new_id):
            pass

    def step(self, now: datetime = NOW, **named: Any) -> bool:
        return theme_step(self.db, now, new_id=self.new_id, **({"overview": in_turns} | named))

    def themes(self) -> dict[str, set[str]]:
        """The titles of items by that of their theme."""
        with self.db.read() as session:
            query = select(Theme.title, Item.title).join(Item, Item.theme_id == Theme.id)
            found: dict[str, set[str]] = {}
            for theme, item in session.execute(query):
                found.setdefault(theme, set()).add(item.strip("“”"))
            return found

    def ids(self) -> dict[str, UUID | None]:
        with self.db.read() as session:
            return {name.strip("“”"): its for name, its in session.execute(select(Item.title, Item.theme_id))}

    def all(self, table: type[Any]) -> list[Any]:
        with self.db.read() as session:
            return list(session.scalars(select(table)))


def in_turns(texts: Sequence[str], apart: Sequence[tuple[int, int]] = ()) -> Found:
    """Theme 0: who speaks of VAT; theme 1: the others. The candidate is the one before."""
    themes = [("VAT" not in text) * 1 if text else None for text in texts]
    return Found(themes, [[(at - 1, 0.5, ["vat"])] if at else [] for at in range(len(texts))])


def here(texts: Sequence[str], apart: Sequence[tuple[int, int]] = ()) -> Found:
    """The real arithmetic, without a process of its own, which takes a second to start."""
    found = overview(texts, apart=apart)
    return Found(found.themes, [[(each.other, each.score, list(each.why)) for each in its] for its in found.candidates])


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db)


def test_items_about_one_thing_share_a_theme_and_say_what_ties_them(desk: Desk) -> None:
    desk.hear(*VAT, *SLOW)
    assert desk.step(overview=here)
    assert sorted(map(sorted, desk.themes().values())) == [sorted(SLOW), sorted(VAT)]
    with desk.db.read() as session:
        numbers = dict(session.execute(select(Item.id, Item.number)).all())
        candidates = list(session.scalars(select(Candidate)))
    assert candidates
    assert all(numbers[each.other_id] < numbers[each.item_id] for each in candidates)
    vat = [each for each in candidates if (numbers[each.item_id], numbers[each.other_id]) == (3, 2)]
    assert {"vat", "total", "invoice"} == set(vat[0].why)
    assert 0 < vat[0].score < 1


def test_nothing_is_due_before_there_is_an_item_and_after_it_was_looked_at(desk: Desk) -> None:
    assert not desk.step()
    desk.hear(*VAT)
    assert desk.step()
    assert not desk.step()


def test_what_changes_is_looked_at_again_within_ten_minutes(desk: Desk) -> None:
    desk.hear(*VAT, now=NOW - timedelta(hours=1))
    assert desk.step()
    desk.hear(*SLOW, now=NOW + timedelta(seconds=1))
    assert not desk.step(NOW + timedelta(minutes=2))
    assert desk.step(LATER)
    assert len(desk.themes()) == 2
    assert not desk.step(LATER + EVERY)


def test_an_item_committed_a_little_late_is_not_missed(desk: Desk) -> None:
    """Its time is that of the triage that made it, its commit may come after we have read."""
    desk.hear(*VAT, now=NOW - timedelta(hours=1))
    assert desk.step()
    desk.hear(SLOW[0], now=NOW - timedelta(seconds=30))
    assert desk.step(LATER)


def test_a_theme_keeps_its_id_as_it_grows_and_goes_when_it_is_empty(desk: Desk) -> None:
    desk.hear(*VAT, *SLOW)
    desk.step()
    before = desk.ids()
    desk.hear("VAT again", "Slow again and again", now=LATER)
    assert desk.step(LATER + EVERY)
    after = desk.ids()
    assert {name: after[name] for name in before} == before
    assert after["VAT again"] == before[VAT[0]] != before[SLOW[0]]
    desk.hear("One more about VAT", now=LATER + EVERY)
    assert desk.step(LATER + 3 * EVERY, overview=lambda texts, apart: Found([None] * len(texts), [[] for _ in texts]))
    assert (desk.all(Theme), desk.all(Candidate)) == ([], [])
    assert set(desk.ids().values()) == {None}


def test_an_item_that_holds_nothing_any_more_has_neither_theme_nor_candidates(desk: Desk) -> None:
    desk.hear(*VAT)
    desk.step()
    with desk.db.write() as session:
        emptied = session.scalars(select(Item.id).order_by(Item.number.desc()).limit(1)).one()
        session.execute(update(Item).where(Item.id == emptied).values(feedback_count=0, prioritised_at=LATER))
    assert desk.step(LATER + EVERY, overview=here)
    with desk.db.read() as session:
        assert session.scalar(select(Item.theme_id).where(Item.id == emptied)) is None
    assert emptied not in {each.item_id for each in desk.all(Candidate)} | {e.other_id for e in desk.all(Candidate)}


def test_one_item_alone_is_no_theme(desk: Desk) -> None:
    desk.hear(VAT[0])
    assert desk.step(overview=here)
    assert desk.all(Theme) == []


def test_items_without_words_are_a_theme_by_their_reason(desk: Desk) -> None:
    desk.hear(None, None, *SLOW)
    desk.step(overview=here)
    assert {"Rated down, no words"} in desk.themes().values()
    assert "Rated down, no words" in desk.themes()


def test_items_without_words_are_no_candidates_whatever_we_call_them(desk: Desk) -> None:
    """Their titles are our own words, and all alike."""
    desk.hear(None, None, "👍 👎", "Rated down without words")
    desk.step(overview=here)
    assert desk.all(Candidate) == []
    assert len(desk.themes()["Rated down, no words"]) == 1
    with desk.db.write() as session:
        session.execute(update(Item).values(title="Totals are wrong", title_by="person", prioritised_at=LATER))
    assert desk.step(LATER + EVERY, overview=here)
    assert len(desk.all(Candidate)) == 3  # a person's words are words


def test_a_feature_somebody_is_at_is_left_alone_until_the_lease_runs_out(desk: Desk) -> None:
    desk.hear(*VAT)

    def fails(texts: Sequence[str], apart: Sequence[tuple[int, int]]) -> Found:
        assert not desk.step()
        raise GaveUpError("ended with 9")

    with pytest.raises(GaveUpError):
        desk.step(overview=fails)
    assert not desk.step(NOW + LEASE - timedelta(seconds=1))
    assert desk.step(NOW + LEASE)
    assert len(desk.themes()) == 1


def test_who_lost_the_feature_does_not_end_the_other_s_turn(desk: Desk) -> None:
    desk.hear(*VAT)

    def takes_too_long(texts: Sequence[str], apart: Sequence[tuple[int, int]]) -> Found:
        with pytest.raises(GaveUpError):
            desk.step(NOW + LEASE, overview=raises)
        return in_turns(texts)

    def raises(texts: Sequence[str], apart: Sequence[tuple[int, int]]) -> Found:
        raise GaveUpError("ended with 9")

    assert desk.step(overview=takes_too_long)
    (run,) = desk.all(ThemeRun)
    assert (run.looked_at, run.lease_until) == (None, NOW + 2 * LEASE)


def test_what_was_found_is_written_in_pieces_and_only_where_it_differs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_themes, "_WRITTEN", 2)
    desk.hear(*VAT, *SLOW)
    desk.step()
    before = desk.themes(), [(each.item_id, each.other_id) for each in desk.all(Candidate)]
    assert len(before[1]) == 5
    desk.hear("VAT once more", now=LATER)
    assert desk.step(LATER + EVERY)
    after = {(each.item_id, each.other_id) for each in desk.all(Candidate)}
    assert after > set(before[1])


def test_an_item_tells_of_its_theme_and_of_what_it_may_repeat(desk: Desk) -> None:
    desk.hear(*VAT)
    with desk.db.read() as session:
        assert kindred(session, desk.project.id, 3) == Kindred(None, ())  # not looked at yet
    desk.step()
    with desk.db.read() as session:
        first, last, none = (kindred(session, desk.project.id, number) for number in (1, 3, 4))
    assert none == Kindred(None, ())
    assert first.candidates == ()
    assert last.theme == first.theme
    assert last.theme is not None
    assert last.theme.items == 3
    assert last.candidates == (MayRepeat(2, f"“{VAT[1]}”", "new", 0.5, ("vat",)),)


def test_what_became_part_of_another_item_is_not_shown(desk: Desk) -> None:
    desk.hear(*VAT)
    desk.step()
    with desk.db.write() as session:
        session.execute(update(Item).where(Item.number == 2).values(feedback_count=0))
    with desk.db.read() as session:
        last = kindred(session, desk.project.id, 3)
    assert (last.theme and last.theme.items, last.candidates) == (2, ())


def test_the_version_of_an_item_stays(desk: Desk) -> None:
    """It is for what people decide."""
    desk.hear(*VAT)
    before = {each.id: each.version for each in desk.all(Item)}
    desk.step()
    assert {each.id: each.version for each in desk.all(Item)} == before


def test_a_process_that_fails_is_told_of_without_what_was_said() -> None:
    with pytest.raises(GaveUpError, match="took longer"):
        overview_apart(["secret one", "secret two"], seconds=0.001)
    with pytest.raises(GaveUpError) as raised:
        overview_apart(["secret one", "secret two"], meanings=b"secret")
    assert str(raised.value) == "ended with 1 (ValueError)"


def test_meanings_reach_the_process() -> None:
    said = ["cheap", "inexpensive", "slow", "sluggish"]
    rows = array("f", [1, 0, 0.9, 0, 0, 1, 0, 0.9])
    found = overview_apart(said, rows.tobytes()).themes
    assert found[0] == found[1] != found[2] == found[3]


def test_a_model_reads_the_texts_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A stand-in for the package, which is large: it knows two meanings, chats, and refuses a model without a name."""
    (tmp_path / "sentence_transformers.py").write_text(
        "class SentenceTransformer:\n"
        "    def __init__(self, name):\n"
        "        print('loading', name)\n"
        "        assert name == 'small', 'secret'\n"
        "    def encode(self, texts, show_progress_bar):\n"
        "        return [[float('e' in text), float('o' in text)] for text in texts]\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    said = ["cheap", "inexpensive", "slow", "forgotten now"]
    found = overview_apart(said, model="small").themes
    assert found[0] == found[1] != found[2]
    assert not caplog.records
    assert overview_apart(said, model="other") == here(said)
    (warning,) = caplog.messages
    assert warning == "themes go by words alone: the model other could not be used (AssertionError)"


def test_texts_of_every_kind_reach_the_process_and_come_back() -> None:
    texts = ["VAT\0 missing", "\u202eVAT missing 😀", "\ud800 lone", "", "中文"]
    found = overview_apart(texts)
    assert found == here(texts)
    assert found.themes[3] is None
    assert found.themes[0] == found.themes[1] is not None
    assert found.candidates[1][0] == (0, 1.0, ["vat", "missing"])
