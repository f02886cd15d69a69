"""A resource out of a RegTAP service's tables (RegTAP 1.1 and 1.2, section 8) to the record VOResource makes of it.

The document is one JSON object: the columns of ``rr.resource``, and lists of rows of the other tables under
``subjects``, ``roles``, ``dates``, ``relationships``, ``capabilities``, ``interfaces``, ``alt_identifiers``,
``details``, ``validations``, ``stc_spatial``, ``stc_temporal`` and ``stc_spectral``. Null, NaN and ``""`` say nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from mappings import vodataservice
from mappings.outcome import Mapped
from mappings.vo_capabilities import capability, interface
from mappings.vo_details import details
from mappings.vo_draft import RegistryDraft, line, prose
from schemas.errors import MappingError

VERSION = 1

Row = Mapping[str, Any]
# RegTAP's dates are timestamps, so a day comes as its midnight; nobody curates by the second
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0*)?)?Z?$")
_NO_FRACTION = re.compile(r"\.0*(?=Z?$)")
_CAPABILITY = "/capability/"
# What XML cannot hold and JSON can: control characters, and halves of surrogate pairs
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def to_record(raw: bytes, options: Mapping[str, Any]) -> Mapped:
    """Map one resource's rows.

    Raises
    ------
    MappingError
        ``bad-json``, ``no-identifier``, ``bad-identifier``, ``missing-title``; all under ``mapping.``.
    """
    resource = _read(raw)
    draft = RegistryDraft()
    kind = _text(resource, "res_type").lower()
    shape = "service" if _rows(resource, "capabilities") else None
    draft.identity(_text(resource, "ivoid"), _text(resource, "res_title"), kind, shape)
    _identifiers(draft, resource)
    _curation(draft, resource)
    _content(draft, resource)
    _coverage(draft, resource)
    _capabilities(draft, resource)
    rows = _rows(resource, "details")
    pairs = ((_text(row, "detail_xpath"), _text(row, "detail_value")) for row in rows)
    details(draft, ((path, value) for path, value in pairs if not path.startswith(_CAPABILITY)))
    return draft.finish()


def _read(raw: bytes) -> Row:
    try:
        # the standard library's reader takes the NaN that TAP clients write for an empty number
        document = json.loads(raw, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise MappingError("bad-json", f"the document is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise MappingError("bad-json", f"the document is a JSON {type(document).__name__}, not an object")
    return document


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if value is None or isinstance(value, bool | list | dict):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return _UNSEEN.sub("", str(value)).strip()


def _words(row: Row, name: str) -> list[str]:
    """A column of several words, which RegTAP joins with ``#``."""
    return [word for part in _text(row, name).split("#") if (word := part.strip())]


def _rows(resource: Row, name: str) -> list[Row]:
    rows = resource.get(name)
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict)]


def _identifiers(draft: RegistryDraft, resource: Row) -> None:
    for row in _rows(resource, "alt_identifiers"):
        draft.alternate(_text(row, "alt_identifier"))
    if short := line(_text(resource, "short_name")):
        draft.put("alternative_titles", [short])
    for name in ("created", "updated"):
        written = _NO_FRACTION.sub("", _text(resource, name))
        draft.put_vo(name, draft.utc(f"extra.vo.{name}", written))
    levels = [
        level
        for row in _rows(resource, "validations")
        if not _text(row, "cap_index")  # of the resource, not of one of its capabilities
        and (level := draft.number("extra.vo.validation_level", _text(row, "val_level"), 0, 4)) is not None
    ]
    if levels:
        draft.vo["validation_level"] = int(max(levels))


