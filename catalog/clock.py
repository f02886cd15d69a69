"""The time as the store writes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """This moment, UTC."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """``at`` as ISO 8601 UTC with seconds, ``2026-11-21T07:22:28Z``: texts of equal length, which sort."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
