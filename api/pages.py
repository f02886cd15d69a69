"""Pages for people: where to begin, and the description of the API, as plain HTML that needs nobody else's server."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
code,pre{background:#f3f3f3;padding:.1em .3em}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;border-bottom:1px solid #ddd;padding:.3em .6em .3em 0}
h2{margin-top:2.5rem;border-top:2px solid #222;padding-top:.5rem}"""
# name of the link, its path, what it is
_LINKS = (
    ("search", "/api/v1/search?q=&facets=kind,source&limit=10", "search, with facets"),
    ("sources", "/api/v1/sources", "the sources and their harvests"),
    ("cone_search", "/scs?RA=83.63&DEC=22.01&SR=1", "Simple Cone Search 1.03, for pyvo and TOPCAT"),
    ("capabilities", "/capabilities", "VOSI capabilities"),
    ("docs", "/docs", "every route, parameter and answer"),
    ("openapi", "/openapi.json", "the same for programs"),
)


def router(described: dict[str, Any]) -> APIRouter:
    """``/``, ``/docs`` and ``/openapi.json``; all made once, of the description ``described``."""
    made = APIRouter()
    openapi = orjson.dumps(described)
    docs = _docs(described)
    links = orjson.dumps({"name": "Asterism", "links": {name: path for name, path, _ in _LINKS}})

    @made.get("/")
    async def landing(request: Request) -> Response:
        headers = {"Vary": "Accept"}
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_landing(), headers=headers)
        return Response(links, headers=headers, media_type="application/json")

    @made.get("/docs")
    async def documentation(request: Request) -> Response:
        return HTMLResponse(docs)

    @made.get("/openapi.json")
    async def description(request: Request) -> Response:
        return Response(openapi, media_type="application/json")

    return made


def _html(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>\n{body}</body></html>\n"
    )


def _landing() -> str:
    items = "".join(
        f'<li><a href="{escape(path)}">{escape(path)}</a>: {escape(what)}</li>\n' for _, path, what in _LINKS
    )
    about = "One catalogue over the Virtual Observatory, Rucio data lakes and InvenioRDM repositories."
    return _html("Asterism", f"<h1>Asterism</h1>\n<p>{about}</p>\n<ul>\n{items}</ul>\n")


def _docs(described: dict[str, Any]) -> str:
    parts = ["<h1>Asterism: the HTTP API</h1>\n", *map(_paragraph, described["info"]["description"].split("\n\n"))]
    parts.append('<p>For programs: <a href="/openapi.json">/openapi.json</a></p>\n')
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>\n{_paragraph(operation['summary'])}")
            if "description" in operation:
                parts.append(_paragraph(operation["description"]))
            if parameters := operation.get("parameters"):
                rows = [(one["name"], one["description"], _allowed(one["schema"])) for one in parameters]
                parts.append(_table(("parameter", "meaning", "values"), rows))
            answers = [
                (status, answer["description"], ", ".join(answer.get("content", ())))
                for status, answer in operation["responses"].items()
            ]
            parts.append(_table(("status", "answer", "media type"), answers))
    return _html("Asterism: the HTTP API", "".join(parts))


def _allowed(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(schema["enum"])
    if schema["type"] == "array":
        return f"{schema['items']['type']}, repeatable"
    bounds = f" {schema['minimum']} to {schema.get('maximum', 'any')}" if "minimum" in schema else ""
    return f"{schema['type']}{bounds}"


def _table(header: tuple[str, ...], rows: list[tuple[str, str, str]]) -> str:
    head = "".join(f"<th>{word}</th>" for word in header)
    body = "".join(
        f"<tr><td><code>{escape(first)}</code></td>{''.join(f'<td>{_inline(text)}</td>' for text in rest)}</tr>\n"
        for first, *rest in rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>\n"


def _paragraph(text: str) -> str:
    return f"<p>{_inline(text)}</p>\n"


def _inline(text: str) -> str:
    """Escaped text, its `words` in backquotes as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
