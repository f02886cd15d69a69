"""A policy: which data (a query), where (an RSE expression), how many copies, for how long."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.amounts import duration
from schemas.errors import PolicyError

KEYS = {
    "name": "its name: up to 64 small letters, digits and hyphens",
    "query": "which datasets: a query string of /api/v1/search, or the name of a saved query",
    "rse_expression": "where, in Rucio's grammar of RSE expressions",
    "copies": "how many complete copies there",
    "lifetime": "how long a rule lives, such as 90d; without it for ever",
    "priority": "1 (least) to 5; 3 if unsaid",
    "activity": "Rucio's activity of the rules, in place of the lake's",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_MOST_COPIES = 20
DEFAULT_PRIORITY = 3


@dataclass(frozen=True, slots=True)
class Policy:
    """``query`` is a query string or the name of a saved query; ``lifetime`` in seconds, None: for ever.

    ``version`` counts the documents that had this name; one of the settings file is always 0.
    """

    name: str
    query: str
    rse_expression: str
    copies: int = 1
    lifetime: int | None = None
    priority: int = DEFAULT_PRIORITY
    activity: str | None = None
    version: int = 0

    @property
    def saved_query(self) -> str | None:
        """The name of the saved query that ``query`` is, if it is one: a query string has a ``=`` in it."""
        return None if "=" in self.query or not self.query else self.query

    def document(self) -> dict[str, Any]:
        """As it is written in a file; ``lifetime`` in whole seconds."""
        made: dict[str, Any] = {
            "name": self.name,
            "query": self.query,
            "rse_expression": self.rse_expression,
            "copies": self.copies,
            "priority": self.priority,
        }
        if self.lifetime is not None:
            made["lifetime"] = f"{self.lifetime}s"
        if self.activity is not None:
            made["activity"] = self.activity
        return made


def read_policy(document: Mapping[str, Any], where: str, version: int = 0) -> Policy:
    """Check one policy document; ``where`` names it in messages.

    What the query and the RSE expression say is checked where they are used (``asterism policy check``).

    Raises
    ------
    PolicyError
        ``policy.unknown-key``, ``policy.missing-key``, ``policy.bad-value``.
    """
    for key in document:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1, 0.4)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it may have {', '.join(KEYS)}"
            raise PolicyError("unknown-key", f"unknown key {key[:80]!r} in {where}{hint}", key=key[:80])
    for key in ("name", "query", "rse_expression"):
        if key not in document:
            raise PolicyError("missing-key", f"{where} has no {key}; it says {KEYS[key]}", key=key)
        _text(document, key, where)
    if not _NAME.fullmatch(document["name"]):
        raise PolicyError("bad-value", f"name of {where}: {KEYS['name']}", key="name")
    copies = _whole(document, "copies", 1, _MOST_COPIES, where)
    priority = _whole(document, "priority", DEFAULT_PRIORITY, 5, where)
    lifetime = None
    if (said := document.get("lifetime")) is not None:
        try:
            lifetime = round(duration(said)) if isinstance(said, str) else None
        except ValueError as error:
            raise PolicyError("bad-value", f"lifetime of {where}: {error}", key="lifetime") from None
        if not lifetime:
            raise PolicyError("bad-value", f'lifetime of {where}: write a text such as "90d"', key="lifetime")
    return Policy(
        name=document["name"],
        query=document["query"],
        rse_expression=document["rse_expression"],
        copies=copies,
        lifetime=lifetime,
        priority=priority,
        activity=_text(document, "activity", where) if "activity" in document else None,
        version=version,
    )


def _text(document: Mapping[str, Any], key: str, where: str) -> str:
    value = document[key]
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise PolicyError("bad-value", f"{key} of {where}: write a text that is not empty", key=key)
    return value


def _whole(document: Mapping[str, Any], key: str, default: int, most: int, where: str) -> int:
    value = document.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise PolicyError("bad-value", f"{key} of {where}: write a whole number from 1 to {most}", key=key)
    return value
