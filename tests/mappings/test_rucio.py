"""Rucio DIDs and the crosswalk: what a DID's metadata becomes, and what is quarantined."""

from __future__ import annotations

import json
import math
import os
import re
import tomllib
from typing import Any

import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time

from mappings.crosswalk import DIMENSIONS, FIELDS, default_crosswalk, load_crosswalk
from mappings.outcome import Mapped
from mappings.quantities import UNITS
from mappings.rucio import MAX_CONTENTS, to_record
from schemas.errors import MappingError, SettingsError
from schemas.record import Record, validate_record
from tests.conftest import ROOT

COLUMNS = {
    "scope": "lake",
    "name": "run/1.ds",
    "did_type": "DATASET",
    "account": "root",
    "bytes": 5010,
    "length": 5,
    "is_open": False,
    "project": "ESCAPE",
    "datatype": "FITS",
    "run_number": 42,
    "stream_name": "physics",
    "campaign": None,
    "created_at": "Sat, 21 Nov 2026 03:41:50 UTC",
    "updated_at": "Sun, 22 Nov 2026 04:00:00 UTC",
}


def mapped(metadata: dict[str, Any] | None = None, *, crosswalk: Any = None, **more: Any) -> Mapped:
    columns = COLUMNS | more.pop("did", {})
    raw = json.dumps({"did": columns, "metadata": metadata or {}, **more}).encode()
    result = to_record(raw, {"crosswalk": crosswalk})
    assert result.record is not None
    validate_record({**result.record, "id": "0" * 16, "source": "lake"})
    json.dumps(result.record, allow_nan=False)
    return result


def record(metadata: dict[str, Any] | None = None, **more: Any) -> Record:
    """The record of a DID with nothing in quarantine."""
    result = mapped(metadata, **more)
    assert result.problems == []
    assert result.record is not None
    return result.record


def quarantined(metadata: dict[str, Any], field: str, **more: Any) -> tuple[Record, str]:
    """The record and the sentence of the one problem, which is about ``field``; the value stays in extra."""
    result = mapped(metadata, **more)
    assert [problem.field for problem in result.problems] == [field]
    assert result.record is not None
    assert result.record["extra"]["rucio"].keys() >= metadata.keys()
    return result.record, result.problems[0].reason


def test_reading_the_data_is_no_change_of_the_record() -> None:
    moved = {
        "accessed_at": "Mon, 23 Nov 2026 04:00:00 UTC",
        "access_cnt": 7,
        "updated_at": "Mon, 23 Nov 2026 04:01:00 UTC",
    }
    assert record(did=moved) == record()


def test_what_is_for_placement_is_no_part_of_the_record() -> None:
    rule = {"id": "r", "account": "root", "rse_expression": "A", "state": "OK", "expires_at": None}
    replica = {"rse": "A", "state": "AVAILABLE", "length": 5}
    more = {"locks": [{"rule_id": "r", "rse": "A", "state": "OK"}], "rules": [{**rule, "comments": "why"}]}
    read = [{**replica, "accessed_at": "Mon, 23 Nov 2026 04:00:00 UTC"}]
    assert record(**more, replicas=read) == record(rules=[rule], replicas=[replica])


def test_a_dataset_with_its_columns() -> None:
    made = record()
    assert made["kind"] == "dataset"
    assert made["identifiers"][0] == {"scheme": "rucio", "value": "lake:run/1.ds"}
    assert made["title"] == "run/1.ds"
    assert (made["bytes"], made["files"]) == (5010, 5)
    assert made["dates"] == [{"date": "2026-11-21T03:41:50Z", "type": "Created"}]
    extra = made["extra"]["rucio"]
    assert (extra["run_number"], extra["datatype"], extra["stream_name"], extra["is_open"]) == (
        *(42, "FITS", "physics"),
        False,
    )
    assert extra["created_at"] == "2026-11-21T03:41:50Z"
    assert "campaign" not in extra
    assert {"term": "ESCAPE", "scheme": "rucio:project"} in made["subjects"]


@pytest.mark.parametrize(
    ("did_type", "metadata", "kind"),
    [
        ("CONTAINER", {}, "collection"),
        ("DATASET", {"dataproduct_type": "event"}, "dataset"),
        ("FILE", {}, "other"),
        ("FILE", {"dataproduct_type": "event"}, "dataset"),
    ],
)
def test_kind(did_type: str, metadata: dict[str, Any], kind: str) -> None:
    assert record(metadata, did={"did_type": did_type})["kind"] == kind


