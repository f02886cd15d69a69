"""The recorder: what people search for, look at and resolve, on its way to the demand in the store.

A request leaves a note and goes on; a thread turns the notes into terms (``placement/terms.py``) and adds these to
the store, every few seconds and at the end. Nothing of who asked is in a note: no address, no name, no token.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import select

from catalog.database import portions
from catalog.store import Store
from catalog.tables import record
from placement import terms
from placement.demand import MOST, SLACK, Demand
from placement.demand_store import AT_ONCE, Row, as_merged, merge, prune, rows
from placement.queries import asks, same, terms_of
from placement.rucio_traces import keep_reads
from placement.settings import DemandSettings
from placement.sites import Sites
from placement.state import ELSEWHERE, Lake
from placement.trace_events import Event, Reader, Tally
from schemas.access import visible
from schemas.errors import AsterismError
from schemas.query import Query, Region

EVERY = 5.0  # seconds; within them the same query, record or place counts once for each site
MOST_NOTES = 50_000  # the oldest are dropped: at 5 s, 10,000 requests a second
FEW = 100  # of a search that finds no more, each result on its first page counts
_LONGEST_REGION = 100_000  # characters: a MOC of megabytes is not kept for five seconds, and says little
_PRUNE_EVERY = 3600.0
PRUNE_AFTER = MOST // SLACK  # rows that were added to the store: a flood fills it long before that
_LAKE_FOR = 300.0
_CLOSE_WITHIN = 5.0
_log = logging.getLogger(__name__)


class _Search(NamedTuple):
    at: float
    site: str
    query: Query
    ids: tuple[str, ...]
    total: int


class _View(NamedTuple):
    at: float
    site: str
    id: str


class _Place(NamedTuple):
    at: float
    site: str
    ra: float
    dec: float


class NoRecorder:
    """Keeps nothing: what stands for the recorder where it is switched off."""

    def site(self, host: str | None) -> str:
        """The site of the client at that address."""
        return ELSEWHERE

    def search(self, query: Query, ids: Sequence[str], total: int, site: str) -> None:
        """Note a search that found ``total`` records, and ``ids`` on its page."""

    def view(self, id: str, site: str) -> None:
        """Note that somebody looked at a record, and was let to."""

    def resolve(self, ra: float, dec: float, site: str) -> None:
        """Note that somebody asked where an object is, and it is there."""

    def traces(self, lines: Iterable[bytes]) -> Tally:
        """Note the reads that Rucio's traces tell of, as JSON lines."""
        made = Tally()
        made.ignored["off"] = sum(bool(line.strip()) for line in lines)
        return made

    def close(self) -> None:
        """Bring to the store what is not there yet."""


