"""What one policy matches now, and what it alone would cost: as if there were no other policy and no demand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from placement import plan
from placement.draft import Membership
from placement.gains import NoReads
from placement.plan import Budgets
from placement.state import Datasets, Lake
from schemas.policy import Policy


@dataclass(frozen=True, slots=True)
class Cost:
    """What a policy would bring to one RSE."""

    datasets: int = 0
    extends: int = 0
    bytes: int = 0
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What a policy matches now, and what it would cost; ``short``: where it can not be fulfilled, in sentences."""

    policy: Policy
    matched: int
    bytes: int
    satisfied: int
    rses: list[str]
    cost: dict[str, Cost] = field(default_factory=dict)
    short: list[str] = field(default_factory=list)


def check(lake: Lake, datasets: Datasets, member: Membership, budgets: Budgets) -> Check:
    """Check one policy against the lake as it was harvested."""
    hints = plan.plan(lake, datasets, [member], NoReads(lake, len(datasets)), budgets, now=lake.taken_at, before={})
    own = [one for one in hints if one.policy == member.policy.name and one.action != "release"]
    cost: dict[str, Cost] = {}
    for one in own:
        for rse in one.to:
            old = cost.get(rse, Cost(free=lake.rses[lake.index[rse]].free))
            moved = one.bytes // max(1, len(one.to))
            extends = one.action == "extend"
            cost[rse] = replace(
                old,
                datasets=old.datasets + (not extends),
                extends=old.extends + extends,
                bytes=old.bytes + moved,
            )
    short = plan.shortfalls(lake, datasets, member, hints, budgets, lake.taken_at)
    needing = {one.record for one in own} | {datasets.ids[n] for n in short.datasets}
    matched = np.flatnonzero(member.mask)
    return Check(
        member.policy,
        matched=len(matched),
        bytes=int(np.maximum(datasets.bytes[matched], 0).sum()),
        satisfied=sum(datasets.ids[n] not in needing for n in matched.tolist()),
        rses=[lake.rses[r].name for r in np.flatnonzero(member.rses)],
        cost=cost,
        short=list(short.texts),
    )
