"""The record: marshmallow and JSON Schema say the same of every document, and neither changes one."""

from __future__ import annotations

import copy
import math
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import Schema, fields

from schemas.access import visible
from schemas.errors import RecordError
from schemas.jsonschema import json_schema, record_validator
from schemas.record import ID_LENGTH, RecordSchema, problems, record_id, validate_record
from tests.schemas.documents import changed, json_values, right

SCHEMA = RecordSchema()
BASE: dict[str, Any] = {
    "id": record_id("hess", "doi:10.5072/a1"),
    "source": "hess",
    "identifiers": [{"scheme": "doi", "value": "10.5072/a1"}],
    "kind": "observation",
    "title": "Crab",
}
bounded = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def accepted(document: Any) -> bool:
    """What marshmallow says."""
    return SCHEMA.validate(document) == {}


@bounded
@given(right)
def test_a_right_document_is_right_to_both_and_unchanged(document: Any) -> None:
    before = copy.deepcopy(document)
    assert record_validator().is_valid(document)
    loaded = SCHEMA.load(document)
    assert document == before
    assert orjson.dumps(loaded, option=orjson.OPT_SORT_KEYS) == orjson.dumps(before, option=orjson.OPT_SORT_KEYS)
    assert SCHEMA.dump(loaded) == before


@bounded
@given(changed() | json_values)
def test_marshmallow_and_json_schema_agree(document: Any) -> None:
    if isinstance(document, dict):  # marshmallow raises on anything else, as it should
        assert accepted(document) == record_validator().is_valid(document)
    else:
        assert not record_validator().is_valid(document)


@bounded
@given(changed() | json_values)
def test_what_is_no_record_is_explained_field_by_field(document: Any) -> None:
    try:
        assert validate_record(document) is document
    except RecordError as error:
        assert error.code == "record.invalid"
        assert error.context["errors"] and all(error.context["errors"].values())
    else:
        assert record_validator().is_valid(document) and problems(document) == []


def test_the_two_can_disagree() -> None:
    """The agreement above is ours: marshmallow's own fields read words as numbers."""

    class Lax(Schema):
        n = fields.Integer()

    from jsonschema_rs import Draft202012Validator

    assert Lax().validate({"n": "5"}) == {}
    assert not Draft202012Validator(json_schema(Lax())).is_valid({"n": "5"})


@pytest.mark.parametrize("value", ["5", "", True, None, "nan", [5]])
@pytest.mark.parametrize("field", ["bytes", "files", "calib_level"])
def test_a_number_is_no_word(field: str, value: Any) -> None:
    with pytest.raises(RecordError, match=field):
        validate_record(BASE | {field: value})


@pytest.mark.parametrize("value", ["true", 1, 0, "yes", None])
def test_a_truth_value_is_no_word(value: Any) -> None:
    with pytest.raises(RecordError, match=r"rights\.discoverable"):
        validate_record(BASE | {"rights": {"discoverable": value}})


RIGHT_DATES = [
    "2014",
    "2014-05",
    "2014-05-02",
    "2014-05-02T10:00:00Z",
    "2014-05-02T10:00:00.25+02:00",
    "2014/2016",
    "2014-05/",
    "/2016",
]
RIGHT_DATES += ["-0043-03-15", "2014-05-02 10:00", "2014/..", "../2016-01"]
WRONG_DATES = ["", "/", "2014-5", "May 2014", "2014garbage", "2014-05-02\n", "٢٠١٤", "2014/2016/2018", "14", "../.."]


@pytest.mark.parametrize("date", RIGHT_DATES)
def test_dates_of_every_precision(date: str) -> None:
    validate_record(BASE | {"dates": [{"date": date, "type": "Issued"}]})


