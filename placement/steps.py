"""What hints mean in Rucio's rules: the steps that are still to be done, against the rules that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from mappings.rucio_state import comment
from placement.journal import Step, What
from placement.rucio_rules import Rule, at
from schemas.hint import Hint

Outcome = Literal["to do", "done", "stands", "skipped", "failed", "left", "undone"]
CLOCKS = 300.0  # seconds that Rucio's clock may be ahead of ours: what it has just ended ends then


@dataclass(frozen=True, slots=True)
class Line:
    """One step as people and programs are told of it; ``state`` is of the rule, in Rucio's words or ``gone``."""

    hint: str
    what: What
    scope: str
    name: str
    rse: str
    bytes: int
    policy: str | None
    outcome: Outcome
    rule: str | None = None
    state: str | None = None
    detail: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "hint": self.hint,
            "step": self.what,
            "did": {"scope": self.scope, "name": self.name},
            "rse": self.rse,
            "bytes": self.bytes,
            "policy": self.policy,
            "outcome": self.outcome,
            "rule": self.rule,
            "state": self.state,
            "detail": self.detail,
        }


def line(step: Step, outcome: Outcome, **more: Any) -> Line:
    """The line of a step."""
    told: dict[str, Any] = {"rule": step.rule, **more}
    return Line(step.hint, step.what, step.scope, step.name, step.rse, step.bytes, step.policy, outcome, **told)


def body(hint: Hint, rse: str, account: str, activity: str) -> dict[str, Any]:
    """The rule of a hint at one RSE, as it is POSTed to Rucio."""
    made: dict[str, Any] = {
        "dids": [{"scope": hint.scope, "name": hint.name}],
        "copies": 1,
        "rse_expression": rse,
        "grouping": "DATASET",
        "account": account,
        "activity": hint.activity or activity,
        "priority": hint.priority,
        "comment": comment(hint.id, hint.policy),
        "ask_approval": False,
    }
    if hint.lifetime is not None:
        made["lifetime"] = hint.lifetime
    return made


def unix(text: str) -> float:
    """Unix seconds of an ISO 8601 time."""
    return datetime.fromisoformat(text).timestamp()


def lasts(rule: Rule, step: Step) -> bool:
    """Whether a rule stands for as long as a step wants it to."""
    if rule.expires_at is None:
        return True
    if step.ends_at is None or step.lifetime is None:
        return False
    return rule.expires_at >= step.ends_at


class Book:
    """The rules of one account, by id and by where they are."""

    def __init__(self, account: str, rules: Mapping[str, Rule]) -> None:
        self.account = account
        self.rules = rules
        self._by_did: dict[tuple[str, str], list[Rule]] = {}
        for rule in rules.values():
            self._by_did.setdefault((rule.scope, rule.name), []).append(rule)

    def find(self, scope: str, name: str, rse: str) -> Rule | None:
        return at(self._by_did.get((scope, name), ()), self.account, rse)


def steps(hints: Iterable[Hint], book: Book, activity: str, now: float) -> Iterable[Step | Line]:
    """The steps to do, and lines of those that need none, in the order of the hints."""
    for hint in hints:
        if hint.action == "release":
            yield from _release(hint, book, now)
        else:
            for rse in hint.to:
                yield _hold(hint, rse, book, activity, now)


def _hold(hint: Hint, rse: str, book: Book, activity: str, now: float) -> Step | Line:
    # half: what was given its end a while ago stands, and nothing is planned before a quarter is left
    ends_at = None if hint.lifetime is None else now + hint.lifetime / 2
    common = (hint.scope, hint.name, rse)
    create = Step(
        hint=hint.id,
        what="create",
        scope=hint.scope,
        name=hint.name,
        rse=rse,
        bytes=hint.bytes // max(1, len(hint.to)),
        policy=hint.policy,
        valid_until=hint.expires_at,
        lifetime=hint.lifetime,
        ends_at=ends_at,
        body=body(hint, rse, book.account, activity),
    )
    own = [book.rules[one] for one in hint.rules if one in book.rules]
    rule = at([one for one in own if (one.scope, one.name) == common[:2]], book.account, rse) or book.find(*common)
    if rule is None:
        return line(create, "skipped", detail="the hint has expired") if unix(hint.expires_at) <= now else create
    extend = replace(create, what="extend", bytes=0, rule=rule.id)
    if lasts(rule, extend):
        return line(extend, "stands", detail=None if rule.hint else "by a rule that no hint made")
    if rule.hint is None:
        return line(extend, "stands", detail="by a rule that no hint made, which ends sooner and is not changed")
    return line(extend, "skipped", detail="the hint has expired") if unix(hint.expires_at) <= now else extend


def _release(hint: Hint, book: Book, now: float) -> Iterable[Step | Line]:
    for n, one in enumerate(hint.rules):
        rule = book.rules.get(one)
        rse = rule.rse_expression if rule else hint.from_rses[min(n, len(hint.from_rses) - 1)] if hint.from_rses else ""
        freed = hint.bytes // max(1, len(hint.rules))
        step = Step(hint.id, "release", hint.scope, hint.name, rse, freed, hint.policy, hint.expires_at, one)
        if rule is None:
            yield line(step, "stands", detail="there is no such rule any more")
        elif why := not_ours(rule, book.account, hint.scope, hint.name):
            yield line(step, "skipped", detail=why)
        elif rule.expires_at is not None and rule.expires_at <= now + CLOCKS:
            yield line(step, "stands", detail="released already")
        elif unix(hint.expires_at) <= now:
            yield line(step, "skipped", detail="the hint has expired")
        else:
            yield step


def not_ours(rule: Rule, account: str, scope: str, name: str) -> str | None:
    """Why a rule may not be ended by us, None if it may."""
    if rule.account != account:
        return f"the rule is of the account {rule.account}"
    if rule.hint is None:
        return "no hint made this rule"
    if (rule.scope, rule.name) != (scope, name):
        return f"the rule is on {rule.scope}:{rule.name}"
    return "the rule is locked" if rule.locked else None


def totals(lines: Sequence[Line]) -> dict[str, int]:
    """How many rules are made, given a later end and released, and the bytes that move and that are freed."""
    told = [one for one in lines if one.outcome in ("to do", "done")]
    made = {f"{what}s": sum(one.what == what for one in told) for what in ("create", "extend", "release")}
    made["bytes"] = sum(one.bytes for one in told if one.what == "create")
    made["freed"] = sum(one.bytes for one in told if one.what == "release")
    return made
