"""Apply better mappings to the raw documents that are kept, instead of harvesting the world again.

What is in quarantine as a whole document is tried first, then the records. A record whose raw document the new
mapping refuses stays as it is, and the refusal goes to quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, or_, select, true

from catalog import clock, quarantine
from catalog.documents import Put, Quarantined, Tally, decompress
from catalog.lease import Lease
from catalog.store import Store
from catalog.tables import raw, record
from catalog.translate import Document, translate
from mappings.registry import FORMATS, mapping

WITHDRAWN = "its document says that it is gone"
_PORTION = 500  # documents mapped and saved at once: at 1,500 a second, a third of a second without the lock
_NONE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class RemapProgress:
    """``documents`` mapped so far, what came of them, and the newest feed number."""

    documents: int
    tally: Tally
    last_seq: int


def remap(
    store: Store,
    options: Mapping[str, Mapping[str, Any]] = _NONE,
    *,
    sources: Sequence[str] | None = None,
    force: bool = False,
    on_batch: Callable[[RemapProgress], None] | None = None,
) -> RemapProgress:
    """Map again every raw document that an older mapping has read, or all of them with ``force``.

    Parameters
    ----------
    options
        The mapping's options by source name, as for a harvest: a changed crosswalk needs ``force``.
    sources
        Only these sources; all of them, if left out.

    Raises
    ------
    StoreError
        ``store.busy``: a source is being harvested.
    """
    documents = 0
    tally = Tally()
    names = [state.name for state in store.sources() if sources is None or state.name in sources]
    done = RemapProgress(0, tally, store.last_seq())
    for name in names:
        with Lease(store, f"harvest of {name}"):  # a newer document must not be saved between reading and saving one
            for some in _portions(store, name, force):
                tally += _again(store, name, some, options.get(name, _NONE))
                documents += len(some)
                done = RemapProgress(documents, tally, store.last_seq())
                if on_batch is not None:
                    on_batch(done)
    return done


def _again(store: Store, name: str, documents: Sequence[Document], options: Mapping[str, Any]) -> Tally:
    puts: list[Put] = []
    gone: list[str] = []
    quarantined: list[Quarantined] = []
    for document in documents:
        outcome = translate(document, options)
        if outcome.put is not None:
            puts.append(outcome.put)
        if outcome.gone:
            gone.append(document.native_id)
        quarantined += outcome.quarantined
    return store.save(name, puts, gone, quarantined, reason=WITHDRAWN)


def _portions(store: Store, name: str, force: bool) -> Iterator[list[Document]]:
    yield from _refused(store, name)
    yield from _kept(store, name, force)


def _kept(store: Store, name: str, force: bool) -> Iterator[list[Document]]:
    """The raw documents of records, those of an older mapping; by feed number, each record once.

    A record that changes, or that another one's change makes part of a cluster, comes again at the feed's end.

    Not those of which a newer version stands in quarantine: that one has been tried, and is what the source says.
    """
    refused = quarantine.refused(record.c.source, record.c.native_id)
    older = true() if force else or_(*(_older(format) for format in FORMATS))
    columns = (record.c.seq, record.c.id, record.c.native_id, record.c.doc, raw.c.format, raw.c.encoding, raw.c.body)
    joined = select(*columns).join_from(record, raw, raw.c.id == record.c.id)
    chosen = joined.where(record.c.source == name, record.c.deleted.is_(False), older, ~refused)
    after = 0
    done: set[str] = set()
    while True:
        portion = chosen.where(record.c.seq > after).order_by(record.c.seq).limit(_PORTION)
        with store.database.reading() as connection:
            rows = connection.execute(portion).all()
        if not rows:
            return
        after = rows[-1].seq
        if some := [row for row in rows if row.id not in done]:
            done.update(row.id for row in some)
            yield [_document(name, row) for row in some]


def _older(format: str) -> ColumnElement[bool]:
    return and_(raw.c.format == format, record.c.mapping_version < mapping(format).VERSION)


def _document(name: str, row: Any) -> Document:
    provenance = orjson.loads(row.doc).get("provenance") or {}
    return Document(
        name,
        row.native_id,
        row.format,
        decompress(row.encoding, row.body),
        endpoint=provenance.get("endpoint"),
        datestamp=provenance.get("datestamp"),
        harvested_at=provenance.get("harvested_at"),
    )


def _refused(store: Store, name: str) -> Iterator[list[Document]]:
    """The whole documents in quarantine; a refusal entered on the way is not tried once more."""
    endpoint = next((state.endpoint for state in store.sources() if state.name == name), None)
    with store.database.reading() as connection:
        end = quarantine.last(connection)
    after = 0
    while True:
        with store.database.reading() as connection:
            found = quarantine.documents(connection, name, after, _PORTION)
        found = [(number, entry) for number, entry in found if number <= end]
        if not found:
            return
        after = found[-1][0]
        yield [
            Document(
                name,
                entry.native_id,
                entry.format,
                entry.raw,
                endpoint=endpoint,
                datestamp=entry.datestamp,
                harvested_at=clock.stamp(clock.now()),
            )
            for _, entry in found
            if entry.native_id and entry.format and entry.raw is not None
        ]
