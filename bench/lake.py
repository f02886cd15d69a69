"""A lake of 100,000 datasets and 50 RSEs, harvested as any: raw documents, records, demand, ten policies. Invented."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.data import HOME, asterism
from bench.records import records

SOURCE, ACCOUNT, SCOPE = "lake", "asterism", "ska"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
DEMAND = 200_000
_SEED = 20261121
_SITES, _DISKS, _TAPES = 25, 45, 5
_PAGE = 1000
_COUNTRIES = ("ZA", "AU", "NL", "GB", "IT")
DISKS = [f"SITE{n % _SITES:02d}-DISK{n // _SITES}" for n in range(_DISKS)]
TAPES = [f"SITE{n:02d}-TAPE" for n in range(_TAPES)]

_SETTINGS = """data = "data"

[[sources]]
name = "lake"
kind = "rucio"
url = "http://127.0.0.1:9"
account = "asterism"
auth = "userpass"
username = "nobody"
password = "nobody"

[lake]
source = "lake"

[demand]
enabled = {demand}
"""
_POLICIES = [  # query, RSE expression, copies, lifetime
    ("cone=266.4168,-29.0078,5&extra.rucio.band=L", "country=ZA", 1, "90d"),
    ("cone=83.6331,22.0145,10", "tier=1", 2, None),
    ("polygon=150,0,160,0,160,10,150,10", "country=AU|country=NL", 2, "30d"),
    ("facilities=MeerKAT&product_type=cube", "country=ZA", 2, "90d"),
    ("instruments=instrument 7&calib_level.gte=2", "country=GB&tier=2", 1, None),
    ("wavebands=Gamma-ray&time=2015-01-01/2016-01-01", "tier=1", 1, "180d"),
    ("extra.rucio.seeing.lte=0.45", "country=IT", 1, "60d"),
    ("extra.rucio.run=17&extra.rucio.band=S", "country=NL", 3, "90d"),
    ("q=fura hel", "tier=1", 1, "90d"),
    ("q=(pulsol OR halum) AND facilities:LOFAR", "country=NL", 2, "30d"),
]


def harvested(count: int) -> Path:
    """The folder of the lake's catalogue, made the first time: its harvest, its state and what was asked of it."""
    folder = HOME / f"lake-{count}"
    if (folder / "ready").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings(folder)
    asterism("init", folder=folder)
    start = time.perf_counter()
    harvest(folder, documents(range(count), count))
    print(f"harvested in {time.perf_counter() - start:.0f} s")
    _say(folder, count)
    (folder / "ready").touch()
    return folder


def settings(folder: Path, *, demand: bool = True) -> None:
    """Write ``asterism.toml``; ``demand``: whether what is asked for is recorded."""
    text = _SETTINGS.format(demand=str(demand).lower())
    for n, (query, expression, copies, lifetime) in enumerate(_POLICIES):
        text += (
            f'\n[[policies]]\nname = "p{n}"\nquery = "{query}"\nrse_expression = "{expression}"\ncopies = {copies}\n'
        )
        text += f'lifetime = "{lifetime}"\n' if lifetime else ""
    (folder / "asterism.toml").write_text(text)


def harvest(folder: Path, some: Iterator[tuple[str, bytes]]) -> None:
    """Take these documents in as a harvest does, and let the index follow."""
    from asterism.factory import Factory
    from asterism.settings import load
    from harvesters.runner import harvest as run

    with Factory(load(folder / "asterism.toml")) as factory:
        done = run(factory.store, SOURCE, "rucio", _Harvester(some), endpoint="http://127.0.0.1:9")
        if done.error is not None or done.quarantined:
            raise SystemExit(f"the lake is not harvested: {done.error or f'{done.quarantined} quarantined'}")
        factory.indexer.catch_up(factory.store.last_seq())


