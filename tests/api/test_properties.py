"""What must hold of any search over HTTP, whatever is in the catalogue: pages, parts and counts fit one another."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from asterism.factory import Factory
from asterism.settings import load
from catalog.importer import import_lines
from tests.api.conftest import Served
from tests.catalog.conformance.records import make_record

SIZE = 200
SEARCH = "/api/v1/search"
EVERYTHING = ("limit", "10000")
Pairs = list[tuple[str, str]]

some = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A catalogue as people have it: a store, an index, some records of three sources, a few of them the same."""
    home: Path = tmp_path_factory.mktemp("properties")
    (home / "asterism.toml").write_text('data = "data"\n')
    rng = random.Random(17)
    with Factory(load(home / "asterism.toml"), create=True) as factory:
        for source in ("one", "two", "three"):
            lines = []
            for n in range(SIZE // 3):
                made = make_record(rng, n if n < 10 else rng.randrange(10**6))  # the first ten are in each source
                lines.append(orjson.dumps({key: value for key, value in made.items() if key not in ("id", "source")}))
            assert import_lines(factory.store, lines, source).tally.quarantined == 0
        factory.indexer.rebuild()
        with (
            Served(create_app(factory.catalogue, version="1")) as url,
            httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
        ):
            yield client


_texts = ["pulsar", "nebula OR flare", '"crab nebula"', "gal*", "NOT survey", "kind:dataset", "title:pulsar", "muller"]
_pieces: list[st.SearchStrategy[Pairs]] = [
    st.sampled_from(["dataset", "observation", "collection"]).map(lambda kind: [("kind", kind)]),
    st.sampled_from(["H.E.S.S.", "MAGIC", "LOFAR"]).map(lambda name: [("facilities", name)]),
    st.sampled_from(["0", "10", "1e12"]).map(lambda number: [("bytes.gte", number)]),
    st.sampled_from(["2014", "2014-05", "2015"]).map(lambda day: [("issued.lte", day)]),
    st.sampled_from(["1", "red", "true", "blue"]).map(lambda value: [("extra.x.n.not", value)]),
    st.sampled_from(["50010/50020", "../50030", "50040/.."]).map(lambda span: [("time", span)]),
    st.sampled_from(_texts).map(lambda text: [("q", text)]),
    st.sampled_from(["true", "false"]).map(lambda value: [("collapse", value)]),
    st.sampled_from(["0,0,3", "83.63,22.01,2", "10,90,30", "180,45,170"]).map(lambda cone: [("cone", cone)]),
]


@st.composite
def searches(draw: Any, without: str = "") -> Pairs:
    """Some parameters, each name once; none of those named in ``without``."""
    pieces = draw(st.lists(st.one_of(_pieces), max_size=4))
    found: dict[str, str] = {}
    for piece in pieces:
        found |= dict(piece)
    return [(name, value) for name, value in found.items() if name not in without.split()]


def ask(client: httpx.Client, asked: Pairs, *more: tuple[str, str]) -> Any:
    answer = client.get(SEARCH, params=[*asked, *more])
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(client: httpx.Client, asked: Pairs, *more: tuple[str, str]) -> list[str]:
    found = ask(client, asked, EVERYTHING, *more)
    assert found["total"] == len(found["items"])
    return [item["id"] for item in found["items"]]


def total(client: httpx.Client, asked: Pairs, *more: tuple[str, str]) -> int:
    found = ask(client, asked, ("limit", "0"), *more)
    return int(found["total"])


@some
@given(searches(), st.integers(1, 60), st.sampled_from(["", "id", "-bytes", "issued,-bytes", "-changed"]))
def test_pages_are_the_whole(real: httpx.Client, asked: Pairs, limit: int, sort: str) -> None:
    asked = [*asked, *([("sort", sort)] if sort else [])]
    whole = ids(real, asked)
    assert len(whole) == len(set(whole))
    found: list[str] = []
    more: Pairs = []
    while True:
        page = ask(real, asked, ("limit", str(limit)), *more)
        assert page["total"] == len(whole)
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == limit
        more = [("cursor", page["next"])]
    assert found == whole


@some
@given(searches("kind bytes.gte"))
def test_one_value_each_and_the_missing_are_all(real: httpx.Client, asked: Pairs) -> None:
    found = ask(real, asked, ("facets", "kind,bytes:100"), ("histogram", "bytes:30"), ("histogram", "calib_level"))
    for field in ("kind", "bytes"):
        facet = found["facets"][field]
        assert sum(bucket["count"] for bucket in facet["buckets"]) + facet["missing"] == found["total"]
    for bucket in found["facets"]["kind"]["buckets"]:
        assert total(real, asked, ("kind", str(bucket["value"]))) == bucket["count"]
    for bins in found["histograms"].values():
        assert sum(bins["counts"]) + bins["missing"] == found["total"]


@some
@given(searches("facilities"), st.sampled_from(["H.E.S.S.", "MAGIC"]))
def test_a_facet_ignores_its_own_filter(real: httpx.Client, asked: Pairs, name: str) -> None:
    chosen = ask(real, asked, ("facilities", name), ("facets", "facilities,kind"))
    assert chosen["facets"]["facilities"] == ask(real, asked, ("facets", "facilities"))["facets"]["facilities"]
    assert sum(bucket["count"] for bucket in chosen["facets"]["kind"]["buckets"]) == chosen["total"] or any(
        field == "kind" for field, _ in asked
    )
    for bucket in chosen["facets"]["facilities"]["buckets"]:
        assert total(real, asked, ("facilities", bucket["value"])) == bucket["count"]


@some
@given(searches("bytes.gte facilities"), st.sampled_from(["footprint", "bytes", "creators", "extra.x.n"]))
def test_a_part_and_the_rest_are_all(real: httpx.Client, asked: Pairs, field: str) -> None:
    whole = set(ids(real, asked))
    there, missing = (set(ids(real, asked, (f"{field}.exists", said))) for said in ("true", "false"))
    assert (there | missing, there & missing) == (whole, set())
    chosen, others = (set(ids(real, asked, (name, "HESS"))) for name in ("facilities", "facilities.not"))
    assert (chosen | others, chosen & others) == (whole, set())
    below, above = (set(ids(real, asked, (f"bytes.{op}", "10"))) for op in ("lt", "gte"))
    assert (below | above) == set(ids(real, asked, ("bytes.exists", "true")))
    assert not below & above


@some
@given(searches("q"), st.sampled_from(_texts), st.sampled_from(_texts))
def test_and_or_not_are_those_of_sets(real: httpx.Client, asked: Pairs, one: str, other: str) -> None:
    first, second = (set(ids(real, asked, ("q", text))) for text in (one, other))
    assert set(ids(real, asked, ("q", f"({one}) AND ({other})"))) == first & second
    assert set(ids(real, asked, ("q", f"({one}) OR ({other})"))) == first | second
    assert set(ids(real, asked, ("q", f"NOT ({one})"))) == set(ids(real, asked)) - first


@some
@given(searches("cone"), st.floats(0, 360), st.floats(-90, 90), st.floats(0, 90), st.floats(0, 90))
def test_wider_cones_hold_more(
    real: httpx.Client, asked: Pairs, ra: float, dec: float, radius: float, more: float
) -> None:
    def found(relation: str, wide: float) -> set[str]:
        return set(ids(real, asked, ("cone", f"{ra!r},{dec!r},{wide!r}"), ("relation", relation)))

    small, wide = {}, {}
    for relation in ("intersects", "within", "position", "contains"):
        small[relation], wide[relation] = found(relation, radius), found(relation, radius + more)
    for relation in ("intersects", "within", "position"):
        assert small[relation] <= wide[relation]
    assert wide["contains"] <= small["contains"] <= small["intersects"] >= small["within"]
    unlocated = set(ids(real, asked, ("position.exists", "false"), ("footprint.exists", "false")))
    assert found("intersects", 180) == set(ids(real, asked)) - unlocated


@some
@given(searches(), st.integers(0, 6))
def test_maps_of_two_orders_agree(real: httpx.Client, asked: Pairs, order: int) -> None:
    coarse, fine = (ask(real, asked, ("density", str(o))) for o in (order, order + 2))
    gathered: dict[str, int] = {}
    for cell, count in fine["density"]["cells"].items():
        gathered[str(int(cell) // 16)] = gathered.get(str(int(cell) // 16), 0) + count
    assert gathered == coarse["density"]["cells"]
    nowhere = total(real, asked, ("position.exists", "false"), ("footprint.exists", "false"))
    assert sum(gathered.values()) <= coarse["total"] - nowhere  # an empty MOC is nowhere too


@some
@given(searches("time"), st.floats(50000, 50050), st.floats(0, 40))
def test_spans_within_and_containing_overlap(real: httpx.Client, asked: Pairs, start: float, length: float) -> None:
    span = ("time", f"{start!r}/{start + length!r}")
    found = {
        relation: set(ids(real, asked, span, ("time_relation", relation)))
        for relation in ("overlaps", "within", "contains")
    }
    assert found["within"] | found["contains"] <= found["overlaps"]
    assert found["overlaps"] == set(ids(real, asked, span))


@some
@given(searches())
def test_a_body_asks_as_a_url_does(real: httpx.Client, asked: Pairs) -> None:
    more: Pairs = [("facets", "kind,facilities"), ("sort", "-bytes"), ("limit", "20")]
    answer = real.post(SEARCH, json=dict([*asked, *more]))
    assert answer.status_code == 200, answer.text
    assert answer.json() == ask(real, asked, *more)


def test_the_same_thing_from_three_sources_is_one(real: httpx.Client) -> None:
    one, three = (ask(real, [("collapse", said), ("facets", "source"), EVERYTHING]) for said in ("true", "false"))
    assert one["total"] < three["total"]
    merged = [item for item in one["items"] if "same_as" in item]
    assert merged
    for item in merged:
        parts = {part["id"] for part in item["same_as"]}
        assert parts <= {other["id"] for other in three["items"]}
        assert not parts & {other["id"] for other in one["items"]}
        assert ask(real, [("id", item["id"])])["total"] == 1
    assert sum(len(item.get("same_as", [0])) for item in one["items"]) == three["total"]
