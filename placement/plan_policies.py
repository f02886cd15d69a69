"""Policies' part of a plan: as many complete copies, held for long enough, as each policy wants."""

from __future__ import annotations

from math import inf

import numpy as np

from placement.draft import Draft, Membership, Step
from placement.room import margin
from placement.state import Floats, Ints, Mask, OwnRule
from schemas.hint import ACTIONS, Action


def fulfil(draft: Draft) -> None:
    """Plan what the policies lack: the most important first, then by name; of one, the datasets most wanted first."""
    for member in draft.memberships:
        if draft.full:
            return
        wanted = np.flatnonzero(member.mask)
        wanted = wanted[counted(draft, member, wanted).sum(axis=1) < member.policy.copies]
        gains = draft.gains.rows(wanted, draft.present[wanted])
        most = gains[:, member.rses].max(axis=1, initial=0.0)
        for n in np.lexsort((wanted, -most)).tolist():
            if draft.full:
                return
            _fulfil_one(draft, member, int(wanted[n]), gains[n])


def counted(draft: Draft, member: Membership, datasets: Ints) -> Mask:
    """The copies (M, R) of ``datasets`` that count for the policy: complete or coming, and held beyond the margin."""
    held = draft.held[datasets] > draft.now + margin(member.policy.lifetime)
    return np.asarray(draft.present[datasets] & member.rses & held)


def destinations(draft: Draft, member: Membership, d: int) -> Mask:
    """Where (R) a further copy could be made if there were room: tapes only where the policy names nothing else."""
    able: Mask = draft.possible(np.array([d]))[0] & member.rses
    return able if draft.tape[member.rses].all() else able & ~draft.tape


def _fulfil_one(draft: Draft, member: Membership, d: int, row: Floats) -> None:
    policy, size = member.policy, draft.size[d]
    there = counted(draft, member, np.array([d]))[0]
    lacking = policy.copies - int(there.sum())
    extended: list[int] = []
    rules: list[OwnRule] = []
    gain = 0.0
    loose = np.flatnonzero(draft.datasets.complete[d] & draft.present[d] & member.rses & ~there).tolist()
    loose += np.flatnonzero(draft.datasets.coming[d] & draft.present[d] & member.rses & ~there).tolist()
    # ours first: they cost nothing; then what is held longest
    for r in sorted(dict.fromkeys(loose), key=lambda r: ((d, r) not in draft.own, -draft.held[d, r], r)):
        if len(extended) == lacking:
            break
        if (d, r) in draft.own or (draft.writable[r] and _quota(draft, d, r)):
            gain += draft.keep_gain(d, r)
            rules += draft.extend(d, r, policy.lifetime, policy.name)
            extended.append(r)
            there[r] = True
    made: dict[Action, list[int]] = {}
    filled, gained = len(extended), dict.fromkeys(ACTIONS, 0.0)
    able = destinations(draft, member, d)
    while filled < lacking and able.any():
        sites = np.zeros(len(draft.lake.sites), bool)
        sites[draft.sites[there]] = True
        order = np.lexsort((-draft.room.free_share(), -row, sites[draft.sites]))
        fits = able & draft.room.fits(size, asked=True)
        # what policies want goes before what is there for demand alone
        lacks = able & draft.room.lacks_room_only(size)
        place = next((r for r in order.tolist() if fits[r]), None)
        if place is None:
            place = next(
                (r for r in order.tolist() if lacks[r] and draft.make_room(r, size, inf, "room.policy", d)), None
            )
        if place is None:
            break
        filled, able[place], there[place] = filled + 1, False, True
        if draft.room.fits(size, asked=True)[place]:
            action = draft.copy(d, place, policy.lifetime)
            gained[action] += float(row[place])
            made.setdefault(action, []).append(place)
            if filled < lacking:
                row = draft.row(d)
        else:  # it follows when the room is there; nobody else may have it
            draft.room.spend(place, size)
    short = filled < lacking
    if extended:
        step = Step("extend", d, tuple(extended), gain, policy.lifetime, "policy", member, tuple(rules), short=short)
        draft.steps.append(step)
    for action, places in made.items():
        places.sort()
        step = Step(action, d, tuple(places), gained[action], policy.lifetime, "policy", member, short=short)
        draft.steps.append(step)


def _quota(draft: Draft, d: int, r: int) -> bool:
    """Whether our account may lock one more copy of ``d`` at ``r``; of unknown size only without a limit."""
    left = draft.room.account[r]
    return bool(left == np.inf or (draft.datasets.bytes[d] >= 0 and left >= draft.size[d]))
