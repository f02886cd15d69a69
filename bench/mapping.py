"""VOResource to record, one core; the peer is parsing the same bytes with lxml and doing nothing with them."""

from __future__ import annotations

import time

from lxml import etree

from bench.report import Row, report
from demo.registry import Registry
from mappings.voresource import to_record


def run(count: int) -> None:
    """Map the demo's VOResource documents, real resources, over and over for some seconds."""
    del count
    raws = [
        etree.tostring(entry.document) for entry in Registry.of_facts().entries.values() if entry.document is not None
    ]
    some = 0
    start = time.process_time()
    while (took := time.process_time() - start) < 5:
        for raw in raws:
            to_record(raw, {})
        some += len(raws)
    bare = 0
    start = time.process_time()
    while (spent := time.process_time() - start) < 1:
        for raw in raws:
            etree.fromstring(raw)
        bare += len(raws)
    size = sum(map(len, raws)) // len(raws)
    row = Row(
        "VOResource mapping", some / took, "documents/s a core", "at least 1,500", f"lxml parse {bare / spent:,.0f}"
    )
    report("mapping", [row], {"documents": len(raws), "mean_bytes": size})