def test_json_metadata_stays_typed_in_extra_besides_the_crosswalk() -> None:
    metadata = {"s_ra": 83.63, "s_dec": 22.01, "nested": {"a": [1, True]}, "note": "ok", "big": 2**70}
    made = record(metadata)
    assert made["position"] == {"ra": 83.63, "dec": 22.01}
    extra = made["extra"]["rucio"]
    assert (extra["s_ra"], extra["nested"], extra["note"]) == (83.63, {"a": [1, True]}, "ok")
    assert extra["big"] == str(2**70)  # beyond what JSON numbers are elsewhere


def test_obscore_names() -> None:
    made = record(
        {
            "obs_title": "Crab <b>nebula</b>",
            "obs_id": "23523",
            "obs_publisher_did": "ivo://Org.X/Data?Obs/23523",
            "doi": "https://doi.org/10.5281/Zenodo.1421098",
            "s_ra": 83.63,
            "s_dec": 22.01,
            "s_fov": 5.0,
            "t_min": 53345.9,
            "t_max": 53346.0,
            "em_min": 1.2e-20,
            "em_max": 1.2e-17,
            "target_name": "Crab",
            "facility_name": "H.E.S.S.",
            "instrument_name": ["CT1", "CT2"],
            "dataproduct_type": "event",
            "calib_level": 2,
            "access_url": "https://example.org/a.fits",
            "access_format": "application/fits",
            "access_estsize": 12,
            "data_rights": "public",
            "obs_release_date": "2018-09-19T00:00:00",
            "keywords": "pulsar, crab",
        }
    )
    assert made["title"] == "Crab nebula"
    assert made["alternative_titles"] == ["23523"]
    assert made["identifiers"][1:] == [
        {"scheme": "ivoid", "value": "ivo://org.x/data?Obs/23523"},
        {"scheme": "doi", "value": "10.5281/zenodo.1421098"},
    ]
    assert made["footprint"] == {"circle": [83.63, 22.01, 2.5]}
    assert made["time"][0]["min"] == pytest.approx(Time(53345.9, format="mjd", scale="utc").tdb.mjd, abs=1e-9)
    assert made["time"][0]["max"] == pytest.approx(Time(53346.0, format="mjd", scale="utc").tdb.mjd, abs=1e-9)
    assert made["spectral"] == [{"min": 1.2e-20, "max": 1.2e-17}]
    assert (made["targets"], made["facilities"], made["instruments"]) == (["Crab"], ["H.E.S.S."], ["CT1", "CT2"])
    assert (made["product_type"], made["calib_level"]) == ("event", 2)
    assert made["access"] == [
        {"url": "https://example.org/a.fits", "media_type": "application/fits", "bytes": 12000},
    ]
    assert made["rights"] == {"level": "open"}
    assert {"date": "2018-09-19T00:00:00", "type": "Available"} in made["dates"]
    assert [s["term"] for s in made["subjects"]] == ["pulsar", "crab", "ESCAPE"]


def test_fits_keywords_in_any_case_with_sexagesimal_hours() -> None:
    made = record(
        {
            "ra": "05:34:31.9",
            "Dec": "-22:00:52.0",
            "OBJECT": "Crab",
            "TELESCOP": "HESS",
            "INSTRUME": "HESS-I",
            "date_obs": "2004-12-04T22:00:00",
            "DATE-END": "2004-12-04T22:28:00",
        }
    )
    there = SkyCoord("05h34m31.9s", "-22d00m52s")
    assert made["position"]["ra"] == pytest.approx(there.ra.deg, abs=1e-9)
    assert made["position"]["dec"] == pytest.approx(there.dec.deg, abs=1e-9)
    assert made["time"][0]["max"] - made["time"][0]["min"] == pytest.approx(28 / 1440, abs=1e-8)
    assert made["time"][0]["min"] == pytest.approx(Time("2004-12-04T22:00:00").tdb.mjd, abs=1e-8)
    assert (made["targets"], made["facilities"], made["instruments"]) == (["Crab"], ["HESS"], ["HESS-I"])


