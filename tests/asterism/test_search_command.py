"""``search`` and ``show``: every form of option, every format, what is hidden."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from asterism.catalogue import LocalCatalogue
from tests.asterism.conftest import Run


def titles(run: Run, *arguments: str) -> list[str]:
    result = run("search", "--format", "jsonl", *arguments)
    assert result.exit_code == 0, result.output
    return sorted(json.loads(line)["title"].split("\x1b")[0] for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], ["Crab", "Vela"]),
        (["crab"], ["Crab"]),
        (["--kind", "dataset"], ["Vela"]),
        (["--kind=dataset"], ["Vela"]),
        (["--kind", "dataset", "--kind", "observation"], ["Crab", "Vela"]),
        (["--cone", "83.63,22.01,1"], ["Crab"]),
        (["--cone=83.63,22.01,1"], ["Crab"]),
        (["--cone", "--", "83.63,22.01,1", "crab"], ["Crab"]),
        (["--cone", "128,-45,2", "--relation", "position"], ["Vela"]),
        (["--bytes.gte", "1e3"], ["Crab"]),
        (["--bytes.lt", "1000"], ["Vela"]),
        (["--calib_level", "-1"], ["Vela"]),
        (["--calib-level.lt", "-0.5"], ["Vela"]),
        (["--extra.hess.obs_id", "23523"], ["Crab"]),
        (["--extra.hess.obs_id.gt", "23523"], []),
        (["--extra.hess.obs_id.exists", "false"], ["Vela"]),
        (["--facilities", "HESS"], ["Crab"]),
        (["--facilities.not", "HESS"], ["Vela"]),
        (["--time", "2004/2005"], ["Crab"]),
        (["--time", "53346/.."], ["Crab"]),
        (["--identifiers", "scope:vela"], ["Vela"]),
        (["--limit", "0"], []),
        (["--", "crab"], ["Crab"]),
    ],
)
def test_options_are_the_query(filled: Run, arguments: list[str], found: list[str]) -> None:
    assert titles(filled, *arguments) == found


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kinds", "dataset"], ["did you mean 'kind'", "query.unknown-field"]),
        (["--cone", "361,0,1"], ["query.bad-position"]),
        (["--cone=10,-5"], ["query.bad-value"]),
        (["--cone", "10,5,-1"], ["query.bad-radius"]),
        (["--cone"], ["'--cone' requires an argument"]),
        (["--kind", "--limit", "1"], ["'--kind' requires an argument"]),
        (["--format", "xml"], ["'xml' is not one of"]),
        (["--limit", "many"], ["query.bad-value"]),
        (["--facet", "nothing"], ["query.unknown-field"]),
        (["--cone", "1,1,1", "--cone", "2,2,2"], ["cone is given twice"]),
    ],
)
def test_a_wrong_search_exits_2(filled: Run, arguments: list[str], words: list[str]) -> None:
    result = filled("search", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr


def test_json_is_what_http_answers(filled: Run) -> None:
    answer: dict[str, Any] = json.loads(
        filled("search", "--facet", "kind", "--facet", "wavebands", "--limit", "1", "--format", "json").stdout
    )
    assert list(answer) == ["total", "items", "facets", "next", "unlocated"]
    assert answer["total"] == 2
    assert len(answer["items"]) == 1
    assert answer["facets"]["kind"] == {
        "buckets": [{"value": "dataset", "count": 1}, {"value": "observation", "count": 1}],
        "missing": 0,
    }
    assert answer["facets"]["wavebands"]["missing"] == 1
    rest = json.loads(filled("search", "--limit", "1", "--cursor", answer["next"], "--format", "json").stdout)
    assert {answer["items"][0]["title"], rest["items"][0]["title"]} == {"Crab", "Vela\x1b[31m in red"}
    assert rest["next"] is None


def test_csv(filled: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(filled("search", "crab", "--format", "csv").stdout)))
    assert [(row["title"], row["ra"], row["bytes"]) for row in rows] == [("Crab", "83.63", "1000")]


def test_votable(filled: Run) -> None:
    from astropy.io.votable import parse_single_table

    table = parse_single_table(io.BytesIO(filled("search", "crab", "--format", "votable").stdout_bytes))
    assert list(table.array["title"]) == ["Crab"]
    assert list(table.array["dec"]) == [22.01]


def test_table_is_for_people(filled: Run) -> None:
    shown = filled("search", "--facet", "kind", "--cone", "83.63,22.01,1").stdout
    assert "83.6300  22.0100" in shown
    assert shown.splitlines()[-1] == "1 of 1"
    assert "observation      1" in shown


def test_a_title_cannot_command_the_terminal(filled: Run) -> None:
    shown = filled("search", "vela").stdout
    assert "in red" in shown
    assert "\x1b" not in shown


def test_the_command_line_is_everybody(filled: Run) -> None:
    assert titles(filled, "private") == []
    assert filled("show", "10.5072/secret").exit_code == 1


def test_show_by_id_and_identifier(filled: Run) -> None:
    by_doi = json.loads(filled("show", "10.5072/a1").stdout)
    assert by_doi["title"] == "Crab"
    assert json.loads(filled("show", by_doi["id"]).stdout) == by_doi
    assert json.loads(filled("show", "scope:vela").stdout)["kind"] == "dataset"


def test_show_nothing(filled: Run) -> None:
    result = filled("show", "10.5072/none")
    assert result.exit_code == 1
    assert "asterism search" in result.stderr
    assert "[store.no-record]" in result.stderr


def test_show_asks_which(filled: Run) -> None:
    bibcode = {"scheme": "bibcode", "value": "2020A&A...640A...1X"}
    for source in ("ads", "zenodo"):
        one = {"identifiers": [{"scheme": "local", "value": source}, bibcode], "kind": "publication", "title": source}
        assert filled("import", "--source", source, "-", text=json.dumps(one)).exit_code == 0
    result = filled("show", bibcode["value"])
    assert result.exit_code == 1
    assert "ads" in result.stderr
    assert "zenodo" in result.stderr


def test_show_gives_what_two_sources_have_as_one(filled: Run) -> None:
    other = {"identifiers": [{"scheme": "doi", "value": "10.5072/a1"}], "kind": "dataset", "title": "Crab too"}
    filled("import", "--source", "zenodo", "-", text=json.dumps(other))
    shown = json.loads(filled("show", "10.5072/a1").stdout)
    assert {part["source"] for part in shown["same_as"]} == {"hess", "zenodo"}
    assert titles(filled, "crab") == [shown["title"]]
    assert titles(filled, "crab", "--collapse", "false") == ["Crab", "Crab too"]


def test_a_record_restricted_since_is_not_shown(filled: Run, config: Any) -> None:
    """The index lags behind the store for a moment; what is printed comes from the store."""
    from asterism.factory import Factory
    from asterism.settings import load
    from catalog.documents import Put

    with Factory(load(config)) as factory:
        record = factory.store.find("hess", "doi:10.5072/a1")
        assert record is not None
        factory.store.save("hess", [Put("doi:10.5072/a1", {**record, "rights": {"level": "restricted"}})])
        catalogue: LocalCatalogue = factory.catalogue
        assert catalogue.records([record["id"]]) == []
    assert titles(filled) == ["Vela"]
