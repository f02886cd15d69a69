"""VOResource 1.0 to 1.2 in XML, as OAI-PMH registries give it (metadataPrefix ``ivo_vor``), to a record.

All 1.x share their namespaces, so one mapping reads them. What each element means: VOResource 1.2, VODataService 1.2,
SimpleDALRegExt 1.2, TAPRegExt 1.0, StandardsRegExt 1.0, Registry Interfaces 1.1, DocRegExt 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mappings import vodataservice
from mappings.outcome import Mapped
from mappings.safe_xml import Element, children, parse_xml, split_tag, text_of
from mappings.stc_profile import stc_profile
from mappings.vo_capabilities import access, capability, interface
from mappings.vo_details import details
from mappings.vo_draft import RegistryDraft, line, prose
from mappings.vo_vocabulary import PREFIXES, elsewhere, family
from schemas.errors import MappingError

VERSION = 1

# Servers are met that keep the namespace of OAI-PMH 1.x, or have none; what matters is inside
_OAI = ("", "http://www.openarchives.org/OAI/")
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
# Capability children that are lists of things to call, not facts to search
_NO_FACTS = frozenset({"interface", "description", "validationLevel", "languageFeatures"})

_READ_ELSEWHERE = frozenset(
    {
        *("identifier", "title", "shortName", "altIdentifier", "validationLevel", "curation", "content", "rights"),
        *("coverage", "capability", "interface", "tableset", "table"),
    }
)


def to_record(raw: bytes, options: Mapping[str, Any]) -> Mapped:
    """Map one OAI-PMH ``<record>`` or one bare VOResource element.

    ``record`` is None for a deleted record, by its OAI-PMH header or by the resource's own status.

    Raises
    ------
    MappingError
        ``bad-xml``, ``hostile-xml``, ``wrong-namespace``, ``unsupported-version``, ``missing-metadata``,
        ``no-identifier``, ``bad-identifier``, ``missing-title``; all under ``mapping.``.
    """
    resource, named = _resource(parse_xml(raw))
    if resource is None or resource.get("status", "").strip().lower() == "deleted":
        return Mapped(None)
    return _record(resource, named)


def _resource(root: Element) -> tuple[Element | None, str]:
    """The resource element and the OAI-PMH header's identifier; no element when the header says deleted."""
    namespace, local = split_tag(str(root.tag))
    if local != "record" or not (namespace == _OAI[0] or namespace.startswith(_OAI[1])):
        _check_resource(root)
        return root, ""
    parts = {split_tag(str(child.tag))[1]: child for child in root}
    header, metadata = parts.get("header"), parts.get("metadata")
    if header is not None and header.get("status") == "deleted":
        return None, ""
    if metadata is None or len(metadata) == 0:
        raise MappingError("missing-metadata", "the OAI-PMH record has neither metadata nor the status deleted")
    _check_resource(metadata[0])
    named = "" if header is None else text_of(header.find("{*}identifier")).strip().lower()
    return metadata[0], named


def _check_resource(element: Element) -> None:
    """Only VOResource 1.x goes on."""
    namespace, local = split_tag(str(element.tag))
    declared = [family(namespace), family(_type_namespace(element))]
    for known in declared:
        if known and known[1].startswith("0."):
            raise MappingError(
                "unsupported-version",
                f"the document is {known[0]} {known[1]}, from before VOResource 1.0; only 1.x is understood",
            )
    right = (declared[0] and declared[0][0] in ("RegistryInterface", "VOResource")) or (not namespace and declared[1])
    if local.lower() != "resource" or not right:
        raise MappingError(
            "wrong-namespace",
            f"<{local}> of the namespace {namespace or 'none'!r} is not a VOResource document; expected is "
            "<ri:Resource> of http://www.ivoa.net/xml/RegistryInterface/v1.0",
        )


def _type_namespace(element: Element) -> str:
    prefix = (element.get(_XSI_TYPE) or "").strip().rpartition(":")[0]
    return element.nsmap.get(prefix or None, "")


def _type_name(element: Element) -> str:
    """``xsi:type`` with its canonical prefix, in lower case as in RegTAP: ``vs:catalogservice``."""
    prefix, _, local = (element.get(_XSI_TYPE) or "").strip().rpartition(":")
    if not local:
        return ""
    namespace = element.nsmap.get(prefix or None, "")
    known = family(namespace)
    if known:
        prefix = PREFIXES.get(known[0], prefix)
    elif namespace and prefix in PREFIXES.values():
        prefix = ""  # somebody's own type under a name that it has no right to
    return f"{prefix}:{local}".lower() if prefix else local.lower()


