"""The store's tables, the same on SQLite and PostgreSQL. ``catalog/migrations`` makes them.

Times are ISO 8601 UTC texts with seconds, so that they sort; a lease's end is in Unix seconds. Checksums are
blake2b-128. Bodies are compressed as their ``encoding`` says.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

# The migrations in order; the last is what this version reads and writes (alembic is too slow to ask at each start).
REVISIONS = ("0001", "0002", "0003", "0004")

metadata = MetaData()

# SQLite makes an INTEGER PRIMARY KEY the row's own place, so that the feed lies on the disk in its order.
_BIG = BigInteger().with_variant(Integer, "sqlite")

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

# One row: the number of the newest change. A writer locks it first, which makes numbers appear in commit order.
feed = Table(
    "feed",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("last", _BIG, nullable=False),
)

# A record is one row, and `seq` the number of its newest change. A deleted one keeps its row, without the document;
# `reason` is null where the record was not for everybody to see, and so is its tombstone.
# `checksum` is of what the record says, `raw_checksum` and `mapping_version` of how it was made; the latter is null
# where no raw document is kept. `cluster` is what it is a part of; empty where it would be, if that were not too large.
record = Table(
    "record",
    metadata,
    Column("seq", _BIG, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("native_id", Text, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("datestamp", String, nullable=False),
    Column("reason", Text),
    Column("checksum", LargeBinary),
    Column("raw_checksum", String),
    Column("mapping_version", Integer),
    Column("doc", LargeBinary),
    Column("cluster", String),
    Index("record_id", "id", unique=True),
    Index("record_source", "source", "deleted", "seq"),
)
Index(
    "record_cluster",
    record.c.cluster,
    sqlite_where=record.c.cluster.is_not(None),
    postgresql_where=record.c.cluster.is_not(None),
)

# The keys of identity (mappings/identity.py) by 64 bits of their hash, and the records that carry them.
carrier = Table(
    "carrier",
    metadata,
    Column("hash", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String, primary_key=True),
    sqlite_with_rowid=False,
)

# Keys that too many records carry for them to be the same thing, and how many do.
crowd = Table(
    "crowd",
    metadata,
    Column("hash", BigInteger, primary_key=True, autoincrement=False),
    Column("records", _BIG, nullable=False),
)

# A cluster and its merged record, with a number of the feed; a dissolved one keeps its row, without the document.
# `crowd` is the source that has more parts in it than is usual.
cluster = Table(
    "cluster",
    metadata,
    Column("seq", _BIG, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("checksum", LargeBinary),
    Column("doc", LargeBinary),
    Column("crowd", String),
    Index("cluster_id", "id", unique=True),
    Index("cluster_crowd", "crowd"),
)

raw = Table(
    "raw",
    metadata,
    Column("id", String, primary_key=True),
    Column("format", String, nullable=False),
    Column("encoding", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# `field` is null when the whole document is out; `key` is what one entry replaces when it comes again.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    Column("source", String, nullable=False),
    Column("native_id", Text),
    Column("field", Text),
    Column("code", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("place", Text),
    Column("format", String),
    Column("datestamp", String),
    Column("encoding", String),
    Column("raw", LargeBinary),
    Column("at", String, nullable=False),
    Index("quarantine_key", "key", unique=True),
    Index("quarantine_native", "source", "native_id"),
    sqlite_autoincrement=True,  # a number is never given twice, so that what is newer has a higher one
)

# `run` is the harvest that is not finished, `scope` a fingerprint of what is harvested (another scope starts afresh).
source = Table(
    "source",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("endpoint", Text),
    Column("scope", Text),
    Column("since", Text),
    Column("run", _BIG),
)

run = Table(
    "run",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("source", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("status", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("since", Text),
    Column("checkpoint", LargeBinary),
    Column("attempts", Integer, nullable=False),
    Column("started", String, nullable=False),
    Column("ended", String),
    Column("total", _BIG),
    *(
        Column(name, _BIG, nullable=False)
        for name in ("fetched", "new", "changed", "unchanged", "deleted", "quarantined")
    ),
    Column("error_code", String),
    Column("error", Text),
    Column("alarms", LargeBinary),
    Index("run_source", "source", "id"),
)

# What a harvest has met, by record id: the rest of the source's records is missing there.
seen = Table(
    "seen",
    metadata,
    Column("run", _BIG, primary_key=True, autoincrement=False),
    Column("id", String, primary_key=True),
    sqlite_with_rowid=False,
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("expires_at", Double, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
    Column("created_at", String, nullable=False),
)

# `query` as in a URL; `seen` is the feed number up to which `asterism watch` has shown what it finds.
saved = Table(
    "saved",
    metadata,
    Column("name", String, primary_key=True),
    Column("query", Text, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
    Column("seen", _BIG, nullable=False),
)

# What placement keeps whole: the state of the lake, the forecast's model, how far traces were read; JSON.
placement = Table(
    "placement",
    metadata,
    Column("key", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
)

# Each version of a policy that was ever added; `removed_at` of its newest version says that it is gone.
policy = Table(
    "policy",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created_at", String, nullable=False),
    Column("removed_at", String),
)

# What people look for, by term (placement/terms.py) and reader's site: two weights that decay, as they were at `at`
# (Unix seconds). Bounded: the least are forgotten. Nothing says who it was.
demand = Table(
    "demand",
    metadata,
    Column("dim", SmallInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("site", String, primary_key=True),
    Column("fast", Double, nullable=False),
    Column("slow", Double, nullable=False),
    Column("at", Double, nullable=False),
    sqlite_with_rowid=False,
)

# The hints of the last planning; `shown`: everybody may see the records that it speaks of. In the order of `priority`
# (0: no policy wants it), `score`, both the greatest first, and `id`.
hint = Table(
    "hint",
    metadata,
    Column("id", String, primary_key=True),
    Column("record", String, nullable=False),
    Column("action", String, nullable=False),
    Column("policy", String),
    Column("priority", SmallInteger, nullable=False),
    Column("score", Double, nullable=False),
    Column("shown", Boolean, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Index("hint_record", "record"),
)

# What `hints apply` was about to do, did and undid; `state` is planned, done, failed or undone.
journal = Table(
    "journal",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("run", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("step", String, nullable=False),
    Column("rse", String),
    Column("rule", String),
    Column("state", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    Index("journal_run", "run", "id"),
    sqlite_autoincrement=True,
)
