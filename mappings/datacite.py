"""DataCite metadata to the record: kernels 3 and 4 in XML (in an OAI-PMH record or bare), and DataCite JSON.

XML becomes the JSON form first (``datacite_xml.py``), so that there is one set of rules. What they do not take goes
to ``extra.datacite``, geographic places among it: a ``geoLocationPoint`` is a place on Earth, and no position on
the sky (DataCite 4.6, property 18).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mappings.citation import kind_of, language_of
from mappings.datacite_rights import read_rights
from mappings.datacite_xml import read_xml
from mappings.draft import Draft, read_json
from mappings.outcome import Mapped
from schemas.errors import MappingError

VERSION = 2

_BYTES = re.compile(r"(\d+)\s*(?:bytes?|B)", re.IGNORECASE)

# What the rules below take, and what DataCite's REST API adds about its own service
_TAKEN = frozenset(
    """id doi identifier identifiers alternateIdentifiers creators contributors titles publisher publicationYear types
    subjects dates language version rightsList descriptions relatedIdentifiers relatedItems fundingReferences
    geoLocations url contentUrl schemaVersion xml viewCount viewsOverTime downloadCount downloadsOverTime
    referenceCount citationCount citationsOverTime partCount partOfCount versionCount versionOfCount metadataVersion
    source isActive reason registered published agency clientId providerId""".split()  # noqa: SIM905 -- a word table
)


def to_record(raw: bytes, options: Mapping[str, Any]) -> Mapped:
    """Map one document; an OAI-PMH record with a deleted header is a deletion.

    Raises
    ------
    MappingError
        ``mapping.bad-xml``, ``mapping.hostile-xml``, ``mapping.bad-json``, ``mapping.wrong-shape``,
        ``mapping.no-identifier``.
    """
    if raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        document: dict[str, Any] | None = read_json(raw.lstrip())
    else:
        document = read_xml(raw)
    if document is None:
        return Mapped(None)
    return _map(_attributes(document))


def _attributes(document: dict[str, Any]) -> dict[str, Any]:
    """Unwrap the answer of DataCite's REST API."""
    inner = document.get("data", document)
    inner = inner.get("attributes", inner) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not ("titles" in inner or "creators" in inner or "types" in inner):
        raise MappingError(
            "wrong-shape", "the document has neither titles, creators nor types, so it is no DataCite JSON"
        )
    return inner


def _map(document: dict[str, Any]) -> Mapped:
    draft = Draft()
    _identifiers(draft, document)
    _titles(draft, document)
    others = _descriptions(draft, document)
    for goal in ("creators", "contributors"):
        _people(draft, document.get(goal), goal)
    publisher = document.get("publisher")
    draft.put("publisher", draft.line(publisher.get("name") if isinstance(publisher, dict) else publisher, "publisher"))
    _subjects(draft, document)
    information = _dates(draft, document)
    draft.put("version", draft.line(document.get("version"), "version"))
    if language := draft.line(document.get("language"), "language"):
        draft.put("language", language_of(language))
    _funding(draft, document)
    _relations(draft, document)
    read_rights(draft, document)
    types = draft.table(document.get("types"), "types")
    general = draft.line(types.get("resourceTypeGeneral"), "types.resourceTypeGeneral") or ""
    draft.put("kind", kind_of(general))
    _size(draft, document)
    for place, address in draft.each(document.get("contentUrl"), "contentUrl"):
        if url := draft.line(address, place):
            draft.add("access", {"url": url})

    extra = {key: value for key, value in document.items() if key not in _TAKEN}
    extra["resource_type_general"] = general
    extra["resource_type"] = draft.line(types.get("resourceType"), "types.resourceType")
    extra["descriptions"] = others
    extra["date_information"] = information
    extra["geolocations"] = [
        found
        for place, item in draft.tables(document.get("geoLocations"), "geoLocations")
        if (found := _geolocation(draft, item, place))
    ]
    return draft.finish("datacite", extra)


