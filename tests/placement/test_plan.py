"""The planner, rule by rule, on lakes of a few RSEs."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from placement.plan import Budgets, explain, plan, shortfalls
from placement.room import DAY, Tuning
from placement.state import FOREVER
from schemas.hint import Hint
from tests.conftest import ROOT
from tests.placement.lakes import NOW, applied, datasets, lake, member, own, rse, wanted

BUDGETS = Budgets()
A, B, C = rse("A"), rse("B"), rse("C")
TAPE = rse("T-TAPE", kind="TAPE", site="T")


def planned(made, these, members=(), reads=(), budgets=BUDGETS, **more):  # type: ignore[no-untyped-def]
    return plan(made, these, members, wanted(made, these, *reads), budgets, NOW, {}, **more)


def told(hints: list[Hint]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.action, one.name, one.to or one.from_rses) for one in hints]


def codes(hint: Hint) -> list[str]:
    return [one.code for one in hint.reasons]


def test_a_policy_gets_its_copies_on_different_sites_and_nearest_to_readers() -> None:
    made = lake(A, rse("B-1"), rse("B-2"), C)
    these = datasets(made, {"A": FOREVER})
    (hint,) = planned(made, these, [member(made, these, "B-1", "B-2", "C", copies=2, lifetime=90 * 86_400)], [{"B": 5}])
    assert (hint.action, hint.to, hint.copies, hint.bytes, hint.policy) == ("replicate", ("B-1", "C"), 2, 200, "p")
    assert (hint.lifetime, hint.score, hint.rse_expression, hint.from_rses) == (90 * 86_400, 5.0, "B-1|B-2|C", ("A",))
    assert codes(hint) == ["policy.copies", "rse.chosen", "rse.chosen", "cost"]
    assert hint.reasons[0].text == "policy p wants 2 copies on B-1|B-2|C; there are none"
    assert (hint.created_at, hint.expires_at) == ("2025-11-21T04:40:00Z", "2025-11-28T04:40:00Z")


@pytest.mark.parametrize(
    ("days", "ours", "action"),
    [(8, False, None), (FOREVER, False, None), (6, False, "new"), (6, True, "r"), (0, False, "new")],
)
def test_a_copy_counts_when_it_is_held_beyond_the_margin_and_else_is_extended(
    days: float, ours: bool, action: str | None
) -> None:
    made = lake(A, B)
    these = datasets(made, {"A": FOREVER, "B": days})
    if ours:
        these = own(made, these, 0, "B")
    hints = planned(made, these, [member(made, these, "B", lifetime=90 * 86_400)])
    assert told(hints) == ([("extend", "d0", ("B",))] if action else [])
    if hints:
        assert (hints[0].bytes, hints[0].rules) == (0, ("rule0",) if action == "r" else ())
        assert codes(hints[0]) == ["policy.copies", "hold.ends"]


def test_copies_of_one_policy_count_for_the_next() -> None:
    made = lake(A, B, C)
    these = datasets(made, {"A": FOREVER})
    first = member(made, these, "B", name="z", priority=5)
    second = member(made, these, "B", "C", name="a")
    hints = planned(made, these, [second, first])
    assert [(one.policy, one.to) for one in hints] == [("z", ("B",))]


def test_tape_only_where_the_policy_names_nothing_else_and_staging_where_all_sources_are_on_tape() -> None:
    made = lake(A, B, TAPE)
    these = datasets(made, {"T-TAPE": FOREVER}, {"A": FOREVER})
    hints = planned(made, these, [member(made, these, "T-TAPE", "B")])
    assert told(hints) == [("replicate", "d1", ("B",))]
    assert told(planned(made, these, [member(made, these, "T-TAPE")])) == [("replicate", "d1", ("T-TAPE",))]
    (stage,) = planned(made, these, [], [{"B": 1}])
    assert (stage.action, stage.name, stage.to, stage.score) == ("stage", "d0", ("B",), 2.0)
    assert "sources.tape" in codes(stage)


def test_what_is_in_the_way_is_said_by_rse() -> None:
    many = [
        A, rse("B"), rse("full", free=50), rse("kept", min_free=950), rse("ro", writable=False),
        rse("quota", account_left=99), rse("far"), TAPE,
    ]  # fmt: skip
    names = [one.name for one in many]
    made = lake(*many, distances={("A", name): 1 for name in names if name not in ("A", "far")})
    these = datasets(made, {"A": FOREVER})
    one = member(made, these, *names[1:], copies=5)
    (hint,) = planned(made, these, [one])
    assert hint.to == ("B",)
    (short,) = [reason for reason in hint.reasons if reason.code == "policy.short"]
    ways = short.values["in_the_way"]
    assert {name: way.split(":")[0] for name, way in ways.items()} == {
        "full": "full", "kept": "full", "ro": "read-only", "quota": "account root may lock 99 B more",
        "far": "no link from any complete copy", "T-TAPE": "tape",
    }  # fmt: skip
    found = shortfalls(made, these, one, [hint], Budgets(), NOW)
    assert found.datasets == (0,)
    assert any("read-only" in text for text in found.texts)
    assert shortfalls(made, these, replace_copies(one, 1), [hint], Budgets(), NOW).datasets == ()


def test_where_nobody_measured_the_room_only_what_a_policy_wants_goes() -> None:
    dark = rse("C", total=None, free=None)
    made = lake(A, B, dark)
    these = datasets(made, {"A": FOREVER})
    assert planned(made, these, [], [{"C": 9}]) == []
    (said,) = explain(made, these, [], wanted(made, these, {"C": 9}), Budgets(), NOW, [0])
    assert said["in_the_way"]["C"].startswith("free space unknown")
    (hint,) = planned(made, these, [member(made, these, "B", "C")])
    assert hint.to == ("B",)  # rather where the room is known
    (hint,) = planned(made, these, [member(made, these, "C")])
    assert hint.to == ("C",)
    (chosen,) = [reason for reason in hint.reasons if reason.code == "rse.chosen"]
    assert chosen.values["free"] is None and "not known" in chosen.text


def replace_copies(one, copies: int):  # type: ignore[no-untyped-def]
    return replace(one, policy=replace(one.policy, copies=copies))


def test_of_unknown_size_nothing_is_copied() -> None:
    made = lake(A, B)
    these = datasets(made, {"A": FOREVER}, sizes=[-1])
    assert planned(made, these, [member(made, these, "B")], [{"B": 9}]) == []
    (said,) = explain(made, these, [member(made, these, "B")], wanted(made, these), Budgets(), NOW, [0])
    assert said["in_the_way"] == {"B": "bytes of the dataset unknown"}


def test_demand_goes_where_the_readers_are_and_says_why() -> None:
    made = lake(A, B, C)
    these = datasets(made, {"A": FOREVER}, {"A": FOREVER})
    hints = planned(made, these, [], [{"B": 3.2}, {"B": 0.9}])
    assert told(hints) == [("replicate", "d0", ("B",))]
    assert (hints[0].score, hints[0].lifetime, hints[0].policy) == (3.2, 28 * 86_400, None)
    assert [one.text for one in hints[0].reasons] == [
        "3.2 reads expected in 7 days: 2.4 from its own reads, 0.8 from searches in its region",
        "3.2 of them at B, which would read it from A otherwise",
        "the copy saves 3.20 reads' way; 1.00 are asked for at a confidence of 1.00",
        "B: 1 kB free",
        "100 B to move",
    ]


def test_a_forecast_without_confidence_must_promise_more() -> None:
    made = lake(A, B)
    these = datasets(made, {"A": FOREVER})
    for reads, sure, n in ((1.4, 1.0, 1), (1.4, 0.5, 0), (1.6, 0.5, 1)):
        assert len(plan(made, these, [], wanted(made, these, {"B": reads}, confidence=sure), Budgets(), NOW, {})) == n


@pytest.mark.parametrize(
    ("age", "reads", "part", "n"),
    [
        (0.5, 0.12, "newness", 1),
        (0.5, 0.08, "newness", 0),
        (0.5, 0.12, "reads", 0),
        (1.5, 0.12, "newness", 0),
        (math.nan, 0.12, "newness", 0),
    ],
)
def test_a_dataset_that_is_new_and_unread_gets_a_copy_for_less(age: float, reads: float, part: str, n: int) -> None:
    made = lake(A, B)
    these = replace(datasets(made, {"A": FOREVER}), created_at=np.array([NOW - age * DAY]))
    names = ("reads", "newness")
    parts = np.array([[reads * (one == part) for one in names]], np.float32)
    expected = replace(wanted(made, these, {"B": reads}, confidence=0.1), part_names=names, parts=parts)
    assert len(plan(made, these, [], expected, Budgets(), NOW, {})) == n
    asked = 0.1 if age < 1 and part != "reads" else 1.9
    assert explain(made, these, [], expected, Budgets(), NOW, [0])[0]["needed"] == pytest.approx(asked)


def test_room_transfers_and_quota_end_the_greedy_choice() -> None:
    reads = [{"B": 3}, {"B": 5}, {"B": 4}]
    for b, transfer, n in (
        (rse("B", free=250), None, 2),
        (rse("B", account_left=100), None, 1),
        (rse("B"), 200, 2),
        (rse("B", free=None, used=9_900), None, 1),
        (rse("B", free=None, total=None), None, 0),
        (rse("B", writable=False), None, 0),
        (rse("B", readable=False), None, 0),
    ):
        made = lake(A, b)
        these = datasets(made, *[{"A": FOREVER}] * 3)
        hints = planned(made, these, [], reads, Budgets(transfer=transfer))
        assert [one.name for one in hints] == ["d1", "d2", "d0"][:n], b


def test_a_wanted_copy_is_held_on_and_one_that_saves_little_goes_when_old() -> None:
    made = lake(A, B, C)
    for reads, days, age, action in (
        (0.6, 3, 30, "extend"), (0.4, 3, 30, None), (0.6, 9, 30, None), (0.2, 20, 30, "release"),
        (0.2, 20, 6, None), (0.3, 20, 30, None),
    ):  # fmt: skip
        these = own(made, datasets(made, {"A": FOREVER, "B": days}), 0, "B", age=age)
        hints = planned(made, these, [], [{"B": reads}])
        assert [one.action for one in hints] == ([action] if action else []), (reads, days, age)
        assert all(one.rules == ("rule0",) for one in hints)
    (hint,) = planned(made, own(made, datasets(made, {"A": FOREVER, "B": 20}), 0, "B"))
    assert (hint.from_rses, hint.to, hint.bytes, codes(hint)) == (("B",), (), 100, ["demand.low", "copies.left"])


@pytest.mark.parametrize(("a", "goes"), [(FOREVER, True), (20, True), (5, False), (0, False)])
def test_nothing_goes_that_is_the_last_copy_which_stays_held(a: float, goes: bool) -> None:
    made = lake(A, B)
    these = own(made, datasets(made, {"A": a, "B": FOREVER}), 0, "B")
    assert [one.action for one in planned(made, these)] == ["release"] * goes


def test_of_two_copies_of_ours_one_stays_and_a_policy_keeps_its_own() -> None:
    made = lake(A, B, C)
    these = datasets(made, {"A": FOREVER, "B": FOREVER, "C": FOREVER})
    for name in "ABC":
        these = own(made, these, 0, name, policy="p")
    assert len(planned(made, these)) == 2
    wants = member(made, these, "B", "C", copies=2)
    hints = planned(made, these, [wants])
    assert told(hints) == [("release", "d0", ("A",))]
    assert [one.code for one in hints[0].reasons] == ["policy.unmatched", "demand.low", "copies.left"]
    gone = planned(made, these, [replace(wants, policy=replace(wants.policy, name="q"))])
    assert codes(gone[0])[0] == "policy.gone"


def test_a_rule_that_a_policy_needs_to_hold_a_copy_on_is_not_released() -> None:
    made = lake(A, rse("B", writable=False))  # no new rule can be made there
    these = own(made, datasets(made, {"A": FOREVER, "B": 2}), 0, "B")
    these.locked_until[0, 1] = NOW + 3 * DAY  # by somebody else's
    (hint,) = planned(made, these, [member(made, these, "B", lifetime=90 * 86_400)])
    assert (hint.action, hint.to, hint.rules) == ("extend", ("B",), ("rule0",))
    these.locked_until[0, 1] = NOW + 30 * DAY
    assert told(planned(made, these, [member(made, these, "B", lifetime=90 * 86_400)])) == [("release", "d0", ("B",))]


def test_what_somebody_else_holds_for_as_long_frees_nothing() -> None:
    made = lake(A, rse("B", free=0))
    these = own(made, datasets(made, {"A": FOREVER, "B": FOREVER}, {"A": FOREVER}), 0, "B")
    these = replace(these, rules=[replace(one, beside=FOREVER) for one in these.rules])
    (hint,) = planned(made, these)
    assert (hint.action, hint.from_rses, hint.bytes) == ("release", ("B",), 0)
    assert planned(made, these, [], [{"B": 2}, {"B": 50}]) == []  # room is not made by it


@pytest.mark.parametrize("away", ["A", "B"])
def test_while_an_rse_cannot_be_read_nothing_goes_for_that(away: str) -> None:
    made = lake(*(replace(one, readable=one.name != away) for one in (A, B)))
    these = own(made, datasets(made, {"A": FOREVER, "B": FOREVER}), 0, "B")
    assert planned(made, these) == []


def test_a_copy_that_is_held_again_is_no_room_to_come() -> None:
    made = lake(A, rse("B", free=0))
    these = own(made, datasets(made, *[{"A": FOREVER, "B": 0}, {"A": FOREVER}, {"A": FOREVER, "B": 20}]), 2, "B")
    hints = planned(made, these, [member(made, these, "B", of=[0, 1])], [{}, {}, {"B": 1}])
    assert told(hints) == [("extend", "d0", ("B",)), ("release", "d2", ("B",))]


def test_room_is_made_for_what_is_worth_more() -> None:
    made = lake(A, rse("B", free=0))
    these = own(made, datasets(made, {"A": FOREVER, "B": 20}, {"A": FOREVER}), 0, "B")
    for reads, n in ((2.9, 0), (3.1, 1)):
        hints = planned(made, these, [], [{"B": 2}, {"B": reads}])
        assert told(hints) == [("release", "d0", ("B",))] * n
    assert codes(hints[0]) == ["room.swap", "copies.left"]
    assert hints[0].reasons[0].values["for"] == "s:d1"
    after = applied(made, these, hints)
    assert told(planned(*after, [], [{"B": 2}, {"B": 3.1}])) == [("replicate", "d1", ("B",))]
    now = planned(made, these, [], [{"B": 2}, {"B": 3.1}], Budgets(reuse_released=True))
    assert told(now) == [("replicate", "d1", ("B",)), ("release", "d0", ("B",))]


def test_a_policy_makes_room_whatever_demand_says() -> None:
    made = lake(A, rse("B", free=0))
    these = own(made, datasets(made, {"A": FOREVER, "B": 20}, {"A": FOREVER}), 0, "B")
    hints = planned(made, these, [member(made, these, "B", of=[1])], [{"B": 50}])
    assert told(hints) == [("release", "d0", ("B",))]
    assert codes(hints[0])[0] == "room.policy"


def test_an_rse_below_its_minimum_gets_the_least_wanted_of_ours_released() -> None:
    made = lake(A, rse("B", free=100, min_free=150))
    these = datasets(made, *[{"A": FOREVER, "B": 20}] * 3, sizes=[100, 100, 100])
    for d in range(3):
        these = own(made, these, d, "B", age=3)
    hints = planned(made, these, [], [{"B": 3}, {"B": 1}, {"B": 2}])
    assert told(hints) == [("release", "d1", ("B",))]
    assert codes(hints[0]) == ["room.full", "copies.left"]
    these.locked_until[0, 1] = NOW - 1  # what no rule holds any more will be freed: nothing else has to go
    assert planned(made, replace(these, rules=these.rules[1:]), [], [{}, {"B": 1}, {"B": 2}]) == []


def test_ids_and_times_stay_while_the_hint_does() -> None:
    made = lake(A, B)
    these = datasets(made, {"A": FOREVER})
    (first,) = planned(made, these, [], [{"B": 3}])
    for later, kept in ((1 * DAY, True), (5 * DAY, False)):
        (again,) = plan(
            made, these, [], wanted(made, these, {"B": 4}), Budgets(), NOW + later, {first.id: first}, explain=False
        )
        assert (again.id, again.created_at, again.reasons) == (first.id, first.created_at, ())
        assert (again.expires_at == first.expires_at) == kept
    assert re.fullmatch("[0-9a-v]{16}", first.id)
    assert Hint.read(first.document()) == first


def test_a_lake_without_datasets_has_no_hints() -> None:
    for made in (lake(A, B), lake()):
        assert planned(made, datasets(made)) == planned(made, datasets(made), [member(made, datasets(made))]) == []


def test_explain_says_where_it_is_and_should_be() -> None:
    made = lake(A, B, C)
    these = own(made, datasets(made, {"A": FOREVER, "C": 3}), 0, "C")
    (said,) = explain(made, these, [member(made, these, "C")], wanted(made, these, {"B": 2}), Budgets(), NOW, [0])
    assert [(one["rse"], one["held_until"], one["rules_of_ours"]) for one in said["copies"]] == [
        ("A", None, []), ("C", "2025-11-24T04:40:00Z", ["rule0"]),
    ]  # fmt: skip
    assert said["policies"] == [{"policy": "p", "copies": 1, "rse_expression": "C", "there": []}]
    assert said["gains"] == [{"rse": "B", "gain": 2.0}]


def test_a_plan_has_no_more_hints_than_it_may() -> None:
    made = lake(A, B)
    these = datasets(made, *[{"A": FOREVER}] * 9)
    few = Budgets(tuning=Tuning(most=4))
    assert len(planned(made, these, [], [{"B": 3}] * 9, few)) == 4
    assert len(planned(made, these, [member(made, these, "B")], (), few)) == 4


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs" / "explanation" / "hints.md").read_text()
    source = "".join(path.read_text() for path in Path(ROOT / "placement").glob("*.py") if path.name in SOURCES)
    codes = set(re.findall(r'"((?:policy|demand|rse|source|hold|room|copies)\.[a-z]+)"', source)) | {"cost"}
    assert len(codes) > 12
    assert {code for code in codes if f"`{code}`" not in page} == set()


SOURCES = {"reasons.py", "plan_demand.py", "plan_policies.py"}
