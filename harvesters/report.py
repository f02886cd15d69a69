"""How a harvest goes, for people and programs: on the way, and at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.documents import Tally
from harvesters.alarms import Alarm
from schemas.errors import AsterismError


@dataclass(frozen=True, slots=True)
class Progress:
    """For people: how far one source's harvest is; ``total`` is the source's own count, a hint."""

    source: str
    stage: str
    fetched: int
    total: int | None
    tally: Tally
    last_seq: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """How one source's harvest ended. Counts are of the whole harvest, with what was saved before it was resumed.

    ``quarantined`` counts documents, wholly or in part; ``repeated`` those that came more than once in a full harvest.
    """

    source: str
    mode: str
    fetched: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0
    repeated: int = 0
    seconds: float = 0.0
    error: AsterismError | None = None
    alarms: list[Alarm] = field(default_factory=list)
    last_seq: int = 0
    resumed: bool = False
