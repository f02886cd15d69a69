"""What each policy means: which datasets, by its query, and which RSEs, by its expression.

A query is asked as anybody's who may see all, of merged records; a container that it finds stands for all datasets
below it. What it found is kept beside the columns, with the number of the index's feed: the next time only what has
changed since is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from catalog import collecting, saved
from catalog.engine import Answer
from catalog.store import Store
from mappings import document
from placement import columns_file
from placement.columns import Columns
from placement.state import Lake, Mask
from schemas import rse_expression
from schemas.errors import PolicyError, QueryError
from schemas.policy import Policy
from schemas.query import Query, Sort, parse
from schemas.regions import Resolver

Search = Callable[[Query], Answer]

_VERSION = 1
_PAGE = 10_000  # ids; Elasticsearch gives no more at once
_MANY = 50_000  # changes, above which all is asked again
_TRIES = 3  # while the index goes on
_KEPT = 64  # queries whose finds are kept, the last asked first
_FILE = "placement.matches"


@dataclass(frozen=True, slots=True)
class Membership:
    """A policy, the datasets that it is about (shape N) and the RSEs of its expression (shape R)."""

    policy: Policy
    mask: Mask
    rses: Mask


def memberships(
    policies: Sequence[Policy],
    search: Search,
    columns: Columns,
    store: Store,
    resolve: Resolver | None = None,
    applied: Callable[[], int] | None = None,
    failed: list[PolicyError] | None = None,
) -> list[Membership]:
    """What the policies mean now, of the datasets in ``columns``.

    ``applied`` gives the feed number that ``search`` answers from; without it nothing is kept, and all asked anew.
    ``failed`` takes what is wrong with a policy, which is then left out; without it, that is raised.

    Raises
    ------
    PolicyError
        ``policy.bad-query``, ``policy.bad-expression``, ``policy.no-rse``; ``context["policy"]`` names the policy.
    """
    found = _Finds(columns.path.with_name(_FILE), store, search, applied)
    made = []
    for policy in policies:
        try:
            rses = rses_of(policy, columns.lake)
            query = query_of(policy, store, resolve)
            try:
                ids = found.ids(query)
            except QueryError as error:
                raise _bad_query(policy, error) from error
        except PolicyError as error:
            if failed is None:
                raise
            failed.append(error)
        else:
            made.append(Membership(policy, columns.standing_for(ids), rses))
    found.save()
    return made


def validate(policy: Policy, lake: Lake | None, store: Store, resolve: Resolver | None = None) -> None:
    """Raise what :func:`memberships` would raise before it searches; without a lake, no RSE need be meant."""
    query_of(policy, store, resolve)
    if lake is None:
        _expression(policy)
    else:
        rses_of(policy, lake)


def query_of(policy: Policy, store: Store, resolve: Resolver | None = None) -> Query:
    """The policy's query as it is asked: by id, as one who may see all; raises ``policy.bad-query``."""
    try:
        if (name := policy.saved_query) is not None:
            query = saved.get(store, name).parsed(resolve=resolve)
        else:
            query = parse(parse_qsl(policy.query, keep_blank_values=True), resolve)
    except QueryError as error:
        raise _bad_query(policy, error) from error
    return Query(
        text=query.text,
        words=query.words,
        filters=query.filters,
        region=query.region,
        relation=query.relation,
        unlocated=query.unlocated,
        covered=query.covered,
        spans=query.spans,
        sort=(Sort("id"),),
        limit=_PAGE,
        sees_all=True,
    )


def rses_of(policy: Policy, lake: Lake) -> Mask:
    """The RSEs of the policy's expression, shape R; raises ``policy.bad-expression``, ``policy.no-rse``."""
    names = _expression(policy).matching([(rse.name, rse.attributes) for rse in lake.rses])
    if not names:
        said = f"policy {policy.name}: {policy.rse_expression} means no RSE of {lake.source}, as it was harvested last"
        raise PolicyError("no-rse", said, policy=policy.name)
    return np.array([rse.name in names for rse in lake.rses], dtype=bool)


def _expression(policy: Policy) -> rse_expression.Expression:
    try:
        return rse_expression.parse(policy.rse_expression)
    except PolicyError as error:
        said = f"policy {policy.name}: {error.detail}"
        raise PolicyError("bad-expression", said, **error.context | {"policy": policy.name}) from error


def _bad_query(policy: Policy, error: QueryError) -> PolicyError:
    return PolicyError("bad-query", f"the query of policy {policy.name}: {error.detail}", policy=policy.name)


class _Finds:
    """The ids that queries find, S16, ascending; those asked before are brought up to the index."""

    def __init__(self, path: Path, store: Store, search: Search, applied: Callable[[], int] | None) -> None:
        self._path, self._store, self._search, self._applied = path, store, search, applied
        self._mark = [_VERSION, store.uuid, document.fingerprint()]
        self._kept: dict[str, tuple[int, Any]] = {}
        self._changed = False
        if applied is not None and (file := columns_file.read(path)) is not None and file[0]["mark"] == self._mark:
            self._kept = {name: (upto, file[1][name]) for name, upto in file[0]["upto"].items()}

    def ids(self, query: Query) -> Any:
        if self._applied is None or _depends(query):
            return self._asked(query)
        name = hashlib.blake2b(repr(query).encode("utf-8", "replace"), digest_size=16).hexdigest()
        upto, found = self._kept.pop(name, (-1, None))
        before = upto
        for _ in range(_TRIES):
            now = self._applied()
            if now == upto:
                break
            if found is None or not upto <= now <= upto + _MANY:
                found = self._asked(query)
            else:
                found = self._followed(query, found, upto, now)
            upto = now
        self._changed |= upto != before
        self._kept[name] = upto, found
        return found

    def _followed(self, query: Query, found: Any, upto: int, now: int) -> Any:
        """Without what has changed, but for what of it is found again."""
        changed = np.array(collecting.changed_ids(self._store, upto, now), dtype="S16")
        return np.union1d(np.setdiff1d(found, changed), self._asked(replace(query, after=upto)))

    def _asked(self, query: Query) -> Any:
        ids: list[str] = []
        while True:
            answer = self._search(query)
            ids += answer.ids
            if answer.next is None:
                return np.unique(np.array(ids, dtype="S16"))
            query = replace(query, cursor=answer.next)

    def save(self) -> None:
        """Keep what was found, if that is anything new."""
        if self._changed:
            kept = dict(list(self._kept.items())[-_KEPT:])
            header = {"mark": self._mark, "upto": {name: upto for name, (upto, _) in kept.items()}}
            columns_file.write(self._path, header, {name: found for name, (_, found) in kept.items()})


def _depends(query: Query) -> bool:
    """On more than the records that it finds: on the place of another, or on a thesaurus."""
    return (query.region is not None and query.region.record is not None) or "subjects.path" in repr(query)
