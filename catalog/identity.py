"""Identity clusters: the connected components of records that share a key (``mappings/identity.py``).

A cluster follows from the records that are there, and not from the order in which they came. So whatever a transaction
changes, the components of all that it touches are formed anew: the records whose keys changed, those that carry such a
key, and the members of the clusters of all these. Hashes find candidates; only equal keys join them.

Two limits keep that small, and keep a mistake from merging a whole archive: a key that more than ``KEY_LIMIT`` records
carry joins nothing, and a component of more than ``PART_LIMIT`` records is not merged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from catalog import feed
from catalog.clusters import PART_LIMIT, Node, write
from catalog.database import insert_many, portions
from catalog.tables import carrier, crowd, record
from mappings.identity import key_hash, keys
from schemas.record import Record

KEY_LIMIT = 200  # records
_PORTION = 1000  # records read at once
Hashes = Mapping[str, Collection[int]]  # of the keys of records, by id

_UNLINK = delete(carrier).where(carrier.c.hash == bindparam("h"), carrier.c.id == bindparam("i"))
_ANY_CROWD = select(crowd.c.hash).limit(1)
_COUNT = update(crowd).where(crowd.c.hash == bindparam("h")).values(records=bindparam("n"))


def node(one: Record, cluster: str | None = None) -> Node:
    """A record with its keys."""
    return Node(one, [(key_hash(key), key) for key in keys(one)], cluster)


def hashes(one: Record) -> list[int]:
    """The hashes of a record's keys."""
    return list(dict.fromkeys(key_hash(key) for key in keys(one)))


def hashes_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[int]]:
    """Those of the records as they are in the store."""
    return {
        id: hashes(orjson.loads(doc))
        for some in portions(ids)
        for id, doc in connection.execute(select(record.c.id, record.c.doc).where(record.c.id.in_(some))).all()
        if doc is not None
    }


def settle(
    connection: Connection,
    was: Hashes,
    given: Mapping[str, Node],
    clusters: Iterable[str],
    numbered: Collection[str],
    last: int,
) -> int:
    """Make the clusters right after records have changed; gives the newest feed number.

    Parameters
    ----------
    was
        The key hashes that the records which changed had before, of those that were there.
    given
        The records of this transaction as they are in the store now.
    clusters
        Of which the records that changed, were refreshed or deleted were parts.
    numbered
        Ids of records that changed: they have a new feed number from this transaction.
    """
    now: Hashes = {id: [hash for hash, _ in given[id].keys] for id in numbered if id in given}
    gained = [(hash, id) for id, some in now.items() for hash in some if hash not in was.get(id, ())]
    lost = [(hash, id) for id, some in was.items() for hash in some if hash not in now.get(id, ())]
    seeds = _link(connection, gained, lost) if gained or lost else set()
    affected = {name for name in clusters if name}
    return _form(connection, seeds, affected, given, numbered, last) if seeds or affected else last


def build(connection: Connection) -> None:
    """Make the clusters of a store that has none yet."""
    after, last = 0, feed.last(connection)
    rows = select(record.c.seq, record.c.id, record.c.doc).where(record.c.doc.is_not(None)).order_by(record.c.seq)
    while some := connection.execute(rows.where(record.c.seq > after).limit(_PORTION)).all():
        after = some[-1].seq
        links = [{"hash": hash, "id": row.id} for row in some for hash in hashes(orjson.loads(row.doc))]
        if links:
            insert_many(connection, carrier, links)
    count = func.count()
    shared = connection.execute(select(carrier.c.hash, count).group_by(carrier.c.hash).having(count > 1)).all()
    many = [{"hash": hash, "records": n} for hash, n in shared if n > KEY_LIMIT]
    if many:
        connection.execute(insert(crowd), many)
    for few in portions([hash for hash, n in shared if n <= KEY_LIMIT], _PORTION):
        seeds = {id for _, id in _carriers(connection, few)}
        last = _form(connection, seeds, set(), {}, (), last)
    feed.advance(connection, last)


# --- keys and who carries them ----------------------------------------------------------------------------------


def _link(connection: Connection, gained: Sequence[tuple[int, str]], lost: Sequence[tuple[int, str]]) -> set[str]:
    """Write down who carries what now; gives the records that this may join or part."""
    touched = sorted({hash for hash, _ in (*gained, *lost)})
    crowds = _crowds(connection, touched)
    if lost:
        connection.execute(_UNLINK, [{"h": hash, "i": id} for hash, id in lost])
    carried: dict[int, list[str]] = {}
    for hash, id in _carriers(connection, [hash for hash in touched if hash not in crowds] if crowds else touched):
        carried.setdefault(hash, []).append(id)
    seeds = {other for hash, id in lost for other in (id, *carried.get(hash, ()))}
    if gained:
        insert_many(connection, carrier, [{"hash": hash, "id": id} for hash, id in sorted(gained)])
    alone: dict[int, str] = {}
    for hash, id in gained:
        if hash in carried:
            carried[hash].append(id)
        elif hash not in crowds and (other := alone.setdefault(hash, id)) != id:
            carried[hash] = [other, id]
    for ids in carried.values():
        if len(ids) > 1:
            seeds.update(ids)
    many = [{"hash": hash, "records": len(ids)} for hash, ids in carried.items() if len(ids) > KEY_LIMIT]
    if many:
        connection.execute(insert(crowd), many)
    if crowds:
        seeds |= _count(connection, crowds, gained, lost)
    return seeds