class _Harvester:
    """What a harvest of Rucio brings, without a Rucio."""

    lists_all = False
    announces_deletions = True

    def __init__(self, some: Iterator[tuple[str, bytes]]) -> None:
        self._some = some

    def pages(self, begin: Any) -> Iterator[Any]:
        from harvesters.base import Fetched, Page

        page: list[Any] = []
        for name, raw in self._some:
            page.append(Fetched(f"{SCOPE}:{name}", raw, "rucio"))
            if len(page) == _PAGE:
                yield Page(page, {"at": name})
                page = []
        yield Page(page, {"at": "end"})

    def since(self, checkpoint: Any) -> str | None:
        return str(checkpoint)

    def identifiers(self) -> Iterator[list[str]]:
        yield []

    def is_gone(self, native_id: str) -> bool:
        return False


def documents(chosen: Sequence[int], count: int, revision: int = 0) -> Iterator[tuple[str, bytes]]:
    """Names and raw documents of datasets; another ``revision`` was read later, and every other one says more."""
    wanted = set(chosen)
    for n, record in enumerate(records(count)):
        if n in wanted:
            name = f"obs/{n:07d}"
            yield name, json.dumps(_document(n, name, record, revision), sort_keys=True, separators=(",", ":")).encode()


def _document(n: int, name: str, record: dict[str, Any], revision: int) -> dict[str, Any]:
    rng = random.Random(_SEED + n)
    rses = rng.sample(DISKS, rng.randint(2, 3))
    if rng.random() < 0.2:
        rses[-1] = rng.choice(TAPES)
    created = NOW - timedelta(days=rng.uniform(1, 1500))
    rules = [_rule(rng, name, rse, "root", rng.random() < 0.4, None) for rse in rses]
    if n % 10 == 0:  # one of ours, on the last copy but one of what is held anyway
        rules[0] = _rule(rng, name, rses[0], ACCOUNT, True, f"asterism hint={n:016d} policy=p{n // 10 % 12}")
    replicas = [
        {
            "rse": rse,
            "state": "AVAILABLE",
            "bytes": record["bytes"],
            "length": record["files"],
            "available_bytes": record["bytes"],
            "available_length": record["files"],
            "accessed_at": _date(NOW - timedelta(days=rng.uniform(0, 300))),
        }
        for rse in rses
    ]
    replicas[0]["accessed_at"] = _date(NOW - timedelta(minutes=5000 - revision)) if revision else None
    position, size = record["position"], rng.choice((0.5, 1.0, 2.5))
    metadata = {
        "obs_title": record["title"],
        "obs_description": record["description"],
        "creator": [one["name"] for one in record["creators"]],
        "publisher": record["publisher"],
        "keywords": ",".join(one["term"] for one in record["subjects"]),
        "s_ra": position["ra"],
        "s_dec": position["dec"],
        "t_min": record["time"][0]["min"],
        "t_max": record["time"][0]["max"],
        "facility_name": record["facilities"][0],
        "instrument_name": record["instruments"][0],
        "target_name": record["targets"][0],
        "waveband": record["wavebands"][0],
        "dataproduct_type": record["product_type"],
        "calib_level": record["calib_level"],
        "run": n % 300,
        **record["extra"]["bench"],
    }
    if n % 2:
        metadata["s_region"] = f"CIRCLE ICRS {position['ra']} {position['dec']} {size}"
    if revision and n % 2:
        metadata["revision"] = revision
    did = {
        "scope": SCOPE,
        "name": name,
        "did_type": "DATASET",
        "account": "root",
        "bytes": record["bytes"],
        "length": record["files"],
        "is_open": False,
        "monotonic": False,
        "created_at": _date(created),
        "updated_at": _date(created),
    }
    return {
        "did": did,
        "metadata": metadata,
        "rules": rules,
        "locks": [{"rule_id": rule["id"], "rse": rule["rse_expression"], "state": "OK"} for rule in rules],
        "replicas": replicas,
        "parents": [{"scope": SCOPE, "name": f"field{n // 100}"}],
    }


