"""Rucio's traces: what counts as a read, and files that are followed whatever happens to them."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.store import Store
from placement import rucio_traces, terms
from placement.rucio_traces import follow_traces, read_traces
from placement.settings import DemandSettings
from placement.state import Lake, Rse
from placement.trace_events import ONE_READ, Event, Reader, first_events
from schemas.record import record_id
from tests.catalog.conftest import store, store_url  # noqa: F401  # fixtures

NOW = 1_790_000_000.0
LAKE = Lake("lake", "asterism", NOW, (Rse("CAPE-DISK", site="CAPE"), Rse("CAPE-TAPE", kind="TAPE", site="CAPE")))


def trace(n: int = 0, **more: Any) -> dict[str, Any]:
    """What a client sends of one file; all that its schema asks for."""
    made = {
        "eventType": "download",
        "eventVersion": "41.1.0",
        "hostname": "host.example",
        "account": "ada",
        "uuid": f"{n:032x}",
        "scope": "ska",
        "filename": f"file-{n}",
        "datasetScope": "ska",
        "dataset": f"dataset-{n}",
        "filesize": 100,
        "localSite": "CAPE-DISK",
        "remoteSite": "PERTH-DISK",
        "clientState": "DONE",
        "stateReason": "OK",
        "traceTimeentryUnix": NOW - 1000 + n,
    }
    return {key: value for key, value in {**made, **more}.items() if value is not ...}


def line(n: int = 0, **more: Any) -> bytes:
    return json.dumps(trace(n, **more)).encode() + b"\n"


def event(**more: Any) -> Event | None:
    return Reader(LAKE).event(trace(**more))


def test_a_download_is_a_read_of_its_dataset() -> None:
    assert event() == Event("read", "ska", "dataset-0", "CAPE", NOW - 1000, 100)


@pytest.mark.parametrize("kind", ["get", "get_sm", "sm_get", "get_sm_a", "sm_get_a", "download", "GET"])
def test_what_is_a_read(kind: str) -> None:
    found = event(eventType=kind, clientState=...)
    assert found is not None and found.kind == "read"


@pytest.mark.parametrize(
    "more", [{"eventType": "stagein"}, {"eventType": "get_sm", "remoteSite": "CAPE-TAPE"}, {"eventType": "pq_stagein"}]
)
def test_what_is_a_staging(more: dict[str, Any]) -> None:
    found = event(**more)
    assert found is not None and found.kind == "staging"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"eventType": "touch"}, "not-a-read"),
        ({"eventType": "upload"}, "not-a-read"),
        ({"eventType": "put_sm"}, "not-a-read"),
        ({"eventType": "get_sm_es"}, "not-a-read"),
        ({"clientState": "FILE_NOT_FOUND"}, "failed"),
        ({"dataset": None}, "no-dataset"),
        ({"dataset": "", "datasetScope": ""}, "no-dataset"),
        ({"dataset": "NULL"}, "no-dataset"),
        ({"dataset": "a\0b"}, "no-dataset"),
        ({"dataset": "\ud800"}, "no-dataset"),
        ({"traceTimeentryUnix": ...}, "no-time"),
        ({"traceTimeentryUnix": -5, "timeStart": "today"}, "no-time"),
    ],
)
def test_what_is_left_out_is_counted_by_its_reason(more: dict[str, Any], why: str) -> None:
    reader = Reader(LAKE)
    assert reader.event(trace(**more)) is None
    assert dict(reader.tally.ignored) == {why: 1} and not reader.tally.taken


@pytest.mark.parametrize("state", ["DONE", "FOUND_ROOT", "ALREADY_DONE", None, ""])
def test_states_of_a_good_end(state: str | None) -> None:
    assert event(clientState=state) is not None


def test_scopes_and_names_as_pilots_write_them() -> None:
    for more in ({"dataset": "mc:x", "datasetScope": ...}, {"dataset": "x", "datasetScope": "mc", "scope": "other"}):
        found = event(**more)
        assert found is not None and (found.scope, found.name) == ("mc", "x")
    found = event(dataset="x", datasetScope=...)
    assert found is not None and (found.scope, found.name) == ("ska", "x")


def test_a_file_alone_counts_for_the_dataset_that_the_caller_knows() -> None:
    reader = Reader(dataset_of=lambda scope, name: (scope, name.replace("file", "dataset")))
    found = reader.event(trace(3, dataset=None, datasetScope=None))
    assert found is not None and found.name == "dataset-3"


@pytest.mark.parametrize(
    ("said", "site"),
    [("CAPE-TAPE", "CAPE"), ("CAPE", "CAPE"), ("ROAMING", ""), ("unknown", ""), (5, ""), ("x" * 65, ""), ("a\n", "")],
)
def test_the_site(said: Any, site: str) -> None:
    found = event(localSite=said)
    assert found is not None and found.site == site


def test_times() -> None:
    for more in ({"timeStart": NOW}, {"transferStart": NOW}):
        found = event(traceTimeentryUnix=..., **more)
        assert found is not None and found.at == NOW
    posted = Reader(now=NOW + 1).event(trace(traceTimeentryUnix=...))
    assert posted is not None and posted.at == NOW + 1


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(b"[1, null, {}]"), st.just(b'{"eventType": 5}'))))
def test_garbage_is_counted_and_never_fatal(lines: list[bytes]) -> None:
    reader = Reader()
    assert reader.lines(lines) == []
    assert reader.tally.bad >= sum(bool(one.strip()) for one in lines)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats() | st.text(max_size=5), st.lists, max_leaves=3
)


@given(st.dictionaries(st.sampled_from(sorted(trace())), anything))
def test_no_value_of_a_field_is_fatal(more: dict[str, Any]) -> None:
    Reader(LAKE).event(trace() | more)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("XY"), st.floats(0, 5 * ONE_READ)), max_size=30),
    st.integers(0, 30),
)
def test_files_read_within_six_hours_of_the_first_are_one_read(some: list[tuple[str, str, float]], cut: int) -> None:
    events = sorted((Event("read", "s", name, site, at) for name, site, at in some), key=lambda one: one.at)
    expected, began = [], dict[tuple[str, str], float]()
    for one in events:
        if one.at - began.get((one.name, one.site), -1e9) >= ONE_READ:
            began[one.name, one.site] = one.at
            expected.append(one)
    going_on: dict[str, float] = {}
    found = first_events(events[:cut], going_on)
    assert found + first_events(events[cut:], going_on) == expected  # in two portions as in one


def test_reads_that_go_on_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placement.trace_events.MOST_OPEN", 10)
    going_on: dict[str, float] = {}
    first_events([Event("read", "s", str(n), "", NOW + n) for n in range(50)], going_on)
    assert sorted(going_on.values()) == [NOW + n for n in range(40, 50)]
    first_events([Event("read", "s", "x", "", NOW + 2 * ONE_READ)], going_on)
    assert list(going_on.values()) == [NOW + 2 * ONE_READ]


# --- files --------------------------------------------------------------------------------------------------------


def reads(store: Store) -> dict[int, float]:  # noqa: F811
    """How often each of the datasets was read, by number, without what decays in an hour."""
    keys = {terms.record_key(record_id("lake", f"ska:dataset-{n}")): n for n in range(200)}
    found = store.database.fetch("SELECT key, slow FROM demand WHERE dim = 0", ())
    return {keys[key % 2**64]: round(slow, 2) for key, slow in found}


def once(*numbers: int) -> dict[int, float]:
    return dict.fromkeys(numbers, 1.0)


def take(store: Store, where: Path) -> int:  # noqa: F811
    tally = follow_traces(store, DemandSettings(traces=where), LAKE, NOW)
    assert tally.problems == []
    return tally.taken.total()


def test_a_file_is_followed(store: Store, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "traces.jsonl"
    file.write_bytes(line(0) + line(1) + b"no trace\n" + line(2)[:-20])
    tally = follow_traces(store, DemandSettings(traces=file), LAKE, NOW)
    assert (tally.taken["read"], tally.bad) == (2, 1) and reads(store) == once(0, 1)
    assert take(store, file) == 0
    with file.open("ab") as more:
        more.write(line(2)[-20:] + line(3))
    assert take(store, file) == 2
    assert reads(store) == once(0, 1, 2, 3)


@pytest.mark.parametrize("folder", [True, False])
def test_rotated_and_compressed_files_are_read_once(store: Store, tmp_path: Path, folder: bool) -> None:  # noqa: F811
    file = tmp_path / "trace"
    where = tmp_path if folder else file
    file.write_bytes(line(0) + line(1))
    assert take(store, where) == 2
    with file.open("ab") as more:
        more.write(line(2))
    file.rename(tmp_path / "trace.1")
    file.write_bytes(line(3))
    assert take(store, where) == 2
    (tmp_path / "trace.1").rename(tmp_path / "trace.2")
    file.rename(tmp_path / "trace.1")
    (tmp_path / "trace.2.gz").write_bytes(gzip.compress((tmp_path / "trace.2").read_bytes() + line(4)))
    (tmp_path / "trace.2").unlink()
    file.write_bytes(line(5))
    assert take(store, where) == 2
    assert take(store, where) == 0
    assert reads(store) == once(0, 1, 2, 3, 4, 5)


def test_a_file_that_is_copied_and_emptied_is_read_once(store: Store, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "trace"
    file.write_bytes(line(0) + line(1))
    assert take(store, tmp_path) == 2
    (tmp_path / "trace.1").write_bytes(file.read_bytes() + line(2))
    file.write_bytes(line(3))
    assert take(store, tmp_path) == 2
    assert reads(store) == once(0, 1, 2, 3)


def test_other_files_of_a_folder_are_left_alone(store: Store, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "notes.txt").write_bytes(line(0))
    (tmp_path / "a.log-20261121").write_bytes(line(1))
    (tmp_path / "folder.log").mkdir()
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line(2)))
    assert take(store, tmp_path) == 2
    assert reads(store) == once(1, 2)


def test_many_lines_in_portions_and_one_too_long(
    store: Store,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rucio_traces, "AT_ONCE", 7)
    monkeypatch.setattr(rucio_traces, "MOST_LINE", 2000)
    monkeypatch.setattr("placement.trace_events.MOST_LINE", 2000)
    file = tmp_path / "a.jsonl"
    huge = line(50, stateReason="x" * 9000)
    file.write_bytes(b"".join(map(line, range(21))) + huge + line(21) + huge[:5000])
    tally = follow_traces(store, DemandSettings(traces=file), LAKE, NOW)
    assert (tally.taken["read"], tally.bad) == (22, 1)
    with file.open("ab") as more:
        more.write(huge[5000:] + line(22))
    tally = follow_traces(store, DemandSettings(traces=file), LAKE, NOW)
    assert (tally.taken["read"], tally.bad) == (1, 1)
    assert reads(store) == once(*range(23))


def test_a_kill_in_the_middle_doubles_nothing(
    store: Store,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rucio_traces, "AT_ONCE", 5)
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"".join(map(line, range(20))))
    real, calls = rucio_traces.keep_state, 0

    def killed(*args: Any) -> None:
        nonlocal calls
        calls += 1
        real(*args)
        if calls == 6:  # two a portion: after all of the third is written, before it is committed
            raise KeyboardInterrupt

    monkeypatch.setattr(rucio_traces, "keep_state", killed)
    with pytest.raises(KeyboardInterrupt):
        take(store, file)
    assert reads(store) == once(*range(10))
    take(store, file)
    assert reads(store) == once(*range(20))


def test_of_two_at_once_one_reads(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"".join(map(line, range(20))))
    real = rucio_traces._lines
    overtaken: list[int] = []

    def late(path: Path, offset: int) -> Any:
        if not overtaken:
            overtaken.append(1)
            take(store, file)
        return real(path, offset)

    monkeypatch.setattr(rucio_traces, "_lines", late)
    assert take(store, file) == 0
    assert reads(store) == once(*range(20))


def test_old_events_have_decayed(store: Store, tmp_path: Path) -> None:  # noqa: F811
    half_life = DemandSettings().half_life
    file = tmp_path / "a.jsonl"
    file.write_bytes(line(0, traceTimeentryUnix=NOW - half_life) + line(1, traceTimeentryUnix=NOW + 1e6))
    take(store, file)
    assert reads(store) == {0: 0.5, 1: 1.0}


def test_what_cannot_be_read_is_said(store: Store, tmp_path: Path) -> None:  # noqa: F811
    assert "No such file" in read_traces(store, DemandSettings(traces=tmp_path / "none"), LAKE, NOW)[0]
    whole = gzip.compress(b"".join(line(n, stateReason=os.urandom(50).hex()) for n in range(150)))
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")
    (tmp_path / "c.jsonl").write_bytes(line(199) + b"{}\n" + line(5, dataset=None))
    notes = read_traces(store, DemandSettings(traces=tmp_path), LAKE, NOW)
    assert len(notes) == 3 and "a.jsonl.gz" in notes[0] and "1 reads" in notes[1] and "1 lines" in notes[2]
    assert reads(store)[199] == 1.0


def test_switched_off_no_file_is_read(store: Store, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "a.jsonl").write_bytes(line(0))
    assert not follow_traces(store, DemandSettings(enabled=False, traces=tmp_path), LAKE, NOW).taken
    assert not follow_traces(store, DemandSettings(), LAKE, NOW).taken
    assert reads(store) == {}
