"""What people type into a search box, as a tree: words, phrases, patterns and comparisons, joined by AND, OR, NOT.

:func:`schemas.grammar.parse_text` makes it. Words and phrases are as typed: what words they are made of is
``mappings/tokens.py``'s to say, and a text of none is found nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.filters import Filter

TEXT_FIELDS = ("title", "identifiers", "subjects", "creators", "description", "other")  # what a node's field can be


@dataclass(frozen=True, slots=True)
class Words:
    """All of the words that ``text`` is made of, anywhere in one record, each in ``field`` or (None) any text field."""

    text: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words of ``text`` side by side in one value of a text field."""

    text: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A word with ``*`` (any letters, or none) and ``?`` (any one letter), against the words of the text fields."""

    text: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """A word within ``distance`` (1 or 2) insertions, deletions, substitutions and swaps of neighbours."""

    text: str
    distance: int
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """A comparison of a field, written in the text: ``bytes:>1e9``, ``kind:dataset``, ``facilities:MEER*``."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class All:
    """Everything: ``*``."""


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Node = Words | Phrase | Pattern | Fuzzy | Where | All | And | Or | Not


def nodes(tree: Node) -> Iterator[Node]:
    """The tree and all below it, from left to right."""
    yield tree
    parts = tree.parts if isinstance(tree, And | Or) else (tree.part,) if isinstance(tree, Not) else ()
    for part in parts:
        yield from nodes(part)
