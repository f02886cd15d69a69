"""The policies in force: those of the settings file, and those that were added to the store, each in versions."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from catalog import clock
from catalog.store import Store
from catalog.tables import policy as table
from schemas.errors import PolicyError
from schemas.policy import Policy, read_policy


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a policy of the store; the newest one is in force unless it was removed."""

    policy: Policy
    created_at: str
    removed_at: str | None


def in_force(store: Store, configured: Sequence[Policy] = ()) -> list[Policy]:
    """The policies of the settings file and of the store, by name.

    Raises
    ------
    PolicyError
        ``policy.duplicate``: one of each has the same name, and neither is clearly meant.
    """
    added = [one.policy for one in _newest(store) if one.removed_at is None]
    twice = {one.name for one in configured} & {one.name for one in added}
    if twice:
        name = min(twice)
        said = f"the policy {name!r} is in the settings file and in the store; asterism policy remove {name}"
        raise PolicyError("duplicate", said, name=name)
    return sorted([*configured, *added], key=lambda one: one.name)


def named(policies: Sequence[Policy], name: str) -> Policy:
    """The policy of that name; raises ``policy.unknown``."""
    for one in policies:
        if one.name == name:
            return one
    raise _unknown(name)


def read_file(path: Path) -> list[Policy]:
    """The policies of a TOML or JSON file: one document, a list, or ``policies`` (``[[policies]]``) of them.

    Raises
    ------
    PolicyError
        ``policy.unreadable``, and what is wrong with a document.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:  # UnicodeDecodeError, JSONDecodeError, TOMLDecodeError among them
        raise PolicyError("unreadable", f"{path} cannot be read as a policy: {error}") from error
    if isinstance(found, dict) and set(found) == {"policies"}:
        found = found["policies"]
    documents = found if isinstance(found, list) else [found]
    if not documents or not all(isinstance(one, dict) for one in documents):
        raise PolicyError("unreadable", f"{path} holds no policy; write one as a table of name, query, rse_expression")
    policies = [read_policy(one, f"policy {n} of {path.name}") for n, one in enumerate(documents, 1)]
    names = [one.name for one in policies]
    for name in names:
        if names.count(name) > 1:
            raise PolicyError("duplicate", f"{path} has two policies named {name!r}; rename one", name=name)
    return policies


def add(store: Store, policy: Policy, configured: Sequence[Policy] = ()) -> Policy:
    """Keep a policy, as a new version where there is one of that name that says something else; the one in force.

    Raises
    ------
    PolicyError
        ``policy.duplicate``: the settings file has one of that name.
    """
    check_name(policy, configured)
    with store.database.writing() as connection:
        newest = _versions(connection, policy.name)[-1:]
        for one in newest:
            if one.removed_at is None and replace(policy, version=one.policy.version) == one.policy:
                return one.policy
        made = replace(policy, version=newest[0].policy.version + 1 if newest else 1)
        row = {"name": made.name, "version": made.version, "document": json.dumps(made.document())}
        connection.execute(insert(table), row | {"created_at": clock.stamp(clock.now()), "removed_at": None})
    return made


def check_name(policy: Policy, configured: Sequence[Policy]) -> None:
    """Raise ``policy.duplicate`` where the settings file has a policy of that name."""
    if any(one.name == policy.name for one in configured):
        said = f"the settings file has a policy {policy.name!r} already; change it there, or rename this one"
        raise PolicyError("duplicate", said, name=policy.name)


def remove(store: Store, name: str, configured: Sequence[Policy] = ()) -> None:
    """Take a policy out of force; its versions stay. Raises ``policy.unknown``, ``policy.in-settings``."""
    with store.database.writing() as connection:
        newest = _versions(connection, name)[-1:]
        if not newest or newest[0].removed_at is not None:
            if any(one.name == name for one in configured):
                raise PolicyError("in-settings", f"the policy {name!r} is in the settings file; take it out there")
            raise _unknown(name)
        same = (table.c.name == name, table.c.version == newest[0].policy.version)
        connection.execute(update(table).where(*same).values(removed_at=clock.stamp(clock.now())))


def history(store: Store, name: str) -> list[Version]:
    """All versions of a policy of the store, the oldest first."""
    with store.database.reading() as connection:
        return _versions(connection, name)


def _newest(store: Store) -> list[Version]:
    with store.database.reading() as connection:
        rows = connection.execute(select(table).order_by(table.c.name, table.c.version)).mappings().all()
    return list({row["name"]: _version(row) for row in rows}.values())


def _versions(connection: Connection, name: str) -> list[Version]:
    rows = connection.execute(select(table).where(table.c.name == name).order_by(table.c.version)).mappings()
    return [_version(row) for row in rows]


def _version(row: Mapping[Any, Any]) -> Version:
    policy = read_policy(json.loads(row["document"]), f"the policy {row['name']} of the store", row["version"])
    return Version(policy, row["created_at"], row["removed_at"])


def _unknown(name: str) -> PolicyError:
    return PolicyError("unknown", f"there is no policy {name[:80]!r}; asterism policy list", name=name[:80])
