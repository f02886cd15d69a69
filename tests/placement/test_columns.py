"""The lake's datasets as columns: what they say, and that following the store is as reading it anew."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.store import Store
from placement import columns_file, terms
from placement.columns import Columns
from placement.state import FOREVER, Datasets, Terms
from tests.placement.lake import SOURCE, id_of, lake, lock, other, put, replica, rule

DAY = 86_400.0
NOVEMBER_21 = 1_795_219_200.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.create_or_upgrade(f"sqlite:///{tmp_path_factory.mktemp('store') / 'asterism.db'}") as made:
        yield made


_numbers = itertools.count()


@pytest.fixture
def source() -> str:
    """A source of its own for each test: making a store takes longer than all of them."""
    return f"lake{next(_numbers)}"


def plain(datasets: Datasets) -> dict[str, Any]:
    """For comparison, NaN and all."""
    made: dict[str, Any] = {}
    for one in dataclasses.fields(datasets):
        value = getattr(datasets, one.name)
        if isinstance(value, Terms):
            value = [part.tolist() for part in (value.start, value.dims, value.keys)]
        made[one.name] = repr(value.tolist() if isinstance(value, np.ndarray) else value)
    return made


def test_a_dataset_as_columns(store: Store, source: str, tmp_path: Path) -> None:
    ours = {"account": "asterism", "comments": "asterism hint=abc policy=gc"}
    some = put(
        "b",
        source=source,
        did={"bytes": 10, "length": 2, "created_at": "Sat, 21 Nov 2026 00:00:00 UTC"},
        replicas=[
            replica("SYN-A", accessed_at="Sun, 22 Nov 2026 00:00:00 UTC"),
            replica("SYN-B", "UNAVAILABLE"),
            replica("GONE"),
        ],
        rules=[
            rule("r1"),
            rule("r2", expires_at="Sun, 22 Nov 2026 00:00:00 UTC", **ours),
            rule("r3", state="REPLICATING", expires_at="Mon, 23 Nov 2026 00:00:00 UTC", **ours),
            rule("r4", **ours | {"account": "root"}),
            rule("r5", name="a container", **ours),
        ],
        locks=[
            lock("r1", "SYN-A"),
            lock("r2", "SYN-A"),
            lock("r3", "SYN-A", "OK"),
            lock("r3", "SYN-B", "REPLICATING"),
            lock("r4", "GONE"),
            lock("r5", "SYN-C"),
            lock("r2", "GONE") | {"rule_id": "unknown"},
        ],
        metadata={"band": "L"},
    )
    store.save(
        source, [some, put("a", source=source), put("c", "CONTAINER", source=source), put("f", "FILE", source=source)]
    )
    columns = Columns.open(tmp_path, store, replace(lake(source), taken_at=NOVEMBER_21))
    assert columns.update() == 4
    made = columns.datasets
    assert (made.names, made.scopes, made.ids) == (["a", "b"], ["ska", "ska"], [id_of("a", source), id_of("b", source)])
    assert made.bytes.tolist() == [-1, 10] and made.files.tolist() == [-1, 2]
    assert np.isnan(made.created_at[0]) and made.created_at[1] == NOVEMBER_21
    assert made.complete.tolist() == [[False] * 3, [True, False, False]]
    assert made.coming.tolist() == [[False] * 3, [False, True, False]]
    assert made.locked_until.tolist() == [[0.0] * 3, [FOREVER, NOVEMBER_21 + 2 * DAY, FOREVER]]
    assert made.accessed_at[1, 0] == pytest.approx(NOVEMBER_21 + DAY, abs=128)
    assert np.isnan(made.accessed_at[1, 1:]).all()
    assert columns.unknown_rses == {"GONE": 2}
    (own,) = made.rules
    assert (own.dataset, own.rse, own.rule, own.hint, own.policy) == (1, 0, "r2", "abc", "gc")
    assert (own.created_at, own.expires_at, own.beside) == (NOVEMBER_21, NOVEMBER_21 + DAY, FOREVER)
    part = slice(*made.terms.start[1:3])
    found = list(zip(made.terms.dims[part].tolist(), made.terms.keys[part].tolist(), strict=True))
    assert found == terms.of_record(some.record)
    assert (made.complete.shape, made.locked_until.dtype, made.accessed_at.dtype) == ((2, 3), np.float64, np.float32)


def test_what_a_rule_that_has_ended_wanted_is_not_coming(store: Store, source: str, tmp_path: Path) -> None:
    rules = [rule("r1", state="REPLICATING", expires_at="Sat, 21 Nov 2026 00:00:00 UTC")]
    store.save(source, [put("a", source=source, rules=rules, locks=[lock("r1", "SYN-A", "REPLICATING")])])
    for day, coming in ((-1, True), (1, False)):
        columns = Columns.open(tmp_path, store, replace(lake(source), taken_at=NOVEMBER_21 + day * DAY))
        columns.update()
        assert columns.datasets.coming[0, 0] == coming


def test_until_when_others_hold_what_ours_do(store: Store, source: str, tmp_path: Path) -> None:
    ours = {"account": "asterism", "comments": "asterism hint=abc"}
    rules = [rule("r1", **ours), rule("r2", **ours), rule("r3"), rule("r4", **ours), rule("r5", **ours)]
    locks = [lock("r1", "SYN-A"), lock("r2", "SYN-A"), lock("r3", "SYN-B"), lock("r4", "SYN-B"), lock("r5", "SYN-C")]
    store.save(source, [put("a", source=source, rules=rules, locks=locks)])
    columns = Columns.open(tmp_path, store, lake(source))
    columns.update()
    assert {one.rule: one.beside for one in columns.datasets.rules} == {"r1": 0, "r2": 0, "r4": FOREVER, "r5": 0}


def test_another_lake_only_has_other_columns(store: Store, source: str, tmp_path: Path) -> None:
    store.save(source, [put("a", source=source, replicas=[replica("SYN-B"), replica("SYN-X")])])
    Columns.open(tmp_path, store, lake(source)).update()
    columns = Columns.open(tmp_path, store, lake(source, ("SYN-X", "SYN-Y")))
    assert columns.update() == 0
    assert columns.datasets.complete.tolist() == [[True, False]] and columns.unknown_rses == {"SYN-B": 1}
    assert columns.datasets is columns.datasets
    other_source = Columns.open(tmp_path, store, lake("nobody's"))
    assert other_source.update() == 0 and len(other_source.datasets) == 0
    assert other_source.datasets.complete.shape == (0, 3)


def test_what_only_the_raw_document_says_is_followed(store: Store, source: str, tmp_path: Path) -> None:
    locks = [lock("r1", "SYN-A")]
    store.save(source, [put("a", source=source, rules=[rule("r1")], locks=locks), put("b", source=source)])
    columns = Columns.open(tmp_path, store, lake(source))
    columns.update()
    before = store.last_seq()
    ours = rule("r1", account="root") | {"comments": "asterism hint=abc"}
    read = [replica("SYN-A", accessed_at="Sun, 22 Nov 2026 00:00:00 UTC")]
    changed = put("a", source=source, rules=[ours], locks=locks)
    store.save(source, [changed])
    assert store.last_seq() == before
    assert columns.update() == 1
    store.save(source, [put("b", source=source, replicas=read)])
    assert columns.update() == 1
    assert columns.datasets.accessed_at[1, 0] > NOVEMBER_21
    assert plain(Columns.open(tmp_path, store, lake(source, account="root")).datasets)["rules"].count("abc") == 1


def test_terms_are_those_of_the_merged_record(store: Store, source: str, tmp_path: Path) -> None:
    doi = f"10.5072/{source}"
    store.save(source, [put("a", source=source, doi=doi)])
    columns = Columns.open(tmp_path, store, lake(source))
    columns.update()

    def said() -> list[tuple[int, int]]:
        made = columns.datasets.terms
        return list(zip(made.dims.tolist(), made.keys.tolist(), strict=True))

    store.save(f"z{source}", [other("z", doi, f"z{source}", facilities=["MeerKAT"])])
    assert columns.update() == 1
    cluster = store.cluster_of(id_of("a", source))
    assert cluster is not None and said() == terms.of_record(store.get(cluster) or {})
    store.save(f"z{source}", [other("z", doi, f"z{source}", facilities=["MAGIC"])])
    assert columns.update() == 1 and said() == terms.of_record(store.get(cluster) or {})
    store.save(f"z{source}", gone=["z"])
    assert columns.update() == 1 and said() == terms.of_record(store.get(id_of("a", source)) or {})


def test_containers_stand_for_all_that_is_below_them(store: Store, source: str, tmp_path: Path) -> None:
    some = [
        put("top", "CONTAINER", source=source, parents=["loop"]),
        put("loop", "CONTAINER", source=source, parents=["top"]),
        put("mid", "CONTAINER", source=source, parents=["top"], doi=f"10.5072/{source}"),
        put("a", source=source, parents=["mid", "aside"]),
        put("b", source=source, parents=["top"]),
        put("c", source=source),
        put("d", source=source, parents=["aside"], doi=f"10.5072/{source}.d"),
    ]
    store.save(source, some)
    store.save(f"z{source}", [other("m", f"10.5072/{source}", f"z{source}")])
    store.save(f"z{source}", [other("d", f"10.5072/{source}.d", f"z{source}")])
    columns = Columns.open(tmp_path, store, lake(source))
    columns.update()

    def below(*names: str) -> str:
        shown = [store.cluster_of(id_of(name, source)) or id_of(name, source) for name in names]
        mask = columns.standing_for(np.sort(np.array(shown, dtype="S16")))
        return "".join(name for name, hit in zip(columns.datasets.names, mask, strict=True) if hit)

    assert [below(name) for name in ("top", "loop", "mid", "a", "d")] == ["ab", "ab", "a", "a", "d"]
    assert below("c", "mid") == "ac" and below() == "" and below("aside") == ""
    store.save(source, [put("mid", "CONTAINER", source=source)], ["ska:c"])
    assert columns.update() == 2
    assert below("top") == "b"
    store.save(source, gone=["ska:top", "ska:loop"])
    columns.update()
    assert below("top") == ""
    columns = Columns.open(tmp_path, store, lake(source))
    assert below("mid") == "a"


@pytest.mark.parametrize("fault", ["flip", "cut", "empty", "foreign", "format"])
def test_a_file_of_no_use_is_made_anew(
    store: Store, source: str, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(source, [put(name, source=source, replicas=[replica("SYN-A")]) for name in "abc"])
    columns = Columns.open(tmp_path, store, lake(source))
    columns.update()
    before = plain(columns.datasets)
    file = tmp_path / "placement.columns"
    body = file.read_bytes()
    if fault == "format":
        monkeypatch.setattr(terms, "VERSION", terms.VERSION + 1)
    else:
        middle = len(body) // 2
        flipped = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        file.write_bytes({"flip": flipped, "cut": body[:-9], "empty": b"", "foreign": b"PK\3\4" + body}[fault])
    columns = Columns.open(tmp_path, store, lake(source))
    assert len(columns.table) == 0
    assert columns.update() == 3 and plain(columns.datasets) == before
    assert plain(Columns.open(tmp_path, store, lake(source)).datasets) == before


def test_killed_between_writing_and_renaming(
    store: Store, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(source, [put("a", source=source)])
    Columns.open(tmp_path, store, lake(source)).update()
    store.save(source, [put("b", source=source)])

    def killed(self: Path, target: Path) -> Path:
        (self.parent / f"{target.name}.left.new").write_bytes(self.read_bytes())
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", killed)
        Columns.open(tmp_path, store, lake(source)).update()
    columns = Columns.open(tmp_path, store, lake(source))
    assert len(columns.datasets) == 1 and columns.update() == 1 and len(columns.datasets) == 2
    monkeypatch.setattr(columns_file, "_LEFT_BEHIND", -1.0)
    Columns.open(tmp_path, store, lake(source))
    assert [path.name for path in tmp_path.iterdir()] == ["placement.columns"]


names = st.sampled_from("abcde")
states = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.lists(
            st.builds(replica, st.sampled_from(["SYN-A", "SYN-B", "GONE"]), st.sampled_from(["AVAILABLE", "BAD"])),
            max_size=2,
        ),
        "rules": st.lists(
            st.builds(
                rule,
                st.sampled_from(["r1", "r2"]),
                account=st.sampled_from(["root", "asterism"]),
                comments=st.sampled_from([None, "asterism hint=h policy=p"]),
                state=st.sampled_from(["OK", "REPLICATING"]),
                expires_at=st.sampled_from([None, "Sun, 22 Nov 2026 00:00:00 UTC"]),
            ),
            max_size=2,
            unique_by=lambda one: one["id"],
        ),
        "locks": st.lists(
            st.builds(lock, st.sampled_from(["r1", "r2"]), st.sampled_from(["SYN-A", "SYN-B"])), max_size=2
        ),
        "parents": st.lists(st.sampled_from(["k1", "k2"]), max_size=2),
        "metadata": st.sampled_from([{}, {"band": "L"}, {"band": "S", "run": 3}]),
    },
)
steps = st.one_of(
    st.tuples(st.just("put"), names, states, st.sampled_from([None, "1", "2"])),
    st.tuples(st.just("gone"), st.sampled_from(["a", "b", "k1", "k2"])),
    st.tuples(st.just("container"), st.sampled_from(["k1", "k2"]), st.lists(st.sampled_from(["k1", "k2"]), max_size=1)),
    st.tuples(st.just("other"), st.sampled_from(["1", "2"]), st.sampled_from(["x", "y"])),
    st.tuples(st.just("other gone"), st.sampled_from(["1", "2"])),
    st.tuples(st.just("update")),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=3, max_size=12))
def test_following_is_as_reading_anew(store: Store, tmp_path: Path, done: list[tuple[Any, ...]]) -> None:
    source, folder = f"lake{next(_numbers)}", tmp_path / f"{next(_numbers)}"
    columns = Columns.open(folder, store, lake(source))
    for what, *said in (*done, ("update",)):
        match what:
            case "put":
                name, state, doi = said
                more = {} if doi is None else {"doi": f"10.5072/{source}.{doi}"}
                store.save(source, [put(name, source=source, **state, **more)])
            case "gone":
                store.save(source, gone=[f"ska:{said[0]}"])
            case "container":
                store.save(source, [put(said[0], "CONTAINER", source=source, parents=said[1])])
            case "other":
                store.save(f"z{source}", [other(said[0], f"10.5072/{source}.{said[0]}", f"z{source}", title=said[1])])
            case "other gone":
                store.save(f"z{source}", gone=said)
            case "update":
                columns.update()
    anew = Columns(folder / "other", store, lake(source))
    anew.update()
    assert plain(columns.datasets) == plain(anew.datasets)
    assert columns.containers == anew.containers
    again = Columns.open(folder, store, lake(source))
    assert again.update() == 0 and plain(again.datasets) == plain(anew.datasets)
    assert again.containers == anew.containers
    found = np.sort(np.array([id_of("k1", source), id_of("a", source)], dtype="S16"))
    assert again.standing_for(found).tolist() == anew.standing_for(found).tolist()


def test_the_source_of_the_doubles_is_the_lakes() -> None:
    assert lake().source == SOURCE
