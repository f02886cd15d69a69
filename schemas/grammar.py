"""Read what people type into a search box: luqum's grammar, over what ``schemas/rewriting.py`` makes of it.

NOT before AND (which neighbours are joined by) before OR; groups, fields, comparisons, ranges, ``*`` and ``?``, ``~``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from schemas.errors import QueryError
from schemas.filters import Filter, Op
from schemas.rewriting import ESCAPED, LETTER, MAX_DEPTH, bad, readable, unescaped, unquoted
from schemas.text import TEXT_FIELDS, All, And, Fuzzy, Node, Not, Or, Pattern, Phrase, Where, Words, nodes

MAX_LENGTH = 2000  # characters
MAX_NODES = 200
MAX_WILD = 10  # words with *, ? or ~: each is compared with every word that there is
MAX_STARS = 5
MAX_MARKS = 20
MAX_PATTERN = 50  # characters; with the bounds in _pattern, what tantivy can compile (1000 states)

FieldFilter = Callable[[str, Op, list[str]], Filter]

_ONE_WORD = re.compile(r"[\W_]*[^\W_]+[\W_]*")
_WILD = re.compile(r"([^\W_]*(?:[*?]+[^\W_]*)+)")
_EDGES = ",;:!?'\"’()[]{}<>~&|+-–—/=_#%^…"  # not the dots: R.A. is one word
_STAR = re.compile(r"[^\W\d_]\*")  # the A* of Sgr A*
_SCHEME = re.compile(r"^(?:doi|arxiv|bibcode|hdl|orcid):(?=\S)|^https?://(?:dx\.)?(?:doi|orcid)\.org/", re.IGNORECASE)


@functools.lru_cache(maxsize=1024)  # the same q comes with each page and each change of a filter
def parse_text(q: str, field_filter: FieldFilter) -> Node:
    """The tree of ``q``; ``field_filter`` makes the comparisons of the fields that are no text.

    Raises
    ------
    QueryError
        ``query.bad-text``, or what ``field_filter`` raises; ``context["parameter"]`` is ``q``.
    """
    from luqum.exceptions import ParseError
    from luqum.thread import parse

    if len(q) > MAX_LENGTH:
        raise bad(f"q is longer than {MAX_LENGTH} characters")
    text = readable(q)
    try:
        tree = _Reader(field_filter).node(parse(text), None, 0)
    except ParseError as error:
        raise bad(f"q cannot be understood: {error}") from None
    except QueryError as error:
        error.context["parameter"] = "q"
        raise
    every = list(nodes(tree))
    if len(every) > MAX_NODES:
        raise bad(f"q has more than {MAX_NODES} words and operators")
    if sum(map(_is_wild, every)) > MAX_WILD:
        raise bad(f"q has more than {MAX_WILD} words with *, ? or ~")
    return tree


class _Reader:
    """luqum's tree as ours."""

    def __init__(self, field_filter: FieldFilter) -> None:
        self._filter = field_filter

    def node(self, tree: Any, field: str | None, depth: int) -> Node:
        from luqum import tree as grammar

        if depth > MAX_DEPTH:
            raise bad(f"q is nested more than {MAX_DEPTH} deep")
        match tree:
            case grammar.BaseOperation():
                parts = tuple(self.node(part, field, depth + 1) for part in tree.children)
                made: Node = Or(parts) if isinstance(tree, grammar.OrOperation) else And(parts)
            case grammar.Not():
                made = Not(self.node(tree.a, field, depth + 1))
            case grammar.BaseGroup():
                made = self.node(tree.expr, field, depth)
            case grammar.SearchField():
                made = self.node(tree.expr, unescaped(tree.name), depth)
            case grammar.Fuzzy():
                made = self._fuzzy(unescaped(tree.term.value), int(tree.degree), field)
            case grammar.Phrase():
                made = self._phrase(unescaped(tree.value[1:-1]), field)
            case grammar.Word():
                made = self._word(tree.value, field)
            case grammar.Range() | grammar.OpenRange():
                made = self._range(tree, field)
            case _:
                raise bad(f"q cannot be understood at {str(tree)[:40]!r}")
        return made

    def _fuzzy(self, text: str, distance: int, field: str | None) -> Node:
        if field is not None and field not in TEXT_FIELDS:
            raise bad(f"{field}: a word with ~ can only be sought in text")
        if not _ONE_WORD.fullmatch(text):
            raise bad(f"{text}~: a word with ~ must be one word of letters and digits")
        return Fuzzy(text, distance, field)

    def _phrase(self, text: str, field: str | None) -> Node:
        if field is None or field in TEXT_FIELDS:
            return Phrase(text, field)
        return self._where(field, "eq", text)

    def _where(self, field: str, op: Op, value: str) -> Node:
        return Where(self._filter(field, op, [value]))

    def _range(self, tree: Any, field: str | None) -> Node:
        from luqum import tree as grammar

        if field is None or field in TEXT_FIELDS:
            raise bad("a range must be of a field that can be compared, as in issued:[2014 TO 2016]")
        ends: list[tuple[Op, str]] = []
        match tree:
            case grammar.Range():
                ends = [("gte" if tree.include_low else "gt", tree.low.value)]
                ends.append(("lte" if tree.include_high else "lt", tree.high.value))
            case grammar.From():
                ends = [("gte" if tree.include else "gt", tree.a.value)]
            case grammar.To():
                ends = [("lte" if tree.include else "lt", tree.a.value)]
        found = [self._where(field, op, unescaped(unquoted(value))) for op, value in ends if value != "*"]
        if not found:
            return self._where(field, "exists", "true")
        return found[0] if len(found) == 1 else And(tuple(found))

    def _word(self, value: str, field: str | None) -> Node:
        wild = any(found[2] and found[2] in "*?" for found in ESCAPED.finditer(value))
        if field is not None and set(value) == {"*"}:
            return self._where(field, "exists", "true")
        if field is not None and field not in TEXT_FIELDS:
            if wild and (value.count("*") > MAX_STARS or value.count("?") > MAX_MARKS):
                raise bad(f"{value[:MAX_PATTERN]}: {MAX_STARS} * and {MAX_MARKS} ? are the most")
            return self._where(field, "like" if wild else "eq", unescaped(value))
        if set(value) == {"*"}:
            return All()
        text = _SCHEME.sub("", unescaped(value))
        if not wild:
            return _literal(text, field)
        if _STAR.fullmatch(text):
            return Words(text[0], field)
        found: list[Node] = []
        for n, part in enumerate(_WILD.split(text)):
            if LETTER.search(part):
                found.append(_pattern(part, field) if n % 2 else _literal(part, field))
        return found[0] if len(found) == 1 else And(tuple(found))


def _is_wild(node: Node) -> bool:
    return isinstance(node, Pattern | Fuzzy) or (isinstance(node, Where) and node.filter.op == "like")


def _pattern(text: str, field: str | None) -> Pattern:
    stars, marks = text.count("*"), text.count("?")
    if len(text) > MAX_PATTERN or stars > MAX_STARS or marks > (3 if stars else MAX_MARKS):
        most = f"{MAX_PATTERN} characters, {MAX_STARS} *, 3 ? beside * and {MAX_MARKS} ? alone"
        raise bad(f"{text[:MAX_PATTERN]}: {most} are the most")
    return Pattern(text, field)


def _literal(text: str, field: str | None) -> Node:
    """One word as it is typed: M31 is a word, NGC-1275 or 10.5281/zenodo.7 words side by side."""
    bare = text.strip(_EDGES)
    return Words(bare, field) if _ONE_WORD.fullmatch(bare) else Phrase(bare, field)
