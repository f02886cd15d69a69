"""The forecast: parts that add up, shares that are fair, and what it says of what nobody has read."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement import terms
from placement.demand import DemandTable
from placement.features import DAY, HALF_LIFE, NAMES, TermIndex, interest, memories
from placement.forecast import PARTS, UNTRAINED, Basis, Forecast, Model, expected, features
from placement.state import ELSEWHERE, Datasets
from tests.placement.demands import LAKE, NOW, Row, datasets, demand, read

WEEK = 7 * DAY
DIMS = (terms.SKY, terms.TIME, terms.FACET, terms.WORD)
TERM = st.tuples(st.sampled_from(DIMS), st.integers(0, 4))
CREATED = st.one_of(st.just(float("nan")), st.floats(NOW - 1e9, NOW + 1e6))
AMOUNT = st.floats(0.001, 1e4)
SITE = st.sampled_from(("CAPE", "PERTH", "DARMSTADT", ""))
COEFFICIENTS = st.lists(st.floats(0, 3), min_size=len(NAMES), max_size=len(NAMES))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Datasets, list[Row]]:
    of = draw(st.lists(st.lists(TERM, max_size=6), min_size=1, max_size=8))
    made = datasets(of, draw(st.lists(CREATED, min_size=len(of), max_size=len(of))))
    record = st.tuples(
        st.sampled_from((terms.READ, terms.VIEW, terms.FOUND)),
        st.integers(0, len(of)).map(lambda n: terms.record_key(f"d{n}")),  # the last is of a dataset that is gone
        SITE,
        AMOUNT,
    )
    asked = st.tuples(st.sampled_from(DIMS), st.integers(0, 5), SITE, AMOUNT)
    return made, draw(st.lists(st.one_of(record, asked), max_size=12))


def forecast(made: Datasets, rows: list[Row], model: Model = UNTRAINED) -> Forecast:
    return expected(made, demand(rows), LAKE, model, WEEK, NOW)


def total(made: Datasets, rows: list[Row]) -> np.ndarray:
    return forecast(made, rows).reads.sum(axis=1)


def part(found: Forecast, name: str, n: int = 0) -> float:
    return float(found.parts[n, found.part_names.index(name)])


@given(worlds(), COEFFICIENTS)
def test_parts_and_sites_add_up_to_the_same_and_nothing_is_negative(
    world: tuple[Datasets, list[Row]], coefficients: list[float]
) -> None:
    made, rows = world
    found = forecast(made, rows, Model(np.array(coefficients)))
    assert found.reads.shape == (len(made), 3) and found.parts.shape == (len(made), len(PARTS))
    for numbers in (found.reads, found.parts, found.confidence):
        assert np.isfinite(numbers).all() and (numbers >= 0).all() and numbers.dtype == np.float32
    assert (found.confidence <= 1).all()
    # a difference of large numbers, where what a dataset says to itself is taken off
    np.testing.assert_allclose(found.reads.sum(axis=1), found.parts.sum(axis=1), rtol=1e-4, atol=1e-3)


@given(worlds(), st.randoms(use_true_random=False))
def test_in_another_order_each_dataset_has_the_same(world: tuple[Datasets, list[Row]], random: object) -> None:
    made, rows = world
    order = list(range(len(made)))
    random.shuffle(order)  # type: ignore[attr-defined]
    bounds = made.terms.start
    pairs = list(zip(made.terms.dims.tolist(), made.terms.keys.tolist(), strict=True))
    moved = datasets([pairs[bounds[n] : bounds[n + 1]] for n in order], [made.created_at[n] for n in order])
    moved = replace(moved, ids=[made.ids[n] for n in order])
    here, there = forecast(made, rows), forecast(moved, rows)
    np.testing.assert_allclose(there.reads, here.reads[order], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(there.parts, here.parts[order], rtol=1e-4, atol=1e-5)
    again = forecast(made, rows[::-1])
    np.testing.assert_allclose(again.reads, here.reads, rtol=1e-5, atol=1e-6)
    assert (forecast(made, rows).reads == here.reads).all()


@given(worlds())
def test_what_is_recorded_is_shared_out_and_no_more(world: tuple[Datasets, list[Row]]) -> None:
    made, rows = world
    known, _ = features(made, demand(rows), NOW)
    _, slow = memories(HALF_LIFE)
    has = set(zip(made.terms.dims.tolist(), made.terms.keys.tolist(), strict=True))
    for dim, name in zip(DIMS, ("sky", "time", "facets", "words"), strict=True):
        asked = sum(amount for one, key, _, amount in rows if one == dim and (dim, key) in has)
        np.testing.assert_allclose(known[:, NAMES.index(f"{name}.slow")].sum() * slow, asked, rtol=1e-4)
    ids = {terms.record_key(id) for id in made.ids}
    own = sum(amount for dim, key, _, amount in rows if dim == terms.READ and key in ids)
    both = [NAMES.index("reads.first"), NAMES.index("reads.more")]
    np.testing.assert_allclose(known[:, both].sum() * slow, own, rtol=1e-4)


def test_a_dataset_that_comes_later_has_the_forecast_that_it_would_have_had() -> None:
    sky, area = (terms.SKY, 1), (terms.FACET, 2)
    made = datasets([[sky], [sky, area], [area]], [NOW - DAY] * 3)
    rows = [(terms.SKY, 1, "CAPE", 3.0), (terms.FACET, 2, "PERTH", 2.0), read(0, "PERTH", 4.0), read(2, "CAPE")]
    basis = Basis(made, demand(rows), LAKE, UNTRAINED, WEEK, NOW, grows=True)
    twin = datasets([[sky, (terms.WORD, 7)], [sky]], [NOW, NOW - DAY])
    basis.add(twin.terms, twin.created_at, NOW)
    # what a read says to a dataset that is alike is what it says to the unread one that has the same terms
    assert basis.one(3).argmax() == 0 and basis.one(3).sum() > basis.one(4).sum() > 0
    alone = Basis(datasets([[sky]] * 2, [NOW - DAY] * 2), demand(rows[:1]), LAKE, UNTRAINED, WEEK, NOW, grows=True)
    alone.add(datasets([[sky]], [NOW - DAY]).terms, np.array([NOW - DAY]), NOW)
    assert alone.one(2) == pytest.approx(alone.one(0))
    alone.read(2, 1)
    assert alone.one(2)[1] > alone.one(0)[1]


@given(worlds())
def test_one_row_is_the_row_of_all_also_after_a_read(world: tuple[Datasets, list[Row]]) -> None:
    made, rows = world
    basis = Basis(made, demand(rows), LAKE, UNTRAINED, WEEK, NOW)
    found = basis.forecast()
    for n in range(len(made)):
        np.testing.assert_allclose(basis.one(n), found.reads[n], rtol=1e-6)
    basis.read(0, 1)
    after = forecast(made, [*rows, read(0, "PERTH")])
    np.testing.assert_allclose(basis.one(0), after.reads[0], rtol=1e-3, atol=1e-3)


@given(worlds())
def test_the_interest_is_what_loops_would_give(world: tuple[Datasets, list[Row]]) -> None:
    made, rows = world
    table = demand(rows)
    coefficients = np.linspace(0.1, 1, len(NAMES))
    found = interest(made, table, LAKE.sites, coefficients, NOW)
    known, rest = _slowly(made, table, coefficients)
    np.testing.assert_allclose(found.features[:, 7:23], known, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.rest, rest, rtol=1e-3, atol=1e-3)


def _slowly(made: Datasets, table: DemandTable, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features of terms and likeness, and the interest by site, one event at a time."""
    memory = memories(HALF_LIFE)
    bounds = made.terms.start
    pairs = list(zip(made.terms.dims.tolist(), made.terms.keys.tolist(), strict=True))
    of = [set(pairs[bounds[n] : bounds[n + 1]]) for n in range(len(made))]
    known, rest = np.zeros((len(made), 16)), np.zeros((len(made), 3))
    keys = [terms.record_key(id) for id in made.ids]
    own = np.zeros((len(made), 2))

    def place(row: int) -> int:
        name = table.sites[table.site[row]]
        return LAKE.sites.index(name) if name in LAKE.sites else len(LAKE.sites) - 1

    for row, (dim, key) in enumerate(zip(table.dims.tolist(), table.keys.tolist(), strict=True)):
        weights = table.fast[row], table.slow[row]
        if dim == terms.READ and key in keys:
            own[keys.index(key)] += weights
        for speed, weight in enumerate(weights):
            if dim in (terms.VIEW, terms.FOUND) and key in keys:
                c = coefficients[(3 if dim == terms.VIEW else 5) + speed]
                rest[keys.index(key), place(row)] += c * weight / memory[speed]
            having = [n for n in range(len(made)) if (dim, key) in of[n]]
            for n in having:
                column = 2 * DIMS.index(dim) + speed
                known[n, column] += weight / memory[speed] / len(having)
                rest[n, place(row)] += coefficients[7 + column] * weight / memory[speed] / len(having)
    for row, (dim, key) in enumerate(zip(table.dims.tolist(), table.keys.tolist(), strict=True)):
        if dim != terms.READ or key not in keys:
            continue
        reader = keys.index(key)
        for speed, weight in enumerate((table.fast[row], table.slow[row])):
            damped = weight * np.log1p(own[reader, speed]) / own[reader, speed] / memory[speed]
            for term in of[reader]:
                having = [n for n in range(len(made)) if term in of[n]]
                same = sum(one[0] == term[0] for one in of[reader])
                for n in set(having) - {reader}:
                    column = 8 + 2 * DIMS.index(term[0]) + speed
                    known[n, column] += damped / same / len(having)
                    rest[n, place(row)] += coefficients[7 + column] * damped / same / len(having)
    return known, rest


