"""What of the embedded engine no comparison of answers can see: files, merging, memory, what is kept."""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog import footprints, hits, places, segment_file
from catalog.building import Builder, merge
from catalog.counting import Spread
from catalog.embedded import FORMAT, EmbeddedEngine
from catalog.engine import Change
from catalog.generation import FANOUT
from catalog.packing import put_values, smallest
from catalog.segment import Segment
from mappings import healpix
from mappings.document import document
from mappings.sky import RegionTest
from schemas.errors import SearchIndexError
from schemas.query import Facet, Histogram, Query, Region, Sort
from schemas.record import record_id
from schemas.text import Words


def record(n: int, **more: object) -> dict:
    base = {"id": record_id("s", str(n)), "source": "s", "kind": "dataset", "title": f"pulsar {n}"}
    return base | {"identifiers": [{"scheme": "doi", "value": f"10.5072/{n}"}]} | more


def segment_of(records: list[dict], views: list[str] | None = None, first: int = 1) -> Segment:
    builder = Builder()
    for n, one in enumerate(records):
        builder.add(first + n, one, document(one), hidden=False, view=views[n] if views else "single")
    return Segment("x", builder.build())


def numbers_of(arrays: dict) -> dict:
    return {name: (array.dtype.str, array.tolist()) for name, array in arrays.items()}


MOCS = ["0/3", "3/5-90 8/12000-13000", "29/0", "6/0-49151", "11/5 9/4000", "20/123456789"]
SHAPES = [
    {"circle": [10.0, 5.0, 2.0]},
    {"polygon": [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]]},
    *({"moc": text} for text in MOCS),
    {"stc_s": "Union ICRS (Circle 10 10 1 Circle 50 50 1)"},
]


def varied(count: int) -> list[dict]:
    rng = random.Random(5)
    made = []
    for n in range(count):
        more: dict = {"bytes": rng.choice([0, 7, 10**12, 255]), "creators": [{"name": rng.choice("ABC")}] * 2}
        if rng.random() < 0.7:
            more["position"] = {"ra": rng.uniform(0, 360), "dec": rng.uniform(-90, 90)}
        if rng.random() < 0.5:
            more["footprint"] = rng.choice(SHAPES)
        if rng.random() < 0.5:
            more["time"] = [{"min": rng.uniform(50000, 60000)}]
        made.append(record(n, **more))
    return made


def test_a_merged_segment_is_the_one_that_was_made_at_once(tmp_path):
    records = varied(60)
    views = [("single", "part", "merged")[n % 3] for n in range(60)]
    parts = [segment_of(records[a : a + 20], views[a : a + 20], a + 1) for a in (0, 20, 40)]
    joined = merge((part, np.ones(part.size, dtype=bool)) for part in parts)
    whole = segment_of(records, views).arrays
    assert numbers_of(joined) == numbers_of(whole)
    segment_file.write(tmp_path / "a.seg", joined)
    assert numbers_of(segment_file.read(tmp_path / "a.seg").arrays) == numbers_of(whole)
    assert segment_file.sound(tmp_path / "a.seg")


def test_dead_rows_and_their_footprints_are_gone_after_merging():
    records = varied(40)
    part = segment_of(records)
    alive = np.arange(40) % 3 > 0
    kept = {next(iter(part.ids(np.array([row])))) for row in np.flatnonzero(alive)}
    joined = Segment("y", merge([(part, alive)]))
    fresh = [one for one in records if one["id"] in kept]
    assert set(joined.ids()) == kept and joined.size == len(fresh)
    assert len(joined["shape/docs"]) == sum("footprint" in one for one in fresh)
    for n, row in enumerate(joined["shape/docs"]):
        one = next(r for r in fresh if r["id"] == next(iter(joined.ids(np.array([row])))))
        again = footprints.shape(joined, n)
        assert again.kind == RegionTest(one["footprint"]).shape.kind


def test_a_view_is_a_column_only_where_there_are_clusters():
    records = varied(4)
    assert not segment_of(records).has("flags")
    assert segment_of(records, ["single", "part", "part", "merged"]).any_view


