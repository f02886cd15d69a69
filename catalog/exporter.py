"""Records out of the store, one JSON object a line: what an import into another store takes, ids and all."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from catalog.store import Store


def export_lines(store: Store, source: str | None = None) -> Iterator[bytes]:
    """Every record (of ``source``), in the order of their ids, as lines with their newline."""
    for record in store.iter_records(source):
        yield orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
