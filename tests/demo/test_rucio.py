"""The Rucio: its manners (tokens, NDJSON, dates, errors), and all of the lake through the ordinary harvester."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime

import httpx
import pytest

from demo.federation import Federation
from demo.rucio import PASSWORD, USERNAME
from demo.storage import STORAGE
from harvesters.base import Begin, Harvester
from harvesters.registry import build, rucio_session
from harvesters.rucio_lake import LakeReader
from mappings.rucio import to_record
from placement.lake import problems, read
from schemas.record import Record
from schemas.rse_expression import parse

CRAB = "hess_dl3_dr1.obs_023523"


def harvester(federation: Federation, **more: object) -> Harvester:
    options = {"account": "demo", "auth": "userpass", "username": USERNAME, "password": PASSWORD, **more}
    return build("rucio", {"url": f"{federation.url}/lake", **options}, contact="")


def records(federation: Federation, **more: object) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for page in harvester(federation, **more).pages(Begin()):
        for item in page.items:
            mapped = to_record(item.raw or b"", {})
            assert not mapped.problems
            assert mapped.record is not None
            found[item.native_id] = mapped.record
    return found


@pytest.fixture
def lake(client: httpx.Client) -> httpx.Client:
    login = {"X-Rucio-Account": "demo", "X-Rucio-Username": USERNAME, "X-Rucio-Password": PASSWORD}
    answer = client.get("/lake/auth/userpass", headers=login)
    client.headers["X-Rucio-Auth-Token"] = answer.headers["X-Rucio-Auth-Token"]
    assert parsedate_to_datetime(answer.headers["X-Rucio-Auth-Token-Expires"])
    return client


def test_no_token_and_a_bad_one_are_told_apart(client: httpx.Client) -> None:
    assert client.get("/lake/scopes/").status_code == 400
    bad = client.get("/lake/scopes/", headers={"X-Rucio-Auth-Token": "made-up"})
    assert bad.status_code == 401
    assert bad.headers["ExceptionClass"] == "CannotAuthenticate"
    wrong = {"X-Rucio-Account": "demo", "X-Rucio-Username": USERNAME, "X-Rucio-Password": "guess"}
    assert client.get("/lake/auth/userpass", headers=wrong).status_code == 401


def test_a_search_lists_names_line_by_line(lake: httpx.Client) -> None:
    answer = lake.get("/lake/dids/hess/dids/search", params={"type": "dataset", "name": "*02352*"})
    assert answer.headers["content-type"] == "application/x-json-stream"
    assert [json.loads(line) for line in answer.text.splitlines()] == [
        "hess_dl3_dr1.obs_023523",
        "hess_dl3_dr1.obs_023526",
    ]
    assert lake.get("/lake/dids/nowhere/dids/search").text == ""


def test_bulkmeta_omits_what_is_missing(lake: httpx.Client) -> None:
    dids = [{"scope": "hess", "name": name} for name in (CRAB, "nothing")]
    lines = lake.post("/lake/dids/bulkmeta", json={"dids": dids, "plugin": "ALL"}).text.splitlines()
    assert len(lines) == 1
    row = json.loads(lines[0])
    assert row["did_type"] == "DATASET"
    assert row["TELESCOP"] == "H.E.S.S."
    assert row["created_at"].endswith(" UTC")
    columns = json.loads(lake.post("/lake/dids/bulkmeta", json={"dids": dids}).text)
    assert "TELESCOP" not in columns


def test_a_missing_did_is_404_with_its_class(lake: httpx.Client) -> None:
    answer = lake.get("/lake/dids/hess/nothing/meta")
    assert answer.status_code == 404
    assert answer.headers["ExceptionClass"] == "DataIdentifierNotFound"


def test_the_ordinary_harvester_takes_the_whole_lake(federation: Federation) -> None:
    found = records(federation)
    assert found.keys() == {f"{scope}:{name}" for scope, name in federation.lake.dids}
    crab = found[f"hess:{CRAB}"]
    assert crab["kind"] == "dataset"
    assert crab["position"] == {"ra": 83.6333313, "dec": 21.5144444}
    # 2004-12-04T22:09:14.184 in TT, as the index says; TDB differs by less than 2 ms
    assert crab["time"][0]["min"] == pytest.approx(53343.922340, abs=1e-6)
    assert crab["facilities"] == ["H.E.S.S."]
    assert {replica["rse"] for replica in crab["replicas"]} == {"SYNTHETIC-DISK-A", "SYNTHETIC-DISK-B"}
    assert crab["locks"][0]["account"] == "synthetic"
    assert found["hess:hess_dl3_dr1"]["kind"] == "collection"
    assert sum("position" in record for record in found.values()) >= 300


def test_collisions_have_a_doi_and_no_place_on_the_sky(federation: Federation) -> None:
    found = records(federation, scopes=["cernopendata"], types=["dataset"])
    assert len(found) == 128
    assert all("position" not in record and record["bytes"] > 0 for record in found.values())
    assert all(any(one["scheme"] == "doi" for one in record["identifiers"]) for record in found.values())


def test_a_deleted_did_leaves_no_trace(federation: Federation) -> None:
    asked = harvester(federation)
    assert not asked.is_gone(f"hess:{CRAB}")
    federation.lake.delete("hess", CRAB)
    assert asked.is_gone(f"hess:{CRAB}")
    assert f"hess:{CRAB}" not in {name for names in asked.identifiers() for name in names}


# -- what placement asks and changes --------------------------------------------------------------------

DISK_C, SMALL = "SYNTHETIC-DISK-C", "SYNTHETIC-DISK-D"


def rule(rse: str, name: str = CRAB, **more: object) -> dict[str, object]:
    return {"dids": [{"scope": "hess", "name": name}], "copies": 1, "rse_expression": rse, "account": "demo", **more}


def copies(client: httpx.Client) -> set[str]:
    rows = client.get(f"/lake/replicas/hess/{CRAB}/datasets").text.splitlines()
    return {json.loads(row)["rse"] for row in rows}


def test_the_state_of_the_lake_can_be_read(federation: Federation) -> None:
    options = {"url": f"{federation.url}/lake", "account": "demo", "auth": "userpass"}
    session = rucio_session({**options, "username": USERNAME, "password": PASSWORD}, "")
    document = LakeReader(session).read("lake", "demo", 0.0)
    found = read(document)
    assert not problems(document)
    assert [rse.name for rse in found.rses] == sorted(STORAGE)
    assert len({rse.site for rse in found.rses}) == 3
    assert len(found.distances) == len(STORAGE) * (len(STORAGE) - 1)
    tape = found.rses[found.index["SYNTHETIC-TAPE"]]
    assert (tape.kind, tape.account_left, tape.writable) == ("TAPE", None, True)
    full = found.rses[found.index[SMALL]]
    assert full.free is not None and full.free < full.min_free
    assert found.rses[found.index[DISK_C]].account_left == STORAGE[DISK_C].limit - 1
    everywhere = parse("country=XE|ssd\\rse_type=TAPE").matching((rse.name, rse.attributes) for rse in found.rses)
    assert everywhere == {DISK_C, SMALL}


def test_a_rule_is_made_changed_and_ended(lake: httpx.Client) -> None:
    before = copies(lake)
    made = lake.post("/lake/rules/", json=rule(DISK_C, comment="asterism hint=H", lifetime=3600))
    assert made.status_code == 201
    (id,) = made.json()
    assert copies(lake) == before | {DISK_C}
    shown = lake.get(f"/lake/rules/{id}").json()
    assert (shown["account"], shown["comments"], shown["state"]) == ("demo", "asterism hint=H", "OK")
    locks = lake.post("/lake/locks/bulk_locks_for_dids", json={"dids": [{"scope": "hess", "name": CRAB}]}).text
    assert {"rule_id": id, "rse": DISK_C}.items() <= json.loads(locks.splitlines()[-1]).items()
    assert lake.get(f"/lake/locks/hess/{CRAB}", params={"did_type": "dataset"}).text == locks
    own = lake.get("/lake/rules/", params={"account": "demo"}).text.splitlines()
    assert {json.loads(row)["account"] for row in own} == {"demo"}
    again = lake.post("/lake/rules/", json=rule(DISK_C))
    assert (again.status_code, again.headers["ExceptionClass"]) == (409, "DuplicateRule")
    assert lake.put(f"/lake/rules/{id}", json={"options": {"lifetime": 0}}).status_code == 200
    assert lake.get(f"/lake/rules/{id}").status_code == 404
    assert copies(lake) == before


def test_a_copy_stays_where_another_rule_holds_it(lake: httpx.Client) -> None:
    before = copies(lake)
    (id,) = lake.post("/lake/rules/", json=rule("SYNTHETIC-DISK-A")).json()
    assert lake.delete(f"/lake/rules/{id}").status_code == 200
    assert copies(lake) == before


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (rule("SYNTHETIC-DISK-C", "nothing"), 404, "DataIdentifierNotFound"),
        (rule("NOWHERE"), 400, "InvalidRSEExpression"),
        (rule("SYNTHETIC DISK"), 400, "InvalidRSEExpression"),
        (rule("ssd") | {"copies": 2}, 409, "InsufficientTargetRSEs"),
    ],
)
def test_rules_that_cannot_be(lake: httpx.Client, body: dict[str, object], status: int, kind: str) -> None:
    answer = lake.post("/lake/rules/", json=body)
    assert (answer.status_code, answer.headers["ExceptionClass"]) == (status, kind)


def test_an_account_may_lock_so_much_and_no_more(federation: Federation, lake: httpx.Client) -> None:
    federation.lake.dids["hess", CRAB].columns["bytes"] = STORAGE[DISK_C].limit
    answer = lake.post("/lake/rules/", json=rule(DISK_C))
    assert (answer.status_code, answer.headers["ExceptionClass"]) == (409, "InsufficientAccountLimit")
