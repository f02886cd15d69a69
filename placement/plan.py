"""The plan: from the state of the lake, what policies want and what is expected to be read, to hints.

Pure: the same input gives the same hints. docs/explanation/hints.md has every rule.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from placement import plan_demand, plan_policies, reasons
from placement.draft import Draft, Membership, Step
from placement.gains import Forecast, NoReads
from placement.reasons import end, stamp
from placement.room import Budgets, Tuning
from placement.state import Datasets, Lake
from schemas.hint import Hint, Reason
from schemas.policy import DEFAULT_PRIORITY

__all__ = ["Budgets", "Shortfalls", "Tuning", "explain", "plan", "shortfalls"]


_DIGITS = "0123456789abcdefghijklmnopqrstuv"  # base32hex of RFC 4648, in small letters
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]


class Times(Protocol):
    """Of a hint: when it was first given, and until when it holds; ISO 8601 UTC."""

    @property
    def created_at(self) -> str: ...
    @property
    def expires_at(self) -> str: ...


def plan(
    lake: Lake,
    datasets: Datasets,
    memberships: Sequence[Membership],
    forecast: Forecast,
    budgets: Budgets,
    now: float,
    before: Mapping[str, Times],
    *,
    explain: bool = True,
) -> list[Hint]:
    """What to do: policies' hints first, then new copies, extensions and releases for demand.

    ``before``: the times of the last planning's hints by id, which stay. ``explain``: whether hints get their reasons.
    """
    draft = _draft(lake, datasets, memberships, forecast, budgets, now)
    plan_demand.release_unwanted(draft)
    plan_policies.fulfil(draft)
    plan_demand.release_where_full(draft)
    plan_demand.copy_wanted(draft)
    plan_demand.hold_wanted(draft)
    last = {"replicate": 0, "stage": 0, "extend": 1, "release": 2}
    order = sorted(draft.steps, key=lambda one: 0 if one.why == "policy" else 1 + last[one.action])
    return [_hint(draft, step, before, explain) for step in order]


def _draft(
    lake: Lake,
    datasets: Datasets,
    memberships: Sequence[Membership],
    forecast: Forecast,
    budgets: Budgets,
    now: float,
) -> Draft:
    """A draft whose RSEs stand by name, so that their order in the input changes nothing."""
    names = [rse.name for rse in lake.rses]
    if names != sorted(names):
        order = np.array(sorted(range(len(names)), key=names.__getitem__))
        place = np.argsort(order)
        lake = replace(lake, rses=tuple(lake.rses[n] for n in order))
        datasets = replace(
            datasets,
            complete=datasets.complete[:, order],
            coming=datasets.coming[:, order],
            locked_until=datasets.locked_until[:, order],
            accessed_at=datasets.accessed_at[:, order],
            rules=[replace(rule, rse=int(place[rule.rse])) for rule in datasets.rules],
        )
        memberships = [_Member(one.policy, one.mask, one.rses[order]) for one in memberships]
    return Draft(lake, datasets, memberships, forecast, budgets, now)


@dataclass(frozen=True, slots=True)
class _Member:
    policy: Any
    mask: Any
    rses: Any


def _hint(draft: Draft, step: Step, before: Mapping[str, Times], explained: bool) -> Hint:
    lake, datasets, budgets, d = draft.lake, draft.datasets, draft.budgets, step.dataset
    rses = tuple(lake.rses[r].name for r in step.rses)
    policy = step.member.policy if step.member else None
    name = policy.name if policy else next((rule.policy for rule in step.rules if rule.policy), None)
    if policy is None and step.action != "release":
        name = None
    rules = tuple(sorted(rule.rule for rule in step.rules))
    made = _id(draft, step, rses, name, rules)
    created, expires = stamp(draft.now), draft.now + budgets.window
    if old := before.get(made):
        created = old.created_at
        ends = datetime.fromisoformat(old.expires_at).timestamp()
        if ends - draft.now > budgets.window / 2:
            expires = ends
    release = step.action == "release"
    moved = 0 if step.action == "extend" else int(draft.size[d]) * len(rses)
    said: tuple[Reason, ...] = tuple(reasons.of(draft, step)) if explained else ()
    return Hint(
        id=made,
        scope=datasets.scopes[d],
        name=datasets.names[d],
        record=datasets.ids[d],
        action=step.action,
        rse_expression=policy.rse_expression if policy else rses[0],
        to=() if release else rses,
        from_rses=rses if release else reasons.sources(draft, step),
        copies=len(rses),
        bytes=step.freed if release else moved,
        score=round(step.gain, 6),
        confidence=1.0 if policy else round(float(draft.forecast.confidence[d]), 3),
        policy=name,
        reasons=said,
        created_at=created,
        expires_at=stamp(expires),
        lifetime=step.lifetime,
        activity=(policy.activity if policy else None) or budgets.activity,
        priority=policy.priority if policy else DEFAULT_PRIORITY,
        rules=rules,
    )


def _id(draft: Draft, step: Step, rses: tuple[str, ...], policy: str | None, rules: tuple[str, ...]) -> str:
    """What makes two hints one: the deed, not its reasons; of a rule's end also which end it was."""
    d = step.dataset
    parts = [
        draft.lake.source,
        draft.datasets.scopes[d],
        draft.datasets.names[d],
        step.action,
        *rses,
        policy or "",
        *rules,
    ]
    if step.action in ("extend", "release"):
        parts += [end(float(draft.datasets.locked_until[d, r])) or "" for r in step.rses]
    text = "".join([f"{len(part)}:{part}" for part in parts])
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).digest()
    number = int.from_bytes(digest, "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(70, -1, -10)])


@dataclass(frozen=True, slots=True)
class Shortfalls:
    """``datasets`` that stay below a policy's copies; ``texts``: what is in the way, by RSE, in sentences."""

    datasets: tuple[int, ...]
    texts: tuple[str, ...]


def shortfalls(
    lake: Lake, datasets: Datasets, member: Membership, hints: Sequence[Hint], budgets: Budgets, now: float
) -> Shortfalls:
    """Where a policy is not fulfilled, even when all ``hints`` are done."""
    draft = Draft(lake, datasets, [member], NoReads(lake, len(datasets)), budgets, now)
    made: Counter[str] = Counter()
    for hint in hints:
        if hint.action in ("replicate", "stage"):
            for name in hint.to:
                draft.room.spend(lake.index[name], hint.bytes / len(hint.to))
        if hint.policy == member.policy.name and hint.action != "release":
            made[hint.record] += len(hint.to)
    wanted = np.flatnonzero(member.mask)
    there = plan_policies.counted(draft, member, wanted).sum(axis=1)
    lacking = [
        d
        for d, n in zip(wanted.tolist(), there.tolist(), strict=True)
        if n + made[datasets.ids[d]] < member.policy.copies
    ]
    ways: Counter[str] = Counter()
    for d in lacking:
        ways.update(f"{name}: {text}" for name, text in reasons.in_the_way(draft, d, member.rses).items())
    count = f"{len(lacking):,} of {len(wanted):,} datasets would have fewer than {member.policy.copies} copies"
    texts = [count] + [f"{way} ({n:,} datasets)" for way, n in sorted(ways.items(), key=lambda one: (-one[1], one[0]))]
    return Shortfalls(tuple(lacking), tuple(texts) if lacking else ())


def explain(
    lake: Lake,
    datasets: Datasets,
    memberships: Sequence[Membership],
    forecast: Forecast,
    budgets: Budgets,
    now: float,
    rows: Sequence[int],
) -> list[dict[str, Any]]:
    """Of each dataset of ``rows``: where it is, where it should be, and what is in the way; JSON."""
    draft = Draft(lake, datasets, memberships, forecast, budgets, now)
    return [reasons.whole(draft, n) for n in rows]
