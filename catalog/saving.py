"""One transaction of the store: records in, records gone, what was left out, and how far the harvest has come.

Everything that costs time (JSON, checksums, compression) is done before the transaction begins, so that the lock is
held for the database's own work alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.engine import Connection

from catalog import feed, identity, quarantine, runs
from catalog.clusters import Node
from catalog.database import Database, insert_many, portions
from catalog.documents import HarvestProgress, Put, Quarantined, Tally, checksum, compress, encode
from catalog.tables import raw, record, source
from schemas.access import visible
from schemas.record import record_id

_WHICH = record.c.id == bindparam("which")
_CHANGE = ("seq", "native_id", "deleted", "datestamp", "reason", "checksum", "raw_checksum", "mapping_version", "doc")
_UPDATE = update(record).where(_WHICH).values({name: bindparam(name) for name in _CHANGE})
_REFRESH = (
    update(record).where(_WHICH).values({name: bindparam(name) for name in ("raw_checksum", "mapping_version", "doc")})
)
_DELETE = (
    update(record)
    .where(_WHICH)
    .values(
        {name: bindparam(name) for name in ("seq", "datestamp", "reason")}
        | {"deleted": True}
        | dict.fromkeys(("doc", "checksum", "raw_checksum", "mapping_version", "cluster"))
    )
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store has of a record already."""

    checksum: bytes | None
    raw_checksum: str | None
    mapping_version: int | None
    deleted: bool
    cluster: str | None


def save(
    database: Database,
    name: str,
    puts: Iterable[Put],
    gone: Sequence[str],
    quarantined: Sequence[Quarantined],
    *,
    progress: HarvestProgress | None,
    kind: str,
    reason: str,
    at: str,
) -> Tally:
    """See :meth:`catalog.store.Store.save`."""
    given: dict[str, dict[str, Any]] = {}
    bodies: dict[str, dict[str, Any]] = {}
    nodes: dict[str, Node] = {}
    for put in puts:
        row = _row(put, at)
        given[row["id"]] = row
        nodes[row["id"]] = identity.node(put.record)
        if put.raw is not None:
            encoding, body = compress(put.raw)
            bodies[row["id"]] = {"id": row["id"], "format": put.format, "encoding": encoding, "body": body}
    lost = {record_id(name, native_id) for native_id in gone}
    entries = quarantine.rows(quarantined, name, at)
    settled = [*(row["native_id"] for row in given.values()), *gone]
    settled += [one.native_id for one in quarantined if one.native_id]

    with database.writing() as connection:
        _ensure_source(connection, name, kind)
        known = _known(connection, [*given, *lost])
        last = feed.last(connection)
        changed = {id for id, row in given.items() if not _says_the_same(known.get(id), row)}
        alive = [one for one in lost if one in given or (one in known and not known[one].deleted)]
        older = [id for id in {*changed, *alive} if id in known and not known[id].deleted]
        was = identity.hashes_of(connection, older)
        tally, last = _put(connection, name, given, bodies, known, last)
        last = _delete(connection, alive, last, reason, at)
        touched = [id for id, row in given.items() if id in known and _differs(known[id], row)]
        clusters = {known[id].cluster or "" for id in (*touched, *lost) if id in known}
        for id in known.keys() & nodes.keys():
            nodes[id].cluster = known[id].cluster
        for id in alive:
            nodes.pop(id, None)
        last = identity.settle(connection, was, nodes, clusters, changed, last)
        feed.advance(connection, last)
        quarantine.replace(connection, name, entries, settled)
        left_out = len({entry["native_id"] or entry["key"] for entry in entries})
        tally += Tally(deleted=len(alive), quarantined=left_out)
        if progress is not None:
            met = [record_id(name, native_id) for native_id in (*settled, *progress.seen)] if progress.track else []
            runs.advance(connection, progress, met, tally)
    return tally


