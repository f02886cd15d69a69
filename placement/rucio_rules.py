"""Rucio's replication rules of one account: asked, made and changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

from harvesters.rucio_session import RucioSession, did_path
from mappings.rucio_state import hint_of
from schemas.errors import PlacementError

GONE = "gone"
FALLEN = frozenset({GONE, "STUCK", "SUSPENDED"})  # a rule in another state stands
# What Rucio says of itself, and not of the request: nobody knows what has become of that
_OF_THE_SERVER = frozenset({"DatabaseException"})


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as Rucio shows it. ``expires_at`` in Unix seconds, None for never; ``state`` is Rucio's."""

    id: str
    scope: str
    name: str
    account: str
    rse_expression: str
    state: str
    expires_at: float | None = None
    comment: str | None = None
    error: str | None = None
    locked: bool = False

    @property
    def hint(self) -> str | None:
        """The id of the hint that made it; None: it is somebody else's."""
        found = hint_of(self.comment)
        return found[0] if found else None


class Rules:
    """The rules of the session's account.

    Raises
    ------
    PlacementError
        ``placement.refused``: Rucio will not do it; ``context["kind"]`` is the class of its exception.
    SourceError
        No clear answer: what was asked may have been done, or not.
    """

    def __init__(self, session: RucioSession) -> None:
        self._session = session
        self.account = session.account

    def all(self) -> dict[str, Rule]:
        """Every rule of the account, by id."""
        rows = self._session.lines("/rules/", {"account": self.account})
        return {rule.id: rule for rule in map(self._rule, rows)}

    def on(self, scope: str, name: str) -> list[Rule]:
        """The rules on a DID itself, of any account; none on one that is not there."""
        path = f"{did_path(scope, name)}/rules"
        answer = self._session.get(path, accept=(404,))
        return [] if answer.status_code == 404 else [self._rule(row) for row in self._session.rows(answer, path)]

    def get(self, rule: str) -> Rule | None:
        """One rule of any account; None: there is no such rule."""
        path = f"/rules/{quote(rule, safe='')}"
        answer = self._session.get(path, accept=(404,))
        return None if answer.status_code == 404 else self._rule(self._session.parse(answer.content, path))

    def create(self, body: Mapping[str, Any]) -> str:
        """Make a rule; gives its id."""
        made = self._session.parse(self._write("POST", "/rules/", body).content, "/rules/")
        if not isinstance(made, list) or len(made) != 1 or not isinstance(made[0], str):
            raise self._session.unexpected("/rules/")
        return made[0]

    def set_lifetime(self, rule: str, seconds: float | None) -> None:
        """Let a rule end ``seconds`` from now; 0: with the next round of Rucio's judge-cleaner; None: never."""
        options = {"lifetime": None if seconds is None else max(0, round(seconds))}
        self._write("PUT", f"/rules/{quote(rule, safe='')}", {"options": options})

    def copies(self, scope: str, name: str) -> dict[str, bool]:
        """Where files of a dataset are available, counted file by file, and whether all of them are, by RSE."""
        path = f"/replicas/{quote(scope, safe='')}/{quote(name, safe='')}/datasets"
        answer = self._session.get(path, {"deep": "True"}, accept=(404,))
        rows = [] if answer.status_code == 404 else self._session.rows(answer, path)
        found = {}
        for row in rows:
            rse, there, whole = row.get("rse"), row.get("available_length"), row.get("length")
            if not isinstance(rse, str) or not isinstance(there, int | float | None):
                raise self._session.unexpected(path)
            if there:
                found[rse] = isinstance(whole, int | float) and there >= whole
        return found

    def holders(self, scope: str, name: str) -> dict[str, set[str]]:
        """The ids of the rules that lock a dataset, those on its containers among them, by RSE."""
        path = f"/locks/{quote(scope, safe='')}/{quote(name, safe='')}"
        answer = self._session.get(path, {"did_type": "dataset"}, accept=(404,))
        held: dict[str, set[str]] = {}
        for row in [] if answer.status_code == 404 else self._session.rows(answer, path):
            if not isinstance(rse := row.get("rse"), str) or not isinstance(rule := row.get("rule_id"), str):
                raise self._session.unexpected(path)
            held.setdefault(rse, set()).add(rule)
        return held

    def _write(self, method: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
        answer = self._session.write(method, path, body)
        if answer.is_success:
            return answer
        kind = answer.headers.get("ExceptionClass", "")
        if kind in _OF_THE_SERVER:
            raise self._session.unexpected(path)
        said = " ".join(answer.headers.get("ExceptionMessage", "").split())[:500]
        raise PlacementError("refused", f"{kind}: {said}" if said else kind, kind=kind)

    def _rule(self, row: Any) -> Rule:
        try:
            ends = row.get("expires_at")
            return Rule(
                id=row["id"],
                scope=row["scope"],
                name=row["name"],
                account=row["account"],
                rse_expression=row["rse_expression"],
                state=row["state"],
                expires_at=parsedate_to_datetime(ends).replace(tzinfo=UTC).timestamp() if ends else None,
                comment=said if isinstance(said := row.get("comments"), str) else None,
                error=row.get("error"),
                locked=bool(row.get("locked")),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._session.unexpected("/rules/") from None


def at(rules: Iterable[Rule], account: str, rse: str) -> Rule | None:
    """The rule of ``account`` that names ``rse``; before others one that a hint made."""
    ours = [rule for rule in rules if rule.account == account and rule.rse_expression == rse]
    return min(ours, key=lambda rule: (rule.hint is None, rule.id), default=None)
