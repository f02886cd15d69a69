"""The index document as Elasticsearch keeps it: the mapping, generated from the record schema, and the documents.

Fields are named as :func:`schemas.fields.search_fields` names them (``subobjects: false``, so ``creators`` and
``creators.orcid`` stand side by side); numbers and dates are doubles, as in the embedded engine. Beside them:

    id, seq            the record's id, the feed number of this version
    shown              when a search sees it, see :func:`shown`; a deleted record has none
    present            its top-level fields, and the paths of its ``extra``; absent: the search fields without a value
    extra              the values of ``extra``, see ``mappings/elastic_extra.py``
    F.low, F.high      ends of the intervals of the interval field F, open ones at ∓1e308; F.ends: the finite ones
    F.year             calendar years, UTC, of the date field F
    text.F             tokens, split at spaces
    cell, x, y, z      order-29 HEALPix cell and unit vector of the position
    point              the position as longitude and latitude, which the server rounds to a centimetre on the Earth
    pixel              order-8 cell of the position, or else of the middle of the footprint's cap
    place              ``position``, ``footprint``: it has one; ``no-position``; ``nowhere``: neither
    shape              cover cells of the footprint, see :func:`shape_terms`; cap.x, cap.y, cap.z, cap.radius
    footprint          the footprint as JSON, kept and not searched
    applied, feed, fingerprint   in the document ``STATE`` alone: how far the index has come, and of what it is made

Nothing but core types, so that every distribution of the server has them.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import orjson

from mappings import document, healpix, sky
from mappings.elastic_extra import extra_terms
from mappings.thesaurus import Thesaurus
from mappings.tokens import tokens
from schemas.access import visible
from schemas.fields import search_fields, top_level
from schemas.record import Record

VERSION = 3  # raise when the code here makes another document or mapping of the same record
STATE = "state"  # the id of the document that is none of a record: those have 16 characters
FAR = 1e308  # an open end
DENSITY_ORDER = 8
_MJD_0 = date(1858, 11, 17).toordinal()
_WORD = 8191  # characters of a word that can be compared: Lucene takes 32,766 bytes
_KEPT = ("footprint", "applied", "feed", "fingerprint")


@functools.cache
def fingerprint(thesaurus: Thesaurus | None = None) -> str:
    """Changes when an index made before is out of date."""
    said = f"{VERSION} {document.fingerprint(thesaurus)} {orjson.dumps(mapping()).decode()}"
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


def mapping() -> dict[str, Any]:
    """The mapping of the whole index; strict: a field that is not named here is refused."""
    word, number = {"type": "keyword", "ignore_above": _WORD}, {"type": "double"}
    made: dict[str, Any] = {}
    for known in search_fields().values():
        if known.kind == "keyword":
            made[known.name] = word
        elif known.kind in ("number", "date"):
            made[known.name] = number
            if known.kind == "date":
                made[f"{known.name}.year"] = {"type": "short"}
        elif known.kind == "interval":
            made[known.name] = {"type": "double_range"}
            made |= {f"{known.name}.{end}": number for end in ("low", "high", "ends")}
    for name in document.TEXT_FIELDS:
        made[f"text.{name}"] = {"type": "text", "analyzer": "whitespace"}
    made |= {name: {"type": "keyword"} for name in ("id", "shown", "present", "place", "shape")}
    made["extra"] = word
    made["absent"] = {"type": "keyword", "doc_values": False}
    made["point"] = {"type": "geo_point"}
    made |= {"seq": {"type": "long"}, "cell": {"type": "long"}, "pixel": {"type": "integer"}}
    made |= dict.fromkeys(("x", "y", "z", "cap.x", "cap.y", "cap.z", "cap.radius"), number)
    made["applied"] = {"type": "long", "index": False}
    made |= {name: {"type": "keyword", "index": False, "doc_values": False} for name in _KEPT if name != "applied"}
    return {"dynamic": "strict", "subobjects": False, "_source": {"includes": list(_KEPT)}, "properties": made}


def shown(view: str, record: Record) -> list[str]:
    """Terms by which a search finds what it may see: ``collapsed`` or ``parts``, with ``hidden-`` if restricted."""
    views = {"single": ["collapsed", "parts"], "part": ["parts"], "merged": ["collapsed"]}[view]
    return views if visible(record, frozenset()) else [f"hidden-{one}" for one in views]


def tombstone(id: str, seq: int) -> dict[str, Any]:
    """What stands for a deleted record, so that no older version of it comes back."""
    return {"id": id, "seq": seq}


def cells_of(records: Sequence[Record | None]) -> list[int | None]:
    """Order-29 cell of each record's position, None where there is none; at once, for each call takes 0.1 ms."""
    found: list[int | None] = [None] * len(records)
    at = [n for n, record in enumerate(records) if record is not None and record.get("position") is not None]
    if at:
        positions = [records[n]["position"] for n in at]  # type: ignore[index]  # only those that have one
        pixels = healpix.cells([one["ra"] for one in positions], [one["dec"] for one in positions])
        for n, pixel in zip(at, pixels.tolist(), strict=True):
            found[n] = pixel
    return found


