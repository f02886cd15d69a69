"""Demand decays, is bounded and adds up, in memory and in the store of several writers."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.database import insert_many
from catalog.store import Store
from catalog.tables import demand as demand_table
from catalog.tables import placement as placement_table
from placement import demand_store
from placement.demand import FAINT, FAST, Demand, DemandTable
from tests.catalog.conftest import store, store_url  # noqa: F401  # fixtures

HALF = 14 * 86_400.0
NOW = 1_790_000_000.0
TOP = 2**64 - 1

events = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from([0, 1, 2**63, TOP]),
        st.sampled_from(["", "CAPE", "PERTH"]),
        st.floats(0.01, 1.0),
        st.floats(NOW - 10 * HALF, NOW),
    ),
    max_size=30,
)
Weights = dict[tuple[int, int, str], tuple[float, float]]


def weights(table: DemandTable) -> Weights:
    columns = zip(table.dims, table.keys, table.site, table.fast, table.slow, strict=True)
    return {(int(d), int(k), table.sites[s]): (float(f), float(w)) for d, k, s, f, w in columns}


def same(one: Weights, other: Weights) -> bool:
    """Equal up to rounding, which may also carry a weight across what is faint."""
    for row in one.keys() | other.keys():
        a, b = one.get(row, (0.0, 0.0)), other.get(row, (0.0, 0.0))
        if a != pytest.approx(b, rel=1e-9, abs=1e-12) and max(a[1], b[1]) > FAINT * 1.001:
            return False
    return True


def filled(some: list[tuple[int, int, str, float, float]]) -> Demand:
    made = Demand(HALF)
    for event in some:
        made.add(*event)
    return made


@given(events)
def test_weights_are_the_decayed_sums(some: list[tuple[int, int, str, float, float]]) -> None:
    sums: Weights = {}
    for dim, key, site, amount, at in some:
        fast, slow = sums.get((dim, key, site), (0.0, 0.0))
        age = (NOW - at) / HALF
        sums[dim, key, site] = fast + amount * 2 ** (-FAST * age), slow + amount * 2**-age
    table = filled(some).table(NOW)
    assert same(weights(table), sums)
    rows = [(d, k, table.sites[s]) for d, k, s in zip(table.dims, table.keys, table.site, strict=True)]
    assert rows == sorted(rows) and set(table.sites) == {row[2] for row in rows}


@given(events, st.randoms())
def test_the_order_of_events_does_not_matter(some: list[tuple[int, int, str, float, float]], random: object) -> None:
    mixed = list(some)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert same(weights(filled(mixed).table(NOW)), weights(filled(some).table(NOW)))


@given(events, events)
def test_two_merged_are_one(
    some: list[tuple[int, int, str, float, float]], more: list[tuple[int, int, str, float, float]]
) -> None:
    left, right = (
        filled([(*one[:4], NOW - 0.5 * HALF) for one in some]),
        filled([(*one[:4], NOW - 0.25 * HALF) for one in more]),
    )
    left.merge(right.table(NOW), NOW)
    whole = [(*one[:4], NOW - 0.5 * HALF) for one in some] + [(*one[:4], NOW - 0.25 * HALF) for one in more]
    assert same(weights(left.table(NOW + HALF)), weights(filled(whole).table(NOW + HALF)))


def test_a_half_life_halves_and_a_wrong_clock_is_now() -> None:
    made = Demand(HALF)
    made.add(3, 7, "CAPE", 1.0, NOW + 1e9, now=NOW)
    assert weights(made.table(NOW + HALF)) == {(3, 7, "CAPE"): (pytest.approx(2**-FAST), pytest.approx(0.5))}
    assert len(made.table(NOW + 14 * HALF)) == 0  # faint


def test_centuries_do_not_overflow() -> None:
    made = Demand(60.0)
    for year in range(200):
        made.add(3, 7, "", 1.0, NOW + year * 3.2e7)
    made.add(3, 8, "", 1.0, 0.0)
    assert weights(made.table(NOW)) == {(3, 7, ""): (1.0, 1.0)}


def test_the_least_are_forgotten() -> None:
    made = Demand(HALF, most=100)
    for key in range(109):
        made.add(5, key, "", 1.0 + key, NOW)
    made.add(5, 108, "B", 0.5, NOW)
    assert len(made) == 110
    made.add(5, 1000, "B", 1.0, NOW)
    assert len(made) == 100
    table = made.table(NOW)
    assert table.keys.min() == 9 and set(table.sites) == {""}
    made.add(5, 108, "", 1.0, NOW)  # rows have moved: their sums must have moved along
    assert weights(made.table(NOW))[5, 108, ""][1] == pytest.approx(110)


def test_traffic_of_any_size_is_bounded() -> None:
    made, started = Demand(HALF, most=2000), time.process_time()
    for n in range(100_000):
        made.add(n % 7, n * 7919 % 50_021, "CAPE", 1.0, NOW + n)
    assert len(made) <= 2200 and len(made.table(NOW)) == 2000
    assert time.process_time() - started < 5


# --- in the store -------------------------------------------------------------------------------------------------


def put(store: Store, table: DemandTable, at: float) -> None:  # noqa: F811
    with store.database.writing() as connection:
        demand_store.merge(connection, demand_store.rows(table), HALF, at)


def test_the_store_adds_up_as_memory_does(store: Store) -> None:  # noqa: F811
    first = [(0, TOP, "CAPE", 1.0, NOW), (3, 2**63, "", 0.5, NOW), (6, 1, "PERTH", 0.25, NOW)]
    second = [(0, TOP, "CAPE", 2.0, NOW + HALF), (0, TOP, "PERTH", 1.0, NOW + HALF)]
    put(store, filled(first).table(NOW), NOW)
    put(store, filled(second).table(NOW + HALF), NOW + HALF)
    put(store, filled([(3, 2**63, "", 1.0, NOW)]).table(NOW), NOW)  # late
    whole = filled([*first, *second, (3, 2**63, "", 1.0, NOW)])
    assert same(weights(demand_store.load(store, HALF, NOW + 2 * HALF)), weights(whole.table(NOW + 2 * HALF)))
    assert len(demand_store.load(store, HALF, NOW + 2 * HALF)) == 4
    assert demand_store.load(store, HALF, NOW).slow.max() == pytest.approx(2.5)  # a later row is as of now


def test_rows_come_back_as_they_were() -> None:
    table = filled([(0, TOP, "B", 1.0, NOW), (3, 2, "", 0.5, NOW), (3, 2, "A", 0.5, NOW)]).table(NOW)
    assert weights(demand_store.as_merged(demand_store.rows(table))) == weights(table)


def test_writers_at_once_lose_nothing(store: Store) -> None:  # noqa: F811
    def write(site: str) -> None:
        for _ in range(10):
            put(store, filled([(0, 5, "", 1.0, NOW), (0, 5, site, 1.0, NOW)]).table(NOW), NOW)

    threads = [threading.Thread(target=write, args=(site,)) for site in "ABC"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = weights(demand_store.load(store, HALF, NOW))
    assert {row[2]: round(slow, 6) for row, (_, slow) in found.items()} == {"": 30, "A": 10, "B": 10, "C": 10}


def test_pruning_forgets_what_is_faint_and_the_least(store: Store) -> None:  # noqa: F811
    put(store, filled([(5, key, "", 1.0 + key, NOW) for key in range(30)]).table(NOW), NOW)
    assert demand_store.prune(store, HALF, NOW, most=28) == 0  # not a tenth over
    assert demand_store.prune(store, HALF, NOW, most=20) == 10
    assert sorted(row[1] for row in weights(demand_store.load(store, HALF, NOW))) == list(range(10, 30))
    later = NOW + 17.5 * HALF
    assert demand_store.prune(store, HALF, later) == 8  # those up to 18 are below 1e-4 × 2^17.5 = 18.5
    assert len(store.database.fetch("SELECT 1 FROM demand", ())) == 12
    assert demand_store.prune(store, HALF, NOW + 1000 * HALF) == 12


def test_forgetting_erases_all_and_the_samples(store: Store) -> None:  # noqa: F811
    put(store, filled([(5, key, "", 1.0, NOW) for key in range(3)]).table(NOW), NOW)
    with store.database.writing() as connection:
        demand_store.keep_state(connection, {"samples:1": b"x", "samplesx": b"x", "traces": b"[]", "reads": b"{}"})
    assert demand_store.forget(store) == 3
    assert len(demand_store.load(store, HALF, NOW)) == 0
    with store.database.reading() as connection:
        assert {row.key for row in connection.execute(placement_table.select())} == {"samplesx", "traces"}


def test_a_full_table_is_loaded_within_a_second(tmp_path: Path) -> None:
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as made:
        rows = [
            {"dim": n % 7, "key": n * 10_007 - 10**9, "site": f"S{n % 9}", "fast": 1.0, "slow": 2.0, "at": NOW}
            for n in range(50_000)
        ]
        with made.database.writing() as connection:
            insert_many(connection, demand_table, rows)
        started = time.process_time()
        table = demand_store.load(made, HALF, NOW)
        assert time.process_time() - started < 1
    assert len(table) == 50_000 and np.all(np.diff(table.dims.astype(int)) >= 0)
