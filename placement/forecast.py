"""How often each dataset will be read from each site in the next window, and what says so.

``reads = window × Σ coefficient × feature`` over the features of ``placement/features.py``: a sum of parts that are
never negative, so that a hint can name them. docs/explanation/forecast.md has what each coefficient means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement.features import DAY, HALF_LIFE, NAMES, Interest, Table, TermIndex, interest, memories, newness, steps
from placement.state import Datasets, Floats, Lake, Terms

# Before anything is learnt: of a hundred events of each kind, how many more reads they announce. Careful, as a copy
# that nobody reads costs as much as one that all read: of CERN's files 56 % of those read were read once.
_UNTRAINED = {
    "reads.fast": 0.2,
    "reads.first": 0.3,
    "reads.more": 0.6,
    "views.fast": 0.1,
    "views.slow": 0.2,
    "found.fast": 0.1,
    "found.slow": 0.2,
    "sky.fast": 0.1,
    "sky.slow": 0.1,
    "time.fast": 0.02,
    "time.slow": 0.02,
    "facets.fast": 0.04,
    "facets.slow": 0.04,
    "words.fast": 0.05,
    "words.slow": 0.05,
    "alike.sky.fast": 0.05,
    "alike.sky.slow": 0.05,
    "alike.time.fast": 0.01,
    "alike.time.slow": 0.01,
    "alike.facets.fast": 0.02,
    "alike.facets.slow": 0.02,
    "alike.words.fast": 0.02,
    "alike.words.slow": 0.02,
    "newness.days": 0.5,
    "newness.weeks": 0.5,
    "newness.months": 0.5,
    "base": 0.05,
}

PARTS: Mapping[str, str] = {  # a part's name, and what it is in a sentence: "0.9 from searches in its region"
    "reads": "its own reads",
    "views": "views of its record",
    "found": "searches that found it",
    "sky": "searches in its region",
    "time": "searches in its time",
    "facets": "searches by its facets",
    "words": "searches by its words",
    "alike": "reads of datasets like it",
    "newness": "its being new",
    "base": "what any dataset is read",
}
_PART = np.array([list(PARTS).index(name.split(".")[0]) for name in NAMES])
# the part of what is read for being there to which demand for the dataset must come, to be believed by half on where
_EVEN = 0.1
_NO_DEMAND = np.array([name.split(".")[0] in ("newness", "base") for name in NAMES])
_FIRST, _MORE = NAMES.index("reads.first"), NAMES.index("reads.more")


@dataclass(frozen=True)
class Model:
    """``coefficients`` in the order of the features' ``NAMES``, each at least 0.

    ``stay``: of all reads that demand at a site announces, the part that comes from the same site; the rest comes as
    all reads do. ``learnt``: when and on what it was trained, JSON; empty for a model that was not.
    """

    coefficients: Floats = field(default_factory=lambda: np.array([_UNTRAINED[name] for name in NAMES]))
    stay: float = 0.8
    learnt: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        coefficients = {name: float(value) for name, value in zip(NAMES, self.coefficients, strict=True)}
        return {"coefficients": coefficients, "stay": self.stay, "learnt": dict(self.learnt)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Model:
        """The model of :meth:`document`; a feature that it does not know keeps its coefficient of an untrained one."""
        known = document["coefficients"]
        coefficients = np.array([float(known.get(name, _UNTRAINED[name])) for name in NAMES])
        return cls(coefficients, float(document["stay"]), document["learnt"])


UNTRAINED = Model()


@dataclass(frozen=True, slots=True)
class Forecast:
    """Reads expected in the window, of N datasets: from S sites (the lake's), and by P parts; both add up to the same.

    ``confidence``, 0 to 1: n / (n + 1), where n is how many reads the evidence is worth.
    """

    sites: tuple[str, ...]
    reads: NDArray[np.float32]  # N, S
    parts: NDArray[np.float32]  # N, P
    part_names: tuple[str, ...]
    confidence: NDArray[np.float32]  # N


class Basis:
    """All that a forecast is made of, kept to make it again for one dataset after a read.

    ``now`` is when the table was taken; what :meth:`read` adds counts as of then. ``grows``: datasets may be added.
    """

    def __init__(
        self,
        datasets: Datasets,
        table: Table,
        lake: Lake,
        model: Model,
        window: float,
        now: float,
        *,
        half_life: float = HALF_LIFE,
        index: TermIndex | None = None,
        grows: bool = False,
    ) -> None:
        self.sites = lake.sites
        self._index = index or TermIndex(datasets.terms)
        self.interest = interest(
            datasets, table, lake.sites, model.coefficients, now, half_life, self._index, by_term=grows
        )
        self._model = model
        self._window = window / DAY
        self._memory = memories(half_life)
        # how many times what the mean dataset is read, for being there
        self._level = self._for_being_there(datasets.created_at, now)

    def forecast(self) -> Forecast:
        """The forecast of all datasets, as the table has it: reads that were added later are not in its parts."""
        features, (fast, slow) = self.interest.features, self._memory
        each = features * self._model.coefficients.astype(np.float32)
        parts = np.zeros((len(features), len(PARTS)), np.float32)
        for n, part in enumerate(_PART):
            parts[:, part] += each[:, n]
        memory = np.where([name.endswith(".fast") for name in NAMES], fast, slow)
        worth = each @ np.where(_NO_DEMAND, 0, memory).astype(np.float32)
        reads = self._reads(self.interest.own_fast, self.interest.own_slow, self.interest.rest, self._level)
        window = np.float32(self._window)
        return Forecast(self.sites, reads, parts * window, tuple(PARTS), worth / (worth + 1))

    def read(self, n: int, site: int, amount: float = 1.0) -> None:
        """Add a read of dataset ``n`` from the site at place ``site``.

        What it says of datasets that are alike comes with the next table.
        """
        self.interest.own_fast[n, site] += amount
        self.interest.own_slow[n, site] += amount
        self.interest.all_reads[site] += amount

    def add(self, terms: Terms, created_at: Floats, now: float) -> None:
        """Add datasets that have come to be since, after the others: with the interest there is in their terms.

        Terms that fewer than two datasets had when the table was taken say nothing yet.
        """
        made = self.interest
        assert made.by_term is not None
        number = self._index.find(terms.dims, terms.keys)  # -1 is the last row, of what is not shared
        each = made.by_term[np.minimum(number, len(made.by_term) - 1)]
        sums = np.concatenate([np.zeros((1, each.shape[1])), np.cumsum(each, axis=0, dtype=np.float64)])
        rest = (sums[terms.start[1:]] - sums[terms.start[:-1]]).astype(np.float32)
        nothing = np.zeros_like(rest)
        self.interest = replace(
            made,
            own_fast=np.concatenate([made.own_fast, nothing]),
            own_slow=np.concatenate([made.own_slow, nothing]),
            rest=np.concatenate([made.rest, rest]),
        )
        self._level = np.concatenate([self._level, self._for_being_there(created_at, now)])

    def _for_being_there(self, created_at: Floats, now: float) -> Floats:
        *of_new, of_all = self._model.coefficients[_NO_DEMAND]
        return np.asarray(newness(created_at, now) @ np.array(of_new) + of_all)

    def one(self, n: int) -> NDArray[np.float32]:
        """Reads of dataset ``n`` expected in the window from each site."""
        made = self.interest
        rows = slice(n, n + 1)
        found: NDArray[np.float32] = self._reads(
            made.own_fast[rows], made.own_slow[rows], made.rest[rows], self._level[rows]
        )[0]
        return found

    def _reads(
        self, own_fast: NDArray[np.float32], own_slow: NDArray[np.float32], rest: NDArray[np.float32], level: Floats
    ) -> NDArray[np.float32]:
        c, all_reads = self._model.coefficients, self.interest.all_reads
        weight = own_slow.sum(axis=1)
        first, more = steps(weight, self._memory[1])
        # what a day's own reads are worth for each of the slow weight
        factor = (c[_FIRST] * first + c[_MORE] * more) / np.maximum(weight, 1e-30)
        here = rest + own_fast * np.float32(c[0] / self._memory[0]) + own_slow * factor[:, None].astype(np.float32)
        read = float(all_reads.sum())
        stay = self._model.stay if read else 1.0  # nobody read anything yet: demand stays where it is
        mean = read / self._memory[1] / max(len(self._level), 1)
        wanted = here.sum(axis=1)
        # what is read for being there comes from where demand does, as far as there is any
        level = mean * level
        staying = stay * (1 + level / np.maximum(wanted + level * _EVEN, 1e-30))
        share = (all_reads / (read or 1.0)).astype(np.float32)
        made: NDArray[np.float32] = here * staying.astype(np.float32)[:, None]
        made += (wanted + level - wanted * staying).astype(np.float32)[:, None] * share
        return made * np.float32(self._window)


def expected(
    datasets: Datasets,
    table: Table,
    lake: Lake,
    model: Model,
    window: float,
    now: float,
    *,
    half_life: float = HALF_LIFE,
    index: TermIndex | None = None,
) -> Forecast:
    """Expected reads of all datasets in ``window`` seconds from ``now``, when the table was taken.

    ``half_life`` is the demand's slow one, seconds; ``index`` spares the time to make it where one is kept.
    """
    return Basis(datasets, table, lake, model, window, now, half_life=half_life, index=index).forecast()


def features(
    datasets: Datasets,
    table: Table,
    now: float,
    model: Model = UNTRAINED,
    *,
    half_life: float = HALF_LIFE,
    index: TermIndex | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features (N, K), events a day; and the share of each of the table's sites in what is wanted of each (N, S).

    Who wants it is weighed by the model; where nobody does, the shares are those of all reads.
    """
    made: Interest = interest(datasets, table, table.sites, model.coefficients, now, half_life, index)
    fast, slow = memories(half_life)
    c = model.coefficients
    by_site = made.rest + made.own_fast * np.float32(c[0] / fast) + made.own_slow * np.float32(c[_FIRST] / slow)
    by_site[by_site.sum(axis=1) == 0] = made.all_reads
    return made.features, by_site / np.maximum(by_site.sum(axis=1, keepdims=True), 1e-30)
