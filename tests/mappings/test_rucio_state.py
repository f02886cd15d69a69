"""The state of a dataset, read off its raw document, and the comments of rules of ours."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.rucio_state import FOREVER, comment, dataset_state, hint_of, unix_time
from schemas.errors import MappingError

DATE, TIME = "Sat, 21 Nov 2026 03:41:50 UTC", 1795232510.0
COLUMNS = {"scope": "lake", "name": "run1.ds", "did_type": "DATASET", "bytes": 50, "length": 5, "created_at": DATE}
RULE = {"id": "r1", "scope": "lake", "name": "run1.ds", "account": "root", "rse_expression": "A|B", "copies": 2}


def raw(did: dict[str, Any] | None = None, **more: Any) -> bytes:
    return json.dumps({"did": COLUMNS | (did or {}), **more}).encode()


def state(did: dict[str, Any] | None = None, **more: Any) -> Any:
    found = dataset_state(raw(did, **more))
    assert found is not None
    return found


def test_columns_and_sums() -> None:
    one = state()
    assert (one.scope, one.name, one.bytes, one.files, one.created_at) == ("lake", "run1.ds", 50, 5, TIME)
    summed = state({"bytes": None, "length": None}, size={"bytes": 70.0, "length": 7.0})
    assert (summed.bytes, summed.files) == (70, 7)
    empty = state({"bytes": None, "length": None, "created_at": None}, size={})
    assert (empty.bytes, empty.files) == (None, None)
    assert math.isnan(empty.created_at)


@pytest.mark.parametrize(
    ("row", "complete"),
    [
        ({"state": "AVAILABLE", "available_length": 5}, True),
        ({"state": "AVAILABLE"}, True),
        ({"state": "AVAILABLE", "available_length": 4}, False),
        ({"state": "UNAVAILABLE", "available_length": 5}, False),
        ({}, False),
    ],
)
def test_a_replica_is_complete_when_all_files_are_available(row: dict[str, Any], complete: bool) -> None:
    ((rse, whole, accessed),) = state(replicas=[{"rse": "A", **row}]).replicas
    assert (rse, whole) == ("A", complete)
    assert math.isnan(accessed)


def test_locks_end_with_their_rules() -> None:
    rules = [{**RULE, "expires_at": None}, {**RULE, "id": "r2", "expires_at": DATE}]
    locks = [{"rule_id": id, "rse": "A", "state": "OK"} for id in ("r1", "r2", "gone")]
    one = state(rules=rules, locks=locks, replicas=[{"rse": "A", "state": "AVAILABLE", "accessed_at": DATE}])
    assert one.locks == [("A", "r1", "OK", FOREVER), ("A", "r2", "OK", TIME)]
    assert one.replicas == [("A", True, TIME)]


def test_a_date_that_cannot_be_read_is_not_for_ever() -> None:
    one = state(rules=[{**RULE, "expires_at": "soon"}], locks=[{"rule_id": "r1", "rse": "A", "state": "OK"}])
    assert one.locks == [("A", "r1", "OK", 0.0)]


def test_without_locks_a_plain_name_is_where_a_rule_holds() -> None:
    plain = {**RULE, "id": "r2", "rse_expression": "IDIA-TAPE", "state": "OK"}
    assert state(rules=[RULE, plain]).locks == [("IDIA-TAPE", "r2", "OK", FOREVER)]
    assert state(rules=[RULE, plain], locks=[]).locks == []


def test_rules_and_parents() -> None:
    above = {**RULE, "id": "r2", "name": "all.cont", "comments": "asterism hint=H7 policy=wide", "created_at": DATE}
    one = state(rules=[RULE, above], parents=[{"scope": "lake", "name": "all.cont"}])
    assert [(rule.name, rule.comments) for rule in one.rules] == [("run1.ds", None), ("all.cont", above["comments"])]
    assert (one.rules[1].created_at, one.rules[1].copies) == (TIME, 2)
    assert one.parents == [("lake", "all.cont")]


def test_what_is_no_dataset() -> None:
    assert dataset_state(raw({"did_type": "CONTAINER"})) is None
    for document, code in ((b"{", "mapping.bad-json"), (b"[]", "mapping.not-a-did"), (b"{}", "mapping.not-a-did")):
        with pytest.raises(MappingError) as caught:
            dataset_state(document)
        assert caught.value.code == code


def test_rows_that_are_no_rows_are_passed_over() -> None:
    one = state(rules=[7, {"id": 3}], locks={"rse": "A"}, replicas=[None, {"rse": ""}], parents="x")
    assert (one.rules, one.locks, one.replicas, one.parents) == ([], [], [], [])


@pytest.mark.parametrize("garbage", [["r1"], {"a": 1}, "many", True, 1e30])
def test_garbage_in_a_row_stops_no_planning(garbage: Any) -> None:
    locks = [{"rule_id": garbage, "rse": "A", "state": garbage}]
    replicas = [{"rse": "A", "state": "AVAILABLE", "available_length": garbage, "length": garbage}]
    one = state(
        {"bytes": garbage, "length": garbage}, rules=[{**RULE, "copies": garbage}], locks=locks, replicas=replicas
    )
    assert (one.bytes, one.locks, [row[0] for row in one.replicas]) == (None, [], ["A"])


@given(
    st.text("ABCDEFGHIJ0123456789", min_size=16, max_size=16),
    st.none() | st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True),
)
def test_a_comment_says_its_hint_again(hint: str, policy: str | None) -> None:
    assert hint_of(comment(hint, policy)) == (hint, policy)


@pytest.mark.parametrize("text", [None, "", "asterism", "for asterism hint=X", "asterism hint=X policy=a b"])
def test_comments_of_others(text: str | None) -> None:
    assert hint_of(text) is None


def test_dates() -> None:
    assert unix_time(DATE) == unix_time("2026-11-21T03:41:50Z") == TIME
    assert unix_time(None) is unix_time("soon") is None


def test_a_hundred_thousand_documents_are_read_in_a_few_seconds() -> None:
    dates = [f"Sat, 21 Nov 2026 {n // 60 % 24:02}:{n % 60:02}:50 UTC" for n in range(1000)]
    documents = [
        raw(
            {"created_at": date, **{f"column{n}": None for n in range(35)}},
            metadata={f"key{n}": n / 7 for n in range(30)},
            replicas=[{"rse": rse, "state": "AVAILABLE", "length": 5, "accessed_at": date} for rse in "ABC"],
            rules=[{**RULE, "id": f"r{n}", "created_at": date, "expires_at": date} for n in range(3)],
            locks=[{"rule_id": f"r{n}", "rse": "A", "state": "OK"} for n in range(3)],
            parents=[{"scope": "lake", "name": "all.cont"}],
        )
        for date in dates
    ]
    started = time.process_time()
    for document in documents:
        dataset_state(document)
    # 40 microseconds each on an idle machine; a busy one is given five times that
    assert (time.process_time() - started) / len(documents) < 200e-6
