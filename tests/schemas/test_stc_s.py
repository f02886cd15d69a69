"""STC-S as archives write it, and what is refused in words."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.stc_s import Part, RegionError, parse_stc_s


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Circle ICRS 10 20 0.5", [Part("circle", "icrs", (10, 20, 0.5))]),
        ("CIRCLE(10, 20, .5)", [Part("circle", "icrs", (10, 20, 0.5))]),
        ("circle 10 -2e1 5E-1", [Part("circle", "icrs", (10, -20, 0.5))]),
        ("POLYGON J2000 1 2 3 4 5 6", [Part("polygon", "fk5", (1, 2, 3, 4, 5, 6))]),
        ("Box GALACTIC GEOCENTER SPHERICAL2 1 2 3 4 unit deg", [Part("box", "galactic", (1, 2, 3, 4))]),
        (
            "Ellipse ECLIPTIC J2000 UNKNOWNREFPOS 1 2 4 3 30 unit deg deg",
            [Part("ellipse", "ecliptic", (1, 2, 4, 3, 30))],
        ),
        ("Position FK4 B1950 1 2", [Part("position", "fk4", (1, 2))]),
        ("AllSky ICRS", [Part("allsky", "icrs", ())]),
        (
            "Union FK5 TOPOCENTER (Circle 1 2 3 union (Position 4 5 Circle ICRS 6 7 8) Position 9 9)",
            [
                Part("circle", "fk5", (1, 2, 3)),
                Part("position", "fk5", (4, 5)),
                Part("circle", "icrs", (6, 7, 8)),
                Part("position", "fk5", (9, 9)),
            ],
        ),
        ("CIRCLE ICRS 1 2 3 CIRCLE ICRS 4 5 6", [Part("circle", "icrs", (1, 2, 3)), Part("circle", "icrs", (4, 5, 6))]),
    ],
)
def test_what_is_read(text: str, parts: list[Part]) -> None:
    assert parse_stc_s(text) == parts


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "unknown-region", "no region"),
        ("a patch of sky", "unknown-region", "is no Circle"),
        ("Circle ICRS 1 2", "unknown-region", "2 numbers"),
        ("Circle ICRS 1 2 nan", "unknown-region", "2 numbers"),
        ("Polygon 1 2 3 4 5", "unknown-region", "5 numbers"),
        ("Circle FK7 1 2 3", "unknown-frame", "FK7"),
        ("Circle ICRS CARTESIAN2 1 2 3", "unknown-region", "CARTESIAN2"),
        ("Circle ICRS 1 2 3 unit arcmin", "unknown-region", "arcmin"),
        ("Intersection ICRS (Circle 1 2 3 Circle 1 2 4)", "unknown-region", "Intersection"),
        ("Not (Circle 1 2 3)", "unknown-region", "Not"),
        ("Convex ICRS 1 2 3", "unknown-region", "Polygon"),
        ("Union ICRS Circle 1 2 3", "unknown-region", "without ("),
        ("Union ICRS (Circle 1 2 3", "unknown-region", "without )"),
        ("Union ()", "unknown-region", "nothing"),
        ("Circle 1 2 3)", "unknown-region", "closes nothing"),
        ("Circle 1; 2 3", "unknown-region", "';'"),
        ("Circle ICRS 361 0 1", "impossible-coordinate", "361"),
        ("Circle ICRS 1 2 -3", "impossible-coordinate", "-3"),
        ("Box ICRS 1 2 180 3", "impossible-coordinate", "180"),
        ("Union (" * 30 + "Circle 1 2 3" + ")" * 30, "unknown-region", "20 unions"),
        ("Circle 1 2 3 " * 1001, "unknown-region", "1000 shapes"),
        ("Ellipse 1 2 3 2 0 " * 157, "unknown-region", "10000 vertices"),
        ("Circle ١ 2 3", "unknown-region", "ASCII"),
    ],
)
def test_what_is_refused(text: str, code: str, words: str) -> None:
    with pytest.raises(RegionError) as caught:
        parse_stc_s(text)
    assert (caught.value.code, words in str(caught.value)) == (code, True), str(caught.value)


WORDS = ("Circle", "Box", "Union", "Polygon", "ICRS", "J2000", "unit", "deg", "(", ")", "1", "-3", "1e400", "Not", "x")


@given(st.lists(st.sampled_from(WORDS)))
def test_nothing_but_its_own_error_comes_out(words: list[str]) -> None:
    with contextlib.suppress(RegionError):
        parse_stc_s(" ".join(words))
