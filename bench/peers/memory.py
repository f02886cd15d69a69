"""What memory allows: scipy's k-d tree over unit vectors, as astropy's cone search has it; mocpy over all MOCs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.peers.table import rows


class Tree:
    """All positions in a k-d tree; a cone is a ball of the chord's length."""

    def __init__(self, count: int) -> None:
        from scipy.spatial import cKDTree

        place = np.fromiter((value for row in rows(count) for value in row[1:3]), dtype=np.float64, count=2 * count)
        lon, lat = np.radians(place.reshape(-1, 2)).T
        self._tree = cKDTree(np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1))

    def count(self, ra: float, dec: float, radius: float) -> int:
        lon, lat = math.radians(ra), math.radians(dec)
        centre = [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)]
        chord = 2 * math.sin(math.radians(radius) / 2)
        return int(self._tree.query_ball_point(centre, chord, return_length=True))


class Mocs:
    """MOCs held by mocpy, each asked in turn whether it meets the cone's own MOC."""

    def __init__(self, texts: list[str]) -> None:
        from mocpy import MOC

        self._mocs = [MOC.from_string(text) for text in texts]

    def count(self, ra: float, dec: float, radius: float) -> int:
        from astropy.coordinates import Angle, Latitude, Longitude
        from mocpy import MOC

        cone: Any = MOC.from_cone(
            lon=Longitude(ra, "deg"), lat=Latitude(dec, "deg"), radius=Angle(radius, "deg"), max_depth=14
        )
        return sum(not moc.intersection(cone).empty() for moc in self._mocs)
