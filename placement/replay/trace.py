"""A trace: a lake's storage, its datasets as they came to be, what was searched and what was read, in time's order.

JSON lines, plain or gzip, one event a line, ``traceTimeentryUnix`` (Unix seconds) not descending; by ``eventType``:
``rse`` and ``distance`` describe the lake, ``dataset`` and ``search`` the catalogue, and ``get``, ``get_sm``,
``get_sm_a`` and ``download`` are reads as Rucio's clients and pilots send them. A trace of reads alone works too: then
datasets are what was read, their custodial copy is where they were first read from, and all links are alike.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from placement.state import ELSEWHERE, Floats, Ints
from schemas.errors import PlacementError
from schemas.record import record_id

HOUR = 3600.0
ONE_READ = 6 * HOUR  # files of a dataset that a site reads within this time of the first are one read of the dataset
READS = frozenset({"get", "get_sm", "get_sm_a", "download"})
STAGING = 4 * HOUR  # of a tape of which no latency is said
LATENCY = 0.1  # seconds, where none is said
SOURCE = "replay"  # of the records
RATE = 100e6  # bytes/s of a link of which nothing is said

Did = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Storage:
    """An RSE that holds custodial copies; ``site`` is its site's place, ``latency`` in seconds, ``rate`` in bytes/s."""

    name: str
    site: int
    tape: bool
    latency: float
    rate: float


@dataclass(frozen=True, slots=True)
class Trace:
    """S sites, N datasets and the events, times in Unix seconds.

    ``shares``: of all disk for placed copies, the part at each site. ``latency`` (seconds) and ``rate`` (bytes/s) are
    of links, by (from, to). ``homes``: where the custodial copies of a dataset are, as places in ``storages``.
    ``records`` are as the catalogue would have them.
    """

    name: str
    sites: tuple[str, ...]
    shares: Floats  # S
    storages: tuple[Storage, ...]
    latency: Floats  # S, S
    rate: Floats  # S, S
    dids: tuple[Did, ...]
    bytes: Ints  # int64, N
    created: Floats  # N
    homes: tuple[tuple[int, ...], ...]
    records: tuple[Mapping[str, Any], ...]
    search_at: Floats
    search_site: Ints
    queries: tuple[str, ...]
    read_at: Floats
    read_of: Ints
    read_site: Ints

    def __len__(self) -> int:
        return len(self.dids)

    @property
    def start(self) -> float:
        """When the first thing is searched, read or made."""
        firsts = [float(one[0]) for one in (self.search_at, self.read_at) if len(one)]
        return min(firsts)

    @property
    def end(self) -> float:
        """When the last read begins."""
        return float(self.read_at[-1])


