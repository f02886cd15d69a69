"""The benchmark's record: some 20 fields and 1.3 kB of JSON, uniform over the sphere, from a fixed seed.

Invented from end to end, and only for measuring: DOIs are in the test prefix 10.5072.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import orjson

SEED = 20261121
_FACILITIES = ["H.E.S.S.", "MAGIC", "VERITAS", "LOFAR", "MeerKAT", "ALMA", "VLT", "XMM-Newton", "Chandra", "Gaia"]
_BANDS = ["Radio", "Millimeter", "Infrared", "Optical", "UV", "X-ray", "Gamma-ray"]
_PRODUCTS = ["image", "cube", "spectrum", "timeseries", "event", "measurements"]
_LICENCES = ["CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0"]
_SYLLABLES = ["ba", "co", "di", "fu", "ga", "hel", "ion", "ka", "lum", "mi", "nor", "pul", "qua", "ra", "sol", "ter"]


def _vocabulary(rng: random.Random, size: int) -> list[str]:
    return ["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(size)]


def records(count: int) -> Iterator[dict[str, Any]]:
    """``count`` records of our schema, as ``asterism import`` takes them."""
    rng = random.Random(SEED)
    words = _vocabulary(rng, 8000)
    people = [f"{rng.choice(words).title()}, {rng.choice('ABCDEFGHJKLM')}." for _ in range(5000)]
    for n in range(count):
        ra, dec = rng.uniform(0, 360), math.degrees(math.asin(rng.uniform(-1, 1)))
        start = rng.uniform(50000, 61000)
        size = int(rng.lognormvariate(20, 2))
        yield {
            "identifiers": [{"scheme": "doi", "value": f"10.5072/bench.{n}"}],
            "kind": "observation",
            "title": " ".join(rng.choices(words, k=7)),
            "description": " ".join(rng.choices(words, k=45)),
            "creators": [{"name": name} for name in rng.choices(people, k=2)],
            "publisher": f"Data centre {rng.randrange(30)}",
            "subjects": [{"term": word, "scheme": "UAT"} for word in rng.choices(words[:400], k=2)],
            "dates": [{"date": f"20{rng.randrange(10, 26)}-{rng.randrange(1, 13):02d}-01", "type": "Issued"}],
            "facilities": [rng.choice(_FACILITIES)],
            "instruments": [f"instrument {rng.randrange(60)}"],
            "targets": [f"field {rng.randrange(2000)}"],
            "wavebands": [rng.choice(_BANDS)],
            "product_type": rng.choice(_PRODUCTS),
            "calib_level": rng.randrange(4),
            "position": {"ra": round(ra, 6), "dec": round(dec, 6)},
            "time": [{"min": round(start, 5), "max": round(start + 0.02, 5)}],
            "spectral": [{"min": 1e-7, "max": 2e-7}],
            "access": [{"url": f"https://archive.invalid/{n}.fits", "media_type": "application/fits", "bytes": size}],
            "rights": {"level": "open", "licence": rng.choice(_LICENCES)},
            "bytes": size,
            "files": rng.randrange(1, 20),
            "extra": {"bench": {"obs_id": n, "band": rng.choice("LSCXK"), "seeing": round(rng.uniform(0.4, 2), 2)}},
        }


def lines(count: int) -> Iterator[bytes]:
    """The same, one JSON object a line."""
    for record in records(count):
        yield orjson.dumps(record) + b"\n"
