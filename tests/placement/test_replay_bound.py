"""The bound: above every strategy on any trace, and no higher than it must be where the relaxation is whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.replay.bound import bound
from placement.replay.report import STRATEGIES, make
from placement.replay.simulate import measured, simulate
from placement.replay.trace import ONE_READ, Trace
from placement.replay.world import DAY as WORLD_DAY
from placement.replay.world import World
from tests.placement.replays import DAY, START, Event, dataset, lake, read, search, trace

_RATES = [f"{kind}{unit}_hit_rate" for kind in ("", "placed_", "cold_") for unit in ("request", "byte")]


@st.composite
def _traces(draw: st.DrawFn) -> Trace:
    sites = "ABC"[: draw(st.integers(1, 3))]
    sizes = draw(st.lists(st.integers(1, 10**13), min_size=1, max_size=6))
    homes = [f"{site}-DISK" for site in sites] + ["A-TAPE"] * 4
    events: list[Event] = [*lake(*sites)]
    for n, size in enumerate(sizes):
        born = draw(st.sampled_from([0.0, 0.0, 3.0, 7.5]))
        home = draw(st.sampled_from(homes))
        events.append(dataset(f"d{n}", size, home, born, facilities=[f"F{n % 2}"], product_type="image"))
    for _ in range(draw(st.integers(1, 40))):
        n, site = draw(st.integers(0, len(sizes) - 1)), draw(st.sampled_from(sites))
        day = draw(st.floats(0, 12))
        events.append(read(f"d{n}", site, day))
        if draw(st.booleans()):
            events.append(search(f"facilities=F{n % 2}", site, draw(st.floats(0, 12))))
    return trace(events)


@pytest.mark.parametrize("name", STRATEGIES)
@given(made=_traces(), fraction=st.sampled_from([0.05, 0.5, 1.0, 3.0]))
@settings(max_examples=30, deadline=None)
def test_no_strategy_is_above_the_bound(name: str, made: Trace, fraction: float) -> None:
    figures, limits = simulate(made, make(name, made, 1), fraction).figures, bound(made, fraction)
    for rate in _RATES:
        if not np.isnan(limits[rate]):
            assert figures[rate] <= limits[rate] + 1e-9, rate


def _by_hand(made: Trace, fraction: float) -> int:
    """The most reads of the only site that whole datasets kept or pushed can serve, by trying all."""
    what, world = measured(made), World(made, fraction)
    times, of = made.read_at, made.read_of
    counted = np.flatnonzero(what.counts)
    before = [max((t for t, d in zip(times, of, strict=True) if d == of[i] and t < times[i]), default=None)
              for i in counted]  # fmt: skip
    instants = np.arange(made.start // ONE_READ, made.end // ONE_READ + 1) * ONE_READ
    days = int((made.end - what.split) // WORLD_DAY) + 1
    best = 0
    for choice in itertools.product("-xy", repeat=len(counted)):
        kept, pushed = np.zeros(len(instants)), np.zeros(days)
        for how, i, since in zip(choice, counted, before, strict=True):
            size = made.bytes[of[i]]
            if how == "x":
                kept += size * ((instants > (np.inf if since is None else since)) & (instants <= times[i]))
            elif how == "y":
                pushed[int((times[i] - what.split) // WORLD_DAY) :] += size
        budget = world.capacity[0] + world.most_at_once[0] + world.daily[0] * np.arange(days)
        able = all(since is not None for how, since in zip(choice, before, strict=True) if how == "x")
        if able and (kept <= world.capacity[0]).all() and (pushed <= budget).all():
            best = max(best, sum(how != "-" for how in choice))
    return best


@given(reads=st.lists(st.tuples(st.integers(0, 3), st.integers(8, 60)), min_size=6, max_size=9, unique=True))
@settings(max_examples=25, deadline=None)
def test_with_equal_datasets_it_is_what_trying_all_gives(reads: list[tuple[int, int]]) -> None:
    events: list[Event] = [*lake("A"), *(dataset(f"d{n}", 1000, "A-TAPE") for n in range(4)), read("d0", "A", 0.0)]
    made = trace([*events, *(read(f"d{n}", "A", 0.3 * step) for n, step in reads)])
    # one dataset at a time, and 0.2 of one more may be pushed each day
    limit, what = bound(made, 0.25), measured(made)
    whole = _by_hand(made, 0.25)
    parts = limit["request_hit_rate"] * what.counts.sum()
    assert whole <= parts + 1e-6
    assert parts < whole + 1.0, "parts of datasets gain less than one read"


def test_what_is_served_by_custodial_disks_is_counted_in() -> None:
    made = trace([*lake("A", "B"), dataset("d", 10, "A-DISK"), *(read("d", "A", float(day)) for day in range(9))])
    assert [bound(made, room)["byte_hit_rate"] for room in (0.0, 1.0)] == [1.0, 1.0]
    assert np.isnan(bound(made, 1.0)["placed_byte_hit_rate"])


def test_without_room_nothing_is_placed() -> None:
    made = trace([*lake("A"), dataset("d", 10, "A-TAPE"), *(read("d", "A", float(day)) for day in range(9))])
    assert bound(made, 0.5)["request_hit_rate"] == 0.0
    assert bound(made, 1.0)["request_hit_rate"] == 1.0
    assert measured(made).split == START + DAY * 2
