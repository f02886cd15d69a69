"""What the data are about: topics (a region, who observes it with what, a class of targets) and datasets of them.

Places and names are real; which facility looks where, how much, and the words of the titles are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Topic:
    """A region (degrees, ICRS), a facility and instrument, a product, a word; `calibration`: reference data."""

    region: str
    ra: float
    dec: float
    spread: float
    facility: str
    instrument: str
    field: float
    product: str
    word: str
    calibration: bool = False


# name, RA, Dec, how wide datasets lie (degrees), class of targets
_REGIONS = (
    ("COSMOS", 150.12, 2.21, 0.7, "galaxy"), ("ECDFS", 53.12, -27.80, 0.5, "galaxy"),
    ("ELAIS-S1", 9.45, -44.00, 1.5, "galaxy"), ("XMM-LSS", 35.5, -4.8, 1.5, "galaxy"),
    ("GAMA-09", 135.0, 0.5, 3.0, "galaxy"), ("GAMA-23", 345.0, -32.5, 3.0, "galaxy"),
    ("Coma cluster", 194.95, 27.98, 1.0, "cluster"), ("Virgo cluster", 187.7, 12.4, 4.0, "cluster"),
    ("Fornax cluster", 54.6, -35.45, 2.0, "cluster"), ("Perseus cluster", 49.95, 41.51, 0.8, "cluster"),
    ("LMC", 80.89, -69.76, 4.0, "nebula"), ("SMC", 13.19, -72.83, 2.0, "nebula"),
    ("M 31", 10.68, 41.27, 1.5, "galaxy"), ("Orion A", 83.8, -5.4, 1.5, "nebula"),
    ("Galactic Centre", 266.42, -29.01, 1.5, "plane"), ("Scutum arm", 278.5, -8.0, 3.0, "plane"),
    ("Carina arm", 161.0, -59.7, 3.0, "plane"), ("Cygnus X", 308.0, 41.0, 3.0, "plane"),
    ("Vela X", 128.5, -45.6, 1.5, "remnant"), ("Crab Nebula", 83.63, 22.01, 0.3, "remnant"),
    ("Cassiopeia A", 350.85, 58.81, 0.3, "remnant"), ("47 Tucanae", 6.02, -72.08, 0.2, "pulsar"),
    ("Terzan 5", 267.02, -24.78, 0.2, "pulsar"), ("Centaurus A", 201.37, -43.02, 2.0, "jet"),
)  # fmt: skip
# facility, instrument, field of view (degrees), kind of product
_OBSERVERS = (
    ("MeerKAT", "L-band", 0.5, "cube"), ("MeerKAT", "UHF", 0.9, "image"), ("ASKAP", "PAF", 3.0, "image"),
    ("LOFAR", "HBA", 2.0, "visibility"), ("H.E.S.S.", "CT1-4", 2.5, "event"), ("eROSITA", "TM", 0.5, "event"),
    ("VLT", "MUSE", 0.02, "cube"), ("Parkes", "Ultra-wideband", 0.2, "timeseries"), ("ALMA", "Band 6", 0.02, "cube"),
)  # fmt: skip
_CALIBRATORS = (
    ("3C 286", 202.78, 30.51), ("3C 48", 24.42, 33.16), ("PKS 1934-638", 294.85, -63.71),
    ("PKS 0408-65", 62.08, -65.75),
    ("3C 147", 85.65, 49.85), ("PKS 1830-211", 278.42, -21.06), ("Hydra A", 139.52, -12.10), ("Vela", 128.84, -45.18),
)  # fmt: skip
_WORDS = ("survey", "deep field", "monitoring", "mosaic", "follow-up", "polarisation", "continuum", "line", "pilot")


def topics(count: int, rng: np.random.Generator) -> list[Topic]:
    """So many topics of science, then the calibrators'."""
    made = []
    # each region in turn, so that the whole sky is used however few there are
    for place in list(rng.permutation(len(_REGIONS))) * (1 + count // len(_REGIONS)):
        name, ra, dec, spread, word = _REGIONS[int(place)]
        facility, instrument, field, product = _OBSERVERS[int(rng.integers(len(_OBSERVERS)))]
        made.append(Topic(name, ra, dec, spread, facility, instrument, field, product, word))
    del made[count:]
    for index, (name, ra, dec) in enumerate(_CALIBRATORS):
        facility, instrument, field, product = _OBSERVERS[index % 4]
        made.append(Topic(name, ra, dec, 0.02, facility, instrument, field, product, "calibrator", True))
    return made


def scattered(topic: Topic, rng: np.random.Generator) -> tuple[float, float]:
    """A place of that topic: RA and Dec in degrees, normal about the region's centre."""
    north, east = rng.normal(0, topic.spread / 2, 2).tolist()
    dec = min(89.9, max(-89.9, topic.dec + north))
    return round((topic.ra + east / cos(radians(dec))) % 360, 5), round(dec, 5)


def metadata(topic: Topic, number: int, created_mjd: float, rng: np.random.Generator) -> dict[str, Any]:
    """What the catalogue would know of a dataset, when it comes into being."""
    ra, dec = scattered(topic, rng)
    end = created_mjd - float(rng.exponential(0.2))  # reduced some hours after the last photon
    target = topic.region if rng.random() < 0.6 else f"{topic.region} {number % 40:02d}"
    kind = "gain calibration" if topic.calibration else _WORDS[int(rng.integers(len(_WORDS)))]
    return {
        "position": {"ra": ra, "dec": dec}, "radius": round(topic.field / 2, 3), "facilities": [topic.facility],
        "instruments": [topic.instrument], "product_type": topic.product, "targets": [target],
        "time": [round(end - float(rng.exponential(0.3)) - 0.01, 5), round(end, 5)],
        "title": f"{topic.facility} {topic.instrument} {topic.word} {kind} {topic.region}",
    }  # fmt: skip
