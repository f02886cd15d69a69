"""What the OpenAPI description says of a search: its parameters, its body and its answer."""

from __future__ import annotations

import re
from typing import Any

from api import coverage, search
from api.bodies import FORM_TYPE, JSON_TYPE, MOC_TYPES
from schemas.fields import SearchField, search_fields
from schemas.query import (
    DEFAULT_BINS,
    DEFAULT_BUCKETS,
    DEFAULT_LIMIT,
    MAX_BINS,
    MAX_DENSITY,
    MAX_FACETS,
    MAX_LIMIT,
)
from schemas.units import BANDS, UNITS

Json = dict[str, Any]

COMPARISONS = """Any field below is a parameter; repeated, it means any of its values, and different fields must all
hold. `FIELD.gt`, `.gte`, `.lt`, `.lte` compare numbers, dates and the source's own values, `.not` excludes values, and
`.exists=true|false` asks whether there is one; `extra.NAMESPACE.KEY` names what a source brought along. An unknown
field is an error that names its nearest neighbour."""
POSTED = """The parameters of the GET as one JSON object: texts, numbers, true, false, and lists for what may be
repeated; `cone` as `[RA, DEC, RADIUS]`, `polygon` as `[[RA, DEC], ...]`, `moc` in ASCII or as a JSON MOC, `footprint`
as in a record. Or a form; or a MOC alone, in FITS or ASCII, with the other parameters in the URL."""

# decimal degrees in range, as schemas.regions checks them
_FRACTION = r"(\.\d+)?"
_RA = rf"(360(\.0+)?|(3[0-5]\d|[12]?\d?\d){_FRACTION})"
_DEC = rf"[+-]?(90(\.0+)?|[1-8]?\d{_FRACTION})"
_RADIUS = rf"(180(\.0+)?|(1[0-7]\d|\d?\d){_FRACTION})"
_SIDE = rf"(1[0-7]\d|\d?\d){_FRACTION}"
_NUMBER = r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?"
_POSITIVE = r"\d+(\.\d+)?([eE][+-]?\d{1,2})?"
_DATE = r"[12]\d{3}(-(0[1-9]|1[0-2])(-(0[1-9]|1\d|2[0-8])(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?Z?)?)?)?"
_INSTANT = rf"({_DATE}|(M?JD )?{_NUMBER})( (UTC|TAI|TT|TDB))?"
_NO_NUL = r"^[^\u0000]*$"

_COUNT: Json = {"type": "integer", "minimum": 0}


def _text(pattern: str = _NO_NUL, **more: Any) -> Json:
    return {"type": "string", "pattern": pattern, **more}


def _word(*words: str) -> Json:
    return {"type": "string", "enum": list(words), "default": words[0]}


def _listed(item: str, most: int) -> Json:
    return _text(rf"^({item})?(,({item})?){{0,{most - 1}}}$")


def parameter(name: str, what: str, schema: Json, **more: Any) -> Json:
    """One query parameter."""
    return {"name": name, "in": "query", "description": what, "schema": schema, **more}


def search_parameters() -> list[Json]:
    """The search's own parameters, then one for each field that can be filtered by."""
    own = [*_words(), *_sky(), *_intervals(), *_counting(), *_paging()]
    taken = {one["name"] for one in own}
    fields = [field for field in search_fields().values() if field.name not in taken and field.kind != "text"]
    return own + [_filter(field) for field in fields]


def coverage_parameters() -> list[Json]:
    """Those of the search that say what is found, and the form of the MOC."""
    without = {one["name"] for one in [*_counting(), *_paging()]} - {"collapse"}
    return [
        parameter("order", "HEALPix order of the cells",
                  {"type": "integer", "minimum": 0, "maximum": coverage.MAX_ORDER, "default": coverage.DEFAULT_ORDER}),
        parameter("form", "The form of the MOC", _word(*coverage.FORMS)),
        *(one for one in search_parameters() if one["name"] not in without),
    ]  # fmt: skip


def _words() -> list[Json]:
    what = (
        'Words to find, in titles, identifiers, subjects, creators and descriptions; "a phrase", AND, OR, NOT, '
        "field:value, bytes:>1e9, [LOW TO HIGH], wild* and fuzzy~ words"
    )
    return [parameter("q", what, _text(maxLength=2000))]


