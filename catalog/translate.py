"""From a raw document to what the store keeps: mapping, validation, and what had to be left out.

Used by harvests and by ``remap`` alike. Whatever a mapping does, this gives an outcome: one document never stops
the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.documents import Put, Quarantined, checksum, encode
from catalog.pruning import validate_or_prune
from mappings.registry import mapping
from schemas.errors import AsterismError, MappingError, RecordError
from schemas.record import record_id

_MAX_VALUE = 200  # characters of a refused value that its reason shows


@dataclass(frozen=True, slots=True)
class Document:
    """A raw document and where it came from."""

    source: str
    native_id: str
    format: str
    raw: bytes
    endpoint: str | None = None
    datestamp: str | None = None
    harvested_at: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """``put`` is None when the document is refused, or when the source says in it that it is gone."""

    put: Put | None = None
    gone: bool = False
    quarantined: list[Quarantined] = field(default_factory=list)


def translate(document: Document, options: Mapping[str, Any]) -> Outcome:
    """Map and validate one document; ``options`` are the mapping's (a crosswalk, for one)."""
    if not document.native_id or "\0" in document.native_id:
        return _refused(document, "mapping.no-identifier", "the source gave the document no usable identifier")
    try:
        translator = mapping(document.format)
        mapped = translator.to_record(document.raw, options)
        if mapped.record is None:
            return Outcome(gone=True)
        record = mapped.record | {
            "id": record_id(document.source, document.native_id),
            "source": document.source,
            "provenance": _provenance(document, translator.VERSION),
        }
        encode(record)  # what JSON cannot carry makes the validator stumble
        pruned = validate_or_prune(record)
        encoded = encode(record)
    except (MappingError, RecordError) as error:
        return _refused(document, error.code, error.detail)
    except AsterismError as error:
        return _refused(document, "mapping.crash", str(error))
    except Exception as error:  # a document that no one foresaw: the mapping has a fault, the harvest goes on
        return _refused(document, "mapping.crash", f"the mapping failed: {type(error).__name__}: {error}")
    put = Put(document.native_id, record, document.raw, document.format, translator.VERSION, encoded)
    problems = [*_problems(mapped.problems), *((path, "record.invalid", reason) for path, reason in pruned)]
    return Outcome(put, quarantined=[_left_out(document, *problem) for problem in problems])


def _provenance(document: Document, version: int) -> dict[str, Any]:
    made = {
        "endpoint": document.endpoint,
        "native_id": document.native_id,
        "datestamp": document.datestamp,
        "harvested_at": document.harvested_at,
        "format": document.format,
        "mapping_version": version,
        "checksum": checksum(document.raw),
    }
    return {key: value for key, value in made.items() if value is not None}


def _problems(problems: Any) -> list[tuple[str, str, str]]:
    return [
        (one.field, one.code, one.reason if one.value is None else f"{one.reason}: {str(one.value)[:_MAX_VALUE]}")
        for one in problems
    ]


def _left_out(document: Document, name: str, code: str, reason: str) -> Quarantined:
    # the raw document is kept with the record, so not once more with each of its fields
    return Quarantined(document.native_id, code, reason, field=name, datestamp=document.datestamp)


def _refused(document: Document, code: str, reason: str) -> Outcome:
    entry = Quarantined(
        document.native_id or None,
        code,
        reason,
        raw=document.raw,
        format=document.format,
        datestamp=document.datestamp,
    )
    return Outcome(quarantined=[entry])
