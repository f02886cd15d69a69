"""Zenodo's and InvenioRDM's JSON in its three forms."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mappings.invenio import to_record
from mappings.outcome import Mapped
from schemas.errors import MappingError
from schemas.record import validate_record

ZENODO: dict[str, Any] = {
    "id": 4242,
    "doi": "10.5281/ZENODO.4242",
    "conceptdoi": "10.5281/zenodo.4241",
    "conceptrecid": "4241",
    "created": "2021-05-04T10:00:00.123456+00:00",
    "modified": "2022-06-05T10:00:00+00:00",
    "revision": 3,
    "owners": [{"id": 12}],
    "stats": {"views": 7},
    "links": {"self": "https://zenodo.org/api/records/4242", "self_html": "https://zenodo.org/records/4242"},
    "metadata": {
        "title": "Flares of the <i>Crab</i> &amp; friends",
        "doi": "10.5281/zenodo.4242",
        "publication_date": "2021-05",
        "description": "<p>Events above 1&nbsp;TeV, x &lt; 3</p><p>Second</p><script>alert(1)</script>",
        "access_right": "open",
        "creators": [
            {"name": "Müller, Zoë", "orcid": "0000-0002-1825-0097", "affiliation": "Universität Würzburg"},
            {"name": "H.E.S.S. Collaboration"},
        ],
        "contributors": [{"name": "Data, Dora", "type": "DataCurator"}],
        "keywords": ["gamma rays", "pulsar wind nebulae"],
        "subjects": [{"term": "Astronomy", "identifier": "http://id.example/astro", "scheme": "url"}],
        "version": "v1.2",
        "language": "eng",
        "license": {"id": "cc-by-4.0"},
        "related_identifiers": [
            {"identifier": "10.1051/0004-6361/1234", "relation": "isSupplementTo", "scheme": "doi"},
            {"identifier": "10.5281/zenodo.4241", "relation": "isVersionOf", "scheme": "doi"},
            {"identifier": "arXiv:2101.00001", "relation": "cites", "scheme": "arxiv"},
        ],
        "alternate_identifiers": [{"identifier": "2021A&A...650A...1M", "scheme": "ads"}],
        "resource_type": {"title": "Dataset", "type": "dataset"},
        "grants": [
            {"code": "824064", "title": "ESCAPE", "funder": {"name": "European Commission", "doi": "10.13039/1"}}
        ],
        "communities": [{"id": "escape2020"}],
        "dates": [{"start": "2020-01-02", "end": "2020-03", "type": "Collected"}],
        "locations": [{"lat": -23.27, "lon": 16.5, "place": "Khomas"}],
        "journal": {"title": "A&A", "volume": "650"},
        "relations": {"version": [{"index": 1, "is_last": True}]},
    },
    "files": [
        {
            "key": "events.fits.gz",
            "size": 1000,
            "checksum": "md5:00ff",
            "links": {"self": "https://zenodo.org/api/f/1"},
        },
        {"key": "read me.txt", "size": 24, "checksum": "md5:01ff", "links": {}},
    ],
}

NATIVE: dict[str, Any] = {
    "id": "abcde-12345",
    "created": "2024-01-02T03:04:05+00:00",
    "updated": "2024-02-02T03:04:05+00:00",
    "links": {
        "self": "https://rdm.example/api/records/abcde-12345",
        "self_html": "https://rdm.example/records/abcde-12345",
    },
    "parent": {
        "id": "vwxyz-00000",
        "pids": {"doi": {"identifier": "10.5072/rdm.0", "provider": "datacite"}},
        "communities": {"ids": ["1234"], "entries": [{"id": "1234", "slug": "gamma"}]},
    },
    "versions": {"index": 2, "is_latest": True},
    "pids": {"oai": {"identifier": "oai:rdm.example:abcde-12345"}, "doi": {"identifier": "10.5072/rdm.1"}},
    "metadata": {
        "resource_type": {"id": "publication-article", "title": {"en": "Journal article"}},
        "title": "Čerenkov sky",
        "additional_titles": [{"title": "A subtitle", "type": {"id": "subtitle"}}],
        "publication_date": "2018/2020-09",
        "creators": [
            {
                "person_or_org": {
                    "type": "personal",
                    "given_name": "Zoë",
                    "family_name": "Müller",
                    "identifiers": [{"scheme": "orcid", "identifier": "0000-0002-1825-0097"}],
                },
                "affiliations": [{"id": "01ggx4157", "name": "CERN"}],
            }
        ],
        "contributors": [{"person_or_org": {"name": "Dora"}, "role": {"id": "datacurator"}}],
        "description": "<p>Main</p>",
        "additional_descriptions": [{"description": "<b>How</b>", "type": {"id": "methods"}}],
        "publisher": "Some Institute",
        "subjects": [
            {"subject": "free"},
            {"id": "http://astrothesaurus.org/uat/739", "subject": "High energy astrophysics", "scheme": "UAT"},
        ],
        "dates": [{"date": "2019-02-03", "type": {"id": "collected"}}],
        "languages": [{"id": "deu"}, {"id": "eng"}],
        "identifiers": [{"identifier": "hdl:1234/5", "scheme": "handle"}],
        "related_identifiers": [
            {"identifier": "10.1234/x", "scheme": "doi", "relation_type": {"id": "issupplementto"}}
        ],
        "references": [{"reference": "Someone", "identifier": "10.1234/y", "scheme": "doi"}],
        "rights": [
            {"title": {"en": "House rules"}, "link": "https://rules.example/"},
            {"id": "apache-2.0", "title": {"en": "Apache 2"}},
        ],
        "version": "2",
        "locations": {"features": [{"geometry": {"type": "Point", "coordinates": [6.05, 46.23]}, "place": "CERN"}]},
        "funding": [
            {
                "funder": {"id": "00k4n6c32", "name": "EC"},
                "award": {
                    "number": "1",
                    "title": {"en": "T"},
                    "identifiers": [{"identifier": "https://cordis.example/1"}],
                },
            }
        ],
        "sizes": ["11 pages"],
    },
    "custom_fields": {"journal:journal": {"title": "A&A", "pages": 11}},
    "access": {"record": "public", "files": "public", "embargo": {"active": False}, "status": "open"},
    "files": {
        "enabled": True,
        "count": 1,
        "total_bytes": 2048,
        "entries": {
            "a b.fits": {"key": "a b.fits", "size": 2048, "checksum": "md5:ff", "mimetype": "application/fits"}
        },
    },
}


def mapped(document: Any) -> Mapped:
    result = to_record(json.dumps(document).encode(), {})
    assert result.record is not None
    validate_record({**result.record, "id": "0" * 16, "source": "test"})
    return result


def record(document: Any) -> dict[str, Any]:
    result = mapped(document)
    assert result.problems == []
    assert result.record
    return result.record


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(document)
    *way, last = path.split(".")
    inner: Any = made
    for key in way:
        inner = inner[key]
    inner[last] = value
    return made


def test_zenodo() -> None:
    made = record(ZENODO)
    assert made["identifiers"] == [
        {"scheme": "doi", "value": "10.5281/zenodo.4242"},
        {"scheme": "bibcode", "value": "2021A&A...650A...1M"},
        {"scheme": "url", "value": "https://zenodo.org/records/4242"},
    ]
    assert made["kind"] == "dataset"
    assert made["title"] == "Flares of the Crab & friends"
    assert made["description"] == "Events above 1 TeV, x < 3\nSecond"
    assert made["creators"] == [
        {"name": "Müller, Zoë", "orcid": "0000-0002-1825-0097", "affiliations": ["Universität Würzburg"]},
        {"name": "H.E.S.S. Collaboration"},
    ]
    assert made["contributors"] == [{"name": "Data, Dora", "role": "DataCurator"}]
    assert made["publisher"] == "Zenodo"
    assert {"term": "Astronomy", "uri": "http://id.example/astro"} in made["subjects"]
    assert made["dates"] == [
        {"date": "2021-05", "type": "Issued"},
        {"date": "2020-01-02/2020-03", "type": "Collected"},
    ]
    assert (made["version"], made["language"]) == ("v1.2", "en")
    assert made["rights"] == {"level": "open", "licence": "CC-BY-4.0"}
    assert made["funding"] == [
        {"funder": "European Commission", "award": "824064", "title": "ESCAPE", "uri": "https://doi.org/10.13039/1"}
    ]


@pytest.mark.parametrize("scheme", ["doi", "other"])
def test_a_concept_doi_among_the_alternate_identifiers_is_no_identifier(scheme: str) -> None:
    alternate = {"alternate_identifiers": [{"identifier": "10.5281/zenodo.4241", "scheme": scheme}]}
    made = record(ZENODO | {"metadata": ZENODO["metadata"] | alternate})
    assert [one["value"] for one in made["identifiers"] if one["scheme"] == "doi"] == ["10.5281/zenodo.4242"]


def test_zenodo_concept_doi_is_a_relation_and_never_identity() -> None:
    made = record(ZENODO)
    versions = [one for one in made["relations"] if one["type"] == "IsVersionOf"]
    assert versions == [{"type": "IsVersionOf", "identifier": "10.5281/zenodo.4241", "scheme": "doi"}]
    assert "10.5281/zenodo.4241" not in [one["value"] for one in made["identifiers"]]
    assert {"type": "IsSupplementTo", "identifier": "10.1051/0004-6361/1234", "scheme": "doi"} in made["relations"]
    assert {"type": "Cites", "identifier": "2101.00001", "scheme": "arxiv"} in made["relations"]


def test_zenodo_files() -> None:
    made = record(ZENODO)
    assert made["access"] == [
        {
            "url": "https://zenodo.org/api/f/1",
            "name": "events.fits.gz",
            "bytes": 1000,
            "checksum": "md5:00ff",
            "media_type": "application/gzip",
        },
        {
            "url": "https://zenodo.org/api/records/4242/files/read%20me.txt/content",
            "name": "read me.txt",
            "bytes": 24,
            "checksum": "md5:01ff",
            "media_type": "text/plain",
        },
    ]
    assert (made["bytes"], made["files"]) == (1024, 2)


def test_zenodo_keeps_the_rest_typed() -> None:
    extra = record(ZENODO)["extra"]["zenodo"]
    assert extra["journal"] == {"title": "A&A", "volume": "650"}
    assert extra["communities"] == ["escape2020"]
    assert (extra["recid"], extra["conceptrecid"], extra["version_index"]) == (4242, "4241", 1)
    assert extra["locations"] == [{"lat": -23.27, "lon": 16.5, "place": "Khomas"}]
    assert not {"stats", "owners"} & set(extra)


def test_a_place_on_earth_is_no_position_on_the_sky() -> None:
    for document in (ZENODO, NATIVE):
        made = record(document)
        assert "position" not in made
        assert "footprint" not in made


def test_zenodo_deposit_form_and_old_files() -> None:
    document = changed(ZENODO, "metadata.resource_type", None)
    document["metadata"] |= {"upload_type": "publication", "publication_type": "thesis", "license": "CC-BY-SA-4.0"}
    document["metadata"]["thesis"] = {"supervisors": [{"name": "Doktor, V."}], "university": "Würzburg"}
    document["files"] = [
        {"filename": "t.pdf", "filesize": 5, "checksum": "a" * 32, "links": {"download": "https://x.example/t"}}
    ]
    made = record(document)
    assert made["kind"] == "publication"
    assert made["extra"]["zenodo"]["resource_type"] == "publication-thesis"
    assert made["extra"]["zenodo"]["thesis"] == {"university": "Würzburg"}
    assert made["rights"]["licence"] == "CC-BY-SA-4.0"
    assert {"name": "Doktor, V.", "role": "Supervisor"} in made["contributors"]
    assert made["access"] == [
        {
            "url": "https://x.example/t",
            "name": "t.pdf",
            "bytes": 5,
            "checksum": f"md5:{'a' * 32}",
            "media_type": "application/pdf",
        }
    ]


@pytest.mark.parametrize(
    ("written", "level", "discoverable"),
    [
        ("open", "open", None),
        ("embargoed", "embargoed", True),
        ("restricted", "restricted", True),
        ("closed", "restricted", True),
    ],
)
def test_zenodo_access(written: str, level: str, discoverable: bool | None) -> None:
    document = changed(ZENODO, "metadata.access_right", written)
    document["metadata"]["access_conditions"] = "<p>Ask us</p>"
    rights = record(document)["rights"]
    assert (rights["level"], rights.get("discoverable"), rights["statement"]) == (level, discoverable, "Ask us")


def test_zenodo_embargo() -> None:
    document = changed(changed(ZENODO, "metadata.access_right", "embargoed"), "metadata.embargo_date", "2030-01-01")
    assert record(document)["rights"]["embargo_until"] == "2030-01-01"
    over = record(changed(ZENODO, "metadata.embargo_date", "2020-01-01"))
    assert "embargo_until" not in over["rights"]
    assert {"date": "2020-01-01", "type": "Available"} in over["dates"]


def test_native() -> None:
    made = record(NATIVE)
    assert made["identifiers"] == [
        {"scheme": "doi", "value": "10.5072/rdm.1"},
        {"scheme": "oai", "value": "oai:rdm.example:abcde-12345"},
        {"scheme": "handle", "value": "1234/5"},
        {"scheme": "url", "value": "https://rdm.example/records/abcde-12345"},
    ]
    assert made["kind"] == "publication"
    assert (made["title"], made["alternative_titles"]) == ("Čerenkov sky", ["A subtitle"])
    assert made["creators"] == [{"name": "Müller, Zoë", "orcid": "0000-0002-1825-0097", "affiliations": ["CERN"]}]
    assert made["contributors"] == [{"name": "Dora", "role": "DataCurator"}]
    assert made["subjects"] == [
        {"term": "free"},
        {"term": "High energy astrophysics", "scheme": "UAT", "uri": "http://astrothesaurus.org/uat/739"},
    ]
    assert made["dates"] == [{"date": "2018/2020-09", "type": "Issued"}, {"date": "2019-02-03", "type": "Collected"}]
    assert made["language"] == "de"
    assert made["relations"] == [
        {"type": "IsSupplementTo", "identifier": "10.1234/x", "scheme": "doi"},
        {"type": "References", "identifier": "10.1234/y", "scheme": "doi"},
        {"type": "IsVersionOf", "identifier": "10.5072/rdm.0", "scheme": "doi"},
    ]
    assert made["rights"] == {"level": "open", "licence": "Apache-2.0", "statement": "House rules; Apache 2"}
    assert made["funding"] == [{"funder": "EC", "award": "1", "title": "T", "uri": "https://cordis.example/1"}]
    assert made["access"] == [
        {
            "url": "https://rdm.example/api/records/abcde-12345/files/a%20b.fits/content",
            "name": "a b.fits",
            "bytes": 2048,
            "checksum": "md5:ff",
            "media_type": "application/fits",
        }
    ]
    assert (made["bytes"], made["files"]) == (2048, 1)
    extra = made["extra"]["invenio"]
    assert extra["custom_fields"] == {"journal:journal": {"title": "A&A", "pages": 11}}
    assert extra["communities"] == ["gamma"]
    assert extra["additional_descriptions"] == [{"type": "methods", "text": "How"}]
    assert extra["locations"] == [{"geometry": {"type": "Point", "coordinates": [6.05, 46.23]}, "place": "CERN"}]
    assert (extra["recid"], extra["resource_type"], extra["sizes"]) == (
        "abcde-12345",
        "publication-article",
        ["11 pages"],
    )


def test_zenodo_in_the_native_form_is_zenodo() -> None:
    assert "zenodo" in record(changed(NATIVE, "links.self", "https://zenodo.org/api/records/1"))["extra"]


def test_native_without_a_doi_goes_by_its_oai_identifier_or_its_id() -> None:
    document = changed(NATIVE, "pids.doi", {})
    del document["pids"]["doi"]
    assert record(document)["identifiers"][0] == {"scheme": "oai", "value": "oai:rdm.example:abcde-12345"}
    document = {"id": "abcde-12345", "metadata": {"title": "x", "resource_type": {"id": "dataset"}}}
    assert record(document)["identifiers"] == [{"scheme": "invenio", "value": "abcde-12345"}]


@pytest.mark.parametrize(
    ("access", "rights"),
    [
        ({"record": "public", "files": "restricted"}, {"level": "restricted", "discoverable": True}),
        ({"record": "restricted", "files": "restricted"}, {"level": "restricted"}),
        ({"record": "restricted", "files": "public"}, {"level": "restricted"}),
        ({"record": "public", "files": "members"}, {"level": "restricted", "discoverable": True}),
        (
            {"record": "public", "files": "restricted", "embargo": {"active": True, "until": "2131-01-01"}},
            {"level": "embargoed", "discoverable": True, "embargo_until": "2131-01-01"},
        ),
    ],
)
def test_native_access(access: dict[str, Any], rights: dict[str, Any]) -> None:
    document = changed(NATIVE, "access", access)
    document["metadata"]["rights"] = []
    assert record(document)["rights"] == rights


def test_restricted_files_are_counted_where_the_source_counts_them() -> None:
    document = changed(NATIVE, "files", {"enabled": True, "count": 3, "total_bytes": 99, "entries": {}})
    made = record(document)
    assert (made["files"], made["bytes"]) == (3, 99)
    assert "access" not in made
    assert "bytes" not in record(changed(NATIVE, "files", {"enabled": False, "count": 0, "total_bytes": 0}))


@pytest.mark.parametrize(
    "body",
    [
        {"status": 410, "message": "Record deleted", "tombstone": {"removal_reason": {"id": "spam"}}},
        {"status": 410, "message": "PID has been deleted."},
        {**NATIVE, "deletion_status": {"is_deleted": True, "status": "D"}},
        {**NATIVE, "tombstone": {"note": "Spam", "removal_date": "2020-09-01T12:02:00+0000"}},
    ],
)
def test_tombstones(body: dict[str, Any]) -> None:
    assert to_record(json.dumps(body).encode(), {}) == Mapped(None)
    assert mapped({**NATIVE, "deletion_status": {"is_deleted": False, "status": "P"}}).record


@pytest.mark.parametrize(
    ("path", "value", "field", "code"),
    [
        ("metadata.creators.0.orcid", "0000-0002-1825-0098", "metadata.creators.0.orcid", "mapping.bad-orcid"),
        ("metadata.creators.1.name", "", "metadata.creators.1", "mapping.missing"),
        ("metadata.creators", [7], "metadata.creators.0", "mapping.wrong-type"),
        ("metadata.publication_date", "last spring", "metadata.publication_date", "mapping.bad-date"),
        ("metadata.dates.0.start", "2021-01-01", "metadata.dates.0", "mapping.bad-date"),
        ("metadata.title", {"en": "x"}, "metadata.title", "mapping.wrong-type"),
        ("metadata.related_identifiers.0.relation", None, "metadata.related_identifiers.0", "mapping.missing"),
        ("metadata.related_identifiers.0.identifier", "not a doi", "metadata.related_identifiers.0", "mapping.bad-doi"),
        ("metadata.access_right", "secret", "metadata.access_right", "mapping.unknown-word"),
        ("metadata.locations.0.lat", 361, "metadata.locations.0", "mapping.impossible-coordinate"),
        ("files.0.size", -1, "files.0.size", "mapping.not-a-number"),
        ("files.0.size", 1.5, "files.0.size", "mapping.not-a-number"),
        ("files.0.size", True, "files.0.size", "mapping.not-a-number"),
        ("links", "x", "links", "mapping.wrong-type"),
        ("doi", "11.1/x", "doi", "mapping.bad-doi"),
    ],
)
def test_a_wrong_value_is_quarantined_and_the_record_stands(path: str, value: Any, field: str, code: str) -> None:
    document = copy.deepcopy(ZENODO)
    *way, last = path.split(".")
    inner: Any = document
    for key in way:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    inner[last] = value
    result = mapped(document)
    assert (field, code) in [(problem.field, problem.code) for problem in result.problems]


def test_an_unknown_access_right_opens_nothing() -> None:
    result = mapped(changed(ZENODO, "metadata.access_right", "secret"))
    assert result.record
    assert result.record["rights"]["level"] == "restricted"


def test_without_a_title_the_identifier_stands_in() -> None:
    result = mapped(changed(ZENODO, "metadata.title", "  "))
    assert result.record
    assert result.record["title"] == "10.5281/zenodo.4242"
    assert [(problem.field, problem.code) for problem in result.problems] == [("title", "mapping.missing")]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"<html>down</html>", "mapping.bad-json"),
        (b'{"metadata": {"title": "cut', "mapping.bad-json"),
        (b'{"metadata": {"title": NaN}}', "mapping.bad-json"),
        (b'{"metadata": {"title": "\xff"}}', "mapping.bad-json"),
        (b"", "mapping.bad-json"),
        (b"[" * 5000, "mapping.bad-json"),
        (b"[1]", "mapping.wrong-shape"),
        (b'{"message": "Not found", "status": 404}', "mapping.wrong-shape"),
        (b'{"id": 1, "metadata": []}', "mapping.wrong-shape"),
        (b'{"metadata": {"title": "nothing names it"}}', "mapping.no-identifier"),
    ],
)
def test_what_is_no_record_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        to_record(raw, {})
    assert caught.value.code == code


@pytest.mark.parametrize("document", [ZENODO, NATIVE])
@pytest.mark.parametrize("junk", [None, 7, "x", [], {}, [None], ["x"], [{}], {"id": []}, -1.5, True])
def test_any_value_of_any_type_anywhere_is_survived(document: dict[str, Any], junk: Any) -> None:
    for path in [*document, *(f"metadata.{key}" for key in document["metadata"])]:
        if path not in ("metadata", "id"):
            mapped(changed(document, path, junk))


def test_nesting_without_end_is_cut() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = {"x": deep}
    result = mapped(changed(NATIVE, "custom_fields", deep))
    assert [problem.code for problem in result.problems] == ["mapping.too-deep"]


def test_captured_records(shared_data: Path) -> None:
    """Real answers of Zenodo's API, of before and after 2023: every one maps, and none with a problem."""
    count = 0
    for path in sorted((shared_data / "zenodo").glob("*/*.json")):
        document = json.loads(path.read_bytes())
        documents = document["hits"]["hits"] if isinstance(document, dict) and "hits" in document else [document]
        for one in documents:
            if isinstance(one, dict) and isinstance(one.get("metadata"), dict) and "creators" in one["metadata"]:
                if "conceptrecid" not in one:
                    continue
                made = record(one)
                assert made["identifiers"][0]["scheme"] == "doi"
                count += 1
    assert count >= 20
