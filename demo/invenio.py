"""The part of InvenioRDM 14's REST API that a harvester reads: a search with windows of updates, and one record.

The search understands ``updated:[FROM TO UNTIL]``, ``id:"..."``, the slug of a community and plain words, joined by
``AND``; it sorts, pages up to its window of results and answers 400 beyond it. A deleted record vanishes from the
search and answers 410 with its tombstone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.rows import FIRST, Row, datestamp, rows

WALL = 10_000  # OpenSearch's max_result_window
Document = dict[str, Any]
_NATIVE = "application/vnd.inveniordm.v1+json"
_UPDATED = re.compile(r"updated:\[(\S+) TO (\S+?)\]")
_ID = re.compile(r'\bid:"([^"]*)"')
_SLUG = re.compile(r'parent\.communities\.entries\.slug:"([^"]*)"')
_CLAUSES = re.compile(r'[\w.]+:"[^"]*"|updated:\[[^\]]*\]|\b(AND|OR)\b|[()"]')
_SORTS: dict[str, tuple[Callable[[Document], str], bool]] = {
    "updated-asc": (lambda one: str(one["updated"]), False),
    "updated-desc": (lambda one: str(one["updated"]), True),
    "oldest": (lambda one: str(one["created"]), False),
    "newest": (lambda one: str(one["created"]), True),
    "bestmatch": (lambda one: str(one["created"]), True),
}


class Repository:
    """The records by id; ``now`` is the clock of its changes, ``wall`` where its search stops showing results."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC), wall: int = WALL) -> None:
        self.now, self.wall = now, wall
        self.records: dict[str, Document] = {}
        self.tombstones: dict[str, Document] = {}

    @classmethod
    def of_facts(cls) -> Repository:
        """The repository with the Zenodo records of ``demo/facts``."""
        repository = cls()
        for number, row in enumerate(rows("zenodo_records")):
            document = document_of(row)
            # the facts list a software's newest release first; that one alone is shown without allversions
            parents = {one["parent"]["id"] for one in repository.records.values()}
            document["versions"] = {"is_latest": document["parent"]["id"] not in parents}
            repository.put(document, datestamp(number))
        return repository

    def put(self, document: Document, moment: datetime | None = None) -> None:
        """Publish or replace a record; it is updated now unless it is said."""
        stamp = (moment or self.now()).isoformat()
        old = self.records.get(document["id"], document)
        self.records[document["id"]] = {**document, "created": old.get("created", stamp), "updated": stamp}

    def delete(self, identifier: str) -> None:
        """Delete a record; its tombstone stays."""
        del self.records[identifier]
        self.tombstones[identifier] = {
            "removal_reason": {"id": "retracted"},
            "note": "",
            "is_visible": True,
            "removal_date": self.now().isoformat(),
        }


def document_of(row: Row) -> Document:
    """The native InvenioRDM document of one row of ``zenodo_records.csv``; what is not known is left out."""
    record_id = row["doi"].rpartition(".")[2]
    stem = row["title"].removesuffix(row["version"].removeprefix("v")).strip()
    parent: Document = {
        "id": row["concept_doi"].rpartition(".")[2] or f"synthetic-{re.sub('[^a-z0-9]+', '-', stem.lower())}"
    }
    if row["concept_doi"]:
        parent["pids"] = {"doi": {"identifier": row["concept_doi"], "provider": "datacite"}}
    metadata: Document = {
        "resource_type": {"id": row["type"], "title": {"en": row["type"].capitalize()}},
        "title": row["title"],
        "publisher": "Zenodo",
        "subjects": [{"subject": one} for one in row["subjects"].split(";") if one],
    }
    if row["creators"]:
        metadata["creators"] = [{"person_or_org": _person(one)} for one in row["creators"].split(";")]
    if row["published"]:
        metadata["publication_date"] = row["published"]
    if row["version"]:
        metadata["version"] = row["version"]
    return {
        "id": record_id,
        "links": {"self_html": f"https://zenodo.org/records/{record_id}", "doi": f"https://doi.org/{row['doi']}"},
        "parent": parent,
        "versions": {"is_latest": True},
        "is_published": True,
        "is_draft": False,
        "pids": {"doi": {"identifier": row["doi"], "provider": "datacite"}},
        "metadata": metadata,
        # this copy has no files, whatever Zenodo has
        "access": {"record": "public", "files": "public", "embargo": {"active": False}, "status": "metadata-only"},
        "files": {"enabled": False, "count": 0, "total_bytes": 0, "entries": {}},
        "status": "published",
        "deletion_status": {"is_deleted": False, "status": "P"},
    }


