"""Words of a segment's column that a pattern matches: ``*`` any characters or none, ``?`` one, the rest itself."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from catalog.segment import Segment

_WILD = re.compile(r"[*?]")
_LOT = 50_000  # words decoded at a time


def expression(pattern: str) -> re.Pattern[str]:
    """For whole words. Each piece between stars is sought once, from the left: trying all places takes for ever."""
    first, *pieces = [re.escape(part).replace(r"\?", ".") for part in re.split(r"\*+", pattern)]
    if not pieces:
        return re.compile(first, re.DOTALL)
    between = "".join(f"(?>.*?{piece})" for piece in pieces[:-1])
    return re.compile(f"{first}{between}.*{pieces[-1]}", re.DOTALL)


def like(segment: Segment, field: str, pattern: str) -> Any:
    """Codes, ascending, of the matching words."""
    prefix = _WILD.split(pattern, maxsplit=1)[0]
    first, last = prefixed(segment, field, prefix.encode())
    if pattern.strip("*") == prefix and pattern.endswith("*"):  # the prefix says it all
        return np.arange(first, last)
    if prefix == pattern:
        code, found = segment.code(field, pattern.encode())
        return np.arange(code, code + found)
    matches = expression(pattern).fullmatch
    found_codes: list[int] = []
    for start in range(first, last, _LOT):
        codes = np.arange(start, min(start + _LOT, last))
        words = segment.some_words(field, codes)
        found_codes += [start + n for n, word in enumerate(words) if matches(word)]
    return np.array(found_codes, dtype=np.int64)


def prefixed(segment: Segment, field: str, prefix: bytes) -> tuple[int, int]:
    """The first word with a prefix, and the first after those."""
    count = len(segment[f"term/{field}/offsets"]) - 1
    if not prefix:
        return 0, count
    first, _ = segment.code(field, prefix)
    return first, segment.code(field, prefix + b"\xff")[0]  # no UTF-8 has that byte
