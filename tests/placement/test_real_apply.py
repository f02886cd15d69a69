"""Hints applied to a real Rucio, with an account of its own for each test."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog.store import Store
from harvesters.http import PoliteClient
from placement import export
from placement.apply import Applier, Report
from placement.rucio_rules import Rule, Rules
from placement.settings import LakeSettings
from schemas.hint import Hint
from schemas.policy import Policy
from tests.conftest import ROOT
from tests.placement.applying import DAY, hint, session

pytestmark = pytest.mark.real
SCRIPT = ROOT / "tests" / "servers" / "rucio"
BYTES = 500


class Lake:
    """A scope, three RSEs and an account in a real Rucio; ``admin``: who may change rules, too."""

    def __init__(self, url: str, store: Store, folder: Path, *, admin: bool = True) -> None:
        tag = secrets.token_hex(4)
        self.store, self.folder = store, folder
        self.scope, self.account = f"apply{tag}", f"placer{tag}"
        self.rses = [f"G{n}-{tag}".upper() for n in "ABC"]
        self.http = httpx.Client(base_url=url, timeout=30)
        login = {"X-Rucio-Account": "root", "X-Rucio-Username": "ddmlab", "X-Rucio-Password": "secret"}
        token = self.http.get("/auth/userpass", headers=login).raise_for_status().headers["X-Rucio-Auth-Token"]
        self.http.headers["X-Rucio-Auth-Token"] = token
        self("POST", f"/scopes/root/{self.scope}")
        for rse in self.rses:
            self("POST", f"/rses/{rse}", {"deterministic": True})
        self("POST", f"/accounts/{self.account}", {"type": "SERVICE", "email": "test@example.org"})
        identity = {"identity": "ddmlab", "authtype": "USERPASS", "email": "test@example.org", "default": False}
        self("POST", f"/accounts/{self.account}/identities", identity)
        if admin:
            self("POST", f"/accounts/{self.account}/attr/admin", {"key": "admin", "value": "True"})
        for rse in self.rses:
            self("POST", f"/accounts/{self.account}/limits/local/{rse}", {"bytes": 100 * BYTES})
        self.login = {"url": url, "account": self.account, "auth": "userpass"}
        self.login |= {"username": "ddmlab", "password": "secret"}
        self.client = PoliteClient(contact="test@example.org")
        self.own = Rules(session(self.client, self.login))

    def close(self) -> None:
        self.http.close()
        self.client.close()

    def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer

    def add(self, name: str, *rses: str) -> None:
        """A dataset of one file with complete copies, which no rule holds."""
        self("POST", f"/dids/{self.scope}/{name}", {"type": "DATASET"})
        files = [{"scope": self.scope, "name": f"{name}.0", "bytes": BYTES, "adler32": "0cc737eb"}]
        for rse in rses:
            self("POST", "/replicas/", {"rse": rse, "files": files, "ignore_availability": True})
        self("POST", f"/dids/{self.scope}/{name}/dids", {"dids": [{"scope": self.scope, "name": f"{name}.0"}]})

    def rule(self, name: str, rse: str, account: str, **more: Any) -> str:
        body = {"dids": [{"scope": self.scope, "name": name}], "copies": 1, "rse_expression": rse, "account": account}
        return str(self("POST", "/rules/", body | more).json()[0])

    def apply(self, *hints: Hint, most: int = 100) -> Applier:
        settings = LakeSettings("lake", max_rules=most)
        return Applier(self.store, self.own, settings, lambda: hints, self.folder / "hints.stop")

    def hint(self, id: str, name: str, action: str, rses: Sequence[str], **more: Any) -> Hint:
        return hint(id, self.scope, name, action, rses, **more)

    def rules(self) -> dict[str, Rule]:
        return self.own.all()

    def clean(self) -> None:
        """Run the daemon that removes the rules that have ended."""
        done = [str(SCRIPT), "run", "rucio-judge-cleaner", "--run-once"]
        subprocess.run(done, check=True, capture_output=True, timeout=120)


def outcomes(report: Report) -> list[str]:
    return [one.outcome for one in report.lines]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as made:
        yield made


@pytest.fixture
def lake(rucio_url: str, store: Store, tmp_path: Path) -> Iterator[Lake]:
    made = Lake(rucio_url, store, tmp_path)
    yield made
    made.close()


@pytest.fixture
def daemons(rucio_url: str) -> None:
    state = os.environ.get("RUCIO_STATE") or Path(tempfile.gettempdir()) / "asterism-test-rucio"
    port = os.environ.get("RUCIO_PORT", "18100")
    if not Path(state, "gunicorn.pid").exists() or not rucio_url.endswith(f":{port}"):
        pytest.skip("this Rucio is not the one of tests/servers/rucio, so its daemons cannot be run from here")


def test_applied_once(lake: Lake) -> None:
    a, b, c = lake.rses
    lake.add("crab/1", a)  # a name with a slash travels encoded
    asked = lake.hint("h1", "crab/1", "replicate", [b, c], lifetime=None)
    assert outcomes(lake.apply(asked).plan()) == ["to do", "to do"] and lake.rules() == {}
    done = lake.apply(asked).watch(lake.apply(asked).run())
    assert (outcomes(done), done.stands) == (["done", "done"], True)
    made = lake.rules()
    assert {(one.rse_expression, one.comment, one.expires_at, one.state) for one in made.values()} == {
        (rse, "asterism hint=h1 policy=keep", None, "REPLICATING") for rse in (b, c)
    }
    row = lake("GET", f"/rules/{next(iter(made))}").json()
    assert (row["activity"], row["account"], row["grouping"], row["copies"]) == (
        ("Data Brokering", lake.account, "DATASET", 1)
    )
    again = lake.apply(asked).watch(lake.apply(asked).run())
    assert (outcomes(again), again.stands, lake.rules().keys()) == (["stands", "stands"], True, made.keys())
    late = lake.apply(asked).watch(again, wait=0.3)
    assert not late.stands and late.stopped and "2 rules are not OK" in late.stopped


def test_a_refusal_fails_one_step_in_rucios_words(rucio_url: str, store: Store, tmp_path: Path) -> None:
    lake = Lake(rucio_url, store, tmp_path, admin=False)
    a, b, c = lake.rses
    for name in ("poor", "full", "shut", "good"):
        lake.add(name, a)
    lake("POST", f"/accounts/{lake.account}/limits/local/{b}", {"bytes": BYTES - 1})
    lake("PUT", f"/rses/{c}/limits", {"name": "MaxSpaceAvailable", "value": BYTES - 1})
    shut = f"{a}-SHUT"
    lake("POST", f"/rses/{shut}", {"deterministic": True})
    lake("PUT", f"/rses/{shut}", {"availability_write": False})
    wanted = {"poor": [b], "full": [c], "shut": [shut], "none": [a], "good": [a]}
    done = lake.apply(*(lake.hint(f"h-{name}", name, "replicate", to) for name, to in wanted.items())).run()
    said = [(one.detail or "").partition(":")[0] for one in done.lines]
    assert said == ["InsufficientAccountLimit", "RSEOverQuota", "RSEWriteBlocked", "DataIdentifierNotFound", ""]
    assert outcomes(done) == ["failed"] * 4 + ["done"] and not done.stands and done.stopped is None
    assert [one.state for one in lake.apply().watch(done).lines][-1] == "OK"
    # by Rucio's generic permissions only an administrator changes a rule, be it his own
    longer = lake.hint("h-more", "good", "extend", [a], lifetime=60 * DAY, rules=list(lake.rules()))
    refused = lake.apply(longer).run()
    assert refused.lines[0].outcome == "failed" and "AccessDenied" in (refused.lines[0].detail or "")
    lake.close()


def test_what_is_there_is_lengthened_never_shortened(lake: Lake) -> None:
    a, b, _ = lake.rses
    for name in ("short", "long", "strange"):
        lake.add(name, a)
    ours = {
        name: lake.rule(name, b, lake.account, lifetime=days * DAY, comment="asterism hint=old")
        for name, days in {"short": 3, "long": 300}.items()
    }
    strange = lake.rule("strange", b, lake.account, lifetime=3 * DAY)
    before = lake.rules()
    hints = [lake.hint(f"h-{name}", name, "extend", [b], rules=[rule]) for name, rule in ours.items()]
    hints.append(lake.hint("h-strange", "strange", "replicate", [b]))
    done = lake.apply(*hints).run()
    assert outcomes(done) == ["stands", "stands", "done"]  # what needs nothing is told first
    after = lake.rules()
    assert after.keys() == before.keys()
    assert after[ours["long"]] == before[ours["long"]] and after[strange] == before[strange]
    assert abs((after[ours["short"]].expires_at or 0) - time.time() - 30 * DAY) < 60
    assert outcomes(lake.apply(*hints).run()) == ["stands"] * 3
    assert outcomes(lake.apply().roll_back()) == ["undone"]
    assert abs((lake.rules()[ours["short"]].expires_at or 0) - (before[ours["short"]].expires_at or 0)) < 5


def test_released_only_what_is_ours_and_not_the_last(lake: Lake, daemons: None) -> None:
    a, b, _ = lake.rses
    lake.add("safe", a, b)
    lake.add("last", b)
    lake.add("twice", a, b)
    mine = {"comment": "asterism hint=old"}
    safe, last = (lake.rule(name, b, lake.account, **mine) for name in ("safe", "last"))
    lake("POST", f"/accounts/root/limits/local/{b}", {"bytes": 10 * BYTES})
    foreign = lake.rule("safe", b, "root", **mine)
    plain = lake.rule("safe", a, lake.account)
    both = [lake.rule("twice", rse, lake.account, **mine) for rse in (a, b)]
    hints = [
        lake.hint("r1", "safe", "release", [b, b, a], rules=[safe, foreign, plain]),
        lake.hint("r2", "last", "release", [b], rules=[last]),
        lake.hint("r3", "twice", "release", [a, b], rules=both),
    ]
    done = {one.rule: one for one in lake.apply(*hints).run().lines}
    assert [done[rule].outcome for rule in (safe, plain, last, *both)] == [
        *("done", "skipped", "skipped"),
        *("done", "skipped"),  # once the first is let go, the second is the last
    ]
    assert done[last].detail == "no other complete copy is sure to stay"
    assert done[foreign].outcome == "stands"  # not among our account's: it is none to release
    lake.clean()
    assert set(lake.rules()) == {plain, last, both[1]}
    assert lake("GET", f"/rules/{foreign}").json()["expires_at"] is None
    again = {one.rule: one for one in lake.apply(*hints).run().lines}
    assert again[safe].outcome == "stands" and again[both[1]].outcome == "skipped"


def test_killed_in_the_middle_and_run_again(lake: Lake) -> None:
    a, b, _ = lake.rses
    names = [f"d{n}" for n in range(12)]
    for name in names:
        lake.add(name, a)
    hints = [lake.hint(f"k-{name}", name, "replicate", [b]) for name in names]
    file, stop = lake.folder / "asked.json", lake.folder / "hints.stop"
    url = lake.store.database.url.render_as_string(hide_password=False)
    asked = {"store": url, "login": lake.login, "stop": str(stop), "hints": [one.document() for one in hints]}
    file.write_text(json.dumps(asked))
    process = subprocess.Popen([sys.executable, "-m", "tests.placement.applying", str(file)], cwd=ROOT)
    end = time.monotonic() + 30
    while len(lake.rules()) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    made = lake.rules()
    assert 4 <= len(made) < len(names)
    assert lake.apply(*hints).plan().cut_short
    done = lake.apply(*hints).watch(lake.apply(*hints).run())
    assert done.stands and len(done.lines) == len(names)
    rules = lake.rules()
    assert made.keys() <= rules.keys() and sorted(one.name for one in rules.values()) == sorted(names)
    undone = lake.apply().roll_back()
    assert outcomes(undone) == ["undone"] * len(names) and undone.stands
    assert all((one.expires_at or 1e12) <= time.time() + 2 for one in lake.rules().values())


def test_a_stuck_rule_does_not_stand(lake: Lake) -> None:
    a, b, _ = lake.rses
    lake.add("slow", a)
    asked = lake.hint("s1", "slow", "replicate", [b])
    done = lake.apply(asked).watch(lake.apply(asked).run())
    rule = done.lines[0].rule
    for state in ("STUCK", "SUSPENDED"):
        lake("PUT", f"/rules/{rule}", {"options": {"state": state}})
        for hints in ([asked], []):  # it is looked at for as long as it is there, whatever is hinted now
            seen = lake.apply().watch(lake.apply(*hints).run())
            assert (outcomes(seen), [one.state for one in seen.lines]) == (["stands"], [state])
            assert not seen.stands


def test_what_is_exported_is_taken_by_rucio(lake: Lake) -> None:
    a, b, _ = lake.rses
    lake.add("given", a)
    asked = lake.hint("x1", "given", "replicate", [b])
    for body in export.rules([asked], lake.account, "Data Brokering"):
        assert lake("POST", "/rules/", body).status_code == httpx.codes.CREATED
    assert outcomes(lake.apply(asked).run()) == ["stands"]  # whoever made it
    policy = Policy(f"p-{lake.scope}", "", b, lifetime=DAY, priority=5)
    query = f"extra.rucio.scope={lake.scope}&extra.rucio.project=mee.kat"
    made = export.subscription(policy, query, lake.account, "Data Brokering", "lake")
    where = f"/subscriptions/{lake.account}/{policy.name}"
    lake("POST", where, {"options": made["options"]})
    kept = lake("GET", where).json()
    assert json.loads(kept["filter"]) == {"scope": [f"{lake.scope}$"], "project": [r"mee\.kat$"]}
    assert json.loads(kept["replication_rules"])[0]["rse_expression"] == b and kept["policyid"] == 1
