"""What holds of every plan, on random lakes of up to five RSEs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placement.gains import Gains
from placement.plan import Budgets, plan
from placement.room import free_bytes, margin
from placement.state import FOREVER, Rse
from tests.placement.lakes import NOW, applied, datasets, lake, member, own, wanted

DAY = 86_400.0
NAMES = "ABCDE"
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def scenes(draw, ample=False, members=True):  # type: ignore[no-untyped-def]
    """A lake, its datasets, policies, reads and budgets; ``ample``: nothing but what is where matters."""
    some = st.sampled_from
    rses = []
    for name in NAMES[: draw(st.integers(2, 5))]:
        rses.append(
            Rse(
                name, site=draw(some([name, "X"])), total=2_000,free=1_900 if ample else draw(some([None, 0,
                150, 400, 1_500])),
                kind="DISK" if ample else draw(some(["DISK", "DISK", "TAPE"])),
                writable=ample or draw(some([True, True, False])),
                readable=ample or draw(some([True, True, False])), min_free=0 if ample else draw(some([0, 0, 100])),
                account_left=None if ample else draw(some([None, None, 250])),
            )
        )  # fmt: skip
    made = lake(*rses)
    if not ample and draw(st.booleans()):
        pairs = [pair for pair in itertools.permutations(NAMES, 2) if draw(st.integers(0, 3))]
        made = lake(*rses, distances={pair: draw(st.integers(1, 4)) for pair in pairs})
    n = draw(st.integers(1, 5))
    names = [one.name for one in made.rses]
    where = [draw(st.dictionaries(some(names), some([0, 3, 20, FOREVER]), min_size=1)) for _ in range(n)]
    these = datasets(made, *where, sizes=[draw(some([100, 200] if ample else [-1, 0, 100, 200])) for _ in range(n)])
    for d, places in enumerate(where):
        for name in sorted(places):
            if places[name] and draw(st.booleans()):
                these = own(made, these, d, name, age=draw(some([0, 2, 30])), policy=draw(some([None, "p0", "gone"])))
    found = []
    for k in range(draw(st.integers(0, 2)) if members else 0):
        subset = draw(st.sets(some(names), min_size=1))
        copies, lifetime = draw(st.integers(1, 3)), draw(some([None, 8 * 86_400, 90 * 86_400]))
        of = sorted(draw(st.sets(st.integers(0, n - 1), min_size=1)))
        more = {"copies": copies, "lifetime": lifetime, "priority": draw(st.integers(1, 5))}
        found.append(member(made, these, *sorted(subset), of=of, name=f"p{k}", **more))
    reads = [
        draw(st.dictionaries(some(list(made.sites)), some([0.1, 0.3, 0.7, 1.5, 4.0]), max_size=3)) for _ in range(n)
    ]
    budgets = Budgets(transfer=None if ample else draw(some([None, 200, 500])), reuse_released=False)
    return made, these, found, wanted(made, these, *reads), budgets


def counts(these, one, d, rses=None):  # type: ignore[no-untyped-def]
    """Complete copies of ``d`` that count for a policy."""
    held = these.locked_until[d] > NOW + margin(one.policy.lifetime)
    return int((these.complete[d] & held & one.rses).sum())


@given(scenes())
@QUICK
def test_releases_leave_policies_and_a_held_copy(scene) -> None:  # type: ignore[no-untyped-def]
    made, these, members, reads, budgets = scene
    hints = [one for one in plan(made, these, members, reads, budgets, NOW, {}) if one.action == "release"]
    _, after = applied(made, these, hints)
    for hint in hints:
        d = these.names.index(hint.name)
        assert (after.complete[d] & (after.locked_until[d] > NOW + 7 * DAY)).any() or (
            after.complete == these.complete
        ).all()
        for one in members:
            if one.mask[d] and counts(after, one, d) < counts(these, one, d):
                assert counts(after, one, d) >= one.policy.copies
        ours = {rule.rule for rule in these.rules if rule.dataset == d and made.rses[rule.rse].name in hint.from_rses}
        assert set(hint.rules) <= ours


@given(scenes())
@QUICK
def test_no_budget_is_overdrawn_and_nothing_goes_where_it_cannot(scene) -> None:  # type: ignore[no-untyped-def]
    made, these, members, reads, budgets = scene
    spent, locked = dict.fromkeys(made.index, 0), dict.fromkeys(made.index, 0)
    for hint in plan(made, these, members, reads, budgets, NOW, {}):
        d = these.names.index(hint.name)
        for name in hint.to:
            r = made.index[name]
            ours = any(rule.rule in hint.rules and rule.rse == r for rule in these.rules)
            if hint.action == "extend":
                assert these.complete[d, r] or these.coming[d, r]
                locked[name] += 0 if ours else max(0, int(these.bytes[d]))
                assert ours or made.rses[r].writable
                continue
            spent[name] += int(these.bytes[d])
            assert made.rses[r].writable
            assert hint.policy or free_bytes(made.rses[r]) is not None
            assert these.bytes[d] >= 0
            assert not these.complete[d, r]
            tapes = hint.policy and all(m.rses[k] <= (made.rses[k].kind == "TAPE") for m in members
                                        if m.policy.name == hint.policy for k in range(len(made.rses)))  # fmt: skip
            assert made.rses[r].kind == "DISK" or tapes
            from_here = [
                source for source in made.rses
                if these.complete[d, made.index[source.name]] and source.readable
                and (not made.distances or (source.name, name) in made.distances)
            ]  # fmt: skip
            assert from_here
            assert hint.action == ("stage" if all(one.kind == "TAPE" for one in from_here) else "replicate")
    for name, amount in spent.items():
        rse, free = made.rses[made.index[name]], free_bytes(made.rses[made.index[name]])
        assert amount == 0 or free is None or amount <= free - rse.min_free
        assert amount + locked[name] <= (FOREVER if rse.account_left is None else rse.account_left)
        assert amount <= (budgets.transfer or FOREVER)


@given(scenes(ample=True))
@QUICK
def test_with_room_policies_have_all_the_copies_that_their_rses_allow(scene) -> None:  # type: ignore[no-untyped-def]
    made, these, members, reads, budgets = scene
    hints = plan(made, these, members, reads, budgets, NOW, {})
    _, after = applied(made, these, hints)
    for one in members:
        for d in np.flatnonzero(one.mask):
            held = after.locked_until[d] > NOW + margin(one.policy.lifetime)
            there = ((after.complete[d] | after.coming[d]) & held & one.rses).sum()
            assert there >= min(one.policy.copies, one.rses.sum())


@given(st.data())
@QUICK
def test_one_policy_gets_as_many_copies_as_any_choice_of_rses(data) -> None:  # type: ignore[no-untyped-def]
    made, these, members, reads, budgets = data.draw(scenes())
    if len(these) != 1 or len(members) != 1 or these.bytes[0] < 0 or these.rules:
        return
    one = members[0]
    hints = [hint for hint in plan(made, these, members, reads, budgets, NOW, {}) if hint.policy == "p0"]
    size, possible = int(these.bytes[0]), 0
    for r, rse in enumerate(made.rses):
        quota = rse.account_left is None or rse.account_left >= size
        if not (one.rses[r] and rse.writable and quota):
            continue
        if these.complete[0, r]:
            possible += not these.locked_until[0, r] > NOW + margin(one.policy.lifetime)
            continue
        if rse.kind == "TAPE" and any(o.kind != "TAPE" for o, k in zip(made.rses, one.rses, strict=True) if k):
            continue
        free = free_bytes(rse)
        linked = any(
            source.readable
            and these.complete[0, n]
            and (not made.distances or (source.name, rse.name) in made.distances)
            for n, source in enumerate(made.rses)
        )
        possible += (free is None or free - rse.min_free >= size) and size <= (budgets.transfer or FOREVER) and linked
    lacking = max(0, one.policy.copies - counts(these, one, 0))
    assert sum(hint.copies for hint in hints) == min(lacking, possible)


@given(scenes())
@QUICK
def test_what_is_done_is_not_hinted_again_nor_undone(scene) -> None:  # type: ignore[no-untyped-def]
    made, these, members, reads, budgets = scene
    budgets = replace(budgets, transfer=None)
    first = plan(made, these, members, reads, budgets, NOW, {})
    made, these = applied(made, these, first)
    gone = {(one.name, name) for one in first if one.action == "release" for name in one.from_rses}
    come = {(one.name, name) for one in first for name in one.to}
    for _ in range(6):
        hints = plan(made, these, members, reads, budgets, NOW, {})
        if not hints:
            return
        # only what waited for room, and old copies that the new ones made needless
        assert gone or all(one.action == "release" for one in hints)
        to = {(one.name, name) for one in hints for name in one.to}
        ended = {(one.name, name) for one in hints if one.action == "release" for name in one.from_rses}
        assert not to & (come | gone)
        assert not ended & (come | gone)
        come, gone = come | to, gone | ended
        made, these = applied(made, these, hints)
    raise AssertionError("the plan does not come to rest")


@given(scenes(ample=True, members=False), st.sampled_from([1.5, 2.0, 10.0]))
@QUICK
def test_more_demand_never_means_fewer_copies(scene, times) -> None:  # type: ignore[no-untyped-def]
    made, these, members, reads, budgets = scene
    these = replace(these, rules=())

    def copies(forecast):  # type: ignore[no-untyped-def]
        hints = plan(made, these, members, forecast, budgets, NOW, {})
        return np.bincount([these.names.index(one.name) for one in hints for _ in one.to], minlength=len(these))

    more = replace(reads, reads=reads.reads * np.float32(times))
    assert (copies(more) >= copies(reads)).all()


@given(scenes(), st.randoms(use_true_random=False))
@QUICK
def test_the_order_of_policies_rules_and_rses_changes_nothing(scene, random) -> None:  # type: ignore[no-untyped-def]
    made, these, members, reads, budgets = scene
    order = list(range(len(made.rses)))
    random.shuffle(order)
    place = np.argsort(order)
    other = replace(
        these,
        complete=these.complete[:, order], coming=these.coming[:, order], locked_until=these.locked_until[:, order],
        accessed_at=these.accessed_at[:, order], rules=[replace(one,
        rse=int(place[one.rse])) for one in these.rules][::-1],
    )  # fmt: skip
    shuffled = [replace(one, rses=one.rses[order]) for one in members]
    random.shuffle(shuffled)
    turned = replace(made, rses=tuple(made.rses[n] for n in order))
    first = plan(made, these, members, reads, budgets, NOW, {})
    assert plan(turned, other, shuffled, reads, budgets, NOW, {}) == first
    assert len({one.id for one in first}) == len(first)


@given(scenes(members=False))
@QUICK
def test_a_gain_is_the_sum_over_sites_of_what_is_saved(scene) -> None:  # type: ignore[no-untyped-def]
    made, these, _, reads, _ = scene
    gains = Gains(made, reads)
    rows = gains.rows(np.arange(len(these)), these.complete)
    for d in range(len(these)):
        best = [
            min([2.0, *(made.cost[s, n] for n, one in enumerate(made.rses) if these.complete[d, n] and one.readable)])
            for s in range(len(made.sites))
        ]
        for r, one in enumerate(made.rses):
            saved = sum(float(reads.reads[d, s]) * max(0, best[s] - made.cost[s, r]) for s in range(len(made.sites)))
            assert np.isclose(rows[d, r], saved if one.readable and not these.complete[d, r] else 0, atol=1e-5)
