"""One planning, from what is kept to what should move; and what is said of one record, one policy, the lake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from catalog import clock
from catalog.allocating import uncollected
from catalog.database import portions
from catalog.engine import Answer
from catalog.lease import Lease
from catalog.store import Store
from harvesters.rucio_session import RucioSession
from placement import demand_store, kept_forecast, plan, policy_check, samples, training
from placement import lake as lakes
from placement.columns import Columns
from placement.demand import DemandTable
from placement.forecast import Forecast, expected
from placement.kept import hidden_records, is_planned_for, keep_policies, kept_hints, kept_times, order, replace_hints
from placement.membership import Membership, memberships, validate
from placement.plan import Budgets
from placement.policies import in_force
from placement.policy_check import Check
from placement.rucio_traces import read_traces
from placement.settings import DemandSettings, LakeSettings
from placement.state import Datasets, Lake
from schemas.errors import PlacementError, PolicyError
from schemas.hint import Hint
from schemas.policy import Policy
from schemas.query import Query
from schemas.regions import Resolver
from schemas.rse_expression import parse as parse_expression

LEASE = "placement"
_WAIT = 120.0  # seconds for somebody else's planning
_MOST_DATASETS = 100


@dataclass(frozen=True, slots=True)
class Planned:
    """The hints in their order (``placement/kept.py``); ``notes``: what an operator should know of the input.

    ``failed``: what is wrong with policies that are therefore left out, in sentences that ``notes`` has too.
    """

    hints: list[Hint]
    lake: Lake
    notes: list[str]
    failed: list[str] = field(default_factory=list)

    @property
    def as_of(self) -> str:
        return f"the lake as of {lakes.stamp(self.lake.taken_at)}"


class Placement:
    """Plans for one lake.

    Parameters
    ----------
    search
        Answers a query as somebody who may see everything.
    resolve
        The place of an object's name.
    applied
        The feed number that ``search`` answers from.
    missing
        How many changes of the store ``search`` knows nothing of yet.
    folder
        Where the columns of the datasets are kept.
    configured
        The policies of the settings file.
    """

    def __init__(
        self,
        store: Store,
        search: Callable[[Query], Answer],
        applied: Callable[[], int],
        missing: Callable[[], int],
        resolve: Resolver,
        folder: Path,
        settings: LakeSettings,
        demand: DemandSettings,
        configured: Sequence[Policy] = (),
    ) -> None:
        self._store, self._search, self._applied, self._resolve = store, search, applied, resolve
        self._missing = missing
        self._folder = folder
        self.settings, self._demand, self._configured = settings, demand, configured

    # -- the lake -------------------------------------------------------------------------------------

    def take(self, session: RucioSession) -> Lake:
        """Read the state of the lake's RSEs, and keep it; raises ``SourceError``."""
        with Lease(self._store, LEASE, wait=_WAIT):
            return lakes.refresh(self._store, self.settings.source, session, clock.now().timestamp())

    # -- planning -------------------------------------------------------------------------------------

    def lake(self) -> Lake:
        """The state of the lake at its last harvest; raises ``placement.no-state`` before the first."""
        found = lakes.lake(self._store, self.settings.source)
        if found is None:
            name = self.settings.source
            raise PlacementError("no-state", f"nothing is known of the lake yet; run: asterism harvest {name}")
        return found

    def policies(self) -> list[Policy]:
        """Those in force."""
        return in_force(self._store, self._configured)

    def plan(self) -> Planned:
        """Plan anew, and keep the hints. One at a time: another planning is waited for.

        While it is not known what a policy wants, nothing is released: it might be what that policy holds. Nor while
        the index lacks records: one that was lost finds nothing for any policy.
        """
        with uncollected(), Lease(self._store, LEASE, wait=_WAIT):
            lake = self.lake()  # not the one of before somebody else's harvest was waited for
            notes = read_traces(self._store, self._demand, lake)
            columns = self._columns(lake)
            notes += [f"{n} copies or locks are at {rse}, which is no RSE of the lake" for rse, n in _sorted(columns)]
            failed: list[PolicyError] = []
            if lacking := self._missing():
                lacks = f"the index lacks {lacking:,} change{'s' * (lacking > 1)} of the store"
                notes.insert(0, f"{lacks}, so nothing is released; run: asterism reindex")
            policies = self.policies()
            members = self._members(columns, policies, failed)
            asked = demand_store.pruned(self._store, self._demand.half_life, lake.taken_at)
            window, half_life = self.settings.window, self._demand.half_life
            samples.observe(self._store, columns.datasets, asked, window, lake.taken_at, half_life)
            before = kept_times(self._store)
            forecast = self._forecast(columns.datasets, lake, asked)
            kept_forecast.keep(self._folder, columns.datasets, lake, window, forecast)
            hints = plan.plan(
                lake, columns.datasets, members, forecast, self._budgets(), now=lake.taken_at, before=before
            )
            if failed or lacking:
                hints = [one for one in hints if one.action != "release"]
            replace_hints(self._store, hints, columns.hidden)
            keep_policies(self._store, policies)
        said = [f"{error.detail}; the policy is left out, and nothing released [{error.code}]" for error in failed]
        return Planned(sorted(hints, key=order), lake, [*said, *notes, *self.staleness(lake)], said)

    def applicable(self) -> list[Hint]:
        """The hints of the last planning; without its releases where other policies are in force since."""
        found = kept_hints(self._store)
        if is_planned_for(self._store, self.policies()):
            return found
        return [one for one in found if one.action != "release"]

    def _columns(self, lake: Lake) -> Columns:
        columns = Columns.open(self._folder, self._store, lake)
        columns.update()
        return columns

    def _known_columns(self, lake: Lake) -> Columns:
        """The columns of the last planning, made anew only where they are lost."""
        columns = Columns.open(self._folder, self._store, lake)
        if not len(columns.known.id):
            columns.update()
        return columns

    def _members(
        self, columns: Columns, policies: Sequence[Policy], failed: list[PolicyError] | None = None
    ) -> list[Membership]:
        return memberships(policies, self._search, columns, self._store, self._resolve, self._applied, failed)

    def _asked(self, lake: Lake) -> DemandTable:
        return demand_store.load(self._store, self._demand.half_life, lake.taken_at)

    def _forecast(self, datasets: Datasets, lake: Lake, asked: DemandTable) -> Forecast:
        window, half_life = self.settings.window, self._demand.half_life
        model = training.kept_model(self._store)
        return expected(datasets, asked, lake, model, window, lake.taken_at, half_life=half_life)

    def _budgets(self) -> Budgets:
        own = self.settings
        return Budgets(transfer=own.transfer, window=own.window, activity=own.activity)

    # -- what is said of it ---------------------------------------------------------------------------

    def staleness(self, lake: Lake, now: float | None = None) -> list[str]:
        """Sentences on what of the lake's state is old, or was not to be had."""
        now = clock.now().timestamp() if now is None else now
        return lakes.notes(lake, lakes.document(self._store, lake.source) or {}, now)

    def narrowed(
        self,
        hints: Sequence[Hint],
        query: str | None,
        expression: str | None,
        actions: Sequence[str] = (),
        policy: str | None = None,
        *,
        sees_all: bool = True,
    ) -> list[Hint]:
        """Those of ``hints`` on datasets that ``query`` finds, to or from RSEs of ``expression``, of ``actions``.

        ``sees_all``: whether who asks may see what not everybody may; else the query finds nothing by that.
        """
        found = [
            one for one in hints if (not actions or one.action in actions) and (policy is None or one.policy == policy)
        ]
        if expression is not None:
            lake = self.lake()
            rses = parse_expression(expression).matching([(rse.name, rse.attributes) for rse in lake.rses])
            found = [one for one in found if not rses.isdisjoint((*one.to, *one.from_rses))]
        if query is not None:

            def search(asked: Query) -> Answer:
                return self._search(replace(asked, sees_all=sees_all))

            columns = self._known_columns(self.lake())
            try:
                # what it finds is not kept: anybody's queries would take the place of the policies'
                (member,) = memberships([Policy("for", query, "*")], search, columns, self._store, self._resolve)
            except PolicyError as error:  # nobody spoke of a policy
                raise error.__cause__ or error from None
            ids = {columns.datasets.ids[n] for n in np.flatnonzero(member.mask).tolist()}
            found = [one for one in found if one.record in ids]
        return found

    def check(self, policy: Policy) -> Check:
        """What one policy matches, and what it alone would cost now; raises ``PolicyError`` for what is wrong in it."""
        lake = self.lake()
        with Lease(self._store, LEASE, wait=_WAIT):
            columns = self._columns(lake)
            (member,) = self._members(columns, [policy])
        return policy_check.check(lake, columns.datasets, member, self._budgets())

    def train(self) -> list[str]:
        """Train the forecast, and say how good it is; raises ``placement.not-enough-history``."""
        return training.report(samples.learn(self._store, self.settings.window))

    def validate(self, policy: Policy) -> None:
        """Raise ``PolicyError`` for a query or an RSE expression that cannot be understood.

        Whether any RSE is meant is looked at where the lake is known.
        """
        lake = lakes.lake(self._store, self.settings.source)
        validate(policy, lake, self._store, self._resolve)

    def of_record(self, id: str) -> dict[str, Any]:
        """Where the data of a record are, where they should be, and why; JSON.

        Of a merged record: of each of its parts in the lake; of a container: of its datasets, a hundred at most, and
        ``more`` says whether there are others. Of datasets that not everybody may see nothing is said.
        """
        lake = self.lake()
        columns = self._known_columns(lake)
        shown = self._store.cluster_of(id) or id
        rows = np.flatnonzero(columns.standing_for(np.array([shown], dtype="S16"))).tolist()
        found: list[int] = []
        for some in portions(rows, _MOST_DATASETS):
            hidden = hidden_records(self._store, [columns.datasets.ids[n] for n in some])
            found += [n for n in some if columns.datasets.ids[n] not in hidden]
            if len(found) > _MOST_DATASETS:
                break
        made: dict[str, Any] = {"record": id, "lake": lake.source, "as_of": lakes.stamp(lake.taken_at), "datasets": []}
        made["more"] = len(found) > _MOST_DATASETS
        if not (found := found[:_MOST_DATASETS]):
            return made
        hints = kept_hints(self._store, shown=True, records=[columns.datasets.ids[n] for n in found])
        failed: list[PolicyError] = []
        members = self._members(columns, self.policies(), failed)
        forecast = kept_forecast.kept(
            self._folder,
            columns.datasets,
            lake,
            self.settings.window,
            lambda: self._forecast(columns.datasets, lake, self._asked(lake)),
        )
        explained = plan.explain(lake, columns.datasets, members, forecast, self._budgets(), lake.taken_at, found)
        for said in explained:
            own = [one.document() for one in hints if one.record == said["record"]]
            made["datasets"].append(said | {"hints": own})
        return made

    def state(self) -> dict[str, Any]:
        """The lake as it was harvested, and how old that is; JSON."""
        lake = self.lake()
        return lakes.told(lake) | {"notes": self.staleness(lake)}


def _sorted(columns: Columns) -> list[tuple[str, int]]:
    _ = columns.datasets  # they are counted as it is made
    return sorted(columns.unknown_rses.items())