def _curation(draft: RegistryDraft, resource: Row) -> None:
    roles: dict[str, list[Row]] = {}
    for row in _rows(resource, "roles"):
        roles.setdefault(_text(row, "base_role").lower(), []).append(row)
    for row in roles.get("publisher", ())[:1]:
        draft.put("publisher", line(_text(row, "role_name")))
        draft.put_vo("publisher_id", _text(row, "role_ivoid").lower())
    # creator_seq has the creators in the order they are cited in, the rows have none
    sequence = _text(resource, "creator_seq")
    for names in [sequence] if sequence else [_text(row, "role_name") for row in roles.get("creator", ())]:
        draft.creators(names)
    for row in roles.get("contributor", ()):
        draft.contributor(_text(row, "role_name"))
    for row in roles.get("contact", ()):
        draft.contributor(_text(row, "role_name"), role="ContactPerson")
        if email := line(_text(row, "email")):
            draft.add_vo("contact_email", email)
    for row in _rows(resource, "dates"):
        draft.date(_MIDNIGHT.sub("", _text(row, "date_value")), _text(row, "value_role"))
    draft.put("version", line(_text(resource, "res_version")))


def _content(draft: RegistryDraft, resource: Row) -> None:
    for row in _rows(resource, "subjects"):
        draft.subject(_text(row, "res_subject"))
    draft.put("description", prose(_text(resource, "res_description")))
    draft.source(_text(resource, "source_value"), _text(resource, "source_format"))
    draft.reference(_text(resource, "reference_url"))
    for name in ("content_type", "content_level"):
        for word in _words(resource, name):
            draft.content(name, word)
    for row in _rows(resource, "relationships"):
        draft.relationship(_text(row, "relationship_type"), _text(row, "related_id"), _text(row, "related_name"))
    draft.rights(_text(resource, "rights"), _text(resource, "rights_uri"))


def _coverage(draft: RegistryDraft, resource: Row) -> None:
    vodataservice.wavebands(draft, _words(resource, "waveband"))
    spatial = _rows(resource, "stc_spatial")
    vodataservice.spatial(draft, [(_text(row, "coverage"), _text(row, "ref_system_name")) for row in spatial])
    for table, read in (("temporal", vodataservice.temporal), ("spectral", vodataservice.spectral)):
        name = "time" if table == "temporal" else "spectral"
        rows = _rows(resource, f"stc_{table}")
        read(draft, [(row.get(f"{name}_start"), row.get(f"{name}_end")) for row in rows])
    regard = draft.number("extra.vo.region_of_regard", _text(resource, "region_of_regard"), 0, 360)
    draft.put_vo("region_of_regard", regard)


def _capabilities(draft: RegistryDraft, resource: Row) -> None:
    facts: dict[float, list[tuple[str, str]]] = {}
    for row in _rows(resource, "details"):
        path = _text(row, "detail_xpath")
        if path.startswith(_CAPABILITY):
            pair = (path.removeprefix(_CAPABILITY), _text(row, "detail_value"))
            facts.setdefault(_index(row, "cap_index"), []).append(pair)
    interfaces: dict[float, list[Row]] = {}
    for row in sorted(_rows(resource, "interfaces"), key=lambda row: _index(row, "intf_index")):
        interfaces.setdefault(_index(row, "cap_index"), []).append(row)
    for row in sorted(_rows(resource, "capabilities"), key=lambda row: _index(row, "cap_index")):
        index, standard = _index(row, "cap_index"), _text(row, "standard_id").lower()
        capability(draft, standard, _text(row, "cap_type").lower(), facts.get(index, ()))
        for inner in interfaces.pop(index, ()):
            _interface(draft, standard, inner)
    # what is left belongs to no capability: a resource's own accessURL is told so
    for rows in interfaces.values():
        for inner in rows:
            _interface(draft, "", inner)


def _interface(draft: RegistryDraft, standard: str, row: Row) -> None:
    role, kind = _text(row, "intf_role"), _text(row, "intf_type")
    mirrors = _words(row, "mirror_url")
    interface(draft, standard, kind, role, _text(row, "result_type"), [_text(row, "access_url")], mirrors)


def _index(row: Row, name: str) -> float:
    """A row's number among its kind; by value, because NaN beside integers makes clients write 1.0 for 1."""
    try:
        return float(_text(row, name) or -1)
    except ValueError:
        return -1.0
