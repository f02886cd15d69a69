"""Identifiers and addresses as registry records write them: URIs, bare DOIs, bare bibcodes."""

from __future__ import annotations

import re
from urllib.parse import unquote

from mappings.citation import doi_of, identify, ivoid_of

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(\S+)")
_BIBCODE = re.compile(r"(?:bibcode:|https?://(?:ui\.)?adsabs\.harvard\.edu/abs/)(\S{19})(?:/abstract)?", re.IGNORECASE)
_ORCID = re.compile(r"(?:orcid:|https?://(?:www\.)?orcid\.org/)", re.IGNORECASE)
_WEB = re.compile(r"(?:https?|ftps?)://[^\s<>\"]+", re.IGNORECASE)
# What a link may open. A registry is written by strangers: javascript: and data: are not ways to data.
_DATA = re.compile(r"(?:https?|ftps?|sftp|davs?|root|xroot|gsiftp|srm|s3|gs|ivo|vos|rsync)://[^\s<>\"]+", re.IGNORECASE)
_NOT_NAMES = ("doi", "http", "https", "ftp", "ivo", "javascript", "data", "mailto")


def identifier(text: str) -> tuple[str, str] | None:
    """(scheme, value without a resolver's address) of a URI, a bare DOI or a bare bibcode; None for other text."""
    text = text.strip()
    if not text or len(text.split()) > 1:
        return None
    if text[:6].lower() == "ivo://":
        return "ivoid", ivoid_of(text)
    if known := _by_form(text):
        return known
    found = _URI.fullmatch(text)
    if not found or found[1].lower() in _NOT_NAMES:
        return None
    return found[1].lower(), found[2]


def _by_form(text: str) -> tuple[str, str] | None:
    if doi := doi_of(text):
        return "doi", doi
    if found := _BIBCODE.fullmatch(unquote(text)):
        return "bibcode", found[1]
    if _ORCID.match(text):
        return "orcid", text
    known = identify(text)
    return (known["scheme"], known["value"]) if known and known["scheme"] != "other" else None


def is_url(text: str) -> bool:
    """Whether a browser may be sent there."""
    return bool(_WEB.fullmatch(text))


def is_data_url(text: str) -> bool:
    """Whether data may be got there."""
    return bool(_DATA.fullmatch(text))
