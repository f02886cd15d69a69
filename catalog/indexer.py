"""Lets an index follow the store's change feed, one indexer at a time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from catalog import feed
from catalog.allocating import uncollected
from catalog.engine import Change, Engine
from catalog.lease import Lease
from catalog.store import Store
from schemas.errors import SearchIndexError, StoreError

BATCH = 20_000  # changes in one commit: some 200 MB of records in memory
_PATIENCE = 600.0  # seconds without any progress of another process before we say so
_POLL = 0.05


class Indexer:
    """Brings ``engine`` up to ``store``."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine

    def catch_up(self, upto: int | None = None) -> int:
        """Return once the index has applied feed number ``upto`` (None: the newest now); gives what it has applied.

        Whoever holds the lease does the work; the others wait for it.

        Raises
        ------
        SearchIndexError
            ``index.stuck`` when another process holds the index and does not get on; ``index.write-failed``.
        """
        target = self._store.last_seq() if upto is None else upto
        progress, since = -1, time.monotonic()
        while not self._done(target):
            try:
                with Lease(self._store, "index") as lease, uncollected():
                    self._follow(lease)
            except StoreError as error:
                if error.code != "store.busy":
                    raise
                applied = self._engine.applied()
                if applied > progress:
                    progress, since = applied, time.monotonic()
                elif time.monotonic() - since > _PATIENCE:
                    raise SearchIndexError("stuck", f"the index does not get on: {error.detail}") from error
                time.sleep(_POLL)
        return self._engine.applied()

    def take_up(self, most: int) -> int:
        """Apply what a command left behind that was killed; gives how many changes are missing after that.

        Nothing is done, and nobody is kept waiting, when there are more than ``most`` of them, when another process
        is at it, or when the index cannot be written here.
        """
        if 0 < self._behind() <= most:
            with contextlib.suppress(StoreError, SearchIndexError), Lease(self._store, "index") as lease, uncollected():
                self._follow(lease)
        return max(0, self._behind())

    def rebuild(self, progress: Callable[[int], None] = lambda applied: None) -> int:
        """Build the index anew from the store, beside the old, and switch; gives what it has applied."""
        with Lease(self._store, "index", wait=_PATIENCE) as lease, uncollected():
            self._rebuild(lease, progress)
        return self._engine.applied()

    def missing(self) -> int:
        """How many changes of the store the index lacks; of an index of another store, all."""
        return max(0, self._behind()) if self._ours() else self._store.last_seq()

    def _behind(self) -> int:
        return self._store.last_seq() - self._engine.applied()

    def _done(self, target: int) -> bool:
        return self._engine.applied() >= target and self._ours()

    def _ours(self) -> bool:
        return self._engine.follows() in (None, self._store.uuid) and self._engine.applied() <= self._store.last_seq()

    def _follow(self, lease: Lease) -> None:
        try:
            if not self._ours():  # it was made from another store, or from one since put back to an older state
                self._rebuild(lease, lambda applied: None)
            for changes, upto in self._batches(lease, self._engine.applied()):
                self._engine.apply(changes, upto, self._store.uuid)
        finally:
            self._engine.close()

    def _rebuild(self, lease: Lease, progress: Callable[[int], None]) -> None:
        def counted() -> Iterator[tuple[list[Change], int]]:
            for changes, upto in self._batches(lease, 0):
                yield changes, upto
                progress(upto)

        self._engine.rebuild(counted(), self._store.uuid)

    def _batches(self, lease: Lease, after: int) -> Iterator[tuple[list[Change], int]]:
        """The feed after a number, until it is at its end; with changes above ``upto``, see :func:`feed.ahead`."""
        while True:
            newest = self._store.last_seq()  # read first: a short batch then holds all up to it
            if after >= newest:
                return
            changes = self._store.changes(after, BATCH)
            if len(changes) == BATCH:
                upto = changes[-1].seq
                with self._store.database.reading() as connection:
                    changes += feed.ahead(connection, after, upto)
            else:
                upto = max([newest, *(change.seq for change in changes[-1:])])
            lease.check()
            yield changes, upto
            after = upto
