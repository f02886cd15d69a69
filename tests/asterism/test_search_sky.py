"""``search`` and ``coverage`` over the sky: regions of every form, counts of every kind, and what leads on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.asterism.conftest import Run
from tests.asterism.test_search_command import titles

VELA = "Vela"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--cone", "M1,1"], ["Crab"]),
        (["cone=Vela X-1,180", "relation=position"], ["Crab", VELA]),
        (["--polygon", "83,21,85,21,84,23"], ["Crab"]),
        (["--box=128.83,-45.18,1,1"], [VELA]),
        (["--moc", "0/0-11"], ["Crab", VELA]),
        (["--footprint", "Circle ICRS 83.63 22.01 0.1"], ["Crab"]),
        (["kind=dataset"], [VELA]),
        (["extra.hess.obs_id.gte=5", "crab"], ["Crab"]),
        (["--time", "MJD 53345.95/53345.96"], ["Crab"]),
        (["--time", "53300/53400", "--time-relation", "within"], ["Crab"]),
        (["--time", "53300/53400", "--time-relation", "contains"], []),
        (["crab OR vela"], ["Crab", VELA]),
        (["NOT", "crab"], [VELA]),
        (["bytes:<10"], [VELA]),
        (["--sort=-changed", "--limit", "5"], ["Crab", VELA]),
    ],
)
def test_the_sky_and_the_words(filled: Run, arguments: list[str], found: list[str]) -> None:
    assert titles(filled, *arguments) == found


def test_a_region_from_a_file_and_from_a_record(filled: Run, tmp_path: Path) -> None:
    file = tmp_path / "crab.json"
    file.write_text(json.dumps({"3": [_cell_of_crab(3)]}))
    assert titles(filled, "--moc", str(file)) == ["Crab"]
    crab = json.loads(filled("search", "crab", "--format", "json").stdout)["items"][0]["id"]
    assert titles(filled, "--footprint-of", crab) == ["Crab"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--moc", "nowhere.fits"], "query.bad-value"),
        (["--cone", "Krypton,1"], "query.unknown-object"),
        (["--footprint-of", "0000000000000000"], "query.unknown-record"),
        (["cone=1,1,1", "--box", "1,2,3,4"], "query.several-regions"),
        (["facilites=HESS"], "did you mean 'facilities'"),
    ],
)
def test_what_is_no_region(filled: Run, arguments: list[str], code: str) -> None:
    result = filled("search", *arguments)
    assert result.exit_code == 2 and code in result.stderr


def test_a_record_without_a_place_has_no_footprint(filled: Run) -> None:
    filled(
        "import",
        "--source",
        "x",
        "-",
        text='{"identifiers":[{"scheme":"doi","value":"10.5072/n"}],"kind":"software","title":"Tool"}',
    )
    tool = json.loads(filled("search", "tool", "--format", "json").stdout)["items"][0]["id"]
    assert "query.no-footprint" in filled("search", "--footprint-of", tool).stderr


def test_counts_for_people_and_for_programs(filled: Run) -> None:
    asked = ("--facets", "kind", "--facet-prefix", "kind:data", "--histogram", "bytes:4,time:2", "--density", "1")
    said = json.loads(filled("search", *asked, "--limit", "0", "--format", "json").stdout)
    assert said["facets"]["kind"]["buckets"] == [{"value": "dataset", "count": 1}]
    assert sum(said["histograms"]["bytes"]["counts"]) == 2
    assert said["histograms"]["time"]["missing"] == 1 and said["histograms"]["time"]["edges"][0] <= "2004-12-06"
    assert sorted(said["density"]["cells"].values()) == [1, 1]
    shown = filled("search", *asked).stdout
    assert "bytes" in shown and "cell of order 1" in shown and "(none)" in shown
    assert "covered" in filled("search", "--cone", "83.63,22.01,1", "--sort", "covered").stdout


def test_what_leads_on(filled: Run) -> None:
    assert "did you mean: crab" in filled("search", "crav").stdout.lower()
    assert "did you mean" not in filled("search", "crav", "--kind", "dataset").stdout.lower()  # nor would Crab be there
    assert '--cone "M 1,RADIUS"' in filled("search", "messier 1").stdout


def test_the_coverage_of_a_result_is_a_region_again(filled: Run, tmp_path: Path) -> None:
    shown = filled("coverage", "--order", "3", "crab")
    assert shown.exit_code == 0 and shown.stdout.split() == [f"3/{_cell_of_crab(3)}"]
    file = tmp_path / "crab.fits"
    assert filled("coverage", "crab", "--order", "3", "--output", str(file)).exit_code == 0
    assert file.read_bytes().startswith(b"SIMPLE")
    assert titles(filled, "--moc", str(file)) == ["Crab"]
    assert titles(filled, "--moc", str(file), "vela") == []
    assert json.loads(filled("coverage", "crab", "--form", "json", "--order", "3").stdout) == {"3": [_cell_of_crab(3)]}
    assert filled("coverage", "--kinds", "x").exit_code == 2
    gone = filled("coverage", "crab", "--output", str(tmp_path / "nowhere" / "crab.fits"))
    assert gone.exit_code == 1 and "crab.fits" in gone.stderr and "Traceback" not in gone.output


def test_a_moc_that_is_no_file_is_said_so(filled: Run) -> None:
    shown = filled("search", "--moc", "nowhere.fits")
    assert shown.exit_code == 2 and "no file nowhere.fits" in shown.stderr and "Errno" not in shown.stderr


def _cell_of_crab(order: int) -> int:
    from astropy.coordinates import SkyCoord
    from mocpy import MOC

    place = SkyCoord(83.63, 22.01, unit="deg")
    one = MOC.from_lonlat(place.ra, place.dec, max_norder=order)
    (cell,) = one.flatten()
    return int(cell)
