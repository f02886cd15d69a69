"""What a follower of one source's raw documents asks of the store: what is another now, and the documents themselves.

The change feed tells of records alone. A raw document may change without its record (access times, comments of
rules), so that a follower compares what the store notes of each record: :class:`Stamps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.database import portions
from catalog.documents import decompress
from catalog.store import Store
from mappings.healpix import Ints

Ids = NDArray[np.bytes_]

# cluster.seq moves with what the merged record says; a part may change its cluster without a number of its own
_STAMPS = (
    "SELECT r.id, r.seq, r.raw_checksum, r.cluster, c.seq FROM record r LEFT JOIN cluster c ON c.id = r.cluster "
    "WHERE r.source = ? AND r.deleted = false"
)
_CHANGED = (
    "SELECT id FROM record WHERE seq > ? AND seq <= ? UNION ALL SELECT id FROM cluster WHERE seq > ? AND seq <= ?"
)


@dataclass(frozen=True, slots=True)
class Stamps:
    """Of each record of a source, ascending by id: its feed number, its raw document's checksum, its cluster.

    ``cluster`` is empty for what stands alone; ``merged`` is the feed number of the cluster, 0 for none.
    """

    id: Ids  # S16
    seq: Ints
    raw: Ids  # S32
    cluster: Ids  # S16
    merged: Ints

    def __len__(self) -> int:
        return len(self.id)

    def places(self, ids: Ids) -> Ints:
        """Where each of ``ids`` stands, -1 for what is not there."""
        if len(self.id) == 0:
            return np.full(len(ids), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.id, ids), len(self.id) - 1)
        return np.where(self.id[at] == ids, at, -1)

    def differ(self, before: Stamps) -> NDArray[np.bool_]:
        """Which are not as ``before``, or were not there."""
        at = before.places(self.id)
        new = at < 0
        if len(before) == 0:
            return new
        for one in fields(self):
            new |= getattr(self, one.name) != getattr(before, one.name)[at]
        return new


def stamps(store: Store, source: str) -> Stamps:
    """What the store notes of all records of ``source`` that there are; some 3 microseconds each."""
    rows = store.database.fetch(_STAMPS, (source,))
    return stamps_of([(id, seq, raw or "", cluster or "", merged or 0) for id, seq, raw, cluster, merged in rows])


def stamps_of(rows: Sequence[tuple[Any, ...]]) -> Stamps:
    """Rows of (id, feed number, checksum, cluster, its feed number) in any order."""
    id, seq, raw, cluster, merged = zip(*rows, strict=True) if rows else ((),) * 5
    numbers = [np.array(some, dtype=np.int64) for some in (seq, merged)]
    made: tuple[Any, ...] = (_bytes(id, 16), numbers[0], _bytes(raw, 32), _bytes(cluster, 16), numbers[1])
    order = np.argsort(made[0])
    return Stamps(*(one[order] for one in made))


def _bytes(texts: Sequence[str], size: int) -> Ids:
    """As numpy makes them of a list, in a tenth of the time."""
    joined = "".join([text.ljust(size, "\0")[:size] for text in texts])
    return np.frombuffer(joined.encode("ascii", "replace"), dtype=f"S{size}")


def raws(store: Store, ids: Sequence[str]) -> dict[str, bytes]:
    """The raw documents of those records that have one, by id."""
    found: dict[str, bytes] = {}
    for some in portions(ids):
        marks = ",".join("?" * len(some))
        rows = store.database.fetch(f"SELECT id, encoding, body FROM raw WHERE id IN ({marks})", some)
        found.update((id, decompress(encoding, bytes(body))) for id, encoding, body in rows)
    return found


def changed_ids(store: Store, after: int, upto: int) -> list[str]:
    """The ids of records and merged records, deleted ones too, whose newest change is in ``after`` < n <= ``upto``."""
    return [row[0] for row in store.database.fetch(_CHANGED, (after, upto, after, upto))]
