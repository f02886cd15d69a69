"""Placement: the state of the lake, policies, demand, hints, and the journal of what was applied."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "placement",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.String, nullable=False),
    )
    op.create_table(
        "policy",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("removed_at", sa.String),
    )
    op.create_table(
        "demand",
        sa.Column("dim", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("site", sa.String, primary_key=True),
        sa.Column("fast", sa.Double, nullable=False),
        sa.Column("slow", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hint",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("record", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("policy", sa.String),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("shown", sa.Boolean, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_index("hint_record", "hint", ["record"])
    op.create_table(
        "journal",
        sa.Column("id", _BIG, primary_key=True),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("hint", sa.String, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("rse", sa.String),
        sa.Column("rule", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("journal_run", "journal", ["run", "id"])
