"""Saved queries: the parameters of a search under a name, and how far into the change feed it has been watched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import delete, func, insert, select, union_all, update

from catalog import clock
from catalog.database import portions
from catalog.store import Store
from catalog.tables import record, saved
from schemas.errors import QueryError
from schemas.query import Query, parse
from schemas.refining import Pairs, refined
from schemas.regions import Resolver

MAX_LENGTH = 1_000_000  # characters of a query: a MOC of a hundred thousand cells
NAME = re.compile(r"[a-z0-9-]{1,64}")
_OF_THE_ANSWER = ("cursor", "format", "highlight")


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """``query`` is written as in the URL of a search; ``seen`` is a feed number, 0 before the first watch."""

    name: str
    query: str
    created_at: str
    updated_at: str
    seen: int = 0

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query as pairs for :func:`schemas.query.parse`."""
        return parse_qsl(self.query, keep_blank_values=True)

    def parsed(self, further: Pairs = (), resolve: Resolver | None = None) -> Query:
        """The query, narrowed by ``further`` parameters (see :func:`schemas.refining.refined`).

        Raises
        ------
        QueryError
            ``query.broken-saved-query``: this version does not understand what was saved; else what is wrong with
            ``further``.
        """
        try:
            base = parse(self.parameters, resolve)
        except QueryError as error:
            said = f"the saved query {self.name} cannot be understood any more ({error.detail}); save it anew"
            raise QueryError("broken-saved-query", said, name=self.name) from error
        return refined(self.parameters, further, resolve) if further else base


def get(store: Store, name: str) -> SavedQuery:
    """The query of that name.

    Raises
    ------
    QueryError
        ``query.no-saved-query``.
    """
    with store.database.reading() as connection:
        row = connection.execute(select(saved).where(saved.c.name == name)).first()
    if row is None:
        raise _unknown(name)
    return SavedQuery(*row)


def listed(store: Store) -> list[SavedQuery]:
    """All of them, by name."""
    with store.database.reading() as connection:
        return [SavedQuery(*row) for row in connection.execute(select(saved).order_by(saved.c.name))]


def check(name: str, parameters: Pairs, resolve: Resolver | None = None) -> None:
    """Raise what :func:`put` would raise for a name and a query that can not be saved."""
    if not NAME.fullmatch(name):
        raise QueryError("bad-name", f"{name[:80]!r} is no name for a query: up to 64 of a-z, 0-9 and hyphens")
    for key, value in parameters:
        if key in _OF_THE_ANSWER:
            raise QueryError("not-saved", f"{key} is said when the query is asked, not saved with it", parameter=key)
        if "\0" in key or "\0" in value:
            raise QueryError("bad-value", "a NUL character; leave it out", parameter=key.replace("\0", "\ufffd"))
    parse(parameters, resolve)
    if (length := len(_written(parameters))) > MAX_LENGTH:
        raise QueryError("too-long", f"the query has {length} characters; at most {MAX_LENGTH} are saved")


def put(store: Store, name: str, parameters: Pairs, resolve: Resolver | None = None, *, replace: bool = True) -> bool:
    """Save a query, and say whether it is new. A watch of a query that is another now begins anew.

    Raises
    ------
    QueryError
        ``query.bad-name``, ``query.not-saved`` (a parameter of one answer alone), ``query.too-long``;
        ``query.saved-query-exists``, unless ``replace``; whatever is wrong with the query itself.
    """
    check(name, parameters, resolve)
    query = _written(parameters)
    now = clock.stamp(clock.now())
    with store.database.writing() as connection:
        old = connection.execute(select(saved.c.query).where(saved.c.name == name)).scalar()
        if old is None:
            row = {"name": name, "query": query, "created_at": now, "updated_at": now, "seen": 0}
            connection.execute(insert(saved), row)
        elif not replace:
            raise QueryError("saved-query-exists", f"a query is saved as {name} already; remove or replace it")
        elif old != query:
            values = {"query": query, "updated_at": now, "seen": 0}
            connection.execute(update(saved).where(saved.c.name == name).values(values))
    return old is None


def _written(parameters: Pairs) -> str:
    return urlencode(list(parameters), errors="replace")


def remove(store: Store, name: str) -> None:
    """Forget the query of that name; raises ``query.no-saved-query``."""
    with store.database.writing() as connection:
        if connection.execute(delete(saved).where(saved.c.name == name)).rowcount == 0:
            raise _unknown(name)


def keep_seen(store: Store, watched: SavedQuery, upto: int) -> None:
    """Keep that ``watched`` has been shown up to a feed number: never back, and not for what is another query now."""
    same = (saved.c.name == watched.name, saved.c.query == watched.query, saved.c.created_at == watched.created_at)
    with store.database.writing() as connection:
        connection.execute(update(saved).where(*same, saved.c.seen < upto).values(seen=upto))


def datestamps(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """When each of these records changed in the store, ISO 8601 UTC; a merged one with the newest of its parts."""
    found: dict[str, str] = {}
    with store.database.reading() as connection:
        for some in portions(ids):
            alone = select(record.c.id, record.c.datestamp).where(record.c.id.in_(some))
            parts = select(record.c.cluster, func.max(record.c.datestamp)).where(record.c.cluster.in_(some))
            rows = connection.execute(union_all(alone, parts.group_by(record.c.cluster)))
            found.update((row[0], row[1]) for row in rows)
    return found


def _unknown(name: str) -> QueryError:
    how = "see what there is with: asterism saved list"
    return QueryError("no-saved-query", f"no query is saved as {name[:80]!r}; {how}", name=name[:80])
