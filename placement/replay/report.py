"""Several traces, capacities and strategies: run, summed up with confidence intervals, and shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from placement.replay.bound import bound
from placement.replay.interest import Interest
from placement.replay.ours import Ours
from placement.replay.simulate import Strategy, events, simulate
from placement.replay.strategies import Belady, C3po, C3poNetwork, Idle, Lfu, Lru, Random, Static
from placement.replay.trace import Trace, read_trace
from placement.replay.valued import Metadata, Popularity

_Maker = Callable[[Trace, Interest, int], Strategy]

STRATEGIES: dict[str, _Maker] = {
    "none": lambda trace, interest, seed: Idle(),
    "static": lambda trace, interest, seed: Static(),
    "random": lambda trace, interest, seed: Random(seed),
    "lru": lambda trace, interest, seed: Lru(),
    "lfu": lambda trace, interest, seed: Lfu(),
    "c3po": lambda trace, interest, seed: C3po(),
    "c3po-network": lambda trace, interest, seed: C3poNetwork(),
    "popularity": lambda trace, interest, seed: Popularity(),
    "metadata": lambda trace, interest, seed: Metadata(interest),
    "ours": lambda trace, interest, seed: Ours(interest),
    "ours-daily": lambda trace, interest, seed: Ours(interest, at_once=False),
    "ours-noreads": lambda trace, interest, seed: Ours(interest, reads=False),
    "ours-nosearch": lambda trace, interest, seed: Ours(interest, searches=False),
    "belady": lambda trace, interest, seed: Belady(trace),
}
BOUND = "bound"
ORACLES = ("belady", BOUND)
JUDGED = "ours"
CAPACITIES = (1.0, 5.0, 10.0, 25.0, 50.0)  # percent of the bytes of all datasets
_SHARE = 0.975  # of Student's t: both sides of 95 %
_SHOWN = {
    "request_hit_rate": "requests",
    "byte_hit_rate": "bytes",
    "placed_byte_hit_rate": "bytes*",
    "cold_byte_hit_rate": "cold bytes",
    "bytes_moved": "moved TB",
    "bytes_placed": "pushed TB",
    "bytes_placed_never_read": "never read TB",
    "evictions_asked_for": "evicted, asked for",
    "wait_p50": "wait p50 s",
    "wait_p95": "wait p95 s",
    "jain": "Jain",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one strategy reached on one trace at one capacity (percent)."""

    trace: str
    capacity: float
    strategy: str
    figures: dict[str, float]


def make(name: str, trace: Trace, seed: int, interest: Interest | None = None) -> Strategy:
    """A strategy by its name, fresh for one run."""
    return STRATEGIES[name](trace, interest or Interest(trace), seed)


def run_one(path: Path, capacities: Sequence[float], names: Sequence[str], seed: int) -> list[Row]:
    """All strategies of ``names`` on the trace in one file, at all capacities (percent)."""
    trace = read_trace(path)
    interest, order = Interest(trace), events(trace)
    rows = []
    for capacity in capacities:
        for name in names:
            if name == BOUND:
                figures = bound(trace, capacity / 100)
            else:
                figures = simulate(trace, make(name, trace, seed, interest), capacity / 100, order).figures
            rows.append(Row(str(path), capacity, name, figures))
    return rows


def run(paths: Sequence[Path], capacities: Sequence[float], names: Sequence[str], jobs: int = 1) -> list[Row]:
    """:func:`run_one` of each file, ``jobs`` at a time; the same rows whatever ``jobs`` is."""
    one = partial(_run_one, capacities=tuple(capacities), names=tuple(names))
    work = list(enumerate(paths))
    if jobs == 1 or len(work) == 1:
        return [row for rows in map(one, work) for row in rows]
    with ProcessPoolExecutor(min(jobs, len(work)), get_context("spawn")) as pool:
        return [row for rows in pool.map(one, work) for row in rows]


def _run_one(work: tuple[int, Path], capacities: Sequence[float], names: Sequence[str]) -> list[Row]:
    seed, path = work
    return run_one(path, capacities, names, seed)


