"""The index document: what of a record can be searched, as both engines see it.

``terms`` are exact words, ``numbers`` doubles (dates as MJD UTC), ``intervals`` closed bounds with infinite open
ends, ``text`` what people type words for. A value of ``extra`` is typed by what it is: a number, a truth value, a
date (a word that is also a number), else a word; so a key whose type changes between sources hides nothing.
Intervals of one record that touch or overlap are joined, and ascend. The terms of a merged record's ``source`` are
the sources of its parts.

Terms of the hierarchical fields, each of its ancestors with it:

- ``subjects.path``: of a subject written with levels (``EARTH SCIENCE > ATMOSPHERE``) these, else its places in the
  thesaurus;
- ``did.path``: the scope of each Rucio identifier; below it what Rucio's columns ``project`` and ``datatype`` say.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mappings import tokens
from mappings.thesaurus import Thesaurus, path_terms, written_levels
from schemas.fields import search_fields, top_level
from schemas.record import Record
from schemas.text import TEXT_FIELDS as TEXT_FIELDS  # noqa: PLC0414 - both engines ask for it here
from schemas.times import utc_span
from schemas.vocabulary import RESPELT, canonical

VERSION = 2  # raise when the code below makes another document of the same record
MAX_WORD = 512  # bytes; a longer value is text, not a word to compare
_DATE = re.compile(r"^\d{4}-\d\d(-\d\d)?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")

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
    """Values by field, repeats and all; ``present`` has a bit for each top-level field, see :func:`presence_bit`."""

    terms: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, list[float]] = field(default_factory=dict)
    intervals: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    text: dict[str, list[str]] = field(default_factory=dict)
    present: int = 0


def fingerprint(thesaurus: Thesaurus | None = None) -> str:
    """Changes when the same record would make another document: an index made before is then out of date."""
    return _fingerprint(thesaurus.digest if thesaurus else "")


@functools.cache
def _fingerprint(thesaurus: str) -> str:
    fields = [(known.name, known.kind, known.path) for known in search_fields().values()]
    said = repr((VERSION, tokens.VERSION, TEXT_FIELDS, sorted(top_level()), fields, thesaurus))
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


@functools.cache
def presence_bit(name: str) -> int:
    """The bit of a top-level field; bits follow the field names' order."""
    return 1 << sorted(top_level()).index(name)


class _Plan(NamedTuple):
    """What becomes of one top-level field: its bit; the search field it is, or those inside it, as (name, kind)."""

    bit: int
    own: tuple[str, str] | None
    inside: Mapping[str, tuple[str, str]]
    respelt: bool
    text: str | None
    text_inside: str | None


@functools.cache
def _plans() -> dict[str, _Plan]:
    plans = {}
    known = [found for found in search_fields().values() if found.kind != "text"]
    for key in top_level():
        # the id has a column of its own
        mine = [found for found in known if found.path[0] == key and found.name != "id" and not found.derived]
        own = next(((found.name, found.kind) for found in mine if len(found.path) == 1), None)
        inside = {found.path[1]: (found.name, found.kind) for found in mine if len(found.path) == 2}
        goal, inner = _TEXT_IN.get(key, (_TEXT.get(key), None))
        plans[key] = _Plan(presence_bit(key), own, inside, key in RESPELT, goal, inner)
    return plans


def document(record: Record, thesaurus: Thesaurus | None = None) -> Document:
    """Take a record apart. An import spends more time here than anywhere else of ours."""
    made = Document()
    _put_fields(made, record)
    for one in record.get("dates", ()):
        if one["type"] == "Issued" and (start := date_value(one["date"].partition("/")[0])) is not None:
            made.numbers["issued"] = [start]
            break
    if "same_as" in record:
        made.terms["source"] = list(dict.fromkeys(part["source"] for part in record["same_as"]))
    if "subjects" in record and (paths := subject_paths(record["subjects"], thesaurus)):
        made.terms["subjects.path"] = paths
    if "identifiers.scheme" in made.terms and "rucio" in made.terms["identifiers.scheme"]:
        made.terms["did.path"] = did_paths(record)
    if "extra" in record:
        others: list[str] = []
        for key, value in record["extra"].items():
            _walk(made, others, f"extra.{key}", value)
        if others:
            made.text["other"] = made.text.get("other", []) + others
    return made


