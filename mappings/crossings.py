"""Where edges cross, and whether a region lies in a union of others."""

from __future__ import annotations

import numpy as np

from mappings.polygons import Polygon
from mappings.shapes import Round


def any_cross(a: Polygon, b: Polygon) -> bool:
    """Some edge of one crosses some edge of the other; those that only touch may be left out."""
    start_b, start_a = a.normals @ b.vertices.T, b.normals @ a.vertices.T
    end_b, end_a = np.roll(start_b, -1, axis=1), np.roll(start_a, -1, axis=1)
    # arcs cross where the ends of each lie on two sides of the other, and both circles meet on the same side of the sky
    crosses = (start_b * end_b < 0) & (start_a * end_a < 0).T & ((start_b > 0) == (end_a.T > 0))
    return bool(crosses.any())


def lies_in(area: Round, others: list[Round]) -> bool:
    raise NotImplementedError