def _sky() -> list[Json]:
    polygon = rf"^{_RA},{_DEC}(,{_RA},{_DEC}){{2,9}}$"
    return [
        parameter("cone", "RA,DEC,RADIUS: a circle on the sky, decimal degrees, ICRS; or NAME,RADIUS around an object",
                  _text(rf"^({_RA},{_DEC}|[A-Z][A-Za-z0-9 +-]*),{_RADIUS}$"), example="83.63,22.01,1"),
        parameter("polygon", "RA,DEC,RA,DEC,RA,DEC...: vertices joined by great circles; the smaller of the two areas",
                  _text(polygon), example="83,21,85,21,84,23"),
        parameter("box", "RA,DEC,WIDTH,HEIGHT: sides through great circles, degrees, below 180",
                  _text(rf"^{_RA},{_DEC},{_SIDE},{_SIDE}$"), example="83.63,22.01,2,1"),
        parameter("moc", "A MOC in ASCII: order/cells", _text(r"^([0-9]|1[0-4])/(\d|1[01])(-11)?$"), example="3/7"),
        parameter("footprint", "A region in STC-S, or an ObsCore s_region", _text(),
                  example="Circle ICRS 83.63 22.01 1"),
        parameter("footprint_of", "The footprint, or else the position, of the record with that id",
                  _text(r"^[0-9a-v]{16}$")),
        parameter("relation", "How a record meets the region: its footprint (or else its position) intersects it, "
                  "is within it or contains it; or its stated position is in it",
                  _word("intersects", "within", "contains", "position")),
        parameter("unlocated", "Whether records without a place on the sky are counted in",
                  _word("exclude", "include")),
        *(parameter(f"covered.{end}", f"The footprint covers {what} that fraction of the region",
                    {"type": "number", "minimum": 0, "maximum": 1})
          for end, what in (("gte", "at least"), ("lte", "at most"))),
    ]  # fmt: skip


def _intervals() -> list[Json]:
    units = "|".join(map(re.escape, UNITS))
    bands = "|".join(map(re.escape, BANDS))
    amount = rf"({_POSITIVE} ?({units})?|\.\.)"
    found = [
        parameter("time", "START/END: observed in that interval; ISO 8601 is UTC, a bare MJD, MJD or JD and a number "
                  "TDB; another scale after it: UTC, TAI, TT, TDB; .. an open end",
                  _text(rf"^{_INSTANT}$|^({_INSTANT}|\.\.)/({_INSTANT}|\.\.)$"), example="2004-12-01/2004-12-31"),
        parameter("spectral", "LO/HI: a band covered; vacuum wavelengths in metres, or with a unit of length, "
                  "frequency or energy; .. an open end; or a band's name",
                  _text(rf"^{amount}$|^{amount}/{amount}$|^({bands})$"), example="1/2 GHz"),
        parameter("energy", "LO/HI: energies of other messengers, in joules, or with a unit; .. an open end",
                  _text(rf"^{amount}$|^{amount}/{amount}$"), example="0.1/100 TeV"),
    ]  # fmt: skip
    what = "How a record meets it: an interval of it overlaps, all lie within it, or one contains it"
    related = [parameter(f"{one['name']}_relation", what, _word("overlaps", "within", "contains")) for one in found]
    return [one for both in zip(found, related, strict=True) for one in both]


def _counting() -> list[Json]:
    fields = search_fields().values()
    countable = "|".join(re.escape(field.name) for field in fields if field.kind not in ("text", "interval"))
    countable = rf"({countable}|extra\.[a-z]+\.[a-z_]+)"
    ordered = "|".join(re.escape(field.name) for field in fields if field.kind in ("number", "date", "interval"))
    return [
        parameter("facets", "Fields whose values are counted, with commas; FIELD:SIZE for so many values "
                  f"({DEFAULT_BUCKETS} if unsaid); at most {MAX_FACETS} fields. A facet ignores its own filter",
                  _listed(rf"{countable}(:[1-9]\d{{0,2}})?", 5), example="kind,facilities:10"),
        parameter("facet_prefix", "FIELD:PREFIX: of that facet the values that begin so; of a field named .path, the "
                  "level below PREFIX",
                  {"type": "array", "items": _text(rf"^{countable}:[^\u0000]*$")}),
        parameter("histogram", "Fields whose numbers, dates or intervals are counted in bins with round edges, with "
                  f"commas; FIELD:BINS for at most so many ({DEFAULT_BINS} if unsaid, 1 to {MAX_BINS})",
                  _listed(rf"({ordered})(:[1-9]\d?)?", 3), example="bytes:10"),
        parameter("density", "Count by HEALPix cell, nested, of that order",
                  {"type": "integer", "minimum": 0, "maximum": MAX_DENSITY}),
        parameter("collapse", "The same thing from several sources is one record; false: each source's own",
                  _word("true", "false")),
        parameter("sort", "Fields to order by, with commas, -FIELD descending; score (with q), distance (with cone), "
                  "covered (with a region), changed",
                  _listed(rf"-?({ordered}|id|score|distance|covered|changed)", 3), example="-bytes"),
    ]  # fmt: skip


