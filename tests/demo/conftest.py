"""A federation of its own for each test that may change it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from demo.federation import Federation


@pytest.fixture
def federation() -> Iterator[Federation]:
    with Federation(port=0) as running:
        yield running


@pytest.fixture
def client(federation: Federation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=federation.url, trust_env=False) as client:
        yield client
