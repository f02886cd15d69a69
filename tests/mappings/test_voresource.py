"""VOResource XML to the record: what each element becomes, and what bad input gets."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from lxml import etree

from mappings.voresource import to_record
from schemas.errors import MappingError
from tests.mappings.vo_documents import FULL, NAMESPACES, coverage, oai_record, record_of, resource

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "vo"
HC = 1.98644586e-25  # J m, CODATA


def codes(raw: bytes) -> list[tuple[str, str]]:
    mapped = to_record(raw, {})
    record_of(mapped)
    return [(problem.field, problem.code) for problem in mapped.problems]


def refused(raw: bytes) -> str:
    with pytest.raises(MappingError) as caught:
        to_record(raw, {})
    assert len(caught.value.detail) > 20
    return caught.value.code


# what a complete record says


def test_whole_resource():
    mapped = to_record(oai_record(resource(FULL)), {})
    record = record_of(mapped)
    assert mapped.problems == []
    assert {name: record[name] for name in ("kind", "title", "alternative_titles", "publisher", "version")} == {
        "kind": "service",
        "title": "Pulsars of the southern sky",
        "alternative_titles": ["PSR south"],
        "publisher": "Example Observatory",
        "version": "1.2",
    }
    assert record["identifiers"] == [
        {"scheme": "ivoid", "value": "ivo://example.obs/pulsars"},
        {"scheme": "doi", "value": "10.5072/psr.1"},
        {"scheme": "bibcode", "value": "2019A&A...630A..80X"},
        {"scheme": "ark", "value": "ark:/12345/psr"},
    ]
    assert record["creators"] == [
        {"name": "Müller, K.", "orcid": "0000-0002-1825-0097"},
        {"name": "Ng, T."},
        {"name": "Osei, A."},
    ]
    assert record["contributors"] == [{"name": "Survey team"}, {"name": "Help desk", "role": "ContactPerson"}]
    assert record["dates"] == [
        {"date": "2019-03-01", "type": "Created"},
        {"date": "2024-05", "type": "Updated"},
        {"date": "2010", "type": "Other"},
    ]
    assert record["subjects"] == [{"term": "pulsars"}, {"term": "neutron-stars"}]
    assert record["description"] == "Timing of 412 pulsars, with P < 1 s.\nSecond paragraph."
    assert record["relations"] == [
        {"type": "IsDerivedFrom", "identifier": "2018MNRAS.477.1234A", "scheme": "bibcode"},
        {"type": "IsDocumentedBy", "identifier": "https://example.org/psr", "scheme": "url"},
        {
            "type": "IsServedBy",
            "identifier": "ivo://example.obs/tap",
            "scheme": "ivoid",
            "title": "The TAP service",
        },
        {"type": "IsSupplementTo", "identifier": "10.5072/paper", "scheme": "doi", "title": "The paper"},
    ]
    assert record["rights"] == {"licence": "CC-BY-4.0", "statement": "Cite us"}
    assert record["facilities"] == ["Parkes 64 m"]
    assert record["instruments"] == ["UWL receiver"]
    assert "position" not in record


def test_coverage_of_a_whole_resource():
    record = record_of(to_record(resource(FULL), {}))
    assert record["wavebands"] == ["Radio"]
    assert record["footprint"] == {"moc": "2/0-3 17 4/3000"}
    assert record["time"] == [{"min": 55000.0, "max": 58849.5}]
    (band,) = record["spectral"]
    # Joule to metres: the higher energy is the shorter wave
    assert band["min"] == pytest.approx(HC / 2.65e-24, rel=1e-8)
    assert band["max"] == pytest.approx(HC / 4.6e-25, rel=1e-8)
    assert record["extra"]["vo"]["region_of_regard"] == 0.05


def test_access_of_a_whole_resource():
    record = record_of(to_record(resource(FULL), {}))
    cone = {"protocol": "ivo://ivoa.net/std/conesearch", "media_type": "application/x-votable+xml"}
    assert record["access"] == [
        {"url": "https://example.org/psr/scs.xml?", "name": "std", **cone},
        {"url": "https://mirror.example.org/psr/scs.xml?", "name": "mirror", **cone},
        # the form is part of the capability, but speaks no cone search
        {"url": "https://example.org/psr/form", "name": "WebBrowser", "protocol": "https"},
        {"url": "https://example.org/tap", "name": "std", "protocol": "ivo://ivoa.net/std/tap"},
    ]


def test_what_no_field_takes_stays_typed():
    vo = record_of(to_record(resource(FULL), {}))["extra"]["vo"]
    capabilities = vo.pop("capabilities")
    assert vo == {
        "type": "vs:catalogservice",
        "status": "active",
        "created": "2019-03-01T08:00:00Z",
        "updated": "2024-06-01T10:30:00Z",
        "validation_level": 2,
        "publisher_id": "ivo://example.obs/org",
        "contact_email": ["help@example.org"],
        "content_type": ["Catalog", "Survey"],
        "content_level": ["Research"],
        "region_of_regard": 0.05,
        "tables": 2,
    }
    assert capabilities == [
        {
            "standard_id": "ivo://ivoa.net/std/conesearch",
            "type": "cs:conesearch",
            "max_sr": 180,
            "max_records": 5000,
            "verbosity": True,
            "test_query": {"ra": 83.6, "dec": 22, "sr": 0.5},
        },
        {
            "standard_id": "ivo://ivoa.net/std/tap",
            "type": "tr:tableaccess",
            "data_models": ["ivo://ivoa.net/std/obscore#core-1.1"],
            "languages": ["ADQL"],
            "language_versions": ["ivo://ivoa.net/std/adql#v2.0"],
        },
    ]


# kinds


@pytest.mark.parametrize(
    ("type_name", "kind"),
    [
        ("vr:Organisation", "organisation"),
        ("vr:Service", "service"),
        ("vr:Resource", "other"),
        ("vs:DataCollection", "collection"),
        ("vs:DataResource", "collection"),
        ("vs:CatalogResource", "collection"),
        ("vs:DataService", "service"),
        ("vs:TableService", "service"),
        ("vs:CatalogService", "service"),
        ("vs:StandardSTC", "standard"),
        ("vg:Authority", "authority"),
        ("vg:Registry", "registry"),
        ("vstd:Standard", "standard"),
        ("vstd:ServiceStandard", "standard"),
        ("vstd:StandardKeyEnumeration", "standard"),
        ("va:DesktopApplication", "software"),
        ("va:SoftwareLibrary", "software"),
        ("doc:Document", "publication"),
    ],
)
def test_every_registry_type(type_name: str, kind: str):
    record = record_of(to_record(resource(kind=type_name), {}))
    assert record["kind"] == kind
    assert record["extra"]["vo"]["type"] == type_name.lower()


def test_the_namespace_decides_the_type_and_not_its_prefix():
    namespaces = NAMESPACES.replace("xmlns:vs=", "xmlns:q1=")
    record = record_of(to_record(resource(kind="q1:DataCollection", namespaces=namespaces), {}))
    assert record["kind"] == "collection"
    assert record["extra"]["vo"]["type"] == "vs:datacollection"


def test_a_known_prefix_of_an_unknown_namespace_says_nothing():
    own = NAMESPACES.replace("http://www.ivoa.net/xml/VODataService/v1.1", "http://example.org/mine")
    assert record_of(to_record(resource(kind="vs:CatalogService", namespaces=own), {}))["kind"] == "other"


def test_an_unknown_type_is_known_by_what_it_has():
    own = NAMESPACES + ' xmlns:my="http://example.org/ext"'
    capability = (
        '<capability><interface xsi:type="vr:WebBrowser"><accessURL>https://a.b/</accessURL></interface></capability>'
    )
    assert record_of(to_record(resource(capability, kind="my:Oracle", namespaces=own), {}))["kind"] == "service"
    table = "<tableset><schema><table/></schema></tableset>"
    assert record_of(to_record(resource(table, kind="my:Oracle", namespaces=own), {}))["kind"] == "collection"
    assert record_of(to_record(resource(kind="my:Oracle", namespaces=own), {}))["kind"] == "other"


def test_registry_authority_standard_and_software():
    registry = record_of(
        to_record(
            resource(
                "<full>true</full><managedAuthority>example.obs</managedAuthority><managedAuthority>b.c</managedAuthority>"
                '<capability standardID="ivo://ivoa.net/std/Registry" xsi:type="vg:Harvest">'
                '<interface xsi:type="vg:OAIHTTP" role="std"><accessURL>https://a.b/oai</accessURL></interface>'
                "<maxRecords>100</maxRecords></capability>",
                kind="vg:Registry",
            ),
            {},
        )
    )
    assert registry["extra"]["vo"]["full"] is True
    assert registry["extra"]["vo"]["managed_authorities"] == ["example.obs", "b.c"]
    assert registry["access"][0]["protocol"] == "ivo://ivoa.net/std/registry"
    authority = record_of(
        to_record(resource('<managingOrg ivo-id="ivo://A.B/org">Org</managingOrg>', kind="vg:Authority"), {})
    )
    assert authority["extra"]["vo"]["managing_org_id"] == "ivo://a.b/org"
    standard = record_of(
        to_record(resource('<endorsedVersion status="rec">1.1</endorsedVersion>', kind="vstd:Standard"), {})
    )
    assert standard["extra"]["vo"]["endorsed_versions"] == ["1.1"]
    software = record_of(
        to_record(
            resource(
                "<licence>GPL-3.0</licence><executable><download>https://a.b/x.jar</download>"
                "<platform>Linux</platform></executable>",
                kind="va:DesktopApplication",
            ),
            {},
        )
    )
    assert software["access"] == [{"url": "https://a.b/x.jar", "name": "download", "protocol": "https"}]
    assert software["rights"]["statement"] == "GPL-3.0"
    document = record_of(
        to_record(resource("<language>eng</language><accessURL>https://a.b/x.pdf</accessURL>", kind="doc:Document"), {})
    )
    assert document["language"] == "en"
    assert [way["url"] for way in document["access"]] == ["https://a.b/x.pdf"]


# names, relations, rights, dates


@pytest.mark.parametrize(
    ("written", "type_"),
    [
        ("mirror-of", "IsIdenticalTo"),
        ("service-for", "IsServiceFor"),
        ("served-by", "IsServedBy"),
        ("derived-from", "IsDerivedFrom"),
        ("related-to", "IsRelatedTo"),
        ("isServiceFor", "IsServiceFor"),
        ("Cites", "Cites"),
        ("isnewversionof", "IsNewVersionOf"),
        ("IsPartOf", "IsPartOf"),
        ("preview-of", "PreviewOf"),
    ],
)
def test_relationships(written: str, type_: str):
    body = (
        f"<content><relationship><relationshipType>{written}</relationshipType>"
        '<relatedResource ivo-id="ivo://A.B/C"/><relatedResource>Only a name</relatedResource></relationship></content>'
    )
    record = record_of(to_record(resource(body), {}))
    assert record["relations"] == [{"type": type_, "identifier": "ivo://a.b/c", "scheme": "ivoid"}]
    assert record["extra"]["vo"]["related"] == [{"type": type_, "name": "Only a name"}]


@pytest.mark.parametrize(
    ("element", "rights"),
    [
        ("<rights>public</rights>", {"level": "open", "statement": "public"}),
        ("<rights>secure</rights>", {"level": "restricted", "discoverable": True, "statement": "secure"}),
        (
            "<rights>public</rights><rights>proprietary</rights>",
            {"level": "restricted", "discoverable": True, "statement": "public; proprietary"},
        ),
        (
            '<rights rightsURI="http://creativecommons.org/publicdomain/zero/1.0/">CC-0</rights>',
            {"licence": "CC0-1.0", "statement": "CC-0"},
        ),
        (
            "<rights>https://example.org/terms</rights>",
            {"licence": "https://example.org/terms", "statement": "https://example.org/terms"},
        ),
    ],
)
def test_rights(element: str, rights: dict[str, object]):
    assert record_of(to_record(resource(element), {}))["rights"] == rights


def test_a_restricted_resource_is_still_found():
    from schemas.access import visible

    record = record_of(to_record(resource("<rights>proprietary</rights>"), {}))
    assert visible(record, frozenset())


@pytest.mark.parametrize(
    ("alternate", "scheme", "value"),
    [
        ("https://doi.org/10.5072/X.1", "doi", "10.5072/x.1"),
        ("10.5072/x.1", "doi", "10.5072/x.1"),
        ("https://n2t.net/ark:/12345/x", "ark", "ark:/12345/x"),
        ("hdl:20.500.1/x", "handle", "20.500.1/x"),
        ("https://ui.adsabs.harvard.edu/abs/2019A%26A...630A..80X/abstract", "bibcode", "2019A&A...630A..80X"),
        ("https://example.org/id/1", "url", "https://example.org/id/1"),
        ("isbn:978-3-16-148410-0", "isbn", "978-3-16-148410-0"),
    ],
)
def test_alternate_identifiers(alternate: str, scheme: str, value: str):
    record = record_of(to_record(resource(f"<altIdentifier>{alternate}</altIdentifier>"), {}))
    assert record["identifiers"][1:] == [{"scheme": scheme, "value": value}]


@pytest.mark.parametrize("alternate", ["doi:not a doi", "doi:garbage", "just words", "javascript:alert(1)"])
def test_bad_alternate_identifier_is_a_problem(alternate: str):
    assert codes(resource(f"<altIdentifier>{alternate}</altIdentifier>")) == [("identifiers", "mapping.bad-identifier")]


def test_a_source_in_words_is_no_relation():
    record = record_of(to_record(resource("<content><source>Smith et al., in prep.</source></content>"), {}))
    assert "relations" not in record
    assert record["extra"]["vo"]["source"] == "Smith et al., in prep."


@pytest.mark.parametrize("date", ["11-Feb-1997", "2012-13-45", "0000-00-00", "yesterday"])
def test_bad_date_is_a_problem(date: str):
    body = f"<curation><date>{date}</date><date>2012-05-01Z</date></curation>"
    mapped = to_record(resource(body), {})
    assert [(problem.field, problem.code, problem.value) for problem in mapped.problems] == [
        ("dates", "mapping.bad-date", date)
    ]
    assert record_of(mapped)["dates"] == [{"date": "2012-05-01", "type": "Other"}]


def test_wrong_orcid_leaves_the_person():
    body = "<curation><creator><name>A, B.</name><altIdentifier>https://orcid.org/0000-0002-1825-0098</altIdentifier></creator></curation>"
    assert codes(resource(body)) == [("creators", "mapping.bad-orcid")]
    assert record_of(to_record(resource(body), {}))["creators"] == [{"name": "A, B."}]


def test_text_is_plain():
    raw = resource(
        "<content><description>&lt;p&gt;One&amp;nbsp;two&lt;/p&gt;&lt;p&gt;Three <!-- hidden --> "
        "<![CDATA[a < b]]>&lt;/p&gt;</description></content>",
        title="\n  Crab &amp; Vela:\n <!-- no --> a  &lt;i&gt;study&lt;/i&gt; ",
    )
    record = record_of(to_record(raw, {}))
    assert record["title"] == "Crab & Vela: a study"
    assert record["description"] == "One two\nThree a < b"


def test_lines_are_the_sources_and_paragraphs_its_own():
    raw = resource(
        "<content><description>\n   One\n   line.\n  \n\n  Another &amp;amp; more.\n</description></content>"
    )
    assert record_of(to_record(raw, {}))["description"] == "One line.\n\nAnother & more."


# status


def test_deleted_by_header_or_by_status():
    assert to_record(oai_record(None, 'status="deleted"'), {}).record is None
    assert to_record(resource(attributes='status="deleted"', title=""), {}).record is None


def test_inactive_stays_and_says_so():
    assert record_of(to_record(resource(attributes='status="inactive"'), {}))["extra"]["vo"]["status"] == "inactive"
    assert codes(resource(attributes='status="gone"')) == [("extra.vo.status", "mapping.unknown-status")]


# coverage


def test_moc_in_another_frame_is_no_footprint():
    record = record_of(to_record(coverage('<spatial frame="Mars">1/0-3</spatial>'), {}))
    assert "footprint" not in record
    assert record["extra"]["vo"]["spatial"] == [{"frame": "Mars", "coverage": "1/0-3"}]
    assert record_of(to_record(coverage('<spatial frame="icrs">1/0-3</spatial>'), {}))["footprint"] == {"moc": "1/0-3"}


@pytest.mark.parametrize("moc", ["1/48", "99/1", "around the Crab", "3/", "CIRCLE ICRS 361 0 1", "1/5-2"])
def test_bad_region_is_a_problem(moc: str):
    mapped = to_record(coverage(f"<spatial>{moc}</spatial><waveband>Optical</waveband>"), {})
    assert [problem.field for problem in mapped.problems] == ["footprint"]
    assert moc in str(mapped.problems[0].value)
    record = record_of(mapped)
    assert "footprint" not in record
    assert record["wavebands"] == ["Optical"]


@pytest.mark.parametrize(
    ("interval", "time"),
    [
        ("50000 51000", {"min": 50000.0, "max": 51000.0}),
        ("50000 +Inf", {"min": 50000.0}),
        ("-Inf 5e4", {"max": 50000.0}),
    ],
)
def test_time(interval: str, time: dict[str, float]):
    assert record_of(to_record(coverage(f"<temporal>{interval}</temporal>"), {}))["time"] == [time]


@pytest.mark.parametrize(
    ("interval", "code"),
    [
        ("51000 50000", "mapping.bad-interval"),
        ("50000", "mapping.bad-interval"),
        ("NaN 50000", "mapping.bad-interval"),
        ("2012-01-01 2013-01-01", "mapping.bad-interval"),
        ("2450000.5 2451000.5", "mapping.wrong-unit"),
        ("1998 2004", "mapping.wrong-unit"),
    ],
)
def test_bad_time_is_a_problem_and_the_good_one_stays(interval: str, code: str):
    mapped = to_record(coverage(f"<temporal>{interval}</temporal><temporal>55000 55001</temporal>"), {})
    assert [(problem.field, problem.code, problem.value) for problem in mapped.problems] == [("time.0", code, interval)]
    assert record_of(mapped)["time"] == [{"min": 55000.0, "max": 55001.0}]


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<spectral>3e-19 2e-19</spectral>", "mapping.bad-interval"),
        ("<spectral>-1 -0.5</spectral>", "mapping.impossible-value"),
        ("<spectral>1.4e9 1.5e9</spectral>", "mapping.wrong-unit"),  # Hz
        ("<spectral>300 900</spectral>", "mapping.wrong-unit"),  # nm, or eV
        ("<waveband>Optical</waveband><spectral>3e-7 7e-7</spectral>", "mapping.wrong-unit"),  # m
        ("<spectral>300 nm</spectral>", "mapping.bad-interval"),
    ],
)
def test_bad_spectral_interval_is_a_problem(inside: str, code: str):
    mapped = to_record(coverage(inside), {})
    assert [(problem.field, problem.code) for problem in mapped.problems] == [("spectral.0", code)]
    assert "spectral" not in record_of(mapped)


def test_open_spectral_ends():
    assert record_of(to_record(coverage("<spectral>0 4e-19</spectral>"), {}))["spectral"] == [
        {"min": pytest.approx(HC / 4e-19)}
    ]
    assert record_of(to_record(coverage("<spectral>4e-19 inf</spectral>"), {}))["spectral"] == [
        {"max": pytest.approx(HC / 4e-19)}
    ]


def test_high_energy_photons_in_joule_are_believed():
    # 30 GeV to 100 TeV, a Cherenkov telescope
    record = record_of(to_record(coverage("<waveband>Gamma-ray</waveband><spectral>4.8e-9 1.6e-5</spectral>"), {}))
    assert record["spectral"][0]["max"] == pytest.approx(HC / 4.8e-9)


def test_energies_of_neutrinos_are_no_wavelengths():
    record = record_of(to_record(coverage("<waveband>Neutrino</waveband><spectral>1.6e-8 1.6e-3</spectral>"), {}))
    assert "spectral" not in record
    assert record["energy"] == [{"min": 1.6e-8, "max": 1.6e-3, "messenger": "Neutrino"}]
    both = (
        "<waveband>Neutrino</waveband><waveband>Optical</waveband>"
        "<spectral>1.6e-8 1.6e-3</spectral><spectral>2e-19 6e-19</spectral>"
    )
    record = record_of(to_record(coverage(both), {}))
    assert [len(record[name]) for name in ("energy", "spectral")] == [1, 1]


def test_wavebands_are_the_vocabularys():
    body = coverage("<waveband>gamma-ray</waveband><waveband>X-RAY</waveband><waveband>Plaid</waveband>")
    assert record_of(to_record(body, {}))["wavebands"] == ["Gamma-ray", "X-ray", "Plaid"]


def test_bad_region_of_regard_is_a_problem():
    assert codes(coverage("<regionOfRegard>-1</regionOfRegard>")) == [
        ("extra.vo.region_of_regard", "mapping.impossible-value")
    ]


# the older way to say coverage


def stc(area: str, frame: str = "ICRS") -> bytes:
    return coverage(
        f'<stc:STCResourceProfile><stc:AstroCoordSystem id="s" xlink:href="ivo://STClib/CoordSys#UTC-{frame}-TOPO"/>'
        f'<stc:AstroCoordArea coord_system_id="s">{area}</stc:AstroCoordArea></stc:STCResourceProfile>'
    )


CENTRE = "<stc:Center><stc:C1>83.6</stc:C1><stc:C2>22</stc:C2></stc:Center>"


def test_stc_all_sky():
    assert record_of(to_record(stc("<stc:AllSky/>", "FK5"), {}))["footprint"] == {"moc": "0/0-11"}


def test_stc_circle():
    raw = stc(f'<stc:Circle unit="deg">{CENTRE}<stc:Radius pos_unit="arcmin">30</stc:Radius></stc:Circle>')
    assert record_of(to_record(raw, {}))["footprint"] == {"circle": [83.6, 22.0, 0.5]}


def test_stc_box_has_its_sides_on_great_circles():
    raw = stc(f"<stc:Box>{CENTRE}<stc:Size><stc:C1>20</stc:C1><stc:C2>10</stc:C2></stc:Size></stc:Box>")
    corners = record_of(to_record(raw, {}))["footprint"]["polygon"]
    assert len(corners) == 4
    # the middle of the eastern side is half the width away from the centre, and so due east
    east = sorted(corners)[-2:]
    points = [
        (
            math.cos(math.radians(d)) * math.cos(math.radians(r)),
            math.cos(math.radians(d)) * math.sin(math.radians(r)),
            math.sin(math.radians(d)),
        )
        for r, d in [*east, (83.6, 22.0)]
    ]
    middle = [a + b for a, b in zip(points[0], points[1], strict=True)]
    norm = math.sqrt(sum(part**2 for part in middle))
    away = math.degrees(math.acos(sum(a * b for a, b in zip(middle, points[2], strict=True)) / norm))
    assert away == pytest.approx(10, abs=1e-9)


def test_stc_that_cannot_be_said_exactly_is_kept_in_words():
    record = record_of(
        to_record(
            stc(f'<stc:Circle unit="deg">{CENTRE}<stc:Radius>1</stc:Radius></stc:Circle>', "ECLIPTIC"),
            {},
        )
    )
    assert "footprint" not in record
    assert record["extra"]["vo"]["stc"] == ["Circle 83.6 22 1 deg"]


def test_stc_off_the_sky_is_a_problem():
    raw = stc(f"<stc:Circle>{CENTRE.replace('83.6', '361')}<stc:Radius>1</stc:Radius></stc:Circle>")
    assert [field for field, _ in codes(raw)] == ["footprint"]


def test_stc_time_and_spectrum():
    raw = stc(
        "<stc:TimeInterval><stc:StartTime><stc:ISOTime>2001-01-01T00:00:00</stc:ISOTime></stc:StartTime></stc:TimeInterval>"
        '<stc:SpectralInterval unit="GHz"><stc:LoLimit>1</stc:LoLimit><stc:HiLimit>2</stc:HiLimit>'
        "</stc:SpectralInterval>"
    )
    record = record_of(to_record(raw, {}))
    # UTC was 64.184 s behind TT, which is TDB to 2 ms
    assert record["time"] == [{"min": pytest.approx(51910 + 64.184 / 86400, abs=1e-7)}]
    assert record["spectral"] == [{"min": pytest.approx(0.149896229), "max": pytest.approx(0.299792458)}]


# access


@pytest.mark.parametrize("url", ["javascript:alert(1)", "not a url", "data:text/html,x", "https://a b/"])
def test_bad_url_is_a_problem(url: str):
    body = f'<capability><interface xsi:type="vr:WebBrowser"><accessURL>{url}</accessURL></interface></capability>'
    mapped = to_record(resource(body), {})
    assert [(problem.field, problem.code) for problem in mapped.problems] == [("access", "mapping.bad-url")]
    assert "access" not in record_of(mapped)


def test_impossible_capability_values_are_problems():
    body = (
        '<capability standardID="ivo://ivoa.net/std/ConeSearch" xsi:type="cs:ConeSearch"><maxSR>-1</maxSR>'
        "<maxRecords>many</maxRecords><testQuery><ra>361</ra><dec>10</dec><sr>NaN</sr></testQuery></capability>"
    )
    mapped = to_record(resource(body), {})
    name = "extra.vo.capabilities"
    assert [(problem.field, problem.code) for problem in mapped.problems] == [
        (f"{name}.max_sr", "mapping.impossible-value"),
        (f"{name}.max_records", "mapping.not-a-number"),
        (f"{name}.test_query.ra", "mapping.impossible-value"),
        (f"{name}.test_query.sr", "mapping.impossible-value"),
    ]
    assert record_of(mapped)["extra"]["vo"]["capabilities"][0]["test_query"] == {"dec": 10}


# bad documents

BOMB = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'

_NESTED = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
LAUGHS = f'<!DOCTYPE r [<!ENTITY a "ha">{_NESTED}]>'


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "bad-xml"),
        (b"   ", "bad-xml"),
        (b"<html><body>502 Bad Gateway<br></body></html>", "bad-xml"),
        (resource(FULL)[:-30], "bad-xml"),
        (
            b'<?xml version="1.0" encoding="utf-8"?>'
            + resource("<shortName>M\u00fc</shortName>").decode().encode("latin-1"),
            "bad-xml",
        ),
        (b'<?xml version="1.0" encoding="klingon"?>' + resource(title="\xfc").decode().encode("latin-1"), "bad-xml"),
        (resource(title="a&nbsp;b"), "bad-xml"),
        (BOMB.encode() + resource(title="&b;"), "hostile-xml"),
        (BOMB.encode() + resource(attributes='status="&b;"'), "hostile-xml"),
        (b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + resource(title="&x;"), "hostile-xml"),
        (b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">' + resource(), "hostile-xml"),
        (BOMB.encode() + resource()[:-30], "hostile-xml"),
        ((BOMB + resource(title="&b;").decode()).encode("utf-16"), "hostile-xml"),
        (LAUGHS.encode() + resource(attributes='status="&i;"'), "hostile-xml"),
        (resource("<deep>" * 300 + "</deep>" * 300), "bad-xml"),
        (resource(title="long " * 2_200_000), "bad-xml"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_xml(raw: bytes, code: str):
    assert refused(raw) == f"mapping.{code}"


def test_a_header_with_another_name_is_a_problem():
    raw = oai_record(resource(identifier="ivo://example.obs/other"))
    assert codes(raw) == [("identifiers", "mapping.identifier-mismatch")]


def test_other_encodings_are_read():
    text = resource("<shortName>M\u00fcller</shortName>").decode()
    for encoding in ("iso-8859-1", "utf-16"):
        raw = f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)
        assert record_of(to_record(raw, {}))["alternative_titles"] == ["Müller"]


def test_wrong_namespaces():
    vr, vs = "http://www.ivoa.net/xml/VOResource/v1.0", "http://www.ivoa.net/xml/VODataService/v1.1"
    swapped = NAMESPACES.replace(vr, "@").replace(vs, vr).replace("@", vs)
    assert refused(resource(namespaces=swapped)) == "mapping.wrong-namespace"
    assert refused(resource().replace(b"xml/RegistryInterface/", b"xml/Registry/")) == "mapping.wrong-namespace"
    assert refused(b"<a/>") == "mapping.wrong-namespace"
    dublin_core = b'<dc:dc xmlns:dc="http://www.openarchives.org/OAI/2.0/oai_dc/"/>'
    assert refused(oai_record(dublin_core)) == "mapping.wrong-namespace"
    assert refused(b'<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3"/>') == "mapping.wrong-namespace"


@pytest.mark.parametrize(
    "raw",
    [
        resource().replace(b"RegistryInterface/v1.0", b"RegistryInterface/v0.1"),
        b'<vr:Resource xmlns:vr="http://www.ivoa.net/xml/VOResource/v0.9"><vr:Title>Old</vr:Title></vr:Resource>',
        resource().replace(b"VODataService/v1.1", b"VODataService/v0.5"),
        b'<ri:Resource xmlns:ri="http://www.ivoa.net/xml/RegistryInterface/v1.0" '
        b'xmlns="http://www.ivoa.net/xml/VOResource/v0.10"><title>Old</title></ri:Resource>',
    ],
)
def test_versions_before_1_are_refused(raw: bytes):
    assert refused(raw) == "mapping.unsupported-version"
    assert refused(oai_record(raw)) == "mapping.unsupported-version"


def test_local_elements_in_the_resources_namespace_are_read():
    raw = resource(FULL).replace(b"<ri:Resource", b'<ri:Resource xmlns="http://www.ivoa.net/xml/VOResource/v1.0"')
    assert to_record(raw, {}) == to_record(resource(FULL), {})


def test_what_a_record_cannot_do_without():
    assert refused(resource(title="  ")) == "mapping.missing-title"
    assert refused(resource(title="&lt;br&gt;")) == "mapping.missing-title"
    assert refused(resource(identifier=" ")) == "mapping.no-identifier"
    assert refused(resource(identifier="http://example.org/")) == "mapping.bad-identifier"
    assert refused(oai_record(None)) == "mapping.missing-metadata"


# real records


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="no folder ../shared/data/vo with real registry records beside the checkout"
)
def test_real_records():
    seen: dict[str, int] = {}
    for path in sorted((SHARED / "voresource_v1").iterdir()):
        try:
            root = etree.fromstring(path.read_bytes())
        except etree.XMLSyntaxError:
            continue
        for element in root.iter("{*}Resource", "{*}resource"):
            try:
                mapped = to_record(etree.tostring(element), {})
            except MappingError as error:
                assert error.code == "mapping.missing-title", path.name  # two templates have an empty one
                continue
            kind = "deleted" if mapped.record is None else record_of(mapped)["kind"]
            seen[kind] = seen.get(kind, 0) + 1
    assert sum(seen.values()) > 100
    assert {"standard", "service", "registry", "authority", "organisation", "collection", "software"} <= set(seen)
