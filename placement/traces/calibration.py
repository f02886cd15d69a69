"""Figures of real systems, each with where it is from, and the distributions through them.

Facts only. The sources, at the versions that were read:

- CERN EOS: devashishp/cheops-cern-trace-data @ 4056be2861 (CC0-1.0; doi:10.1145/3503646.3524293), ``readmany.csv``;
- ATLAS: ATLAS-Analytics/popularity_analysis @ 6161ddb16f, histograms made from Rucio's traces of 2017;
- LHCb: skygrid/grid_simulation @ e27c61c375, listings of five Tier-0/1 disks, pledges, network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# EOS: of 151,465,417 files that were read, the share read at least so often
EOS_AT_LEAST = (
    (1, 1.0), (2, 0.438309), (3, 0.203020), (4, 0.132389), (5, 0.089112), (6, 0.068558), (7, 0.055882), (8, 0.048783),
    (10, 0.039877), (12, 0.034071), (15, 0.027883), (20, 0.022354), (25, 0.018735), (30, 0.016951), (40, 0.014400),
    (50, 0.012106), (60, 0.010696), (67, 0.01),
)  # fmt: skip
EOS_READ_ONCE = 0.561691  # of the files read
EOS_TOP_SHARE = 0.811033  # of the reads, on the 1 % of the files that are read most
EOS_READS_PER_FILE = 12.637939  # 1,914,210,724 reads

# ATLAS ``age_distribution/dist_by_age_2017``: of 140,620,104 accesses, those to data younger than so many days
ATLAS_YOUNGER = (
    (0, 0.0), (1, 0.32728), (2, 0.39065), (3, 0.42459), (4, 0.44487), (5, 0.46137), (6, 0.47539), (7, 0.48823),
    (8, 0.49919), (10, 0.51375), (14, 0.53379), (21, 0.56029), (30, 0.58358), (45, 0.61346), (60, 0.63556),
    (75, 0.65372), (90, 0.67302), (120, 0.69513), (150, 0.71442), (180, 0.73634), (240, 0.77681), (300, 0.80507),
    (365, 0.82655), (450, 0.85183), (540, 0.87256), (600, 0.88623), (640, 0.89604), (680, 0.91124), (730, 0.92968),
    (800, 0.95170), (900, 0.98539), (1000, 0.99620), (1095, 0.99718), (1200, 0.99726), (1500, 0.99788), (2866, 1.0),
)  # fmt: skip
# ATLAS ``comp_ganga/age_dist/robot``: accesses by robots, of 140,620,104
ATLAS_ROBOTS = 0.491418
# ATLAS ``comp_ganga/time_between/last`` without Ganga: datasets whose last two accesses are less days apart.
# Those read once seem to be counted at 0, so it is compared with, not fitted.
ATLAS_LAST_GAP = ((1, 0.955), (2, 0.976), (8, 0.986), (31, 0.992))

# LHCb: 4,925 files on five disks, in 37 folders
LHCB_RAW = 0.3931  # of the files are raw data, the others reconstructed
LHCB_RAW_BYTES = 3.1458e9  # median
LHCB_RECONSTRUCTED_BYTES = 2.4423e9  # median
LHCB_FILES_LOG = (3.7832, 1.2661)  # mean and standard deviation of ln(files in a folder)
LHCB_FILES_MOST = 2372  # in a folder
LHCB_FOLDER_BYTES = ((25, 3.168e10), (50, 9.599e10), (75, 3.159e11))  # percentiles
# All files that two of the five disks hold are raw, and on CERN's disk and that of one Tier 1
LHCB_RAW_ON_TWO_DISKS = 0.4613  # of the raw files


def younger(days: np.ndarray) -> np.ndarray:
    """The share of accesses to data younger than so many days; linear between the histogram's knots."""
    import numpy as np

    age, share = np.array(ATLAS_YOUNGER).T
    below: np.ndarray = np.interp(days, age, share)
    return below


def age_of(share: np.ndarray) -> np.ndarray:
    """The age, in days, below which that share of accesses is: the inverse of `younger`."""
    import numpy as np

    age, below = np.array(ATLAS_YOUNGER).T
    days: np.ndarray = np.interp(share, below, age)
    return days


def read_counts(datasets: int, reads: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """How often each dataset that is read is read, most first: about `reads` in all.

    All but the hottest 1 % by the quantiles of EOS, the hottest by a power of their rank that gives them EOS's share:
    a bounded tail, as 5,000 datasets have none of the 662,000 reads of the hottest of 151 million files.
    """
    import numpy as np

    hot = max(1, round(datasets / 100))
    count, share = np.array(EOS_AT_LEAST)[::-1].T
    ranks = (np.arange(datasets - hot) + rng.random()) / (datasets - hot)
    ranks = 0.01 + 0.99 * np.minimum(ranks, 1 - 1e-9)
    # the count k with P(>= k) >= rank: a step function where the table has every count, geometric where it has gaps
    bulk = np.floor(np.exp(np.interp(np.log(ranks), np.log(share), np.log(count))) + 1e-9)
    weight = np.arange(1, hot + 1) ** -slope * np.exp(rng.normal(0, 0.1, hot))
    tail = np.rint(weight / weight.sum() * EOS_TOP_SHARE * reads)
    return np.concatenate([np.sort(np.maximum(tail, 2))[::-1], np.maximum(bulk, 1)]).astype(int)
