"""Hints and policies for operators who make the rules themselves: rules to POST to Rucio, and subscriptions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from placement.steps import body
from schemas.errors import PolicyError
from schemas.hint import Hint
from schemas.policy import Policy

# The columns of a DID that a subscription compares (Rucio 41, `rucio-transmogrifier`)
_COLUMNS = frozenset(
    {
        *("scope", "project", "datatype", "run_number", "stream_name", "prod_step", "version", "campaign"),
        *("task_id", "panda_id", "phys_group", "lumiblocknr"),
    }
)
_EXTRA = "extra.rucio."
_SAYS_NOTHING = {"kind": ("dataset",)}  # of rules on datasets


def rules(hints: Iterable[Hint], account: str, activity: str) -> list[dict[str, Any]]:
    """The rules that hints ask for, each a body for ``POST /rules/``.

    What changes a rule that is there (release, and extend of our own) is no new rule, and is left out.
    """
    return [
        body(hint, rse, account, activity)
        for hint in hints
        if hint.action != "release" and not hint.rules
        for rse in hint.to
    ]


def subscription(policy: Policy, query: str, account: str, activity: str, source: str) -> dict[str, Any]:
    """A policy as Rucio's subscription: ``account``, ``name`` and ``options`` for ``POST /subscriptions/ACCOUNT/NAME``.

    ``query`` is the policy's as a query string, a saved one written out; ``source`` the lake's name here. Rucio looks
    at a dataset once, when it is new; it compares with regular expressions, so values are escaped. Its priorities of
    subscriptions go from 0, the first.

    Raises
    ------
    PolicyError
        ``policy.no-subscription``, which names what a subscription cannot say.
    """
    wanted: dict[str, list[str]] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if value in _SAYS_NOTHING.get(key, ()) or (key == "source" and value == source):
            continue
        column = key.removeprefix(_EXTRA) if key.startswith(_EXTRA) else ""
        if column not in _COLUMNS:
            said = f"a subscription of Rucio compares columns of new DIDs alone: it cannot say {key}={value[:80]}"
            raise PolicyError("no-subscription", f"policy {policy.name}: {said}", part=key)
        wanted.setdefault(column, []).append(value)
    if not wanted:
        said = "its query asks nothing of a dataset that a subscription compares, and would take every one"
        raise PolicyError("no-subscription", f"policy {policy.name}: {said}", part="query")
    rule: dict[str, Any] = {
        "rse_expression": policy.rse_expression,
        "copies": policy.copies,
        "activity": policy.activity or activity,
    }
    if policy.lifetime is not None:
        rule["lifetime"] = policy.lifetime
    return {
        "account": account,
        "name": policy.name,
        "options": {
            "filter": {column: [_exactly(value) for value in values] for column, values in wanted.items()},
            "replication_rules": [rule],
            "comments": f"asterism policy={policy.name}",
            "lifetime": None,
            "retroactive": False,
            "dry_run": False,
            "priority": 6 - policy.priority,
        },
    }


def left_out(hints: Sequence[Hint]) -> int:
    """How many hints :func:`rules` cannot say."""
    return sum(hint.action == "release" or bool(hint.rules) for hint in hints)


def _exactly(value: str) -> str:
    return re.escape(value) + "$"  # matched from the start
