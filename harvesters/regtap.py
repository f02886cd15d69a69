"""A relational registry (IVOA RegTAP 1.0 to 1.2) through TAP: one JSON document for each ``ivoid``.

pyvo writes the queries and reads the answers; the requests go through our own client, so that its rate, bounds and
errors hold here too.

A document has the columns of ``rr.resource`` under their own lower-case names, and for each further table a list of
row objects (without ``ivoid``), see :data:`TABLES`. What is masked, NaN or an empty string (which VOTable cannot tell
from none) is null.

Every harvest passes over everything. RegTAP has no date at which it took a record up: ``updated`` is what the
resource's author says, often long before the registry first shows it, so a window on it would miss new records for
good. Nor does it announce deletions. All of the VO's 30,000 resources are some four hundred queries.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from typing import Any

import orjson

from harvesters.base import Begin, Fetched, Page
from harvesters.http import PoliteClient, public_url
from schemas.errors import SourceError

# table -> its name in the document. A service may lack any of them: 1.0 has neither stc_* nor alt_identifier
TABLES = {
    "rr.res_subject": "subjects",
    "rr.res_role": "roles",
    "rr.res_date": "dates",
    "rr.relationship": "relationships",
    "rr.capability": "capabilities",
    "rr.interface": "interfaces",
    "rr.alt_identifier": "alt_identifiers",
    "rr.res_detail": "details",
    "rr.stc_spatial": "stc_spatial",
    "rr.stc_temporal": "stc_temporal",
    "rr.stc_spectral": "stc_spectral",
}
# Resources in one page: with their rows in all tables some 10 MB of VOTable
PAGE = 1000
# Identifiers in one answer of a listing
LISTED = 10_000
# Rows that we ask to be allowed. A service that allows fewer says OVERFLOW, and the partition is split
MAXREC = 1_000_000
_MARKUP = re.compile(rb"\s*(\xef\xbb\xbf)?\s*(<\?.*?\?>\s*|<!--.*?-->\s*)*<(!DOCTYPE|!ENTITY|html)", re.DOTALL | re.I)

Row = dict[str, Any]


class RegTapHarvester:
    """One RegTAP service.

    Parameters
    ----------
    client
        Sends the requests.
    url
        Base URL of the TAP service, before ``/sync``.
    page
        Resources in a page.
    """

    lists_all = True
    announces_deletions = False

    def __init__(self, client: PoliteClient, url: str, *, page: int = PAGE) -> None:
        self._client, self._url, self._page = client, url.rstrip("/"), page
        self._known: list[str] | None = None

    def pages(self, begin: Begin) -> Iterator[Page]:
        """Yield resources in the service's order of ivoids; the checkpoint is ``{"after": ivoid, "done"}``."""
        state = begin.checkpoint or {}
        after = state.get("after")
        if state.get("done"):  # killed between the last page and the end of the harvest
            yield Page([], state)
            return
        total = self._count()
        size = self._page
        while True:
            resources, size = self._next("*", after, size)
            if not resources:
                # a short page is no end: a service may cut below what we asked for and not say so
                yield Page([], {"after": after, "done": True}, total)
                return
            ids = [_ivoid(row) for row in resources]
            details = {table: self._rows(table, after, ids) for table in self._tables()}
            after = ids[-1]
            items = [_document(row, details) for row in resources]
            yield Page(items, {"after": after, "done": False}, total)

    def since(self, checkpoint: dict[str, Any]) -> str | None:
        """None: see the module."""
        return None

    def identifiers(self) -> Iterator[list[str]]:
        """List all ivoids."""
        after: str | None = None
        size = LISTED
        while True:
            rows, size = self._next("ivoid", after, size)
            if not rows:
                return
            ids = [_ivoid(row) for row in rows]
            after = ids[-1]
            yield [ivoid.lower() for ivoid in ids]

    def is_gone(self, native_id: str) -> bool:
        """Whether ``rr.resource`` has no such ivoid (they are in lower case there, RegTAP 1.1, section 4.1)."""
        rows, _ = self._query(f"SELECT ivoid FROM rr.resource WHERE ivoid = {_literal(native_id)}")
        return not rows

    # -- queries

    def _tables(self) -> list[str]:
        """Those of :data:`TABLES` that the service has."""
        if self._known is None:
            rows, _ = self._query("SELECT table_name FROM tap_schema.tables WHERE table_name LIKE 'rr.%'")
            names = {str(row["table_name"]).strip().strip('"').lower() for row in rows}
            if "rr.resource" not in names:
                what = (
                    f"{public_url(self._url)} has no table rr.resource, so it is no RegTAP service; look at the address"
                )
                raise SourceError("no-regtap", what)
            self._known = [table for table in TABLES if table in names]
        return self._known

    def _count(self) -> int | None:
        self._tables()
        rows, _ = self._query("SELECT COUNT(*) AS n FROM rr.resource")
        return int(next(iter(rows[0].values()))) if rows else None

    def _next(self, columns: str, after: str | None, size: int) -> tuple[list[Row], int]:
        """The next resources in the order of ivoids, and how many to ask for from now on.

        Raises
        ------
        SourceError
            ``source.truncated`` when the service cannot give even one; ``source.bad-answer`` when it does not go on.
        """
        place = f" WHERE ivoid > {_literal(after)}" if after is not None else ""
        while True:
            rows, whole = self._query(f"SELECT TOP {size} {columns} FROM rr.resource{place} ORDER BY ivoid")
            if whole:
                break
            if size == 1:
                raise _truncated(self._url, "one row of rr.resource")
            size = max(1, size // 2)
        if after is not None and any(_ivoid(row) == after for row in rows):
            raise SourceError("bad-answer", f"{public_url(self._url)} does not go on after {after!r}")
        return rows, size

    def _rows(self, table: str, after: str | None, ids: list[str]) -> dict[str, list[Row]]:
        """All rows of ``table`` for the resources ``ids``, which are those that follow ``after``, by ivoid."""
        low = f"ivoid > {_literal(after)} AND " if after is not None else ""
        rows, whole = self._query(f"SELECT * FROM {table} WHERE {low}ivoid <= {_literal(ids[-1])}")
        if not whole:
            if len(ids) == 1:
                raise _truncated(self._url, f"{table} for {ids[0]}")
            half = len(ids) // 2
            return self._rows(table, after, ids[:half]) | self._rows(table, ids[half - 1], ids[half:])
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(str(row.pop("ivoid")), []).append(row)
        return found

    def _query(self, adql: str) -> tuple[list[Row], bool]:
        """The rows of an answer, and whether it is whole (not an OVERFLOW, nor larger than the client takes)."""
        # the first query waits for these, not whoever only wants to know which sources there are
        from astropy.io.votable import parse
        from pyvo.dal import DALFormatError, DALQueryError
        from pyvo.dal.tap import TAPQuery, TAPResults

        place = public_url(self._url)
        nothing = object()  # in place of a session: pyvo cannot reach the network by itself
        query = TAPQuery(self._url, adql, maxrec=MAXREC, session=nothing)
        try:
            # an error in the query is 200 with DaCHS and 400 with others; both carry a VOTable
            response = self._client.post(query.queryurl, data=dict(query), accept=(400,))
        except SourceError as error:
            if error.code == "source.too-large":
                return [], False
            raise
        if found := _MARKUP.match(response.content):
            if found[3].lower() == b"html" or b"<html" in response.content[:1000].lower():
                raise SourceError("bad-answer", f"{place} answers with HTML in place of a VOTable; look at the address")
            raise SourceError("hostile-xml", f"{place} answers with a document type or entities; it was not read")
        if not response.content.rstrip().endswith(b"VOTABLE>") and b"VOTABLE" in response.content[:1000]:
            raise SourceError("truncated", f"the answer of {place} was cut short")
        try:
            results = TAPResults(parse(io.BytesIO(response.content)), url=query.queryurl, session=nothing)
            status = results.query_status
            columns = {name.lower(): results.getcolumn(name).tolist() for name in results.fieldnames}
        except DALQueryError as error:
            what = " ".join(str(error.reason).split())[:300]
            raise SourceError("tap-error", f"{place} refuses a query: {what}", query=adql) from error
        except DALFormatError as error:
            raise SourceError("bad-answer", f"{place} answers with no table") from error
        except Exception as error:  # astropy lets expat's, its own and NumPy's errors through
            raise SourceError("bad-answer", f"{place} answers with no readable VOTable ({error})"[:400]) from error
        rows = [dict(zip(columns, map(_plain, values), strict=True)) for values in zip(*columns.values(), strict=True)]
        return rows, str(status).upper() != "OVERFLOW"


def _document(resource: Row, details: dict[str, dict[str, list[Row]]]) -> Fetched:
    ivoid = _ivoid(resource)
    document = dict(resource)
    for table, rows in details.items():
        # tables have no order, and documents are compared byte by byte
        document[TABLES[table]] = sorted(rows.get(ivoid, []), key=lambda row: orjson.dumps(row, option=_SORTED))
    return Fetched(ivoid.lower(), orjson.dumps(document, option=_SORTED), "regtap", resource.get("updated"))


_SORTED = orjson.OPT_SORT_KEYS


def _ivoid(row: Row) -> str:
    ivoid = row.get("ivoid")
    if not isinstance(ivoid, str):
        raise SourceError("bad-answer", "the service gives a row of rr.resource without ivoid")
    return ivoid


def _plain(value: Any) -> Any:
    """A JSON value of what a VOTable cell holds."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # a NumPy scalar or array inside an object column; masked ones become None
        return _plain(value.tolist())
    return None if value == "" else value


def _literal(text: str) -> str:
    """An ADQL string (ADQL 2.1, section 2.1.4)."""
    return "'" + text.replace("'", "''") + "'"


def _truncated(url: str, what: str) -> SourceError:
    detail = f"{public_url(url)} cuts short even {what}; nothing was deleted, ask its operators for a higher limit"
    return SourceError("truncated", detail)
