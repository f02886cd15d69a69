"""The embedded engine's files: damage, full disks, killed writers, segments that join."""

from __future__ import annotations

import random
import resource
from contextlib import contextmanager

import pytest

from catalog.embedded import EmbeddedEngine
from catalog.engine import Change
from schemas.errors import SearchIndexError
from schemas.record import record_id

from .conformance.agree import ask as query
from .conformance.records import make_record


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
    monkeypatch.setattr("catalog.embedded.fingerprint", lambda *_: "other")
    with pytest.raises(SearchIndexError) as caught:
        EmbeddedEngine(tmp_path).search(query(""))
    assert caught.value.code == "index.other-format"


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