def test_what_nobody_has_read_is_expected_where_people_look_for_it() -> None:
    made = datasets([[(terms.SKY, 1), (terms.FACET, 1)], [(terms.SKY, 2), (terms.FACET, 2)]])
    for dim in (terms.SKY, terms.FACET):
        here, other = total(made, [(dim, 1, "PERTH", 5.0)])
        assert here > other == 0
    found = forecast(made, [(terms.SKY, 1, "PERTH", 5.0)])
    assert found.reads[0].argmax() == LAKE.sites.index("PERTH") and part(found, "sky") == found.parts[0].sum()


def test_what_is_like_what_is_read_is_expected_but_nothing_speaks_for_itself() -> None:
    made = datasets([[(terms.SKY, 1)], [(terms.SKY, 1)], [(terms.SKY, 2)]])
    found = forecast(made, [read(0)])
    assert part(found, "alike", 1) > 0 == part(found, "alike", 0) == part(found, "alike", 2)
    # one dataset that is read a thousand times does not make its neighbours a thousand times as wanted
    assert part(forecast(made, [read(0, amount=1000)]), "alike", 1) < 20 * part(found, "alike", 1)


def test_what_many_share_says_little_of_one() -> None:
    made = datasets([[(terms.FACET, 1)]] + [[(terms.FACET, 2)]] * 10)
    found = total(made, [(terms.FACET, 1, "CAPE", 1.0), (terms.FACET, 2, "CAPE", 1.0)])
    assert found[0] == pytest.approx(10 * found[1], rel=1e-5)


