"""The embedded engine: column segments for everything exact, tantivy for words, one manifest for both.

    manifest.json                the state: generation, applied feed number, segments with their dead rows, and
                                 ``pending``: versions whose words the next commit takes out of tantivy
    g1/segment-7.seg             columns (catalog/segment.py); never changed once written
    g1/dead-9.npy                bits of the dead rows of one segment, as of one commit
    g1/words/                    tantivy

A commit writes new files, then tantivy's commit, then replaces the manifest: killed anywhere before that, the old
state stands, and the leavings are swept up by the next writer. A reader looks at the manifest's stamp before every
search, so any process sees a commit at once. Why columns stand beside tantivy: ADR 3.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from catalog import building, lookup, ranking, segment, words
from catalog.engine import Answer, Change
from catalog.segment import Segment
from mappings.document import document, fingerprint
from mappings.sky import ConeTest
from schemas.access import visible
from schemas.errors import SearchIndexError
from schemas.query import Query

FORMAT = 1  # raise when files of an older version cannot be read: doctor then asks for a reindex
FANOUT = 4  # merge so many segments of like size into one
_TRIES = 50  # a commit takes longer than opening it; this many in a row do not happen
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


@dataclass(slots=True)
class Snapshot:
    """One committed state, held open."""

    generation: int
    applied: int
    feed: str | None
    parts: list[Part]
    pending: list[int]
    searcher: Any
    index: Any
    texts: dict[str, tuple[Any, Any]]


class EmbeddedEngine:
    """A :class:`catalog.engine.Engine` in one folder; many readers, one writer at a time (the caller's lease)."""

    def __init__(self, folder: Path, *, beside: int | None = None) -> None:
        self.folder = folder
        self._beside = beside
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._snapshot: Snapshot | None = None
        self._words: dict[int, words.Words] = {}
        self._numbers = 0

    # --- reading ---------------------------------------------------------------------------------------------

    def _manifest(self) -> Path:
        if self._beside is not None:
            return self.folder / f"g{self._beside}" / "manifest.json"
        return self.folder / "manifest.json"

    def _current(self) -> Snapshot:
        with self._lock:
            for attempt in range(_TRIES):
                try:
                    stamp = self._look()
                    if self._snapshot is not None and stamp == self._stamp:
                        return self._snapshot
                    found = self._open(orjson.loads(self._manifest().read_bytes())) if stamp else self._empty()
                    if self._look() == stamp:  # else tantivy may be a commit ahead of the manifest
                        self._snapshot, self._stamp = found, stamp
                        return found
                except FileNotFoundError as error:  # merged away, or another generation, since the manifest was read
                    if attempt == _TRIES - 1:
                        raise SearchIndexError(
                            "missing-file", f"a file of the index is gone ({error}): run `asterism reindex`"
                        ) from error
                    time.sleep(0.001)
                except (ValueError, LookupError, TypeError) as error:  # JSON, a mapped array, or the manifest's shape
                    raise SearchIndexError(
                        "damaged", f"a file of the index is damaged ({error}): run `asterism reindex`"
                    ) from error
        raise SearchIndexError("restless", "the index changes faster than it can be opened; try again")

    def _look(self) -> tuple[int, int, int] | None:
        """What changes with every commit; None while there is no manifest."""
        try:
            stat = self._manifest().stat()
        except FileNotFoundError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def _empty(self) -> Snapshot:
        return Snapshot(self._beside or 1, 0, None, [], [], None, None, {})

    def _open(self, manifest: dict[str, Any]) -> Snapshot:
        if (manifest.get("format"), manifest.get("fields")) != (FORMAT, fingerprint()):
            raise SearchIndexError("other-format", "another version made this index: run `asterism reindex`")
        generation = manifest["generation"]
        home = self.folder / f"g{generation}"
        known = {part.segment.name: part.segment for part in self._snapshot.parts} if self._snapshot else {}
        if self._snapshot and self._snapshot.generation != generation:
            known = {}
        parts = []
        for entry in manifest["segments"]:
            name = entry["name"]
            columns = known.get(name) or segment.read(home / f"{name}.seg")
            alive = None
            if entry["dead"]:
                bits = np.load(home / entry["dead"])
                alive = ~np.unpackbits(bits, count=columns.size).astype(bool)
            parts.append(Part(columns, alive, entry["dead"]))
        text = self._text(generation)
        return Snapshot(
            generation,
            manifest["applied"],
            manifest["feed"],
            parts,
            manifest["pending"],
            text.searcher(),
            text.index,
            {},
        )

    def _text(self, generation: int, *, create: bool = False) -> words.Words:
        if generation not in self._words:
            self._words = {generation: words.Words(self.folder / f"g{generation}" / "words", create=create)}
        return self._words[generation]

    def applied(self) -> int:
        """The feed number of the newest commit."""
        return self._current().applied

    def follows(self) -> str | None:
        """The uuid of the store it was made from."""
        return self._current().feed

    def search(self, query: Query) -> Answer:
        """Answer from the newest commit; see :class:`catalog.engine.Engine`."""
        state = self._current()
        after = ranking.decode_cursor(query)
        test = ConeTest(query.cone) if query.cone else None
        found = self._find_text(state, query.text) if query.text else None
        tallies = [ranking.Tally(facet) for facet in query.facets]
        total = unlocated = left = 0
        entries: list[ranking.Entry] = []
        for part in state.parts:
            columns = part.segment
            text, scores = _rows_of(columns, found)
            parts = lookup.parts_of(columns, query, test, text)
            if part.alive is not None:
                parts["\0alive"] = lookup.Rows(mask=part.alive)
            rows = lookup.all_of(list(parts.values()), columns.size)
            total += len(rows)
            if test is not None:
                unlocated += _unlocated(columns, parts, query)
            for tally in tallies:
                own = tally.field + "\0"
                others = {name: value for name, value in parts.items() if not name.startswith(own)}
                tally.add(
                    columns, rows if len(others) == len(parts) else lookup.all_of(list(others.values()), columns.size)
                )
            row_scores = scores[np.searchsorted(text.rows, rows)] if text is not None and scores is not None else None
            more, count = ranking.page(columns, rows, query, test, row_scores, after)
            entries += more
            left += count
        entries.sort()
        entries = entries[: query.limit]
        following = ranking.encode_cursor(query, entries[-1]) if entries and left > len(entries) else None
        return Answer(
            total=total,
            ids=[entry.id for entry in entries],
            next=following,
            facets={tally.facet.field: tally.result() for tally in tallies},
            unlocated=unlocated,
        )

    def _find_text(self, state: Snapshot, text: str) -> tuple[Any, Any]:
        if state.searcher is None:
            return np.empty(0, dtype=np.int64), np.empty(0)
        known = state.texts.get(text)
        if known is None:
            known = words.find(state.searcher, state.index, text)
            if len(state.texts) >= 16:  # the pages of a few searches at a time
                state.texts.clear()
            state.texts[text] = known
        return known

    # --- writing ---------------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[Change], upto: int, feed: str) -> None:
        """Commit changes; see :class:`catalog.engine.Engine`."""
        state = self._current()
        newest: dict[str, Change] = {}
        for change in changes:
            if change.id not in newest or newest[change.id].seq < change.seq:
                newest[change.id] = change
        home = self.folder / f"g{state.generation}"
        try:
            text = self._text(state.generation, create=True)
            if not text.writing:
                home.mkdir(parents=True, exist_ok=True)
                self._sweep(state)
                text.open_writer(state.applied)
            parts, pending = _without_superseded(state.parts, newest)
            fresh = building.Builder()
            for change in newest.values():
                if change.record is not None:
                    made = document(change.record)
                    fresh.add(change.seq, change.record, made, not visible(change.record, frozenset()))
                    text.add(change.seq, made.text)
            if len(fresh):
                parts.append(self._write(home, fresh.build()))
            parts = self._merged(home, parts)
            text.delete(state.pending)
            text.commit()
            self._publish(home, state.generation, max(upto, state.applied), feed, parts, pending)
        except OSError as error:
            self.close()
            raise SearchIndexError(
                "write-failed", f"the index could not be written ({error}); it stands as it was"
            ) from error
        self._sweep_files(home, parts)

    def rebuild(self, batches: Iterable[tuple[Iterable[Change], int]], feed: str) -> None:
        """Build the next generation and switch to it; see :class:`catalog.engine.Engine`."""
        try:
            old = self._current().generation
        except SearchIndexError:  # a rebuild is the cure for an index that cannot be read
            old = max((int(path.name[1:]) for path in self.folder.glob("g[0-9]*")), default=0)
        self.close()
        self._snapshot = None
        shutil.rmtree(self.folder / f"g{old + 1}", ignore_errors=True)
        beside = EmbeddedEngine(self.folder, beside=old + 1)
        try:
            for changes, upto in batches:
                beside.apply(changes, upto, feed)
            if not beside._manifest().exists():
                beside.apply([], 0, feed)
        except BaseException:  # a full disk needs the room at once
            beside.close()
            shutil.rmtree(self.folder / f"g{old + 1}", ignore_errors=True)
            raise
        beside.close()
        beside._manifest().replace(self.folder / "manifest.json")
        _sync(self.folder)
        for path in self.folder.glob("g[0-9]*"):
            if path.name != f"g{old + 1}":
                shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        for text in self._words.values():
            text.close()

    def check(self) -> list[str]:
        """What is wrong with the index; empty when it is sound."""
        try:
            state = self._current()
        except (SearchIndexError, OSError) as error:
            return [str(error)]
        home = self.folder / f"g{state.generation}"
        if damaged := [
            part.segment.name for part in state.parts if not segment.sound(home / f"{part.segment.name}.seg")
        ]:
            return [f"files of the index are damaged ({', '.join(damaged)}): run `asterism reindex`"]
        high = np.concatenate([_alive(part, "id_hi") for part in state.parts] or [np.empty(0, dtype=np.uint64)])
        low = np.concatenate([_alive(part, "id_lo") for part in state.parts] or [np.empty(0, dtype=np.uint16)])
        order = np.lexsort((low, high))
        twice = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
        if twice.any():
            return [f"the index holds {int(twice.sum())} records twice: run `asterism reindex`"]
        return []

    def count(self) -> int:
        """Records in the index, hidden ones too."""
        return sum(part.live for part in self._current().parts)

    def _write(self, home: Path, arrays: segment.Arrays) -> Part:
        name = self._new_name(home, "segment", ".seg")
        segment.write(home / f"{name}.seg", arrays)
        return Part(segment.read(home / f"{name}.seg"), None, None)

    def _new_name(self, home: Path, stem: str, suffix: str) -> str:
        while True:
            self._numbers += 1
            name = f"{stem}-{self._numbers}"
            if not (home / (name + suffix)).exists():
                return name

    def _merged(self, home: Path, parts: list[Part]) -> list[Part]:
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
            joined = self._write(home, building.merge(zip((p.segment for p in full), alive, strict=True)))
            parts = [part for part in parts if part not in full]
            parts.append(joined)

    def _publish(
        self, home: Path, generation: int, upto: int, feed: str, parts: list[Part], pending: list[int]
    ) -> None:
        for part in parts:
            if part.alive is not None and part.dead_file is None:
                part.dead_file = self._new_name(home, "dead", ".npy") + ".npy"
                np.save(home / part.dead_file, np.packbits(~part.alive))
        entries = [{"name": part.segment.name, "dead": part.dead_file} for part in parts]
        state = {
            "format": FORMAT,
            "fields": fingerprint(),
            "generation": generation,
            "applied": upto,
            "feed": feed,
            "segments": entries,
            "pending": pending,
        }
        path = self._manifest()
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps(state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync(path.parent)

    def _sweep(self, state: Snapshot) -> None:
        """Remove what a killed writer left behind."""
        self._sweep_files(self.folder / f"g{state.generation}", state.parts)
        for path in self.folder.glob("g[0-9]*"):
            if self._beside is None and path.name != f"g{state.generation}":
                shutil.rmtree(path, ignore_errors=True)

    def _sweep_files(self, home: Path, parts: list[Part]) -> None:
        used = {f"{part.segment.name}.seg" for part in parts} | {part.dead_file for part in parts}
        for path in [*home.glob("segment-*.seg"), *home.glob("dead-*.npy")]:
            if path.name not in used:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()


def _alive(part: Part, column: str) -> Any:
    values = part.segment[column]
    return values if part.alive is None else values[part.alive]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _without_superseded(parts: list[Part], newest: dict[str, Change]) -> tuple[list[Part], list[int]]:
    """Mark the rows that ``newest`` replaces as dead, and drop from it what is not newer; the dead rows' seqs."""
    pending: list[int] = []
    ids = list(newest)
    halves = [segment.split_id(one) for one in ids]
    high = np.array([one for one, _ in halves], dtype=np.uint64)
    low = np.array([one for _, one in halves], dtype=np.uint16)
    seqs = np.array([newest[one].seq for one in ids], dtype=np.int64)
    kept = []
    for part in parts:
        rows = part.segment.rows_of_ids(high, low) if ids else np.empty(0, dtype=np.int64)
        here = np.flatnonzero(rows >= 0)
        if part.alive is not None:
            here = here[part.alive[rows[here]]]
        stale = part.segment["seq"][rows[here]] < seqs[here]
        for n in here[~stale].tolist():
            newest.pop(ids[n], None)
        gone = rows[here[stale]]
        if len(gone):
            alive = np.ones(part.segment.size, dtype=bool) if part.alive is None else part.alive.copy()
            alive[gone] = False
            pending += part.segment["seq"][gone].tolist()
            kept.append(Part(part.segment, alive, None))
        else:
            kept.append(part)
    return kept, pending


def _rows_of(columns: Segment, found: tuple[Any, Any] | None) -> tuple[lookup.Rows | None, Any]:
    """This segment's share of a text result: rows ascending and their scores."""
    if found is None:
        return None, None
    rows = columns.rows_of_seqs(found[0])
    here = rows >= 0
    rows, scores = rows[here], found[1][here]
    order = np.argsort(rows, kind="stable")
    return lookup.Rows(rows=rows[order]), scores[order]


def _unlocated(columns: Segment, parts: dict[str, lookup.Rows], query: Query) -> int:
    without = ~lookup.located(columns, query.relation)
    if not without.any():
        return 0
    others = [value for name, value in parts.items() if name != "\0sky"]
    return len(lookup.all_of([*others, lookup.Rows(mask=without)], columns.size))
