"""Names of objects, however they are written, lead to places that catalogues agree with."""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.objects import KnownObject, known_object, names

NAMES = names()
# a few from the literature, by hand
PLACES = {
    "M31": (10.6847, 41.2688),
    "Crab": (83.6332, 22.0145),
    "Sgr A*": (266.4168, -29.0078),
    "Cyg X-1": (299.5903, 35.2016),
    "Mrk 421": (166.1138, 38.2088),
    "PKS 2155-304": (329.7169, -30.2256),
    "3C 273": (187.2779, 2.0524),
    "TXS 0506+056": (77.3582, 5.6931),
    "Vela Pulsar": (128.8361, -45.1764),
}


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Degrees between two places, by the haversine."""
    (ra, dec), (ra2, dec2) = (map(math.radians, place) for place in (one, other))
    half = math.sin((dec - dec2) / 2) ** 2 + math.cos(dec) * math.cos(dec2) * math.sin((ra - ra2) / 2) ** 2
    return math.degrees(2 * math.asin(min(1, math.sqrt(half))))


def place(name: str) -> tuple[float, float]:
    found = known_object(name)
    assert found is not None, name
    return found.ra, found.dec


@pytest.mark.parametrize("name", PLACES)
def test_places_from_the_literature(name: str) -> None:
    assert apart(place(name), PLACES[name]) < 0.01


def test_every_messier_object_and_many_more() -> None:
    assert all(known_object(f"M {n}") for n in range(1, 111))
    assert known_object("M 111") is None and known_object("M 0") is None
    assert sum(name.startswith(("NGC ", "IC ")) for name in NAMES) > 230
    assert len(set(NAMES.values())) > 350
    assert all(0 <= one.ra < 360 and -90 <= one.dec <= 90 for one in NAMES.values())


def test_no_name_is_of_two_objects() -> None:
    # names that differ in case or dashes alone are one name
    assert [name for name, one in NAMES.items() if known_object(name) != one] == []


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        *[(asked, "M 31") for asked in ("m 31", "Messier 31", "M-31", "NGC 224", "ngc0224", "ANDROMEDA  galaxy")],
        *[(asked, "Mrk 421") for asked in ("Mkn421", "Markarian 421", "mrk\u2013421")],
        *[(asked, "PKS 2155-304") for asked in ("PKS2155\u2212304", "pks 2155 304")],
        ("Barnards star", "Barnard's Star"),
        ("η Carinae", "Eta Carinae"),
        ("α Cen", "Alpha Centauri"),
        ("RXJ1713.7-3946", "RX J1713.7-3946"),
        ("M 077", "M 77"),
        ("NGC 1068", "M 77"),
        ("ls i +61 303", "LS I +61 303"),
        ("sgra*", "Sgr A*"),
    ],
)
def test_however_it_is_written(asked: str, name: str) -> None:
    found = known_object(asked)
    assert found is not None and found.name == name


@pytest.mark.parametrize("asked", ["", " ", "-", "M", "31", "M31a", "PKS 2155+304", "Crab nebula flare", "x" * 10_000])
def test_other_words_are_no_objects(asked: str) -> None:
    assert known_object(asked) is None


@given(st.text(max_size=30))
def test_any_text_is_answered(text: str) -> None:
    assert known_object(text) is None or isinstance(known_object(text), KnownObject)


def test_a_designation_made_of_coordinates_is_near_its_place() -> None:
    """J2000 names say right ascension and declination to some minutes; B1950 ones precess, and end in whole degrees."""
    checked = 0
    for name, one in NAMES.items():
        found = re.search(r"(J|B|1ES |PKS |TXS |PG )?(\d\d)(\d\d)(?:\.\d)?([+-])(\d\d)(\d\d|\d)?", name)
        if found is None or not re.match(r"(PSR|RX|HESS|1ES|PKS|TXS|PG|H|TeV|MGRO|Q|S[35]|SGR|1E) ?J?B?\d", name):
            continue
        hours, minutes, sign, degrees, rest = found.group(2, 3, 4, 5, 6)
        ra = (int(hours) + int(minutes) / 60) * 15
        dec = int(degrees) + (0 if rest is None else int(rest) / (60 if len(rest) == 2 else 10))
        assert apart((one.ra, one.dec), (ra, -dec if sign == "-" else dec)) < 1.6, name
        checked += 1
    assert checked > 35


def sexagesimal(row: dict[str, str]) -> tuple[float, float]:
    hours, degrees = row["RA"].split(":"), row["Dec"].lstrip("+-").split(":")
    ra, dec = (sum(float(part) / 60**n for n, part in enumerate(parts)) for parts in (hours, degrees))
    return ra * 15, -dec if row["Dec"].startswith("-") else dec


def test_the_new_general_catalogue_agrees(shared_data: Path) -> None:
    folder = shared_data / "catalogues"
    with gzip.open(folder / "database_files__NGC.csv.gz", "rt", encoding="utf-8") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file, delimiter=";") if row["RA"]}
    checked = 0
    for name in NAMES:
        if found := re.fullmatch(r"(NGC|IC) (\d+)", name):
            row = rows[f"{found[1]}{int(found[2]):04}"]
            assert apart(place(name), sexagesimal(row)) < 0.002, name
            checked += 1
            if row["M"] and int(row["M"]) != 102:
                assert place(f"M {int(row['M'])}") == place(name)
    assert checked > 230


def test_another_list_of_messier_objects_agrees(shared_data: Path) -> None:
    features = json.loads((shared_data / "catalogues" / "messier.json").read_text())["features"]
    off = {}
    for feature in features:
        ra, dec = feature["geometry"]["coordinates"]
        off[feature["id"]] = apart(place(feature["id"]), (ra % 360, dec))
    assert len(off) >= 109
    # that list is of arc minutes, and of open clusters and clouds each has a middle of its own
    assert sorted(off.values())[len(off) * 9 // 10] < 0.1, off
    assert [name for name, angle in off.items() if angle > 0.7 and name != "M102"] == []


def test_the_gamma_ray_sources_agree(shared_data: Path) -> None:
    lines = (shared_data / "observations" / "gamma_cat" / "output__gammacat.ecsv").read_text().splitlines()
    rows = list(csv.DictReader((line for line in lines if not line.startswith("#")), delimiter=" "))
    # whole complexes, of which others name another part
    apart_from = {"SN 1006", "W28", "W 49B", "W 51C", "Westerlund 1", "IC 443"}
    checked = 0
    for row in rows:
        if row["common_name"] not in apart_from and known_object(row["common_name"]) is not None:
            assert apart(place(row["common_name"]), (float(row["ra"]), float(row["dec"]))) < 0.03, row["common_name"]
            checked += 1
    assert checked > 40


def test_the_stars_agree(shared_data: Path) -> None:
    with gzip.open(shared_data / "catalogues" / "stars.14.json.gz") as file:
        stars = [(row["geometry"]["coordinates"], row["properties"]["mag"]) for row in json.load(file)["features"]]
    bright = [(ra % 360, dec) for (ra, dec), magnitude in stars if float(magnitude) < 3.5]
    named = (
        "Sirius",
        "Vega",
        "Polaris",
        "Betelgeuse",
        "Aldebaran",
        "Arcturus",
        "Antares",
        "Rigel",
        "Fomalhaut",
        "Algol",
    )
    assert len(bright) > 200
    for name in named:
        assert min(apart(place(name), star) for star in bright) < 0.02, name
