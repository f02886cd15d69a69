"""Search beside its peers: one run, the same data, the same machine. ``make bench-search``.

Each part is asked with the same random centres, one program after the other, so that none has the machine to itself
while another works. A peer that is not there is left out, and said.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable
from typing import Any

from bench import footprints, scale, through
from bench.data import imported
from bench.http import ours_and_dachs
from bench.peers.table import FACETS
from bench.report import Row, milliseconds, report
from catalog.embedded import EmbeddedEngine
from schemas.query import parse

RADII = [(1 / 3600, '1"', 40), (0.5, "0.5 deg", 40), (10.0, "10 deg", 20), (60.0, "60 deg", 7)]
Ask = Callable[[float, float, float], Any]


def run(count: int) -> None:
    """All parts; a table, and ``bench/results/search.json``."""
    about: dict[str, Any] = {"records": count}
    rows: list[Row] = []
    folder, seconds = imported(count, again=True)
    assert seconds is not None
    peers, elastic, postgres = _peers(count, about)
    try:
        rows += _cones(EmbeddedEngine(folder / "data" / "index"), peers)
        rows += ours_and_dachs(folder, postgres.scs if postgres else None, about)
        rows += footprints.run(about)
        rows += scale.run(folder, about)
        if elastic is not None:
            rows += through.run(elastic, count, seconds, about)
    finally:
        for peer in (elastic, postgres):
            if peer is not None:
                peer.close()
        report("search", rows, about)  # what there is, also when a later part fails


def _peers(count: int, about: dict[str, Any]) -> tuple[dict[str, dict[str, Ask]], Any, Any]:
    """For each peer how it counts, gives 100 rows, and counts facets in a cone."""
    from bench.peers.memory import Tree

    tree = Tree(count)
    found: dict[str, dict[str, Ask]] = {"k-d tree": {"count": tree.count}}
    postgres = elastic = None
    try:
        from bench.peers.postgres import Postgres

        postgres = Postgres(count)
        about["PostgreSQL"] = postgres.version()
        for name, kind in (("pgSphere", "pgsphere"), ("Q3C", "q3c")):
            found[name] = {
                what: functools.partial(ask, kind)
                for what, ask in (
                    ("count", postgres.count),
                    ("first", postgres.first),
                    ("facets", postgres.facets),
                )
            }
    except Exception as error:
        about["PostgreSQL"] = f"left out: {error}"
    try:
        from bench.peers.elastic import Elastic

        elastic = Elastic(count)
        about["Elasticsearch"] = elastic.version()
        found["Elasticsearch"] = {
            "count": elastic.search,
            "first": lambda *cone: elastic.search(*cone, size=100),
            "facets": lambda *cone: elastic.search(*cone, facets=True),
        }
    except Exception as error:
        about["Elasticsearch"] = f"left out: {error}"
    return found, elastic, postgres


def _cones(engine: EmbeddedEngine, peers: dict[str, dict[str, Ask]]) -> list[Row]:
    more = {
        "count": [("limit", "0")],
        "first": [("limit", "100")],
        "facets": [("limit", "0"), ("facets", ",".join(FACETS))],
    }
    wording = {"count": "count", "first": "first 100 rows", "facets": "seven facets"}
    rows = []
    for radius, label, times in RADII:
        for what, parameters in more.items():

            def ask(ra: float, dec: float, radius: float, parameters: list[tuple[str, str]] = parameters) -> int:
                return engine.search(parse([("cone", f"{ra!r},{dec!r},{radius!r}"), *parameters])).total

            ours = _time(ask, radius, 5 * times)
            others = {name: _time(peer[what], radius, times) for name, peer in peers.items() if what in peer}
            said = ", ".join(f"{name} {value:.2f} ms ({value / ours:.1f}x)" for name, value in others.items())
            rows.append(Row(f"cone {label}: {wording[what]}", ours, "ms", _target(what, radius), said))
    _agree(engine, peers)
    return rows


def _target(what: str, radius: float) -> str:
    if what != "facets":
        return "pgSphere 4x" if radius >= 10 else "pgSphere 1x"
    return "Elasticsearch 3x, pgSphere 20x" if radius == 60 else "Elasticsearch 3x"


def _time(ask: Ask, radius: float, times: int) -> float:
    rng = random.Random(17)
    return milliseconds(lambda: ask(*centre(rng), radius), times)[0]


def centre(rng: random.Random) -> tuple[float, float]:
    """A point anywhere on the sphere, degrees."""
    return rng.uniform(0, 360), math.degrees(math.asin(rng.uniform(-1, 1)))


def _agree(engine: EmbeddedEngine, peers: dict[str, dict[str, Ask]]) -> None:
    """All count the same, but for what lies within the peer's own rounding of the edge."""
    rng = random.Random(5)
    for radius, _, _ in RADII:
        ra, dec = centre(rng)
        ours = engine.search(parse([("cone", f"{ra!r},{dec!r},{radius!r}"), ("limit", "0")])).total
        for name, peer in peers.items():
            theirs = peer["count"](ra, dec, radius)
            if abs(theirs - ours) > 1:
                raise SystemExit(f"{name} finds {theirs} in a cone of {radius} degrees, we find {ours}")
