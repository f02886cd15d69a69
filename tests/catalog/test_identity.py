"""Clusters follow from the records that are there, whatever came before, and the feed tells every change of them."""

from __future__ import annotations

import functools
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.sql import text

from catalog import clusters, identity, tables
from catalog.documents import Put
from catalog.embedded import EmbeddedEngine
from catalog.engine import Change
from catalog.indexer import Indexer
from catalog.store import Store
from mappings.identity import keys
from mappings.merge import cluster_id, merge
from schemas.access import visible
from schemas.query import parse
from schemas.record import Record, record_id, validate_record
from tests.catalog.records import put, record

LIMIT = 4  # of both kinds, in the tests that are about the limits


def doi(*values: str, **more: Any) -> dict[str, Any]:
    return {"identifiers": [{"scheme": "doi", "value": f"10.5072/{value}"} for value in values]} | more


def ids(*named: str) -> list[str]:
    """Of ``source/name``."""
    return sorted(record_id(*one.split("/")) for one in named)


def together(store: Store) -> list[list[str]]:
    """The members of each cluster, as the feed has them."""
    return sorted(
        sorted(p["id"] for p in c.record["same_as"]) for c in store.changes(0, 9999) if c.view == "merged" and c.record
    )


# --- brute force -------------------------------------------------------------------------------------------------


def expected(records: Sequence[Record], key_limit: int, part_limit: int) -> dict[str, Record]:
    """The merged records of components, found by looking at all pairs again and again."""
    carried = {one["id"]: set(keys(one)) for one in records}
    count: dict[str, int] = {}
    for some in carried.values():
        for key in some:
            count[key] = count.get(key, 0) + 1
    for some in carried.values():
        some -= {key for key in some if count[key] > key_limit}
    groups: list[tuple[set[str], set[str]]] = []
    for id, some in carried.items():
        members, known = {id}, set(some)
        for group in [group for group in groups if group[1] & known]:
            groups.remove(group)
            members |= group[0]
            known |= group[1]
        groups.append((members, known))
    by_id = {one["id"]: one for one in records}
    return {
        cluster_id(list(members)): merge([by_id[id] for id in members])
        for members, _ in groups
        if 1 < len(members) <= part_limit
    }


class Follower:
    """What an index has after following the feed in small batches."""

    def __init__(self) -> None:
        self.held: dict[str, Change] = {}
        self.at = 0

    def follow(self, store: Store) -> None:
        while portion := store.changes(self.at, 3):
            numbers = [change.seq for change in portion]
            assert numbers == sorted(set(numbers)) and numbers[0] > self.at
            self.held.update((change.id, change) for change in portion)
            self.at = numbers[-1]
        assert self.at <= store.last_seq()

    def alive(self) -> dict[str, tuple[str, Record]]:
        return {id: (change.view, told(change.record)) for id, change in self.held.items() if change.record}


def told(one: Record) -> Record:
    """Without how it came in, of which the feed does not tell."""
    return {key: value for key, value in one.items() if key != "provenance"}


def check(store: Store, follower: Follower, key_limit: int = 200, part_limit: int = 1000) -> None:
    records = list(store.iter_records())
    merged = expected(records, key_limit, part_limit)
    member = {part["id"]: id for id, one in merged.items() for part in one["same_as"]}
    for one in records:
        assert store.cluster_of(one["id"]) == member.get(one["id"])
    assert store.get_many(list(merged)) == merged and store.clusters() == len(merged)
    follower.follow(store)
    single = {one["id"]: ("part" if one["id"] in member else "single", told(one)) for one in records}
    assert follower.alive() == single | {id: ("merged", told(one)) for id, one in merged.items()}
    for one in merged.values():
        validate_record(one)
        parts = [part for part in records if part["id"] in {p["id"] for p in one["same_as"]}]
        assert store.parts(one["id"]) and {visible(part, frozenset()) for part in parts} == {visible(one, frozenset())}


