"""What the API asks of the catalogue: one object, made by the composition root, that answers and keeps.

Everything here is synchronous; the routes decide on which thread it runs (see ``api/threads.py``).
All of it may be called from several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from catalog.documents import Tally, Tombstone
from catalog.engine import Answer
from catalog.saved import SavedQuery
from mappings.healpix import Ints
from schemas.hint import Hint
from schemas.objects import KnownObject
from schemas.query import Query
from schemas.record import Record

if TYPE_CHECKING:
    from placement.apply import Applier


class Catalogue(Protocol):
    """The store, the index and the tokens behind one door.

    ``id`` is always a record's own id. Access is the caller's business where a method does not say otherwise:
    ``search`` obeys ``query.groups``, the others give restricted records too, and the routes hide them.
    ``remote``: a search waits for another server, and must not do so in the event loop.
    """

    remote: bool

    def search(self, query: Query) -> Answer:
        """Answer from all committed changes; raises ``QueryError`` for what only the engine can refuse.

        A region that is the footprint of a record is looked up first; one with a position alone is that point.
        """

    def coverage(self, query: Query, order: int) -> Ints:
        """The union of all that matches, in whole HEALPix cells of ``order``: order-29 ranges, shape (n, 2)."""

    def resolve(self, name: str) -> tuple[float, float] | None:
        """The (ra, dec) of an object's name, degrees ICRS, or None."""

    def place(self, name: str) -> KnownObject | None:
        """The object of that name, and who says where it is."""

    def saved_queries(self) -> list[SavedQuery]:
        """All saved queries, by name."""

    def saved_query(self, name: str) -> SavedQuery:
        """One of them; raises ``query.no-saved-query``."""

    def save_query(self, name: str, parameters: Sequence[tuple[str, str]]) -> bool:
        """Save a query, in place of the one of that name; whether there was none. Raises ``QueryError``."""

    def remove_query(self, name: str) -> None:
        """Forget a saved query; raises ``query.no-saved-query``."""

    def datestamps(self, ids: Sequence[str]) -> dict[str, str]:
        """When each of these records changed here, ISO 8601 UTC."""

    def did_you_mean(self, query: Query) -> str | None:
        """Another ``q``, of words that are in the catalogue, for one that finds nothing; or None."""

    def records(self, ids: Sequence[str]) -> list[Record]:
        """The records of ``ids`` in that order, without those that are missing or no longer visible."""

    def record(self, id: str) -> Record | None:
        """One record, or None when there is none (never was, or deleted)."""

    def parts(self, id: str) -> list[Record]:
        """The sources' own records that the merged record of that id is made of; none for any other id."""

    def merged_into(self, id: str) -> str | None:
        """The id of the merged record that the record of that id is a part of, or None."""

    def raw(self, id: str) -> tuple[str, bytes] | None:
        """The source's own document and its format, as named in ``provenance.format``."""

    def tombstone(self, id: str) -> Tombstone | None:
        """What is left of a record that is deleted; None when it is there or never was."""

    def sources(self) -> list[dict[str, Any]]:
        """JSON values for each source: ``name``, ``kind``, counts, its last harvest. No secrets."""

    def check_token(self, token: str) -> object | None:
        """Who the token belongs to; None when it is unknown, revoked or expired."""

    def import_lines(self, lines: Iterable[bytes], source: str) -> Mapping[str, Any] | Tally:
        """Import JSON lines as records of ``source``; returns once the index has applied them.

        A bad line is quarantined and counted; it never stops the others.
        """

    def hints(
        self,
        query: str | None,
        expression: str | None,
        actions: Sequence[str],
        policy: str | None,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Hint]]:
        """The hints of the last planning on records that everybody may see, those that save most first.

        How many there are, and ``limit`` of them from ``offset`` on.

        Raises
        ------
        PlacementError
            ``placement.no-lake``, ``placement.no-state``.
        QueryError, PolicyError
            ``query`` or the RSE ``expression`` cannot be understood.
        """

    def placement(self, id: str) -> dict[str, Any]:
        """Where the data of a record are, where they should be, and why; JSON."""

    def applier(self) -> Applier:
        """What makes Rucio do what the hints of the last planning say; raises ``placement.no-lake``."""

    def lake(self) -> dict[str, Any]:
        """The state of the lake as it was harvested; JSON."""

    def ready(self) -> list[str]:
        """Sentences on what keeps it from answering; empty when it is ready."""

    def lag(self) -> int:
        """How many committed changes the index has not yet applied."""
