"""Import and export: lines in, lines out, and nothing that a bad line or a kill can spoil."""

from __future__ import annotations

import io
import signal
import subprocess
import sys

import orjson
import pytest

from catalog.exporter import export_lines
from catalog.importer import _BATCH_LINES, MAX_LINE, ImportProgress, _Pace, import_lines, read_lines
from catalog.store import Store
from schemas.record import record_id
from tests.catalog.records import line

# the example of the issue tracker, as people type it
EXAMPLE = (
    b'{"identifiers": [{"scheme": "doi", "value": "10.5072/a1"}], "kind": "observation", "title": "Crab", '
    b'"position": {"ra": 83.63, "dec": 22.01}, "facilities": ["H.E.S.S."], "wavebands": ["gamma-ray"], '
    b'"time": [{"min": 53345.9, "max": 53346.0}], "bytes": 1000, "extra": {"hess": {"obs_id": 23523}}}'
)


def test_a_line_becomes_a_record_and_again_updates_it(store: Store) -> None:
    done = import_lines(store, [EXAMPLE + b"\n"], "hess")
    assert (done.tally.new, done.last_seq, done.lines) == (1, 1, 1)
    id = record_id("hess", "doi:10.5072/a1")
    found = store.get(id)
    assert found == orjson.loads(EXAMPLE) | {"id": id, "source": "hess"}
    assert import_lines(store, [EXAMPLE], "hess").tally.unchanged == 1
    changed = import_lines(store, [EXAMPLE.replace(b"Crab", b"Vela")], "hess")
    assert (changed.tally.changed, changed.last_seq) == (1, 2)


def test_whose_they_are(store: Store) -> None:
    import_lines(store, [line("a"), line("b", source="own"), line("c", source="own", id="0" * 16)])
    import_lines(store, [line("d", source="own")], "told")
    assert store.find("import", "doi:a") and store.find("own", "doi:b") and store.find("told", "doi:d")
    assert store.find("own", "doi:c") is not None  # an id that is not ours is replaced
    assert store.get("0" * 16) is None


def test_the_provenance_names_it_when_there_is_one(store: Store) -> None:
    import_lines(store, [line("a", provenance={"native_id": "oai:a"})], "x")
    assert store.find("x", "oai:a") is not None and store.find("x", "doi:a") is None


BAD = [
    (b'{"title": ', "import.bad-json"),
    (b'{"identifiers": [{"scheme": "doi", "value": "z"}], "bytes": NaN}', "import.bad-json"),
    (b"\xff\xfe", "import.bad-json"),
    (b"[1]", "import.not-an-object"),
    (b"7", "import.not-an-object"),
    (b'{"title": "x", "kind": "dataset"}', "import.no-identifier"),
    (b'{"identifiers": [], "title": "x", "kind": "dataset"}', "import.no-identifier"),
    (b'{"identifiers": [3], "title": "x", "kind": "dataset"}', "import.no-identifier"),
    (b'{"identifiers": {"a": 1}, "provenance": 5}', "import.no-identifier"),
    (line("z\0"), "import.bad-name"),
    (line("z", kind="galaxy"), "import.invalid-record"),
    (line("z", position={"ra": 361, "dec": 0}), "import.invalid-record"),
    (line("z", footprint={"circle": [0, 0, -1]}), "import.invalid-record"),
    (line("z", provenance=[1]), "import.no-identifier"),
    (line("z", colour="red"), "import.invalid-record"),
    (line("z", description="x" * MAX_LINE), "import.line-too-long"),
    (line("z")[:-1] + b', "extra": {"a": ' + b"[" * 300 + b"]" * 300 + b"}}", "import.invalid-record"),
    (line("z")[:-1] + b', "extra": {"a": ' + b"[" * 9000 + b"]" * 9000 + b"}}", "import.bad-json"),
]


@pytest.mark.parametrize(("bad", "code"), BAD, ids=[f"{n}-{code}" for n, (_, code) in enumerate(BAD)])
def test_a_bad_line_is_quarantined_and_stops_nothing(store: Store, bad: bytes, code: str) -> None:
    done = import_lines(store, read_lines(io.BytesIO(b"\n".join([line("a"), bad, b"", line("b")]))), "x")
    assert (done.tally.new, done.tally.quarantined) == (2, 1)
    (entry,) = store.quarantine("x")
    assert (entry.code, entry.place) == (code, "line 2")


@pytest.mark.parametrize("source", [["x"], 5, "a\0b"])
def test_a_source_is_a_text(store: Store, source: object) -> None:
    assert import_lines(store, [line("a", source=source)]).tally.quarantined == 1
    assert [one.code for one in store.quarantine("import")] == ["import.bad-name"]


def test_a_mended_file_leaves_nothing_in_quarantine(store: Store) -> None:
    import_lines(store, [line("a", kind="galaxy"), b'{"broken": '], "x", name="f.jsonl")
    assert len(store.quarantine("x")) == 2
    again = import_lines(store, [line("a", kind="galaxy"), b'{"broken": '], "x", name="f.jsonl")
    assert again.tally.quarantined == 2 and len(store.quarantine("x")) == 2
    import_lines(store, [line("a"), line("b")], "x", name="f.jsonl")
    assert store.quarantine("x") == []


