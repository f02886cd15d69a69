"""The record's reference: a page for people and a JSON Schema for programs, both read off the marshmallow schema.

``ASTERISM_UPDATE_DOCS=1 make test`` writes docs/reference/record.md and docs/reference/record.schema.json anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.fields import search_fields
from schemas.jsonschema import record_schema

EXAMPLE: dict[str, Any] = {
    "id": "qrsdlesic4rq45dn",
    "source": "hess",
    "identifiers": [{"scheme": "doi", "value": "10.5072/a1"}],
    "kind": "observation",
    "title": "Crab",
    "facilities": ["H.E.S.S."],
    "wavebands": ["gamma-ray"],
    "position": {"ra": 83.63, "dec": 22.01},
    "footprint": {"circle": [83.63, 22.01, 2.5]},
    "time": [{"min": 53345.9, "max": 53346.0}],
    "energy": [{"min": 1.6e-8, "messenger": "Photon"}],
    "rights": {"level": "open", "licence": "CC-BY-4.0"},
    "bytes": 1000,
    "extra": {"hess": {"obs_id": 23523}},
}
_HEAD = """# Record

One JSON object for each thing that a source describes: a dataset, an observation, a service, an organisation. The same
for programs: [`record.schema.json`](record.schema.json) (JSON Schema, draft 2020-12). Both are written from the schema
in `schemas/record.py` (`ASTERISM_UPDATE_DOCS=1 make test`); a test keeps them equal.

- A field that is not below is an error. What a source says beyond these fields stands in `extra`, under a name of its
  own: `extra.rucio.run_number`.
- What is not known is left out. There are no nulls, but for `locks.expires_at`.
- Coordinates are ICRS, in degrees. Times are MJD in TDB. Wavelengths are in metres in vacuum, energies in joules.
  Dates of publication and the like are texts in UTC, in the precision that the source gave.
- Intervals are closed. An end that is left out is open.
- `footprint` has exactly one of `circle`, `polygon`, `moc` and `stc_s`.
- `asterism import` makes `id` and `source` itself, and `provenance` may be missing.

```json
{example}
```

**In the tables**: `[]` after a name is a list. *Searched as* says what a query may do with the field: `keyword` is
compared and counted, `number` and `date` are compared, counted and sorted by, an `interval` is compared by overlap,
`text` is searched by words, a `region` by a cone; then the names that a query may use. `issued` is the first of the
`dates` with the type `Issued`. `subjects.path` and `did.path` are hierarchies (keywords): a subject's broader terms,
and a Rucio DID's scope, project and datatype, joined by `/`. `FIELD.exists` asks of every field of the first table
whether a record has it.
"""

_COLUMNS = "| field | type | meaning | unit, frame | from | searched as |\n|---|---|---|---|---|---|"
# fields that are searched as something else than what they are
_OTHERWISE = {
    "dates": "date: `issued`",
    "position": "region: `cone`",
    "footprint": "region: `cone`",
    "extra": "what the value is: `extra.NAMESPACE.KEY`",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the reference; ``place`` is the object that it stands in, empty for the record itself."""

    place: str
    name: str
    type: str
    required: bool
    schema: dict[str, Any]


def rows() -> Iterator[Row]:
    """Every field of the record, nested ones after the fields of the object around them."""
    yield from _rows("", record_schema())


def _rows(place: str, schema: dict[str, Any]) -> Iterator[Row]:
    nested = []
    for name, field in schema["properties"].items():
        inner = field.get("items", field)
        many = "items" in field
        path = f"{place}.{name}" if place else name
        yield Row(place, name, _type(field), name in schema.get("required", ()), field)
        if "properties" in inner:
            nested.append((path + ("[]" if many else ""), inner))
    for path, inner in nested:
        yield from _rows(path, inner)


def _type(field: dict[str, Any], many: str = "") -> str:
    """In words; ``many`` is the plural's ending."""
    kind = field["type"]
    if kind == "array":
        low, high = field.get("minItems"), field.get("maxItems")
        count = "" if low is None else f"{low} " if low == high else f"{low} or more "
        return f"list{many} of {count}{_type(field['items'], 's')}"
    words = {"string": "text"}
    return " or ".join(words.get(one, one) + many for one in ([kind] if isinstance(kind, str) else kind))


def page() -> str:
    """The page for people, in Markdown."""
    parts = [_HEAD.replace("{example}", json.dumps(EXAMPLE, indent=1, ensure_ascii=False))]
    place: str | None = None
    for row in rows():
        if row.place != place:
            place = row.place
            parts.append(f"\n## {f'`{place}`' if place else 'Fields'}\n\n{_COLUMNS}\n")
        parts.append(_line(row))
    return "".join(parts)


def _line(row: Row) -> str:
    field = row.schema
    measure = ", ".join(field[key] for key in ("x-unit", "x-frame") if key in field)
    name = f"`{row.name}`" + (" (required)" if row.required else "")
    cells = [name, row.type, _meaning(field), measure, field["x-standard"], _search(row)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def names(row: Row) -> list[str]:
    """What a query may call the field, the shortest first; empty where it is not searched."""
    path = (*row.place.replace("[]", "").split("."), row.name) if row.place else (row.name,)
    found = [name for name, known in search_fields().items() if known.path == path and not known.derived]
    return sorted({*found, ".".join(path)}, key=len) if found else []


def _search(row: Row) -> str:
    kind = row.schema.get("x-search", "")
    if kind == "text":
        return "text: `q`"
    if not row.place and row.name in _OTHERWISE:
        return _OTHERWISE[row.name]
    return f"{kind}: {', '.join(f'`{name}`' for name in names(row))}" if kind else ""


def _meaning(field: dict[str, Any]) -> str:
    said = str(field["description"])
    if "enum" in field:
        said += ": " + ", ".join(f"`{word}`" for word in field["enum"])
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        said += f"; {low} to {high}"
    elif low is not None:
        said += f"; {low} or more"
    return said


def schema_text() -> str:
    """The JSON Schema as it is published."""
    return json.dumps(record_schema(), indent=1, ensure_ascii=False) + "\n"
