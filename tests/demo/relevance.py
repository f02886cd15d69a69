"""Sixty questions of this field over the demonstration's records, and which records answer them.

Judged by reading titles, names and subjects (the records have little more), not by looking at what a search finds: 3 is
what was asked for, 2 helps, 1 is near it. A record is named by a pattern of one of its identifiers, or by
``FIELD=PATTERN`` of another field. What is not named is of no use for the question.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

VIZIER = "ivo://cds.vizier/"
_PULSARS = (
    *("vii/189", "vii/156", "j/mnras/501/1116", "j/mnras/359/1524", "j/mnras/458/3341", "j/other/raa/21.107"),
    *("j/a+a/618/a186", "j/mnras/484/3691", "j/mnras/527/5183", "j/apj/642/868", "j/apj/916/100", "j/a+a/626/a104"),
    *("j/a+a/492/923", "j/mnras/493/1063", "j/mnras/436/3557", "j/mnras/427/1052"),
)
PULSARS = tuple(VIZIER + name for name in _PULSARS) + tuple(
    f"ivo://nasa.heasarc/{name}" for name in ("pulsar", "atnfpulsar", "pmpulsar", "fermil2psr")
)
TITLE = "title="


def _v(*names: str) -> tuple[str, ...]:
    return tuple(VIZIER + name for name in names)


def _std(*names: str) -> tuple[str, ...]:
    return tuple(f"ivo://ivoa.net/std/{name}" for name in names)


Judgement = Mapping[int, Sequence[str]]
QUERIES: list[tuple[str, Judgement]] = [
    # what there is on a kind of object
    ("q=pulsars", {3: PULSARS}),
    (
        "q=pulsar catalog",
        {
            3: (*_v("vii/189", "vii/156"), "ivo://nasa.heasarc/pulsar", "ivo://nasa.heasarc/atnfpulsar"),
            2: ("ivo://nasa.heasarc/pmpulsar", "ivo://nasa.heasarc/fermil2psr"),
            1: PULSARS,
        },
    ),
    ("q=gamma-ray pulsars", {3: ("ivo://nasa.heasarc/fermil2psr",), 2: _v("j/a+a/492/923")}),
    ("q=millisecond pulsars", {3: _v("j/mnras/458/3341")}),
    (
        "q=pulsar timing",
        {3: _v("j/mnras/458/3341", "j/mnras/484/3691", "j/a+a/492/923", "j/mnras/427/1052", "j/mnras/493/1063")},
    ),
    (
        "q=new pulsars",
        {
            3: (*_v("j/mnras/359/1524", "j/other/raa/21.107"), "ivo://nasa.heasarc/pmpulsar"),
            2: _v("j/mnras/493/1063", "j/a+a/626/a104"),
        },
    ),
    ("q=pulsar proper motions", {3: _v("j/apj/916/100")}),
    ("q=rotation measures", {3: _v("j/apj/642/868")}),
    ('q="white dwarf binaries"', {3: _v("j/apj/769/66")}),
    ("q=black holes", {3: _v("j/apj/864/150"), 2: _v("j/apj/914/121")}),
    ("q=SMBH binaries", {3: _v("j/apj/914/121")}),
    ("q=multiple stars OR trapezium", {3: _v("i/134")}),
    # surveys
    ("q=HTRU survey", {3: _v("j/mnras/436/3557", "j/mnras/427/1052")}),
    ("q=Arecibo", {3: _v("j/mnras/359/1524", "j/aj/130/2613")}),
    ("q=galactic plane survey", {3: _v("j/a+a/612/a1", "j/a+a/619/a124")}),
    ("q=infrared deep sky survey", {3: ("ivo://wfau.roe.ac.uk/ukidssdr1-dsa",)}),
    (
        "q=title:survey kind:service",
        {
            3: (
                *_v("j/a+a/619/a124", "j/mnras/436/3557", "j/mnras/427/1052", "j/apj/769/66", "j/aj/130/2613"),
                *_v("j/a+a/612/a1", "j/a+a/530/a138", "j/mnras/359/1524"),
                "ivo://nasa.heasarc/pmpulsar",
                "ivo://wfau.roe.ac.uk/ukidssdr1-dsa",
            )
        },
    ),
    ("q=Gaia", {3: _v("j/mnras/501/1116", "j/apj/861/113")}),
    ("q=VLA COSMOS radio sources", {3: ("ivo://uk.ac.le.star.tmpledas/*",)}),
    # observatories and instruments
    ("q=H.E.S.S. Galactic Plane Survey", {3: _v("j/a+a/612/a1")}),
    (
        "q=HESS",
        {
            3: (*_v("j/a+a/612/a1", "j/a+a/621/a116"), "10.5281/zenodo.1421099", "hess:hess_dl3_dr1"),
            2: ("hess:hess_dl3_dr1.obs_*",),
        },
    ),
    (
        "q=H.E.S.S. public data release",
        {3: ("10.5281/zenodo.1421099",), 2: ("hess:hess_dl3_dr1",), 1: ("hess:hess_dl3_dr1.obs_*",)},
    ),
    ("q=HAWC", {3: _v("j/apj/905/76")}),
    ("q=Swift", {3: ("ivo://nasa.heasarc/swiftmastr",)}),
    (
        "q=Fermi",
        {3: ("ivo://nasa.heasarc/fermil2psr", *_v("j/a+a/492/923"))},
    ),
    ("q=SINFONI", {3: ("eso:SINFO.*", "eso:eso_sinfoni_galactic_centre")}),
    ("q=VISTA VIRCAM", {3: ("eso:ADP.*",), 1: ("eso:eso_vvv_galactic_centre",)}),
    ("q=HST WFPC2", {3: ("instruments=WFPC2*",), 1: ("instruments=WFPC", "instruments=ACS", "instruments=STIS*")}),
    ("q=Hubble Space Telescope", {3: ("facilities=HST",)}),
    ("q=GALEX image", {3: ("facilities=GALEX",)}),
    ("q=INTEGRAL", {3: ("facilities=INTEGRAL", "integral:integral_3c273")}),
    ("q=Potsdam plates", {3: ("gavo:potsdam_plates",), 2: ("gavo:*",)}),
    ("q=James Webb", {3: (TITLE + "jwst *",)}),
    # objects
    ("q=Crab", {3: ("targets=Crab",)}),
    ("q=RX J1713.7-3946", {3: ("targets=RX J1713.7-3946",)}),
    ("q=PKS 2155-304", {3: ("targets=PKS 2155-304*",)}),
    ('q="PKS 2155-304" flare', {3: ("targets=PKS 2155-304 (flare)",), 1: ("targets=PKS 2155-304 (steady)",)}),
    ("q=3C 273", {3: ("integral:integral_3c273", *_v("j/mnras/459/140")), 2: ("facilities=INTEGRAL",)}),
    ("q=HESS J1825-137", {3: _v("j/a+a/621/a116")}),
    ("q=M101", {3: ("targets=*M101",), 2: ("targets=*NGC5457",)}),
    ("q=NGC 1068", {3: ("targets=NGC1068*",)}),
    ("q=EV Lac", {3: ("targets=EV-LAC",)}),
    (
        "q=galactic centre",
        {3: ("eso:eso_sinfoni_galactic_centre", "eso:eso_vvv_galactic_centre"), 2: ("targets=SGR*",)},
    ),
    # particle physics
    ("q=LHCb dimuon", {3: ("cernopendata:LHCb_*_DIMUON_*",)}),
    ("q=minimum bias OR MinimumBias", {3: ("cernopendata:MinimumBias*",), 2: ("cernopendata:*MinBias*",)}),
    ("q=proton scattering Roman Pots", {3: ("instruments=TOTEM",), 1: ("cernopendata:totem_2011",)}),
    # software and data on Zenodo
    ("q=Gammapy", {3: (TITLE + "Gammapy *",)}),
    ("q=Gammapy 1.2", {3: ("10.5281/zenodo.10726484",), 1: (TITLE + "Gammapy *",)}),
    ("q=gravitational waves", {3: (TITLE + "GWTC*",), 2: (TITLE + "Bilby *",)}),
    ("q=GWTC-3", {3: ("10.5281/zenodo.5546662", "10.5281/zenodo.5636815")}),
    ("q=parameter estimation samples", {3: (TITLE + "GWTC* parameter estimation samples",)}),
    ("q=cosmology", {3: (TITLE + "SkyPy *",), 2: ("10.5281/zenodo.8417283",)}),
    (
        "q=healpix",
        {3: (*_std("moc"), TITLE + "healpy *"), 2: _std("hips")},
    ),
    ("q=ESCAPE", {3: ("10.5281/zenodo.4923992", TITLE + "eOSSR *")}),
    ("q=photometry&kind=software", {3: (TITLE + "Photutils *",)}),
    # standards and registries
    ("q=simple spectral access", {3: _std("ssa")}),
    ("q=table access protocol", {3: _std("obscore", "obsloctap"), 2: _std("tapregext", "regtap")}),
    ("q=ATNF", {3: ("ivo://nasa.heasarc/atnfpulsar", "ivo://au.csiro/*")}),
    # identifiers, whole and in part
    ("q=ivo://ivoa.net/std/votable", {3: _std("votable")}),
    ("q=J/A%2BA/612/A1", {3: _v("j/a+a/612/a1")}),
]


def grade(record: Mapping[str, Any], judged: Judgement) -> int:
    """The highest grade that a record has."""
    return max((level for level, patterns in judged.items() if _any(record, patterns)), default=0)


def _any(record: Mapping[str, Any], patterns: Iterable[str]) -> bool:
    names = [one["value"] for one in record["identifiers"]]
    for pattern in patterns:
        field, equals, value = pattern.partition("=")
        have = record.get(field, []) if equals else names
        if any(fnmatchcase(one, value if equals else pattern) for one in ([have] if isinstance(have, str) else have)):
            return True
    return False


def ndcg(grades: Sequence[int], everything: Iterable[int], depth: int = 10) -> float:
    """Normalised discounted cumulative gain of a ranking's grades, with 2^grade - 1 as gain (Burges et al. 2005)."""
    best = _gain(sorted(everything, reverse=True)[:depth])
    return _gain(grades[:depth]) / best


def _gain(grades: Sequence[int]) -> float:
    return sum((2**one - 1) / math.log2(place + 2) for place, one in enumerate(grades))
