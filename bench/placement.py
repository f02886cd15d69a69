"""Hints for 100,000 datasets on 50 RSEs: from nothing, unchanged, after a harvest of 1,000 changes, and what they cost.

Each planning is a process of its own: its time is counted with and without starting it, its memory is its peak.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import lake
from bench.data import asterism
from bench.report import Row, milliseconds, report
from bench.scs import SECONDS, _children, load, search_path, serving

DATASETS = 100_000
CHANGES = 1_000
ROUNDS = 3
_SAVED_WITHIN = 6.0  # seconds after which the recorder has saved all
_HEADERS = {"Accept": "application/json"}


def run(count: int) -> None:
    """Times and memory; ``count`` is not looked at unless it is less than the lake's 100,000."""
    count = min(count, DATASETS)
    folder = lake.harvested(count)
    lake.settings(folder)
    about: dict[str, Any] = {
        "datasets": count,
        "rses": len(lake.DISKS) + len(lake.TAPES),
        "policies": 10,
        "demand_rows": lake.DEMAND,
        "rounds": ROUNDS,
    }
    cold = [_planning(folder, cold=True) for _ in range(ROUNDS)]
    again = [_planning(folder) for _ in range(ROUNDS)]
    about["hints"] = again[-1]["hints"]
    changed, commands = [], []
    revision = int(time.time()) % 100_000
    for n in range(ROUNDS):
        _change(folder, count, revision + 2 * n)
        changed.append(_planning(folder))
        _change(folder, count, revision + 2 * n + 1)
        commands.append(_timed(lambda: asterism("hints", "--limit", "0", "--format", "jsonl", folder=folder)))
    rows = [
        _row("planning from nothing", [one["seconds"] for one in cold], "s", "under 30 s"),
        _row("its processor time", [one["processor"] for one in cold], "s"),
        _row("its peak memory", [one["peak"] for one in cold], "MB", "under 1 GB"),
        _row("planning, nothing has changed", [one["seconds"] for one in again], "s"),
        _row("planning after a harvest of 1,000 changes", [one["seconds"] for one in changed], "s", "under 2 s"),
        _row("its processor time", [one["processor"] for one in changed], "s"),
        _row("its peak memory", [one["peak"] for one in changed], "MB"),
        _row("asterism hints --limit 0, after 1,000 changes", commands, "s"),
    ]
    rows += _http(folder)
    rows += _recorder(folder)
    report("placement", rows, about)


def _row(what: str, values: list[float], unit: str, target: str = "") -> Row:
    """The median, and how far the values are apart."""
    return Row(f"{what} ({min(values):.3g} to {max(values):.3g})", statistics.median(values), unit, target)


_PLAN = """
import sys, time
from pathlib import Path
started = time.perf_counter()
from asterism.factory import Factory
from asterism.settings import load
with Factory(load(Path(sys.argv[1]))) as factory:
    service = factory.placement
    begun, used = time.perf_counter(), time.process_time()
    planned = service.plan()
    seconds, used = time.perf_counter() - begun, time.process_time() - used
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
import json
peak = int(status["VmHWM"].split()[0]) / 1024
print(json.dumps({"seconds": seconds, "processor": used, "hints": len(planned.hints), "peak": peak}))
"""


def _planning(folder: Path, *, cold: bool = False) -> dict[str, float]:
    """One planning in a process of its own: seconds, those of the processor, peak memory in MB, and hints.

    ``cold``: nothing is kept of another.
    """
    if cold:
        shutil.rmtree(folder / "data" / "placement", ignore_errors=True)
        _forget(folder)
    command = [sys.executable, "-c", _PLAN, str(folder / "asterism.toml")]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(said)
    return found


def _forget(folder: Path) -> None:
    """No hints, and no samples of earlier plannings."""
    from sqlalchemy import delete

    from asterism.factory import Factory
    from asterism.settings import load as settings
    from catalog.tables import hint, placement

    with Factory(settings(folder / "asterism.toml")) as factory, factory.store.database.writing() as connection:
        connection.execute(delete(hint))
        connection.execute(delete(placement).where(placement.c.key.startswith("samples:")))


def _change(folder: Path, count: int, revision: int) -> None:
    """Harvest 1,000 datasets again: of each another document, of half of them another record."""
    chosen = random.Random(revision).sample(range(count), min(CHANGES, count))
    lake.harvest(folder, lake.documents(chosen, count, revision))


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _http(folder: Path) -> list[Row]:
    """Reading hints and placements of records, one request after another."""
    with serving(folder) as (_, port):
        get = functools.partial(_get, port)
        total = json.loads(get("/api/v1/hints?limit=0"))["total"]
        ids = [one["record"] for one in json.loads(get("/api/v1/hints?limit=100"))["items"]]
        rng = random.Random(3)
        asked = {
            f"GET /api/v1/hints: the first 100 of {total:,}": lambda: get("/api/v1/hints"),
            "GET /api/v1/hints?rse=country=ZA": lambda: get("/api/v1/hints?rse=country%3DZA"),
            "GET /api/v1/hints?for=facilities=MeerKAT": lambda: get("/api/v1/hints?for=facilities%3DMeerKAT"),
            "GET /api/v1/records/ID/placement": lambda: get(f"/api/v1/records/{rng.choice(ids)}/placement"),
        }
        return [Row(f"{what}: p50", milliseconds(call, 12)[0], "ms") for what, call in asked.items()]


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path, headers=_HEADERS)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"HTTP {answer.status} of {path}: {body[:200]!r}")
    return body


def _recorder(folder: Path) -> list[Row]:
    """What recording costs searches: with it and without it, in turns.

    Also in processor time, which others on the machine change less than they change rates.
    """
    rates: dict[bool, list[float]] = {True: [], False: []}
    costs: dict[bool, list[float]] = {True: [], False: []}
    try:
        for demand in (True, False) * ROUNDS:
            lake.settings(folder, demand=demand)
            with serving(folder) as (server, port):
                asyncio.run(load(port, search_path, 1.0))
                before = _processor(server)
                rate = asyncio.run(load(port, search_path))[0]
                time.sleep(_SAVED_WITHIN)
                costs[demand].append((_processor(server) - before) * 1e3 / (rate * SECONDS))
                rates[demand].append(rate)
    finally:
        lake.settings(folder)
    return [
        _row("/api/v1/search, demand recorded", rates[True], "requests/s"),
        _row("/api/v1/search, demand not recorded", rates[False], "requests/s"),
        _row("/api/v1/search, demand recorded: processor time of a request", costs[True], "ms"),
        _row("/api/v1/search, demand not recorded: processor time of a request", costs[False], "ms"),
    ]


def _processor(server: int) -> float:
    """Seconds of processor that the server and its workers have used."""
    ticks = 0
    for pid in _children(server):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