def _record(resource: Element, named: str) -> Mapped:
    draft = RegistryDraft()
    parts = children(resource)
    if "identifier" not in parts and "title" not in parts:
        parts = _unqualified(resource)
    kind = _type_name(resource)
    if right := elsewhere(kind):
        raise MappingError(
            "wrong-namespace",
            f"the type {resource.get(_XSI_TYPE)!r} is not of the namespace of its prefix ({right} is)",
        )
    shape = "service" if "capability" in parts else "collection" if "tableset" in parts or "table" in parts else None
    draft.identity(_first(parts, "identifier"), _first(parts, "title"), kind, shape)
    ivoid = draft.record["identifiers"][0]["value"]
    if named not in ("", ivoid):
        draft.problem(
            "identifiers", "identifier-mismatch", f"the OAI-PMH header calls the resource {ivoid} {named}", named
        )
    for element in parts.get("altIdentifier", ()):
        draft.alternate(text_of(element))
    draft.put(
        "alternative_titles", [short for element in parts.get("shortName", ()) if (short := line(text_of(element)))]
    )
    _status(draft, resource, parts)
    for element in parts.get("curation", ()):
        _curation(draft, children(element))
    for element in parts.get("content", ()):
        _content(draft, children(element))
    for element in parts.get("rights", ()):
        draft.rights(text_of(element), element.get("rightsURI"))
    for element in parts.get("coverage", ()):
        _coverage(draft, children(element))
    for element in parts.get("capability", ()):
        _capability(draft, element)
    for url in parts.get("accessURL", ()):
        access(draft, text_of(url))
    details(draft, _details(parts))
    _tables(draft, parts)
    return draft.finish()


def _unqualified(resource: Element) -> dict[str, list[Element]]:
    """Children of a document that puts VOResource's local elements in a namespace: taken, if it is an IVOA 1.x one."""
    for element in resource.iter():
        namespace, local = split_tag(str(element.tag))
        known = family(namespace)
        if known and known[0] in ("VOResource", "RegistryInterface", "VODataService"):
            if known[1].startswith("0."):
                raise MappingError(
                    "unsupported-version", f"the document is {known[0]} {known[1]}; only 1.x is understood"
                )
            element.tag = local
    return children(resource)


def _first(parts: Mapping[str, list[Element]], name: str) -> str:
    found = parts.get(name)
    return text_of(found[0]) if found else ""


def _status(draft: RegistryDraft, resource: Element, parts: Mapping[str, list[Element]]) -> None:
    status = resource.get("status", "").strip().lower()
    if status in ("active", "inactive"):
        draft.vo["status"] = status
    elif status:
        draft.problem("extra.vo.status", "unknown-status", "a resource is active, inactive or deleted", status)
    for name in ("created", "updated"):
        draft.put_vo(name, draft.utc(f"extra.vo.{name}", resource.get(name)))
    levels = [
        level
        for element in parts.get("validationLevel", ())
        if (level := draft.number("extra.vo.validation_level", text_of(element).strip(), 0, 4)) is not None
    ]
    if levels:
        draft.vo["validation_level"] = int(max(levels))


def _curation(draft: RegistryDraft, parts: Mapping[str, list[Element]]) -> None:
    for element in parts.get("publisher", ()):
        if "publisher" not in draft.record:
            draft.put("publisher", line(text_of(element)))
            draft.put_vo("publisher_id", element.get("ivo-id", "").strip().lower())
    for element in parts.get("creator", ()):
        inside = children(element)
        draft.creators(_first(inside, "name") if inside else text_of(element), _first(inside, "altIdentifier"))
    for element in parts.get("contributor", ()):
        inside = children(element)
        name = _first(inside, "name") if inside else text_of(element)
        draft.contributor(name, element.get("altIdentifier") or _first(inside, "altIdentifier"))
    for element in parts.get("contact", ()):
        inside = children(element)
        draft.contributor(_first(inside, "name"), _first(inside, "altIdentifier"), role="ContactPerson")
        if email := line(_first(inside, "email")):
            draft.add_vo("contact_email", email)
    for element in parts.get("date", ()):
        draft.date(text_of(element), element.get("role"))
    draft.put("version", line(_first(parts, "version")))


