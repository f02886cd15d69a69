"""Cone and facet searches in process, against brute force over the same positions."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

import numpy as np

from bench.data import imported
from bench.report import Row, milliseconds, report
from catalog.embedded import EmbeddedEngine
from schemas.query import parse

FACETS = "facilities,instruments,targets,wavebands,product_type,publisher,calib_level"
RADII = [
    (1 / 3600, "at most 1 ms", ""),
    (0.5, "at most 1 ms", ""),
    (10.0, "at most 2 ms", ""),
    (60.0, "", "at most 40 ms at 250,000 hits"),
]


def run(count: int) -> None:
    """Median times over random centres; every answer is exact."""
    folder, _ = imported(count)
    engine = EmbeddedEngine(folder / "data" / "index")
    xyz = np.concatenate([part.segment.unit(np.arange(part.segment.size)) for part in engine._current().parts])
    rng = random.Random(4)

    def centre() -> tuple[float, float]:
        return rng.uniform(0, 360), math.degrees(math.asin(rng.uniform(-1, 1)))

    rows = []
    for radius, count_target, facet_target in RADII:
        hits: list[int] = []

        def search(more: str, radius: float = radius, hits: list[int] = hits) -> None:
            ra, dec = centre()
            pairs = [("cone", f"{ra},{dec},{radius}"), *(tuple(p.split("=")) for p in more.split("&"))]
            hits.append(engine.search(parse(pairs)).total)  # type: ignore[arg-type]  # each part has one "="

        brute, _ = milliseconds(lambda radius=radius: _brute(xyz, *centre(), radius), 5)
        peer = f"astropy over all positions {brute:,.1f} ms"
        half, _ = milliseconds(lambda search=search: search("limit=0"), 200)
        label = f"{radius * 3600:.0f} arcsec" if radius < 0.1 else f"{radius:g} deg"
        rows.append(Row(f"cone {label}: count ({np.mean(hits):,.0f} hits)", half, "ms", count_target, peer))
        half, _ = milliseconds(lambda search=search: search("limit=100"), 100)
        rows.append(Row(f"cone {label}: first 100", half, "ms"))
        half, _ = milliseconds(lambda search=search: search(f"limit=0&facets={FACETS}"), 50)
        rows.append(Row(f"cone {label}: seven facets", half, "ms", facet_target))
    report("cone", rows, {"records": count, "segments": len(engine._current().parts), "memory": _private()})


def _brute(xyz: np.ndarray, ra: float, dec: float, radius: float) -> int:
    from astropy.coordinates import angular_separation

    lon, lat = np.arctan2(xyz[:, 1], xyz[:, 0]), np.arcsin(xyz[:, 2])
    away = angular_separation(lon, lat, math.radians(ra), math.radians(dec))
    return int((np.degrees(away) <= radius).sum())


def _private() -> str:
    rollup = Path(f"/proc/{os.getpid()}/smaps_rollup")
    if not rollup.exists():
        return "unknown"
    kilobytes = sum(int(line.split()[1]) for line in rollup.read_text().splitlines() if line.startswith("Private_"))
    return f"{kilobytes / 1024:.0f} MB private"
