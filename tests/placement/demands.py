"""Small lakes, datasets and demand for the tests of the forecast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from placement import terms
from placement.demand import DemandTable, table
from placement.state import Datasets, Lake, Rse, Terms

NOW = 1_790_000_000.0
LAKE = Lake("lake", "asterism", NOW, (Rse("CAPE-DISK", site="CAPE"), Rse("PERTH-DISK", site="PERTH")))

Row = tuple[int, int, str, float]  # dim, key, site, amount


def datasets(of: Sequence[Iterable[tuple[int, int]]], created: Sequence[float] | None = None) -> Datasets:
    """Datasets ``d0``, ``d1`` ... of these terms; no more is said of them than a forecast asks."""
    each = [sorted(set(one)) for one in of]
    n, flat = len(each), [one for some in each for one in some]
    names = [f"d{i}" for i in range(n)]
    none = np.zeros((n, len(LAKE.rses)))
    made = Terms(
        np.cumsum([0, *map(len, each)]),
        np.array([dim for dim, _ in flat], np.uint8),
        np.array([key for _, key in flat], np.uint64),
    )
    return Datasets(
        ids=names,
        scopes=["s"] * n,
        names=names,
        bytes=np.full(n, 10**9),
        files=np.ones(n, np.int64),
        created_at=np.full(n, np.nan) if created is None else np.array(created, float),
        complete=none.astype(bool),
        coming=none.astype(bool),
        locked_until=none,
        accessed_at=none,
        rules=(),
        terms=made,
    )


def demand(rows: Sequence[Row]) -> DemandTable:
    """A table of events of just now: their fast and slow weights are the same. Amounts of one row add up."""
    sums: dict[tuple[int, int, str], float] = {}
    for dim, key, site, amount in rows:
        sums[dim, key, site] = sums.get((dim, key, site), 0.0) + amount
    columns = list(zip(*sums, strict=True)) or [(), (), ()]
    weights = list(sums.values())
    sites = sorted(set(columns[2]))
    return table(columns[0], np.array(columns[1], np.uint64), sites, [sites.index(one) for one in columns[2]],
                 weights, weights)  # fmt: skip


def read(n: int, site: str = "CAPE", amount: float = 1.0) -> Row:
    """A read of dataset ``dn``."""
    return terms.READ, terms.record_key(f"d{n}"), site, amount
