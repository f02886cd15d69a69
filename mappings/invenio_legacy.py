"""Zenodo's record JSON with the keys of before 2023, which its API still speaks (``application/json``)."""

from __future__ import annotations

from typing import Any

from mappings.citation import language_of, licence_of
from mappings.draft import Draft

_LEVELS = {"open": "open", "embargoed": "embargoed", "restricted": "restricted", "closed": "restricted"}

# What the rules below take; anything else in metadata goes to extra as it is
_TAKEN = frozenset(
    """title doi publication_date description access_right access_right_category creators contributors keywords
    subjects version language license related_identifiers alternate_identifiers resource_type upload_type
    publication_type image_type grants communities relations dates embargo_date access_conditions conceptdoi
    prereserve_doi notes method thesis""".split()  # noqa: SIM905 -- a word table
)


def read_legacy(draft: Draft, document: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """Fill ``draft``; give what goes to ``extra``."""
    draft.identifier(document.get("doi") or metadata.get("doi"), "doi", "doi")
    oai = draft.table(draft.table(document.get("_oai"), "_oai") or metadata.get("_oai"), "_oai")
    draft.identifier(oai.get("id"), "oai", "_oai.id")
    for place, item in draft.tables(metadata.get("alternate_identifiers"), "metadata.alternate_identifiers"):
        draft.identifier(item.get("identifier"), item.get("scheme"), place)
    swh = draft.table(document.get("swh"), "swh")
    draft.identifier(swh.get("swhid"), "swhid", "swh.swhid")

    draft.put("title", draft.line(metadata.get("title") or document.get("title"), "metadata.title"))
    draft.put("description", draft.description(metadata.get("description"), "metadata.description"))
    _people(draft, metadata)
    draft.put("publisher", draft.line(metadata.get("publisher"), "metadata.publisher") or "Zenodo")
    _subjects(draft, metadata)
    draft.date(metadata.get("publication_date"), "Issued", "metadata.publication_date")
    for place, item in draft.tables(metadata.get("dates"), "metadata.dates"):
        start, end = (draft.string(item.get(key), f"{place}.{key}") for key in ("start", "end"))
        draft.date(start if start == end else f"{start or ''}/{end or ''}", item.get("type"), place)
    draft.put("version", draft.line(metadata.get("version"), "metadata.version"))
    if language := draft.line(metadata.get("language"), "metadata.language"):
        draft.put("language", language_of(language))
    _funding(draft, metadata)
    for place, item in draft.tables(metadata.get("related_identifiers"), "metadata.related_identifiers"):
        draft.relation(item.get("relation"), item.get("identifier"), item.get("scheme"), place)
    concept = document.get("conceptdoi") or metadata.get("conceptdoi")
    draft.relation("IsVersionOf", concept, "doi", "conceptdoi")
    _rights(draft, metadata)

    extra = {key: value for key, value in metadata.items() if key not in _TAKEN}
    extra["locations"] = [
        place
        for where, place in draft.tables(metadata.get("locations"), "metadata.locations")
        if place.get("lat") is None or draft.place_on_earth(place.get("lon"), place.get("lat"), where)
    ]
    extra["resource_type"] = _resource_type(draft, metadata)
    extra["communities"] = [
        draft.string(item.get("id") or item.get("identifier"), place)
        for place, item in draft.tables(metadata.get("communities"), "metadata.communities")
    ]
    for name in ("notes", "method"):
        extra[name] = draft.description(metadata.get(name), f"metadata.{name}")
    if isinstance(thesis := metadata.get("thesis"), dict):
        extra["thesis"] = {key: value for key, value in thesis.items() if key != "supervisors"}
    for key in ("conceptrecid", "created", "revision"):  # owners are people's account numbers: nobody's search
        extra[key] = document.get(key)
    extra["recid"] = document.get("id", document.get("recid"))
    extra["modified"] = document.get("modified") or document.get("updated")
    versions = draft.table(metadata.get("relations"), "metadata.relations").get("version")
    # only the number of the version: which one is the latest changes without an update of this record
    extra["version_index"] = next(
        (item.get("index") for _, item in draft.tables(versions, "metadata.relations.version")), None
    )
    return extra


def _resource_type(draft: Draft, metadata: dict[str, Any]) -> str | None:
    """Spell ``{"type": "publication", "subtype": "article"}`` as InvenioRDM does: ``publication-article``."""
    kind = metadata.get("resource_type")
    if isinstance(kind, dict):
        main, sub = kind.get("type"), kind.get("subtype")
    else:  # the deposit form
        main = kind if kind is not None else metadata.get("upload_type")
        sub = metadata.get("publication_type") or metadata.get("image_type")
    first = draft.line(main, "metadata.resource_type")
    second = draft.line(sub, "metadata.resource_type.subtype")
    if first and second and not second.startswith(f"{first}-"):
        return f"{first}-{second}"
    return second or first


def _people(draft: Draft, metadata: dict[str, Any]) -> None:
    thesis = metadata.get("thesis")
    lists = [("creators", metadata.get("creators"), None), ("contributors", metadata.get("contributors"), "Other")]
    if isinstance(thesis, dict):
        lists.append(("contributors", thesis.get("supervisors"), "Supervisor"))
    for goal, people, role in lists:
        for place, person in draft.tables(people, f"metadata.{goal}"):
            affiliations = person.get("affiliations", person.get("affiliation"))
            names = []
            for where, item in draft.each(affiliations, f"{place}.affiliation"):
                names.append(draft.line(item.get("name") if isinstance(item, dict) else item, where))
            draft.person(
                goal,
                place,
                name=person.get("name"),
                orcid=person.get("orcid"),
                affiliations=[name for name in names if name],
                role=(person.get("type") or role) if role else None,
            )


def _subjects(draft: Draft, metadata: dict[str, Any]) -> None:
    for place, word in draft.each(metadata.get("keywords"), "metadata.keywords"):
        if term := draft.line(word, place):
            draft.add("subjects", {"term": term})
    for place, item in draft.tables(metadata.get("subjects"), "metadata.subjects"):
        if term := draft.line(item.get("term") or item.get("subject"), place):
            subject = {"term": term}
            identifier = draft.line(item.get("identifier"), f"{place}.identifier")
            scheme = draft.line(item.get("scheme"), f"{place}.scheme")
            if identifier and "://" in identifier:
                subject["uri"] = identifier
            if scheme and scheme.casefold() != "url":  # it says how the identifier is spelt, not which vocabulary
                subject["scheme"] = scheme
            draft.add("subjects", subject)


def _funding(draft: Draft, metadata: dict[str, Any]) -> None:
    for place, grant in draft.tables(metadata.get("grants"), "metadata.grants"):
        funder = draft.table(grant.get("funder"), f"{place}.funder")
        made = {
            "funder": draft.line(funder.get("name"), f"{place}.funder.name"),
            "award": draft.line(grant.get("code") or grant.get("id"), f"{place}.code"),
            "title": draft.line(grant.get("title"), f"{place}.title"),
            "uri": draft.line(grant.get("url") or funder.get("doi"), f"{place}.url"),
        }
        if made["uri"] and made["uri"].startswith("10."):
            made["uri"] = f"https://doi.org/{made['uri']}"
        if kept := {key: value for key, value in made.items() if value}:
            draft.add("funding", kept)


def _rights(draft: Draft, metadata: dict[str, Any]) -> None:
    rights: dict[str, Any] = {}
    written = draft.line(metadata.get("access_right"), "metadata.access_right")
    if written is not None:
        if (level := _LEVELS.get(written.casefold())) is None:
            draft.problem(
                "metadata.access_right", "unknown-word", f"no access right is called {written[:40]!r}", written
            )
            level = "restricted"  # the careful reading; Zenodo shows the metadata all the same
        rights["level"] = level
        if level != "open":
            rights["discoverable"] = True  # Zenodo publishes all metadata, whatever the files' rights
    licence = metadata.get("license")
    identifier, uri = (licence.get("id"), licence.get("url")) if isinstance(licence, dict) else (licence, None)
    name = draft.string(identifier, "metadata.license")
    if found := licence_of(name, draft.string(uri, "metadata.license.url")):
        rights["licence"] = found
    if statement := draft.description(metadata.get("access_conditions"), "metadata.access_conditions"):
        rights["statement"] = statement
    if until := metadata.get("embargo_date"):
        made = draft.only_date(until, "metadata.embargo_date")
        if made and rights.get("level") == "embargoed":
            rights["embargo_until"] = made
        elif made:
            draft.date(made, "Available", "metadata.embargo_date")
    draft.put("rights", rights)
