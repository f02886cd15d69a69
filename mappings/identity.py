"""What makes records of several sources the same thing: equal keys, and nothing else.

A key is a version DOI, an IVOA identifier (without case), or a Rucio DID with its lake, that a record has itself or
names in a relation ``IsIdenticalTo``. A DOI that the record says to be a version of (its concept DOI) is none. Records
of unequal access have no key in common, because each key carries its record's access.

A change of what is a key, or of its hash, needs a migration that builds the clusters anew (``catalog/identity.py``).
"""

from __future__ import annotations

import functools
import hashlib
import re

import orjson

from mappings.citation import doi_of, identify, ivoid_of
from schemas.access import visible
from schemas.record import Record

_DID = re.compile(r"(?:([^/:\s]+)/)?([^/:\s]+:\S+)")  # lake/scope:name or scope:name
_EVERYBODY: frozenset[str] = frozenset()


def keys(record: Record) -> list[str]:
    """The record's keys, without repeats: ``doi:10.5281/zenodo.1``, ``ivoid:ivo://...``, ``rucio:lake/scope:name``.

    A key of a record that is not plainly open goes on with a NUL and that record's access.
    """
    relations = record.get("relations") or ()
    concepts = {doi_of(one["identifier"]) for one in relations if one["type"] == "IsVersionOf"} if relations else ()
    found: dict[str, None] = {}
    for one in record["identifiers"]:
        for key in _keys(one["scheme"], one["value"], record):
            found[key] = None
    for one in relations:
        if one["type"] == "IsIdenticalTo":
            other = identify(one["identifier"], one.get("scheme")) or {"scheme": "", "value": ""}
            for key in _keys(other["scheme"], other["value"], record):
                found[key] = None
    for concept in concepts:
        found.pop(f"doi:{concept}", None)
    access = _access(record)
    return [f"{key}\0{access}" for key in found] if access else list(found)


def key_hash(key: str) -> int:
    """64 bits as a signed integer, as databases keep them.

    The high 32 are hashed (BLAKE2b) from the key without the number at its end, and the low 32 are that number: what a
    source has numbered lies together on the disk, and is written there together. A key without one is hashed whole.
    """
    stem = key.rstrip("0123456789")
    number = key[len(stem) :]
    if 0 < len(number) < 10 and (number[0] != "0" or number == "0"):  # 01 and 1 are two keys
        return _hashed(stem) << 32 | int(number)
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)


@functools.lru_cache(maxsize=1000)  # a source numbers all that it has after few of them
def _hashed(stem: str) -> int:
    digest = hashlib.blake2b(stem.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, signed=True)


def shown(key: str) -> str:
    """A key for people."""
    return key.partition("\0")[0]


def _keys(scheme: str, value: str, record: Record) -> tuple[str, ...]:
    scheme = scheme.lower()
    if "\0" in value:  # it sets a key apart from its record's access
        return ()
    if scheme == "doi":
        return (f"doi:{doi}",) if (doi := doi_of(value)) else ()
    if scheme == "ivoid":
        return (f"ivoid:{ivoid_of(value)}",)
    if scheme == "rucio" or (scheme in ("other", "url", "urn") and value.startswith("rucio:")):
        return _dids(value.removeprefix("rucio:") if scheme != "rucio" else value, record)
    return ()


def _dids(value: str, record: Record) -> tuple[str, ...]:
    """A DID is its lake's: the one that it names, else that of its record's source.

    A source's lake goes by two names, the source's own and its server's address. So a record elsewhere can name it, and
    two sources that harvest one server meet.
    """
    said = _DID.fullmatch(value)
    if said is None:
        return ()
    lake, did = said.groups()
    if lake is not None:
        return (f"rucio:{lake.lower()}/{did}",)
    provenance = record.get("provenance") or {}
    endpoint = provenance.get("endpoint") if provenance.get("format") == "rucio" else None
    made = (f"rucio:{record['source'].lower()}/{did}",)
    return (*made, f"rucio:{endpoint.rstrip('/').lower()}/{did}") if endpoint else made


def _access(record: Record) -> str:
    """Who may see the record and have its data; empty for what everybody may."""
    rights = record.get("rights")
    if not rights or (level := rights.get("level", "open")) == "open":
        return ""
    groups = sorted(set(rights.get("groups") or ()))
    return orjson.dumps([level, visible(record, _EVERYBODY), groups]).decode()
