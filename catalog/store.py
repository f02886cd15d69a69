"""The record store: the truth that every index follows.

One row a record, one number a change (``catalog/feed.py``), the raw documents beside. Everything that changes records
goes through :meth:`Store.save`. A store may be used by many threads and processes at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import orjson
from sqlalchemy import func, select

from catalog import clock, clusters, feed, quarantine, runs, saving
from catalog.database import Database, portions
from catalog.documents import HarvestProgress, Put, Quarantined, Tally, Tombstone, decompress
from catalog.engine import Change
from catalog.tables import cluster, meta, raw, record
from catalog.tables import quarantine as quarantine_table
from schemas.record import Record, record_id

ANNOUNCED = "the source says that it is deleted"
_PORTION = 1000  # records read at once: a megabyte or two


class Store:
    """Open one with :meth:`open`, make or upgrade one with :meth:`create_or_upgrade`; close it, or use ``with``."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the store at an SQLAlchemy URL.

        Raises
        ------
        StoreError
            ``store.not-initialised``, ``store.needs-upgrade``, ``store.too-new``; ``store.bad-url``,
            ``store.no-driver``, ``store.damaged``, ``store.failed`` when there is no using it at all.
        """
        database = Database(url)
        try:
            database.check()
        except BaseException:
            database.close()
            raise
        return cls(database)

    @classmethod
    def create_or_upgrade(cls, url: str) -> Self:
        """Make the store, or bring an earlier version's up to date, and open it; keeps what is in it."""
        database = Database(url)
        try:
            database.upgrade()
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        """Give up the connections."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- what changes records -----------------------------------------------------------------------------------

    def save(
        self,
        source: str,
        puts: Sequence[Put] = (),
        gone: Sequence[str] = (),
        quarantined: Sequence[Quarantined] = (),
        *,
        progress: HarvestProgress | None = None,
        kind: str = "import",
        reason: str = ANNOUNCED,
        at: str | None = None,
    ) -> Tally:
        """Save what came from ``source``, all of it in one transaction or none.

        Keep it to a few thousand documents: other writers wait meanwhile.

        Parameters
        ----------
        puts
            Valid records; of two with one id the last wins. One that says what the store has already gets no new
            feed number (``harvested_at``, ``checksum`` and ``mapping_version`` of its provenance do not count).
        gone
            Native ids that become tombstones with ``reason``; unknown and already deleted ones are left alone.
        quarantined
            What was left out. Earlier entries of all documents named here are dropped.
        progress
            The harvest's checkpoint, saved along.
        kind
            What kind of source it is, when the store has not met it.
        at
            When this happens, ISO 8601 UTC; now, if left out.

        Raises
        ------
        RecordError
            ``record.unstorable``: nothing was saved.
        """
        moment = at or clock.stamp(clock.now())
        return saving.save(
            self.database, source, puts, gone, quarantined, progress=progress, kind=kind, reason=reason, at=moment
        )

    # --- the change feed ----------------------------------------------------------------------------------------

    def changes(self, after: int, limit: int) -> list[Change]:
        """Up to ``limit`` changes above ``after`` in ascending order, each the newest of its record."""
        with self.database.reading() as connection:
            return feed.changes(connection, after, limit)

    def last_seq(self) -> int:
        """The number of the newest change; 0 for an empty store."""
        with self.database.reading() as connection:
            return feed.last(connection)

    @property
    def uuid(self) -> str:
        """The store's own name, so that an index knows whose feed it follows."""
        with self.database.reading() as connection:
            return str(connection.execute(select(meta.c.value).where(meta.c.key == "store")).scalar_one())

    # --- records ------------------------------------------------------------------------------------------------

    def get(self, id: str) -> Record | None:
        """The record, or a cluster's merged one; None when there is none (any more, see :meth:`tombstone`)."""
        return self.get_many([id]).get(id)

    def get_many(self, ids: Sequence[str]) -> dict[str, Record]:
        """Those of the records, and of the clusters' merged ones, that there are, by id."""
        found: dict[str, Record] = {}
        for table in ("record", "cluster"):
            for some in portions([id for id in ids if id not in found]):
                marks = ",".join("?" * len(some))
                rows = self.database.fetch(
                    f"SELECT id, doc FROM {table} WHERE id IN ({marks}) AND doc IS NOT NULL", some
                )
                found.update((id, orjson.loads(doc)) for id, doc in rows)
        return found

    def parts(self, id: str) -> list[Record]:
        """The records that a cluster is made of, the leading one first; nothing where ``id`` is no cluster's."""
        merged = self.get(id)
        ids = [part["id"] for part in (merged or {}).get("same_as", ())]
        found = self.get_many(ids)
        return [found[one] for one in ids if one in found]

    def cluster_of(self, id: str) -> str | None:
        """The id of the cluster that a record is part of; None for one that stands alone or is not there."""
        with self.database.reading() as connection:
            return connection.execute(select(record.c.cluster).where(record.c.id == id)).scalar() or None

    def find(self, source: str, native_id: str) -> Record | None:
        """The record of what ``source`` calls ``native_id``."""
        return self.get(record_id(source, native_id))

    def raw(self, id: str) -> tuple[str, bytes] | None:
        """(format, raw document) as the source gave it; None where none is kept, as for imported records."""
        with self.database.reading() as connection:
            row = connection.execute(select(raw.c.format, raw.c.encoding, raw.c.body).where(raw.c.id == id)).first()
        return None if row is None else (row.format, decompress(row.encoding, row.body))

    def tombstone(self, id: str) -> Tombstone | None:
        """When and why a record was deleted; None when it is there, never was, or was not for everybody to see."""
        columns = (record.c.id, record.c.source, record.c.native_id, record.c.datestamp, record.c.reason)
        marked = (record.c.deleted, record.c.reason.is_not(None))
        with self.database.reading() as connection:
            row = connection.execute(select(*columns).where(record.c.id == id, *marked)).first()
        return None if row is None else Tombstone(*row)

    def iter_records(self, source: str | None = None) -> Iterator[Record]:
        """Every record, or those of one source, in the order of their ids; each is as of the moment it is read."""
        after = ""
        while True:
            portion = select(record.c.id, record.c.source, record.c.doc).where(record.c.id > after)
            with self.database.reading() as connection:
                rows = connection.execute(portion.order_by(record.c.id).limit(_PORTION)).all()
            if not rows:
                return
            # chosen here, not in the statement: the database would sort a whole source for each portion
            for row in rows:
                if row.doc is not None and source in (None, row.source):
                    yield orjson.loads(row.doc)
            after = rows[-1].id

    # --- what people ask about it -------------------------------------------------------------------------------

    def counts(self) -> dict[str, dict[str, int]]:
        """By source: ``records`` there are, ``deleted`` ones, documents ``quarantined`` wholly or in part."""
        found = {state.name: {"records": 0, "deleted": 0, "quarantined": 0} for state in self.sources()}
        empty = {"records": 0, "deleted": 0, "quarantined": 0}
        rows = select(record.c.source, record.c.deleted, func.count()).group_by(record.c.source, record.c.deleted)
        named = quarantine_table.c.native_id
        documents = func.count(named.distinct()) + func.count() - func.count(named)  # each without a name is one
        left_out = select(quarantine_table.c.source, documents).group_by(quarantine_table.c.source)
        with self.database.reading() as connection:
            for name, deleted, count in connection.execute(rows):
                found.setdefault(name, dict(empty))["deleted" if deleted else "records"] = count
            for name, count in connection.execute(left_out):
                found.setdefault(name, dict(empty))["quarantined"] = count
        return found

    def clusters(self) -> int:
        """How many clusters there are: an index has so many documents more than there are records."""
        with self.database.reading() as connection:
            counted = select(func.count()).select_from(cluster).where(cluster.c.checksum.is_not(None))
            return connection.execute(counted).scalar_one()

    def alarms(self, source: str | None = None) -> list[dict[str, str]]:
        """What is wrong with the clusters now, of all sources or of one: ``code`` and ``detail``."""
        with self.database.reading() as connection:
            return clusters.alarms(connection, source)

    def sources(self) -> list[runs.SourceState]:
        """Every source that was ever harvested or imported, by name."""
        with self.database.reading() as connection:
            return runs.sources(connection)

    def runs(self, source: str | None = None, limit: int = 20) -> list[runs.Run]:
        """Harvests, newest first."""
        with self.database.reading() as connection:
            return runs.history(connection, source, limit)

    def quarantine(self, source: str | None = None, limit: int = 100) -> list[Quarantined]:
        """What could not be taken, newest first."""
        with self.database.reading() as connection:
            return quarantine.newest(connection, source, limit)