def _person(name: str) -> Document:
    if "Collaboration" in name:
        return {"type": "organizational", "name": name}
    family, comma, given = name.partition(", ")
    return {"type": "personal", "name": name} | ({"family_name": family, "given_name": given} if comma else {})


def app(repository: Repository) -> Starlette:
    """The ASGI application: ``/api/records`` and ``/api/records/ID``."""
    return Starlette(
        routes=[
            Route("/api/records", partial(_search, repository)),
            Route("/api/records/{id}", partial(_one, repository)),
        ]
    )


async def _search(repository: Repository, request: Request) -> JSONResponse:
    asked = request.query_params
    query, sort = asked.get("q", ""), asked.get("sort", "newest")
    if sort not in _SORTS:
        return _invalid("_schema", f"Invalid sort option '{sort}'.")
    numbers = {}
    for name, usual in (("page", 1), ("size", 25)):
        text = asked.get(name, str(usual))
        if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII):
            return _invalid(name, "Not a valid integer.")
        if int(text) < 1:
            return _invalid(name, "Must be greater than or equal to 1.")
        numbers[name] = int(text)
    page, size = numbers["page"], numbers["size"]
    if page * size > repository.wall:
        return JSONResponse({"status": 400, "message": "Invalid querystring parameters."}, 400)
    found = [one for one in repository.records.values() if _matches(one, query)]
    if asked.get("allversions", "").lower() not in ("true", "1"):
        found = [one for one in found if one["versions"].get("is_latest", True)]
    key, descending = _SORTS[sort]
    found.sort(key=key, reverse=descending)
    shown = found[(page - 1) * size : page * size]
    base = str(request.url.replace(query=None))
    links = {"self": str(request.url)}
    if page * size < len(found):
        links["next"] = str(request.url.include_query_params(page=page + 1, size=size))
    hits = [_linked(one, f"{base}/{one['id']}") for one in shown]
    body = {"hits": {"hits": hits, "total": len(found)}, "sortBy": sort, "page": page, "links": links}
    return JSONResponse(body, media_type=_type(request))


async def _one(repository: Repository, request: Request) -> JSONResponse:
    name = request.path_params["id"]
    if name in repository.tombstones:
        body = {"status": 410, "message": "Record deleted", "tombstone": repository.tombstones[name]}
        return JSONResponse(body, 410)
    if name not in repository.records:
        return JSONResponse({"status": 404, "message": "The persistent identifier does not exist."}, 404)
    return JSONResponse(_linked(repository.records[name], str(request.url)), media_type=_type(request))


def _matches(document: Document, query: str) -> bool:
    for low, high in _UPDATED.findall(query):
        moment = datetime.fromisoformat(document["updated"])
        try:
            if (low != "*" and moment < _moment(low)) or (high != "*" and moment > _moment(high)):
                return False
        except ValueError:  # as there: a range that cannot be read matches nothing
            return False
    for wanted in _ID.findall(query):
        if document["id"] != wanted:
            return False
    if slugs := _SLUG.findall(query):
        entries = document["parent"].get("communities", {}).get("entries", [])
        if not {one["slug"] for one in entries} & set(slugs):
            return False
    text = json.dumps(document["metadata"], ensure_ascii=False).casefold()
    return all(word.casefold() in text for word in _CLAUSES.sub(" ", query).split())


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=FIRST.tzinfo)


def _linked(document: Document, address: str) -> Document:
    return {**document, "links": {**document["links"], "self": address}}


def _type(request: Request) -> str:
    return _NATIVE if _NATIVE in request.headers.get("accept", "") else "application/json"


def _invalid(field: str, message: str) -> JSONResponse:
    errors = [{"field": field, "messages": [message]}]
    return JSONResponse({"status": 400, "message": "A validation error occurred.", "errors": errors}, 400)
