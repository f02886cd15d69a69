"""Rights in the words of repositories: info:eu-repo access terms, COAR access rights, licences."""

from __future__ import annotations

import re
from typing import Any

from mappings.citation import licence_of
from mappings.draft import Draft

# info:eu-repo/semantics/..., and the COAR access rights vocabulary 1.0
_LEVELS = {
    "openaccess": "open",
    "embargoedaccess": "embargoed",
    "restrictedaccess": "restricted",
    "closedaccess": "restricted",
    "metadataonlyaccess": "restricted",
    "c_abf2": "open",
    "c_f1cf": "embargoed",
    "c_16ec": "restricted",
    "c_14cb": "restricted",
}
_TERM = re.compile(r"(?:info:eu-repo/semantics/|https?://purl\.org/coar/access_right/)(\w+)/?", re.IGNORECASE)


def access_level(text: str) -> str | None:
    """Give the level that an access term names, ``""`` for a term that is unknown, None when it is no such term."""
    word = text.strip()
    if found := _TERM.fullmatch(word):
        return _LEVELS.get(found[1].casefold(), "")
    return _LEVELS.get(word.replace(" ", "").casefold())


def set_rights(draft: Draft, levels: list[str], licence: str | None, statements: list[str], until: str | None) -> None:
    """Set ``rights`` from what was found; the strictest level counts.

    A document of a public OAI-PMH or DataCite service shows restricted data to everyone, so it is discoverable.
    """
    rights: dict[str, Any] = {}
    for level in ("restricted", "embargoed", "open"):
        if level in levels:
            rights["level"] = level
            if level != "open":
                rights["discoverable"] = True
            break
    if licence:
        rights["licence"] = licence
    if statements:
        rights["statement"] = "; ".join(dict.fromkeys(statements))
    if until and rights.get("level") == "embargoed":
        rights["embargo_until"] = until
    draft.put("rights", rights)


def read_rights(draft: Draft, document: dict[str, Any]) -> None:
    """Read DataCite's ``rightsList``; an embargo ends on the date of type Available."""
    levels, statements, licences = [], [], []
    for place, written in draft.each(document.get("rightsList"), "rightsList"):
        item = written if isinstance(written, dict) else {"rights": written}
        words = draft.line(item.get("rights"), place)
        uri = draft.line(item.get("rightsUri", item.get("rightsURI")), place)
        identifier = draft.line(item.get("rightsIdentifier"), place)
        terms = {word: access_level(word) for word in (words, uri, identifier) if word}
        levels += [level for level in terms.values() if level]
        identifier, uri, words = (
            None if terms.get(word or "") is not None else word for word in (identifier, uri, words)
        )
        if found := licence_of(identifier, uri):
            licences.append(found)
        if words:
            statements.append(words)
    until = [date["date"] for date in draft.record.get("dates", ()) if date["type"] == "Available"]
    # one that has an SPDX id says more than an address
    licences.sort(key=lambda licence: "//" in licence)
    set_rights(draft, levels, licences[0] if licences else None, statements, until[0] if until else None)
