"""What tantivy found for the trees of a few searches, kept from page to page.

Scores move with every commit, for they weigh a word by how rare it is. A cursor by score therefore names the commit of
its first page, and the scores of that commit go on for what was there, while they are kept; in another process, or
when many other searches came between, they are those of now.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from catalog import words
from catalog.texts import Find, Hits
from schemas.text import Node

_ROOM = 1 << 26  # bytes
_TREE = 10_000  # of them for what was asked, about; else trees that find nothing would stay for ever
_NONE: Hits = (np.empty(0, dtype=np.int64), np.empty(0), {})


class KeptHits:
    """Hits by commit and tree, the least recently used thrown away first."""

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._kept: OrderedDict[tuple[int, int, Node], Hits] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def finder(self, searcher: Any, schema: Any, generation: int, applied: int, first: int | None) -> Find:
        """What :class:`catalog.texts.Text` asks; ``first`` is the commit whose scores go on."""

        def find(tree: Node) -> Hits:
            if searcher is None:
                return _NONE
            known = self._get((generation, applied, tree))
            if known is None:
                known = (*words.find(searcher, schema, tree), {})
                self._put((generation, applied, tree), known)
            before = self._get((generation, first, tree)) if first not in (None, applied) else None
            return known if before is None else _with_scores(known, before)

        return find

    def _get(self, key: tuple[int, int | None, Node]) -> Hits | None:
        with self._lock:
            if (found := self._kept.get(key)) is not None:  # type: ignore[arg-type]  # None is in no key
                self._kept.move_to_end(key)  # type: ignore[arg-type]
            return found

    def _put(self, key: tuple[int, int, Node], hits: Hits) -> None:
        size = _size(hits)
        with self._lock:
            if size > self._room or key in self._kept:
                return
            self._kept[key] = hits
            self._size += size
            while self._size > self._room:
                _, gone = self._kept.popitem(last=False)
                self._size -= _size(gone)


def _size(hits: Hits) -> int:
    return _TREE + 2 * int(hits[0].nbytes + hits[1].nbytes)  # and once more by segment


def _with_scores(now: Hits, before: Hits) -> Hits:
    """The hits of now, with the scores that they had."""
    seqs, scores, _ = now
    if len(seqs) == 0 or len(before[0]) == 0:
        return now
    at = np.minimum(np.searchsorted(before[0], seqs), len(before[0]) - 1)
    return seqs, np.where(before[0][at] == seqs, before[1][at], scores), {}