def _put_fields(made: Document, record: Record) -> None:
    """What the top-level fields say, each by itself."""
    plans, terms, text = _plans(), made.terms, made.text
    present = 0
    for key, value in record.items():
        bit, own, inside, respelt, goal, inner = plans[key]
        present |= bit
        items = value if isinstance(value, list) else [value]
        if own is not None and items:
            _put(made, *own, [canonical(key, word) for word in items] if respelt else items)
        if inside:
            found = _inside(items, inside)
            for sub, some in found.items():
                name, kind = inside[sub]
                if kind == "keyword" and not isinstance(some[0], list):
                    terms[name] = some
                else:
                    _put(made, name, kind, some)
            if inner is not None:
                items = found.get(inner, [])
        if goal is not None:
            text[goal] = text[goal] + items if goal in text else items
    made.present = present


def subject_paths(subjects: list[dict[str, Any]], thesaurus: Thesaurus | None) -> list[str]:
    """The terms of ``subjects.path``."""
    found: list[str] = []
    for subject in subjects:
        if levels := written_levels(subject["term"]):
            found += path_terms(levels)
        elif thesaurus is not None:
            found += thesaurus.terms(subject)
    return list(dict.fromkeys(found))


def did_paths(record: Record) -> list[str]:
    """The terms of ``did.path``.

    The columns are those of one DID: of a merged record the others have their scope alone.
    """
    columns = record.get("extra", {}).get("rucio")
    columns = columns if isinstance(columns, dict) else {}
    below = []
    for key in ("project", "datatype"):
        if not isinstance(value := columns.get(key), str):
            break
        below.append(value)
    found: list[str] = []
    for one in record["identifiers"]:
        head, colon, _ = one["value"].partition(":")
        scope = head.rpartition("/")[2]  # lake/scope:name names the lake too
        if one["scheme"] == "rucio" and colon:
            found += path_terms([scope, *below] if columns.get("scope", scope) == scope else [scope])
    return list(dict.fromkeys(found))


def _inside(items: list[dict[str, Any]], wanted: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The values of the wanted keys, over all items."""
    if len(items) == 1:
        return {sub: [one] for sub, one in items[0].items() if sub in wanted}
    found: dict[str, list[Any]] = {}
    for item in items:
        for sub, one in item.items():
            if sub in found:
                found[sub].append(one)
            elif sub in wanted:
                found[sub] = [one]
    return found


def _put(made: Document, name: str, kind: str, values: list[Any]) -> None:
    if kind == "keyword":
        made.terms[name] = [word for words in values for word in words] if isinstance(values[0], list) else values
    elif kind == "number":
        made.numbers[name] = [float(value) for value in values]
    elif kind == "date":
        made.numbers[name] = [day for value in values if value and (day := date_value(value)) is not None]
    else:
        bounds = [(value.get("min", -math.inf), value.get("max", math.inf)) for value in values]
        made.intervals[name] = bounds if len(bounds) == 1 else joined(bounds)


def joined(intervals: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Ascending, those that touch or overlap made one."""
    made: list[tuple[float, float]] = []
    for low, high in sorted(intervals):
        if made and low <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], high))
        else:
            made.append((low, high))
    return made


def _walk(made: Document, others: list[str], path: str, value: Any) -> None:
    if isinstance(value, str):
        others.append(value)
        if len(value.encode()) <= MAX_WORD and "\0" not in value:
            made.terms.setdefault(path, []).append(value)
            if (number := number_value(value)) is not None:
                made.numbers.setdefault(path + "\0text", []).append(number)
            elif (date := date_value(value)) is not None:
                made.numbers.setdefault(path + "\0date", []).append(date)
    elif isinstance(value, bool):
        made.terms.setdefault(path, []).append("true" if value else "false")
    elif isinstance(value, (int, float)):
        made.numbers.setdefault(path, []).append(float(value))
    elif isinstance(value, dict):
        for key, inner in value.items():
            _walk(made, others, f"{path}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            _walk(made, others, path, inner)


def number_value(text: str) -> float | None:
    """The number that a word spells, if it does."""
    if text[:1] in "0123456789+-." and _NUMBER.match(text):
        value = float(text)
        return value if math.isfinite(value) else None
    return None


@functools.lru_cache(maxsize=10_000)  # days repeat
def date_value(text: str) -> float | None:
    """First instant of the ISO 8601 date that a word spells, MJD UTC; None when it spells none."""
    if text[:1].isdigit() and (_DATE.match(text) or re.fullmatch(r"\d{4}", text)):
        try:
            return utc_span(text)[0]
        except ValueError:
            return None
    return None
