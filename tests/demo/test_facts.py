"""The facts: enough of them, each with its origin, none of them made up by a slip."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from mocpy import MOC

from demo.lake import RSES, Lake
from demo.rows import FOLDER, rows

NAMES = ("vo_resources", "zenodo_records", "observations")


def test_the_folder_holds_these_files_and_says_what_they_are() -> None:
    found = {path.name for path in FOLDER.iterdir()}
    assert found == {*(f"{name}.csv" for name in NAMES), "README.md"}
    readme = (FOLDER / "README.md").read_text()
    for name in NAMES:
        assert f"| `{name}.csv` | {len(rows(name))} |" in readme
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000


@pytest.mark.parametrize("name", NAMES)
def test_each_row_names_its_origin_and_nothing_is_described(name: str) -> None:
    table = rows(name)
    assert all(len(row["origin"]) > 15 for row in table)
    assert not {"description", "abstract"} & table[0].keys()


def test_150_vo_resources_have_an_identifier_of_their_own_and_a_sky_coverage() -> None:
    table = rows("vo_resources")
    assert len({row["ivoid"].lower() for row in table}) == len(table)
    assert all(re.fullmatch(r"ivo://[\w.-]{3,}(/\S+)?", row["ivoid"]) for row in table)
    covered = [row for row in table if row["moc"]]
    assert len(covered) >= 150
    for row in covered:
        moc = MOC.from_string(row["moc"], "ascii")
        assert moc.max_order <= int(row["moc_order"]) <= 8
        assert moc.sky_fraction >= float(row["sky_fraction"]) * 0.999  # degraded: it never covers less


def test_a_vizier_identifier_follows_from_its_table() -> None:
    covered = [row for row in rows("vo_resources") if row["table"]]
    assert covered
    assert all(row["ivoid"] == "ivo://CDS.VizieR/" + row["table"].rpartition("/")[0] for row in covered)


def test_that_rule_holds_where_the_registry_itself_names_the_identifier() -> None:
    known = [row for row in rows("vo_resources") if "/cat/" in row["reference_url"] and "RegTAP" in row["origin"]]
    assert len(known) == 26
    for row in known:
        assert row["ivoid"] == "ivo://cds.vizier/" + row["reference_url"].partition("/cat/")[2].lower()


def test_100_zenodo_records_have_a_doi_of_their_own() -> None:
    table = rows("zenodo_records")
    dois = {row["doi"] for row in table}
    assert len(dois) == len(table) >= 100
    assert all(re.fullmatch(r"10\.5281/zenodo\.[1-9]\d{5,7}", doi) for doi in dois)
    assert not dois & {row["concept_doi"] for row in table}


def test_300_observations_have_a_pointing_and_a_time() -> None:
    table = rows("observations")
    assert len({(row["scope"], row["name"]) for row in table}) == len(table)
    pointed = [row for row in table if row["ra"]]
    assert len(pointed) >= 300
    for row in pointed:
        assert 0 <= float(row["ra"]) < 360
        assert -90 <= float(row["dec"]) <= 90
        assert row["time_scale"] in ("UTC", "TT")
        if row["kind"] == "fits":
            assert 1950 < datetime.fromisoformat(row["time_start"]).year < 2025
        else:
            assert 20_000 < float(row["time_start"]) <= float(row["time_end"]) < 60_000
    assert sum(bool(row["bytes"]) for row in table) > 350


def test_the_four_crab_runs_are_there() -> None:
    crab = [row for row in rows("observations") if row["target"] == "Crab"]
    assert {row["name"][-6:] for row in crab} == {"023523", "023526", "023559", "023592"}
    assert all(abs(float(row["dec"]) - 22.0145) < 1 and abs(float(row["ra"]) - 83.6331) < 2 for row in crab)


def test_what_is_made_up_says_so() -> None:
    lake = Lake.of_facts()
    assert all("SYNTHETIC" in rse for rse in RSES)
    assert {rse for did in lake.dids.values() for rse in did.rses} <= RSES.keys()
    assert all(set(rule.rse_expression.split("|")) <= RSES.keys() for rule in lake.rules.values())
