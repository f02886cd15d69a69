"""Where a Rucio harvest keeps its listings: a private temporary file, so that a lake of any size fits.

SQLite keeps the file (made for an empty path, it has no name and vanishes with the connection) and
holds a few megabytes of it in memory. It sorts text by code point, as Python does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

_TABLES = """
create table name (name text primary key) without rowid;
create table rule (id text primary key, scope text, name text, row text) without rowid;
create index rule_did on rule (scope, name);
create table parent (
    scope text, name text, of_scope text, of_name text, primary key (scope, name, of_scope, of_name)
) without rowid;
"""
MAX_PARENTS = 100  # a dataset is in a few containers


class Listing:
    """Names of one scope and type, rules, and who is in which container; use it in a ``with``."""

    def __enter__(self) -> Self:
        # a generator may be closed by another thread than the one that ran it
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute("pragma journal_mode = off")  # nothing here outlives a crash
        self._file.executescript(_TABLES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def fill(self, names: Iterable[str]) -> None:
        """Take another list of names instead of the last."""
        self._file.execute("delete from name")
        self._file.executemany("insert or ignore into name values (?)", ((name,) for name in names))

    def names(self, after: str, limit: int) -> list[str]:
        """The next names in order."""
        rows = self._file.execute("select name from name where name > ? order by name limit ?", (after, limit))
        return [name for (name,) in rows]

    def add_rule(self, rule: dict[str, Any]) -> None:
        """Keep a rule, with its ``id``, ``scope`` and ``name``."""
        values = (rule["id"], rule.get("scope"), rule.get("name"), json.dumps(rule))
        self._file.execute("insert or replace into rule values (?, ?, ?, ?)", values)

    def rule(self, rule_id: str) -> dict[str, Any] | None:
        """A rule by its id."""
        found = self._file.execute("select row from rule where id = ?", (rule_id,)).fetchone()
        return json.loads(found[0]) if found else None

    def rules(self, scope: str, name: str) -> list[dict[str, Any]]:
        """The rules made for one DID, by id."""
        rows = self._file.execute("select row from rule where scope = ? and name = ? order by id", (scope, name))
        return [json.loads(row) for (row,) in rows]

    def add_parent(self, child: tuple[str, str], parent: tuple[str, str]) -> None:
        """Keep that ``child`` is in ``parent``, both (scope, name)."""
        self._file.execute("insert or ignore into parent values (?, ?, ?, ?)", (*child, *parent))

    def parents(self, scope: str, name: str) -> list[dict[str, str]]:
        """The containers that hold one DID, of those that were read."""
        rows = self._file.execute(
            "select of_scope, of_name from parent where scope = ? and name = ? order by 1, 2 limit ?",
            (scope, name, MAX_PARENTS),
        )
        return [{"scope": of_scope, "name": of_name} for of_scope, of_name in rows]
