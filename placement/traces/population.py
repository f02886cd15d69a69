"""The datasets of a trace: when they come, how often each is read, what they are, where their custodial copies are."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np

from placement.traces import calibration as figures
from placement.traces.assumptions import DAY, START, START_MJD, Assumptions
from placement.traces.topics import Topic, metadata, topics
from placement.traces.topology import SITES, disk, tape

_OLDEST = 2866  # days: the last knot of the ages


@dataclass(frozen=True)
class Population:
    """Datasets as columns: `born` in days from the start (negative: before it), `topic` by its place."""

    topics: list[Topic]
    weight: np.ndarray  # of the topics
    born: np.ndarray
    reads: np.ndarray
    topic: np.ndarray
    reference: np.ndarray  # bool: read by production
    files: np.ndarray
    size: np.ndarray  # bytes
    names: list[str]
    metadata: list[dict[str, Any]]
    replicas: list[list[str]]

    def event(self, number: int) -> dict[str, Any]:
        """The ``dataset`` event of one. What was there before the trace comes at its start."""
        born = float(self.born[number])
        return {
            "traceTimeentryUnix": START + int(max(0.0, born) * DAY), "eventType": "dataset",
            "scope": self.topics[self.topic[number]].facility.lower().replace(".", ""), "name": self.names[number],
            "bytes": int(self.size[number]), "files": int(self.files[number]), "created": START + floor(born * DAY),
            "replicas": self.replicas[number], "metadata": self.metadata[number],
        }  # fmt: skip


def population(days: float, count: int, reads: int, assumed: Assumptions, rng: np.random.Generator) -> Population:
    """Datasets, half of them there at the start, whose reads will have EOS's popularity and ATLAS's ages."""
    subjects = topics(assumed.topics, rng)
    weight = (1 + rng.permutation(len(subjects))) ** -assumed.topic_slope
    weight /= weight.sum()
    read = max(1, min(round(reads / figures.EOS_READS_PER_FILE), round(count * assumed.read_at_all)))
    counts = np.zeros(count, int)
    counts[:read] = figures.read_counts(read, reads, assumed.tail_slope, rng)
    hot = max(1, round(read / 100))
    reference = np.zeros(count, bool)
    reference[_up_to(counts[:hot], figures.ATLAS_ROBOTS * counts.sum(), rng)] = True
    topic = _topics_of(counts, reference, subjects, weight, assumed.topic_pull, rng)
    born = np.concatenate([_births(counts[:hot], days, rng), _births(counts[hot:read], days, rng)])
    born = np.concatenate([born, _unread_births(count - read, count // 2 - int((born < 0).sum()), days, rng)])
    raw = rng.random(count) < figures.LHCB_RAW
    files = np.clip(np.rint(rng.lognormal(*figures.LHCB_FILES_LOG, count)), 1, figures.LHCB_FILES_MOST).astype(int)
    file_size = np.where(raw, figures.LHCB_RAW_BYTES, figures.LHCB_RECONSTRUCTED_BYTES)
    # numbered by age, so that a name says nothing of the popularity
    order = np.argsort(born, kind="stable")
    born, counts, topic, reference = born[order], counts[order], topic[order], reference[order]
    of = [subjects[one] for one in topic.tolist()]
    return Population(
        subjects, weight, born, counts, topic, reference, files,
        np.rint(files * file_size * rng.lognormal(-0.02, 0.2, count)).astype(np.int64),
        [f"{one.region}.{one.instrument}.{n:06d}".lower().replace(" ", "-") for n, one in enumerate(of)],
        [metadata(one, n, START_MJD + float(born[n]), rng) for n, one in enumerate(of)],
        _custodial(raw, assumed, rng),
    )  # fmt: skip


def _up_to(counts: np.ndarray, wanted: float, rng: np.random.Generator) -> list[int]:
    """Some of the hot ones, by chance, with about so many reads in all."""
    chosen, sum_ = [], 0
    for one in rng.permutation(len(counts)).tolist():
        if sum_ + counts[one] <= wanted * 1.02:
            chosen.append(one)
            sum_ += counts[one]
    return chosen


def _topics_of(
    counts: np.ndarray,
    reference: np.ndarray,
    subjects: list[Topic],
    weight: np.ndarray,
    pull: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """A topic for each dataset: calibrators for reference data; what is in demand has the more reads."""
    calibrators = np.array([n for n, one in enumerate(subjects) if one.calibration])
    topic = rng.choice(len(subjects), len(counts), p=np.sqrt(weight) / np.sqrt(weight).sum())
    demand = np.log(weight[topic])
    demand = (demand - demand.mean()) / (demand.std() + 1e-12)
    score = pull * demand + np.sqrt(1 - pull**2) * rng.normal(size=len(counts))
    topic = topic[np.argsort(-score)]  # the counts are in descending order
    topic[reference] = rng.choice(calibrators, int(reference.sum()))
    return topic


def _births(counts: np.ndarray, days: float, rng: np.random.Generator) -> np.ndarray:
    """When datasets with those reads came, so that the ages at the reads are ATLAS's.

    If data came at a steady rate, those born on a day would have in the window of the trace the share of reads that the
    histogram has between their ages at its two ends. So births are drawn by that share, evenly over the reads.
    """
    grid = np.linspace(-_OLDEST, days, 4 * _OLDEST)
    density = figures.younger(days - grid) - figures.younger(np.maximum(0, -grid))
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    order = rng.permutation(len(counts))
    middle = np.cumsum(counts[order]) - counts[order] / 2
    born = np.empty(len(counts))
    born[order] = np.interp((middle / counts.sum() + rng.random()) % 1 * below[-1], below, grid)
    return np.minimum(born, days - 0.05)


def _unread_births(count: int, old: int, days: float, rng: np.random.Generator) -> np.ndarray:
    """The same for what is never read: `old` of them before the start, where that many are wanted."""
    old = min(max(old, 0), count)
    return np.concatenate([-rng.random(old) * 1095, rng.random(count - old) * (days - 0.05)])


def _custodial(raw: np.ndarray, assumed: Assumptions, rng: np.random.Generator) -> list[list[str]]:
    """Where each dataset is kept: tape at a Tier 1, raw data at the Tier 0 too; some on disk as well."""
    tier_1 = np.array([n for n, site in enumerate(SITES) if site.tier == 1])
    on_disk = np.array([n for n, site in enumerate(SITES) if site.tier <= 1])
    tapes, disks = (
        np.array([getattr(SITES[n], what) for n in which]) for what, which in (("tape", tier_1), ("disk", on_disk))
    )
    first = rng.choice(tier_1, len(raw), p=tapes / tapes.sum()).tolist()
    one = rng.choice(on_disk, len(raw), p=disks / disks.sum()).tolist()
    has, both = rng.random(len(raw)) < assumed.on_disk, raw & (rng.random(len(raw)) < figures.LHCB_RAW_ON_TWO_DISKS)
    kept = []
    for n, at in enumerate(first):
        here = [tape(0), tape(at)] if raw[n] and assumed.raw_twice else [tape(at)]
        if has[n]:
            here += [disk(0), disk(at)] if both[n] else [disk(one[n])]
        kept.append(here)
    return kept
