"""What Rucio says of one page of DIDs, in bulk requests; see ``harvesters/rucio.py`` for which."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from harvesters.base import Fetched
from harvesters.rucio_listing import Listing
from harvesters.rucio_session import RucioSession, did_path
from mappings.rucio import MAX_CONTENTS, iso_date
from schemas.errors import SourceError

FORMAT = "rucio"

_REPLICA_COLUMNS = ("rse", "state", "bytes", "length", "available_bytes", "available_length", "accessed_at")
RULE_COLUMNS = (
    *("id", "scope", "name", "account", "rse_expression", "copies", "state", "activity", "grouping"),
    *("created_at", "expires_at", "locked", "subscription_id", "comments"),
)
_LOCK_COLUMNS = ("rule_id", "rse", "state")
_Row = dict[str, Any]


class Dids:
    """Asks about the DIDs of one server."""

    def __init__(self, session: RucioSession) -> None:
        self._session = session
        # What this server turns out not to have; asked once
        self._plugins = True
        self._dataset_locks = True

    def fetch(
        self, listing: Listing, scope: str, kind: str, names: list[str]
    ) -> tuple[list[Fetched], list[tuple[str | None, str, str, bytes]]]:
        """The documents of a page (see ``mappings/rucio.py``), and what could not be read, as in ``Page.problems``."""
        dids = [{"scope": scope, "name": name} for name in names]
        columns, metadata, unreadable = self._metadata(dids)
        problems: list[tuple[str | None, str, str, bytes]]
        problems = [(f"{scope}:{name}", "source.bad-record", why, b"") for name, why in unreadable.items()]
        present = [did for did in dids if did["name"] in columns]
        locks = self._locks(kind, present)
        rules = self._rules(listing, scope, present, locks or {})
        replicas = self._replicas(kind, present)
        items = []
        for did in present:
            name = did["name"]
            document: _Row = {"did": columns[name], "metadata": metadata[name]}
            document["rules"] = rules.get(name, [])
            if locks is not None:
                document["locks"] = locks.get(name, [])
            document["replicas"] = replicas.get(name, [])
            document["parents"] = listing.parents(scope, name)
            if kind == "container":
                document["contents"] = self.contents(listing, scope, name)
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

    def _locks(self, kind: str, dids: list[_Row]) -> dict[str, list[_Row]] | None:
        """Which rules hold which datasets where; None where the server cannot say, or for what is no dataset."""
        if kind != "dataset" or not self._dataset_locks:
            return None
        if not dids:
            return {}
        path = "/locks/bulk_locks_for_dids"
        body = {"dids": [{**did, "type": "dataset"} for did in dids]}
        response = self._session.post(path, body, accept=(404, 405))
        if response.status_code != 200:  # Rucio before 1.29
            self._dataset_locks = False
            return None
        found: dict[str, list[_Row]] = {}
        for lock in self._session.rows(response, path):
            found.setdefault(str(lock.get("name")), []).append(only(lock, _LOCK_COLUMNS))
        for rows in found.values():
            rows.sort(key=lambda row: (str(row.get("rule_id")), str(row.get("rse"))))
        return found

    def _rules(
        self, listing: Listing, scope: str, dids: list[_Row], locks: dict[str, list[_Row]]
    ) -> dict[str, list[_Row]]:
        """The rules on each DID, and on each dataset also those of its containers, by its locks."""
        found = {did["name"]: listing.rules(scope, did["name"]) for did in dids}
        for name, rules in found.items():
            known = {rule["id"] for rule in rules}
            for rule_id in sorted({str(lock.get("rule_id")) for lock in locks.get(name, ())} - known):
                if (rule := listing.rule(rule_id) or self._rule(listing, rule_id)) is not None:
                    rules.append(rule)
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
        rule = only(row, RULE_COLUMNS)
        listing.add_rule(rule)
        return rule

    def _replicas(self, kind: str, dids: list[_Row]) -> dict[str, list[_Row]]:
        found: dict[str, list[_Row]] = {}
        if not dids or kind == "container":  # Rucio counts replicas of datasets and files
            return found
        if kind == "dataset":
            for row in self.post_rows("/replicas/datasets_bulk", {"dids": dids}):
                found.setdefault(str(row.get("name")), []).append(only(row, _REPLICA_COLUMNS))
            for rows in found.values():
                rows.sort(key=lambda row: str(row.get("rse")))
            return found
        body = {"dids": dids, "all_states": True}
        for row in self.post_rows("/replicas/list", body):
            states = row.get("states")
            for rse, state in sorted(states.items()) if isinstance(states, dict) else ():
                size = row.get("bytes") if state == "AVAILABLE" else 0
                found.setdefault(str(row.get("name")), []).append({"rse": rse, "state": state, "available_bytes": size})
        return found

    def post_rows(self, path: str, body: _Row) -> list[_Row]:
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
        counted = {str(row.get("rse")): only(row, _REPLICA_COLUMNS) for row in self._session.rows(response, path)}
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
        return only(row, ("bytes", "length"))

    def contents(self, listing: Listing, scope: str, name: str) -> list[_Row]:
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


def only(row: _Row, columns: Iterable[str]) -> _Row:
    """The columns that matter: the rest (lock counts, times of access) would make every harvest a change."""
    return {column: row[column] for column in columns if row.get(column) is not None}
