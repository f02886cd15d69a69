"""Placement from one end to the other, as an operator has it: a real Rucio, the command line, the server."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harvesters.program import until
from tests.placement.real_lake import DAY, SIZE, Operator, RealLake, RealRses, daemons_run

pytestmark = pytest.mark.real
CENTRE = {"s_ra": 266.4, "s_dec": -29.0, "facility_name": "MeerKAT"}
ZA = "country=ZA&lab={}"
KEYS = {"id", "did", "action", "rse_expression", "to", "from", "copies", "bytes", "score", "policy", "reasons",
        "created_at", "expires_at"}  # fmt: skip


def policy(name: str, query: str, lake: RealLake, expression: str = ZA, **more: Any) -> str:
    said = {"name": name, "query": query, "rse_expression": expression.format(lake.tag), "lifetime": "90d"} | more
    return "[[policies]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())


def settings(lake: RealLake, *policies: str) -> str:
    return '[lake]\nsource = "lake"\n' + lake.source + "".join(policies)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def date(text: str) -> float:
    """Of Rucio's."""
    return parsedate_to_datetime(text).timestamp()


def wanted(hints: list[dict[str, Any]]) -> set[tuple[str, str, tuple[str, ...]]]:
    """(dataset, action, RSEs without the tag) of hints."""
    return {
        (one["did"]["name"], one["action"], tuple(rse.partition("-")[0] for rse in one["to"] or one["from"]))
        for one in hints
    }


@pytest.fixture(scope="module")
def rses(rucio_url: str) -> Iterator[RealRses]:
    made = RealRses(rucio_url)
    yield made
    made.close()


@pytest.fixture
def lake(rses: RealRses) -> RealLake:
    return RealLake(rses)


