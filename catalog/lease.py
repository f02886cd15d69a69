"""One at a time: a lease is a row with an owner and an end, kept alive by a heartbeat.

A lease whose owner died on this machine is taken over at once, so that a killed harvest can be run again; one of
another machine when its time is up. The machines' clocks are taken to agree to a few seconds.
"""

from __future__ import annotations

import os
import platform
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.engine import Connection

from catalog.store import Store
from catalog.tables import lease
from schemas.errors import StoreError

TTL = 60.0  # seconds; a machine that is silent for so long has lost it
_BEATS = 4  # in one TTL: three may be late
_POLL = 0.2  # seconds between tries while waiting


class Lease:
    """Hold ``name`` in the store, as a context manager.

    Raises
    ------
    StoreError
        ``store.busy`` on entry, naming the holder, when another has it and it does not get free within ``wait``
        seconds.
    """

    def __init__(self, store: Store, name: str, *, wait: float = 0.0, ttl: float = TTL) -> None:
        self.name = name
        self._store = store
        self._wait = wait
        self._ttl = ttl
        self._owner = f"{_machine()}/{os.getpid()}/{_started(os.getpid())}/{uuid.uuid4().hex}"
        self._stop = threading.Event()
        self._beating: threading.Thread | None = None
        self._alive_until = 0.0  # monotonic seconds

    def __enter__(self) -> Self:
        deadline = time.monotonic() + self._wait
        while (holder := self._take()) is not None:
            if time.monotonic() >= deadline:
                raise StoreError(
                    "busy",
                    f"{self.name}: {_shown(holder)} is at it; wait until that has ended and try again",
                    holder=_shown(holder),
                    lease=self.name,
                )
            time.sleep(_POLL)
        self._stop.clear()
        self._beating = threading.Thread(target=self._beat, name=f"lease {self.name}", daemon=True)
        self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._beating is not None:
            self._beating.join()
        try:
            with self._store.database.writing() as connection:
                connection.execute(delete(lease).where(lease.c.name == self.name, lease.c.owner == self._owner))
        except StoreError:
            if error is None:  # what went wrong before is what people need to hear; the lease ends by itself
                raise

    def check(self) -> None:
        """Make sure that it is still held; call it before each transaction that relies on it.

        Raises
        ------
        StoreError
            ``store.lease-lost``.
        """
        if time.monotonic() >= self._alive_until:
            raise StoreError(
                "lease-lost", f"{self.name}: this process slept too long, and another may be at it; run it again"
            )

    def _take(self) -> str | None:
        """Take it if it is free; gives the holder if it is not."""
        with self._store.database.reading() as connection:  # who waits for it keeps no writer waiting
            if (holder := _holder(connection, self.name)) is not None:
                return holder
        asked = time.monotonic()
        with self._store.database.writing() as connection:
            if (holder := _holder(connection, self.name)) is not None:
                return holder
            connection.execute(delete(lease).where(lease.c.name == self.name))
            values = {"name": self.name, "owner": self._owner, "expires_at": time.time() + self._ttl}
            connection.execute(insert(lease), values)
        self._alive_until = asked + self._ttl
        return None

    def _beat(self) -> None:
        while not self._stop.wait(self._ttl / _BEATS):
            asked = time.monotonic()
            mine = (lease.c.name == self.name, lease.c.owner == self._owner)
            try:
                with self._store.database.writing() as connection:
                    kept = connection.execute(update(lease).where(*mine).values(expires_at=time.time() + self._ttl))
            except StoreError:
                continue  # the next beat tries again; check() says so when it never works
            if kept.rowcount == 0:
                self._alive_until = 0.0
                return
            self._alive_until = asked + self._ttl


def leases(store: Store) -> list[tuple[str, str, bool]]:
    """(name, holder for people, whether the holder still has it) of all that were not given back."""
    with store.database.reading() as connection:
        rows = connection.execute(select(lease).order_by(lease.c.name)).all()
    return [(row.name, _shown(row.owner), _held(row)) for row in rows]


def _holder(connection: Connection, name: str) -> str | None:
    row = connection.execute(select(lease).where(lease.c.name == name)).first()
    return row.owner if row is not None and _held(row) else None


def _held(row: Row[Any]) -> bool:
    return row.expires_at > time.time() and not _dead(row.owner)


def _machine() -> str:
    """This machine since its start, and its process numbers' namespace: containers count from 1 each."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # not Linux: the name alone must do
        return platform.node()
    return f"{platform.node()} {boot} {space}"


def _started(pid: int) -> str | None:
    """When a process started, in the system's own count, so that a number used again is told apart; None: no such."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        try:  # not Linux
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass
        return "-"
    return None if fields[0] in "ZX" else fields[19]  # proc(5): state, and starttime, the 22nd field of all


def _dead(owner: str) -> bool:
    machine, pid, started, _ = owner.rsplit("/", 3)
    return machine == _machine() and _started(int(pid)) != started


def _shown(owner: str) -> str:
    machine, pid, _, _ = owner.rsplit("/", 3)
    return f"process {pid} on {machine.partition(' ')[0]}"
