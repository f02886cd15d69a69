"""Cones against 30,000 footprints, beside mocpy asked one by one."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.peers.memory import Mocs
from bench.peers.mocs import footprints
from bench.report import Row, milliseconds
from catalog.embedded import EmbeddedEngine
from catalog.engine import Change
from schemas.query import parse
from schemas.record import record_id

COUNT = 30_000
_RADIUS = 0.5


def run(about: dict[str, Any]) -> list[Row]:
    """p50 and p95 of a cone of 0.5 degrees, what it finds, and mocpy's figure; how long they took to index."""
    from bench.search import centre

    texts, what = footprints(COUNT)
    about["footprints"] = f"{COUNT}: {what}; {sum(map(len, texts)) / COUNT / 1000:.1f} kB of ASCII each"
    mocs = Mocs(texts)
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedEngine(Path(folder))
        start = time.perf_counter()
        for first in range(0, COUNT, 5000):
            some = range(first, min(first + 5000, COUNT))
            engine.apply([_change(n, texts[n]) for n in some], some[-1] + 1, "bench")
        took = time.perf_counter() - start
        engine.close()

        def ask(ra: float, dec: float) -> int:
            return engine.search(parse([("cone", f"{ra!r},{dec!r},{_RADIUS}"), ("limit", "100")])).total

        rng = random.Random(3)
        hits = [ask(*centre(rng)) for _ in range(20)]
        rng = random.Random(17)
        half, slow = milliseconds(lambda: ask(*centre(rng)), 200)
        rng = random.Random(17)
        brute, _ = milliseconds(lambda: mocs.count(*centre(rng), _RADIUS), 10)
        _exact(ask, mocs)
    name = f"{COUNT:,} footprints, cone 0.5 deg"
    return [
        Row(
            f"{name}: p50 ({sum(hits) / len(hits):,.0f} hits)",
            half,
            "ms",
            "at most 5 ms, mocpy 8x",
            f"mocpy over all {brute:.1f} ms ({brute / half:.1f}x)",
        ),
        Row(f"{name}: p95", slow, "ms"),
        Row("footprints indexed", COUNT / took, "records/s"),
    ]


def _change(n: int, text: str) -> Change:
    one = record_id("bench", str(n))
    return Change(
        n + 1,
        one,
        {
            "id": one,
            "source": "bench",
            "identifiers": [{"scheme": "doi", "value": f"10.5072/moc.{n}"}],
            "kind": "collection",
            "title": f"Survey {n}",
            "footprint": {"moc": text},
        },
    )


def _exact(ask: Any, mocs: Mocs) -> None:
    """mocpy tests the cone's cells, to 13 arcseconds, and finds no less; what it finds more must lie that near."""
    from bench.search import centre

    rng = random.Random(8)
    for _ in range(5):
        ra, dec = centre(rng)
        ours, theirs = ask(ra, dec), mocs.count(ra, dec, _RADIUS)
        if not ours <= theirs <= ours + max(20, 0.02 * ours):
            raise SystemExit(f"mocpy finds {theirs} footprints, we find {ours}")
