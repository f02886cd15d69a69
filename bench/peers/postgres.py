"""PostgreSQL with Q3C and pgSphere, and DaCHS over the same table: the servers of ``tests/servers/dachs``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from bench.peers.table import FACETS, rows

_SERVER = Path(__file__).resolve().parents[2] / "tests" / "servers" / "dachs"
_COLUMNS = ("number", "ra", "dec", *FACETS)
_SETS = ", ".join(f"({name})" for name in FACETS)


class Postgres:
    """The filled database, and ``scs``, the address of DaCHS's cone search over it."""

    def __init__(self, count: int) -> None:
        import psycopg

        url = subprocess.run([_SERVER, "start"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]
        port = int(url.rpartition(":")[2]) + 1
        self.scs = f"{url}/bench/bench/cone/scs.xml"
        self._connection = psycopg.connect(f"host=127.0.0.1 port={port} dbname=gavo user=dachs", autocommit=True)
        self._fill(count)
        self._connection.execute("SET max_parallel_workers_per_gather = 2")

    def _fill(self, count: int) -> None:
        if self._one("SELECT to_regclass('bench.positions') IS NOT NULL") and self._one(
            f"SELECT count(*) = {count} FROM bench.positions"
        ):
            return
        subprocess.run([_SERVER, "run", "imp", "bench/bench"], check=True, stdout=subprocess.DEVNULL)
        copy = f"COPY bench.positions ({', '.join(_COLUMNS)}) FROM STDIN"
        with self._connection.transaction(), self._connection.cursor().copy(copy) as into:
            for row in rows(count):
                into.write_row((str(row[0]), *row[1:]))
        execute = self._connection.execute
        execute("ALTER TABLE bench.positions ADD COLUMN IF NOT EXISTS place spoint")
        execute("UPDATE bench.positions SET place = spoint(radians(ra), radians(dec))")
        execute("CREATE INDEX IF NOT EXISTS positions_place ON bench.positions USING gist (place)")
        execute("VACUUM (FULL, ANALYZE) bench.positions")

    def _one(self, statement: str, *values: Any) -> Any:
        return self._connection.execute(statement, values).fetchone()[0]  # type: ignore[call-overload, index]

    def version(self) -> str:
        return str(self._one("SHOW server_version")).split()[0]

    def count(self, kind: str, ra: float, dec: float, radius: float) -> int:
        where, values = _where(kind, ra, dec, radius)
        return int(self._one(f"SELECT count(*) FROM bench.positions WHERE {where}", *values))

    def first(self, kind: str, ra: float, dec: float, radius: float) -> int:
        """100 rows, any."""
        where, values = _where(kind, ra, dec, radius)
        statement = f"SELECT {', '.join(_COLUMNS)} FROM bench.positions WHERE {where} LIMIT 100"
        return len(self._connection.execute(statement, values).fetchall())  # type: ignore[call-overload]

    def facets(self, kind: str, ra: float, dec: float, radius: float) -> int:
        """Counts of all values of the seven fields, in one statement."""
        where, values = _where(kind, ra, dec, radius)
        statement = (
            f"SELECT {', '.join(FACETS)}, count(*) FROM bench.positions WHERE {where} GROUP BY GROUPING SETS ({_SETS})"
        )
        return len(self._connection.execute(statement, values).fetchall())  # type: ignore[call-overload]

    def close(self) -> None:
        self._connection.close()
        subprocess.run([_SERVER, "stop"], check=True, stdout=subprocess.DEVNULL)


def _where(kind: str, ra: float, dec: float, radius: float) -> tuple[str, tuple[float, ...]]:
    if kind == "q3c":
        return "q3c_radial_query(ra, dec, %s, %s, %s)", (ra, dec, radius)
    return "place <@ scircle(spoint(radians(%s), radians(%s)), radians(%s))", (ra, dec, radius)
