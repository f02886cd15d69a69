"""The fields that a query may name, read off the record schema.

``creators`` is searched by name, ``creators.orcid`` by ORCID, and so on: a nested field marked
``alias`` answers to its parent's name as well as to its own (``replicas`` is ``replicas.rse``).
``extra.*`` names anything a source brought along.

Some fields are derived: they stand in no record, the index document has them (``mappings/document.py``). Those whose
name ends in ``.path`` are hierarchical: each value and each of its ancestors is a term, levels joined by ``/``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from marshmallow import fields as mm

Kind = Literal["keyword", "number", "date", "interval", "text"]


@dataclass(frozen=True, slots=True)
class SearchField:
    """``path`` leads from the record to the values, a list on the way means each of its items.

    Of a ``derived`` field, to what it is made from.
    """

    name: str
    kind: Kind
    path: tuple[str, ...]
    derived: bool = False


_DERIVED = (
    # one number out of dates[]: the first of type Issued, which is what people call its date
    SearchField("issued", "date", ("dates",), derived=True),
    SearchField("subjects.path", "keyword", ("subjects",), derived=True),
    SearchField("did.path", "keyword", ("identifiers",), derived=True),
)


@functools.cache
def search_fields() -> dict[str, SearchField]:
    """Every searchable field by name, in the schema's order."""
    from schemas.record import RecordSchema

    found: dict[str, SearchField] = {}
    for name, field in RecordSchema().fields.items():
        inner = field.inner if isinstance(field, mm.List) else field
        kind = field.metadata.get("search")
        if kind == "extra":
            continue
        if kind is not None:
            found[name] = SearchField(name, kind, (name,))
        if isinstance(inner, mm.Nested):
            for sub, subfield in inner.schema.fields.items():
                if subkind := subfield.metadata.get("search"):
                    label = name if "alias" in subfield.metadata else f"{name}.{sub}"
                    found[label] = SearchField(label, subkind, (name, sub))
    return found | {field.name: field for field in _DERIVED}


@functools.cache
def _full_names() -> dict[str, str]:
    return {".".join(known.path): name for name, known in search_fields().items() if not known.derived}


def field_name(asked: str) -> str:
    """The name in :func:`search_fields` of a field named either way; other names as they are."""
    return _full_names().get(asked, asked)


@functools.cache
def top_level() -> frozenset[str]:
    """The record's own field names, for ``<field>.exists``."""
    from schemas.record import RecordSchema

    return frozenset(RecordSchema().fields)
