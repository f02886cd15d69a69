"""The runner: resumable, bounded by evidence, never stopped by one document."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog.importer import import_lines
from catalog.lease import Lease
from catalog.store import Store
from harvesters.base import Begin, Page
from harvesters.runner import Progress, RunResult, harvest
from schemas.errors import SourceError
from tests.catalog.records import SOURCE, FakeMapping, line
from tests.harvesters.fakes import FakeSource


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'asterism.db'}"


@pytest.fixture
def store(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("catalog.translate.mapping", lambda format: FakeMapping())
    with Store.create_or_upgrade(store_url) as made:
        yield made


def run(store: Store, source: FakeSource, **more: Any) -> RunResult:
    return harvest(store, SOURCE, "fake", source, **more)


def titles(store: Store) -> dict[str, str]:
    return {one["provenance"]["native_id"]: one["title"] for one in store.iter_records(SOURCE)}


def filled(count: int, **more: Any) -> FakeSource:
    source = FakeSource(**more)
    for n in range(count):
        source.set(f"d{n}")
    return source


def test_the_first_harvest_brings_everything(store: Store) -> None:
    told: list[Progress] = []
    clock = lambda: datetime(2026, 5, 1, 10, 0, 0, tzinfo=UTC)  # noqa: E731
    result = run(store, filled(8), endpoint="https://lake.example", progress=told.append, now=clock)
    assert (result.fetched, result.new, result.error, result.alarms) == (8, 8, None, [])
    assert (result.mode, result.resumed, result.last_seq) == ("full", False, 8)
    assert len(titles(store)) == 8
    found = store.find(SOURCE, "d0")
    assert found is not None
    provenance = found["provenance"]
    assert provenance["endpoint"] == "https://lake.example" and provenance["native_id"] == "d0"
    assert (provenance["format"], provenance["mapping_version"]) == ("rucio", 1)
    assert provenance["harvested_at"] == "2026-05-01T10:00:00Z" and len(provenance["checksum"]) == 32
    assert store.raw(found["id"]) is not None
    assert [one.fetched for one in told][:3] == [3, 6, 8] and told[0].stage == "pages"
    (state,) = store.sources()
    assert (state.kind, state.since, state.last and state.last.status) == ("fake", "8", "complete")


def test_the_next_harvest_brings_what_is_new(store: Store) -> None:
    source = filled(8)
    run(store, source)
    source.set("d3", "changed")
    source.set("d8")
    source.served.clear()
    result = run(store, source)
    assert (result.mode, result.fetched, result.new, result.changed, result.unchanged) == ("incremental", 2, 1, 1, 0)
    assert source.served == ["d3", "d8"]
    assert run(store, source).fetched == 0


@pytest.mark.parametrize("lists_all", [True, False])
def test_harvesting_the_same_again_changes_nothing(store: Store, lists_all: bool) -> None:
    source = filled(8, lists_all=lists_all)
    run(store, source)
    result = run(store, source, full=True)
    assert (result.new, result.changed, result.unchanged, result.last_seq) == (0, 0, 8, 8)


# --- deletions ---------------------------------------------------------------------------------------------------


def test_announced_deletions_come_as_they_are_announced(store: Store) -> None:
    source = filled(8, announces=True)
    run(store, source)
    source.announce("d2")
    source.announce("never-known")
    result = run(store, source)
    assert (result.fetched, result.deleted, source.asked) == (2, 1, [])
    assert "d2" not in titles(store)
    stone = store.tombstone(next(change.id for change in store.changes(8, 1)))
    assert stone is not None and stone.reason == "the source says that it is deleted"


@pytest.mark.parametrize("options", [{"lists_all": True}, {"lists_all": False}])
@pytest.mark.parametrize("full", [True, False])
def test_unannounced_deletions_are_found_by_difference(store: Store, options: dict[str, bool], full: bool) -> None:
    source = filled(8, **options)
    run(store, source)
    source.vanish("d2")
    result = run(store, source, full=full)
    assert (result.deleted, source.asked, result.error) == (1, ["d2"], None)
    assert "d2" not in titles(store) and len(titles(store)) == 7
    assert run(store, source, full=full).deleted == 0


def test_what_is_missing_but_there_stays(store: Store) -> None:
    source = filled(8, lists_all=True)
    run(store, source)
    source.hidden = {"d2", "d3"}
    result = run(store, source)
    assert (result.deleted, sorted(source.asked), len(titles(store))) == (0, ["d2", "d3"], 8)


def test_a_harvest_that_is_cut_short_deletes_nothing(store: Store) -> None:
    source = filled(8, lists_all=True)
    run(store, source)
    source.vanish("d0")
    source.fail_after = 2
    result = run(store, source)
    assert result.error is not None and result.error.code == "source.unreachable"
    assert (result.deleted, source.asked, len(titles(store))) == (0, [], 8)
    source.fail_after = None
    again = run(store, source)
    assert (again.resumed, again.deleted, again.error) == (True, 1, None)


def test_a_listing_that_is_cut_short_deletes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    source = filled(8)
    run(store, source)
    source.vanish("d0")

    def cut() -> Iterator[list[str]]:
        yield ["d1", "d2"]
        raise SourceError("truncated", "the list was cut")

    monkeypatch.setattr(source, "identifiers", cut)
    result = run(store, source)
    assert result.error is not None and (result.deleted, source.asked) == (0, [])
    monkeypatch.undo()
    monkeypatch.setattr("catalog.translate.mapping", lambda format: FakeMapping())
    begun = len(source.begun)
    again = run(store, source)
    assert (again.deleted, again.resumed, source.asked) == (1, True, ["d0"])
    assert len(source.begun) == begun  # the pages were complete: it goes on with the listing


def test_many_missing_raise_an_alarm_and_each_is_asked_for(store: Store) -> None:
    source = filled(40, lists_all=True, page=10)
    run(store, source)
    for n in range(20):
        source.vanish(f"d{n}")
    source.hidden = {f"d{n}" for n in range(20, 25)}
    result = run(store, source)
    assert (result.deleted, len(source.asked), len(titles(store))) == (20, 25, 20)
    assert [alarm.code for alarm in result.alarms] == ["harvest.many-missing", "harvest.count-drop"]
    (state,) = store.sources()
    assert state.last is not None and [one["code"] for one in state.last.alarms][-1] == "harvest.count-drop"


def test_a_source_that_will_not_be_asked_keeps_its_record(store: Store) -> None:
    source = filled(8, lists_all=True)
    run(store, source)
    for name in ("d1", "d2", "d3"):
        source.vanish(name)
    source.unanswered = {"d2"}
    result = run(store, source)
    assert (result.deleted, result.error, [alarm.code for alarm in result.alarms]) == (2, None, ["harvest.unasked"])
    source.unanswered = set()
    assert run(store, source).deleted == 1


def test_a_source_that_fails_while_it_is_asked_is_asked_again_next_time(store: Store) -> None:
    source = filled(12, lists_all=True)
    run(store, source)
    names = [f"d{n}" for n in range(6)]
    for name in names:
        source.vanish(name)
    source.unanswered = set(names[1:])
    result = run(store, source)
    assert result.error is not None and result.error.code == "source.timeout" and result.deleted == 1
    source.unanswered = set()
    begun = len(source.begun)
    again = run(store, source)
    assert (again.deleted, again.error, len(source.begun)) == (6, None, begun)
    assert len(titles(store)) == 6


def test_imported_records_of_the_same_name_are_not_missed(store: Store) -> None:
    import_lines(store, [line("mine")], SOURCE)
    source = filled(3, lists_all=True)
    run(store, source)
    assert source.asked == [] and store.find(SOURCE, "doi:mine") is not None


# --- documents that are not as they should be --------------------------------------------------------------------


def test_one_bad_document_stops_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    source = filled(3)
    source.set("refused", refuse=1)
    source.set("invalid", kind="galaxy")
    source.set("half", ra=361)
    source.documents["broken"] = (99, b"{")
    result = run(store, source)
    assert (result.fetched, result.new, result.quarantined, result.error) == (7, 4, 4, None)
    codes = {entry.native_id: (entry.field, entry.code) for entry in store.quarantine(SOURCE)}
    assert codes == {
        "refused": (None, "mapping.no-title"),
        "invalid": (None, "record.invalid"),
        "half": ("position.ra", "mapping.bad-position"),
        "broken": (None, "mapping.crash"),
    }
    assert "361" in next(entry.reason for entry in store.quarantine(SOURCE) if entry.native_id == "half")
    assert store.find(SOURCE, "half") is not None


def test_the_old_record_stays_when_its_new_version_is_bad(store: Store) -> None:
    source = filled(3, lists_all=True)
    run(store, source)
    source.set("d1", "new", refuse=1)
    result = run(store, source)
    assert (result.quarantined, result.deleted, source.asked) == (1, 0, [])
    assert titles(store)["d1"] == "d1" and len(store.quarantine(SOURCE)) == 1
    source.set("d1", "newest")
    assert run(store, source).changed == 1
    assert titles(store)["d1"] == "newest" and store.quarantine(SOURCE) == []


def test_a_full_harvest_clears_what_is_no_longer_wrong(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    source = filled(2)
    source.set("odd", refuse=1)
    days = iter(range(1, 20))
    run(store, source, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    source.vanish("odd")
    assert len(store.quarantine(SOURCE)) == 1
    run(store, source, full=True, now=lambda: datetime(2026, 2, next(days), tzinfo=UTC))
    assert store.quarantine(SOURCE) == []


def test_a_document_that_says_it_is_gone_deletes_its_record(store: Store) -> None:
    source = filled(3, announces=True)
    run(store, source)
    source.set("d1", gone=True)
    assert run(store, source).deleted == 1 and "d1" not in titles(store)


def test_of_two_documents_with_one_name_the_last_wins(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    source = filled(3)
    plain = source.pages

    def doubled(begin: Begin) -> Iterator[Page]:
        for page in plain(begin):
            first = page.items[0]
            older = type(first)(first.native_id, first.raw and first.raw.replace(b"d0", b"old"), first.format)
            yield Page(
                [older, *page.items], page.checkpoint, problems=[(None, "source.no-identifier", "a nameless one", b"<")]
            )

    monkeypatch.setattr(source, "pages", doubled)
    result = run(store, source)
    assert (result.fetched, result.new, result.repeated, titles(store)["d0"]) == (5, 3, 1, "d0")
    entries = {entry.code: entry for entry in store.quarantine(SOURCE)}
    assert set(entries) == {"source.no-identifier", "source.duplicate-identifier"}
    overridden = entries["source.duplicate-identifier"]
    assert overridden.native_id == "d0" and b"old" in (overridden.raw or b"")
    monkeypatch.setattr(source, "pages", plain)
    run(store, source, full=True)
    assert not [entry for entry in store.quarantine(SOURCE) if entry.native_id == "d0"]


def test_much_quarantine_and_less_than_announced_raise_alarms(store: Store) -> None:
    source = filled(20)
    for n in range(15):
        source.set(f"bad{n}", refuse=1)
    source.total = 50
    result = run(store, source)
    assert [alarm.code for alarm in result.alarms] == ["harvest.incomplete", "harvest.many-quarantined"]
    assert result.error is None


def test_a_large_page_is_saved_in_portions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harvesters.runner._AT_ONCE", 4)
    told: list[Progress] = []
    result = run(store, filled(30, page=30), progress=told.append)
    assert (result.fetched, result.new) == (30, 30)
    assert [one.fetched for one in told if one.stage == "pages"] == [4, 8, 12, 16, 20, 24, 28, 30]


# --- cut short, and taken up -------------------------------------------------------------------------------------


def test_a_failed_harvest_goes_on_where_it_stopped(store: Store) -> None:
    source = filled(8)
    source.fail_after = 2
    result = run(store, source)
    assert (result.new, result.fetched) == (6, 6) and store.sources()[0].since is None
    assert store.runs()[0].status == "failed" and store.runs()[0].error_code == "source.unreachable"
    source.fail_after = None
    source.served.clear()
    again = run(store, source)
    assert (again.resumed, again.fetched, again.new, again.error) == (True, 8, 8, None)
    assert source.served == ["d6", "d7"] and store.sources()[0].since == "8"
    assert len(store.runs()) == 1


def test_since_moves_only_after_a_complete_harvest(store: Store) -> None:
    source = filled(4)
    run(store, source)
    source.set("d4")
    source.fail_after = 0
    run(store, source)
    assert store.sources()[0].since == "4"
    source.fail_after = None
    assert run(store, source).new == 1 and store.sources()[0].since == "5"


def test_full_does_not_go_on_with_an_incremental_harvest(store: Store) -> None:
    source = filled(4)
    run(store, source)
    source.set("d4")
    source.fail_after = 1
    assert run(store, source).error is not None
    source.fail_after = None
    result = run(store, source, full=True)
    assert (result.resumed, result.mode, result.fetched) == (False, "full", 5)
    assert source.begun[-1] == Begin(None, None)
    assert [one.status for one in store.runs()] == ["complete", "abandoned", "complete"]


def test_another_scope_starts_afresh(store: Store) -> None:
    source = filled(8)
    run(store, source, scope="set=a")
    assert run(store, source, scope="set=a").mode == "incremental"
    source.fail_after = 1
    assert run(store, source, scope="set=b").mode == "full"
    source.fail_after = None
    result = run(store, source, scope="set=c")
    assert (result.mode, result.resumed, result.fetched) == ("full", False, 8)


def test_a_checkpoint_that_leads_nowhere_is_given_up(store: Store) -> None:
    source = filled(8)
    source.fail_after = 1
    run(store, source)
    source.fail_after = 0
    resumed = [run(store, source).resumed for _ in range(5)]
    assert resumed == [True, True, True, False, True]
    source.fail_after = None
    assert run(store, source).error is None and len(titles(store)) == 8


@pytest.mark.parametrize("failure", [ValueError("surprise"), RecursionError()])
def test_a_fault_of_ours_fails_the_source_and_not_the_program(store: Store, failure: Exception) -> None:
    source = filled(8)
    source.fail_after, source.failure = 1, failure
    result = run(store, source)
    assert result.error is not None and result.error.code == "source.crash" and result.new == 3


def test_being_stopped_is_raised_and_resumable(store: Store) -> None:
    source = filled(8)
    source.fail_after, source.failure = 1, KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(store, source)
    assert store.runs()[0].error_code == "source.stopped"
    source.fail_after = None
    assert run(store, source).fetched == 8


def test_two_harvests_of_one_source_do_not_meet(store: Store) -> None:
    with Lease(store, f"harvest of {SOURCE}"):
        result = run(store, filled(3))
    assert result.error is not None and result.error.code == "store.busy"
    assert f"process {os.getpid()}" in result.error.detail and titles(store) == {}


HARVEST = """
import sys
import catalog.translate
from catalog.store import Store
from harvesters.runner import harvest
from tests.catalog.records import SOURCE, FakeMapping
from tests.harvesters.test_runner import filled
catalog.translate.mapping = lambda format: FakeMapping()
def told(progress):
    print(progress.stage, progress.fetched, flush=True)
    if [progress.stage, str(progress.fetched)] == sys.argv[2:]:
        sys.stdin.read()
