"""The query's text over one segment: what tantivy finds, joined with comparisons by AND, OR and NOT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from catalog.lookup import filtered
from catalog.rows import Rows, all_but, all_of, any_of
from catalog.segment import Segment
from schemas.text import All, And, Node, Not, Or, Where, nodes

Hits = tuple[Any, Any, dict[str, tuple[Any, Any]]]  # feed numbers, ascending; scores; rows and scores by segment
Find = Callable[[Node], Hits]


class Text:
    """Rows of one segment that match a tree; ``find`` answers for trees without comparisons."""

    def __init__(self, segment: Segment, tree: Node, find: Find) -> None:
        self._segment = segment
        self._find = find
        self._scored: list[tuple[Any, Any]] = []
        self.rows = self._match(tree, counts=True)

    def scores(self, rows: Any) -> Any:
        """The sum of the scores of all parts of the tree that match, for each of some rows."""
        total = np.zeros(len(rows))
        for found, scores in self._scored:
            if len(found):
                at = np.minimum(np.searchsorted(found, rows), len(found) - 1)
                total += np.where(found[at] == rows, scores[at], 0.0)
        return total

    def _match(self, node: Node, *, counts: bool) -> Rows:
        size = self._segment.size
        if isinstance(node, All):
            return Rows(mask=np.ones(size, dtype=bool))
        if isinstance(node, Not):
            return all_but(self._match(node.part, counts=False), size)
        if isinstance(node, Where):
            return filtered(self._segment, node.filter)
        if not isinstance(node, And | Or) or text_only(node):
            return self._words(node, counts=counts)
        apart = [part for part in node.parts if not text_only(part)]
        together = tuple(part for part in node.parts if text_only(part))
        if together:  # one question to tantivy, which is best at joining words
            apart.insert(0, together[0] if len(together) == 1 else type(node)(together))
        found = [self._match(part, counts=counts) for part in apart]
        return Rows(rows=all_of(found, size)) if isinstance(node, And) else any_of(found, size)

    def _words(self, node: Node, *, counts: bool) -> Rows:
        seqs, scores, placed = self._find(node)
        known = placed.get(self._segment.name)
        if known is None:
            rows = self._segment.rows_of_seqs(seqs)
            here = np.flatnonzero(rows >= 0)
            here = here[np.argsort(rows[here], kind="stable")]
            known = placed[self._segment.name] = rows[here], scores[here]
        if counts:
            self._scored.append(known)
        return Rows(rows=known[0])


def text_only(tree: Node) -> bool:
    """Nothing but words, phrases and patterns, and some of them asked for."""
    if any(isinstance(node, Where | All) for node in nodes(tree)):
        return False
    return not isinstance(tree, Not) and not (isinstance(tree, And | Or) and not _positive(tree))


def _positive(tree: Node) -> bool:
    """Can be answered from lists of words: an AND with a part, or an OR all of whose parts, are asked for."""
    if isinstance(tree, And):
        return any(_positive(part) for part in tree.parts)
    if isinstance(tree, Or):
        return all(_positive(part) for part in tree.parts)
    return not isinstance(tree, Not)
