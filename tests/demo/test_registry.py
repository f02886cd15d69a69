"""The publishing registry: OAI-PMH 2.0 to the letter where harvesters depend on it."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from lxml import etree

from demo.federation import Federation
from harvesters.base import Begin
from harvesters.registry import build
from mappings.voresource import to_record

OAI = "{http://www.openarchives.org/OAI/2.0/}"
CRAB = "ivo://cds.vizier/j/a+a/530/a138"


def ask(client: httpx.Client, **parameters: str) -> etree._Element:
    answer = client.get("/registry/oai", params={name.rstrip("_"): value for name, value in parameters.items()})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    return etree.fromstring(answer.content)


def test_identify_says_what_the_harvester_needs(client: httpx.Client) -> None:
    root = ask(client, verb="Identify")
    assert root.findtext(f".//{OAI}deletedRecord") == "persistent"
    assert root.findtext(f".//{OAI}granularity") == "YYYY-MM-DDThh:mm:ssZ"
    assert root.findtext(f".//{OAI}earliestDatestamp") == "2025-01-01T00:00:00Z"
    assert root.findtext(f".//{OAI}baseURL") == f"{client.base_url}/registry/oai".replace("//registry", "/registry")


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("badVerb", {}),
        ("badVerb", {"verb": "List"}),
        ("badArgument", {"verb": "ListRecords"}),
        ("badArgument", {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "colour": "red"}),
        ("badArgument", {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "from_": "yesterday"}),
        ("badArgument", {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "from_": "2025-02-30"}),
        (
            "badArgument",
            {
                "verb": "ListRecords",
                "metadataPrefix": "ivo_vor",
                "from_": "2025-01-01",
                "until": "2025-01-02T00:00:00Z",
            },
        ),
        (
            "badArgument",
            {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "from_": "2025-01-03", "until": "2025-01-02"},
        ),
        ("badArgument", {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "resumptionToken": "x"}),
        ("badResumptionToken", {"verb": "ListRecords", "resumptionToken": "stale"}),
        ("cannotDisseminateFormat", {"verb": "ListIdentifiers", "metadataPrefix": "marc21"}),
        ("noRecordsMatch", {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "from_": "2031-01-01"}),
        ("noRecordsMatch", {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "set": "elsewhere"}),
        ("idDoesNotExist", {"verb": "GetRecord", "metadataPrefix": "ivo_vor", "identifier": "ivo://no/such"}),
    ],
)
def test_each_error_has_its_code(client: httpx.Client, code: str, parameters: dict[str, str]) -> None:
    root = ask(client, **parameters)
    assert [error.get("code") for error in root.iter(f"{OAI}error")] == [code]


def test_an_argument_given_twice_is_refused(client: httpx.Client) -> None:
    root = etree.fromstring(client.get("/registry/oai?verb=Identify&verb=Identify").content)
    assert root.find(f"{OAI}error").get("code") == "badVerb"  # type: ignore[union-attr]  # it is there


def test_a_list_comes_in_pages_and_each_record_once(client: httpx.Client, federation: Federation) -> None:
    root = ask(client, verb="ListIdentifiers", metadataPrefix="oai_dc")
    seen = [node.text for node in root.iter(f"{OAI}identifier")]
    assert root.find(f".//{OAI}resumptionToken").get("completeListSize") == str(len(federation.vo.entries))  # type: ignore[union-attr]
    pages = 1
    while token := root.findtext(f".//{OAI}resumptionToken"):
        root = ask(client, verb="ListIdentifiers", resumptionToken=token)
        seen += [node.text for node in root.iter(f"{OAI}identifier")]
        pages += 1
    assert root.find(f".//{OAI}resumptionToken") is not None  # empty: the list ends (section 3.5)
    assert pages > 2
    assert len(seen) == len(set(seen)) == len(federation.vo.entries)


def test_post_answers_as_get(client: httpx.Client) -> None:
    answer = client.post("/registry/oai", data={"verb": "ListMetadataFormats"})
    prefixes = [node.text for node in etree.fromstring(answer.content).iter(f"{OAI}metadataPrefix")]
    assert prefixes == ["oai_dc", "ivo_vor"]


def test_a_day_as_until_means_all_of_it(client: httpx.Client, federation: Federation) -> None:
    root = ask(client, verb="ListRecords", metadataPrefix="ivo_vor", until="2025-01-01")
    assert root.find(f".//{OAI}resumptionToken").get("completeListSize") == str(len(federation.vo.entries))  # type: ignore[union-attr]


def test_the_ordinary_harvester_takes_everything_and_the_mapping_all_of_it(federation: Federation) -> None:
    options = {"url": f"{federation.url}/registry/oai", "set": "ivo_managed"}
    items = [item for page in build("vo-oai", options, contact="").pages(Begin()) for item in page.items]
    mapped = {item.native_id: to_record(item.raw, {}) for item in items if item.raw}
    assert len(mapped) == len(federation.vo.entries)
    assert not [one.problems for one in mapped.values() if one.problems]
    record = mapped[CRAB].record
    assert record is not None
    assert record["kind"] == "service"
    assert record["footprint"]["moc"]
    assert {one.record["kind"] for one in mapped.values() if one.record} == {
        "service",
        "standard",
        "registry",
        "authority",
    }


def test_a_deletion_shows_in_the_next_harvest(federation: Federation) -> None:
    harvester = build("vo-oai", {"url": f"{federation.url}/registry/oai"}, contact="")
    first = list(harvester.pages(Begin()))
    federation.vo.now = lambda: datetime(2030, 1, 1, tzinfo=UTC)
    federation.vo.delete(CRAB)
    since = harvester.since(first[-1].checkpoint)
    items = [item for page in harvester.pages(Begin(since=since)) for item in page.items]
    assert [(item.native_id, item.raw) for item in items] == [(CRAB, None)]
    assert harvester.announces_deletions
    assert harvester.is_gone(CRAB)