# --- any history -------------------------------------------------------------------------------------------------

_DOIS = st.sampled_from(["1", "2", "3", "4", "5"])
_RIGHTS = st.sampled_from([None, None, None, {"level": "restricted"}, {"level": "restricted", "groups": ["a"]}])
_CONTENT = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["Crab", "Vela"]),
        "own": st.lists(_DOIS, max_size=2),
        "identical": st.lists(_DOIS, max_size=1),
        "rights": _RIGHTS,
        "harvested": st.sampled_from(["2026-01-01", "2026-02-01"]),
    }
)
_NAMES = st.sampled_from(["a", "b", "c", "d"])
_STEP = st.tuples(
    st.sampled_from(["s", "t", "u"]),
    st.dictionaries(_NAMES, _CONTENT, max_size=4),
    st.lists(_NAMES, max_size=2),
)


def made(source: str, name: str, content: dict[str, Any]) -> Put:
    own = [{"scheme": "rucio", "value": f"{source}-{name}:x"}]
    own += [{"scheme": "doi", "value": f"10.5072/{one}"} for one in content["own"]]
    more: dict[str, Any] = {"identifiers": own, "provenance": {"harvested_at": content["harvested"]}}
    if content["identical"]:
        more["relations"] = [
            {"type": "IsIdenticalTo", "identifier": f"https://doi.org/10.5072/{one}", "scheme": "url"}
            for one in content["identical"]
        ]
    if content["rights"]:
        more["rights"] = content["rights"]
    return Put(name, record(name, content["title"], source, **more), content["harvested"].encode(), "rucio", 1)


@functools.cache
def _template() -> bytes:
    """An empty store's file: making one takes longer than most histories do."""
    with tempfile.TemporaryDirectory() as folder:
        Store.create_or_upgrade(f"sqlite:///{folder}/a.db").close()
        return Path(folder, "a.db").read_bytes()


@contextmanager
def empty() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.db").write_bytes(_template())
        with Store.open(f"sqlite:///{folder}/a.db") as store:
            yield store


def run_history(store: Store, steps: Sequence[Any], key_limit: int, part_limit: int) -> None:
    follower = Follower()
    for source, puts, gone in steps:
        store.save(source, [made(source, name, content) for name, content in puts.items()], gone)
        check(store, follower, key_limit, part_limit)
        assert store.alarms() or not together(store) or max(map(len, together(store))) <= 20
    with empty() as again:
        for one in reversed(list(store.iter_records())):
            again.save(one["source"], [Put(one["id"], one)])
        assert together(again) == together(store)
        with store.database.reading() as connection, again.database.reading() as other:
            both = [c.execute(text("SELECT hash, id FROM carrier ORDER BY 1, 2")).all() for c in (connection, other)]
            assert both[0] == both[1]
            both = [
                c.execute(text("SELECT hash, records FROM crowd WHERE records > 0 ORDER BY 1")).all()
                for c in (connection, other)
            ]
            assert both[0] == both[1]


