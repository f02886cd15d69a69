"""Demand's part of a plan: copies that save reads, copies that are held on, and copies that go."""

from __future__ import annotations

import heapq

import numpy as np

from placement.draft import Draft, Step
from placement.room import margin
from placement.state import Floats


def release_unwanted(draft: Draft) -> None:
    """Release what of ours is old enough, needed by no policy, and saves next to nothing."""
    tuning = draft.tuning
    old = [
        pair
        for pair, rules in draft.own.items()
        if max(rule.created_at for rule in rules) <= draft.now - tuning.minimum_age
    ]
    if not old:
        return
    old.sort()
    d, r = np.array(old).T
    saved = draft.gains.at(d, r, draft.present[d])
    low = tuning.low * tuning.threshold
    # what cannot be read today saves nothing today; that says nothing of it
    few = np.flatnonzero((saved < low) & draft.gains.readable[r])
    fewer: set[int] = set()
    for n in few[np.argsort(saved[few], kind="stable")].tolist():
        if draft.emptied:
            return
        dataset, rse = old[n]
        if not draft.may_go(dataset, rse):
            continue
        # of two copies of one dataset, the second is worth more when the first has gone
        gain = draft.keep_gain(dataset, rse) if dataset in fewer else float(saved[n])
        if gain < low:
            draft.release(dataset, rse, gain, "demand.low", (low,))
            fewer.add(dataset)


def release_where_full(draft: Draft) -> None:
    """Release the least wanted of ours where less is free than the RSE is to keep free."""
    for r in np.flatnonzero(~draft.room.unknown & (draft.room.later < 0)).tolist():
        draft.make_room(r, 0.0, np.inf, "room.full", partly=True)


def copy_wanted(draft: Draft) -> None:
    """New copies on disks, the greatest gain first; what was chosen counts for the gains that follow."""
    tuning = draft.tuning
    needed = asked(draft)
    rows = np.flatnonzero((draft.gains.most() >= needed) & (draft.datasets.bytes >= 0))
    if not len(rows):
        return
    gains = draft.gains.rows(rows, draft.present[rows])
    gains[~(draft.possible(rows) & ~draft.tape)] = 0.0
    top = gains.max(axis=1, initial=0.0)
    order = np.lexsort((rows, draft.size[rows], -top))
    order = order[top[order] >= needed[rows[order]]][: 2 * tuning.most]
    able = dict(zip(rows[order].tolist(), gains[order] > 0, strict=True))
    found = dict(zip(rows[order].tolist(), gains[order], strict=True))
    heap = [(-float(top[n]), float(draft.size[rows[n]]), int(rows[n])) for n in order.tolist()]
    heapq.heapify(heap)
    while heap and not draft.full:
        _, size, d = heapq.heappop(heap)
        row = found[d]
        fits = draft.room.fits(size)
        lacks = draft.room.lacks_room_only(size)
        row[~(fits | (lacks & ~draft.hopeless(size, row / tuning.swap)))] = 0.0
        r = int(row.argmax())
        gain = float(row[r])
        if gain < needed[d]:
            continue
        if heap and (-gain, size, d) > heap[0]:
            heapq.heappush(heap, (-gain, size, d))
            continue
        able[d][r] = False
        if fits[r] or draft.make_room(r, size, gain / tuning.swap, "room.swap", d):
            if fits[r] or draft.room.fits(size)[r]:
                action = draft.copy(d, r, draft.demand_lifetime)
                draft.steps.append(Step(action, d, (r,), gain, draft.demand_lifetime, "demand", by=(float(needed[d]),)))
            else:  # it follows when the room is there
                draft.room.spend(r, size)
                draft.present[d, r] = True
            row[:] = np.where(able[d], draft.row(d), 0.0)
        else:
            row[r] = 0.0
        heapq.heappush(heap, (-float(row.max()), size, d))


def asked(draft: Draft, rows: slice = slice(None)) -> Floats:
    """What a new copy of each dataset of ``rows`` must gain: less where it is new and nobody has read it yet."""
    tuning, forecast = draft.tuning, draft.forecast
    made = tuning.threshold * (1 + tuning.doubt * (1 - forecast.confidence[rows].astype(np.float64)))
    if "reads" in forecast.part_names:
        unread = forecast.parts[rows, forecast.part_names.index("reads")] <= 0
        made[unread & (draft.now - draft.datasets.created_at[rows] < tuning.fresh_age)] = tuning.fresh
    return np.asarray(made)


def hold_wanted(draft: Draft) -> None:
    """Extend our rules that are about to end on copies that still save enough."""
    tuning, lifetime = draft.tuning, draft.demand_lifetime
    soon = draft.now + margin(lifetime)
    ending = sorted(
        pair for pair in draft.own if draft.held[pair] <= soon and draft.own[pair][0].expires_at >= draft.held[pair]
    )
    if not ending or draft.now + lifetime <= soon:
        return
    d, r = np.array(ending).T
    saved = draft.gains.at(d, r, draft.present[d])
    enough = np.flatnonzero(saved >= tuning.keep * tuning.threshold)
    for n in enough[np.argsort(-saved[enough], kind="stable")].tolist():
        if draft.full:
            return
        one, place = ending[n]
        rules = draft.extend(one, place, lifetime, None)
        draft.steps.append(Step("extend", one, (place,), float(saved[n]), lifetime, "demand", rules=rules))
