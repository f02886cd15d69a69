"""The change feed: each committed change has the next number, in commit order.

The newest number is one row, locked by every writing transaction before it reads anything
(:meth:`catalog.database.Database.writing`). So a reader that sees number n sees all up to n, which a database's own
sequences do not promise: they hand out numbers before the commit.
"""

from __future__ import annotations

import orjson
from sqlalchemy import case, func, literal, select, union_all, update
from sqlalchemy.engine import Connection

from catalog.engine import Change
from catalog.tables import cluster, feed, record

_PART = case((func.coalesce(record.c.cluster, "") != "", "part"), else_="single").label("view")


def last(connection: Connection) -> int:
    """The number of the newest change; 0 for an empty store."""
    return connection.execute(select(feed.c.last)).scalar_one()  # type: ignore[no-any-return]  # its column is an int


def advance(connection: Connection, to: int) -> None:
    """Set the newest number; only within ``writing``."""
    connection.execute(update(feed).values(last=to))


def changes(connection: Connection, after: int, limit: int) -> list[Change]:
    """Up to ``limit`` changes with numbers above ``after``, ascending; each the newest of its record or cluster.

    One statement, so that it sees both tables at one moment.
    """
    records = select(record.c.seq, record.c.id, record.c.doc, _PART).where(record.c.seq > after)
    merged = select(cluster.c.seq, cluster.c.id, cluster.c.doc, literal("merged")).where(cluster.c.seq > after)
    rows = connection.execute(union_all(records, merged).order_by("seq").limit(limit))
    return [Change(seq, id, None if doc is None else orjson.loads(doc), view) for seq, id, doc, view in rows.all()]


def ahead(connection: Connection, after: int, upto: int) -> list[Change]:
    """The merged records with numbers above ``upto`` of what has its own in ``after`` < n <= ``upto``.

    A follower that stops at ``upto`` needs them besides: a part is not seen without its merged record, which a later
    transaction may have given a number far above.
    """
    parts = select(record.c.cluster).where(record.c.seq > after, record.c.seq <= upto, record.c.cluster.is_not(None))
    merged = select(cluster.c.seq, cluster.c.id, cluster.c.doc).where(cluster.c.seq > upto, cluster.c.id.in_(parts))
    rows = connection.execute(merged.order_by(cluster.c.seq)).all()
    return [Change(seq, id, orjson.loads(doc), "merged") for seq, id, doc in rows if doc is not None]
