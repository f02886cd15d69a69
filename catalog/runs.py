"""Sources and their harvests: what is under way, how far it has come, and what it has met.

A harvest that was cut short stays its source's current run, with the checkpoint of its last saved page; the next one
takes it up. ``since`` moves when a harvest is complete, never before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from catalog import quarantine
from catalog.database import Database, portions
from catalog.documents import HarvestProgress, Tally
from catalog.tables import record, run, seen, source
from schemas.record import record_id

_MAX_ATTEMPTS = 3  # a checkpoint from which no page came this often is no use: the next harvest starts afresh
_ALIVE = record.c.deleted.is_(False)


@dataclass(frozen=True, slots=True)
class Run:
    """One harvest. ``mode``: full, incremental; ``status``: running, complete, failed, abandoned."""

    id: int
    source: str
    mode: str
    status: str
    stage: str
    since: str | None
    checkpoint: dict[str, Any] | None
    started: str
    ended: str | None
    total: int | None
    fetched: int
    tally: Tally
    error_code: str | None = None
    error: str | None = None
    alarms: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as the store knows it; ``since`` is where the next incremental harvest starts; ``last`` its last run."""

    name: str
    kind: str
    endpoint: str | None
    since: str | None
    last: Run | None


def begin(
    database: Database, name: str, kind: str, *, full: bool, endpoint: str | None, scope: str | None, at: str
) -> tuple[Run, bool]:
    """Take up the source's unfinished run, or start one; gives the run and whether it was taken up.

    Started afresh: when asked for a full harvest and the unfinished one is not, when ``scope`` (a fingerprint of what
    is harvested) is another than before, and after three attempts in a row that saved no page.
    """
    with database.writing() as connection:
        state = connection.execute(select(source).where(source.c.name == name)).first()
        if state is None:
            connection.execute(insert(source), {"name": name, "kind": kind})
        moved = state is not None and None not in (state.scope, scope) and scope != state.scope
        since = None if full or moved or state is None else state.since
        current = None
        if state is not None and state.run is not None:
            current = connection.execute(select(run).where(run.c.id == state.run)).first()
        taken_up = (
            current is not None
            and not moved
            and (current.mode == "full" or not full)
            and current.attempts < _MAX_ATTEMPTS
        )
        if current is not None and taken_up:
            number = current.id
            attempt = {"status": "running", "attempts": current.attempts + 1, "ended": None}
            connection.execute(update(run).where(run.c.id == number).values(**attempt, error_code=None, error=None))
        else:
            if current is not None:
                connection.execute(update(run).where(run.c.id == current.id).values(status="abandoned", ended=at))
            number = _insert(connection, name, "full" if since is None else "incremental", since, at)
        changed: dict[str, Any] = {"kind": kind, "endpoint": endpoint, "run": number}
        if scope is not None:
            changed["scope"] = scope
        if moved:
            changed["since"] = None
        connection.execute(update(source).where(source.c.name == name).values(**changed))
        made = connection.execute(select(run).where(run.c.id == number)).one()
    forget_seen(database)
    return _run(made), taken_up


def _insert(connection: Connection, name: str, mode: str, since: str | None, at: str) -> int:
    counts = dict.fromkeys(("fetched", "new", "changed", "unchanged", "deleted", "quarantined"), 0)
    row = {"source": name, "mode": mode, "status": "running", "stage": "pages", "since": since, "started": at}
    made = connection.execute(insert(run).values(**row, attempts=1, **counts))
    return int(made.inserted_primary_key[0])  # type: ignore[index]  # one row was inserted: it has a key


def advance(connection: Connection, progress: HarvestProgress, met: Sequence[str], tally: Tally) -> None:
    """Add one page to its run; ``met`` are record ids. Within the transaction that saves the page."""
    counted = {
        run.c.fetched: run.c.fetched + progress.fetched,
        run.c.new: run.c.new + tally.new,
        run.c.changed: run.c.changed + tally.changed,
        run.c.unchanged: run.c.unchanged + tally.unchanged,
        run.c.deleted: run.c.deleted + tally.deleted,
        run.c.quarantined: run.c.quarantined + tally.quarantined,
        run.c.attempts: 0,
    }
    if progress.checkpoint is not None:
        counted[run.c.checkpoint] = orjson.dumps(progress.checkpoint)
    if progress.total is not None:
        counted[run.c.total] = progress.total
    connection.execute(update(run).where(run.c.id == progress.run).values(counted))
    _note(connection, progress.run, met)


def note_seen(database: Database, current: Run, native_ids: Sequence[str]) -> None:
    """Write down that the source listed these."""
    ids = [record_id(current.source, native_id) for native_id in native_ids]
    for some in portions(ids):
        with database.writing() as connection:
            _note(connection, current.id, some)


def _note(connection: Connection, number: int, ids: Sequence[str]) -> None:
    for some in portions(list(dict.fromkeys(ids))):
        there = select(seen.c.id).where(seen.c.run == number, seen.c.id.in_(some))
        known = set(connection.scalars(there))
        new = [{"run": number, "id": id} for id in some if id not in known]
        if new:
            connection.execute(insert(seen), new)


