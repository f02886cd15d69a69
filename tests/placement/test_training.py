"""Training: it finds what makes reads, resists what should not sway it, and is judged by what came later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.store import Store
from placement import samples, terms
from placement.demand import Demand
from placement.features import DAY, HALF_LIFE, NAMES
from placement.forecast import UNTRAINED
from placement.samples import learn, load, observe, own_weights, take
from placement.training import Sample, judge, keep_model, kept_model, report, train, train_on
from schemas.errors import PlacementError
from tests.placement.demands import NOW, datasets, demand, read

WEEK = 7 * DAY
FIRST, SKY, BASE = (NAMES.index(name) for name in ("reads.first", "sky.slow", "base"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as made:
        yield made


def rows(seed: int, n: int = 4000, c: dict[int, float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Features of heavy tails, and reads in a week that follow from some of them."""
    rng = np.random.default_rng(seed)
    known = np.zeros((n, len(NAMES)))
    for column in (FIRST, SKY, NAMES.index("facets.slow")):
        known[:, column] = rng.pareto(1.5, n) * (rng.random(n) < 0.3) / 7
    known[:, BASE] = 0.02
    truth = np.zeros(len(NAMES))
    for column, value in (c or {FIRST: 0.8, SKY: 0.3, BASE: 0.5}).items():
        truth[column] = value
    return known, rng.poisson(known @ truth * 7).astype(float)


def sample(seed: int, at: float, **of: object) -> Sample:
    known, reads = rows(seed, **of)  # type: ignore[arg-type]
    return Sample(at, at + WEEK, known, reads, np.ones(len(reads)))


def test_it_finds_what_made_the_reads() -> None:
    model = train_on(*rows(1), WEEK)
    assert model.coefficients[FIRST] == pytest.approx(0.8, abs=0.08)
    assert model.coefficients[SKY] == pytest.approx(0.3, abs=0.06)
    assert model.coefficients[NAMES.index("facets.slow")] < 0.03
    assert (model.coefficients >= 0).all()
    assert (train_on(*rows(1), WEEK).coefficients == model.coefficients).all()


def test_without_evidence_it_stays_as_it_was() -> None:
    none = train_on(np.zeros((10, len(NAMES))), np.zeros(10), WEEK)
    np.testing.assert_allclose(none.coefficients, UNTRAINED.coefficients, rtol=1e-6)
    few = train_on(*rows(1, 30), WEEK)
    assert abs(few.coefficients[SKY] - UNTRAINED.coefficients[SKY]) < 0.1


def test_one_hot_dataset_does_not_decide() -> None:
    known, reads = rows(2)
    known[0, SKY], reads[0] = 20.0, 3000.0  # 21 times as many as its 140 searches announce elsewhere
    assert train_on(known, reads, WEEK).coefficients[SKY] < 0.6
    plain = (known[:, SKY] * 7) @ reads / ((known[:, SKY] * 7) ** 2).sum()
    assert plain > 3  # as least squares would have it


def test_a_row_that_stands_for_three_is_three_rows() -> None:
    known, reads = rows(3, 500)
    one = train_on(known, reads, WEEK, np.full(500, 3.0)).coefficients
    three = train_on(np.tile(known, (3, 1)), np.tile(reads, 3), WEEK).coefficients
    np.testing.assert_allclose(one, three, rtol=1e-6)


def test_so_many_rows_are_thinned_without_a_change_of_what_is_expected() -> None:
    known, reads = rows(4, 60_000, {SKY: 0.05, BASE: 0.2})
    model = train_on(known, reads, WEEK)
    assert (known @ model.coefficients).sum() * 7 == pytest.approx(reads.sum(), rel=0.05)
    assert model.coefficients[SKY] == pytest.approx(0.05, abs=0.02)


def test_longer_windows_have_more_reads_and_the_same_coefficients() -> None:
    known, _ = rows(5)
    truth = np.zeros(len(NAMES))
    truth[[FIRST, BASE]] = 0.7, 0.4
    days = np.where(np.arange(len(known)) % 2, 3.0, 14.0)
    reads = np.random.default_rng(5).poisson(known @ truth * days)
    assert train_on(known, reads, days * DAY).coefficients[FIRST] == pytest.approx(0.7, abs=0.08)


def test_it_is_judged_by_what_came_later() -> None:
    made = [sample(seed, NOW + seed * WEEK / 2, n=1500) for seed in range(6)]
    model = train(made[::-1])
    judged = model.learnt["judged"]
    assert judged["ours"]["deviance"] < judged["own_history"]["deviance"] < judged["constant"]["deviance"]
    assert judged["ours"]["top_share"] > judged["own_history"]["top_share"] > judged["constant"]["top_share"]
    assert judged["constant"]["top_share"] == pytest.approx(0.1, abs=1e-3) and judged["constant"]["rank"] == 0
    assert model.learnt["rows"] == 9_000 and model.learnt["from"] == "2026-09-21T14:13:20Z"
    assert [line.split()[0] for line in report(model)] == ["trained", "judged", "ours", "own", "constant"]
    # what is judged by has no part in what is judged, which ended before it began
    others = [one if one.at < NOW + 2 * WEEK else replace(one, reads=one.reads[::-1].copy()) for one in made]
    assert train(others).learnt["judged"]["ours"]["deviance"] > 2 * judged["ours"]["deviance"]