@pytest.fixture(scope="module")
def begun(rses: RealRses, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a harvest of nothing: with the distances of whatever else is in this Rucio, read once."""
    lake, folder = RealLake(rses), tmp_path_factory.mktemp("begun")
    lake.trusted()
    assert "0 hints" in Operator(folder, settings(lake)).run("harvest").stderr
    return folder / "kept"


@pytest.fixture
def operator(begun: Path, tmp_path: Path) -> Callable[[str], Operator]:
    def made(text: str) -> Operator:
        shutil.copytree(begun, tmp_path / "kept")
        return Operator(tmp_path, text)

    return made


def test_from_what_data_are_to_rules(lake: RealLake, operator: Callable[[str], Operator]) -> None:
    lake.trusted()
    lake.add("deep", "PER", **CENTRE, band="L")
    lake.add("wide", "PER", **CENTRE, band="UHF")
    lake.add("crab", "PER", "PTA", s_ra=83.63, s_dec=22.01, facility_name="H.E.S.S.")
    lake.add("boxed", "VAULT")
    lake.contain("box", "boxed")
    lake.describe("box", campaign_name="spring")
    lake.add("bare", "VAULT", run=7)
    lake.add("later", "PER")
    for name in ("deep", "wide", "crab", "later"):
        lake.hold(name, "PER")
    asterism = operator(
        settings(
            lake,
            policy("galactic-centre", "cone=266.4168,-29.0078,5&extra.rucio.band=L", lake, priority=5),
            policy("gamma", "facilities=H.E.S.S.", lake, activity="User Subscriptions", copies=2),
            policy("boxes", "extra.rucio.campaign_name=spring", lake, lifetime="30d"),
            policy("many", "facilities=MeerKAT", lake, copies=3, priority=1),
        )
    )
    asterism("harvest")
    asterism("saved", "add", "runs", "extra.rucio.run=7")
    file = asterism.folder / "more.toml"
    file.write_text(policy("kept-query", "runs", lake))
    assert asterism("policy", "add", str(file)) == "kept-query: version 1\n"

    hints = asterism.lines("hints")
    assert hints == asterism.lines("hints")
    assert wanted(hints) == {
        ("deep", "replicate", ("CPT",)),  # of galactic-centre, which is first
        ("deep", "replicate", ("PTA",)),  # of many, which counts it: FULL and SHUT can not have the third
        ("wide", "replicate", ("CPT", "PTA")),
        ("crab", "replicate", ("CPT",)),
        ("crab", "extend", ("PTA",)),
        ("boxed", "stage", ("CPT",)),
        ("bare", "stage", ("CPT",)),
    }
    for one in hints:
        assert one.keys() >= KEYS and one["did"]["scope"] == lake.scope and one["copies"] == len(one["to"])
        assert one["reasons"] and all(reason["code"] and reason["text"] for reason in one["reasons"])
        assert one["bytes"] == (0 if one["action"] == "extend" else SIZE * len(one["to"]))
        assert at(one["expires_at"]) - at(one["created_at"]) == 7 * DAY
    checked = asterism.run("policy", "check", "many")
    assert checked.returncode == 1 and f"{lake.rse('FULL')}: " in checked.stdout and lake.rse("SHUT") in checked.stdout

    said = asterism("hints", "apply")
    assert "would be: 8 rules made (14 GB)" in said and not lake.own()
    steps = asterism.lines("hints", "apply", "--yes")
    assert {one["outcome"] for one in steps} == {"done"}
    rules = lake.own()
    assert {one["rule"] for one in steps} == rules.keys()
    assert lake.placed() == {
        *(("deep", "CPT"), ("deep", "PTA"), ("wide", "CPT"), ("wide", "PTA")),
        *(("crab", "CPT"), ("crab", "PTA"), ("boxed", "CPT"), ("bare", "CPT")),
    }
    ids = {one["id"]: one for one in hints}
    for row in rules.values():
        words = dict(word.split("=") for word in row["comments"].removeprefix("asterism ").split())
        hint = ids[words["hint"]]
        assert words["policy"] == hint["policy"] and row["activity"] == hint["activity"]
        assert (row["copies"], row["priority"]) == (1, hint["priority"])
        life = (date(row["expires_at"]) - date(row["created_at"])) / DAY
        assert life == pytest.approx(30 if hint["policy"] == "boxes" else 90, abs=0.01)
    again = asterism.lines("hints", "apply", "--yes")
    assert {one["outcome"] for one in again} == {"stands"} and lake.own() == rules

    # what is new, or known only now, has its hint with the next harvest
    lake.add("fresh", "PER", **CENTRE, band="L")
    lake.describe("later", facility_name="H.E.S.S.")
    assert "3 hints" in asterism.run("harvest").stderr
    assert wanted(asterism.lines("hints")) == {
        ("fresh", "replicate", ("CPT",)),
        ("fresh", "replicate", ("PTA",)),
        ("later", "replicate", ("CPT", "PTA")),
    }


def test_full_shut_and_short_of_quota(lake: RealLake, operator: Callable[[str], Operator]) -> None:
    for n in range(3):
        lake.add(f"d{n}", "PER", "VAULT", run=1)
        lake.hold(f"d{n}", "PER")
    for word in ("FULL", "SHUT", "PER", "VAULT"):
        lake.limit(word, 100 * SIZE)
    lake.limit("CPT", SIZE + 1)  # a rule must leave a byte of it
    lake.limit("PTA", SIZE)
    asterism = operator(settings(lake, policy("runs", "extra.rucio.run=1", lake, "lab={}&country=ZA")))
    asterism("harvest")
    hints = asterism.lines("hints")
    assert [(one["action"], one["to"]) for one in hints] == [("replicate", [lake.rse("CPT")])]
    done = asterism.lines("hints", "apply", "--yes")
    assert [one["outcome"] for one in done] == ["done"]
    checked = asterism.run("policy", "check")
    assert checked.returncode == 1 and "2 of 3" in checked.stdout


def test_killed_in_the_middle(lake: RealLake, operator: Callable[[str], Operator]) -> None:
    lake.trusted()
    names = [f"d{n:02}" for n in range(20)]
    for name in names:
        lake.add(name, "PER", run=1)
        lake.hold(name, "PER")
    asterism = operator(settings(lake, policy("runs", "extra.rucio.run=1", lake)))
    asterism("harvest")
    command = asterism.command("hints", "apply", "--yes")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=asterism.environment) as process:
        until(lambda: len(lake.own()) >= 3 or process.poll() is not None, "it makes rules", 60)
        process.kill()
    time.sleep(1)  # what was on its way to Rucio arrives there all the same
    before = lake.own()
    assert 3 <= len(before) < len(names)
    assert "was cut short" in asterism.run("hints", "apply").stderr and lake.own() == before
    done = asterism.lines("hints", "apply", "--yes")
    assert len(done) == len(names) and {one["outcome"] for one in done} <= {"done", "stands"}
    after = lake.own()
    assert before.keys() <= after.keys() and sorted(row["name"] for row in after.values()) == names


def test_rules_live_and_end(lake: RealLake, operator: Callable[[str], Operator], rucio_url: str) -> None:
    if not daemons_run(rucio_url):
        pytest.skip("this Rucio is not the one of tests/servers/rucio, whose rules can be made older from here")
    lake.trusted()
    for name in ("short", "enough"):
        lake.add(name, "PER", run=1)
        lake.hold(name, "PER")
    lake.add("strange", "PER", "PTA", run=2)
    lake.hold("strange", "PER")
    foreign = lake.hold("strange", "PTA", lake.account, comment="made by hand")
    runs = policy("runs", "extra.rucio.run=1", lake)
    asterism = operator(settings(lake, runs))
    asterism("harvest")
    asterism("hints", "apply", "--yes")
    ours = {row["name"]: id for id, row in lake.own().items() if id != foreign}
    for name in ours:
        lake.arrived(name, "CPT")
    lake("PUT", f"/rules/{ours['short']}", {"options": {"lifetime": 2 * DAY}})
    asterism("harvest")
    (longer,) = asterism.lines("hints")
    assert (longer["did"]["name"], longer["action"], longer["rules"]) == ("short", "extend", [ours["short"]])
    assert [one["outcome"] for one in asterism.lines("hints", "apply", "--yes", "--wait")] == ["done", "stands"]
    ends = date(lake.own()[ours["short"]]["expires_at"])
    assert (ends - time.time()) / DAY == pytest.approx(90, abs=0.1) and len(lake.own()) == 3

    # without its policy a copy goes, but not before its rule has the age
    asterism.configure(settings(lake))
    asterism("harvest")
    assert asterism.lines("hints") == []
    lake.older(ours["enough"], 8 * DAY)
    asterism("harvest")
    (gone,) = asterism.lines("hints")
    assert (gone["did"]["name"], gone["action"], gone["rules"]) == ("enough", "release", [ours["enough"]])
    assert gone["from"] == [lake.rse("CPT")] and gone["bytes"] == SIZE
    asterism("hints", "apply", "--yes")
    rules = lake.own()
    assert date(rules[ours["enough"]]["expires_at"]) <= time.time() + 1
    assert date(rules[ours["short"]]["expires_at"]) == ends and rules[foreign]["expires_at"] is None
    assert {one["outcome"] for one in asterism.lines("hints", "apply", "--yes")} == {"stands"}


def test_what_people_look_for_over_http(lake: RealLake, operator: Callable[[str], Operator]) -> None:
    lake.trusted()
    lake.add("vela", "PER", s_ra=128.83, s_dec=-45.18, target_name="Vela", facility_name="MeerKAT")
    lake.add("crab", "PER", s_ra=83.63, s_dec=22.01, target_name="Crab", facility_name="H.E.S.S.")
    for name in ("vela", "crab"):
        lake.hold(name, "PER")
    asterism = operator(settings(lake) + '[demand]\nsites = { "127.0.0.0/8" = "PTA" }\n')
    asterism("harvest")
    assert asterism.lines("hints") == []
    token = asterism("token", "create", "me").split()[-1]
    with asterism.serving() as http:
        for n in range(12):
            query = {"cone": f"128.8,-45.2,{1 + n / 10}", "q": "vela"}
            (found,) = http.get("/api/v1/search", params=query).raise_for_status().json()["items"]
        for _ in range(3):
            http.get(f"/api/v1/records/{found['id']}").raise_for_status()
        until(lambda: bool(asterism.lines("hints")), "what was asked for is saved", 30)
        (hint,) = http.get("/api/v1/hints", params={"action": "replicate"}).raise_for_status().json()["items"]
        assert (hint["did"]["name"], hint["policy"], hint["to"]) == ("vela", None, [lake.rse("PTA")])
        assert {"demand.forecast", "demand.site", "demand.gain"} <= {reason["code"] for reason in hint["reasons"]}
        page = http.get(f"/api/v1/records/{found['id']}/placement").raise_for_status().json()
        (of,) = page["datasets"]
        assert [one["id"] for one in of["hints"]] == [hint["id"]]
        assert http.post("/api/v1/hints/apply", json={"yes": True}).status_code == httpx.codes.UNAUTHORIZED
        http.headers["Authorization"] = f"Bearer {token}"
        asked = http.post("/api/v1/hints/apply").raise_for_status().json()
        assert (asked["applied"], asked["totals"]["creates"]) == (False, 1) and not lake.own()
        for outcome in ("done", "stands"):
            body = http.post("/api/v1/hints/apply", json={"yes": True}).raise_for_status().json()
            assert body["stands"] and [one["outcome"] for one in body["steps"]] == [outcome]
    assert lake.placed() == {("vela", "PTA")}
    asterism("harvest")
    assert [one for one in asterism.lines("hints") if one["action"] == "replicate"] == []
