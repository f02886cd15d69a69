"""What could not be taken: whole documents and single fields, each with its reason.

An entry is replaced when the same thing fails again, and goes when a later version of its document is accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select
from sqlalchemy.engine import Connection

from catalog.database import portions
from catalog.documents import Quarantined, compress, decompress
from catalog.tables import quarantine

_MAX_RAW = 16 * 1024 * 1024  # bytes; of a larger document only the beginning is kept, for people to look at
_HEAD = 64 * 1024
_MAX_REASON = 2000  # characters
_WHOLE = (
    quarantine.c.field.is_(None),
    quarantine.c.format.is_not(None),
    quarantine.c.native_id.is_not(None),
    quarantine.c.raw.is_not(None),
)


def rows(entries: Iterable[Quarantined], source: str, at: str) -> list[dict[str, Any]]:
    """The rows to insert; compresses, so call it before the transaction begins."""
    made = {}
    for entry in entries:
        body, format = entry.raw, entry.format
        if body is not None and len(body) > _MAX_RAW:
            body, format = body[:_HEAD], None
        encoding, packed = compress(body) if body is not None else (None, None)
        key = _key(source, entry)
        made[key] = {
            "key": key,
            "source": source,
            "native_id": _text(entry.native_id),
            "field": _text(entry.field),
            "code": entry.code,
            "reason": _text(entry.reason[:_MAX_REASON]),
            "place": entry.place,
            "format": format,
            "datestamp": _text(entry.datestamp),
            "encoding": encoding,
            "raw": packed,
            "at": at,
        }
    return list(made.values())


def _text(said: str | None) -> str | None:
    """``said`` as any database can keep it: what was refused for its characters is still written down."""
    return None if said is None else said.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _key(source: str, entry: Quarantined) -> bytes:
    """One entry for each document, field and code; a document without a name is known by what it holds."""
    named = (entry.native_id or "").encode("utf-8", "replace") or b"\1" + (entry.raw or b"")
    digest = hashlib.blake2b(digest_size=16)
    for part in (source.encode(), named, (entry.field or "").encode("utf-8", "replace"), entry.code.encode()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def replace(connection: Connection, source: str, entries: Sequence[dict[str, Any]], settled: Sequence[str]) -> None:
    """Drop what stood against the documents ``settled`` (native ids), then add ``entries``."""
    anything = select(quarantine.c.id).where(quarantine.c.source == source).limit(1)
    if (settled or entries) and connection.execute(anything).first() is not None:
        for names in portions(settled):
            connection.execute(
                delete(quarantine).where(quarantine.c.source == source, quarantine.c.native_id.in_(names))
            )
        for keys in portions([entry["key"] for entry in entries]):
            connection.execute(delete(quarantine).where(quarantine.c.key.in_(keys)))
    if entries:
        connection.execute(insert(quarantine), entries)


def forget_before(connection: Connection, source: str, at: str) -> None:
    """Drop a source's entries from before ``at``: a full harvest has met everything again since.

    Those of an import (they have a place) stay: a harvest says nothing about them.
    """
    old = (quarantine.c.source == source, quarantine.c.at < at, quarantine.c.place.is_(None))
    connection.execute(delete(quarantine).where(*old))


def last(connection: Connection) -> int:
    """The number of the newest entry."""
    return connection.execute(select(func.coalesce(func.max(quarantine.c.id), 0))).scalar_one()  # type: ignore[no-any-return]  # an int


def forget_lines(connection: Connection, source: str, upto: int, place: str) -> None:
    """Drop a source's unreadable lines (documents without a name) whose place begins so, up to number ``upto``."""
    old = (quarantine.c.source == source, quarantine.c.id <= upto, quarantine.c.native_id.is_(None))
    connection.execute(delete(quarantine).where(*old, quarantine.c.place.startswith(place, autoescape=True)))


def newest(connection: Connection, source: str | None, limit: int) -> list[Quarantined]:
    """Up to ``limit`` entries, newest first."""
    found = _entries(source).order_by(quarantine.c.id.desc()).limit(limit)
    return [_entry(row) for row in connection.execute(found)]


def documents(connection: Connection, source: str, after: int, limit: int) -> list[tuple[int, Quarantined]]:
    """Whole documents that another mapping may take, by ascending number above ``after``: (number, entry)."""
    found = _entries(source).where(quarantine.c.id > after, *_WHOLE)
    rows = connection.execute(found.order_by(quarantine.c.id).limit(limit))
    return [(row.id, _entry(row)) for row in rows]


def refused(source: ColumnElement[str], native_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the whole document of that name is in quarantine, as a condition of a statement."""
    named = (quarantine.c.source == source, quarantine.c.native_id == native_id)
    return select(quarantine.c.id).where(*named, *_WHOLE).exists()


def _entries(source: str | None) -> Select[Any]:
    return select(quarantine) if source is None else select(quarantine).where(quarantine.c.source == source)


def _entry(row: Row[Any]) -> Quarantined:
    return Quarantined(
        native_id=row.native_id,
        code=row.code,
        reason=row.reason,
        field=row.field,
        raw=decompress(row.encoding, row.raw) if row.raw is not None else None,
        format=row.format,
        datestamp=row.datestamp,
        place=row.place,
        source=row.source,
        at=row.at,
    )
