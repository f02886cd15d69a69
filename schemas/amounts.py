"""Durations and sizes as people write them in settings and policies: ``90d``, ``1.5TB``."""

from __future__ import annotations

import math
import re

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|min|h|d|w|y)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365.25 * 86_400}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kMGTPE]?)(i?)B", re.IGNORECASE)
_PREFIXES = "kMGTPE"
_LONGEST = 1_000 * 365.25 * 86_400
_LARGEST = 2**63


def duration(text: str) -> float:
    """Seconds of ``text``: a number and ``s``, ``min``, ``h``, ``d``, ``w`` or ``y`` (a Julian year, IAU).

    Raises
    ------
    ValueError
        A sentence on what is wrong; also for 0 and for more than a thousand years.
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _SECONDS[found[2]] if found else math.nan
    if not 0 < seconds <= _LONGEST:
        raise ValueError(f"{text[:40]!r} is no duration; write a number and one of {', '.join(_SECONDS)}, such as 90d")
    return seconds


def size(text: str) -> int:
    """Bytes of ``text``: a number and ``B``, with an SI prefix (``TB``: 10¹²) or a binary one (``TiB``: 2⁴⁰).

    Raises
    ------
    ValueError
        A sentence on what is wrong.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or (found[3] and not found[2]):
        raise ValueError(f"{text[:40]!r} is no size; write a number and a unit, such as 500GB or 20TiB")
    power = (_PREFIXES.lower().index(found[2].lower()) + 1) if found[2] else 0
    number = float(found[1]) * float(1024 if found[3] else 1000) ** power
    if not number < _LARGEST:
        raise ValueError(f"{text[:40]!r} is more than can be counted")
    return round(number)


def written_size(number: float) -> str:
    """A size for people, three digits: ``1.23 TB``."""
    for power, prefix in reversed(list(enumerate(["", *_PREFIXES]))):
        if abs(number) >= 1000**power and power:
            return f"{number / 1000**power:.3g} {prefix}B"
    return f"{number:.0f} B"
