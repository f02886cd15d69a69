"""Ten million records in an embedded index, without a store: ``python -m bench large``. Takes half an hour."""

from __future__ import annotations

import itertools
import shutil
import time

from bench.data import HOME
from bench.records import records
from bench.scale import LARGE
from catalog.embedded import EmbeddedEngine
from catalog.engine import Change
from catalog.indexer import BATCH
from schemas.record import record_id


def run(count: int) -> None:
    """Index them as an import would, batch by batch; ``count`` is not looked at unless it is above a million."""
    wanted = count if count > 1_000_000 else LARGE
    home = HOME / f"index-{wanted}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    engine = EmbeddedEngine(home)
    start, seq = time.perf_counter(), 0
    stream = records(wanted)
    while batch := list(itertools.islice(stream, BATCH)):
        changes = []
        for one in batch:
            seq += 1
            id = record_id("bench", str(seq))
            changes.append(Change(seq, id, {"id": id, "source": "bench", **one}))
        engine.apply(changes, seq, "bench")
        print(f"\r{seq:,} records, {seq / (time.perf_counter() - start):,.0f}/s", end="", flush=True)
    engine.close()
    print()
