"""Clusters of records that are the same thing. ``catalog/database.py`` fills the tables from the records there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("record", sa.Column("cluster", sa.String))
    known = sa.column("cluster").is_not(None)
    op.create_index("record_cluster", "record", ["cluster"], sqlite_where=known, postgresql_where=known)
    op.create_table(
        "carrier",
        sa.Column("hash", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "crowd",
        sa.Column("hash", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("records", _BIG, nullable=False),
    )
    op.create_table(
        "cluster",
        sa.Column("seq", _BIG, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("checksum", sa.LargeBinary),
        sa.Column("doc", sa.LargeBinary),
        sa.Column("crowd", sa.String),
    )
    op.create_index("cluster_id", "cluster", ["id"], unique=True)
    op.create_index("cluster_crowd", "cluster", ["crowd"])
