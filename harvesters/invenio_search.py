"""One search of an InvenioRDM's records: its parameters, its answer, and the window of updates it looks through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from mappings import loose_json
from schemas.errors import SourceError

if TYPE_CHECKING:
    import httpx

    from harvesters.http import PoliteClient

FLOOR = datetime(1970, 1, 1, tzinfo=UTC)
SAFE_PAGE_SIZE = 25  # Zenodo's bound for anonymous readers since November 2025; 100 with a token
ACCEPT = {"Accept": "application/vnd.inveniordm.v1+json, application/json;q=0.9"}
# The same order by the names it has had; what a server does not know it refuses with 400
_SORTS = ("updated-asc", "oldest", None)


@dataclass(frozen=True, slots=True)
class Window:
    """Updates from ``low`` to ``high``, both included; None is an open end. ``community`` is None for all."""

    community: str | None
    low: datetime | None = None
    high: datetime | None = None

    def clause(self) -> str | None:
        if self.low is None and self.high is None:
            return None
        return f"updated:[{stamp(self.low or FLOOR)} TO {stamp(self.high) if self.high else '*'}]"

    def plain(self) -> list[str | None]:
        return [self.community, *(stamp(end) if end else None for end in (self.low, self.high))]

    def holds(self, moment: datetime) -> bool:
        """A second is forgiven, because servers round."""
        slack = timedelta(seconds=1)
        return (self.low is None or moment >= self.low - slack) and (self.high is None or moment <= self.high + slack)


@dataclass(slots=True)
class Found:
    """One page of a search."""

    hits: list[Any]
    total: int
    date: datetime | None


class Wall(Exception):  # noqa: N818 -- not an error: a page that the server will not show
    pass


class Search:
    """Searches one collection; ``wall`` is where the server stops showing results."""

    def __init__(
        self, client: PoliteClient, records: str, *, query: str, page_size: int, wall: int, all_versions: bool
    ) -> None:
        self._client, self._records, self._query = client, records, query
        self._page_size, self._wall, self._all_versions = page_size, wall, all_versions
        self._sorts = list(_SORTS)

    def ask(self, window: Window, page: int, *, size: int | None = None, more: str | None = None) -> Found:
        """Search once.

        Raises
        ------
        Wall
            When the page is past what the server shows.
        """
        params = self._params(window, page, size or self._page_size, more)
        if size is None and (page - 1) * self._page_size >= self._wall:
            raise Wall
        answer = self._client.get(self._records, params=params, headers=ACCEPT, accept=(400,))
        if answer.status_code != 400:
            return _read_page(answer)
        if page > 1:
            raise Wall
        refusal = _refusal(answer)
        if "sort" in refusal.casefold() and len(self._sorts) > 1:
            self._sorts.pop(0)
        elif "size" in refusal.casefold() and self._page_size > SAFE_PAGE_SIZE:
            self._page_size = SAFE_PAGE_SIZE
        else:
            what = f"{self._records} refuses the search: {refusal}; check query and communities"
            raise SourceError("refused", what, status=400)
        return self.ask(window, page, size=size, more=more)

    def _params(self, window: Window, page: int, size: int, more: str | None) -> dict[str, str]:
        clauses = [f"({self._query})"] if self._query else []
        params = {"page": str(page), "size": str(size)}
        if (community := window.community) is not None:
            word = community.replace("\\", "").replace('"', "")
            # Zenodo has a parameter; InvenioRDM ignores it without a word, but indexes what the query names
            params["communities"] = word
            clauses.append(f'(parent.communities.entries.slug:"{word}" OR parent.communities.ids:"{word}")')
        clauses += [clause for clause in (window.clause(), more) if clause]
        if clauses:
            params["q"] = " AND ".join(clauses)
        if self._sorts[0]:
            params["sort"] = self._sorts[0]
        if self._all_versions:
            # by InvenioRDM's and by Zenodo's documented name; each ignores the other's
            params |= {"allversions": "true", "all_versions": "true"}
        return params


def records_url(url: str) -> str:
    """Give the address of the records collection, from that of the site, its API or the collection itself."""
    parts = urlsplit(url.strip())
    path = parts.path.rstrip("/")
    if not path.endswith("/records"):
        path += "/records" if path.endswith("/api") else "/api/records"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _read_page(answer: httpx.Response) -> Found:
    document = read_object(answer)
    outer = document.get("hits")
    hits, total = (outer.get("hits"), outer.get("total")) if isinstance(outer, dict) else (None, None)
    if isinstance(total, dict):  # as OpenSearch itself writes it
        total = total.get("value")
    if not isinstance(hits, list) or isinstance(total, bool) or not isinstance(total, int) or total < 0:
        raise SourceError("bad-answer", f"{_name(answer)} answers JSON without hits and their total; is it InvenioRDM?")
    try:
        date = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        date = None
    return Found(hits, total, date.replace(tzinfo=date.tzinfo or UTC) if date else None)


def read_object(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = _parse(answer.content)
    except ValueError as error:
        kind = answer.headers.get("content-type", "no media type")
        what = f"{_name(answer)} answers {kind[:60]} that is no JSON; is the address that of the API?"
        raise SourceError("bad-answer", what) from error
    if not isinstance(document, dict):
        raise SourceError("bad-answer", f"{_name(answer)} answers JSON that is no object; is it InvenioRDM?")
    return document


def _parse(content: bytes) -> Any:
    """As strictly as it goes: one record with a NaN is no reason to do without the others of its page."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return loose_json.loads(content)


def _refusal(answer: httpx.Response) -> str:
    """What a 400 says, in words; InvenioRDM names the parameter in ``errors``."""
    try:
        document = read_object(answer)
    except SourceError:
        return "no reason given"
    words = [str(document.get("message", ""))]
    errors = document.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            words += [str(error.get("field", "")), *map(str, error.get("messages") or [error.get("message", "")])]
    return " ".join(word for word in words if word)[:300] or "no reason given"


def _name(answer: httpx.Response) -> str:
    return str(answer.request.url.copy_with(query=None, userinfo=b""))


def updated_of(hit: dict[str, Any]) -> datetime | None:
    # Zenodo's form of before 2023 says modified in some answers
    try:
        return moment_of(hit.get("updated") or hit.get("modified"))
    except ValueError:
        return None


def moment_of(text: Any) -> datetime | None:
    """Read an ISO 8601 time, UTC unless it says otherwise; None for nothing."""
    if not isinstance(text, str) or not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _rounded(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def stamp(moment: datetime) -> str:
    """A time in milliseconds, which is what OpenSearch keeps of it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def window_of(plain: Sequence[Any]) -> Window:
    community, low, high = plain
    return Window(community, moment_of(low), moment_of(high))
