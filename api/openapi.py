"""The OpenAPI 3.1 description, made from the query's fields and the record's schema.

Written here rather than by FastAPI, because most parameters are names of record fields, known only to
``schemas/fields.py``, and because most answers are documents that no Python class stands for.
"""

from __future__ import annotations

import re
from typing import Any

from api import cone, problems, records, search, vosi
from api import metrics as prometheus
from schemas.fields import SearchField, search_fields
from schemas.jsonschema import record_schema
from schemas.query import DEFAULT_BUCKETS, DEFAULT_LIMIT, MAX_FACETS, MAX_LIMIT

Json = dict[str, Any]

_ABOUT = """One catalogue over the Virtual Observatory, Rucio data lakes and InvenioRDM repositories.

Reading needs no account; restricted records are hidden. Importing needs a token (`asterism token create`).
Errors are `application/problem+json` (RFC 9457) with a stable `code`; those of `/scs` are VOTable, as its standard
says.
"""
_COMPARISONS = """Any field below is a parameter; repeated, it means any of its values, and different fields must all
hold. `FIELD.gt`, `.gte`, `.lt`, `.lte` compare numbers, dates and the source's own values, `.not` excludes values, and
`.exists=true|false` asks whether there is one; `extra.NAMESPACE.KEY` names what a source brought along. An unknown
field is an error that names its nearest neighbour."""

# decimal degrees in range, as schemas.query.cone checks them
_FRACTION = r"(\.\d+)?"
_RA = rf"(360(\.0+)?|(3[0-5]\d|[12]?\d?\d){_FRACTION})"
_DEC = rf"[+-]?(90(\.0+)?|[1-8]?\d{_FRACTION})"
_RADIUS = rf"(180(\.0+)?|(1[0-7]\d|\d?\d){_FRACTION})"
_NUMBER = r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?"
_DATE = r"[12]\d{3}(-(0[1-9]|1[0-2])(-(0[1-9]|1\d|2[0-8])(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?Z?)?)?)?"
_NO_NUL = r"^[^\u0000]*$"


def description(version: str) -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Asterism",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "paths": _paths(),
        "components": {
            "schemas": {"Record": _schema_of_records(), "Problem": _PROBLEM, "Answer": _ANSWER},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schema_of_records() -> Json:
    return {name: value for name, value in record_schema().items() if name != "$schema"}


_PROBLEM: Json = {
    "title": "Problem (RFC 9457)",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what to do"},
        "code": {"type": "string", "pattern": r"^[a-z]+\.[a-z0-9-]+$", "description": "Stable, for programs"},
    },
}
_COUNT: Json = {"type": "integer", "minimum": 0}
_ANSWER: Json = {
    "title": "Search answer",
    "type": "object",
    "required": ["total", "items", "facets", "next", "unlocated"],
    "additionalProperties": False,
    "properties": {
        "total": {**_COUNT, "description": "How many records match, exactly"},
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Record"}},
        "facets": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["buckets", "missing"],
                "properties": {
                    "buckets": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["value", "count"],
                            "properties": {"value": {"type": ["string", "number", "boolean"]}, "count": _COUNT},
                        },
                    },
                    "missing": {**_COUNT, "description": "Matching records without a value"},
                },
            },
        },
        "next": {"type": ["string", "null"], "description": "The cursor of the next page"},
        "unlocated": {**_COUNT, "description": "Match all but the cone, for want of a place on the sky"},
    },
}


def parameter(name: str, what: str, schema: Json, **more: Any) -> Json:
    """One query parameter."""
    return {"name": name, "in": "query", "description": what, "schema": schema, **more}


