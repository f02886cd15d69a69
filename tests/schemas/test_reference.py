"""The record's reference is up to date, complete, and says in which unit and frame each number is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import jsonschema_rs
import pytest

from schemas import reference
from schemas.fields import field_name, search_fields
from schemas.jsonschema import record_schema
from schemas.record import record_id, validate_record
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "reference" / "record.md"
SCHEMA = ROOT / "docs" / "reference" / "record.schema.json"
ROWS = list(reference.rows())
# counts and levels have no unit
BARE = {"calib_level", "files", "mapping_version"}


@pytest.mark.parametrize(("file", "made"), [(PAGE, reference.page), (SCHEMA, reference.schema_text)])
def test_the_page_and_the_published_schema_are_those_of_the_schema(file: Path, made: Callable[[], str]) -> None:
    if os.environ.get("ASTERISM_UPDATE_DOCS") == "1":
        file.write_text(made(), encoding="utf-8")
    old = f"{file.name} is not that of schemas/record.py any more; write it anew with: ASTERISM_UPDATE_DOCS=1 make test"
    assert file.read_text(encoding="utf-8") == made(), old


def test_the_published_schema_is_a_json_schema_and_takes_the_example() -> None:
    published = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema_rs.meta.validate(published)
    example = reference.EXAMPLE
    assert jsonschema_rs.Draft202012Validator(published).is_valid(example)
    assert not jsonschema_rs.Draft202012Validator(published).is_valid(example | {"colour": "red"})
    assert validate_record(example) is example
    first = example["identifiers"][0]
    assert example["id"] == record_id(example["source"], f"{first['scheme']}:{first['value']}")


def test_every_field_says_what_it_is_and_where_it_is_from() -> None:
    assert len(ROWS) > 80
    assert [f"{row.place}.{row.name}" for row in ROWS if not row.schema.get("description")] == []
    assert [f"{row.place}.{row.name}" for row in ROWS if not row.schema.get("x-standard")] == []


def test_every_number_has_a_unit_and_every_coordinate_time_and_energy_a_frame() -> None:
    numbers = [row for row in ROWS if "number" in row.type or "integer" in row.type]
    assert len(numbers) > 12
    assert [f"{row.place}.{row.name}" for row in numbers if row.name not in BARE and "x-unit" not in row.schema] == []
    placed = [row for row in numbers if row.schema.get("x-unit") in {"deg", "d", "m", "J"}]
    assert len(placed) > 8
    assert [f"{row.place}.{row.name}" for row in placed if "x-frame" not in row.schema] == []


@pytest.mark.parametrize("name", [name for name, known in search_fields().items() if not known.derived])
def test_every_field_that_can_be_searched_is_on_the_page(name: str) -> None:
    place, last = search_fields()[name].path[:-1], search_fields()[name].path[-1]
    found = [row for row in ROWS if row.name == last and row.place.removesuffix("[]") == ".".join(place)]
    assert found and found[0].schema["x-search"] == search_fields()[name].kind
    for called in reference.names(found[0]):  # and each of its names is understood
        assert field_name(called) == name


def test_every_name_of_a_field_is_on_the_page() -> None:
    page = reference.page()
    assert [name for name in search_fields() if f"`{name}`" not in page] == []


def test_every_date_says_that_it_is_utc() -> None:
    dates = [row for row in ROWS if row.schema.get("x-search") == "date" or row.name == "date"]
    assert len(dates) > 4
    said = {f"{row.place}.{row.name}": row.schema["description"] + row.schema["x-standard"] for row in dates}
    assert [name for name, text in said.items() if "UTC" not in text] == []


def test_the_schema_of_programs_has_the_words_of_people() -> None:
    assert record_schema()["properties"]["position"]["properties"]["ra"]["x-unit"] == "deg"
