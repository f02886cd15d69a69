"""What a tree of words means, by reading every value of a record; the tokens alone are the project's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mappings.tokens import fold, stem, tokens
from schemas.filters import Filter
from schemas.record import Record
from schemas.text import All, And, Fuzzy, Node, Not, Or, Pattern, Phrase, Where, Words


def texts_of(record: Record) -> dict[str, list[str]]:
    """The values that words are looked for in, by text field."""
    extras: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, str):
            extras.append(value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(inner)

    walk(record.get("extra", {}))
    people = [*record.get("creators", ()), *record.get("contributors", ())]
    other = [record[key] for key in ("publisher", "product_type", "version") if key in record]
    for key in ("facilities", "instruments", "targets", "wavebands"):
        other += record.get(key, [])
    return {
        "title": [record["title"], *record.get("alternative_titles", ())],
        "identifiers": [one["value"] for one in record["identifiers"]],
        "subjects": [one["term"] for one in record.get("subjects", ())],
        "creators": [one["name"] for one in people],
        "description": [record["description"]] if "description" in record else [],
        "other": other + extras,
    }


class Words_:  # noqa: N801 - beside the node of that name
    """One record's tokens, value by value."""

    def __init__(self, record: Record) -> None:
        self.values = {name: [tokens(text) for text in texts] for name, texts in texts_of(record).items()}

    def of(self, field: str | None) -> list[list[str]]:
        return self.values[field] if field else [value for values in self.values.values() for value in values]

    def matches(self, node: Node, where: Callable[[Filter], bool]) -> bool:  # noqa: PLR0911 - one for each node
        match node:
            case All():
                return True
            case And(parts):
                return all(self.matches(part, where) for part in parts)
            case Or(parts):
                return any(self.matches(part, where) for part in parts)
            case Not(part):
                return not self.matches(part, where)
            case Where(wanted):
                return where(wanted)
            case Words(text, field):
                here = {word for value in self.of(field) for word in value}
                return bool(tokens(text)) and all(word in here for word in tokens(text))
            case Phrase(text, field):
                wanted = tokens(text)
                return bool(wanted) and any(
                    value[n : n + len(wanted)] == wanted for value in self.of(field) for n in range(len(value))
                )
            case Pattern(text, field):
                asked = _pattern(text)
                return any(asked.fullmatch(word) for value in self.of(field) for word in value)
            case Fuzzy(text, distance, field):
                asked_for = stem(fold(text))
                return any(edits(asked_for, word) <= distance for value in self.of(field) for word in value)
        raise AssertionError(node)


def _pattern(text: str) -> re.Pattern[str]:
    """Of a word cut short by its one star the stem too: ``galaxies*`` is galaxi*, ``galaxy*`` is that or galaxy*."""
    text = fold(text)
    head, base = text[:-1], stem(text[:-1])
    asked = [text]
    if text.endswith("*") and head and not set("*?") & set(head):
        asked = [base + "*"] if head.startswith(base) else [text, base + "*"]
    return re.compile("|".join(_regex(one) for one in asked), re.DOTALL)


def _regex(text: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in text)


def edits(a: str, b: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours, no part edited twice."""
    table = [[max(i, j) if not (i and j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            best = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                best = min(best, table[i - 2][j - 2] + 1)
            table[i][j] = best
    return table[-1][-1]
