"""Did you mean: other spellings for the words of a query that are found nowhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from mappings.document import document
from mappings.edits import edits
from mappings.highlight import positive
from mappings.tokens import fold, spans
from schemas.record import Record
from schemas.text import Node, Phrase, Words

_SHORTEST = 3  # letters; anything is like a shorter word
_SHORT = 4  # letters; up to this one edit must do
_POSSESSIVE = re.compile(r"['’]s$")


def asked_words(tree: Node) -> list[str]:
    """The words of ``tree`` as typed that may be misspelt: letters alone, at least three; each once."""
    leaves = [leaf.text for leaf in positive(tree) if isinstance(leaf, Words | Phrase)]
    return list(dict.fromkeys(word for text in leaves for word in _surfaces(text)))


def did_you_mean(q: str, near: Mapping[str, Sequence[Record]]) -> str | None:
    """``q`` with each word of ``near`` as most of its records spell it; None where none has another spelling.

    ``near``: by word that is found nowhere, records with words like it (``engine.near``). The spelling with the fewest
    edits goes before the most frequent.
    """
    meant = q
    for word, records in near.items():
        better = _better(word, records)
        if better is not None:
            place = re.compile(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])")
            meant = place.sub(lambda _, to=better: to, meant)  # type: ignore[misc]  # a default binds it now
    return meant if meant != q else None


def _better(word: str, records: Sequence[Record]) -> str | None:
    folded = fold(word)
    limit = 1 if len(folded) <= _SHORT else 2
    counts: Counter[str] = Counter()
    for record in records:
        texts = (value for values in document(record).text.values() for value in values)
        counts.update({surface for text in texts for surface in _surfaces(text)})
    by_fold: dict[str, Counter[str]] = {}
    for surface, count in counts.items():
        by_fold.setdefault(fold(surface), Counter())[surface] = count
    likely = [
        (distance, -sum(spellings.values()), other)
        for other, spellings in by_fold.items()
        if 0 < (distance := edits(folded, other, limit)) <= limit
    ]
    if not likely:
        return None
    spellings = by_fold[min(likely)[2]]
    surface = min(spellings, key=lambda one: (-spellings[one], one))
    return surface.lower() if word.islower() else surface


def _surfaces(text: str) -> Iterator[str]:
    for span in spans(text):
        word = _POSSESSIVE.sub("", text[span.start : span.end])
        if len(word) >= _SHORTEST and word.isalpha():
            yield word
