"""The OpenAPI 3.1 description, made from the query's fields and the record's schema.

Written here rather than by FastAPI, because most parameters are names of record fields, known only to
``schemas/fields.py``, and because most answers are documents that no Python class stands for.
"""

from __future__ import annotations

from typing import Any

from api import cone, coverage, hints, hints_apply, objects, problems, records, saved, search, traces, vosi
from api import metrics as prometheus
from api.openapi_search import ANSWER, COMPARISONS, POSTED, body, coverage_parameters, parameter, search_parameters
from mappings import atom
from schemas.hint import ACTIONS
from schemas.jsonschema import record_schema

Json = dict[str, Any]

_ABOUT = """One catalogue over the Virtual Observatory, Rucio data lakes and InvenioRDM repositories.

Reading needs no account; restricted records are hidden. Importing needs a token (`asterism token create`).
Errors are `application/problem+json` (RFC 9457) with a stable `code`; those of `/scs` are VOTable, as its standard
says.
"""


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
            "schemas": {"Record": _schema_of_records(), "Problem": _PROBLEM, "Answer": ANSWER},
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


def _problem(what: str) -> Json:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": what, "content": {problems.MEDIA_TYPE: {"schema": schema}}}


def _content(what: str, *types: str, schema: Json | None = None) -> Json:
    return {"description": what, "content": {media_type: {"schema": schema or {}} for media_type in types}}


_XML: Json = {"type": "string"}
_NOT_MODIFIED: Json = {"description": "The client has it: its If-None-Match names the ETag"}
_BUSY = _problem("The store or the index cannot answer now; see Retry-After")
_BROKEN = _problem("The server failed (api.internal)")
_NAMED: Json = {"type": "string", "minLength": 1}
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


