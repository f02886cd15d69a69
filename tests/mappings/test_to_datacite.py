"""Records as DataCite JSON, by the rules of schema 4.5."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from mappings import datacite
from mappings.to_datacite import datacite_json
from schemas.record import validate_record

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_URI: dict[str, Any] = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"}


def _rows(required: list[str], **properties: Any) -> dict[str, Any]:
    item = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "array", "items": item, "uniqueItems": True, "minItems": 1}


_NAMES = _rows(
    ["nameIdentifier", "nameIdentifierScheme"], nameIdentifier=_URI, nameIdentifierScheme=_TEXT, schemeUri=_URI
)
_PERSON = {
    "name": _TEXT,
    "nameType": {"enum": ["Personal", "Organizational"]},
    "nameIdentifiers": _NAMES,
    "affiliation": _rows(["name"], name=_TEXT),
}
# The rules of DataCite Metadata Schema 4.5 that matter here, in our words
RULES: dict[str, Any] = {
    "type": "object",
    "required": ["creators", "titles", "publisher", "publicationYear", "types", "schemaVersion"],
    "additionalProperties": False,
    "properties": {
        "doi": {"type": "string", "pattern": r"^10\.\d{4,9}/\S+$"},
        "prefix": {"type": "string", "pattern": r"^10\.\d{4,9}$"},
        "suffix": {"type": "string", "pattern": r"^\S+$"},
        "types": {
            "type": "object",
            "required": ["resourceTypeGeneral"],
            "properties": {
                "resourceTypeGeneral": {
                    "enum": ["Collection", "Dataset", "Service", "Software", "Text", "Other", "JournalArticle"]
                },
                "resourceType": _TEXT,
            },
        },
        "creators": _rows(["name"], **_PERSON),
        "contributors": _rows(
            ["name", "contributorType"],
            **_PERSON,
            contributorType={"enum": ["DataCurator", "HostingInstitution", "Other"]},
        ),
        "titles": _rows(["title"], title=_TEXT, titleType={"const": "AlternativeTitle"}),
        "publisher": {"type": "object", "required": ["name"], "properties": {"name": _TEXT}},
        "publicationYear": {"type": "string", "pattern": "^[0-9]{4}$"},
        "subjects": _rows(["subject"], subject=_TEXT, subjectScheme=_TEXT, valueUri=_URI),
        "dates": _rows(
            ["date", "dateType"], date=_TEXT, dateInformation=_TEXT, dateType={"enum": ["Issued", "Collected", "Other"]}
        ),
        "language": _TEXT,
        "version": _TEXT,
        "alternateIdentifiers": _rows(
            ["alternateIdentifier", "alternateIdentifierType"], alternateIdentifier=_TEXT, alternateIdentifierType=_TEXT
        ),
        "relatedIdentifiers": _rows(
            ["relatedIdentifier", "relatedIdentifierType", "relationType"],
            relatedIdentifier=_TEXT,
            relatedIdentifierType={"enum": ["DOI", "URL", "arXiv", "bibcode"]},
            relationType={"enum": ["IsVersionOf", "IsSupplementTo", "Cites"]},
        ),
        "rightsList": _rows(
            [], rights=_TEXT, rightsUri=_URI, rightsIdentifier=_TEXT, rightsIdentifierScheme=_TEXT, schemeUri=_URI
        ),
        "descriptions": _rows(
            ["description", "descriptionType"], description=_TEXT, descriptionType={"const": "Abstract"}
        ),
        "fundingReferences": _rows(
            ["funderName"], funderName=_TEXT, awardNumber=_TEXT, awardTitle=_TEXT, awardUri=_URI
        ),
        "sizes": {"type": "array", "items": _TEXT, "uniqueItems": True},
        "formats": {"type": "array", "items": _TEXT, "uniqueItems": True},
        "geoLocations": {"type": "array", "minItems": 1},
        "schemaVersion": {"const": "http://datacite.org/schema/kernel-4"},
    },
}
VALID = jsonschema_rs.Draft202012Validator(RULES)

FULL: dict[str, Any] = {
    "id": "0" * 16,
    "source": "test",
    "identifiers": [{"scheme": "ivoid", "value": "ivo://x/y"}, {"scheme": "doi", "value": "10.5072/a"}],
    "kind": "observation",
    "title": "Crab",
    "alternative_titles": ["M 1"],
    "description": "Plain",
    "creators": [{"name": "Müller, Zoë", "orcid": "0000-0002-1825-0097", "affiliations": ["CERN"]}],
    "contributors": [{"name": "Dora", "role": "DataCurator"}, {"name": "No one", "role": "Helper"}, {"name": "Nobody"}],
    "publisher": "ESCAPE",
    "subjects": [{"term": "x", "scheme": "UAT", "uri": "http://x.example/"}, {"term": "y", "uri": "not a uri"}],
    "dates": [
        {"date": "2001", "type": "Collected"},
        {"date": "2014-05-02T10:00:00Z", "type": "Issued"},
        {"date": "2015", "type": "Coverage"},
    ],
    "version": "1",
    "language": "en",
    "funding": [{"funder": "EC", "award": "1", "title": "T", "uri": "https://x.example/"}, {"award": "no funder"}],
    "position": {"ra": 83.63, "dec": 22.01},
    "access": [{"url": "https://x.example/f", "media_type": "application/fits"}],
    "rights": {"level": "restricted", "licence": "CC-BY-4.0", "discoverable": True},
    "bytes": 1000,
    "files": 2,
    "relations": [
        {"type": "IsVersionOf", "identifier": "10.5072/0", "scheme": "doi"},
        {"type": "Cites", "identifier": "2101.00001", "scheme": "arxiv"},
        {"type": "Cites", "identifier": "https://x.example/", "scheme": "other"},
        {"type": "IsServedBy", "identifier": "10.5072/1", "scheme": "doi"},
        {"type": "Cites", "identifier": "ivo://a/b", "scheme": "ivoid"},
    ],
}


def made(record: dict[str, Any]) -> dict[str, Any]:
    validate_record(record)
    document = datacite_json(record)
    assert [error.message for error in VALID.iter_errors(document)] == []
    return document


def test_a_full_record() -> None:
    document = made(FULL)
    assert (document["doi"], document["prefix"], document["suffix"]) == ("10.5072/a", "10.5072", "a")
    assert document["alternateIdentifiers"] == [
        {"alternateIdentifier": "ivo://x/y", "alternateIdentifierType": "ivoid"}
    ]
    assert document["types"] == {"resourceTypeGeneral": "Dataset", "resourceType": "Observation"}
    assert document["titles"] == [{"title": "Crab"}, {"title": "M 1", "titleType": "AlternativeTitle"}]
    assert document["creators"][0]["nameIdentifiers"][0]["nameIdentifier"] == "https://orcid.org/0000-0002-1825-0097"
    assert [person["contributorType"] for person in document["contributors"]] == ["DataCurator", "Other", "Other"]
    assert document["publisher"] == {"name": "ESCAPE"}
    assert document["publicationYear"] == "2014"
    assert document["dates"][1:] == [
        {"date": "2014-05-02T10:00:00Z", "dateType": "Issued"},
        {"date": "2015", "dateType": "Other", "dateInformation": "Coverage"},
    ]
    assert document["subjects"] == [
        {"subject": "x", "subjectScheme": "UAT", "valueUri": "http://x.example/"},
        {"subject": "y"},
    ]
    assert [one["relatedIdentifierType"] for one in document["relatedIdentifiers"]] == ["DOI", "arXiv", "URL"]
    assert document["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    assert document["rightsList"][1] == {"rightsUri": "info:eu-repo/semantics/restrictedAccess"}
    assert document["fundingReferences"] == [
        {"funderName": "EC", "awardNumber": "1", "awardTitle": "T", "awardUri": "https://x.example/"}
    ]
    assert document["sizes"] == ["1000 bytes", "2 files"]
    assert document["formats"] == ["application/fits"]


def test_a_position_on_the_sky_is_no_place_on_earth() -> None:
    assert "geoLocations" not in made(FULL)


@pytest.mark.parametrize(
    ("kind", "general"),
    [
        ("collection", "Collection"),
        ("service", "Service"),
        ("software", "Software"),
        ("publication", "Text"),
        ("registry", "Other"),
    ],
)
def test_kinds(kind: str, general: str) -> None:
    assert made({**FULL, "kind": kind})["types"]["resourceTypeGeneral"] == general


def test_the_least_record() -> None:
    least = {
        "id": "0" * 16,
        "source": "t",
        "identifiers": [{"scheme": "rucio", "value": "a:b"}],
        "kind": "dataset",
        "title": "b",
    }
    document = made(least)
    assert "doi" not in document
    assert document["alternateIdentifiers"] == [{"alternateIdentifier": "a:b", "alternateIdentifierType": "rucio"}]
    assert document["creators"] == [{"name": ":unkn"}]
    assert document["publisher"] == {"name": ":unkn"}
    assert document["publicationYear"] == "0000"
    harvested = {**least, "provenance": {"harvested_at": "2026-01-02T00:00:00Z"}}
    assert made(harvested)["publicationYear"] == "2026"


def test_what_comes_in_goes_out_and_comes_in_again() -> None:
    document = {
        "doi": "10.5072/j",
        "titles": [{"title": "In JSON"}],
        "creators": [{"name": "Müller, Zoë", "affiliation": [{"name": "CERN"}]}],
        "publisher": {"name": "Zenodo"},
        "types": {"resourceTypeGeneral": "JournalArticle"},
        "dates": [{"date": "2020-02", "dateType": "Issued"}],
        "relatedIdentifiers": [
            {"relationType": "Cites", "relatedIdentifier": "10.1/x", "relatedIdentifierType": "URL"}
        ],
        "rightsList": [{"rightsIdentifier": "mit"}, {"rightsUri": "info:eu-repo/semantics/openAccess"}],
        "geoLocations": [
            {"geoLocationPlace": "CERN", "geoLocationPoint": {"pointLongitude": 6.05, "pointLatitude": 46.2}},
            {"geoLocationPolygon": [{"polygonPoint": {"pointLongitude": x, "pointLatitude": x}} for x in (1, 2, 3, 1)]},
        ],
    }
    first = datacite.to_record(json.dumps(document).encode(), {}).record
    assert first is not None
    again = datacite_json(first)
    assert again["types"]["resourceTypeGeneral"] == "JournalArticle"
    assert again["geoLocations"] == document["geoLocations"]
    second = datacite.to_record(json.dumps(again).encode(), {}).record
    assert second is not None
    differing = {key for key in first if first[key] != second.get(key)}
    assert differing <= {"extra", "rights"}
    assert second["rights"]["licence"] == "MIT"


@pytest.mark.parametrize("licence", ["CC-BY-4.0", "other-open", "https://example.org/terms"])
def test_only_an_spdx_id_is_said_to_be_one(licence: str) -> None:
    record = {"identifiers": [{"scheme": "doi", "value": "10.5072/a"}], "kind": "dataset", "title": "A"}
    (right,) = datacite_json(record | {"rights": {"licence": licence}})["rightsList"]
    assert right["rights"] == licence
    assert ("rightsIdentifierScheme" in right) == (licence == "CC-BY-4.0")
