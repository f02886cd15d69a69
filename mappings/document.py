"""The index document: what of a record can be searched, as both engines see it.

``terms`` are exact words, ``numbers`` doubles (dates as MJD UTC), ``intervals`` closed bounds with infinite open
ends, ``text`` what people type words for. A value of ``extra`` is typed by what it is: a number, a truth value, a
date (a word that is also a number), else a word; so a key whose type changes between sources hides nothing.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import Any

from schemas.fields import search_fields, top_level
from schemas.record import Record
from schemas.times import utc_span
from schemas.vocabulary import RESPELT, canonical

VERSION = 1  # raise when the code below makes another document of the same record
MAX_WORD = 512  # bytes; a longer value is text, not a word to compare
_ACRONYM = re.compile(r"\b(?:\w\.){2,}")
_DATE = re.compile(r"^\d{4}-\d\d(-\d\d)?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")

TEXT_FIELDS = ("title", "identifiers", "subjects", "creators", "description", "other")
_TEXT: dict[str, str] = {
    "title": "title",
    "alternative_titles": "title",
    "description": "description",
    "publisher": "other",
    "facilities": "other",
    "instruments": "other",
    "targets": "other",
    "wavebands": "other",
    "product_type": "other",
    "version": "other",
}
_TEXT_IN: dict[str, tuple[str, str]] = {
    "identifiers": ("identifiers", "value"),
    "subjects": ("subjects", "term"),
    "creators": ("creators", "name"),
    "contributors": ("creators", "name"),
}


@dataclass(slots=True)
class Document:
    """``present`` has one bit for each top-level field of the record, see :func:`presence_bit`."""

    terms: list[tuple[str, str]] = field(default_factory=list)
    numbers: list[tuple[str, float]] = field(default_factory=list)
    intervals: list[tuple[str, float, float]] = field(default_factory=list)
    text: dict[str, list[str]] = field(default_factory=dict)
    present: int = 0


@functools.cache
def fingerprint() -> str:
    """Changes when the same record would make another document: an index made before is then out of date."""
    said = repr(
        (VERSION, TEXT_FIELDS, sorted(top_level()), [(f.name, f.kind, f.path) for f in search_fields().values()])
    )
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


@functools.cache
def presence_bit(name: str) -> int:
    """The bit of a top-level field; bits follow the field names' order."""
    return 1 << sorted(top_level()).index(name)


@functools.cache
def _plan() -> dict[str, tuple[int, list[tuple[str | None, str, str, bool]]]]:
    """Top-level key -> its presence bit and, for each search field in it: key inside or None, name, kind, respelt."""
    plan: dict[str, tuple[int, list[tuple[str | None, str, str, bool]]]] = {
        name: (presence_bit(name), []) for name in top_level()
    }
    for name, known in search_fields().items():
        if known.kind != "text" and name not in ("id", "issued"):  # the id has a column of its own, issued comes below
            key, *inside = known.path
            plan[key][1].append((inside[0] if inside else None, name, known.kind, name in RESPELT))
    return plan


def document(record: Record) -> Document:  # noqa: PLR0912 - the hot loop of an import; a call a value costs a third
    """Take a record apart. An import spends more time here than anywhere: plain loops, nothing looked up twice."""
    made = Document()
    plan = _plan()
    terms, numbers, text = made.terms, made.numbers, made.text
    present = 0
    for key, value in record.items():
        bit, fields = plan[key]
        present |= bit
        items = value if isinstance(value, list) else (value,)
        for inside, name, kind, respelt in fields:
            found = items if inside is None else [item[inside] for item in items if inside in item]
            if kind == "keyword":
                for word in found:
                    if isinstance(word, list):
                        terms.extend((name, one) for one in word)
                    else:
                        terms.append((name, canonical(name, word) if respelt else word))
            elif kind == "number":
                numbers.extend((name, float(one)) for one in found)
            elif kind == "date":
                numbers.extend((name, day) for one in found if one and (day := date_value(one)) is not None)
            else:
                for one in found:
                    made.intervals.append((name, one.get("min", -math.inf), one.get("max", math.inf)))
        if (goal := _TEXT.get(key)) is not None:
            text.setdefault(goal, []).extend(items)
        elif (inner := _TEXT_IN.get(key)) is not None:
            text.setdefault(inner[0], []).extend([item[inner[1]] for item in items])
    made.present = present
    for one in record.get("dates", ()):
        if one["type"] == "Issued" and (start := date_value(one["date"].partition("/")[0])) is not None:
            numbers.append(("issued", start))
            break
    if "extra" in record:
        _walk(made, "extra", record["extra"])
    return made


def _walk(made: Document, path: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _walk(made, f"{path}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            _walk(made, path, inner)
    elif isinstance(value, bool):
        made.terms.append((path, "true" if value else "false"))
    elif isinstance(value, (int, float)):
        made.numbers.append((path, float(value)))
    elif isinstance(value, str):
        made.text.setdefault("other", []).append(value)
        if len(value.encode()) <= MAX_WORD and "\0" not in value:
            made.terms.append((path, value))
            if (number := number_value(value)) is not None:
                made.numbers.append((path + "\0text", number))
            elif (date := date_value(value)) is not None:
                made.numbers.append((path + "\0date", date))


def number_value(text: str) -> float | None:
    """The number that a word spells, if it does."""
    if _NUMBER.match(text):
        value = float(text)
        return value if math.isfinite(value) else None
    return None


@functools.lru_cache(maxsize=10_000)  # days repeat
def date_value(text: str) -> float | None:
    """First instant of the ISO 8601 date that a word spells, MJD UTC; None when it spells none."""
    if _DATE.match(text) or re.fullmatch(r"\d{4}", text):
        try:
            return utc_span(text)[0]
        except ValueError:
            return None
    return None


def plain_words(text: str) -> str:
    """Join dotted acronyms, in documents and queries alike: H.E.S.S. becomes HESS, one word in every engine."""
    if "." not in text:
        return text
    return _ACRONYM.sub(lambda found: found[0].replace(".", ""), text)
