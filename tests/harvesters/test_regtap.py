"""RegTAP: against a small TAP service over SQLite that can be told to misbehave, and against a real DaCHS."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import httpx
import pytest

from harvesters.base import Begin, Page
from harvesters.registry import build
from harvesters.regtap import RegTapHarvester
from schemas.errors import SourceError

TABLES = {
    "resource": "ivoid, res_title, updated, region_of_regard REAL, creator_seq",
    "res_subject": "ivoid, res_subject",
    "capability": "ivoid, cap_index INTEGER, standard_id",
    "stc_spatial": "ivoid, coverage",
}


class Tap:
    """``limit`` rows at most in an answer; ``says``: whether it admits that with an OVERFLOW."""

    def __init__(self, count: int = 0, limit: int = 1000, says: bool = True) -> None:
        self.limit, self.says = limit, says
        self.queries: list[str] = []
        self.wrong: Callable[[str], httpx.Response | None] = lambda _: None
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.execute("ATTACH ':memory:' AS rr")
        self.db.execute("ATTACH ':memory:' AS tap_schema")
        self.db.execute("CREATE TABLE tap_schema.tables (table_name)")
        for table, columns in TABLES.items():
            self.db.execute(f"CREATE TABLE rr.{table} ({columns})")
            self.db.execute("INSERT INTO tap_schema.tables VALUES (?)", [f"rr.{table}"])
        for n in range(count):
            ivoid = f"ivo://a/{n:03}"
            self.add("resource", ivoid, f"Title {n} & <more>", "2025-01-02T03:04:05", None, "Ångström, Å.")
            for subject in ("b", "a", "c")[: n % 4]:
                self.add("res_subject", ivoid, subject)

    def __del__(self) -> None:
        self.db.close()

    def add(self, table: str, *values: Any) -> None:
        self.db.execute(f"INSERT INTO rr.{table} VALUES ({','.join('?' * len(values))})", values)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/tap/sync" and request.method == "POST"
        asked = {name.upper(): one for name, (one, *_) in parse_qs(request.content.decode()).items()}
        adql = asked["QUERY"]
        self.queries.append(adql)
        if (wrong := self.wrong(adql)) is not None:
            return wrong
        sql, limit = adql, min(self.limit, int(asked["MAXREC"]))
        if top := re.match(r"SELECT TOP (\d+) ", adql):
            sql = f"SELECT {adql[top.end() :]} LIMIT {top[1]}"
        try:
            cursor = self.db.execute(sql)
        except sqlite3.Error as error:
            return httpx.Response(200, text=votable(status="ERROR", message=str(error)))
        rows = cursor.fetchall()
        status = "OVERFLOW" if len(rows) > limit and self.says else "OK"
        columns = [name for name, *_ in cursor.description]
        return httpx.Response(200, text=votable(columns, rows[:limit], status=status))


def votable(columns: Any = (), rows: Any = (), *, status: str = "OK", message: str = "") -> str:
    """A VOTable as TAP 1.1 wants it: the overflow is told after the table."""
    types = {"region_of_regard": "double", "cap_index": "int", "n": "int"}
    fields = "".join(
        f'<FIELD name="{name.upper()}" datatype="{types.get(name, "unicodeChar")}"'
        + ("/>" if name in types else ' arraysize="*"/>')
        for name in columns
    )
    data = "".join(
        "<TR>" + "".join(f"<TD>{'' if cell is None else escape(str(cell))}</TD>" for cell in row) + "</TR>"
        for row in rows
    )
    first = "ERROR" if status == "ERROR" else "OK"
    last = f'<INFO name="QUERY_STATUS" value="{status}"/>' if status == "OVERFLOW" else ""
    table = f"<TABLE>{fields}<DATA><TABLEDATA>{data}</TABLEDATA></DATA></TABLE>" if columns else ""
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="{first}">{escape(message)}</INFO>{table}{last}'
        "</RESOURCE></VOTABLE>"
    )


def harvester(tap: Tap, page: int | None = None) -> RegTapHarvester:
    one = build("vo-regtap", {"url": "http://127.0.0.1/tap/"}, contact="a@b.test", transport=httpx.MockTransport(tap))
    assert isinstance(one, RegTapHarvester)
    if page:
        one._page = page  # the kinds of sources have no key for it
    return one


def documents(pages: list[Page]) -> list[dict[str, Any]]:
    return [json.loads(item.raw or b"") for page in pages for item in page.items]


def expected(tap: Tap) -> list[str]:
    return [ivoid for (ivoid,) in tap.db.execute("SELECT ivoid FROM rr.resource ORDER BY ivoid")]


def fails(one: RegTapHarvester) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(one.pages(Begin()))
    return caught.value


def test_a_document_holds_the_resource_and_the_rows_of_its_tables() -> None:
    tap = Tap()
    tap.add("resource", "ivo://a/B", "Zürich <&> Nguyễn", "2025-01-02T03:04:05", float("nan"), "")
    tap.add("res_subject", "ivo://a/B", "x")
    tap.add("capability", "ivo://a/B", 1, None)
    tap.add("capability", "ivo://a/other", 7, "none of ours")
    tap.add("stc_spatial", "ivo://a/B", "6/8000-8010")
    pages = list(harvester(tap).pages(Begin()))
    (item,) = pages[0].items
    assert (item.native_id, item.format, item.datestamp) == ("ivo://a/b", "regtap", "2025-01-02T03:04:05")
    assert json.loads(item.raw or b"") == {
        "ivoid": "ivo://a/B",
        "res_title": "Zürich <&> Nguyễn",
        "updated": "2025-01-02T03:04:05",
        "region_of_regard": None,
        "creator_seq": None,
        "subjects": [{"res_subject": "x"}],
        "capabilities": [{"cap_index": 1, "standard_id": None}],
        "stc_spatial": [{"coverage": "6/8000-8010"}],
    }


def test_all_pages_with_all_rows_come_and_the_last_says_done() -> None:
    tap = Tap(25)
    pages = list(harvester(tap, 10).pages(Begin()))
    found = documents(pages)
    assert [one["ivoid"] for one in found] == expected(tap)
    assert [len(one["subjects"]) for one in found] == [n % 4 for n in range(25)]
    assert [page.checkpoint["done"] for page in pages] == [False, False, False, True] and pages[0].total == 25


def test_rows_are_in_one_order_whatever_the_service_does() -> None:
    assert documents(list(harvester(Tap(4)).pages(Begin())))[3]["subjects"] == [
        {"res_subject": "a"},
        {"res_subject": "b"},
        {"res_subject": "c"},
    ]


def test_it_goes_on_after_a_kill_at_any_page() -> None:
    tap = Tap(25)
    for page in list(harvester(tap, 10).pages(Begin())):
        rest = list(harvester(tap, 10).pages(Begin(checkpoint=page.checkpoint)))
        after = page.checkpoint["after"]
        assert [one["ivoid"] for one in documents(rest)] == [ivoid for ivoid in expected(tap) if ivoid > after]
        assert rest[-1].checkpoint["done"]


@pytest.mark.parametrize("limit", [3, 4, 7])
def test_answers_that_overflow_are_split(limit: int) -> None:
    tap = Tap(25, limit=limit)
    found = documents(list(harvester(tap, 10).pages(Begin())))
    assert [one["ivoid"] for one in found] == expected(tap)
    assert [len(one["subjects"]) for one in found] == [n % 4 for n in range(25)]


def test_what_cannot_be_split_is_a_failed_harvest() -> None:
    tap = Tap(4, limit=2)  # the fourth has three subjects
    tap.db.execute("DELETE FROM tap_schema.tables WHERE table_name IN ('rr.capability', 'rr.stc_spatial')")
    assert fails(harvester(tap)).code == "source.truncated"


def test_resources_that_are_cut_without_a_word_are_all_found() -> None:
    tap = Tap(25, limit=7, says=False)
    found = documents(list(harvester(tap, 10).pages(Begin())))
    assert [one["ivoid"] for one in found] == expected(tap)
    assert [ivoid for part in harvester(tap).identifiers() for ivoid in part] == expected(tap)


def test_tables_that_the_service_lacks_are_left_out() -> None:
    tap = Tap(2)
    tap.db.execute("DROP TABLE rr.stc_spatial")
    tap.db.execute("DELETE FROM tap_schema.tables WHERE table_name = 'rr.stc_spatial'")
    assert all("stc_spatial" not in one for one in documents(list(harvester(tap).pages(Begin()))))


def test_identifiers_and_is_gone() -> None:
    tap = Tap(25, limit=7)
    tap.add("resource", "ivo://a/it's", "", "", None, "")
    one = harvester(tap)
    assert [ivoid for part in one.identifiers() for ivoid in part] == expected(tap)
    assert [one.is_gone(name) for name in ("ivo://a/003", "ivo://a/it's", "ivo://a/x' OR '1'='1")] == [
        False,
        False,
        True,
    ]


def test_every_harvest_is_one_of_everything() -> None:
    one = harvester(Tap(3))
    last = list(one.pages(Begin()))[-1]
    assert one.lists_all and not one.announces_deletions and one.since(last.checkpoint) is None


# -- what goes wrong


def test_an_adql_error_under_200_is_an_error() -> None:
    tap = Tap(3)
    tap.db.execute("DROP TABLE rr.capability")
    error = fails(harvester(tap))
    assert error.code == "source.tap-error" and "no such table" in error.detail


def test_an_adql_error_under_400_is_the_same() -> None:
    tap = Tap(3)
    tap.wrong = lambda _: httpx.Response(400, text=votable(status="ERROR", message="no, thanks"))
    error = fails(harvester(tap))
    assert error.code == "source.tap-error" and "no, thanks" in error.detail


def test_a_tap_service_without_regtap_is_said_so() -> None:
    tap = Tap()
    tap.db.execute("DELETE FROM tap_schema.tables")
    assert fails(harvester(tap)).code == "source.no-regtap"


def test_a_service_that_does_not_go_on_is_not_followed_for_ever() -> None:
    tap = Tap(25)
    again = Tap(3)
    tap.wrong = lambda adql: again(request(adql.split(" WHERE")[0])) if "rr.resource" in adql else None
    assert fails(harvester(tap, 10)).code == "source.bad-answer"


def request(adql: str) -> httpx.Request:
    return httpx.Request("POST", "http://127.0.0.1/tap/sync", data={"QUERY": adql, "MAXREC": "9"})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("<!DOCTYPE html><html>Log in</html>", "source.bad-answer"),
        ("<html><body>Log in</body></html>", "source.bad-answer"),
        ("", "source.bad-answer"),
        ("{}", "source.bad-answer"),
        (votable(["table_name"], [["rr.resource"]])[:-40], "source.truncated"),
        (votable(["table_name"], [["rr.resource"]]).replace("</TD>", "</TT>"), "source.bad-answer"),
        ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><VOTABLE>&a;</VOTABLE>', "source.hostile-xml"),
    ],
)
def test_something_else_in_place_of_a_table_is_said_so(body: str, code: str) -> None:
    tap = Tap()
    tap.wrong = lambda _: httpx.Response(200, text=body)
    assert fails(harvester(tap)).code == code


# -- a real server


@pytest.mark.real
def test_dachs(dachs_url: str) -> None:
    one = build("vo-regtap", {"url": f"{dachs_url}/tap"}, contact="test@example.org")
    one._page = 10  # type: ignore[attr-defined]  # so that 33 resources are several partitions
    found = {document["ivoid"]: document for document in documents(list(one.pages(Begin())))}
    assert len(found) == 33 and set(found) == {ivoid for part in one.identifiers() for ivoid in part}
    crab = found["ivo://asterism.rr/crab"]
    assert crab["res_title"] == "Crab pulses, größte Sammlung" and crab["region_of_regard"] == 0.5
    assert crab["stc_spatial"] == [{"coverage": "5/2000-2001 6/8008-8010 20000", "ref_system_name": None}]
    assert {(one["cap_index"], one["standard_id"]) for one in crab["capabilities"]} == {
        (1, "ivo://ivoa.net/std/conesearch"),
        (2, None),
    }
    assert "stc_spectral" not in crab and found["ivo://asterism.rr/empty"]["res_description"] is None
    assert not one.is_gone("ivo://asterism.rr/crab") and one.is_gone("ivo://asterism.rr/never")
