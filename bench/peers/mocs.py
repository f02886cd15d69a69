"""30,000 footprints shaped like those of real catalogues.

Beside ``../shared/data/moc`` they are the MOCs of VizieR tables, moved by the symmetries of the HEALPix grid and
cut by random cones; elsewhere they are invented: lists of pointings, strips and parts of the sky, with as many cells.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np

_REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "moc" / "vizier_tables"
_ORDER = 29


def footprints(count: int) -> tuple[list[str], str]:
    """MOCs in ASCII, and what they are."""
    rng = random.Random(30_000)
    base = _real()
    about = f"{len(base)} MOCs of VizieR tables, moved and cut" if base else "invented"
    made = []
    while len(made) < count:
        one = _moved(rng, base[len(made) % len(base)]) if base else _invented(rng)
        if not one.empty():
            made.append(one.to_string())
    return made, about


def _real() -> list:  # type: ignore[type-arg]
    from mocpy import MOC

    found = []
    for path in sorted(_REAL.glob("*.fits")) if _REAL.is_dir() else ():
        try:
            found.append(MOC.load(path, format="fits"))
        except Exception:  # one or two of them are odd on purpose
            continue
    return [one for one in found if isinstance(one, MOC) and not one.empty()]


def _moved(rng: random.Random, moc):  # type: ignore[no-untyped-def]
    """Turned by a multiple of 90 degrees round the axis, perhaps cut by a large cone."""
    from mocpy import MOC

    ranges = np.asarray(moc.to_depth29_ranges, dtype=np.int64)
    face, rest = ranges[:, 0] >> 2 * _ORDER, ranges[:, 0] & ((1 << 2 * _ORDER) - 1)
    length = ranges[:, 1] - ranges[:, 0]
    turn = rng.randrange(4)
    whole = length <= (1 << 2 * _ORDER) - rest  # a range over several faces stays where it is
    face = np.where(whole, (face & ~3) | ((face + turn) & 3), face)
    low = (face << 2 * _ORDER) | rest
    moved = MOC.from_depth29_ranges(_ORDER, np.stack([low, low + length], axis=1).astype(np.uint64))
    if rng.random() < 0.5:
        moved = moved.intersection(_cone(rng, rng.uniform(20, 120), 6))
    return moved.degrade_to_order(min(moved.max_order, moc.max_order))


def _invented(rng: random.Random):  # type: ignore[no-untyped-def]
    from mocpy import MOC

    kind = rng.random()
    if kind < 0.3:  # a few pointings
        cones = [_cone(rng, rng.uniform(0.1, 1), 10) for _ in range(rng.randint(1, 20))]
        return cones[0].union(*cones[1:]) if len(cones) > 1 else cones[0]
    if kind < 0.8:  # sources all over a part of the sky
        number = int(10 ** rng.uniform(1, 3.3))
        turn = rng.uniform(0, 360)
        lon = np.radians((np.array([rng.uniform(0, 200) for _ in range(number)]) + turn) % 360)
        lat = np.arcsin([rng.uniform(-1, 1) for _ in range(number)])
        from astropy import units

        return MOC.from_lonlat(lon * units.rad, lat * units.rad, max_norder=rng.choice([6, 8, 9]))
    return _cone(rng, rng.uniform(5, 150), 8)


def _cone(rng: random.Random, radius: float, order: int):  # type: ignore[no-untyped-def]
    from astropy.coordinates import Angle, Latitude, Longitude
    from mocpy import MOC

    ra, dec = rng.uniform(0, 360), math.degrees(math.asin(rng.uniform(-1, 1)))
    return MOC.from_cone(
        lon=Longitude(ra, "deg"), lat=Latitude(dec, "deg"), radius=Angle(radius, "deg"), max_depth=order
    )
