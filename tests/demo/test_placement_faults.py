"""Placement on the demonstration's lake when something is wrong: a policy, a file, what was asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from asterism.factory import Factory
from asterism.settings import load
from demo.federation import Federation
from tests.demo.test_placement import CRAB, Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Federation(0) as federation:
        made = Lab(tmp_path, federation)
        made.run("init")
        made.run("harvest", "lake")
        yield made


def test_a_policy_that_cannot_be_understood_stops_no_other_and_nothing_is_released(lab: Lab, tmp_path: Path) -> None:
    lab.run("saved", "add", "mine", CRAB.partition("&")[0])
    file = tmp_path / "more.toml"
    file.write_text('name = "later"\nquery = "mine"\nrse_expression = "SYNTHETIC-DISK-C"\nlifetime = "90d"\n')
    lab.run("policy", "add", str(file))
    lab.run("hints", "apply", "--yes", "--policy", "crab")
    for rule in lab.federation.lake.rules.values():
        if rule.comments is not None and rule.comments.startswith("asterism "):
            rule.created = rule.created and rule.created - timedelta(days=30)
    settings = lab.config.read_text().replace('name = "crab"', 'name = "no-crab"').replace(CRAB, "cone=0,89,0.1")
    lab.config.write_text(settings.replace("H.E.S.S.", "INTEGRAL"))
    lab.run("saved", "remove", "mine")
    done = lab.run("harvest", "lake")
    assert (
        "the query of policy later: no query is saved as 'mine'" in done.output and "[policy.bad-query]" in done.output
    )
    hints = lab.hints()
    assert hints and not [one for one in hints if one["action"] == "release"]
    said = lab.run("policy", "check", code=1).stdout
    assert "later: the query of policy later" in said and "no-crab: 0 datasets match" in said
    lab.run("hints", "apply", "--yes", code=1)  # not known whether all that is wanted stands
    with Factory(load(lab.config)) as factory:
        assert factory.catalogue.placement(hints[0]["record"])["datasets"]
    lab.run("policy", "remove", "later")
    assert [one for one in lab.hints() if one["action"] == "release"]


def test_lost_columns_are_made_anew_for_whoever_asks(lab: Lab) -> None:
    before = lab.hints("--for", CRAB)
    shutil.rmtree(lab.config.parent / "data" / "placement")
    with Factory(load(lab.config)) as factory:
        assert factory.catalogue.placement(before[0]["record"])["datasets"][0]["hints"] == [before[0]]
        shutil.rmtree(lab.config.parent / "data" / "placement")
        assert [one.document() for one in factory.catalogue.hints(CRAB, None, [], None, 10_000, 0)[1]] == before


def test_where_the_columns_cannot_be_kept_it_plans_all_the_same(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    before = lab.hints()
    folder = lab.config.parent / "data" / "placement"
    shutil.rmtree(folder)
    folder.write_text("not a folder")
    assert lab.hints() == before
    assert "cannot be written" in caplog.text


def test_nothing_chosen_is_nothing_done_and_lines_stay_lines(lab: Lab) -> None:
    done = lab.run("hints", "apply", "--yes", "--policy", "nobodys", "--format", "jsonl")
    assert done.stdout == "" and "no such hints" in done.stderr
    lab.run("hints", "apply", "--yes", "--policy", "crab")
    lab.run("harvest", "lake")
    again = lab.run("hints", "apply", "--yes", "--policy", "crab", "--format", "jsonl").stdout.splitlines()
    assert {json.loads(line)["outcome"] for line in again} == {"stands"} and len(again) == 4  # they are looked at


def test_a_history_of_nothing_is_an_error(lab: Lab) -> None:
    assert "policy.unknown" in lab.run("policy", "show", "nobodys", "--history", code=1).output
    assert lab.run("policy", "show", "crab", "--history").output == ""
