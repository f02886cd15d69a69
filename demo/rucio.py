"""The part of Rucio 41's REST API that a catalogue reads, over a :class:`~demo.lake.Lake`.

Lists are newline-delimited JSON, dates are RFC 1123 with ``UTC``, errors carry ``ExceptionClass``; no token gives
400 and a bad one 401. Files are not listed: the lake's datasets know how many they have.
"""

from __future__ import annotations

import fnmatch
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.lake import ACCOUNT, RSES, Did, Lake, Rule

VERSION = "41.5.1"
USERNAME, PASSWORD = "demo", "demo"  # of a server on loopback that anyone may read
LIFETIME = timedelta(hours=1)
# Every column of Rucio 41's table of DIDs, empty unless a DID fills it
_COLUMNS = (
    *("account", "scope", "name", "did_type", "is_open", "monotonic", "hidden", "obsolete", "complete", "is_new"),
    *("availability", "suppressed", "bytes", "length", "md5", "adler32", "expired_at", "purge_replicas"),
    *("deleted_at", "events", "guid", "project", "datatype", "run_number", "stream_name", "prod_step", "version"),
    *("campaign", "task_id", "panda_id", "lumiblocknr", "provenance", "phys_group", "transient", "accessed_at"),
    *("closed_at", "eol_at", "is_archive", "constituent", "access_cnt", "created_at", "updated_at"),
)
_Handler = Callable[["_Server", Request], Awaitable[Response]]


class _RucioError(Exception):
    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name = status, name


def app(lake: Lake, username: str = USERNAME, password: str = PASSWORD) -> Starlette:
    """The ASGI application: userpass authentication and the reading routes, for any account."""
    server = _Server(lake, username, password)

    def bind(handler: _Handler, open_to_all: bool = False) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                if not open_to_all:
                    server.check(request)
                return await handler(server, request)
            except _RucioError as error:
                body = {"ExceptionClass": error.name, "ExceptionMessage": str(error)}
                return Response(json.dumps(body), error.status, body, "application/octet-stream")

        return answer

    did = "/dids/{scope}/{name:path}"
    routes = [
        Route("/ping", bind(_ping, True)),
        Route("/auth/userpass", bind(_log_in, True)),
        Route("/scopes/", bind(_scopes)),
        Route("/rses/", bind(_rses)),
        Route("/rules/", bind(_rules)),
        Route("/rules/{id}", bind(_rule)),
        Route("/dids/bulkmeta", bind(_bulkmeta), methods=["POST"]),
        Route("/dids/{scope}/dids/search", bind(_search)),
        Route(f"{did}/meta", bind(_meta)),
        Route(f"{did}/dids", bind(_contents)),
        Route(f"{did}/rules", bind(_did_rules)),
        Route(did, bind(_did)),
        Route("/replicas/datasets_bulk", bind(_replicas), methods=["POST"]),
        Route("/replicas/{scope}/{name:path}/datasets", bind(_one_replicas)),
        Route("/locks/bulk_locks_for_dids", bind(_locks), methods=["POST"]),
    ]
    return Starlette(routes=routes)


