"""The benchmark's records as the flat rows that a database would hold of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from bench.data import source_file

FACETS = ("facilities", "instruments", "targets", "wavebands", "product_type", "publisher", "calib_level")


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """(number, ra, dec, then one value for each of ``FACETS``) of each record."""
    with source_file(count).open("rb") as file:
        for n, line in enumerate(file):
            one = orjson.loads(line)
            place = one["position"]
            values = (one[name][0] if isinstance(one[name], list) else one[name] for name in FACETS)
            yield n, place["ra"], place["dec"], *values
