"""People's sessions: they search, narrow their search, and read; or search and read nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import acos, cos, degrees, radians, sin
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from placement.traces.assumptions import DAY, START, Assumptions
from placement.traces.population import Population
from placement.traces.reading import Reads, choose_sites, rhythm
from placement.traces.topics import Topic
from placement.traces.topology import READ_RATE, SITES

RADII = (0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 8, 12, 20, 40, 90, 180)  # degrees: people ask for round numbers


@dataclass
class Session:
    """At a site, from a time (days): the topic it searches (None: no search), and what it reads."""

    site: int
    time: float
    topic: int | None
    reads: list[int]


def sessions(
    days: float, read: Reads, data: Population, interest: np.ndarray, assumed: Assumptions, rng: np.random.Generator
) -> list[Session]:
    """All sessions of people, in the order of time."""
    made: list[Session] = []
    people = np.flatnonzero(~read.production)
    linked = rng.random(len(people)) < assumed.searched
    for one in people[~linked].tolist():
        made.append(Session(int(read.site[one]), float(read.time[one]), None, [int(read.dataset[one])]))
    searching = people[linked]
    topic, site, time = data.topic[read.dataset[searching]], read.site[searching], read.time[searching]
    order = np.lexsort((time, np.floor(time), topic, site))
    rows = zip(
        site[order].tolist(), topic[order].tolist(), time[order].tolist(), searching[order].tolist(), strict=True
    )
    readers = len(made)
    for (at, about, _), group in groupby(rows, key=lambda row: (row[0], row[1], int(row[2]))):
        open_: list[Session] = []
        for _, _, when, one in group:
            dataset = int(read.dataset[one])
            free = (s for s in open_ if len(s.reads) < assumed.session_reads and dataset not in s.reads)
            if (into := next(free, None)) is None:
                open_.append(into := Session(at, when, about, []))
            into.reads.append(dataset)
            into.time = when  # the last's, as the others are there by then
        made += open_
    made += _lookers(
        round((len(made) - readers) * assumed.search_only / (1 - assumed.search_only)),
        days,
        data,
        interest,
        assumed,
        rng,
    )
    if not assumed.linked:
        for one in made:
            one.topic = None if one.topic is None else int(rng.integers(len(data.topics)))
    return sorted(made, key=lambda one: one.time)


def _lookers(
    count: int, days: float, data: Population, interest: np.ndarray, assumed: Assumptions, rng: np.random.Generator
) -> list[Session]:
    """Sessions that read nothing: some for any topic, some for what the site is interested in."""
    topic = np.where(
        rng.random(count) < assumed.stray,
        rng.integers(len(data.topics), size=count),
        rng.choice(len(data.topics), count, p=data.weight),
    )
    when = rng.random((8, count)) * days
    site = choose_sites(when[0], topic, interest, assumed, rng.random(count))
    busy = np.log(np.array([rhythm(one, site, assumed) for one in when])) + rng.gumbel(size=when.shape)
    when = np.take_along_axis(when, busy.argmax(0)[None], 0)[0]
    return [Session(*row, []) for row in zip(site.tolist(), when.tolist(), topic.tolist(), strict=True)]


def events(
    made: list[Session], data: Population, assumed: Assumptions, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """Their ``search`` and ``download`` events; not in order."""
    for number, one in enumerate(made):
        at = START + one.time * DAY
        if one.topic is not None:
            about, own = data.topics[one.topic], [n for n in one.reads if data.topic[n] == one.topic]
            count = 1 + int(rng.choice(len(assumed.narrowing), p=assumed.narrowing))
            for back, query in zip(
                range(count, 0, -1), searches(about, [data.metadata[n] for n in own], count, rng), strict=True
            ):
                yield {
                    "traceTimeentryUnix": max(START, int(at - 50 * back)), "eventType": "search", "query": query,
                    "localSite": SITES[one.site].name, "session": f"s{number:06d}",
                }  # fmt: skip
        for dataset in one.reads:
            yield access(data.event(dataset), one.site, at, "download", rng)
            at += 30 + float(rng.exponential(60))


def searches(about: Topic, found: list[dict[str, Any]], count: int, rng: np.random.Generator) -> list[str]:
    """So many queries of ``/api/v1/search``, each narrower than the one before; all of them find `found`."""
    ra, dec = about.ra, min(89.9, max(-89.9, about.dec + float(rng.normal(0, about.spread / 10))))
    reach = max([about.spread] + [1.02 * separation(ra, dec, **one["position"]) for one in found])
    wide = next(place for place, radius in enumerate(RADII) if radius >= reach)
    words = about.region if rng.random() < 0.5 else about.word
    kinds = [
        ("facilities", about.facility),
        ("instruments", about.instrument),
        ("product_type", about.product),
        ("q", words),
    ]
    kinds = [kinds[int(n)] for n in rng.permutation(len(kinds))]
    by_place = rng.random() < 0.7  # a cone from the first search on, or words and facets alone
    asked = []
    for step in range(count):
        now = kinds[: step + (not by_place)]
        if by_place:
            # first a wide look round; it narrows to what is there
            radius = RADII[min(wide + max(0, count - 1 - step), len(RADII) - 1)]
            now = [("cone", f"{ra:.3f},{dec:.3f},{radius:g}"), *now]
        asked.append(urlencode(now, safe=",", quote_via=quote))
    return asked


def separation(ra_0: float, dec_0: float, ra: float, dec: float) -> float:
    """Degrees between two places."""
    a, b = radians(dec_0), radians(dec)
    return degrees(acos(max(-1.0, min(1.0, sin(a) * sin(b) + cos(a) * cos(b) * cos(radians(ra - ra_0))))))


def access(dataset: dict[str, Any], site: int, at: float, kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """A read of a file, as one of Rucio's traces, from the first custodial disk, or else from tape."""
    remote = next((rse for rse in dataset["replicas"] if rse.endswith("-DISK")), dataset["replicas"][0])
    size, scope, name = dataset["bytes"] // dataset["files"], dataset["scope"], dataset["name"]
    start, end = round(at, 1), round(at + size / READ_RATE, 1)
    return {
        "traceTimeentryUnix": int(end) + 1, "eventType": kind, "scope": scope,
        "filename": f"{name}.{int(rng.integers(dataset['files'])):04d}", "dataset": name, "datasetScope": scope,
        "filesize": size, "localSite": SITES[site].name, "remoteSite": remote.rsplit("-", 1)[0],
        "timeStart": start, "timeEnd": end, "clientState": "DONE",
    }  # fmt: skip