source = filled(60, lists_all=True, page=10)
for n in range(20, 30):
    source.vanish(f"d{n}")
harvest(Store.open(sys.argv[1]), SOURCE, "fake", source, progress=told)
"""


@pytest.mark.parametrize(("stage", "fetched"), [("pages", "10"), ("pages", "40"), ("difference", "50")])
def test_a_killed_harvest_loses_nothing_and_goes_on_there(
    store: Store, store_url: str, stage: str, fetched: str
) -> None:
    source = filled(60, lists_all=True, page=10)
    for n in range(5):
        source.set(f"d{n}")  # a later place in the list, so that the worker meets another order
    run(store, source)
    before = store.last_seq()
    worker = subprocess.Popen(
        [sys.executable, "-c", HARVEST, store_url, stage, fetched], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert worker.stdout is not None and worker.stdin is not None
    with worker.stdout, worker.stdin:
        while worker.stdout.readline().decode().split() != [stage, fetched]:
            assert worker.poll() is None
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert (store.runs()[0].status, store.runs()[0].fetched) == ("running", int(fetched))
    for n in range(20, 30):
        source.vanish(f"d{n}")
    source.set("late")
    result = run(store, source)  # at once: the dead process's lease keeps nobody waiting
    assert result.resumed and result.error is None and result.deleted == 10
    expected = {f"d{n}" for n in range(60) if not 20 <= n < 30}
    assert set(titles(store)) == expected | ({"late"} if stage == "pages" else set())
    assert store.last_seq() == before + 10 + (stage == "pages")