class Recorder(NoRecorder):
    """See :class:`NoRecorder`; methods may be called from any thread, take microseconds and raise nothing.

    ``source``: the Rucio whose datasets traces name, None: traces are left out; ``lake`` gives its state, for the
    sites of RSEs. ``every``: seconds between two savings. ``dropped`` counts notes that there was no room for.
    """

    def __init__(
        self,
        store: Store,
        settings: DemandSettings,
        source: str | None = None,
        *,
        lake: Callable[[], Lake | None] | None = None,
        every: float = EVERY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.dropped = 0
        self._store = store
        self._half_life = settings.half_life
        self._source = source
        self._sites = Sites(settings.sites)
        self._lake = lake
        self._lake_known: tuple[float, Lake | None] | None = None
        self._every = every
        self._clock = clock
        self._notes: deque[_Search | _View | _Place | Event] = deque(maxlen=MOST_NOTES)
        self._unsaved = Demand(self._half_life)  # what the store did not take when it was offered
        self._saving = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._pruned = clock()
        self._added = 0  # rows since then
        self._warned = False

    def site(self, host: str | None) -> str:
        return self._sites.of(host)

    def search(self, query: Query, ids: Sequence[str], total: int, site: str) -> None:
        if query.cursor is not None or not asks(query):
            return
        if query.region is not None and len(str(query.region.footprint.get("moc", ""))) > _LONGEST_REGION:
            query = replace(query, region=None)
        self._note(_Search(self._clock(), site, query, tuple(ids) if total <= FEW else (), total))

    def view(self, id: str, site: str) -> None:
        self._note(_View(self._clock(), site, id))

    def resolve(self, ra: float, dec: float, site: str) -> None:
        self._note(_Place(self._clock(), site, ra, dec))

    def traces(self, lines: Iterable[bytes]) -> Tally:
        now = self._clock()
        reader = Reader(self._known_lake(now), now=now)
        events = reader.lines(lines)
        if self._source is None:
            reader.tally.ignored["no-lake"] += reader.tally.taken.total()
            reader.tally.taken.clear()
            return reader.tally
        saves = True  # who sends traces does not wait again and again for a store that takes none
        for event in events:
            self._note(event)
            if saves and len(self._notes) > MOST_NOTES // 2:
                saves = self.flush()
        return reader.tally

    def flush(self) -> bool:
        """Save all notes; whether the store took them. What it does not take is offered again the next time."""
        with self._saving:
            notes = [self._notes.popleft() for _ in range(len(self._notes))]
            events = [one for one in notes if isinstance(one, Event)]
            others = [one for one in notes if not isinstance(one, Event)]
            now = self._clock()
            try:
                self._add(others, now)
                others = []
                self._save(rows(self._unsaved.table(now)), now)
                for some in list(portions(events, AT_ONCE)):
                    with self._store.database.writing() as connection:
                        keep_reads(connection, some, self._half_life, self._source or "", now)
                    events = events[AT_ONCE:]
                    self._added += len(some)
                if now - self._pruned > _PRUNE_EVERY or self._added > PRUNE_AFTER:
                    self._pruned, self._added = now, 0
                    prune(self._store, self._half_life, now)
            except Exception as error:  # a store that is busy, full or gone: whoever asked has the answer already
                room = MOST_NOTES - len(self._notes)
                self._notes.extendleft([*others, *events][: -room - 1 : -1])
                self._said(error)
                return False
            self._warned = False
            return True

    def close(self) -> None:
        """Save what is left, within a few seconds; later notes are kept no more."""
        if self._thread is None and not self._notes:
            return
        self._stop.set()
        self._begin()
        if self._thread is not None:
            self._thread.join(_CLOSE_WITHIN)

    def _note(self, note: _Search | _View | _Place | Event) -> None:
        if len(self._notes) == MOST_NOTES:
            self.dropped += 1
        self._notes.append(note)
        if self._thread is None:
            self._begin()

    def _begin(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="demand", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.flush()
        self.flush()

    def _said(self, error: Exception) -> None:
        """Warn once of a store that takes nothing, and not of the last try, where nobody can do anything about it."""
        if not self._warned and not self._stop.is_set():
            _log.warning("demand is not saved now: %s", error)
            self._warned = True
        _log.debug("demand was not saved", exc_info=error)

    def _add(self, notes: Sequence[_Search | _View | _Place], now: float) -> None:
        """Turn notes into terms, each query, record and place once for each site."""
        found: dict[tuple[str, str], _Search] = {}
        seen: dict[tuple[str, str], _View] = {}
        asked: dict[tuple[str, float, float], _Place] = {}
        for note in notes:
            match note:
                case _Search():
                    key = note.site, same(note.query)
                    if key not in found or len(note.ids) > len(found[key].ids):
                        found[key] = note
                case _View():
                    seen.setdefault((note.site, note.id), note)
                case _Place():
                    asked.setdefault((note.site, note.ra, note.dec), note)
        parts = self._parts({id for one in found.values() for id in one.ids} | {id for _, id in seen})
        places = [Query(region=Region.circle(one.ra, one.dec, 0.0)) for one in asked.values()]
        said = terms_of([*(self._located(one.query) for one in found.values()), *places])
        # from here on nothing asks the store: notes are counted once, or not at all and again the next time
        counted: list[_Search | _Place] = [*found.values(), *asked.values()]
        for which, own in zip(counted, said, strict=True):
            for dim, term, amount in own:
                self._unsaved.add(dim, term, which.site, amount, which.at, now)
        for one in found.values():
            for id in {part for whole in one.ids for part in parts.get(whole, (whole,))}:
                self._unsaved.add(terms.FOUND, terms.record_key(id), one.site, 1 / one.total, one.at, now)
        for view in seen.values():
            for id in parts.get(view.id, (view.id,)):
                self._unsaved.add(terms.VIEW, terms.record_key(id), view.site, 1.0, view.at, now)

    def _save(self, unsaved: list[Row], now: float) -> None:
        self._unsaved = Demand(self._half_life)
        try:
            while unsaved:
                with self._store.database.writing() as connection:
                    merge(connection, unsaved[:AT_ONCE], self._half_life, now)
                self._added += len(unsaved[:AT_ONCE])
                del unsaved[:AT_ONCE]
        finally:
            if unsaved:
                self._unsaved.merge(as_merged(unsaved), now)

    def _parts(self, ids: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """The sources' own records that are the same thing as each of ``ids``, where there are several.

        Demand is of these: what merged records are made of changes, and so do their ids.
        """
        whole: dict[str, str] = {id: id for id in ids}
        made: dict[str, list[str]] = {}
        with self._store.database.reading() as connection:
            for some in portions(sorted(whole)):
                mine = select(record.c.id, record.c.cluster).where(record.c.id.in_(some), record.c.cluster != "")
                whole |= {row.id: row.cluster for row in connection.execute(mine)}
            for some in portions(sorted(set(whole.values()))):
                for row in connection.execute(select(record.c.id, record.c.cluster).where(record.c.cluster.in_(some))):
                    made.setdefault(row.cluster, []).append(row.id)
        return {id: made[one] for id, one in whole.items() if one in made}

    def _located(self, query: Query) -> Query:
        """``query`` with the footprint of the record that its region names."""
        if query.region is None or query.region.record is None:
            return query
        named = self._store.get(query.region.record)
        if named is None or not visible(named, query.groups):
            return replace(query, region=None)
        footprint, position = named.get("footprint"), named.get("position")
        if footprint:
            return replace(query, region=Region(footprint))
        return replace(query, region=Region.circle(position["ra"], position["dec"], 0.0) if position else None)

    def _known_lake(self, now: float) -> Lake | None:
        if self._lake is None:
            return None
        if self._lake_known is None or now - self._lake_known[0] > _LAKE_FOR:
            try:
                self._lake_known = now, self._lake()
            except AsterismError as error:
                _log.debug("the lake is not known now", exc_info=error)
                return None
        return self._lake_known[1]