def clear_seen(database: Database, current: Run) -> None:
    """Drop what the run has met, a little at a time: no writer waits long for it."""
    _drop_seen(database, current.id)


def enter(database: Database, current: Run, stage: str) -> None:
    """Note that the run has come to ``stage``: pages, listing, difference."""
    with database.writing() as connection:
        connection.execute(update(run).where(run.c.id == current.id).values(stage=stage, attempts=0))


def missing(database: Database, current: Run) -> Iterator[list[str]]:
    """The native ids of the source's harvested records that the run has not met, in portions.

    Records of an import of the same name came from elsewhere and are not missed.
    """
    after = 0
    while True:
        found = _unmet(current, record.c.seq, record.c.native_id)
        with database.reading() as connection:
            rows = connection.execute(found.where(record.c.seq > after).order_by(record.c.seq).limit(500)).all()
        if not rows:
            return
        yield [row.native_id for row in rows]
        after = rows[-1].seq


def count_missing(database: Database, current: Run) -> int:
    """How many :func:`missing` would give."""
    with database.reading() as connection:
        return connection.execute(_unmet(current, func.count())).scalar_one()  # type: ignore[no-any-return]  # count


def _unmet(current: Run, *columns: Any) -> Select[Any]:
    met = select(seen.c.id).where(seen.c.run == current.id, seen.c.id == record.c.id).exists()
    own = (record.c.source == current.source, _ALIVE, record.c.raw_checksum.is_not(None))
    return select(*columns).select_from(record).where(*own, ~met)


def count_seen(database: Database, current: Run) -> int:
    """How many different documents the run has met."""
    with database.reading() as connection:
        counted = select(func.count()).select_from(seen).where(seen.c.run == current.id)
        return connection.execute(counted).scalar_one()


def count_alive(database: Database, name: str) -> int:
    """How many records the source has in the store."""
    with database.reading() as connection:
        counted = select(func.count()).select_from(record).where(record.c.source == name, _ALIVE)
        return connection.execute(counted).scalar_one()


def finish(database: Database, current: Run, *, since: str | None, alarms: list[dict[str, str]], at: str) -> None:
    """Close a complete run: the next incremental harvest starts from ``since`` (None: leave it)."""
    with database.writing() as connection:
        if current.mode == "full":
            quarantine.forget_before(connection, current.source, current.started)
        closed = {"status": "complete", "ended": at, "alarms": orjson.dumps(alarms)}
        connection.execute(update(run).where(run.c.id == current.id).values(**closed))
        state: dict[str, Any] = {"run": None}
        if since is not None:
            state["since"] = since
        connection.execute(update(source).where(source.c.name == current.source).values(**state))
    forget_seen(database)


def fail(database: Database, current: Run, *, code: str, error: str, alarms: list[dict[str, str]], at: str) -> None:
    """Note why a run was cut short; it stays the source's current run."""
    with database.writing() as connection:
        said = {"status": "failed", "ended": at, "error_code": code, "error": error[:2000]}
        connection.execute(update(run).where(run.c.id == current.id).values(**said, alarms=orjson.dumps(alarms)))


def forget_seen(database: Database) -> None:
    """Drop what runs have met that are over, a little at a time: no writer waits long for it."""
    after = 0
    while True:
        with database.reading() as connection:
            number = connection.execute(select(func.min(seen.c.run)).where(seen.c.run > after)).scalar()
            over = connection.execute(select(source.c.name).where(source.c.run == number)).first() is None
        if number is None:
            return
        after = number
        if over:
            _drop_seen(database, number)


def _drop_seen(database: Database, number: int) -> None:
    some = select(seen.c.id).where(seen.c.run == number).limit(5000)
    dropped = 1
    while dropped:
        with database.writing() as connection:
            dropped = connection.execute(delete(seen).where(seen.c.run == number, seen.c.id.in_(some))).rowcount


def history(connection: Connection, name: str | None, limit: int) -> list[Run]:
    """Runs, newest first."""
    found = select(run).order_by(run.c.id.desc()).limit(limit)
    return [_run(row) for row in connection.execute(found if name is None else found.where(run.c.source == name))]


def sources(connection: Connection) -> list[SourceState]:
    """Every source that has ever been harvested or imported, by name."""
    newest = select(func.max(run.c.id)).group_by(run.c.source)
    last = {row.source: _run(row) for row in connection.execute(select(run).where(run.c.id.in_(newest)))}
    rows = connection.execute(select(source).order_by(source.c.name))
    return [SourceState(row.name, row.kind, row.endpoint, row.since, last.get(row.name)) for row in rows]


def _run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        source=row.source,
        mode=row.mode,
        status=row.status,
        stage=row.stage,
        since=row.since,
        checkpoint=orjson.loads(row.checkpoint) if row.checkpoint is not None else None,
        started=row.started,
        ended=row.ended,
        total=row.total,
        fetched=row.fetched,
        tally=Tally(row.new, row.changed, row.unchanged, row.deleted, row.quarantined),
        error_code=row.error_code,
        error=row.error,
        alarms=orjson.loads(row.alarms) if row.alarms is not None else [],
    )
