"""What a benchmark says: the machine, figures beside their targets and peers, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(slots=True)
class Row:
    """One figure. ``target`` is what the project asks for; ``peer`` is another program's figure from this run."""

    what: str
    value: float
    unit: str
    target: str = ""
    peer: str = ""


def machine() -> dict[str, Any]:
    """Processor, cores, memory, Python: what a figure depends on."""
    cpu = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def report(name: str, rows: list[Row], about: dict[str, Any]) -> None:
    """Print the table and write ``bench/results/NAME.json``."""
    print(f"\n{name}: " + ", ".join(f"{key} {value}" for key, value in about.items()))
    cells = [("what", "measured", "asked for", "peer, same run")]
    cells += [(row.what, f"{row.value:,.2f} {row.unit}", row.target, row.peer) for row in rows]
    widths = [max(len(line[n]) for line in cells) for n in range(4)]
    for line in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    RESULTS.mkdir(exist_ok=True)
    made = {"benchmark": name, "machine": machine(), "about": about, "figures": [asdict(row) for row in rows]}
    (RESULTS / f"{name}.json").write_text(json.dumps(made, indent=1) + "\n")


def milliseconds(call: Callable[[], Any], times: int) -> tuple[float, float]:
    """Median and 95th percentile of ``times`` calls, after three that do not count."""
    for _ in range(3):
        call()
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append((time.perf_counter() - start) * 1e3)
    took.sort()
    return statistics.median(took), took[int(0.95 * (len(took) - 1))]
