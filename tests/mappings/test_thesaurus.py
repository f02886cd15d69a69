"""Subjects find their broader terms, whichever form the thesaurus has and however they are written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.document import document
from mappings.elastic import fingerprint as elastic_fingerprint
from mappings.elastic import index_document
from mappings.thesaurus import MAX_LEVELS, MAX_PATHS, Thesaurus, path_terms, written_levels

BASE = "http://vocabulary.example/uat"
# d is below b and c, both below a; old is to be written as d
IVOA = {
    "uri": BASE,
    "terms": {
        "sky-things": {"label": "Sky things", "wider": []},
        "bright-things": {"label": "Bright things", "wider": ["sky-things"]},
        "far-things": {"label": "Far/away things", "wider": ["#sky-things"]},
        "quasars": {"label": "Quasars", "wider": ["bright-things", "far-things"]},
        "qsos": {"label": "QSOs", "deprecated": "", "useInstead": "quasars"},
    },
}
LIST = [
    {"uri": f"{BASE}/1", "name": "Sky things", "broader": None},
    {"uri": f"{BASE}/2", "name": "Bright things", "broader": [{"uri": f"{BASE}/1", "name": "Sky things"}]},
    {"uri": f"{BASE}/3", "name": "Far/away things", "broader": [{"uri": f"{BASE}/1"}]},
    {
        "uri": f"{BASE}/4",
        "name": "Quasars",
        "broader": [{"uri": f"{BASE}/2"}, {"uri": f"{BASE}/3"}],
        "altNames": ["Quasi-stellar objects"],
    },
    {"uri": f"{BASE}/5", "name": "QSOs", "status": "deprecated", "useInstead": [f"{BASE}/4"]},
]
QUASARS = {"name": "Quasars", "uri": f"{BASE}/4", "altLabels": ["Quasi-stellar objects"]}
TREE = {
    "children": [
        {
            "name": "Sky things",
            "uri": f"{BASE}/1",
            "children": [
                {"name": "Bright things", "uri": f"{BASE}/2", "children": [QUASARS]},
                {"name": "Far/away things", "uri": f"{BASE}/3", "children": [QUASARS]},
            ],
        }
    ],
    "deprecated": [],
}
PLACES = [
    "Sky things",
    "Sky things/Bright things",
    "Sky things/Bright things/Quasars",
    "Sky things/Far\u2215away things",
    "Sky things/Far\u2215away things/Quasars",
]


def read(document: Any) -> Thesaurus:
    return Thesaurus.parse(json.dumps(document).encode())


@pytest.mark.parametrize("document", [IVOA, LIST, TREE], ids=["ivoa", "list", "tree"])
def test_each_form_gives_every_place_of_a_term_with_its_ancestors(document: Any) -> None:
    thesaurus = read(document)
    assert len(thesaurus) == 4
    assert sorted(thesaurus.terms({"term": "Quasars", "scheme": "UAT"})) == sorted(PLACES)
    assert thesaurus.terms({"term": "sky-THINGS"}) == ["Sky things"]


@pytest.mark.parametrize(
    ("document", "subject"),
    [
        (IVOA, {"term": "anything", "uri": f"{BASE}#quasars"}),
        (IVOA, {"term": "quasars", "scheme": "IVOA UAT"}),
        (IVOA, {"term": "QSOs", "scheme": "Unified Astronomy Thesaurus"}),
        (LIST, {"term": "anything", "uri": f"{BASE}/4".replace("http:", "https:"), "scheme": "of its own"}),
        (LIST, {"term": "quasi-stellar Objects"}),
        (LIST, {"term": "qsos"}),
        (LIST, {"term": "qsos", "uri": f"{BASE}/5"}),
        (TREE, {"term": "Quasi-Stellar objects", "scheme": "http://astrothesaurus.org"}),
        (TREE, {"term": "Quasars", "uri": "http://elsewhere.example/17"}),
    ],
)
def test_a_subject_is_found_by_address_name_or_label(document: Any, subject: dict[str, str]) -> None:
    assert sorted(read(document).terms(subject)) == sorted(PLACES)


@pytest.mark.parametrize(
    "subject",
    [
        {"term": "Quasars", "scheme": "GCMD"},
        {"term": "Quasars", "scheme": "equatorial"},
        {"term": "Quasar"},
        {"term": ""},
        {"term": "?"},
    ],
)
def test_a_subject_of_another_scheme_or_unknown_has_no_place(subject: dict[str, str]) -> None:
    assert read(IVOA).terms(subject) == []


def test_the_digest_is_of_what_is_found() -> None:
    again = json.loads(json.dumps(IVOA))
    assert read(again).digest == read(IVOA).digest
    again["terms"]["quasars"]["wider"] = ["far-things"]
    assert read(again).digest != read(IVOA).digest
    again = json.loads(json.dumps(IVOA))
    again["terms"]["quasars"]["label"] = "Quasi-stellars"
    assert read(again).digest != read(IVOA).digest


@pytest.mark.parametrize(
    "body", [b"", b"<rdf/>", b"3", b"{}", b"[]", b"[1]", b'{"terms": {"a": {}}}', b'{"children": [{}]}', b"\xff"]
)
def test_another_file_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"[a-z]{2}"):
        Thesaurus.parse(body)


def test_cycles_end_and_many_places_are_bounded() -> None:
    cycle = Thesaurus({"a": "a", "b": "b", "c": "c"}, {"a": ["b"], "b": ["c", "b"], "c": ["a"]})
    assert cycle.terms({"term": "a"}) == ["c", "c/b", "c/b/a"]
    # every step of this ladder doubles the paths
    steps = range(40)
    labels = {f"{n}{side}": f"{n}{side}" for n in steps for side in "lr"}
    broader = {f"{n}{side}": [f"{n - 1}l", f"{n - 1}r"] for n in steps[1:] for side in "lr"}
    found = Thesaurus(labels, broader).terms({"term": "39l"})
    assert 0 < len(found) <= MAX_PATHS * MAX_LEVELS


@pytest.mark.parametrize(
    ("term", "levels"),
    [
        ("EARTH SCIENCE > ATMOSPHERE > CLOUDS", ["EARTH SCIENCE", "ATMOSPHERE", "CLOUDS"]),
        ("a -> b", ["a", "b"]),
        ("z>3 galaxies", []),
        ("Quasars", []),
        ("> 5", []),
    ],
)
def test_levels_that_a_term_is_written_with(term: str, levels: list[str]) -> None:
    assert written_levels(term) == levels


@given(st.lists(st.text(max_size=8), max_size=40))
def test_path_terms_are_a_chain(levels: list[str]) -> None:
    terms = path_terms(levels)
    for depth, term in enumerate(terms):
        assert len(term.split("/")) == depth + 1
        assert "\0" not in term
        assert depth == 0 or term.startswith(terms[depth - 1] + "/")


@pytest.mark.parametrize("name", ["UAT.json.gz", "UAT_list.json.gz", "UAT_simple.json"])
def test_the_real_thesaurus(shared_data: Path, name: str) -> None:
    body = (shared_data / "vocab" / "uat" / name).read_bytes()
    thesaurus = Thesaurus.parse(gzip.decompress(body) if name.endswith(".gz") else body)
    assert len(thesaurus) > 2000
    found = thesaurus.terms({"term": "active-galactic-nuclei"})
    assert "High energy astrophysics/Active galactic nuclei" in found
    assert "Galactic and extragalactic astronomy/Galaxies/Active galaxies/Active galactic nuclei" in found
    assert found == thesaurus.terms({"term": "AGN", "uri": "https://astrothesaurus.org/uat/16"})


def test_both_engines_documents_have_the_places() -> None:
    thesaurus = read(IVOA)
    record = {
        "id": "0123456789abcdef",
        "source": "vo",
        "identifiers": [{"scheme": "ivoid", "value": "ivo://a/b"}],
        "kind": "service",
        "title": "Quasars",
        "subjects": [{"term": "quasars"}],
    }
    assert (
        document(record, thesaurus).terms["subjects.path"]
        == index_document(1, record, "single", thesaurus)["subjects.path"]
    )
    assert sorted(document(record, thesaurus).terms["subjects.path"]) == sorted(PLACES)
    assert elastic_fingerprint(thesaurus) != elastic_fingerprint()
