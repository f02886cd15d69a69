"""Round edges for histograms, the same in every engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scale = Literal["linear", "log", "day", "month", "year"]


@dataclass(frozen=True, slots=True)
class Edges:
    """``values``, ascending, one more than there are bins; dates as MJD UTC."""

    scale: Scale
    values: tuple[float, ...]
