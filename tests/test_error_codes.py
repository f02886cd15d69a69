"""Every error code is on its page, with what to do about it, and the page has no other."""

from __future__ import annotations

import re

import pytest

from tests import error_codes
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
# rows of the tables: codes | meaning | what to do
ROWS = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \| ([^|]*) \|$", PAGE, re.MULTILINE)
LISTED = [code for codes, _, _ in ROWS for code in re.findall(r"`([^`]+)`", codes)]
GIVEN = error_codes.given()


def test_codes_of_every_area_and_form_are_found() -> None:
    codes = {one.code for one in GIVEN}
    assert len(codes) > 100
    assert {code.split(".")[0] for code in codes} == set(re.findall(r"^## `(\w+)`", PAGE, re.MULTILINE))
    seen = {
        "query.bad-sort": "an error",
        "query.unknown-field": "a function that makes the error",
        "mapping.not-finite": "an error that becomes a problem",
        "mapping.not-a-row": "a problem",
        "mapping.bad-orcid": "a problem noted by a draft",
        "import.bad-json": "an error that becomes a quarantine entry",
        "source.duplicate-identifier": "a quarantine entry",
        "source.oai-*": "an error named after the source's own",
        "harvest.count-drop": "an alarm",
        "api.internal": "an answer over HTTP",
    }
    assert {code: form for code, form in seen.items() if code not in codes} == {}


def test_no_code_is_given_in_a_way_that_cannot_be_read() -> None:
    assert error_codes.unread() == []


@pytest.mark.parametrize("one", GIVEN, ids=lambda one: one.code)
def test_every_code_is_on_the_page(one: error_codes.Given) -> None:
    assert one.code in LISTED, f"{one.place} gives {one.code}; say in docs/reference/errors.md what it means"


def test_every_code_on_the_page_can_be_given_and_is_there_once() -> None:
    assert sorted(LISTED) == [one.code for one in GIVEN]


def test_every_code_has_a_meaning_and_something_to_do() -> None:
    assert [codes for codes, meaning, advice in ROWS if not meaning.strip() or not advice.strip()] == []
