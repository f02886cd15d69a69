"""Highlights mark what the engines match, and nothing else; did-you-mean spells as the records do."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.edits import edits
from mappings.highlight import SNIPPET, highlights
from mappings.suggest import asked_words, did_you_mean
from mappings.tokens import tokens
from schemas.filters import Filter, Op
from schemas.grammar import parse_text
from schemas.text import And, Not, Phrase, Words


def comparison(name: str, op: Op, values: list[str]) -> Filter:
    return Filter(name, op, tuple(values))


def record(**fields: Any) -> dict[str, Any]:
    return {"id": "0" * 16, "source": "s", "kind": "dataset", "identifiers": [{"scheme": "x", "value": "x"}], **fields}


CRAB = record(
    title="H.E.S.S. observations of the Crab Nebula <flux & spectra>",
    description="We saw γ-rays of RX J1713.7-3946, Röntgen's star, NGC-1275 and Sgr A*; galaxies in Hα.",
    creators=[{"name": "Brahe, Tycho"}, {"name": "Röntgen, Wilhelm"}],
    identifiers=[
        {"scheme": "ivoid", "value": "ivo://org.test/J/ApJ/1"},
        {"scheme": "doi", "value": "10.5281/zenodo.7"},
    ],
)

MARKED = {
    "hess": {"title": ["H.E.S.S."]},
    "observation crab": {"title": ["observations", "Crab"]},
    '"crab nebula"': {"title": ["Crab Nebula"]},
    '"nebula crab"': {},
    "rontgen": {"description": ["Röntgen&#x27;s"], "creators": ["Röntgen"]},
    "creators:rontgen": {"creators": ["Röntgen"]},
    "γ-ray": {"description": ["γ-rays"]},
    "J1713.7-3946": {"description": ["J1713.7-3946"]},
    '"rx j1713"': {"description": ["RX J1713"]},
    "ngc 1275": {"description": ["NGC", "1275"]},
    "galaxy*": {"description": ["galaxies"]},
    "Hα": {"description": ["Hα"]},
    "neb?la": {"title": ["Nebula"]},
    "carb~1": {"title": ["Crab"]},
    "ivo://org.test/J/ApJ/*": {"identifiers": ["ivo://org.test/J/ApJ"]},
    "zenodo.7": {"identifiers": ["zenodo.7"]},
    "crab -nebula": {"title": ["Crab"]},
    "spectra kind:dataset": {"title": ["spectra"]},
    "absent": {},
    "*": {},
}


@pytest.mark.parametrize("q", MARKED)
def test_what_matches_is_marked(q: str) -> None:
    found = highlights(CRAB, parse_text(q, comparison))
    assert {field: re.findall("<mark>(.*?)</mark>", text) for field, text in found.items()} == MARKED[q]


def test_texts_are_escaped() -> None:
    title = highlights(CRAB, Words("flux"))["title"]
    assert title == "H.E.S.S. observations of the Crab Nebula &lt;<mark>flux</mark> &amp; spectra&gt;"


def test_long_texts_give_the_piece_with_the_most_matches() -> None:
    filler = "nothing to see here " * 30
    long = record(description=f"A crab. {filler}The crab pulsar in the crab nebula. {filler}")
    piece = highlights(long, parse_text("crab pulsar", comparison))["description"]
    assert piece.count("<mark>") == 3 and piece.startswith("…") and piece.endswith("…")
    assert SNIPPET / 2 < len(piece) < SNIPPET + 60
    assert all(word in filler + "The" for word in (piece[1:].split()[0], piece[:-1].split()[-1]))


def test_many_matches_take_no_long_time() -> None:
    started = time.perf_counter()
    highlights(record(description="the seen eel " * 2000), parse_text("*e*", comparison))
    assert time.perf_counter() - started < 1


def test_an_alternative_title_is_shown_where_it_matches() -> None:
    both = record(title="M 1", alternative_titles=["Crab"])
    assert highlights(both, Words("crab")) == {"title": "<mark>Crab</mark>"}
    assert highlights(both, Words("m")) == {"title": "<mark>M</mark> 1"}


_TEXT = st.lists(
    st.sampled_from(["crab", "Crab's", "<b>", "&amp;", "nebula", "γ", "½", "H.E.S.S.", "é", "x" * 250, "…"])
)


@settings(deadline=None)
@given(_TEXT.map(" ".join) | st.text(), _TEXT.map(" ".join))
def test_a_highlight_is_a_piece_of_the_text_with_marks_on_words_asked(text: str, asked: str) -> None:
    found = highlights(record(description=text), And((Words(asked), Phrase("crab nebula"), Not(Words("é")))))
    wanted = set(tokens(asked)) | {"crab", "nebula"}
    assert ("description" in found) == (
        bool(set(tokens(text)) & set(tokens(asked))) or " crab nebula " in f" {' '.join(tokens(text))} "
    )
    if "description" in found:
        piece = found["description"]
        plain = html.unescape(re.sub("</?mark>", "", piece))
        bare = plain.removeprefix("…") if not text.startswith(plain) else plain
        assert bare in text or bare.removesuffix("…") in text
        marks = re.findall("<mark>(.*?)</mark>", piece, re.DOTALL)
        assert marks and all(set(tokens(html.unescape(mark))) <= wanted for mark in marks)
        assert "<" not in re.sub("</?mark>", "", piece)


def _edits(one: str, other: str) -> int:
    """By the definition."""
    if not one or not other:
        return len(one) + len(other)
    best = [_edits(one[1:], other) + 1, _edits(one, other[1:]) + 1, _edits(one[1:], other[1:]) + (one[0] != other[0])]
    if one[:2] == other[1::-1] and len(one) > 1 and len(other) > 1:
        best.append(_edits(one[2:], other[2:]) + 1)
    return min(best)


@settings(deadline=None)
@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(0, 3))
def test_edits(one: str, other: str, limit: int) -> None:
    assert min(edits(one, other, limit), limit + 1) == min(_edits(one, other), limit + 1)


NEAR = [
    record(title="The Crab Nebula and another nebula"),
    record(title="Nebula of Röntgen", description="Nebulas, pulsars"),
    record(title="nebular lines", subjects=[{"term": "Pulsars"}, {"term": "H.E.S.S. 3C273"}]),
]


@pytest.mark.parametrize(
    ("q", "words", "meant"),
    [
        ("crab nebulla", ["nebulla"], "crab nebula"),
        ("Nebulla", ["Nebulla"], "Nebula"),
        ('title:"crab nebulla" nebullas', ["nebulla"], 'title:"crab nebula" nebullas'),
        ("rontgne", ["rontgne"], "röntgen"),
        ("carb pulsrs", ["carb", "pulsrs"], "crab pulsars"),
        ("galaxy", ["galaxy"], None),
        ("nebula", [], None),
        ("crbx", ["crbx"], None),
    ],
)
def test_did_you_mean(q: str, words: list[str], meant: str | None) -> None:
    assert did_you_mean(q, dict.fromkeys(words, NEAR)) == meant


def test_words_that_may_be_misspelt() -> None:
    tree = parse_text(
        'crab "Crab nebula" Kepler\'s NGC1275 γ-ray -pulsar M 31 gal* title:bow~1 kind:dataset crab', comparison
    )
    assert asked_words(tree) == ["crab", "Crab", "nebula", "Kepler", "ray"]


@given(st.text(), st.text())
def test_no_text_is_too_odd(q: str, text: str) -> None:
    did_you_mean(q, {word: [record(title=text)] for word in asked_words(Phrase(q))})
