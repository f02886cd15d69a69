"""The catalogue that the API and the searches ask: this machine's store and index (``api/catalogue.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from catalog import saved
from schemas.access import visible
from schemas.comparisons import comparison
from schemas.errors import AsterismError, QueryError
from schemas.grammar import parse_text
from schemas.query import Query, Region
from schemas.text import Words

if TYPE_CHECKING:
    from asterism.factory import Factory
    from catalog.documents import Tombstone
    from catalog.engine import Answer
    from catalog.runs import Run
    from catalog.saved import SavedQuery
    from mappings.healpix import Ints
    from placement.apply import Applier
    from schemas.hint import Hint
    from schemas.objects import KnownObject
    from schemas.record import Record

_EVERYBODY: frozenset[str] = frozenset()
_MOST_WORDS = 8  # of a query that are looked at for another spelling; each is a search


class LocalCatalogue:
    """See :class:`api.catalogue.Catalogue`, of which this is the one implementation."""

    def __init__(self, factory: Factory) -> None:
        self._factory = factory
        self._store = factory.store
        self._engine = factory.engine
        self.remote = factory.settings.elastic is not None

    def search(self, query: Query) -> Answer:
        return self._engine.search(self._located(query))

    def coverage(self, query: Query, order: int) -> Ints:
        return self._engine.coverage(self._located(query), order)

    def resolve(self, name: str) -> tuple[float, float] | None:
        found = self.place(name)
        return (found.ra, found.dec) if found else None

    def place(self, name: str) -> KnownObject | None:
        from schemas.objects import known_object

        found = known_object(name)
        if found is None and (resolver := self._factory.resolver) is not None:
            found = resolver.resolve(name)
        return found

    def saved_queries(self) -> list[SavedQuery]:
        return saved.listed(self._store)

    def saved_query(self, name: str) -> SavedQuery:
        return saved.get(self._store, name)

    def save_query(self, name: str, parameters: Sequence[tuple[str, str]]) -> bool:
        return saved.put(self._store, name, parameters, self.resolve)

    def remove_query(self, name: str) -> None:
        saved.remove(self._store, name)

    def datestamps(self, ids: Sequence[str]) -> dict[str, str]:
        return saved.datestamps(self._store, ids)

    def did_you_mean(self, query: Query) -> str | None:
        from mappings.suggest import asked_words, did_you_mean

        if query.text is None or query.words is None:
            return None
        near = {
            word: self.records(self._engine.near(word))
            for word in asked_words(query.words)[:_MOST_WORDS]
            if not self._engine.search(Query(text=word, words=Words(word), limit=0, groups=query.groups)).total
        }
        meant = did_you_mean(query.text, near) if near else None
        return meant if meant is not None and self._finds(query, meant) else None

    def _finds(self, query: Query, text: str) -> bool:
        """Whether ``query`` finds anything with ``text`` for its own."""
        try:
            words = parse_text(text, comparison)
        except QueryError:
            return False
        counted = replace(
            query, text=text, words=words, limit=0, cursor=None, sort=(), facets=(), histograms=(), density=None
        )
        return self.search(counted).total > 0

    def _located(self, query: Query) -> Query:
        """``query`` with the footprint of the record that its region names: its position, where it has no more."""
        if query.region is None or query.region.record is None:
            return query
        id = query.region.record
        record = self._store.get(id)
        if record is None or not (query.sees_all or visible(record, query.groups)):
            said = f"no record {id[:80]!r}, whose footprint is asked for"
            raise QueryError("unknown-record", said, parameter="footprint_of")
        if footprint := record.get("footprint"):
            return replace(query, region=Region(footprint))
        if position := record.get("position"):
            return replace(query, region=Region.circle(position["ra"], position["dec"], 0.0))
        said = f"the record {id} has no place on the sky"
        raise QueryError("no-footprint", said, parameter="footprint_of")

    def records(self, ids: Sequence[str]) -> list[Record]:
        # The index may be a moment behind the store: a record that has become restricted since is not shown.
        found = self._store.get_many(ids)
        return [found[id] for id in ids if id in found and visible(found[id], _EVERYBODY)]

    def record(self, id: str) -> Record | None:
        return self._store.get(id)

    def parts(self, id: str) -> list[Record]:
        return self._store.parts(id)

    def merged_into(self, id: str) -> str | None:
        return self._store.cluster_of(id)

    def raw(self, id: str) -> tuple[str, bytes] | None:
        return self._store.raw(id)

    def tombstone(self, id: str) -> Tombstone | None:
        return self._store.tombstone(id)

    def sources(self) -> list[dict[str, Any]]:
        counts = self._store.counts()
        return [
            {
                "name": state.name,
                "kind": state.kind,
                **counts.get(state.name, {}),
                "last_harvest": _harvest(state.last) if state.last else None,
            }
            for state in self._store.sources()
        ]

    def check_token(self, token: str) -> object | None:
        from catalog.tokens import check_token

        return check_token(self._store, token)

    def import_lines(self, lines: Iterable[bytes], source: str) -> Mapping[str, Any]:
        from catalog.importer import import_lines

        done = import_lines(self._store, lines, source)
        self._factory.indexer.catch_up(done.last_seq)
        return {"fetched": done.lines, **asdict(done.tally)}

    def hints(
        self,
        query: str | None,
        expression: str | None,
        actions: Sequence[str],
        policy: str | None,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Hint]]:
        from placement.kept import kept_hints, page

        placement = self._factory.placement
        placement.lake()  # before the first harvest there is nothing, which is no answer
        if query is None and expression is None:
            return page(self._store, actions, policy, limit, offset)
        found = kept_hints(self._store, shown=True)
        found = placement.narrowed(found, query, expression, actions, policy, sees_all=False)
        return len(found), found[offset : offset + limit]

    def placement(self, id: str) -> dict[str, Any]:
        return self._factory.placement.of_record(id)

    def applier(self) -> Applier:
        return self._factory.applier()

    def lake(self) -> dict[str, Any]:
        return self._factory.placement.state()

    def ready(self) -> list[str]:
        wrong: list[str] = []
        for part in (self._store.last_seq, self._engine.applied):
            try:
                part()
            except (AsterismError, OSError, ValueError) as error:  # a file that is gone or garbled among them
                wrong.append(str(error))
        return wrong

    def lag(self) -> int:
        return max(0, self._store.last_seq() - self._engine.applied())


def _harvest(run: Run) -> dict[str, Any]:
    return {
        "mode": run.mode,
        "status": run.status,
        "started": run.started,
        "ended": run.ended,
        "fetched": run.fetched,
        "new": run.tally.new,
        "changed": run.tally.changed,
        "deleted": run.tally.deleted,
        "quarantined": run.tally.quarantined,
        "error": run.error_code,
        "alarms": run.alarms,
    }