@pytest.mark.parametrize(
    ("system", "more", "there"),
    [
        ("FK5", {}, SkyCoord(83.6, 22.0, unit="deg", frame="fk5")),
        ("FK4", {"EQUINOX": 1950.0}, SkyCoord(83.6, 22.0, unit="deg", frame="fk4")),
        ("GALACTIC", {}, SkyCoord(83.6, 22.0, unit="deg", frame="galactic")),
        ("ICRS", {}, SkyCoord(83.6, 22.0, unit="deg")),
    ],
)
def test_radesys_is_converted_to_icrs(system: str, more: dict[str, Any], there: SkyCoord) -> None:
    made = record({"RA_OBJ": 83.6, "DEC_OBJ": "22.0", "RADESYS": system, **more})
    assert made["position"]["ra"] == pytest.approx(there.icrs.ra.deg, abs=1e-9)
    assert made["position"]["dec"] == pytest.approx(there.icrs.dec.deg, abs=1e-9)


def test_an_equinox_without_radesys_says_the_frame() -> None:
    assert record({"RA": 83.6, "DEC": 22.0, "EQUINOX": 1950})["position"]["ra"] == pytest.approx(84.355, abs=1e-2)


def test_ra_and_dec_are_of_one_pair() -> None:
    result = mapped({"RA_PNT": 10.0, "DEC_OBJ": 20.0})
    assert result.record is not None
    assert "position" not in result.record
    assert {problem.code for problem in result.problems} == {"mapping.half-a-position"}
    assert record({"RA_PNT": 10.0, "RA": 1.0, "DEC": 2.0})["position"] == {"ra": 1.0, "dec": 2.0}


@pytest.mark.parametrize(
    ("keys", "first", "last"),
    [
        ({"MJD-OBS": 53345.9, "MJD-END": 53346.0, "TIMESYS": "TDB"}, 53345.9, 53346.0),
        ({"MJD-OBS": 53345.9, "EXPOSURE": 1800, "TIMESYS": "TDB"}, 53345.9, 53345.9 + 1800 / 86400),
        ({"MJD-OBS": 53345.9, "EXPOSURE": "30 min", "TIMESYS": "TDB"}, 53345.9, 53345.9 + 1800 / 86400),
        (
            {"TSTART": 86400.0, "TSTOP": 172800.0, "MJDREFI": 51910, "MJDREFF": 7.428703703703703e-4, "TIMESYS": "TT"},
            Time(51911 + 7.428703703703703e-4, format="mjd", scale="tt").tdb.mjd,
            Time(51912 + 7.428703703703703e-4, format="mjd", scale="tt").tdb.mjd,
        ),
        (
            {"DATE-OBS": "04/12/99"},
            Time("1999-12-04T00:00:00").tdb.mjd,
            Time("1999-12-05T00:00:00").tdb.mjd,
        ),
        ({"MJD-OBS": 53345.9, "TIMESYS": "GPS"}, *[Time(53345.9 + 19 / 86400, format="mjd", scale="tai").tdb.mjd] * 2),
        ({"t_min": "2004-12-04T00:00:00Z"}, *[Time("2004-12-04").tdb.mjd] * 2),
    ],
)
def test_times_follow_their_scale(keys: dict[str, Any], first: float, last: float) -> None:
    (interval,) = record(keys)["time"]
    assert interval["min"] == pytest.approx(first, abs=2e-9)
    assert interval["max"] == pytest.approx(last, abs=2e-9)


@pytest.mark.parametrize(
    ("written", "footprint"),
    [
        ("CIRCLE ICRS 83.6 22.0 0.5", {"circle": [83.6, 22.0, 0.5]}),
        ("Circle(83.6, 22.0, 0.5)", {"circle": [83.6, 22.0, 0.5]}),
        ("POLYGON ICRS GEOCENTER 10 20 11 20 11 21", {"polygon": [[10, 20], [11, 20], [11, 21]]}),
        ("polygon 10 20 11 20 11 21 10 20", {"polygon": [[10, 20], [11, 20], [11, 21]]}),
        ([[10, 20], [11, 20], [11, 21]], {"polygon": [[10, 20], [11, 20], [11, 21]]}),
        ("3/1-3 4/100", {"moc": "3/1-3 4/100"}),
    ],
)
def test_regions(written: Any, footprint: dict[str, Any]) -> None:
    assert record({"s_region": written})["footprint"] == footprint


def test_a_box_has_its_width_and_height_on_the_sky() -> None:
    corners = record({"s_region": "BOX ICRS 359.5 60 2 1"})["footprint"]["polygon"]
    west, east, north_east, _ = (SkyCoord(*corner, unit="deg") for corner in corners)
    middle = SkyCoord(359.5, 60, unit="deg")
    assert all(
        middle.separation(SkyCoord(*corner, unit="deg")).deg == pytest.approx(1.118, abs=1e-3) for corner in corners
    )
    assert west.separation(east).deg == pytest.approx(2.0, abs=1e-3)
    assert east.separation(north_east).deg == pytest.approx(1.0, abs=1e-3)


