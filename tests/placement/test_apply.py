"""Hints applied to a double of Rucio that fails when it is told to; the real one is asked in test_real_apply.py."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import anyio
import httpx
import pytest
from click.testing import CliRunner
from fastapi import FastAPI

from api import hints_apply, problems
from api.threads import Lanes
from asterism.commands.hints_apply import apply
from asterism.factory import Factory
from catalog.lease import Lease
from catalog.store import Store
from harvesters.http import PoliteClient
from placement import export
from placement.apply import Applier, Report
from placement.journal import Journal
from placement.rucio_rules import Rules
from placement.settings import LakeSettings
from schemas.errors import PlacementError, PolicyError, SourceError, StoreError
from schemas.hint import Hint
from schemas.policy import Policy
from tests.placement.applying import DAY, hint, session

LOGIN = {"url": "https://rucio.test", "account": "placer", "auth": "userpass", "username": "u", "password": "p"}
Answer = Callable[[httpx.Request], httpx.Response | None]


def said(status: int, kind: str, words: str = "no") -> httpx.Response:
    return httpx.Response(status, headers={"ExceptionClass": kind, "ExceptionMessage": words}, json={})


@dataclass
class Rucio:
    """Rules in memory; ``before`` and ``after`` a write may break the connection or answer in its place."""

    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    copies: dict[str, list[str]] = field(default_factory=dict)  # complete, by dataset
    writes: list[tuple[str, str]] = field(default_factory=list)
    logins: int = 0
    reads: bool = True
    before: Answer = lambda request: None
    after: Answer = lambda request: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = [unquote(part) for part in request.url.raw_path.decode().partition("?")[0].strip("/").split("/")]
        if path[0] == "auth":
            self.logins += 1
            return httpx.Response(200, headers={"X-Rucio-Auth-Token": f"t{self.logins}"})
        if request.method == "GET":
            return self.read(path) if self.reads else httpx.Response(503)
        self.writes.append((request.method, "/".join(path)))
        if (answer := self.before(request)) is not None:
            return answer
        done = self.write(path, json.loads(request.content))
        return self.after(request) or done

    def read(self, path: list[str]) -> httpx.Response:
        rows: list[Any]
        match path:
            case ["rules"]:
                rows = list(self.rules.values())
            case ["rules", id]:
                return httpx.Response(200, json=self.rules[id]) if id in self.rules else said(404, "RuleNotFound")
            case ["dids", _, name, "rules"]:
                rows = [rule for rule in self.rules.values() if rule["name"] == name]
            case ["locks", _, name]:
                rows = [rule for rule in self.rules.values() if rule["name"] == name]
                rows = [{"rse": rule["rse_expression"], "rule_id": rule["id"]} for rule in rows]
            case ["replicas", _, name, "datasets"]:
                rows = [{"rse": rse, "available_length": 1, "length": 1} for rse in self.copies.get(name, [])]
        return httpx.Response(200, text="".join(json.dumps(row) + "\n" for row in rows))

    def write(self, path: list[str], body: dict[str, Any]) -> httpx.Response:
        if len(path) == 2:
            self.rules[path[1]]["expires_at"] = ends(body["options"]["lifetime"])
            return httpx.Response(200)
        did, rse = body["dids"][0], body["rse_expression"]
        if any((one["name"], one["rse_expression"]) == (did["name"], rse) for one in self.rules.values()):
            return said(409, "DuplicateRule")
        return httpx.Response(201, json=[self.add(did["name"], rse, body["comment"], body.get("lifetime"))])

    def add(self, name: str, rse: str, comment: str | None, lifetime: float | None = None, **more: Any) -> str:
        id = f"{len(self.rules):032x}"
        self.rules[id] = {
            **{"id": id, "scope": "s", "name": name, "account": "placer", "rse_expression": rse, "state": "OK"},
            **{"comments": comment, "expires_at": ends(lifetime), "locked": False, "error": None},
        } | more
        return id


def ends(lifetime: float | None) -> str | None:
    if lifetime is None:
        return None
    return format_datetime(datetime.now(UTC) + timedelta(seconds=lifetime)).replace("+0000", "UTC")


def cut(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("cut", request=request)


def once(answer: Callable[[httpx.Request], httpx.Response]) -> Answer:
    """``answer`` to the first, and nothing to the others."""
    left = [answer]
    return lambda request: left.pop()(request) if left else None


@pytest.fixture
def rucio() -> Rucio:
    return Rucio()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as made:
        yield made


@pytest.fixture
def rules(rucio: Rucio) -> Iterator[Rules]:
    transport = httpx.MockTransport(rucio)
    with PoliteClient(contact="test@example.org", transport=transport, sleep=lambda seconds: None) as client:
        yield Rules(session(client, LOGIN))


Make = Callable[..., Applier]


@pytest.fixture
def make(store: Store, rules: Rules, tmp_path: Path) -> Make:
    def made(*hints: Hint, most: int = 100, **more: Any) -> Applier:
        return Applier(store, rules, LakeSettings("lake", max_rules=most), lambda: hints, tmp_path / "stop", **more)

    return made


def wanted(*names: str, rses: Sequence[str] = ("A",), **more: Any) -> list[Hint]:
    return [hint(f"h-{name}", "s", name, "replicate", rses, **more) for name in names]


def outcomes(report: Report) -> list[str]:
    return [one.outcome for one in report.lines]


def test_a_write_that_may_have_been_done_is_looked_for_first(rucio: Rucio, make: Make) -> None:
    rucio.after = once(cut)
    assert outcomes(make(*wanted("d1")).run()) == ["done"]
    assert rucio.writes == [("POST", "rules")] and len(rucio.rules) == 1
    rucio.before = once(cut)
    assert outcomes(make(*wanted("d2")).run()) == ["done"]
    assert rucio.writes == [("POST", "rules")] * 3 and len(rucio.rules) == 2


def test_a_rucio_that_is_down_stops_the_run_and_the_next_goes_on(rucio: Rucio, make: Make, store: Store) -> None:
    hints = wanted("d1", "d2", "d3")
    first = once(lambda request: httpx.Response(200))  # the first POST passes
    rucio.before = lambda request: None if first(request) else httpx.Response(502)
    report = make(*hints).run()
    assert (outcomes(report), report.left, report.stands) == (["done"], 2, False)
    assert "502" in (report.stopped or "")
    rucio.before = lambda request: None
    assert make(*hints).plan().cut_short == 2
    done = make(*hints).run()
    assert sorted(outcomes(done)) == ["done", "done", "stands"] and len(rucio.rules) == 3
    assert done.run == report.run  # one run, to be rolled back as one
    assert outcomes(make().roll_back()) == ["undone"] * 3
    assert make().roll_back().run is None


def test_finish_does_the_rest_without_hints(rucio: Rucio, make: Make) -> None:
    rucio.before = lambda request: httpx.Response(503)
    assert make(*wanted("d1", "d2")).run().stopped
    rucio.before = lambda request: None
    assert outcomes(make().finish()) == ["done", "done"]
    assert make().finish().lines == []


def test_what_a_killed_run_did_is_found_and_not_done_again(rucio: Rucio, make: Make, store: Store) -> None:
    class Killed(BaseException):
        pass

    def killed(request: httpx.Request) -> httpx.Response:
        raise Killed

    for name in ("d1", "d2"):
        rucio.after = once(killed)
        with pytest.raises(Killed):
            make(*wanted("d1", "d2")).run()
        assert next(iter(Journal(store).entries("planned"))).step.name == name
    assert outcomes(make(*wanted("d1", "d2")).run()) == ["stands", "stands"]
    assert [name for name, _ in rucio.writes] == ["POST", "POST"]
    made = Journal(store).entries("done")
    assert sorted(entry.rule or "" for entry in made) == sorted(rucio.rules) and len({one.run for one in made}) == 1
    rucio.before = once(killed)
    short = hint("h-x", "s", "d1", "extend", ["A"], lifetime=None, rules=[next(iter(rucio.rules))])
    with pytest.raises(Killed):
        make(short).run()
    assert outcomes(make(short).run()) == ["done"]


def test_the_cap_counts_what_is_done(rucio: Rucio, make: Make) -> None:
    rucio.before = once(lambda request: said(409, "InsufficientAccountLimit", "no room"))
    report = make(*wanted("bad", "d1", "d2", "d3"), most=2).run()
    assert (outcomes(report), report.left) == (["failed", "done", "done"], 1)
    assert report.lines[0].detail == "InsufficientAccountLimit: no room" and not report.stands
    assert make(*wanted("d4"), most=2).run(most=0).left == 1
    plan = make(*wanted("d5", "d6", "d7"), most=2).plan(most=9)
    assert (outcomes(plan), plan.left) == (["to do", "to do"], 1)


def test_the_stop_file_and_the_hints_end(rucio: Rucio, make: Make, tmp_path: Path) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert outcomes(make(*wanted("d1", expires_at=past)).run()) == ["skipped"]

    def stop(request: httpx.Request) -> None:
        (tmp_path / "stop").touch()

    rucio.after = stop
    report = make(*wanted("d2", "d3")).run()
    assert (outcomes(report), report.left, report.stands) == (["done"], 1, False)
    assert "stop" in (make().plan().stopped or "")
    assert len(make(*wanted("d3")).run().lines) == 0 and len(rucio.rules) == 1


def test_a_rule_that_came_meanwhile_counts_as_done(rucio: Rucio, make: Make) -> None:
    def another(comment: str | None, lifetime: float | None) -> Callable[[httpx.Request], None]:
        def made(request: httpx.Request) -> None:
            rucio.before = lambda request: None
            rucio.add(json.loads(request.content)["dids"][0]["name"], "A", comment, lifetime)

        return made

    for name, comment, lifetime, outcome in (
        ("ours", "asterism hint=old", DAY, "done"),
        ("long", "asterism hint=old", None, "stands"),
        ("others", "by hand", DAY, "stands"),
    ):
        rucio.before = another(comment, lifetime)
        report = make(*wanted(name)).run()
        assert (outcomes(report), report.stands) == ([outcome], True)
        assert rucio.writes[-1][0] == ("PUT" if name == "ours" else "POST")
    assert outcomes(make().roll_back()) == ["undone"] and len(rucio.rules) == 3  # what it changed has its end again


def test_one_run_at_a_time(make: Make, store: Store) -> None:
    with Lease(store, "hints apply"), pytest.raises(StoreError, match=r"store\.busy"):
        make().run()


@pytest.mark.parametrize(
    ("copies", "held", "outcome"),
    [
        (["A"], [], "skipped"),
        (["A", "B"], [], "done"),
        (["A", "B"], [("B", 60)], "skipped"),  # held there, but not for long
        (["A", "B"], [("B", None)], "done"),
        (["A"], [("A", None)], "done"),  # another's rule holds the same copy
        (["B"], [("B", 60)], "done"),  # nothing to lose
    ],
)
def test_a_last_copy_is_not_let_go(
    copies: list[str], held: list[tuple[str, float | None]], outcome: str, rucio: Rucio, make: Make
) -> None:
    mine = rucio.add("d", "A", "asterism hint=old")
    for rse, lifetime in held:
        rucio.add("d", rse, None, lifetime, account="other")
    rucio.copies["d"] = copies
    assert outcomes(make(hint("r", "s", "d", "release", ["A"], rules=[mine])).run()) == [outcome]
    assert (rucio.rules[mine]["expires_at"] is None) == (outcome == "skipped")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"comments": None}, "no hint made this rule"),
        ({"name": "other"}, "the rule is on s:other"),
        ({"locked": True}, "the rule is locked"),
        ({"account": "other"}, "the rule is of the account other"),
    ],
)
def test_only_rules_of_ours_are_let_go(more: dict[str, Any], why: str, rucio: Rucio, make: Make) -> None:
    mine = rucio.add("d", "A", "asterism hint=old")
    rucio.rules[mine] |= more
    report = make(hint("r", "s", "d", "release", ["A"], rules=[mine])).run()
    assert (outcomes(report), report.lines[0].detail, rucio.writes) == (["skipped"], why, [])


def test_a_rule_that_is_not_ours_any_more_is_not_rolled_back(rucio: Rucio, make: Make) -> None:
    done = make(*wanted("d1", "d2")).run()
    rucio.rules[done.lines[0].rule or ""]["comments"] = "taken over by hand"
    del rucio.rules[done.lines[1].rule or ""]
    undone = {one.name: one for one in make().roll_back().lines}
    assert (undone["d1"].outcome, undone["d1"].detail) == ("failed", "no hint made this rule")
    assert (undone["d2"].outcome, undone["d2"].detail) == ("undone", "the rule was gone")


def test_watching_until_all_are_ok(rucio: Rucio, make: Make) -> None:
    made = rucio.add("d1", "A", "asterism hint=h-d1", state="REPLICATING")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        rucio.rules[made]["state"] = "OK"

    applier = make(*wanted("d1", lifetime=None), sleep=sleep)
    report = applier.watch(applier.run(), wait=60)
    assert (len(slept), report.stands, report.lines[0].state) == (1, True, "OK")
    del rucio.rules[made]
    gone = applier.watch(report)
    assert (gone.lines[0].state, gone.stands) == ("gone", False)
    rucio.reads = False
    blind = applier.watch(report)
    assert (blind.lines, blind.stands) == (report.lines, False) and "503" in (blind.stopped or "")


def test_unknown_hints_are_named(make: Make) -> None:
    with pytest.raises(PlacementError, match="no hint 'nope'"):
        make(*wanted("d1")).plan(["nope"])
    assert [one.name for one in make(*wanted("d1", "d2")).plan(["h-d2"]).lines] == ["d2"]


def test_401_is_a_refusal_unless_it_is_of_the_token(rucio: Rucio, rules: Rules) -> None:
    mine = rucio.add("d", "A", "asterism hint=old")
    rucio.before = lambda request: said(401, "AccessDenied", "placer can not")
    with pytest.raises(PlacementError, match="AccessDenied: placer can not"):
        rules.set_lifetime(mine, 0)
    assert rucio.logins == 1
    rucio.before = once(lambda request: said(401, "CannotAuthenticate"))
    rules.set_lifetime(mine, 0)
    assert rucio.logins == 2
    rucio.before = lambda request: said(500, "DatabaseException")
    with pytest.raises(SourceError):
        rules.set_lifetime(mine, 0)


def test_rules_for_others_to_make() -> None:
    hints = [
        *wanted("d1", rses=("A", "B"), lifetime=None, activity="Staging"),
        hint("e", "s", "d2", "extend", ["A"], rules=["x"]),
        hint("r", "s", "d3", "release", ["A"], rules=["x"]),
    ]
    made = export.rules(hints, "placer", "Data Brokering")
    assert [(one["rse_expression"], one["activity"], "lifetime" in one) for one in made] == [
        ("A", "Staging", False),
        ("B", "Staging", False),
    ]
    assert export.left_out(hints) == 2


def test_a_subscription_says_columns_alone() -> None:
    policy = Policy("keep", "", "country=ZA", copies=2, lifetime=DAY, priority=5)
    query = "extra.rucio.project=a.b&extra.rucio.datatype=RAW&extra.rucio.datatype=CAL&kind=dataset&source=lake"
    made = export.subscription(policy, query, "placer", "Data Brokering", "lake")
    assert made["options"]["filter"] == {"project": [r"a\.b$"], "datatype": ["RAW$", "CAL$"]}
    assert made["options"]["replication_rules"] == [
        {"rse_expression": "country=ZA", "copies": 2, "activity": "Data Brokering", "lifetime": DAY}
    ]
    for part in ("cone=1,2,3", "extra.rucio.band=L", "extra.rucio.project.not=x", "source=other", "q=crab"):
        with pytest.raises(PolicyError, match=r"policy\.no-subscription") as caught:
            export.subscription(policy, f"{query}&{part}", "placer", "a", "lake")
        assert caught.value.context["part"] == part.partition("=")[0]
    with pytest.raises(PolicyError, match="would take every one"):
        export.subscription(policy, "kind=dataset", "placer", "a", "lake")


def test_the_command(rucio: Rucio, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "asterism.toml"
    config.write_text("")
    hints = wanted("d1", "d2")
    planned = SimpleNamespace(notes=["the lake is old"], hints=hints, failed=[])
    monkeypatch.setattr(Factory, "applier", lambda self: make(*hints), raising=False)
    monkeypatch.setattr(Factory, "placement", SimpleNamespace(plan=lambda: planned), raising=False)
    monkeypatch.setattr("asterism.commands.hints_apply.take_up", lambda factory: None)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(apply, words, obj=config, help_option_names=["-h", "--help"])
        return done.exit_code, done.output

    code, out = run()
    assert code == 0 and "2 rules made (1 kB)" in out and "do it with: asterism hints apply --yes" in out
    assert rucio.rules == {}
    code, out = run("--yes", "--wait", "--timeout", "1s", "--format", "jsonl")
    assert code == 0 and out.splitlines()[0] == "asterism: the lake is old"
    assert [json.loads(line)["state"] for line in out.splitlines()[1:]] == ["OK", "OK"]
    next(iter(rucio.rules.values()))["state"] = "STUCK"
    assert run("--yes")[0] == 1 and len(rucio.rules) == 2
    assert run("--roll-back")[0] == 0 and run("--finish")[0] == 0
    assert run("--yes", "--roll-back")[0] == 2 and run("--finish", "--max", "1")[0] == 2


class Tokens:
    """The part of a catalogue that apply asks."""

    def __init__(self, applier: Callable[[], Applier]) -> None:
        self.applier = applier

    def check_token(self, token: str) -> object | None:
        return token if token == "good" else None


def served(applier: Callable[[], Applier], lanes: Lanes) -> httpx.AsyncClient:
    app = FastAPI()
    problems.install(app)
    app.include_router(hints_apply.router(Tokens(applier), lanes))  # type: ignore[arg-type]
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://asterism.test",
        headers={"Authorization": "Bearer good"},
    )


def test_a_rucio_that_hangs_keeps_no_search_waiting(make: Make) -> None:
    hanging, end, at_once = threading.Event(), threading.Event(), []

    def hangs() -> Applier:
        at_once.append(threading.get_ident())
        hanging.set()
        assert end.wait(10)
        return make()

    async def asked() -> None:
        lanes = Lanes()
        async with served(hangs, lanes) as client, anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(lambda: client.post(hints_apply.PATH, json={}))
            await anyio.to_thread.run_sync(hanging.wait, 10)
            with anyio.fail_after(5):
                assert await lanes.long(lambda: "found") == await lanes.write(lambda: "found")
            assert len(at_once) == 1  # requests to the lake are one thread's at a time
            end.set()

    try:
        anyio.run(asked)
    finally:
        end.set()


def test_over_http(rucio: Rucio, make: Make) -> None:
    def post(body: Any, token: str = "good") -> httpx.Response:
        async def asked() -> httpx.Response:
            async with served(lambda: make(*wanted("d1", "d2")), Lanes()) as client:
                return await client.post(hints_apply.PATH, json=body, headers={"Authorization": f"Bearer {token}"})

        return anyio.run(asked)

    assert post({"yes": True}, "bad").status_code == 401 and rucio.rules == {}
    wrong: list[Any] = [[], {"no": 1}, {"yes": "true"}, {"ids": []}, {"ids": "h-d1"}, {"max": -1}, {"max": True}]
    for bad in wrong:
        assert post(bad).status_code == 400, bad
    planned = post({"max": 1}).json()
    assert (planned["applied"], planned["left"], planned["totals"]["creates"]) == (False, 1, 1)
    assert rucio.rules == {}
    done = post({"yes": True, "ids": ["h-d2"]}).json()
    assert (done["applied"], done["stands"], len(rucio.rules)) == (True, True, 1)
    assert [(one["outcome"], one["state"]) for one in done["steps"]] == [("done", "OK")]


def test_rolling_back_a_later_end_lets_no_last_copy_go(rucio: Rucio, make: Make) -> None:
    mine = rucio.add("d", "A", "asterism hint=old", 60)
    rucio.copies["d"] = ["A"]
    assert outcomes(make(hint("e", "s", "d", "extend", ["A"], rules=[mine])).run()) == ["done"]
    report = make().roll_back()
    assert (outcomes(report), report.lines[0].detail) == (["failed"], "no other complete copy is sure to stay")
    rucio.copies["d"] = ["A", "B"]
    assert outcomes(make().roll_back()) == ["undone"]


def test_what_is_gone_for_good_keeps_no_earlier_run_from_being_rolled_back(rucio: Rucio, make: Make) -> None:
    make(*wanted("d1")).run()
    mine = rucio.add("d2", "A", "asterism hint=old")
    rucio.copies["d2"] = ["A", "B"]
    assert outcomes(make(hint("r", "s", "d2", "release", ["A"], rules=[mine])).run()) == ["done"]
    del rucio.rules[mine]  # Rucio's judge-cleaner
    gone = make().roll_back()
    assert (outcomes(gone), gone.stands) == (["failed"], False)
    again = make().roll_back()
    assert [(one.name, one.outcome) for one in again.lines] == [("d1", "undone")]


def test_the_end_that_a_rule_had_is_noted_once(rucio: Rucio, make: Make, store: Store) -> None:
    mine = rucio.add("d", "A", "asterism hint=old")
    rucio.copies["d"] = ["A", "B"]
    release = hint("r", "s", "d", "release", ["A"], rules=[mine])

    class Killed(BaseException):
        pass

    def ahead(request: httpx.Request) -> httpx.Response:
        rucio.rules[mine]["expires_at"] = ends(30)  # the clock of Rucio is half a minute ahead
        raise Killed

    for again in (lambda: make(release).run(), lambda: make().finish()):
        rucio.after = once(ahead)
        with pytest.raises(Killed):
            make(release).run()
        rucio.after = lambda request: None
        assert outcomes(again()) in (["stands"], [])
        assert "before" in Journal(store).entries("done")[-1].facts
        assert outcomes(make().roll_back()) == ["undone"]
        assert rucio.rules[mine]["expires_at"] is None


def test_a_rule_that_was_wanted_and_is_not_made_does_not_stand(rucio: Rucio, make: Make) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert not make(*wanted("d1", expires_at=past)).run().stands


GARBAGE: list[Any] = [7, "x", None, [], {}, {"rse": 1}, {"rse": "A", "available_length": "x", "length": 1}]


@pytest.mark.parametrize("row", GARBAGE)
@pytest.mark.parametrize("part", ["rules", "locks", "replicas"])
def test_garbage_is_no_answer(part: str, row: Any, rucio: Rucio, make: Make, rules: Rules) -> None:
    mine = rucio.add("d", "A", "asterism hint=old")
    rucio.copies["d"] = ["A", "B"]
    release = make(hint("r", "s", "d", "release", ["A"], rules=[mine]))
    read = rucio.read

    def garbled(path: list[str]) -> httpx.Response:
        return httpx.Response(200, text=json.dumps(row) + "\n") if path[0] == part else read(path)

    rucio.read = garbled  # type: ignore[method-assign]
    if part == "rules":
        with pytest.raises(SourceError, match=r"source\.bad-answer"):
            release.run()
    else:
        report = release.run()
        assert (report.lines, report.stands) == ([], False) and "something else than Rucio" in (report.stopped or "")
    assert rucio.writes == []


def test_a_comment_that_is_no_text_is_not_ours(rucio: Rucio, rules: Rules) -> None:
    mine = rucio.add("d", "A", None)
    rucio.rules[mine]["comments"] = 7
    assert rules.all()[mine].hint is None


def test_many_hints_are_named_at_once(make: Make) -> None:
    (one,) = wanted("d")
    hints = [replace(one, id=f"{n:016x}") for n in range(20_000)]
    ids = [one.id for one in hints]
    start = time.process_time()
    assert len(make(*hints)._chosen(ids)) == 20_000
    assert time.process_time() - start < 0.5


def test_a_copy_that_a_rule_of_ours_held_is_not_counted_on(rucio: Rucio, make: Make) -> None:
    make(*wanted("d", rses=("B",))).run()
    rucio.rules.clear()  # and Rucio may delete its copy any time
    mine = rucio.add("d", "A", "asterism hint=old")
    rucio.copies["d"] = ["A", "B"]
    assert outcomes(make(hint("r", "s", "d", "release", ["A"], rules=[mine])).run()) == ["skipped"]
    rucio.copies["d"].append("C")
    assert outcomes(make(hint("r", "s", "d", "release", ["A"], rules=[mine])).run()) == ["done"]
