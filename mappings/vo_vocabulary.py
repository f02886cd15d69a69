"""The registry's words and what they become: resource types, relationships, date roles, content levels and types.

Registries write them in several generations and RegTAP in lower case, so every table is asked without case.
"""

from __future__ import annotations

import functools
import re

from mappings.citation import DATES, vocabulary_word

_WORDS = 1024  # kept by each function here: the vocabularies are small, but a source may write nonsense without end

# Namespace of a registry extension -> its canonical prefix (RegTAP 1.1, section 5: "vs:catalogservice")
PREFIXES = {
    "VOResource": "vr",
    "VODataService": "vs",
    "VORegistry": "vg",
    "StandardsRegExt": "vstd",
    "DocRegExt": "doc",
    "VOApplication": "va",
    "CEA": "cea",
    "ConeSearch": "cs",
    "SIA": "sia",
    "SSA": "ssap",
    "SLAP": "slap",
    "TAPRegExt": "tr",
    "VOEventRegExt": "voe",
}
_NAMESPACE = re.compile(r"^https?://(?:www\.)?ivoa\.net/xml/([A-Za-z]+)/v(\d+(?:\.\d+)?)")

KIND_OF_TYPE = {
    "vr:organisation": "organisation",
    "vr:service": "service",
    "vs:datacollection": "collection",
    "vs:dataresource": "collection",
    "vs:catalogresource": "collection",
    "vs:dataservice": "service",
    "vs:tableservice": "service",
    "vs:catalogservice": "service",
    "vs:standardstc": "standard",
    "vg:registry": "registry",
    "vg:authority": "authority",
    "vstd:standard": "standard",
    "vstd:servicestandard": "standard",
    "vstd:standardkeyenumeration": "standard",
    "doc:document": "publication",
    "va:application": "software",
    "va:desktopapplication": "software",
    "va:softwarelibrary": "software",
    "cea:ceaapplication": "software",
    "cea:ceahttpapplication": "software",
    "cea:ceaservice": "service",
    "voe:voeventserver": "service",
    "voe:voeventstream": "collection",
}
_LOCALS = {name.partition(":")[2]: name for name in KIND_OF_TYPE}


@functools.lru_cache(maxsize=_WORDS)
def family(namespace: str) -> tuple[str, str] | None:
    """(name, version) of an IVOA schema: ``("VODataService", "1.1")``; None for any other namespace."""
    found = _NAMESPACE.match(namespace)
    return (found[1], found[2]) if found else None


def elsewhere(resource_type: str) -> str | None:
    """The right name of a type whose prefix stands for the wrong schema: vg:catalogservice is vs:catalogservice."""
    prefix, _, local = resource_type.partition(":")
    right = _LOCALS.get(local)
    if right is None or right == resource_type or prefix not in PREFIXES.values():
        return None
    return right


def _table(words: str) -> dict[str, str]:
    return {_key(word): word for word in words.split()}


def _key(word: str) -> str:
    return re.sub(r"[\s_-]+", "", word).lower()


# IVOA's own relationships (http://www.ivoa.net/rdf/voresource/relationship_type), and the words of VOResource 1.0
# (section 3.2.3) that 1.1 deprecates; the rest of the vocabulary is DataCite's
_RELATIONS = _table("IsServedBy IsServiceFor IsRelatedTo") | {
    "mirrorof": "IsIdenticalTo",
    "servicefor": "IsServiceFor",
    "servedby": "IsServedBy",
    "derivedfrom": "IsDerivedFrom",
    "relatedto": "IsRelatedTo",
}


@functools.lru_cache(maxsize=_WORDS)
def relation_type(word: str) -> str:
    """A relationship in DataCite's spelling; an unknown one in CamelCase."""
    return _RELATIONS.get(_key(word)) or vocabulary_word("".join(map(_capital, re.split(r"[\s_-]+", word.strip()))))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


# IVOA's date_role vocabulary follows DataCite's dateType; VOResource 1.0 had words of its own
_DATES = {word.lower(): word for word in DATES} | {
    "creation": "Created",
    "update": "Updated",
    "modified": "Updated",
    "publication": "Issued",
    "published": "Issued",
    "released": "Issued",
    "release": "Issued",
}


@functools.lru_cache(maxsize=_WORDS)
def date_type(role: str) -> str:
    """DataCite's type of a curation date; ``representative`` (VOResource's default) has none and is ``Other``."""
    return _DATES.get(_key(role), "Other")


# http://www.ivoa.net/rdf/voresource/content_level and content_type
_CONTENT = {
    word.lower(): word
    for word in (
        "General",
        "Elementary Education",
        "Middle School Education",
        "Secondary Education",
        "Community College",
        "University",
        "Research",
        "Amateur",
        "Informal Education",
        "Other",
        "Archive",
        "Bibliography",
        "Catalog",
        "Journal",
        "Library",
        "Simulation",
        "Survey",
        "Transformation",
        "Education",
        "Outreach",
        "EPOResource",
        "Animation",
        "Artwork",
        "Background",
        "BasicData",
        "Historical",
        "Photographic",
        "Photograph",
        "Press",
        "Organisation",
        "Project",
        "Registry",
    )
}


def content_word(word: str) -> str:
    """A content type or level in its vocabulary's spelling."""
    return _CONTENT.get(word.lower(), word)


_INTERFACES = _table("WebBrowser WebService ParamHTTP OAIHTTP OAISOAP")


@functools.lru_cache(maxsize=_WORDS)
def interface_type(name: str) -> str:
    """The local name of an interface's type, in its schema's spelling: ``vr:webbrowser`` is ``WebBrowser``."""
    local = name.rpartition(":")[2]
    return _INTERFACES.get(local.lower(), local)
