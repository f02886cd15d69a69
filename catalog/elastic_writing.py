"""Writing to Elasticsearch: versioned indices behind two aliases, and bulks that cannot undo newer ones.

    PREFIX-7        an index; the document ``state`` in it says how far it has come
    PREFIX          alias: what is searched
    PREFIX-write    alias: what changes go to

Every document carries its feed number as an external version, deletions too: they leave a small document that no search
finds, since the server itself forgets the version of a deleted one after a minute (``index.gc_deletes``).
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson

from catalog.elastic_client import WRITE_TIMEOUT, Connection, NotThere, reason
from catalog.engine import Change
from mappings.elastic import STATE, cells_of, fingerprint, index_document, mapping, tombstone
from mappings.thesaurus import Thesaurus
from schemas.errors import SearchIndexError

_BULK = 4_000_000  # bytes: some thousand documents
_ABREAST = 2  # bulks at a time: one is made while another is written
_PAUSES = (0.1, 0.3, 1.0, 3.0, 5.0, 10.0, 15.0)  # seconds, while the server rejects parts of a bulk
_BUSY, _CONFLICT = 429, 409
_LATER = "index.overloaded"
_REPLICAS = {"auto_expand_replicas": "0-1"}
_ALONE = {"auto_expand_replicas": "false", "number_of_replicas": 0}  # while it is built: copying it once is cheaper
_COPYING = 60  # seconds that a rebuild waits for replicas before it switches
_ANSWER = {"filter_path": "errors,items.*._id,items.*.status,items.*.error"}
WINDOW = 10_001  # hits of one answer: a page of 10,000, and one more that says whether there is another

Line = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class State:
    """How far an index has come, of which feed, and of what form its documents are."""

    applied: int
    feed: str
    fingerprint: str


class Writer:
    """The indices of one prefix; one process at a time writes (the caller's lease)."""

    def __init__(
        self, connection: Connection, prefix: str, settings: dict[str, Any], thesaurus: Thesaurus | None = None
    ) -> None:
        self._connection = connection
        self.prefix = prefix
        self._settings = settings
        self._thesaurus = thesaurus

    def state(self, index: str | None = None) -> State | None:
        """The state of an index, or of what is searched; None where there is none.

        Raises
        ------
        SearchIndexError
            ``index.other-format``
        """
        try:
            found = self._connection.ask("GET", f"/{index or self.prefix}/_doc/{STATE}")["_source"]
        except NotThere:
            return None
        state = State(found["applied"], found["feed"], found["fingerprint"])
        if state.fingerprint != fingerprint(self._thesaurus):
            raise SearchIndexError("other-format", "another version made this index: run `asterism reindex`")
        return state

    def apply(self, changes: Iterable[Change], upto: int, feed: str) -> None:
        """See :meth:`catalog.engine.Engine.apply`."""
        state = self.state()
        if state is None and not self.aliased():
            self._create(f"{self.prefix}-{max(self._numbers(), default=0) + 1}", [self.prefix, f"{self.prefix}-write"])
        goal = f"{self.prefix}-write"
        self._write(goal, changes)
        self._publish(goal, max(upto, state.applied if state else 0), feed)

    def rebuild(self, batches: Iterable[tuple[Iterable[Change], int]], feed: str) -> None:
        """See :meth:`catalog.engine.Engine.rebuild`: the aliases move in one step, then the old indices go."""
        old = self.aliased()
        numbers = self._numbers()
        for name in numbers.values():
            if name not in old:  # of a rebuild that was killed
                self._delete(name)
        beside = f"{self.prefix}-{max(numbers, default=0) + 1}"
        goal = f"{beside}-build"  # goes with the index: a rebuild that was overtaken cannot write any more
        self._create(beside, [goal])
        try:
            reached = 0
            for changes, upto in batches:
                self._write(goal, changes)
                reached = upto
            self._publish(goal, reached, feed)
            self._replicate(beside)
            moves = [{"remove": {"index": name, "alias": alias}} for name, found in old.items() for alias in found]
            moves += [{"add": {"index": beside, "alias": alias}} for alias in (self.prefix, f"{self.prefix}-write")]
            moves.append({"remove": {"index": beside, "alias": goal}})
            self._connection.ask("POST", "/_aliases", {"actions": moves}, timeout=WRITE_TIMEOUT)
        except BaseException:
            if not self._may_be_searched(beside):
                self._delete(beside)
            raise
        for name in old:
            self._delete(name)

    def aliased(self) -> dict[str, list[str]]:
        """The indices that our aliases stand for, with those aliases."""
        ours = {self.prefix, f"{self.prefix}-write"}
        found = self._connection.ask("GET", f"/{self.prefix}-*/_alias")
        return {name: sorted(said) for name, one in found.items() if (said := ours & set(one["aliases"]))}

    def _may_be_searched(self, index: str) -> bool:
        """Whether the aliases stand for it, as far as we can know: an answer may have been lost on its way."""
        try:
            return index in self.aliased()
        except (NotThere, SearchIndexError):
            return True

    def _numbers(self) -> dict[int, str]:
        """All indices of the prefix by number."""
        found = self._connection.ask("GET", f"/{self.prefix}-*/_alias")
        named = {name: re.fullmatch(rf"{re.escape(self.prefix)}-(\d+)", name) for name in found}
        return {int(one[1]): name for name, one in named.items() if one}

    def _create(self, name: str, aliases: list[str]) -> None:
        settings = {
            "refresh_interval": "-1",  # a search sees a batch when all of it is there
            **_REPLICAS,
            "max_result_window": WINDOW,
            "max_regex_length": 20_000,
            **self._settings,
            **(_ALONE if self.prefix not in aliases else {}),
        }
        body = {
            "settings": {"index": settings},
            "mappings": mapping(),
            "aliases": {alias: {} for alias in aliases},
        }
        self._connection.ask("PUT", f"/{name}", body, timeout=WRITE_TIMEOUT)

    def _replicate(self, index: str) -> None:
        """Have the index copied to other nodes, and wait for the copies a while; they go on by themselves."""
        made = {name: self._settings.get(name, _REPLICAS.get(name)) for name in _ALONE}
        self._connection.ask("PUT", f"/{index}/_settings", {"index": made}, timeout=WRITE_TIMEOUT)
        with contextlib.suppress(SearchIndexError):  # 408, or no answer
            params = {"wait_for_status": "green", "timeout": f"{_COPYING}s"}
            self._connection.ask("GET", f"/_cluster/health/{index}", params=params, timeout=WRITE_TIMEOUT)

    def _delete(self, name: str) -> None:
        try:
            self._connection.ask("DELETE", f"/{name}", timeout=WRITE_TIMEOUT)
        except NotThere:
            pass
        except SearchIndexError as error:  # it is taken away by the next rebuild
            if error.code == "index.refused":
                raise

    def _publish(self, index: str, applied: int, feed: str) -> None:
        """Let searches see what has been written, then say so; a number never goes back."""
        self._connection.ask("POST", f"/{index}/_refresh", timeout=WRITE_TIMEOUT)
        made = {"applied": applied, "feed": feed, "fingerprint": fingerprint(self._thesaurus)}
        head = {"index": {"_id": STATE, "version": applied, "version_type": "external_gte"}}
        self._send(index, [(orjson.dumps(head), orjson.dumps(made))])

    # --- bulks -----------------------------------------------------------------------------------------------

    def _write(self, index: str, changes: Iterable[Change]) -> None:
        """All of the changes; an older version of a record leaves a newer one as it is."""
        under_way: deque[Future[None]] = deque()
        with ThreadPoolExecutor(_ABREAST, thread_name_prefix="bulk") as pool:
            try:
                for part in _parts(changes, self._thesaurus):
                    if len(under_way) == _ABREAST:
                        under_way.popleft().result()
                    under_way.append(pool.submit(self._send, index, part))
                for one in under_way:
                    one.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _send(self, index: str, part: list[Line]) -> None:
        """One bulk; what the server has no room for is sent again after a pause.

        Raises
        ------
        SearchIndexError
            ``index.write-failed``, ``index.overloaded`` and those of :meth:`Connection.ask`.
        """
        for pause in (*_PAUSES, None):
            part = self._rejected(index, part)
            if not part:
                return
            if pause is not None:
                time.sleep(pause)
        raise SearchIndexError("overloaded", "Elasticsearch goes on rejecting what is written: look at its load")

    def _rejected(self, index: str, part: list[Line]) -> list[Line]:
        """Send a bulk once; gives what should be sent again."""
        try:
            answer = self._connection.ask(
                "POST",
                f"/{index}/_bulk",
                [line for pair in part for line in pair],
                params=_ANSWER | {"require_alias": "true"},
                timeout=WRITE_TIMEOUT,
            )
        except NotThere as error:
            raise SearchIndexError(
                "write-failed", f"the index {index} is gone ({error}): run `asterism reindex`"
            ) from error
        except SearchIndexError as error:
            if error.code == _LATER:
                return part
            raise
        if not answer["errors"]:
            return []
        again = []
        for pair, item in zip(part, answer["items"], strict=True):
            found = item["index"]
            if found["status"] == _BUSY:
                again.append(pair)
            elif found["status"] != _CONFLICT and "error" in found:
                raise SearchIndexError(
                    "write-failed", f"Elasticsearch refuses the record {found['_id']}: {reason(found)}; run it again"
                )
        return again


def _parts(changes: Iterable[Change], thesaurus: Thesaurus | None) -> Iterator[list[Line]]:
    """Bulks of the newest change of each record."""
    newest: dict[str, Change] = {}
    for change in changes:
        if change.id not in newest or newest[change.id].seq < change.seq:
            newest[change.id] = change
    part: list[Line] = []
    size = 0
    for change, cell in zip(newest.values(), cells_of([one.record for one in newest.values()]), strict=True):
        head = {"index": {"_id": change.id, "version": change.seq, "version_type": "external_gte"}}
        made = (
            tombstone(change.id, change.seq)
            if change.record is None
            else index_document(change.seq, change.record, change.view, thesaurus, cell=cell)
        )
        pair = orjson.dumps(head), orjson.dumps(made)
        if part and size + len(pair[1]) > _BULK:
            yield part
            part, size = [], 0
        part.append(pair)
        size += len(pair[1])
    if part:
        yield part
