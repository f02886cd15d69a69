"""The state of a real lake, and that a real Rucio lets an account lock what the state says, and not a byte more."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from harvesters.registry import rucio_session
from harvesters.rucio_dids import Dids
from harvesters.rucio_lake import LakeReader
from harvesters.rucio_listing import Listing
from mappings.rucio_state import comment, dataset_state, hint_of
from placement.lake import problems, read
from placement.state import Rse
from schemas.rse_expression import parse

SIZE = 1000
OPTIONS = {"account": "root", "auth": "userpass", "username": "ddmlab", "password": "secret"}
PROTOCOL = {
    "hostname": "storage.example.org",
    "scheme": "davs",
    "port": 443,
    "prefix": "/data/",
    "impl": "rucio.rse.protocols.webdav.Default",
    "domains": {area: {"read": 1, "write": 1, "delete": 1} for area in ("lan", "wan")},
}


class Real:
    """Two disks, a tape and a dataset of one file, and an account, under names that nobody else uses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.mark = secrets.token_hex(3)
        self.account, self.scope = f"acc{self.mark}", f"scope{self.mark}"
        self.disk, self.other, self.tape = (f"L{self.mark.upper()}-{word}" for word in ("DISK", "OTHER", "TAPE"))
        self.http = httpx.Client(base_url=url, timeout=30)
        login = {"X-Rucio-Account": "root", "X-Rucio-Username": "ddmlab", "X-Rucio-Password": "secret"}
        token = self.http.get("/auth/userpass", headers=login).raise_for_status().headers["X-Rucio-Auth-Token"]
        self.http.headers["X-Rucio-Auth-Token"] = token
        for name, kind in ((self.disk, "DISK"), (self.other, "DISK"), (self.tape, "TAPE")):
            self("POST", f"/rses/{name}", {"rse_type": kind, "city": self.mark})
            self("POST", f"/rses/{name}/protocols/davs", PROTOCOL)
        self("POST", f"/rses/{self.disk}/attr/site", {"value": "SITE"})
        self("POST", f"/accounts/{self.account}", {"type": "USER", "email": "somebody@example.org"})
        self("POST", f"/scopes/root/{self.scope}")
        file = {"scope": self.scope, "name": "f1", "bytes": SIZE, "adler32": "0cc737eb"}
        self("POST", "/replicas", {"rse": self.disk, "files": [file], "ignore_availability": True})
        self("POST", f"/dids/{self.scope}/ds1", {"type": "DATASET"})
        self("POST", f"/dids/{self.scope}/ds1/dids", {"dids": [{"scope": self.scope, "name": "f1"}]})

    def __call__(self, method: str, path: str, body: Any = None) -> None:
        self.http.request(method, path, json=body).raise_for_status()

    def limit(self, rse: str, size: int, kind: str = "local") -> None:
        self("POST", f"/accounts/{self.account}/limits/{kind}/{rse}", {"bytes": size})

    def lock(self, rse: str, account: str | None = None, **more: Any) -> tuple[int, str]:
        """Try to make a rule; status, and the rule's id or the class of Rucio's exception."""
        did = {"scope": self.scope, "name": "ds1"}
        body = {"dids": [did], "copies": 1, "rse_expression": rse, "account": account or self.account, **more}
        answer = self.http.post("/rules/", json={"grouping": "DATASET", **body})
        ok = answer.status_code == httpx.codes.CREATED
        return answer.status_code, answer.json()[0] if ok else answer.headers["ExceptionClass"]

    def document(self, before: dict[str, Any] | None = None, account: str | None = None) -> dict[str, Any]:
        session = rucio_session({"url": self.url, **OPTIONS}, "")
        return LakeReader(session).read("lake", account or self.account, time.time(), before)

    def rse(self, name: str, account: str | None = None) -> Rse:
        found = read(self.document(self.before, account))
        return found.rses[found.index[name]]

    before: dict[str, Any] | None = None

    def close(self) -> None:
        for name in (self.disk, self.other, self.tape):
            self.http.delete(f"/rses/{name}")
        self.http.close()


@pytest.fixture(scope="module")
def real(rucio_url: str) -> Iterator[Real]:
    made = Real(rucio_url)
    made.before = made.document()  # with the distances of whatever else is there
    yield made
    made.close()


@pytest.mark.real
def test_what_is_set_is_read(real: Real) -> None:
    real("PUT", f"/rses/{real.disk}/usage", {"source": "storage", "used": 400, "free": 600})
    real("PUT", f"/rses/{real.disk}/limits", {"name": "MinFreeSpace", "value": 50})
    real("PUT", f"/rses/{real.tape}", {"availability_write": False})
    real("POST", f"/rses/{real.disk}/distances/{real.tape}", {"distance": 3, "ranking": 3})
    found = read(document := real.document())
    disk, tape = found.rses[found.index[real.disk]], found.rses[found.index[real.tape]]
    assert not [one for one in problems(document) if real.disk in one or real.tape in one]
    assert (disk.kind, disk.site, tape.kind, tape.site) == ("DISK", "SITE", "TAPE", real.tape)
    assert (disk.total, disk.used, disk.free, disk.min_free) == (1000, 400, 600, 50)
    assert disk.measured_at == pytest.approx(time.time(), abs=3600)
    assert (disk.readable, disk.writable, tape.readable, tape.writable) == (True, True, True, False)
    assert {pair: far for pair, far in found.distances.items() if real.disk in pair} == {(real.disk, real.tape): 3}
    meant = parse(f"city={real.mark}&rse_type=DISK").matching((rse.name, rse.attributes) for rse in found.rses)
    assert meant == {real.disk, real.other}


@pytest.mark.real
def test_without_a_limit_nobody_may_lock_anything(real: Real) -> None:
    for account in (real.account, "root"):
        assert real.rse(real.other, account).account_left == 0
        assert real.lock(real.other, account) == (409, "InsufficientAccountLimit")
    real("POST", f"/accounts/{real.account}/attr/admin", {"key": "admin", "value": "true"})
    assert real.rse(real.other).account_left is None
    real("DELETE", f"/accounts/{real.account}/attr/admin")
    assert real.rse(real.other).account_left == 0


@pytest.mark.real
def test_a_rule_must_leave_a_byte_of_the_limit(real: Real) -> None:
    real.limit(real.other, SIZE)
    assert real.rse(real.other).account_left == SIZE - 1
    assert real.lock(real.other) == (409, "InsufficientAccountLimit")
    real.limit(real.other, SIZE + 1)
    real.limit(f"rse={real.other}", 10 * SIZE, "global")
    assert real.rse(real.other).account_left == SIZE
    status, rule = real.lock(real.other, comment=comment("H7", "wide"))
    assert status == httpx.codes.CREATED
    real.limit(f"rse={real.other}", 10, "global")
    assert real.rse(real.other).account_left == 9
    real.limit(real.other, -1)
    real("DELETE", f"/accounts/{real.account}/limits/global/rse={real.other}")
    assert real.rse(real.other).account_left is None

    # and what the harvester makes of that rule
    listing_session = rucio_session({"url": real.url, **OPTIONS}, "")
    with Listing() as listing:
        items, faults = Dids(listing_session).fetch(listing, real.scope, "dataset", ["ds1"])
    assert not faults
    found = dataset_state(items[0].raw or b"")
    assert found is not None
    assert [(rse, id) for rse, id, _, _ in found.locks] == [(real.other, rule)]
    assert [hint_of(one.comments) for one in found.rules] == [("H7", "wide")]
    assert [rse for rse, complete, _ in found.replicas if complete] == [real.disk]
