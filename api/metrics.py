"""Counts of requests and how long they took, for Prometheus (text exposition format 0.0.4).

Every worker process counts in a small file of its own, and whichever worker is asked adds all of them up: a scrape
meets one worker at random, and its own counts alone would jump up and down. A worker takes the first file that no
living process has locked and counts on from there, so there are never more files than workers at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import logging
import mmap
import threading
from collections.abc import Sequence
from pathlib import Path

# Seconds. 2.5 ms is a cone search, 50 ms seven facets over a quarter of the sky, 10 s a client's patience.
BOUNDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
STATUSES = (200, 304, 400, 401, 404, 405, 410, 413, 415, 500, 503)
OTHER = "other"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DOUBLE = 8
_log = logging.getLogger(__name__)


class Metrics:
    """Counters by route; ``folder`` is shared by all workers, None keeps them in this process's memory."""

    def __init__(self, routes: Sequence[str], folder: Path | None = None) -> None:
        self._routes = {route: n for n, route in enumerate([*routes, OTHER])}
        self._statuses = {status: n for n, status in enumerate([*STATUSES, 0])}
        # per route: requests by status, requests by latency (the last: above all bounds), sum of seconds
        self._width = len(self._statuses) + len(BOUNDS) + 2
        self._lock = threading.Lock()
        self._size = len(self._routes) * self._width * _DOUBLE
        self._map = None
        if folder is not None:
            try:
                self._map = self._take(folder)
            except OSError as error:  # a full disk, a folder that may only be read: the answers matter more
                _log.warning("requests are counted in each worker's memory alone: %s", error)
                folder = None
        self._folder = folder
        self._counts = memoryview(self._map or bytearray(self._size)).cast("d")

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one request; ``route`` is the path as it is registered, not as it was asked."""
        start = self._routes.get(route, self._routes[OTHER]) * self._width
        latency = start + len(self._statuses)
        bucket = next((n for n, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))
        with self._lock:
            self._counts[start + self._statuses.get(status, len(STATUSES))] += 1
            self._counts[latency + bucket] += 1
            self._counts[latency + len(BOUNDS) + 1] += seconds

    def text(self, gauges: dict[str, tuple[str, float]]) -> str:
        """The exposition; ``gauges`` are more metrics: name to (help, value)."""
        counts = self._all()
        lines = [
            "# HELP asterism_http_requests_total Requests answered, by route and HTTP status (0: any other).",
            "# TYPE asterism_http_requests_total counter",
        ]
        for route, n in self._routes.items():
            for status, column in self._statuses.items():
                if value := counts[n * self._width + column]:
                    labels = f'route="{route}",status="{status}"'
                    lines.append(f"asterism_http_requests_total{{{labels}}} {value:.0f}")
        name = "asterism_http_request_seconds"
        lines += [f"# HELP {name} Time to answer, by route.", f"# TYPE {name} histogram"]
        for route, n in self._routes.items():
            start = n * self._width + len(self._statuses)
            total = 0.0
            if not any(counts[start : start + len(BOUNDS) + 1]):
                continue
            for bound, value in zip([*map(str, BOUNDS), "+Inf"], counts[start:], strict=False):
                total += value
                lines.append(f'{name}_bucket{{route="{route}",le="{bound}"}} {total:.0f}')
            lines.append(f'{name}_sum{{route="{route}"}} {counts[start + len(BOUNDS) + 1]:.6f}')
            lines.append(f'{name}_count{{route="{route}"}} {total:.0f}')
        for gauge, (what, value) in gauges.items():
            lines += [f"# HELP {gauge} {what}", f"# TYPE {gauge} gauge", f"{gauge} {value:g}"]
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        """Leave the file to the next worker; nothing can be counted after this."""
        self._counts.release()
        if self._map is not None:
            self._map.close()

    def _all(self) -> list[float]:
        if self._folder is None:
            return list(self._counts)
        sums = [0.0] * len(self._counts)
        for path in sorted(self._folder.glob(self._pattern("*"))):
            read = path.read_bytes()
            if len(read) == self._size:
                sums = [one + other for one, other in zip(sums, memoryview(read).cast("d"), strict=True)]
        return sums

    def _pattern(self, number: str) -> str:
        # another version's routes are another layout
        layout = hashlib.blake2b(repr((list(self._routes), STATUSES, BOUNDS)).encode(), digest_size=4).hexdigest()
        return f"requests-{layout}-{number}.bin"

    def _take(self, folder: Path) -> mmap.mmap:
        """Map the first file that nobody else has; the map keeps its lock until it is closed or the process ends."""
        folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count():
            with (folder / self._pattern(str(number))).open("a+b", buffering=0) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                # written, not merely made longer: a page that finds no room on the disk later would end the process
                file.write(bytes(self._size - file.tell()))
                return mmap.mmap(file.fileno(), self._size)
        raise AssertionError("unreachable: the numbers do not end")
