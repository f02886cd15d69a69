"""The files of one generation of the embedded index: segments, and which of their rows are dead."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catalog import building, segment_file
from catalog.engine import Change
from catalog.packing import Arrays
from catalog.segment import Segment, split_ids

FANOUT = 4  # merge so many segments of like size into one
SMALL = 2_000  # rows; segments below count as of one size


@dataclass(slots=True)
class Part:
    """A segment and the rows of it that live (None: all)."""

    segment: Segment
    alive: Any
    dead_file: str | None

    @property
    def live(self) -> int:
        return self.segment.size if self.alive is None else int(self.alive.sum())


class Generation:
    """One folder of segments."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._numbers = 0

    def read(self, name: str, dead: str | None, known: Segment | None) -> Part:
        """A segment of the manifest; ``known`` if it is open already."""
        columns = known or segment_file.read(self.home / f"{name}.seg")
        alive = None
        if dead:
            alive = ~np.unpackbits(np.load(self.home / dead), count=columns.size).astype(bool)
        return Part(columns, alive, dead)

    def write(self, arrays: Arrays) -> Part:
        name = self._new_name("segment", ".seg")
        segment_file.write(self.home / f"{name}.seg", arrays)
        return Part(segment_file.read(self.home / f"{name}.seg"), None, None)

    def _new_name(self, stem: str, suffix: str) -> str:
        while True:
            self._numbers += 1
            name = f"{stem}-{self._numbers}"
            if not (self.home / (name + suffix)).exists():
                return name

    def merged(self, parts: list[Part]) -> list[Part]:
        """Join segments of like size, and shed those that are mostly dead."""
        parts = [part for part in parts if part.live]
        while True:
            tiers: dict[int, list[Part]] = {}
            for part in parts:
                tiers.setdefault(max(0, (part.live // SMALL).bit_length() // 2), []).append(part)
            full = next((tier for _, tier in sorted(tiers.items()) if len(tier) >= FANOUT), None)
            if full is None:
                full = [part for part in parts if part.live * 2 < part.segment.size][:1]
            if not full:
                return parts
            alive = [np.ones(p.segment.size, dtype=bool) if p.alive is None else p.alive for p in full]
            joined = self.write(building.merge(zip((p.segment for p in full), alive, strict=True)))
            parts = [part for part in parts if part not in full]
            parts.append(joined)

    def entries(self, parts: list[Part]) -> list[dict[str, str | None]]:
        """What the manifest says of segments; writes the bits of their dead rows."""
        for part in parts:
            if part.alive is not None and part.dead_file is None:
                part.dead_file = self._new_name("dead", ".npy") + ".npy"
                np.save(self.home / part.dead_file, np.packbits(~part.alive))
        return [{"name": part.segment.name, "dead": part.dead_file} for part in parts]

    def sweep(self, parts: list[Part]) -> None:
        """Remove all files of other segments."""
        used = {f"{part.segment.name}.seg" for part in parts} | {part.dead_file for part in parts}
        for path in [*self.home.glob("segment-*.seg"), *self.home.glob("dead-*.npy")]:
            if path.name not in used:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()

    def damaged(self, parts: list[Part]) -> list[str]:
        """Names of segments whose files are not as they were written."""
        names = [part.segment.name for part in parts]
        return [name for name in names if not segment_file.sound(self.home / f"{name}.seg")]


def ids_twice(parts: list[Part]) -> int:
    """How many records live in two rows."""
    high, low = (
        np.concatenate([part.segment[name] if part.alive is None else part.segment[name][part.alive] for part in parts])
        if parts
        else np.empty(0)
        for name in ("id_hi", "id_lo")
    )
    order = np.lexsort((low, high))
    high, low = high[order], low[order]
    return int(((high[1:] == high[:-1]) & (low[1:] == low[:-1])).sum())


def seqs_above(parts: list[Part], applied: int) -> list[int]:
    """Feed numbers above ``applied`` that live: merged records that were applied ahead of their turn."""
    found: list[int] = []
    for part in parts:
        above = part.segment["seq"].astype(np.int64) > applied - int(part.segment["seq_base"][0])
        found += part.segment.seqs(np.flatnonzero(above if part.alive is None else above & part.alive)).tolist()
    return found


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def without_superseded(parts: list[Part], newest: dict[str, Change]) -> tuple[list[Part], list[int]]:
    """Mark the rows that ``newest`` replaces as dead, and drop from it what is not newer; the dead rows' seqs."""
    pending: list[int] = []
    ids = list(newest)
    high, low = split_ids(ids)
    seqs = np.array([newest[one].seq for one in ids], dtype=np.int64)
    kept = []
    for part in parts:
        rows = part.segment.rows_of_ids(high, low) if ids else np.empty(0, dtype=np.int64)
        here = np.flatnonzero(rows >= 0)
        if part.alive is not None:
            here = here[part.alive[rows[here]]]
        stale = part.segment.seqs(rows[here]) < seqs[here]
        for n in here[~stale].tolist():
            newest.pop(ids[n], None)
        gone = rows[here[stale]]
        if len(gone):
            alive = np.ones(part.segment.size, dtype=bool) if part.alive is None else part.alive.copy()
            alive[gone] = False
            pending += part.segment.seqs(gone).tolist()
            kept.append(Part(part.segment, alive, None))
        else:
            kept.append(part)
    return kept, pending
