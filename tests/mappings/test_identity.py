"""Which records are the same thing, by their keys."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.identity import key_hash, keys, shown
from schemas.record import Record, record_id

SERVER = "https://rucio.example.org"


def record(*identifiers: tuple[str, str], source: str = "s", **more: Any) -> Record:
    listed = [{"scheme": scheme, "value": value} for scheme, value in identifiers]
    return {
        "id": record_id(source, "a"),
        "source": source,
        "identifiers": listed,
        "kind": "dataset",
        "title": "t",
    } | more


def identical(value: str, scheme: str | None = None) -> dict[str, Any]:
    one = {"type": "IsIdenticalTo", "identifier": value} | ({"scheme": scheme} if scheme else {})
    return {"relations": [one]}


def did(source: str, value: str = "scope:Name", endpoint: str | None = SERVER) -> Record:
    return record(
        ("rucio", value), source=source, provenance={"format": "rucio", "endpoint": endpoint} if endpoint else {}
    )


def meet(one: Record, other: Record) -> bool:
    return not set(keys(one)).isdisjoint(keys(other))


def test_dois_and_ivoids_are_keys_whatever_their_case() -> None:
    assert keys(record(("doi", "10.5281/Zenodo.1"), ("doi", "https://doi.org/10.5281/zenodo.1"))) == [
        "doi:10.5281/zenodo.1"
    ]
    assert keys(record(("ivoid", "ivo://CDS.VizieR/J/A"))) == keys(record(("ivoid", "ivo://cds.vizier/j/a")))


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("bibcode", "2020A&A...641A...1P"),
        ("url", "https://a.example"),
        ("ark", "ark:/1/2"),
        ("doi", "none"),
        ("rucio", "x"),
    ],
)
def test_other_identifiers_are_none(scheme: str, value: str) -> None:
    assert keys(record((scheme, value))) == []


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        ("10.5281/ZENODO.1", "doi"),
        ("https://doi.org/10.5281/zenodo.1", "url"),
        ("doi:10.5281/zenodo.1", None),
    ],
)
def test_a_relation_of_identity_is_a_key_however_it_is_written(value: str, scheme: str | None) -> None:
    assert meet(record(("url", "https://b.example"), **identical(value, scheme)), record(("doi", "10.5281/zenodo.1")))


def test_other_relations_are_none() -> None:
    for kind in ("IsVersionOf", "IsPartOf", "IsVariantFormOf", "References", "IsNewVersionOf"):
        relation = {"type": kind, "identifier": "10.5281/zenodo.1", "scheme": "doi"}
        assert keys(record(("url", "https://b.example"), relations=[relation])) == []


def test_a_concept_doi_is_no_key_wherever_it_stands() -> None:
    version = {"type": "IsVersionOf", "identifier": "10.5281/zenodo.1", "scheme": "doi"}
    made = record(("doi", "10.5281/zenodo.2"), ("doi", "10.5281/ZENODO.1"), relations=[version])
    assert keys(made) == ["doi:10.5281/zenodo.2"]
    same = {"type": "IsIdenticalTo", "identifier": "10.5281/zenodo.1", "scheme": "doi"}
    assert keys(record(("doi", "10.5281/zenodo.2"), relations=[version, same])) == ["doi:10.5281/zenodo.2"]


def test_a_did_is_its_lakes() -> None:
    assert meet(did("lake"), did("other"))  # one server under two names
    assert meet(did("lake"), did("other", endpoint=f"{SERVER}/"))
    assert not meet(did("lake"), did("other", endpoint="https://rucio.example.com"))
    assert not meet(did("lake", endpoint=None), did("other", endpoint=None))
    assert not meet(did("lake"), did("lake", "scope:name"))  # DIDs tell case apart


@pytest.mark.parametrize(
    "naming",
    [
        record(("rucio", "lake/scope:Name"), source="zenodo"),
        record(("other", "rucio:lake/scope:Name"), source="zenodo"),
        record(("rucio", "Lake/scope:Name"), source="zenodo"),
        record(("doi", "10.5281/zenodo.1"), source="zenodo", **identical("lake/scope:Name", "rucio")),
        record(("ivoid", "ivo://a/b"), source="vo", **identical("rucio:lake/scope:Name")),
    ],
)
def test_a_record_elsewhere_can_name_a_did(naming: Record) -> None:
    assert meet(naming, did("lake")) and not meet(naming, did("pond"))


def test_a_did_without_a_lake_says_nothing_elsewhere() -> None:
    assert not meet(record(("rucio", "scope:Name"), source="zenodo"), did("lake"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, {"level": "open", "licence": "MIT"}, True),
        (None, {"licence": "MIT"}, True),
        (None, {"level": "embargoed"}, False),
        (None, {"level": "restricted"}, False),
        ({"level": "restricted"}, {"level": "restricted", "discoverable": True}, False),
        ({"level": "restricted", "groups": ["a", "b"]}, {"level": "restricted", "groups": ["b", "a", "b"]}, True),
        ({"level": "restricted", "groups": ["a"]}, {"level": "restricted", "groups": ["b"]}, False),
        ({"level": "restricted", "groups": ["a,b"]}, {"level": "restricted", "groups": ["a", "b"]}, False),
        ({"level": "embargoed"}, {"level": "embargoed", "embargo_until": "2027"}, True),
    ],
)
def test_records_meet_within_one_access_alone(
    one: dict[str, Any] | None, other: dict[str, Any] | None, same: bool
) -> None:
    both = [record(("doi", "10.5281/zenodo.1"), **({"rights": rights} if rights else {})) for rights in (one, other)]
    assert meet(*both) is same
    assert {shown(key) for made in both for key in keys(made)} == {"doi:10.5281/zenodo.1"}


def test_hashes_fit_a_database_and_tell_keys_apart() -> None:
    some = [f"doi:10.5072/{stem}{n}" for stem in ("a", "b.", "c/x") for n in range(1000)]
    some += ["doi:10.5072/99999999999999999999", "doi:10.5072/é\ud800", "doi:10.5072/a", "1" * 30, "12"]
    found = {key_hash(key) for key in some}
    assert len(found) == len(some) and all(-(2**63) <= one < 2**63 for one in found)
