"""The runner: what a harvester yields goes into the store, resumable after a kill at any point.

It owns what is the same for all protocols: one harvest of a source at a time, the checkpoint saved with the documents,
quarantine, deletions on evidence alone, and the alarms. A harvest passes three stages, and is taken up in the one
where it was cut short: ``pages``, ``listing`` (the identifiers, where nothing else tells what is gone) and
``difference``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from catalog import clock, runs
from catalog.documents import HarvestProgress, Put, Quarantined
from catalog.lease import Lease
from catalog.store import ANNOUNCED, Store
from catalog.translate import Document, translate
from harvesters import alarms
from harvesters.alarms import Alarm
from harvesters.base import Begin, Fetched, Harvester, Page
from harvesters.report import Progress, RunResult
from schemas.errors import AsterismError, SourceError, StoreError

__all__ = ["Progress", "RunResult", "harvest"]

VANISHED = "the source does not have it any more"
_TWICE = "the source gave two different documents under this identifier; the later one was taken"
_AT_ONCE = 500  # documents in one transaction, and
_BYTES_AT_ONCE = 8 * 1024 * 1024  # of raw documents: some 100 ms
_PATIENCE = 3  # times in a row that a source may fail when asked for one record, before it counts as failing
_NONE: Mapping[str, Any] = {}


def harvest(
    store: Store,
    source: str,
    kind: str,
    harvester: Harvester,
    *,
    full: bool = False,
    map_options: Mapping[str, Any] = _NONE,
    endpoint: str | None = None,
    scope: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    now: clock.Clock = clock.now,
) -> RunResult:
    """Harvest one source to the end, or as far as it lets us.

    A source that fails is told in ``RunResult.error``, not raised: its checkpoint stays, nothing is deleted by
    difference, and the next harvest goes on there. Being stopped (``KeyboardInterrupt``) is raised; the next harvest
    goes on there too.

    Parameters
    ----------
    full
        Everything again, whatever an unfinished incremental harvest had reached.
    map_options
        The mapping's options, a crosswalk for one.
    endpoint
        The address, for the records' provenance.
    scope
        A fingerprint of what is harvested (address, set, query): when it changes, the harvest starts afresh.
    now
        The clock, UTC.
    """
    started = time.monotonic()
    mode = "full" if full else "incremental"
    try:
        with Lease(store, f"harvest of {source}") as lease:
            at = clock.stamp(now())
            run, resumed = runs.begin(store.database, source, kind, full=full, endpoint=endpoint, scope=scope, at=at)
            work = _Harvest(store, run, harvester, lease, map_options, endpoint, progress, now)
            error = work.attempt()
            return work.result(time.monotonic() - started, error, resumed=resumed)
    except AsterismError as error:  # the lease is another's, or the store itself fails
        return RunResult(source, mode, seconds=time.monotonic() - started, error=error)


class _Harvest:
    """One harvest, under its lease."""

    def __init__(
        self,
        store: Store,
        run: runs.Run,
        harvester: Harvester,
        lease: Lease,
        map_options: Mapping[str, Any],
        endpoint: str | None,
        progress: Callable[[Progress], None] | None,
        now: clock.Clock,
    ) -> None:
        self._store, self._run, self._harvester, self._lease = store, run, harvester, lease
        self._map_options, self._endpoint, self._progress, self._now = map_options, endpoint, progress, now
        self._source = run.source
        self._checkpoint = run.checkpoint
        self._stage = run.stage
        self._fetched, self._total, self._tally = run.fetched, run.total, run.tally
        self._track = run.mode == "full" or harvester.lists_all
        self._unnamed = 0
        self._repeated = 0
        self._alarms: list[Alarm] = []

    def attempt(self) -> AsterismError | None:
        """Go through the stages; gives what cut the harvest short, if anything did."""
        try:
            self._go()
            return None
        except AsterismError as error:
            failure = error
        except Exception as error:  # a fault of ours or an answer that no one foresaw: the other sources go on
            failure = SourceError("crash", f"{self._source}: the harvest failed: {type(error).__name__}: {error}")
            failure.__cause__ = error
        except BaseException:
            self._note("source.stopped", "the harvest was stopped")
            raise
        self._note(failure.code, failure.detail)
        return failure

    def result(self, seconds: float, error: AsterismError | None, *, resumed: bool) -> RunResult:
        tally = self._tally
        return RunResult(
            self._source,
            self._run.mode,
            self._fetched,
            tally.new,
            tally.changed,
            tally.unchanged,
            tally.deleted,
            tally.quarantined,
            self._repeated,
            seconds,
            error,
            self._alarms,
            self._store.last_seq(),
            resumed,
        )

    def _go(self) -> None:
        database = self._store.database
        known = runs.count_alive(database, self._source)
        if self._stage == "pages":
            for page in self._harvester.pages(Begin(self._run.since, self._checkpoint)):
                self._page(page)
            if self._track:
                met = runs.count_seen(database, self._run)
                self._repeated = max(0, self._fetched - met - self._unnamed)
                self._alarms += alarms.incomplete(self._source, self._total, met + self._unnamed)
                self._enter("difference")
            elif not self._harvester.announces_deletions:
                self._enter("listing")
        if self._stage == "listing":
            self._listing()
            self._enter("difference")
        if self._stage == "difference":
            self._difference(known)
        self._alarms += alarms.drop(self._source, known, runs.count_alive(database, self._source))
        self._alarms += alarms.refused(self._source, self._tally.quarantined, self._fetched)
        self._alarms += [Alarm(**one) for one in self._store.alarms(self._source)]
        since = self._harvester.since(self._checkpoint) if self._checkpoint is not None else None
        self._lease.check()
        runs.finish(database, self._run, since=since, alarms=self._plain_alarms(), at=self._at())

    # --- pages --------------------------------------------------------------------------------------------------

    def _page(self, page: Page) -> None:
        """Save a page; its checkpoint goes with its last documents."""
        harvested_at = self._at()
        left_out = [Quarantined(native_id, code, reason, raw=raw) for native_id, code, reason, raw in page.problems]
        self._unnamed += sum(one.native_id is None for one in left_out)
        named: dict[str, Fetched] = {}
        for item in page.items:  # of two documents with one name the last wins
            if (other := named.get(item.native_id)) and None not in (other.raw, item.raw) and other.raw != item.raw:
                left_out.append(Quarantined(item.native_id, "source.duplicate-identifier", _TWICE, raw=other.raw))
            named[item.native_id] = item
        repeats = len(page.items) - len(named)
        portions = list(_portions(list(named.values()))) or [[]]
        for n, portion in enumerate(portions):
            last = n == len(portions) - 1
            puts: list[Put] = []
            gone: list[str] = []
            quarantined = left_out if last else []
            for item in portion:
                if item.raw is None:
                    gone.append(item.native_id)
                    continue
                document = Document(
                    self._source,
                    item.native_id,
                    item.format,
                    item.raw,
                    endpoint=self._endpoint,
                    datestamp=item.datestamp,
                    harvested_at=harvested_at,
                )
                outcome = translate(document, self._map_options)
                if outcome.put is not None:
                    puts.append(outcome.put)
                if outcome.gone:
                    gone.append(item.native_id)
                quarantined = [*quarantined, *outcome.quarantined]
            fetched = len(portion) + (repeats + len(page.problems) if last else 0)
            self._save(puts, gone, quarantined, fetched, page, last=last)
        self._checkpoint = page.checkpoint

    def _save(
        self, puts: list[Put], gone: list[str], quarantined: list[Quarantined], fetched: int, page: Page, *, last: bool
    ) -> None:
        advanced = HarvestProgress(
            self._run.id, page.checkpoint if last else None, fetched, total=page.total, track=self._track
        )
        self._lease.check()
        self._tally += self._store.save(
            self._source, puts, gone, quarantined, progress=advanced, reason=ANNOUNCED, at=self._at()
        )
        self._fetched += fetched
        self._total = page.total if page.total is not None else self._total
        self._tell()

    # --- deletions that nobody announced ------------------------------------------------------------------------

    def _listing(self) -> None:
        """Write down all identifiers that the source has."""
        runs.clear_seen(self._store.database, self._run)  # an earlier attempt's list is out of date
        for native_ids in self._harvester.identifiers():
            self._lease.check()
            runs.note_seen(self._store.database, self._run, native_ids)
            self._tell()

    def _difference(self, known: int) -> None:
        """Ask for each record that was not met, and delete those that the source does not have."""
        database = self._store.database
        self._alarms += alarms.missing(self._source, runs.count_missing(database, self._run), known)
        failures: list[SourceError] = []
        in_a_row = 0
        for native_ids in runs.missing(database, self._run):
            for native_id in native_ids:
                try:
                    gone = self._harvester.is_gone(native_id)
                    in_a_row = 0
                except SourceError as error:
                    failures.append(error)
                    in_a_row += 1
                    if in_a_row >= _PATIENCE:
                        raise
                    continue
                if gone:
                    self._delete(native_id)
        self._alarms += alarms.unasked(self._source, len(failures), failures[-1].detail if failures else "")

    def _delete(self, native_id: str) -> None:
        # one at a time: asking took the source longer than the transaction takes us, and a kill repeats nothing
        advanced = HarvestProgress(self._run.id, None, 0)
        self._lease.check()
        self._tally += self._store.save(
            self._source, (), [native_id], progress=advanced, reason=VANISHED, at=self._at()
        )
        self._tell()

    # --- the books ----------------------------------------------------------------------------------------------

    def _enter(self, stage: str) -> None:
        self._lease.check()
        runs.enter(self._store.database, self._run, stage)
        self._stage = stage
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            last = self._store.last_seq()
            self._progress(Progress(self._source, self._stage, self._fetched, self._total, self._tally, last))

    def _note(self, code: str, detail: str) -> None:
        if code == "store.lease-lost":
            return  # whoever has it now keeps the books of this run
        with suppress(StoreError):  # when the store is what failed, the run says running, and is resumed all the same
            runs.fail(
                self._store.database, self._run, code=code, error=detail, alarms=self._plain_alarms(), at=self._at()
            )

    def _plain_alarms(self) -> list[dict[str, str]]:
        return [{"code": alarm.code, "detail": alarm.detail} for alarm in self._alarms]

    def _at(self) -> str:
        return clock.stamp(self._now())


def _portions(items: list[Fetched]) -> Iterator[list[Fetched]]:
    portion: list[Fetched] = []
    size = 0
    for item in items:
        length = len(item.raw or b"")
        if portion and (len(portion) >= _AT_ONCE or size + length > _BYTES_AT_ONCE):
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += length
    if portion:
        yield portion
