"""`placement replay`: reports of several traces, with intervals and ratios, the same however it is run."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from asterism.commands.replay import replay
from placement.replay.report import BOUND, STRATEGIES, Row, compared, interval, run, summary
from tests.placement.replays import Event, dataset, lake, lines, read, search


def _trace(path: Path, seed: int) -> Path:
    chance = random.Random(seed)
    events: list[Event] = [*lake("A", "B", "C")]
    for n in range(30):
        events.append(dataset(f"d{n}", chance.randint(1, 9) * 10**9, "A-TAPE", n % 7, facilities=[f"F{n % 3}"]))
    for _ in range(200):
        n, site, day = min(chance.randrange(30) for _ in range(2)), chance.choice("ABC"), chance.uniform(7, 30)
        events += [search(f"facilities=F{n % 3}", site, day - 1), read(f"d{n}", site, day)]
    path.write_bytes(b"\n".join(lines(events)))
    return path


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("traces")
    return [str(_trace(folder / f"{seed}.jsonl", seed)) for seed in (1, 2)]


def _run(*words: str) -> Result:
    return CliRunner().invoke(replay, words, help_option_names=["-h", "--help"])


def test_every_strategy_is_in_the_report(traces: list[str]) -> None:
    done = _run(*traces, "--capacities", "10,50", "--format", "json")
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = orjson.loads(done.stdout)
    assert {one["strategy"] for one in document["summary"]} == {*STRATEGIES, BOUND}
    assert [one["traces"] for one in document["summary"]] == [2] * 2 * (len(STRATEGIES) + 1)
    assert len(document["rows"]) == 4 * (len(STRATEGIES) + 1)
    limits = {(one["trace"], one["capacity"]): one["figures"] for one in document["rows"] if one["strategy"] == BOUND}
    for one in document["rows"]:
        assert one["figures"]["byte_hit_rate"] <= limits[one["trace"], one["capacity"]]["byte_hit_rate"] + 1e-9
    assert {"byte_hit_rate_to_best", "byte_hit_rate_to_bound", "bytes_moved_to_c3po"} <= document["compared"][0].keys()


def test_the_same_whatever_runs_beside(traces: list[str]) -> None:
    paths, names = [Path(one) for one in traces], ["random", "ours"]
    assert repr(run(paths, [10.0], names, jobs=2)) == repr(run(paths, [10.0], names))


def test_a_table_for_people_and_a_file(traces: list[str], tmp_path: Path) -> None:
    file = tmp_path / "report"
    assert _run(*traces, "--strategies", "lru,ours,bound", "--output", str(file)).exit_code == 0
    said = file.read_text()
    assert said.splitlines()[0].split()[:2] == ["disk", "strategy"]
    assert "byte_hit_rate of ours" in said and "the best baseline (lru)" in said


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["nowhere.jsonl"], "no file 'nowhere.jsonl'"),
        (["{}", "--strategies", "lru,best"], "no strategy 'best'"),
        (["{}", "--capacities", "ten"], "percentages"),
        (["{}", "--capacities", "0"], "percentages"),
    ],
)
def test_misuse_is_said_so(words: list[str], wrong: str, traces: list[str]) -> None:
    done = _run(*(word.format(traces[0]) for word in words))
    assert done.exit_code == 2 and wrong in done.output


def test_intervals_are_of_students_t() -> None:
    mean, half = interval([1.0, 2.0, 3.0, math.nan])
    assert mean == 2.0 and half == pytest.approx(4.302652729911275 / math.sqrt(3))
    assert interval([5.0])[0] == 5.0 and math.isnan(interval([5.0])[1]) and math.isnan(interval([])[0])


def test_ours_is_compared_trace_by_trace_with_the_best_baseline() -> None:
    def row(trace: str, strategy: str, rate: float) -> Row:
        keys = ("byte_hit_rate", "request_hit_rate", "placed_byte_hit_rate", "cold_byte_hit_rate")
        return Row(trace, 10.0, strategy, dict.fromkeys(keys, rate))

    rates = {"lru": (0.2, 0.4), "lfu": (0.1, 0.3), "ours": (0.3, 0.4), "ours-daily": (0.9, 0.9), "belady": (1.0, 1.0)}
    rows = [row(trace, name, one[n]) for name, one in rates.items() for n, trace in enumerate("ab")]
    found = compared(rows)[0]["byte_hit_rate_to_best"]
    assert found["best"] == "lru" and found["ratio"] == pytest.approx(1.25)
    assert summary(rows)[0]["mean"]["byte_hit_rate"] == pytest.approx(0.3)
