"""The datasets of the lake as columns, kept in one file, and brought up to the store by what has changed in it.

An update reads what the store notes of each record of the lake's source (``catalog/collecting.py``), and the documents
of those alone that differ. The file belongs to a store, a source and a version of the terms; one of another, or a
damaged one, is as none: all is read again.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import orjson

from catalog import collecting
from catalog.allocating import uncollected
from catalog.collecting import Stamps
from catalog.database import portions
from catalog.store import Store
from mappings import document, tokens
from mappings.healpix import Ints
from mappings.rucio_state import DatasetState, dataset_state
from placement import columns_file, terms
from placement.columns_table import Ragged, RseNumbers, Table
from placement.state import FOREVER, Datasets, Lake, Mask, OwnRule, Terms
from schemas.access import visible
from schemas.errors import MappingError
from schemas.record import Record, record_id

FORMAT = 3
_PORTION = 2000  # datasets read at once: some 20 MB
_FILE = "placement.columns"


class Columns:
    """Open with :meth:`open`; ``datasets`` are those of the last :meth:`update`.

    Attributes
    ----------
    containers : by id, the ids of the containers that each container is in
    unknown_rses : RSEs that the lake does not have, and in how many replicas and locks they are named
    """

    def __init__(self, path: Path, store: Store, lake: Lake) -> None:
        self.path = path
        self.store = store
        self.lake = lake
        self._clear()

    @classmethod
    def open(cls, folder: Path, store: Store, lake: Lake) -> Self:
        """The columns as ``folder`` has them, empty where it has none that are fit for use."""
        made = cls(folder / _FILE, store, lake)
        made._load()
        return made

    def _clear(self) -> None:
        self.table = Table.empty()
        self.known = collecting.stamps_of([])
        self.containers: dict[str, list[str]] = {}
        self._rse = RseNumbers()
        self._forget()

    def _forget(self) -> None:
        for name in ("datasets", "shown", "_below"):
            self.__dict__.pop(name, None)
        self.unknown_rses: dict[str, int] = {}

    # --- following the store ---------------------------------------------------------------------------------

    def update(self) -> int:
        """Take up what has changed in the store, and keep it; gives how many records were read or have gone."""
        with uncollected():
            fresh = collecting.stamps(self.store, self.lake.source)
            changed = fresh.differ(self.known)
            gone = fresh.places(self.known.id) < 0
            if count := int(changed.sum() + gone.sum()):
                # in the order of the feed: what was saved together lies together on the disk
                rows = np.flatnonzero(changed)
                rows = rows[np.argsort(fresh.seq[rows])]
                self._replace(fresh, _texts(fresh.id[rows]), set(_texts(self.known.id[gone])))
                self._forget()
                self._save()
        return count

    def _replace(self, fresh: Stamps, changed: Sequence[str], gone: set[str]) -> None:
        cluster = dict(zip(changed, _texts(fresh.cluster[fresh.places(np.array(changed, dtype="S16"))]), strict=True))
        pieces = []
        containers = dict(self.containers)
        for id in (*changed, *gone):
            containers.pop(id, None)
        for some in portions(changed, _PORTION):
            pieces.append(self._read(some, cluster, containers))
        out = gone.union(changed)
        kept = np.array([n for n, id in enumerate(self.table.ids) if id not in out], dtype=np.int64)
        self.table = self.table.changed(kept, pieces)
        self.known, self.containers = fresh, containers

    def _read(self, ids: Sequence[str], cluster: Mapping[str, str], containers: dict[str, list[str]]) -> Table:
        """The datasets among these records; the containers among them go to ``containers``."""
        raws = collecting.raws(self.store, ids)
        records = self.store.get_many([id for id in ids if id in raws])
        merged = self.store.get_many(sorted({name for id in records if (name := cluster[id])}))
        states: dict[str, DatasetState] = {}
        said: list[Record] = []
        for id, record in records.items():
            if (state := _state(raws[id])) is not None:
                states[id] = state
                said.append(merged.get(cluster[id], record))
            elif record["kind"] == "collection":
                containers[id] = self._above(
                    one["identifier"]
                    for one in record.get("relations", ())
                    if one["type"] == "IsPartOf" and one.get("scheme") == "rucio"
                )
        parents = {id: self._above(map(":".join, state.parents)) for id, state in states.items()}
        hidden = {id for id in states if not visible(records[id], frozenset())}
        return Table.of(states, terms.of_records(said), self._rse, parents, hidden)

    def _above(self, dids: Any) -> list[str]:
        return sorted({record_id(self.lake.source, did) for did in dids})

    # --- the file --------------------------------------------------------------------------------------------

    def _mark(self) -> list[Any]:
        return [FORMAT, self.store.uuid, self.lake.source, terms.VERSION, tokens.VERSION, document.fingerprint()]

    def _save(self) -> None:
        header, arrays = self.table.packed()
        header |= {"mark": self._mark(), "containers": self.containers, "rses": list(self._rse)}
        arrays |= {f"known/{one.name}": getattr(self.known, one.name) for one in fields(Stamps)}
        columns_file.write(self.path, header, arrays)

    def _load(self) -> None:
        found = columns_file.read(self.path)
        if found is None or found[0].get("mark") != orjson.loads(orjson.dumps(self._mark())):
            return
        header, arrays = found
        self.table = Table.unpacked(header, arrays)
        self.known = Stamps(**{one.name: arrays[f"known/{one.name}"] for one in fields(Stamps)})
        self.containers = header["containers"]
        self._rse = RseNumbers({name: n for n, name in enumerate(header["rses"])})

    # --- as placement wants them -----------------------------------------------------------------------------

    @functools.cached_property
    def datasets(self) -> Datasets:
        """The datasets, and the lake's RSEs as columns."""
        table, lake = self.table, self.lake
        shape = len(table), len(lake.rses)
        place = np.array([lake.index.get(name, -1) for name in self._rse], dtype=np.int64)
        complete, coming = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        locked, accessed = np.zeros(shape), np.full(shape, np.nan, dtype=np.float32)
        counted: Counter[str] = Counter()

        at, (whole, when) = self._cells(table.replicas, place, counted)
        complete[at] = whole
        accessed[at] = when
        at, (until, waiting) = self._cells(table.locks, place, counted)
        np.maximum.at(locked, at, until)
        np.logical_or.at(coming, at, waiting & (until > lake.taken_at))  # a rule that has ended brings nothing
        self.unknown_rses = dict(sorted(counted.items()))
        return Datasets(
            ids=table.ids,
            scopes=table.scopes,
            names=table.names,
            bytes=table.bytes,
            files=table.files,
            created_at=table.created_at,
            complete=complete,
            coming=coming & ~complete,
            locked_until=locked,
            accessed_at=accessed,
            rules=self._rules(at, until),
            terms=Terms(table.terms.start, *table.terms.columns),
            record_keys=table.record_keys,
        )

    @property
    def hidden(self) -> set[str]:
        """The datasets whose records not everybody may see."""
        return {self.table.ids[n] for n in np.flatnonzero(self.table.hidden).tolist()}

    def _cells(self, some: Ragged, place: Ints, counted: Counter[str]) -> tuple[tuple[Ints, Ints], list[Any]]:
        """(rows, RSEs) of values whose RSE the lake has, and the other columns there; counts those that it has not."""
        numbers, *columns = some.columns
        rses = place[numbers] if len(place) else numbers
        known = rses >= 0
        names = list(self._rse)
        lost = np.bincount(numbers[~known], minlength=len(names))
        counted.update({names[n]: int(lost[n]) for n in np.flatnonzero(lost).tolist()})
        return (some.owner[known], rses[known]), [column[known] for column in columns]

    def _rules(self, at: tuple[Ints, Ints], last: Any) -> list[OwnRule]:
        """Rules of our account on one RSE, by dataset and rule; all locks at ``at`` last until ``last``."""
        made = []
        places = {id: n for n, id in enumerate(self.table.ids) if id in self.table.own}
        for id, rules in self.table.own.items():
            for rule, account, hint, policy, created, until, rses in rules:
                if account == self.lake.account and len(rses) == 1 and rses[0] in self.lake.index:
                    begun = math.nan if created is None else created
                    ends = FOREVER if until is None else until
                    rse = self.lake.index[rses[0]]
                    made.append(OwnRule(places[id], rse, rule, hint, begun, ends, policy))
        others = self._others(made, at, last)
        made = [replace(one, beside=held) if (held := others.get((one.dataset, one.rse))) else one for one in made]
        return sorted(made, key=lambda one: (one.dataset, one.rule))

    def _others(self, ours: Sequence[OwnRule], at: tuple[Ints, Ints], last: Any) -> dict[tuple[int, int], float]:
        """Until when copies that rules of ours hold are held by other rules too, where they are."""
        width = max(1, len(self.lake.rses))
        places = at[0] * width + at[1]
        mine, rules = np.unique([one.dataset * width + one.rse for one in ours], return_counts=True)
        all_of, locks = np.unique(places[np.isin(places, mine)], return_counts=True)
        shared = all_of[locks > rules]  # a rule is of an RSE by its lock there: all_of and mine are the same
        some = np.isin(places, shared)
        found = Counter(zip(at[0][some].tolist(), at[1][some].tolist(), last[some].tolist(), strict=True))
        found -= Counter((one.dataset, one.rse, one.expires_at) for one in ours)
        held: dict[tuple[int, int], float] = {}
        for dataset, rse, ends in found:
            held[dataset, rse] = max(ends, held.get((dataset, rse), 0.0))
        return held

    @functools.cached_property
    def shown(self) -> tuple[Any, Any]:
        """The ids under which an ordinary search finds each dataset, and each container (in their order), as S16."""
        found = []
        for ids in (self.table.ids, list(self.containers)):
            own = np.array(ids, dtype="S16")
            merged = self.known.cluster[self.known.places(own)] if len(own) else own
            found.append(np.where(merged == b"", own, merged))
        return found[0], found[1]

    def standing_for(self, found: Any) -> Mask:
        """The datasets that records stand for, by the ids of these (S16, ascending): themselves, and what is below."""
        own, containers = self.shown
        mask: Mask = _among(own, found)
        reached = [id for id, hit in zip(self.containers, _among(containers, found), strict=True) if hit]
        met = set(reached)
        while reached:
            fresh = set(self._below.get(reached.pop(), ())) - met
            met |= fresh
            reached += fresh
        if met:
            parents = self.table.parents
            mask[parents.owner[_among(parents.columns[0], np.sort(np.array(list(met), dtype="S16")))]] = True
        return mask

    @functools.cached_property
    def _below(self) -> dict[str, list[str]]:
        """The containers that are in each container."""
        below: dict[str, list[str]] = {}
        for id, above in self.containers.items():
            for one in above:
                below.setdefault(one, []).append(id)
        return below


def _state(raw: bytes) -> DatasetState | None:
    try:
        return dataset_state(raw)
    except MappingError:
        return None


def _texts(ids: Any) -> list[str]:
    return [id.decode() for id in ids.tolist()]


def _among(some: Any, found: Any) -> Any:
    """Which of ``some`` are in ``found``, which ascends."""
    if len(found) == 0 or len(some) == 0:
        return np.zeros(len(some), dtype=bool)
    return found[np.minimum(np.searchsorted(found, some), len(found) - 1)] == some
