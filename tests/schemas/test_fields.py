"""The fields that a query may name are those of the record, and every one of them leads somewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from schemas.fields import field_name, search_fields, top_level
from schemas.record import RecordSchema
from tests.schemas.documents import right


def values(node: Any, path: tuple[str, ...]) -> list[Any]:
    if isinstance(node, list):
        return [found for item in node for found in values(item, path)]
    if not path:
        return [node]
    return values(node[path[0]], path[1:]) if isinstance(node, dict) and path[0] in node else []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(right)
def test_every_path_leads_to_values_of_its_kind(record: Any) -> None:
    for field in search_fields().values():
        for value in values(record, field.path):
            match "derived" if field.derived else field.kind:
                case "keyword" | "text":
                    assert isinstance(value, str), field.name
                case "number":
                    assert isinstance(value, (int, float)), field.name
                case "interval":
                    assert isinstance(value, dict) and set(value) <= {"min", "max", "messenger"}, field.name
                case "date":
                    assert value is None or isinstance(value, str), field.name
                case "derived":
                    assert isinstance(value, dict), field.name


def test_the_names_are_unique_and_short_where_they_can_be() -> None:
    known = search_fields()
    assert {name for name, field in known.items() if field.derived} == {"issued", "subjects.path", "did.path"}
    assert {"creators", "identifiers", "subjects", "replicas", "relations", "issued"} <= set(known)
    assert "creators.name" not in known and known["creators"].path == ("creators", "name")
    assert all(name == field.name for name, field in known.items())


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("creators.name", "creators"),
        ("creators", "creators"),
        ("subjects.term", "subjects"),
        ("creators.orcid", "creators.orcid"),
        ("extra.rucio.run_number", "extra.rucio.run_number"),
        ("nonsense", "nonsense"),
        ("dates", "dates"),
    ],
)
def test_a_field_by_either_name(asked: str, name: str) -> None:
    assert field_name(asked) == name


def test_exists_may_be_asked_of_every_field_of_the_record() -> None:
    assert top_level() == set(RecordSchema().fields)
    assert {"position", "footprint", "dates", "extra"} <= top_level()