def _count(
    connection: Connection,
    crowds: Mapping[int, int],
    gained: Sequence[tuple[int, str]],
    lost: Sequence[tuple[int, str]],
) -> set[str]:
    """Count the carriers of the keys that too many have; gives those of keys that are identity again."""
    moved = Counter(hash for hash, _ in gained)
    moved.subtract(hash for hash, _ in lost)
    counts = {hash: n + moved[hash] for hash, n in crowds.items()}
    connection.execute(_COUNT, [{"h": hash, "n": n} for hash, n in counts.items()])
    few = [hash for hash, n in counts.items() if n <= KEY_LIMIT]
    for some in portions(few):
        connection.execute(delete(crowd).where(crowd.c.hash.in_(some)))
    return {id for _, id in _carriers(connection, few)}


def _carriers(connection: Connection, some: Sequence[int]) -> list[tuple[int, str]]:
    """(hash, id) of those who carry a key. The numbers stand in the statement: a third faster than as parameters."""
    return [
        (hash, id)
        for few in portions(some)
        for hash, id in connection.exec_driver_sql(
            f"SELECT hash, id FROM carrier WHERE hash IN ({','.join(map(str, few))})"
        ).all()
    ]


def _crowds(connection: Connection, some: Sequence[int]) -> dict[int, int]:
    """Those of the keys that too many records carry, and how many do."""
    if connection.execute(_ANY_CROWD).first() is None:
        return {}
    return {
        hash: n
        for few in portions(some)
        for hash, n in connection.exec_driver_sql(
            f"SELECT hash, records FROM crowd WHERE hash IN ({','.join(map(str, few))})"
        ).all()
    }


# --- components -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Components:
    """Records joined by keys: ids and keys are nodes alike, ``size`` counts the ids below a root."""

    parent: dict[str, str] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)

    def root(self, one: str) -> str:
        while (above := self.parent.setdefault(one, one)) != one:
            self.parent[one] = one = self.parent.setdefault(above, above)
        return one

    def join(self, id: str, key: str) -> None:
        low, high = self.root(id), self.root(key)
        if low != high:
            if self.size.get(low, 0) > self.size.get(high, 0):
                low, high = high, low
            self.parent[low] = high
            self.size[high] = self.size.get(high, 0) + self.size.pop(low, 0)


def _form(
    connection: Connection,
    seeds: set[str],
    clusters: set[str],
    given: Mapping[str, Node],
    numbered: Collection[str],
    last: int,
) -> int:
    """Find the components that the records and clusters are in, and write down what is new of them."""
    nodes: dict[str, Node] = {}
    joined = _Components()
    ids, fresh, old = set(seeds), set(clusters), set(clusters)
    asked: set[int] = set()
    while ids or fresh:
        for some in portions(list(fresh)):
            ids.update(connection.scalars(select(record.c.id).where(record.c.cluster.in_(some))))
        wanted = ids.difference(nodes)
        found = {id: given[id] for id in wanted if id in given}
        found |= _nodes(connection, [id for id in wanted if id not in found])
        nodes |= found
        carried = {id: one.keys for id, one in found.items()}
        crowds = _crowds(connection, list({hash for some in carried.values() for hash, _ in some}))
        for id in found:
            joined.size[joined.root(id)] = joined.size.get(joined.root(id), 0) + 1
            for hash, key in carried[id]:
                if hash not in crowds:
                    joined.join(id, key)
        # what is too large already is not followed further: each of its other parts that may change is at hand itself
        follow = {
            hash
            for id, some in carried.items()
            if joined.size[joined.root(id)] <= PART_LIMIT
            for hash, _ in some
            if hash not in crowds and hash not in asked
        }
        asked |= follow
        ids = {id for _, id in _carriers(connection, list(follow)) if id not in nodes}
        fresh = {one.cluster for one in found.values() if one.cluster} - old
        old |= fresh
    components: dict[str, list[str]] = {}
    for id in nodes:
        components.setdefault(joined.root(id), []).append(id)
    return write(connection, nodes, list(components.values()), old, numbered, last)


def _nodes(connection: Connection, ids: Sequence[str]) -> dict[str, Node]:
    columns = (record.c.id, record.c.doc, record.c.cluster)
    return {
        id: node(orjson.loads(doc), name)
        for some in portions(ids)
        for id, doc, name in connection.execute(select(*columns).where(record.c.id.in_(some))).all()
        if doc is not None
    }
