"""Registry documents written for the tests, of made-up resources, and what checks every record made of one."""

from __future__ import annotations

from typing import Any

from mappings.outcome import Mapped
from schemas.record import validate_record

NAMESPACES = """xmlns:ri="http://www.ivoa.net/xml/RegistryInterface/v1.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:vr="http://www.ivoa.net/xml/VOResource/v1.0"
    xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1" xmlns:vg="http://www.ivoa.net/xml/VORegistry/v1.0"
    xmlns:vstd="http://www.ivoa.net/xml/StandardsRegExt/v1.0" xmlns:doc="http://www.ivoa.net/xml/DocRegExt/v1"
    xmlns:va="http://www.ivoa.net/xml/VOApplication/v1.0rc1" xmlns:cs="http://www.ivoa.net/xml/ConeSearch/v1.0"
    xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0" xmlns:stc="http://www.ivoa.net/xml/STC/stc-v1.30.xsd"
    xmlns:xlink="http://www.w3.org/1999/xlink" """


def resource(
    body: str = "",
    *,
    kind: str = "vs:CatalogService",
    title: str = "Pulsars of the southern sky",
    identifier: str = "ivo://Example.Obs/Pulsars",
    attributes: str = 'created="2019-03-01T08:00:00Z" updated="2024-06-01T10:30:00Z" status="active"',
    namespaces: str = NAMESPACES,
) -> bytes:
    """A bare ``ri:Resource``."""
    return f"""<ri:Resource {namespaces} xsi:type="{kind}" {attributes}>
      <title>{title}</title><identifier>{identifier}</identifier>{body}
    </ri:Resource>""".encode()


def oai_record(metadata: bytes | None, header: str = "") -> bytes:
    """An OAI-PMH record as a harvester cuts it out of an answer."""
    inside = f"<oai:metadata>{metadata.decode()}</oai:metadata>" if metadata is not None else ""
    return f"""<oai:record xmlns:oai="http://www.openarchives.org/OAI/2.0/"><oai:header {header}>
      <oai:identifier>ivo://example.obs/pulsars</oai:identifier><oai:datestamp>2024-06-02T00:00:00Z</oai:datestamp>
    </oai:header>{inside}</oai:record>""".encode()


def coverage(inside: str) -> bytes:
    """A resource with this coverage."""
    return resource(f"<coverage>{inside}</coverage>")


def record_of(mapped: Mapped) -> dict[str, Any]:
    """The record, after proof that with an id and a source it is a valid one and holds no empty thing."""
    assert mapped.record is not None
    validate_record({"id": "0" * 16, "source": "test", **mapped.record})
    assert all(value not in (None, "", [], {}) for value in mapped.record.values())
    return mapped.record


FULL = """
  <shortName> PSR south </shortName>
  <altIdentifier>doi:10.5072/PSR.1</altIdentifier>
  <altIdentifier>bibcode:2019A&amp;A...630A..80X</altIdentifier>
  <altIdentifier>ark:/12345/psr</altIdentifier>
  <validationLevel validatedBy="ivo://example.obs/validator">2</validationLevel>
  <curation>
    <publisher ivo-id="ivo://Example.Obs/org">Example Observatory</publisher>
    <creator><name>M\u00fcller, K.</name><altIdentifier>orcid:0000-0002-1825-0097</altIdentifier></creator>
    <creator><name>Ng, T.; Osei, A.</name></creator>
    <contributor>Survey team</contributor>
    <contact><name>Help desk</name><email>help@example.org</email></contact>
    <date role="creation">2019-03-01</date>
    <date role="Updated">2024-05</date>
    <date>2010</date>
    <version>1.2</version>
  </curation>
  <content>
    <subject>pulsars</subject><subject>neutron-stars</subject><subject>pulsars</subject>
    <description>
      Timing of &lt;b&gt;412&lt;/b&gt; pulsars,
      with P &lt; 1 s.

      Second paragraph.
    </description>
    <source format="bibcode">2018MNRAS.477.1234A</source>
    <referenceURL>https://example.org/psr</referenceURL>
    <type>Catalog</type><type>Survey</type>
    <contentLevel>Research</contentLevel>
    <relationship>
      <relationshipType>served-by</relationshipType>
      <relatedResource ivo-id="ivo://Example.Obs/TAP">The TAP service</relatedResource>
    </relationship>
    <relationship>
      <relationshipType>IsSupplementTo</relationshipType>
      <relatedResource altIdentifier="doi:10.5072/PAPER">The paper</relatedResource>
    </relationship>
  </content>
  <rights rightsURI="https://spdx.org/licenses/CC-BY-4.0.html">Cite us</rights>
  <capability standardID="ivo://ivoa.net/std/ConeSearch" xsi:type="cs:ConeSearch">
    <validationLevel validatedBy="ivo://example.obs/validator">1</validationLevel>
    <interface xsi:type="vs:ParamHTTP" role="std" version="1.03">
      <accessURL use="base">https://example.org/psr/scs.xml?</accessURL>
      <mirrorURL>https://mirror.example.org/psr/scs.xml?</mirrorURL>
      <resultType>application/x-votable+xml</resultType>
    </interface>
    <interface xsi:type="vr:WebBrowser"><accessURL use="full">https://example.org/psr/form</accessURL></interface>
    <maxSR>180</maxSR><maxRecords>5000</maxRecords><verbosity>true</verbosity>
    <testQuery><ra>83.6</ra><dec>22.0</dec><sr>0.5</sr></testQuery>
  </capability>
  <capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
    <interface xsi:type="vs:ParamHTTP" role="std"><accessURL use="base">https://example.org/tap</accessURL></interface>
    <dataModel ivo-id="ivo://ivoa.net/std/ObsCore#core-1.1">Obscore</dataModel>
    <language><name>ADQL</name><version ivo-id="ivo://ivoa.net/std/ADQL#v2.0">2.0</version></language>
  </capability>
  <facility>Parkes 64 m</facility>
  <instrument>UWL receiver</instrument>
  <coverage>
    <spatial>2/0-3 17
      4/3000</spatial>
    <temporal>55000 58849.5</temporal>
    <spectral>4.6e-25 2.65e-24</spectral>
    <waveband>Radio</waveband>
    <regionOfRegard>0.05</regionOfRegard>
  </coverage>
  <tableset><schema><name>psr</name>
    <table><name>psr.main</name><column><name>ra</name></column></table>
    <table><name>psr.toas</name><column><name>toa</name></column></table>
  </schema></tableset>
"""
