"""Sets of rows of one segment: row numbers where they are few, else a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.segment import Segment


@dataclass(frozen=True, slots=True)
class Rows:
    """``rows`` ascending without repeats, or ``mask``; one of them is None."""

    rows: Any = None
    mask: Any = None

    def to_mask(self, size: int) -> Any:
        if self.mask is not None:
            return self.mask
        mask = np.zeros(size, dtype=bool)
        mask[self.rows] = True
        return mask

    def to_rows(self) -> Any:
        return self.rows if self.mask is None else np.flatnonzero(self.mask)


NONE = Rows(rows=np.empty(0, dtype=np.int64))


def all_of(parts: list[Rows], size: int) -> Any:
    """Row numbers, ascending, that every part holds."""
    lists = sorted((part.rows for part in parts if part.mask is None), key=len)
    masks = [part.mask for part in parts if part.mask is not None]
    if lists:
        rows = lists[0]
        for other in lists[1:]:
            if len(rows) == 0:
                break
            if len(other) > 2 * len(rows):  # a few in a long list: look each up
                at = np.minimum(np.searchsorted(other, rows), len(other) - 1)
                rows = rows[other[at] == rows]
            else:
                rows = np.intersect1d(rows, other, assume_unique=True)
        for mask in masks:
            rows = rows[mask[rows]]
        return rows
    if not masks:
        return np.arange(size)
    return np.flatnonzero(np.logical_and.reduce(masks) if len(masks) > 1 else masks[0])


def any_of(parts: list[Rows], size: int) -> Rows:
    """Rows that some part holds."""
    if len(parts) == 1:
        return parts[0]
    if all(part.mask is None for part in parts) and sum(len(part.rows) for part in parts) * 16 < size:
        return Rows(rows=np.unique(np.concatenate([part.rows for part in parts]))) if parts else NONE
    mask = np.zeros(size, dtype=bool)
    for part in parts:
        mask[part.mask if part.mask is not None else part.rows] = True
    return Rows(mask=mask)


def all_but(part: Rows, size: int) -> Rows:
    return Rows(mask=~part.to_mask(size))


def from_docs(size: int, docs: Any) -> Rows:
    """Rows of values, which may repeat a row."""
    if len(docs) * 16 < size:
        return Rows(rows=np.unique(docs).astype(np.int64))
    mask = np.zeros(size, dtype=bool)
    mask[docs] = True
    return Rows(mask=mask)


def from_values(segment: Segment, column: str, chosen: Any) -> Rows:
    """Rows of the values of a column that a mask over them chooses."""
    if not segment.dense(column):
        return from_docs(segment.size, segment.docs(column)[chosen])
    if len(chosen) == segment.size:
        return Rows(mask=chosen)
    return Rows(rows=np.flatnonzero(chosen))
