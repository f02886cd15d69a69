"""Cone searches over HTTP: ``asterism serve`` with two workers, four clients on the same machine.

The peer is a Starlette route that answers the same number of bytes from memory: what server and clients cost
when there is nothing to search.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.data import imported
from bench.report import Row, report

CLIENTS = 4
SECONDS = 8.0


def run(count: int) -> None:
    """Requests a second, latency, start-up and private memory."""
    folder, _ = imported(count)
    started = time.perf_counter()
    with serving(folder) as (server, port):
        size = len(_once(port, "/scs?RA=10&DEC=10&SR=0.5"))
        first = time.perf_counter() - started
        scs = asyncio.run(load(port, scs_path))
        search = asyncio.run(load(port, search_path))
        memory = max(_private(pid) for pid in _children(server))
    bare = _bare(size)
    rows = [
        Row("/scs at 0.5 deg", scs[0], "requests/s", "at least 800", f"constant answer of {size} bytes {bare:,.0f}"),
        Row("/scs p50", scs[1], "ms"),
        Row("/scs p95", scs[2], "ms"),
        Row("/api/v1/search, cone, word, five facets", search[0], "requests/s"),
        Row("/api/v1/search p50", search[1], "ms"),
        Row("first answer after starting", first, "s", "within 2 s"),
        Row("private memory of the largest worker", memory, "MB", "under 400 MB"),
    ]
    report("scs", rows, {"records": count, "clients": CLIENTS, "workers": 2, "seconds": SECONDS})


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[int, int]]:
    """``asterism serve`` with two workers over the catalogue in ``folder``: its process and its port."""
    port = _free_port()
    config = str(folder / "asterism.toml")
    command = [sys.executable, "-m", "asterism", "--config", config, "serve", "--port", str(port), "--workers", "2"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield server.pid, port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def scs_path(rng: random.Random) -> str:
    """A cone of 0.5 degrees anywhere."""
    return f"/scs?{_position(rng)}&SR=0.5"


def search_path(rng: random.Random) -> str:
    """A cone of 10 degrees anywhere, a word that one record in eight has, and five facets."""
    facets = "facets=facilities,instruments,wavebands,product_type,publisher"
    return f"/api/v1/search?cone={_cone(rng)},10&q=fura&{facets}"


def _position(rng: random.Random) -> str:
    return f"RA={rng.uniform(0, 360):.5f}&DEC={math.degrees(math.asin(rng.uniform(-1, 1))):.5f}"


def _cone(rng: random.Random) -> str:
    return f"{rng.uniform(0, 360):.5f},{math.degrees(math.asin(rng.uniform(-1, 1))):.5f}"


async def load(port, path, seconds: float = SECONDS) -> tuple[float, float, float]:  # type: ignore[no-untyped-def]
    """Requests a second, p50 and p95 in ms, of four clients that ask one after another."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def client(n: int) -> None:
        rng = random.Random(n)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (start := time.perf_counter()) < end:
            writer.write(f"GET {path(rng)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if status != 200:
                raise RuntimeError(f"HTTP {status}")
            took.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(client(n) for n in range(CLIENTS)))
    took.sort()
    return len(took) / seconds, statistics.median(took) * 1e3, took[int(0.95 * len(took))] * 1e3


def _bare(size: int) -> float:
    """The same load on a route that does nothing."""
    port = _free_port()
    code = (
        "import uvicorn\nfrom starlette.applications import Starlette\nfrom starlette.responses import Response\n"
        "from starlette.routing import Route\n"
        f"async def scs(request):\n    return Response(b'x' * {size})\n"
        "app = Starlette(routes=[Route('/scs', scs)])\n"
    )
    folder = Path(__file__).parent / "run"
    folder.mkdir(exist_ok=True)
    (folder / "bare.py").write_text(code)
    command = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port), "--workers", "2", "--no-access-log"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        return asyncio.run(load(port, lambda rng: f"/scs?{_position(rng)}&SR=0.5", 4.0))[0]
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not start")


def _once(port: int, path: str) -> bytes:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


def _children(pid: int) -> list[int]:
    found = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def _private(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


if os.name != "posix":  # /proc and signals
    raise SystemExit("this benchmark runs on Linux")
