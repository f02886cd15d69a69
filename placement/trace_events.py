"""Rucio's traces: what of one says that a dataset was read.

A trace is the JSON object that clients and pilots send to a Rucio server, one a file (schemas by ``eventType`` in
Rucio's ``core/trace.py``). Of it are taken the dataset, the site, the time and the size; whose it was never is.

A read of a dataset: its events of one site within six hours of the first are one read of the whole, however many
files it has. The replay of traces counts alike.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import orjson

from placement.state import ELSEWHERE, Lake

ONE_READ = 6 * 3600.0  # seconds from the first event of a read to the last
MOST_OPEN = 50_000  # reads that may still go on
MOST_LINE = 1 << 20  # bytes of one trace; real ones have 1,000
_LONGEST = 500  # characters of a name; Rucio's columns take 250
_LONGEST_SITE = 64
_GOOD = ("DONE", "FOUND_ROOT", "ALREADY_DONE", "", None)  # clientState of a read that came to its end
_NOWHERE = ("ROAMING", "UNKNOWN", "NULL")  # what clients say that know no site of theirs
_TIMES = ("traceTimeentryUnix", "timeStart", "transferStart")

Kind = Literal["read", "staging"]
DatasetOf = Callable[[str, str], "tuple[str, str] | None"]  # (scope, name) of the dataset of a file, if known


class Event(NamedTuple):
    """One file of a dataset was read at a site, or staged for it; ``at`` in Unix seconds, ``bytes`` of the file."""

    kind: Kind
    scope: str
    name: str
    site: str
    at: float
    bytes: int | None = None


@dataclass(slots=True)
class Tally:
    """Of so many traces: taken by kind, left out by reason, not readable as traces; ``problems`` with their files."""

    taken: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    problems: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Sentences on what an operator should know of."""
        made = [f"traces: {problem}" for problem in self.problems]
        if lost := self.ignored["no-dataset"]:
            made.append(f"traces: {lost} reads do not say of which dataset their file is, and count for none")
        if self.bad:
            made.append(f"traces: {self.bad} lines are no traces of Rucio")
        return made

    def add(self, other: Tally) -> None:
        self.taken += other.taken
        self.ignored += other.ignored
        self.bad += other.bad
        self.problems += other.problems


class Reader:
    """Reads traces one after another, and counts what became of them in ``tally``.

    ``lake`` says at which site an RSE is; ``dataset_of`` a file's dataset, where a trace does not; ``now`` (Unix
    seconds) is when a trace without a time was sent, None: such a trace is left out.
    """

    def __init__(self, lake: Lake | None = None, dataset_of: DatasetOf | None = None, now: float | None = None) -> None:
        self.tally = Tally()
        self._sites = {rse.name: rse.site for rse in lake.rses} if lake else {}
        self._tapes = {rse.name for rse in lake.rses if rse.kind == "TAPE"} if lake else set()
        self._dataset_of = dataset_of
        self._now = now

    def lines(self, lines: Iterable[bytes]) -> list[Event]:
        """The events of JSON lines; a line may be a list of traces."""
        found: list[Event] = []
        for line in lines:
            if not line.strip():
                continue
            try:
                said = orjson.loads(line) if len(line) <= MOST_LINE else None
            except orjson.JSONDecodeError:
                said = None
            for trace in said if isinstance(said, list) else [said]:
                if (event := self.event(trace)) is not None:
                    found.append(event)
        return found

    def event(self, trace: Any) -> Event | None:
        """What one trace says, if it says that something was read."""
        if not isinstance(trace, dict) or not isinstance(trace.get("eventType"), str):
            self.tally.bad += 1
            return None
        remote = trace.get("remoteSite")
        kind = self._kind(trace["eventType"].lower(), remote if isinstance(remote, str) else "")
        dataset, at = self._dataset(trace), self._time(trace)
        failed = trace.get("clientState") not in _GOOD
        if kind is None or failed or dataset is None or at is None:
            reasons = {"not-a-read": kind is None, "failed": failed, "no-dataset": dataset is None, "no-time": True}
            self.tally.ignored[next(why for why, holds in reasons.items() if holds)] += 1
            return None
        self.tally.taken[kind] += 1
        size = trace.get("filesize")
        known = isinstance(size, int) and not isinstance(size, bool) and size >= 0
        return Event(kind, *dataset, self._site(trace.get("localSite")), at, size if known else None)

    def _kind(self, said: str, remote: str) -> Kind | None:
        if "stagein" in said or "stage_in" in said:
            return "staging"
        if said != "download" and (not said.startswith(("get", "sm_get")) or said.endswith("_es")):
            return None  # _es: of single events of a file, which Rucio itself leaves out
        return "staging" if not self._tapes.isdisjoint(remote.split(",")) else "read"

    def _dataset(self, trace: dict[str, Any]) -> tuple[str, str] | None:
        name, scope, own = (_text(trace, key) for key in ("dataset", "datasetScope", "scope"))
        if name:
            before, colon, after = name.partition(":")
            if not scope:
                scope, name = (before, after) if colon and before and after else (own, name)
            return (scope, name) if scope else None
        file = _text(trace, "filename") or _text(trace, "name")
        return self._dataset_of(own, file) if self._dataset_of and own and file else None

    def _time(self, trace: dict[str, Any]) -> float | None:
        for key in _TIMES:
            at = trace.get(key)
            if isinstance(at, int | float) and not isinstance(at, bool) and math.isfinite(at) and at > 0:
                return float(at)
        return self._now

    def _site(self, said: Any) -> str:
        """The site of an RSE, or what the trace says for a site."""
        if not isinstance(said, str) or said.upper() in _NOWHERE:
            return ELSEWHERE
        site = self._sites.get(said, said)
        return site if len(site) <= _LONGEST_SITE and site.isprintable() and _storable(site) else ELSEWHERE


def first_events(events: Iterable[Event], going_on: dict[str, float]) -> list[Event]:
    """Of each read the first event, by time; ``going_on`` says when reads began, and is brought up to date."""
    ordered = sorted(events, key=lambda event: event.at)
    found = []
    for event in ordered:
        key = hashlib.blake2b(f"{event.site}\0{event.scope}:{event.name}".encode(), digest_size=8).hexdigest()
        began = going_on.get(key)
        # a late event of a time before the read is taken to be a part of it
        if began is None or abs(event.at - began) >= ONE_READ:
            found.append(event)
            going_on[key] = event.at if began is None else max(began, event.at)
    if ordered:
        over = [key for key, began in going_on.items() if began <= ordered[0].at - ONE_READ]
        for key in over:
            del going_on[key]
    if len(going_on) > MOST_OPEN:
        for key in sorted(going_on, key=lambda key: (going_on[key], key))[: len(going_on) - MOST_OPEN]:
            del going_on[key]
    return found


def _text(trace: dict[str, Any], key: str) -> str:
    value = trace.get(key)
    if not isinstance(value, str) or len(value) > _LONGEST or value.upper() == "NULL" or not _storable(value):
        return ""
    return value.strip()


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
