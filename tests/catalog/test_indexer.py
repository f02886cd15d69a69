"""The index follows the store: at once, from any process, after a kill, and when the store is another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from catalog.documents import Put
from catalog.embedded import EmbeddedEngine
from catalog.indexer import Indexer
from catalog.store import Store
from schemas.query import parse
from schemas.record import record_id
from tests.conftest import ROOT


def record(n: int, title: str = "pulsar", source: str = "s") -> Put:
    native = f"doi:10.5072/{n}"
    made = {
        "id": record_id(source, native),
        "source": source,
        "identifiers": [{"scheme": "doi", "value": f"10.5072/{n}"}],
        "kind": "dataset",
        "title": title,
        "position": {"ra": n % 360, "dec": 0},
    }
    return Put(native, made)


@pytest.fixture
def store(tmp_path):
    with Store.create_or_upgrade(f"sqlite:///{tmp_path}/store.sqlite") as opened:
        yield opened


def total(folder: Path, **parameters: str) -> int:
    """What a reader of its own finds."""
    return EmbeddedEngine(folder).search(parse(parameters.items())).total


def test_what_is_saved_is_found_changed_and_gone(store, tmp_path):
    indexer = Indexer(store, EmbeddedEngine(tmp_path / "index"))
    store.save("s", [record(n) for n in range(10)], (), ())
    assert indexer.catch_up() == store.last_seq() and total(tmp_path / "index", q="pulsar") == 10
    store.save("s", [record(0, "galaxy")], ["doi:10.5072/1"], ())
    indexer.catch_up()
    assert total(tmp_path / "index", q="pulsar") == 8 and total(tmp_path / "index", q="galaxy") == 1
    assert indexer.catch_up() == store.last_seq()


def test_nothing_is_missing_where_a_batch_ends(store, tmp_path, monkeypatch):
    monkeypatch.setattr("catalog.indexer.BATCH", 3)
    folder = tmp_path / "index"
    engine = EmbeddedEngine(folder)
    apply, shown, dois = engine.apply, [], {}

    def look(changes, upto, feed):
        apply(changes, upto, feed)
        engine.close()  # the next writer must not take for leavings what was applied ahead
        every = store.changes(0, 99)
        dois.update((one.id, one.record["identifiers"][0]["value"]) for one in every if one.record)
        met = {dois[one.id] for one in every if one.record and one.seq <= upto and one.view != "merged"}
        found = EmbeddedEngine(folder).search(parse([("q", "pulsar")])).ids
        assert met <= {dois[one] for one in found}, upto
        shown.append(len(found))

    monkeypatch.setattr(engine, "apply", look)
    for source in ("s", "t", "u"):  # the merged records are numbered anew each time
        store.save(source, [record(n, source=source) for n in range(4)], (), ())
    Indexer(store, engine).catch_up()
    assert len(shown) > 3 and shown[-1] == 4
    for source in ("u", "t"):
        store.save(source, (), [f"doi:10.5072/{n}" for n in range(4)], ())
        Indexer(store, engine).catch_up()
        assert shown[-1] == 4
    assert EmbeddedEngine(folder).check() == []


def test_a_rebuild_gives_the_same_answers(store, tmp_path):
    engine = EmbeddedEngine(tmp_path / "index")
    indexer = Indexer(store, engine)
    store.save("s", [record(n) for n in range(50)], (), ())
    indexer.catch_up()
    store.save("s", [record(3, "galaxy")], ["doi:10.5072/4"], ())
    indexer.catch_up()
    before = engine.search(parse([("cone", "5,0,10"), ("facets", "kind")]))
    indexer.rebuild()
    assert engine.search(parse([("cone", "5,0,10"), ("facets", "kind")])) == before and before.total == 15


def test_an_index_of_another_store_is_made_anew(store, tmp_path):
    store.save("s", [record(n) for n in range(5)], (), ())
    Indexer(store, EmbeddedEngine(tmp_path / "index")).catch_up()
    with Store.create_or_upgrade(f"sqlite:///{tmp_path}/other.sqlite") as other:
        other.save("s", [record(n) for n in range(100, 107)], (), ())
        Indexer(other, EmbeddedEngine(tmp_path / "index")).catch_up()
    assert total(tmp_path / "index") == 7 and total(tmp_path / "index", id=record_id("s", "doi:10.5072/1")) == 0


def test_several_at_once_share_the_work(store, tmp_path):
    store.save("s", [record(n) for n in range(500)], (), ())
    reached = []

    def run() -> None:
        engine = EmbeddedEngine(tmp_path / "index")
        reached.append(Indexer(store, engine).catch_up())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert reached == [store.last_seq()] * 4 and total(tmp_path / "index") == 500


WORKER = """
import sys
from catalog.embedded import EmbeddedEngine
from catalog.store import Store
from catalog import indexer
from pathlib import Path
indexer.BATCH = 200
with Store.open(sys.argv[1]) as store:
    work = indexer.Indexer(store, EmbeddedEngine(Path(sys.argv[2])))
    print("ready", flush=True)
    work.rebuild() if sys.argv[3] == "rebuild" else work.catch_up()
"""


@pytest.mark.parametrize("work", ["catch_up", "rebuild"])
def test_kill_9_loses_and_doubles_nothing(store, tmp_path, work):
    count = 6000
    store.save("s", [record(n) for n in range(count)], (), ())
    index = tmp_path / "index"
    if work == "rebuild":
        Indexer(store, EmbeddedEngine(index)).catch_up()
    killed = 0
    for delay in (0.1, 0.25, 0.4, 0.6):
        command = [sys.executable, "-c", WORKER, f"sqlite:///{tmp_path}/store.sqlite", str(index), work]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        killed += process.wait(30) == -signal.SIGKILL
        process.stdout.close()
        engine = EmbeddedEngine(index)
        applied = engine.applied()
        assert engine.count() == (count if work == "rebuild" else applied)
        assert engine.search(parse([("q", "pulsar")])).total == engine.count()
    assert killed
    engine = EmbeddedEngine(index)
    Indexer(store, engine).catch_up()
    assert engine.count() == count and engine.search(parse([("q", "pulsar")])).total == count
    assert engine.check() == []
    store.save("s", [record(count)], (), ())
    Indexer(store, engine).catch_up()  # the next commit sweeps up what the killed ones left
    assert {path.name for path in index.glob("g*")} == {f"g{engine._current().generation}"}
