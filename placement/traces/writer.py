"""Writes a trace: one JSON object a line, gzip where the name ends in ``.gz``; the same bytes for the same events."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import orjson


def write(events: Iterable[dict[str, Any]], path: Path) -> int:
    """Write the events to a file.

    Returns
    -------
    int
        How many there were.
    """
    lines = 0
    with ExitStack() as stack:
        raw = stack.enter_context(path.open("wb"))
        file: IO[bytes] | gzip.GzipFile = raw
        if path.suffix == ".gz":
            # neither the time nor the name, or the same trace would not be the same file
            file = stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0))
        for event in events:
            file.write(orjson.dumps(event) + b"\n")
            lines += 1
    return lines
