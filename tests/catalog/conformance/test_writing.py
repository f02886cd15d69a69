"""Applying a feed: late, twice, out of order; and building anew while others search."""

from __future__ import annotations

import random
import threading

import pytest

from .agree import agree, ask
from .naive import Naive
from .records import History, make_history, make_record


@pytest.fixture
def engine(maker):
    made = maker()
    yield made
    made.close()


def _open(seed, count):
    rng = random.Random(seed)
    return [{**make_record(rng, n), "rights": {"level": "open"}} for n in range(count)]


def test_an_empty_index_answers(engine):
    answer = engine.search(ask("cone=0,0,90&facets=kind&histogram=bytes&density=1"))
    assert (answer.total, answer.ids, answer.next, answer.density) == (0, [], None, {})
    assert (answer.facets["kind"].buckets, answer.facets["kind"].missing) == ([], 0)
    assert (engine.applied(), engine.follows(), engine.near("crab")) == (0, None, [])
    assert len(engine.coverage(ask(""), 3)) == 0


def test_an_older_version_never_undoes_a_newer_one(engine):
    from catalog.engine import Change

    new, old = ({**record, "id": "0" * 16} for record in _open(1, 2))
    new |= {"title": "newer", "kind": "dataset"}
    old |= {"title": "older", "kind": "collection"}
    engine.apply([Change(5, new["id"], new)], 5, "feed")
    engine.apply([Change(3, old["id"], old)], 5, "feed")
    engine.apply([Change(4, old["id"], None)], 5, "feed")
    engine.apply([Change(4, old["id"], old, "part")], 5, "feed")
    for collapse in (True, False):
        assert engine.search(ask("q=newer", collapse=collapse)).total == 1
        assert engine.search(ask("q=older", collapse=collapse)).total == 0
    facet = engine.search(ask("facets=kind")).facets["kind"]
    assert [(bucket.value, bucket.count) for bucket in facet.buckets] == [("dataset", 1)]
    assert (engine.applied(), engine.follows()) == (5, "feed")


def test_a_change_applied_twice_is_applied_once(engine):
    history = make_history(3, 40, batches=2)
    for changes, upto in history.batches:
        for _ in range(2):
            engine.apply(changes, upto, "feed")
    agree(engine, Naive(history.now), ask("facets=kind,creators&histogram=bytes&density=2"))
    assert engine.applied() == history.seq


def test_several_versions_in_one_batch_leave_the_newest(engine):
    history = History()
    records = _open(4, 6)
    changes = []
    for n in range(5):
        for record in records:
            gone = n == 3 or (n == 4 and record is records[0])
            changes.append(history.change(record["id"], None if gone else {**record, "bytes": n}))
    random.Random(1).shuffle(changes)
    engine.apply(changes, history.seq, "feed")
    answer = agree(engine, Naive(history.now), ask("facets=bytes"))
    assert [(bucket.value, bucket.count) for bucket in answer.facets["bytes"].buckets] == [(4, 5)]


def test_a_deletion_goes_everywhere(engine):
    history = make_history(6, 50, batches=1)
    engine.apply(*history.batches[0], "feed")
    rng = random.Random(2)
    changes = [history.change(one, None) for one in rng.sample(sorted(history.now), 20)]
    engine.apply(changes, history.seq, "feed")
    text = "facets=kind,extra.x.n,creators&histogram=bytes&density=0"
    agree(engine, Naive(history.now), ask(text, groups=frozenset("abc"), collapse=False))
    agree(engine, Naive(history.now), ask("q=pulsar OR nebula", groups=frozenset("abc"), collapse=False))
    agree(engine, Naive(history.now), ask("cone=0,0,90", collapse=False))


def test_a_commit_of_nothing_moves_the_number(engine):
    engine.apply([], 7, "feed")
    assert engine.applied() == 7
    assert engine.search(ask("")).total == 0