@pytest.mark.parametrize("date", WRONG_DATES)
def test_what_is_no_date(date: str) -> None:
    with pytest.raises(RecordError, match=r"dates\.0\.date"):
        validate_record(BASE | {"dates": [{"date": date, "type": "Issued"}]})


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"position": {"ra": 361, "dec": 0}}, "position.ra"),
        ({"position": {"ra": 0, "dec": -90.001}}, "position.dec"),
        ({"position": {"ra": math.nan, "dec": 0}}, "position.ra"),
        ({"position": {"ra": 0, "dec": math.inf}}, "position.dec"),
        ({"position": {"ra": 1}}, "position.dec"),
        ({"footprint": {}}, "footprint"),
        ({"footprint": {"circle": [0, 0, 1], "moc": "0/1"}}, "footprint"),
        ({"footprint": {"circle": [0, 0, 181]}}, "footprint.circle"),
        ({"footprint": {"circle": [0, 0]}}, "footprint.circle"),
        ({"footprint": {"polygon": [[0, 0], [1, 0], [1, 91]]}}, "footprint.polygon.2"),
        ({"footprint": {"polygon": [[0, 0], [1, 0]]}}, "footprint.polygon"),
        ({"footprint": {"moc": "1/48"}}, "footprint.moc"),
        ({"footprint": {"stc_s": ""}}, "footprint.stc_s"),
        ({"footprint": {"stc_s": "Circle ICRS 10 91 1"}}, "footprint.stc_s"),
        ({"footprint": {"stc_s": "Intersection ICRS (Circle 1 2 3 Circle 1 2 4)"}}, "footprint.stc_s"),
        ({"time": [{}]}, "time.0"),
        ({"time": [{"min": 2, "max": 1}]}, "time.0"),
        ({"spectral": [{"min": -1e-9}]}, "spectral.0"),
        ({"energy": [{"min": 1}, {"max": -1}]}, "energy.1"),
        ({"kind": "telescope"}, "kind"),
        ({"identifiers": []}, "identifiers"),
        ({"id": "CRAB"}, "id"),
        ({"id": BASE["id"] + "\n"}, "id"),
        ({"colour": "red"}, "colour"),
        ({"creators": [{"name": "A", "orcid": "0000-0002-1825-009"}]}, "creators.0.orcid"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, Any], path: str) -> None:
    with pytest.raises(RecordError) as caught:
        validate_record(BASE | more)
    assert any(name == path or name.startswith(path + ".") for name in caught.value.context["errors"])


def test_the_edges_are_right() -> None:
    for ra, dec in ((0, -90), (360, 90), (0.0, 0)):
        validate_record(BASE | {"position": {"ra": ra, "dec": dec}, "footprint": {"circle": [ra, dec, 180]}})
    validate_record(BASE | {"time": [{"min": 5}, {"max": 5}, {"min": 5, "max": 5}], "calib_level": -1})
    validate_record(BASE | {"locks": [{"rule": "r", "expires_at": None}]})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(RecordError, match="title"):
        validate_record({key: value for key, value in BASE.items() if key != "title"})


@given(texts_a=st.text(), texts_b=st.text())
def test_an_id_is_stable_url_safe_and_of_both_names(texts_a: str, texts_b: str) -> None:
    try:
        made = record_id(texts_a, texts_b)
    except UnicodeEncodeError:
        return
    assert len(made) == ID_LENGTH and set(made) <= set("0123456789abcdefghijklmnopqrstuv")
    assert made == record_id(texts_a, texts_b)
    if texts_a != texts_b and "\0" not in texts_a + texts_b:
        assert made != record_id(texts_b, texts_a)


def test_an_id_never_changes() -> None:
    """Ids are in people's links: this one was made by the first release."""
    assert record_id("hess", "doi:10.5072/a1") == "qrsdlesic4rq45dn"


@pytest.mark.parametrize(
    ("rights", "groups", "seen"),
    [
        ({}, (), True),
        ({"level": "open"}, (), True),
        ({"level": "embargoed"}, (), True),
        ({"level": "restricted"}, (), False),
        ({"level": "restricted"}, ("a",), False),
        ({"level": "restricted", "groups": ["a", "b"]}, ("b",), True),
        ({"level": "restricted", "groups": ["a"]}, ("c",), False),
        ({"level": "restricted", "discoverable": True}, (), True),
        ({"level": "restricted", "discoverable": False, "groups": []}, (), False),
    ],
)
def test_who_sees_a_record(rights: dict[str, Any], groups: tuple[str, ...], seen: bool) -> None:
    assert visible(BASE | {"rights": rights}, frozenset(groups)) is seen
    assert visible(BASE, frozenset(groups))
