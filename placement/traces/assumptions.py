"""What no published figure says, stated once; fixed before any model was tuned on these traces."""

from __future__ import annotations

from dataclasses import dataclass

START = 1767571200  # unix s of the first day of every trace: a Monday (2026-01-05, UTC)
START_MJD = 61045.0
DAY = 86400


@dataclass(frozen=True)
class Assumptions:
    """Parameters that are assumed; each with its reason."""

    topics: int = 60
    """Topics of science: a few for each of the sites, so that sites share some and have some of their own."""
    topic_slope: float = 0.8
    """Topics' weights fall with that power of their rank: few are much in demand, as archives' target lists are."""
    topic_pull: float = 0.7
    """Correlation of how often a dataset is read with its topic's weight: half of the variance is not the topic's."""
    tail_slope: float = 0.7
    """The hottest 1 % fall with that power of their rank: EOS's files have 0.85, and a dataset sums over files."""
    read_at_all: float = 0.79
    """Of the datasets at most so many are read: 60,000 reads at EOS's 12.6 a piece are of 79 % of 6,000."""
    raw_twice: bool = True
    """Whether raw data have a second tape copy, at the Tier 0: what cannot be made again is kept at two places."""
    on_disk: float = 0.5
    """Datasets with a custodial copy on disk. LHCb's listings are of disks alone, so they cannot say; halfway."""
    reference_sites: tuple[int, int] = (3, 8)
    """Sites whose production reads one set of reference data: more than keep a copy of it, fewer than all."""
    interest_spread: float = 1.5
    """Standard deviation of the log of a site's interest in a topic: half of its reads are at two sites."""
    interest_days: float = 5.0
    """How long interests stand still: a working week."""
    interest_memory: float = 0.85
    """Correlation of a site's interest with that of `interest_days` before: it drifts away within a month or so."""
    linked: bool = True
    """Whether a session's searches are for the topic of what it reads."""
    again: float = 0.6
    """People's reads of what was read before that follow within a day: towards ATLAS's gaps (see `ATLAS_LAST_GAP`), but
    not all the way, as ATLAS counts each job's access and here a read is of a whole dataset."""
    again_days: float = 0.2
    """How long after the read before, in the mean (exponential): a working day's second look."""
    again_here: float = 0.5
    """Of those, the ones at the same site: the others are by colleagues where there is interest."""
    searched: float = 0.6
    """Of people's reads, those with a search before: the others come by a name, a bookmark or a script."""
    search_only: float = 0.33
    """Of the sessions with a search, those that read nothing: every third person looks, and goes."""
    stray: float = 0.5
    """Of those, the ones about any topic; the others look for what their site is interested in, and leave it."""
    narrowing: tuple[float, ...] = (0.30, 0.30, 0.25, 0.15)
    """Sessions with 1, 2, 3, 4 searches, each narrower than the one before: people refine once or twice."""
    session_reads: int = 5
    """Datasets that a session reads at most; what the same site reads of the topic on that day beyond is another's."""
    weekend: float = 0.35
    """People's rate on Saturday and Sunday, of that of a working day."""
    night: float = 0.15
    """People's rate at 3 h local time, of that at 15 h; a cosine between."""
