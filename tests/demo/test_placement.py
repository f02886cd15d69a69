"""Placement on the demonstration's lake, by the command line and over the catalogue: from policies to rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from asterism.cli import cli
from asterism.factory import Factory
from asterism.settings import load
from demo.federation import Federation
from placement.kept import replace_hints
from placement.policies import add, remove
from schemas.hint import Hint
from schemas.policy import Policy

FIELDS = {
    *(
        "id",
        "did",
        "record",
        "action",
        "rse_expression",
        "to",
        "from",
        "copies",
        "bytes",
        "score",
        "confidence",
        "policy",
    ),
    *("reasons", "lifetime", "activity", "priority", "rules", "created_at", "expires_at"),
}
CRAB = "cone=83.6331,22.0145,2"


class Lab:
    """A federation, its catalogue, and the command line on both."""

    def __init__(self, folder: Path, federation: Federation) -> None:
        self.federation = federation
        self.config = folder / "asterism.toml"
        self.config.write_text(federation.settings(str(folder / "data")), encoding="utf-8")

    def run(self, *words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(cli, ["--config", str(self.config), *words])
        assert done.exit_code == code, done.output
        return done

    def hints(self, *words: str) -> list[dict[str, Any]]:
        lines = self.run("hints", "--format", "jsonl", *words).stdout.splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Federation(0) as federation:
        made = Lab(tmp_path_factory.mktemp("lab"), federation)
        made.run("init")
        made.run("harvest", "lake")
        yield made


def test_a_policy_says_what_it_matches_and_costs(lab: Lab) -> None:
    said = lab.run("policy", "check", "crab").stdout
    assert "crab: 4 datasets match" in said and "0 have 1 on" in said
    assert said.count("SYNTHETIC-DISK-C") == 2 and "SYNTHETIC-DISK-D  " not in said  # the latter is full


def test_hints_are_the_contracts_and_the_same_each_time(lab: Lab) -> None:
    hints = lab.hints()
    assert hints and hints == lab.hints()
    for one in hints:
        assert set(one) == FIELDS
        assert Hint.read(one).document() == one
        assert one["action"] == "replicate" and one["to"] == ["SYNTHETIC-DISK-C"] and one["copies"] == 1
        assert {"SYNTHETIC-DISK-A", "SYNTHETIC-DISK-B"} >= set(one["from"]) > set()
        assert one["reasons"][0]["code"] == "policy.copies"
    sizes = {did.name: did.columns["bytes"] for did in lab.federation.lake.dids.values() if did.columns}
    assert all(one["bytes"] == sizes[one["did"]["name"]] for one in hints)


def test_hints_are_narrowed(lab: Lab) -> None:
    every = lab.hints()
    crab = lab.hints("--for", CRAB)
    assert len(crab) == 4 and {one["policy"] for one in crab} == {"crab"}
    assert lab.hints("--policy", "crab") == crab
    assert lab.hints("--rse", "site=SYNTHETIC-EAST") == every
    assert lab.hints("--rse", "SYNTHETIC-TAPE") == [] == lab.hints("--action", "release")
    assert lab.hints("--limit", "2") == every[:2]
    lab.run("hints", "--for", "facilites=HESS", code=2)
    lab.run("hints", "--rse", "A|", code=1)


def test_a_record_says_where_it_is_and_should_be(lab: Lab) -> None:
    (hint, *_) = lab.hints("--for", CRAB)
    with Factory(load(lab.config)) as factory:
        said = factory.catalogue.placement(hint["record"])
        state = factory.catalogue.lake()
        total, listed = factory.catalogue.hints(CRAB, None, [], None, 100, 0)
    assert orjson.loads(orjson.dumps(said))["datasets"][0]["hints"] == [hint]
    assert json.loads(lab.run("show", "--placement", hint["record"]).stdout) == said
    text = json.dumps(said)
    assert "SYNTHETIC-DISK-A" in text and "crab" in text
    assert len(state["rses"]) == 5 and state["notes"] == []
    assert [one.document() for one in listed] == lab.hints("--for", CRAB) and total == len(listed)


def test_applied_once_then_nothing_new_and_the_next_harvest_knows(lab: Lab) -> None:
    rules = dict(lab.federation.lake.rules)
    lab.run("hints", "apply", "--policy", "crab")
    assert lab.federation.lake.rules == rules  # a dry run
    lab.run("hints", "apply", "--yes", "--policy", "crab")
    made = [rule for id, rule in lab.federation.lake.rules.items() if id not in rules]
    assert len(made) == 4
    for rule in made:
        assert rule.rse_expression == "SYNTHETIC-DISK-C" and rule.activity == "Data Brokering"
        assert rule.comments is not None and rule.comments.startswith("asterism hint=")
    again = lab.run("hints", "apply", "--yes", "--policy", "crab").stdout
    assert "0 rules made" in again and len(lab.federation.lake.rules) == len(rules) + 4
    lab.run("harvest", "lake")
    assert lab.hints("--for", CRAB) == []
    said = lab.run("policy", "check", "crab").stdout
    assert "4 have 1 on" in said


def test_a_new_dataset_gets_its_hint_with_the_next_harvest(lab: Lab) -> None:
    lake = lab.federation.lake
    old = next(did for did in lake.dids.values() if did.scope == "hess" and did.type == "DATASET")
    before = {one["did"]["name"] for one in lab.hints()}
    lake.dids["hess", "later"] = type(old)(
        "hess", "later", "DATASET", old.created, dict(old.columns), {"note": "nothing yet"}, rses=old.rses
    )
    lab.run("harvest", "lake")
    assert "later" not in {one["did"]["name"] for one in lab.hints()}  # nothing says that it is a policy's
    lake.dids["hess", "later"].metadata = dict(old.metadata)
    lab.run("harvest", "lake")
    assert {one["did"]["name"] for one in lab.hints()} == before | {"later"}


def test_policies_are_added_in_versions_and_removed(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "tapes.toml"
    file.write_text(
        'name = "tapes"\nquery = "extra.rucio.OBJECT=Crab"\nrse_expression = "rse_type=TAPE"\nlifetime = "1y"\n'
    )
    assert "tapes" in lab.run("policy", "check", str(file)).stdout
    assert lab.run("policy", "add", str(file)).stdout == "tapes: version 1\n"
    assert lab.hints("--policy", "tapes") and {tuple(one["to"]) for one in lab.hints("--policy", "tapes")} == {
        ("SYNTHETIC-TAPE",)
    }
    lab.run("policy", "remove", "tapes")
    assert lab.hints("--policy", "tapes") == []
    file.write_text(file.read_text().replace("rse_type=TAPE", "site=NOWHERE"))
    assert "policy.no-rse" in lab.run("policy", "add", str(file), code=1).output
    file.write_text(file.read_text().replace("extra.rucio.OBJECT=Crab", "facilites=HESS"))
    assert "facilities" in lab.run("policy", "add", str(file), code=1).output
    assert "tapes" not in lab.run("policy", "list").stdout
    one = {"name": "new", "query": "kind=dataset", "rse_expression": "rse_type=TAPE"}
    (both := tmp_path / "both.json").write_text(json.dumps([one, one | {"name": "crab"}]))
    assert "policy.duplicate" in lab.run("policy", "add", str(both), code=1).output
    assert "new" not in lab.run("policy", "list").stdout  # all of a file or nothing


def test_without_a_lake_the_commands_say_so(tmp_path: Path) -> None:
    config = tmp_path / "asterism.toml"
    config.write_text('data = "data"\n')
    runner = CliRunner()
    assert runner.invoke(cli, ["--config", str(config), "init"]).exit_code == 0
    for words in (["hints"], ["hints", "apply"], ["placement", "lake"]):
        done = runner.invoke(cli, ["--config", str(config), *words])
        assert done.exit_code == 1 and "placement.no-lake" in done.output, words


def test_nothing_is_released_by_a_planning_that_did_not_know_the_policies(lab: Lab) -> None:
    with Factory(load(lab.config)) as factory:
        hints = factory.placement.plan().hints
        kept = [*hints, replace(hints[0], id="0" * 16, action="release")]
        replace_hints(factory.store, kept)
        assert {one.id for one in factory.placement.applicable()} == {one.id for one in kept}
        add(factory.store, Policy("later", "kind=dataset", "SYNTHETIC-DISK-A"))
        assert {one.id for one in factory.placement.applicable()} == {one.id for one in hints}
        remove(factory.store, "later")
        factory.placement.plan()
