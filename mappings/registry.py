"""Which mapping reads which form of raw document. A mapping is imported when its first document comes."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from mappings.outcome import Mapped
from schemas.errors import MappingError

# each is the name of the module, mappings/<format>.py
FORMATS = ("voresource", "regtap", "rucio", "invenio", "datacite", "oai_dc")


class InwardMapping(Protocol):
    """What a mapping module offers."""

    VERSION: int

    def to_record(self, raw: bytes, options: Mapping[str, Any]) -> Mapped:
        """Translate one raw document; raises ``MappingError`` when it cannot become a record at all."""


@functools.cache
def mapping(format: str) -> InwardMapping:
    """The mapping for raw documents of ``format``.

    Raises
    ------
    MappingError
        ``mapping.unknown-format``.
    """
    if format not in FORMATS:
        raise MappingError("unknown-format", f"no mapping reads {format!r}; there is {', '.join(FORMATS)}")
    return cast(InwardMapping, importlib.import_module(f"mappings.{format}"))
