"""The facts of ``demo/facts``: CSV files with a header, one true thing a row, each naming its origin."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = Path(__file__).parent / "facts"
# When the federation says that its first record came in. No fact: the servers need a datestamp, and one that
# stays the same lets a second harvest find that nothing has changed.
FIRST = datetime(2025, 1, 1, tzinfo=UTC)

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    """The rows of ``demo/facts/NAME.csv``; a value that is not known is an empty text."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def datestamp(number: int) -> datetime:
    """When the federation took in its record of that number: one a minute."""
    return FIRST + timedelta(minutes=number)
