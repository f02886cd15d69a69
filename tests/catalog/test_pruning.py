"""A record is saved by leaving out the one value that is wrong, and it is said which."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.pruning import validate_or_prune
from schemas.errors import RecordError
from schemas.record import Record, validate_record
from tests.catalog.records import record


def _pruned(**more: Any) -> tuple[Record, list[str]]:
    made = record("a", **more)
    left_out = validate_or_prune(made)
    validate_record(made)
    return made, [path for path, _ in left_out]


def test_a_valid_record_is_left_alone() -> None:
    made = record("a", bytes=5)
    assert validate_or_prune(made) == [] and made == record("a", bytes=5)


def test_one_value_goes() -> None:
    made, left_out = _pruned(creators=[{"name": "A"}, {"name": "B", "orcid": "x"}], bytes=-1)
    assert made["creators"] == [{"name": "A"}, {"name": "B"}] and "bytes" not in made
    assert sorted(left_out) == ["bytes", "creators.1.orcid"]


def test_the_item_goes_that_cannot_be_without_it() -> None:
    made, left_out = _pruned(
        creators=[{"name": ""}, {"name": "B"}, {"name": ""}], time=[{"min": 5, "max": 4}, {"min": 1}]
    )
    assert made["creators"] == [{"name": "B"}] and made["time"] == [{"min": 1}]
    assert {path.partition(".")[0] for path in left_out} == {"creators", "time"}


def test_an_object_goes_that_cannot_be_without_it() -> None:
    made, left_out = _pruned(position={"ra": 361.0, "dec": 10.0}, footprint={"circle": [0.0, 0.0, -1.0]}, bytes=3)
    assert "position" not in made and "footprint" not in made and made["bytes"] == 3
    assert "position.ra" in left_out


def test_the_reason_says_the_value() -> None:
    assert "361" in dict(validate_or_prune(record("a", position={"ra": 361.0, "dec": 10.0})))["position.ra"]


@pytest.mark.parametrize("more", [{"kind": "galaxy"}, {"title": ""}, {"identifiers": []}, {"identifiers": [{}]}])
def test_what_a_record_needs_cannot_be_left_out(more: dict[str, Any]) -> None:
    with pytest.raises(RecordError) as caught:
        validate_or_prune(record("a", **more))
    assert caught.value.code == "record.invalid"


def test_an_unknown_field_goes() -> None:
    made, left_out = _pruned(colour="red")
    assert "colour" not in made and left_out == ["colour"]
