"""The database below the store: how it is opened, how transactions begin, what its failures are called.

SQLite runs in WAL mode with ``synchronous=NORMAL``: a commit is in the operating system's hands when it returns, so
that a killed process (``kill -9``) loses nothing acknowledged; only a power cut can take the last commits, and then
leaves the store as it was before them, whole (https://www.sqlite.org/wal.html, "Performance Considerations").
Every transaction that writes begins with BEGIN IMMEDIATE: one that read first and wrote later would be refused
whenever another wrote in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, Table, create_engine, event, insert, inspect, select
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.sql import text
from sqlalchemy.sql.compiler import SQLCompiler

from catalog.tables import REVISIONS, feed
from schemas.errors import StoreError

_BUSY_SECONDS = 60  # other writers' transactions take a quarter of a second at most; this many is a stuck machine
_WRITER_CACHE_KIB = 64 * 1024  # an importer meets ids in random order: this keeps their index in memory
_READER_CACHE_KIB = 4 * 1024  # per connection, and a server has one for each thread
_CHECKPOINT_PAGES = 32_000  # 128 MB of log before it is copied back: index pages are copied once, not each time
_SIZE_LIMIT = 1 << 30  # bytes of log kept on the disk after a checkpoint


_T = TypeVar("_T")
_AT_ONCE = 5000  # values in one statement; SQLite takes 32,766


def portions(items: Sequence[_T], size: int = _AT_ONCE) -> Iterator[Sequence[_T]]:
    """``items`` in slices that one statement can name."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have every column of ``table``.

    As plain tuples where the driver takes them (SQLite): 11 microseconds a record, where SQLAlchemy's own way takes 19.
    """
    statement = insert(table)
    compiled = statement.compile(dialect=connection.dialect)
    if isinstance(compiled, SQLCompiler) and compiled.positiontup:
        plain = itemgetter(*compiled.positiontup)
        connection.exec_driver_sql(str(compiled), [plain(row) for row in rows])
    else:
        connection.execute(statement, rows)


class Database:
    """One database by SQLAlchemy URL; ``reading`` and ``writing`` are the only ways in."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self._engine = _engine(self.url)
        self._writer = self._engine.execution_options(writes=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for a few reads. Keep it short: an open one holds up the log's clean-up."""
        with _translated(self.url), self._engine.connect() as connection:
            yield connection

    def fetch(self, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        """The rows that ``statement`` finds, ``?`` standing for each value.

        By the driver alone: for the page of records that a server fetches hundreds of times a second, SQLAlchemy's
        own way takes twice as long (0.27 ms for 20 records, of which SQLite takes 0.12).
        """
        dialect = self._engine.dialect
        with self.reading() as connection:
            cursor = connection.connection.cursor()
            try:
                cursor.execute(statement if dialect.paramstyle == "qmark" else statement.replace("?", "%s"), values)
                return cursor.fetchall()
            except dialect.loaded_dbapi.Error as error:
                raise _failure(self.url, str(error)) from error
            finally:
                cursor.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, alone: the feed's row is locked first, so that writers come one after another.

        Keep it under 250 ms.
        """
        with _translated(self.url), self._writer.begin() as connection:
            connection.execute(select(feed.c.last).with_for_update())
            yield connection

    def check(self) -> None:
        """Refuse a database that this version cannot use; raises ``StoreError`` with what to do."""
        if self._file is not None and not self._file.is_file():
            raise _not_initialised(self.url)
        with self.reading() as connection:
            revision = _revision(connection)
        if revision is None:
            raise _not_initialised(self.url)
        if revision not in REVISIONS:
            raise _too_new(self.url, revision)
        if revision != REVISIONS[-1]:
            raise StoreError(
                "needs-upgrade",
                f"the store {_shown(self.url)} is of an earlier version ({revision}); upgrade it with: asterism init",
                revision=revision,
            )

    def upgrade(self) -> None:
        """Make the tables, or bring them up to this version; wholly or not at all."""
        from alembic import command
        from alembic.config import Config

        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        with _translated(self.url), self._writer.begin() as connection:
            revision = _revision(connection)
            if revision is not None and revision not in REVISIONS:
                raise _too_new(self.url, revision)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if revision == "0001":  # here, and not in the migration: it is today's code, on today's tables
                from catalog import identity

                connection.execute(select(feed.c.last).with_for_update())
                identity.build(connection)

    def close(self) -> None:
        self._engine.dispose()

    @property
    def _file(self) -> Path | None:
        return Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("bad-url", f"not a database URL (sqlite:///FILE, postgresql://...): {error}") from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("bad-url", "the store is shared by processes, so it needs a file: sqlite:///FILE")
    return parsed


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_pre_ping=True)
        # max_overflow=-1: a connection to a file is cheap, waiting for one is not
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, pool_size=8, max_overflow=-1)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError("no-driver", f"the driver for {_shown(url)} is not installed: {error}") from error
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver would issue a plain BEGIN of its own, late
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"cache_size=-{_READER_CACHE_KIB}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        f"journal_size_limit={_SIZE_LIMIT}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes"):
        return  # each SELECT is then a transaction of its own, over when its rows are read
    if not connection.info.get("writer"):
        connection.exec_driver_sql(f"PRAGMA cache_size=-{_WRITER_CACHE_KIB}")
        connection.info["writer"] = True
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _not_initialised(url: URL) -> StoreError:
    return StoreError("not-initialised", f"there is no store at {_shown(url)} yet; make it with: asterism init")


def _too_new(url: URL, revision: str) -> StoreError:
    return StoreError(
        "too-new",
        f"the store {_shown(url)} was made by a later version ({revision}) of Asterism; install that version or later",
        revision=revision,
    )


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    """Give the database's errors our names."""
    try:
        yield
    except DBAPIError as error:
        raise _failure(url, str(error.orig)) from error
    except SQLAlchemyError as error:
        raise StoreError("failed", f"the store {_shown(url)} failed: {error}") from error


def _failure(url: URL, said: str) -> StoreError:
    """What the driver said, under our name for it."""
    lower = said.lower()
    if "locked" in lower or "busy" in lower:
        return StoreError("busy", f"{_shown(url)} has been locked by another process for {_BUSY_SECONDS} s; try again")
    if "full" in lower or "no space" in lower:
        return StoreError("full", f"no room left to write {_shown(url)} ({said}); free some and try again")
    if "not a database" in lower or "malformed" in lower:
        return StoreError(
            "damaged", f"{_shown(url)} is not a sound database ({said}); restore it, or move it away and init"
        )
    if "readonly" in lower or "read-only" in lower:
        return StoreError("read-only", f"{_shown(url)} may only be read here ({said}); mend its permissions")
    return StoreError("failed", f"the store {_shown(url)} failed: {said}")
