"""Wavelengths and energies as they are typed: units, bands, and which intervals they name."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.units import BANDS, UNITS, energies, wavelengths
from tests.conftest import ROOT

MESSENGERS = ROOT.parent / "shared/data/vo/regtap/pyvo__registry__tests__data__messenger.desise"


def near(found: tuple[float, float], low: float, high: float) -> bool:
    return all(math.isclose(one, other, rel_tol=1e-9) for one, other in zip(found, (low, high), strict=True))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("21 cm", 0.21, 0.21),
        ("21cm", 0.21, 0.21),
        ("500/600 nm", 5e-7, 6e-7),
        ("500nm/0.6 um", 5e-7, 6e-7),
        ("5000 Å", 5e-7, 5e-7),
        ("10 µm/..", 1e-5, math.inf),
        ("../2 keV", 6.19920992e-10, math.inf),
        ("1 GHz", 0.299792458, 0.299792458),
        ("1/2 GHz", 0.149896229, 0.299792458),
        ("1000 MHz/2 GHz", 0.149896229, 0.299792458),
        ("0/1 GHz", 0.299792458, math.inf),
        ("0.5/2 keV", 6.19920992e-10, 2.47968397e-9),
        ("1.6e-9 J", 1.24153e-16, 1.24153e-16),
        ("optical", 3e-7, 1e-6),
        ("Gamma ray", 0, 1.03320165e-11),
        ("L", 0.149896229, 0.299792458),
        ("ku", 0.0166551366, 0.0249827048),
        ("K(IR)", 2e-6, 3e-6),
        ("K", 0.0111034244, 0.0166551366),
        ("../..", 0, math.inf),
    ],
)
def test_what_is_typed_is_wavelengths(text: str, low: float, high: float) -> None:
    found = wavelengths(text)
    assert all(math.isclose(one, other, rel_tol=1e-5) for one, other in zip(found, (low, high), strict=True))
    assert found[0] <= found[1]


def test_metres_are_as_they_are_typed() -> None:
    assert wavelengths("1e-9/1e-6") == (1e-9, 1e-6)
    assert wavelengths("0.1 / 0.2") == (0.1, 0.2)
    assert energies("1e-7") == (1e-7, 1e-7)


def test_energies() -> None:
    assert near(energies("0.1/100 TeV"), 1.602176634e-8, 1.602176634e-5)
    assert near(energies("1 erg/.."), 1e-7, math.inf)
    for text in ("1 GHz", "X-ray", "-1 TeV", ""):
        with pytest.raises(ValueError, match=r"unit|number|0 or more"):
            energies(text)


@given(st.floats(1e-3, 1e12), st.floats(1, 1e6), st.sampled_from([unit for unit in UNITS if unit != "m"]))
def test_a_conversion_in_another_order_still_meets(low: float, ratio: float, unit: str) -> None:
    """A source multiplies before it divides, or the other way round: the last digit is not to lose its records."""
    kind, factor = UNITS[unit]
    if kind == "length":
        own = (low * factor, low * ratio * factor)
    else:
        scale = 299792458.0 if kind == "frequency" else 6.62607015e-34 * 299792458.0
        own = (scale / factor / (low * ratio), 1 / (low * factor / scale))
    text = f"{low!r}/{low * ratio!r} {unit}"
    wide, inner = wavelengths(text), wavelengths(text, "contains")
    assert wide[0] <= own[0] and own[1] <= wide[1]
    assert ratio < 1 + 1e-9 or (own[0] <= inner[0] and inner[1] <= own[1])


def test_neighbouring_bands_do_not_overlap() -> None:
    for lower, upper in (("UV", "Optical"), ("Optical", "Infrared"), ("V", "R"), ("Ku", "X")):
        pair = sorted([wavelengths(lower), wavelengths(upper)])
        assert pair[0][1] < pair[1][0]
    assert wavelengths("UV", "within")[1] > 300e-9 > wavelengths("UV", "contains")[1]


@pytest.mark.skipif(not MESSENGERS.exists(), reason="needs the IVOA messenger vocabulary of ../shared/data")
def test_the_messenger_bands_are_those_of_the_vocabulary() -> None:
    terms = json.loads(MESSENGERS.read_text())["terms"]
    assert set(terms) - {"Neutrino"} <= set(BANDS)
    metres = {"mm": 1e-3, "µm": 1e-6, "nm": 1e-9}
    checked = 0
    for name, term in terms.items():
        ends = re.search(r"wavelength between ([\d.]+) (\w+) and ([\d.]+) (\w+)", term["description"])
        powers = re.search(r"energy between ([\d.]+) (\w+) and ([\d.]+) (\w+)", term["description"])
        if ends:
            assert near(wavelengths(name), float(ends[1]) * metres[ends[2]], float(ends[3]) * metres[ends[4]])
        elif powers:
            low, high = f"{powers[1]} {powers[2]}", f"{powers[3]} {powers[4]}"
            assert near(wavelengths(name), wavelengths(high)[0], wavelengths(low)[1])
        checked += bool(ends or powers)
    assert checked >= 5
