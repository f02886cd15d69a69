"""The tables of the first release, as they were then: later changes are later migrations."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    meta = op.create_table(
        "meta", sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.Text, nullable=False)
    )
    feed = op.create_table(
        "feed",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("last", _BIG, nullable=False),
    )
    _records()
    _harvests()
    op.create_table(
        "lease",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
    )
    op.bulk_insert(meta, [{"key": "store", "value": str(uuid.uuid4())}])
    op.bulk_insert(feed, [{"id": 1, "last": 0}])


def _records() -> None:
    op.create_table(
        "record",
        sa.Column("seq", _BIG, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("native_id", sa.Text, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("datestamp", sa.String, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("checksum", sa.LargeBinary),
        sa.Column("raw_checksum", sa.String),
        sa.Column("mapping_version", sa.Integer),
        sa.Column("doc", sa.LargeBinary),
    )
    op.create_index("record_id", "record", ["id"], unique=True)
    op.create_index("record_source", "record", ["source", "deleted", "seq"])
    op.create_table(
        "raw",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("format", sa.String, nullable=False),
        sa.Column("encoding", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", _BIG, primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("native_id", sa.Text),
        sa.Column("field", sa.Text),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("place", sa.Text),
        sa.Column("format", sa.String),
        sa.Column("datestamp", sa.String),
        sa.Column("encoding", sa.String),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("at", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("quarantine_key", "quarantine", ["key"], unique=True)
    op.create_index("quarantine_native", "quarantine", ["source", "native_id"])


def _harvests() -> None:
    op.create_table(
        "source",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("endpoint", sa.Text),
        sa.Column("scope", sa.Text),
        sa.Column("since", sa.Text),
        sa.Column("run", _BIG),
    )
    counts = ("fetched", "new", "changed", "unchanged", "deleted", "quarantined")
    op.create_table(
        "run",
        sa.Column("id", _BIG, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("since", sa.Text),
        sa.Column("checkpoint", sa.LargeBinary),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("started", sa.String, nullable=False),
        sa.Column("ended", sa.String),
        sa.Column("total", _BIG),
        *(sa.Column(name, _BIG, nullable=False) for name in counts),
        sa.Column("error_code", sa.String),
        sa.Column("error", sa.Text),
        sa.Column("alarms", sa.LargeBinary),
    )
    op.create_index("run_source", "run", ["source", "id"])
    op.create_table(
        "seen",
        sa.Column("run", _BIG, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, primary_key=True),
        sqlite_with_rowid=False,
    )
