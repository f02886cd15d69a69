"""What goes into the store comes out of it, and every change has its place in the feed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy.sql import text

from catalog import tables
from catalog.database import Database
from catalog.documents import Put, Quarantined
from catalog.store import Store
from schemas.errors import RecordError, StoreError
from schemas.record import record_id
from tests.catalog.records import SOURCE, put, record


def test_a_record_and_its_raw_document_come_back(store: Store) -> None:
    kept = record("a", description="Größe ∅ 東京")
    store.save(SOURCE, [Put("a", kept, b"<raw/>", "voresource", 3)])
    assert store.get(kept["id"]) == kept
    assert store.find(SOURCE, "a") == kept
    assert store.raw(kept["id"]) == ("voresource", b"<raw/>")
    assert store.get(record_id(SOURCE, "b")) is None


def test_get_many_leaves_out_what_is_not_there(store: Store) -> None:
    store.save(SOURCE, [put(str(n)) for n in range(30)])
    ids = [record_id(SOURCE, str(n)) for n in range(25, 35)]
    assert list(store.get_many(ids)) and set(store.get_many(ids)) == set(ids[:5])
    assert store.get_many([]) == {}


def test_saving_again_changes_nothing(store: Store) -> None:
    first = store.save(SOURCE, [put("a"), put("b")])
    again = store.save(SOURCE, [put("a"), put("b", "Vela")])
    assert (first.new, first.unchanged) == (2, 0)
    assert (again.new, again.changed, again.unchanged) == (0, 1, 1)
    assert store.last_seq() == 3
    assert [change.id for change in store.changes(0, 10)] == [record_id(SOURCE, "a"), record_id(SOURCE, "b")]


@pytest.mark.parametrize(
    "how",
    [{"harvested_at": "2027"}, {"checksum": "ff"}, {"mapping_version": 2}, {"datestamp": "2027", "checksum": "ff"}],
)
def test_how_a_record_came_in_is_no_change_of_it(store: Store, how: dict[str, object]) -> None:
    provenance = {"native_id": "a", "harvested_at": "2026", "checksum": "00", "mapping_version": 1}
    store.save(SOURCE, [Put("a", record("a", provenance=provenance), b"1", "rucio", 1)])
    again = record("a", provenance=provenance | how)
    tally = store.save(SOURCE, [Put("a", again, b"2", "rucio", 2 if "mapping_version" in how else 1)])
    assert (tally.changed, tally.unchanged, store.last_seq()) == (0, 1, 1)
    if "harvested_at" not in how:  # the raw document or the mapping is another: it is kept up, quietly
        assert store.raw(again["id"]) == ("rucio", b"2")
        assert store.get(again["id"]) == again


def test_what_the_source_says_is_a_change(store: Store) -> None:
    store.save(SOURCE, [put("a", provenance={"endpoint": "https://a.example/oai"})])
    tally = store.save(SOURCE, [put("a", provenance={"endpoint": "https://b.example/oai"})])
    assert tally.changed == 1


def test_the_order_of_keys_is_no_change(store: Store) -> None:
    store.save(SOURCE, [put("a")])
    turned = dict(reversed(record("a").items()))
    assert store.save(SOURCE, [Put("a", turned)]).unchanged == 1


def test_a_deleted_record_leaves_a_tombstone(store: Store) -> None:
    store.save(SOURCE, [Put("a", record("a"), b"raw", "rucio", 1)])
    tally = store.save(SOURCE, (), ["a", "never-known"], reason="withdrawn", at="2026-05-01T00:00:00Z")
    id = record_id(SOURCE, "a")
    assert tally.deleted == 1
    assert store.get(id) is None and store.raw(id) is None and list(store.iter_records()) == []
    stone = store.tombstone(id)
    assert stone is not None and (stone.at, stone.reason) == ("2026-05-01T00:00:00Z", "withdrawn")
    assert store.tombstone(record_id(SOURCE, "never-known")) is None
    (change,) = store.changes(0, 10)
    assert (change.seq, change.record) == (2, None)
    assert store.save(SOURCE, (), ["a"]).deleted == 0 and store.last_seq() == 2


def test_a_deleted_record_that_was_hidden_leaves_no_trace_to_show(store: Store) -> None:
    store.save(SOURCE, [put("a", rights={"level": "restricted"}), put("b", rights={"level": "embargoed"})])
    assert store.save(SOURCE, (), ["a", "b"]).deleted == 2
    assert store.tombstone(record_id(SOURCE, "a")) is None
    assert store.tombstone(record_id(SOURCE, "b")) is not None
    assert [change.record for change in store.changes(0, 9)] == [None, None]


def test_a_deleted_record_may_come_back(store: Store) -> None:
    store.save(SOURCE, [put("a")])
    store.save(SOURCE, (), ["a"])
    assert store.save(SOURCE, [put("a")]).new == 1
    assert store.get(record_id(SOURCE, "a")) is not None and store.tombstone(record_id(SOURCE, "a")) is None


def test_of_two_documents_with_one_name_the_last_wins(store: Store) -> None:
    store.save(SOURCE, [put("a", "first"), put("a", "second")])
    found = store.find(SOURCE, "a")
    assert found is not None and found["title"] == "second"
    assert store.last_seq() == 1


def test_a_record_that_json_cannot_carry_saves_nothing(store: Store) -> None:
    with pytest.raises(RecordError) as caught:
        store.save(SOURCE, [put("a"), put("b", extra={"n": 2**70})])
    assert caught.value.code == "record.unstorable"
    assert store.last_seq() == 0 and store.get(record_id(SOURCE, "a")) is None


def test_the_feed_comes_in_portions_and_ascending(store: Store) -> None:
    for n in range(20):
        store.save(SOURCE, [put(str(n % 7), str(n))])
    after, seen = 0, []
    while portion := store.changes(after, 3):
        seen += portion
        after = portion[-1].seq
    assert [change.seq for change in seen] == sorted(change.seq for change in seen)
    assert len({change.id for change in seen}) == len(seen) == 7
    assert after == store.last_seq() == 20


def test_readers_of_the_feed_miss_nothing_while_writers_write(store: Store) -> None:
    writers, each = 4, 15

    def write(n: int) -> None:
        for step in range(each):
            store.save(f"s{n}", [put(f"{n}-{step}", source=f"s{n}")])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    after, seen = 0, []
    while any(thread.is_alive() for thread in threads) or after < store.last_seq():
        for change in store.changes(after, 5):
            seen.append(change.seq)
            after = change.seq
    for thread in threads:
        thread.join()
    assert seen == list(range(1, writers * each + 1))


def test_iter_records_gives_each_once_in_the_order_of_ids(store: Store) -> None:
    store.save(SOURCE, [put(str(n)) for n in range(2500)])
    store.save("other", [put("x", source="other")])
    ids = [one["id"] for one in store.iter_records()]
    assert ids == sorted(ids) and len(ids) == 2501
    assert [one["source"] for one in store.iter_records("other")] == ["other"]


def test_quarantine_is_replaced_and_goes_when_the_document_is_accepted(store: Store) -> None:
    bad = Quarantined("a", "mapping.no-title", "no title", raw=b"<a/>", format="voresource")
    assert store.save(SOURCE, (), (), [bad, Quarantined(None, "source.broken", "cut", raw=b"<")]).quarantined == 2
    store.save(SOURCE, (), (), [bad])
    assert len(store.quarantine()) == 2
    (entry,) = [one for one in store.quarantine(SOURCE) if one.native_id == "a"]
    assert (entry.code, entry.reason, entry.raw, entry.field) == ("mapping.no-title", "no title", b"<a/>", None)
    field = Quarantined("a", "mapping.bad-position", "ra 361", field="position.ra")
    assert store.save(SOURCE, [put("a")], (), [field]).quarantined == 1
    assert [one.field for one in store.quarantine() if one.native_id == "a"] == ["position.ra"]
    store.save(SOURCE, [put("a")])
    assert [one.native_id for one in store.quarantine()] == [None]
    assert store.counts() == {SOURCE: {"records": 1, "deleted": 0, "quarantined": 1}}


def test_a_document_with_three_bad_fields_is_one_quarantined_document(store: Store) -> None:
    fields = [Quarantined("a", "mapping.bad", "bad", field=name) for name in ("time", "spectral", "position")]
    assert store.save(SOURCE, [put("a")], (), fields).quarantined == 1
    assert len(store.quarantine()) == 3


def test_a_huge_document_is_quarantined_by_its_beginning(store: Store) -> None:
    store.save(SOURCE, (), (), [Quarantined("a", "mapping.bad", "bad", raw=b"x" * (17 << 20), format="rucio")])
    (entry,) = store.quarantine()
    assert entry.raw is not None and len(entry.raw) == 64 * 1024 and entry.format is None


def test_what_is_refused_for_its_characters_can_be_written_down(store: Store) -> None:
    store.save(SOURCE, (), (), [Quarantined("a\0\ud800", "mapping.bad", "bad \0 \udfff")])
    assert len(store.quarantine()) == 1


# --- opening -----------------------------------------------------------------------------------------------------


def test_a_store_must_be_made_before_it_is_opened(store_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(store_url)
    assert caught.value.code == "store.not-initialised" and "asterism init" in caught.value.detail
    assert not list(tmp_path.rglob("*.db"))


def test_making_it_again_keeps_what_is_in_it(store_url: str) -> None:
    with Store.create_or_upgrade(store_url) as store:
        store.save(SOURCE, [put("a")])
        name = store.uuid
    with Store.create_or_upgrade(store_url) as store:
        assert store.find(SOURCE, "a") is not None and store.uuid == name
    with Store.open(store_url) as store:
        assert store.last_seq() == 1


@pytest.mark.parametrize(("revision", "code"), [("0000", "store.needs-upgrade"), ("9999", "store.too-new")])
def test_a_store_of_another_version_is_refused(
    store_url: str, revision: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.create_or_upgrade(store_url) as store, store.database.writing() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    monkeypatch.setattr("catalog.database.REVISIONS", ("0000", *tables.REVISIONS))
    with pytest.raises(StoreError) as caught:
        Store.open(store_url)
    assert caught.value.code == code
    if code == "store.too-new":
        with pytest.raises(StoreError) as caught:
            Store.create_or_upgrade(store_url)
        assert caught.value.code == code


def test_the_migrations_make_the_tables_that_the_code_uses(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == tables.REVISIONS[-1]
        assert compare_metadata(context, tables.metadata) == []


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    from alembic.script import ScriptDirectory

    folder = Path(tables.__file__).parent / "migrations"
    scripts = ScriptDirectory(str(folder))
    assert tuple(reversed([one.revision for one in scripts.walk_revisions()])) == tables.REVISIONS


@pytest.mark.parametrize(
    ("url", "code"),
    [("sqlite://", "bad-url"), ("sqlite:///:memory:", "bad-url"), ("nonsense", "bad-url"), ("x+y://h/d", "no-driver")],
)
def test_a_url_that_cannot_be_a_store_is_refused(url: str, code: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store.create_or_upgrade(url)
    assert caught.value.code == f"store.{code}"


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "asterism.db"
    file.write_text("this is a letter, not a database" * 100)
    with pytest.raises(StoreError) as caught:
        Store.open(f"sqlite:///{file}")
    assert caught.value.code == "store.damaged"
    assert file.read_text().startswith("this is a letter")


def test_sqlite_keeps_what_a_killed_process_had_committed(tmp_path: Path) -> None:
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'a.db'}") as store, store.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_an_error_inside_a_transaction_undoes_it(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.database.writing() as connection:
        connection.execute(text("UPDATE feed SET last = 99"))
        raise KeyboardInterrupt
    assert store.last_seq() == 0


def test_no_reader_keeps_a_transaction_open(store: Store) -> None:
    store.save(SOURCE, [put(str(n)) for n in range(1500)])
    walk = store.iter_records()
    next(walk)
    other = Database(store.database.url.render_as_string(hide_password=False))
    with other.writing() as connection:
        connection.execute(text("UPDATE feed SET last = last"))
    store.save(SOURCE, [put("new")])
    if store.database.url.get_backend_name() == "sqlite":
        with other.reading() as connection:  # busy = 0: nobody holds the log
            assert connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").first()[0] == 0  # type: ignore[index]
    other.close()
    assert sum(1 for _ in walk) >= 1499
