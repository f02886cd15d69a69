"""What goes into the store and comes out of it, as plain data."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import orjson

from schemas.errors import RecordError, StoreError
from schemas.record import Record

_ZLIB_LEVEL = 3  # XML to a sixth in 60 us for 5 kB; level 6 saves another 5 % in twice the time
# provenance that says how a record came in, not what it says: another value alone is no change of the record. A
# datestamp moves when a server stamps all anew, and in Rucio when the data are read
_HOW = ("harvested_at", "checksum", "mapping_version", "datestamp")


@dataclass(frozen=True, slots=True)
class Put:
    """One valid record, with ``id`` and ``source``, and the raw document that it was made from, if any.

    ``encoded`` is what :func:`encode` gave for it, for those who made sure that it can be stored.
    """

    native_id: str
    record: Record
    raw: bytes | None = None
    format: str | None = None
    mapping_version: int | None = None
    encoded: tuple[bytes, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something left out: a whole document where ``field`` is None, else that field of a record that stands.

    ``place`` says where it was met, for documents without a name (``records.jsonl, line 17``). ``format`` and
    ``datestamp`` are what a later mapping needs to try again.
    """

    native_id: str | None
    code: str
    reason: str
    field: str | None = None
    raw: bytes | None = None
    format: str | None = None
    datestamp: str | None = None
    place: str | None = None
    source: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of a transaction: records by what happened to them, and documents quarantined wholly or in part."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Tally)))


@dataclass(frozen=True, slots=True)
class HarvestProgress:
    """How far a run has come, saved in the transaction that saves its documents.

    ``seen`` are the native ids met besides those of the documents saved; with ``track`` all that were met are kept
    for the difference at the end. ``checkpoint`` is None while the page is not all saved.
    """

    run: int
    checkpoint: dict[str, Any] | None
    fetched: int
    total: int | None = None
    seen: Sequence[str] = ()
    track: bool = False


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a deleted record: when (UTC) and why."""

    id: str
    source: str
    native_id: str
    at: str
    reason: str


def encode(record: Record) -> tuple[bytes, bytes]:
    """The record as JSON bytes, and the checksum of what it says (blake2b-128, whatever the order of its keys).

    Raises
    ------
    RecordError
        ``record.unstorable``: integers beyond 64 bits, lone surrogates and the like, which JSON cannot carry.
    """
    try:
        doc = orjson.dumps(record)
        said = record
        if (provenance := record.get("provenance")) is not None:
            said = {**record, "provenance": {key: value for key, value in provenance.items() if key not in _HOW}}
        canonical = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError) as error:
        raise RecordError("unstorable", f"not representable as JSON: {error}") from error
    return doc, hashlib.blake2b(canonical, digest_size=16).digest()


def checksum(raw: bytes) -> str:
    """The checksum of a raw document, as in ``provenance.checksum``: blake2b-128 (RFC 7693), hex."""
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def compress(body: bytes) -> tuple[str, bytes]:
    """(encoding, body) as the store keeps it."""
    return "zlib", zlib.compress(body, _ZLIB_LEVEL)


def decompress(encoding: str, body: bytes) -> bytes:
    """What :func:`compress` was given."""
    if encoding != "zlib":
        raise StoreError("too-new", f"a raw document is kept as {encoding!r}, which this version cannot read; upgrade")
    return zlib.decompress(body)
