"""DataCite XML, kernels 2.2 to 4.6, as DataCite JSON; inside an OAI-PMH record, in ``oai_datacite``, or bare."""

from __future__ import annotations

from typing import Any

from mappings.safe_xml import Element, parse_xml, split_tag
from schemas.errors import MappingError

_KERNEL = "http://datacite.org/schema/kernel-"
_OAI = "{http://www.openarchives.org/OAI/2.0/}"

# list element -> (item element, key of the item's text); attributes keep their names
_LISTS = {
    "alternateIdentifiers": ("alternateIdentifier", "alternateIdentifier"),
    "titles": ("title", "title"),
    "subjects": ("subject", "subject"),
    "dates": ("date", "date"),
    "rightsList": ("rights", "rights"),
    "descriptions": ("description", "description"),
    "relatedIdentifiers": ("relatedIdentifier", "relatedIdentifier"),
}
_PLAIN = ("publisher", "publicationYear", "language", "version")
_PLAIN_LISTS = {"sizes": "size", "formats": "format"}


def read_xml(raw: bytes) -> dict[str, Any] | None:
    """Parse a document; None when it is an OAI-PMH record whose header says deleted.

    Raises
    ------
    MappingError
        ``mapping.bad-xml``, ``mapping.hostile-xml``, ``mapping.wrong-shape``.
    """
    root = parse_xml(raw)
    header = oai_header(root)
    if header is not None and header.get("status") == "deleted":
        return None
    for element in root.iter():
        namespace, name = split_tag(str(element.tag))
        if name == "resource" and namespace.startswith(_KERNEL):
            return _resource(element, namespace) | _from_header(header)
    raise MappingError("wrong-shape", f"no DataCite resource ({_KERNEL}...) in the document; its root is {root.tag!s}")


def oai_header(root: Element) -> Element | None:
    """Give the OAI-PMH header of a document, None for one without."""
    return next(root.iter(f"{_OAI}header"), None)


def header_words(header: Element) -> tuple[str | None, list[str]]:
    """Give the OAI identifier and the sets."""
    sets = [item.text.strip() for item in header.iter(f"{_OAI}setSpec") if item.text]
    return (header.findtext(f"{_OAI}identifier") or "").strip() or None, sets


def _from_header(header: Element | None) -> dict[str, Any]:
    if header is None:
        return {}
    identifier, sets = header_words(header)
    return {"id": identifier, "sets": sets}


def _resource(resource: Element, namespace: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    people: dict[str, list[dict[str, Any]]] = {}
    for child in resource:
        name = _name(child, namespace)
        if name in _LISTS:
            item, key = _LISTS[name]
            made[name] = [{key: _text(one), **_attributes(one)} for one in _items(child, namespace, item)]
        elif name in _PLAIN:
            made[name] = _text(child)
        elif name in _PLAIN_LISTS:
            made[name] = [_text(one) for one in _items(child, namespace, _PLAIN_LISTS[name])]
        elif name == "identifier":
            made[name] = {"identifier": _text(child), **_attributes(child)}
        elif name == "resourceType":
            made["types"] = {"resourceType": _text(child), **_attributes(child)}
        elif name in ("creators", "contributors"):
            people[name] = [_person(one, namespace) for one in _items(child, namespace, name[:-1])]
        elif name == "fundingReferences":
            made[name] = [_flat(one, namespace) for one in _items(child, namespace, "fundingReference")]
        elif name == "geoLocations":
            made[name] = [_geolocation(one, namespace) for one in _items(child, namespace, "geoLocation")]
        elif name == "relatedItems":
            made[name] = [_related_item(one, namespace) for one in _items(child, namespace, "relatedItem")]
    # what the mapping asks for to know DataCite by, even in a resource that says nothing
    return {"titles": [], "schemaVersion": namespace, **made, **people}


def _name(element: Element, namespace: str) -> str | None:
    found, name = split_tag(str(element.tag))
    return name if found == namespace else None


def _items(parent: Element, namespace: str, name: str) -> list[Element]:
    return parent.findall(f"{{{namespace}}}{name}")


def _attributes(element: Element) -> dict[str, str]:
    """Attributes without namespace (not ``xml:lang``)."""
    return {str(key): str(value) for key, value in element.attrib.items() if not str(key).startswith("{")}


def _text(element: Element) -> str:
    """The text of an element; ``<br/>`` (kernel 3 on) and paragraphs inside it stay as the HTML they are."""
    if len(element) == 0:
        return element.text or ""
    parts = [element.text or ""]
    for child in element.iterdescendants():
        if split_tag(str(child.tag))[1] in ("br", "p", "li"):
            parts.append("<br/>")
        parts += [child.text or "", child.tail or ""]
    return "".join(parts)


def _flat(element: Element, namespace: str) -> dict[str, Any]:
    """Children's texts by name, with the children's attributes beside them."""
    made: dict[str, Any] = {}
    for child in element:
        if name := _name(child, namespace):
            made |= {name: _text(child), **_attributes(child)}
    return made


def _person(element: Element, namespace: str) -> dict[str, Any]:
    made: dict[str, Any] = {"nameIdentifiers": [], "affiliation": [], **_attributes(element)}
    for child in element:
        match _name(child, namespace):
            case "creatorName" | "contributorName":
                made["name"] = _text(child)
            case "nameIdentifier":
                made["nameIdentifiers"].append({"nameIdentifier": _text(child), **_attributes(child)})
            case "affiliation":
                made["affiliation"].append({"name": _text(child), **_attributes(child)})
            case "givenName" | "familyName" as name:
                made[name] = _text(child)
    return made


def _geolocation(element: Element, namespace: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for child in element:
        name = _name(child, namespace)
        words = (child.text or "").split()
        if name == "geoLocationPoint" and len(child) == 0 and len(words) == 2:  # kernel 3: "latitude longitude"
            made[name] = {"pointLatitude": words[0], "pointLongitude": words[1]}
        elif name == "geoLocationBox" and len(child) == 0 and len(words) == 4:  # kernel 3: south west north east
            keys = ("southBoundLatitude", "westBoundLongitude", "northBoundLatitude", "eastBoundLongitude")
            made[name] = dict(zip(keys, words, strict=True))
        elif name in ("geoLocationPoint", "geoLocationBox"):
            made[name] = _flat(child, namespace)
        elif name == "geoLocationPolygon":
            corners = _items(child, namespace, "polygonPoint")
            made.setdefault(name, []).append([{"polygonPoint": _flat(corner, namespace)} for corner in corners])
        elif name == "geoLocationPlace":
            made[name] = _text(child)
    return made


def _related_item(element: Element, namespace: str) -> dict[str, Any]:
    made: dict[str, Any] = _attributes(element)
    for child in element:
        match _name(child, namespace):
            case "relatedItemIdentifier":
                made["relatedItemIdentifier"] = {"relatedItemIdentifier": _text(child), **_attributes(child)}
            case "titles":
                made["titles"] = [{"title": _text(one)} for one in _items(child, namespace, "title")]
    return made
