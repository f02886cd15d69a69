"""Simple Cone Search: what the standard demands, read back by the programs that people use."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest
from astropy.io.votable import parse
from astropy.io.votable import tree as votable_tree
from lxml import etree

from schemas.errors import StoreError
from tests.api.conftest import NASTY_TITLE, MemoryCatalogue

CRAB = {"RA": "83.63", "DEC": "22.01"}
NEAR = {**CRAB, "SR": "0.0098"}  # observations 0 to 10
NAMESPACE = "{http://www.ivoa.net/xml/VOTable/v1.3}"


def xml_schema() -> etree.XMLSchema:
    file = Path(votable_tree.__file__).parent / "data" / "VOTable.v1.4.xsd"
    return etree.XMLSchema(etree.parse(str(file)))


def read(answer: httpx.Response) -> Any:
    """The VOTable of an answer, by astropy with every warning an error, once the XML Schema has taken it."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-votable+xml"
    xml_schema().assertValid(etree.fromstring(answer.content))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # the three names of UCD1 that SCS 1.03 demands are not in the UCD1+ vocabulary, which astropy holds against
        # them; as that is an exception with verify="exception", it is left at warnings, each of which is an error
        warnings.filterwarnings("ignore", r".*W06.*'(ID_MAIN|POS_EQ_RA_MAIN|POS_EQ_DEC_MAIN)'")
        return parse(io.BytesIO(answer.content), verify="warn")


def error_of(answer: httpx.Response) -> str:
    """The message of an error answer: one INFO named Error, directly under VOTABLE (section 2.3, errata 1 and 3)."""
    read(answer)
    root = etree.fromstring(answer.content)
    errors = root.findall(f".//{NAMESPACE}*[@name='Error']")
    assert [error.getparent() for error in errors] == [root]
    assert errors[0].tag == f"{NAMESPACE}INFO"
    assert root.find(f".//{NAMESPACE}TABLE") is None
    return str(errors[0].get("value"))


def rows(answer: httpx.Response) -> Any:
    return read(answer).get_first_table().array


def status(answer: httpx.Response) -> str:
    infos = etree.fromstring(answer.content).findall(f".//{NAMESPACE}INFO[@name='QUERY_STATUS']")
    return str(infos[-1].get("value"))


@pytest.mark.parametrize("verb", ["1", "2", "3"])
def test_each_verbosity_has_the_three_main_columns_once(client: httpx.Client, verb: str) -> None:
    table = read(client.get("/scs", params={**NEAR, "VERB": verb})).get_first_table()
    for ucd, datatype in (("ID_MAIN", "char"), ("POS_EQ_RA_MAIN", "double"), ("POS_EQ_DEC_MAIN", "double")):
        assert [field.datatype for field in table.fields if field.ucd == ucd] == [datatype]
    assert len(table.array) == 11


@pytest.mark.parametrize("verb", ["1", "2", "3"])
def test_the_systems_named_are_those_that_columns_are_in(client: httpx.Client, verb: str) -> None:
    text = client.get("/scs", params={**NEAR, "VERB": verb}).text
    assert set(re.findall(r'<(?:COOSYS|TIMESYS) ID="(\w+)"', text)) == set(re.findall(r' ref="(\w+)"', text)) != set()


def test_more_verbosity_means_more_columns(client: httpx.Client) -> None:
    counts = [len(read(client.get("/scs", params={**NEAR, "VERB": verb})).get_first_table().fields) for verb in "123"]
    assert counts[0] == 3 and counts[0] < counts[1] < counts[2]


