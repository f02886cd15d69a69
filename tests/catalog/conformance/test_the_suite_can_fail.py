"""The suite itself: its cases tell records apart, and an engine that is wrong in one thing is found out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalog.engine import Answer, Bucket, FacetCounts, HistogramCounts
from schemas.filters import Filter
from schemas.query import Interval, Query, Region, Sort
from schemas.text import And, Node, Not, Or, Pattern, Phrase, Words

from . import cases, texts
from . import naive as slow
from .agree import EVERYTHING, agree, ask
from .naive import Naive

_FAMILIES: dict[str, Callable[[], list[Query]]] = {
    "filters": lambda: [ask(text) for text in cases.FILTERS],
    "groups": lambda: [ask(text, groups=frozenset("a")) for text in cases.FILTERS[:8]],
    "likes": lambda: [Query(filters=(Filter(f, "like", p),), limit=EVERYTHING) for f, p in cases.LIKES],
    "spans": lambda: [ask(text) for text in cases.SPANS],
    "regions": lambda: [
        replace(ask("limit=10000"), region=Region(footprint), relation=relation)
        for footprint in list(cases.REGIONS.values())[2::7]
        for relation in cases.RELATIONS
    ],
    "unlocated": lambda: [ask("cone=0,0,2&kind=dataset&unlocated=include")],
    "covered": lambda: [
        replace(ask("cone=83.63,22.01,2"), **more)
        for more in ({"covered": Interval(0.5, 1.0)}, {"sort": (Sort("covered", True),)})
    ],
    "facets": lambda: [ask(text) for text in cases.FACETS],
    "histograms": lambda: [ask(text) for text in cases.HISTOGRAMS],
    "densities": lambda: [ask(text) for text in cases.DENSITIES],
    "sorts": lambda: [ask(f"cone=83.63,22.01,120&sort={sort}") for sort in cases.SORTS if "covered" not in sort],
    "pages": lambda: [ask("sort=-bytes", limit=7), ask("", limit=7)],
    "last page": lambda: [ask("")],
    "after": lambda: [ask("", after=200)],
    "collapse": lambda: [ask("", collapse=view) for view in (True, False)],
    "texts": lambda: [Query(text=name, words=tree, limit=EVERYTHING) for name, tree in cases.TEXTS.items()],
    "wheres": lambda: [ask(text) for text in cases.WHERES],
    "merged": lambda: [ask("source=lake"), ask("facets=source")],
}


class Broken(Naive):
    """An engine that is right but for ``wrong``: a change of the question, of the answer, or of the code."""

    def __init__(self, right: Naive, **wrong: Any) -> None:
        super().__init__(right.now)
        self.words = right.words
        self.decide = lambda one: False
        self.wrong = wrong

    def search(self, query: Query) -> Answer:
        query = self.wrong.get("query", lambda asked: asked)(query)
        with _patched(self.wrong.get("patch", {})):
            found = super().search(query)
        return self.wrong.get("answer", lambda made: made)(found)

    def facet(self, query: Query, facet: Any) -> FacetCounts:
        if "facet" in self.wrong:
            query, facet = self.wrong["facet"](query, facet)
        return super().facet(query, facet)

    def matching(self, query: Query, without: str | None = None, *, sky: bool = True) -> list[str]:
        return super().matching(query, None if self.wrong.get("own") else without, sky=sky)

    def key(self, one: str, query: Query, sort: Sort) -> float:
        return self.wrong.get("key", lambda key: key)(super().key(one, query, sort))


@contextlib.contextmanager
def _patched(changes: dict[tuple[Any, str], Any]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for (home, name), wrong in changes.items():
            patch.setattr(home, name, wrong)
        yield


def _each_facet(change: Callable[[list[Bucket], int], tuple[list[Bucket], int]]) -> Callable[[Answer], Answer]:
    return lambda made: replace(
        made, facets={name: FacetCounts(*change(list(f.buckets), f.missing)) for name, f in made.facets.items()}
    )


def _each_histogram(change: Callable[[HistogramCounts], HistogramCounts]) -> Callable[[Answer], Answer]:
    return lambda made: replace(made, histograms={name: change(one) for name, one in made.histograms.items()})


def _more(buckets: list[Bucket], missing: int) -> tuple[list[Bucket], int]:
    return [*buckets[:-1], *(replace(one, count=one.count + 1) for one in buckets[-1:])], missing


def _ties_backwards(buckets: list[Bucket], missing: int) -> tuple[list[Bucket], int]:
    backwards = buckets[::-1]
    return sorted(backwards, key=lambda one: -one.count), missing


def _moved(one: HistogramCounts) -> HistogramCounts:
    return replace(one, counts=[*one.counts[1:], *one.counts[:1]])


def _trees(change: Callable[[Node], Node]) -> Callable[[Query], Query]:
    def inside(node: Node) -> Node:
        match node:
            case And(parts):
                node = And(tuple(map(inside, parts)))
            case Or(parts):
                node = Or(tuple(map(inside, parts)))
            case Not(part):
                node = Not(inside(part))
        return change(node)

    return lambda query: replace(query, words=inside(query.words)) if query.words else query


def _ops(**other: str) -> Callable[[Query], Query]:
    return lambda query: replace(
        query, filters=tuple(replace(one, op=other.get(one.op, one.op)) for one in query.filters)
    )


def _holds_end(op: str, value: float, low: float, high: float) -> bool:
    return low <= value <= high if op == "eq" else _HOLDS(op, value, low, high)


def _run_on(self: Any, field: str | None) -> list[list[str]]:
    return [[word for value in self.values[name] for word in value] for name in ([field] if field else self.values)]


def _least(self: Naive, one: str, query: Query, sort: Sort) -> float:
    key = _KEY(self, one, query, replace(sort, descending=False))
    return -key if sort.descending and key != slow.math.inf else key


def _plain_edits(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, before = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


_HOLDS, _WORDS, _EXTRA, _PATTERN = slow._holds, slow._words, slow._extra, texts._pattern
_KEY = Naive.key

WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "drops the last hit": ("filters", {"answer": lambda a: replace(a, ids=a.ids[:-1], total=a.total - 1)}),
    "drops the last hit of the page alone": ("filters", {"answer": lambda a: replace(a, ids=a.ids[:-1])}),
    "gives a hit twice": ("filters", {"answer": lambda a: replace(a, ids=a.ids[:1] + a.ids)}),
    "counts one too many": ("filters", {"answer": lambda a: replace(a, total=a.total + 1)}),
    "swaps two hits": ("filters", {"answer": lambda a: replace(a, ids=a.ids[1:2] + a.ids[:1] + a.ids[2:])}),
    "takes not for equal": ("filters", {"query": _ops(**{"not": "eq"})}),
    "takes at least for more": ("filters", {"query": _ops(gte="gt")}),
    "takes at most for less": ("filters", {"query": _ops(lte="lt")}),
    "takes more for at least": ("filters", {"query": _ops(gt="gte")}),
    "takes less for at most": ("filters", {"query": _ops(lt="lte")}),
    "takes any of for the first": (
        "filters",
        {"query": lambda q: replace(q, filters=tuple(replace(f, values=f.values[:1]) for f in q.filters))},
    ),
    "forgets all filters but one": ("filters", {"query": lambda q: replace(q, filters=q.filters[:1])}),
    "closes a year at its end": ("filters", {"patch": {(slow, "_holds"): _holds_end}}),
    "compares words without case": (
        "filters",
        {"patch": {(slow, "_words"): lambda op, value, text: _WORDS(op, value.lower(), text.lower())}},
    ),
    "knows no numbers in words": (
        "filters",
        {"patch": {(slow, "_extra"): lambda v, op, t: not isinstance(v, str | bool) and _EXTRA(v, op, t)}},
    ),
    "takes true for one": (
        "filters",
        {"patch": {(slow, "_extra"): lambda v, op, t: _EXTRA(float(v) if isinstance(v, bool) else v, op, t)}},
    ),
    "knows no dates in words": ("filters", {"patch": {(slow, "_DATE"): slow.re.compile("never")}}),
    "hides what is discoverable": (
        "filters",
        {"patch": {(Broken, "may_see"): lambda self, r, g: r.get("rights", {}).get("level") != "restricted"}},
    ),
    "shows the restricted": ("filters", {"query": lambda q: replace(q, groups=frozenset("abc"))}),
    "knows no groups": ("groups", {"query": lambda q: replace(q, groups=frozenset())}),
    "takes a pattern for a word": (
        "likes",
        {"query": lambda q: replace(q, filters=tuple(replace(f, op="eq") for f in q.filters))},
    ),
    "takes patterns without case": (
        "likes",
        {"patch": {(slow, "_words"): lambda op, value, text: _WORDS(op, value.lower(), text.lower())}},
    ),
    "takes a dot for any letter": (
        "likes",
        {"patch": {(slow, "_words"): lambda op, value, text: _WORDS(op, value, text.replace(".", "?"))}},
    ),
    "asks only whether spans overlap": (
        "spans",
        {"query": lambda q: replace(q, spans=tuple(replace(s, relation="overlaps") for s in q.spans))},
    ),
    "asks that one span lies within, not all": (
        "spans",
        {
            "patch": {
                (Broken, "span"): lambda self, r, w: any(
                    (w.low <= low and high <= w.high)
                    if w.relation == "within"
                    else (low <= w.low and w.high <= high)
                    if w.relation == "contains"
                    else (low <= w.high and high >= w.low)
                    for low, high in slow.intervals(r, w.field)
                )
            }
        },
    ),
    "does not join what touches": (
        "spans",
        {
            "patch": {
                (slow, "intervals"): lambda r, f: [
                    (one.get("min", -slow.math.inf), one.get("max", slow.math.inf)) for one in r.get(f, ())
                ]
            }
        },
    ),
    "forgets spans": ("spans", {"query": lambda q: replace(q, spans=())}),
    "asks only whether regions meet": ("regions", {"query": lambda q: replace(q, relation="intersects")}),
    "asks only for positions": ("regions", {"query": lambda q: replace(q, relation="position")}),
    "turns within and contains round": (
        "regions",
        {
            "query": lambda q: replace(
                q, relation={"within": "contains", "contains": "within"}.get(q.relation, q.relation)
            )
        },
    ),
    "forgets the region": ("regions", {"query": lambda q: replace(q, region=None)}),
    "counts no unlocated": ("regions", {"answer": lambda a: replace(a, unlocated=0)}),
    "leaves the unlocated out": ("unlocated", {"query": lambda q: replace(q, unlocated=False)}),
    "forgets the bounds of the fraction": ("covered", {"query": lambda q: replace(q, covered=Interval(0, 1))}),
    "covers more than it does": (
        "covered",
        {"answer": lambda a: replace(a, covered={one: min(1.0, share + 0.1) for one, share in a.covered.items()})},
    ),
    "counts one more of a value": ("facets", {"answer": _each_facet(_more)}),
    "drops a value": ("facets", {"answer": _each_facet(lambda b, m: (b[:-1], m))}),
    "misses one more": ("facets", {"answer": _each_facet(lambda b, m: (b, m + 1))}),
    "puts ties backwards": ("facets", {"answer": _each_facet(_ties_backwards)}),
    "keeps a facet's own filter": ("facets", {"own": True}),
    "drops every filter for a facet": ("facets", {"facet": lambda q, f: (replace(q, filters=()), f)}),
    "forgets the size": ("facets", {"facet": lambda q, f: (q, replace(f, size=10_000))}),
    "forgets the prefix": ("facets", {"facet": lambda q, f: (q, replace(f, prefix=""))}),
    "minds the prefix's case": (
        "facets",
        {"patch": {(slow, "_lower"): lambda text: text}},
    ),
    "shows all levels": (
        "facets",
        {"patch": {(Broken, "shows"): lambda self, f, v: str(v).lower().startswith(f.prefix.lower())}},
    ),
    "counts a record for each repeat": (
        "facets",
        {
            "patch": {
                (Broken, "values"): lambda self, r, f, whole=False: (
                    [slow.canonical(f, value) for value in slow.steps(r, slow.search_fields()[f].path)]
                    if f in ("facilities", "creators")
                    else Naive.values(self, r, f, whole=whole)
                )
            }
        },
    ),
    "moves the bins": ("histograms", {"answer": _each_histogram(_moved)}),
    "forgets what a histogram misses": ("histograms", {"answer": _each_histogram(lambda one: replace(one, missing=0))}),
    "drops a cell": ("densities", {"answer": lambda a: replace(a, density=dict(list((a.density or {}).items())[1:]))}),
    "maps at another order": (
        "densities",
        {"query": lambda q: replace(q, density=None if q.density is None else q.density + 1)},
    ),
    "forgets the order": ("sorts", {"query": lambda q: replace(q, sort=())}),
    "forgets the second key": ("sorts", {"query": lambda q: replace(q, sort=q.sort[:1])}),
    "puts what is missing first": ("sorts", {"key": lambda key: -1e309 if key == slow.math.inf else key}),
    "takes the least of several either way": ("sorts", {"patch": {(Naive, "key"): _least}}),
    "never goes on": ("pages", {"answer": lambda a: replace(a, next=None)}),
    "goes on for ever": ("last page", {"answer": lambda a: replace(a, next="0")}),
    "forgets since when": ("after", {"query": lambda q: replace(q, after=None)}),
    "takes since for from": ("after", {"query": lambda q: replace(q, after=(q.after or 0) - 1)}),
    "always collapses": ("collapse", {"query": lambda q: replace(q, collapse=True)}),
    "never collapses": ("collapse", {"query": lambda q: replace(q, collapse=False)}),
    "shows parts and whole": ("collapse", {"patch": {(Broken, "in_view"): lambda self, kept, q: True}}),
    "knows one source of a merged record": (
        "merged",
        {
            "patch": {
                (Broken, "values"): lambda self, r, f, whole=False: (
                    [r["source"]] if f == "source" else Naive.values(self, r, f, whole=whole)
                )
            }
        },
    ),
    "takes phrases for words": (
        "texts",
        {"query": _trees(lambda n: Words(n.text, n.field) if isinstance(n, Phrase) else n)},
    ),
    "takes words for phrases": (
        "texts",
        {"query": _trees(lambda n: Phrase(n.text, n.field) if isinstance(n, Words) else n)},
    ),
    "looks in every field": (
        "texts",
        {"query": _trees(lambda n: replace(n, field=None) if hasattr(n, "field") else n)},
    ),
    "takes patterns for words too": (
        "texts",
        {"query": _trees(lambda n: Words(n.text.strip("*?"), n.field) if isinstance(n, Pattern) else n)},
    ),
    "knows no typing errors": ("texts", {"patch": {(texts, "edits"): lambda a, b: 0 if a == b else 9}}),
    "counts a swap as two": ("texts", {"patch": {(texts, "edits"): _plain_edits}}),
    "forgets not": ("texts", {"query": _trees(lambda n: n.part if isinstance(n, Not) else n)}),
    "takes and for or": ("texts", {"query": _trees(lambda n: Or(n.parts) if isinstance(n, And) else n)}),
    "takes or for and": ("texts", {"query": _trees(lambda n: And(n.parts) if isinstance(n, Or) else n)}),
    "lets a phrase run over two values": (
        "texts",
        {"patch": {(texts.Words_, "of"): _run_on}},
    ),
    "cuts no pattern to its stem": (
        "texts",
        {"patch": {(texts, "_pattern"): lambda text: texts.re.compile(text.replace("*", ".*").replace("?", "."))}},
    ),
    "forgets comparisons in the text": ("wheres", {"patch": {(Broken, "filter"): lambda self, r, w: True}}),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_engine_with_one_error_is_found_out(naive, name):
    family, wrong = WRONG[name]
    engine = Broken(naive, **wrong)
    naive.decide = None
    for query in _FAMILIES[family]():
        try:
            agree(engine, naive, query)
        except AssertionError:
            return
    raise AssertionError(f"an engine that {name} passes all cases of {family}")


@pytest.mark.parametrize("family", sorted({family for family, _ in WRONG.values()}))
def test_the_right_engine_passes(naive, family):
    engine = Broken(naive)
    for query in _FAMILIES[family]():
        agree(engine, naive, query)


TRIVIAL = {  # how many of a family's cases may match nothing or everything: the ends are cases too
    "filters": 0.2,
    "likes": 0.2,
    "spans": 0.3,
    "regions": 0.35,
    "texts": 0.15,
    "wheres": 0.1,
}


@pytest.mark.parametrize("family", TRIVIAL)
def test_the_cases_tell_records_apart(naive, family):
    """The suite could pass on an engine that finds nothing, were most cases empty or full."""
    naive.decide = lambda one: False
    everything = len(naive.matching(Query()))
    sizes = [len(naive.matching(query)) for query in _FAMILIES[family]()]
    naive.decide = None
    assert sum(size in (0, everything) for size in sizes) <= TRIVIAL[family] * len(sizes), sizes


def test_the_records_have_everything(naive):
    """Each field that can be searched is in some record, but those of copies and links, which compare alike."""
    from schemas.fields import search_fields

    there = {field for field in search_fields() for kept in naive.now.values() if naive.values(kept.record, field)}
    left = {name.partition(".")[0] for name in search_fields()} - {name.partition(".")[0] for name in there}
    assert left <= {"access", "replicas", "locks", "relations", "funding", "provenance", "language", "publisher",
                    "product_type", "targets", "files", "contributors", "chosen"}  # fmt: skip
    assert {kept.view for kept in naive.now.values()} == {"single", "part", "merged"}
    forms = {form for kept in naive.now.values() for form in kept.record.get("footprint", {})}
    assert forms == {"circle", "polygon", "moc", "stc_s"}
