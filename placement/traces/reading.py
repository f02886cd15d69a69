"""Who reads what, when and where: a population's reads, over time by age and over sites by interest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from placement.traces.assumptions import Assumptions
from placement.traces.calibration import age_of, younger
from placement.traces.population import Population
from placement.traces.topology import SITES


@dataclass(frozen=True)
class Reads:
    """Reads as columns: dataset and site by number, time in days from the start, and whether production did it."""

    dataset: np.ndarray
    site: np.ndarray
    time: np.ndarray
    production: np.ndarray


def interests(days: float, topics: int, assumed: Assumptions, rng: np.random.Generator) -> np.ndarray:
    """How the reads of a topic go over the sites: probabilities by (period, site, topic), each column's sum 1.

    By the sites' computing pledges, times interests of their own: log-normal, and drifting (an AR(1) process).
    """
    shape = (len(SITES), topics)
    memory, spread = assumed.interest_memory, assumed.interest_spread
    drift = [rng.normal(0, spread, shape)]
    while len(drift) * assumed.interest_days < days:
        drift.append(memory * drift[-1] + np.sqrt(1 - memory**2) * rng.normal(0, spread, shape))
    share: np.ndarray = np.exp(np.array(drift)) * np.array([site.cpu for site in SITES])[None, :, None]
    share /= share.sum(1, keepdims=True)
    return share


def rhythm(time: np.ndarray, site: np.ndarray, assumed: Assumptions) -> np.ndarray:
    """How busy people are, 0 to 1, by the hour at their site and the day of the week."""
    local = time + np.array([one.zone for one in SITES])[site] / 24
    hour = (1 + np.cos(2 * np.pi * (local % 1 - 15 / 24))) / 2
    week = np.where(np.floor(local) % 7 >= 5, assumed.weekend, 1.0)
    busy: np.ndarray = (assumed.night + (1 - assumed.night) * hour) * week
    return busy


def choose_sites(
    time: np.ndarray, topic: np.ndarray, interest: np.ndarray, assumed: Assumptions, u: np.ndarray
) -> np.ndarray:
    """A site for each, by the interest of that time in that topic; `u` is uniform in [0, 1)."""
    period = np.minimum((time / assumed.interest_days).astype(int), len(interest) - 1)
    below = np.cumsum(interest, 1)[period, :, topic]
    site: np.ndarray = np.minimum((u[:, None] >= below).sum(1), len(SITES) - 1)
    return site


def reads(days: float, data: Population, interest: np.ndarray, assumed: Assumptions, rng: np.random.Generator) -> Reads:
    """All reads of the population."""
    of = np.repeat(np.arange(len(data.reads)), data.reads)
    production = data.reference[of]
    people = of[~production]
    when = _times(people, days, data, rng.random((4, len(people))))
    site = choose_sites(when[0], data.topic[people], interest, assumed, rng.random(len(people)))
    # of four times by age, the one when people are at work
    busy = np.log(np.array([rhythm(one, site, assumed) for one in when])) + rng.gumbel(size=when.shape)
    when = np.take_along_axis(when, busy.argmax(0)[None], 0)[0]
    when, site = _again(people, when, site, assumed, rng)
    # a new dataset is found after half an hour at the earliest
    machine, where, at = [people], [site], [np.minimum(np.maximum(when, data.born[people] + 0.02), days - 1e-4)]
    cpu = np.array([one.cpu for one in SITES])
    for one in np.flatnonzero(data.reference & (data.reads > 0)).tolist():
        low, high = assumed.reference_sites
        among = rng.choice(len(SITES), int(rng.integers(low, high + 1)), replace=False, p=cpu / cpu.sum())
        share = rng.multinomial(data.reads[one], cpu[among] / cpu[among].sum())
        for at_site, times in zip(among.tolist(), share.tolist(), strict=True):
            # production comes again and again: evenly over what the ages give, with some play
            u = (np.arange(times) + rng.random(times)) / max(1, times)
            machine.append(np.full(times, one))
            where.append(np.full(times, at_site))
            at.append(np.minimum(_times(machine[-1], days, data, u) + 0.001, days - 1e-4))
    robots = np.concatenate([np.full(len(part), n > 0) for n, part in enumerate(machine)])
    return Reads(np.concatenate(machine), np.concatenate(where), np.concatenate(at), robots)


def _again(
    dataset: np.ndarray, time: np.ndarray, site: np.ndarray, assumed: Assumptions, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Times and sites, where some reads follow soon on the one before of the same dataset."""
    soon, here = rng.random(len(time)) < assumed.again, rng.random(len(time)) < assumed.again_here
    gap = rng.exponential(assumed.again_days, len(time))
    order = np.lexsort((time, dataset)).tolist()
    time, site = time.copy(), site.copy()
    for before, one in pairwise(order):
        if dataset[before] == dataset[one] and soon[one]:
            time[one] = time[before] + gap[one]
            if here[one]:
                site[one] = site[before]
    return time, site


def _times(dataset: np.ndarray, days: float, data: Population, u: np.ndarray) -> np.ndarray:
    """Times in the trace, by ATLAS's ages within those that the dataset has during it; `u` uniform in [0, 1)."""
    born = data.born[dataset]
    low, high = younger(np.maximum(0, -born)), younger(days - born)
    time: np.ndarray = np.clip(born + age_of(low + u * (high - low)), 0, days)
    return time
