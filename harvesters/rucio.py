"""Rucio: every container, dataset and (when asked) file of a data lake, over its REST API.

Rucio has no useful list of changes (attaching a file or setting JSON metadata moves nothing; a deleted
DID leaves no trace), so each harvest passes over everything, in bulk requests:

=================================== ==========================================================
``GET /scopes/``                    the scopes, where none are configured, and to find typing errors
``GET /rules/[?scope=]``            all rules at once
``GET /dids/S/dids/search?type=``   the names in a scope
``POST /dids/bulkmeta``             columns, then all plugins: the JSON metadata is the difference
``POST /replicas/datasets_bulk``    replicas of datasets; ``POST /replicas/list`` of files
``POST /locks/bulk_locks_for_dids`` which rules hold a dataset, those of its containers among them
``GET /dids/S/N/dids``              contents, of containers alone
=================================== ==========================================================

A single request is spent only where these say too little: on a container's size, on a dataset whose size
or replica summary Rucio has not counted yet, on a rule from elsewhere, on a DID that ``bulkmeta`` left out.

Listings come in no promised order and can be long, so they go through a temporary file
(``harvesters/rucio_listing.py``) and come out sorted by name: that order is what a checkpoint means.
"""

from __future__ import annotations

import difflib
import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any
from urllib.parse import quote

from harvesters.base import Begin, Fetched, Page
from harvesters.http import PoliteClient
from harvesters.rucio_listing import Listing
from harvesters.rucio_session import RucioSession, did_path
from mappings.rucio import MAX_CONTENTS, iso_date
from schemas.errors import SettingsError, SourceError

TYPES = ("container", "dataset", "file")  # the order of a harvest: containers tell the parents of datasets
# A DID with its metadata is 2 to 5 kB, so that a page is about a megabyte, and a kill costs a few seconds
PAGE = 250
FORMAT = "rucio"

_REPLICA_COLUMNS = ("rse", "state", "bytes", "length", "available_bytes", "available_length")
_RULE_COLUMNS = (
    *("id", "scope", "name", "account", "rse_expression", "copies", "state", "activity", "grouping"),
    *("created_at", "expires_at", "locked", "subscription_id"),
)
_Row = dict[str, Any]


