"""A source in memory that behaves, or misbehaves, as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harvesters.base import Begin, Fetched, Page
from schemas.errors import SourceError
from tests.catalog.records import raw_of


class FakeSource:
    """Documents by native id, each with the number of its last change; None: deleted and announced."""

    def __init__(self, *, lists_all: bool = False, announces: bool = False, page: int = 3) -> None:
        self.lists_all = lists_all
        self.announces_deletions = announces
        self.page = page
        self.clock = 0
        self.documents: dict[str, tuple[int, bytes | None]] = {}
        self.fail_after: int | None = None  # pages
        self.failure: BaseException = SourceError("unreachable", "the source does not answer")
        self.hidden: set[str] = set()  # there, but not listed
        self.unanswered: set[str] = set()  # nothing can be said about these
        self.total: int | None = None
        self.asked: list[str] = []
        self.begun: list[Begin] = []
        self.served: list[str] = []

    def set(self, name: str, title: str | None = None, **more: Any) -> None:
        self.clock += 1
        self.documents[name] = (self.clock, raw_of(title or name, name=name, **more))

    def announce(self, name: str) -> None:
        self.clock += 1
        self.documents[name] = (self.clock, None)

    def vanish(self, name: str) -> None:
        del self.documents[name]

    def pages(self, begin: Begin) -> Iterator[Page]:
        self.begun.append(begin)
        since = int(begin.since or 0)
        started = self.clock
        state = begin.checkpoint or {"after": 0, "started": started}
        names = sorted(self.documents, key=lambda name: self.documents[name][0])
        due = [n for n in names if self.documents[n][0] > max(since, state["after"]) and n not in self.hidden]
        served = 0
        for start in range(0, max(len(due), 1), self.page):
            if served == self.fail_after:
                raise self.failure
            some = due[start : start + self.page]
            self.served += some
            items = [Fetched(name, self.documents[name][1], "rucio", "2026-01-01T00:00:00Z") for name in some]
            after = max([state["after"], *(self.documents[name][0] for name in some)])
            served += 1
            yield Page(items, {"after": after, "started": state["started"]}, self.total)
        if served == self.fail_after:
            raise self.failure

    def since(self, checkpoint: dict[str, Any]) -> str | None:
        return None if self.lists_all else str(checkpoint["started"])

    def identifiers(self) -> Iterator[list[str]]:
        names = [name for name, (_, raw) in self.documents.items() if raw is not None and name not in self.hidden]
        for start in range(0, len(names), self.page):
            yield names[start : start + self.page]

    def is_gone(self, native_id: str) -> bool:
        self.asked.append(native_id)
        if native_id in self.unanswered:
            raise SourceError("timeout", "no answer")
        return self.documents.get(native_id, (0, None))[1] is None
