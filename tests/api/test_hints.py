"""Hints over HTTP: pages, filters, forms; what a record page says of placement."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import orjson
import pytest

from schemas.hint import Hint, Reason
from tests.api.conftest import TOKEN, MemoryCatalogue


def hint(n: int, action: str = "replicate", policy: str | None = None) -> Hint:
    made = Hint(
        id=f"{n:016d}",
        scope="s",
        name=f"ds/{n}",
        record="0" * 16,
        action="replicate",
        rse_expression="A",
        to=("A",),
        from_rses=("B",),
        copies=1,
        bytes=10**12,
        score=1.5,
        confidence=0.5,
        policy=policy,
        reasons=(Reason("demand.forecast", "3.2 reads expected", {"reads": 3.2}),),
        created_at="2026-01-01T00:00:00Z",
        expires_at="2026-01-08T00:00:00Z",
    )
    return Hint.read(made.document() | {"action": action})


@pytest.fixture
def hints(catalogue: MemoryCatalogue) -> Iterator[list[Hint]]:
    catalogue.kept_hints = [hint(n, "stage" if n % 2 else "replicate", "gc" if n > 7 else None) for n in range(10)]
    yield catalogue.kept_hints
    catalogue.kept_hints = []


def test_a_page_of_hints_says_how_many_there_are(client: httpx.Client, hints: list[Hint]) -> None:
    answer = client.get("/api/v1/hints", params={"limit": 3, "offset": 8})
    assert answer.status_code == 200
    assert answer.headers["X-Total-Count"] == "10"
    assert answer.json() == {"total": 10, "items": [one.document() for one in hints[8:]]}
    assert answer.json()["items"][0]["reasons"] == [
        {"code": "demand.forecast", "text": "3.2 reads expected", "reads": 3.2}
    ]


def test_lines_are_hints(client: httpx.Client, hints: list[Hint]) -> None:
    answer = client.get("/api/v1/hints", params={"format": "jsonl", "action": "stage", "policy": "gc"})
    assert answer.headers["content-type"] == "application/jsonl"
    assert [orjson.loads(line)["id"] for line in answer.content.splitlines()] == [hints[9].id]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"action": "move"}, "query.bad-value"),
        ({"limit": "-1"}, "query.bad-value"),
        ({"limit": "10001"}, "query.bad-value"),
        ({"facets": "kind"}, "query.unknown-parameter"),
        ({"for": "facilites=HESS"}, "query.unknown-field"),
        ({"rse": "A|"}, "policy.bad-expression"),
    ],
)
def test_a_wrong_parameter_is_told_what_is_wrong(
    client: httpx.Client, hints: list[Hint], asked: dict[str, str], code: str
) -> None:
    answer = client.get("/api/v1/hints", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_without_a_lake_it_says_so(client: httpx.Client) -> None:
    assert client.get("/api/v1/lake").json()["code"] == "placement.no-state"
    body = {"yes": False}
    assert client.post("/api/v1/hints/apply", json=body).status_code == 401
    refused = client.post("/api/v1/hints/apply", json=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (refused.status_code, refused.json()["code"]) == (404, "placement.no-lake")


def test_the_placement_of_a_record_that_is_not_there(client: httpx.Client) -> None:
    answer = client.get("/api/v1/records/0000000000000000/placement")
    assert (answer.status_code, answer.json()["code"]) == (404, "record.not-found")
