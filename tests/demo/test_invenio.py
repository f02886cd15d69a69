"""The InvenioRDM: windows of updates, pages, the wall behind them, tombstones."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from demo.federation import Federation
from harvesters.base import Begin
from harvesters.registry import build
from mappings.invenio import to_record

RECORDS = "/zenodo/api/records"
GAMMAPY = "10726484"


def total(client: httpx.Client, **parameters: str) -> int:
    answer = client.get(RECORDS, params={"allversions": "true", **parameters})
    assert answer.status_code == 200
    return int(answer.json()["hits"]["total"])


def test_a_window_of_updates_is_closed(client: httpx.Client, federation: Federation) -> None:
    stamps = sorted(one["updated"] for one in federation.zenodo.records.values())
    assert total(client, q=f"updated:[{stamps[0]} TO {stamps[9]}]") == 10
    assert total(client, q=f"updated:[{stamps[9]} TO *]") == len(stamps) - 9
    assert total(client, q="updated:[nonsense TO *]") == 0


def test_clauses_are_all_of(client: httpx.Client) -> None:
    assert total(client, q="gammapy") == 13
    assert total(client, q=f'(gammapy) AND id:"{GAMMAPY}"') == 1
    assert total(client, q=f'(healpy) AND id:"{GAMMAPY}"') == 0


def test_only_the_latest_version_is_shown_unless_asked(client: httpx.Client) -> None:
    hits = client.get(RECORDS, params={"q": "gammapy"}).json()["hits"]
    assert [hit["metadata"]["version"] for hit in hits["hits"]] == ["2.0"]


def test_pages_follow_their_links_to_the_end(client: httpx.Client, federation: Federation) -> None:
    url: str | None = f"{RECORDS}?size=40&sort=updated-asc&allversions=1"
    seen: list[str] = []
    while url:
        body = client.get(url).json()
        seen += [hit["id"] for hit in body["hits"]["hits"]]
        url = body["links"].get("next")
    assert seen == list(federation.zenodo.records)


@pytest.mark.parametrize("parameters", [{"sort": "colour"}, {"size": "0"}, {"page": "x"}, {"page": "401"}])
def test_what_cannot_be_shown_is_refused(client: httpx.Client, parameters: dict[str, str]) -> None:
    answer = client.get(RECORDS, params=parameters)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


def test_a_deleted_record_vanishes_and_answers_410(client: httpx.Client, federation: Federation) -> None:
    harvester = build("invenio", {"url": f"{federation.url}/zenodo"}, contact="")
    assert not harvester.is_gone(GAMMAPY)
    federation.zenodo.delete(GAMMAPY)
    assert total(client, q=f'id:"{GAMMAPY}"') == 0
    answer = client.get(f"{RECORDS}/{GAMMAPY}")
    assert answer.status_code == 410
    assert answer.json()["tombstone"]["removal_reason"]
    assert client.get(f"{RECORDS}/1").status_code == 404
    assert harvester.is_gone(GAMMAPY)


def test_the_ordinary_harvester_takes_everything_past_a_wall(federation: Federation) -> None:
    federation.zenodo.wall = 50
    harvester = build("invenio", {"url": f"{federation.url}/zenodo"}, contact="")
    items = {item.native_id: item for page in harvester.pages(Begin()) for item in page.items}
    assert items.keys() == federation.zenodo.records.keys()
    mapped = to_record(items[GAMMAPY].raw or b"", {})
    assert not mapped.problems
    assert mapped.record is not None
    assert {"scheme": "doi", "value": f"10.5281/zenodo.{GAMMAPY}"} in mapped.record["identifiers"]
    assert mapped.record["kind"] == "software"


def test_the_next_harvest_brings_what_changed(federation: Federation) -> None:
    harvester = build("invenio", {"url": f"{federation.url}/zenodo"}, contact="")
    since = harvester.since(list(harvester.pages(Begin()))[-1].checkpoint)
    changed = federation.zenodo.records[GAMMAPY]
    changed["metadata"]["title"] = "Another title"
    federation.zenodo.put(changed, datetime.now(UTC))
    items = [item for page in harvester.pages(Begin(since=since)) for item in page.items]
    assert GAMMAPY in {item.native_id for item in items}
    assert len(items) < 20  # the overlap, and not everything again
