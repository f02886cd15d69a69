"""The state of a dataset in Rucio, and the comments by which rules of ours are known."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"asterism hint=(\S+)(?: policy=(\S+))?")


def comment(hint_id: str, policy: str | None = None) -> str:
    """The comment of a rule that a hint makes."""
    return f"asterism hint={hint_id}" + (f" policy={policy}" if policy else "")


def hint_of(text: str | None) -> tuple[str, str | None] | None:
    """The hint's id and policy in a rule's comment; None: no hint made it."""
    found = _COMMENT.fullmatch(text.strip()) if text else None
    return (found[1], found[2]) if found else None