def _row(put: Put, at: str) -> dict[str, Any]:
    doc, said = put.encoded or encode(put.record)
    made = (put.record.get("provenance") or {}).get("checksum")
    return {
        "id": put.record["id"],
        "native_id": put.native_id,
        "deleted": False,
        "datestamp": at,
        "reason": None,
        "checksum": said,
        "raw_checksum": made or (checksum(put.raw) if put.raw is not None else None),
        "mapping_version": put.mapping_version if put.raw is not None else None,
        "doc": doc,
    }


def _ensure_source(connection: Connection, name: str, kind: str) -> None:
    if connection.execute(select(source.c.name).where(source.c.name == name)).first() is None:
        connection.execute(insert(source), {"name": name, "kind": kind})


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, _Known]:
    names = ("id", "checksum", "raw_checksum", "mapping_version", "deleted", "cluster")
    columns = [record.c[name] for name in names]
    return {
        row[0]: _Known(*row[1:])
        for some in portions(ids)
        for row in connection.execute(select(*columns).where(record.c.id.in_(some))).all()
    }


def _says_the_same(before: _Known | None, row: Mapping[str, Any]) -> bool:
    return before is not None and not before.deleted and before.checksum == row["checksum"]


def _differs(before: _Known, row: Mapping[str, Any]) -> bool:
    """In what it says, or in how it came in."""
    names = ("checksum", "raw_checksum", "mapping_version")
    return any(getattr(before, name) != row[name] for name in names)


def _put(
    connection: Connection,
    name: str,
    given: Mapping[str, dict[str, Any]],
    bodies: Mapping[str, dict[str, Any]],
    known: Mapping[str, _Known],
    last: int,
) -> tuple[Tally, int]:
    """Write the records; gives what came of them and the newest feed number."""
    fresh: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    refreshes: list[dict[str, Any]] = []
    revived = unchanged = 0
    for id, row in given.items():
        before = known.get(id)
        if before is not None and _says_the_same(before, row):
            unchanged += 1
            if _differs(before, row):
                # the source or the mapping changed something that the record does not show: keep up, quietly
                refreshes.append({"which": id} | {key: row[key] for key in ("raw_checksum", "mapping_version", "doc")})
            continue
        last += 1
        row["seq"] = last
        if before is None:
            row |= {"source": name, "cluster": None}
            fresh.append(row)
            continue
        revived += before.deleted
        updates.append({"which": id, **{key: value for key, value in row.items() if key != "id"}})
    if fresh:
        insert_many(connection, record, fresh)
    for statement, rows in ((_UPDATE, updates), (_REFRESH, refreshes)):
        if rows:
            connection.execute(statement, rows)
    older = [row["which"] for row in (*updates, *refreshes)]
    for some in portions(older):
        connection.execute(delete(raw).where(raw.c.id.in_(some)))
    written = [bodies[id] for id in (*(row["id"] for row in fresh), *older) if id in bodies]
    if written:
        insert_many(connection, raw, written)
    return Tally(new=len(fresh) + revived, changed=len(updates) - revived, unchanged=unchanged), last


def _delete(connection: Connection, ids: Sequence[str], last: int, reason: str, at: str) -> int:
    """Turn records into tombstones; gives the newest feed number.

    That of a record which not everybody could see has no reason: nobody is told that it was there.
    """
    if ids:
        shown = _shown(connection, ids)
        rows = [
            {"which": id, "seq": n, "datestamp": at, "reason": reason if id in shown else None}
            for n, id in enumerate(ids, last + 1)
        ]
        connection.execute(_DELETE, rows)
        for some in portions(ids):
            connection.execute(delete(raw).where(raw.c.id.in_(some)))
    return last + len(ids)


def _shown(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the records that everybody could see."""
    return {
        id
        for some in portions(ids)
        for id, doc in connection.execute(select(record.c.id, record.c.doc).where(record.c.id.in_(some))).all()
        if visible(orjson.loads(doc), frozenset())
    }
