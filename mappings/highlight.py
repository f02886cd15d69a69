"""Where a record's texts match a query: HTML with the matches in ``<mark>``.

Words are compared as tokens, so that what is marked is what the engines found: stems, accents, phrases, patterns.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from mappings.document import document
from mappings.edits import edits
from mappings.tokens import pattern_regex, spans, tokens
from schemas.record import Record
from schemas.text import TEXT_FIELDS, And, Fuzzy, Node, Or, Pattern, Phrase, Words

SNIPPET = 200  # characters
_LEAD = 40  # of them before the first match
_WORD_END = 15  # characters that a snippet gives up to begin and end between words

_Marks = list[tuple[int, int]]


def highlights(record: Record, tree: Node) -> dict[str, str]:
    """By text field that ``tree`` matches: the title whole, of other fields a piece of the value that matches most.

    The texts are escaped; ``<mark>`` is all the markup there is. What the query excludes is not marked.
    """
    found = {}
    texts = document(record).text
    for field in TEXT_FIELDS:
        asked = _asked(tree, field)
        if any(asked) and field in texts:
            marked = [(_marks(value, asked), value) for value in texts[field]]
            marks, value = max(marked, key=lambda one: len(one[0]), default=([], ""))  # of equals the first
            if marks:
                start, end = (0, len(value)) if field == "title" else _piece(value, marks)
                found[field] = _html(value, start, end, marks)
    return found


def positive(tree: Node) -> Iterator[Words | Phrase | Pattern | Fuzzy]:
    """The leaves of words that a match can have, not those below a NOT."""
    if isinstance(tree, And | Or):
        for part in tree.parts:
            yield from positive(part)
    elif isinstance(tree, Words | Phrase | Pattern | Fuzzy):
        yield tree


class _Asked(NamedTuple):
    """What a token, or some side by side, must be to be marked."""

    words: frozenset[str]
    phrases: frozenset[tuple[str, ...]]
    pattern: re.Pattern[str] | None
    fuzzy: frozenset[tuple[str, int]]

    def has(self, token: str) -> bool:
        return (
            token in self.words
            or (self.pattern is not None and self.pattern.fullmatch(token) is not None)
            or any(edits(word, token, distance) <= distance for word, distance in self.fuzzy)
        )


@functools.lru_cache(maxsize=256)
def _asked(tree: Node, field: str) -> _Asked:
    words: set[str] = set()
    phrases: set[tuple[str, ...]] = set()
    regexes: list[str] = []
    fuzzy: set[tuple[str, int]] = set()
    for leaf in positive(tree):
        if leaf.field not in (None, field):
            continue
        match leaf:
            case Words(text):
                words.update(tokens(text))
            case Phrase(text):
                phrases.add(tuple(tokens(text)))
            case Pattern(text):
                regexes.append(pattern_regex(text))
            case Fuzzy(text, distance):
                fuzzy.update((token, distance) for token in tokens(text)[:1])
    pattern = re.compile("|".join(filter(None, regexes))) if any(regexes) else None
    return _Asked(frozenset(words), frozenset(phrases) - {()}, pattern, frozenset(fuzzy))


def _marks(text: str, asked: _Asked) -> _Marks:
    """Places of what matches, ascending and apart."""
    found = list(spans(text))
    places = [(span.start, span.end) for span in found if asked.has(span.token)]
    words = tuple(span.token for span in found)
    for phrase in asked.phrases:
        size = len(phrase)
        places += [
            (found[n].start, found[n + size - 1].end)
            for n in range(len(words) - size + 1)
            if words[n : n + size] == phrase
        ]
    apart: _Marks = []
    for start, end in sorted(places):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart


def _piece(text: str, marks: _Marks) -> tuple[int, int]:
    """Bounds of some ``SNIPPET`` characters with the most of the marks, the first of them whole."""
    if len(text) <= SNIPPET:
        return 0, len(text)
    starts = [start for start, _ in marks]
    ends = (bisect_left(starts, start + SNIPPET - _LEAD) for start in starts)
    first = marks[max(enumerate(ends), key=lambda one: one[1] - one[0])[0]]
    start = min(max(0, first[0] - _LEAD), max(0, len(text) - SNIPPET))
    end = max(start + SNIPPET, first[1])
    if start and (space := text.find(" ", start, min(first[0], start + _WORD_END))) >= 0:
        start = space + 1
    if end < len(text) and (space := text.rfind(" ", max(first[1], end - _WORD_END), end)) >= 0:
        end = space
    return start, min(end, len(text))


def _html(text: str, start: int, end: int, marks: _Marks) -> str:
    parts = ["…"] if start else []
    at = start
    for low, high in marks:
        if low >= at and high <= end:
            parts += [escape(text[at:low]), "<mark>", escape(text[low:high]), "</mark>"]
            at = high
    parts.append(escape(text[at:end]))
    return "".join(parts) + ("…" if end < len(text) else "")
