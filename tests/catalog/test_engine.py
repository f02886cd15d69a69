"""The engine suite: every case runs over every engine and is held against a slow, obvious one."""

from __future__ import annotations

import random
import resource
from collections import Counter
from contextlib import contextmanager

import pytest

from catalog.embedded import EmbeddedEngine
from catalog.engine import Change
from schemas.errors import QueryError, SearchIndexError
from schemas.query import Query, parse
from schemas.record import record_id

from .engines import SKY, Naive, make_record

SIZE = 400


@pytest.fixture(scope="module", params=["embedded"])
def filled(request, tmp_path_factory):
    """An engine with records that came in several commits, some of them replaced and deleted since."""
    rng = random.Random(7)
    engine = EmbeddedEngine(tmp_path_factory.mktemp("engine"))
    records, seq = {}, 0
    for batch in range(5):
        changes = []
        for n in range(batch * SIZE // 5, (batch + 1) * SIZE // 5):
            seq += 1
            one = make_record(rng, n)
            records[one["id"]] = one
            changes.append(Change(seq, one["id"], one))
        for old in rng.sample(sorted(records), 15):
            seq += 1
            n = rng.randrange(10**6)
            fresh = {**make_record(rng, n), "id": old} if rng.random() < 0.6 else None
            changes.append(Change(seq, old, fresh))
            if fresh:
                records[old] = fresh
            else:
                del records[old]
        engine.apply(changes, seq, "feed")
    engine.close()
    return engine, Naive(list(records.values()))


CASES = [
    "",
    "kind=dataset",
    "kind=dataset&kind=collection",
    "kind.not=dataset",
    "facilities=HESS",
    "facilities=H.E.S.S.&wavebands=GAMMA-RAY",
    "facilities.exists=false",
    "creators=A&creators=B",
    "creators.gt=A",
    "bytes.gte=10&bytes.lt=1e12",
    "bytes=0",
    "bytes.exists=true",
    "calib_level.lte=2&calib_level.not=0",
    "issued=2014",
    "issued.gt=2014",
    "issued.lte=2014-05",
    "issued.gte=2014-05&issued.lt=2015",
    "time=50010/50020",
    "time=../50005",
    "time=50049.9/..",
    "spectral=1/2",
    "extra.x.n=1",
    "extra.x.n=true",
    "extra.x.n=blue",
    "extra.x.n.gt=1",
    "extra.x.n.not=red",
    "extra.x.n.exists=false",
    "extra.x.when=2014-03-01",
    "extra.nothing=1",
    "position.exists=false&footprint.exists=true",
    "rights.level=restricted",
]
CONES = [f"{ra},{dec},{radius}" for ra, dec in SKY for radius in (0, 0.3, 2, 40, 90, 179)]


def query(parameters: str, **more: object) -> Query:
    from dataclasses import replace
    from urllib.parse import parse_qsl

    return replace(parse(parse_qsl(parameters, keep_blank_values=True)), **more)


def ids(records):
    return sorted(one["id"] for one in records)


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("groups", [frozenset(), frozenset({"a"})], ids=["anonymous", "member"])
def test_filters(filled, text, groups):
    engine, naive = filled
    asked = query(text + "&limit=1000", groups=groups)
    answer = engine.search(asked)
    assert answer.ids == ids(naive.matching(asked))
    assert answer.total == len(answer.ids)


def test_the_cases_tell_records_apart(filled):
    """The suite could pass on an engine that finds nothing, were most cases empty or full."""
    _, naive = filled
    sizes = [len(naive.matching(query(text))) for text in CASES]
    assert sum(0 < size < len(naive.records) for size in sizes) > 0.8 * len(CASES)


@pytest.mark.parametrize("cone", CONES)
@pytest.mark.parametrize("relation", ["intersects", "within", "contains", "position"])
def test_cones(filled, cone, relation):
    engine, naive = filled
    asked = query(f"cone={cone}&relation={relation}&limit=1000")
    assert engine.search(asked).ids == ids(naive.matching(asked))
    both = query(f"cone={cone}&relation={relation}&kind=dataset&bytes.gte=10&unlocated=include&limit=1000")
    assert engine.search(both).ids == ids(naive.matching(both))


def test_unlocated_are_counted(filled):
    engine, naive = filled
    asked = query("cone=0,0,1&relation=position&kind=dataset")
    nowhere = [one for one in naive.matching(query("kind=dataset")) if "position" not in one]
    assert engine.search(asked).unlocated == len(nowhere) > 0


@pytest.mark.parametrize("field", ["kind", "facilities", "wavebands", "creators", "calib_level", "extra.x.n"])
@pytest.mark.parametrize("text", ["", "facilities=HESS&kind=dataset", "cone=0,0,3", "extra.x.n=1"])
def test_facets_are_exact_and_ignore_their_own_filter(filled, field, text):
    engine, naive = filled
    asked = query(f"{text}&facets={field}:500")
    found = engine.search(asked).facets[field]
    matching = naive.matching(asked, without=field)
    counts = Counter(value for one in matching for value in naive.values(one, field))
    assert {bucket.value: bucket.count for bucket in found.buckets} == counts
    assert [bucket.count for bucket in found.buckets] == sorted(counts.values(), reverse=True)
    assert found.missing == sum(not naive.values(one, field) for one in matching)


def test_a_facet_of_dates_counts_years(filled):
    engine, _ = filled
    found = engine.search(query("facets=issued")).facets["issued"]
    assert {bucket.value for bucket in found.buckets} == {2014, 2015}


@pytest.mark.parametrize("sort", ["", "id", "-id", "bytes", "-bytes", "issued,-bytes", "time", "-time", "-calib_level"])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_join_to_the_whole_in_order(filled, sort, limit):
    engine, naive = filled
    text = "cone=0,0,90" + (f"&sort={sort}" if sort else "")
    whole = engine.search(query(f"{text}&limit=1000"))
    assert sorted(whole.ids) == ids(naive.matching(query(text)))
    got, cursor = [], None
    while True:
        answer = engine.search(query(f"{text}&limit={limit}", cursor=cursor))
        assert answer.total == whole.total
        got += answer.ids
        cursor = answer.next
        if cursor is None or (limit == 1 and len(got) > 12):
            break
    assert got == whole.ids[: len(got)] and (limit == 1 or len(got) == whole.total)
    known = {one["id"]: one for one in naive.records}
    if sort in ("bytes", "-bytes"):
        order = [known[one].get("bytes") for one in whole.ids]
        present = [value for value in order if value is not None]
        assert order[: len(present)] == sorted(present, reverse=sort[0] == "-")
    if sort in ("", "id"):
        assert whole.ids == sorted(whole.ids)


def test_by_distance(filled):
    engine, naive = filled
    whole = engine.search(query("cone=83.63,22.01,2&relation=position&sort=distance&limit=1000"))
    from astropy.coordinates import SkyCoord

    known = {one["id"]: one["position"] for one in naive.records if "position" in one}
    centre = SkyCoord(83.63, 22.01, unit="deg")
    away = [centre.separation(SkyCoord(known[i]["ra"], known[i]["dec"], unit="deg")).deg for i in whole.ids]
    assert len(away) > 5 and away == sorted(away)


def test_words_and_filters_together(filled):
    engine, naive = filled
    found = engine.search(query("q=pulsar nebula&kind=dataset&limit=1000&sort=id")).ids
    wanted = [o for o in naive.matching(query("kind=dataset")) if {"pulsar", "nebula"} <= set(o["title"].split())]
    assert found == ids(wanted) and found


def test_words_find_what_people_type(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    base = {"source": "s", "kind": "dataset"}
    texts = {
        "a": {"title": "H.E.S.S. observations of the Crab Nebula", "creators": [{"name": "Müller, Jörg"}]},
        "b": {"title": "Pulsars", "identifiers": [{"scheme": "ivoid", "value": "ivo://org.test/cat/1"}]},
        "c": {"title": "A catalogue", "identifiers": [{"scheme": "doi", "value": "10.5281/zenodo.7"}]},
    }
    changes = []
    for n, (key, more) in enumerate(texts.items(), 1):
        one = {"id": record_id("s", key), "identifiers": [{"scheme": "x", "value": key}], **base, **more}
        changes.append(Change(n, one["id"], one))
    engine.apply(changes, 3, "feed")
    for words, key in {
        "HESS crab": "a",
        "hess": "a",
        '"crab nebula"': "a",
        "muller": "a",
        "pulsar": "b",
        "ivo://org.test/cat/1": "b",
        "10.5281/zenodo.7": "c",
        "title:catalogue": "c",
        "catalogues -pulsars": "c",
    }.items():
        assert engine.search(query("", text=words)).ids == [record_id("s", key)], words
    with pytest.raises(QueryError) as caught:
        engine.search(query("", text='"unclosed'))
    assert caught.value.code == "query.bad-text"


def test_a_cursor_of_another_order_is_refused(filled):
    engine, _ = filled
    cursor = engine.search(query("limit=1")).next
    for text, wrong in [("sort=bytes", cursor), ("", "garbage!"), ("", "W10"), ("", "bnVsbA")]:
        with pytest.raises(QueryError) as caught:
            engine.search(query(text, cursor=wrong))
        assert caught.value.code == "query.bad-cursor"


def test_an_older_version_never_undoes_a_newer_one(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    rng = random.Random(1)
    new, old = make_record(rng, 1), make_record(rng, 1)
    new["title"], old["title"] = "newer", "older"
    new.pop("rights", None), old.pop("rights", None)
    engine.apply([Change(5, new["id"], new)], 5, "feed")
    engine.apply([Change(3, old["id"], old)], 5, "feed")
    engine.apply([Change(4, old["id"], None)], 5, "feed")
    assert engine.search(query("q=newer")).total == 1 and engine.search(query("q=older")).total == 0
    assert engine.applied() == 5
    engine.apply([Change(6, new["id"], None)], 6, "feed")
    engine.apply(
        [Change(5, new["id"], new)], 6, "feed"
    )  # the same change again, after its deletion: only the feed knows
    engine.apply([], 7, "feed")
    assert engine.applied() == 7


def test_another_process_sees_a_commit_at_once_and_a_rebuild_switches_whole(tmp_path):
    rng = random.Random(2)
    writer, reader = EmbeddedEngine(tmp_path), EmbeddedEngine(tmp_path)
    assert reader.search(query("")).total == 0
    records = [make_record(rng, n) for n in range(50)]
    for one in records:
        one.pop("rights", None)
    for n in range(10, 51, 10):
        writer.apply([Change(k, records[k - 1]["id"], records[k - 1]) for k in range(n - 9, n + 1)], n, "feed")
        assert reader.search(query("")).total == n == reader.applied()
    before = reader.search(query("q=pulsar&limit=100"))

    def batches():
        yield [Change(n, one["id"], one) for n, one in enumerate(records[:25], 1)], 25
        assert reader.search(query("q=pulsar&limit=100")) == before  # half built: still all of the old
        yield [Change(n, one["id"], one) for n, one in enumerate(records[25:], 26)], 50

    writer.rebuild(batches(), "feed")
    after = reader.search(query("q=pulsar&limit=100"))
    assert (sorted(after.ids), after.total) == (sorted(before.ids), before.total)
    assert reader.applied() == 50 and writer.check() == [] and len(list(tmp_path.glob("g*"))) == 1


def test_what_a_killed_writer_leaves_is_not_seen_and_is_swept_up(tmp_path):
    rng = random.Random(3)
    records = [make_record(rng, n) for n in range(30)]
    for one in records:
        one.pop("rights", None)
        one["title"] = "pulsar"
    engine = EmbeddedEngine(tmp_path)
    engine.apply([Change(n, one["id"], one) for n, one in enumerate(records[:10], 1)], 10, "feed")

    class Killed(Exception):  # noqa: N818 - stands for a signal
        pass

    def die(*_):
        raise Killed

    engine._publish = die  # after tantivy's commit, before the manifest
    with pytest.raises(Killed):
        engine.apply([Change(n, one["id"], one) for n, one in enumerate(records[10:], 11)], 30, "feed")
    engine.close()
    again = EmbeddedEngine(tmp_path)
    assert again.applied() == 10 and again.search(query("q=pulsar")).total == 10
    again.apply([Change(n, one["id"], one) for n, one in enumerate(records[10:], 11)], 30, "feed")
    assert again.search(query("q=pulsar")).total == 30 == again.count()
    used = {part.segment.name for part in again._current().parts}
    assert {path.stem for path in tmp_path.glob("g1/segment-*.seg")} == used
    assert again._current().searcher.num_docs == 30  # no words doubled


def test_a_broken_index_says_what_to_do(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    one = make_record(random.Random(4), 1)
    engine.apply([Change(1, one["id"], one)], 1, "feed")
    engine.close()
    next(tmp_path.glob("g1/segment-*.seg")).write_bytes(b"\0" * 100)
    with pytest.raises(SearchIndexError, match="reindex"):
        EmbeddedEngine(tmp_path).search(query(""))
    assert "reindex" in EmbeddedEngine(tmp_path).check()[0]
    next(tmp_path.glob("g1/segment-*.seg")).unlink()
    with pytest.raises(SearchIndexError) as caught:
        EmbeddedEngine(tmp_path).search(query(""))
    assert caught.value.code == "index.missing-file"
    cured = EmbeddedEngine(tmp_path)
    cured.rebuild([([Change(1, one["id"], one)], 1)], "feed")
    assert cured.count() == 1


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _garble(path):
    body = path.read_bytes()
    path.write_bytes(body[:-70] + bytes(byte ^ 255 for byte in body[-70:-6]) + body[-6:])


@pytest.mark.parametrize("damage", [_cut, _garble], ids=["cut", "garbled"])
@pytest.mark.parametrize("name", ["manifest.json", "g1/segment-1.seg"])
def test_a_damaged_file_is_found_and_a_rebuild_cures_it(tmp_path, name, damage):
    engine = EmbeddedEngine(tmp_path)
    one = make_record(random.Random(4), 1)
    engine.apply([Change(1, one["id"], one)], 1, "feed")
    engine.close()
    assert EmbeddedEngine(tmp_path).check() == []
    damage(tmp_path / name)
    assert "reindex" in EmbeddedEngine(tmp_path).check()[0]
    if (name, damage) != ("g1/segment-1.seg", _garble):  # which only the checksum shows
        with pytest.raises(SearchIndexError) as caught:
            EmbeddedEngine(tmp_path).search(query(""))
        assert caught.value.code == "index.damaged"
    cured = EmbeddedEngine(tmp_path)
    cured.rebuild([([Change(1, one["id"], one)], 1)], "feed")
    assert cured.check() == []
    assert cured.search(query("")).total == 1


@contextmanager
def _no_room():
    """Files end after 20 kB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("how", ["apply", "rebuild"])
def test_a_full_disk_leaves_the_index_as_it_was(tmp_path, how):
    engine = EmbeddedEngine(tmp_path)
    one = make_record(random.Random(4), 1)
    engine.apply([Change(1, one["id"], one)], 1, "feed")
    many = [make_record(random.Random(n), n) for n in range(2, 2000)]
    changes = [Change(seq, record["id"], record) for seq, record in enumerate(many, 2)]
    with _no_room(), pytest.raises(SearchIndexError) as caught:
        engine.apply(changes, 2000, "feed") if how == "apply" else engine.rebuild([(changes, 2000)], "feed")
    assert caught.value.code == "index.write-failed"
    assert EmbeddedEngine(tmp_path).search(query("")).total == 1
    assert [path.name for path in tmp_path.glob("g*")] == ["g1"]
    engine.apply(changes, 2000, "feed")
    assert engine.count() == 1999
    assert engine.check() == []


def test_an_index_of_other_fields_says_what_to_do(tmp_path, monkeypatch):
    engine = EmbeddedEngine(tmp_path)
    one = make_record(random.Random(4), 1)
    engine.apply([Change(1, one["id"], one)], 1, "feed")
    monkeypatch.setattr("catalog.embedded.fingerprint", lambda: "other")
    with pytest.raises(SearchIndexError) as caught:
        EmbeddedEngine(tmp_path).search(query(""))
    assert caught.value.code == "index.other-format"


def test_a_nested_field_answers_to_both_its_names(filled):
    engine, naive = filled
    asked = query("creators.name=A&facets=creators.name&limit=1000")
    answer = engine.search(asked)
    assert answer.ids == ids(naive.matching(query("creators=A"))) and answer.ids
    assert answer.facets["creators.name"] == engine.search(query("creators=A&facets=creators")).facets["creators"]


def test_positions_are_numbers_too(filled):
    engine, naive = filled
    found = engine.search(query("position.dec.gt=80&limit=1000")).ids
    from schemas.access import visible

    seen = [one for one in naive.records if visible(one, frozenset())]
    assert found == ids([one for one in seen if one.get("position", {"dec": 0})["dec"] > 80]) and found


def test_a_folder_that_cannot_be_written_is_not_called_broken(tmp_path, monkeypatch):
    engine = EmbeddedEngine(tmp_path)
    one = make_record(random.Random(4), 1)
    engine.apply([Change(1, one["id"], one)], 1, "feed")
    engine.close()

    def refused(*_, **__):
        raise ValueError("Failed to acquire Lockfile")  # what tantivy says on a read-only mount

    monkeypatch.setattr("tantivy.Index", refused)
    monkeypatch.setattr("catalog.words.os.access", lambda *_: False)
    with pytest.raises(SearchIndexError) as caught:
        EmbeddedEngine(tmp_path).search(query(""))
    assert caught.value.code == "index.read-only"


def test_equal_counts_of_a_facet_stand_in_value_order(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    base = make_record(random.Random(4), 1)
    base.pop("rights", None)
    values = ["b", 10, 9]
    records = [{**base, "id": record_id("s", str(n)), "extra": {"x": {"n": v}}} for n, v in enumerate(values)]
    for n, one in enumerate(records, 1):  # a commit each: the order of segments must not show
        engine.apply([Change(n, one["id"], one)], n, "feed")
    found = engine.search(query("facets=extra.x.n")).facets["extra.x.n"]
    assert [bucket.value for bucket in found.buckets] == [9, 10, "b"]
    assert len(engine._current().parts) == len(values)


def test_words_of_replaced_versions_are_taken_out(tmp_path):
    engine = EmbeddedEngine(tmp_path)
    one = make_record(random.Random(4), 1)
    for n in range(1, 6):
        engine.apply([Change(n, one["id"], one)], n, "feed")
    engine.apply([], 6, "feed")  # a version's words go with the commit after the one that replaced it
    assert engine._current().searcher.num_docs == 1