def interval(values: Iterable[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % confidence interval (Student's t); NaN for what has none."""
    known = [value for value in values if not math.isnan(value)]
    if len(known) < 2:
        return (known[0] if known else math.nan), math.nan
    from scipy.stats import t

    return fmean(known), float(t.ppf(_SHARE, len(known) - 1)) * stdev(known) / math.sqrt(len(known))


def summary(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of each capacity and strategy the mean of each figure over the traces, with its interval."""
    made = []
    for capacity, name in dict.fromkeys((row.capacity, row.strategy) for row in rows):
        those = [row for row in rows if (row.capacity, row.strategy) == (capacity, name)]
        figures = {key: interval(row.figures[key] for row in those) for key in those[0].figures}
        made.append(
            {
                "capacity": capacity,
                "strategy": name,
                "traces": len(those),
                "mean": {key: _json(mean) for key, (mean, _) in figures.items()},
                "interval": {key: _json(half) for key, (_, half) in figures.items()},
            }
        )
    return made


def compared(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Ours by others, trace by trace: to the best baseline of each measure, to C3PO and to the bound.

    A baseline is what is neither ours nor an oracle; the best is that of the greatest mean.
    """
    made = []
    for capacity in dict.fromkeys(row.capacity for row in rows):
        by = {(row.strategy, row.trace): row.figures for row in rows if row.capacity == capacity}
        names = list(dict.fromkeys(name for name, _ in by))
        traces = list(dict.fromkeys(trace for _, trace in by))
        if JUDGED not in names:
            continue
        baselines = [name for name in names if not name.startswith(JUDGED) and name not in ORACLES]
        found: dict[str, Any] = {"capacity": capacity}
        for key in ("byte_hit_rate", "request_hit_rate", "placed_byte_hit_rate", "cold_byte_hit_rate"):
            if baselines:
                best = max(baselines, key=lambda name: _mean(by[name, trace][key] for trace in traces))
                found[f"{key}_to_best"] = {"best": best, **_ratio(by, traces, key, best)}
            if BOUND in names:
                found[f"{key}_to_bound"] = _ratio(by, traces, key, BOUND)
        for other in ("c3po", "c3po-network"):
            if other in names:
                found[f"bytes_moved_to_{other}"] = _ratio(by, traces, "bytes_moved", other)
        made.append(found)
    return made


def _ratio(by: dict[tuple[str, str], dict[str, float]], traces: list[str], key: str, other: str) -> dict[str, Any]:
    each = [(by[JUDGED, trace][key], by[other, trace][key]) for trace in traces]
    mean, half = interval(one / than for one, than in each if than)
    return {"ratio": _json(mean), "interval": _json(half)}


def _mean(values: Iterable[float]) -> float:
    mean = interval(values)[0]
    return -math.inf if math.isnan(mean) else mean


def _json(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """As JSON."""
    each = [
        {
            "trace": Path(row.trace).name,
            "capacity": row.capacity,
            "strategy": row.strategy,
            "figures": {key: _json(value) for key, value in row.figures.items()},
        }
        for row in rows
    ]
    return {"summary": summary(rows), "compared": compared(rows), "rows": each}


def table_rows(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Header and lines of a table for people: means, and ± half the 95 % interval where there are several traces."""
    lines = []
    for one in summary(rows):
        cells = [f"{one['capacity']:g} %", one["strategy"]]
        for key in _SHOWN:
            cells.append(_cell(key, one["mean"].get(key), one["interval"].get(key)))
        lines.append(cells)
    return ["disk", "strategy", *_SHOWN.values()], lines


def comparison_lines(rows: Sequence[Row]) -> list[str]:
    """A sentence for each comparison."""
    said = []
    for one in compared(rows):
        for key, value in one.items():
            if key != "capacity" and value["ratio"] is not None:
                what, _, other = key.partition("_to_")
                width = f" ± {value['interval']:.3f}" if value["interval"] is not None else ""
                than = f"the best baseline ({value['best']})" if other == "best" else other
                said.append(
                    f"{one['capacity']:g} %: {what} of ours is {value['ratio']:.3f}{width} times that of {than}"
                )
    return said


def _cell(key: str, mean: float | None, half: float | None) -> str:
    if mean is None:
        return "-"
    scale, form = (1e-12, ".1f") if key.startswith("bytes_") else (1.0, ".3f")
    if key.startswith(("wait", "evictions")):
        form = ".0f"
    return f"{mean * scale:{form}}" + (f" ±{half * scale:{form}}" if half is not None else "")