def index_document(
    seq: int, record: Record, view: str, thesaurus: Thesaurus | None = None, *, cell: int | None = None
) -> dict[str, Any]:
    """The document of one record; ``cell``: that of its position, where it is known (:func:`cells_of`)."""
    found = document.document(record, thesaurus)
    made: dict[str, Any] = {"id": record["id"], "seq": seq, "shown": shown(view, record)}
    known = search_fields()
    made |= {name: _once(words) for name, words in found.terms.items() if name in known}
    for name, numbers in found.numbers.items():
        if name in known:
            made[name] = _once(numbers)
            if known[name].kind == "date":
                made[f"{name}.year"] = _once([year(value) for value in numbers])
    for name, bounds in found.intervals.items():
        made |= _intervals(name, bounds)
    made["absent"] = [name for name in known if not made.get(name)]
    made |= {f"text.{name}": [" ".join(tokens(part)) for part in parts] for name, parts in found.text.items()}
    extra, paths = extra_terms(found)
    made["extra"] = extra
    made["present"] = [*(name for name in record if name in top_level()), *paths]
    return made | _places(record, cells_of([record])[0] if cell is None else cell)


def year(mjd: float) -> int:
    """The calendar year, UTC, of an MJD."""
    return date.fromordinal(_MJD_0 + math.floor(mjd)).year


def _once(values: list[Any]) -> list[Any]:
    return values if len(values) == 1 else list(dict.fromkeys(values))


def _intervals(name: str, bounds: list[tuple[float, float]]) -> dict[str, Any]:
    ranges = [
        {end: value for end, value in (("gte", low), ("lte", high)) if math.isfinite(value)} for low, high in bounds
    ]
    return {
        name: [one or {"gte": None} for one in ranges],
        f"{name}.low": [max(low, -FAR) for low, _ in bounds],
        f"{name}.high": [min(high, FAR) for _, high in bounds],
        f"{name}.ends": [value for pair in bounds for value in pair if math.isfinite(value)],
    }


def _places(record: Record, cell: int | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    position, footprint = record.get("position"), record.get("footprint")
    has = [name for name, one in (("position", position), ("footprint", footprint)) if one is not None]
    made["place"] = [*has, *(() if position else ("no-position",)), *(() if has else ("nowhere",))]
    if position is not None:
        made["cell"] = cell
        made["point"] = longitude(position["ra"]), position["dec"]
        made["x"], made["y"], made["z"] = healpix.unit(position["ra"], position["dec"]).tolist()
    if footprint is not None:
        made["footprint"] = orjson.dumps(footprint).decode()
        cover = sky.cover(sky.shape_of(footprint))
        x, y, z, radius = cover.cap.tolist()
        made |= {"cap.x": x, "cap.y": y, "cap.z": z, "cap.radius": radius, "shape": shape_terms(cover.cells)}
        if cell is None and cover.cells:
            cell = int(healpix.cells(*np.degrees([[math.atan2(y, x)], [math.atan2(z, math.hypot(x, y))]]))[0])
    if cell is not None:
        made["pixel"] = cell >> 2 * (healpix.ORDER - DENSITY_ORDER)
    return made


def longitude(ra: float) -> float:
    """A right ascension, degrees, as longitude from -180 to 180."""
    return ra - 360 if ra > 180 else ra


def shape_terms(cells: list[tuple[int, Any, Any]]) -> list[str]:
    """Terms of a footprint's cover: ``=ORDER/CELL`` a cell inside it, ``~`` one that may meet it.

    ``+`` and ``-`` are the cells above an inner cell, and above any other.
    """
    found: set[str] = set()
    for order, pixels, inner in cells:
        for pixel, sure in zip(pixels.tolist(), inner.tolist(), strict=True):
            found.add(f"{'=' if sure else '~'}{order}/{pixel}")
            for up in range(1, order + 1):
                term = f"{'+' if sure else '-'}{order - up}/{pixel >> 2 * up}"
                if term in found:
                    break
                found.add(term)
    return sorted(found)
