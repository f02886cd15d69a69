"""A record as DataCite JSON (schema 4.5 and later), for citation managers and for those who register DOIs."""

from __future__ import annotations

import re
from typing import Any

from mappings.citation import CONTRIBUTORS, DATES, RELATIONS, is_spdx
from mappings.dates import year_of
from schemas.record import Record

_SCHEMA = "http://datacite.org/schema/kernel-4"

# Kinds as resourceTypeGeneral (DataCite 4.5, appendix 1, table 7), which also wants a word of the field's own
_GENERAL = {
    "collection": "Collection",
    "dataset": "Dataset",
    "observation": "Dataset",
    "service": "Service",
    "software": "Software",
    "publication": "Text",
    "standard": "Standard",
}

# relatedIdentifierType (table 8) by our scheme; others are written as URLs where they are, or left out
_RELATED = {
    "ark": "ARK", "arxiv": "arXiv", "bibcode": "bibcode", "doi": "DOI", "ean13": "EAN13", "eissn": "EISSN",
    "handle": "Handle", "igsn": "IGSN", "isbn": "ISBN", "issn": "ISSN", "istc": "ISTC", "lissn": "LISSN",
    "lsid": "LSID", "pmid": "PMID", "purl": "PURL", "upc": "UPC", "url": "URL", "urn": "URN", "w3id": "w3id",
}  # fmt: skip
# Words that came after schema 4.5, whose readers would refuse them
_RELATIONS = [word for word in RELATIONS if word not in ("HasTranslation", "IsTranslationOf")]
_CONTRIBUTORS = [word for word in CONTRIBUTORS if word != "Translator"]
_DATES = [word for word in DATES if word != "Coverage"]
_GENERAL_WORDS = frozenset(
    """Audiovisual Book BookChapter Collection ComputationalNotebook ConferencePaper ConferenceProceeding DataPaper
    Dataset Dissertation Event Image Instrument InteractiveResource Journal JournalArticle Model OutputManagementPlan
    PeerReview PhysicalObject Preprint Report Service Software Sound Standard StudyRegistration Text
    Workflow Other""".split()  # noqa: SIM905 -- a word table
)
_SPDX = "https://spdx.org/licenses/"
_MANY = 1000  # people of a large collaboration: nobody is there twice, and comparing all with all takes seconds
_UNKNOWN = ":unkn"  # DataCite 4.5, appendix 3: known to be unknown
_YEARS = {"Issued": 0, "Available": 1, "Created": 2}
_ACCESS = {
    "open": "info:eu-repo/semantics/openAccess",
    "embargoed": "info:eu-repo/semantics/embargoedAccess",
    "restricted": "info:eu-repo/semantics/restrictedAccess",
}


def datacite_json(record: Record) -> dict[str, Any]:
    """Give the DataCite JSON of a record; mandatory words that it lacks are ``:unkn``.

    ``publicationYear`` is that of the date of issue, else of the first date that names a year, else of the harvest.
    A record without a DOI has alternate identifiers only, as a resource has before its DOI is registered.
    """
    made: dict[str, Any] = {
        **_identifiers(record),
        "types": _types(record),
        "titles": [
            {"title": record["title"]},
            *({"title": title, "titleType": "AlternativeTitle"} for title in record.get("alternative_titles", ())),
        ],
        "creators": [_person(person) for person in record.get("creators", ())] or [{"name": _UNKNOWN}],
        "contributors": [
            _person(person) | {"contributorType": _known(person.get("role"), _CONTRIBUTORS, "Other")}
            for person in record.get("contributors", ())
        ],
        "publisher": {"name": record.get("publisher") or _UNKNOWN},
        "publicationYear": _year(record),
        "subjects": [_subject(subject) for subject in record.get("subjects", ())],
        "dates": [_date(date) for date in record.get("dates", ())],
        "relatedIdentifiers": _related(record),
        "rightsList": _rights(record),
        "descriptions": _descriptions(record),
        "fundingReferences": [_funding(one) for one in record.get("funding", ()) if one.get("funder")],
        "sizes": _sizes(record),
        "formats": sorted({item["media_type"] for item in record.get("access", ()) if "media_type" in item}),
        "version": record.get("version"),
        "language": record.get("language"),
        "geoLocations": _geolocations(record),
        "schemaVersion": _SCHEMA,
    }
    return {key: _once(value) for key, value in made.items() if value not in (None, [], {})}


def _once(value: Any) -> Any:
    """The schema wants each item of a list but once."""
    if not isinstance(value, list):
        return value
    return [item for n, item in enumerate(value) if item not in value[:n]] if len(value) < _MANY else value


def _uris(made: dict[str, str], key: str) -> dict[str, str]:
    """Leave out what should be a URI and is none."""
    return {name: value for name, value in made.items() if name != key or re.match(r"[A-Za-z][\w+.-]*:\S+$", value)}


def _known(word: str | None, words: list[str], other: str) -> str:
    return word if word in words else other


