"""The simulated lake and its traces: what a read is, what is a hit, what waits, what is counted."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from placement.replay.interest import Interest
from placement.replay.report import make
from placement.replay.simulate import Strategy, hit_rates, jain, measured, simulate
from placement.replay.strategies import Belady, C3po, C3poNetwork, Idle, Lfu, Lru, Random, Static
from placement.replay.trace import STAGING, Trace, parse, read_trace
from placement.replay.valued import Metadata, Popularity
from placement.replay.world import World
from schemas.errors import PlacementError
from tests.placement.replays import DAY, START, dataset, lake, lines, read, rse, search, trace

HOUR = 1 / 24


def test_files_of_a_dataset_within_six_hours_are_one_read() -> None:
    made = trace(
        [
            *lake("A", "B"),
            dataset("d", 100, "A-TAPE"),
            *(read("d", "B", 1 + n * HOUR, file=f"f{n}") for n in range(7)),
            read("d", "B", 1 + 6.5 * HOUR, file="f7"),
            read("d", "A", 1 + 6.6 * HOUR),
            read("d", "B", 2, clientState="FAILED_FILE"),
        ]
    )
    assert [made.sites[s] for s in made.read_site] == ["B", "B", "A"]
    assert (made.read_at - START).tolist() == pytest.approx([DAY, DAY * (1 + 6.5 * HOUR), DAY * (1 + 6.6 * HOUR)])


def test_a_trace_of_rucio_alone_is_enough(tmp_path: Path) -> None:
    events = [
        read("d", "B-DISK", 1, 30, "f1", remoteSite="A"),
        read("d", "B-DISK", 1.1, 70, "f2", remoteSite="A"),
        read("d", "B-DISK", 2, 70, "f2", remoteSite="B-DISK"),
        {**read("", "C", 3, 5, "alone", remoteSite="A"), "dataset": None},
    ]
    path = tmp_path / "trace.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines(events))))
    made = read_trace(path)
    assert made.dids == (("s", "d"), ("s", "alone")) and made.bytes.tolist() == [100, 5]
    assert made.sites == ("A", "B-DISK", "C") and made.shares.tolist() == [0, 0.5, 0.5]
    assert [[made.storages[h].name for h in homes] for homes in made.homes] == [["A"], ["A"]]
    assert simulate(made, Lru(), 3.0).hits.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (b"{", "line 1"),
        (b"[]", "line 1"),
        (b'{"eventType": "download", "traceTimeentryUnix": 1}', "lacks 'scope'"),
        (b'{"traceTimeentryUnix": 2}\n{"traceTimeentryUnix": 1}', "line 2 of test: is earlier"),
        (b'{"eventType": "rse", "rse": "X"}', "nothing is read"),
    ],
)
def test_a_bad_trace_is_said_so(said: bytes, wrong: str) -> None:
    with pytest.raises(PlacementError, match=wrong) as caught:
        parse(said.split(b"\n"), "test")
    assert caught.value.code == "placement.bad-trace"


def _two_sites(*reads: tuple[str, str, float], size: int = 10**9) -> Trace:
    datasets = [dataset(name, size, "A-TAPE") for name in ("d", "e", "f")]
    return trace([*lake("A", "B"), *datasets, *(read(*one) for one in reads)])


def test_custodial_copies_on_disk_always_serve_their_site_and_tape_is_staged_first() -> None:
    made = trace(
        [
            *lake("A", "B"),
            *(dataset("disk", 10**9, "A-DISK"), dataset("tape", 10**9, "A-TAPE")),
            *(read("disk", "A", 1), read("disk", "B", 1), read("tape", "A", 3)),
        ]
    )
    outcome = simulate(made, Idle(), 1.0)
    assert outcome.hits.tolist() == [True, False, False]
    assert outcome.waits.tolist() == pytest.approx([0, 10.1, 3600 + 10.1])
    plain = trace([read("d", "B", 1), rse("A", "TAPE"), dataset("d", 10**9, "A-TAPE")])
    assert simulate(plain, Idle(), 1.0).waits[0] == pytest.approx(STAGING + 10.1)


def test_transfers_to_a_site_wait_for_each_other_and_at_most_a_day() -> None:
    many = trace(
        [*lake("A", "B"), *(dataset(f"d{n}", 10**12, "A-DISK") for n in range(20))]
        + [read(f"d{n}", "B", 1) for n in range(20)]
    )
    waits = simulate(many, Idle(), 1.0).waits
    each = 10**12 / 100e6
    assert waits[:3].tolist() == pytest.approx([each + 0.1, 2 * each + 0.1, 3 * each + 0.1])
    assert waits[19] == pytest.approx(DAY + each + 0.1)


def test_a_copy_on_its_way_is_no_hit_and_moves_nothing_twice() -> None:
    made = _two_sites(("d", "B", 0.0), ("d", "B", 7 * HOUR), ("d", "A", 7 * HOUR), size=10**12 * 4)
    outcome = simulate(made, Lru(), 10.0)
    assert outcome.hits.tolist() == [False, False, False]
    assert 0 < outcome.waits[1] < outcome.waits[0]
    assert outcome.figures["bytes_moved"] == 2 * 4e12


def test_pushes_are_bounded_by_room_and_by_the_days() -> None:
    made = _two_sites(("d", "B", 9.0), size=100)
    world = World(made, 10 / 3)  # 500 at each site, 100 a day
    b = made.sites.index("B")
    assert (world.capacity[b], world.daily[b], world.most_at_once[b]) == (500, 100, 100)
    assert world.push(0, b) and not world.push(0, b) and not world.push(1, b)
    for day in range(5):
        world.begin_day(day)
    assert world.push(1, b) and not world.push(2, b), "what is left over is saved up to one dataset only"
    assert world.used[b] == 200 and world.evict(0, b) and world.used[b] == 100
    assert not world.keep(2, b), "nothing was read"
    small = World(made, 0.5)
    assert not small.push(0, b) and small.most_at_once[b] == int(0.2 * 75)


def test_caches_evict_what_they_say() -> None:
    reads = [("d", "B", 1), ("d", "B", 2), ("d", "B", 3), ("e", "B", 4), ("f", "B", 5), ("d", "B", 6), ("e", "B", 7)]
    made = _two_sites(*reads, size=1000)
    two = 4 / 3  # of three datasets at two sites: two at each
    assert simulate(made, Lru(), two).hits.tolist() == [False, True, True, False, False, False, False]
    assert simulate(made, Lfu(), two).hits.tolist() == [False, True, True, False, False, True, False]
    assert simulate(made, Belady(made), two).hits.tolist() == [False, True, True, False, False, True, True]


def test_evictions_that_are_asked_for_later_are_counted_once() -> None:
    reads = [("d", "B", 0.0), ("e", "B", 4), ("d", "B", 5), ("d", "B", 6), ("e", "B", 7)]
    figures = simulate(_two_sites(*reads, size=1000), Lru(), 2 / 3).figures
    assert (figures["evictions_asked_for"], figures["evicted_bytes_asked_for"]) == (2, 2000)


def test_static_copies_go_to_the_largest_sites_and_wait_for_a_budget() -> None:
    made = trace(
        [*(rse(site, total=total) for site, total in (("A", 1), ("B", 3), ("C", 2))), rse("A", "TAPE")]
        + [dataset(name, 100, "A-TAPE") for name in "de"]
        + [read("d", "A", 0), read("d", "B", 9), read("e", "B", 9), read("e", "C", 9.5)]
    )
    outcome = simulate(made, Static(), 2.4)  # 80, 240, 160
    assert outcome.hits.tolist() == [False, True, True, False]
    assert outcome.figures["hits_placed_before_any_read"] == 2
    assert simulate(made, Random(3), 3.0).hits.tolist() == simulate(made, Random(3), 3.0).hits.tolist()


def test_c3po_copies_what_is_asked_for_often() -> None:
    def hits(asked: str, strategy: Strategy) -> list[bool]:
        before = [read("d", site, 1 + n * HOUR) for n, site in enumerate(asked)]
        after = [read("d", site, 3) for site in "ABCDEFG"]
        made = trace([*lake(*"ABCDEFG"), dataset("d", 100, "A-TAPE"), *before, *after])
        return [bool(hit) for hit in simulate(made, strategy, 70.0).hits[len(before) :]]

    for strategy in (C3po(), C3poNetwork()):
        assert not any(hits("BCDEF", strategy)), "five requests before are wanted, or ten in a week"
        assert hits("BCDEFG", strategy) == [True] + [False] * 6


def test_metadata_alone_places_what_is_searched_before_anybody_reads_it() -> None:
    events = [
        *lake("A", "B"),
        *(dataset(name, 100, "A-TAPE", 0, facilities=[name.upper()]) for name in "de"),
        *(search("facilities=D", "B", day / 4) for day in range(12)),
        *(read("d", "B", 6), read("e", "B", 6), read("d", "B", 8)),
    ]
    made = trace(events)
    by_metadata = simulate(made, Metadata(Interest(made)), 1.0)
    assert by_metadata.hits.tolist() == [True, False, True]
    assert by_metadata.figures["cold_request_hit_rate"] == 0.5
    assert not simulate(made, Popularity(), 1.0).hits[0]


def test_popularity_brings_to_a_site_what_is_read_often() -> None:
    events = [*lake("A", "B"), *(dataset(name, 100, "A-TAPE") for name in "de")]
    events += [read(name, site, day / 2) for day in range(17) for name, site in (("e", "B"), ("d", "A"))]
    events.append(read("d", "B", 9))
    assert simulate(trace(events), Popularity(), 2.0).hits[-1]


def test_what_is_measured_comes_after_the_warm_up() -> None:
    made = _two_sites(*(("d", "B", float(day)) for day in range(10)), size=1000)
    what = measured(made)
    assert what.split == START + 3 * DAY and what.counts.sum() == 7 and what.cold.tolist() == [True] + [False] * 9
    hits = np.arange(10) % 2 == 0
    assert hit_rates(made, what, hits)["byte_hit_rate"] == pytest.approx(3 / 7)
    assert simulate(made, Lru(), 1.0).figures["bytes_moved"] == 0


def test_jain_index() -> None:
    made = _two_sites(("d", "A", 1), ("d", "B", 1), size=1000)
    every = np.ones(2, bool)
    assert jain(made, every, every) == 1.0
    assert jain(made, every, np.array([True, False])) == 0.5


def test_ours_brings_what_is_new_to_its_readers_before_they_ask() -> None:
    """Site B reads each new dataset of M31 half a day after it came to be, and nobody anything else."""
    new = [dataset(f"d{n}", 100, "A-TAPE", n / 2, facilities=["F"], position={"ra": 10, "dec": 41}) for n in range(60)]
    asked = [read(f"d{n}", "B", n / 2 + 0.5) for n in range(60)]
    replayed = trace([*lake("A", "B"), *new, *asked])
    found = {name: simulate(replayed, make(name, replayed, 1), 2).figures for name in ("ours", "popularity")}
    assert found["ours"]["cold_byte_hit_rate"] > 0.5 > found["popularity"]["cold_byte_hit_rate"] == 0
