"""Rucio data identifiers (DIDs) as records.

The raw document is the harvester's own: what several answers of Rucio's REST API say of one DID.

    {"did": column metadata, "metadata": JSON metadata, "replicas": [...], "rules": [...],
     "locks": [{"rule_id", "rse", "state"}]: of datasets, where Rucio tells (1.29 and later),
     "contents": [{"scope", "name", "type"}], "parents": [{"scope", "name"}],
     "size": {"bytes", "length"}: summed by Rucio where the columns are empty}

A container is a ``collection`` and a dataset a ``dataset``. A file is a ``dataset`` where the crosswalk
finds its product type (an image, a spectrum ...) and ``other`` where nothing says what it is.

``extra.rucio`` keeps every column that is filled and every key of the JSON metadata, typed, whether or
not the crosswalk uses it; a name that both have is the JSON metadata's. Dates of columns become ISO 8601.

Reading a DID moves its columns ``accessed_at``, ``access_cnt`` and, with them, ``updated_at``: they say nothing
about the thing, and every busy dataset would be a changed one at each harvest. They are not in the record; their
latest values are in the raw document, and ``updated_at`` is the record's ``provenance.datestamp``. Nor are locks, the
comments of rules and the times when replicas were read: they are for placement (``mappings/rucio_state.py``).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from mappings import loose_json
from mappings.crosswalk import Crosswalk, load_crosswalk
from mappings.crosswalking import apply
from mappings.outcome import Mapped, Problem
from schemas.errors import MappingError
from schemas.record import Record

VERSION = 1

# A container may hold a million datasets; a record page shows the first of them, and each of the others
# names its parent, so nothing is lost to a search by relation.
MAX_CONTENTS = 100
MAX_PARENTS = 100
_DATES = ("created_at", "updated_at", "closed_at", "deleted_at", "expired_at", "accessed_at", "eol_at")
_KINDS = {"CONTAINER": "collection", "DATASET": "dataset", "FILE": "other"}
_MOVED_BY_READING = frozenset({"accessed_at", "access_cnt", "updated_at"})


def to_record(raw: bytes, options: Mapping[str, Any]) -> Mapped:
    """Map one DID.

    ``options["crosswalk"]`` is the source's own crosswalk table, parsed from TOML (see ``mappings/crosswalk.py``).

    Raises
    ------
    MappingError
        ``mapping.bad-json``, ``mapping.not-a-did``: the document is not what the harvester makes.
    SettingsError
        ``settings.crosswalk``: the table is wrong.
    """
    document = _read(raw)
    did = document["did"]
    metadata = document.get("metadata") or {}
    problems: list[Problem] = []
    scope, name = did["scope"], did["name"]
    columns = {
        key: _column(key, value)
        for key, value in did.items()
        if value is not None and value != "" and key not in _MOVED_BY_READING
    }
    kind = str(did.get("did_type") or did.get("type") or "").upper()
    record: Record = {"identifiers": [{"scheme": "rucio", "value": f"{scope}:{name}"}]}
    _sizes(record, document, kind, problems)
    searched = {**metadata, **columns, **metadata}  # "Project" of the JSON metadata before the column "project"
    problems += apply(_crosswalk(options.get("crosswalk")), searched, record)
    record["kind"] = _KINDS.get(kind, "other")
    if kind == "FILE" and "product_type" in record:
        record["kind"] = "dataset"
    record.setdefault("title", name)
    if created := iso_date(did.get("created_at")):
        record.setdefault("dates", []).append({"date": created, "type": "Created"})
    if replicas := _replicas(document, kind, problems):
        record["replicas"] = replicas
    if locks := _locks(document, problems):
        record["locks"] = locks
    relations = [
        *_relations(document, "parents", "IsPartOf", MAX_PARENTS, problems),
        *_relations(document, "contents", "HasPart", MAX_CONTENTS, problems),
    ]
    if relations:
        record.setdefault("relations", []).extend(relations)
    record["extra"] = {"rucio": columns | metadata}
    return Mapped(record, problems)


def _read(raw: bytes) -> dict[str, Any]:
    """Parse and check the outer shape; Rucio prints bare ``Infinity``, which becomes text."""
    try:
        document = loose_json.loads(raw)
    except ValueError as error:
        raise MappingError("bad-json", f"the document is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MappingError("not-a-did", "the document is no JSON object")
    did = document.get("did")
    if not isinstance(did, dict) or not all(isinstance(did.get(key), str) and did[key] for key in ("scope", "name")):
        raise MappingError("not-a-did", "the document names no DID: did.scope and did.name are missing")
    if not isinstance(document.get("metadata") or {}, dict):
        raise MappingError("not-a-did", f"the metadata of {did['scope']}:{did['name']} is no JSON object")
    return document


_TABLES: list[tuple[Mapping[str, Any], Crosswalk]] = []


def _crosswalk(table: Mapping[str, Any] | None) -> Crosswalk:
    """Compile a source's table once: the same object comes with each of its documents."""
    if not table:
        return load_crosswalk(None)
    for known, compiled in _TABLES:
        if known is table or known == table:
            return compiled
    compiled = load_crosswalk(table)
    _TABLES.append((table, compiled))
    del _TABLES[:-32]  # sources are few; this bounds a process that makes tables as it goes
    return compiled


