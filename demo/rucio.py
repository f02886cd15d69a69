"""The part of Rucio 41's REST API that Asterism uses, over a :class:`~demo.lake.Lake`.

Lists are newline-delimited JSON, dates are RFC 1123 with ``UTC``, errors carry ``ExceptionClass``; no token gives
400 and a bad one 401. Files are not listed: the lake's datasets know how many they have. What is said of RSEs, accounts
and rules is in ``demo/rucio_lake.py``.
"""

from __future__ import annotations

import fnmatch
import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo import rucio_lake as state
from demo.lake import ACCOUNT, Did, Lake
from demo.rucio_answers import RucioError, as_json, as_lines, rucio_date

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
_Handler = Callable[["Server", Request], Awaitable[Response]]


def app(lake: Lake, username: str = USERNAME, password: str = PASSWORD) -> Starlette:
    """The ASGI application: userpass authentication and the routes, for any account."""
    server = Server(lake, username, password)

    def bind(handler: _Handler, open_to_all: bool = False) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                if not open_to_all:
                    server.check(request)
                    lake.end_rules(datetime.now(UTC))
                return await handler(server, request)
            except RucioError as error:
                return error.answer()

        return answer

    did = "/dids/{scope}/{name:path}"
    routes = [
        Route("/ping", bind(_ping, True)),
        Route("/auth/userpass", bind(_log_in, True)),
        Route("/scopes/", bind(_scopes)),
        Route("/rses/", bind(state.rses)),
        Route("/rses/{rse}", bind(state.rse)),
        Route("/rses/{rse}/attr/", bind(state.rse_attributes)),
        Route("/rses/{rse}/usage", bind(state.rse_usage)),
        Route("/rses/{rse}/limits", bind(state.rse_limits)),
        Route("/rses/{rse}/distances/{destination}", bind(state.distances)),
        Route("/accounts/{account}/attr/", bind(state.account_attributes)),
        Route("/accounts/{account}/limits/local", bind(state.local_limits)),
        Route("/accounts/{account}/limits/global", bind(state.global_limits)),
        Route("/accounts/{account}/usage/local", bind(state.local_usage)),
        Route("/rules/", bind(state.rules)),
        Route("/rules/", bind(state.add_rules), methods=["POST"]),
        Route("/rules/{id}", bind(state.rule)),
        Route("/rules/{id}", bind(state.change_rule), methods=["PUT"]),
        Route("/rules/{id}", bind(state.end_rule), methods=["DELETE"]),
        Route("/dids/bulkmeta", bind(_bulkmeta), methods=["POST"]),
        Route("/dids/{scope}/dids/search", bind(_search)),
        Route(f"{did}/meta", bind(_meta)),
        Route(f"{did}/dids", bind(_contents)),
        Route(f"{did}/rules", bind(_did_rules)),
        Route(did, bind(_did)),
        Route("/replicas/datasets_bulk", bind(_replicas), methods=["POST"]),
        Route("/replicas/{scope}/{name:path}/datasets", bind(_one_replicas)),
        Route("/locks/bulk_locks_for_dids", bind(_locks), methods=["POST"]),
        Route("/locks/{scope}/{name:path}", bind(_did_locks)),
    ]
    return Starlette(routes=routes)


class Server:
    """The lake, and who may read it."""

    def __init__(self, lake: Lake, username: str, password: str) -> None:
        self.lake = lake
        self._login = (username, password)
        self._tokens: dict[str, datetime] = {}

    def log_in(self, username: str, password: str) -> tuple[str, datetime]:
        if not all(hmac.compare_digest(*pair) for pair in zip((username, password), self._login, strict=True)):
            raise RucioError(401, "CannotAuthenticate", "Cannot authenticate to account with given credentials")
        token = f"{ACCOUNT}-{username}-unknown-{secrets.token_hex(16)}"
        self._tokens[token] = datetime.now(UTC) + LIFETIME
        return token, self._tokens[token]

    def check(self, request: Request) -> None:
        token = request.headers.get("X-Rucio-Auth-Token")
        if token is None:
            raise RucioError(400, "ValueError", "Token must be set.")
        if self._tokens.get(token, datetime.min.replace(tzinfo=UTC)) < datetime.now(UTC):
            raise RucioError(401, "CannotAuthenticate", "Cannot authenticate with given credentials")

    def account(self, request: Request) -> str:
        """Who asks; whoever has the password may be anybody."""
        return request.headers.get("X-Rucio-Account", ACCOUNT)

    def did(self, request: Request) -> Did:
        scope, name = request.path_params["scope"], request.path_params["name"]
        try:
            return self.lake.dids[scope, name]
        except KeyError:
            detail = f"Data identifier '{scope}:{name}' not found"
            raise RucioError(404, "DataIdentifierNotFound", detail) from None

    async def asked(self, request: Request) -> list[Did]:
        """Those of the DIDs in the body that there are."""
        try:
            asked = (await request.json())["dids"]
            keys = [(one["scope"], one["name"]) for one in asked]
        except (ValueError, KeyError, TypeError):
            raise RucioError(400, "TypeError", "body must be a json dictionary with dids") from None
        return [self.lake.dids[key] for key in keys if key in self.lake.dids]