def _identifiers(draft: Draft, document: dict[str, Any]) -> None:
    draft.identifier(document.get("doi"), "doi", "doi")
    if isinstance(document.get("identifier"), dict):
        one = document["identifier"]
        draft.identifier(one.get("identifier"), one.get("identifierType"), "identifier")
    for name in ("identifiers", "alternateIdentifiers"):
        singular = name[:-1]
        for place, item in draft.tables(document.get(name), name):
            value = item.get(singular, item.get("identifier"))
            draft.identifier(value, item.get(f"{singular}Type", item.get("identifierType")), place)
    draft.identifier(document.get("url"), "url", "url")
    if not draft.record.get("identifiers") and isinstance(document.get("id"), str):
        draft.identifier(document["id"], None, "id")


def _titles(draft: Draft, document: dict[str, Any]) -> None:
    """The first title without a type is the title; the others are alternative ones."""
    titles = []
    for place, item in draft.tables(document.get("titles"), "titles"):
        if text := draft.line(item.get("title"), place):
            titles.append((item.get("titleType") is not None, text))
    main = min(titles, key=lambda one: one[0], default=None)
    if main:
        draft.put("title", main[1])
        titles.remove(main)
    for _, text in titles:
        draft.add("alternative_titles", text)


def _descriptions(draft: Draft, document: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for place, item in draft.tables(document.get("descriptions"), "descriptions"):
        if text := draft.description(item.get("description"), place):
            found.append({"type": draft.line(item.get("descriptionType"), place) or "Other", "text": text})
    if found:
        main = next((item for item in found if item["type"].casefold() == "abstract"), found[0])
        found.remove(main)
        draft.put("description", main["text"])
    return found


def _people(draft: Draft, people: Any, goal: str) -> None:
    for place, item in draft.tables(people, goal):
        name = item.get("name")
        role = item.get("contributorType")
        if role == "Funder":  # kernel 3 had no property for who paid
            if funder := draft.line(name, f"{place}.name"):
                draft.add("funding", {"funder": funder})
            continue
        if not name:
            parts = [draft.line(item.get(key), place) for key in ("familyName", "givenName")]
            name = ", ".join(part for part in parts if part)
        orcid = None
        for where, one in draft.tables(item.get("nameIdentifiers"), f"{place}.nameIdentifiers"):
            if (draft.line(one.get("nameIdentifierScheme"), where) or "").casefold() == "orcid":
                orcid = one.get("nameIdentifier")
        affiliations = []
        for where, one in draft.each(item.get("affiliation"), f"{place}.affiliation"):
            if text := draft.line(one.get("name") if isinstance(one, dict) else one, where):
                affiliations.append(text)
        role = (role or "Other") if goal == "contributors" else None
        draft.person(goal, place, name=name, orcid=orcid, affiliations=affiliations, role=role)


def _subjects(draft: Draft, document: dict[str, Any]) -> None:
    for place, written in draft.each(document.get("subjects"), "subjects"):
        item = written if isinstance(written, dict) else {"subject": written}
        if term := draft.line(item.get("subject"), place):
            scheme = draft.line(item.get("subjectScheme"), place)
            uri = draft.line(item.get("valueUri", item.get("valueURI")), place)
            draft.add(
                "subjects", {"term": term} | ({"scheme": scheme} if scheme else {}) | ({"uri": uri} if uri else {})
            )


def _dates(draft: Draft, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Add the dates; give the words that came with some of them."""
    information = []
    for place, item in draft.tables(document.get("dates"), "dates"):
        draft.date(item.get("date"), item.get("dateType"), place)
        if words := draft.line(item.get("dateInformation"), place):
            information.append({"type": draft.line(item.get("dateType"), place), "text": words})
    if not any(date["type"] == "Issued" for date in draft.record.get("dates", ())):
        draft.date(document.get("publicationYear"), "Issued", "publicationYear")
    return information


def _funding(draft: Draft, document: dict[str, Any]) -> None:
    for place, item in draft.tables(document.get("fundingReferences"), "fundingReferences"):
        funder = draft.line(item.get("funderIdentifier"), place)
        uri = draft.line(item.get("awardUri", item.get("awardURI")), place)
        made = {
            "funder": draft.line(item.get("funderName"), f"{place}.funderName"),
            "award": draft.line(item.get("awardNumber"), f"{place}.awardNumber"),
            "title": draft.line(item.get("awardTitle"), f"{place}.awardTitle"),
            "uri": uri or (funder if funder and "://" in funder else None),
        }
        if kept := {key: value for key, value in made.items() if value}:
            draft.add("funding", kept)


def _relations(draft: Draft, document: dict[str, Any]) -> None:
    for place, item in draft.tables(document.get("relatedIdentifiers"), "relatedIdentifiers"):
        scheme = item.get("relatedIdentifierType")
        draft.relation(item.get("relationType"), item.get("relatedIdentifier"), scheme, place)
    for place, item in draft.tables(document.get("relatedItems"), "relatedItems"):
        one = draft.table(item.get("relatedItemIdentifier"), f"{place}.relatedItemIdentifier")
        titles = [draft.line(title.get("title"), where) for where, title in draft.tables(item.get("titles"), place)]
        value = one.get("relatedItemIdentifier")
        scheme = one.get("relatedItemIdentifierType")
        draft.relation(item.get("relationType"), value, scheme, place, title=titles[0] if titles else None)


def _size(draft: Draft, document: dict[str, Any]) -> None:
    """Only sizes that are all in bytes add up to a size; the words themselves stay in ``extra``."""
    sizes = [draft.line(size, place) for place, size in draft.each(document.get("sizes"), "sizes")]
    found = [_BYTES.fullmatch(size) for size in sizes if size]
    if found and all(found):
        draft.record["bytes"] = sum(int(one[1]) for one in found if one)


def _geolocation(draft: Draft, item: dict[str, Any], field: str) -> dict[str, Any]:
    """Give a place with numbers for coordinates (WGS 84 degrees); a corner that is nowhere takes its shape along."""
    made: dict[str, Any] = {"place": draft.line(item.get("geoLocationPlace"), field)}
    if point := draft.table(item.get("geoLocationPoint"), f"{field}.geoLocationPoint"):
        made["point"] = _point(draft, point, f"{field}.geoLocationPoint")
    if box := draft.table(item.get("geoLocationBox"), f"{field}.geoLocationBox"):
        west, east, south, north = (
            box.get(f"{side}BoundL{kind}") for side, kind in
            (("west", "ongitude"), ("east", "ongitude"), ("south", "atitude"), ("north", "atitude"))
        )  # fmt: skip
        low = draft.place_on_earth(west, south, f"{field}.geoLocationBox")
        high = draft.place_on_earth(east, north, f"{field}.geoLocationBox") if low else None
        if low and high:
            made["box"] = {"west": low[0], "east": high[0], "south": low[1], "north": high[1]}
    polygons = item.get("geoLocationPolygon", item.get("geoLocationPolygons"))
    made["polygons"] = []
    # one polygon is a list of {polygonPoint}, several are a list of such lists
    many = polygons if isinstance(polygons, list) and polygons and isinstance(polygons[0], list) else [polygons]
    for place, polygon in draft.each(many, f"{field}.geoLocationPolygon"):
        corners = [
            _point(draft, draft.table(corner.get("polygonPoint", corner.get("inPolygonPoint")), where), where)
            for where, corner in draft.tables(polygon, place)
        ]
        if corners and all(corners):
            made["polygons"].append(corners)
    return {key: value for key, value in made.items() if value}


def _point(draft: Draft, point: dict[str, Any], field: str) -> dict[str, float] | None:
    found = draft.place_on_earth(point.get("pointLongitude"), point.get("pointLatitude"), field)
    return {"longitude": found[0], "latitude": found[1]} if found else None
