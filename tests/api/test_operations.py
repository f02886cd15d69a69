"""What those who run it see: health, metrics, VOSI; and what every route has in common."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from lxml import etree

from api import openapi
from api.metrics import BOUNDS, Metrics
from schemas.errors import AsterismError
from tests.api.conftest import MemoryCatalogue, problem
from tests.api.test_cone import rows

READABLE = [path for path, methods in openapi.description("0")["paths"].items() if "get" in methods and "{" not in path]


def test_alive_and_ready(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    catalogue.problems = ["the index is not there"]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert problem(answer) == ("api.not-ready", "the index is not there")
    assert client.get("/healthz").status_code == 200


def count(text: str, route: str, status: int) -> int:
    found = re.search(
        rf'^asterism_http_requests_total{{route="{re.escape(route)}",status="{status}"}} (\d+)$', text, re.M
    )
    return int(found[1]) if found else 0


def test_metrics_count_by_route_and_status(client: httpx.Client) -> None:
    routes = (("/scs", 200), ("/api/v1/records/{id}", 404), ("/api/v1/search", 400), ("other", 404))
    before = client.get("/metrics").text
    client.get("/scs")
    client.head("/scs")
    client.get("/api/v1/records/x")
    client.get("/api/v1/search?nope=1")
    client.get('/nowhere/at"all')
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    after = answer.text
    gained = [count(after, *one) - count(before, *one) for one in routes]
    assert gained == [2, 1, 1, 1]
    assert 'asterism_http_request_seconds_bucket{route="/scs",le="+Inf"}' in after
    assert "\nasterism_index_lag_changes 7\n" in after
    for line in after.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+({\w+="[^"]*"(,\w+="[^"]*")*})? [0-9.e+-]+', line), line


def test_workers_share_their_counts(tmp_path: Path) -> None:
    one, two = Metrics(["/a"], tmp_path), Metrics(["/a"], tmp_path)
    one.observe("/a", 200, 0.001)
    two.observe("/a", 200, BOUNDS[-1] + 1)
    for worker in (one, two):
        assert count(worker.text({}), "/a", 200) == 2
    one.close()
    three = Metrics(["/a"], tmp_path)  # takes the place of the one that has gone
    three.observe("/a", 200, 0.001)
    assert count(two.text({}), "/a", 200) == 3
    assert len(list(tmp_path.iterdir())) == 2
    two.close()
    three.close()


def test_counting_takes_its_room_on_the_disk_at_once(tmp_path: Path) -> None:
    metrics = Metrics(["/a"], tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_blocks * 512 >= file.stat().st_size > 0
    metrics.close()


def test_without_a_place_for_them_counts_stay_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "taken").write_text("a file, where the folder should be")
    metrics = Metrics(["/a"], tmp_path / "taken")
    metrics.observe("/a", 200, 0.001)
    assert count(metrics.text({}), "/a", 200) == 1
    assert "memory" in caplog.text


def test_a_histogram_adds_up(tmp_path: Path) -> None:
    metrics = Metrics(["/a"])
    for seconds in (0.001, 0.004, 100):
        metrics.observe("/a", 200, seconds)
    text = metrics.text({})
    assert 'bucket{route="/a",le="0.0025"} 1\n' in text
    assert 'bucket{route="/a",le="0.005"} 2\n' in text
    assert 'bucket{route="/a",le="10.0"} 2\n' in text
    assert 'bucket{route="/a",le="+Inf"} 3\n' in text
    assert 'seconds_sum{route="/a"} 100.005000\n' in text


@pytest.mark.parametrize("prefix", ["", "/scs"])
def test_vosi_availability(client: httpx.Client, catalogue: MemoryCatalogue, prefix: str) -> None:
    space = "{http://www.ivoa.net/xml/VOSIAvailability/v1.0}"
    root = etree.fromstring(client.get(f"{prefix}/availability").content)
    assert root.tag == f"{space}availability"
    assert root.findtext(f"{space}available") == "true"
    catalogue.problems = ["<down>"]
    root = etree.fromstring(client.get(f"{prefix}/availability").content)
    assert root.findtext(f"{space}available") == "false"
    assert root.findtext(f"{space}note") == "<down>"


@pytest.mark.parametrize("prefix", ["", "/scs"])
def test_vosi_capabilities_describe_a_cone_search_that_works(client: httpx.Client, url: str, prefix: str) -> None:
    root = etree.fromstring(client.get(f"{prefix}/capabilities").content)
    cone = next(one for one in root if one.get("standardID") == "ivo://ivoa.net/std/ConeSearch")
    assert cone.get("{http://www.w3.org/2001/XMLSchema-instance}type") == "cs:ConeSearch"
    assert cone.nsmap["cs"] == "http://www.ivoa.net/xml/ConeSearch/v1.0"
    said = {name: cone.findtext(name) for name in ("maxSR", "maxRecords", "verbosity")}
    assert said == {"maxSR": "180", "maxRecords": "10000", "verbosity": "true"}
    address = cone.findtext("interface/accessURL")
    assert address == f"{url}/scs?"
    query = {name.upper(): cone.findtext(f"testQuery/{name}") for name in ("ra", "dec", "sr", "verb")}
    assert len(rows(httpx.get(address, params=query))) > 0


# pyvo has no class for this capability and says so; the standard asks for the type all the same
@pytest.mark.filterwarnings("ignore:Unknown xsi.type cs.ConeSearch:UserWarning")
@pytest.mark.filterwarnings("ignore:.*Unknown element")
def test_pyvo_reads_the_capabilities(url: str) -> None:
    from pyvo.io.vosi import parse_capabilities

    found = parse_capabilities(f"{url}/scs/capabilities")
    assert [one.standardid for one in found if one.standardid and "ConeSearch" in one.standardid]


@pytest.mark.parametrize("path", READABLE)
def test_head_is_answered_wherever_get_is(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", READABLE)
def test_pages_of_others_may_read(client: httpx.Client, path: str) -> None:
    assert client.get(path, headers={"Origin": "https://example.org"}).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "api.no-such-page"),
        ("GET", "/api/v1/search/", 404, "api.no-such-page"),
        ("DELETE", "/api/v1/search", 405, "api.method-not-allowed"),
        ("GET", "/api/v1/records", 405, "api.method-not-allowed"),
        ("POST", "/scs", 405, "api.method-not-allowed"),
        ("OPTIONS", "/", 405, "api.method-not-allowed"),
    ],
)
def test_every_refusal_is_a_problem(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, problem(answer).code) == (status, code)
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize("failure", [RuntimeError("secret detail"), AsterismError("odd", "secret detail")])
def test_a_fault_of_ours_is_a_problem_without_its_traceback(
    client: httpx.Client, catalogue: MemoryCatalogue, failure: Exception
) -> None:
    catalogue.failure = failure
    answer = client.get("/api/v1/search")
    assert (answer.status_code, problem(answer).code) == (500, "api.internal")
    assert "secret" not in answer.text and "Traceback" not in answer.text


def test_starting_imports_nothing_heavy() -> None:
    heavy = ("astropy", "mocpy", "pyvo", "cdshealpix", "erfa", "rucio")
    program = f"import sys, api.app; print([name for name in {heavy!r} if name in sys.modules], len(sys.modules) > 100)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.split("\n")[0] == "[] True"
