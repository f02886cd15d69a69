"""Requests over HTTP: ours and DaCHS's, each from four clients on this machine."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from pathlib import Path
from typing import Any

from bench.report import Row
from bench.scs import CLIENTS, SECONDS, load, scs_path, search_path, serving


def ours_and_dachs(folder: Path, dachs: str | None, about: dict[str, Any]) -> list[Row]:
    """Cone searches of 0.5 degrees by SCS on both, and our search with a cone, a word and five facets."""
    with serving(folder) as (_, port):
        scs = asyncio.run(load(port, scs_path))
        search = asyncio.run(load(port, search_path))
    said = "left out"
    if dachs is not None:
        rate, half = asyncio.run(_other(dachs))
        said = f"DaCHS {rate:.0f}/s, p50 {half:.0f} ms ({scs[0] / rate:.1f}x)"
    about["clients"] = CLIENTS
    return [
        Row("/scs at 0.5 deg", scs[0], "requests/s", "DaCHS 20x", said),
        Row("/scs at 0.5 deg: p50", scs[1], "ms"),
        Row("/api/v1/search, cone of 10 deg, word, five facets", search[0], "requests/s", "at least 300"),
        Row("/api/v1/search: p50", search[1], "ms"),
    ]


async def _other(address: str) -> tuple[float, float]:
    """Requests a second and p50 in ms of another server; httpx costs it less than a millisecond each."""
    import httpx

    took: list[float] = []
    async with httpx.AsyncClient(timeout=60) as http:
        await http.get(f"{address}?RA=10&DEC=10&SR=0.5")
        end = time.perf_counter() + SECONDS

        async def client(n: int) -> None:
            rng = random.Random(n)
            while (start := time.perf_counter()) < end:
                answer = await http.get(address + scs_path(rng).removeprefix("/scs"))
                answer.raise_for_status()
                took.append(time.perf_counter() - start)

        await asyncio.gather(*(client(n) for n in range(CLIENTS)))
    return len(took) / SECONDS, statistics.median(took) * 1e3
