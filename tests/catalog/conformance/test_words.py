"""Trees of words, phrases, patterns and comparisons."""

from __future__ import annotations

import pytest

from schemas.errors import QueryError
from schemas.filters import Filter
from schemas.query import Query
from schemas.record import record_id
from schemas.text import And, Not, Or, Where, Words

from .agree import EVERYTHING, agree, ask
from .cases import TEXTS, WHERES
from .records import History


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("name", TEXTS)
def test_words(filled, name, collapse):
    engine, naive = filled
    query = Query(text=name, words=TEXTS[name], limit=EVERYTHING, collapse=collapse, groups=frozenset("a"))
    agree(engine, naive, query)


@pytest.mark.parametrize("name", list(TEXTS)[::3])
def test_words_with_everything_else(filled, name):
    engine, naive = filled
    text = "kind=dataset&cone=83.63,22.01,100&unlocated=include"
    text += "&facets=kind,creators:3&histogram=bytes&density=1&sort=-issued"
    agree(engine, naive, ask(text, text=name, words=TEXTS[name]))


@pytest.mark.parametrize("text", WHERES)
def test_what_people_type(filled, text):
    engine, naive = filled
    assert ask(text).words is not None
    agree(engine, naive, ask(text))


@pytest.mark.parametrize(
    "wanted",
    [
        Filter("kind", "eq", ("dataset", "collection")),
        Filter("kind", "not", ("dataset",)),
        Filter("bytes", "gt", ("10",)),
        Filter("issued", "eq", ("2014",)),
        Filter("time", "gte", ("50030",)),
        Filter("extra.x.n", "eq", ("1",)),
        Filter("extra.x.n", "like", ("b*",)),
        Filter("footprint", "exists", ("false",)),
        Filter("extra.x.n", "exists", ("true",)),
    ],
    ids=lambda wanted: f"{wanted.field}.{wanted.op}",
)
def test_comparisons_within_the_words(filled, wanted):
    """They are no filters: a facet of the same field keeps them."""
    engine, naive = filled
    here = Where(wanted)
    for tree in (here, Not(here), And((here, Words("pulsar"))), Or((Words("flare"), Not(here)))):
        agree(engine, naive, Query(text="x", words=tree, limit=EVERYTHING))
    agree(engine, naive, ask("facets=kind,bytes,extra.x.n&kind=dataset", text="x", words=here))


PEOPLE = {
    "a": {"title": "H.E.S.S. observations of the Crab Nebula", "creators": [{"name": "Müller, Jörg"}]},
    "b": {"title": "Pulsars", "identifiers": [{"scheme": "ivoid", "value": "ivo://org.test/cat/1"}]},
    "c": {"title": "A catalogue", "identifiers": [{"scheme": "doi", "value": "10.5281/zenodo.7"}]},
    "d": {"title": "3C 273 and NGC-1275", "identifiers": [{"scheme": "bibcode", "value": "2011A&A...534A..47A"}]},
    "e": {"title": "Sgr A* with Hα", "identifiers": [{"scheme": "rucio", "value": "user.jdoe:dataset_v1.2"}]},
}


@pytest.fixture(scope="module")
def few(maker):
    engine = maker()
    history = History()
    for key, more in PEOPLE.items():
        id = record_id("s", key)
        made = {"id": id, "source": "s", "kind": "dataset", "identifiers": [{"scheme": "x", "value": key * 3}], **more}
        engine.apply([history.change(id, made)], history.seq, "feed")
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("typed", "keys"),
    {
        "HESS crab": "a",
        "h.e.s.s.": "a",
        '"crab nebula"': "a",
        '"nebula crab"': "",
        "muller": "a",
        "MÜLLER jorg": "a",
        "pulsar": "b",
        "ivo://org.test/cat/1": "b",
        "org.test/cat": "b",
        "10.5281/zenodo.7": "c",
        "zenodo.7": "c",
        "https://doi.org/10.5281/zenodo.7": "c",
        "title:catalogue": "c",
        "catalogues -pulsars": "c",
        "3C 273": "d",
        "3C273": "",
        "NGC 1275": "d",
        "2011A&A...534A..47A": "d",
        "user.jdoe:dataset_v1.2": "e",
        "dataset_v1.2": "e",
        "Sgr A*": "e",
        "hα": "e",
        "catalog*": "c",
        "nebul? OR pulsars": "ab",
        "NOT dataset_v1.2": "abcd",
        "*": "abcde",
        "nebluae~": "a",
        "kind:dataset NOT (crab OR sgr)": "bcd",
    }.items(),
)
def test_words_find_what_people_type(few, typed, keys):
    found = few.search(ask("", **_parsed(typed)))
    assert sorted(found.ids) == sorted(record_id("s", key) for key in keys)
    assert found.total == len(keys)


def _parsed(typed):
    from schemas.query import parse

    query = parse([("q", typed)])
    return {"text": query.text, "words": query.words}


def test_words_that_cannot_be_read_are_refused_before_an_engine_is_asked():
    with pytest.raises(QueryError) as caught:
        ask("q=crab~9")
    assert caught.value.code == "query.bad-text"


@pytest.mark.parametrize("word", ["pulsr", "puslar", "nebluae", "galxy", "muler", "zzzzzzzz", "survey", "h"])
def test_words_that_are_near(filled, word):
    """What to suggest when nothing is found: up to 20 of what anybody may see."""
    engine, naive = filled
    found = engine.near(word)
    wanted = naive.near(word)
    assert len(found) == len(set(found)) <= 20
    assert set(found) <= wanted
    assert len(found) == min(20, len(wanted))
