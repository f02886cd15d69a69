"""Terms: what a record is, and what a query asks for, in the same words, so that interest can be added up.

A term is a dimension and a 64-bit key.

- READ, VIEW, FOUND: one record, by :func:`record_key`;
- SKY: an order-5 HEALPix cell (1.8 degrees) that its footprint meets, of its position where it has none;
- TIME: a span of 32 days of MJD that one of its intervals meets;
- FACET: the value of a field that people narrow by, folded as the index folds it;
- WORD: a token (``mappings/tokens.py``) of title, targets or subjects.

What is too wide to tell one dataset from the next says nothing: more than 256 cells, an interval of more than 24 spans.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mappings.document import did_paths, number_value, subject_paths
from mappings.thesaurus import Thesaurus
from mappings.tokens import token_text
from placement import terms_sky
from placement.state import Terms
from schemas.fields import search_fields
from schemas.filters import Filter
from schemas.query import Query, Span
from schemas.record import Record
from schemas.text import And, Node, Or, Phrase, Where, Words
from schemas.vocabulary import RESPELT, canonical

VERSION = 1  # raise when the code here or in terms_sky.py makes other terms of the same record
READ, VIEW, FOUND, SKY, TIME, FACET, WORD = range(7)
DIMS = ("read", "view", "found", "sky", "time", "facet", "word")

BIN = 32.0  # days
MOST_BINS = 24  # two years
MOST_FACETS = 96  # of one record: Rucio's JSON metadata may have any number of keys
MOST_WORDS = 64
_MOST_INTERVALS = 256
_FARTHEST = 1 << 40  # bins: beyond it days are no dates
_LONGEST = 200  # characters of a value that people narrow by
# What a search narrows by and datasets differ in. Not where their copies are: that is what placement changes.
FIELDS = (
    *("facilities", "instruments", "wavebands", "product_type", "calib_level", "targets", "subjects", "subjects.path"),
    *("creators", "publisher", "funding.award", "did.path", "relations"),
)
# Rucio's columns that say how a DID is kept, not what it is; its JSON metadata has names of its own
_KEPT = frozenset(
    (
        *("access_cnt", "accessed_at", "account", "adler32", "availability", "bytes", "closed_at", "complete"),
        *("constituent", "created_at", "deleted_at", "did_type", "eol_at", "events", "expired_at", "guid", "hidden"),
        *("is_archive", "is_new", "is_open", "length", "md5", "monotonic", "name", "obsolete", "purge_replicas"),
        *("scope", "suppressed", "transient", "type", "updated_at"),
    )
)
_KEPT_FIELDS = frozenset(f"extra.rucio.{name}" for name in _KEPT)
_LISTS = ("facilities", "instruments", "wavebands", "targets")
_INSIDE = {"subjects": "term", "creators": "name", "funding": "award", "relations": "identifier"}
_WORDY = (None, "title", "subjects", "other")  # the text fields whose words are terms of a record


class Asked(NamedTuple):
    """A term that a query asks for; the amounts of one dimension add up to 1."""

    dim: int
    key: int
    amount: float


@functools.lru_cache(maxsize=500_000)
def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def record_key(id: str) -> int:
    """The key of one record in READ, VIEW and FOUND."""
    return int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "little")


def sky_key(cell: int) -> int:
    """The key of a cell of order 5."""
    return terms_sky.ORDER << 56 | cell


def of_record(record: Record, thesaurus: Thesaurus | None = None) -> list[tuple[int, int]]:
    """The terms of one record, as (dimension, key), ascending."""
    made = of_records([record], thesaurus)
    return list(zip(made.dims.tolist(), made.keys.tolist(), strict=True))


def of_records(records: Sequence[Record], thesaurus: Thesaurus | None = None) -> Terms:
    """The terms of many records; of each ascending by (dimension, key), none twice.

    A few thousand at a time: the sky is done for all at once. READ, VIEW and FOUND are not among them.
    """
    cells = terms_sky.of_footprints([_place(record) for record in records])
    start = np.zeros(len(records) + 1, dtype=np.int64)
    dims: list[int] = []
    keys: list[int] = []
    for n, record in enumerate(records):
        by_dim = (
            (SKY, [terms_sky.ORDER << 56 | cell for cell in cells[n]]),
            (TIME, _bins([(one.get("min", -math.inf), one.get("max", math.inf)) for one in record.get("time", ())])),
            (FACET, list(map(_hash, _facets(record, thesaurus)))),
            (WORD, list(map(_hash, _words(record)))),
        )
        for dim, found in by_dim:
            if found:
                dims += [dim] * len(found)
                keys += sorted(found)
        start[n + 1] = len(keys)
    return Terms(start, np.array(dims, dtype=np.uint8), np.array(keys, dtype=np.uint64))


def of_query(query: Query) -> list[Asked]:
    """What a query asks for, ascending by (dimension, key); ranges, patterns and what is left out say nothing.

    Its region must be a footprint: one that names a record says nothing.
    """
    wheres, words = _said(query.words)
    cells: Iterable[int] = ()
    if query.region is not None and query.region.footprint:
        cells = terms_sky.of_footprints([query.region.footprint])[0]
    facets = {key for one in (*query.filters, *wheres) for key in _filtered(one)}
    by_dim = (
        (SKY, set(map(sky_key, cells))),
        (TIME, {key for span in query.spans for key in _spanned(span)}),
        (FACET, set(map(_hash, facets))),
        (WORD, {_hash(word) for text in words for word in token_text(text).split()}),
    )
    return [Asked(dim, key, 1 / len(found)) for dim, found in by_dim for key in sorted(found)]


def _place(record: Record) -> dict[str, object] | None:
    if footprint := record.get("footprint"):
        return footprint  # type: ignore[no-any-return]  # a record is plain JSON
    if position := record.get("position"):
        return {"circle": [position["ra"], position["dec"], 0.0]}
    return None


def _bins(intervals: Sequence[tuple[float, float]]) -> list[int]:
    found: set[int] = set()
    for low, high in intervals[:_MOST_INTERVALS]:
        if math.isfinite(low) and math.isfinite(high):
            first, last = math.floor(low / BIN), math.floor(high / BIN)
            if 0 <= last - first < MOST_BINS and abs(first) < _FARTHEST:
                found.update(range(_FARTHEST + first, _FARTHEST + last + 1))
    return list(found)


def _spanned(span: Span) -> list[int]:
    return _bins([(span.low, span.high)]) if span.field == "time" else []


def _facets(record: Record, thesaurus: Thesaurus | None) -> list[str]:
    """``field`` and value of what a record can be narrowed by; what :func:`mappings.document.document` has, and faster.

    An import spends most of its time there, for fields that say nothing here.
    """
    found: list[str] = []
    for field in _LISTS:
        if field in record:
            if field in RESPELT:
                found += [f"{field}\0{canonical(field, word)}" for word in record[field]]
            else:
                found += [f"{field}\0{word}" for word in record[field]]
    for field, key in _INSIDE.items():
        name = f"{field}.award" if field == "funding" else field
        found += [f"{name}\0{one[key]}" for one in record.get(field, ()) if key in one]
    for field in ("product_type", "publisher"):
        if field in record:
            found.append(f"{field}\0{record[field]}")
    if "calib_level" in record:
        found.append(_numbered("calib_level", record["calib_level"]))
    if "subjects" in record:
        found += [f"subjects.path\0{path}" for path in subject_paths(record["subjects"], thesaurus)]
    found += [f"did.path\0{path}" for path in did_paths(record)]
    for namespace, said in record.get("extra", {}).items():
        _walk(found, f"extra.{namespace}", said)
    return list(dict.fromkeys(found))[:MOST_FACETS]


def _walk(found: list[str], path: str, value: object) -> None:
    if isinstance(value, str):
        if len(value) <= _LONGEST:
            found.append(_extra(path, value))
    elif isinstance(value, bool):
        found.append(f"{path}\0true" if value else f"{path}\0false")
    elif isinstance(value, int | float):
        found.append(_numbered(path, value))
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in _KEPT or path != "extra.rucio":
                _walk(found, f"{path}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            _walk(found, path, inner)


def _numbered(field: str, number: float) -> str:
    return f"{field}\0#{float(number)!r}"


def _extra(field: str, word: str) -> str:
    """A word of a key of any type: the number that it spells, if it does, as the index compares them."""
    number = number_value(word)
    return f"{field}\0{word}" if number is None else _numbered(field, number)


def _filtered(wanted: Filter) -> Iterator[str]:
    field = wanted.field
    if wanted.op != "eq":
        return
    if field.startswith("extra."):
        if field not in _KEPT_FIELDS:
            yield from (_extra(field, value) for value in wanted.values)
    elif field in FIELDS:
        for value in wanted.values:
            if search_fields()[field].kind == "keyword":
                yield f"{field}\0{value}"
            elif (number := number_value(value)) is not None:
                yield _numbered(field, number)


def _words(record: Record) -> list[str]:
    texts = (record["title"], *record.get("targets", ()), *[one["term"] for one in record.get("subjects", ())])
    found = dict.fromkeys(" ".join(map(token_text, texts)).split())
    return list(found)[:MOST_WORDS]


def _said(tree: Node | None) -> tuple[list[Filter], list[str]]:
    """The comparisons and the texts of a tree that are asked for, and not left out."""
    match tree:
        case Where():
            return [tree.filter], []
        case Words() | Phrase():
            return [], [tree.text] if tree.field in _WORDY else []
        case And() | Or():
            below = [_said(part) for part in tree.parts]
            return [one for some, _ in below for one in some], [one for _, some in below for one in some]
    return [], []
