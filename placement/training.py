"""Learning the forecast's coefficients from what was read after it was made, and saying how good they are.

The fit is for counts (Poisson) that are spread more widely than chance would (a few datasets take most reads): the
weight of a row falls with what is expected of it. Coefficients never fall below 0, and stay near those of an untrained
model until there is evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import orjson

from catalog import clock
from catalog.store import Store
from placement.demand_store import keep_state, read_state
from placement.features import DAY, NAMES
from placement.forecast import UNTRAINED, Model
from placement.state import Floats
from schemas.errors import PlacementError

PRIOR = 20.0  # events of a feature that weigh as much as what an untrained model says of it
LEAST_READS = 50  # in what is learnt from, and in what is judged by: fewer say nothing of a table of coefficients
_MOST_ROWS = 40_000
_ROUNDS, _STEPS = 4, 60
_JUDGED = 3  # the last of so many parts of the time is what is judged by
_OWN = [NAMES.index("reads.first"), NAMES.index("reads.more"), NAMES.index("base")]
_BASE = [NAMES.index("base")]
_KEY = "model"


Rows = tuple[Floats, Floats, Floats, Floats]  # features, reads, windows in seconds, weights


@dataclass(frozen=True, slots=True)
class Sample:
    """What was known of some datasets at ``at``, and how often they were read until ``until`` (Unix seconds).

    ``features`` (n, K) are events a day; ``weight`` (n): how many datasets each stands for.
    """

    at: float
    until: float
    features: Floats
    reads: Floats
    weight: Floats


def train(samples: Sequence[Sample]) -> Model:
    """A model learnt from all ``samples``; its ``learnt`` has when, from what, and how good such models are.

    The latter by time: one is learnt from samples that ended before others began, and judged by these.

    Raises
    ------
    PlacementError
        ``placement.not-enough-history``.
    """
    ordered = sorted(samples, key=lambda one: one.at)
    early, late = _split(ordered)
    if min(_reads(early), _reads(late)) < LEAST_READS:
        said = (
            f"{_reads(early):.0f} reads to learn from and {_reads(late):.0f} after these to judge by; at least"
            f" {LEAST_READS} each are needed: let plannings go on for a few windows"
        )
        raise PlacementError("not-enough-history", said)
    learnt = {
        "trained_at": clock.stamp(clock.now()),
        "from": _stamp(ordered[0].at),
        "until": _stamp(max(one.until for one in ordered)),
        "rows": sum(len(one.reads) for one in ordered),
        "reads": round(_reads(ordered), 3),
        "judged": judge(train_on(*_rows(early)), _rows(early), _rows(late)),
    }
    model = train_on(*_rows(ordered))
    return Model(model.coefficients, model.stay, learnt)


def train_on(
    features: Floats, reads: Floats, window: Floats | float, weight: Floats | None = None, start: Model = UNTRAINED
) -> Model:
    """The model that fits best: of n rows of ``features`` (n, K), ``reads`` (n) in the ``window`` after, seconds.

    The same for the same input. ``weight`` (n): how many such rows each stands for. The fit stays near ``start``.
    """
    exposure = np.asarray(features, np.float64) * np.reshape(window, (-1, 1)) / DAY
    return Model(_fit(exposure, np.asarray(reads, np.float64), weight, start.coefficients), start.stay)


def judge(model: Model, before: Rows, after: Rows) -> dict[str, dict[str, float]]:
    """How well ``after`` was foreseen by ``model``, by own history alone and by a constant, these learnt of ``before``.

    Given are: the mean Poisson ``deviance`` and mean
    absolute error (``mae``) of a dataset (less is better), ``rank``: Spearman's correlation, and ``top_share``: of all
    reads, how many went to the tenth of the datasets that was expected to be read most.
    """
    own = _only(_OWN, before)
    constant = _only(_BASE, before)
    found = {}
    for name, coefficients in (("ours", model.coefficients), ("own_history", own), ("constant", constant)):
        features, reads, window, weight = after
        found[name] = _scores(features @ coefficients * window / DAY, reads, weight)
    return found


def report(model: Model) -> list[str]:
    """What a trained model was learnt from and how good it is, as lines."""
    learnt = model.learnt
    lines = [
        f"trained on {learnt['reads']:.0f} reads of {learnt['rows']} rows, {learnt['from']} to {learnt['until']}",
        "judged on what came later:  deviance  mean error    rank  reads in the top tenth",
    ]
    for name, one in learnt["judged"].items():
        lines.append(
            f"  {name.replace('_', ' '):<24}{one['deviance']:>10.4g}{one['mae']:>12.4g}{one['rank']:>8.3f}"
            f"{one['top_share']:>24.1%}"
        )
    return lines


def kept_model(store: Store) -> Model:
    """The model that was trained last, else the untrained one."""
    with store.database.reading() as connection:
        body = read_state(connection, _KEY)
    return UNTRAINED if body is None else Model.read(orjson.loads(body))


def keep_model(store: Store, model: Model) -> None:
    """Make forecasts with this one from now on."""
    with store.database.writing() as connection:
        keep_state(connection, {_KEY: orjson.dumps(model.document())})


def _split(ordered: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    late = list(ordered[-max(1, len(ordered) // _JUDGED) :])
    return [one for one in ordered if late and one.until <= late[0].at], late


def _reads(samples: Sequence[Sample]) -> float:
    return float(sum((one.reads * one.weight).sum() for one in samples))


def _rows(samples: Sequence[Sample]) -> Rows:
    """Features, reads, windows and weights of all of them."""
    windows = [np.full(len(one.reads), one.until - one.at) for one in samples]
    return (
        np.concatenate([one.features for one in samples]).astype(np.float64),
        np.concatenate([one.reads for one in samples]),
        np.concatenate(windows),
        np.concatenate([one.weight for one in samples]),
    )


def _stamp(at: float) -> str:
    return clock.stamp(datetime.fromtimestamp(at, UTC))


def _only(which: list[int], rows: Rows) -> Floats:
    features, reads, window, weight = rows
    made = np.zeros(len(NAMES))
    exposure = features[:, which] * window[:, None] / DAY
    made[which] = _fit(exposure, reads, weight, UNTRAINED.coefficients[which])
    return made


def _fit(exposure: Floats, reads: Floats, weight: Floats | None, start: Floats) -> Floats:
    """Coefficients c ≥ 0 by greatest likelihood of ``reads`` ~ ``exposure @ c``, with a Gamma prior about ``start``.

    By expectation maximisation (Richardson-Lucy): each step shares out the reads of a row among the features in
    proportion to what they are thought to bring. Rows weigh 1 / (1 + a m) at mean m, as counts of variance m + a m² do.
    """
    weight = np.ones(len(reads)) if weight is None else np.asarray(weight, np.float64)
    exposure, reads, weight = _thinned(exposure, reads, weight)
    c = np.maximum(start, 1e-6)
    prior = PRIOR * c
    spread = 0.0
    for _ in range(_ROUNDS):
        mean = np.maximum(exposure @ c, 1e-9)
        row = weight / (1 + spread * mean)
        total = row @ exposure + PRIOR
        for _ in range(_STEPS):
            mean = np.maximum(exposure @ c, 1e-9)
            c = (c * ((row * reads / mean) @ exposure) + prior) / total
        mean = np.maximum(exposure @ c, 1e-9)
        # by moments, a row counting the less the more is expected of it: the greatest few do not decide alone
        row = weight / (1 + mean) ** 2
        spread = float(np.clip((row @ ((reads - mean) ** 2 - mean)) / max(row @ mean**2, 1e-9), 0, 10))
    return c


def _thinned(exposure: Floats, reads: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """At most some 40,000 rows: all that were read, and of the others every so many, which stand for those between."""
    idle = np.flatnonzero(reads <= 0)
    step = -(-len(idle) // max(1, _MOST_ROWS - (len(reads) - len(idle)), _MOST_ROWS // 4))
    if len(reads) <= _MOST_ROWS or step < 2:
        return exposure, reads, weight
    kept = np.sort(np.concatenate([np.flatnonzero(reads > 0), idle[::step]]))
    more = weight.copy()
    more[idle] *= weight[idle].sum() / weight[idle[::step]].sum()
    return exposure[kept], reads[kept], more[kept]


def _scores(expected: Floats, reads: Floats, weight: Floats) -> dict[str, float]:
    from scipy.special import xlogy
    from scipy.stats import rankdata

    mean = np.maximum(expected, 1e-9)
    deviance = 2 * (xlogy(reads, reads / mean) - (reads - mean))
    number = weight.sum()
    ranks = np.stack([rankdata(mean), rankdata(reads)])
    off = ranks - (ranks @ weight / number)[:, None]
    spread = np.sqrt((off**2 * weight).sum(axis=1))
    order = np.argsort(-mean, kind="stable")
    # a tie at the border, or a constant: the share that a draw among equals would have
    upto = np.cumsum(weight[order])
    part = np.clip(number / 10 - (upto - weight[order]), 0, weight[order])
    even = _evened(part / weight[order], mean[order], weight[order])
    top = float((even * weight[order] * reads[order]).sum() / max((reads * weight).sum(), 1e-9))
    return {
        "deviance": round(float(deviance @ weight / number), 6),
        "mae": round(float(np.abs(reads - mean) @ weight / number), 6),
        "rank": round(float((off[0] * off[1] * weight).sum() / (spread[0] * spread[1])) if spread.all() else 0.0, 4),
        "top_share": round(top, 4),
    }


def _evened(part: Floats, mean: Floats, weight: Floats) -> Floats:
    """``part`` made the same for all of one mean."""
    _, group = np.unique(mean, return_inverse=True)
    sums: Floats = np.bincount(group, part * weight) / np.bincount(group, weight)
    return sums[group]