@pytest.mark.parametrize("made", [[], [sample(1, NOW)], [sample(1, NOW), sample(2, NOW + DAY)],
                                  [sample(1, NOW, n=20), sample(2, NOW + WEEK)]])  # fmt: skip
def test_too_little_is_refused(made: list[Sample]) -> None:
    with pytest.raises(PlacementError) as raised:
        train(made)
    assert raised.value.code == "placement.not-enough-history"


def test_scores_are_what_they_are_called() -> None:
    known, reads = np.zeros((20, len(NAMES))), np.zeros(20)
    known[:, FIRST] = np.arange(20)
    reads[[19, 18, 3]] = 6, 2, 2
    perfect = replace(UNTRAINED, coefficients=np.eye(len(NAMES))[FIRST])
    week, weight = np.full(20, DAY), np.ones(20)
    found = judge(perfect, (known, reads, week, weight), (known, reads, week, weight))["ours"]
    assert found["top_share"] == 0.8
    assert found["mae"] == pytest.approx(np.abs(known[:, FIRST] - reads).mean())
    exact = judge(perfect, (known, reads, week, weight), (known, known[:, FIRST], week, weight))["ours"]
    assert exact == {"deviance": pytest.approx(0, abs=1e-6), "mae": pytest.approx(0, abs=1e-6), "rank": 1.0,
                     "top_share": round(37 / 190, 4)}  # fmt: skip


def test_a_sample_stands_for_all_and_has_what_is_read_most() -> None:
    rng = np.random.default_rng(1)
    known = np.zeros((3000, len(NAMES)), np.float32)
    own = np.where(rng.random(3000) < 0.2, rng.pareto(1.2, 3000), 0)
    known[:, FIRST] = own
    keys = rng.integers(0, 2**63, 3000).astype(np.uint64)
    taken = take(known, keys, own, NOW, most=500)
    assert len(taken.keys) == 500 == len(set(taken.keys.tolist())) and not taken.known
    assert taken.sample.weight.sum() == pytest.approx(3000)
    assert np.isin(keys[np.argsort(-own)[:100]], taken.keys).all()
    assert (taken.sample.weight * (taken.own > 0)).sum() == pytest.approx((own > 0).sum())
    every = take(known, keys, own, NOW)
    assert len(every.keys) == 3000 and (every.sample.weight == 1).all()


def test_what_was_read_is_seen_in_how_the_weights_went_on() -> None:
    made, history = datasets([[], [], []]), Demand(HALF_LIFE)
    for day in range(30):
        history.add(*read(0)[:3], 4.0, NOW + day * DAY)
        history.add(*read(1, "PERTH")[:3], 1.0, NOW + day * DAY)
    begin, end = NOW + 29 * DAY, NOW + 29 * DAY + WEEK
    table = history.table(begin)
    keys = np.array([terms.record_key(id) for id in made.ids], np.uint64)
    assert own_weights(table, keys)[2] == 0
    taken = take(np.zeros((3, len(NAMES)), np.float32), keys, own_weights(table, keys), begin)
    for hour in range(1, 168):
        history.add(*read(0, ("CAPE", "PERTH")[hour % 2])[:3], 0.5, begin + hour * 3600)
    found = samples.outcome(taken, history.table(end), end, HALF_LIFE)
    assert found.known and found.sample.until == end
    reads = dict(zip(found.keys.tolist(), found.sample.reads.tolist(), strict=True))
    assert reads[keys[0].item()] == pytest.approx(83.5, rel=0.01)
    assert reads[keys[1].item()] == reads[keys[2].item()] == 0


def test_samples_are_taken_in_half_windows_and_become_a_model(store: Store) -> None:
    rng = np.random.default_rng(3)
    made, history, moment = datasets([[(terms.SKY, n)] for n in range(60)]), Demand(HALF_LIFE), NOW
    assert kept_model(store) is UNTRAINED
    with pytest.raises(PlacementError):
        learn(store, WEEK)
    for day in range(70):
        moment = NOW + day * DAY
        for n in rng.integers(0, 12, 6).tolist():
            history.add(*read(n)[:3], 1.0, moment)
        observe(store, made, history.table(moment + 1), WEEK, moment + 1)
    kept = load(store, WEEK)
    assert set(kept) == {f"samples:{n}" for n in range(8)}
    times = sorted(one.sample.at for one in kept.values())
    assert min(np.diff(times)) >= WEEK / 2 and times[-1] > moment - WEEK
    known = [one.sample for one in kept.values() if one.known]
    assert len(known) >= 5 and all(one.until - one.at >= WEEK for one in known)
    assert [one.reads.sum() / (one.until - one.at) * DAY for one in known] == pytest.approx([6] * len(known), rel=0.05)
    model = learn(store, WEEK)
    again = kept_model(store)
    assert (again.coefficients == model.coefficients).all() and again.learnt == model.learnt
    assert load(store, 2 * WEEK) == {}


def test_a_model_replaces_the_one_before(store: Store) -> None:
    for stay in (0.1, 0.2):
        keep_model(store, replace(UNTRAINED, stay=stay))
    assert kept_model(store).stay == 0.2


def test_nothing_is_sampled_of_no_datasets(store: Store) -> None:
    observe(store, datasets([]), demand([]), WEEK, NOW)
    assert load(store, WEEK) == {}
