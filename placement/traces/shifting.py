"""Another synthetic trace, with assumptions that are bad for whoever learns from searches: shifting interests.

The lake, popularity and ages are those of `calibrated`. But what people search says nothing of what they read, each
site's interests are others every ten days, and for three days everybody looks at one place, where a transient was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from placement.traces import calibrated, sessions
from placement.traces.assumptions import DAY, START, START_MJD, Assumptions
from placement.traces.topology import SITES, disk, tape

ASSUMED = replace(Assumptions(), linked=False, interest_days=10.0, interest_memory=0.0)


@dataclass(frozen=True)
class Burst:
    """A transient's: what is assumed of it."""

    begins: float = 0.6
    """Of the trace's length: after whatever was trained on its first part."""
    days: float = 3.0
    """How long: a gamma-ray burst's afterglow."""
    datasets: float = 0.008
    """Follow-up observations, of the number of datasets; they come within the first day."""
    reads: float = 0.05
    """Of the number of reads."""
    searches: float = 0.05
    """The same, of searches: as many as reads, two thirds of the days' usual."""
    sites: int = 5
    """Sites that take part."""
    slope: float = 1.0
    """Its datasets' reads fall with that power of their rank."""


def events(
    seed: int, days: float = 60, datasets: int = 6000, reads: int | None = None, assumed: Assumptions | None = None
) -> list[dict[str, Any]]:
    """A trace as `calibrated.events` gives it, with these assumptions."""
    burst = Burst()
    reads = reads or calibrated.READS_PER_DATASET * datasets
    follow_up = max(2, round(datasets * burst.datasets))
    base = calibrated.events(seed, days, datasets - follow_up, round(reads * (1 - burst.reads)), assumed or ASSUMED)
    return calibrated.in_order(iter(base), _burst(burst, days, follow_up, reads, np.random.default_rng([seed, 1])))


def _burst(burst: Burst, days: float, count: int, reads: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """The follow-up datasets, and the flood of searches and reads at their place; not in order."""
    long = min(burst.days, days / 4)
    first = burst.begins * days
    ra, dec = float(rng.uniform(0, 360)), float(np.degrees(np.arcsin(rng.uniform(-0.98, 0.98))))
    name = f"AT 2026{''.join(rng.choice(list('abcdefghijkmnpqrstuvwxyz'), 3))}"
    among = rng.choice(len(SITES), burst.sites, replace=False)
    came = np.sort(first + rng.random(count) * min(1.0, long / 3))
    made = [_follow_up(name, ra, dec, number, float(when), rng) for number, when in enumerate(came)]
    yield from made
    weight = (1 + rng.permutation(count)) ** -burst.slope
    for one in rng.choice(count, round(reads * burst.reads), p=weight / weight.sum()).tolist():
        # soon at first, then less
        new = float(came[one]) + 0.02
        at = new + float(rng.triangular(0, 0, first + long - new))
        yield sessions.access(made[one], int(rng.choice(among)), START + at * DAY, "download", rng)
    for number in range(round(reads * burst.searches)):
        at = first + float(rng.triangular(0, 0.1 * long, long))
        north, radius = float(rng.normal(0, 0.02)), sessions.RADII[int(rng.integers(1, 6))]
        query = f"cone={ra:.3f},{dec + north:.3f},{radius:g}" + ("&q=transient" if rng.random() < 0.3 else "")
        yield {
            "traceTimeentryUnix": START + int(at * DAY), "eventType": "search", "query": query,
            "localSite": SITES[int(rng.choice(among))].name, "session": f"b{number:06d}",
        }  # fmt: skip


def _follow_up(name: str, ra: float, dec: float, number: int, at: float, rng: np.random.Generator) -> dict[str, Any]:
    """The ``dataset`` event of an observation of the transient."""
    facility, instrument, product = (
        ("MeerKAT", "L-band", "image"),
        ("VLT", "MUSE", "cube"),
        ("H.E.S.S.", "CT1-4", "event"),
    )[int(rng.integers(3))]
    created, files, mjd = START + int(at * DAY), int(rng.integers(5, 60)), START_MJD + at
    place = {"ra": round((ra + float(rng.normal(0, 0.01))) % 360, 5), "dec": round(dec + float(rng.normal(0, 0.01)), 5)}
    return {
        "traceTimeentryUnix": created, "eventType": "dataset", "scope": facility.lower().replace(".", ""),
        "name": f"{name}.{instrument}.{number:04d}".lower().replace(" ", "-"),
        "bytes": int(files * rng.uniform(2e9, 3e9)), "files": files, "created": created, "replicas": [tape(1), disk(0)],
        "metadata": {
            "position": place, "radius": 0.25, "facilities": [facility], "instruments": [instrument],
            "product_type": product, "targets": [name], "time": [round(mjd - 0.3, 5), round(mjd - 0.1, 5)],
            "title": f"{facility} {instrument} transient follow-up {name}",
        },
    }  # fmt: skip