class _Server:
    """The lake, and who may read it."""

    def __init__(self, lake: Lake, username: str, password: str) -> None:
        self.lake = lake
        self._login = (username, password)
        self._tokens: dict[str, datetime] = {}

    def log_in(self, username: str, password: str) -> tuple[str, datetime]:
        if not all(hmac.compare_digest(*pair) for pair in zip((username, password), self._login, strict=True)):
            raise _RucioError(401, "CannotAuthenticate", "Cannot authenticate to account with given credentials")
        token = f"{ACCOUNT}-{username}-unknown-{secrets.token_hex(16)}"
        self._tokens[token] = datetime.now(UTC) + LIFETIME
        return token, self._tokens[token]

    def check(self, request: Request) -> None:
        token = request.headers.get("X-Rucio-Auth-Token")
        if token is None:
            raise _RucioError(400, "ValueError", "Token must be set.")
        if self._tokens.get(token, datetime.min.replace(tzinfo=UTC)) < datetime.now(UTC):
            raise _RucioError(401, "CannotAuthenticate", "Cannot authenticate with given credentials")

    def did(self, request: Request) -> Did:
        scope, name = request.path_params["scope"], request.path_params["name"]
        try:
            return self.lake.dids[scope, name]
        except KeyError:
            detail = f"Data identifier '{scope}:{name}' not found"
            raise _RucioError(404, "DataIdentifierNotFound", detail) from None

    async def asked(self, request: Request) -> list[Did]:
        """Those of the DIDs in the body that there are."""
        try:
            asked = (await request.json())["dids"]
            keys = [(one["scope"], one["name"]) for one in asked]
        except (ValueError, KeyError, TypeError):
            raise _RucioError(400, "TypeError", "body must be a json dictionary with dids") from None
        return [self.lake.dids[key] for key in keys if key in self.lake.dids]


async def _ping(server: _Server, request: Request) -> Response:
    return _json({"version": VERSION})


async def _log_in(server: _Server, request: Request) -> Response:
    header = request.headers.get
    token, expires = server.log_in(header("X-Rucio-Username", ""), header("X-Rucio-Password", ""))
    headers = {
        "X-Rucio-Auth-Token": token,
        "X-Rucio-Auth-Token-Expires": _date(expires),
        "X-Rucio-Auth-Account": header("X-Rucio-Account", ACCOUNT),
    }
    return Response(b"", headers=headers, media_type="application/octet-stream")


async def _scopes(server: _Server, request: Request) -> Response:
    return _json(sorted({scope for scope, _ in server.lake.dids}))


async def _rses(server: _Server, request: Request) -> Response:
    return _lines({"rse": rse, "rse_type": kind, "deterministic": True, "vo": "def"} for rse, kind in RSES.items())


async def _rules(server: _Server, request: Request) -> Response:
    scope = request.query_params.get("scope")
    return _lines(_rule_row(server, one) for one in server.lake.rules.values() if scope in (None, one.scope))


async def _rule(server: _Server, request: Request) -> Response:
    rule = server.lake.rules.get(request.path_params["id"])
    if rule is None:
        raise _RucioError(404, "RuleNotFound", f"No rule with the id {request.path_params['id']} found")
    return _json(_rule_row(server, rule))


async def _search(server: _Server, request: Request) -> Response:
    scope, asked = request.path_params["scope"], request.query_params
    kinds = {"all": ("CONTAINER", "DATASET"), "collection": ("CONTAINER", "DATASET")}
    types = kinds.get(asked.get("type", "collection"), (asked.get("type", "").upper(),))
    names = fnmatch.filter((name for one, name in server.lake.dids if one == scope), asked.get("name", "*"))
    found = [did for name in sorted(names) if (did := server.lake.dids[scope, name]).type in types]
    if asked.get("long", "").lower() not in ("1", "true"):
        return _lines(did.name for did in found)
    keys = ("scope", "name", "did_type", "bytes", "length")
    return _lines({key: _column_row(did)[key] for key in keys} for did in found)


async def _bulkmeta(server: _Server, request: Request) -> Response:
    dids = await server.asked(request)
    plugin = (await request.json()).get("plugin", "DID_COLUMN")
    return _lines({"scope": did.scope, "name": did.name} | _plugin(did, plugin) for did in dids)


async def _meta(server: _Server, request: Request) -> Response:
    return _json(_plugin(server.did(request), request.query_params.get("plugin", "DID_COLUMN")))


async def _contents(server: _Server, request: Request) -> Response:
    children = [server.lake.dids[key] for key in server.did(request).contents]
    blank = dict.fromkeys(("bytes", "adler32", "md5"))
    return _lines({"scope": one.scope, "name": one.name, "type": one.type, **blank} for one in children)


