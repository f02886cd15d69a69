"""The hints of the last planning, in the store; each planning replaces them, and says only what changed."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import delete, insert, select

from catalog.database import portions
from catalog.store import Store
from catalog.tables import hint as table
from schemas.access import visible
from schemas.hint import Hint

_EVERYBODY: frozenset[str] = frozenset()


def replace_hints(store: Store, hints: Sequence[Hint]) -> None:
    """Keep these, and no others. The transaction touches the rows that differ."""
    rows = {one.id: orjson.dumps(one.document()) for one in hints}
    hidden = _hidden(store, sorted({one.record for one in hints}))
    with store.database.writing() as connection:
        before = {
            id: (bytes(document), shown)
            for id, document, shown in connection.execute(select(table.c.id, table.c.document, table.c.shown))
        }
        changed = [
            {
                "id": one.id,
                "record": one.record,
                "action": one.action,
                "score": one.score,
                "shown": one.record not in hidden,
                "document": rows[one.id],
            }
            for one in hints
            if before.get(one.id) != (rows[one.id], one.record not in hidden)
        ]
        stale = [id for id in before if id not in rows] + [row["id"] for row in changed if row["id"] in before]
        for some in portions(stale):
            connection.execute(delete(table).where(table.c.id.in_(some)))
        for portion in portions(changed):
            connection.execute(insert(table), list(portion))


def kept_hints(store: Store, *, shown: bool = False, records: Sequence[str] | None = None) -> list[Hint]:
    """The hints in their order (:func:`order`); ``shown``: only of records that everybody may see."""
    asked = select(table.c.document)
    if shown:
        asked = asked.where(table.c.shown)
    with store.database.reading() as connection:
        if records is None:
            rows = connection.execute(asked).scalars().all()
        else:
            rows = [
                row
                for some in portions(records)
                for row in connection.execute(asked.where(table.c.record.in_(some))).scalars()
            ]
    return sorted([Hint.read(orjson.loads(row)) for row in rows], key=order)


def order(hint: Hint) -> tuple[bool, int, float, str]:
    """What policies want first, by their priority; then those that save most."""
    wanted = hint.policy is not None and hint.action != "release"
    return not wanted, -hint.priority if wanted else 0, -hint.score, hint.id


def _hidden(store: Store, ids: Sequence[str]) -> set[str]:
    """Those of the records that not everybody may see."""
    hidden = set()
    for some in portions(ids, 500):
        found = store.get_many(some)
        hidden |= {id for id in some if id not in found or not visible(found[id], _EVERYBODY)}
    return hidden