def test_a_region_wins_over_the_field_of_view() -> None:
    made = record({"s_ra": 1, "s_dec": 2, "s_fov": 3, "s_region": "CIRCLE 1 2 0.1"})
    assert made["footprint"] == {"circle": [1, 2, 0.1]}


@pytest.mark.parametrize(
    ("metadata", "field", "words"),
    [
        ({"s_ra": 361, "s_dec": 0}, "position", "s_ra = 361"),
        ({"RA": "25:00:00", "DEC": 0}, "position", "RA = '25:00:00'"),
        ({"s_ra": 1, "s_dec": -90.5}, "position", "s_dec = -90.5"),
        ({"s_ra": "NaN", "s_dec": 1}, "position", "finite"),
        ({"s_ra": "5.5 furlong", "s_dec": 1}, "position", "'furlong'"),
        ({"RA": 1, "DEC": 2, "RADESYS": "GAPPT"}, "position", "RADESYS = 'GAPPT'"),
        ({"s_ra": 1, "s_dec": 2, "s_fov": -1}, "position.fov", "s_fov = -1"),
        ({"s_region": "CIRCLE ICRS 10 95 1"}, "footprint", "95"),
        ({"s_region": "CIRCLE ICRS 10 5 -1"}, "footprint", "radius of -1"),
        ({"s_region": "a patch of sky"}, "footprint", "s_region"),
        ({"MJD-OBS": 2453345.9}, "time", "MJD-OBS"),
        ({"t_min": 53346, "t_max": 53345}, "time", "after the end"),
        ({"t_min": "yesterday"}, "time", "t_min"),
        ({"TSTART": 5, "TSTOP": 6}, "time", "MJDREF"),
        ({"MJD-OBS": 53345.9, "TIMESYS": "LOCAL"}, "time", "TIMESYS = 'LOCAL'"),
        ({"em_min": 1e-7, "em_max": "2 furlong"}, "spectral", "'furlong'"),
        ({"em_min": -1e-7}, "spectral", "em_min = -1e-07"),
        ({"em_min": 2e-7, "em_max": 1e-7}, "spectral", "above"),
        ({"calib_level": 9}, "calib_level", "calib_level = 9"),
        ({"doi": "forthcoming"}, "identifiers.doi", "DOI"),
        ({"obs_release_date": "soon"}, "dates.Available", "soon"),
        ({"title": {"en": "x"}}, "title", "text"),
    ],
)
def test_what_cannot_be_is_quarantined_and_the_record_stands(metadata: dict[str, Any], field: str, words: str) -> None:
    made, reason = quarantined(metadata, field)
    assert words in reason
    plain = record()
    for name in ("position", "footprint", "time", "spectral", "calib_level", "identifiers", "rights", "dates", "title"):
        expected = {"ra": 1, "dec": 2} if (field, name) == ("position.fov", "position") else plain.get(name)
        assert made.get(name) == expected


def test_after_an_impossible_pair_the_next_one_counts() -> None:
    result = mapped({"s_ra": 361, "s_dec": 0, "RA": 10.0, "DEC": 20.0})
    assert result.record is not None
    assert result.record["position"] == {"ra": 10.0, "dec": 20.0}
    assert [problem.field for problem in result.problems] == ["position"]


def test_empty_values_are_absent() -> None:
    made = record({"s_ra": None, "s_dec": "", "OBJECT": "  ", "keywords": [], "t_min": ""})
    assert not made.keys() & {"position", "targets", "time"}


def test_energies_swap_their_ends_and_frequencies_too() -> None:
    rules = {
        "rules": [
            {"key": "emin", "field": "spectral.min", "unit": "TeV"},
            {"key": "emax", "field": "spectral.max", "unit": "TeV"},
        ]
    }
    (band,) = record({"emin": 1, "emax": 10}, crosswalk=rules)["spectral"]
    assert band["max"] == pytest.approx(1.2398419843e-18)
    assert band["min"] == pytest.approx(1.2398419843e-19)
    (band,) = record({"f_min": 1000, "f_max": "2 GHz"})["spectral"]
    assert band["max"] == pytest.approx(0.299792458)
    assert band["min"] == pytest.approx(0.149896229)


