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
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

from harvesters.base import Begin, Page
from harvesters.http import PoliteClient
from harvesters.rucio_dids import RULE_COLUMNS, Dids, only
from harvesters.rucio_listing import Listing
from harvesters.rucio_session import RucioSession, did_path
from schemas.errors import SettingsError, SourceError

TYPES = ("container", "dataset", "file")  # the order of a harvest: containers tell the parents of datasets
# A DID with its metadata is 2 to 5 kB, so that a page is about a megabyte, and a kill costs a few seconds
PAGE = 250


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
        self._dids = Dids(self._session)
        self._configured = tuple(scopes)
        self._types = tuple(word for word in TYPES if word in types)
        self._page = page

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
                        items, problems = self._dids.fetch(listing, scope, kind, names)
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
            rows = self._dids.post_rows("/dids/bulkmeta", {"dids": [{"scope": scope, "name": name}]})
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
                listing.add_rule(only(row, RULE_COLUMNS))

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
                    self._dids.contents(listing, scope, after)
