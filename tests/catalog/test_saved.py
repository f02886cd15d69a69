"""Saved queries in the store, on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from catalog import clock, saved
from catalog.store import Store
from schemas.errors import QueryError
from tests.catalog.records import SOURCE, put, record

HARD = [("q", 'a&b=c "d" ä #;+%20'), ("kind", "dataset"), ("kind", "observation"), ("bytes.gte", "1e9")]


def test_a_query_comes_back_as_it_was_saved(store: Store) -> None:
    assert saved.put(store, "hard", HARD)
    found = saved.get(store, "hard")
    assert found.parameters == HARD and found.seen == 0
    assert found.parsed().filters[0].values == ("dataset", "observation")
    assert saved.listed(store) == [found]


def test_names_are_listed_in_order_and_may_be_forgotten(store: Store) -> None:
    for name in ("b", "a-1", "0", "x" * 64):
        assert saved.put(store, name, [("q", name)])
    assert [one.name for one in saved.listed(store)] == ["0", "a-1", "b", "x" * 64]
    saved.remove(store, "b")
    for call in (saved.get, saved.remove):
        with pytest.raises(QueryError) as raised:
            call(store, "b")
        assert raised.value.code == "query.no-saved-query"


def test_replacing_keeps_when_it_was_made_and_forgets_what_was_seen(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.put(store, "x", [("q", "a")])
    first = saved.get(store, "x")
    saved.keep_seen(store, first, 7)
    later = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert not saved.put(store, "x", [("q", "a")])
    assert saved.get(store, "x").seen == 7 and saved.get(store, "x").updated_at == first.updated_at
    with pytest.raises(QueryError) as raised:
        saved.put(store, "x", [("q", "b")], replace=False)
    assert raised.value.code == "query.saved-query-exists"
    assert not saved.put(store, "x", [("q", "b")])
    anew = saved.get(store, "x")
    assert (anew.seen, anew.created_at, anew.updated_at) == (0, first.created_at, clock.stamp(later))
    saved.keep_seen(store, first, 9)  # a watch of what it was
    assert saved.get(store, "x").seen == 0


def test_the_mark_never_goes_back(store: Store) -> None:
    saved.put(store, "x", [("q", "a")])
    for upto, seen in ((5, 5), (3, 5), (5, 5), (8, 8)):
        saved.keep_seen(store, saved.get(store, "x"), upto)
        assert saved.get(store, "x").seen == seen


@pytest.mark.parametrize(
    ("name", "parameters", "code"),
    [
        ("", [("q", "a")], "bad-name"),
        ("A", [("q", "a")], "bad-name"),
        ("a b", [("q", "a")], "bad-name"),
        ("a\n", [("q", "a")], "bad-name"),
        ("ä", [("q", "a")], "bad-name"),
        ("a", [("q", "a"), ("cursor", "b")], "not-saved"),
        ("a", [("q", "a\0")], "bad-value"),
        ("a", [("identifiers", "x" * 1_000_001)], "too-long"),
        ("a", [("colour", "red")], "unknown-field"),
    ],
)
def test_what_cannot_be_saved(store: Store, name: str, parameters: saved.Pairs, code: str) -> None:
    with pytest.raises(QueryError) as raised:
        saved.put(store, name, parameters)
    assert raised.value.code == f"query.{code}"
    assert saved.listed(store) == []


def test_undecodable_words_of_a_command_line_do_not_break_it(store: Store) -> None:
    saved.put(store, "x", [("identifiers", "a\udcff")])
    assert saved.get(store, "x").parameters == [("identifiers", "a?")]


def test_datestamps_are_when_records_changed_here(store: Store) -> None:
    store.save(SOURCE, [put("a"), put("b")], at="2026-01-01T00:00:00Z")
    store.save(SOURCE, [put("a", "Vela")], at="2026-02-01T00:00:00Z")
    a, b = record("a")["id"], record("b")["id"]
    assert saved.datestamps(store, [a, b, "nosuchrecord0000"]) == {
        a: "2026-02-01T00:00:00Z",
        b: "2026-01-01T00:00:00Z",
    }
    assert saved.datestamps(store, []) == {}


def test_a_merged_record_changed_when_its_newest_part_did(store: Store) -> None:
    doi = [{"scheme": "doi", "value": "10.5072/a"}]
    store.save("one", [put("a", source="one", identifiers=doi)], at="2026-01-01T00:00:00Z")
    store.save("two", [put("b", source="two", identifiers=doi)], at="2026-02-01T00:00:00Z")
    merged = [change.id for change in store.changes(0, 10) if change.view == "merged"]
    assert len(merged) == 1
    assert saved.datestamps(store, merged) == {merged[0]: "2026-02-01T00:00:00Z"}