@given(st.lists(_STEP, min_size=1, max_size=10), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_history_gives_the_clusters_of_what_is_there(steps: Any, small: bool) -> None:
    with pytest.MonkeyPatch.context() as patch, empty() as store:
        limit = LIMIT if small else 200
        limits(patch, limit, limit)
        run_history(store, steps, limit, limit)


def test_a_long_history(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, LIMIT, LIMIT + 2)
    rng = random.Random(5)
    steps = []
    for _ in range(60):
        puts = {
            rng.choice("abcdefgh"): {
                "title": rng.choice(["Crab", "Vela"]),
                "own": rng.sample("123456789", rng.choice([0, 1, 1, 2])),
                "identical": rng.sample("123456789", rng.choice([0, 0, 1])),
                "rights": rng.choice([None, None, None, {"level": "embargoed"}]),
                "harvested": rng.choice(["2026-01-01", "2026-02-01"]),
            }
            for _ in range(rng.randrange(5))
        }
        steps.append((rng.choice("stu"), puts, rng.sample("abcdefgh", rng.choice([0, 0, 1, 3]))))
    run_history(store, steps, LIMIT, LIMIT + 2)


def limits(patch: pytest.MonkeyPatch, keys: int, parts: int) -> None:
    patch.setattr(identity, "KEY_LIMIT", keys)
    for module in (identity, clusters):
        patch.setattr(module, "PART_LIMIT", parts)


# --- one thing after the other -----------------------------------------------------------------------------------


def test_the_same_doi_makes_a_cluster_and_its_loss_splits_it(store: Store) -> None:
    follower = Follower()
    store.save("s", [put("a", source="s", **doi("1"))], at="2026-01-01T00:00:00Z")
    store.save("t", [put("b", source="t", **doi("1"))], at="2026-02-01T00:00:00Z")
    (merged,) = together(store)
    assert merged == ids("s/a", "t/b")
    name = cluster_id(merged)
    assert store.get(name) is not None and store.cluster_of(merged[0]) == name
    assert [part["id"] for part in store.parts(name)] == merged and store.parts(merged[0]) == []
    check(store, follower)
    store.save("t", [put("b", source="t", **doi("2"))])
    assert together(store) == [] and store.get(name) is None and store.parts(name) == []
    check(store, follower)
    assert follower.held[name].record is None
    store.save("t", [put("b", source="t", **doi("1"))])
    assert together(store) == [merged] and store.cluster_of(merged[0]) == name
    store.save("s", (), ["a"])
    assert together(store) == []
    check(store, follower)


def test_a_record_whose_view_changes_has_a_new_number_and_the_old_datestamp(store: Store) -> None:
    store.save("s", [put("a", source="s", **doi("1"))], at="2026-01-01T00:00:00Z")
    store.save("t", [put("b", source="t", **doi("1"))], at="2026-02-01T00:00:00Z")
    assert [(change.seq, change.view) for change in store.changes(0, 9)] == [(2, "part"), (3, "part"), (4, "merged")]
    with store.database.reading() as connection:
        rows = dict(connection.execute(text("SELECT source, datestamp FROM record")).all())  # type: ignore[arg-type]
    assert rows == {"s": "2026-01-01T00:00:00Z", "t": "2026-02-01T00:00:00Z"}
    assert store.last_seq() == 4
    store.save("t", [put("b", source="t", **doi("1"))])
    assert store.last_seq() == 4  # nothing new, nothing numbered
    name = next(str(n) for n in range(99) if record_id("u", str(n)) > min(ids("s/a", "t/b")))
    store.save("u", [put(name, source="u", **doi("1"))])  # the cluster keeps its id, so it and the new one are all
    assert [(change.seq, change.view) for change in store.changes(4, 9)] == [(5, "part"), (6, "merged")]


def test_a_refreshed_part_refreshes_the_merged_record_quietly(store: Store) -> None:
    def one(source: str, at: str) -> Put:
        made = record("a", source=source, **doi("1"), provenance={"harvested_at": at})
        return Put("a", made, at.encode(), "rucio", 1)

    for source in ("s", "t"):
        store.save(source, [one(source, "2026-01-01")])
    last = store.last_seq()
    for source in ("s", "t"):
        assert store.save(source, [one(source, "2026-02-01")]).unchanged == 1
    found = store.get(cluster_id(ids("s/a", "t/a")))
    assert found is not None and found["provenance"]["harvested_at"] == "2026-02-01" and store.last_seq() == last


@pytest.mark.parametrize(
    "rights", [{"level": "embargoed"}, {"level": "restricted"}, {"level": "restricted", "discoverable": True}]
)
def test_records_of_unequal_access_stay_apart(store: Store, rights: dict[str, Any]) -> None:
    store.save("s", [put("a", source="s", **doi("1"))])
    store.save("t", [put("b", source="t", **doi("1", "2"), rights=rights)])
    store.save("u", [put("c", source="u", **doi("2"))])  # joined to a by b alone
    assert together(store) == []
    store.save("v", [put("d", source="v", **doi("2"), rights=rights)])
    assert together(store) == [ids("t/b", "v/d")]
    store.save("t", [put("b", source="t", **doi("1", "2"), rights={"level": "open"})])
    assert together(store) == [ids("s/a", "t/b", "u/c")]


def test_a_key_that_too_many_carry_is_no_identity_until_fewer_do(store: Store) -> None:
    many = [put(str(n), source="s", **doi("1")) for n in range(identity.KEY_LIMIT)]
    store.save("s", many)
    assert [len(one) for one in together(store)] == [identity.KEY_LIMIT]
    assert [one["code"] for one in store.alarms()] == ["identity.many-parts"]
    store.save("t", [put("x", source="t", **doi("1"))])
    assert together(store) == []
    (alarm,) = store.alarms()
    assert alarm["code"] == "identity.shared-key" and "doi:10.5072/1" in alarm["detail"]
    last = store.last_seq()
    store.save("t", [put("y", source="t", **doi("1"))])
    assert store.last_seq() == last + 1  # nobody else is touched
    store.save("s", (), ["0", "1"])
    assert [len(one) for one in together(store)] == [identity.KEY_LIMIT]
    check(store, Follower())


def test_what_hangs_together_too_far_is_not_merged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, 200, 10)
    store.save("s", [put(str(n), source="s", **doi(str(n), str(n + 1))) for n in range(12)])
    assert together(store) == [] and [one["code"] for one in store.alarms("s")] == ["identity.too-large"]
    assert store.alarms("t") == []
    check(store, Follower(), 200, 10)
    store.save("s", (), ["4"])
    assert sorted(map(len, together(store))) == [4, 7] and store.alarms() == []
    check(store, Follower(), 200, 10)


