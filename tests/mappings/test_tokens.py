"""The words of a text as the index keeps them: folded, stemmed, the same wherever they stand."""

from __future__ import annotations

import re
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings.tokens import MAX_TOKEN, fold, pattern_regex, patterns, spans, tokens

NAMES = {
    "H.E.S.S. observations of the Crab": ["hess", "observ", "of", "the", "crab"],
    "H.E.S.S, HESS": ["hess", "hess"],
    "J.R. Smith and J.R.Smith": ["jr", "smith", "and", "j", "r", "smith"],
    "Sgr A*": ["sgr", "a"],
    "M 31": ["m", "31"],
    "γ-ray": ["γ", "ray"],
    "α Cen": ["α", "cen"],
    "Brahe/Röntgen": ["brahe", "rontgen"],
    "Hα": ["hα"],
    "3C 273": ["3c", "273"],
    "RX J1713.7-3946": ["rx", "j1713", "7", "3946"],
    "NGC-1275": ["ngc", "1275"],
    "2MASS": ["2mass"],
    "e+e-": ["e", "e"],
    "CTA 1DC": ["cta", "1dc"],
    "user.jdoe:dataset_v1.2": ["user", "jdoe", "dataset", "v1", "2"],
    "2011A&A...534A..47A": ["2011a", "a", "534a", "47a"],
    "ivo://CDS.VizieR/J/ApJ/1": ["ivo", "cds", "vizier", "j", "apj", "1"],
    "10.5281/zenodo.7": ["10", "5281", "zenodo", "7"],
    "Kepler's and Kepler’s laws": ["kepler", "and", "kepler", "law"],
    "galaxies galaxy": ["galaxi", "galaxi"],
    "10^51 erg, 10⁻¹² Å": ["10", "51", "erg", "10", "12", "a"],
    "Ærø, Łódź, Straße, œuvre": ["aero", "lodz", "strass", "oeuvr"],
    "[O III] 1.2.3": ["o", "iii", "1", "2", "3"],
    "cafe\u0301 astro\xadnomy": ["cafe", "astronomi"],
    "ﬁeld ½": ["field", "1", "2"],
    "'": [],
    "": [],
}


@pytest.mark.parametrize("text", NAMES)
def test_names_of_this_field(text: str) -> None:
    assert tokens(text) == NAMES[text]


@given(st.text())
@example("İ ẞ ΐ ϓ ǅ ㎞ ﾞ")
@example("a.b.\u0301c.")
def test_tokens_are_plain_words(text: str) -> None:
    for token in tokens(text):
        assert 0 < len(token) <= MAX_TOKEN and token.isalnum() and not token.isspace(), token
        assert token == fold(token)


@given(st.text())
@example("İ ẞ ΐ ϓ ǅ ㎞ ｶﾞ Å")
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(st.characters(max_codepoint=0x7F) | st.sampled_from("..''s")))
@example("A.B.s's.b's.")
def test_ascii_is_read_as_anything_else_is(text: str) -> None:
    assert [*tokens(text), "γ"] == tokens(text + " γ")


@given(st.text())
def test_spans_stand_where_their_words_do(text: str) -> None:
    found = list(spans(text))
    assert [span.token for span in found] == tokens(text)
    for span in found:
        assert span.token in tokens(text[span.start : span.end])
    assert [span.start for span in found] == sorted(span.start for span in found)


@given(st.lists(st.sampled_from(list(NAMES)), max_size=5))
def test_words_of_a_list_are_those_of_its_items(texts: list[str]) -> None:
    assert tokens(" ; ".join(texts)) == [token for text in texts for token in NAMES[text]]


def test_long_words_are_cut() -> None:
    assert tokens("x" * 1000) == ["x" * MAX_TOKEN]
    assert tokens("Ä" * 1000) == ["a" * MAX_TOKEN]


@settings(deadline=None)
@given(st.integers(0, 9))
def test_threads_agree(seed: int) -> None:
    words = [
        f"{word}{'abcdefghij'[seed]}{ending}" for word in ("galax", "observ", "stell") for ending in ("ies", "ing")
    ]
    answers: list[list[str]] = []
    threads = [threading.Thread(target=lambda: answers.append(tokens(" ".join(words)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and all(answer == answers[0] for answer in answers)


PATTERNS = {
    "galaxies*": ["galaxi*"],
    "galaxy*": ["galaxy*", "galaxi*"],
    "Röntg*": ["rontg*"],
    "H*α": ["h*α"],
    "puls??s": ["puls??s"],
    "**a**b": ["*a*b"],
    "J1713.*": ["j1713*"],
    "*": ["*"],
    ".": [],
}


@pytest.mark.parametrize("text", PATTERNS)
def test_patterns(text: str) -> None:
    assert patterns(text) == PATTERNS[text]


@pytest.mark.parametrize("word", ["galaxies", "galaxy", "Observations", "Röntgen", "universities", "NGC1275", "Hα"])
def test_the_beginning_of_a_word_finds_it(word: str) -> None:
    (token,) = tokens(word)
    assert re.fullmatch(pattern_regex(f"{word}*"), token)
    assert re.fullmatch(pattern_regex(f"{word[:2]}*"), token)
    assert not re.fullmatch(pattern_regex(f"x{word}*"), token)


@given(st.text(), st.text())
def test_a_pattern_is_always_one(text: str, token: str) -> None:
    re.fullmatch(pattern_regex(text), token)
