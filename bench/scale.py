"""What ten times the records cost: time at equal hits, size, memory of a worker."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from bench.data import HOME
from bench.report import Row, milliseconds
from catalog.embedded import EmbeddedEngine
from schemas.query import parse

LARGE = 10_000_000


def run(folder: Path, about: dict[str, Any]) -> list[Row]:
    """Compare ``folder`` (a million) with the ten million of ``python -m bench large``, if that was made."""
    big = HOME / f"index-{LARGE}"
    if not (big / "manifest.json").exists():
        about["ten million"] = "left out: make its index with `python -m bench large` (half an hour, 4 GB)"
        return []
    small, large = EmbeddedEngine(folder / "data" / "index"), EmbeddedEngine(big)
    factor = (small.count() / large.count()) ** 0.5
    size = sum(path.stat().st_size for path in big.rglob("*") if path.is_file())
    rows = [
        Row("10 million records: index", size / 1e9, "GB", "under 4 GB"),
        Row("10 million records: private memory of a process after 600 searches", _memory(big), "MB", "under 500 MB"),
    ]
    for radius, more in (
        (0.5, "limit=100"),
        (10.0, "limit=100"),
        (10.0, "limit=0&facets=facilities,wavebands,targets"),
    ):
        one, ten = _time(small, radius, more), _time(large, radius * factor, more)
        what = "three facets" if "facets" in more else "first 100 rows"
        rows.append(
            Row(
                f"cone with the hits of {radius:g} deg in a million, {what}: in ten million",
                ten,
                "ms",
                "at most 1.5x",
                f"in a million {one:.2f} ms ({ten / one:.2f}x)",
            )
        )
    return rows


def _time(engine: EmbeddedEngine, radius: float, more: str) -> float:
    from bench.search import centre

    rng = random.Random(17)
    pairs = [tuple(part.split("=")) for part in more.split("&")]

    def ask() -> None:
        ra, dec = centre(rng)
        engine.search(parse([("cone", f"{ra!r},{dec!r},{radius!r}"), *pairs]))  # type: ignore[list-item]

    return milliseconds(ask, 200)[0]


_SEARCHES = """
import random, sys
from pathlib import Path
from bench.search import centre
from catalog.embedded import EmbeddedEngine
from schemas.query import parse
engine, rng = EmbeddedEngine(Path(sys.argv[1])), random.Random(2)
for n in range(600):
    ra, dec = centre(rng)
    pairs = [("cone", f"{ra!r},{dec!r},{rng.choice([0.01, 0.5, 10.0])}"), ("facets", "facilities,wavebands,targets")]
    engine.search(parse(pairs + [("q", "ra")] * (n % 50 == 0)))
import api.app
lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
print(sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024)
"""


def _memory(folder: Path) -> float:
    import subprocess
    import sys

    command = [sys.executable, "-c", _SEARCHES, str(folder)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
