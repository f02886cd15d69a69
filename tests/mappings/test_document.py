"""What the index sees of a record: joined intervals, hierarchies, and a fingerprint that moves with the thesaurus."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.document import document, fingerprint, joined
from mappings.thesaurus import Thesaurus

THESAURUS = Thesaurus({"1": "Sky things", "2": "Quasars"}, {"2": ["1"]})


def record(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": "0123456789abcdef",
        "source": "lake",
        "identifiers": [{"scheme": "doi", "value": "10.5072/a"}],
        "kind": "dataset",
        "title": "Crab",
    }
    return made | more


def test_intervals_that_touch_or_overlap_are_joined_and_ascend() -> None:
    made = document(
        record(
            time=[{"min": 5, "max": 7}, {"min": 1, "max": 2}, {"min": 2, "max": 3}, {"max": 0.5}, {"min": 6, "max": 9}],
            spectral=[{"min": 1e-9, "max": 2e-9}],
            energy=[{"min": 2, "messenger": "Photon"}, {"min": 1, "max": 3, "messenger": "Neutrino"}],
        )
    )
    assert made.intervals == {
        "time": [(-math.inf, 0.5), (1, 3), (5, 9)],
        "spectral": [(1e-9, 2e-9)],
        "energy": [(1, math.inf)],
    }
    assert made.terms["energy.messenger"] == ["Photon", "Neutrino"]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + pair[1]))))
def test_joining_keeps_every_point_and_leaves_gaps_between(intervals: list[tuple[float, float]]) -> None:
    made = joined(intervals)
    halves = [n / 2 for n in range(102)]
    assert [any(low <= x <= high for low, high in made) for x in halves] == [
        any(low <= x <= high for low, high in intervals) for x in halves
    ]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(made))


@pytest.mark.parametrize(
    ("subjects", "terms"),
    [
        ([{"term": "Quasars", "scheme": "UAT"}, {"term": "sky things"}], ["Sky things", "Sky things/Quasars"]),
        ([{"term": "EARTH > AIR/SEA", "scheme": "GCMD"}], ["EARTH", "EARTH/AIR\u2215SEA"]),
        ([{"term": "a -> b"}, {"term": "a -> c"}], ["a", "a/b", "a/c"]),
        ([{"term": "Quasars", "scheme": "GCMD"}, {"term": "other"}], None),
    ],
)
def test_subjects_have_paths(subjects: list[dict[str, str]], terms: list[str] | None) -> None:
    made = document(record(subjects=subjects), THESAURUS)
    assert made.terms.get("subjects.path") == terms
    assert made.terms["subjects"] == [one["term"] for one in subjects]


def test_without_a_thesaurus_only_written_levels_are_paths() -> None:
    made = document(record(subjects=[{"term": "Quasars", "scheme": "UAT"}, {"term": "a > b"}]))
    assert made.terms["subjects.path"] == ["a", "a/b"]


@pytest.mark.parametrize(
    ("values", "extra", "terms"),
    [
        (["mc16:x"], None, ["mc16"]),
        (["mc16:x"], {"project": "p/1"}, ["mc16", "mc16/p\u22151"]),
        (["mc16:x"], {"scope": "mc16", "project": "p", "datatype": "AOD"}, ["mc16", "mc16/p", "mc16/p/AOD"]),
        (["mc16:x"], {"datatype": "AOD"}, ["mc16"]),
        (["mc16:x"], {"project": 7, "datatype": "AOD"}, ["mc16"]),
        (["lake/mc16:x", "data:y"], {"scope": "mc16", "project": "p"}, ["mc16", "mc16/p", "data"]),
        (["noscope"], None, []),
    ],
)
def test_dids_have_paths(values: list[str], extra: dict[str, Any] | None, terms: list[str]) -> None:
    more = {} if extra is None else {"extra": {"rucio": extra}}
    made = document(record(identifiers=[{"scheme": "rucio", "value": value} for value in values], **more))
    assert made.terms["did.path"] == terms


def test_only_rucio_identifiers_are_dids() -> None:
    made = document(record(identifiers=[{"scheme": "url", "value": "https://a.example/b"}]))
    assert "did.path" not in made.terms


def test_the_fingerprint_changes_with_the_thesaurus() -> None:
    other = Thesaurus({"1": "Sky things", "2": "Quasars"}, {})
    assert len({fingerprint(), fingerprint(THESAURUS), fingerprint(other)}) == 3
    assert fingerprint(Thesaurus({"1": "Sky things", "2": "Quasars"}, {"2": ["1"]})) == fingerprint(THESAURUS)