def test_once_read_is_not_as_good_as_often_read() -> None:
    made = datasets([[], []])
    found = forecast(made, [read(0), read(1, amount=10)])
    assert part(found, "reads", 1) > 10 * part(found, "reads", 0) > 0
    assert 0 < found.confidence[0] < found.confidence[1] < 1


def test_what_is_new_is_expected_more_and_an_unknown_age_is_no_age() -> None:
    made = datasets([[]] * 5, [NOW, NOW - 5 * DAY, float("nan"), NOW + 9 * DAY, NOW - 300 * DAY])
    found = forecast(made, [read(9)])  # of a dataset that is gone: what any dataset is read
    new = [part(found, "newness", n) for n in range(5)]
    of = dict(zip(NAMES, UNTRAINED.coefficients, strict=True))
    days, weeks, months = (of[f"newness.{name}"] for name in ("days", "weeks", "months"))
    left = (days / 32 + weeks / 2 + months * 2 ** (-1 / 6)) / (days + weeks + months)
    assert new[1] == pytest.approx(left * new[0]) and new[2] == 0 and new[3] == new[0] > 0
    assert 0 < new[4] < 0.001 * new[0]


def test_readers_are_expected_where_they_were_and_elsewhere_is_last() -> None:
    made = datasets([[], [], []])
    rows = [read(0, "PERTH", 3.0), read(1, "CAPE", 3.0), read(2, "DARMSTADT", 3.0)]
    found = forecast(made, rows)
    assert found.sites == ("CAPE", "PERTH", ELSEWHERE)
    assert found.reads.argmax(axis=1).tolist() == [1, 0, 2]
    _, shares = features(made, demand([*rows, read(0, "CAPE", 1.0)]), NOW)
    assert shares[0] == pytest.approx([0.25, 0, 0.75])  # by name: CAPE, DARMSTADT, PERTH
    _, shares = features(datasets([[]] * 4), demand(rows), NOW)
    assert shares[3] == pytest.approx([1 / 3] * 3)  # nobody wants it: as all reads


