"""The storage elements (RSEs) of the demonstration's lake. All of it is synthetic, and the names say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DISK_A, DISK_B, TAPE = "SYNTHETIC-DISK-A", "SYNTHETIC-DISK-B", "SYNTHETIC-TAPE"
DISK_C, DISK_D = "SYNTHETIC-DISK-C", "SYNTHETIC-DISK-D"
_NORTH, _SOUTH, _EAST = "SYNTHETIC-NORTH", "SYNTHETIC-SOUTH", "SYNTHETIC-EAST"
TB = 10**12


@dataclass(frozen=True, slots=True)
class Storage:
    """One RSE; ``others`` are bytes that are used by what is not in the lake's list, ``limit`` -1 for none."""

    kind: str
    site: str
    country: str
    total: int
    others: int = 0
    limit: int = -1  # of every account, bytes
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def min_free(self) -> int:
        """The limit MinFreeSpace: a hundredth."""
        return self.total // 100


# ISO 3166 keeps XA to XZ for whoever needs a country that is none
STORAGE = {
    DISK_A: Storage("DISK", _NORTH, "XN", 2000 * TB, attributes={"tier": "1"}),
    DISK_B: Storage("DISK", _SOUTH, "XS", 500 * TB, attributes={"tier": "1"}),
    DISK_C: Storage("DISK", _EAST, "XE", 50 * TB, limit=20 * TB, attributes={"tier": "2", "ssd": True}),
    DISK_D: Storage("DISK", _EAST, "XE", 100 * TB, others=99 * TB + TB // 2, attributes={"tier": "2"}),
    TAPE: Storage("TAPE", _NORTH, "XN", 5000 * TB, attributes={"tier": "1"}),
}
RSES = {name: one.kind for name, one in STORAGE.items()}
_FAR = {frozenset((_NORTH, _SOUTH)): 3, frozenset((_NORTH, _EAST)): 6, frozenset((_SOUTH, _EAST)): 4}


def distance(source: str, destination: str) -> int:
    """Rucio's distance between two RSEs, 1 within a site."""
    return _FAR.get(frozenset((STORAGE[source].site, STORAGE[destination].site)), 1)


def attributes(name: str) -> dict[str, Any]:
    """Attributes as Rucio lists them; each RSE has its name as one."""
    one = STORAGE[name]
    return {name: True, "site": one.site, "country": one.country, **one.attributes}
