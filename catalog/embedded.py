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

import os
import shutil
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from catalog import answering, building, ranking, words
from catalog.engine import Answer, Change
from catalog.generation import Generation, Part, ids_twice, seqs_above, sync, without_superseded
from catalog.hits import KeptHits
from catalog.segment import Segment
from catalog.texts import Find
from mappings.document import document, fingerprint
from mappings.healpix import Ints
from mappings.thesaurus import Thesaurus
from schemas.access import visible
from schemas.errors import SearchIndexError
from schemas.query import Query

FORMAT = 2  # raise when files of an older version cannot be read: doctor then asks for a reindex
NEAR = 20  # ids given to did-you-mean
_TRIES = 50  # a commit takes longer than opening it; this many in a row do not happen


@dataclass(slots=True)
class Snapshot:
    """One committed state, held open."""

    generation: int
    applied: int
    feed: str | None
    parts: list[Part]
    pending: list[int]
    searcher: Any
    coverings: answering.Coverings = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """The highest feed number of what is in it: merged records may be ahead of ``applied``."""
        return max([self.applied, *(part.segment.last_seq for part in self.parts)])

    def live(self) -> list[tuple[Segment, Any]]:
        return [(part.segment, part.alive) for part in self.parts]


class EmbeddedEngine:
    """A :class:`catalog.engine.Engine` in one folder; many readers, one writer at a time (the caller's lease)."""

    def __init__(self, folder: Path, *, thesaurus: Thesaurus | None = None, beside: int | None = None) -> None:
        self.folder = folder
        self.thesaurus = thesaurus
        self._beside = beside
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._snapshot: Snapshot | None = None
        self._words: dict[int, words.Words] = {}
        self._generations: dict[int, Generation] = {}
        self._hits = KeptHits()

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
        return Snapshot(self._beside or 1, 0, None, [], [], None)

    def _open(self, manifest: dict[str, Any]) -> Snapshot:
        if (manifest.get("format"), manifest.get("fields")) != (FORMAT, fingerprint(self.thesaurus)):
            raise SearchIndexError("other-format", "another version made this index: run `asterism reindex`")
        generation = manifest["generation"]
        home = self._generation(generation)
        known: dict[str, Segment] = {}
        if self._snapshot and self._snapshot.generation == generation:
            known = {part.segment.name: part.segment for part in self._snapshot.parts}
        parts = [home.read(one["name"], one["dead"], known.get(one["name"])) for one in manifest["segments"]]
        applied, feed, pending = manifest["applied"], manifest["feed"], manifest["pending"]
        return Snapshot(generation, applied, feed, parts, pending, self._text(generation).searcher())

    def _generation(self, number: int) -> Generation:
        if number not in self._generations:
            self._generations = {number: Generation(self.folder / f"g{number}")}
        return self._generations[number]

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
        place = ranking.decode_cursor(query) or ranking.Place((), state.newest)
        return answering.answer(query, state.live(), self._finder(state, place.state), state.coverings, place)

    def coverage(self, query: Query, order: int) -> Ints:
        """Order-29 ranges of all that matches; see :class:`catalog.engine.Engine`."""
        state = self._current()
        return answering.coverage(query, state.live(), self._finder(state), order)

    def near(self, word: str) -> list[str]:
        """Ids of records with words like this one; see :class:`catalog.engine.Engine`."""
        state = self._current()
        if state.searcher is None:
            return []
        seqs = words.near(state.searcher, self._text(state.generation).schema, word, 5 * NEAR)
        found = answering.seen(seqs, state.live())
        return [found[seq] for seq in seqs if seq in found][:NEAR]

    def _finder(self, state: Snapshot, first: int | None = None) -> Find:
        schema = None if state.searcher is None else self._text(state.generation).schema
        return self._hits.finder(state.searcher, schema, state.generation, state.applied, first)

    # --- writing ---------------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[Change], upto: int, feed: str) -> None:
        """Commit changes; see :class:`catalog.engine.Engine`."""
        state = self._current()
        newest: dict[str, Change] = {}
        for change in changes:
            if change.id not in newest or newest[change.id].seq < change.seq:
                newest[change.id] = change
        generation = self._generation(state.generation)
        try:
            text = self._text(state.generation, create=True)
            if not text.writing:
                generation.home.mkdir(parents=True, exist_ok=True)
                self._sweep(state)
                text.open_writer(state.applied, seqs_above(state.parts, state.applied))
            parts, pending = without_superseded(state.parts, newest)
            fresh = building.Builder()
            for change in newest.values():
                if change.record is not None:
                    made = document(change.record, self.thesaurus)
                    hidden = not visible(change.record, frozenset())
                    fresh.add(change.seq, change.record, made, hidden, change.view)
                    text.add(change.seq, made.text)
            if len(fresh):
                parts.append(generation.write(fresh.build()))
            parts = generation.merged(parts)
            text.delete(state.pending)
            text.commit()
            self._publish(state.generation, max(upto, state.applied), feed, parts, pending)
        except OSError as error:
            self.close()
            raise SearchIndexError(
                "write-failed", f"the index could not be written ({error}); it stands as it was"
            ) from error
        generation.sweep(parts)

    def rebuild(self, batches: Iterable[tuple[Iterable[Change], int]], feed: str) -> None:
        """Build the next generation and switch to it; see :class:`catalog.engine.Engine`."""
        try:
            old = self._current().generation
        except SearchIndexError:  # a rebuild is the cure for an index that cannot be read
            old = max((int(path.name[1:]) for path in self.folder.glob("g[0-9]*")), default=0)
        self.close()
        self._snapshot = None
        shutil.rmtree(self.folder / f"g{old + 1}", ignore_errors=True)
        beside = EmbeddedEngine(self.folder, thesaurus=self.thesaurus, beside=old + 1)
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
        sync(self.folder)
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
        if damaged := self._generation(state.generation).damaged(state.parts):
            return [f"files of the index are damaged ({', '.join(damaged)}): run `asterism reindex`"]
        if twice := ids_twice(state.parts):
            return [f"the index holds {twice} records twice: run `asterism reindex`"]
        return []

    def count(self) -> int:
        """Records in the index, hidden ones too."""
        return sum(part.live for part in self._current().parts)

    def _publish(self, generation: int, upto: int, feed: str, parts: list[Part], pending: list[int]) -> None:
        state = {
            "format": FORMAT,
            "fields": fingerprint(self.thesaurus),
            "generation": generation,
            "applied": upto,
            "feed": feed,
            "segments": self._generation(generation).entries(parts),
            "pending": pending,
        }
        path = self._manifest()
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps(state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync(path.parent)

    def _sweep(self, state: Snapshot) -> None:
        """Remove what a killed writer left behind."""
        self._generation(state.generation).sweep(state.parts)
        for path in self.folder.glob("g[0-9]*"):
            if self._beside is None and path.name != f"g{state.generation}":
                shutil.rmtree(path, ignore_errors=True)
