"""What policies mean: datasets by query, RSEs by expression, followed through changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import saved
from catalog.documents import Put
from catalog.elastic_query import visible
from catalog.embedded import EmbeddedEngine
from catalog.engine import Answer
from catalog.indexer import Indexer
from catalog.store import Store
from placement import membership
from placement.columns import Columns
from placement.membership import Membership, memberships, validate
from schemas.errors import PolicyError
from schemas.policy import Policy
from schemas.query import Query
from tests.placement.lake import SOURCE, id_of, lake, other, put

HIDDEN = {"rights": {"level": "restricted", "groups": ["ska-only"]}}


@dataclass
class Federation:
    """A store, its index and the columns of the lake; ``asked``: the queries that were."""

    store: Store
    engine: EmbeddedEngine
    folder: Path
    asked: list[Query] = field(default_factory=list)

    def search(self, query: Query) -> Answer:
        self.asked.append(query)
        return self.engine.search(query)

    def save(self, *puts: Put, source: str = SOURCE, gone: tuple[str, ...] = ()) -> None:
        self.store.save(source, puts, gone)
        Indexer(self.store, self.engine).catch_up()

    def columns(self) -> Columns:
        made = Columns.open(self.folder, self.store, lake())
        made.update()
        return made

    def members(self, *policies: Policy, kept: bool = True) -> list[Membership]:
        applied = self.engine.applied if kept else None
        return memberships(policies, self.search, self.columns(), self.store, lambda name: (83.6, 22.0), applied)

    def matched(self, query: str, *, kept: bool = True) -> str:
        (made,) = self.members(Policy("p", query, "*"), kept=kept)
        return "".join(name for name, hit in zip(self.columns().datasets.names, made.mask, strict=True) if hit)


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    engine = EmbeddedEngine(tmp_path / "index")
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as store:
        yield Federation(store, engine, tmp_path / "placement")
    engine.close()


def test_datasets_by_query(federation: Federation) -> None:
    place = {"position": {"ra": 83.6, "dec": 22.1}}
    federation.save(
        put("a", metadata={"band": "L"}, record=place),
        put("b", metadata={"band": "S"}),
        put("c", metadata={"band": "L"}, record=HIDDEN),
        put("d", record={"position": {"ra": 359.9999, "dec": 0.0}}),
        put("e", record={"position": {"ra": 12.0, "dec": -90.0}}),
    )
    assert federation.matched("extra.rucio.band=L") == "ac"
    assert federation.matched("cone=M1,1") == "a"
    assert federation.matched("cone=0.0001,0,0.01&limit=1&facets=kind&cursor=&collapse=false&sort=-bytes") == "d"
    assert federation.matched("cone=200,-90,0.01") == "e"
    saved.put(federation.store, "l-band", [("extra.rucio.band", "L"), ("q", "a")])
    assert federation.matched("l-band") == "a"
    assert federation.matched("q=NOT a") == "bcde"


def test_pages_end(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "_PAGE", 2)
    federation.save(*(put(name, record=HIDDEN if name < "c" else {}) for name in "abcdefg"))
    assert federation.matched("kind=dataset") == "abcdefg"
    assert len(federation.asked) == 4


def test_what_a_merged_record_matches_its_dataset_does(federation: Federation) -> None:
    federation.save(put("a", doi="10.5072/1"), put("b"))
    federation.save(other("z", "10.5072/1", facilities=["MeerKAT"]), source="zenodo")
    assert federation.matched("facilities=MeerKAT") == "a"
    federation.save(source="zenodo", gone=("z",))
    assert federation.matched("facilities=MeerKAT") == ""


def test_a_container_stands_for_its_datasets(federation: Federation) -> None:
    federation.save(put("top", "CONTAINER", metadata={"survey": "x"}), put("mid", "CONTAINER", parents=["top"]))
    federation.save(put("a", parents=["mid"]), put("b", parents=["top"]), put("c"))
    assert federation.matched("extra.rucio.survey=x") == "ab"
    federation.save(put("c", parents=["mid"]), put("b"))
    assert federation.matched("extra.rucio.survey=x") == "ac"


def test_only_what_has_changed_is_asked_again(federation: Federation) -> None:
    policy = Policy("p", "extra.rucio.band=L", "*")
    federation.save(*(put(name, metadata={"band": "L"}) for name in "abc"))
    federation.members(policy)
    assert [query.after for query in federation.asked] == [None]
    federation.members(policy)
    assert len(federation.asked) == 1
    federation.save(put("a", metadata={"band": "S"}), put("d", metadata={"band": "L"}), gone=("ska:b",))
    seq = federation.store.last_seq() - 3
    assert federation.matched(policy.query) == "cd"
    assert [query.after for query in federation.asked] == [None, seq]
    assert federation.matched(policy.query, kept=False) == "cd"
    assert federation.asked[-1].after is None
    (federation.folder / "placement.matches").write_bytes(b"nonsense")
    assert federation.matched(policy.query) == "cd"
    assert federation.asked[-1].after is None


def test_an_index_that_goes_on_meanwhile(federation: Federation) -> None:
    federation.save(put("a", metadata={"band": "L"}), put("b"))
    waiting: list[Callable[[], None]] = [lambda: federation.save(put("b", metadata={"band": "L"}))]
    plain = federation.search

    def search(query: Query) -> Answer:
        found = plain(query)
        if waiting:
            waiting.pop()()
        return found

    policy = Policy("p", "extra.rucio.band=L", "*")
    (made,) = memberships([policy], search, federation.columns(), federation.store, None, federation.engine.applied)
    assert made.mask.tolist() == [True, True]
    assert len(federation.asked) == 2


steps = st.tuples(
    st.sampled_from(["put", "gone", "other", "other gone", "container", "ask"]),
    st.sampled_from("abc"),
    st.sampled_from(["L", "S"]),
    st.booleans(),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=3, max_size=8))
def test_following_is_as_asking_anew(federation: Federation, done: list[tuple[str, str, str, bool]]) -> None:
    queries = ("extra.rucio.band=L", "facilities=L")
    for what, name, band, joined in (*done, ("ask", "", "", False)):
        match what:
            case "put":
                doi = f"10.5072/{name}" if joined else None
                federation.save(put(name, metadata={"band": band}, doi=doi, parents=["k"] if joined else []))
            case "gone":
                federation.save(gone=(f"ska:{name}",))
            case "other":
                federation.save(other(name, f"10.5072/{name}", facilities=[band]), source="zenodo")
            case "other gone":
                federation.save(source="zenodo", gone=(name,))
            case "container":
                federation.save(put("k", "CONTAINER", metadata={"band": band}))
            case "ask":
                for query in queries:
                    assert federation.matched(query) == federation.matched(query, kept=False)


def test_rses_by_expression(federation: Federation) -> None:
    federation.save(put("a"))
    some = [Policy("x", "kind=dataset", "country=A|SYN-C"), Policy("y", "kind=dataset", "*\\SYN-A")]
    assert [made.rses.tolist() for made in federation.members(*some)] == [[True, False, True], [False, True, True]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"query": "colour=red"}, "policy.bad-query"),
        ({"query": "cone=1,2"}, "policy.bad-query"),
        ({"query": "nobodys-query"}, "policy.bad-query"),
        ({"rse_expression": "country=FR"}, "policy.no-rse"),
        ({"rse_expression": "country="}, "policy.bad-expression"),
    ],
)
def test_what_is_wrong_names_the_policy(federation: Federation, changes: dict[str, Any], code: str) -> None:
    policy = Policy(**{"name": "gc", "query": "kind=dataset", "rse_expression": "*"} | changes)
    with pytest.raises(PolicyError, match="policy gc") as raised:
        federation.members(policy)
    assert raised.value.code == code and raised.value.context["policy"] == "gc"
    with pytest.raises(PolicyError) as raised:
        validate(policy, lake(), federation.store)
    assert raised.value.code == code
    if code == "policy.no-rse":
        validate(policy, None, federation.store)


def test_who_sees_all(federation: Federation) -> None:
    federation.save(put("a", record=HIDDEN), put("b"))
    assert federation.engine.search(Query()).total == 1
    assert federation.engine.search(Query(sees_all=True)).ids == sorted([id_of("a"), id_of("b")])
    assert visible(Query(sees_all=True)) == {"terms": {"shown": ["collapsed", "hidden-collapsed"]}}


def test_finds_are_bounded(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "_KEPT", 2)
    federation.save(put("a"))
    federation.members(*(Policy(f"p{n}", f"extra.rucio.n={n}", "*") for n in range(4)))
    federation.asked.clear()
    federation.members(*(Policy(f"p{n}", f"extra.rucio.n={n}", "*") for n in range(4)))
    assert len(federation.asked) == 2
    assert np.unique([query.after for query in federation.asked if query.after]).size == 0
