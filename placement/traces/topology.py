"""The lake: sites, disks and tapes, links. LHCb's, from its pledges and the network of its simulation.

Sizes and rates are those of ``platform/lhcb_capacities.csv`` and ``platform/platform.xml`` (skygrid/grid_simulation @
e27c61c375). All latencies are 0 there: those here are assumed, from the distance on the ground.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import acos, cos, radians, sin
from typing import Any

READ_RATE, WRITE_RATE = 118e6, 500e6  # byte/s of every storage
TIER_1_LINK, TIER_2_LINK, INSIDE = 10e9, 1e9, 498e6  # byte/s: LHCOPN, to and between Tier 2s, within a site
DISK_LATENCY, TAPE_LATENCY = 1.0, 4 * 3600.0  # s; assumed: an open, and a recall with its queue


@dataclass(frozen=True)
class Site:
    """A site: pledges in bytes and HEPSPEC06, place in degrees, hours that its clocks are before UTC."""

    name: str
    tier: int
    country: str
    disk: float
    tape: float
    cpu: float
    latitude: float
    longitude: float
    zone: int


SITES = (
    Site("CERN-PROD", 0, "CH", 7600e12, 20600e12, 51000, 46.2, 6.0, 1),
    Site("IN2P3-CC", 1, "FR", 2230e12, 4360e12, 23000, 45.8, 4.9, 1),
    Site("FZK-LCG2", 1, "DE", 2500e12, 4300e12, 24400, 49.1, 8.4, 1),
    Site("INFN-T1", 1, "IT", 3150e12, 7578e12, 28080, 44.5, 11.3, 1),
    Site("NIKHEF-ELPROD", 1, "NL", 1743e12, 3019e12, 17082, 52.4, 4.9, 1),
    Site("RAL-LCG2", 1, "GB", 4050e12, 12630e12, 46800, 51.6, -1.3, 0),
    Site("pic", 1, "ES", 969e12, 1677e12, 9490, 41.5, 2.1, 1),
    Site("NRC-KI-T1", 1, "RU", 1260e12, 1480e12, 16400, 55.8, 37.5, 3),
    Site("FR-GRIF", 2, "FR", 300e12, 0, 6838, 48.7, 2.2, 1),
    Site("CH-CHIPP-CSCS", 2, "CH", 540e12, 0, 10000, 46.0, 8.9, 1),
    Site("UK-NorthGrid", 2, "GB", 300e12, 0, 7577, 53.5, -2.2, 0),
    Site("T2-LATINAMERICA", 2, "BR", 240e12, 0, 5530, -22.9, -43.2, -3),
)


def disk(site: int) -> str:
    """The name of a site's disk."""
    return f"{SITES[site].name}-DISK"


def tape(site: int) -> str:
    """The name of a site's tape."""
    return f"{SITES[site].name}-TAPE"


def kilometres(a: Site, b: Site) -> float:
    """Between two sites on the ground."""
    north, south = radians(a.latitude), radians(b.latitude)
    between = sin(north) * sin(south) + cos(north) * cos(south) * cos(radians(a.longitude - b.longitude))
    return 6371 * acos(max(-1.0, min(1.0, between)))


def events(at: int) -> Iterator[dict[str, Any]]:
    """The ``rse`` and ``distance`` events, all at one time (unix s)."""
    ends: list[tuple[str, Site]] = []
    for index, site in enumerate(SITES):
        for name, kind, total, latency in (
            (disk(index), "DISK", site.disk, DISK_LATENCY),
            (tape(index), "TAPE", site.tape, TAPE_LATENCY),
        ):
            if total:
                ends.append((name, site))
                yield {
                    "traceTimeentryUnix": at, "eventType": "rse", "rse": name, "rse_type": kind, "site": site.name,
                    "total": int(total), "country": site.country, "latency": latency,
                    "read_rate": READ_RATE, "write_rate": WRITE_RATE,
                }  # fmt: skip
    for source, here in ends:
        for destination, there in ends:
            if source == destination or destination.endswith("-TAPE"):
                continue  # nothing is moved to a tape after it was made
            far = kilometres(here, there)
            rate = INSIDE if here == there else TIER_2_LINK if max(here.tier, there.tier) == 2 else TIER_1_LINK
            yield {
                "traceTimeentryUnix": at, "eventType": "distance", "source": source, "destination": destination,
                "distance": 1 + round(far / 500), "rate": rate,
                "latency": round(2 * 1.5 * far / 2e5 + 0.001, 4),  # there and back in fibre half as long again
            }  # fmt: skip
