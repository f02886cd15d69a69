"""A real Rucio from one end to the other: registered, harvested, searched, changed, deleted, harvested again."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harvesters.program import Program, until

SCRIPT = Path(__file__).parents[1] / "servers" / "rucio"


class Lake:
    """Changes a real Rucio over its REST API, in a scope of its own."""

    def __init__(self, url: str) -> None:
        self.scope = f"test{secrets.token_hex(4)}"
        self.http = httpx.Client(base_url=url, timeout=30)
        login = {"X-Rucio-Account": "root", "X-Rucio-Username": "ddmlab", "X-Rucio-Password": "secret"}
        token = self.http.get("/auth/userpass", headers=login).raise_for_status().headers["X-Rucio-Auth-Token"]
        self.http.headers["X-Rucio-Auth-Token"] = token
        self("POST", f"/scopes/root/{self.scope}")

    def __call__(self, method: str, path: str, body: Any = None) -> None:
        self.http.request(method, path, json=body).raise_for_status()

    def add(self, name: str, **metadata: Any) -> None:
        self("POST", f"/dids/{self.scope}/{name}", {"type": "DATASET"})
        self.describe(name, **metadata)

    def describe(self, name: str, **metadata: Any) -> None:
        self("POST", f"/dids/{self.scope}/{name}/meta", {"meta": metadata})

    def has(self, name: str) -> bool:
        return self.http.get(f"/dids/{self.scope}/{name}").status_code == httpx.codes.OK

    def delete(self, name: str) -> None:
        """Let its lifetime end, and run the daemon that looks for such."""
        self.describe(name, lifetime=-1)
        undertaker = [SCRIPT, "run", "rucio-undertaker", "--run-once"]
        subprocess.run(undertaker, check=True, capture_output=True, timeout=120)


@pytest.fixture
def lake(rucio_url: str) -> Iterator[Lake]:
    state = os.environ.get("RUCIO_STATE") or Path(tempfile.gettempdir()) / "asterism-test-rucio"
    port = os.environ.get("RUCIO_PORT", "18100")
    if not Path(state, "gunicorn.pid").exists() or not rucio_url.endswith(f":{port}"):
        pytest.skip("this Rucio is not the one of tests/servers/rucio, so its daemons cannot be run from here")
    made = Lake(rucio_url)
    yield made
    made.http.close()


@pytest.mark.real
def test_changes_and_deletions_arrive(lake: Lake, rucio_url: str, tmp_path: Path) -> None:
    settings = f"""
        [[sources]]
        name = "lake"
        kind = "rucio"
        url = "{rucio_url}"
        account = "root"
        auth = "userpass"
        username = "ddmlab"
        password = "secret"
        scopes = ["{lake.scope}"]
    """
    asterism = Program(tmp_path, settings)

    def harvested() -> dict[str, float]:
        asterism("harvest")
        found = asterism.records(source="lake")
        return {one["provenance"]["native_id"].partition(":")[2]: one["position"]["ra"] for one in found}

    lake.add("crab", s_ra=83.63, s_dec=22.01, run=1)
    lake.add("vela", s_ra=128.83, s_dec=-45.18, run=2)
    lake.add("gone", s_ra=10.0, s_dec=0.0, run=3)
    assert harvested() == {"crab": 83.63, "vela": 128.83, "gone": 10.0}
    assert [one["title"] for one in asterism.records(**{"extra.rucio.run.gte": "2", "cone": "128.8,-45.2,1"})]

    lake.describe("vela", s_ra=129.0)
    lake.delete("gone")
    until(lambda: not lake.has("gone"), "the undertaker deletes what has outlived its time")
    lake.add("new", s_ra=0.0, s_dec=90.0)
    assert harvested() == {"crab": 83.63, "vela": 129.0, "new": 0.0}
    assert harvested() == {"crab": 83.63, "vela": 129.0, "new": 0.0}
