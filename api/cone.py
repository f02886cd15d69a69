"""``GET /scs``: Simple Cone Search 1.03 (IVOA Recommendation 22 February 2008, with errata 1 to 3).

An answer is always HTTP 200 and VOTable; an error is an ``INFO name="Error"`` in it (section 2.3).
Records are selected by their stated position (relation ``position``), one row each, in the order of their ids.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.catalogue import Catalogue
from api.parameters import Pairs, host, pairs
from api.search import VOTABLE_TYPE, Note, chunks
from api.threads import Lanes
from catalog.engine import Answer
from mappings import table, votable
from placement.recorder import NoRecorder
from schemas.comparisons import known_field_op
from schemas.errors import AsterismError, QueryError
from schemas.query import MAX_LIMIT, Cone, Query, Region, Sort, cone, parse

PATH = "/scs"
MAX_RADIUS = 180
# The same for the default and for the most that may be asked: SCS 1.03 knows no MAXREC, so its clients expect all.
MAX_RECORDS = MAX_LIMIT
DEFAULT_VERBOSITY = 2
VERBOSITIES = (1, 2, 3)
_OWN = ("RA", "DEC", "SR", "VERB", "MAXREC")
# of the search's own parameters those that say which records, not where or how many
_REFINING = frozenset(
    {"q", "collapse"} | {name + end for name in ("time", "spectral", "energy") for end in ("", "_relation")}
)

# What stays in the event loop (see api/threads.py): on a million positions a cone of 5 degrees holds 2,000 and is
# found in well under 2 ms, and 100 rows are fetched and written in 2 ms. Anything above goes to a thread.
_SHORT_RADIUS = 5.0
_SHORT_ROWS = 100

_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConeRequest:
    """What a cone search asks: where, how many rows at most, which columns, and what more must hold."""

    cone: Cone
    maxrec: int
    verbosity: int
    more: Query | None = None


def route(catalogue: Catalogue, lanes: Lanes, recorder: NoRecorder) -> Route:
    """A plain Starlette route, as this is the one that is asked hundreds of times a second."""

    async def search(request: Request) -> Response:
        try:
            asked = read(pairs(request))
            find = partial(_find, catalogue, partial(recorder.search, site=recorder.site(host(request))), asked)
            if asked.cone.radius <= _SHORT_RADIUS:
                # words, fields and another server may take longer than the loop can spare
                plain = asked.more is None and not catalogue.remote
                found = find() if plain else await lanes.short(find)
                if len(found.ids) <= _SHORT_ROWS:
                    return _respond(_table(catalogue, asked, found))
                return _respond(await lanes.long(lambda: _table(catalogue, asked, found)))
            return _respond(await lanes.long(lambda: _table(catalogue, asked, find())))
        except AsterismError as error:
            return _respond(votable.error(str(error)))
        except Exception:
            # section 2.3 leaves no other way to say so; the traceback is for the log alone
            _log.exception("cone search failed")
            return _respond(votable.error("the server failed on this request; its log says why [api.internal]"))

    return Route(PATH, search, methods=["GET"])


def read(asked: list[tuple[str, str]]) -> ConeRequest:
    """Read RA, DEC, SR, VERB and MAXREC, whatever the case of their names (DALI 1.1, section 3.1).

    The search's fields, ``q`` and intervals refine it, named as there. Other parameters are ignored, as section 2.1
    demands; of those in capitals, which other protocols have (VERSION, FORMAT), none is a field.

    Raises
    ------
    QueryError
        ``query.*``: something is missing, repeated, not a decimal number or out of range.
    """
    values: defaultdict[str, list[str]] = defaultdict(list)
    more: Pairs = []
    for name, value in asked:
        if (upper := name.upper()) in _OWN:
            values[upper].append(value.strip())
        elif name in _REFINING or known_field_op(name) is not None:
            more.append((name, value))
    ra, dec, radius = (_decimal(name, values[name]) for name in ("RA", "DEC", "SR"))
    if not 0 <= radius <= MAX_RADIUS:
        raise QueryError("bad-radius", f"SR={radius:g} is not 0 to {MAX_RADIUS} degrees", parameter="SR")
    for name, number, low, high in (("RA", ra, 0, 360), ("DEC", dec, -90, 90)):
        if not low <= number <= high:
            raise QueryError("bad-position", f"{name}={number:g} is not {low} to {high} degrees", parameter=name)
    maxrec = _integer("MAXREC", values["MAXREC"], MAX_RECORDS)
    if maxrec < 0:
        raise QueryError("bad-value", f"MAXREC={maxrec} is negative; ask for 0 or more rows", parameter="MAXREC")
    verbosity = _integer("VERB", values["VERB"], DEFAULT_VERBOSITY)
    if verbosity not in VERBOSITIES:
        raise QueryError("bad-value", f"VERB={verbosity} is not 1, 2 or 3", parameter="VERB")
    place = cone(ra, dec, radius, "RA, DEC, SR")
    return ConeRequest(place, min(maxrec, MAX_RECORDS), verbosity, parse(more) if more else None)


def _find(catalogue: Catalogue, note: Note, asked: ConeRequest) -> Answer:
    """Ask the index, and note it; SR=0 and MAXREC=0 ask for the fields alone (section 2.1; DALI 1.1, section 3.4.4)."""
    if asked.cone.radius == 0 or asked.maxrec == 0:
        return Answer(total=0, ids=[])
    region = Region.circle(asked.cone.ra, asked.cone.dec, asked.cone.radius)
    by_id = (Sort("id"),) if asked.more else ()  # else words would order it
    query = replace(asked.more or Query(), region=region, relation="position", limit=asked.maxrec, sort=by_id)
    found = catalogue.search(query)
    note(query, found.ids, found.total)
    return found


def _table(catalogue: Catalogue, asked: ConeRequest, found: Answer) -> str:
    shown = table.columns(asked.verbosity)
    parts = [votable.rows(part, shown) for part in chunks(catalogue, found.ids)]
    return "".join([votable.head(shown), *parts, votable.tail(overflow=found.total > len(found.ids))])


def _respond(text: str) -> Response:
    return Response(text.encode(), media_type=VOTABLE_TYPE)


def _one(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise QueryError("repeated-parameter", f"{name} is given {len(values)} times; give it once", parameter=name)
    return values[0] if values else ""


def _decimal(name: str, values: list[str]) -> float:
    text = _one(name, values)
    if not text:
        raise QueryError("missing-parameter", f"{name} is missing; give it in decimal degrees", parameter=name)
    # Python's float() would also take "nan", "inf", "1_0" and the digits of every script
    if not _DECIMAL.fullmatch(text):
        raise QueryError("bad-value", f"{name}={text[:40]} is not a decimal number of degrees", parameter=name)
    return float(text)


def _integer(name: str, values: list[str], default: int) -> int:
    text = _one(name, values)
    if not text:
        return default
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise QueryError("bad-value", f"{name}={text[:40]} is not an integer", parameter=name)
    return int(text)
