"""A small lake in a store: raw documents as the harvester makes them, and their records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from catalog.documents import Put, checksum
from mappings.rucio import to_record
from placement.state import Lake, Rse
from schemas.record import record_id

SOURCE = "lake"
RSES = ("SYN-A", "SYN-B", "SYN-C")


def lake(source: str = SOURCE, rses: Sequence[str] = RSES, account: str = "asterism") -> Lake:
    made = tuple(Rse(name, site=name, attributes={name: True, "country": name[-1]}) for name in rses)
    return Lake(source, account, 1.8e9, made)


def raw_of(name: str, kind: str = "DATASET", *, parents: Sequence[str] = (), **more: Any) -> bytes:
    """The raw document of ``ska:NAME``; ``more`` are its ``replicas``, ``rules``, ``locks``, ``metadata``, ``did``."""
    did = {"scope": "ska", "name": name, "did_type": kind, **more.pop("did", {})}
    document = {"did": did, "parents": [{"scope": "ska", "name": one, "type": "CONTAINER"} for one in parents], **more}
    return json.dumps(document, sort_keys=True).encode()


def put(name: str, kind: str = "DATASET", *, source: str = SOURCE, doi: str | None = None, **more: Any) -> Put:
    """What a harvest of ``ska:NAME`` saves; ``record`` among ``more`` are fields of its record."""
    fields = more.pop("record", {})
    raw = raw_of(name, kind, **more)
    record = to_record(raw, {}).record
    assert record is not None
    record |= {"id": id_of(name, source), "source": source, **fields}
    if doi is not None:
        record["identifiers"] = [*record["identifiers"], {"scheme": "doi", "value": doi}]
    record["provenance"] = {"checksum": checksum(raw), "format": "rucio", "native_id": f"ska:{name}"}
    return Put(f"ska:{name}", record, raw, "rucio", 1)


def id_of(name: str, source: str = SOURCE) -> str:
    return record_id(source, f"ska:{name}")


def other(name: str, doi: str, source: str = "zenodo", **fields: Any) -> Put:
    """A record of another source with that DOI."""
    made = {"id": record_id(source, name), "source": source, "kind": "dataset", "title": name}
    return Put(name, made | {"identifiers": [{"scheme": "doi", "value": doi}]} | fields)


def replica(rse: str, state: str = "AVAILABLE", **more: Any) -> dict[str, Any]:
    return {"rse": rse, "state": state, "length": 2, "available_length": 2 if state == "AVAILABLE" else 1} | more


def rule(id: str, **more: Any) -> dict[str, Any]:
    made = {"id": id, "account": "root", "rse_expression": "SYN-A", "copies": 1, "state": "OK"}
    return made | {"expires_at": None, "created_at": "Sat, 21 Nov 2026 00:00:00 UTC"} | more


def lock(rule: str, rse: str, state: str = "OK") -> dict[str, Any]:
    return {"rule_id": rule, "rse": rse, "state": state}