def test_of_two_lines_with_one_id_the_last_wins(store: Store) -> None:
    import_lines(store, [line("a", "first"), line("b"), line("a", "last")], "x")
    found = store.find("x", "doi:a")
    assert found is not None and found["title"] == "last" and store.counts()["x"]["records"] == 2


def test_lines_that_cannot_be_read_are_forgotten_when_their_file_is_imported_again(store: Store) -> None:
    import_lines(store, [b"[1", line("a")], "x", name="one.jsonl")
    import_lines(store, [b"[2", line("b")], "x", name="two.jsonl")
    import_lines(store, [b"[3"], "x")
    assert [one.place for one in store.quarantine("x")] == ["line 1", "two.jsonl, line 1", "one.jsonl, line 1"]
    import_lines(store, [line("c"), line("a")], "x", name="one.jsonl")
    assert [one.place for one in store.quarantine("x")] == ["line 1", "two.jsonl, line 1"]


def test_a_byte_order_mark_and_windows_line_ends_are_forgiven(store: Store) -> None:
    assert import_lines(store, [b"\xef\xbb\xbf" + line("a") + b"\r\n", b"\r\n"], "x").tally.new == 1


def test_a_huge_line_is_read_in_bounded_memory() -> None:
    stream = io.BytesIO(b"x" * (3 * MAX_LINE) + b"\n" + b"second\n" + b"y" * MAX_LINE + b"\nend")
    lengths = [len(one) for one in read_lines(stream)]
    assert lengths == [MAX_LINE + 1, 7, MAX_LINE + 1, 3]


def test_progress_is_told_after_each_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.importer._BATCH_LINES", 10)
    told: list[ImportProgress] = []
    import_lines(store, [line(str(n)) for n in range(25)], "x", on_batch=told.append)
    assert [(one.lines, one.last_seq, one.tally.new) for one in told] == [(10, 10, 10), (20, 20, 20), (25, 25, 25)]


def test_batches_shrink_where_a_transaction_is_long_and_grow_again() -> None:
    pace = _Pace()
    first = pace.lines
    pace.took(first, 1.0)
    assert pace.lines < first / 4
    for _ in range(9):
        pace.took(pace.lines, 0.001)
    assert pace.lines == _BATCH_LINES
    pace.took(1, 60.0)
    assert 0 < pace.lines < first


def test_an_export_makes_the_same_catalogue_elsewhere(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    import_lines(store, [EXAMPLE, line("b", provenance={"native_id": "oai:b", "harvested_at": "2026"})], "hess")
    import_lines(store, [line("c", description="Größe\n∅")])
    exported = list(export_lines(store))
    assert len(list(export_lines(store, "hess"))) == 2
    other_url = f"sqlite:///{tmp_path_factory.mktemp('other') / 'b.db'}"
    with Store.create_or_upgrade(other_url) as other:
        assert import_lines(other, exported).tally.new == 3
        assert list(export_lines(other)) == exported
        assert import_lines(other, exported).tally.unchanged == 3


ENDLESS = """
import sys
from catalog.importer import import_lines
from catalog.store import Store
from tests.catalog.records import line
def lines():
    for n in range(10**9):
        yield line(str(n))
def told(progress):
    print(progress.tally.new, progress.last_seq, flush=True)
import_lines(Store.open(sys.argv[1]), lines(), "x", on_batch=told)
"""


def test_a_killed_import_loses_nothing_acknowledged_and_is_made_good(store: Store, store_url: str) -> None:
    worker = subprocess.Popen([sys.executable, "-c", ENDLESS, store_url], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    with worker.stdout:
        acknowledged = [int(worker.stdout.readline().split()[0]) for _ in range(2)][-1]
        worker.send_signal(signal.SIGKILL)
    worker.wait()
    kept = store.counts()["x"]["records"]
    assert kept >= acknowledged > 1000
    assert kept == store.last_seq() == sum(1 for _ in store.iter_records("x"))
    again = import_lines(store, [line(str(n)) for n in range(kept + 10)], "x")
    assert (again.tally.new, again.tally.unchanged, again.tally.changed) == (10, kept, 0)
    assert store.last_seq() == kept + 10


def test_two_imports_at_once(store: Store, store_url: str) -> None:
    script = (
        "import sys; from catalog.importer import import_lines; from catalog.store import Store;"
        "from tests.catalog.records import line;"
        "import_lines(Store.open(sys.argv[1]), [line(str(n)) for n in range(3000)], sys.argv[2])"
    )
    workers = [subprocess.Popen([sys.executable, "-c", script, store_url, name]) for name in ("x", "y", "y")]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert {name: one["records"] for name, one in store.counts().items()} == {"x": 3000, "y": 3000}
    assert store.last_seq() == 6000 == len({change.id for change in store.changes(0, 10_000)})


def test_what_merged_records_alone_have_is_not_taken_from_a_line(store: Store) -> None:
    import_lines(store, [line("10.5072/a", same_as=[{"id": "0" * 16, "source": "other"}], chosen={"title": "0" * 16})])
    (found,) = store.iter_records()
    assert not {"same_as", "chosen"} & found.keys()