def _column(key: str, value: Any) -> Any:
    return (iso_date(value) or value) if key in _DATES else value


@functools.lru_cache(maxsize=1024)
def _iso_date(text: str) -> str | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment.year >= 1000 else None


def iso_date(value: Any) -> str | None:
    """ISO 8601 UTC of Rucio's RFC 1123 dates (which end in ``UTC``), None for anything else."""
    return _iso_date(value) if isinstance(value, str) and value else None


def _sizes(record: Record, document: dict[str, Any], kind: str, problems: list[Problem]) -> None:
    did, summed = document["did"], document.get("size")
    for column, field in (("bytes", "bytes"), ("length", "files")):
        row = summed if did.get(column) is None and isinstance(summed, dict) else did
        if (amount := _amount(row, column, field, problems)) is not None:
            record[field] = amount
    if kind == "FILE":
        record["files"] = 1


def _amount(row: dict[str, Any], key: str, field: str, problems: list[Problem]) -> int | None:
    """A count of bytes or files; PostgreSQL's sums come as 5010.0."""
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        problems.append(Problem(field, "mapping.not-a-number", f"{key} = {value!r}: is no count", value))
        return None
    return round(value)


def _rows(document: dict[str, Any], part: str, needed: str, problems: list[Problem]) -> Iterator[dict[str, Any]]:
    rows = document.get(part) or []
    for row in rows if isinstance(rows, list) else [rows]:
        if isinstance(row, dict) and isinstance(row.get(needed), str) and row[needed]:
            yield row
        else:
            problems.append(Problem(part, "mapping.not-a-row", f"one of its {part} has no {needed}", row))


def _replicas(document: dict[str, Any], kind: str, problems: list[Problem]) -> list[Record]:
    replicas = []
    for row in sorted(_rows(document, "replicas", "rse", problems), key=lambda row: str(row["rse"])):
        replica: Record = {"rse": row["rse"]}
        if isinstance(row.get("state"), str) and row["state"]:
            replica["state"] = row["state"]
        for keys, field in ((("available_length", "length"), "files"), (("available_bytes", "bytes"), "bytes")):
            key = next((key for key in keys if row.get(key) is not None), keys[0])
            if (amount := _amount(row, key, f"replicas.{field}", problems)) is not None:
                replica[field] = amount
        if kind == "FILE":
            replica["files"] = int(replica.get("state") == "AVAILABLE")
        replicas.append(replica)
    return replicas


def _locks(document: dict[str, Any], problems: list[Problem]) -> list[Record]:
    locks = []
    for row in sorted(_rows(document, "rules", "id", problems), key=lambda row: str(row["id"])):
        lock: Record = {"rule": row["id"], "expires_at": None}
        for column, field in (("account", "account"), ("rse_expression", "rse"), ("state", "state")):
            if isinstance(row.get(column), str) and row[column]:
                lock[field] = row[column]
        if (until := row.get("expires_at")) is not None:
            lock["expires_at"] = iso_date(until)
            if lock["expires_at"] is None:
                # never "for ever" by mistake: placement counts on a lock's end
                del lock["expires_at"]
                reason = f"expires_at = {until!r}: is no date"
                problems.append(Problem("locks.expires_at", "mapping.impossible-time", reason, until))
        locks.append(lock)
    return locks


def _relations(
    document: dict[str, Any], part: str, relation: str, limit: int, problems: list[Problem]
) -> Iterator[Record]:
    for n, row in enumerate(_rows(document, part, "name", problems)):
        if n == limit:
            return
        scope = row.get("scope") or document["did"]["scope"]
        yield {"type": relation, "identifier": f"{scope}:{row['name']}", "scheme": "rucio"}
