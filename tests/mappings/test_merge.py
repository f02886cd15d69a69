"""One record out of several: which part's value stands, and whose it is."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mappings.merge import cluster_id, merge
from schemas.record import Record, record_id, validate_record


def part(source: str, format: str | None = None, **more: Any) -> Record:
    made: Record = {
        "id": record_id(source, "a"),
        "source": source,
        "identifiers": [{"scheme": "doi", "value": "10.5072/a"}],
        "kind": "dataset",
        "title": f"of {source}",
    }
    return made | ({"provenance": {"format": format}} if format else {}) | more


ZENODO = part(
    "zenodo", "invenio", rights={"level": "open", "licence": "CC-BY-4.0"}, creators=[{"name": "Curie, M."}], bytes=5
)
REGISTRY = part(
    "vo",
    "voresource",
    identifiers=[{"scheme": "ivoid", "value": "ivo://a/b"}, {"scheme": "doi", "value": "10.5072/a"}],
    description="A survey.",
    position={"ra": 1.0, "dec": 2.0},
    wavebands=["Optical", "Radio"],
)
LAKE = part(
    "lake",
    "rucio",
    description="DID",
    position={"ra": 3.0, "dec": 4.0},
    footprint={"circle": [3.0, 4.0, 1.0]},
    wavebands=["Radio", "Gamma-ray"],
    bytes=0,
    files=7,
    replicas=[{"rse": "A", "state": "AVAILABLE"}],
    extra={"rucio": {"run": 1, "both": "lake"}},
)
OTHER = part(
    "mine", None, replicas=[{"rse": "A"}, {"rse": "B"}], extra={"rucio": {"both": "mine", "more": 2}, "x": {"y": 1}}
)


def test_the_forms_rank_before_the_ids() -> None:
    made = merge([OTHER, LAKE, REGISTRY, ZENODO])
    assert [one["source"] for one in made["same_as"]] == ["zenodo", "vo", "lake", "mine"]
    assert made["id"] == cluster_id([ZENODO["id"], REGISTRY["id"], LAKE["id"], OTHER["id"]])
    assert (made["source"], made["title"], made["provenance"]) == ("zenodo", "of zenodo", {"format": "invenio"})
    validate_record(made)


def test_a_statement_is_one_parts_and_says_whose() -> None:
    made = merge([ZENODO, REGISTRY, LAKE, OTHER])
    assert made["description"] == "A survey." and made["chosen"]["description"] == REGISTRY["id"]
    assert made["creators"] == [{"name": "Curie, M."}] and made["chosen"]["creators"] == ZENODO["id"]
    assert made["rights"] == ZENODO["rights"] and made["chosen"]["rights"] == ZENODO["id"]


def test_place_and_size_are_not_put_together_from_two() -> None:
    made = merge([ZENODO, REGISTRY, LAKE])
    assert (made["position"], made["footprint"]) == (LAKE["position"], LAKE["footprint"])
    assert (made["bytes"], made["files"]) == (0, 7)
    assert {made["chosen"][name] for name in ("position", "footprint", "bytes", "files")} == {LAKE["id"]}
    apart = merge([REGISTRY, part("t", "rucio", footprint={"circle": [0, 0, 1]})])
    assert apart["position"] == REGISTRY["position"] and apart["footprint"] == {"circle": [0, 0, 1]}


def test_lists_have_what_all_parts_say_once() -> None:
    made = merge([OTHER, LAKE, REGISTRY])
    assert made["wavebands"] == ["Optical", "Radio", "Gamma-ray"]
    assert [one["value"] for one in made["identifiers"]] == ["ivo://a/b", "10.5072/a"]
    # the two that are called A may be of two lakes: each stands as it was said
    assert made["replicas"] == [{"rse": "A", "state": "AVAILABLE"}, {"rse": "A"}, {"rse": "B"}]
    assert "wavebands" not in made["chosen"]


def test_namespaces_are_joined_and_the_first_value_of_a_key_stands() -> None:
    assert merge([OTHER, LAKE])["extra"] == {"rucio": {"run": 1, "both": "lake", "more": 2}, "x": {"y": 1}}
    assert OTHER["extra"] == {"rucio": {"both": "mine", "more": 2}, "x": {"y": 1}}


def test_what_is_empty_is_not_said() -> None:
    made = merge([part("zenodo", "invenio", description="", creators=[]), REGISTRY])
    assert made["description"] == "A survey." and "creators" not in made


@given(st.permutations([ZENODO, REGISTRY, LAKE, OTHER]))
def test_the_order_that_they_come_in_is_nothing(parts: list[Record]) -> None:
    assert merge(parts) == merge([ZENODO, REGISTRY, LAKE, OTHER])
    assert list(merge(parts)) == list(merge([ZENODO, REGISTRY, LAKE, OTHER]))