@pytest.mark.parametrize("seed", range(3))
def test_batches_in_any_order_and_twice_give_the_same(maker, seed):
    """A late batch never undoes a newer one; deletions are known only to the feed, so they come once, in order."""
    history = History()
    rng = random.Random(seed)
    changes = []
    for n in range(60):
        one = {**make_record(rng, n % 15), "rights": {"level": "open"}}
        changes.append(history.change(one["id"], one, rng.choice(["single", "single", "part", "merged"])))
    batches = [changes[at : at + 10] for at in range(0, 60, 10)]
    order = [*batches, *rng.sample(batches, 3)]
    rng.shuffle(order)
    engine = maker()
    for batch in order:
        engine.apply(batch, history.seq, "feed")
    for collapse in (True, False):
        agree(engine, Naive(history.now), ask("facets=kind,creators&sort=changed", collapse=collapse))
    engine.close()


def test_another_process_sees_a_commit_at_once_and_a_rebuild_switches_whole(maker):
    from catalog.engine import Change

    writer = maker("shared" + str(random.Random().randrange(10**9)))
    reader = maker(maker.made[-1])
    assert reader.search(ask("")).total == 0
    records = _open(2, 50)
    for n in range(10, 51, 10):
        writer.apply([Change(k, records[k - 1]["id"], records[k - 1]) for k in range(n - 9, n + 1)], n, "feed")
        assert reader.search(ask("")).total == n == reader.applied()
    before = reader.search(ask("q=pulsar&facets=kind"))

    def batches():
        yield [Change(n, one["id"], one) for n, one in enumerate(records[:25], 1)], 25
        assert reader.search(ask("q=pulsar&facets=kind")) == before  # half built: still all of the old
        yield [Change(n, one["id"], one) for n, one in enumerate(records[25:40], 26)], 50

    writer.rebuild(batches(), "other")
    after = reader.search(ask(""))
    assert (after.total, reader.applied(), reader.follows()) == (40, 50, "other")
    assert writer.check() == []
    writer.close()
    reader.close()


def test_a_rebuild_that_fails_leaves_the_old(maker):
    from catalog.engine import Change

    engine = maker()
    records = _open(8, 10)
    engine.apply([Change(n, one["id"], one) for n, one in enumerate(records, 1)], 10, "feed")

    class Stopped(Exception):  # noqa: N818 - no error
        pass

    def batches():
        yield [Change(n, one["id"], one) for n, one in enumerate(records[:3], 1)], 3
        raise Stopped

    with pytest.raises(Stopped):
        engine.rebuild(batches(), "feed")
    assert (engine.search(ask("")).total, engine.applied()) == (10, 10)
    one = {**records[0], "title": "quasar"}
    engine.apply([Change(11, one["id"], one)], 11, "feed")
    assert engine.search(ask("q=quasar")).total == 1
    engine.close()


def test_searches_during_rebuilds_see_all_of_the_old_or_all_of_the_new(maker):
    """The old has 30 of one kind, the new 20 of another: any other answer is a mixture."""
    from catalog.engine import Change

    name = "busy" + str(random.Random().randrange(10**9))
    writer = maker(name)
    records = _open(12, 30)
    old = [Change(n, one["id"], {**one, "kind": "dataset"}) for n, one in enumerate(records, 1)]
    new = [Change(n, one["id"], {**one, "kind": "collection"}) for n, one in enumerate(records[:20], 1)]
    writer.apply(old, 30, "feed")
    seen: set[tuple[int, tuple[tuple[object, int], ...]]] = set()
    failed: list[BaseException] = []
    stop = threading.Event()

    def search() -> None:
        reader = maker(name)
        try:
            while not stop.is_set():
                answer = reader.search(ask("facets=kind", limit=5))
                seen.add((answer.total, tuple((b.value, b.count) for b in answer.facets["kind"].buckets)))
        except BaseException as error:
            failed.append(error)
        finally:
            reader.close()

    thread = threading.Thread(target=search)
    thread.start()
    try:
        for _ in range(2):
            writer.rebuild(((new[at : at + 5], 30) for at in range(0, 20, 5)), "feed")
            writer.rebuild(((old[at : at + 5], 30) for at in range(0, 30, 5)), "feed")
    finally:
        stop.set()
        thread.join(60)
        writer.close()
    assert not failed, failed
    assert seen <= {(30, (("dataset", 30),)), (20, (("collection", 20),))}