def test_rows_say_what_the_records_say(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    found = rows(client.get("/scs", params={**NEAR, "VERB": "3"}))
    assert list(found["id"]) == sorted(found["id"])
    for row in found:
        record = catalogue.by_id[row["id"]]
        assert (row["ra"], row["dec"]) == (record["position"]["ra"], record["position"]["dec"])
        assert (row["t_min"], row["t_max"]) == (53345.9, 53350.5)
        assert row["bytes"] == record["bytes"]
        assert row["facilities"] == "; ".join(record["facilities"])
        assert row["rights"] == "" and row.mask["em_min"]


def test_text_that_xml_cannot_hold_does_not_break_the_table(client: httpx.Client) -> None:
    titles = set(rows(client.get("/scs", params=NEAR))["title"])
    readable = NASTY_TITLE
    for control in "\x01\x1e\x1f":
        readable = readable.replace(control, "\ufffd")
    assert readable in titles


def test_it_answers_by_stated_position_and_for_nobody_in_particular(
    client: httpx.Client, catalogue: MemoryCatalogue
) -> None:
    found = rows(client.get("/scs", params={**CRAB, "SR": "180"}))
    assert len(found) == 31  # not the one without a position, not the restricted one
    assert catalogue.asked[-1].relation == "position"
    assert catalogue.asked[-1].groups == frozenset()


@pytest.mark.parametrize("none", [{"SR": "0"}, {"MAXREC": "0"}])
def test_sr_0_and_maxrec_0_give_fields_and_no_rows(client: httpx.Client, none: dict[str, str]) -> None:
    table = read(client.get("/scs", params={**NEAR, **none})).get_first_table()
    assert len(table.array) == 0
    assert len(table.fields) > 3


def test_beyond_maxrec_it_says_overflow(client: httpx.Client) -> None:
    cut = client.get("/scs", params={**NEAR, "MAXREC": "10"})
    assert (len(rows(cut)), status(cut)) == (10, "OVERFLOW")
    whole = client.get("/scs", params={**NEAR, "MAXREC": "11"})
    assert (len(rows(whole)), status(whole)) == (11, "OK")


def test_parameter_names_have_no_case_and_unknown_ones_are_ignored(client: httpx.Client) -> None:
    found = client.get("/scs?ra=83.63&Dec=+22.01&sr=9.8e-3&RESPONSEFORMAT=votable&x=%FF%00".replace("%00", ""))
    assert len(rows(found)) == 11


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "RA"),
        ("DEC=1&SR=1", "RA"),
        ("RA=1&SR=1", "DEC"),
        ("RA=1&DEC=1", "SR"),
        ("RA=&DEC=1&SR=1", "RA"),
        ("RA=abc&DEC=1&SR=1", "RA"),
        ("RA=05:34:31&DEC=1&SR=1", "RA"),
        ("RA=NaN&DEC=1&SR=1", "RA"),
        ("RA=1&DEC=inf&SR=1", "DEC"),
        ("RA=1_0&DEC=1&SR=1", "RA"),
        ("RA=%D9%A1&DEC=1&SR=1", "RA"),
        ("RA=361&DEC=1&SR=1", "RA"),
        ("RA=-0.1&DEC=1&SR=1", "RA"),
        ("RA=1&DEC=90.0001&SR=1", "DEC"),
        ("RA=1&DEC=-91&SR=1", "DEC"),
        ("RA=1&DEC=1&SR=-1", "SR"),
        ("RA=1&DEC=1&SR=180.1", "SR"),
        ("RA=1&DEC=1&SR=1e999", "SR"),
        ("RA=1&RA=1&DEC=1&SR=1", "RA"),
        ("RA=1&ra=2&DEC=1&SR=1", "RA"),
        ("RA=1&DEC=1&SR=1&VERB=4", "VERB"),
        ("RA=1&DEC=1&SR=1&VERB=x", "VERB"),
        ("RA=1&DEC=1&SR=1&MAXREC=-1", "MAXREC"),
        ("RA=1&DEC=1&SR=1&MAXREC=1.5", "MAXREC"),
        ("RA=%00&DEC=1&SR=1", "RA"),
        ("RA=<&DEC=1&SR=1", "RA"),
    ],
)
def test_errors_are_votables_that_name_the_parameter(client: httpx.Client, query: str, named: str) -> None:
    message = error_of(client.get(f"/scs?{query}"))
    assert named in message.replace("]", " ").replace("=", " ").replace(":", " ").split()


