"""The clusters as they are written down, and what people should look at about them.

Which records are in one is ``catalog/identity.py``'s to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Connection

from catalog.database import insert_many, portions
from catalog.documents import encode
from catalog.tables import carrier, cluster, crowd, record
from mappings.identity import key_hash, keys, shown
from mappings.merge import cluster_id, merge
from schemas.record import Record

PART_LIMIT = 1000  # records
MANY_PARTS = 20  # of one source in one cluster, above which somebody should look
TOO_LARGE = ""  # what stands for the cluster of a record whose component is above PART_LIMIT
_SHOWN = 20  # alarms of one kind

_JOIN = update(record).where(record.c.id == bindparam("which")).values(cluster=bindparam("to"))
_MOVE = update(record).where(record.c.id == bindparam("which")).values(cluster=bindparam("to"), seq=bindparam("n"))
_CHANGED = ("seq", "checksum", "doc", "crowd")
_REWRITE = (
    update(cluster).where(cluster.c.id == bindparam("which")).values({name: bindparam(name) for name in _CHANGED})
)


@dataclass(slots=True)
class Node:
    """A record, the hashes of its keys with these, and the cluster that it was part of so far."""

    record: Record
    keys: list[tuple[int, str]]
    cluster: str | None = None


def write(
    connection: Connection,
    nodes: Mapping[str, Node],
    components: Sequence[Sequence[str]],
    old: Collection[str],
    numbered: Collection[str],
    last: int,
) -> int:
    """Write the clusters and who is in them.

    What leaves a cluster gets its feed number before that cluster does, so that a follower always has one of them.
    """
    names: dict[str, str | None] = {}
    merged: dict[str, Record] = {}
    for members in components:
        name = None if len(members) == 1 else TOO_LARGE if len(members) > PART_LIMIT else cluster_id(members)
        names.update(dict.fromkeys(members, name))
        if name:
            merged[name] = merge([nodes[id].record for id in members])
    moves, joins = [], []
    for id, node in nodes.items():
        to = names[id]
        if to == node.cluster:
            continue
        if bool(to) == bool(node.cluster) or id in numbered:
            joins.append({"which": id, "to": to})
        else:  # a search sees it otherwise than before
            last += 1
            moves.append({"which": id, "to": to, "n": last})
    for statement, rows in ((_MOVE, moves), (_JOIN, joins)):
        if rows:
            connection.execute(statement, rows)
    return _write_clusters(connection, merged, old, last)


def _write_clusters(connection: Connection, merged: Mapping[str, Record], old: Collection[str], last: int) -> int:
    columns = (cluster.c.id, cluster.c.seq, cluster.c.checksum, cluster.c.doc)
    known = {
        row.id: row
        for some in portions(list({*merged, *old}))
        for row in connection.execute(select(*columns).where(cluster.c.id.in_(some))).all()
    }
    new, changed = [], []
    for name in (*sorted(merged), *sorted(set(old).difference(merged))):  # a cluster of a new name before the old
        before = known.get(name)
        if name not in merged:
            last += 1
            changed.append({"which": name, "seq": last, "checksum": None, "doc": None, "crowd": None})
            continue
        doc, said = encode(merged[name])
        if before is not None and before.doc == doc:
            continue
        if before is None or before.checksum != said:
            last += 1
        number = before.seq if before is not None and before.checksum == said else last
        row = {"seq": number, "checksum": said, "doc": doc, "crowd": _crowding(merged[name])}
        if before is None:
            new.append(row | {"id": name})
        else:
            changed.append(row | {"which": name})
    if new:
        insert_many(connection, cluster, new)
    if changed:
        connection.execute(_REWRITE, changed)
    return last


def _crowding(one: Record) -> str | None:
    """The source that has more than ``MANY_PARTS`` parts in a merged record."""
    source, count = Counter(part["source"] for part in one["same_as"]).most_common(1)[0]
    return source if count > MANY_PARTS else None


def alarms(connection: Connection, source: str | None) -> list[dict[str, str]]:
    """See :meth:`catalog.store.Store.alarms`; of each kind at most ``_SHOWN``."""
    found = [*_shared_keys(connection, source), *_crowded(connection, source), *_too_large(connection, source)]
    return [{"code": f"identity.{code}", "detail": detail} for code, detail in found]


def _shared_keys(connection: Connection, source: str | None) -> Iterator[tuple[str, str]]:
    some = select(crowd.c.hash, crowd.c.records).order_by(crowd.c.records.desc(), crowd.c.hash).limit(_SHOWN)
    for hash, count in connection.execute(some).all():
        one = select(record.c.source, record.c.doc).join_from(carrier, record, carrier.c.id == record.c.id)
        for name, doc in connection.execute(one.where(carrier.c.hash == hash).order_by(carrier.c.id).limit(1)):
            key = next((key for key in keys(orjson.loads(doc)) if key_hash(key) == hash), "?")
            if source in (None, name):
                # alarms are for everybody to read: what is hidden is not named there
                named = "a key that is not for everybody" if "\0" in key else shown(key)
                yield "shared-key", f"{count} records, some of {name}, carry {named}, so it joins none of them"


def _crowded(connection: Connection, source: str | None) -> Iterator[tuple[str, str]]:
    some = select(cluster.c.id, cluster.c.crowd, cluster.c.doc).where(cluster.c.crowd.is_not(None))
    if source is not None:
        some = some.where(cluster.c.crowd == source)
    for id, name, doc in connection.execute(some.order_by(cluster.c.id).limit(_SHOWN)):
        count = sum(part["source"] == name for part in orjson.loads(doc)["same_as"])
        yield "many-parts", f"{count} records of {name} are taken to be one thing, {id}; look whether they are"


def _too_large(connection: Connection, source: str | None) -> Iterator[tuple[str, str]]:
    some = select(record.c.source, func.count(), func.min(record.c.id)).where(record.c.cluster == TOO_LARGE)
    for name, count, id in connection.execute(some.group_by(record.c.source)):
        if source in (None, name):
            what = f"are joined in groups of more than {PART_LIMIT}, and so stand alone"
            yield "too-large", f"{count} records of {name} (such as {id}) {what}"
