"""What people type: the grammar of q, and what is meant by what is no grammar."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import QueryError
from schemas.filters import Filter, Op
from schemas.grammar import MAX_LENGTH, MAX_NODES, MAX_WILD, parse_text
from schemas.rewriting import MAX_DEPTH
from schemas.text import All, And, Fuzzy, Node, Not, Or, Pattern, Phrase, Where, Words, nodes


def plain(name: str, op: Op, values: list[str]) -> Filter:
    return Filter(name, op, tuple(values))


def strict(name: str, op: Op, values: list[str]) -> Filter:
    raise QueryError("bad-value", f"{name}: no", parameter=name)


def where(name: str, op: Op, value: str) -> Where:
    return Where(Filter(name, op, (value,)))


A, B, C = Words("a"), Words("b"), Words("c")

MEANT: dict[str, Node] = {
    # words and operators
    "crab": Words("crab"),
    "a b c": And((A, B, C)),
    "a AND b": And((A, B)),
    "a && b || c": Or((And((A, B)), C)),
    "a b OR c": Or((And((A, B)), C)),
    "a OR b c": Or((A, And((B, C)))),
    "(a OR b) c": And((Or((A, B)), C)),
    "a -b +c": And((A, Not(B), C)),
    "NOT a": Not(A),
    "-(a OR b)": Not(Or((A, B))),
    "a NOT b": And((A, Not(B))),
    "a and b": And((A, Words("and"), B)),
    "*": All(),
    "a\u3000b": And((A, B)),
    # phrases
    '"crab nebula"': Phrase("crab nebula"),
    "“crab nebula”": Phrase("crab nebula"),
    r'"a \"b\" \\ c"': Phrase(r'a "b" \ c'),
    '-"a b" c': And((Not(Phrase("a b")), C)),
    # fields of words
    "title:(a b)": And((Words("a", "title"), Words("b", "title"))),
    "creators:Röntgen": Words("Röntgen", "creators"),
    'title:"crab nebula"': Phrase("crab nebula", "title"),
    "Title:a": Words("a", "title"),
    "title:puls*": Pattern("puls*", "title"),
    "title:*": where("title", "exists", "true"),
    # fields to compare
    "kind:dataset": where("kind", "eq", "dataset"),
    "kind:(dataset OR file)": Or((where("kind", "eq", "dataset"), where("kind", "eq", "file"))),
    "-kind:dataset": Not(where("kind", "eq", "dataset")),
    'publisher:"CDS, Strasbourg"': where("publisher", "eq", "CDS, Strasbourg"),
    "facilities:MEER*": where("facilities", "like", "MEER*"),
    r"publisher:a\*b": where("publisher", "eq", "a*b"),
    "bytes:>1e9": where("bytes", "gt", "1e9"),
    "bytes:<= 5": where("bytes", "lte", "5"),
    "bytes:[1 TO 5]": And((where("bytes", "gte", "1"), where("bytes", "lte", "5"))),
    "bytes:{1 TO *}": where("bytes", "gt", "1"),
    "bytes:[* TO 5}": where("bytes", "lt", "5"),
    "bytes:[* TO *]": where("bytes", "exists", "true"),
    "position.dec:[-5 TO -2.5]": And((where("position.dec", "gte", "-5"), where("position.dec", "lte", "-2.5"))),
    "position.dec:>-5": where("position.dec", "gt", "-5"),
    "issued:[2014 TO 2016]": And((where("issued", "gte", "2014"), where("issued", "lte", "2016"))),
    "issued:>2014-01-01T00:00:00Z": where("issued", "gt", "2014-01-01T00:00:00Z"),
    'issued:["2014-01-01 10:00" TO *]': where("issued", "gte", "2014-01-01 10:00"),
    "extra.lofar.n_beams:>5": where("extra.lofar.n_beams", "gt", "5"),
    "extra.x:a*": where("extra.x", "like", "a*"),
    "kind:*": where("kind", "exists", "true"),
    "footprint:*": where("footprint", "exists", "true"),
    "(footprint:*)": where("footprint", "exists", "true"),
    "footprint:x": Phrase("footprint:x"),
    # patterns and typing errors
    "galax*": Pattern("galax*"),
    "gal?xy": Pattern("gal?xy"),
    "gamma-ra*": And((Words("gamma"), Pattern("ra*"))),
    "pulsr~": Fuzzy("pulsr", 2),
    "title:pulsr~1": Fuzzy("pulsr", 1, "title"),
    # identifiers, whole and in part
    "ivo://cds.vizier/J/ApJ/1": Phrase("ivo://cds.vizier/J/ApJ/1"),
    "ivo://cds.vizier/*": Phrase("ivo://cds.vizier"),
    "ivo://cds.vizier/j/ap*": And((Phrase("ivo://cds.vizier/j"), Pattern("ap*"))),
    "10.5281/zenodo.7": Phrase("10.5281/zenodo.7"),
    "doi:10.5281/zenodo.7": Phrase("10.5281/zenodo.7"),
    "https://doi.org/10.5281/zenodo.7": Phrase("10.5281/zenodo.7"),
    "arXiv:2012.01234": Phrase("2012.01234"),
    "user.jdoe:dataset_v1.2": Phrase("user.jdoe:dataset_v1.2"),
    "user.jdoe:data*": And((Phrase("user.jdoe"), Pattern("data*"))),
    "2011A&A...534A..47A": Phrase("2011A&A...534A..47A"),
    "a:b:c": Phrase("a:b:c"),
    "identifiers:10.5281/zenodo.7": Phrase("10.5281/zenodo.7", "identifiers"),
    "-ivo://x/y": Not(Phrase("ivo://x/y")),
    # names of this field
    "H.E.S.S.": Phrase("H.E.S.S."),
    "Sgr A*": And((Words("Sgr"), Words("A"))),
    "M 31": And((Words("M"), Words("31"))),
    "γ-ray": Phrase("γ-ray"),
    "Brahe/Röntgen": Phrase("Brahe/Röntgen"),
    "RX J1713.7-3946": And((Words("RX"), Phrase("J1713.7-3946"))),
    "e+e-": Phrase("e+e"),
    "[O III] 5007": And((Words("O"), Words("III"), Words("5007"))),
    "CO(2-1)": And((Words("CO"), Phrase("2-1"))),
    "10^51 erg": And((Phrase("10^51"), Words("erg"))),
    "~100 GeV": And((Words("100"), Words("GeV"))),
    "R~1000": Phrase("R~1000"),
    # what is plainly meant
    "Brahe & Kepler - a life": And((Words("Brahe"), Words("Kepler"), A, Words("life"))),
    '"crab nebula': And((Words("crab"), Words("nebula"))),
    '10" seeing': And((Words("10"), Words("seeing"))),
    "(a (b": And((A, B)),
    "a) b)": And((A, B)),
    "() a": A,
    "a AND": A,
    "OR a": A,
    "a AND OR b": And((A, B)),
    "(a -) b": And((A, B)),
    "title:": Words("title"),
    "title: a": And((Words("title"), A)),
    "a\\": A,
    "a\0b": And((A, B)),
    "O'Neill": Phrase("O'Neill"),
    "a '": A,
    "cafe\u0301": Words("café"),
}

REFUSED = [
    *("", "  ", "'", '"', "()", "OR", "NOT", "-", "!!!", "title:-", "title:()", "bytes:>", '""', r"\*"),
    *('"a b"~3', '"a b"^2', "crab^2", "(a b)^2", "pulsar~3", "pulsar~0.8", "3C-273~", "kind:a~1 b~9", "title:[a TO b]"),
    *("a*" * 6, "*a????", "a" + "?" * 21, "a" * 50 + "*"),
    *("aa* " * (MAX_WILD + 1), "a~ " * (MAX_WILD + 1), "kind:a* " * (MAX_WILD + 1), "kind:a*b*c*d*e*f*"),
    *("a " * MAX_LENGTH, "a " * (MAX_NODES + 1), "(" * (MAX_DEPTH + 1) + "a", "NOT " * (MAX_DEPTH + 1) + "a"),
]


@pytest.mark.parametrize("q", MEANT)
def test_what_is_typed_is_what_is_meant(q: str) -> None:
    assert parse_text(q, plain) == MEANT[q]


@pytest.mark.parametrize("q", REFUSED)
def test_what_cannot_be_understood_is_refused(q: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_text(q, plain)
    assert caught.value.code == "query.bad-text" and caught.value.context["parameter"] == "q"


def test_a_bad_comparison_is_the_fault_of_q() -> None:
    with pytest.raises(QueryError) as caught:
        parse_text("crab bytes:>many", strict)
    assert caught.value.code == "query.bad-value" and caught.value.context["parameter"] == "q"


def test_within_the_limits() -> None:
    assert len(list(nodes(parse_text("a " * (MAX_NODES - 1), plain)))) == MAX_NODES
    assert parse_text("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH, plain) == A
    deep = parse_text("NOT " * MAX_DEPTH + "a", plain)
    assert len(list(nodes(deep))) == MAX_DEPTH + 1


def test_threads_parse_apart() -> None:
    asked = list(MEANT) * 3
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda q: parse_text.__wrapped__(q, plain), asked))
    assert found == [MEANT[q] for q in asked]


PIECES = st.sampled_from(
    [
        *MEANT,
        *"()[]{}:\"'\\+-*?~^&|<>=/. ",
        "AND",
        " OR ",
        " NOT ",
        " TO ",
        "&&",
        "||",
        "title:",
        "bytes:",
        "kind:",
        "~1",
        "^2",
    ]
)


@settings(deadline=None)
@given(st.text() | st.lists(PIECES, max_size=12).map("".join))
@example("title:\\")
@example("kind:&&")
@example("(title:)")
@example("bytes:[ TO TO TO ]")
@example("kind:\ud800")
@example("\x85a\u2028b\\\u2029")
def test_nothing_but_a_query_error(q: str) -> None:
    for made in (plain, strict):
        try:
            tree = parse_text.__wrapped__(q, made)
        except QueryError as error:
            assert error.context["parameter"] == "q"
        else:
            assert all(node.text for node in nodes(tree) if isinstance(node, Words | Phrase | Pattern | Fuzzy))


def test_no_q_takes_long() -> None:
    started = time.perf_counter()
    for q in ("issued:[" + "\\" * 38 + " x", "a" * MAX_LENGTH, "a^" * (MAX_LENGTH // 2), "a~" * (MAX_LENGTH // 2)):
        with contextlib.suppress(QueryError):
            parse_text.__wrapped__(q, plain)
    assert time.perf_counter() - started < 2


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", '"x y"', "kind:z", "p*"]), min_size=1, max_size=6), st.data())
def test_stray_signs_change_nothing(words: list[str], data: st.DataObject) -> None:
    strays = st.sampled_from(["'", " - ", " & ", " ) ", " () ", " ; ", " \x00 "])
    untidy = "".join(f" {word} {data.draw(strays)} " for word in words)
    assert parse_text(untidy, plain) == parse_text(" ".join(words), plain)
