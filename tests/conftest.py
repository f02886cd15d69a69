"""Shared fixtures: real servers, by address in the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# how long one example takes says what else the machine does, not whether the code is right
settings.register_profile("asterism", deadline=None)
settings.load_profile("asterism")

ROOT = Path(__file__).resolve().parents[1]


def _server(name: str, recipe: str) -> str:
    url = os.environ.get(f"ASTERISM_TEST_{name}")
    if url:
        return url.rstrip("/")
    how = f"no {name} server: start one ({recipe}) and set ASTERISM_TEST_{name} to its address"
    if os.environ.get("ASTERISM_REQUIRE_SERVERS") == "1":
        pytest.fail(how)
    pytest.skip(how)


@pytest.fixture(scope="session")
def rucio_url() -> str:
    return _server("RUCIO", "tests/servers/rucio start")


@pytest.fixture(scope="session")
def dachs_url() -> str:
    return _server("DACHS", "tests/servers/dachs start")


@pytest.fixture(scope="session")
def invenio_url() -> str:
    return _server("INVENIO", "tests/servers/invenio start")


@pytest.fixture(scope="session")
def elastic_url() -> str:
    return _server("ELASTIC", "tests/servers/elasticsearch start")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real captured data beside the checkout; an extra layer, never needed."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the checkout: this layer runs only where captured records are")
    return folder