def _asked(summary: str, answer: Json, parameters: list[Json], description: str) -> Json:
    """A query by GET, and the same by POST."""
    responses = {"200": answer, "400": _problem("The query cannot be understood (query.*)"), "503": _BUSY}
    more = {
        "413": _problem("Too large; give the MOC in fewer cells (api.too-large)"),
        "415": _problem("No query is sent as that (api.unsupported-type, api.unsupported-encoding)"),
    }
    found = _get(summary, responses, parameters, description)
    posted = _get(f"{summary}, the query in the body", responses | more, None, POSTED)["get"]
    return found | {"post": posted | {"requestBody": body()}}


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
        search.PATH: _asked("Search", answer, search_parameters(), COMPARISONS),
        coverage.PATH: _asked(
            "Where on the sky a result lies, as one MOC",
            _content("The union of its footprints, else positions", *(media for media, _ in coverage.FORMS.values())),
            coverage_parameters(),
            COMPARISONS,
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
        "/api/v1/records/{id}/parts": _of_record(
            "The sources' own records that a merged record is made of; a record alone is its own part",
            _content("The records", records.JSON_TYPE, schema=listed),
        ),
        "/api/v1/records/{id}/datacite": _of_record(
            "One record as DataCite JSON", _content("DataCite 4.6 metadata", records.DATACITE_TYPE)
        ),
        "/api/v1/records": {"post": _import()},
        traces.PATH: {"post": _traces()},
        "/api/v1/sources": _get(
            "The sources of the catalogue",
            {"200": _content("Their names, kinds and harvests", records.JSON_TYPE, schema=listed), "503": _BUSY},
        ),
        **_saved(answer),
        **_hints(),
        objects.PATH: _get(
            "Where an object is",
            {
                "200": _content("Its name, ra and dec (degrees, ICRS), and who says so", records.JSON_TYPE),
                "400": _problem("No name is given (query.missing-parameter)"),
                "404": _problem("Nobody knows it (api.unknown-object)"),
            },
            [parameter("name", "As it is called: M31, NGC 224, Crab", _NAMED, required=True)],
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


def _saved(answer: Json) -> Json:
    """The routes of saved queries; ``answer`` is that of a search."""
    name: Json = {
        "name": "name", "in": "path", "required": True, "description": "The saved query's name",
        "schema": {"type": "string", "pattern": saved.NAME},
    }  # fmt: skip
    refused = {
        "400": _problem("The query cannot be understood, or not be saved (query.*)"),
        "404": _problem("No query is saved under that name (query.no-saved-query)"),
        "503": _BUSY,
    }
    one = _content("The query, its search and its feed", records.JSON_TYPE)
    token = {"401": _problem("No token, or one that does not hold (access.*)")}
    # the others are those of the search, too: once is enough to read, and for programs to try
    shown = [one for one in search_parameters() if one["name"] in ("q", "facets", "sort", "limit", "cursor", "format")]
    put = _asked("Save a query", one, [name], saved.SAVE)
    saving = {**put["get"], "security": [{"token": []}], "requestBody": {**body(), "required": False}}
    saving["responses"] = {**put["post"]["responses"], **token, "200": one, "201": one}
    return {
        saved.PATH: _get("The saved queries", {"200": _content("All of them", records.JSON_TYPE), "503": _BUSY}),
        f"{saved.PATH}/{{name}}": {
            **_get("A saved query", {"200": one, **refused}, [name]),
            "put": saving,
            "delete": {
                "summary": "Forget a saved query",
                "security": [{"token": []}],
                "parameters": [name],
                "responses": {"204": {"description": "It is gone"}, **refused, **token, "500": _BROKEN},
            },
        },
        f"{saved.PATH}/{{name}}/search": _get(
            "The answer of a saved query",
            {"200": answer, **refused},
            [name, *shown],
            "Any parameter of the search: fields, words and intervals narrow it, others say anew how to show it.",
        ),
        f"{saved.PATH}/{{name}}/atom": _get(
            f"What is new in a saved query: the {saved.ENTRIES} records that changed last",
            {"200": _content("Atom (RFC 4287)", atom.MEDIA_TYPE, schema=_XML), "304": _NOT_MODIFIED, **refused},
            [name],
        ),
    }


def _hints() -> Json:
    no_lake = _problem("Nobody's replicas are looked after, or the lake is yet to be harvested (placement.*)")
    text: Json = {"type": "string", "minLength": 1}
    count: Json = {"type": "integer", "minimum": 0}
    hint = {
        "type": "object",
        "required": ["id", "did", "action", "to", "from", "copies", "bytes", "score", "policy", "reasons"],
        "properties": {"action": {"enum": list(ACTIONS)}},
    }
    listed = {
        "type": "object",
        "required": ["total", "items"],
        "properties": {"items": {"type": "array", "items": hint}},
    }
    asked = [
        parameter("for", "Only on what this query string, or saved query, finds", {"type": "string"}),
        parameter("rse", "Only to or from RSEs of this RSE expression", text),
        parameter(
            "action", "Only this; repeatable", {"type": "array", "items": {"type": "string", "enum": list(ACTIONS)}}
        ),
        parameter("policy", "Only those of that policy", {"type": "string"}),
        parameter("limit", "So many", count | {"maximum": hints.MAX_LIMIT}),
        parameter("offset", "How many to skip", count),
        parameter("format", "How to write them", {"enum": list(hints.FORMATS)}),
    ]
    answer: Json = {
        "description": "The hints; the header X-Total-Count has their number",
        "content": {records.JSON_TYPE: {"schema": listed}, hints.JSONL_TYPE: {"schema": _XML}},
    }
    wrong = _problem("The query or the RSE expression cannot be understood (query.*, policy.*)")
    of_record = _of_record(
        "Where a record's data are, where they should be, and why", _content("By dataset", records.JSON_TYPE)
    )
    return {
        hints.PATH: _get(
            "What to do with replicas, and why", {"200": answer, "400": wrong, "404": no_lake, "503": _BUSY}, asked
        ),
        hints_apply.PATH: {"post": _apply()},
        "/api/v1/records/{id}/placement": of_record,
        "/api/v1/lake": _get(
            "The state of the lake", {"200": _content("Its RSEs", records.JSON_TYPE), "404": no_lake, "503": _BUSY}
        ),
    }


def _apply() -> Json:
    body: Json = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "yes": {"type": "boolean", "default": False},
            "ids": {"type": "array", "items": {"type": "string"}},
            "max": {"type": "integer", "minimum": 0},
        },
    }
    return {
        "summary": "Let Rucio do what the hints say",
        "description": "Without yes it says what it would do. ids: only these hints; max: at most so many rules.",
        "security": [{"token": []}],
        "requestBody": {"required": False, "content": {records.JSON_TYPE: {"schema": body}}},
        "responses": {
            "200": _content("What was done, or would be, step by step", records.JSON_TYPE),
            "400": _problem("The body is not such an object (query.*)"),
            "401": _problem("No token, or one that does not hold (access.*)"),
            "404": _problem("No lake, or no such hint (placement.*)"),
            "413": _problem("Too large (api.too-large)"),
            "415": _problem("Content-Encoding is not taken (api.unsupported-encoding)"),
            "500": _BROKEN,
            "502": _problem("Rucio cannot be asked (source.*)"),
            "503": _BUSY,
        },
    }


def _import() -> Json:
    schema = {"type": "string", "pattern": records.SOURCE.pattern}
    return _lines(
        "Import records",
        records.IMPORT,
        [parameter("source", "Whose records they are", schema, required=True)],
        {
            "200": _content("What came of it: counts by new, changed, quarantined", records.JSON_TYPE),
            "400": _problem("The source is missing or not a name (query.*); no body (record.empty)"),
        },
    )


def _traces() -> Json:
    said = "Accepted; how many were taken by kind, ignored by reason, bad"
    made = _lines("Note reads of datasets", traces.POST, [], {"202": _content(said, records.JSON_TYPE)})
    content = {kind: {"schema": {"type": "string"}} for kind in ("application/jsonl", "text/plain")}
    return made | {"requestBody": {"required": False, "content": content}}  # no lines are no traces


def _lines(summary: str, description: str, parameters: list[Json], answers: Json) -> Json:
    """What takes JSON lines from those who have a token."""
    lines = {"type": "string", "minLength": 1}
    return {
        "summary": summary,
        "description": description,
        "security": [{"token": []}],
        "parameters": parameters,
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": lines} for kind in ("application/jsonl", "text/plain")},
        },
        "responses": {
            **answers,
            "401": _problem("No token, or one that does not hold (access.*)"),
            "413": _problem("Too large; send it in parts (api.too-large)"),
            "415": _problem("Content-Encoding is not taken (api.unsupported-encoding)"),
            "500": _BROKEN,
            "503": _BUSY,
        },
    }


PATHS: tuple[str, ...] = tuple(_paths())
