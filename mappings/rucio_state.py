"""The state of a dataset in Rucio, from its raw document, and the comments by which rules of ours are known.

The raw document is that of ``mappings/rucio.py``; what placement needs of it is read here, many times faster than it
becomes a record. Times are Unix seconds; a lock without end has :data:`FOREVER`.
"""

from __future__ import annotations

import calendar
import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from mappings import loose_json
from mappings.rucio import iso_date
from schemas.errors import MappingError

FOREVER = math.inf
_MOST = 1 << 63  # what the columns take
_COMMENT = re.compile(r"asterism hint=(\S+)(?: policy=(\S+))?")
_DATE = re.compile(r"([A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4}) ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]) UTC")
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*")  # an RSE expression that may be a name alone


@dataclass(frozen=True, slots=True)
class RuleState:
    """A rule that holds the dataset: its own or, by ``scope`` and ``name``, one of its containers'.

    ``expires_at`` is 0 where Rucio's date cannot be read: such a rule is not counted on.
    """

    id: str
    scope: str
    name: str
    account: str
    rse_expression: str
    copies: int
    state: str
    activity: str
    created_at: float  # NaN: not known
    expires_at: float
    comments: str | None


@dataclass(frozen=True, slots=True)
class DatasetState:
    """One dataset.

    ``replicas``: (RSE, whether all files are available there, last access; NaN: not known). ``locks``: (RSE, rule's
    id, state, until when), of those rules that are still there.
    """

    scope: str
    name: str
    bytes: int | None
    files: int | None
    created_at: float  # NaN: not known
    replicas: list[tuple[str, bool, float]]
    locks: list[tuple[str, str, str, float]]
    rules: list[RuleState]
    parents: list[tuple[str, str]]


def dataset_state(raw: bytes) -> DatasetState | None:
    """The state in a raw document; None where it is of a container or a file.

    Where Rucio did not tell the locks, a rule whose RSE expression is a name alone holds the dataset there.

    Raises
    ------
    MappingError
        ``mapping.bad-json``, ``mapping.not-a-did``: the document is not what the harvester makes.
    """
    document = _read(raw)
    did = document.get("did")
    if not isinstance(did, dict) or not isinstance(scope := did.get("scope"), str):
        raise MappingError("not-a-did", "the document names no DID: did.scope and did.name are missing")
    if not isinstance(name := did.get("name"), str):
        raise MappingError("not-a-did", "the document names no DID: did.scope and did.name are missing")
    if did.get("did_type") != "DATASET":
        return None
    size = document.get("size")
    size = size if isinstance(size, dict) else {}
    files = _count(did.get("length"), size.get("length"))
    rules = [_rule(row, scope, name) for row in _rows(document, "rules", "id")]
    return DatasetState(
        scope=scope,
        name=name,
        bytes=_count(did.get("bytes"), size.get("bytes")),
        files=files,
        created_at=_moment(did.get("created_at")),
        replicas=[
            (row["rse"], _is_complete(row, files), _moment(row.get("accessed_at")))
            for row in _rows(document, "replicas", "rse")
        ],
        locks=_locks(document, rules),
        rules=rules,
        parents=[(str(row.get("scope") or scope), row["name"]) for row in _rows(document, "parents", "name")],
    )


def comment(hint_id: str, policy: str | None = None) -> str:
    """The comment of a rule that a hint makes."""
    return f"asterism hint={hint_id}" + (f" policy={policy}" if policy else "")


def hint_of(text: str | None) -> tuple[str, str | None] | None:
    """The hint's id and policy in a rule's comment; None: no hint made it."""
    found = _COMMENT.fullmatch(text.strip()) if text else None
    return (found[1], found[2]) if found else None


def unix_time(text: Any) -> float | None:
    """Unix seconds of one of Rucio's dates, None for anything else."""
    if not isinstance(text, str):
        return None
    if (found := _DATE.fullmatch(text)) is None:
        return _unix_time(text)
    # a lake has few days, and reading a date takes ten times as long as all else here
    day, hours, minutes, seconds = found.groups()
    midnight = _unix_time(f"{day} 00:00:00 UTC")
    return None if midnight is None else midnight + 3600 * int(hours) + 60 * int(minutes) + int(seconds)


def _read(raw: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            document = loose_json.loads(raw)
        except ValueError as error:
            raise MappingError("bad-json", f"the document is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MappingError("not-a-did", "the document is no JSON object")
    return document


def _rows(document: Mapping[str, Any], part: str, needed: str) -> Iterator[dict[str, Any]]:
    rows = document.get(part)
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get(needed), str) and row[needed]:
            yield row


def _rule(row: Mapping[str, Any], scope: str, name: str) -> RuleState:
    until = row.get("expires_at")
    copies = row.get("copies")
    return RuleState(
        id=row["id"],
        scope=str(row.get("scope") or scope),
        name=str(row.get("name") or name),
        account=str(row.get("account") or ""),
        rse_expression=str(row.get("rse_expression") or ""),
        copies=copies if isinstance(copies, int) else 1,
        state=str(row.get("state") or ""),
        activity=str(row.get("activity") or ""),
        created_at=_moment(row.get("created_at")),
        expires_at=FOREVER if until is None else unix_time(until) or 0.0,
        comments=said if isinstance(said := row.get("comments"), str) else None,
    )


def _locks(document: Mapping[str, Any], rules: list[RuleState]) -> list[tuple[str, str, str, float]]:
    if "locks" not in document:
        return [
            (rule.rse_expression, rule.id, rule.state, rule.expires_at)
            for rule in rules
            if _PLAIN.fullmatch(rule.rse_expression)
        ]
    until = {rule.id: rule.expires_at for rule in rules}
    return [
        (row["rse"], rule, str(row.get("state") or ""), until[rule])
        for row in _rows(document, "locks", "rse")
        if isinstance(rule := row.get("rule_id"), str) and rule in until
    ]


def _is_complete(row: Mapping[str, Any], files: int | None) -> bool:
    if row.get("state") != "AVAILABLE":
        return False
    there, whole = _count(row.get("available_length")), files if files is not None else _count(row.get("length"))
    return there is None or whole is None or there >= whole


def _count(*values: Any) -> int | None:
    """The first that is a count; PostgreSQL's sums come as 5010.0."""
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST:
            return round(value)
    return None


def _moment(text: Any) -> float:
    found = unix_time(text)
    return math.nan if found is None else found


@functools.lru_cache(maxsize=65_536)
def _unix_time(text: str) -> float | None:
    if (iso := iso_date(text)) is None:
        return None
    return float(calendar.timegm(datetime.fromisoformat(iso).timetuple()))
