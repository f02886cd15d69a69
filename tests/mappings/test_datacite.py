"""DataCite metadata: kernels 3 and 4 in XML, bare and from OAI-PMH, and DataCite JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from mappings.datacite import to_record
from mappings.outcome import Mapped
from schemas.errors import MappingError
from schemas.record import validate_record

KERNEL_4 = """
<resource xmlns="http://datacite.org/schema/kernel-4">
  <identifier identifierType="DOI">10.5072/EXAMPLE-1</identifier>
  <alternateIdentifiers>
    <alternateIdentifier alternateIdentifierType="oai">oai:repository.example:1</alternateIdentifier>
  </alternateIdentifiers>
  <creators>
    <creator>
      <creatorName nameType="Personal">Müller, Zoë</creatorName>
      <nameIdentifier nameIdentifierScheme="ORCID">https://orcid.org/0000-0002-1825-0097</nameIdentifier>
      <affiliation affiliationIdentifier="x">Würzburg</affiliation><affiliation>CERN</affiliation>
    </creator>
    <creator><creatorName nameType="Organizational">H.E.S.S. Collaboration</creatorName></creator>
  </creators>
  <titles>
    <title titleType="Subtitle">A subtitle</title>
    <title xml:lang="en">The Crab, again</title>
  </titles>
  <publisher>Zenodo</publisher>
  <publicationYear>2023</publicationYear>
  <resourceType resourceTypeGeneral="Dataset">Event list</resourceType>
  <subjects><subject subjectScheme="UAT" valueURI="http://astrothesaurus.org/uat/739">Crab Nebula</subject></subjects>
  <contributors>
    <contributor contributorType="HostingInstitution"><contributorName>CERN</contributorName></contributor>
  </contributors>
  <dates>
    <date dateType="Issued">2023-10</date>
    <date dateType="Collected" dateInformation="with gaps">2020-01-02/2021</date>
    <date dateType="Available">2031-05-01</date>
  </dates>
  <language>en</language>
  <relatedIdentifiers>
    <relatedIdentifier relationType="IsVersionOf" relatedIdentifierType="DOI">10.5072/example-0</relatedIdentifier>
    <relatedIdentifier relationType="References" relatedIdentifierType="bibcode"
      >2006A&amp;A...457..899A</relatedIdentifier>
  </relatedIdentifiers>
  <sizes><size>1000 bytes</size><size>24 B</size></sizes>
  <version>2.1</version>
  <rightsList>
    <rights rightsURI="https://creativecommons.org/licenses/by/4.0/legalcode" rightsIdentifier="cc-by-4.0"
      >Creative Commons Attribution 4.0 International</rights>
    <rights rightsURI="info:eu-repo/semantics/embargoedAccess"/>
  </rightsList>
  <descriptions>
    <description descriptionType="Methods">How</description>
    <description descriptionType="Abstract">One<br/>two &lt;b&gt;bold&lt;/b&gt; &amp;amp; x</description>
  </descriptions>
  <geoLocations>
    <geoLocation>
      <geoLocationPlace>Khomas</geoLocationPlace>
      <geoLocationPoint><pointLongitude>16.5</pointLongitude><pointLatitude>-23.27</pointLatitude></geoLocationPoint>
    </geoLocation>
    <geoLocation>
      <geoLocationBox>
        <westBoundLongitude>-5</westBoundLongitude><eastBoundLongitude>5</eastBoundLongitude>
        <southBoundLatitude>40</southBoundLatitude><northBoundLatitude>50</northBoundLatitude>
      </geoLocationBox>
    </geoLocation>
    <geoLocation>
      <geoLocationPolygon>
        <polygonPoint><pointLongitude>1</pointLongitude><pointLatitude>1</pointLatitude></polygonPoint>
        <polygonPoint><pointLongitude>2</pointLongitude><pointLatitude>1</pointLatitude></polygonPoint>
        <polygonPoint><pointLongitude>2</pointLongitude><pointLatitude>2</pointLatitude></polygonPoint>
        <polygonPoint><pointLongitude>1</pointLongitude><pointLatitude>1</pointLatitude></polygonPoint>
      </geoLocationPolygon>
    </geoLocation>
  </geoLocations>
  <fundingReferences>
    <fundingReference>
      <funderName>European Commission</funderName>
      <funderIdentifier funderIdentifierType="ROR">00k4n6c32</funderIdentifier>
      <awardNumber awardURI="https://cordis.example/824064">824064</awardNumber>
      <awardTitle>ESCAPE</awardTitle>
    </fundingReference>
  </fundingReferences>
  <relatedItems>
    <relatedItem relatedItemType="Journal" relationType="IsPublishedIn">
      <relatedItemIdentifier relatedItemIdentifierType="ISSN">0004-6361</relatedItemIdentifier>
      <titles><title>A&amp;A</title></titles>
    </relatedItem>
  </relatedItems>
