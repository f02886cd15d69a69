"""The errors that people meet.

Every error that leaves Asterism is an :class:`AsterismError`: a stable ``code`` for programs
(``area.what``), a sentence that says what is wrong and what to do next for people. HTTP status
codes live in ``api/`` alone, exit codes in ``asterism/`` alone.

    AsterismError
     ├─ QueryError          query.*         a search that cannot be understood
     ├─ RecordError         record.*        a record that breaks the schema
     ├─ MappingError        mapping.*       a raw document that cannot become a record
     ├─ SettingsError       settings.*      the configuration
     ├─ SourceError         source.*        a source that fails, hangs, lies or refuses
     ├─ StoreError          store.*         the record store
     ├─ SearchIndexError     index.*         the search index
     ├─ AccessError         access.*        a missing or wrong token
     ├─ PolicyError         policy.*        a placement policy
     └─ PlacementError      placement.*     hints, and what makes Rucio act on them
"""

from __future__ import annotations

from typing import Any, ClassVar


class AsterismError(Exception):
    """Base of all: ``code`` is stable, ``detail`` is a sentence, ``context`` holds JSON values."""

    area: ClassVar[str] = "asterism"

    def __init__(self, what: str, detail: str, **context: Any) -> None:
        super().__init__(detail)
        self.code = f"{self.area}.{what}"
        self.detail = detail
        self.context = context

    def __str__(self) -> str:
        return f"{self.detail} [{self.code}]"


class QueryError(AsterismError):
    area = "query"


class RecordError(AsterismError):
    area = "record"


class MappingError(AsterismError):
    area = "mapping"


class SettingsError(AsterismError):
    area = "settings"


class SourceError(AsterismError):
    area = "source"


class StoreError(AsterismError):
    area = "store"


class SearchIndexError(AsterismError):
    area = "index"


class AccessError(AsterismError):
    area = "access"


class PolicyError(AsterismError):
    area = "policy"


class PlacementError(AsterismError):
    area = "placement"
