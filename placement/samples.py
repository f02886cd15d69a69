"""What was known at a planning, kept until it is seen what was read; what the forecast learns from.

In table ``placement``, at most eight, one in half a window. What was read is seen in how the decayed weights of reads
went on, so that no event is kept for it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from catalog.store import Store
from catalog.tables import placement
from placement import terms
from placement.demand_store import keep_state
from placement.features import HALF_LIFE, NAMES, Table
from placement.forecast import Model, features
from placement.state import Datasets, Floats
from placement.training import Sample, keep_model, train

MOST = 8
MOST_ROWS = 5_000
_GREATEST = 1_000  # of these rows, the datasets read most: they decide how much is read at all
_OF_OWN = 4_000  # rows up to here are of datasets that were read, viewed or found themselves
_PREFIX = "samples:"
_OWN = [n for n, name in enumerate(NAMES) if name.startswith(("reads", "views", "found"))]


@dataclass(frozen=True, slots=True)
class Taken:
    """A sample, of the datasets of ``keys``; ``own`` are their slow weights of reads at its beginning.

    It ends where it begins until it is known what was read.
    """

    sample: Sample
    keys: NDArray[np.uint64]
    own: Floats

    @property
    def known(self) -> bool:
        return self.sample.until > self.sample.at


def take(known: NDArray[np.float32], keys: NDArray[np.uint64], own: Floats, now: float, most: int = MOST_ROWS) -> Taken:
    """A sample of datasets with features ``known`` (N, K): those read most, then others that were asked for themselves,
    then of the rest, each by the order of their keys, which are hashes. Rows weigh what they stand for.
    """
    rank = np.lexsort((keys, -own))
    greatest = rank[: most * _GREATEST // MOST_ROWS]
    rest = np.setdiff1d(np.arange(len(keys)), greatest)
    rest = rest[np.argsort(keys[rest])]
    asked = known[rest][:, _OWN].any(axis=1)
    chosen, weight = [greatest], [np.ones(len(greatest))]
    room = most * _OF_OWN // MOST_ROWS - len(greatest)
    for group, upto in ((rest[asked], room), (rest[~asked], most)):
        taken = group[: max(0, min(upto, most - sum(map(len, chosen))))]
        chosen.append(taken)
        weight.append(np.full(len(taken), len(group) / max(len(taken), 1)))
    rows = np.concatenate(chosen)
    sample = Sample(now, now, known[rows], np.zeros(len(rows)), np.concatenate(weight))
    return Taken(sample, keys[rows], own[rows])


def outcome(taken: Taken, table: Table, now: float, half_life: float) -> Taken:
    """The sample with what was read since, by the table of ``now``.

    ``(weight now - weight then, decayed) / what a read in between still weighs, on average``.
    """
    passed = (now - taken.sample.at) / half_life
    left = 2.0**-passed
    grown = own_weights(table, taken.keys) - taken.own * left
    reads = np.maximum(grown / ((1 - left) / (passed * np.log(2))), 0)
    # rounding, and faint rows that were forgotten, are no reads
    return replace(taken, sample=replace(taken.sample, until=now, reads=np.where(reads < 1e-3, 0, reads)))


def own_weights(table: Table, keys: NDArray[np.uint64]) -> Floats:
    """Slow weights of the reads of these records, of all sites."""
    low, high = (int(one) for one in np.searchsorted(table.dims, (terms.READ, terms.READ + 1)))
    sums = np.concatenate([[0.0], np.cumsum(table.slow[low:high])])
    first, last = (np.searchsorted(table.keys[low:high], keys, side=side) for side in ("left", "right"))
    found: Floats = sums[last] - sums[first]
    return found


def observe(
    store: Store, datasets: Datasets, table: Table, window: float, now: float, half_life: float = HALF_LIFE
) -> None:
    """Note what was read after earlier samples, and take a new one when it is time; to be called at each planning.

    ``table`` is of ``now``; what is not due costs a read of the store alone.
    """
    kept = load(store, window)
    changed = {
        key: outcome(one, table, now, half_life)
        for key, one in kept.items()
        if not one.known and now - one.sample.at >= window
    }
    if len(datasets) and all(now - one.sample.at >= window / 2 for one in kept.values()):
        keys = np.array([terms.record_key(id) for id in datasets.ids], np.uint64)
        known, _ = features(datasets, table, now, half_life=half_life)
        free = [key for n in range(MOST) if (key := f"{_PREFIX}{n}") not in kept]
        key = free[0] if free else min(kept, key=lambda one: kept[one].sample.at)
        changed[key] = take(known, keys, own_weights(table, keys), now)
    if changed:
        bodies = {key: _packed(one, window) for key, one in changed.items()}
        with store.database.writing() as connection:
            keep_state(connection, bodies)


def load(store: Store, window: float) -> dict[str, Taken]:
    """The samples that are kept, by their keys; those of another version or window are not."""
    chosen = placement.c.key.startswith(_PREFIX, autoescape=True)
    with store.database.reading() as connection:
        rows = connection.execute(select(placement.c.key, placement.c.body).where(chosen)).all()
    found = {key: _unpacked(body, window) for key, body in rows}
    return {key: one for key, one in sorted(found.items()) if one is not None}


def learn(store: Store, window: float) -> Model:
    """Train on the samples that are kept, and make forecasts by that model from now on.

    Raises
    ------
    PlacementError
        ``placement.not-enough-history``; the model stays what it was.
    """
    model = train([one.sample for one in load(store, window).values() if one.known])
    keep_model(store, model)
    return model


def _packed(one: Taken, window: float) -> bytes:
    made = io.BytesIO()
    sample = one.sample
    arrays: dict[str, Any] = {
        "names": np.array(NAMES),
        "times": np.array([sample.at, sample.until, window]),
        "features": sample.features.astype(np.float32),
        "reads": sample.reads,
        "weight": sample.weight,
        "keys": one.keys,
        "own": one.own,
    }
    np.savez_compressed(made, **arrays)
    return made.getvalue()


def _unpacked(body: bytes, window: float) -> Taken | None:
    with np.load(io.BytesIO(body), allow_pickle=False) as kept:
        at, until, of_window = kept["times"].tolist()
        if tuple(kept["names"].tolist()) != NAMES or of_window != window:
            return None
        sample = Sample(at, until, kept["features"], kept["reads"], kept["weight"])
        return Taken(sample, kept["keys"], kept["own"])
