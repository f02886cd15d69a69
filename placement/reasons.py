"""Why a hint is given, in words and numbers; and of one dataset, where it is, should be, and cannot be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np

from placement.draft import Draft, Membership, Step
from placement.forecast import PARTS
from placement.plan_demand import asked
from placement.plan_policies import counted
from placement.room import DAY, free_bytes
from placement.state import Mask
from schemas.amounts import written_size
from schemas.hint import Reason

_LAST = 253402300799.0  # the end of the year 9999, the last that ISO 8601 writes with four digits
_FEW = 0.05  # reads that are not worth a word
_SITES = 2


@lru_cache(maxsize=4096)
def stamp(at: float) -> str:
    """Unix seconds as ISO 8601 UTC."""
    return datetime.fromtimestamp(min(max(at, 0.0), _LAST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def until(at: float) -> str:
    """The end of a lock in words."""
    return "for ever" if math.isinf(at) else f"until {stamp(at)[:10]}"


def end(at: float) -> str | None:
    """The end of a lock as a value; None: it has none."""
    return None if math.isinf(at) else stamp(at)


def sources(draft: Draft, step: Step) -> tuple[str, ...]:
    """From where a copy is read: complete copies that may be read and are linked to each chosen RSE."""
    if step.action not in ("replicate", "stage"):
        return ()
    linked = (
        (draft.links[:, step.rses[0]] > 0) if len(step.rses) == 1 else (draft.links[:, list(step.rses)] > 0).any(axis=1)
    )
    usable = draft.datasets.complete[step.dataset] & draft.gains.readable & linked
    return tuple(draft.lake.rses[r].name for r in usable.nonzero()[0])


def of(draft: Draft, step: Step) -> Iterator[Reason]:
    """The reasons of one hint, the most important first."""
    if step.action == "release":
        yield from _release(draft, step)
        return
    if step.member is not None:
        yield from _policy(draft, step, step.member)
    else:
        yield from _demand(draft, step)
    if step.action == "extend":
        for r in step.rses:
            ends, name = float(draft.datasets.locked_until[step.dataset, r]), draft.lake.rses[r].name
            text = (
                f"the copy at {name} is held {until(ends)}" if ends > draft.now else f"nothing holds the copy at {name}"
            )
            yield Reason("hold.ends", text, {"rse": name, "until": end(ends) if ends > draft.now else stamp(draft.now)})
        return
    for r in step.rses:
        yield _chosen(draft, step.dataset, r)
    if step.action == "stage":
        names = sources(draft, step)
        yield Reason("sources.tape", f"all copies to read from are on tape: {', '.join(names)}", {"rses": list(names)})
    moved = int(draft.size[step.dataset]) * len(step.rses)
    yield Reason("cost", f"{written_size(moved)} to move", {"bytes": moved})


def _policy(draft: Draft, step: Step, member: Membership) -> Iterator[Reason]:
    policy, d = member.policy, step.dataset
    held = draft.datasets.locked_until[d]
    there = ((draft.datasets.complete[d] | draft.datasets.coming[d]) & member.rses).nonzero()[0]
    where = [
        f"{draft.lake.rses[r].name} ({'held ' + until(held[r]) if held[r] > draft.now else 'not held'})" for r in there
    ]
    text = (
        f"policy {policy.name} wants {_copies(policy.copies)} on {policy.rse_expression}; "
        f"there {'are' if len(there) != 1 else 'is'} {len(there) or 'none'}"
        + (f", at {', '.join(where)}" if where else "")
    )
    values = {"policy": policy.name, "wanted": policy.copies, "rse_expression": policy.rse_expression}
    yield Reason("policy.copies", text, values | {"there": [draft.lake.rses[r].name for r in there]})
    if step.short:
        ways = in_the_way(draft, d, member.rses)
        said = "; ".join(f"{name}: {way}" for name, way in ways.items()) or "the expression means no other RSE"
        yield Reason("policy.short", f"more copies are not possible now: {said}", {"in_the_way": ways})


def _demand(draft: Draft, step: Step) -> Iterator[Reason]:
    d, forecast = step.dataset, draft.forecast
    days = draft.budgets.window / DAY
    reads = float(forecast.reads[d].sum())
    parts = {name: round(float(value), 3) for name, value in zip(forecast.part_names, forecast.parts[d], strict=True)}
    of_parts = sorted(
        ((value, name) for name, value in parts.items() if value >= _FEW), key=lambda one: (-one[0], one[1])
    )
    said = ", ".join(f"{value:.1f} from {PARTS.get(name, name)}" for value, name in of_parts[:3])
    text = f"{reads:.1f} reads expected in {days:g} days" + (f": {said}" if said else "")
    yield Reason("demand.forecast", text, {"reads": round(reads, 3), "days": round(days, 3), "parts": parts})
    r = step.rses[0]
    # before this plan: what is there now is what is read now
    there = draft.datasets.complete[d] | draft.datasets.coming[d]
    saved, nearest = draft.gains.by_site(d, r, there)
    for s in np.argsort(-saved, kind="stable")[:_SITES].tolist():
        if saved[s] < _FEW:
            break
        site = draft.lake.sites[s] or "elsewhere"
        from_rse = draft.lake.rses[nearest[s]].name if nearest[s] >= 0 else None
        now = f", which would read it from {from_rse} otherwise" if from_rse else ""
        of_site = float(forecast.reads[d, s])
        values = {"site": site, "reads": round(of_site, 3), "from_rse": from_rse}
        yield Reason("demand.site", f"{of_site:.1f} of them at {site}{now}", values)
    needed = draft.tuning.keep * draft.tuning.threshold if step.action == "extend" else step.by[0]
    sure = float(forecast.confidence[d])
    text = f"the copy saves {step.gain:.2f} reads' way; {needed:.2f} are asked for at a confidence of {sure:.2f}"
    values = {"gain": round(step.gain, 6), "needed": round(needed, 6), "confidence": round(sure, 3)}
    yield Reason("demand.gain", text, values)


def _chosen(draft: Draft, d: int, r: int) -> Reason:
    rse = draft.lake.rses[r]
    free = free_bytes(rse)
    far = [
        draft.lake.distances[pair]
        for n in (draft.datasets.complete[d] & draft.gains.readable).nonzero()[0]
        if (pair := (draft.lake.rses[n].name, rse.name)) in draft.lake.distances
    ]
    room = "free space not known" if free is None else f"{written_size(free)} free"
    text = f"{rse.name}: {room}" + (f", distance {min(far)}" if far else "")
    values = {"rse": rse.name, "free": None if free is None else int(free), "distance": min(far) if far else None}
    return Reason("rse.chosen", text, values)


def _release(draft: Draft, step: Step) -> Iterator[Reason]:
    d, r = step.dataset, step.rses[0]
    name, days = draft.lake.rses[r].name, draft.budgets.window / DAY
    policies = {one.policy.name: one for one in draft.memberships}
    for policy in sorted({rule.policy for rule in step.rules if rule.policy}):
        if policy not in policies:
            yield Reason("policy.gone", f"policy {policy}, for which it was made, is gone", {"policy": policy})
        elif not (policies[policy].mask[d] and policies[policy].rses[r]):
            text = f"policy {policy}, for which it was made, does not ask for it any more"
            yield Reason("policy.unmatched", text, {"policy": policy})
        else:
            text = f"policy {policy} has its {_copies(policies[policy].policy.copies)} without it"
            yield Reason("policy.enough", text, {"policy": policy})
    gain = f"the copy at {name} saves {step.gain:.2f} reads' way in {days:g} days"
    values: dict[str, Any] = {"rse": name, "gain": round(step.gain, 6)}
    if step.why == "demand.low":
        text = f"{gain}; below {step.by[0]:.2f} it goes"
        yield Reason(step.why, text, values | {"below": round(step.by[0], 6)})
    elif step.why == "room.full":
        lacking = int(step.by[1])
        text = f"{name} lacks {written_size(lacking)} of what it is to keep free; {gain}, the least of ours by byte"
        yield Reason(step.why, text, values | {"lacking": lacking})
    else:
        other = step.for_dataset
        assert other is not None
        did = f"{draft.datasets.scopes[other]}:{draft.datasets.names[other]}"
        values |= {"for": did, "for_record": draft.datasets.ids[other]}
        if step.why == "room.swap":
            worth = step.by[0] * draft.tuning.swap
            values["for_gain"] = round(worth, 6)
            text = f"room for {did}, which would save {worth:.2f}; {gain}"
        else:
            text = f"room for {did}, which a policy wants at {name}; {gain}"
        yield Reason(step.why, text, values)
    left = draft.datasets.complete[d] & ~draft.going[d]
    there = [draft.lake.rses[n].name for n in left.nonzero()[0]]
    yield Reason(
        "copies.left", f"{_copies(len(there))} stay{'s' * (len(there) == 1)}: {', '.join(there)}", {"rses": there}
    )


def _copies(n: int) -> str:
    return "1 copy" if n == 1 else f"{n} copies"


def in_the_way(draft: Draft, d: int, rses: Mask) -> dict[str, str]:
    """Why no copy of ``d`` can be made at each of ``rses`` now, by RSE; those where one can, or is, are left out."""
    made: dict[str, str] = {}
    size = draft.size[d]
    reached = draft.sources(np.array([d]))[0]
    readable = bool((draft.datasets.complete[d] & draft.gains.readable).any())
    tapes = bool(draft.tape[rses].all())
    for r in np.flatnonzero(rses & ~draft.present[d]).tolist():
        rse, room = draft.lake.rses[r], draft.room
        said = None
        if not rse.writable:
            said = "read-only"
        elif draft.tape[r] and not tapes:
            said = "tape"
        elif draft.datasets.bytes[d] < 0:
            said = "bytes of the dataset unknown"
        elif not readable:
            said = "no complete copy to read from"
        elif not reached[r]:
            said = "no link from any complete copy"
        elif not room.unknown[r] and room.now[r] < size:
            said = f"full: room for {written_size(max(room.now[r], 0.0))}, {written_size(size)} needed"
        elif room.account[r] < size:
            said = f"account {draft.lake.account} may lock {written_size(max(room.account[r], 0.0))} more"
        elif room.transfer[r] < size:
            said = f"transfers of this planning are spent, {written_size(max(room.transfer[r], 0.0))} left"
        elif room.unknown[r]:
            said = "free space unknown: only what a policy wants goes there"
        if said:
            made[rse.name] = said
    return made


def whole(draft: Draft, d: int) -> dict[str, Any]:
    """Where dataset ``d`` is, where it should be by policies and by demand, and what is in the way; JSON."""
    datasets, lake, one = draft.datasets, draft.lake, np.array([d])
    copies = []
    for r in np.flatnonzero(draft.present[d]).tolist():
        held, own = float(datasets.locked_until[d, r]), draft.own.get((d, r), [])
        state = "complete" if datasets.complete[d, r] else "coming"
        copies.append(
            {
                "rse": lake.rses[r].name,
                "state": state,
                "held": held > draft.now,
                "held_until": end(held) if held > draft.now else None,
                "rules_of_ours": [rule.rule for rule in own],
                "gain": round(draft.keep_gain(d, r), 6),
            }
        )
    wanted = [
        {
            "policy": member.policy.name,
            "copies": member.policy.copies,
            "rse_expression": member.policy.rse_expression,
            "there": [lake.rses[r].name for r in np.flatnonzero(counted(draft, member, one)[0])],
        }
        for member in draft.memberships
        if member.mask[d]
    ]
    row = draft.row(d)
    best = [r for r in np.argsort(-row, kind="stable").tolist() if row[r] > 0][:5]
    sure = float(draft.forecast.confidence[d])
    return {
        "did": {"scope": datasets.scopes[d], "name": datasets.names[d]},
        "record": datasets.ids[d],
        "bytes": int(datasets.bytes[d]) if datasets.bytes[d] >= 0 else None,
        "copies": copies,
        "policies": wanted,
        "forecast": {
            "days": round(draft.budgets.window / DAY, 3),
            "reads": round(float(draft.forecast.reads[d].sum()), 3),
            "confidence": round(sure, 3),
            "sites": {
                lake.sites[s] or "elsewhere": round(float(value), 3)
                for s, value in enumerate(draft.forecast.reads[d])
                if value >= _FEW
            },
            "parts": {
                name: round(float(value), 3)
                for name, value in zip(draft.forecast.part_names, draft.forecast.parts[d], strict=True)
            },
        },
        "needed": round(float(asked(draft, slice(d, d + 1))[0]), 6),
        "gains": [{"rse": lake.rses[r].name, "gain": round(float(row[r]), 6)} for r in best],
        "in_the_way": in_the_way(draft, d, np.ones(len(lake.rses), bool)),
    }
