"""Demand in the store: the table ``demand``, which many processes add to, and which forgets what is faint or too much.

A row's weights are as they were at its ``at``. Writers come one after another (``Database.writing``), so that a row
may be read, added to and written. A 64-bit key is kept as the signed number of the same bits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.engine import Connection

from catalog import clock
from catalog.database import insert_many, portions
from catalog.store import Store
from catalog.tables import demand, placement
from placement.demand import FAINT, FAST, MOST, SLACK, DemandTable
from placement.demand import table as as_table

AT_ONCE = 2000  # rows of one transaction: 50 ms; 150 on PostgreSQL
_COLUMNS = (demand.c.dim, demand.c.key, demand.c.site, demand.c.fast, demand.c.slow, demand.c.at)
GOING_ON = "reads"  # key of the table placement: the reads of traces that go on
_SAMPLES = "samples:"  # of what was asked of datasets, kept to train the forecast

Row = tuple[int, int, str, float, float]  # dim, key (signed), site, fast, slow


def rows(added: DemandTable) -> list[Row]:
    """The rows of a table as :func:`merge` takes them, some at a time."""
    columns = added.dims, added.keys.view(np.int64), added.site, added.fast, added.slow
    found = zip(*(column.tolist() for column in columns), strict=True)
    return [(dim, key, added.sites[site], fast, slow) for dim, key, site, fast, slow in found]


def as_merged(added: Sequence[Row]) -> DemandTable:
    """The table whose :func:`rows` these are."""
    keys = np.array([row[1] for row in added], np.int64).view(np.uint64)
    names = sorted({row[2] for row in added})
    places = {name: n for n, name in enumerate(names)}
    site = [places[row[2]] for row in added]
    return as_table([row[0] for row in added], keys, names, site, [row[3] for row in added], [row[4] for row in added])


def merge(connection: Connection, added: Sequence[Row], half_life: float, at: float) -> None:
    """Add rows that are as of ``at`` (Unix seconds) to those of the store, in a transaction that writes."""
    there: dict[tuple[int, int, str], tuple[float, float, float]] = {}
    for dim, of_dim in itertools.groupby(sorted(added), key=lambda row: row[0]):
        for some in portions(sorted({row[1] for row in of_dim})):
            for row in connection.execute(select(*_COLUMNS).where(demand.c.dim == dim, demand.c.key.in_(some))):
                there[row.dim, row.key, row.site] = row.fast, row.slow, row.at
    new, changed = [], []
    for dim, key, site, fast, slow in added:
        known = there.get((dim, key, site))
        if known is None:
            new.append({"dim": dim, "key": key, "site": site, "fast": fast, "slow": slow, "at": at})
            continue
        then = max(at, known[2])
        before, after = 2.0 ** ((known[2] - then) / half_life), 2.0 ** ((at - then) / half_life)
        sums = known[0] * before**FAST + fast * after**FAST, known[1] * before + slow * after
        changed.append({"d": dim, "k": key, "s": site, "fast": sums[0], "slow": sums[1], "at": then})
    if new:
        insert_many(connection, demand, new)
    if changed:
        named = (demand.c.dim == bindparam("d"), demand.c.key == bindparam("k"), demand.c.site == bindparam("s"))
        connection.execute(update(demand).where(*named), changed)


def load(store: Store, half_life: float, now: float) -> DemandTable:
    """What is asked for, decayed to ``now`` (a later row is as of now)."""
    return _decayed(_all(store), half_life, now)


def prune(store: Store, half_life: float, now: float, most: int = MOST) -> int:
    """Forget what is faint, and the least beyond ``most`` rows if there are a tenth more; how many rows that were."""
    return _prune(store, _all(store), half_life, now, most)


def pruned(store: Store, half_life: float, now: float) -> DemandTable:
    """What :func:`load` gives after :func:`prune`: the rows are read once, unless any are forgotten."""
    found = _all(store)
    return _decayed(_all(store) if _prune(store, found, half_life, now, MOST) else found, half_life, now)


def _all(store: Store) -> list[tuple[Any, ...]]:
    """The columns of all rows: dim, key, site, fast, slow, at."""
    found = store.database.fetch("SELECT dim, key, site, fast, slow, at FROM demand", ())
    return list(zip(*found, strict=True)) if found else [()] * 6


def _decayed(found: list[tuple[Any, ...]], half_life: float, now: float) -> DemandTable:
    dims, keys, names, fast, slow, at = found
    passed = np.maximum(now - np.array(at, np.float64), 0) / half_life
    sites = {name: n for n, name in enumerate(dict.fromkeys(names))}
    return as_table(
        dims,
        np.array(keys, np.int64).view(np.uint64),
        list(sites),
        [sites[name] for name in names],
        np.array(fast, np.float64) * 2.0 ** (-FAST * passed),
        np.array(slow, np.float64) * 2.0**-passed,
    )


def _prune(store: Store, found: list[tuple[Any, ...]], half_life: float, now: float, most: int) -> int:
    dims, keys, sites, _, slows, ats = found
    count, slow, at = len(dims), np.array(slows, np.float64), np.array(ats, np.float64)
    weights = np.log2(slow, out=np.full(count, -np.inf), where=slow > 0) + (at - now) / half_life
    faint = int((weights < math.log2(FAINT)).sum())
    gone = max(faint, count - most if count > most + most // SLACK else 0)
    least = sorted(range(count), key=lambda n: (weights[n], dims[n], keys[n], sites[n])) if gone else []
    # another may have added to a row since it was read
    named = [getattr(demand.c, name) == bindparam(f"was_{name}") for name in ("dim", "key", "site", "at")]
    for some in portions(least[:gone], AT_ONCE):
        victims = [{"was_dim": dims[n], "was_key": keys[n], "was_site": sites[n], "was_at": ats[n]} for n in some]
        with store.database.writing() as connection:
            connection.execute(delete(demand).where(*named), victims)
    return gone


def forget(store: Store) -> int:
    """Erase all demand, the samples that were taken of it, and which reads go on; how many rows that were."""
    with store.database.writing() as connection:
        sampled = placement.c.key.startswith(_SAMPLES, autoescape=True)
        connection.execute(delete(placement).where(or_(sampled, placement.c.key == GOING_ON)))
        erased: int = connection.execute(delete(demand)).rowcount
    return erased


def read_state(connection: Connection, key: str) -> bytes | None:
    """A body of the table ``placement``."""
    body: bytes | None = connection.execute(select(placement.c.body).where(placement.c.key == key)).scalar()
    return body


def keep_state(connection: Connection, bodies: Mapping[str, bytes]) -> None:
    """Put bodies in the table ``placement``, in place of those of the same keys."""
    at = clock.stamp(clock.now())
    for key, body in bodies.items():
        connection.execute(delete(placement).where(placement.c.key == key))
        connection.execute(placement.insert().values(key=key, body=body, at=at))
