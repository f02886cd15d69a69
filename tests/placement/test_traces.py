"""The synthetic traces have the figures that they are calibrated on, and the form that the replay reads."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from math import acos, cos, degrees, radians, sin
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from click.testing import CliRunner

from asterism.commands.trace import KINDS, trace
from placement.traces import calibrated, calibration, shifting, topology
from placement.traces.assumptions import DAY, START, Assumptions
from placement.traces.writer import write

Event = dict[str, Any]
MAKERS = {"calibrated": calibrated.events, "shifting": shifting.events}
READS = ("download", "get_sm")


def of(events: Iterable[Event], *kinds: str) -> list[Event]:
    return [event for event in events if event["eventType"] in kinds]


@pytest.fixture(scope="module", params=range(1, 4))
def whole(request: pytest.FixtureRequest) -> list[Event]:
    """A calibrated trace as it is by default."""
    return calibrated.events(request.param)


@pytest.fixture(scope="module", params=MAKERS)
def small(request: pytest.FixtureRequest) -> list[Event]:
    return MAKERS[request.param](7, days=10, datasets=300)


def popularity(events: list[Event]) -> tuple[float, float]:
    """Of the datasets read, the share read once; of the reads, that on the 1 % read most."""
    counts = sorted(Counter(event["dataset"] for event in of(events, *READS)).values(), reverse=True)
    return counts.count(1) / len(counts), sum(counts[: round(len(counts) / 100)]) / sum(counts)


def distance_of_ages(events: list[Event]) -> float:
    """Kolmogorov and Smirnov's, between the ages at the reads and ATLAS's."""
    born = {event["name"]: event["created"] for event in of(events, "dataset")}
    ages = np.sort([(event["timeStart"] - born[event["dataset"]]) / DAY for event in of(events, *READS)])
    return float(np.abs(calibration.younger(ages) - np.arange(1, len(ages) + 1) / len(ages)).max())


def test_popularity_is_that_of_eos(whole: list[Event]) -> None:
    once, top = popularity(whole)
    assert once == pytest.approx(calibration.EOS_READ_ONCE, abs=0.04)
    assert top == pytest.approx(calibration.EOS_TOP_SHARE, abs=0.05)


def test_ages_are_those_of_atlas(whole: list[Event]) -> None:
    assert distance_of_ages(whole) < 0.06


def test_half_of_the_reads_are_of_robots(whole: list[Event]) -> None:
    kinds = Counter(event["eventType"] for event in of(whole, *READS))
    assert kinds["get_sm"] / kinds.total() == pytest.approx(calibration.ATLAS_ROBOTS, abs=0.04)


def test_what_is_read_most_by_production_is_for_calibration(whole: list[Event]) -> None:
    titles = {event["name"]: event["metadata"]["title"] for event in of(whole, "dataset")}
    assert all("gain calibration" in titles[event["dataset"]] for event in of(whole, "get_sm"))


def test_a_trace_is_as_long_as_asked_for(whole: list[Event]) -> None:
    kinds = Counter(event["eventType"] for event in whole)
    assert kinds["dataset"] == 6000
    assert kinds["download"] + kinds["get_sm"] == pytest.approx(60_000, rel=0.02)
    assert kinds["search"] == pytest.approx(40_000, rel=0.15)
    there = sum(event["created"] < START for event in of(whole, "dataset"))
    assert there == pytest.approx(3000, rel=0.1)


def test_sizes_are_those_of_the_folders_of_lhcb(whole: list[Event]) -> None:
    sizes = [event["bytes"] for event in of(whole, "dataset")]
    for percent, bytes_ in calibration.LHCB_FOLDER_BYTES:
        assert 0.4 < np.percentile(sizes, percent) / bytes_ < 2.5


def test_custodial_copies_are_on_tapes_and_some_on_disks(whole: list[Event]) -> None:
    kept = [event["replicas"] for event in of(whole, "dataset")]
    disks = Counter(sum(rse.endswith("-DISK") for rse in one) for one in kept)
    assert all(one[0].endswith("-TAPE") and len(set(one)) == len(one) for one in kept)
    assert disks[0] / len(kept) == pytest.approx(1 - Assumptions().on_disk, abs=0.05)
    # of raw data on disk, the share that two disks hold; always the Tier 0's and another
    raw_on_disk = [one for one in kept if len(one) > 2]
    assert disks[2] / len(raw_on_disk) == pytest.approx(calibration.LHCB_RAW_ON_TWO_DISKS, abs=0.05)
    assert all(topology.disk(0) in one for one in kept if sum(rse.endswith("-DISK") for rse in one) == 2)


def test_a_topic_is_of_interest_at_few_sites(whole: list[Event]) -> None:
    data = {event["name"]: event["metadata"] for event in of(whole, "dataset")}
    sites: dict[tuple[str, ...], Counter[str]] = {}
    for event in of(whole, "download"):
        about = data[event["dataset"]]
        topic = (about["facilities"][0], about["instruments"][0], about["targets"][0][:5])
        sites.setdefault(topic, Counter())[event["localSite"]] += 1
    two = [sum(count for _, count in one.most_common(2)) / one.total() for one in sites.values() if one.total() > 50]
    cpu = sorted((site.cpu for site in topology.SITES), reverse=True)
    assert len(two) > 20
    assert np.median(two) > 1.15 * sum(cpu[:2]) / sum(cpu)  # what the pledges alone would give


def apart(ra_0: float, dec_0: float, ra: float, dec: float) -> float:
    a, b = radians(dec_0), radians(dec)
    return degrees(acos(max(-1.0, min(1.0, sin(a) * sin(b) + cos(a) * cos(b) * cos(radians(ra - ra_0))))))


def found(query: str, metadata: dict[str, Any]) -> bool:
    """Whether a search finds a dataset, by the documented meaning of its parameters."""
    asked = {key: values[0] for key, values in parse_qs(query).items()}
    if cone := asked.pop("cone", None):
        ra, dec, radius = map(float, cone.split(","))
        if apart(ra, dec, **metadata["position"]) > radius:
            return False
    words = set(re.findall(r"\w+", metadata["title"].lower()))
    if not set(re.findall(r"\w+", asked.pop("q", "").lower())) <= words:
        return False
    return all(value in (metadata[key], *np.atleast_1d(metadata[key]).tolist()) for key, value in asked.items())


def found_soon(events: list[Event]) -> float:
    """Of the searches, those that find something that their site reads in the five minutes after."""
    data = {event["name"]: event["metadata"] for event in of(events, "dataset")}
    open_: dict[str, list[Event]] = {}
    for event in of(events, "download"):
        open_.setdefault(event["localSite"], []).append(event)
    asked = of(events, "search")
    hits = 0
    for event in asked:
        soon = [
            read
            for read in open_.get(event["localSite"], [])
            if 0 <= read["timeStart"] - event["traceTimeentryUnix"] < 300
        ]
        hits += any(found(event["query"], data[read["dataset"]]) for read in soon)
    return hits / len(asked)


def test_people_search_for_what_they_read_or_not() -> None:
    linked = found_soon(calibrated.events(3, days=10, datasets=400))
    other = found_soon(shifting.events(3, days=10, datasets=400))
    assert linked == pytest.approx(1 - Assumptions().search_only, abs=0.08)
    assert other < 0.15


def test_searches_of_a_session_narrow() -> None:
    sessions: dict[str, list[str]] = {}
    events = calibrated.events(2, days=10, datasets=300)
    data = [event["metadata"] for event in of(events, "dataset")]
    for event in of(events, "search"):
        sessions.setdefault(event["session"], []).append(event["query"])
    lengths = Counter(map(len, sessions.values()))
    assert set(lengths) == {1, 2, 3, 4}
    for queries in list(sessions.values())[:150]:
        matches = [sum(found(query, one) for one in data) for query in queries]
        assert all(before >= after for before, after in pairwise(matches))


def test_the_form(small: list[Event]) -> None:
    times = [event["traceTimeentryUnix"] for event in small]
    assert times == sorted(times)
    assert all(START <= time <= START + 10.1 * DAY for time in times)
    rses = {event["rse"]: event["site"] for event in of(small, "rse")}
    kinds = Counter(event["rse_type"] for event in of(small, "rse"))
    assert kinds == {"DISK": 12, "TAPE": 8}
    assert all({event["source"], event["destination"]} <= set(rses) for event in of(small, "distance"))
    there: dict[str, Event] = {}
    for event in small:
        if event["eventType"] == "dataset":
            there[event["name"]] = event
            assert set(event["replicas"]) <= set(rses)
            assert event["bytes"] > 0 < event["files"]
            assert event["created"] <= event["traceTimeentryUnix"]
        elif event["eventType"] in READS:
            read = there[event["dataset"]]  # a dataset comes before it is read
            assert event["datasetScope"] == read["scope"]
            assert event["filesize"] <= read["bytes"]
            assert read["created"] < event["timeStart"] < event["timeEnd"] <= event["traceTimeentryUnix"]
            assert event["localSite"] in rses.values() and event["remoteSite"] in rses.values()
        elif event["eventType"] == "search":
            assert event["localSite"] in rses.values()
            assert set(parse_qs(event["query"])) <= {"cone", "facilities", "instruments", "product_type", "q"}
    assert len(there) == 300


def test_metadata_is_what_a_record_holds(small: list[Event]) -> None:
    for event in of(small, "dataset"):
        metadata = event["metadata"]
        assert 0 <= metadata["position"]["ra"] < 360 and -90 <= metadata["position"]["dec"] <= 90
        start, end = metadata["time"]
        assert start < end <= 40587 + event["created"] / DAY + 1e-4  # observed before it came
        assert metadata["title"] and metadata["targets"] and metadata["facilities"]


def test_the_burst() -> None:
    days = 20
    events = shifting.events(5, days=days, datasets=400)
    name = next(one["metadata"]["targets"][0] for one in of(events, "dataset") if "AT 2026" in one["metadata"]["title"])
    followed = {e["name"]: e["metadata"]["position"] for e in of(events, "dataset") if name in e["metadata"]["targets"]}
    place = next(iter(followed.values()))
    reads = [event for event in of(events, *READS) if event["dataset"] in followed]
    searches = [
        event
        for event in of(events, "search")
        if "cone" in (asked := parse_qs(event["query"]))
        and apart(*map(float, asked["cone"][0].split(",")[:2]), **place) < 0.2
    ]
    assert len(reads) == pytest.approx(0.05 * 4000, rel=0.05)
    assert len(searches) >= 200
    when = [(event["traceTimeentryUnix"] - START) / DAY for event in reads]
    assert min(when) >= 0.6 * days and max(when) < 0.6 * days + 3.1
    assert len({event["localSite"] for event in reads}) == 5


def test_interests_jump_in_the_shifting_trace_and_drift_in_the_other() -> None:
    from placement.traces.reading import interests

    def likeness(assumed: Assumptions) -> float:
        share = np.log(interests(60, 500, assumed, np.random.default_rng(1)))
        # the computing pledges stay
        share -= share.mean((0, 2), keepdims=True)
        return float(np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairwise(share)]))

    assert likeness(Assumptions()) > 0.8
    assert abs(likeness(shifting.ASSUMED)) < 0.05
    assert shifting.ASSUMED.interest_days == 10


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_file(kind: str, tmp_path: Path) -> None:
    first, second, third = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz", tmp_path / "c.jsonl"
    for path, seed in ((first, 4), (second, 4), (third, 5)):
        given = [kind, "--seed", str(seed), "--days", "5", "--datasets", "100", "--output", str(path)]
        result = CliRunner().invoke(trace, given, catch_exceptions=False, help_option_names=["-h", "--help"])
        assert result.exit_code == 0 and "events in" in result.output
    assert first.read_bytes() == second.read_bytes()
    lines = gzip.decompress(first.read_bytes()).splitlines()
    assert [json.loads(line)["eventType"] for line in lines[:2]] == ["rse", "rse"]
    assert lines != third.read_bytes().splitlines()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("days", "datasets", "reads"), [(1, 50, 50), (1, 50, None), (90, 60, 600), (2.5, 51, 333)])
def test_small_traces(kind: str, days: float, datasets: int, reads: int | None) -> None:
    events = MAKERS[kind](11, days, datasets, reads)
    assert len(of(events, "dataset")) == datasets
    assert len(of(events, *READS)) == pytest.approx(reads or 10 * datasets, rel=0.5)
    assert of(events, "search")


def test_more_reads_than_the_popularity_has_are_refused(tmp_path: Path) -> None:
    given = ["calibrated", "--datasets", "100", "--reads", "1001", "--output", str(tmp_path / "t.jsonl")]
    result = CliRunner().invoke(trace, given, help_option_names=["-h", "--help"])
    assert result.exit_code == 2 and "at most ten reads a dataset" in result.output


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    given = ["shifting", "--days", "2", "--datasets", "50", "--output", str(tmp_path / "no" / "t.jsonl")]
    result = CliRunner().invoke(trace, given, help_option_names=["-h", "--help"])
    assert result.exit_code == 1 and "t.jsonl" in result.output and isinstance(result.exception, SystemExit)


def test_a_file_has_an_event_a_line(tmp_path: Path) -> None:
    assert write([{"eventType": "rse"}, {"eventType": "search"}], tmp_path / "t.jsonl") == 2
    assert (tmp_path / "t.jsonl").read_text() == '{"eventType":"rse"}\n{"eventType":"search"}\n'


# Against the captured figures, where they are


def histogram(path: Path) -> np.ndarray:
    return np.array([[float(one) for one in line.split()[:2]] for line in path.read_text().splitlines()])


def test_the_popularity_is_in_the_captured_figures(shared_data: Path) -> None:
    with (shared_data / "rucio/cern_eos_cheops22/readmany.csv").open() as file:
        rows = [(float(row["reads"]), float(row["readfrom"])) for row in csv.DictReader(file)]
    reads, files = np.array(sorted(rows, reverse=True)).T
    for count, share in calibration.EOS_AT_LEAST[:-1]:
        assert files[reads >= count].sum() / files.sum() == pytest.approx(share, abs=1e-6)
    assert files[reads == 1].sum() / files.sum() == pytest.approx(calibration.EOS_READ_ONCE, abs=1e-6)
    assert (reads * files).sum() / files.sum() == pytest.approx(calibration.EOS_READS_PER_FILE, rel=1e-6)
    below = np.cumsum(files)
    top = np.interp(0.01 * below[-1], below, np.cumsum(reads * files)) / (reads * files).sum()
    assert top == pytest.approx(calibration.EOS_TOP_SHARE, abs=1e-4)


def test_the_ages_are_in_the_captured_figures(shared_data: Path) -> None:
    folder = shared_data / "rucio/atlas_popularity"
    days, count = histogram(folder / "plotting__age_distribution__dist_by_age_2017__part-r-00000").T
    for age, share in calibration.ATLAS_YOUNGER:
        assert count[days < age].sum() / count.sum() == pytest.approx(share, abs=1e-5)
    robots, people = (
        histogram(folder / f"plotting__comp_ganga__age_dist__robot__2017_{kind}__part-r-00000")[:, 1].sum()
        for kind in ("robot", "not_robot")
    )
    assert robots / (robots + people) == pytest.approx(calibration.ATLAS_ROBOTS, abs=1e-6)
    assert robots + people == count.sum()
    days, count = histogram(folder / "plotting__comp_ganga__time_between__last__not_ganga__part-r-00000").T
    for gap, share in calibration.ATLAS_LAST_GAP:
        assert count[days < gap].sum() / count.sum() == pytest.approx(share, abs=6e-4)


def test_the_lake_is_in_the_captured_figures(shared_data: Path) -> None:
    folder = shared_data / "rucio/lhcb_grid"
    with (folder / "platform__lhcb_capacities.csv").open() as file:
        pledges = {row["FederationAccountingName"]: row for row in csv.DictReader(file, delimiter=";")}
    for site in topology.SITES:
        pledge = pledges[site.name]
        assert site.disk == float(pledge["Disk Pledge"]) * 1e9
        assert site.tape == (float(pledge["Tape Pledge"]) * 1e9 if site.tier < 2 else 0)
        assert site.cpu == float(pledge["CPU Pledge"])
        assert site.tier == int(pledge["Tier"][-1])
    sizes: dict[str, float] = {}
    disks: Counter[str] = Counter()
    for path in folder.glob("InputData__SEs__*"):
        listed = dict(line.rsplit(" ", 1) for line in path.read_text().splitlines())
        sizes |= {name: float(size) for name, size in listed.items()}
        disks.update(listed.keys())
    raw = [name for name in sizes if name.endswith(".raw")]
    assert len(raw) / len(sizes) == pytest.approx(calibration.LHCB_RAW, abs=1e-4)
    assert sum(disks[name] == 2 for name in raw) / len(raw) == pytest.approx(
        calibration.LHCB_RAW_ON_TWO_DISKS, abs=1e-4
    )
    assert all(count == 1 or name.endswith(".raw") for name, count in disks.items())
    assert np.median([sizes[name] for name in raw]) == pytest.approx(calibration.LHCB_RAW_BYTES, rel=1e-3)
    other = np.median([size for name, size in sizes.items() if not name.endswith(".raw")])
    assert other == pytest.approx(calibration.LHCB_RECONSTRUCTED_BYTES, rel=1e-3)
    folders: dict[str, list[float]] = {}
    for name, size in sizes.items():
        folders.setdefault(name.rpartition("/")[0], []).append(size)
    logs = np.log([len(one) for one in folders.values()])
    assert (logs.mean(), logs.std()) == pytest.approx(calibration.LHCB_FILES_LOG, abs=1e-3)
    for percent, bytes_ in calibration.LHCB_FOLDER_BYTES:
        assert np.percentile([sum(one) for one in folders.values()], percent) == pytest.approx(bytes_, rel=1e-3)