def search_parameters() -> list[Json]:
    """The search's own parameters, then one for each field that can be filtered by."""
    fields = search_fields().values()
    countable = "|".join(re.escape(field.name) for field in fields if field.kind not in ("text", "interval"))
    facet = rf"({countable}|extra\.[a-z]+\.[a-z_]+)(:[1-9]\d{{0,2}})?"
    ordered = "|".join(re.escape(field.name) for field in fields if field.kind in ("number", "date", "interval"))
    order = rf"-?({ordered}|id|score|distance)"
    instant = rf"({_DATE}|{_NUMBER})"
    own = [
        parameter("q", "Words to find, in titles, identifiers, subjects, creators and descriptions",
                  {"type": "string", "pattern": _NO_NUL}),
        parameter("cone", "RA,DEC,RADIUS: a circle on the sky, decimal degrees, ICRS",
                  {"type": "string", "pattern": f"^{_RA},{_DEC},{_RADIUS}$"}, example="83.63,22.01,1"),
        parameter("relation", "How a record meets the cone: its footprint (or else its position) intersects it, "
                  "is within it or contains it; or its stated position is in it",
                  {"type": "string", "enum": ["intersects", "within", "contains", "position"],
                   "default": "intersects"}),
        parameter("unlocated", "Whether records without a place on the sky are counted in",
                  {"type": "string", "enum": ["exclude", "include"], "default": "exclude"}),
        parameter("time", "START/END: observed in that interval; ISO 8601 is UTC, a bare MJD is TDB, .. an open end",
                  {"type": "string", "pattern": rf"^{instant}$|^({instant}|\.\.)/({instant}|\.\.)$"},
                  example="2004-12-01/2004-12-31"),
        parameter("spectral", "LO/HI: a band covered, vacuum wavelengths in metres; .. an open end",
                  {"type": "string", "pattern": rf"^{_NUMBER}$|^({_NUMBER}|\.\.)/({_NUMBER}|\.\.)$"},
                  example="1e-12/1e-9"),
        parameter("facets", "Fields whose values are counted, with commas; FIELD:SIZE for so many values "
                  f"({DEFAULT_BUCKETS} if unsaid); at most {MAX_FACETS} fields. A facet ignores its own filter",
                  {"type": "string", "pattern": rf"^({facet})?(,({facet})?){{0,4}}$"}, example="kind,facilities:10"),
        parameter("sort", "Fields to order by, with commas, -FIELD descending; score (with q), distance (with cone)",
                  {"type": "string", "pattern": f"^({order})?(,({order})?){{0,2}}$"}, example="-bytes"),
        parameter("limit", "Records in the answer; 0 for the counts alone",
                  {"type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
        parameter("cursor", "Where an earlier answer ended: its `next`, with the same other parameters",
                  {"type": "string"}),
        parameter("format", "The form of the answer",
                  {"type": "string", "enum": list(search.FORMATS), "default": search.FORMATS[0]}),
    ]  # fmt: skip
    taken = {one["name"] for one in own}
    return own + [_filter(field) for field in fields if field.name not in taken and field.kind != "text"]


def _filter(field: SearchField) -> Json:
    item: Json = {
        "keyword": {"type": "string", "pattern": _NO_NUL},
        "number": {"type": "number"},
        "interval": {"type": "number"},
        "date": {"type": "string", "pattern": f"^{_DATE}$"},
    }[field.kind]
    what = f"Filter ({field.kind}); repeated: any of. Also {field.name}.not, .exists"
    if field.kind != "keyword":
        what += ", .gt, .gte, .lt, .lte"
    return parameter(field.name, what, {"type": "array", "items": item})


def _problem(what: str) -> Json:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": what, "content": {problems.MEDIA_TYPE: {"schema": schema}}}


def _content(what: str, *types: str, schema: Json | None = None) -> Json:
    return {"description": what, "content": {media_type: {"schema": schema or {}} for media_type in types}}


_XML: Json = {"type": "string"}
_NOT_MODIFIED: Json = {"description": "The client has it: its If-None-Match names the ETag"}
_BUSY = _problem("The store or the index cannot answer now; see Retry-After")
_BROKEN = _problem("The server failed (api.internal)")
_ID: Json = {
    "name": "id", "in": "path", "required": True, "schema": {"type": "string"},
    "description": "The record's id, 16 characters",
}  # fmt: skip


def _get(summary: str, responses: Json, parameters: list[Json] | None = None, description: str | None = None) -> Json:
    made: Json = {"summary": summary}
    if description:
        made["description"] = description
    if parameters:
        made["parameters"] = parameters
    made["responses"] = {**responses, "500": _BROKEN}
    return {"get": made}


def _of_record(summary: str, good: Json) -> Json:
    responses = {
        "200": good,
        "304": _NOT_MODIFIED,
        "404": _problem("There is none, or it is restricted (record.not-found, record.no-raw)"),
        "410": _problem("Its source deleted it (record.deleted)"),
        "503": _BUSY,
    }
    return _get(summary, responses, [_ID])


def _paths() -> Json:
    answer = {
        "description": "The answer; the header Link has the next page",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Answer"}},
            "text/csv": {"schema": {"type": "string"}},
            search.VOTABLE_TYPE: {"schema": _XML},
        },
    }
    record = {"$ref": "#/components/schemas/Record"}
    listed = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array"}}}
    status = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
    found: Json = {
        search.PATH: _get(
            "Search",
            {"200": answer, "400": _problem("The query cannot be understood (query.*)"), "503": _BUSY},
            search_parameters(),
            _COMPARISONS,
        ),
        "/api/v1/records/{id}": _of_record(
            "One record",
            {
                "description": f"The record; as DataCite JSON when Accept names {records.DATACITE_TYPE}",
                "content": {records.JSON_TYPE: {"schema": record}, records.DATACITE_TYPE: {"schema": {}}},
            },
        ),
        "/api/v1/records/{id}/raw": _of_record(
            "The source's own document",
            _content("As it was harvested", "application/xml", records.JSON_TYPE, "application/octet-stream"),
        ),
        "/api/v1/records/{id}/datacite": _of_record(
            "One record as DataCite JSON", _content("DataCite 4.6 metadata", records.DATACITE_TYPE)
        ),
        "/api/v1/records": {"post": _import()},
        "/api/v1/sources": _get(
            "The sources of the catalogue",
            {"200": _content("Their names, kinds and harvests", records.JSON_TYPE, schema=listed), "503": _BUSY},
        ),
        cone.PATH: _get(
            "Simple Cone Search 1.03",
            {"200": _content("VOTable 1.4; an error is an INFO named Error in it", search.VOTABLE_TYPE, schema=_XML)},
            [parameter(name, what, {"type": "string"}) for name, _, _, _, _, what in vosi.PARAMETERS],
            "Always HTTP 200, as the standard demands. Names of parameters in any case; RA, DEC and SR are required.",
        ),
        "/healthz": _get("The process answers", {"200": _content("It does", records.JSON_TYPE, schema=status)}),
        "/readyz": _get(
            "The store and the index can be searched",
            {"200": _content("They can", records.JSON_TYPE, schema=status), "503": _problem("They cannot, and why")},
        ),
        "/metrics": _get(
            "Counts and times, for Prometheus",
            {"200": _content("Text exposition 0.0.4", prometheus.MEDIA_TYPE, schema=_XML), "503": _BUSY},
        ),
        "/": _get("Where to begin", {"200": _content("Links", records.JSON_TYPE, "text/html")}),
        "/docs": _get("This description, for people", {"200": _content("A page", "text/html", schema=_XML)}),
        "/openapi.json": _get("This description", {"200": _content("OpenAPI 3.1", records.JSON_TYPE)}),
    }
    for path in vosi.PATHS:
        name = path.rpartition("/")[2]
        found[path] = _get(f"VOSI {name}", {"200": _content("VOSI 1.1", vosi.MEDIA_TYPE, schema=_XML), "503": _BUSY})
    return found


def _import() -> Json:
    lines = {"type": "string", "minLength": 1}
    return {
        "summary": "Import records",
        "description": records.IMPORT,
        "security": [{"token": []}],
        "parameters": [
            parameter("source", "Whose records they are", {"type": "string", "pattern": records.SOURCE.pattern},
                      required=True),
        ],
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": lines} for kind in ("application/jsonl", "text/plain")},
        },
        "responses": {
            "200": _content("What came of it: counts by new, changed, quarantined", records.JSON_TYPE),
            "400": _problem("The source is missing or not a name (query.*); no body (record.empty)"),
            "401": _problem("No token, or one that does not hold (access.*)"),
            "413": _problem("Too large; send it in parts (api.too-large)"),
            "415": _problem("Content-Encoding is not taken (api.unsupported-encoding)"),
            "500": _BROKEN,
            "503": _BUSY,
        },
    }  # fmt: skip


PATHS: tuple[str, ...] = tuple(_paths())
