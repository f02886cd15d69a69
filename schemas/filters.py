"""A comparison of one field with values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Op = Literal["eq", "not", "gt", "gte", "lt", "lte", "exists", "like"]


@dataclass(frozen=True, slots=True)
class Filter:
    """``field`` compared with any of ``values``.

    Values are strings as asked, already in their right spelling; ``field_span`` reads numbers and dates. ``exists`` has
    one value, ``"true"`` or ``"false"``. ``like`` compares words with patterns: ``*`` any characters, ``?`` one.
    """

    field: str
    op: Op
    values: tuple[str, ...]