def _identifiers(record: Record) -> dict[str, Any]:
    """The first DOI is what it is cited by; everything else, and all without a DOI, is an alternate identifier."""
    identifiers = record["identifiers"]
    main = next((one for one in identifiers if one["scheme"] == "doi"), None)
    made: dict[str, Any] = {
        "alternateIdentifiers": [
            {"alternateIdentifier": one["value"], "alternateIdentifierType": one["scheme"]}
            for one in identifiers
            if one is not main
        ]
    }
    if main:
        prefix, _, suffix = main["value"].partition("/")
        made |= {"doi": main["value"], "prefix": prefix, "suffix": suffix}
    return made


def _types(record: Record) -> dict[str, str]:
    kind = record["kind"]
    # what DataCite itself said is closer than our kind
    said = record.get("extra", {}).get("datacite", {}).get("resource_type_general")
    general = said if said in _GENERAL_WORDS else _GENERAL.get(kind, "Other")
    return {"resourceTypeGeneral": general, "resourceType": record.get("product_type") or kind.capitalize()}


def _person(person: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": person["name"]}
    if orcid := person.get("orcid"):
        made["nameType"] = "Personal"
        made["nameIdentifiers"] = [
            {
                "nameIdentifier": f"https://orcid.org/{orcid}",
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    if affiliations := person.get("affiliations"):
        made["affiliation"] = [{"name": name} for name in affiliations]
    return made


def _year(record: Record) -> str:
    for date in sorted(record.get("dates", ()), key=lambda date: _YEARS.get(date["type"], len(_YEARS))):
        if (year := year_of(date["date"])) is not None and 1000 <= year <= 9999:
            return str(year)
    harvested: str = record.get("provenance", {}).get("harvested_at", "")
    return harvested[:4] if re.match(r"\d{4}", harvested) else "0000"


def _subject(subject: dict[str, str]) -> dict[str, str]:
    names = {"term": "subject", "scheme": "subjectScheme", "uri": "valueUri"}
    return _uris({names[key]: value for key, value in subject.items()}, "valueUri")


def _date(date: dict[str, str]) -> dict[str, str]:
    kind = _known(date["type"], _DATES, "Other")
    return {"date": date["date"], "dateType": kind} | (
        {"dateInformation": date["type"]} if kind != date["type"] else {}
    )


def _related(record: Record) -> list[dict[str, str]]:
    """Relations in DataCite's words; IVOA's and untyped ones are left out, and so are identifiers of no known type."""
    made = []
    for relation in record.get("relations", ()):
        value = relation["identifier"]
        kind = _RELATED.get(relation.get("scheme", ""), "URL" if value.startswith(("http://", "https://")) else None)
        if kind and relation["type"] in _RELATIONS:
            made.append({"relationType": relation["type"], "relatedIdentifier": value, "relatedIdentifierType": kind})
    return made


def _rights(record: Record) -> list[dict[str, str]]:
    rights = record.get("rights", {})
    made: list[dict[str, str]] = []
    licence = rights.get("licence")
    if licence and "://" in licence:
        made.append({"rights": rights.get("statement", licence), "rightsUri": licence})
    elif licence and is_spdx(licence):
        made.append(
            {
                "rights": rights.get("statement", licence),
                "rightsIdentifier": licence,
                "rightsIdentifierScheme": "SPDX",
                "rightsUri": f"{_SPDX}{licence}.html",
                "schemeUri": _SPDX,
            }
        )
    elif statement := rights.get("statement", licence):
        made.append({"rights": statement})
    if level := rights.get("level"):
        made.append({"rightsUri": _ACCESS[level]})
    return made


def _descriptions(record: Record) -> list[dict[str, str]]:
    text = record.get("description")
    return [{"description": text, "descriptionType": "Abstract"}] if text else []


def _funding(funding: dict[str, str]) -> dict[str, str]:
    names = {"funder": "funderName", "award": "awardNumber", "title": "awardTitle", "uri": "awardUri"}
    return _uris({names[key]: value for key, value in funding.items()}, "awardUri")


def _sizes(record: Record) -> list[str]:
    made = [f"{record['bytes']} bytes"] if "bytes" in record else []
    return made + ([f"{record['files']} files"] if "files" in record else [])


def _geolocations(record: Record) -> list[dict[str, Any]]:
    """Places on Earth come back as they came in; the sky has no place in DataCite."""
    made = []
    for one in record.get("extra", {}).get("datacite", {}).get("geolocations", ()):
        item: dict[str, Any] = {}
        if place := one.get("place"):
            item["geoLocationPlace"] = place
        if point := one.get("point"):
            item["geoLocationPoint"] = {"pointLongitude": point["longitude"], "pointLatitude": point["latitude"]}
        if box := one.get("box"):
            item["geoLocationBox"] = {
                "westBoundLongitude": box["west"],
                "eastBoundLongitude": box["east"],
                "southBoundLatitude": box["south"],
                "northBoundLatitude": box["north"],
            }
        for corners in one.get("polygons", ()):
            points = [{"pointLongitude": at["longitude"], "pointLatitude": at["latitude"]} for at in corners]
            made.append({"geoLocationPolygon": [{"polygonPoint": point} for point in points]})
        if item:
            made.append(item)
    return made
