"""The state of a lake: what Rucio's REST API (41) says of its storage elements (RSEs), and what our account may lock.

=================================== ==========================================================
``GET /rses/``                      all RSEs with their columns and whether they may be used
``GET /rses/X``                     the same of one, where the list does not say that
``GET /rses/X/attr/``               attributes, for RSE expressions
``GET /rses/X/usage``               bytes by who measured them: ``storage``, else Rucio's own sum
``GET /rses/X/limits``              ``MinFreeSpace``, ``MaxSpaceAvailable``
``GET /rses/A/distances/B``         the distance of two RSEs; there is no request for many
``GET /accounts/X/attr/``           whether the account has limits at all
``GET /accounts/X/limits/local``    by RSE; ``/limits/global`` by RSE expression
``GET /accounts/X/usage/local``     what its rules lock, by RSE
=================================== ==========================================================

Where Rucio keeps no limit for an account on an RSE, the account, root too, may lock nothing there; a limit of -1, which
comes as a bare ``Infinity``, is none. An account with the attribute ``admin``, whatever its value, has no limits, and
at an RSE with a true attribute ``mock`` nobody has. A rule must leave at least a byte of the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from typing import Any
from urllib.parse import quote

import httpx

from harvesters.rucio_session import RucioSession
from mappings.rucio_state import unix_time
from schemas.errors import SourceError
from schemas.rse_expression import COLUMNS, COMPARED

DISTANCES_LAST = 86_400.0  # seconds: they change when a network does, and 50 RSEs have 2,450 of them
_REFUSALS = (400, 403, 404, 406, 500)  # an answer about one thing that was asked, and not about the server
_FLAGS = ("availability_read", "availability_write", "availability_delete")
_Row = dict[str, Any]


class LakeReader:
    """Asks one Rucio."""

    def __init__(self, session: RucioSession) -> None:
        self._session = session

    def read(self, source: str, account: str, now: float, before: Mapping[str, Any] | None = None) -> _Row:
        """The state at ``now`` (Unix seconds), as JSON; what it holds is in :func:`placement.lake.read`.

        An RSE of which something cannot be read is not written to, and its ``problem`` says why. Its attributes, and
        the distances of RSEs that are known already, are those of ``before``, the last document.

        Raises
        ------
        SourceError
            The RSEs cannot be listed, or the server went away.
        """
        last = before if before and before.get("source") == source else {}
        problems: list[str] = []
        known = {row["name"]: row for row in last.get("rses", ())}
        rses = sorted((self._rse(row, known) for row in self._list()), key=lambda row: str(row["name"]))
        try:
            left = self._account_left(account, rses)
        except SourceError as error:
            if not _is_its_own(error):
                raise
            problems.append(f"what {account} may lock cannot be read, so nothing is brought anywhere: {error.detail}")
            left = dict.fromkeys((row["name"] for row in rses), 0)
        for row in rses:
            row["account_left"] = left[row["name"]]
        distances, measured = self._distances([row["name"] for row in rses], last, now, problems)
        return {
            "source": source,
            "account": account,
            "taken_at": now,
            "rses": rses,
            "distances": distances,
            "distances_at": measured,
            "problems": problems,
        }

    # -- RSEs -----------------------------------------------------------------------------------------

    def _list(self) -> Iterator[_Row]:
        path = "/rses/"
        for row in self._session.lines(path):
            if not isinstance(row, dict) or not isinstance(row.get("rse"), str) or not row["rse"]:
                raise self._session.unexpected(path)
            if not row.get("deleted"):
                yield row

    def _rse(self, listed: _Row, known: Mapping[str, _Row]) -> _Row:
        name = listed["rse"]
        path = f"/rses/{quote(name, safe='')}"
        failed: list[str] = []

        def tried(read: Callable[[], Any], default: Any) -> Any:
            try:
                return read()
            except SourceError as error:
                if not _is_its_own(error):
                    raise
                failed.append(error.detail)
                return default

        columns = listed
        if not all(isinstance(listed.get(flag), bool) for flag in _FLAGS):
            columns = listed | tried(lambda: self._object(path), {})
        flags = [bool(columns.get(flag)) for flag in _FLAGS]
        attributes = tried(lambda: self._object(f"{path}/attr/"), None)
        if attributes is None:
            attributes = known.get(name, {}).get("attributes", {name: True})
        usage = tried(lambda: self._usage(f"{path}/usage"), {})
        limits = tried(lambda: self._object(f"{path}/limits"), {})
        made = _space(usage, limits)
        # a column stands before an attribute of its name, even where it is empty
        filled = {key: columns[key] for key in COMPARED if columns.get(key) is not None}
        own = {key: value for key, value in attributes.items() if key not in COLUMNS or key not in columns} | filled
        site = attributes.get("site")
        return made | {
            "name": name,
            "kind": str(columns.get("rse_type") or "DISK"),
            "site": site if isinstance(site, str) and site else name,
            "attributes": dict(sorted(own.items())),
            "readable": flags[0],
            # a staging area holds what is on its way from tape, and a volatile RSE is somebody else's cache
            "writable": flags[1] and not failed and not columns.get("staging_area") and not columns.get("volatile"),
            "deletable": flags[2] and not failed,
            "problem": "; ".join(failed) or None,
        }

    def _usage(self, path: str) -> dict[str, _Row]:
        """The rows of usage, by who measured."""
        return {str(row.get("source")): row for row in self._rows(path)}

    # -- the account ----------------------------------------------------------------------------------

    def _account_left(self, account: str, rses: list[_Row]) -> dict[str, int | None]:
        """Bytes that the account may still lock at each RSE, None: without limit."""
        path = f"/accounts/{quote(account, safe='')}"
        attributes = self._value(f"{path}/attr/")
        if not isinstance(attributes, list):
            raise self._session.unexpected(f"{path}/attr/")
        if any(isinstance(row, dict) and row.get("key") == "admin" for row in attributes):
            return dict.fromkeys((row["name"] for row in rses), None)
        local = self._object(f"{path}/limits/local")
        shared = self._object(f"{path}/limits/global")
        locked = {str(row.get("rse")): _count(row.get("bytes")) or 0 for row in self._rows(f"{path}/usage/local")}
        bounds = [({name}, _limit(bound)) for name, bound in local.items()]
        for bound in shared.values():
            if not isinstance(bound, dict) or not isinstance(bound.get("resolved_rses"), list):
                raise self._session.unexpected(f"{path}/limits/global")
            bounds.append((set(bound["resolved_rses"]), _limit(bound.get("limit"))))
        made: dict[str, int | None] = {}
        for row in rses:
            name = row["name"]
            of_this = [(names, bound) for names, bound in bounds if name in names and bound is not None]
            left = [bound - sum(locked.get(one, 0) for one in names) for names, bound in of_this]
            if row["attributes"].get("mock"):
                made[name] = None
            elif name not in local:
                made[name] = 0
            else:
                made[name] = max(0, min(left) - 1) if left else None
        return made

    # -- distances ------------------------------------------------------------------------------------

    def _distances(
        self, names: list[str], last: Mapping[str, Any], now: float, problems: list[str]
    ) -> tuple[list[list[Any]], float]:
        """[source, destination, distance] of all pairs that have one, and when the oldest was read."""
        kept = {(source, destination): distance for source, destination, distance in last.get("distances", ())}
        read_at = float(last.get("distances_at", now))
        fresh = 0 <= now - read_at < DISTANCES_LAST
        old = {row["name"] for row in last.get("rses", ())} if fresh else set()
        made = {pair: distance for pair, distance in kept.items() if pair[0] in names and pair[1] in names}
        failed = []
        for source, destination in permutations(names, 2):
            if source in old and destination in old:
                continue
            path = f"/rses/{quote(source, safe='')}/distances/{quote(destination, safe='')}"
            try:
                distance = self._distance(path)
            except SourceError as error:
                if not _is_its_own(error):
                    raise
                if error.context.get("status") != 404:  # else one of the two has just gone
                    failed.append(error.detail)
                    continue
                distance = None
            made.pop((source, destination), None)
            if distance is not None:
                made[source, destination] = distance
        if failed:
            problems.append(f"{len(failed)} distances cannot be read: {failed[0]}")
        if failed and not fresh:
            read_at = now - DISTANCES_LAST  # so that they are asked for again next time
        elif not fresh:
            read_at = now
        return [[*pair, made[pair]] for pair in sorted(made)], read_at

    def _distance(self, path: str) -> int | None:
        rows = self._value(path)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._session.unexpected(path)
        found = (_count(row.get("distance", row.get("ranking"))) for row in rows)
        return min((distance for distance in found if distance is not None), default=None)

    # -- answers --------------------------------------------------------------------------------------

    def _content(self, path: str) -> httpx.Response:
        response = self._session.get(path, accept=_REFUSALS)
        if response.status_code >= 400:
            said = response.headers.get("ExceptionMessage", "")[:200]
            detail = f"{path} answers {response.status_code}{f' ({said})' if said else ''}"
            raise SourceError("http-status", detail, status=response.status_code)
        return response

    def _value(self, path: str) -> Any:
        return self._session.parse(self._content(path).content, path)

    def _object(self, path: str) -> _Row:
        value = self._value(path)
        if not isinstance(value, dict):
            raise self._session.unexpected(path)
        return value

    def _rows(self, path: str) -> list[_Row]:
        return self._session.rows(self._content(path), path)


def _is_its_own(error: SourceError) -> bool:
    """Is it about the one thing that was asked?"""
    own = error.code == "source.http-status" and error.context.get("status") in _REFUSALS
    return own or error.code == "source.bad-answer"


def _space(usage: Mapping[str, _Row], limits: Mapping[str, Any]) -> _Row:
    """Bytes of an RSE, as its storage says, else as Rucio has counted; None where nobody does."""
    measured = usage.get("storage") or usage.get("rucio") or {}
    free = _count(measured.get("free"))
    # Rucio reckons a total even where nobody has told it what is free
    total = _count(measured.get("total")) if free is not None else None
    most, counted = _count(limits.get("MaxSpaceAvailable")), _count(usage.get("rucio", {}).get("used"))
    if most is not None and counted is not None:
        free = min(max(0, most - counted), most if free is None else free)
    return {
        "total": total,
        "used": _count(measured.get("used")),
        "free": free,
        "min_free": _count(limits.get("MinFreeSpace")) or 0,
        "measured_at": unix_time(measured.get("updated_at")),
    }


def _count(value: Any) -> int | None:
    """A count of bytes, PostgreSQL's sums among them; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return round(value)


def _limit(value: Any) -> int | None:
    """A limit; Infinity has become text, and -1 is Rucio's own way to write it."""
    return None if isinstance(value, str) else _count(value)
