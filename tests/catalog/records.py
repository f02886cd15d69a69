"""Small records, and raw documents with a mapping of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog.documents import Put
from mappings.outcome import Mapped, Problem
from schemas.errors import MappingError
from schemas.record import Record, record_id

SOURCE = "lake"


def record(name: str, title: str = "Crab", source: str = SOURCE, **more: Any) -> Record:
    """A record of what ``source`` calls ``name``."""
    made = {
        "id": record_id(source, name),
        "source": source,
        "identifiers": [{"scheme": "rucio", "value": name}],
        "kind": "dataset",
        "title": title,
    }
    return made | more


def put(name: str, title: str = "Crab", source: str = SOURCE, **more: Any) -> Put:
    return Put(name, record(name, title, source, **more))


def line(name: str, title: str = "Crab", **more: Any) -> bytes:
    """One line to import."""
    made = {"identifiers": [{"scheme": "doi", "value": name}], "kind": "dataset", "title": title}
    return json.dumps(made | more).encode()


class FakeMapping:
    """Reads raw documents like ``{"title": "Crab"}``; other keys ask for trouble."""

    def __init__(self, version: int = 1, prefix: str = "") -> None:
        self.VERSION = version
        self.prefix = prefix

    def to_record(self, raw: bytes, options: Mapping[str, Any]) -> Mapped:
        document = json.loads(raw)
        if "refuse" in document:
            raise MappingError("no-title", "the document has no title")
        if document.get("gone"):
            return Mapped(None)
        made: Record = {
            "identifiers": [{"scheme": "rucio", "value": document.get("name", "x")}],
            "kind": document.get("kind", "dataset"),
            "title": self.prefix + document["title"],
        }
        if options:
            made["extra"] = {"options": dict(options)}
        problems = []
        if "ra" in document:
            problems.append(Problem("position.ra", "mapping.bad-position", "not on the sky", document["ra"]))
        return Mapped(made, problems)


def raw_of(title: str, **more: Any) -> bytes:
    return json.dumps({"title": title} | more).encode()
