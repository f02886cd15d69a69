"""The hints of the last planning, in the store; each planning replaces them, and says only what changed."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import orjson
from sqlalchemy import ColumnElement, delete, func, select

from catalog.database import insert_many, portions
from catalog.store import Store
from catalog.tables import hint as table
from placement.demand_store import keep_state, read_state
from schemas.access import visible
from schemas.hint import Hint
from schemas.policy import Policy

_EVERYBODY: frozenset[str] = frozenset()
_POLICIES = "policies"  # key of the table placement
_AT = b'"created_at":'  # where the times of a hint's document begin, which are the last in it
_RESTRICTED = b'"restricted"'  # in the document of every record that not everybody may see


@dataclass(frozen=True, slots=True)
class Times:
    """When a hint was first given, and until when it holds; ISO 8601 UTC."""

    created_at: str
    expires_at: str


def kept_times(store: Store) -> dict[str, Times]:
    """The times of the hints by id, without the rest of them: in a tenth of the time."""
    rows = store.database.fetch("SELECT id, document FROM hint", ())
    found = {}
    for id, body in rows:
        document = bytes(body)
        said = orjson.loads(b"{" + document[document.rindex(_AT) :])
        found[id] = Times(said["created_at"], said["expires_at"])
    return found


def replace_hints(store: Store, hints: Sequence[Hint], hidden: Set[str] | None = None) -> None:
    """Keep these, and no others. The transaction touches the rows that differ.

    ``hidden``: those of the records that not everybody may see; else the store is asked.
    """
    rows = {one.id: orjson.dumps(one.document()) for one in hints}
    if hidden is None:
        hidden = hidden_records(store, sorted({record for one in hints for record in _named(one)}))
    shown = {one.id: hidden.isdisjoint(_named(one)) for one in hints}
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
                "policy": one.policy,
                "priority": _priority(one),
                "score": one.score,
                "shown": shown[one.id],
                "document": rows[one.id],
            }
            for one in hints
            if before.get(one.id) != (rows[one.id], shown[one.id])
        ]
        stale = [id for id in before if id not in rows] + [row["id"] for row in changed if row["id"] in before]
        for some in portions(stale):
            connection.execute(delete(table).where(table.c.id.in_(some)))
        if changed:
            insert_many(connection, table, changed)


def kept_hints(store: Store, *, shown: bool = False, records: Sequence[str] | None = None) -> list[Hint]:
    """The hints in their order (:func:`order`); ``shown``: only those that speak of what everybody may see."""
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


def page(
    store: Store, actions: Sequence[str] = (), policy: str | None = None, limit: int = 100, offset: int = 0
) -> tuple[int, list[Hint]]:
    """How many hints there are of what everybody may see, of ``actions`` and ``policy``; and some, in their order."""
    those: list[ColumnElement[bool]] = [table.c.shown]
    if actions:
        those.append(table.c.action.in_(actions))
    if policy is not None:
        those.append(table.c.policy == policy)
    ordered = select(table.c.document).where(*those)
    ordered = ordered.order_by(table.c.priority.desc(), table.c.score.desc(), table.c.id)
    with store.database.reading() as connection:
        count: int = connection.execute(select(func.count()).select_from(table).where(*those)).scalar_one()
        rows = connection.execute(ordered.limit(limit).offset(offset)).scalars().all()
    return count, [Hint.read(orjson.loads(row)) for row in rows]


def order(hint: Hint) -> tuple[int, float, str]:
    """What policies want first, by their priority; then those that save most. As :func:`page` has it of columns."""
    return -_priority(hint), -hint.score, hint.id


def _priority(hint: Hint) -> int:
    """Of what a policy wants, which is 1 at least; 0 of all else."""
    return hint.priority if hint.policy is not None and hint.action != "release" else 0


def _named(hint: Hint) -> list[str]:
    """The records that a hint speaks of."""
    return [hint.record, *(one.values["for_record"] for one in hint.reasons if "for_record" in one.values)]


def hidden_records(store: Store, ids: Sequence[str]) -> set[str]:
    """Those of the records that not everybody may see."""
    hidden = set(ids)
    for some in portions(ids):
        marks = ",".join("?" * len(some))
        rows = store.database.fetch(f"SELECT id, doc FROM record WHERE id IN ({marks}) AND doc IS NOT NULL", some)
        for id, body in rows:
            document = bytes(body)
            # reading all of them costs more than the planning
            if _RESTRICTED not in document or visible(orjson.loads(document), _EVERYBODY):
                hidden.discard(id)
    return hidden


def keep_policies(store: Store, policies: Sequence[Policy]) -> None:
    """Note for which policies the kept hints were planned."""
    body = _written(policies)
    if not is_planned_for(store, policies):
        with store.database.writing() as connection:
            keep_state(connection, {_POLICIES: body})


def is_planned_for(store: Store, policies: Sequence[Policy]) -> bool:
    """Whether the kept hints were planned for just these policies."""
    with store.database.reading() as connection:
        return read_state(connection, _POLICIES) == _written(policies)


def _written(policies: Sequence[Policy]) -> bytes:
    return orjson.dumps([one.document() for one in policies])
