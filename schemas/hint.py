"""A hint: what to do with one dataset's replicas, and why. Plain data; ``document`` is its JSON, a public contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

Action = Literal["replicate", "extend", "release", "stage"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a stable code, a sentence with the numbers in it, and the numbers again for programs."""

    code: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing to do with one dataset.

    ``replicate``: make ``copies`` copies, one at each of ``to``; ``stage``: the same, and all sources are on tape;
    ``extend``: hold the copies at ``to`` for longer; ``release``: let our rules ``rules`` on the copies at
    ``from_rses`` end. ``bytes``: that move (replicate, stage), that are freed (release), 0 for extend. ``score``: reads
    in the window that it saves, weighted by how far away they would be read. ``confidence`` is from 0 to 1.
    ``lifetime``: seconds that the rules are to live, None for ever; ``rules``: of ours, by Rucio's id, that are
    extended or released. ``record``: the id of the dataset's record. Times are ISO 8601 UTC.
    """

    id: str
    scope: str
    name: str
    record: str
    action: Action
    rse_expression: str
    to: tuple[str, ...]
    from_rses: tuple[str, ...]
    copies: int
    bytes: int
    score: float
    confidence: float
    policy: str | None
    reasons: tuple[Reason, ...]
    created_at: str
    expires_at: str
    lifetime: int | None = None
    activity: str | None = None
    priority: int = 3
    rules: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "did": {"scope": self.scope, "name": self.name},
            "record": self.record,
            "action": self.action,
            "rse_expression": self.rse_expression,
            "to": list(self.to),
            "from": list(self.from_rses),
            "copies": self.copies,
            "bytes": self.bytes,
            "score": self.score,
            "confidence": self.confidence,
            "policy": self.policy,
            "reasons": [{"code": one.code, "text": one.text, **one.values} for one in self.reasons],
            "lifetime": self.lifetime,
            "activity": self.activity,
            "priority": self.priority,
            "rules": list(self.rules),
            "created_at": self.created_at,
            "expires_at": self.expires_at,
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Hint:
        """The hint of :meth:`document`, as it was kept."""
        reasons = tuple(
            Reason(one["code"], one["text"], {key: value for key, value in one.items() if key not in ("code", "text")})
            for one in document["reasons"]
        )
        return cls(
            id=document["id"],
            scope=document["did"]["scope"],
            name=document["did"]["name"],
            record=document["record"],
            action=cast(Action, document["action"]),
            rse_expression=document["rse_expression"],
            to=tuple(document["to"]),
            from_rses=tuple(document["from"]),
            copies=document["copies"],
            bytes=document["bytes"],
            score=document["score"],
            confidence=document["confidence"],
            policy=document["policy"],
            reasons=reasons,
            created_at=document["created_at"],
            expires_at=document["expires_at"],
            lifetime=document["lifetime"],
            activity=document["activity"],
            priority=document["priority"],
            rules=tuple(document["rules"]),
        )
