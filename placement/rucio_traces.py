"""Files of Rucio's traces, followed: each line is taken once, whatever is killed, renamed, compressed or cut off.

How far each file was read is kept with what was read, in one transaction. A file is known by its device and inode and
its first line; under another inode it is the same if its first line is that of a file that is gone, as rotated
and compressed ones are. A last line without its end waits.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson
from sqlalchemy.engine import Connection

from catalog import clock
from catalog.store import Store
from placement.demand import Demand
from placement.demand_store import GOING_ON, keep_state, merge, read_state, rows
from placement.settings import DemandSettings
from placement.state import Lake
from placement.terms import READ, record_key
from placement.trace_events import MOST_LINE, DatasetOf, Event, Reader, Tally, first_events
from schemas.record import record_id

POSITIONS = "traces"  # key of the table placement
AT_ONCE = 2000  # lines of one transaction
_MOST_FILES = 1000  # whose positions are kept after they are gone
# As Rucio and logrotate name them: trace, trace.1, traces.jsonl, traces.log-20261121.gz
_NAME = re.compile(r"(?:.*\.(?:jsonl|log)|trace)(?:[.-]\d+)?(?:\.gz)?")
_Position = dict[str, Any]  # inode, first, offset, size
_ROTATED = re.compile(r"(?:[.-]\d+)?(?:\.gz)?")


def read_traces(store: Store, settings: DemandSettings, lake: Lake, now: float | None = None) -> list[str]:
    """Take what is new in the files of ``settings.traces``; sentences on what could not be taken."""
    return follow_traces(store, settings, lake, now).notes()


def follow_traces(
    store: Store,
    settings: DemandSettings,
    lake: Lake,
    now: float | None = None,
    *,
    dataset_of: DatasetOf | None = None,
) -> Tally:
    """Take what is new in the files of ``settings.traces`` as reads of datasets of ``lake``.

    What cannot be read is said in the tally and stops nothing but its file. Where another process is at it, it is
    left to that one. ``now``: Unix seconds, this moment if left out; ``dataset_of``: the dataset of a file.
    """
    if not settings.enabled or settings.traces is None:
        return Tally()
    at = clock.now().timestamp() if now is None else now
    follower = _Follower(store, settings, lake.source, at, Reader(lake, dataset_of))
    try:
        follower.follow(settings.traces)
    except OSError as error:
        follower.tally.problems.append(f"{error.filename}: {error.strerror}")
    return follower.tally


def keep_reads(connection: Connection, events: Iterable[Event], half_life: float, source: str, now: float) -> None:
    """Add the reads that ``events`` (2,000 at most) begin to the demand, in a transaction that writes."""
    going_on: dict[str, float] = orjson.loads(read_state(connection, GOING_ON) or b"{}")
    made = Demand(half_life)
    began = first_events((event._replace(at=min(event.at, now)) for event in events), going_on)
    for event in began:
        made.add(READ, record_key(record_id(source, f"{event.scope}:{event.name}")), event.site, 1.0, event.at)
    merge(connection, rows(made.table(now)), half_life, now)
    keep_state(connection, {GOING_ON: orjson.dumps(going_on)})


class _File(NamedTuple):
    """A file as it is found; ``first``: a hash of its first line, "" before that is complete."""

    path: Path
    inode: str
    first: str
    size: int


class _Follower:
    def __init__(self, store: Store, settings: DemandSettings, source: str, now: float, reader: Reader) -> None:
        self.tally = Tally()
        self._store = store
        self._settings = settings
        self._source = source
        self._now = now
        self._reader = reader
        self._there: set[tuple[str, str]] = set()

    def follow(self, where: Path) -> None:
        """Read what is new, the oldest file first."""
        files = [_found(path) for path in _paths(where)]
        self._there = {(file.inode, file.first) for file in files}
        for file in files:
            try:
                if file.first and not self._take(file):
                    return
            except (OSError, EOFError, zlib.error) as error:
                self.tally.problems.append(f"{file.path}: {error}")

    def _take(self, file: _File) -> bool:
        """Read one file to its end; whether nobody else was at it."""
        with self._store.database.reading() as connection:
            begun = self._place(_positions(connection), file)
        if begun is not None and begun["size"] == file.size:
            return True
        with closing(_lines(file.path, begun["offset"] if begun else 0)) as portions:
            for lines, end in portions:
                self._reader.tally = Tally()
                events = self._reader.lines(lines)
                with self._store.database.writing() as connection:
                    positions = _positions(connection)
                    if self._place(positions, file) != begun:
                        return False
                    if begun is not None:
                        positions.remove(begun)
                    # the size is kept once all of it was read: the file need not be opened before it has another
                    size = file.size if len(lines) < AT_ONCE else -1
                    begun = {"inode": file.inode, "first": file.first, "offset": end, "size": size}
                    kept = [*positions, begun][-(_MOST_FILES + len(self._there)) :]
                    keep_reads(connection, events, self._settings.half_life, self._source, self._now)
                    keep_state(connection, {POSITIONS: orjson.dumps(kept)})
                self.tally.add(self._reader.tally)
        return True

    def _place(self, positions: Sequence[_Position], file: _File) -> _Position | None:
        """How far the file was read, if it is known: by itself, or as one that is no longer there."""
        same = [one for one in positions if one["first"] == file.first]
        own = next((one for one in same if one["inode"] == file.inode), None)
        return own or next((one for one in same if (one["inode"], one["first"]) not in self._there), None)


def _positions(connection: Connection) -> list[_Position]:
    found: list[_Position] = orjson.loads(read_state(connection, POSITIONS) or b"[]")
    return found


def _paths(where: Path) -> list[Path]:
    """The file and what it was rotated to, or those of the folder; the oldest first."""
    if where.is_dir():
        found = [path for path in where.iterdir() if _NAME.fullmatch(path.name)]
    else:
        where.stat()  # says that it is not there
        near = (path for path in where.parent.iterdir() if path.name.startswith(where.name))
        found = [path for path in near if _ROTATED.fullmatch(path.name.removeprefix(where.name))]
    return sorted((path for path in found if path.is_file()), key=lambda path: (path.stat().st_mtime, path.name))


def _found(path: Path) -> _File:
    stat = path.stat()
    try:
        with _open(path) as file:
            line = file.readline(MOST_LINE)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        line = b""
    whole = line.endswith(b"\n") or len(line) == MOST_LINE
    first = hashlib.blake2b(line, digest_size=16).hexdigest() if whole else ""
    return _File(path, f"{stat.st_dev}:{stat.st_ino}", first, stat.st_size)


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path, offset: int) -> Generator[tuple[list[bytes], int], None, None]:
    """Complete lines from ``offset`` on, some at a time, and where they end; the last portion is not full."""
    with _open(path) as file:
        file.seek(offset)
        while True:
            lines: list[bytes] = []
            while len(lines) < AT_ONCE:
                rest = line = file.readline(MOST_LINE + 1)
                end = offset + len(line)
                while rest and not rest.endswith(b"\n"):  # too long for a trace, or the end of the file
                    rest = file.readline(MOST_LINE + 1)
                    end += len(rest)
                if not rest:
                    break
                lines.append(line)
                offset = end
            yield lines, offset
            if len(lines) < AT_ONCE:
                return
