"""Orders, and cursors that go to the end."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from schemas.errors import QueryError
from schemas.query import Sort
from schemas.text import Words

from . import places
from .agree import agree, ask, pages, settle
from .cases import SORTS
from .records import History, make_history, make_record


def _sorted(sort, **more):
    return ask("cone=83.63,22.01,120" + (f"&sort={sort}" if sort else ""), **more)


@pytest.mark.parametrize("sort", SORTS)
def test_orders(filled, sort):
    engine, naive = filled
    for limit in (4, 10_000):
        agree(engine, naive, _sorted(sort, limit=limit))
        agree(engine, naive, _sorted(sort, limit=limit, collapse=False, groups=frozenset("ab")))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_join_to_the_whole(filled, sort, limit):
    engine, _ = filled
    text = "&kind=dataset" if limit == 1 else ""
    whole = engine.search(ask(f"cone=83.63,22.01,120&sort={sort}{text}"))
    found = pages(engine, ask(f"cone=83.63,22.01,120&sort={sort}{text}", limit=limit))
    assert found == whole.ids
    assert len(found) == whole.total > 2 * min(limit, 50)


@pytest.mark.parametrize("sort", ["", "score", "-score", "score,bytes", "bytes,-score"])
def test_pages_of_words_join_to_the_whole(filled, sort):
    engine, naive = filled
    text = f"q=pulsar OR nebula&sort={sort}"
    whole = agree(engine, naive, ask(text))
    assert pages(engine, ask(text, limit=5)) == whole.ids
    assert whole.total > 20


def test_what_is_missing_comes_last_either_way(filled):
    engine, naive = filled
    for sort in ("bytes", "-bytes", "issued", "-issued", "time", "-time"):
        found = engine.search(ask(f"sort={sort}")).ids
        field = {"issued": "dates"}.get(sort.strip("-"), sort.strip("-"))
        there = [field in naive.now[one].record for one in found]
        assert there == sorted(there, reverse=True)
        assert {True, False} == set(there)


def test_by_distance(filled):
    engine, naive = filled
    for sort in ("distance", "-distance"):
        answer = agree(engine, naive, ask(f"cone=83.63,22.01,2&relation=position&sort={sort}"))
        assert answer.total > 5
    assert agree(engine, naive, ask("cone=10,90,180&sort=distance", limit=10)).total > 100


def test_a_cursor_of_another_order_is_refused(filled):
    engine, _ = filled
    cursor = engine.search(ask("limit=1")).next
    assert cursor
    for text, wrong in [("sort=bytes", cursor), ("", "garbage!"), ("", "W10"), ("", "bnVsbA"), ("sort=-id", cursor)]:
        with pytest.raises(QueryError) as caught:
            engine.search(ask(text, cursor=wrong))
        assert caught.value.code == "query.bad-cursor"


@pytest.mark.parametrize("sort", ["", "-id", "bytes", "-bytes,issued", "changed", "-time", "distance", "-score"])
@pytest.mark.parametrize("limit", [1, 13])
def test_pages_go_to_the_end_while_records_change_underneath(maker, sort, limit):
    """What stays as it was is found once; nothing is found twice."""
    history = make_history(11, 60, batches=2)
    engine = maker()
    for changes, upto in history.batches:
        engine.apply(changes, upto, "feed")
    rng = random.Random(5)
    text = {"distance": "cone=0,0,180&relation=position&", "-score": "q=pulsar OR nebula OR galaxy&"}.get(sort, "")
    query = ask(f"{text}sort={sort}", limit=limit, collapse=False, groups=frozenset("abc"))
    before = engine.search(replace(query, limit=1000)).ids
    touched: set[str] = set()
    found: list[str] = []
    for _ in range(200):
        answer = engine.search(query)
        found += answer.ids
        if answer.next is None:
            break
        query = replace(query, cursor=answer.next)
        if rng.random() < 3 / len(before) * limit:
            engine.apply(*_some_change(rng, history, touched), "feed")
    else:
        raise AssertionError("the cursor never ends")
    engine.close()
    assert touched
    assert len(found) == len(set(found))
    assert set(before) - touched <= set(found)
    kept = [one for one in found if one not in touched]
    assert kept == [one for one in before if one not in touched]


def _some_change(rng: random.Random, history: History, touched: set[str]):
    old = rng.choice(sorted(history.now))
    new = make_record(rng, rng.randrange(10**6, 10**7))
    touched |= {old, new["id"]}
    fresh = {**make_record(rng, 1), "id": old} if rng.random() < 0.5 else None
    changes = [history.change(old, fresh, history.now[old].view), history.change(new["id"], new)]
    return changes, history.seq


def test_only_what_has_changed_since(filled):
    engine, naive = filled
    last = max(kept.seq for kept in naive.now.values())
    totals = []
    for after in (0, last // 2, last - 20, last - 1, last, last + 5):
        answer = agree(engine, naive, ask("facets=kind&sort=-changed", after=after))
        agree(engine, naive, ask("kind=dataset&histogram=bytes", after=after, limit=2, collapse=False))
        totals.append(answer.total)
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) > 3
    assert totals[-1] == 0


def test_scores_fall_and_ties_go_by_id(filled):
    """How much a hit scores is each engine's own; that the better comes first is not."""
    engine, naive = filled
    falling = engine.search(ask("q=pulsar OR flare")).ids
    rising = engine.search(ask("q=pulsar OR flare&sort=score")).ids
    assert falling != rising
    assert falling == engine.search(ask("q=pulsar OR flare&sort=-score")).ids
    both = [one for one in falling if naive.words[one].matches(Words("pulsar flare"), bool)]
    place = {one: n for n, one in enumerate(falling)}
    assert both
    assert sum(place[one] for one in both) / len(both) < len(falling) / 2


def test_a_title_counts_for_more_than_a_description(maker):
    engine = maker()
    history = History()
    plain = {"source": "s", "kind": "dataset", "identifiers": [{"scheme": "x", "value": "1"}]}
    texts = [{"title": "quasar here", "description": "a b c"}, {"title": "other thing", "description": "quasar b c"}]
    for n, text in enumerate([*texts, *reversed(texts)]):
        id = f"{n:016d}"
        engine.apply([history.change(id, {**plain, "id": id, **text})], history.seq, "feed")
    found = engine.search(ask("q=quasar")).ids
    engine.close()
    assert {*found[:2]} == {f"{n:016d}" for n in (0, 3)}


def test_covered_and_distance_go_with_the_filters(filled):
    engine, naive = filled
    query = ask("cone=83.63,22.01,3&kind=dataset&bytes.gte=0")
    for sort in (Sort("covered", True), Sort("covered"), Sort("distance")):
        settle(engine, naive, query)
        agree(engine, naive, replace(query, sort=(sort, Sort("bytes")), limit=6))
    assert places.EDGE > 0
