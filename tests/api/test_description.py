"""What is said about the API, to programs and to people, is true and complete."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import openapi
from api.app import create_app
from api.openapi_search import coverage_parameters, search_parameters
from api.problems import _STATUS
from schemas.fields import search_fields
from schemas.query import parse
from tests import error_codes
from tests.api.conftest import TOKEN, sample

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference" / "http-api.md"


def registered() -> set[tuple[str, str]]:
    """Each (method, path) that the application answers, asked of the application itself."""

    def walk(routes: list[Any], prefix: str = "") -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for route in routes:
            if hasattr(route, "methods"):
                found |= {(method, prefix + route.path) for method in route.methods - {"HEAD"}}
            else:  # FastAPI keeps an included router as one route
                found |= walk(route.original_router.routes, prefix)
        return found

    return walk(create_app(sample()).router.routes)


def described() -> dict[str, Any]:
    made: dict[str, Any] = openapi.description("0")
    return made


def test_every_route_is_described_and_no_other() -> None:
    said = {(method.upper(), path) for path, methods in described()["paths"].items() for method in methods}
    assert len(said) > 10
    assert said == registered()


def test_every_parameter_of_the_search_is_one_that_the_query_takes() -> None:
    names = [one["name"] for one in search_parameters()]
    assert len(names) == len(set(names)) > 40
    own = {"sort": "-bytes", "footprint_of": "8vtudcbgvjte3s74", "facet_prefix": "kind:data"}
    with_ = {"covered.gte": ("cone", "1,1,1"), "covered.lte": ("cone", "1,1,1"), "facet_prefix": ("facets", "kind")}
    with_ |= {f"{name}_relation": (name, "1") for name in ("time", "spectral", "energy")}
    own |= {field.name: "2014" for field in search_fields().values() if field.kind == "date"}
    for one in search_parameters():
        value = own.get(one["name"]) or one.get("example") or one["schema"].get("default") or "1"
        parse([(one["name"], str(value)), *([with_[one["name"]]] if one["name"] in with_ else [])])


def test_the_reference_page_names_every_route_parameter_and_code() -> None:
    page = REFERENCE.read_text()
    routes = sorted({path for _, path in registered()})
    names = [one["name"] for one in [*search_parameters(), *coverage_parameters()]]
    names += [one["name"] for one in described()["paths"]["/scs"]["get"]["parameters"]]
    codes = [code for code in _STATUS if "." in code]
    rooms = error_codes.given("schemas", "catalog", "api")
    codes += [one.code for one in rooms if one.code.startswith(("api.", "query."))]
    assert min(len(routes), len(names), len(codes)) > 10
    missing = [word for word in [*routes, *names, *codes] if f"`{word}`" not in page]
    assert missing == []


def test_the_page_for_people_needs_nobody_else(client: httpx.Client) -> None:
    page = client.get("/docs").text
    for path in described()["paths"]:
        assert path in page
    assert not re.search(r"""(src|href)=["'](https?:)?//|@import|<script""", page)


def test_the_landing_page_is_for_people_and_programs(client: httpx.Client) -> None:
    for name, path in client.get("/").json()["links"].items():
        assert client.get(path).status_code == 200, name
    page = client.get("/", headers={"Accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    links = re.findall(r'href="([^"]+)"', page.text)
    assert len(links) > 4
    assert all(client.get(link.replace("&amp;", "&")).status_code == 200 for link in links)


def test_the_openapi_document_is_served(client: httpx.Client) -> None:
    said = client.get("/openapi.json").json()
    assert said["openapi"].startswith("3.") and said["info"]["version"] == "1.2.3"
    assert said["paths"].keys() == described()["paths"].keys()


def test_schemathesis_finds_nothing(url: str, tmp_path: Path) -> None:
    """A bounded run; for a longer one, run schemathesis against a server (see the how-to on developing)."""
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("no schemathesis beside this python: it is in the development dependencies (make setup)")
    # positive_data_acceptance: no schema can say that an interval must not end before it starts, that a cursor must
    # come from an earlier answer, or that sort=score needs q; such requests are refused with 400, as described
    options = ["--max-examples", "15", "--seed", "1", "--exclude-checks", "positive_data_acceptance"]
    phases = ["--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--continue-on-failure"]
    run = subprocess.run(
        [program, "run", f"{url}/openapi.json", "-H", f"Authorization: Bearer {TOKEN}", *options, *phases],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    tested = re.search(r"Tested: (\d+)", run.stdout)
    assert tested and int(tested[1]) > 10
