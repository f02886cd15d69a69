"""The same thing from several sources: one in the collapsed view, its parts in the other."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from .agree import agree, ask
from .naive import Naive
from .records import History, make_record, merged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "source=lake&facets=source,kind",
        "kind=dataset&facets=kind&histogram=bytes&density=1",
        "cone=0,0,60&facets=source",
        "q=pulsar&facets=kind",
        "sort=-bytes&limit=7",
        "time=50010/50030&sort=-time",
    ],
)
def test_either_view(filled, text):
    engine, naive = filled
    answers = [agree(engine, naive, ask(text, collapse=view)) for view in (True, False)]
    assert set(answers[0].ids) != set(answers[1].ids)


def test_a_filter_matches_the_merged_record(filled):
    """Two fields, each from another part, are one record's."""
    engine, naive = filled
    found = 0
    for id, kept in naive.now.items():
        if kept.view != "merged" or not naive.may_see(kept.record, ()) or "same_as" not in kept.record:
            continue
        parts = [naive.now[part["id"]].record for part in kept.record["same_as"]]
        if len({part["source"] for part in parts}) == len(parts) > 1:
            found += 1
            for part in parts:
                assert id in engine.search(ask(f"source={part['source']}")).ids
                assert part["id"] not in engine.search(ask(f"source={part['source']}")).ids
                assert id not in engine.search(ask(f"source={part['source']}", collapse=False)).ids
    assert found


def test_a_cluster_is_made_and_broken(maker):
    rng = random.Random(9)
    history = History()
    engine = maker()
    one, other = ({**make_record(rng, n, f"s{n}"), "rights": {"level": "open"}} for n in range(2))
    third = {**make_record(rng, 3), "rights": {"level": "open"}}
    cluster = "cccccccccccccccc"

    def step(*changes):
        engine.apply(list(changes), history.seq, "feed")
        naive = Naive(history.now)
        answers = [
            agree(engine, naive, ask("facets=kind,source&sort=changed", collapse=view)) for view in (True, False)
        ]
        return [answer.total for answer in answers]

    assert step(*(history.change(r["id"], r) for r in (one, other, third))) == [3, 3]
    together = merged(cluster, [one, other])
    parts = [history.change(r["id"], r, "part") for r in (one, other)]
    assert step(*parts, history.change(cluster, together, "merged")) == [2, 3]
    changed = {**one, "title": "renamed"}
    assert step(
        history.change(one["id"], changed, "part"), history.change(cluster, merged(cluster, [changed, other]), "merged")
    ) == [2, 3]
    assert engine.search(ask("q=renamed")).ids == [cluster]
    assert engine.search(ask("q=renamed", collapse=False)).ids == [one["id"]]
    gone = history.change(cluster, None, "merged")
    assert step(gone, *(history.change(r["id"], r) for r in (changed, other))) == [3, 3]
    assert step(history.change(other["id"], None)) == [2, 2]
    engine.close()


def test_pages_of_either_view_are_its_own(filled):
    engine, naive = filled
    for view in (True, False):
        first = engine.search(ask("sort=-changed", limit=5, collapse=view))
        rest = engine.search(ask("sort=-changed", collapse=view, cursor=first.next))
        whole = agree(engine, naive, ask("sort=-changed", collapse=view))
        assert first.ids + rest.ids == whole.ids


def test_parts_and_wholes_are_never_mixed_in_a_count(filled):
    engine, naive = filled
    query = ask("facets=id:10000")
    for view in (True, False):
        answer = agree(engine, naive, replace(query, collapse=view))
        views = {naive.now[bucket.value].view for bucket in answer.facets["id"].buckets}
        assert views == {"single", "merged" if view else "part"}