async def _ping(server: Server, request: Request) -> Response:
    return as_json({"version": VERSION})


async def _log_in(server: Server, request: Request) -> Response:
    header = request.headers.get
    token, expires = server.log_in(header("X-Rucio-Username", ""), header("X-Rucio-Password", ""))
    headers = {
        "X-Rucio-Auth-Token": token,
        "X-Rucio-Auth-Token-Expires": rucio_date(expires),
        "X-Rucio-Auth-Account": header("X-Rucio-Account", ACCOUNT),
    }
    return Response(b"", headers=headers, media_type="application/octet-stream")


async def _scopes(server: Server, request: Request) -> Response:
    return as_json(sorted({scope for scope, _ in server.lake.dids}))


async def _search(server: Server, request: Request) -> Response:
    scope, asked = request.path_params["scope"], request.query_params
    kinds = {"all": ("CONTAINER", "DATASET"), "collection": ("CONTAINER", "DATASET")}
    types = kinds.get(asked.get("type", "collection"), (asked.get("type", "").upper(),))
    names = fnmatch.filter((name for one, name in server.lake.dids if one == scope), asked.get("name", "*"))
    found = [did for name in sorted(names) if (did := server.lake.dids[scope, name]).type in types]
    if asked.get("long", "").lower() not in ("1", "true"):
        return as_lines(did.name for did in found)
    keys = ("scope", "name", "did_type", "bytes", "length")
    return as_lines({key: _column_row(did)[key] for key in keys} for did in found)


async def _bulkmeta(server: Server, request: Request) -> Response:
    dids = await server.asked(request)
    plugin = (await request.json()).get("plugin", "DID_COLUMN")
    return as_lines({"scope": did.scope, "name": did.name} | _plugin(did, plugin) for did in dids)


async def _meta(server: Server, request: Request) -> Response:
    return as_json(_plugin(server.did(request), request.query_params.get("plugin", "DID_COLUMN")))


async def _contents(server: Server, request: Request) -> Response:
    children = [server.lake.dids[key] for key in server.did(request).contents]
    blank = dict.fromkeys(("bytes", "adler32", "md5"))
    return as_lines({"scope": one.scope, "name": one.name, "type": one.type, **blank} for one in children)


async def _did_rules(server: Server, request: Request) -> Response:
    did = server.did(request)
    own = [one for one in server.lake.rules.values() if (one.scope, one.name) == (did.scope, did.name)]
    return as_lines(state.rule_row(server.lake, one) for one in own)


async def _did(server: Server, request: Request) -> Response:
    did = server.did(request)
    row: dict[str, Any] = {"scope": did.scope, "name": did.name, "type": did.type, "account": ACCOUNT}
    row |= {"open": did.type == "CONTAINER", "monotonic": False, "expired_at": None}
    for column in ("bytes", "length"):
        sizes = [one.columns.get(column) for one in server.lake.below(did)]
        known = [size for size in sizes if size is not None]
        # a sum of what is only partly known would be a size that is wrong
        row[column] = sum(known) if known and len(known) == len(sizes) else None
    return as_json(row)


async def _replicas(server: Server, request: Request) -> Response:
    return as_lines(row for did in await server.asked(request) for row in _replica_rows(did))


async def _one_replicas(server: Server, request: Request) -> Response:
    return as_lines(_replica_rows(server.did(request)))


async def _locks(server: Server, request: Request) -> Response:
    return as_lines(
        row for did in await server.asked(request) for row in state.lock_rows(server.lake, did.scope, did.name)
    )


async def _did_locks(server: Server, request: Request) -> Response:
    did = server.did(request)
    return as_lines(state.lock_rows(server.lake, did.scope, did.name))


def _plugin(did: Did, plugin: str) -> dict[str, Any]:
    plugin = plugin.upper()
    columns = _column_row(did) if plugin in ("DID_COLUMN", "ALL") else {}
    return columns | (did.metadata if plugin in ("JSON", "ALL") else {})


def _column_row(did: Did) -> dict[str, Any]:
    created, updated = rucio_date(did.created), rucio_date(did.updated or did.created)
    fixed = {"scope": did.scope, "name": did.name, "did_type": did.type, "account": ACCOUNT}
    flags = dict.fromkeys(("monotonic", "hidden", "obsolete", "suppressed", "transient"), False)
    state = {"is_open": did.type == "CONTAINER", "availability": "AVAILABLE", "purge_replicas": True}
    dates = {"created_at": created, "updated_at": updated}
    return dict.fromkeys(_COLUMNS) | fixed | flags | state | dates | did.columns


def _replica_rows(did: Did) -> Iterable[dict[str, Any]]:
    size, files = did.columns.get("bytes"), did.columns.get("length")
    for rse in did.rses:
        counts = {"bytes": size, "length": files, "available_bytes": size, "available_length": files}
        dates = {"created_at": rucio_date(did.created), "updated_at": rucio_date(did.created), "accessed_at": None}
        yield {"scope": did.scope, "name": did.name, "rse": rse, **counts, "state": "AVAILABLE", **dates}
