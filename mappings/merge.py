"""The records of one cluster as one record: which source's value stands for each field.

The parts are ranked by the authority of the form that they came in, then by id. A field that is one statement is the
first part's that makes it, whole, and ``chosen`` says whose; a field that is a list of facts has those of all parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from schemas.record import Record, record_id

# a publication's metadata are written and curated by its authors, a registry's by a publisher, a lake's by programs
_RANKS = {"invenio": 0, "datacite": 0, "voresource": 1, "regtap": 1, "rucio": 2}
_OTHERS = 3
_NOTHING: tuple[Any, ...] = (None, "", [], {})

# said by one part: those on one line by the same part, where one says them all
_WHOLE: tuple[tuple[str, ...], ...] = (
    ("kind",), ("title",), ("description",), ("creators",), ("contributors",), ("publisher",), ("dates",),
    ("version",), ("language",), ("product_type",), ("calib_level",),
    ("position", "footprint"),
    ("rights",),
    ("bytes", "files"),
)  # fmt: skip


def _all(item: Any) -> bytes:
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)


# what tells the items of a list apart; all that they say, if nothing else does
_JOINED: dict[str, Callable[[Any], object]] = {
    "identifiers": lambda item: (item["scheme"], item["value"]),
    "alternative_titles": str,
    "subjects": _all,
    "funding": _all,
    "facilities": str,
    "instruments": str,
    "targets": str,
    "wavebands": str,
    "time": _all,
    "spectral": _all,
    "energy": _all,
    "access": _all,
    "replicas": _all,  # an RSE of the same name may be another lake's
    "locks": lambda item: item["rule"],
    "relations": lambda item: (item["type"], item["identifier"]),
}


def cluster_id(members: Sequence[str]) -> str:
    """The id of the cluster of these records: it stays while the smallest of their ids does."""
    return record_id("", min(members))


def merge(records: Sequence[Record]) -> Record:
    """One valid record for two or more valid ones, whatever their order; they are not changed."""
    parts = sorted(records, key=_rank)
    made: Record = {
        "id": cluster_id([part["id"] for part in parts]),
        "source": parts[0]["source"],
        "same_as": [{"id": part["id"], "source": part["source"]} for part in parts],
    }
    chosen: dict[str, str] = {}
    said = {name for part in parts for name in part}
    for names in _WHOLE:
        if said.isdisjoint(names):
            continue
        saying = _first(parts, names)
        for name in names:
            part = saying or _first(parts, (name,))
            if part is not None:
                made[name], chosen[name] = part[name], part["id"]
    for name, same in _JOINED.items():
        if name not in said:
            continue
        lists = [part[name] for part in parts if part.get(name)]
        if lists and lists.count(lists[0]) == len(lists):  # as it mostly is
            made[name] = lists[0]
        elif lists:
            items: dict[object, Any] = {}
            for some in lists:
                for item in some:
                    items.setdefault(same(item), item)
            made[name] = list(items.values())
    if extra := _extra(parts):
        made["extra"] = extra
    if "provenance" in parts[0]:
        made["provenance"] = parts[0]["provenance"]
    made["chosen"] = chosen
    return made


def _first(parts: Sequence[Record], names: Sequence[str]) -> Record | None:
    """The first part that has all of these."""
    for part in parts:
        for name in names:
            if part.get(name) in _NOTHING:
                break
        else:
            return part
    return None


def _rank(part: Record) -> tuple[int, str]:
    return _RANKS.get((part.get("provenance") or {}).get("format", ""), _OTHERS), part["id"]


def _extra(parts: Sequence[Record]) -> dict[str, Any]:
    """Namespaces joined; of a key that several parts have, the first part's value (the others stay in their parts)."""
    made: dict[str, Any] = {}
    for part in parts:
        for namespace, said in (part.get("extra") or {}).items():
            before = made.setdefault(namespace, said)
            if before is not said and isinstance(before, dict) and isinstance(said, dict):
                made[namespace] = said | before
    return made