@pytest.mark.parametrize(("unit", "value"), [("rad", math.pi / 2), ("hourangle", 6.0), ("arcmin", 5400)])
def test_a_rule_says_the_unit(unit: str, value: float) -> None:
    table = {"rules": [{"key": ["s_ra"], "field": "position.ra", "set": "obscore", "unit": unit}]}
    assert record({"s_ra": value, "s_dec": 1}, crosswalk=table)["position"]["ra"] == pytest.approx(90)


def test_a_source_table_goes_before_the_default() -> None:
    table = tomllib.loads(
        """
        [[rules]]
        key = ["title"]
        field = "targets"

        [[rules]]
        key = "pointing.lon"
        field = "position.ra"
        set = "ours"
        frame = "galactic"

        [[rules]]
        key = "pointing.lat"
        field = "position.dec"
        set = "ours"
        frame = "galactic"

        [[rules]]
        key = "project"
        field = "facilities"

        [[rules]]
        key = "obs_id"
        field = "extra"
        """
    )
    made = record({"title": "Crab", "pointing": {"lon": 184.5575, "lat": -5.7844}, "obs_id": "7"}, crosswalk=table)
    assert (made["title"], made["targets"], made["facilities"]) == ("run/1.ds", ["Crab"], ["ESCAPE"])
    assert made["position"]["ra"] == pytest.approx(83.633, abs=1e-3)
    assert not made.keys() & {"alternative_titles", "subjects"}
    assert made["extra"]["rucio"]["obs_id"] == "7"
    bare = record({"s_ra": 1, "s_dec": 2, "title": "Crab"}, crosswalk={**table, "replace": True})
    assert "position" not in bare


@pytest.mark.parametrize(
    ("table", "nearest"),
    [
        ({"rulez": []}, "'rules'"),
        ({"rules": [{"keys": ["a"], "field": "title"}]}, "'key'"),
        ({"rules": [{"key": "a", "field": "positon.ra"}]}, "'position.ra'"),
        ({"rules": [{"key": "a", "field": "position.ra", "unit": "degs"}]}, "'deg'"),
        ({"rules": [{"key": "a", "field": "spectral.min", "unit": "gev"}]}, "'GeV'"),
        ({"rules": [{"key": "a", "field": "position.ra", "frame": "FK5"}]}, "'fk5'"),
        ({"rules": [{"key": "a", "field": "time.min", "scale": "UTC"}]}, "'utc'"),
        ({"rules": [{"key": "a", "field": "time.min", "format": "mjds"}]}, "'mjd'"),
        ({"rules": [{"key": "a", "field": "title", "unit": "deg"}]}, "no unit"),
        ({"rules": [{"key": "a"}]}, "field is missing"),
        ({"rules": [{"key": [], "field": "title"}]}, "key is"),
        ({"rules": {"key": "a"}}, "[[rules]]"),
        ({"rules": [{"key": "a", "field": 3}]}, "in quotes"),
        ({"replace": "yes"}, "true or false"),
    ],
)
def test_a_wrong_table_is_refused_with_the_nearest_word(table: Any, nearest: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(nearest)) as caught:
        load_crosswalk(table)
    assert caught.value.code == "settings.crosswalk"


def test_replicas_locks_and_relations() -> None:
    made = record(
        replicas=[
            {
                "rse": "B",
                "state": "UNAVAILABLE",
                "bytes": 5010.0,
                "length": 5,
                "available_bytes": 2001.0,
                "available_length": 2,
            },
            {"rse": "A", "state": "AVAILABLE", "bytes": 5010, "length": 5},
        ],
        rules=[
            {"id": "b" * 32, "account": "root", "rse_expression": "A|B", "state": "OK", "expires_at": None},
            {"id": "a" * 32, "rse_expression": "TAPE", "expires_at": "Mon, 21 Dec 2026 03:41:50 UTC"},
        ],
        parents=[{"scope": "lake", "name": "all.cont"}],
    )
    assert made["replicas"] == [
        {"rse": "A", "state": "AVAILABLE", "files": 5, "bytes": 5010},
        {"rse": "B", "state": "UNAVAILABLE", "files": 2, "bytes": 2001},
    ]
    assert made["locks"] == [
        {"rule": "a" * 32, "rse": "TAPE", "expires_at": "2026-12-21T03:41:50Z"},
        {"rule": "b" * 32, "account": "root", "rse": "A|B", "state": "OK", "expires_at": None},
    ]
    assert made["relations"] == [{"type": "IsPartOf", "identifier": "lake:all.cont", "scheme": "rucio"}]


