"""One step of `hints apply` at a time: done in Rucio, looked for in Rucio, undone there; each with its journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from placement.journal import Entry, Journal, Step
from placement.rucio_rules import Rule, Rules, at
from placement.steps import CLOCKS, Line, lasts, line, not_ours
from schemas.errors import PlacementError, SourceError

_TRIES = 2
_HOUR = 3600.0


class Hand:
    """Does single steps. ``now``: Unix seconds.

    Raises
    ------
    PlacementError
        ``placement.refused``: Rucio will not, or what is there is not ours.
    SourceError
        Rucio gives no clear answer; the step's row stays planned.
    """

    def __init__(self, rules: Rules, journal: Journal, now: Callable[[], float]) -> None:
        self._rules, self._journal, self._now = rules, journal, now

    def do(self, entry: Entry) -> Line:
        """Do a planned step and write that it is done."""
        match entry.step.what:
            case "create":
                return self._create(entry)
            case "extend":
                return self._extend(entry)
            case "release":
                return self._release(entry)

    def was_done(self, entry: Entry, rule: Rule | None) -> str | None:
        """The rule of a step that was done (empty: it is gone, as was wanted), None of one that was not."""
        if entry.step.what == "create":
            return rule.id if rule is not None and rule.hint == entry.step.hint else None
        if "before" not in entry.facts:  # written right before Rucio is asked
            return None
        if rule is None:
            return "" if entry.step.what == "release" else None
        if entry.step.what == "release":
            return rule.id if rule.expires_at is not None and rule.expires_at <= self._now() + CLOCKS else None
        return rule.id if lasts(rule, entry.step) else None

    def undo(self, entry: Entry) -> Line:
        """Undo a step that was done and write that it is undone."""
        step = entry.step
        rule = self._rules.get(entry.rule or "")
        if rule is None and step.what != "release":
            self._journal.settle(entry, "undone")
            return line(step, "undone", rule=entry.rule, detail="the rule was gone")
        why = not_ours(rule, self._rules.account, step.scope, step.name) if rule else "the rule is gone"
        if why or rule is None:
            if rule is None or not rule.locked:  # for good: it is not in the way of earlier runs
                self._journal.settle(entry, "failed", error=why)
            return line(step, "failed", rule=entry.rule, detail=why)
        if "before" in entry.facts:
            before = entry.facts["before"]
            earlier = self._ends_soon(before) and (rule.expires_at is None or before < rule.expires_at)
            if earlier and (why := self._last_copy(step, rule.id)):
                raise PlacementError("refused", why)
            self._rules.set_lifetime(rule.id, None if before is None else max(0.0, before - self._now()))
        elif step.what == "create":
            if rule.hint != step.hint:
                raise PlacementError("refused", "another hint's rule by now")
            if why := self._last_copy(step, rule.id):
                raise PlacementError("refused", why)
            self._rules.set_lifetime(rule.id, 0)  # DELETE is softer: Rucio lets the rule live for another hour
        self._journal.settle(entry, "undone")
        return line(step, "undone", rule=entry.rule)

    def _create(self, entry: Entry) -> Line:
        step = entry.step
        for n in range(_TRIES):
            try:
                rule = self._rules.create(step.body)
            except PlacementError as refused:
                if refused.context.get("kind") != "DuplicateRule":
                    raise
                return self._there(entry, refused)
            except SourceError:
                # it may have been done all the same: look, before it is tried again
                found = self._find(step)
                if found is None or found.hint != step.hint:
                    if n + 1 == _TRIES:
                        raise
                    continue
                rule = found.id
            self._journal.settle(entry, "done", rule)
            return line(step, "done", rule=rule)
        raise AssertionError("the last try returns or raises")

    def _there(self, entry: Entry, refused: PlacementError) -> Line:
        """A rule that was there: as good as made, and given a later end if a hint made it and it ends too soon."""
        if (rule := self._find(entry.step)) is None:
            raise refused
        if rule.hint is not None and not lasts(rule, entry.step):
            return self._extend(replace(entry, step=replace(entry.step, what="extend", rule=rule.id), rule=rule.id))
        if rule.hint == entry.step.hint:
            self._journal.settle(entry, "done", rule.id)
            return line(entry.step, "done", rule=rule.id)
        self._journal.settle(entry, "failed", rule.id, error="a rule was there already", found=rule.id)
        return line(entry.step, "stands", rule=rule.id, detail="a rule was there already")

    def _find(self, step: Step) -> Rule | None:
        return at(self._rules.on(step.scope, step.name), self._rules.account, step.rse)

    def _ours(self, step: Step, rule: str | None) -> Rule:
        """The rule of a step as it is this moment, if it is ours to change."""
        found = self._rules.get(rule or "")
        if found is None:
            raise PlacementError("refused", "the rule is gone")
        if why := not_ours(found, self._rules.account, step.scope, step.name):
            raise PlacementError("refused", why)
        return found

    def _extend(self, entry: Entry) -> Line:
        step = entry.step
        rule = self._ours(step, entry.rule)
        if not lasts(rule, step):
            entry = self._set_end(entry, rule, step.lifetime)
        self._journal.settle(entry, "done")
        return line(step, "done", rule=rule.id)

    def _release(self, entry: Entry) -> Line:
        rule = self._ours(entry.step, entry.rule)
        if why := self._last_copy(entry.step, rule.id):
            self._journal.settle(entry, "failed", error=why)
            return line(entry.step, "skipped", detail=why)
        self._journal.settle(self._set_end(entry, rule, 0), "done")
        return line(entry.step, "done")

    def _set_end(self, entry: Entry, rule: Rule, lifetime: float | None) -> Entry:
        """Give a rule another end; the one that it had before the first try is written before."""
        entry = self._journal.settle(entry, "planned", rule.id, before=entry.facts.get("before", rule.expires_at))
        for n in range(_TRIES):
            try:
                self._rules.set_lifetime(rule.id, lifetime)
            except SourceError:  # to say it again does no harm
                if n + 1 == _TRIES:
                    raise
                continue
            break
        return entry

    def _last_copy(self, step: Step, ending: str) -> str | None:
        """Why a copy may not be let go: no other complete copy of the dataset is there to stay.

        Others count where a rule holds them that does not end within the hour, and without any rule where no rule of
        ours was: such a copy may be deleted any time.
        """
        copies = self._rules.copies(step.scope, step.name)
        if step.rse not in copies:
            return None  # nothing is there yet
        touched = {entry.step.rse for entry in self._journal.entries(did=(step.scope, step.name))}
        holders = self._rules.holders(step.scope, step.name)
        for rse, complete in copies.items():
            holding = holders.get(rse, set())
            if complete and (
                any(self._stays(one) for one in holding - {ending})
                or not (holding or rse == step.rse or rse in touched)
            ):
                return None
        return "no other complete copy is sure to stay"

    def _stays(self, rule: str) -> bool:
        found = self._rules.get(rule)
        return found is not None and not self._ends_soon(found.expires_at)

    def _ends_soon(self, end: float | None) -> bool:
        return end is not None and end <= self._now() + _HOUR
