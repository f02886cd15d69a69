"""The datasets of a lake row by row, whatever its RSEs are: what ``placement/columns.py`` keeps and brings up to date.

A dataset has any number of replicas, locks, terms and parents; those of all datasets lie behind one another in
:class:`Ragged` columns. RSEs are numbers into a list of names that only grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mappings.healpix import Ints, expand
from mappings.rucio_state import DatasetState, hint_of
from placement.state import FOREVER, Floats, Mask, Terms
from placement.terms import record_key

_MOST = 1 << 62  # bytes; more are a mistake
_TEXTS = ("ids", "scopes", "names")
_PLAIN = {"record_keys": np.uint64, "hidden": np.bool_, "bytes": np.int64, "files": np.int64, "created_at": np.float64}
_RAGGED: dict[str, tuple[Any, ...]] = {
    "terms": (np.uint8, np.uint64),  # dimension, key
    "replicas": (np.int32, np.bool_, np.float32),  # RSE, complete, accessed at
    "locks": (np.int32, np.float64, np.bool_),  # RSE, until, not there yet
    "parents": ("S16",),  # ids of containers
}


@dataclass(frozen=True, slots=True)
class Ragged:
    """Row n has the values from ``start[n]`` to before ``start[n + 1]`` of each column."""

    start: Ints
    columns: tuple[Any, ...]

    @classmethod
    def of(cls, rows: Iterable[Sequence[tuple[Any, ...]]], kinds: Sequence[Any]) -> Self:
        """From a list of tuples for each row."""
        flat: list[tuple[Any, ...]] = []
        start = [0]
        for row in rows:
            flat += row
            start.append(len(flat))
        columns = zip(*flat, strict=True) if flat else ((),) * len(kinds)
        made = tuple(np.array(one, dtype=kind) for one, kind in zip(columns, kinds, strict=True))
        return cls(np.array(start, dtype=np.int64), made)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One after another."""
        sizes = np.concatenate([np.diff(part.start) for part in parts])
        columns = zip(*(part.columns for part in parts), strict=True)
        return cls(np.append(0, np.cumsum(sizes)), tuple(np.concatenate(some) for some in columns))

    def take(self, rows: Ints) -> Self:
        """Those rows, in that order."""
        sizes = np.diff(self.start)[rows]
        start = np.append(0, np.cumsum(sizes))
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        if len(rows) == 0 or len(breaks) > len(rows) / 16:
            at = expand(self.start[:-1][rows], sizes)
            return type(self)(start, tuple(one[at] for one in self.columns))
        low = self.start[rows[np.append(0, breaks)]].tolist()
        high = self.start[rows[np.append(breaks, len(rows)) - 1] + 1].tolist()
        runs = [slice(*ends) for ends in zip(low, high, strict=True)]
        return type(self)(start, tuple(np.concatenate([one[run] for run in runs]) for one in self.columns))

    @property
    def owner(self) -> Ints:
        """The row of each value."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))


@dataclass(frozen=True, slots=True)
class Table:
    """N datasets. ``hidden``: not everybody may see the record.

    ``own``: by dataset, its rules that hints have made, as :func:`_own` gives them.
    """

    ids: list[str]
    scopes: list[str]
    names: list[str]
    record_keys: NDArray[np.uint64]
    hidden: Mask
    bytes: Ints
    files: Ints
    created_at: Floats
    terms: Ragged
    replicas: Ragged
    locks: Ragged
    parents: Ragged
    own: dict[str, list[list[Any]]]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls,
        read: Mapping[str, DatasetState],
        terms: Terms,
        rse: RseNumbers,
        parents: Mapping[str, Any],
        hidden: Set[str],
    ) -> Self:
        """From the states of datasets by id, their terms, the ids of their containers, and those that are hidden.

        In the same order.
        """
        states = read.values()
        rows: dict[str, list[Any]] = {"replicas": [], "locks": []}
        own: dict[str, list[list[Any]]] = {}
        for id, state in read.items():
            rows["replicas"].append([(rse[name], complete, accessed) for name, complete, accessed in state.replicas])
            running = {rule.id for rule in state.rules if rule.state == "REPLICATING"}
            rows["locks"].append(
                [(rse[name], until, said != "OK" or rule in running) for name, rule, said, until in state.locks]
            )
            if made := _own(state):
                own[id] = made
        ragged: dict[str, Any] = {name: Ragged.of(some, _RAGGED[name]) for name, some in rows.items()}
        return cls(
            list(read),
            [state.scope for state in states],
            [state.name for state in states],
            np.array([record_key(id) for id in read], dtype=np.uint64),
            np.array([id in hidden for id in read], dtype=bool),
            _counts(state.bytes for state in states),
            _counts(state.files for state in states),
            np.array([state.created_at for state in states], dtype=np.float64),
            terms=Ragged(terms.start.astype(np.int64, copy=False), (terms.dims, terms.keys)),
            parents=Ragged.of([[(one,) for one in parents[id]] for id in read], _RAGGED["parents"]),
            own=own,
            **ragged,
        )

    @classmethod
    def empty(cls) -> Self:
        """No datasets."""
        made: dict[str, Any] = {name: [] for name in _TEXTS} | {"own": {}}
        made |= {name: np.empty(0, dtype=kind) for name, kind in _PLAIN.items()}
        return cls(**made | {name: Ragged.of([], kinds) for name, kinds in _RAGGED.items()})

    def changed(self, kept: Ints, fresh: Sequence[Self]) -> Self:
        """The rows ``kept`` of this and all of ``fresh``, in the order of (scope, name)."""
        parts = [self, *fresh]
        texts = {name: [one for part in parts for one in getattr(part, name)] for name in _TEXTS}
        rows = [*kept.tolist(), *range(len(self), len(texts["ids"]))]
        rows.sort(key=lambda n: (texts["scopes"][n], texts["names"][n]))
        order = np.array(rows, dtype=np.int64)
        own = {id: rules for part in parts for id, rules in part.own.items()}
        made: dict[str, Any] = {name: [some[n] for n in rows] for name, some in texts.items()}
        made |= {name: np.concatenate([getattr(part, name) for part in parts])[order] for name in _PLAIN}
        made |= {name: Ragged.join([getattr(part, name) for part in parts]).take(order) for name in _RAGGED}
        there = set(made["ids"])
        for part in fresh:  # a dataset that had rules of ours and has none now
            there -= {id for id in part.ids if id not in part.own}
        return type(self)(**made, own={id: rules for id, rules in own.items() if id in there})

    def packed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """As a header and arrays; :meth:`unpacked` reads them."""
        arrays = {name: getattr(self, name) for name in _PLAIN}
        for name in _RAGGED:
            ragged: Ragged = getattr(self, name)
            arrays[f"{name}/start"] = ragged.start
            arrays |= {f"{name}/{n}": one for n, one in enumerate(ragged.columns)}
        return {name: getattr(self, name) for name in (*_TEXTS, "own")}, arrays

    @classmethod
    def unpacked(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Self:
        """What :meth:`packed` gave."""
        made: dict[str, Any] = {name: header[name] for name in (*_TEXTS, "own")}
        made |= {name: arrays[name] for name in _PLAIN}
        for name, kinds in _RAGGED.items():
            made[name] = Ragged(arrays[f"{name}/start"], tuple(arrays[f"{name}/{n}"] for n in range(len(kinds))))
        return cls(**made)


class RseNumbers(dict[str, int]):
    """The number of each name of an RSE; a new name has the next one."""

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]


def _counts(values: Iterable[int | None]) -> Ints:
    return np.array([-1 if value is None else min(value, _MOST) for value in values], dtype=np.int64)


def _own(state: DatasetState) -> list[list[Any]]:
    """[rule, account, hint, policy, created at, expires at (None: never), its RSEs] of rules with a hint's id.

    Not of its containers' rules, which hold other datasets too.
    """
    made = []
    for rule in state.rules:
        if (rule.scope, rule.name) == (state.scope, state.name) and (hint := hint_of(rule.comments)) is not None:
            rses = sorted({name for name, of, *_ in state.locks if of == rule.id})
            until = None if rule.expires_at == FOREVER else rule.expires_at
            made.append([rule.id, rule.account, *hint, rule.created_at, until, rses])
    return made