def test_a_record_that_joins_a_cluster_changes_its_view(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    one, two, both = record(1), record(2), record(3)
    engine.apply([Change(1, one["id"], one)], 1, "feed")
    engine.apply([Change(2, two["id"], two), Change(3, one["id"], one, "part")], 3, "feed")
    engine.apply([Change(4, two["id"], two, "part"), Change(5, both["id"], both, "merged")], 5, "feed")
    assert engine.search(Query()).ids == [both["id"]]
    assert engine.search(Query(collapse=False)).ids == sorted([one["id"], two["id"]])
    assert engine.near("pulsra") == [both["id"]]
    engine.apply([Change(6, both["id"], None), Change(7, one["id"], one), Change(8, two["id"], two)], 8, "feed")
    assert engine.search(Query()).ids == engine.search(Query(collapse=False)).ids == sorted([one["id"], two["id"]])
    assert engine.check() == []


@pytest.mark.parametrize("gap", [1, 50])
def test_feed_numbers_are_found_whether_close_or_far_apart(gap):
    builder = Builder()
    for n in range(30):
        one = record(n)
        builder.add(1000 + gap * ((n * 7) % 30), one, document(one), hidden=False)
    made = Segment("x", builder.build())
    assert made.has("seq_rows") == (gap == 1)
    rows = made.rows_of_seqs(np.array([1000, 1000 + gap, 999, 5000000]))
    assert (rows[:2] >= 0).all() and (rows[2:] == -1).all()
    assert made.seqs(rows[:2]).tolist() == [1000, 1000 + gap]
    after = made.rows_after(1000 + 10 * gap)
    assert sorted(made.seqs(after).tolist()) == [1000 + gap * n for n in range(11, 30)]
    assert len(made.rows_after(0)) == 30 and len(made.rows_after(10**9)) == 0


@pytest.mark.parametrize(
    "values",
    [
        [0.0, 1.0, 255.0],
        [0.5, 1e300, -np.inf],
        list(map(float, range(70000))),
        [1.5 * n for n in range(70000)],
        [2e9] * 9,
    ],
)
def test_packed_numbers_are_exact(values):
    made: dict = {}
    put_values(made, "v", np.array(values))
    stored, table = made["v"], made.get("v/table")
    again = stored if table is None else table[stored]
    assert again.astype(np.float64).tolist() == values
    assert stored.nbytes <= 8 * len(values) and stored.dtype != np.float32
    assert smallest([0, 255]).itemsize == 1 and smallest([256]).itemsize == 2


def test_an_index_record_is_small():
    """Of a catalogue record with some 25 values; the words are tantivy's."""
    from bench.records import records

    some = [
        one | {"id": record_id("b", str(n)), "source": "b"} for n, one in zip(range(3000), records(3000), strict=True)
    ]
    made = segment_of(some)
    assert sum(array.nbytes for array in made.arrays.values()) < 210 * len(some)


def test_mocs_are_found_by_the_ranges_near_a_region_exactly():
    rng = random.Random(8)
    texts = [*MOCS]
    for _ in range(60):
        order = rng.choice([4, 7, 10, 16])
        top = 12 * 4**order
        cells = sorted(rng.sample(range(top), 200)) if order < 10 else range(a := rng.randrange(top - 300), a + 300, 7)
        texts.append(f"{order}/" + " ".join(map(str, cells)))
    made = segment_of([record(n, footprint={"moc": text}) for n, text in enumerate(texts)])
    regions = [{"circle": [rng.uniform(0, 360), rng.uniform(-90, 90), r]} for r in (0, 0.01, 0.5, 3, 40, 170) * 4]
    regions += [{"moc": "5/100-400 8/3"}, {"polygon": [[0.0, 80.0], [120.0, 80.0], [240.0, 80.0]]}]
    seen = 0
    for region in regions:
        test = RegionTest(region)
        for relation, exact in (("intersects", test.meets), ("within", test.within), ("contains", test.contained)):
            found = places.in_region(made, test, relation).to_rows().tolist()
            wanted = [int(row) for n, row in enumerate(made["shape/docs"]) if exact(footprints.shape(made, n))]
            assert found == sorted(wanted), (region, relation)
            seen += len(found)
    assert seen > 300


def test_the_exact_test_is_asked_of_few_mocs(monkeypatch):
    asked = []
    texts = [f"8/{n}-{n + 40} 11/{64 * n - 1}" for n in range(64, 700_000, 3500)]
    made = segment_of([record(n, footprint={"moc": text}) for n, text in enumerate(texts)])
    test = RegionTest({"circle": [45.0, 0.0, 20.0]})
    meets = test.meets
    monkeypatch.setattr(test, "meets", lambda shape: asked.append(1) or meets(shape))
    found = places.in_region(made, test, "intersects").to_rows()
    assert len(found) > 3 and len(asked) <= 2


def test_words_of_a_facet_are_decoded_once_and_only_where_many_are_asked_for():
    made = segment_of([record(n) for n in range(300)])
    made.some_words("identifiers", np.arange(3))
    assert made._decoded == 0
    assert made.some_words("identifiers", np.arange(100))[:1] == made.some_words("identifiers", np.arange(1))
    assert 0 < made._decoded < 1 << 22 and "identifiers" in made._words


def test_hits_are_kept_within_bounds(monkeypatch):
    found = np.arange(1000), np.zeros(1000)
    calls = []
    monkeypatch.setattr("catalog.words.find", lambda *_: calls.append(1) or found)
    kept = hits.KeptHits(room=100_000)
    find = kept.finder(object(), None, 1, 5, None)
    for word in ("a", "b", "a", "c", "a", "b"):
        find(Words(word))
    assert len(calls) == 4  # b made room for c
    assert kept._size <= 100_000


def test_what_finds_nothing_is_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr("catalog.words.find", lambda *_: (np.empty(0, dtype=np.int64), np.empty(0)))
    kept = hits.KeptHits(room=100_000)
    find = kept.finder(object(), None, 1, 5, None)
    for n in range(50):
        find(Words(f"absent{n}"))
    assert len(kept._kept) <= 10


def test_what_regions_are_covered_by_is_kept_within_bounds(tmp_path, monkeypatch):
    engine = EmbeddedEngine(tmp_path)
    some = [record(n, position={"ra": float(n), "dec": 0.0}) for n in range(100)]
    engine.apply([Change(n, one["id"], one) for n, one in enumerate(some, 1)], 100, "feed")
    monkeypatch.setattr("catalog.answering._COVERINGS", 5_000)
    for n in range(20):
        moc = f"29/{n} " + " ".join(str(1000 * k) for k in range(1, 2000))
        engine.search(Query(region=Region({"moc": moc}), unlocated=True, sort=(Sort("covered", True),)))
        known = engine._snapshot.coverings
        assert sum(len(key[0]) + sum(one.nbytes for one in kept) for key, kept in known.items()) < 6_000


def test_a_histogram_of_long_intervals_takes_no_room_for_each_bin():
    spread = Spread(Histogram("time", 200))
    docs = np.repeat(np.arange(20_000), 2)
    spread._found.append((docs, np.tile([50000.0, 55001.0], 20_000), np.tile([55000.0, 60000.0], 20_000)))
    tracemalloc.start()
    counts = spread.result().counts
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(counts) == {20_000} and most < 200 * docs.nbytes // 8


def test_scores_of_the_first_page_go_on(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    some = [record(n, title="pulsar " * (n + 1) + "wind") for n in range(12)]
    engine.apply([Change(n, one["id"], one) for n, one in enumerate(some, 1)], 12, "feed")
    query = Query(words=Words("pulsar"), limit=4)
    whole = engine.search(replace(query, limit=100)).ids
    got, cursor, seq = [], None, 12
    while True:
        answer = engine.search(replace(query, cursor=cursor))
        got += answer.ids
        cursor = answer.next
        if cursor is None:
            break
        seq += 1
        new = record(100 + seq, title="pulsar")
        engine.apply([Change(seq, new["id"], new)], seq, "feed")
    assert got == whole
    assert answer.total == 12 + seq - 12


def test_a_cursor_by_value_finds_nothing_twice(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    some = [record(n, bytes=n) for n in range(6)]
    engine.apply([Change(n, one["id"], one) for n, one in enumerate(some, 1)], 6, "feed")
    query = Query(sort=(Sort("bytes"),), limit=3)
    first = engine.search(query)
    engine.apply([Change(7, some[0]["id"], some[0] | {"bytes": 100})], 7, "feed")
    assert engine.search(replace(query, cursor=first.next)).ids == [one["id"] for one in some[3:]]


def test_an_index_of_an_older_version_says_what_to_do(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    engine.apply([Change(1, record(1)["id"], record(1))], 1, "feed")
    engine.close()
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"format":%d' % FORMAT, b'"format":1'))
    with pytest.raises(SearchIndexError, match="reindex") as caught:
        EmbeddedEngine(tmp_path).search(Query())
    assert caught.value.code == "index.other-format"


def test_equal_segments_are_merged_and_their_files_swept(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    for n in range(1, 4 * FANOUT + 1):
        one = record(n, footprint={"moc": MOCS[n % len(MOCS)]})
        engine.apply([Change(n, one["id"], one, "part" if n % 2 else "single")], n, "feed")
    parts = engine._current().parts
    assert len(parts) < FANOUT
    assert {path.stem for path in Path(tmp_path).glob("g1/*.seg")} == {part.segment.name for part in parts}
    assert engine.search(Query(region=Region({"moc": "0/0-11"}))).total == 2 * FANOUT
    facet = engine.search(Query(collapse=False, facets=(Facet("kind"),))).facets["kind"]
    assert [bucket.count for bucket in facet.buckets] == [4 * FANOUT]


def test_coverage_is_whole_cells_of_all_that_matches(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    some = [
        record(1, footprint={"moc": "8/100"}),
        record(2, position={"ra": 10.0, "dec": 20.0}),
        record(3, position={"ra": 200.0, "dec": -20.0}, kind="collection"),
    ]
    engine.apply([Change(n, one["id"], one) for n, one in enumerate(some, 1)], 3, "feed")
    from schemas.filters import Filter

    found = engine.coverage(Query(filters=(Filter("kind", "eq", ("dataset",)),)), 6)
    cell = int(healpix.cells(np.array([10.0]), np.array([20.0]), 6)[0])
    assert found.tolist() == [[n << 46, (n + 1) << 46] for n in sorted([100 >> 4, cell])]
    assert engine.coverage(Query(words=Words("quasar")), 6).shape == (0, 2)
