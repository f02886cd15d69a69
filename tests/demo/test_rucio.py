"""The Rucio: its manners (tokens, NDJSON, dates, errors), and all of the lake through the ordinary harvester."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime

import httpx
import pytest

from demo.federation import Federation
from demo.rucio import PASSWORD, USERNAME
from harvesters.base import Begin, Harvester
from harvesters.registry import build
from mappings.rucio import to_record
from schemas.record import Record

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
