"""Small traces for the tests of the replay, in the form that it reads; its own maker, not the synthetic generators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from placement.replay.trace import Trace, parse

DAY = 86_400.0
START = 1_700_000_000.0
GB = 10**9

Event = Mapping[str, Any]


def rse(site: str, kind: str = "DISK", total: int = GB, **more: Any) -> Event:
    """An RSE ``SITE-KIND`` at ``site``."""
    return {"eventType": "rse", "rse": f"{site}-{kind}", "rse_type": kind, "site": site, "total": total, **more}


def dataset(name: str, size: int, home: str, day: float = 0.0, **metadata: Any) -> Event:
    """A dataset that comes to be ``day`` days after the start, with its custodial copy on the RSE ``home``."""
    return {
        **{"eventType": "dataset", "scope": "s", "name": name, "bytes": size, "files": 1, "created": START + DAY * day},
        **{"replicas": [home], "metadata": metadata, "traceTimeentryUnix": START + DAY * day},
    }


def read(name: str, site: str, day: float, size: int = 1, file: str = "", **more: Any) -> Event:
    """A read of one file of a dataset, as a client of Rucio tells it."""
    return {
        **{"eventType": "download", "scope": "s", "filename": file or f"{name}.fits", "filesize": size},
        **{"dataset": name, "datasetScope": "s", "localSite": site, "remoteSite": "A-TAPE", "clientState": "DONE"},
        **{"traceTimeentryUnix": START + DAY * day, **more},
    }


def search(query: str, site: str, day: float) -> Event:
    """A search, ``day`` days after the start."""
    at = START + DAY * day
    return {"eventType": "search", "query": query, "localSite": site, "session": "1", "traceTimeentryUnix": at}


def lines(events: Iterable[Event]) -> list[bytes]:
    """The events as lines, by time."""
    ordered = sorted(({"traceTimeentryUnix": START, **one} for one in events), key=lambda e: e["traceTimeentryUnix"])
    return [orjson.dumps(one) for one in ordered]


def trace(events: Iterable[Event]) -> Trace:
    return parse(lines(events), "test")


def lake(*sites: str, tape: str = "A") -> list[Event]:
    """Equal disks at ``sites`` and a tape at site ``tape``."""
    return [*(rse(site) for site in sites), rse(tape, "TAPE", latency=3600.0)]
