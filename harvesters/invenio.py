"""InvenioRDM and Zenodo over their REST API, past the 10,000 results that one search shows.

The API sorts by the time of the last update and filters by it, so a harvest is a list of windows of update time,
each small enough to be read page by page. A window that holds too much is cut in two; one whose pages do not add up
to the total it announced (records that were updated meanwhile have moved to a later window, and pushed the rest
forward by one) is read again. What runs past the last window's open end is simply found there.

Deleted records vanish from the search without a word; asked for by name they answer 410 with a tombstone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from harvesters.base import Begin, Fetched, Page
from harvesters.invenio_search import (
    ACCEPT,
    FLOOR,
    SAFE_PAGE_SIZE,
    Found,
    Search,
    Wall,
    Window,
    moment_of,
    read_object,
    records_url,
    stamp,
    updated_of,
    window_of,
)
from mappings.invenio import is_tombstone
from schemas.errors import SourceError

if TYPE_CHECKING:
    from harvesters.http import PoliteClient

FORMAT = "invenio"
WALL = 10_000  # OpenSearch's index.max_result_window; a page beyond it answers 400
WINDOW = 1_000  # records that are read in one go: few enough that a window is seldom disturbed, and cheap to repeat
OVERLAP = timedelta(minutes=10)  # a record may enter the index that much after the time it carries
ATTEMPTS = 3
_RESOLUTION = timedelta(milliseconds=1)  # of dates in OpenSearch


@dataclass(slots=True)
class _Step:
    """One page on the way through the windows; ``pending`` is what is left once it is saved."""

    hits: list[Any]
    pending: list[Window]


class InvenioHarvester:
    """One repository, all of it or what a query or communities select.

    Parameters
    ----------
    client
        Knows how fast the source may be asked, and sends the token if there is one.
    url
        Address of the site, of its API, or of the API's ``records``.
    query
        In the repository's own search syntax.
    communities
        Slugs or UUIDs; records in any of them.
    page_size
        Records to a page.
    wall, window
        See ``WALL`` and ``WINDOW``.
    all_versions
        Every version of a record, as each has a DOI of its own; False: the latest.
    now
        Clock, for sources that do not send theirs.
    """

    lists_all = False
    announces_deletions = False

    def __init__(
        self,
        client: PoliteClient,
        url: str,
        *,
        query: str | None = None,
        communities: Sequence[str] = (),
        page_size: int = SAFE_PAGE_SIZE,
        wall: int = WALL,
        window: int = WINDOW,
        overlap: timedelta = OVERLAP,
        all_versions: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._records = records_url(url)
        self._query = (query or "").strip()
        self._communities: list[str | None] = list(communities) or [None]
        self._wall, self._window = wall, min(window, wall)
        self._overlap, self._now = overlap, now
        self._search = Search(
            client,
            self._records,
            query=self._query,
            page_size=min(page_size, wall),
            wall=wall,
            all_versions=all_versions,
        )

    # -- the protocol

    def pages(self, begin: Begin) -> Iterator[Page]:
        """Yield what was updated since ``begin.since`` less the overlap, oldest first within a window.

        Raises
        ------
        SourceError
            ``source.bad-answer``, ``source.refused``, ``source.incomplete``, ``source.window-too-full``, and what
            the client raises.
        """
        state = begin.checkpoint or self._start(begin.since)
        try:
            pending = [window_of(plain) for plain in state["pending"]]
            latest = moment_of(state["latest"])
            started, total = str(state["started"]), state["total"]
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                "bad-checkpoint", "the saved place of the harvest is unreadable; run it with --full"
            ) from error
        for step in self._walk(pending):
            items, problems = _documents(step.hits)
            for item in items:
                moment = moment_of(item.datestamp)
                latest = max(latest, moment) if latest and moment else latest or moment
            checkpoint = {
                "pending": [window.plain() for window in step.pending],
                "latest": latest.isoformat() if latest else None,
                "started": started,
                "total": total,
            }
            yield Page(items, checkpoint, total=total, problems=problems)

    def since(self, checkpoint: dict[str, Any]) -> str | None:
        """Give the time of the newest update seen, or of the start by the source's clock, whichever is earlier.

        The first alone would wait for ever behind a record that carries a date in the future; the second would
        pass over updates when the clocks of the server and of its database disagree.
        """
        latest, started = moment_of(checkpoint.get("latest")), moment_of(checkpoint.get("started"))
        if latest is None:
            return None
        return stamp(min(latest, started) if started else latest)

    def identifiers(self) -> Iterator[list[str]]:
        """List the ids of all records in scope."""
        for step in self._walk([Window(community) for community in self._communities]):
            items, _ = _documents(step.hits)
            yield [item.native_id for item in items if item.raw is not None]

    def is_gone(self, native_id: str) -> bool:
        """Ask for one record: 404, 410 or a tombstone, or it no longer matches the query or the communities."""
        url = f"{self._records}/{quote(native_id, safe='')}"
        answer = self._client.get(url, headers=ACCEPT, accept=(403, 404, 410))
        if answer.status_code in (404, 410):
            return True
        document = read_object(answer)  # a firewall's 403 is HTML, and says nothing about the record
        if answer.status_code == 403 or is_tombstone(document):
            return True  # restricted by now: what anonymous readers cannot see is not ours to show
        if str(document.get("id", "")) != native_id:
            return True  # redirected to the record that took its place
        if not self._query and self._communities == [None]:
            return False
        named = f'id:"{native_id}"'
        return not any(
            self._search.ask(Window(community), 1, size=1, more=named).total for community in self._communities
        )

    # -- windows

    def _start(self, since: str | None) -> dict[str, Any]:
        low = moment_of(since)
        low = low - self._overlap if low else None
        windows = [Window(community, low) for community in self._communities]
        probes = [self._search.ask(window, 1, size=1) for window in windows]
        started = probes[0].date or self._now()
        return {
            "pending": [window.plain() for window in windows],
            "latest": since,
            "started": started.isoformat(),
            "total": sum(probe.total for probe in probes),
        }

    def _walk(self, pending: list[Window]) -> Iterator[_Step]:
        """Read window after window; a window stays pending until its last page, so that a restart repeats it whole."""
        while pending:
            window, *rest = pending
            first = self._search.ask(window, 1)
            if first.total > self._window and (halves := self._halves(window, first)):
                pending = [*halves, *rest]
                continue
            try:
                yield from self._read(window, first, rest)
                pending = rest
            except Wall:
                # the server's wall is nearer than its configuration, or ours, says: smaller windows from here on
                halves = self._halves(window, first)
                if not halves:
                    raise _too_full(self._records, window, first.total) from None
                pending = [*halves, *rest]

    def _read(self, window: Window, found: Found, rest: list[Window]) -> Iterator[_Step]:
        """Yield the pages of one window until they add up to its total; ``found`` is the first page."""
        if found.total > self._wall:
            raise Wall
        for attempt in range(ATTEMPTS):
            if attempt:
                found = self._search.ask(window, 1)
            announced, page = found.total, 1
            seen: set[str] = set()
            while True:
                before = len(seen)
                seen.update(_key(hit, page, n) for n, hit in enumerate(found.hits))
                # a total that fell means that something left the window, and what came after it moved up unseen
                done = len(seen) >= found.total >= announced
                yield _Step(found.hits, rest if done else [window, *rest])
                if done:
                    return
                if len(seen) == before or len(seen) >= found.total:  # no hits, or those of other pages once more
                    break
                page += 1
                found = self._search.ask(window, page)
        what = f"{self._records} announces {found.total} records where it shows {len(seen)}; harvest it again later"
        raise SourceError("incomplete", what, announced=found.total, shown=len(seen), window=window.plain())

    def _halves(self, window: Window, found: Found) -> list[Window] | None:
        """Cut a window in two that share their common end; None when it is too narrow for that."""
        moments = [moment for hit in found.hits if isinstance(hit, dict) and (moment := updated_of(hit))]
        if window.clause() and not all(window.holds(moment) for moment in moments):
            what = f"{self._records} does not keep to the window of updates it is asked for; check the query"
            raise SourceError("bad-answer", what, window=window.plain())
        # the oldest hit is a better end than 1970, and any moment inside will do
        low = max([window.low or FLOOR, *([min(moments)] if moments else [])])
        high = window.high or max([self._now(), *moments]) + timedelta(seconds=1)
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=middle.microsecond // 1000 * 1000)
        if not (window.low or FLOOR) + _RESOLUTION <= middle <= high - _RESOLUTION:
            return None
        return [Window(window.community, window.low, middle), Window(window.community, middle, window.high)]


def _key(hit: Any, page: int, place: int) -> str:
    """What tells one result from another; one without an id is itself alone."""
    return str(hit.get("id", hit.get("recid"))) if isinstance(hit, dict) and hit else f"{page}: {place}"


def _documents(hits: list[Any]) -> tuple[list[Fetched], list[tuple[str | None, str, str, bytes]]]:
    items: list[Fetched] = []
    problems: list[tuple[str | None, str, str, bytes]] = []
    for hit in hits:
        native_id = hit.get("id", hit.get("recid")) if isinstance(hit, dict) else None
        if isinstance(native_id, bool) or not isinstance(native_id, (str, int)) or native_id == "":
            problems.append((None, "source.no-identifier", "a search result without an id", orjson.dumps(hit)))
            continue
        updated = updated_of(hit)
        datestamp = stamp(updated) if updated else None
        if is_tombstone(hit):
            items.append(Fetched(str(native_id), None, FORMAT, datestamp))
            continue
        # counts of views move every day: with them, every record would be a changed one in every full harvest
        try:
            raw = orjson.dumps({key: value for key, value in hit.items() if key != "stats"})
        except orjson.JSONEncodeError as error:  # nested deeper than 254
            problems.append((str(native_id), "source.bad-record", f"the record cannot be kept as JSON: {error}", b""))
            continue
        items.append(Fetched(str(native_id), raw, FORMAT, datestamp))
    return items, problems


def _too_full(records: str, window: Window, total: int) -> SourceError:
    what = f"{records} has {total} records with one update time, more than it shows; harvest it by query or communities"
    return SourceError("window-too-full", what, window=window.plain(), total=total)