def test_fields_of_the_search_refine_it(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    wide = {**CRAB, "SR": "1"}
    found = rows(client.get("/scs", params={**wide, "facilities": "MAGIC", "bytes.gte": "20000", "q": "Observation"}))
    assert {row["bytes"] for row in found} == {20000, 22000, 24000, 26000, 28000}
    asked = catalogue.asked[-1]
    assert (asked.text, asked.relation, asked.limit) == ("Observation", "position", 10_000)
    assert [one.field for one in asked.sort] == ["id"]
    client.get("/scs", params={**wide, "spectral": "X-ray", "extra.hess.run": "5"})
    assert [one.field for one in catalogue.asked[-1].spans] == ["spectral"]
    assert [one.field for one in catalogue.asked[-1].filters] == ["extra.hess.run"]


@pytest.mark.parametrize("ignored", ["KIND", "VERSION", "cone", "limit", "sort", "facets", "kinds"])
def test_what_is_no_field_is_ignored(client: httpx.Client, ignored: str) -> None:
    assert len(rows(client.get("/scs", params={**NEAR, ignored: "1"}))) == 11


def test_a_field_that_cannot_be_read_is_an_error(client: httpx.Client) -> None:
    assert "bytes" in error_of(client.get("/scs", params={**NEAR, "bytes.gte": "many"}))


def test_the_edges_of_the_sky_are_on_it(client: httpx.Client) -> None:
    for query in ("RA=0&DEC=-90&SR=0.1", "RA=360&DEC=-90&SR=0.1", "RA=123.4&DEC=-90.0&SR=.1"):
        assert len(rows(client.get(f"/scs?{query}"))) == 1


def test_a_huge_maxrec_is_cut_and_not_refused(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    assert len(rows(client.get("/scs", params={**NEAR, "MAXREC": "999999999"}))) == 11
    assert catalogue.asked[-1].limit == 10_000


def test_what_fails_inside_is_an_error_answer_too(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    catalogue.failure = StoreError("locked", "the store is busy; try again")
    assert error_of(client.get("/scs", params=NEAR)) == "the store is busy; try again [store.locked]"
    catalogue.failure = RuntimeError("secret detail")
    message = error_of(client.get("/scs", params=NEAR))
    assert "[api.internal]" in message and "secret" not in message


def test_pyvo_works_unchanged(url: str) -> None:
    import pyvo

    service = pyvo.dal.SCSService(f"{url}/scs")
    found = service.search((83.63, 22.01), 0.0098, verbosity=3)
    assert len(found) == 11
    assert found[0].pos.dec.deg == 22.01
    assert len(service.columns) > 3
    with pytest.raises(pyvo.dal.DALQueryError, match="SR=-1"):
        service.search((83.63, 22.01), -1)


@pytest.mark.skipif(shutil.which("stilts") is None, reason="no stilts on this machine (Debian: apt install stilts)")
def test_stilts_reads_it_and_finds_nothing_to_complain_about(url: str, client: httpx.Client, tmp_path: Path) -> None:
    search = [f"serviceurl={url}/scs", "lon=83.63", "lat=22.01", "radius=0.0098", "verb=3", "ofmt=csv"]
    found = subprocess.run(["stilts", "cone", *search], capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    assert len([line for line in found.stdout.splitlines() if ",observation," in line]) == 11
    for name, query in (("good", {**NEAR, "VERB": "3", "MAXREC": "5"}), ("bad", {"RA": "x"})):
        file = tmp_path / f"{name}.vot"
        file.write_bytes(client.get("/scs", params=query).content)
        lint = subprocess.run(["stilts", "votlint", f"votable={file}"], capture_output=True, text=True, timeout=120)
        assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")
