"""A better mapping is applied to the raw documents that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalog.documents import Quarantined
from catalog.remap import remap
from catalog.store import Store
from catalog.translate import Document, translate
from mappings.outcome import Mapped
from tests.catalog.records import SOURCE, FakeMapping, put, raw_of


def _use(monkeypatch: pytest.MonkeyPatch, mapping: FakeMapping) -> None:
    for place in ("catalog.translate.mapping", "catalog.remap.mapping"):
        monkeypatch.setattr(place, lambda format: mapping)


def _save(store: Store, **documents: bytes) -> None:
    outcomes = [
        translate(Document(SOURCE, name, "rucio", raw, "http://e", "2026-01-01", "2026-02-02"), {})
        for name, raw in documents.items()
    ]
    puts = [one.put for one in outcomes if one.put is not None]
    store.save(SOURCE, puts, (), [entry for one in outcomes for entry in one.quarantined])


def _title(store: Store, name: str) -> str | None:
    found = store.find(SOURCE, name)
    return None if found is None else found["title"]


@pytest.fixture
def mapped(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    _use(monkeypatch, FakeMapping())
    _save(store, a=raw_of("Crab"), b=raw_of("Vela"), c=raw_of("bad", refuse=1))
    assert len(store.quarantine()) == 1
    return store


def test_nothing_is_mapped_again_by_the_same_mapping(mapped: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    done = remap(mapped)
    assert (done.documents, done.tally.quarantined) == (1, 1)  # what stands in quarantine is always tried
    assert done.last_seq == mapped.last_seq() == 2


def test_a_newer_mapping_is_applied_to_all(mapped: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, FakeMapping(2, "the "))
    done = remap(mapped)
    assert (done.tally.changed, done.last_seq) == (2, 4)
    found = mapped.find(SOURCE, "a")
    assert found is not None and found["title"] == "the Crab"
    assert found["provenance"] == {
        "endpoint": "http://e",
        "native_id": "a",
        "datestamp": "2026-01-01",
        "harvested_at": "2026-02-02",
        "format": "rucio",
        "mapping_version": 2,
        "checksum": found["provenance"]["checksum"],
    }
    assert remap(mapped).tally.changed == 0


def test_a_record_that_comes_out_the_same_is_no_change(mapped: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, FakeMapping(2))
    done = remap(mapped)
    assert (done.tally.unchanged, done.last_seq) == (2, 2)
    assert remap(mapped).documents == 1


def test_options_are_the_sources_own(mapped: Store) -> None:
    assert remap(mapped, {"other": {"x": 1}}, force=True).tally.changed == 0
    assert remap(mapped, {SOURCE: {"x": 1}}, force=True).tally.changed == 2
    found = mapped.find(SOURCE, "a")
    assert found is not None and found["extra"] == {"options": {"x": 1}}
    assert remap(mapped, {SOURCE: {"x": 2}}, force=True, sources=["other"]).documents == 0


def test_what_it_refuses_stays_as_it_was(mapped: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = FakeMapping(2, "the ")
    plain = strict.to_record

    def refuse_vela(raw: bytes, options: object) -> object:
        if b"Vela" in raw:
            raise ValueError("boom")
        return plain(raw, {})

    strict.to_record = refuse_vela  # type: ignore[method-assign,assignment]
    _use(monkeypatch, strict)
    done = remap(mapped)
    assert (_title(mapped, "a"), _title(mapped, "b")) == ("the Crab", "Vela")
    assert done.tally.quarantined == 2
    (entry,) = [one for one in mapped.quarantine() if one.native_id == "b"]
    assert entry.code == "mapping.crash" and "boom" in entry.reason


def test_what_was_refused_is_tried_again(mapped: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lax = FakeMapping(2)
    lax.to_record = lambda raw, options: FakeMapping().to_record(raw.replace(b"refuse", b"ok"), options)  # type: ignore[method-assign]
    _use(monkeypatch, lax)
    assert remap(mapped).tally.new == 1
    assert _title(mapped, "c") == "bad" and mapped.quarantine() == []


def test_an_older_version_never_pushes_a_refused_newer_one_aside(
    mapped: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _save(mapped, a=raw_of("Crab 2", refuse=1))  # the newer version cannot be mapped: the old record stays
    assert _title(mapped, "a") == "Crab"
    _use(monkeypatch, FakeMapping(2, "the "))
    remap(mapped)
    assert _title(mapped, "a") == "Crab" and _title(mapped, "b") == "the Vela"
    assert {one.native_id for one in mapped.quarantine()} == {"a", "c"}


def test_a_document_that_says_it_is_gone_deletes_its_record(mapped: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sees_gone = FakeMapping(2)
    sees_gone.to_record = lambda raw, options: FakeMapping().to_record(raw_of("x", gone=b"Crab" in raw), options)  # type: ignore[method-assign]
    _use(monkeypatch, sees_gone)
    assert remap(mapped, sources=[SOURCE]).tally.deleted == 1
    assert _title(mapped, "a") is None


def test_imported_records_have_nothing_to_map(store: Store) -> None:
    store.save(SOURCE, [put("a")], (), [Quarantined(None, "import.bad-json", "x", raw=b"{", place="line 1")])
    assert remap(store, force=True).documents == 0


def test_many_are_mapped_in_portions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, FakeMapping())
    monkeypatch.setattr("catalog.remap._PORTION", 10)
    _save(store, **{f"n{n}": raw_of(str(n), **({"refuse": 1} if n % 4 == 0 else {})) for n in range(100)})
    _use(monkeypatch, FakeMapping(2, "x"))
    told: list[int] = []
    done = remap(store, on_batch=lambda progress: told.append(progress.documents))
    assert (done.documents, done.tally.changed, done.tally.quarantined) == (100, 75, 25)
    assert told == sorted(told) and told[-1] == 100


def test_a_record_that_moves_in_the_feed_meanwhile_is_mapped_all_the_same(
    mapped: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Naming(FakeMapping):
        def to_record(self, raw: bytes, options: Mapping[str, Any]) -> Mapped:
            made = super().to_record(raw, options)
            assert made.record is not None
            made.record["identifiers"].append({"scheme": "doi", "value": "10.5072/same"})
            return made

    # a of the new mapping and z of the old one become one thing: z gets a new number before its turn
    _use(monkeypatch, Naming(1))
    _save(mapped, z=raw_of("Zeta"))
    _use(monkeypatch, Naming(2, "the "))
    monkeypatch.setattr("catalog.remap._PORTION", 1)
    done = remap(mapped)
    assert (done.tally.changed, done.documents) == (3, 4)  # one of them stands in quarantine
    assert [_title(mapped, name) for name in "abz"] == ["the Crab", "the Vela", "the Zeta"]
    assert mapped.clusters() == 1
    assert remap(mapped, force=True).documents == 4
