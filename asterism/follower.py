"""A second process that lets the index follow while this one fills the store: two cores for a long import."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from types import TracebackType
from typing import Self

from asterism.settings import Settings

# Records in the store before it is worth it: a process takes half a second to start, these take two to index
START_AFTER = 20_000
_PAUSE_SECONDS = 0.5
_LEAVE_SECONDS = 60.0  # to finish the commit it is in


class Follower:
    """Start it with :meth:`start`; leaving the ``with`` ends it once the batch it is at is committed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spawn = multiprocessing.get_context("spawn")  # forked threads and SQLite connections do not work
        self._process: multiprocessing.process.BaseProcess | None = None
        self._stop: Event | None = None

    def start(self) -> None:
        """Start the process, if it is not running yet."""
        if self._process is None:
            self._stop = self._spawn.Event()
            self._process = self._spawn.Process(
                target=_follow, args=(self._settings, self._stop, os.getpid()), name="index follower", daemon=True
            )
            self._process.start()

    def stop(self) -> None:
        """Ask it to end and wait until it has; what it has not applied is left to whoever catches up next."""
        if self._process is not None and self._stop is not None:
            self._stop.set()
            self._process.join(_LEAVE_SECONDS)
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _follow(settings: Settings, stop: Event, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop
    from asterism.factory import Factory

    with Factory(settings) as factory:
        while not stop.wait(_PAUSE_SECONDS) and os.getppid() == parent:
            factory.indexer.catch_up()
