"""A second process that lets the index follow while this one fills the store: two cores for a long import."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from types import TracebackType
from typing import Self

from asterism.settings import Settings

# Records in the store before it is worth it: the process takes a second to start, these take two to index
START_AFTER = 20_000
_PAUSE_SECONDS = 0.2


class Follower:
    """Start it with :meth:`start`; leaving the ``with`` ends it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spawn = multiprocessing.get_context("spawn")  # threads and database connections do not survive a fork
        self._process: SpawnProcess | None = None
        self._stop: Event = self._spawn.Event()

    def start(self) -> None:
        """Start the process, if it is not running yet."""
        if self._process is None:
            self._process = self._spawn.Process(
                target=_follow, args=(self._settings, self._stop, os.getpid()), name="index follower", daemon=True
            )
            self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._stop.set()
        if error is not None:  # stopped, or failed: nobody waits for the index, which a kill does not harm
            self._process.terminate()
        self._process.join()


def _follow(settings: Settings, stop: Event, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop
    from asterism.factory import Factory
    from catalog.indexer import BATCH

    with Factory(settings) as factory:
        store, engine = factory.store, factory.engine
        while not stop.wait(_PAUSE_SECONDS) and os.getppid() == parent:
            # whole commits only: each costs some tenths of a second, and small ones leave more to merge
            if store.last_seq() - engine.applied() >= BATCH:
                factory.indexer.catch_up()