async def _did_rules(server: _Server, request: Request) -> Response:
    did = server.did(request)
    own = [one for one in server.lake.rules.values() if (one.scope, one.name) == (did.scope, did.name)]
    return _lines(_rule_row(server, one) for one in own)


async def _did(server: _Server, request: Request) -> Response:
    did = server.did(request)
    row: dict[str, Any] = {"scope": did.scope, "name": did.name, "type": did.type, "account": ACCOUNT}
    row |= {"open": did.type == "CONTAINER", "monotonic": False, "expired_at": None}
    for column in ("bytes", "length"):
        sizes = [one.columns.get(column) for one in server.lake.below(did)]
        known = [size for size in sizes if size is not None]
        # a sum of what is only partly known would be a size that is wrong
        row[column] = sum(known) if known and len(known) == len(sizes) else None
    return _json(row)


async def _replicas(server: _Server, request: Request) -> Response:
    return _lines(row for did in await server.asked(request) for row in _replica_rows(did))


async def _one_replicas(server: _Server, request: Request) -> Response:
    return _lines(_replica_rows(server.did(request)))


async def _locks(server: _Server, request: Request) -> Response:
    return _lines(
        {
            "rse": rse,
            "scope": did.scope,
            "name": did.name,
            "rule_id": rule.id,
            "account": ACCOUNT,
            "state": "OK",
            "length": did.columns.get("length"),
            "bytes": did.columns.get("bytes"),
            "accessed_at": None,
        }
        for did in await server.asked(request)
        for rule in server.lake.locking(did)
        for rse in rule.rse_expression.split("|")
    )


def _plugin(did: Did, plugin: str) -> dict[str, Any]:
    plugin = plugin.upper()
    columns = _column_row(did) if plugin in ("DID_COLUMN", "ALL") else {}
    return columns | (did.metadata if plugin in ("JSON", "ALL") else {})


def _column_row(did: Did) -> dict[str, Any]:
    created, updated = _date(did.created), _date(did.updated or did.created)
    fixed = {"scope": did.scope, "name": did.name, "did_type": did.type, "account": ACCOUNT}
    flags = dict.fromkeys(("monotonic", "hidden", "obsolete", "suppressed", "transient"), False)
    state = {"is_open": did.type == "CONTAINER", "availability": "AVAILABLE", "purge_replicas": True}
    dates = {"created_at": created, "updated_at": updated}
    return dict.fromkeys(_COLUMNS) | fixed | flags | state | dates | did.columns


def _replica_rows(did: Did) -> Iterable[dict[str, Any]]:
    size, files = did.columns.get("bytes"), did.columns.get("length")
    for rse in did.rses:
        counts = {"bytes": size, "length": files, "available_bytes": size, "available_length": files}
        dates = {"created_at": _date(did.created), "updated_at": _date(did.created), "accessed_at": None}
        yield {"scope": did.scope, "name": did.name, "rse": rse, **counts, "state": "AVAILABLE", **dates}


def _rule_row(server: _Server, rule: Rule) -> dict[str, Any]:
    holder = server.lake.dids[rule.scope, rule.name]
    return {
        "id": rule.id,
        "scope": rule.scope,
        "name": rule.name,
        "did_type": holder.type,
        "account": ACCOUNT,
        "rse_expression": rule.rse_expression,
        "copies": rule.copies,
        "state": "OK",
        "activity": "User Subscriptions",
        "grouping": "DATASET",
        "comments": "synthetic",
        "created_at": _date(holder.created),
        "updated_at": _date(holder.created),
        "expires_at": None,
        "locked": False,
        "subscription_id": None,
    }


def _date(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S UTC")


def _json(value: Any) -> Response:
    return Response(json.dumps(value), media_type="application/json")


def _lines(rows: Iterable[Any]) -> Response:
    return Response("".join(json.dumps(row) + "\n" for row in rows), media_type="application/x-json-stream")
