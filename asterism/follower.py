"""A second process that lets the index follow: two cores for a long import, and a server that is never left behind."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from asterism.settings import Settings
from schemas.errors import AsterismError

# Records in the store before it is worth it: the process takes a second to start, these take two to index
START_AFTER = 20_000
_PAUSE_SECONDS = 0.2
_REST_SECONDS = 2.0  # between two looks of one that takes up what others left


class Follower:
    """Start it with :meth:`start`; leaving the ``with`` ends it.

    It indexes whole batches as they come. With ``leftovers`` also the rest, once the store has been still for a
    moment: what a command left behind that was killed.
    """

    def __init__(self, settings: Settings, *, leftovers: bool = False) -> None:
        self._settings = settings
        self._leftovers = leftovers
        self._spawn = multiprocessing.get_context("spawn")  # threads and database connections do not survive a fork
        self._process: SpawnProcess | None = None
        # its end says that all is over, however this process ends; an Event's `set` would hang on a killed follower
        self._listens, self._line = self._spawn.Pipe(duplex=False)

    def start(self) -> None:
        """Start the process, if it is not running yet."""
        if self._process is None:
            self._process = self._spawn.Process(
                target=_follow,
                args=(self._settings, self._leftovers, self._listens),
                name="index follower",
                daemon=True,
            )
            self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._listens.close()
        if self._process is None:
            return
        if error is not None:  # stopped, or failed: nobody waits for the index, which a kill does not harm
            self._process.terminate()
        self._process.join()


def _follow(settings: Settings, leftovers: bool, line: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop
    from asterism.factory import Factory
    from catalog.indexer import BATCH

    pause = _REST_SECONDS if leftovers else _PAUSE_SECONDS
    before = -1
    with Factory(settings) as factory:
        while not line.poll(pause):
            # an index that fails now may be mended a moment later; who waits for it, or searches, hears what is wrong
            with contextlib.suppress(AsterismError):
                last, applied = factory.store.last_seq(), factory.engine.applied()
                # whole commits while more comes: each costs some tenths of a second, and small ones leave more to merge
                if last - applied >= BATCH or (leftovers and last == before > applied):
                    factory.indexer.catch_up()
                before = last
