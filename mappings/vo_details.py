"""What only some types of registry resource say, as (path, text) pairs in RegTAP's paths (RegTAP 1.1, appendix A)."""

from __future__ import annotations

from collections.abc import Iterable

from mappings.citation import language_of
from mappings.vo_capabilities import access
from mappings.vo_draft import RegistryDraft, line
from mappings.vo_identifiers import is_url

# path -> list in extra.vo
_LISTS = {
    "/managedAuthority": "managed_authorities",
    "/endorsedVersion": "endorsed_versions",
    "/schema/@namespace": "schema_namespaces",
    "/key/name": "standard_keys",
    "/format": "formats",
    "/sourceLanguage": "source_languages",
    "/executable/platform": "platforms",
    "/library/platform": "platforms",
    "/voStandard/@standardID": "standards",
    "/productTypeServed": "product_types",
    "/facility/@ivo-id": "facility_ids",
    "/instrument/@ivo-id": "instrument_ids",
}
# path -> word in extra.vo
_WORDS = {
    "/managingOrg": "managing_org",
    "/managingOrg/@ivo-id": "managing_org_id",
    "/deprecated": "deprecated",
    "/cost": "cost",
}
_BOOLEANS = {"/full": "full", "/openSource": "open_source"}
_PLACES = {
    "/accessURL": "document",
    "/executable/download": "download",
    "/library/download": "download",
    "/sourceCodeURL": "source code",
    "/sourceURI": "source code",
}


def details(draft: RegistryDraft, pairs: Iterable[tuple[str, str | None]]) -> None:
    """Put facilities, instruments and what else there is where it belongs; unknown paths are not kept."""
    for path, text in pairs:
        if word := line(text):
            _detail(draft, path, word)
    served = draft.vo.get("product_types", [])
    if len(served) == 1:
        draft.put("product_type", served[0])


def _detail(draft: RegistryDraft, path: str, word: str) -> None:
    kept = word.lower() if path.endswith("@ivo-id") else word
    match path:
        case "/facility":
            draft.add("facilities", word)  # as it is written; the index knows the other spellings
        case "/instrument":
            draft.add("instruments", word)
        case "/language":
            draft.put("language", language_of(word))
        case "/licence":
            draft.rights(word, None)
        case "/coverage/footprint":
            draft.put_vo("footprint_url", word if is_url(word) else None)
        case _ if path in _LISTS:
            draft.add_vo(_LISTS[path], kept)
        case _ if path in _WORDS:
            draft.put_vo(_WORDS[path], kept)
        case _ if path in _BOOLEANS:
            draft.put_vo(_BOOLEANS[path], word.lower() in ("true", "1"))
        case _ if path in _PLACES:
            _place(draft, path, word)


def _place(draft: RegistryDraft, path: str, url: str) -> None:
    if all(way["url"] != url for way in draft.record.get("access", ())):
        access(draft, url, name=_PLACES[path])
