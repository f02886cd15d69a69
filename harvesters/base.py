"""What a harvester is: it yields raw documents and deletions, and knows nothing of the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Fetched:
    """One raw document as the source gave it; ``raw is None``: the source says it is deleted.

    ``native_id`` is the source's own name for it in one spelling (ivoids in lower case).
    ``datestamp`` is the source's, UTC. ``format`` names the mapping (see ``mappings/registry.py``).
    """

    native_id: str
    raw: bytes | None
    format: str
    datestamp: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some documents, and where to go on after them.

    ``checkpoint`` is JSON that the same harvester understands after a restart; the runner saves it in the
    transaction that saves the documents. ``total`` is the source's own count, a hint.
    ``problems`` are documents that could not even be read: (native id or None, code, reason, raw).
    """

    items: list[Fetched]
    checkpoint: dict[str, Any]
    total: int | None = None
    problems: list[tuple[str | None, str, str, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Begin:
    """What the runner knows when a harvest starts.

    ``since`` is what :meth:`Harvester.since` returned after the last complete harvest, None for everything;
    ``checkpoint`` is that of the last saved page of a harvest that was cut short.
    """

    since: str | None = None
    checkpoint: dict[str, Any] | None = None


class Harvester(Protocol):
    """One source, one protocol.

    ``lists_all``: every harvest passes over all that is in scope, so what it did not show is missing.
    ``announces_deletions``: deletions come as ``Fetched(raw=None)`` for good (OAI-PMH ``persistent``); known
    after the first page.
    """

    lists_all: bool
    announces_deletions: bool

    def pages(self, begin: Begin) -> Iterator[Page]:
        """Yield pages to the end; raises ``SourceError`` when the source fails, hangs or lies."""

    def since(self, checkpoint: dict[str, Any]) -> str | None:
        """What the next incremental harvest starts from, given the last checkpoint of a complete one."""

    def identifiers(self) -> Iterator[list[str]]:
        """List all native ids in scope; raises ``SourceError`` when the listing is cut short."""

    def is_gone(self, native_id: str) -> bool:
        """Ask for one: True for 404, 410, a tombstone or out of scope; False when it is there after all."""