def _rule(rng: random.Random, name: str, rse: str, account: str, ends: bool, comment: str | None) -> dict[str, Any]:
    return {
        "id": f"{rng.getrandbits(128):032x}",
        "scope": SCOPE,
        "name": name,
        "account": account,
        "rse_expression": rse,
        "copies": 1,
        "state": "OK",
        "activity": "Data Brokering" if comment else "User Subscriptions",
        "created_at": _date(NOW - timedelta(days=rng.uniform(1, 60))),
        "expires_at": _date(NOW + timedelta(days=rng.uniform(1, 90))) if ends else None,
        "comments": comment,
    }


def _date(at: datetime) -> str:
    return at.strftime("%a, %d %b %Y %H:%M:%S UTC")


def _say(folder: Path, count: int) -> None:
    """Keep the state of the lake, and the demand: of the terms that some thousand of its records have, by site."""
    from asterism.factory import Factory
    from asterism.settings import load
    from catalog.database import portions
    from placement import lake, terms
    from placement.demand_store import AT_ONCE, merge
    from schemas.record import record_id

    rng = random.Random(_SEED)
    with Factory(load(folder / "asterism.toml")) as factory:
        store = factory.store
        lake.take(store, SOURCE, _state(rng))
        ids = [record_id(SOURCE, f"{SCOPE}:obs/{n:07d}") for n in range(count)]
        some = terms.of_records(list(store.get_many(rng.sample(ids, min(count, 5000))).values()))
        asked = list(zip(some.dims.tolist(), some.keys.tolist(), strict=True))
        rows: dict[tuple[int, int, str], tuple[float, float]] = {}
        while len(rows) < DEMAND:
            site = f"SITE{min(int(rng.expovariate(0.15)), _SITES - 1):02d}"
            if rng.random() < 0.5:
                # some are wanted by many
                which = ids[min(int(count * rng.betavariate(0.4, 2)), count - 1)]
                term = rng.choice((terms.READ, terms.VIEW, terms.FOUND)), terms.record_key(which)
            else:
                term = rng.choice(asked)
            weight = rng.paretovariate(1.5) - 0.9
            rows[(*term, site)] = (weight * rng.random(), weight)
        signed = [
            (dim, key - (1 << 64) if key >= 1 << 63 else key, site, *weights)
            for (dim, key, site), weights in sorted(rows.items())
        ]
        for portion in portions(signed, AT_ONCE):
            with store.database.writing() as connection:
                merge(connection, portion, 14 * 86_400.0, NOW.timestamp())


def _state(rng: random.Random) -> dict[str, Any]:
    """What ``harvesters/rucio_lake.py`` gives: a third of the disks nearly full, two read-only."""
    rses = []
    for n, name in enumerate([*DISKS, *TAPES]):
        tape = n >= _DISKS
        total = 10**15 if tape else 4 * 10**13
        free = total // 2 if tape or n % 3 else total // 200
        rses.append(
            {
                "name": name,
                "kind": "TAPE" if tape else "DISK",
                "site": name[:6],
                "attributes": {
                    name: True,
                    "site": name[:6],
                    "country": _COUNTRIES[int(name[4:6]) % len(_COUNTRIES)],
                    "tier": 1 if n < 10 else 2,
                },
                "readable": True,
                "writable": n not in (3, 11),
                "deletable": True,
                "total": total,
                "used": total - free,
                "free": free,
                "min_free": total // 100,
                "account_left": None if n % 2 else 5 * 10**12,
                "measured_at": NOW.timestamp(),
                "problem": None,
            }
        )
    names = [row["name"] for row in rses]
    return {
        "source": SOURCE,
        "account": ACCOUNT,
        "taken_at": NOW.timestamp(),
        "rses": rses,
        "distances": [[one, other, rng.randint(1, 6)] for one in names for other in names if one != other],
        "distances_at": NOW.timestamp(),
        "problems": [],
    }