def test_a_record_that_leaves_what_is_too_large_takes_its_own_along(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, 200, 4)
    store.save("s", [put(str(n), source="s", **doi(str(n), str(n + 1))) for n in range(6)])
    assert together(store) == []
    store.save("s", [put("4", source="s", **doi("5"))])  # not joined to 3 any more, still to 5
    assert sorted(together(store)) == sorted([ids("s/0", "s/1", "s/2", "s/3"), ids("s/4", "s/5")])
    check(store, Follower(), 200, 4)


def test_many_parts_of_one_source_are_an_alarm(store: Store) -> None:
    store.save("s", [put(str(n), source="s", **doi("1")) for n in range(20)])
    store.save("t", [put(str(n), source="t", **doi("1")) for n in range(20)])
    assert store.alarms() == []
    store.save("t", [put("20", source="t", **doi("1"))])
    (alarm,) = store.alarms("t")
    assert alarm["detail"].startswith("21 records of t ") and store.alarms("s") == []
    store.save("t", (), ["20"])
    assert store.alarms() == []


def test_equal_hashes_of_different_keys_join_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (identity, clusters):
        monkeypatch.setattr(module, "key_hash", len)
    store.save("s", [put("a", source="s", **doi("1")), put("b", source="s", **doi("2"))])
    assert together(store) == []
    store.save("t", [put("c", source="t", **doi("2"))])
    assert together(store) == [ids("s/b", "t/c")]


# --- a store of before ---------------------------------------------------------------------------------------------


_FIRST = {"meta", "feed", "record", "raw", "quarantine", "source", "run", "seen", "lease", "token"}


