"""Numbers as they are typed into a query or a link."""

from __future__ import annotations


def number(text: str) -> float:
    """Read a decimal number; also ``nan`` and ``inf``, which each caller refuses in its own words.

    Raises
    ------
    ValueError
        For anything else, and for what Python alone takes for a number: ``1_0``, and the digits of other scripts.
    """
    try:
        if "_" in text or not text.isascii():
            raise ValueError
        return float(text)
    except ValueError:
        raise ValueError(f"not a number: {text[:40]!r}") from None
