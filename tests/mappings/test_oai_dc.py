"""Dublin Core, where values must speak for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from mappings.oai_dc import to_record
from mappings.outcome import Mapped
from schemas.errors import MappingError
from schemas.record import validate_record

DC = """<oai_dc:dc xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/">
  <dc:title>The Crab</dc:title><dc:title>Der Krebs</dc:title>
  <dc:creator>Müller, Zoë</dc:creator>
  <dc:contributor>Someone</dc:contributor>
  <dc:subject>pulsars</dc:subject>
  <dc:subject>info:eu-repo/classification/ddc/520</dc:subject>
  <dc:description>&amp;lt;p&amp;gt;One &amp;amp;amp; two&amp;lt;/p&amp;gt;</dc:description>
  <dc:description>Three</dc:description>
  <dc:publisher>Zenodo</dc:publisher>
  <dc:date>2023-12</dc:date>
  <dc:date>info:eu-repo/date/embargoEnd/2031-01-01</dc:date>
  <dc:type>info:eu-repo/semantics/article</dc:type>
  <dc:format>application/pdf</dc:format>
  <dc:identifier>https://repository.example/record/1</dc:identifier>
  <dc:identifier>https://doi.org/10.5072/DC.1</dc:identifier>
  <dc:language>deu</dc:language>
  <dc:relation>https://doi.org/10.5072/dc.0</dc:relation>
  <dc:relation>info:eu-repo/grantAgreement/EC/H2020/824064/EU/Title/ESCAPE</dc:relation>
  <dc:relation>info:eu-repo/semantics/reference/doi/10.1234/x</dc:relation>
  <dc:relation>info:eu-repo/semantics/altIdentifier/arxiv/2101.00001</dc:relation>
  <dc:coverage>Namibia</dc:coverage>
  <dc:rights>info:eu-repo/semantics/embargoedAccess</dc:rights>
  <dc:rights>Creative Commons Attribution 4.0</dc:rights>
  <dc:rights>https://creativecommons.org/licenses/by/4.0/legalcode</dc:rights>
</oai_dc:dc>"""
HEADER = "<header{}><identifier>oai:repository.example:1</identifier><datestamp>2023-12-11</datestamp>{}</header>"
OAI = '<record xmlns="http://www.openarchives.org/OAI/2.0/">{}{}</record>'


def record(text: str | bytes) -> dict[str, Any]:
    result = to_record(text if isinstance(text, bytes) else text.encode(), {})
    assert result.record is not None
    assert result.problems == []
    validate_record({**result.record, "id": "0" * 16, "source": "test"})
    return result.record


def test_dublin_core() -> None:
    made = record(OAI.format(HEADER.format("", ""), f"<metadata>{DC}</metadata>"))
    assert made["identifiers"] == [
        {"scheme": "doi", "value": "10.5072/dc.1"},
        {"scheme": "url", "value": "https://repository.example/record/1"},
        {"scheme": "oai", "value": "oai:repository.example:1"},
        {"scheme": "arxiv", "value": "2101.00001"},
    ]
    assert (made["title"], made["alternative_titles"]) == ("The Crab", ["Der Krebs"])
    assert made["description"] == "One & two\n\nThree"
    assert made["creators"] == [{"name": "Müller, Zoë"}]
    assert made["contributors"] == [{"name": "Someone", "role": "Other"}]
    assert made["subjects"] == [{"term": "pulsars"}, {"term": "520", "scheme": "ddc"}]
    assert made["dates"] == [{"date": "2023-12", "type": "Issued"}]
    assert (made["kind"], made["publisher"], made["language"]) == ("publication", "Zenodo", "de")
    assert made["relations"] == [
        {"type": "IsRelatedTo", "identifier": "10.5072/dc.0", "scheme": "doi"},
        {"type": "References", "identifier": "10.1234/x", "scheme": "doi"},
    ]
    assert made["funding"] == [{"funder": "EC H2020", "award": "824064"}]
    assert made["rights"] == {
        "level": "embargoed",
        "discoverable": True,
        "licence": "CC-BY-4.0",
        "statement": "Creative Commons Attribution 4.0",
        "embargo_until": "2031-01-01",
    }
    assert made["extra"]["oai_dc"]["coverage"] == ["Namibia"]


def test_bare() -> None:
    assert record(DC)["identifiers"][0] == {"scheme": "doi", "value": "10.5072/dc.1"}


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Dataset", "dataset"),
        ("info:eu-repo/semantics/other", "software"),
        ("http://purl.org/coar/resource_type/c_ddb1", "dataset"),
    ],
)
def test_types(word: str, kind: str) -> None:
    text = DC.replace("info:eu-repo/semantics/article", word)
    header = HEADER.format("", "<setSpec>software</setSpec>")  # Zenodo's set says more than its type
    assert record(OAI.format(header, f"<metadata>{text}</metadata>"))["kind"] == kind


def test_a_deleted_header_is_a_deletion() -> None:
    assert to_record(OAI.format(HEADER.format(' status="deleted"', ""), "").encode(), {}) == Mapped(None)


def test_a_wrong_date_is_a_problem() -> None:
    result = to_record(DC.replace("2023-12<", "Winter<").encode(), {})
    assert [(problem.field, problem.code) for problem in result.problems] == [("date.0", "mapping.bad-date")]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (DC.encode()[:500], "mapping.bad-xml"),
        (b'<!DOCTYPE d [<!ENTITY a "b">]>' + DC.encode(), "mapping.hostile-xml"),
        (DC.replace("OAI/2.0/oai_dc/", "OAI/9/oai_dc/").encode(), "mapping.wrong-shape"),
        (DC.replace("dc/elements/1.1/", "dc/elements/9/").encode(), "mapping.no-identifier"),
        (b"<html/>", "mapping.wrong-shape"),
    ],
)
def test_what_is_no_record_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        to_record(raw, {})
    assert caught.value.code == code


def test_captured_records(shared_data: Path) -> None:
    count = 0
    for path in sorted((shared_data / "zenodo" / "extracted_bodies").glob("list_records*.xml")):
        for element in etree.parse(path).iter("{http://www.openarchives.org/OAI/2.0/}record"):
            deleted = element.find("{*}header[@status='deleted']") is not None
            if deleted:
                assert to_record(etree.tostring(element), {}).record is None
            elif element.find("{*}metadata/{http://www.openarchives.org/OAI/2.0/oai_dc/}dc") is not None:
                assert "&lt;" not in record(etree.tostring(element)).get("description", "")
                count += 1
    assert count >= 200
