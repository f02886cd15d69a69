"""The feed is what RFC 4287 asks for, whatever the records hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mappings.atom import MAX_SUMMARY, Feed, atom, entry_id

NS = {"a": "http://www.w3.org/2005/Atom"}
AT = "2026-01-01T00:00:00Z"
FEED = Feed("Asterism: crab", "https://a.example/saved/crab/atom", "https://a.example/saved/crab/search?a=1&b=2", AT)


def record(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": "0123456789abcdef",
        "source": "lake",
        "identifiers": [{"scheme": "doi", "value": '10.5072/a<"b>&c d'}],
        "kind": "dataset",
        "title": "Crab",
    }
    return made | more


def read(*records: dict[str, Any]) -> Any:
    page = "https://a.example/r?x=1&y=2"
    return etree.fromstring(atom(FEED, [(one, AT, page) for one in records]))


def text(entry: Any, name: str) -> str:
    return str(entry.findtext(f"a:{name}", namespaces=NS))


def test_a_feed_and_each_entry_have_what_they_must() -> None:
    root = read(record(), record(id="fedcba9876543210"))
    for one in (root, *root.findall("a:entry", NS)):
        for name in ("id", "title", "updated"):
            assert len(one.findall(f"a:{name}", NS)) == 1
        assert one.find("a:link[@rel='alternate']", NS) is not None
    assert root.find("a:author/a:name", NS) is not None
    assert root.find("a:link[@rel='self']", NS).get("href") == text(root, "id") == FEED.address
    assert root.find("a:link[@rel='alternate']", NS).get("href") == FEED.page
    ids = [text(entry, "id") for entry in root.findall("a:entry", NS)]
    assert len(set(ids)) == 2


def test_the_id_of_an_entry_is_its_record_s_for_ever() -> None:
    assert entry_id(record(title="other")) == entry_id(record())
    assert entry_id(record()) == "urn:uuid:8802d62c-7d12-582e-9fa1-b385183f97f0"


def test_the_thing_itself_is_linked() -> None:
    urls = ["https://a.example/f?a=1&b=2", "ftp://a.example/f", "javascript:alert(1)"]
    entry = read(record(access=[{"url": url} for url in urls])).find("a:entry", NS)
    related = [link.get("href") for link in entry.findall("a:link[@rel='related']", NS)]
    assert related == ["https://doi.org/10.5072/a%3C%22b%3E%26c%20d", urls[0]]


@pytest.mark.parametrize(
    ("more", "summary"),
    [
        ({"description": " one\n two "}, "one two"),
        ({}, 'dataset of lake: 10.5072/a<"b>&c d'),
        ({"description": "word " * 400}, None),
    ],
)
def test_the_summary_is_short(more: dict[str, Any], summary: str | None) -> None:
    said = text(read(record(**more)).find("a:entry", NS), "summary")
    assert said == summary if summary else (len(said) <= MAX_SUMMARY + 2 and said.endswith("word \u2026"))


@given(st.text(min_size=1), st.text())
def test_any_text_makes_well_formed_xml(title: str, description: str) -> None:
    entry = read(record(title=title, description=description, creators=[{"name": title}])).find("a:entry", NS)
    printable = "".join(letter for letter in title if letter.isalnum())
    assert printable in "".join(letter for letter in text(entry, "title") if letter.isalnum())
