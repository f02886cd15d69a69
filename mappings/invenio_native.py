"""InvenioRDM's own record JSON, ``application/vnd.inveniordm.v1+json`` (InvenioRDM 12 to 14, and Zenodo)."""

from __future__ import annotations

from typing import Any

from mappings.citation import language_of, licence_of
from mappings.draft import Draft

# What the rules below take; anything else in metadata goes to extra as it is
_TAKEN = frozenset(
    """title additional_titles description additional_descriptions publication_date creators contributors subjects
    publisher dates languages identifiers related_identifiers rights copyright version resource_type
    funding""".split()  # noqa: SIM905 -- a word table
)


def read_native(draft: Draft, document: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """Fill ``draft``; give what goes to ``extra``."""
    pids = draft.table(document.get("pids"), "pids")
    parent = draft.table(document.get("parent"), "parent")
    # a concept DOI names all versions together, so it is a relation and never this record's identity
    concepts = [pids.get("concept-doi"), draft.table(parent.get("pids"), "parent.pids").get("doi")]
    for scheme, pid in pids.items():
        if scheme != "concept-doi":
            draft.identifier(draft.table(pid, f"pids.{scheme}").get("identifier"), scheme, f"pids.{scheme}")
    for place, item in draft.tables(metadata.get("identifiers"), "metadata.identifiers"):
        draft.identifier(item.get("identifier"), item.get("scheme"), place)

    draft.put("title", draft.line(metadata.get("title"), "metadata.title"))
    for place, item in draft.tables(metadata.get("additional_titles"), "metadata.additional_titles"):
        if title := draft.line(item.get("title"), place):
            draft.add("alternative_titles", title)
    others = _descriptions(draft, metadata)
    for goal in ("creators", "contributors"):
        _people(draft, metadata.get(goal), goal)
    draft.put("publisher", draft.line(metadata.get("publisher"), "metadata.publisher"))
    _subjects(draft, metadata)
    draft.date(metadata.get("publication_date"), "Issued", "metadata.publication_date")
    for place, item in draft.tables(metadata.get("dates"), "metadata.dates"):
        draft.date(item.get("date"), _id(item.get("type")), place)
    draft.put("version", draft.line(metadata.get("version"), "metadata.version"))
    languages = [
        draft.line(_id(item), place) for place, item in draft.each(metadata.get("languages"), "metadata.languages")
    ]
    if languages and languages[0]:
        draft.put("language", language_of(languages[0]))
    _funding(draft, metadata)
    _relations(draft, metadata)
    for concept in concepts:
        draft.relation(
            "IsVersionOf", draft.table(concept, "parent.pids.doi").get("identifier"), "doi", "parent.pids.doi"
        )
    access = draft.table(document.get("access"), "access")
    _rights(draft, metadata, access)

    extra = {key: value for key, value in metadata.items() if key not in _TAKEN}
    extra["locations"] = _locations(draft, metadata)
    extra["additional_descriptions"] = others
    extra["languages"] = languages if len(languages) > 1 else None
    extra["resource_type"] = draft.line(_id(metadata.get("resource_type")), "metadata.resource_type")
    extra["custom_fields"] = document.get("custom_fields")
    extra["copyright"] = metadata.get("copyright")
    extra["communities"] = _communities(draft, parent)
    extra["recid"], extra["parent"] = document.get("id"), parent.get("id")
    # only the number of the version: which one is the latest changes without an update of this record
    extra["version_index"] = draft.table(document.get("versions"), "versions").get("index")
    extra["access"] = access.get("status")
    for key in ("created", "updated", "revision_id"):
        extra[key] = document.get(key)
    return extra


def _id(value: Any) -> Any:
    """The ``id`` of a vocabulary entry, which some instances write as a bare word."""
    return value.get("id") if isinstance(value, dict) else value


def _translated(draft: Draft, value: Any, field: str) -> str | None:
    """Choose English, or else the first language, from ``{"en": ...}``."""
    if isinstance(value, dict):
        value = value.get("en") or next(iter(value.values()), None)
    return draft.line(value, field)


def _descriptions(draft: Draft, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Set the description; give the others as text with their types."""
    others = []
    for place, item in draft.tables(metadata.get("additional_descriptions"), "metadata.additional_descriptions"):
        if text := draft.description(item.get("description"), place):
            others.append({"type": draft.line(_id(item.get("type")), f"{place}.type"), "text": text})
    main = draft.description(metadata.get("description"), "metadata.description")
    if main is None and others:
        main = others.pop(0)["text"]
    draft.put("description", main)
    return others


def _people(draft: Draft, people: Any, goal: str) -> None:
    for place, item in draft.tables(people, f"metadata.{goal}"):
        person = draft.table(item.get("person_or_org"), f"{place}.person_or_org")
        orcid = None
        for where, identifier in draft.tables(person.get("identifiers"), f"{place}.identifiers"):
            if draft.line(identifier.get("scheme"), where) == "orcid":
                orcid = identifier.get("identifier")
        name = person.get("name")
        if not name:
            parts = [draft.line(person.get(key), place) for key in ("family_name", "given_name")]
            name = ", ".join(part for part in parts if part)
        affiliations = []
        for where, affiliation in draft.each(item.get("affiliations"), f"{place}.affiliations"):
            known = affiliation.get("name") or affiliation.get("id") if isinstance(affiliation, dict) else affiliation
            if text := draft.line(known, where):
                affiliations.append(text)
        role = _id(item.get("role")) if goal == "contributors" else None
        draft.person(goal, place, name=name, orcid=orcid, affiliations=affiliations, role=role)


def _subjects(draft: Draft, metadata: dict[str, Any]) -> None:
    for place, item in draft.tables(metadata.get("subjects"), "metadata.subjects"):
        identifier = draft.line(item.get("id"), f"{place}.id")
        term = draft.line(item.get("subject"), f"{place}.subject") or identifier
        if term is None:
            continue
        subject = {"term": term}
        if scheme := draft.line(item.get("scheme"), f"{place}.scheme"):
            subject["scheme"] = scheme
        if identifier and "://" in identifier:
            subject["uri"] = identifier
        draft.add("subjects", subject)


def _relations(draft: Draft, metadata: dict[str, Any]) -> None:
    for place, item in draft.tables(metadata.get("related_identifiers"), "metadata.related_identifiers"):
        draft.relation(_id(item.get("relation_type")), item.get("identifier"), item.get("scheme"), place)
    for place, item in draft.tables(metadata.get("references"), "metadata.references"):
        if item.get("identifier"):
            draft.relation("References", item["identifier"], item.get("scheme"), place)


def _funding(draft: Draft, metadata: dict[str, Any]) -> None:
    for place, item in draft.tables(metadata.get("funding"), "metadata.funding"):
        funder = draft.table(item.get("funder"), f"{place}.funder")
        award = draft.table(item.get("award"), f"{place}.award")
        uri = next(
            (
                draft.line(one.get("identifier"), where)
                for where, one in draft.tables(award.get("identifiers"), f"{place}.award.identifiers")
            ),
            None,
        )
        # an award that was not expanded is "<funder's ROR>::<number>"
        number = award.get("number") or str(award.get("id") or "").rpartition("::")[2]
        made = {
            "funder": draft.line(funder.get("name") or funder.get("id"), f"{place}.funder.name"),
            "award": draft.line(number, f"{place}.award.number"),
            "title": _translated(draft, award.get("title"), f"{place}.award.title"),
            "uri": uri
            if uri and "://" in uri
            else (f"https://doi.org/{uri}" if uri and uri.startswith("10.") else None),
        }
        if kept := {key: value for key, value in made.items() if value}:
            draft.add("funding", kept)


def _locations(draft: Draft, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Keep GeoJSON features as they are, but a point that is nowhere on Earth."""
    kept = []
    locations = draft.table(metadata.get("locations"), "metadata.locations")
    for place, feature in draft.tables(locations.get("features"), "metadata.locations.features"):
        geometry = draft.table(feature.get("geometry"), f"{place}.geometry")
        if geometry.get("type") == "Point":
            point = geometry.get("coordinates")
            lon, lat = point[:2] if isinstance(point, list) and len(point) > 1 else (None, None)
            if not draft.place_on_earth(lon, lat, f"{place}.geometry"):
                kept.append({key: value for key, value in feature.items() if key != "geometry"})
                continue
        kept.append(feature)
    return kept


def _communities(draft: Draft, parent: dict[str, Any]) -> list[str | None]:
    communities = draft.table(parent.get("communities"), "parent.communities")
    entries = [
        draft.string(item.get("slug") or item.get("id"), place)
        for place, item in draft.tables(communities.get("entries"), "parent.communities.entries")
    ]
    return entries or [
        draft.string(one, place) for place, one in draft.each(communities.get("ids"), "parent.communities.ids")
    ]


def _rights(draft: Draft, metadata: dict[str, Any], access: dict[str, Any]) -> None:
    rights: dict[str, Any] = {}
    embargo = draft.table(access.get("embargo"), "access.embargo")
    record, files = access.get("record"), access.get("files")
    if access:
        if embargo.get("active") is True:
            rights["level"] = "embargoed"
            if until := draft.only_date(embargo.get("until"), "access.embargo.until"):
                rights["embargo_until"] = until
        else:
            # anything but "public" counts as restricted, so that a word of tomorrow opens nothing
            rights["level"] = "open" if record == "public" and files in ("public", None) else "restricted"
        if rights["level"] != "open" and record == "public":
            rights["discoverable"] = True
    statements = []
    for place, item in draft.tables(metadata.get("rights"), "metadata.rights"):
        props = draft.table(item.get("props"), f"{place}.props")
        link = draft.string(item.get("link") or props.get("url"), f"{place}.link")
        found = licence_of(draft.string(item.get("id"), f"{place}.id"), link)
        # several may stand side by side: one that has an SPDX id says more than an address
        if found and ("licence" not in rights or ("//" in rights["licence"] and "//" not in found)):
            rights["licence"] = found
        if title := _translated(draft, item.get("title"), f"{place}.title"):
            statements.append(title)
    if reason := draft.line(embargo.get("reason"), "access.embargo.reason"):
        statements.append(reason)
    if statements:
        rights["statement"] = "; ".join(statements)
    draft.put("rights", rights)
