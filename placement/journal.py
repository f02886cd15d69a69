"""The journal of `hints apply`: each step is written before it is done, and what came of it after.

So a run that was killed is finished or rolled back by the next one, which asks Rucio about what was planned and not
settled. A row's ``state`` is planned, done, failed or undone.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import orjson
from sqlalchemy import Row, func, insert, select, update

from catalog import clock
from catalog.store import Store
from catalog.tables import journal

State = Literal["planned", "done", "failed", "undone"]
What = Literal["create", "extend", "release"]


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of one hint, made (``create``), given a later end (``extend``) or let go (``release``) at one RSE.

    ``rule``: which is changed. ``ends_at``: until when it has to last, to stand (Unix seconds; None: for ever);
    ``lifetime``: what it is given, in seconds from when it is done. ``valid_until``: when the hint expires. ``body``:
    of a new rule, as POSTed.
    """

    hint: str
    what: What
    scope: str
    name: str
    rse: str
    bytes: int
    policy: str | None
    valid_until: str
    rule: str | None = None
    lifetime: int | None = None
    ends_at: float | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: a step and what came of it. ``facts``: ``before`` (when the rule ended before), ``error``, ``found``."""

    id: int
    run: str
    step: Step
    state: State
    rule: str | None
    facts: Mapping[str, Any]


class Journal:
    """The journal in a store."""

    def __init__(self, store: Store) -> None:
        self._database = store.database

    def plan(self, run: str, steps: Sequence[Step]) -> list[Entry]:
        """Write what is about to be done."""
        entries = []
        with self._database.writing() as connection:
            for step in steps:
                values = {
                    "run": run,
                    "hint": step.hint,
                    "step": step.what,
                    "rse": step.rse,
                    "rule": step.rule,
                    "state": "planned",
                    "document": orjson.dumps({"step": asdict(step), "facts": {}}),
                    "at": clock.stamp(clock.now()),
                }
                key = connection.execute(insert(journal).values(values)).inserted_primary_key
                assert key is not None  # one row, one key
                entries.append(Entry(key[0], run, step, "planned", step.rule, {}))
        return entries

    def settle(self, entry: Entry, state: State, rule: str | None = None, **facts: Any) -> Entry:
        """Write what came of a step, or (``planned``) what has to be known before it is done."""
        made = replace(entry, state=state, rule=rule or entry.rule, facts={**entry.facts, **facts})
        document = orjson.dumps({"step": asdict(made.step), "facts": made.facts})
        at = clock.stamp(clock.now())
        values = {"step": made.step.what, "state": state, "rule": made.rule, "document": document, "at": at}
        with self._database.writing() as connection:
            connection.execute(update(journal).where(journal.c.id == entry.id).values(values))
        return made

    def entries(
        self,
        state: State | None = None,
        run: str | None = None,
        *,
        rules: Container[str] | None = None,
        did: tuple[str, str] | None = None,
    ) -> list[Entry]:
        """The rows of that state, that run, with one of those rules, on that dataset; oldest first.

        A journal has all that was ever done: what can be told from a row without reading its document is told so.
        """
        statement = select(journal).order_by(journal.c.id)
        if state is not None:
            statement = statement.where(journal.c.state == state)
        if run is not None:
            statement = statement.where(journal.c.run == run)
        name = orjson.dumps(did[1]) if did is not None else b""
        with self._database.reading() as connection:
            found = [
                _entry(row)
                for row in connection.execute(statement)
                if (rules is None or (row.rule is not None and row.rule in rules)) and name in row.document
            ]
        return found if did is None else [one for one in found if (one.step.scope, one.step.name) == did]

    def last_run(self) -> str | None:
        """The newest run that has done something that is not undone, or was cut short."""
        newest = select(func.max(journal.c.id)).where(journal.c.state.in_(("planned", "done")))
        with self._database.reading() as connection:
            return connection.execute(select(journal.c.run).where(journal.c.id == newest.scalar_subquery())).scalar()


def _entry(row: Row[Any]) -> Entry:
    document = orjson.loads(row.document)
    return Entry(row.id, row.run, Step(**document["step"]), row.state, row.rule, document["facts"])
