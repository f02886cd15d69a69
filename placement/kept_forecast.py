"""The forecast of the last planning, in a file beside the columns: a record page needs a row, and all take a second."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from placement import columns_file
from placement.forecast import Forecast
from placement.state import Datasets, Lake

_VERSION = 1
_FILE = "placement.forecast"


def keep(folder: Path, datasets: Datasets, lake: Lake, window: float, forecast: Forecast) -> None:
    """Write it down."""
    header = {"mark": _mark(datasets, lake, window), "parts": list(forecast.part_names)}
    arrays = {"reads": forecast.reads, "by_part": forecast.parts, "confidence": forecast.confidence}
    columns_file.write(folder / _FILE, header, arrays)


def kept(folder: Path, datasets: Datasets, lake: Lake, window: float, make: Callable[[], Forecast]) -> Forecast:
    """The one that was kept of these datasets and this state of the lake; else ``make()``."""
    found = columns_file.read(folder / _FILE)
    if found is None or found[0]["mark"] != _mark(datasets, lake, window):
        return make()
    header, arrays = found
    return Forecast(lake.sites, arrays["reads"], arrays["by_part"], tuple(header["parts"]), arrays["confidence"])


def _mark(datasets: Datasets, lake: Lake, window: float) -> list[Any]:
    """What a forecast is of."""
    ids = hashlib.blake2b("\n".join(datasets.ids).encode(), digest_size=16).hexdigest()
    return [_VERSION, lake.source, lake.taken_at, window, list(lake.sites), ids]
