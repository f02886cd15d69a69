"""Words in tantivy: what is typed finds what it should, by the tree and the tokens, checked against brute force."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.words import Words as WordIndex
from catalog.words import find, near
from mappings.tokens import pattern_regex, tokens
from schemas.filters import Filter
from schemas.grammar import parse_text
from schemas.text import TEXT_FIELDS, All, And, Fuzzy, Node, Not, Or, Pattern, Phrase, Where, Words

TEXTS: list[dict[str, list[str]]] = [
    {"title": ["H.E.S.S. observations of the Crab Nebula"], "creators": ["Röntgen, Wilhelm", "Brahe, Tycho"]},
    {"title": ["Sgr A*", "Galactic Centre"], "description": ["Flares of Sgr A* in γ-rays"]},
    {"title": ["M 31"], "identifiers": ["ivo://cds.vizier/J/ApJ/1"], "description": ["galaxies in Hα"]},
    {"title": ["M 33"], "identifiers": ["ivo://cds.vizier/J/ApJ/12"], "other": ["the galaxy"]},
    {"title": ["RX J1713.7-3946"], "identifiers": ["10.5281/zenodo.7", "2011A&A...534A..47A"]},
    {"title": ["NGC-1275", "Perseus"], "subjects": ["Active galactic nuclei"], "other": ["2MASS"]},
    {"title": ["3C 273"], "identifiers": ["user.jdoe:dataset_v1.2"], "other": ["α Cen", "e+e-"]},
    {"title": ["CTA 1DC"], "description": ["Kepler's supernova; a nebula"], "subjects": ["Pulsars", "Crab"]},
    {"title": ["Crab"], "other": ["pulsar wind"], "creators": ["Brahe"]},
    {"description": ["x" * 300], "identifiers": ["𝔘nicode ½"]},
    {},
]


def comparison(name: str, op: str, values: list[str]) -> Filter:
    raise AssertionError(name)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordIndex]:
    made = WordIndex(tmp_path_factory.mktemp("words"), create=True)
    made.open_writer(0)
    for seq, text in enumerate(TEXTS):
        made.add(seq, text)
    made.commit()
    yield made
    made.close()


FOUND = {
    "crab": {0, 7, 8},
    "hess": {0},
    "H.E.S.S.": {0},
    "crab nebula": {0, 7},
    '"crab nebula"': {0},
    '"nebula crab"': set(),
    '"tycho brahe"': set(),
    '"wilhelm brahe"': set(),
    "rontgen": {0},
    "RÖNTGEN/Wilhelm": {0},
    "creators:brahe": {0, 8},
    "creators:brahe title:crab": {0, 8},
    "title:(crab -nebula)": {8},
    "description:nebula": {7},
    "-crab": {1, 2, 3, 4, 5, 6, 9, 10},
    "*": set(range(len(TEXTS))),
    "NOT *": set(),
    "crab OR -nebula": {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
    "pulsars": {7, 8},
    "galaxy": {2, 3},
    "galaxies*": {2, 3},
    "galaxy*": {2, 3},
    "galax*": {2, 3},
    "gal*": {1, 2, 3, 5},
    "g?l*": {1, 2, 3, 5},
    "title:gal*": {1},
    "Sgr A*": {1},
    "γ-ray": {1},
    "Hα": {2},
    "α Cen": {6},
    "3C 273": {6},
    "e+e-": {6},
    "J1713.7-3946": {4},
    "RX J1713": {4},
    "NGC 1275": {5},
    "ngc1275": set(),
    "2mass": {5},
    "CTA 1DC": {7},
    "Kepler": {7},
    "ivo://CDS.VizieR/J/ApJ/1": {2},
    "ivo://cds.vizier/*": {2, 3},
    "ivo://cds.vizier/J/ApJ/1*": {2, 3},
    "doi:10.5281/zenodo.7": {4},
    "zenodo.7": {4},
    "2011A&A...534A..47A": {4},
    "user.jdoe:dataset_v1.2": {6},
    "jdoe:dataset": {6},
    "user.jdoe:*": {6},
    "krab~1": {0, 7, 8},
    "carb~1": {0, 7, 8},
    "nebbulla~": {0, 7},
    "nebbulla~1": set(),
    "rontgne~1": {0},
    "x" * 200: {9},
    "½": {9},
    "unicode": {9},
}


@pytest.mark.parametrize("q", FOUND)
def test_what_is_typed_finds(words: WordIndex, q: str) -> None:
    seqs, scores = find(words.searcher(), words.schema, parse_text(q, comparison))
    assert set(seqs.tolist()) == FOUND[q]
    assert seqs.tolist() == sorted(seqs.tolist()) and len(scores) == len(seqs)


def test_a_text_of_no_words_is_found_nowhere(words: WordIndex) -> None:
    for tree in (Words("ﾞ"), Phrase("-"), Pattern("."), Fuzzy("'", 1)):
        assert find(words.searcher(), words.schema, tree)[0].tolist() == []
        assert len(find(words.searcher(), words.schema, Not(tree))[0]) == len(TEXTS)


def test_comparisons_are_not_for_words(words: WordIndex) -> None:
    with pytest.raises(TypeError):
        find(words.searcher(), words.schema, And((All(), Where(Filter("kind", "eq", ("dataset",))))))


def test_a_title_counts_for_more_than_a_description(words: WordIndex) -> None:
    seqs, scores = find(words.searcher(), words.schema, Words("nebula"))
    assert dict(zip(seqs.tolist(), scores.tolist(), strict=True))[0] > max(
        s for n, s in zip(seqs, scores, strict=True) if n
    )


def test_near_words_nearest_first(words: WordIndex) -> None:
    assert near(words.searcher(), words.schema, "nebulla")[:2] in ([0, 7], [7, 0])
    assert near(words.searcher(), words.schema, "perseuss") == [5]
    assert len(near(words.searcher(), words.schema, "krab", 2)) == 2
    assert near(words.searcher(), words.schema, "zzzzzzzz") == near(words.searcher(), words.schema, "'") == []


def _edits(one: str, other: str) -> int:
    """Optimal string alignment, by its definition."""
    if not one or not other:
        return len(one) + len(other)
    best = min(
        _edits(one[1:], other) + 1, _edits(one, other[1:]) + 1, _edits(one[1:], other[1:]) + (one[0] != other[0])
    )
    if len(one) > 1 and len(other) > 1 and one[0] == other[1] and one[1] == other[0]:
        best = min(best, _edits(one[2:], other[2:]) + 1)
    return best


def _matches(tree: Node, text: dict[str, list[str]]) -> bool:
    match tree:
        case And(parts):
            found = all(_matches(part, text) for part in parts)
        case Or(parts):
            found = any(_matches(part, text) for part in parts)
        case Not(part):
            found = not _matches(part, text)
        case All():
            found = True
        case _:
            assert isinstance(tree, Words | Phrase | Pattern | Fuzzy)
            found = _holds(tree, [tokens(v) for f in TEXT_FIELDS if tree.field in (None, f) for v in text.get(f, [])])
    return found


def _holds(leaf: Words | Phrase | Pattern | Fuzzy, values: list[list[str]]) -> bool:
    each = {token for value in values for token in value}
    asked = tokens(leaf.text)
    match leaf:
        case Words():
            return bool(asked) and all(token in each for token in asked)
        case Phrase():
            size = len(asked)
            return bool(asked) and any(v[n : n + size] == asked for v in values for n in range(len(v)))
        case Pattern(text=pattern):
            regex = pattern_regex(pattern)
            return bool(regex) and any(re.fullmatch(regex, token) for token in each)
        case Fuzzy(distance=distance):
            return bool(asked) and any(_edits(asked[0], one) <= distance for one in each if len(one) < 8)


_VOCABULARY = ["crab", "nebula", "M", "31", "Sgr A*", "galaxies", "γ-ray", "brahe", "cds", "ivo", "1", "J/ApJ", "J", ""]
_FIELDS = st.sampled_from([None, None, "title", "description", "creators", "identifiers"])
_LEAVES = (
    st.builds(Words, st.sampled_from(_VOCABULARY), _FIELDS)
    | st.builds(Phrase, st.lists(st.sampled_from(_VOCABULARY), max_size=3).map(" ".join), _FIELDS)
    | st.builds(Pattern, st.text("crabgl*?13γ", max_size=5), _FIELDS)
    | st.builds(Fuzzy, st.sampled_from(["carb", "krab", "neb", "33", "galaxxy", "r"]), st.sampled_from([1, 2]), _FIELDS)
    | st.just(All())
)
_TREES: st.SearchStrategy[Node] = st.recursive(
    _LEAVES,
    lambda inner: (
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=300)
@given(_TREES)
def test_any_tree_finds_what_it_says(words: WordIndex, tree: Node) -> None:
    seqs, _ = find(words.searcher(), words.schema, tree)
    assert set(seqs.tolist()) == {n for n, text in enumerate(TEXTS) if _matches(tree, text)}