@pytest.fixture
def before(store_url: str) -> Iterator[str]:
    """A store of the first release, with two records of one thing and one of another."""
    with Store.create_or_upgrade(store_url) as store:
        for source, value in (("s", "1"), ("t", "1"), ("u", "2")):
            store.save(source, [put("a", source=source, **doi(value))])
        store.save("u", [put("gone", source="u", **doi("1"))])
        store.save("u", (), ["gone"])
        with store.database.writing() as connection:
            for name in tables.metadata.tables.keys() - _FIRST:
                connection.execute(text(f"DROP TABLE {name}"))
            connection.execute(text("DROP INDEX record_cluster"))
            connection.execute(text("ALTER TABLE record DROP COLUMN cluster"))
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    yield store_url


def test_an_upgrade_makes_the_clusters(before: str) -> None:
    with Store.create_or_upgrade(before) as store:
        assert together(store) == [ids("s/a", "t/a")]
        check(store, Follower())
        store.save("t", (), ["a"])
        assert together(store) == []
        check(store, Follower())


@pytest.mark.parametrize("seed", range(4))
def test_an_index_in_small_batches_shows_the_clusters_of_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("catalog.indexer.BATCH", 3)
    rng = random.Random(seed)
    with empty() as store:
        indexer = Indexer(store, EmbeddedEngine(tmp_path))
        serving = EmbeddedEngine(tmp_path)  # another process's, open all the time
        for _ in range(12):
            puts = []
            for name in rng.sample("abcd", rng.randint(0, 4)):
                content = {
                    "title": rng.choice(["Crab", "Vela"]),
                    "own": rng.sample("1234", rng.randint(0, 2)),
                    "identical": rng.sample("1234", rng.randint(0, 1)),
                    "rights": rng.choice([None, None, None, {"level": "restricted"}]),
                    "harvested": "2026-01-01",
                }
                puts.append((name, content))
            source = rng.choice("stu")
            gone = rng.sample("abcd", rng.randint(0, 1))
            store.save(source, [made(source, name, content) for name, content in puts], gone)
            indexer.catch_up()
            records = [one for one in store.iter_records() if visible(one, frozenset())]
            merged = expected(records, 200, 1000)
            members = {part["id"] for one in merged.values() for part in one["same_as"]}
            alone = [one for one in records if one["id"] not in members]
            shown = {one["id"]: one for one in [*alone, *merged.values()]}
            answer = serving.search(parse([("limit", "100"), ("facets", "source")]))
            assert answer.ids == sorted(shown) and answer.total == len(shown)
            counts = Counter(
                name
                for one in shown.values()
                for name in {part["source"] for part in one.get("same_as", [{"source": one["source"]}])}
            )
            assert {bucket.value: bucket.count for bucket in answer.facets["source"].buckets} == counts
            apart = serving.search(parse([("limit", "100"), ("collapse", "false")]))
            assert apart.ids == sorted(one["id"] for one in records)


def test_numbers_with_leading_zeros_are_other_keys_and_may_stand_in_one_record(store: Store) -> None:
    store.save("s", [put("a", source="s", **doi("abc.1", "abc.01")), put("b", source="s", **doi("abc.01"))])
    store.save("t", [put("c", source="t", **doi("abc.1"))])
    assert together(store) == [ids("s/a", "s/b", "t/c")]
    store.save("s", [put("a", source="s", **doi("abc.1"))])
    assert together(store) == [ids("s/a", "t/c")]


def test_a_key_cannot_be_forged(store: Store) -> None:
    hidden = record("a", source="s", **doi("x"), rights={"level": "restricted"})
    (key,) = keys(hidden)
    store.save("s", [Put("a", hidden)])
    store.save("t", [put("b", source="t", identifiers=[{"scheme": "doi", "value": key.removeprefix("doi:")}])])
    assert together(store) == []


def test_the_local_part_of_an_ivoid_keeps_its_case(store: Store) -> None:
    for source, value in (("s", "ivo://Auth/x?A"), ("t", "ivo://auth/X?a"), ("u", "ivo://auth/x?A")):
        store.save(source, [put("a", source=source, identifiers=[{"scheme": "ivoid", "value": value}])])
    assert together(store) == [ids("s/a", "u/a")]
