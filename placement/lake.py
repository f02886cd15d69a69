"""The state of the lake, as it was last read: in the store, whole, under ``lake:SOURCE``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from sqlalchemy import delete, insert, select

from catalog import clock
from catalog.store import Store
from catalog.tables import placement as table
from harvesters.rucio_lake import LakeReader
from harvesters.rucio_session import RucioSession
from placement.state import Lake, Rse

_KEY = "lake:{}"
_STALE = 86_400.0  # seconds after which the state of the lake is said to be old
_OF_RSE = tuple(field.name for field in fields(Rse))


def refresh(store: Store, source: str, session: RucioSession, now: float) -> Lake:
    """Read the state of the lake behind ``session``, keep it and give it; raises ``SourceError``, keeping the last."""
    found = LakeReader(session).read(source, session.account, now, document(store, source))
    take(store, source, found)
    return read(found)


def take(store: Store, source: str, document: Mapping[str, Any]) -> None:
    """Keep what :meth:`harvesters.rucio_lake.LakeReader.read` gave, in place of the last."""
    key, at = _KEY.format(source), stamp(document["taken_at"])
    body = orjson.dumps(document)
    with store.database.writing() as connection:
        connection.execute(delete(table).where(table.c.key == key))
        connection.execute(insert(table), [{"key": key, "body": body, "at": at}])


def document(store: Store, source: str) -> dict[str, Any] | None:
    """What was last kept of the source's lake."""
    with store.database.reading() as connection:
        body = connection.execute(select(table.c.body).where(table.c.key == _KEY.format(source))).scalar()
    return None if body is None else cast(dict[str, Any], orjson.loads(body))


def lake(store: Store, source: str) -> Lake | None:
    """The lake as it was last kept; None where it never was."""
    found = document(store, source)
    return None if found is None else read(found)


def read(document: Mapping[str, Any]) -> Lake:
    """The lake of a document::

    {"source", "account", "taken_at": Unix seconds, "distances": [[source, destination, distance]], "distances_at",
     "rses": [{the fields of Rse, "problem": why something of it is not known, or null}], "problems": [sentences]}
    """
    rses = [Rse(**{name: row[name] for name in _OF_RSE}) for row in document["rses"]]
    return Lake(
        source=document["source"],
        account=document["account"],
        taken_at=document["taken_at"],
        rses=tuple(sorted(rses, key=lambda rse: rse.name)),
        distances={(source, destination): far for source, destination, far in document["distances"]},
    )


def notes(lake: Lake, document: Mapping[str, Any], now: float) -> list[str]:
    """Sentences on what of the lake's state is old, or was not to be had; ``document`` is what it was read of."""
    made = problems(document)
    if now - lake.taken_at > _STALE:
        age = _age(now - lake.taken_at)
        made.append(f"the state of the lake is {age} old; asterism harvest {lake.source}")
    for rse in lake.rses:
        if rse.measured_at is None:
            made.append(f"{rse.name}: its usage is not known, so only what policies want is brought there")
        elif lake.taken_at - rse.measured_at > _STALE:
            made.append(f"{rse.name}: its usage was measured {_age(lake.taken_at - rse.measured_at)} before that")
    return made


def told(lake: Lake) -> dict[str, Any]:
    """The lake as it was harvested; JSON."""
    return {
        "source": lake.source,
        "account": lake.account,
        "taken_at": stamp(lake.taken_at),
        "rses": [
            {
                "rse": one.name,
                "rse_type": one.kind,
                "site": one.site,
                "readable": one.readable,
                "writable": one.writable,
                "total": one.total,
                "used": one.used,
                "free": one.free,
                "min_free": one.min_free,
                "account_left": one.account_left,
                "measured_at": None if one.measured_at is None else stamp(one.measured_at),
            }
            for one in lake.rses
        ],
    }


def problems(document: Mapping[str, Any]) -> list[str]:
    """Sentences on what could not be read, for people."""
    of_rses = [f"{row['name']}: {row['problem']}" for row in document.get("rses", ()) if row["problem"]]
    return [*document.get("problems", ()), *of_rses]


def stamp(at: float) -> str:
    """Unix seconds as the store writes a time."""
    return clock.stamp(datetime.fromtimestamp(at, UTC))


def _age(seconds: float) -> str:
    return f"{seconds / 86_400:.3g} days" if seconds >= 86_400 else f"{seconds / 3600:.3g} hours"
