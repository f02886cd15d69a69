"""`hints apply`: hints made true as rules in Rucio, once each, with a journal, under a cap and a stop file."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from catalog import clock
from catalog.lease import Lease
from catalog.store import Store
from placement.hand import Hand
from placement.journal import Entry, Journal, Step
from placement.rucio_rules import FALLEN, GONE, Rules
from placement.settings import LakeSettings
from placement.steps import Book, Line, line, steps, totals, unix
from schemas.errors import PlacementError, SourceError
from schemas.hint import Hint

_BATCH = 100  # steps planned in one transaction
_POLL = 5.0  # seconds
_SETTLED = (None, "OK", GONE, "SUSPENDED")  # states of a rule that time alone does not change


@dataclass(frozen=True, slots=True)
class Report:
    """What would be done, or was. ``left``: steps beyond the cap; ``stopped``: why it did not come to its end."""

    lines: Sequence[Line]
    run: str | None = None
    left: int = 0
    cut_short: int = 0
    stopped: str | None = None

    @property
    def stands(self) -> bool:
        """Whether nothing failed, and Rucio holds every rule, neither stuck nor suspended."""
        return self.stopped is None and not any(
            one.outcome == "failed"
            or (one.outcome == "skipped" and one.what == "create")
            or (one.state in FALLEN and one.what != "release")
            for one in self.lines
        )

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "run": self.run,
            "stands": self.stands,
            "stopped": self.stopped,
            "left": self.left,
            "cut_short": self.cut_short,
            "totals": totals(self.lines),
            "steps": [one.document() for one in self.lines],
        }


class _Stopped(Exception):  # noqa: N818 -- a reason to leave the rest for another time
    pass


@dataclass
class _Run:
    """A run under way: its name, what has come of its steps, and how many rules it may still make or change."""

    name: str
    may: int
    lease: Lease
    lines: list[Line] = field(default_factory=list)


class Applier:
    """Applies ``hints`` to the lake behind ``rules``; ``stop`` is the file that stops it."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        settings: LakeSettings,
        hints: Callable[[], Sequence[Hint]],
        stop: Path,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._store, self._rules, self._settings = store, rules, settings
        self._hints, self._stop, self._now, self._sleep = hints, stop, now, sleep
        self._journal = Journal(store)
        self._hand = Hand(rules, self._journal, now)

    # -- what is asked of it

    def plan(self, ids: Collection[str] = (), most: int | None = None) -> Report:
        """What :meth:`run` would do; changes nothing.

        Raises
        ------
        PlacementError
            ``placement.unknown-hint``.
        SourceError
            Rucio cannot be asked.
        """
        may, lines, left = self._cap(most), list[Line](), 0
        for one in self._steps(self._chosen(ids), self._book()):
            if isinstance(one, Line):
                lines.append(one)
            elif may > 0:
                may -= 1
                lines.append(line(one, "to do"))
            else:
                left += 1
        cut = len(self._journal.entries("planned"))
        return Report(lines, left=left, cut_short=cut, stopped=self._stop_file())

    def run(self, ids: Collection[str] = (), most: int | None = None) -> Report:
        """Do it: first what an earlier run was about to do when it was cut short, then what is new.

        Raises
        ------
        PlacementError
            ``placement.unknown-hint``.
        StoreError
            ``store.busy``: another run is at it.
        SourceError
            Rucio cannot be asked; nothing was changed.
        """
        hints = self._chosen(ids)
        with self._lease() as lease:
            book = self._book()
            cut = self._recover(book)
            run = self._begin(lease, cut, most)
            for entry in cut:
                self._journal.settle(entry, "failed", error="cut short before it was done; planned anew")
            wanted = list(self._steps(hints, book))
            run.lines += [one for one in wanted if isinstance(one, Line)]
            return self._go(run, [], [one for one in wanted if isinstance(one, Step)])

    def finish(self) -> Report:
        """Do the rest of what a run that was cut short had planned, and nothing else; raises as :meth:`run`."""
        with self._lease() as lease:
            cut = self._recover(self._book())
            return self._go(self._begin(lease, cut, None), cut, [])

    def roll_back(self) -> Report:
        """Undo the last run: let the rules that it made end now, give the others the end that they had.

        A rule is left as it is where it is not ours any more, or where its copy is the last one. Raises as :meth:`run`.
        """
        with self._lease() as lease:
            for entry in self._recover(self._book()):
                self._journal.settle(entry, "undone", error="cut short before it was done")
            if (name := self._journal.last_run()) is None:
                return Report([])
            run = _Run(name, 0, lease)
            try:
                for entry in reversed(self._journal.entries("done", name)):
                    self._look_before(run)
                    run.lines.append(self._undone(entry))
            except _Stopped as stopped:
                return Report(run.lines, name, stopped=str(stopped))
            return Report(run.lines, name)

    def watch(
        self, report: Report, *, wait: float | None = None, earlier: bool = True, policy: str | None = None
    ) -> Report:
        """The report with the state of each rule, and of those that earlier runs made and that still are in Rucio.

        ``wait``: look again until all are OK, for so many seconds at most. ``earlier``: those of earlier runs too;
        ``policy``: of these only the ones made for that policy.
        """
        deadline = self._now() + (wait or 0.0)
        while True:
            left = deadline - self._now()
            try:
                seen = self._seen(report, earlier, policy)
            except SourceError as error:  # what was done is worth telling all the same
                seen, said = report, str(error)
            else:
                going = sum(one.what != "release" and one.state not in _SETTLED for one in seen.lines)
                if not wait or not going:
                    return seen
                said = f"{going} rules are not OK after {wait:.0f} s"
            if not wait or left <= 0:
                return replace(seen, stopped=seen.stopped or said)
            self._sleep(min(_POLL, left))

    # -- the parts of a run

    def _chosen(self, ids: Collection[str]) -> list[Hint]:
        hints, asked = list(self._hints()), set(ids)
        if unknown := sorted(asked - {hint.id for hint in hints}):
            said = f"no hint {unknown[0][:80]!r}; asterism hints shows those there are"
            raise PlacementError("unknown-hint", said, id=unknown[0][:80])
        return [hint for hint in hints if hint.id in asked] if asked else hints

    def _cap(self, most: int | None) -> int:
        return self._settings.max_rules if most is None else min(max(0, most), self._settings.max_rules)

    def _lease(self) -> Lease:
        return Lease(self._store, "hints apply")

    def _book(self) -> Book:
        return Book(self._rules.account, self._rules.all())

    def _steps(self, hints: Sequence[Hint], book: Book) -> Iterable[Step | Line]:
        return steps(hints, book, self._settings.activity, self._now())

    def _begin(self, lease: Lease, cut: Sequence[Entry], most: int | None) -> _Run:
        """A run; one that was cut short goes on under its name, so that it is rolled back as one."""
        name = cut[-1].run if cut else f"{clock.stamp(clock.now())}-{secrets.token_hex(4)}"
        return _Run(name, self._cap(most), lease)

    def _stop_file(self) -> str | None:
        return f"the stop file {self._stop.name} is there; remove it to go on" if self._stop.exists() else None

    def _look_before(self, run: _Run) -> None:
        run.lease.check()
        if said := self._stop_file():
            raise _Stopped(said)

    def _recover(self, book: Book) -> list[Entry]:
        """Settle what was planned and done by a run that was killed; gives what is planned and not done."""
        open_ = []
        for entry in self._journal.entries("planned"):
            step = entry.step
            rule = book.rules.get(entry.rule) if entry.rule else book.find(step.scope, step.name, step.rse)
            if (done := self._hand.was_done(entry, rule)) is None:
                open_.append(entry)
            else:
                self._journal.settle(entry, "done", done or None)
        return open_

    def _go(self, run: _Run, again: Sequence[Entry], new: Sequence[Step]) -> Report:
        stopped = None
        coming = iter(new)
        try:
            for entry in again:
                if run.may <= 0:
                    break
                self._do(run, entry)
            while run.may > 0 and (batch := list(islice(coming, min(_BATCH, run.may)))):
                self._look_before(run)
                for entry in self._journal.plan(run.name, batch):
                    self._do(run, entry)
        except _Stopped as reason:
            stopped = str(reason)
        except SourceError as error:
            stopped = str(error)
        left = sum(1 for _ in coming) + len(self._journal.entries("planned"))
        return Report(
            run.lines, run.name if any(one.outcome == "done" for one in run.lines) else None, left, 0, stopped
        )

    def _do(self, run: _Run, entry: Entry) -> None:
        """Do one step and write what came of it."""
        self._look_before(run)
        step = entry.step
        if unix(step.valid_until) <= self._now():
            self._journal.settle(entry, "failed", error="the hint has expired")
            run.lines.append(line(step, "skipped", detail="the hint has expired"))
            return
        try:
            made = self._hand.do(entry)
        except PlacementError as refused:
            self._journal.settle(entry, "failed", error=refused.detail)
            run.lines.append(line(step, "failed", detail=refused.detail))
            return
        if made.outcome == "done":
            run.may -= 1
        run.lines.append(made)

    def _undone(self, entry: Entry) -> Line:
        try:
            return self._hand.undo(entry)
        except PlacementError as refused:
            return line(entry.step, "failed", rule=entry.rule, detail=refused.detail)
        except SourceError as error:
            raise _Stopped(str(error)) from error

    def _seen(self, report: Report, earlier: bool, policy: str | None) -> Report:
        book = self._book()
        lines = []
        for one in report.lines:
            if one.rule is None or one.outcome not in ("done", "stands"):
                lines.append(one)
                continue
            rule = book.rules.get(one.rule)
            lines.append(replace(one, state=rule.state if rule else GONE, detail=(rule and rule.error) or one.detail))
        if earlier:
            told = {one.rule for one in lines}
            for entry in self._journal.entries("done", rules=book.rules):
                rule, step = book.rules[entry.rule or ""], entry.step
                if rule.id in told or step.what == "release" or policy not in (None, step.policy):
                    continue
                if rule.expires_at is None or rule.expires_at > self._now():
                    told.add(rule.id)
                    lines.append(line(step, "stands", rule=rule.id, state=rule.state, detail=rule.error))
        return replace(report, lines=lines)
