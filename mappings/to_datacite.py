"""A record as DataCite JSON (schema 4.5 and later), for citation managers and for those who register DOIs."""

from __future__ import annotations

from typing import Any

from mappings.citation import CONTRIBUTORS, DATES, RELATIONS
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
    "cstr": "CSTR", "rrid": "RRID",
}  # fmt: skip
_CREATIVE_COMMONS = "https://spdx.org/licenses/"
_UNKNOWN = ":unkn"  # DataCite 4.5, appendix 3: known to be unknown
_ACCESS = {
    "open": "info:eu-repo/semantics/openAccess",
    "embargoed": "info:eu-repo/semantics/embargoedAccess",
    "restricted": "info:eu-repo/semantics/restrictedAccess",
}


def datacite_json(record: Record) -> dict[str, Any]:
    """Give the DataCite JSON of a record; mandatory properties that it lacks are ``:unkn``.

    ``identifiers`` holds the DOI where there is one, else the record's first identifier. ``publicationYear`` is
    that of the date of issue, else of the first date that names a year, else of the harvest.
    """
    made: dict[str, Any] = {
        **_identifiers(record),
        "types": _types(record),
        "titles": [{"title": record["title"]}]
        + [{"title": title, "titleType": "AlternativeTitle"} for title in record.get("alternative_titles", ())],
        "creators": [_person(person) for person in record.get("creators", ())] or [{"name": _UNKNOWN}],
        "contributors": [
            _person(person) | {"contributorType": _known(person.get("role"), CONTRIBUTORS, "Other")}
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
        "geoLocations": record.get("extra", {}).get("datacite", {}).get("geolocations") and _geolocations(record),
        "schemaVersion": _SCHEMA,
    }
    return {key: value for key, value in made.items() if value not in (None, [], {})}


def _known(word: str | None, words: list[str], other: str) -> str:
    return word if word in words else other


def _identifiers(record: Record) -> dict[str, Any]:
    """The first DOI is the identifier; without one the first of any kind is; the others are alternate ones."""
    identifiers = list(record["identifiers"])
    main = next((one for one in identifiers if one["scheme"] == "doi"), identifiers[0])
    identifiers.remove(main)
    kind = "DOI" if main["scheme"] == "doi" else main["scheme"]
    made: dict[str, Any] = {
        "identifiers": [{"identifier": main["value"], "identifierType": kind}],
        "alternateIdentifiers": [
            {"alternateIdentifier": one["value"], "alternateIdentifierType": one["scheme"]} for one in identifiers
        ],
    }
    if kind == "DOI":
        prefix, _, suffix = main["value"].partition("/")
        made |= {"doi": main["value"], "prefix": prefix, "suffix": suffix}
    return made


def _types(record: Record) -> dict[str, str]:
    kind = record["kind"]
    general = _GENERAL.get(kind, "Other")
    for known in record.get("extra", {}).values():
        # what DataCite itself said is closer than our kind
        if isinstance(known, dict) and isinstance(known.get("resource_type_general"), str):
            general = known["resource_type_general"]
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
    dates = record.get("dates", [])
    ordered = sorted(dates, key=lambda date: ("Issued", "Available", "Created").index(date["type"]) if date["type"] in
                     ("Issued", "Available", "Created") else 3)  # fmt: skip
    for date in ordered:
        if (year := year_of(date["date"])) is not None and 1000 <= year <= 9999:
            return str(year)
    harvested = record.get("provenance", {}).get("harvested_at", "")
    return harvested[:4] if harvested[:4].isdigit() else _UNKNOWN


def _subject(subject: dict[str, str]) -> dict[str, str]:
    names = {"term": "subject", "scheme": "subjectScheme", "uri": "valueUri"}
    return {names[key]: value for key, value in subject.items()}


def _date(date: dict[str, str]) -> dict[str, str]:
    kind = _known(date["type"], DATES, "Other")
    return {"date": date["date"], "dateType": kind} | (
        {"dateInformation": date["type"]} if kind != date["type"] else {}
    )


def _related(record: Record) -> list[dict[str, str]]:
    """Relations in DataCite's words; IVOA's and untyped ones are left out, and so are identifiers of no known type."""
    made = []
    for relation in record.get("relations", ()):
        value = relation["identifier"]
        kind = _RELATED.get(relation.get("scheme", ""), "URL" if value.startswith(("http://", "https://")) else None)
        if kind and relation["type"] in RELATIONS:
            made.append({"relationType": relation["type"], "relatedIdentifier": value, "relatedIdentifierType": kind})
    return made


def _rights(record: Record) -> list[dict[str, str]]:
    rights = record.get("rights", {})
    made: list[dict[str, str]] = []
    licence = rights.get("licence")
    if licence and "://" in licence:
        made.append({"rights": rights.get("statement", licence), "rightsUri": licence})
    elif licence:
        made.append(
            {
                "rights": rights.get("statement", licence),
                "rightsIdentifier": licence,
                "rightsIdentifierScheme": "SPDX",
                "rightsUri": f"{_CREATIVE_COMMONS}{licence}.html",
                "schemeUri": "https://spdx.org/licenses/",
            }
        )
    elif statement := rights.get("statement"):
        made.append({"rights": statement})
    if level := rights.get("level"):
        made.append({"rightsUri": _ACCESS[level]})
    return made


def _descriptions(record: Record) -> list[dict[str, str]]:
    text = record.get("description")
    return [{"description": text, "descriptionType": "Abstract"}] if text else []


def _funding(funding: dict[str, str]) -> dict[str, str]:
    names = {"funder": "funderName", "award": "awardNumber", "title": "awardTitle", "uri": "awardUri"}
    return {names[key]: value for key, value in funding.items()}


def _sizes(record: Record) -> list[str]:
    made = [f"{record['bytes']} bytes"] if "bytes" in record else []
    return made + ([f"{record['files']} files"] if "files" in record else [])


def _geolocations(record: Record) -> list[dict[str, Any]]:
    """Places on Earth come back as they came in; the sky has no place in DataCite."""
    made = []
    for one in record["extra"]["datacite"]["geolocations"]:
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
        if item:
            made.append(item)
    return made