def _paging() -> list[Json]:
    return [
        parameter("limit", "Records in the answer; 0 for the counts alone",
                  {"type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
        parameter("cursor", "Where an earlier answer ended: its `next`, with the same other parameters",
                  {"type": "string"}),
        parameter("highlight", "Texts of the page's records with the words of q marked (JSON alone)",
                  _word("false", "true")),
        parameter("format", "The form of the answer", _word(*search.FORMATS)),
    ]  # fmt: skip


def _filter(field: SearchField) -> Json:
    item: Json = {
        "keyword": _text(),
        "number": {"type": "number"},
        "interval": {"type": "number"},
        "date": _text(f"^{_DATE}$"),
    }[field.kind]
    what = f"Filter ({field.kind}); repeated: any of. Also {field.name}.not, .exists"
    if field.kind != "keyword":
        what += ", .gt, .gte, .lt, .lte"
    return parameter(field.name, what, {"type": "array", "items": item})


def body() -> Json:
    """The body of a POST."""
    plain: Json = {"type": ["string", "number", "boolean", "null", "array", "object"]}
    content: Json = {
        JSON_TYPE: {"schema": {"type": "object", "additionalProperties": plain}},
        FORM_TYPE: {"schema": {"type": "object", "additionalProperties": {"type": "string"}}},
    }
    content |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MOC_TYPES}
    return {"required": False, "content": content}


def _per_field(**properties: Any) -> Json:
    made = {"type": "object", "required": list(properties), "properties": properties}
    return {"type": "object", "additionalProperties": made}


_BUCKET: Json = {
    "type": "object",
    "required": ["value", "count"],
    "properties": {"value": {"type": ["string", "number", "boolean"]}, "count": _COUNT},
}
_MISSING = {**_COUNT, "description": "Matching records without a value"}
_COUNTS = {"type": "array", "items": _COUNT}
ANSWER: Json = {
    "title": "Search answer",
    "type": "object",
    "required": ["total", "items", "facets", "next", "unlocated"],
    "additionalProperties": False,
    "properties": {
        "total": {**_COUNT, "description": "How many records match, exactly"},
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Record"}},
        "facets": _per_field(buckets={"type": "array", "items": _BUCKET}, missing=_MISSING),
        "next": {"type": ["string", "null"], "description": "The cursor of the next page"},
        "unlocated": {**_COUNT, "description": "Match all but the region, for want of a place on the sky"},
        "histograms": _per_field(
            scale={"type": "string", "enum": ["linear", "log", "day", "month", "year"]},
            edges={"type": "array", "items": {"type": ["number", "string"]}, "description": "One more than counts"},
            counts=_COUNTS,
            missing=_MISSING,
        ),
        "density": {
            "type": "object",
            "required": ["order", "cells"],
            "properties": {"order": _COUNT, "cells": {"type": "object", "additionalProperties": _COUNT}},
            "description": "Records by HEALPix cell (nested), of their position or else their footprint's centre",
        },
        "covered": {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
            "description": "By id: the fraction of the region that the footprint covers",
        },
        "highlights": {
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}},
            "description": "By id and field: HTML, the words of q in mark elements",
        },
        "did_you_mean": {"type": ["string", "null"], "description": "Another q, when this one finds nothing"},
        "object": {
            "type": "object",
            "required": ["name", "ra", "dec"],
            "properties": {"name": {"type": "string"}, "ra": {"type": "number"}, "dec": {"type": "number"}},
            "description": "Where the object is whose name q is; degrees, ICRS",
        },
    },
}