class RucioHarvester:
    """See the module; parameters as the source's settings name them (and :class:`RucioSession`).

    Parameters
    ----------
    client
        Sends the requests; for ``auth="x509"`` it has been given the certificate.
    scopes
        Scopes to harvest; empty: all.
    types
        Which of ``container``, ``dataset``, ``file``.
    page
        DIDs in one page and one bulk request.

    Raises
    ------
    SettingsError
        ``settings.rucio``: an unknown type or way to authenticate, or a missing credential.
    """

    lists_all = True
    announces_deletions = False

    def __init__(
        self,
        client: PoliteClient,
        url: str,
        *,
        account: str,
        auth: str,
        username: str | None = None,
        password: str | None = None,
        token_file: str | None = None,
        certificate: str | None = None,
        scopes: Sequence[str] = (),
        types: Sequence[str] = ("container", "dataset"),
        page: int = PAGE,
    ) -> None:
        scopes, types = ((value,) if isinstance(value, str) else value for value in (scopes, types))
        for word in types:
            if word not in TYPES:
                near = difflib.get_close_matches(word, TYPES, n=1, cutoff=0)[0]
                raise SettingsError("rucio", f"types: unknown {word!r}; did you mean {near!r}?", unknown=word)
        self._session = RucioSession(
            client,
            url,
            account=account,
            auth=auth,
            username=username,
            password=password,
            token_file=token_file,
            certificate=certificate,
        )
        self._configured = tuple(scopes)
        self._types = tuple(word for word in TYPES if word in types)
        self._page = page
        # What this server turns out not to have; asked once
        self._plugins = True
        self._dataset_locks = True

    # -- the protocol ---------------------------------------------------------------------------------

    def pages(self, begin: Begin) -> Iterator[Page]:
        """Pass over everything in the order type, scope, name; see :class:`harvesters.base.Harvester`.

        A DID made during the harvest behind the place it has reached comes with the next one.
        """
        scopes = self._scopes()
        place = self._place(begin.checkpoint)
        with Listing() as listing:
            self._list_rules(listing)
            if place is not None and "container" in self._types:
                self._list_parents(listing, scopes, place)
            for kind in self._types:
                for scope in scopes:
                    here = (TYPES.index(kind), scope)
                    if place is not None and here < place[:2]:
                        continue
                    listing.fill(self._names(scope, kind))
                    after = place[2] if place is not None and here == place[:2] else ""
                    while names := listing.names(after, self._page):
                        after = names[-1]
                        items, problems = self._fetch(listing, scope, kind, names)
                        yield Page(items, {"type": kind, "scope": scope, "name": after}, problems=problems)

    def since(self, checkpoint: dict[str, Any]) -> str | None:
        """None: there is nothing that the next harvest could start from."""
        return None

    def identifiers(self) -> Iterator[list[str]]:
        """All names in scope, as ``scope:name``."""
        for kind in self._types:
            for scope in self._scopes():
                names = self._names(scope, kind)
                while batch := list(islice(names, 1000)):
                    yield [f"{scope}:{name}" for name in batch]

    def is_gone(self, native_id: str) -> bool:
        """Ask for one DID; True also where it is suppressed, or out of the configured scopes and types."""
        scope, _, name = native_id.partition(":")
        if not name or (self._configured and scope not in self._configured):
            return True
        path = f"{did_path(scope, name)}/meta"
        response = self._session.get(path, accept=(404,))
        if response.status_code == 404:
            # some proxies unquote or merge the slashes of a name, and 404 is then about another one: ask again
            # with the name where no proxy touches it
            rows = self._post_rows("/dids/bulkmeta", {"dids": [{"scope": scope, "name": name}]})
            row = next((row for row in rows if row.get("name") == name), None)
            if row is None:
                return True
        else:
            row = self._session.parse(response.content, path)
            if not isinstance(row, dict) or "did_type" not in row:
                raise self._session.unexpected(path)
        return bool(row.get("suppressed")) or str(row.get("did_type")).lower() not in self._types

    # -- listings -------------------------------------------------------------------------------------

    def _scopes(self) -> list[str]:
        """The scopes to harvest, sorted; a configured one that the server does not know is an error."""
        path = "/scopes/"
        known = self._session.parse(self._session.get(path).content, path)
        if not isinstance(known, list) or not all(isinstance(scope, str) for scope in known):
            raise self._session.unexpected(path)
        for scope in self._configured:
            if scope not in known:
                # its search would be empty, and all its records would look deleted
                near = difflib.get_close_matches(scope, known, n=1, cutoff=0)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise SourceError("unknown-scope", f"the server has no scope {scope!r}{hint}", scope=scope)
        return sorted(set(self._configured or known))

    @staticmethod
    def _place(checkpoint: dict[str, Any] | None) -> tuple[int, str, str] | None:
        """Where to go on: after this (type, scope, name)."""
        if not checkpoint:
            return None
        return TYPES.index(checkpoint["type"]), checkpoint["scope"], checkpoint["name"]

    def _names(self, scope: str, kind: str) -> Iterator[str]:
        path = f"/dids/{quote(scope, safe='')}/dids/search"
        for name in self._session.lines(path, {"type": kind}):
            if not isinstance(name, str):
                raise self._session.unexpected(path)
            yield name

    def _list_rules(self, listing: Listing) -> None:
        for scope in self._configured or (None,):
            path = "/rules/"
            for row in self._session.lines(path, {"scope": scope} if scope else None):
                if not isinstance(row, dict) or not isinstance(row.get("id"), str):
                    raise self._session.unexpected(path)
                listing.add_rule(_only(row, _RULE_COLUMNS))

    def _list_parents(self, listing: Listing, scopes: Iterable[str], place: tuple[int, str, str]) -> None:
        """Read again what the containers before ``place`` hold: their datasets are still to come."""
        for scope in scopes:
            if (TYPES.index("container"), scope) > place[:2]:
                return
            listing.fill(self._names(scope, "container"))
            after = ""
            while names := listing.names(after, self._page):
                for after in names:
                    if (TYPES.index("container"), scope, after) > place:
                        return
                    self._contents(listing, scope, after)

    # -- one page -------------------------------------------------------------------------------------

    def _fetch(
        self, listing: Listing, scope: str, kind: str, names: list[str]
    ) -> tuple[list[Fetched], list[tuple[str | None, str, str, bytes]]]:
        dids = [{"scope": scope, "name": name} for name in names]
        columns, metadata, unreadable = self._metadata(dids)
        problems: list[tuple[str | None, str, str, bytes]]
        problems = [(f"{scope}:{name}", "source.bad-record", why, b"") for name, why in unreadable.items()]
        present = [did for did in dids if did["name"] in columns]
        rules = self._rules(listing, scope, kind, present)
        replicas = self._replicas(kind, present)
        items = []
        for did in present:
            name = did["name"]
            document: _Row = {"did": columns[name], "metadata": metadata[name]}
            document["rules"] = rules.get(name, [])
            document["replicas"] = replicas.get(name, [])
            document["parents"] = listing.parents(scope, name)
            if kind == "container":
                document["contents"] = self._contents(listing, scope, name)
                document["size"] = self._size(scope, name)
            elif kind == "dataset":
                self._count(scope, name, document)
            raw = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
            items.append(Fetched(f"{scope}:{name}", raw.encode(), FORMAT, iso_date(columns[name].get("updated_at"))))
        return items, problems

    def _metadata(self, dids: list[_Row]) -> tuple[dict[str, _Row], dict[str, _Row], dict[str, str]]:
        """Columns, JSON metadata, and what is wrong with unreadable ones, by name.

        A DID deleted since it was listed is in none of them.
        """
        unreadable: dict[str, str] = {}
        if not dids:
            return {}, {}, unreadable
        columns = {row["name"]: row for row in self._bulkmeta(dids, "DID_COLUMN")}
        everything = {row["name"]: row for row in self._bulkmeta(dids, "ALL")} if self._plugins else {}
        for did in dids:
            name = did["name"]
            try:
                if name not in columns and (row := self._one(did, "DID_COLUMN")) is not None:
                    columns[name] = row
                if self._plugins and name in columns and name not in everything:
                    everything[name] = self._one(did, "ALL") or {}
            except SourceError as error:
                if error.code != "source.bad-answer":
                    raise
                unreadable[name] = error.detail
                columns.pop(name, None)
        # Rucio lets no JSON key have a column's name, so that what is no column is JSON metadata
        metadata = {
            name: {key: value for key, value in everything.get(name, {}).items() if key not in row}
            for name, row in columns.items()
        }
        return columns, metadata, unreadable

    def _bulkmeta(self, dids: list[_Row], plugin: str) -> list[_Row]:
        path, body = "/dids/bulkmeta", {"dids": dids, "plugin": plugin}
        response = self._session.post(path, body, accept=(500,) if plugin == "ALL" else ())
        if response.status_code == 500:
            if response.headers.get("ExceptionClass") == "NotImplementedError":
                self._plugins = False  # a server on SQLite keeps columns alone
                return []
            response = self._session.post(path, body)  # any other failure: patiently
        rows = []
        for line in response.content.splitlines():
            # a line that cannot be read is asked for by itself, as is a DID without a line
            with suppress(SourceError):
                row = self._session.parse(line, path)
                if isinstance(row, dict) and isinstance(row.get("name"), str):
                    rows.append(row)
        if response.content.strip() and not rows:
            raise self._session.unexpected(path)
        return rows

    def _one(self, did: _Row, plugin: str) -> _Row | None:
        path = f"{did_path(did['scope'], did['name'])}/meta"
        response = self._session.get(path, {"plugin": plugin}, accept=(404,))
        if response.status_code == 404:
            return None
        row = self._session.parse(response.content, path)
        if not isinstance(row, dict) or row.get("name") != did["name"]:
            raise self._session.unexpected(path)
        return row

    def _rules(self, listing: Listing, scope: str, kind: str, dids: list[_Row]) -> dict[str, list[_Row]]:
        """The rules on each DID, and on each dataset also those of its containers."""
        found = {did["name"]: listing.rules(scope, did["name"]) for did in dids}
        if kind != "dataset" or not dids or not self._dataset_locks:
            return found
        path = "/locks/bulk_locks_for_dids"
        body = {"dids": [{**did, "type": "dataset"} for did in dids]}
        response = self._session.post(path, body, accept=(404, 405))
        if response.status_code != 200:  # Rucio before 1.29
            self._dataset_locks = False
            return found
        for lock in self._session.rows(response, path):
            rules = found.get(str(lock.get("name")))
            rule_id = str(lock.get("rule_id"))
            if rules is None or any(rule["id"] == rule_id for rule in rules):
                continue
            if (rule := listing.rule(rule_id) or self._rule(listing, rule_id)) is not None:
                rules.append(rule)
        for rules in found.values():
            rules.sort(key=lambda rule: str(rule["id"]))
        return found

    def _rule(self, listing: Listing, rule_id: str) -> _Row | None:
        """A rule of another scope, or made since the rules were listed; None: it has ended."""
        path = f"/rules/{quote(rule_id, safe='')}"
        response = self._session.get(path, accept=(404,))
        if response.status_code == 404:
            return None
        row = self._session.parse(response.content, path)
        if not isinstance(row, dict) or row.get("id") != rule_id:
            raise self._session.unexpected(path)
        rule = _only(row, _RULE_COLUMNS)
        listing.add_rule(rule)
        return rule

    def _replicas(self, kind: str, dids: list[_Row]) -> dict[str, list[_Row]]:
        found: dict[str, list[_Row]] = {}
        if not dids or kind == "container":  # Rucio counts replicas of datasets and files
            return found
        if kind == "dataset":
            for row in self._post_rows("/replicas/datasets_bulk", {"dids": dids}):
                found.setdefault(str(row.get("name")), []).append(_only(row, _REPLICA_COLUMNS))
            for rows in found.values():
                rows.sort(key=lambda row: str(row.get("rse")))
            return found
        body = {"dids": dids, "all_states": True}
        for row in self._post_rows("/replicas/list", body):
            states = row.get("states")
            for rse, state in sorted(states.items()) if isinstance(states, dict) else ():
                size = row.get("bytes") if state == "AVAILABLE" else 0
                found.setdefault(str(row.get("name")), []).append({"rse": rse, "state": state, "available_bytes": size})
        return found

    def _post_rows(self, path: str, body: _Row) -> list[_Row]:
        # without this, replicas are listed as metalink
        response = self._session.post(path, body, headers={"Accept": "application/x-json-stream"})
        return self._session.rows(response, path)

    def _count(self, scope: str, name: str, document: _Row) -> None:
        """Complete a dataset's size and replicas where Rucio's daemons have not counted them yet.

        An open dataset has no size in its columns; its replicas may know it. A summary of replicas that counts
        another number of files than the dataset has is out of date, and Rucio is asked to count the files.
        """
        columns, replicas = document["did"], document["replicas"]
        length = columns.get("length")
        if length is None or columns.get("bytes") is None:
            counts = {(row.get("bytes"), row.get("length")) for row in replicas}
            known = counts.pop() if len(counts) == 1 else (None, 0)
            size = {"bytes": known[0], "length": known[1]} if known[1] else self._size(scope, name)
            document["size"] = size
            length = size.get("length") if length is None else length
        if not length or (replicas and all(row.get("length") == length for row in replicas)):
            return
        path = f"/replicas/{quote(scope, safe='')}/{quote(name, safe='')}/datasets"
        response = self._session.get(path, {"deep": "True"}, accept=(404,))
        if response.status_code == 404:
            return
        counted = {str(row.get("rse")): _only(row, _REPLICA_COLUMNS) for row in self._session.rows(response, path)}
        # the count knows only what is available: an RSE that waits for its first file is in the summary alone
        summary = {str(row.get("rse")): row for row in replicas}
        document["replicas"] = [row for _, row in sorted((summary | counted).items())]

    def _size(self, scope: str, name: str) -> _Row:
        """Bytes and files of a collection, summed by Rucio now; empty if it is gone."""
        path = did_path(scope, name)
        response = self._session.get(path, {"dynamic_depth": "FILE"}, accept=(404,))
        if response.status_code == 404:
            return {}
        row = self._session.parse(response.content, path)
        if not isinstance(row, dict):
            raise self._session.unexpected(path)
        return _only(row, ("bytes", "length"))

    def _contents(self, listing: Listing, scope: str, name: str) -> list[_Row]:
        """The first children by name; all of them learn their parent."""
        path = f"{did_path(scope, name)}/dids"

        def children() -> Iterator[tuple[str, str, str]]:
            for row in self._session.lines(path):
                if not isinstance(row, dict) or not isinstance(row.get("name"), str):
                    raise self._session.unexpected(path)
                child = (str(row.get("scope") or scope), row["name"], str(row.get("type")))
                listing.add_parent(child[:2], (scope, name))
                yield child

        try:
            first = heapq.nsmallest(MAX_CONTENTS, children())
        except SourceError as error:
            if error.context.get("status") != 404:  # deleted since it was listed
                raise
            return []
        return [dict(zip(("scope", "name", "type"), child, strict=True)) for child in first]


def _only(row: _Row, columns: Iterable[str]) -> _Row:
    """The columns that matter: the rest (lock counts, times of access) would make every harvest a change."""
    return {column: row[column] for column in columns if row.get(column) is not None}
