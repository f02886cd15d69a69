"""Words with one right spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import RESPELT, canonical


@pytest.mark.parametrize(
    "written", ["HESS", "H.E.S.S.", "h.e.s.s", "Hess", "H E S S", "High Energy Stereoscopic System"]
)
def test_hess_however_it_is_written(written: str) -> None:
    assert canonical("facilities", written) == "H.E.S.S."


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("gamma-ray", "Gamma-ray"),
        ("GAMMA RAY", "Gamma-ray"),
        ("xray", "X-ray"),
        ("millimetre", "Millimeter"),
        ("ultraviolet", "UV"),
        ("radio", "Radio"),
        ("neutrino", "Neutrino"),
    ],
)
def test_bands_without_case(written: str, right: str) -> None:
    assert canonical("wavebands", written) == right


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("LSST", "Rubin"),
        ("Hubble Space Telescope", "HST"),
        ("meerkat", "MeerKAT"),
        ("CTA", "CTAO"),
        ("xmm", "XMM-Newton"),
    ],
)
def test_other_names_of_observatories(written: str, right: str) -> None:
    assert canonical("facilities", written) == right


def test_what_is_not_known_stays_as_it_is() -> None:
    assert canonical("facilities", "My Telescope 3000") == "My Telescope 3000"
    assert canonical("targets", "HESS") == "HESS"  # a field that has no right spelling
    assert {"facilities", "wavebands"} == RESPELT


@given(st.sampled_from(sorted(RESPELT)), st.text(max_size=30))
def test_the_right_spelling_is_its_own(field: str, written: str) -> None:
    assert canonical(field, canonical(field, written)) == canonical(field, written)
