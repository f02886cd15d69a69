"""The service: one planning from the store to hints, and what of it is said to whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from catalog.documents import Put
from catalog.embedded import EmbeddedEngine
from catalog.indexer import Indexer
from catalog.lease import Lease
from catalog.store import Store
from placement import lake as lakes
from placement import service as service_module
from placement.demand_store import merge
from placement.kept import kept_hints
from placement.service import Placement
from placement.settings import DemandSettings, LakeSettings
from placement.state import Rse
from placement.terms import READ, record_key
from schemas.policy import Policy
from tests.placement.lake import SOURCE, id_of, put, replica, rule

NOW = 1_795_000_000.0  # 2026-11-18
HIDDEN = {"rights": {"level": "restricted", "groups": ["ska-only"]}}


def rse(name: str, **more: object) -> Rse:
    made = Rse(name, site=name, attributes={name: True}, total=10_000, free=5_000, measured_at=NOW)
    return replace(made, **more)  # type: ignore[arg-type]


def document(*rses: Rse, taken_at: float = NOW) -> dict[str, object]:
    rows = [asdict(one) | {"problem": None} for one in rses]
    made = {"source": SOURCE, "account": "root", "taken_at": taken_at, "distances": [], "distances_at": None}
    return made | {"rses": rows, "problems": []}


@dataclass
class Lab:
    store: Store
    engine: EmbeddedEngine
    folder: Path

    def save(self, *puts: Put) -> None:
        self.store.save(SOURCE, puts, ())
        Indexer(self.store, self.engine).catch_up()

    def take(self, *rses: Rse, taken_at: float = NOW) -> None:
        lakes.take(self.store, SOURCE, document(*rses, taken_at=taken_at))

    def placement(self, *policies: Policy) -> Placement:
        return Placement(
            self.store, self.engine.search, self.engine.applied, Indexer(self.store, self.engine).missing,
            lambda name: (83.6, 22.0), self.folder, LakeSettings(SOURCE), DemandSettings(), policies,
        )  # fmt: skip

    def read(self, name: str, site: str, times: float) -> None:
        key = record_key(id_of(name)) - (1 << 64 if record_key(id_of(name)) >= 1 << 63 else 0)
        with self.store.database.writing() as connection:
            merge(connection, [(READ, key, site, times, times)], 14 * 86_400.0, NOW)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    engine = EmbeddedEngine(tmp_path / "index")
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as store:
        yield Lab(store, engine, tmp_path / "placement")
    engine.close()


def at(*rses: str, size: int = 100) -> dict[str, object]:
    return {"replicas": [replica(name) for name in rses], "did": {"bytes": size, "length": 2}}


def test_what_not_everybody_may_see_is_not_told_of_its_container(lab: Lab) -> None:
    lab.take(rse("SYN-A"), rse("SYN-B"))
    lab.save(put("top", "CONTAINER"), put("a", parents=["top"], **at("SYN-A")))
    lab.save(put("b", parents=["top"], record=HIDDEN, **at("SYN-A")))
    service = lab.placement(Policy("p", "kind=dataset", "SYN-B"))
    assert [one.name for one in service.plan().hints] == ["a", "b"] or len(service.plan().hints) == 2
    said = service.of_record(id_of("top"))
    assert [one["did"]["name"] for one in said["datasets"]] == ["a"]
    assert service.of_record(id_of("b"))["datasets"] == []


def test_hints_for_a_query_do_not_tell_what_hidden_records_say(lab: Lab) -> None:
    lab.take(rse("SYN-A"), rse("SYN-B"))
    lab.save(
        put("top", "CONTAINER", metadata={"secret": "yes"}, record=HIDDEN), put("a", parents=["top"], **at("SYN-A"))
    )
    service = lab.placement(Policy("p", "kind=dataset", "SYN-B"))
    hints = service.plan().hints
    assert len(service.narrowed(hints, "extra.rucio.secret=yes", None)) == 1
    assert service.narrowed(hints, "extra.rucio.secret=yes", None, sees_all=False) == []
    assert len(service.narrowed(hints, "extra.rucio.scope=ska", None, sees_all=False)) == 1


def test_a_hint_that_names_a_hidden_dataset_is_not_shown(lab: Lab) -> None:
    ours = rule("r1", account="root", comments="asterism hint=h", rse_expression="SYN-B",
                created_at="Sat, 10 Oct 2026 00:00:00 UTC")  # fmt: skip
    lab.take(rse("SYN-A"), rse("SYN-B", free=0))
    held = rule("r2", account="ska", rse_expression="SYN-A")
    lab.save(
        put("old", **at("SYN-A", "SYN-B"), rules=[ours, held]),
        put("secret", record=HIDDEN, metadata={"band": "L"}, **at("SYN-A")),
    )
    lab.read("old", "SYN-B", 2.0)  # else it is released for itself
    service = lab.placement(Policy("p", "extra.rucio.band=L", "SYN-B"))
    (hint,) = service.plan().hints
    assert hint.action == "release" and hint.reasons[0].values["for"] == "ska:secret"
    assert kept_hints(lab.store) == [hint]
    assert kept_hints(lab.store, shown=True) == []


def test_who_waited_for_another_planning_plans_with_the_newest_lake(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.take(rse("SYN-A"), rse("SYN-B"))

    class Late(Lease):
        """While it is waited for, the other harvests."""

        def __enter__(self):  # type: ignore[no-untyped-def]
            lab.take(rse("SYN-A"), rse("SYN-B"), taken_at=NOW + 3600)
            return super().__enter__()

    monkeypatch.setattr(service_module, "Lease", Late)
    assert lab.placement().plan().lake.taken_at == NOW + 3600


def test_a_container_of_many_says_that_there_are_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "_MOST_DATASETS", 2)
    lab.take(rse("SYN-A"))
    lab.save(put("top", "CONTAINER"), *(put(name, parents=["top"], **at("SYN-A")) for name in "abc"))
    service = lab.placement()
    service.plan()
    said = service.of_record(id_of("top"))
    assert [one["did"]["name"] for one in said["datasets"]] == ["a", "b"] and said["more"]
    assert not service.of_record(id_of("c"))["more"]


def test_nothing_is_released_by_an_index_that_lacks_records(lab: Lab, tmp_path: Path) -> None:
    ours = rule("r1", account="root", comments="asterism hint=h policy=p", rse_expression="SYN-B",
                created_at="Sat, 10 Oct 2026 00:00:00 UTC")  # fmt: skip
    lab.take(rse("SYN-A"), rse("SYN-B"))
    lab.save(put("a", **at("SYN-A", "SYN-B"), rules=[ours, rule("r2", account="ska", rse_expression="SYN-A")]))
    policy = Policy("p", "kind=dataset", "SYN-B")
    assert lab.placement(policy).plan().hints == []
    lab.engine.close()
    lab.engine = EmbeddedEngine(tmp_path / "lost")  # the policy finds nothing there
    planned = lab.placement(policy).plan()
    assert planned.hints == [] and "lacks 1 change" in planned.notes[0]
    other = EmbeddedEngine(tmp_path / "another")  # it has all changes, of another store
    other.apply([], lab.store.last_seq(), "another")
    lab.engine.close()
    lab.engine = other
    assert lab.placement(policy).plan().hints == []
    Indexer(lab.store, lab.engine).catch_up()
    assert not any("index" in note for note in lab.placement(policy).plan().notes)
    assert [one.action for one in lab.placement().plan().hints] == ["release"]


def test_a_query_of_hints_is_not_kept(lab: Lab) -> None:
    lab.take(rse("SYN-A"), rse("SYN-B"))
    lab.save(put("a", **at("SYN-A")))
    service = lab.placement(Policy("p", "kind=dataset", "SYN-B"))
    hints = service.plan().hints
    kept = (lab.folder / "placement.matches").read_bytes()
    service.narrowed(hints, "extra.rucio.scope=ska", None)
    assert (lab.folder / "placement.matches").read_bytes() == kept