def test_a_container_names_some_of_its_contents_and_its_summed_size() -> None:
    children = [{"scope": "lake", "name": f"run{n}", "type": "DATASET"} for n in range(MAX_CONTENTS + 5)]
    did = {"did_type": "CONTAINER", "bytes": None, "length": None}
    made = record(did=did, contents=children, size={"bytes": 70.0, "length": 7})
    assert (made["bytes"], made["files"]) == (70, 7)
    assert len(made["relations"]) == MAX_CONTENTS
    assert made["relations"][0] == {"type": "HasPart", "identifier": "lake:run0", "scheme": "rucio"}


def test_a_lock_with_an_unreadable_end_is_not_for_ever() -> None:
    result = mapped(rules=[{"id": "a", "expires_at": "when it rains"}])
    assert result.record is not None
    assert "expires_at" not in result.record["locks"][0]
    assert [problem.field for problem in result.problems] == ["locks.expires_at"]


def test_what_is_no_json_number_never_leaves() -> None:
    did = json.dumps(COLUMNS)
    raw = f'{{"did": {did}, "metadata": {{"quota": Infinity, "x": [NaN, 1e999], "s_ra": -Infinity, "s_dec": 1}}}}'
    result = to_record(raw.encode(), {})
    assert result.record is not None
    json.dumps(result.record, allow_nan=False)
    assert result.record["extra"]["rucio"]["quota"] == "Infinity"
    assert "position" not in result.record
    validate_record({**result.record, "id": "0" * 16, "source": "lake"})


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"<html>", "mapping.bad-json"),
        (b"[" * 100_000, "mapping.bad-json"),
        (b"\xff\xfe\x00", "mapping.bad-json"),
        (b"[]", "mapping.not-a-did"),
        (b'{"did": {"scope": "a"}}', "mapping.not-a-did"),
        (b'{"did": {"scope": "a", "name": 5}}', "mapping.not-a-did"),
        (b'{"did": {"scope": "a", "name": "b"}, "metadata": [1]}', "mapping.not-a-did"),
    ],
)
def test_what_is_no_did_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        to_record(raw, {})
    assert caught.value.code == code


def test_odd_rows_are_quarantined() -> None:
    result = mapped(replicas=[{"state": "AVAILABLE"}, 7, {"rse": "A", "available_bytes": -3}], rules="none")
    assert result.record is not None
    assert result.record["replicas"] == [{"rse": "A"}]
    assert {problem.field for problem in result.problems} == {"replicas", "replicas.bytes", "rules"}


# -- the reference page ---------------------------------------------------------------------------------

PAGE = ROOT / "docs" / "reference" / "crosswalk.md"


def _tables() -> str:
    """The parts of the page that follow from the code: fields, units, default rules."""
    lines = ["<!-- fields -->", "", "| field | value | units |", "|---|---|---|"]
    for field, what in FIELDS.items():
        units = ", ".join(UNITS[DIMENSIONS[field]]) if field in DIMENSIONS else ""
        lines.append(f"| `{field}` | {what} | {units} |")
    lines += ["", "<!-- rules -->", "", "| key | field | set | in |", "|---|---|---|---|"]
    for rule in default_crosswalk().rules:
        keys = ", ".join(f"`{key}`" for key in rule.key)
        shown = [rule.unit, rule.frame if rule.field in ("position.ra", "position.dec", "footprint") else None]
        if rule.field in ("time.min", "time.max"):
            shown += [rule.format, rule.scale]
        shown += [f"scheme {rule.scheme}" if rule.scheme else None, "parts between commas" if rule.separator else None]
        lines.append(f"| {keys} | `{rule.field}` | {rule.set} | {', '.join(filter(None, shown))} |")
    return "\n".join(lines) + "\n"


def test_the_reference_page_has_the_fields_and_the_default_rules() -> None:
    """``ASTERISM_UPDATE_DOCS=1`` writes them anew."""
    assert len(default_crosswalk().rules) > 50
    text = PAGE.read_text(encoding="utf-8")
    written, mark, _ = text.partition("<!-- fields -->")
    if os.environ.get("ASTERISM_UPDATE_DOCS") == "1":
        PAGE.write_text(written + _tables(), encoding="utf-8")
        return
    assert mark + text.partition(mark)[2] == _tables()


def test_an_access_level_that_nobody_knows_hides_the_record() -> None:
    made, reason = quarantined({"data_rights": "ask the PI"}, "rights.level")
    assert made["rights"] == {"level": "restricted"}
    assert "ask the PI" in reason