def _content(draft: RegistryDraft, parts: Mapping[str, list[Element]]) -> None:
    for element in parts.get("subject", ()):
        draft.subject(text_of(element))
    draft.put("description", prose(_first(parts, "description")))
    for element in parts.get("source", ()):
        draft.source(text_of(element), element.get("format"))
    draft.reference(_first(parts, "referenceURL"))
    for element in parts.get("type", ()):
        draft.content("content_type", text_of(element))
    for element in parts.get("contentLevel", ()):
        draft.content("content_level", text_of(element))
    for element in parts.get("relationship", ()):
        inside = children(element)
        for other in inside.get("relatedResource", ()):
            draft.relationship(
                _first(inside, "relationshipType"), other.get("ivo-id"), text_of(other), other.get("altIdentifier")
            )


def _coverage(draft: RegistryDraft, parts: Mapping[str, list[Element]]) -> None:
    vodataservice.wavebands(draft, [text_of(element) for element in parts.get("waveband", ())])
    vodataservice.spatial(draft, [(text_of(element), element.get("frame")) for element in parts.get("spatial", ())])
    for name, read in (("temporal", vodataservice.temporal), ("spectral", vodataservice.spectral)):
        read(draft, [vodataservice.two_numbers(text_of(element)) for element in parts.get(name, ())])
    regard = draft.number("extra.vo.region_of_regard", _first(parts, "regionOfRegard").strip(), 0, 360)
    draft.put_vo("region_of_regard", regard)
    for tag, elements in parts.items():
        if tag.endswith("}STCResourceProfile"):
            for element in elements:
                stc_profile(draft, element)


def _capability(draft: RegistryDraft, element: Element) -> None:
    standard = element.get("standardID", "").strip().lower()
    capability(draft, standard, _type_name(element), _facts(element))
    for part in element:
        if part.tag == "interface":
            inside = children(part)
            interface(
                draft,
                standard,
                part.get(_XSI_TYPE),
                part.get("role"),
                _first(inside, "resultType"),
                [text_of(url) for url in inside.get("accessURL", ())],
                [text_of(url) for url in inside.get("mirrorURL", ())],
            )


def _facts(element: Element) -> Iterator[tuple[str, str]]:
    """(path, text) of a capability's own metadata, in RegTAP's paths."""
    for part in element:
        tag = str(part.tag)
        if tag == "interface":
            for inner in part:
                if inner.tag == "securityMethod":
                    yield "interface/securityMethod/@standardID", inner.get("standardID", "")
                elif inner.tag in ("testQueryString", "testQuery") and len(inner) == 0:
                    yield "interface/testQueryString", text_of(inner)
        if tag in _NO_FACTS:
            continue
        if ivoid := part.get("ivo-id"):
            yield f"{tag}/@ivo-id", ivoid
        if len(part) == 0:
            yield tag, part.text or ""
        for inner in part:
            path = f"{tag}/{split_tag(str(inner.tag))[1]}"
            if ivoid := inner.get("ivo-id"):
                yield f"{path}/@ivo-id", ivoid
            if len(inner) == 0:
                yield path, inner.text or ""


def _details(parts: Mapping[str, list[Element]]) -> Iterator[tuple[str, str]]:
    """(path, text) of what only some types of resource have, in RegTAP's paths."""
    for foot in (foot for coverage in parts.get("coverage", ()) for foot in coverage.iterfind("footprint")):
        yield "/coverage/footprint", text_of(foot)
    for tag, elements in parts.items():
        if tag in _READ_ELSEWHERE:
            continue
        for element in elements:
            for name, value in element.attrib.items():
                yield f"/{tag}/@{name!s}", str(value)
            if len(element) == 0:
                yield f"/{tag}", element.text or ""
            for inner in element:
                yield f"/{tag}/{split_tag(str(inner.tag))[1]}", text_of(inner)


def _tables(draft: RegistryDraft, parts: Mapping[str, list[Element]]) -> None:
    count = len(parts.get("table", ()))
    for tableset in parts.get("tableset", ()):
        count += sum(1 for schema in tableset if schema.tag == "schema" for part in schema if part.tag == "table")
        count += sum(1 for part in tableset if part.tag == "table")
    if count:
        draft.vo["tables"] = count
