"""JSON from servers that write what JSON has not: NaN, Infinity, halves of characters, numbers without bound."""

from __future__ import annotations

import json
import math
from typing import Any

_INT64 = 2**63  # what JSON numbers are in every engine here


def loads(raw: bytes | str) -> Any:
    """Parse JSON; what no JSON can carry (``NaN``, ``1e999``, 20 digits) becomes text, for a mapping to refuse.

    Raises
    ------
    ValueError
        When it is not even that, or is nested too deeply.
    """
    try:
        return _clean(json.loads(raw, parse_constant=str))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _clean(node: Any) -> Any:
    if isinstance(node, dict):
        return {_clean(key): _clean(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_clean(value) for value in node]
    if isinstance(node, str):
        return node if node.isascii() else node.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    too_big = isinstance(node, int) and not -_INT64 <= node < _INT64
    endless = isinstance(node, float) and not math.isfinite(node)
    return str(node) if too_big or endless else node
