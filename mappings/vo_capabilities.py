"""Capabilities and interfaces of a service: ``access[]``, and what they can do in ``extra.vo.capabilities[]``.

Capability metadata come as (path, text) pairs, paths as RegTAP 1.1 (appendix A) writes them below ``/capability/``:
``maxSR``, ``testQuery/ra``, ``dataModel/@ivo-id``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from mappings.vo_draft import RegistryDraft, line
from mappings.vo_identifiers import is_data_url
from mappings.vo_vocabulary import interface_type

# path -> (name in extra.vo.capabilities, least, greatest): SimpleDALRegExt 1.2, TAPRegExt 1.0, VORegistry 1.1
_ANGLE = (0.0, 180.0)
_COUNT = (0.0, math.inf)
_NUMBERS: dict[str, tuple[str, float, float]] = {
    "maxSR": ("max_sr", *_ANGLE),
    "maxSearchRadius": ("max_search_radius", *_ANGLE),
    "maxAperture": ("max_aperture", *_COUNT),
    "maxRecords": ("max_records", *_COUNT),
    "defaultMaxRecords": ("default_max_records", *_COUNT),
    "maxFileSize": ("max_file_size", *_COUNT),
    "executionDuration/default": ("execution_duration_default", *_COUNT),
    "executionDuration/hard": ("execution_duration_hard", *_COUNT),
    "retentionPeriod/default": ("retention_period_default", *_COUNT),
    "retentionPeriod/hard": ("retention_period_hard", *_COUNT),
    "outputLimit/default": ("output_limit_default", *_COUNT),
    "outputLimit/hard": ("output_limit_hard", *_COUNT),
    "maxQueryRegionSize/long": ("max_query_region_long", 0.0, 360.0),
    "maxQueryRegionSize/lat": ("max_query_region_lat", *_ANGLE),
    "maxImageExtent/long": ("max_image_extent_long", 0.0, 360.0),
    "maxImageExtent/lat": ("max_image_extent_lat", *_ANGLE),
    "maxImageSize": ("max_image_size", *_COUNT),
    "maxImageSize/long": ("max_image_size_long", *_COUNT),
    "maxImageSize/lat": ("max_image_size_lat", *_COUNT),
}
_TEST_NUMBERS = {
    "ra": (0.0, 360.0),
    "dec": (-90.0, 90.0),
    "sr": _ANGLE,
    "pos/long": (0.0, 360.0),
    "pos/lat": (-90.0, 90.0),
    "size/long": (0.0, 360.0),
    "size/lat": _ANGLE,
    "verb": (1.0, 3.0),
}
_BOOLEANS = {"verbosity": "verbosity"}
_WORDS = {
    "extensionSearchSupport": "extension_search_support",
    "complianceLevel": "compliance_level",
    "imageServiceType": "image_service_type",
    "interface/testQueryString": "test_query_string",
}
_LISTS = {
    "creationType": "creation_types",
    "dataSource": "data_sources",
    "dataModel/@ivo-id": "data_models",
    "language/name": "languages",
    "language/version/@ivo-id": "language_versions",
    "optionalProtocol": "optional_protocols",
    "outputFormat/mime": "output_formats",
    "supportedFrame": "supported_frames",
    "uploadMethod/@ivo-id": "upload_methods",
    "interface/securityMethod/@standardID": "security_methods",
}
_IVOIDS = {"data_models", "language_versions", "upload_methods", "security_methods"}


def capability(draft: RegistryDraft, standard_id: str, type_name: str, pairs: Iterable[tuple[str, str | None]]) -> None:
    """Add one capability to ``extra.vo.capabilities``."""
    made: dict[str, Any] = {}
    if standard_id:
        made["standard_id"] = standard_id
    if type_name:
        made["type"] = type_name
    for path, text in pairs:
        _read(draft, made, path, line(text))
    if made:
        draft.add_vo("capabilities", made)


def _read(draft: RegistryDraft, made: dict[str, Any], path: str, text: str) -> None:
    if not text:
        return
    if path in _NUMBERS:
        name, low, high = _NUMBERS[path]
        if (value := draft.number(f"extra.vo.capabilities.{name}", text, low, high)) is not None:
            made[name] = _whole(value)
    elif path.startswith("testQuery/"):
        _test_query(draft, made, path.removeprefix("testQuery/"), text)
    elif name := _BOOLEANS.get(path, ""):
        if text.lower() in ("true", "false", "1", "0"):
            made[name] = text.lower() in ("true", "1")
        else:
            draft.problem(f"extra.vo.capabilities.{name}", "not-a-boolean", f"{path} is true or false", text)
    elif name := _WORDS.get(path, ""):
        made[name] = text
    elif name := _LISTS.get(path, ""):
        value_ = text.lower() if name in _IVOIDS else text
        if value_ not in (items := made.setdefault(name, [])):
            items.append(value_)


def _test_query(draft: RegistryDraft, made: dict[str, Any], path: str, text: str) -> None:
    name = path.replace("/", "_").lower()
    if path in _TEST_NUMBERS:
        value = draft.number(f"extra.vo.capabilities.test_query.{name}", text, *_TEST_NUMBERS[path])
        if value is not None:
            made.setdefault("test_query", {})[name] = _whole(value)
    elif path in ("queryDataCmd", "catalog", "extras"):
        made.setdefault("test_query", {})["command" if path == "queryDataCmd" else name] = text


def interface(
    draft: RegistryDraft,
    standard_id: str,
    type_name: str | None,
    role: str | None,
    result_type: str | None,
    urls: Iterable[str | None],
    mirrors: Iterable[str | None] = (),
) -> None:
    """Add an interface's addresses to ``access``.

    The protocol is the capability's standard id, but a page for people inside a standard capability does not
    speak it: that, and an interface without a standard, has its address's own scheme.
    """
    kind = interface_type((type_name or "").strip())
    name = line(role) or kind
    protocol = "" if kind == "WebBrowser" else standard_id
    for url in urls:
        access(draft, url, name=name, protocol=protocol, media_type=line(result_type))
    for url in mirrors:
        access(draft, url, name="mirror", protocol=protocol, media_type=line(result_type))


def access(draft: RegistryDraft, url: str | None, *, name: str = "", protocol: str = "", media_type: str = "") -> None:
    """Add one way to the data."""
    if not (url := (url or "").strip()):
        return
    if not is_data_url(url):
        draft.problem("access", "bad-url", "the access URL is not an address that data are got from", url)
        return
    way = {"url": url, "name": name, "protocol": protocol or url.partition(":")[0].lower(), "media_type": media_type}
    draft.add("access", {key: value for key, value in way.items() if value})


def _whole(value: float) -> float | int:
    return int(value) if value.is_integer() else value
