"""Import: JSON lines to validated, stored and searchable records, through the command line."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

import orjson

from bench.data import imported, source_file
from bench.report import Row, report


def run(count: int) -> None:
    """Time ``asterism import`` of ``count`` records, and what its parts cost by themselves."""
    folder, seconds = imported(count, again=True)
    assert seconds is not None
    sample = [line for line, _ in zip(source_file(count).open("rb"), range(20_000), strict=False)]
    store = sum(path.stat().st_size for path in (folder / "data").iterdir() if path.is_file())
    index = sum(path.stat().st_size for path in (folder / "data" / "index").rglob("*") if path.is_file())
    rows = [
        Row(
            "import: validate, store, index",
            count / seconds,
            "records/s",
            "at least 8,000",
            f"marshmallow load alone {_marshmallow(sample):,.0f}; bare SQLite insert {_sqlite(sample):,.0f}",
        ),
        Row("store", store / count, "bytes a record"),
        Row("index", index / count, "bytes a record"),
    ]
    report("import", rows, {"records": count, "bytes_a_record": len(b"".join(sample)) // len(sample)})


def _marshmallow(sample: list[bytes]) -> float:
    from schemas.record import RecordSchema, record_id

    schema = RecordSchema()
    some = [orjson.loads(line) | {"id": record_id("bench", str(n)), "source": "bench"} for n, line in enumerate(sample)]
    some = some[:3000]
    start = time.perf_counter()
    for record in some:
        schema.load(record)
    return len(some) / (time.perf_counter() - start)


def _sqlite(sample: list[bytes]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "bare.sqlite")
        database.execute("pragma journal_mode=wal")
        database.execute("create table record (id text primary key, doc blob)")
        start = time.perf_counter()
        with database:
            database.executemany("insert into record values (?, ?)", ((str(n), line) for n, line in enumerate(sample)))
        took = time.perf_counter() - start
        database.close()
        return len(sample) / took
