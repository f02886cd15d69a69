"""What a mapping gives back: a record, a deletion, and what it had to leave out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.record import Record


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that was quarantined: the record stands without it."""

    field: str
    code: str
    reason: str
    value: Any = None


@dataclass(slots=True)
class Mapped:
    """``record`` lacks ``id``, ``source`` and ``provenance``, which the runner adds; None: the source says gone."""

    record: Record | None
    problems: list[Problem] = field(default_factory=list)