</resource>
"""

KERNEL_3 = """
<resource xmlns="http://datacite.org/schema/kernel-3">
  <identifier identifierType="DOI">10.5072/old</identifier>
  <creators><creator><creatorName>Alt, A.</creatorName></creator></creators>
  <titles><title>Old</title></titles>
  <publisher>Somewhere</publisher>
  <publicationYear>2012</publicationYear>
  <contributors>
    <contributor contributorType="Funder"><contributorName>DFG</contributorName></contributor>
  </contributors>
  <resourceType resourceTypeGeneral="Collection"/>
  <geoLocations>
    <geoLocation>
      <geoLocationPoint>31.233 -67.302</geoLocationPoint>
      <geoLocationBox>41.09 -71.032 41.893 -68.211</geoLocationBox>
    </geoLocation>
  </geoLocations>
</resource>
"""

OAI = """<record xmlns="http://www.openarchives.org/OAI/2.0/">
  <header{status}><identifier>oai:zenodo.org:1</identifier><datestamp>2023-10-12T14:26:07Z</datestamp>
  <setSpec>user-escape2020</setSpec></header>{metadata}</record>"""

WRAPPED = """<metadata><oai_datacite xmlns="http://schema.datacite.org/oai/oai-1.1/">
  <schemaVersion>4</schemaVersion><datacentreSymbol>CERN.ZENODO</datacentreSymbol>
  <payload>{}</payload></oai_datacite></metadata>"""


def mapped(text: str | bytes) -> Mapped:
    result = to_record(text if isinstance(text, bytes) else text.encode(), {})
    assert result.record is not None
    validate_record({**result.record, "id": "0" * 16, "source": "test"})
    return result


def record(text: str | bytes) -> dict[str, Any]:
    result = mapped(text)
    assert result.problems == []
    assert result.record
    return result.record


def test_kernel_4() -> None:
    made = record(KERNEL_4)
    assert made["identifiers"] == [
        {"scheme": "doi", "value": "10.5072/example-1"},
        {"scheme": "oai", "value": "oai:repository.example:1"},
    ]
    assert (made["kind"], made["title"], made["alternative_titles"]) == ("dataset", "The Crab, again", ["A subtitle"])
    assert made["description"] == "One\ntwo bold & x"
    assert made["creators"] == [
        {"name": "Müller, Zoë", "orcid": "0000-0002-1825-0097", "affiliations": ["Würzburg", "CERN"]},
        {"name": "H.E.S.S. Collaboration"},
    ]
    assert made["contributors"] == [{"name": "CERN", "role": "HostingInstitution"}]
    assert made["publisher"] == "Zenodo"
    assert made["subjects"] == [{"term": "Crab Nebula", "scheme": "UAT", "uri": "http://astrothesaurus.org/uat/739"}]
    assert made["dates"] == [
        {"date": "2023-10", "type": "Issued"},
        {"date": "2020-01-02/2021", "type": "Collected"},
        {"date": "2031-05-01", "type": "Available"},
    ]
    assert (made["version"], made["language"], made["bytes"]) == ("2.1", "en", 1024)
    assert made["relations"] == [
        {"type": "IsVersionOf", "identifier": "10.5072/example-0", "scheme": "doi"},
        {"type": "References", "identifier": "2006A&A...457..899A", "scheme": "bibcode"},
        {"type": "IsPublishedIn", "identifier": "0004-6361", "scheme": "issn", "title": "A&A"},
    ]
    assert made["rights"] == {
        "level": "embargoed",
        "discoverable": True,
        "licence": "CC-BY-4.0",
        "statement": "Creative Commons Attribution 4.0 International",
        "embargo_until": "2031-05-01",
    }
    assert made["funding"] == [
        {"funder": "European Commission", "award": "824064", "title": "ESCAPE", "uri": "https://cordis.example/824064"}
    ]


def test_geolocations_are_kept_and_are_no_position() -> None:
    made = record(KERNEL_4)
    assert "position" not in made
    assert "footprint" not in made
    extra = made["extra"]["datacite"]
    assert extra["geolocations"] == [
        {"place": "Khomas", "point": {"longitude": 16.5, "latitude": -23.27}},
        {"box": {"west": -5.0, "east": 5.0, "south": 40.0, "north": 50.0}},
        {
            "polygons": [
                [
                    {"longitude": 1.0, "latitude": 1.0},
                    {"longitude": 2.0, "latitude": 1.0},
                    {"longitude": 2.0, "latitude": 2.0},
                    {"longitude": 1.0, "latitude": 1.0},
                ]
            ]
        },
    ]
    assert extra["descriptions"] == [{"type": "Methods", "text": "How"}]
    assert extra["date_information"] == [{"type": "Collected", "text": "with gaps"}]
    assert extra["resource_type"] == "Event list"


def test_kernel_3() -> None:
    made = record(KERNEL_3)
    assert made["kind"] == "collection"
    assert made["dates"] == [{"date": "2012", "type": "Issued"}]  # publicationYear stands in
    assert made["funding"] == [{"funder": "DFG"}]
    assert "contributors" not in made
    assert made["extra"]["datacite"]["geolocations"] == [
        {
            "point": {"longitude": -67.302, "latitude": 31.233},
            "box": {"west": -71.032, "east": -68.211, "south": 41.09, "north": 41.893},
        }
    ]


def test_in_an_oai_record_and_in_zenodos_wrapper() -> None:
    bare = record(KERNEL_4)
    for metadata in (f"<metadata>{KERNEL_4}</metadata>", WRAPPED.format(KERNEL_4)):
        made = record(OAI.format(status="", metadata=metadata))
        assert made["extra"]["datacite"].pop("sets") == ["user-escape2020"]
        assert made == bare


def test_with_another_prefix() -> None:
    prefixed = KERNEL_3.replace("<resource xmlns=", "<resource xmlns:d=").replace("</", "</d:").replace("<", "<d:")
    assert record(prefixed.replace("<d:/d:", "</d:")) == record(KERNEL_3)


def test_a_deleted_header_is_a_deletion() -> None:
    assert to_record(OAI.format(status=' status="deleted"', metadata="").encode(), {}) == Mapped(None)


def test_without_a_doi_the_oai_identifier_is_the_first() -> None:
    bare = KERNEL_3.replace('<identifier identifierType="DOI">10.5072/old</identifier>', "")
    made = record(OAI.format(status="", metadata=f"<metadata>{bare}</metadata>"))
    assert made["identifiers"] == [{"scheme": "oai", "value": "oai:zenodo.org:1"}]


@pytest.mark.parametrize(
    ("term", "level"),
    [
        ("info:eu-repo/semantics/openAccess", "open"),
        ("info:eu-repo/semantics/closedAccess", "restricted"),
        ("http://purl.org/coar/access_right/c_16ec", "restricted"),
        ("https://purl.org/coar/access_right/c_abf2", "open"),
    ],
)
def test_access_terms(term: str, level: str) -> None:
    made = record(KERNEL_4.replace("info:eu-repo/semantics/embargoedAccess", term))
    assert made["rights"]["level"] == level
    assert made["rights"]["licence"] == "CC-BY-4.0"
    assert "embargo_until" not in made["rights"]


@pytest.mark.parametrize(
    ("old", "new", "field", "code"),
    [
        (">2023-10<", ">October 2023<", "dates.0", "mapping.bad-date"),
        (">-23.27<", ">-123.27<", "geoLocations.0.geoLocationPoint", "mapping.impossible-coordinate"),
        (">-5<", ">NaN<", "geoLocations.1.geoLocationBox", "mapping.impossible-coordinate"),
        ("1825-0097", "1825-0096", "creators.0.orcid", "mapping.bad-orcid"),
        ("10.5072/EXAMPLE-1", "example", "identifier", "mapping.bad-doi"),
        ("10.5072/example-0", "example", "relatedIdentifiers.0", "mapping.bad-doi"),
        ("H.E.S.S. Collaboration", "", "creators.1", "mapping.missing"),
    ],
)
def test_a_wrong_value_is_quarantined_and_the_record_stands(old: str, new: str, field: str, code: str) -> None:
    assert old in KERNEL_4
    result = mapped(KERNEL_4.replace(old, new))
    assert (field, code) in [(problem.field, problem.code) for problem in result.problems]
    assert b"NaN" not in json.dumps(result.record).encode()


def test_words_for_unknown_are_not_names() -> None:
    made = record(KERNEL_3.replace(">Somewhere<", ">:unav<"))
    assert "publisher" not in made


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"<resource", "mapping.bad-xml"),
        (KERNEL_4.encode()[:900], "mapping.bad-xml"),
        (b"", "mapping.bad-xml"),
        ('<?xml version="1.0" encoding="UTF-8"?><a>\xe9</a>'.encode("latin-1"), "mapping.bad-xml"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]>' + KERNEL_3.strip().encode(), "mapping.hostile-xml"),
        (b'<!DOCTYPE r SYSTEM "http://evil.example/x.dtd">' + KERNEL_3.strip().encode(), "mapping.hostile-xml"),
        (b"<html><body>down</body></html>", "mapping.wrong-shape"),
        (
            KERNEL_3.replace("http://datacite.org/schema/kernel-3", "http://elsewhere.example/").encode(),
            "mapping.wrong-shape",
        ),
        (OAI.format(status="", metadata="<metadata/>").encode(), "mapping.wrong-shape"),
        (b'<resource xmlns="http://datacite.org/schema/kernel-4"><titles/></resource>', "mapping.no-identifier"),
        (b'{"data": []}', "mapping.wrong-shape"),
        (b'{"titles": [}', "mapping.bad-json"),
    ],
)
def test_what_is_no_record_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        to_record(raw, {})
    assert caught.value.code == code


def test_another_encoding() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>' + KERNEL_4.strip()
    assert record(text.encode("iso-8859-1"))["creators"][0]["name"] == "Müller, Zoë"


JSON: dict[str, Any] = {
    "doi": "10.5072/j",
    "identifiers": [{"identifier": "abc", "identifierType": "local"}],
    "titles": [{"title": "In JSON"}],
    "creators": [
        {
            "name": "Müller, Zoë",
            "nameIdentifiers": [
                {"nameIdentifier": "https://orcid.org/0000-0002-1825-0097", "nameIdentifierScheme": "ORCID"}
            ],
            "affiliation": ["CERN", {"name": "Würzburg"}],
        },
        {"givenName": "A.", "familyName": "Only"},
    ],
    "publisher": {"name": "Zenodo"},
    "publicationYear": 2020,
    "types": {"resourceTypeGeneral": "JournalArticle"},
    "subjects": [{"subject": "x", "valueUri": "https://x.example/"}],
    "dates": [{"date": "2020-02-03T10:00:00+00:00", "dateType": "Issued"}],
    "rightsList": [{"rightsIdentifier": "cc0-1.0"}],
    "relatedIdentifiers": [{"relationType": "Cites", "relatedIdentifier": "10.1234/x", "relatedIdentifierType": "DOI"}],
    "fundingReferences": [{"funderName": "DFG", "awardUri": "https://x.example/1"}],
    "geoLocations": [{"geoLocationPoint": {"pointLongitude": "6.05", "pointLatitude": 46.2}}],
    "contentUrl": ["https://x.example/file.fits"],
    "url": "https://x.example/landing",
    "viewCount": 12,
    "container": {"title": "A Journal", "volume": "7"},
}


def test_json() -> None:
    made = record(json.dumps(JSON))
    assert made["identifiers"] == [
        {"scheme": "doi", "value": "10.5072/j"},
        {"scheme": "local", "value": "abc"},
        {"scheme": "url", "value": "https://x.example/landing"},
    ]
    assert made["creators"] == [
        {"name": "Müller, Zoë", "orcid": "0000-0002-1825-0097", "affiliations": ["CERN", "Würzburg"]},
        {"name": "Only, A."},
    ]
    assert (made["kind"], made["publisher"]) == ("publication", "Zenodo")
    assert made["dates"] == [{"date": "2020-02-03T10:00:00Z", "type": "Issued"}]
    assert made["rights"] == {"licence": "CC0-1.0"}  # nothing says who may have it, so neither do we
    assert made["access"] == [{"url": "https://x.example/file.fits"}]
    extra = made["extra"]["datacite"]
    assert extra["geolocations"] == [{"point": {"longitude": 6.05, "latitude": 46.2}}]
    assert extra["container"] == {"title": "A Journal", "volume": "7"}
    assert "viewCount" not in extra


def test_json_of_the_rest_api() -> None:
    assert record(json.dumps({"data": {"id": "10.5072/j", "type": "dois", "attributes": JSON}})) == record(
        json.dumps(JSON)
    )


@pytest.mark.parametrize("junk", [None, 7, "x", [], {}, [None], ["x"], [[]], -1.5, True])
def test_any_value_of_any_type_anywhere_is_survived(junk: Any) -> None:
    for key in JSON:
        if key not in ("doi", "titles"):
            mapped(json.dumps({**JSON, key: junk}))


def test_captured_records(shared_data: Path) -> None:
    """Records of Zenodo's OAI-PMH: every one maps, none with a problem, its concept DOI apart."""
    count = 0
    for path in sorted((shared_data / "zenodo" / "extracted_bodies").glob("*.xml")):
        if b"datacite.org/schema/kernel" not in path.read_bytes() or "formats" in path.name:
            continue
        for element in etree.parse(path).iter("{http://www.openarchives.org/OAI/2.0/}record"):
            made = record(etree.tostring(element))
            assert made["identifiers"][0]["value"].startswith("10.")
            count += 1
    assert count >= 50
