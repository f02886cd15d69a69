"""RSEs, accounts and rules of the double of Rucio: what placement asks, and what it makes and changes.

A rule's copies are there at once, and its end takes those away that no other rule holds: there is no transfer to wait
for. Rules live in memory, as long as the demonstration runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from demo.lake import Lake, Rule
from demo.rucio_answers import RucioError, as_json, as_lines, rucio_date
from demo.storage import STORAGE, Storage, attributes, distance
from schemas.errors import PolicyError
from schemas.rse_expression import parse

if TYPE_CHECKING:
    from demo.rucio import Server

_FLAGS = ("availability_read", "availability_write", "availability_delete", "deterministic")


async def rses(server: Server, request: Request) -> Response:
    """All, or those of ``expression``."""
    if expression := request.query_params.get("expression"):
        return as_lines({"rse": name} for name in _matching(expression))
    return as_lines(_columns(name) for name in STORAGE)


async def rse(server: Server, request: Request) -> Response:
    """Settings of one."""
    _storage(request)
    return as_json(_columns(request.path_params["rse"]) | {"protocols": [], "domain": ["lan", "wan"]})


async def rse_attributes(server: Server, request: Request) -> Response:
    """Attributes of one."""
    _storage(request)
    return as_json(attributes(request.path_params["rse"]))


async def rse_usage(server: Server, request: Request) -> Response:
    """Bytes of one, as its storage and as Rucio count them; measured now."""
    one, name = _storage(request), request.path_params["rse"]
    held = sum(did.columns.get("bytes") or 0 for did in server.lake.dids.values() if name in did.rses)
    row = {"rse": name, "files": None, "updated_at": rucio_date(datetime.now(UTC))}
    storage = {"source": "storage", "used": held + one.others, "free": one.total - held - one.others}
    counted = {"source": "rucio", "used": held, "free": None, "total": held}
    return as_lines([row | counted, row | storage | {"total": one.total}])


async def rse_limits(server: Server, request: Request) -> Response:
    """Limits of one."""
    return as_json({"MinFreeSpace": _storage(request).min_free})


async def distances(server: Server, request: Request) -> Response:
    """The distance of two."""
    source, destination = request.path_params["rse"], request.path_params["destination"]
    if not {source, destination} <= STORAGE.keys():
        raise RucioError(404, "RSENotFound", f"RSE '{source}' or '{destination}' cannot be found")
    if source == destination:
        return as_json([])
    far = distance(source, destination)
    return as_json([{"src_rse": source, "dest_rse": destination, "distance": far, "ranking": far}])


async def account_attributes(server: Server, request: Request) -> Response:
    """None: nobody is an administrator here."""
    return as_json([])


async def local_limits(server: Server, request: Request) -> Response:
    """What any account may lock, by RSE."""
    return as_json({name: _limit(one) for name, one in STORAGE.items()})


async def global_limits(server: Server, request: Request) -> Response:
    """None over several RSEs."""
    return as_json({})


async def local_usage(server: Server, request: Request) -> Response:
    """What the rules of one account lock, by RSE."""
    account = request.path_params["account"]
    return as_lines(
        {"rse": name, "bytes": locked, "bytes_limit": _limit(one), "bytes_remaining": _limit(one) - locked}
        for name, one in STORAGE.items()
        if (locked := _locked(server.lake, account, name)) or one.limit != -1
    )


async def rules(server: Server, request: Request) -> Response:
    """All, or those on the DIDs of ``scope``, of ``account``."""
    scope, account = (request.query_params.get(key) for key in ("scope", "account"))
    return as_lines(
        rule_row(server.lake, one)
        for one in server.lake.rules.values()
        if scope in (None, one.scope) and account in (None, one.account)
    )


async def rule(server: Server, request: Request) -> Response:
    """One rule."""
    return as_json(rule_row(server.lake, _rule(server, request)))


async def add_rules(server: Server, request: Request) -> Response:
    """Make a rule on each of the DIDs, and answer their ids."""
    body = await request.json()
    account = body.get("account") or server.account(request)
    now = datetime.now(UTC)
    made = []
    for did in body["dids"]:
        key = (did["scope"], did["name"])
        if key not in server.lake.dids:
            raise RucioError(404, "DataIdentifierNotFound", f"Data identifier '{key[0]}:{key[1]}' not found")
        names = _matching(body["rse_expression"])
        if len(names) < body["copies"]:
            raise RucioError(409, "InsufficientTargetRSEs", "Target RSE set not sufficient for number of copies.")
        held = {rse for below in server.lake.below(server.lake.dids[key]) for rse in below.rses}
        chosen = sorted(names, key=lambda name: (name not in held, name))[: body["copies"]]
        size = sum(below.columns.get("bytes") or 0 for below in server.lake.below(server.lake.dids[key]))
        if any(_limit(STORAGE[name]) - _locked(server.lake, account, name) <= size for name in chosen):
            detail = "There is insufficient quota on any of the target RSE's to fulfill the operation."
            raise RucioError(409, "InsufficientAccountLimit", detail)
        one = Rule(*key, body["rse_expression"], body["copies"], tuple(sorted(chosen)), account, created=now)
        one.activity = body.get("activity") or one.activity
        one.comments, one.priority = body.get("comment"), body.get("priority") or one.priority
        if (lifetime := body.get("lifetime")) is not None:
            one.expires = now + timedelta(seconds=lifetime)
        if one.id in server.lake.rules:
            raise RucioError(409, "DuplicateRule", "A duplicate rule for this account, did, rse_expression, copies.")
        made.append(one)
    for one in made:
        server.lake.add_rule(one)
    return as_json([one.id for one in made], 201)


async def change_rule(server: Server, request: Request) -> Response:
    """Set its lifetime from now on, its comment or its activity."""
    one, options = _rule(server, request), (await request.json()).get("options", {})
    if "lifetime" in options:
        seconds = options["lifetime"]
        one.expires = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    one.comments = options.get("comment", one.comments)
    one.activity = options.get("activity", one.activity)
    one.priority = options.get("priority", one.priority)
    return Response(b"")


async def end_rule(server: Server, request: Request) -> Response:
    """Let it go."""
    server.lake.end_rule(_rule(server, request).id)
    return Response(b"")


def rule_row(lake: Lake, rule: Rule) -> dict[str, Any]:
    """A rule as Rucio shows it; it has what it wants."""
    holder = lake.dids[rule.scope, rule.name]
    created = rucio_date(rule.created or holder.created)
    return {
        "id": rule.id,
        "scope": rule.scope,
        "name": rule.name,
        "did_type": holder.type,
        "account": rule.account,
        "rse_expression": rule.rse_expression,
        "copies": rule.copies,
        "state": "OK",
        "activity": rule.activity,
        "grouping": "DATASET",
        "comments": rule.comments,
        "priority": rule.priority,
        "created_at": created,
        "updated_at": created,
        "expires_at": rule.expires and rucio_date(rule.expires),
        "locked": False,
        "error": None,
        "subscription_id": None,
    }


def lock_rows(lake: Lake, scope: str, name: str) -> Iterator[dict[str, Any]]:
    """The locks on one dataset, each of one rule on one RSE."""
    did = lake.dids[scope, name]
    sizes = {"length": did.columns.get("length"), "bytes": did.columns.get("bytes"), "accessed_at": None}
    for one in lake.locking(did):
        for name_of_rse in one.rses:
            key = {"rse": name_of_rse, "scope": scope, "name": name, "rule_id": one.id, "account": one.account}
            yield key | {"state": "OK"} | sizes


def _storage(request: Request) -> Storage:
    name = request.path_params["rse"]
    if name not in STORAGE:
        raise RucioError(404, "RSENotFound", f"RSE '{name}' cannot be found in vo 'def'")
    return STORAGE[name]


def _rule(server: Server, request: Request) -> Rule:
    found = server.lake.rules.get(request.path_params["id"])
    if found is None:
        raise RucioError(404, "RuleNotFound", f"No rule with the id {request.path_params['id']} found")
    return found


def _columns(name: str) -> dict[str, Any]:
    fixed: dict[str, Any] = {"rse": name, "rse_type": STORAGE[name].kind, "vo": "def"}
    return fixed | dict.fromkeys(_FLAGS, True) | {"volatile": False, "staging_area": False, "deleted": False}


def _matching(expression: str) -> list[str]:
    try:
        found = parse(expression).matching((name, attributes(name) | _columns(name)) for name in STORAGE)
    except PolicyError as error:
        raise RucioError(400, "InvalidRSEExpression", error.detail) from None
    if not found:
        raise RucioError(400, "InvalidRSEExpression", "RSE Expression resulted in an empty set.")
    return sorted(found)


def _limit(one: Storage) -> float:
    return float("inf") if one.limit == -1 else one.limit


def _locked(lake: Lake, account: str, rse: str) -> int:
    held = {
        (did.scope, did.name): did.columns.get("bytes") or 0
        for rule in lake.rules.values()
        if rule.account == account and rse in rule.rses
        for did in lake.below(lake.dids[rule.scope, rule.name])
    }
    return sum(held.values())
