"""RegTAP rows to the record: the same as VOResource gives wherever both carry the fact."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mappings import regtap, voresource
from mappings.stc_s import read_region
from schemas.errors import MappingError
from tests.mappings.vo_documents import FULL, record_of, resource

# What a RegTAP service holds of the resource vo_documents.FULL: lower case, words joined by #, days as timestamps
ROWS: dict[str, Any] = {
    "ivoid": "ivo://example.obs/pulsars",
    "res_type": "vs:catalogservice",
    "created": "2019-03-01T08:00:00",
    "updated": "2024-06-01T10:30:00.000",
    "short_name": "PSR south",
    "res_title": "Pulsars of the southern sky",
    "content_level": "research",
    "content_type": "catalog#survey",
    "res_description": "Timing of <b>412</b> pulsars,\n with P < 1 s.\n\n Second paragraph.",
    "reference_url": "https://example.org/psr",
    "creator_seq": "Müller, K.; Ng, T.; Osei, A.",
    "source_format": "bibcode",
    "source_value": "2018MNRAS.477.1234A",
    "res_version": "1.2",
    "region_of_regard": 0.05,
    "waveband": "radio",
    "rights": "Cite us",
    "rights_uri": "https://spdx.org/licenses/CC-BY-4.0.html",
    "harvested_from": "ivo://example.obs/registry",
    "subjects": [{"res_subject": "pulsars"}, {"res_subject": "neutron-stars"}],
    "roles": [
        {"base_role": "contact", "role_name": "Help desk", "email": "help@example.org"},
        {"base_role": "publisher", "role_name": "Example Observatory", "role_ivoid": "ivo://example.obs/org"},
        {"base_role": "contributor", "role_name": "Survey team", "email": None},
        {"base_role": "creator", "role_name": "Müller, K."},
    ],
    "dates": [
        {"date_value": "2019-03-01T00:00:00", "value_role": "creation"},
        {"date_value": "2024-05", "value_role": "updated"},
        {"date_value": "2010", "value_role": "representative"},
    ],
    "relationships": [
        {"relationship_type": "isservedby", "related_id": "ivo://example.obs/tap", "related_name": "The TAP service"},
        {"relationship_type": "issupplementto", "related_id": None, "related_name": "10.5072/PAPER"},
    ],
    "alt_identifiers": [
        {"alt_identifier": "doi:10.5072/PSR.1"},
        {"alt_identifier": "bibcode:2019A&A...630A..80X"},
        {"alt_identifier": "ark:/12345/psr"},
        {"alt_identifier": "orcid:0000-0002-1825-0097"},
    ],
    "capabilities": [
        {"cap_index": 2, "cap_type": "tr:tableaccess", "standard_id": "ivo://ivoa.net/std/tap"},
        {"cap_index": 1, "cap_type": "cs:conesearch", "standard_id": "ivo://ivoa.net/std/conesearch"},
    ],
    "interfaces": [
        {
            "cap_index": 2.0,
            "intf_index": 1,
            "intf_type": "vs:paramhttp",
            "intf_role": "std",
            "access_url": "https://example.org/tap",
        },
        {
            "cap_index": 1.0,
            "intf_index": 2,
            "intf_type": "vr:webbrowser",
            "intf_role": None,
            "result_type": None,
            "access_url": "https://example.org/psr/form",
        },
        {
            "cap_index": 1.0,
            "intf_index": 1,
            "intf_type": "vs:paramhttp",
            "intf_role": "std",
            "result_type": "application/x-votable+xml",
            "access_url": "https://example.org/psr/scs.xml?",
            "mirror_url": "https://mirror.example.org/psr/scs.xml?",
        },
    ],
    "details": [
        {"cap_index": None, "detail_xpath": "/facility", "detail_value": "Parkes 64 m"},
        {"cap_index": None, "detail_xpath": "/instrument", "detail_value": "UWL receiver"},
        {"cap_index": 1, "detail_xpath": "/capability/maxSR", "detail_value": "180"},
        {"cap_index": 1, "detail_xpath": "/capability/maxRecords", "detail_value": "5000"},
        {"cap_index": 1, "detail_xpath": "/capability/verbosity", "detail_value": "true"},
        {"cap_index": 1, "detail_xpath": "/capability/testQuery/ra", "detail_value": "83.6"},
        {"cap_index": 1, "detail_xpath": "/capability/testQuery/dec", "detail_value": "22.0"},
        {"cap_index": 1, "detail_xpath": "/capability/testQuery/sr", "detail_value": "0.5"},
        {
            "cap_index": 2,
            "detail_xpath": "/capability/dataModel/@ivo-id",
            "detail_value": "ivo://ivoa.net/std/obscore#core-1.1",
        },
        {"cap_index": 2, "detail_xpath": "/capability/language/name", "detail_value": "ADQL"},
        {
            "cap_index": 2,
            "detail_xpath": "/capability/language/version/@ivo-id",
            "detail_value": "ivo://ivoa.net/std/adql#v2.0",
        },
    ],
    "validations": [
        {"validated_by": "ivo://example.obs/validator", "val_level": 2, "cap_index": None},
        {"validated_by": "ivo://example.obs/validator", "val_level": 1, "cap_index": 1},
    ],
    "stc_spatial": [{"coverage": "2/0-3 17 4/3000", "ref_system_name": None}],
    "stc_temporal": [{"time_start": 55000, "time_end": 58849.5}],
    "stc_spectral": [{"spectral_start": 4.6e-25, "spectral_end": 2.65e-24}],
}


def mapped(**changes: Any) -> Any:
    return regtap.to_record(json.dumps(ROWS | changes).encode(), {})


def test_the_same_record_by_both_roads():
    by_rows, by_xml = mapped(), voresource.to_record(resource(FULL), {})
    assert by_rows.problems == by_xml.problems == []
    rows, xml = record_of(by_rows), record_of(by_xml)
    # only XML says these
    assert xml["extra"]["vo"].pop("status") == "active"
    assert xml["extra"]["vo"].pop("tables") == 2
    assert xml["creators"][0].pop("orcid")
    # a related resource without an IVOID has its name only
    assert rows["relations"].pop()["identifier"] == xml["relations"].pop()["identifier"] == "10.5072/paper"
    assert rows == xml


def test_nothing_is_said_by_null_nan_and_empty():
    empty = {name: None for name in ROWS if name not in ("ivoid", "res_title", "res_type")}
    least = {"identifiers": [{"scheme": "ivoid", "value": "ivo://example.obs/pulsars"}], "kind": "service"}
    for nothing in (None, float("nan"), ""):
        result = mapped(**dict.fromkeys(empty, nothing))
        assert result.problems == []
        assert record_of(result) == {
            **least,
            "title": ROWS["res_title"],
            "extra": {"vo": {"type": "vs:catalogservice"}},
        }


def test_rows_of_nothing_are_nothing():
    rows = {name: [dict.fromkeys(value[0], None)] for name, value in ROWS.items() if isinstance(value, list)}
    result = mapped(**rows)
    assert result.problems == []
    assert "access" not in record_of(result)
    assert "time" not in record_of(result)


def test_open_ends():
    record = record_of(mapped(stc_temporal=[{"time_start": 55000.0, "time_end": float("nan")}]))
    assert record["time"] == [{"min": 55000.0}]


@pytest.mark.parametrize(
    ("coverage", "frame", "footprint"),
    [
        ("4/1 3-5", None, {"moc": "4/1 3-5"}),
        ("4/1 3-5", "ICRS", {"moc": "4/1 3-5"}),
        ("CIRCLE ICRS 83.6 22 1", None, {"circle": [83.6, 22.0, 1.0]}),
        ("Polygon ICRS 10 10 20 10 20 20", "", {"polygon": [[10, 10], [20, 10], [20, 20]]}),
        ("4/1", "MARS", None),
    ],
)
def test_regions(coverage: str, frame: str | None, footprint: dict[str, Any] | None):
    record = record_of(mapped(stc_spatial=[{"coverage": coverage, "ref_system_name": frame}]))
    assert record.get("footprint") == footprint
    if footprint is None:
        assert record["extra"]["vo"]["spatial"] == [{"frame": frame, "coverage": coverage}]


def test_several_mocs_are_one_and_several_other_regions_too():
    record = record_of(mapped(stc_spatial=[{"coverage": "4/1"}, {"coverage": "3/7"}]))
    assert record["footprint"] == {"moc": "4/1 3/7"}
    record = record_of(mapped(stc_spatial=[{"coverage": "CIRCLE 1 2 3"}, {"coverage": "CIRCLE FK5 10 20 3"}]))
    first, second = read_region(record["footprint"]["stc_s"])
    assert first == {"circle": [1, 2, 3]} and second["circle"] == pytest.approx([10, 20, 3], abs=1e-4)


def test_a_moc_and_another_region_are_kept_in_words():
    record = record_of(mapped(stc_spatial=[{"coverage": "CIRCLE 1 2 3"}, {"coverage": "4/1"}]))
    assert "footprint" not in record
    assert [region["coverage"] for region in record["extra"]["vo"]["spatial"]] == ["CIRCLE 1 2 3", "4/1"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stc_spatial": [{"coverage": "CIRCLE ICRS 361 0 1"}]}, "footprint"),
        ({"stc_spatial": [{"coverage": "CIRCLE ICRS 10 0 -1"}]}, "footprint"),
        ({"stc_spatial": [{"coverage": "4/99999"}]}, "footprint"),
        ({"stc_temporal": [{"time_start": 56000, "time_end": 55000}]}, "time.0"),
        ({"stc_temporal": [{"time_start": "then", "time_end": 55000}]}, "time.0"),
        ({"stc_spectral": [{"spectral_start": 1.4e9, "spectral_end": 1.5e9}]}, "spectral.0"),
        ({"region_of_regard": -1}, "extra.vo.region_of_regard"),
        ({"created": "long ago"}, "extra.vo.created"),
        ({"reference_url": "javascript:alert(1)"}, "relations"),
    ],
)
def test_a_bad_value_is_a_problem_and_the_record_stands(changes: dict[str, Any], field: str):
    result = mapped(**changes)
    assert [problem.field for problem in result.problems] == [field]
    assert record_of(result)["title"] == ROWS["res_title"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "bad-json"),
        (b"<html/>", "bad-json"),
        (b"[1, 2]", "bad-json"),
        (b'{"ivoid": "\xff"}', "bad-json"),
        (b"[" * 100_000, "bad-json"),
        (b'{"res_title": "x"}', "no-identifier"),
        (b'{"ivoid": "ivo://a.b/c", "res_title": null}', "missing-title"),
        (b'{"ivoid": "doi:10.1/2", "res_title": "x"}', "bad-identifier"),
    ],
)
def test_what_is_no_resource(raw: bytes, code: str):
    with pytest.raises(MappingError) as caught:
        regtap.to_record(raw, {})
    assert caught.value.code == f"mapping.{code}"


def test_shapes_that_were_not_promised_do_no_harm():
    for wrong in (7, "x", {"a": 1}, [1, None, "x", []], True):
        for name in ROWS:
            if name not in ("ivoid", "res_title"):
                record_of(mapped(**{name: wrong}))


def test_characters_that_no_index_takes_are_dropped():
    record = record_of(
        mapped(
            res_title="a\u0000b\ud800",
            interfaces=[{"cap_index": 1, "access_url": "https://a.b/\u0000\udfff"}],
        )
    )
    assert json.dumps(record, ensure_ascii=False).encode()
    assert record["title"] == "ab"
    assert record["access"][0]["url"] == "https://a.b/"


def test_creators_without_a_sequence():
    rows = [{"base_role": "creator", "role_name": name} for name in ("One, A.", "Two, B.")]
    record = record_of(mapped(creator_seq=None, roles=rows))
    assert record["creators"] == [{"name": "One, A."}, {"name": "Two, B."}]