def read_trace(path: Path) -> Trace:
    """The trace in a file.

    Raises
    ------
    PlacementError
        ``placement.bad-trace``: no JSON, not in time's order, or nothing is read in it.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as lines:
            return parse(lines, path.name)
    except (OSError, EOFError) as error:
        raise PlacementError("bad-trace", f"cannot read {path}: {error}") from None


def parse(lines: Iterable[bytes], name: str) -> Trace:
    """The trace of ``lines``; see :func:`read_trace`."""
    made = _Reader()
    last = -math.inf
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = orjson.loads(line)
            at = float(event.get("traceTimeentryUnix", event.get("timeStart", -math.inf)))
            if at < last:
                raise ValueError("is earlier than the line before it")
            last = max(last, at)
            made.take(event, at)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            said = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise PlacementError("bad-trace", f"line {n} of {name}: {said}", line=n) from None
    if not made.reads:
        raise PlacementError("bad-trace", f"nothing is read in {name}: no event of {', '.join(sorted(READS))}")
    return made.trace(name)


@dataclass(slots=True)
class _Dataset:
    created: float
    homes: list[str]
    record: Mapping[str, Any]
    bytes: int | None = None
    files: dict[str, int] = field(default_factory=dict)


class _Reader:
    """Takes events one by one; :meth:`trace` puts them in arrays."""

    def __init__(self) -> None:
        self.rses: dict[str, Mapping[str, Any]] = {}
        self.links: dict[Did, Mapping[str, Any]] = {}
        self.datasets: dict[Did, _Dataset] = {}
        self.searches: list[tuple[float, str, str]] = []
        self.reads: list[tuple[float, Did, str]] = []
        self.begun: dict[tuple[Did, str], float] = {}

    def take(self, event: Mapping[str, Any], at: float) -> None:
        kind = event.get("eventType")
        if kind in READS:
            if event.get("clientState", "DONE") == "DONE":
                self._read(event, at)
        elif kind == "search":
            self.searches.append((at, event["query"], event.get("localSite") or ELSEWHERE))
        elif kind == "dataset":
            did = (event["scope"], event["name"])
            if did not in self.datasets:
                record = record_of(did, event.get("metadata") or {})
                self.datasets[did] = _Dataset(at, list(event.get("replicas") or ()), record, int(event["bytes"]))
        elif kind == "rse":
            self.rses[event["rse"]] = event
        elif kind == "distance":
            self.links[event["source"], event["destination"]] = event

    def _read(self, event: Mapping[str, Any], at: float) -> None:
        file = (event["scope"], event["filename"])
        did = (event.get("datasetScope") or event["scope"], event["dataset"]) if event.get("dataset") else file
        site = self.site(event.get("localSite") or ELSEWHERE)
        known = self.datasets.get(did)
        if known is None:
            home = event.get("remoteSite")
            known = self.datasets[did] = _Dataset(at, [home] if home else [], record_of(did, {}))
        if known.bytes is None:
            known.files[file[1]] = int(event.get("filesize") or 0)
        if at - self.begun.get((did, site), -math.inf) > ONE_READ:
            self.begun[did, site] = at
            self.reads.append((at, did, site))

    def site(self, name: str) -> str:
        """The site of a place that is named by its RSE or its site."""
        rse = self.rses.get(name)
        return (rse.get("site") or name) if rse else name

    def trace(self, name: str) -> Trace:
        homes = {home for one in self.datasets.values() for home in one.homes}
        named = {self.site(one) for one in (*self.rses, *homes)}
        read_in = {site for _, _, site in self.reads}
        lost = any(not one.homes for one in self.datasets.values())
        sites = tuple(sorted(named | read_in | ({ELSEWHERE} if lost else set())))
        place = {site: n for n, site in enumerate(sites)}
        storages = [
            self._storage(rse, place) for rse in sorted({*self.rses, *homes} | ({ELSEWHERE} if lost else set()))
        ]
        at = {one.name: n for n, one in enumerate(storages)}
        latency, rate = self._links(sites, place)
        dids = tuple(self.datasets)
        number = {did: n for n, did in enumerate(dids)}
        made = tuple(self.datasets.values())
        return Trace(
            name=name,
            sites=sites,
            shares=self._shares(sites, read_in),
            storages=tuple(storages),
            latency=latency,
            rate=rate,
            dids=dids,
            bytes=np.array([max(1, sum(d.files.values()) if d.bytes is None else d.bytes) for d in made], np.int64),
            created=np.array([d.created for d in made]),
            homes=tuple(tuple(sorted({at[home] for home in d.homes} or {at[ELSEWHERE]})) for d in made),
            records=tuple(d.record for d in made),
            search_at=np.array([one[0] for one in self.searches], np.float64),
            search_site=np.array([place.get(self.site(one[2]), -1) for one in self.searches], np.int64),
            queries=tuple(one[1] for one in self.searches),
            read_at=np.array([one[0] for one in self.reads]),
            read_of=np.array([number[one[1]] for one in self.reads], np.int64),
            read_site=np.array([place[one[2]] for one in self.reads], np.int64),
        )

    def _storage(self, rse: str, place: Mapping[str, int]) -> Storage:
        said = self.rses.get(rse, {})
        tape = said.get("rse_type") == "TAPE"
        latency = said.get("latency")
        return Storage(
            name=rse,
            site=place[self.site(rse)],
            tape=tape,
            latency=(STAGING if tape else 0.0) if latency is None else float(latency),
            rate=float(said.get("read_rate") or math.inf),
        )

    def _shares(self, sites: tuple[str, ...], read_in: set[str]) -> Floats:
        disks = dict.fromkeys(sites, 0.0)
        for rse, said in self.rses.items():
            if said.get("rse_type") != "TAPE":
                disks[self.site(rse)] += float(said.get("total") or 0)
        if not any(disks.values()):
            disks = {site: float(site in read_in and site != ELSEWHERE) for site in sites}
        return np.array(list(disks.values())) / (sum(disks.values()) or 1.0)

    def _links(self, sites: tuple[str, ...], place: Mapping[str, int]) -> tuple[Floats, Floats]:
        latency, rate = np.full((len(sites), len(sites)), LATENCY), np.full((len(sites), len(sites)), np.nan)
        for (source, to), said in self.links.items():
            a, b = place.get(self.site(source)), place.get(self.site(to))
            if a is not None and b is not None:
                latency[a, b] = float(said.get("latency", LATENCY))
                rate[a, b] = np.fmax(rate[a, b], float(said.get("rate") or RATE))
        rate[np.isnan(rate)] = np.nanmin(rate) if self.links and not np.isnan(rate).all() else RATE
        write = dict.fromkeys(sites, 0.0)
        for rse, said in self.rses.items():
            if said.get("rse_type") != "TAPE":
                write[self.site(rse)] += float(said.get("write_rate") or math.inf)
        return latency, np.minimum(rate, [write[site] or math.inf for site in sites])


def record_of(did: Did, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a ``dataset`` event: a ``radius`` makes its position a circle, two numbers of ``time`` a span."""
    name = ":".join(did)
    record = {
        **{"id": record_id(SOURCE, name), "source": SOURCE, "kind": "dataset", "title": did[1]},
        "identifiers": [{"scheme": "rucio", "value": name}],
        **{key: value for key, value in metadata.items() if key != "radius"},
    }
    where, radius = metadata.get("position"), metadata.get("radius")
    if where and radius is not None and "footprint" not in metadata:
        record["footprint"] = {"circle": [where["ra"], where["dec"], radius]}
    time = metadata.get("time")
    if time and not isinstance(time[0], Mapping):
        record["time"] = [{"min": time[0], "max": time[1]}]
    return record
