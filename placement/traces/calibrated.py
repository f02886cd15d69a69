"""The calibrated synthetic trace: LHCb's lake, EOS's popularity, ATLAS's ages; people search before they read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from placement.traces import reading, sessions, topology
from placement.traces.assumptions import DAY, START, Assumptions
from placement.traces.population import population

READS_PER_DATASET = 10  # by default: EOS's 12.6 on the 79 % that are read


def events(
    seed: int, days: float = 60, datasets: int = 6000, reads: int | None = None, assumed: Assumptions | None = None
) -> list[dict[str, Any]]:
    """A trace, by time (``traceTimeentryUnix``); the same for the same arguments.

    Parameters
    ----------
    reads
        About so many; ten a dataset if unsaid.
    assumed
        Only to see what an assumption does: the figures of a report are with the defaults.
    """
    assumed = assumed or Assumptions()
    rng = np.random.default_rng(seed)
    data = population(days, datasets, reads or READS_PER_DATASET * datasets, assumed, rng)
    interest = reading.interests(days, len(data.topics), assumed, rng)
    read = reading.reads(days, data, interest, assumed, rng)
    made = sessions.sessions(days, read, data, interest, assumed, rng)

    def production() -> Iterator[dict[str, Any]]:
        for one in np.flatnonzero(read.production).tolist():
            at = START + float(read.time[one]) * DAY
            yield sessions.access(data.event(int(read.dataset[one])), int(read.site[one]), at, "get_sm", rng)

    return in_order(
        topology.events(START),
        map(data.event, range(datasets)),
        sessions.events(made, data, assumed, rng),
        production(),
    )


def in_order(*parts: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """All events by time; of one second, those of the earlier part first."""
    return sorted((event for part in parts for event in part), key=lambda event: event["traceTimeentryUnix"])
