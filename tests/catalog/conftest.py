"""A store for each test, on SQLite, and on PostgreSQL when ASTERISM_TEST_POSTGRES names one (an SQLAlchemy URL)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.sql import text

from catalog.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a place where no store is yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'asterism.db'}"
        return
    address = os.environ.get("ASTERISM_TEST_POSTGRES")
    if not address:
        pytest.skip(
            "no PostgreSQL: set ASTERISM_TEST_POSTGRES to an SQLAlchemy URL of a database to run this there too"
        )
    schema = f"asterism_{uuid.uuid4().hex[:12]}"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    inside = make_url(address).update_query_dict({"options": f"-csearch_path={schema}"})
    yield inside.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.create_or_upgrade(store_url) as made:
        yield made