def test_confidence_is_by_how_many_reads_the_evidence_is_worth() -> None:
    c = dict(zip(NAMES, UNTRAINED.coefficients.tolist(), strict=True))
    worth = c["reads.fast"] * 3 + c["reads.first"] + c["reads.more"] * 2 + (c["views.fast"] + c["views.slow"]) * 2
    made = datasets([[], []], [NOW, NOW])
    found = forecast(made, [read(0, amount=3), (terms.VIEW, terms.record_key("d0"), "CAPE", 2.0)])
    assert found.confidence.tolist() == pytest.approx([worth / (worth + 1), 0])
    assert found.reads[1].sum() > 0  # expected for being there and new, which is no evidence


def test_of_what_demand_announces_most_comes_from_where_it_is() -> None:
    made = datasets([[(terms.SKY, 1)]])
    rows = [(terms.SKY, 1, "PERTH", 9.0), read(9, "CAPE", 3.0), read(9, "", 1.0)]  # d9 is gone
    model = Model(np.where(np.array(NAMES) == "base", 0, UNTRAINED.coefficients), stay=0.6)
    found = forecast(made, rows, model)
    assert (found.reads[0] / found.reads.sum()).tolist() == pytest.approx([0.3, 0.6, 0.1])
    alone = forecast(made, rows[:1], model)
    assert (alone.reads[0] / alone.reads.sum()).tolist() == [0, 1, 0]


def test_nothing_known_nothing_expected() -> None:
    assert not forecast(datasets([[(terms.SKY, 1)], []]), []).reads.any()
    empty = forecast(datasets([]), [read(0)])
    assert empty.reads.shape == (0, 3) and empty.confidence.shape == (0,)
    known, shares = features(datasets([]), demand([]), NOW)
    assert known.shape == (0, len(NAMES)) and shares.shape == (0, 0)


def test_an_hour_of_window_has_its_part_of_a_day() -> None:
    made, table = datasets([[]]), demand([read(0, amount=50)])
    hour, day = (expected(made, table, LAKE, UNTRAINED, one, NOW).reads.sum() for one in (3600.0, DAY))
    assert day == pytest.approx(24 * hour, rel=1e-5)


def test_a_model_is_the_same_after_json() -> None:
    model = Model(np.linspace(0, 1, len(NAMES)), 0.5, {"reads": 7})
    again = Model.read(model.document())
    assert (again.coefficients == model.coefficients).all() and (again.stay, again.learnt) == (0.5, {"reads": 7})
    older = {"coefficients": {"base": 0.7}, "stay": 1.0, "learnt": {}}
    assert Model.read(older).coefficients[-1] == 0.7 and Model.read(older).coefficients[0] == UNTRAINED.coefficients[0]
    assert len(UNTRAINED.coefficients) == len(NAMES) and {name.split(".")[0] for name in NAMES} == set(PARTS)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3000))
def test_terms_are_told_apart_though_their_slots_clash(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    some = rng.integers((3, 0), (7, most), (25, 40, 2)).tolist()
    made = datasets([[(dim, key) for dim, key in one] for one in some])
    index = TermIndex(made.terms)
    pairs = list(zip(made.terms.dims.tolist(), made.terms.keys.tolist(), strict=True))
    assert len(index.datasets) == len(set(pairs))
    found = index.find(made.terms.dims, made.terms.keys)
    assert np.minimum(found, index.shared).tolist() == index.has.indices.tolist()
    rows = np.repeat(np.arange(len(made)), np.diff(made.terms.start))
    alone = found >= index.shared
    assert index.owner[found[alone] - index.shared].tolist() == rows[alone].tolist()
    assert index.datasets[found].tolist() == [pairs.count(pair) for pair in pairs]
    assert (index.find(np.full(5, 7, np.uint8), np.arange(5, dtype=np.uint64)) == -1).all()


def test_the_forecast_of_one_is_quick() -> None:
    made = datasets([[(terms.SKY, n % 7)] for n in range(500)])
    basis = Basis(made, demand([read(n) for n in range(100)]), LAKE, UNTRAINED, WEEK, NOW)
    began = time.perf_counter()
    for n in range(500):
        basis.read(n, 0)
        basis.one(n)
    assert (time.perf_counter() - began) / 500 < 500e-6  # 25 µs; the machine may be busy
