"""VOSI 1.1 availability and capabilities (IVOA Recommendation 24 May 2017), for the cone search.

The capability of the cone search follows SimpleDALRegExt 1.1, section 3.1.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import quoteattr

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import cone
from api.catalogue import Catalogue
from api.search import VOTABLE_TYPE
from api.threads import Lanes
from mappings.votable import escape
from schemas.query import Filter, Query

PATHS = ("/availability", "/capabilities", "/scs/availability", "/scs/capabilities")
MEDIA_TYPE = "text/xml"  # VOSI 1.1, section 5.1
_TEST_RADIUS = 0.1  # degrees around a record that is there: few rows, one at least
_NOWHERE = (83.63, 22.01)  # the Crab nebula, when the catalogue holds no position yet

PARAMETERS = (
    # name, required, data type of VODataService 1.1, unit, UCD, description
    ("RA", True, "real", "deg", "pos.eq.ra", "Right ascension of the cone's centre, ICRS, 0 to 360"),
    ("DEC", True, "real", "deg", "pos.eq.dec", "Declination of the cone's centre, ICRS, -90 to 90"),
    ("SR", True, "real", "deg", "phys.angSize", "Radius of the cone, 0 to 180; 0 gives the fields alone"),
    ("VERB", False, "integer", None, None, "Columns: 1 bare, 2 usual (the default), 3 all"),
    ("MAXREC", False, "integer", None, None,
     f"Most rows to give; 0 gives the fields alone; {cone.MAX_RECORDS} if absent and at most"),
)  # fmt: skip


def routes(catalogue: Catalogue, lanes: Lanes, public_url: str | None) -> list[Route]:
    """The four routes: VOSI endpoints are siblings or children of the service that they describe (section 2)."""
    since = datetime.now(UTC)

    async def availability(request: Request) -> Response:
        return Response(_availability(await lanes.short(catalogue.ready), since), media_type=MEDIA_TYPE)

    async def capabilities(request: Request) -> Response:
        base = (public_url or str(request.base_url)).rstrip("/")
        place = await lanes.short(lambda: _some_place(catalogue))
        return Response(_capabilities(base, place), media_type=MEDIA_TYPE)

    return [
        Route(path, availability if path.endswith("availability") else capabilities, methods=["GET"]) for path in PATHS
    ]


def _some_place(catalogue: Catalogue) -> tuple[float, float]:
    """Where a test query finds something: it must not come back empty (SimpleDALRegExt 1.1, section 3.1.1)."""
    found = catalogue.search(Query(filters=(Filter("position", "exists", ("true",)),), limit=1))
    for record in catalogue.records(found.ids):
        if position := record.get("position"):
            return position["ra"], position["dec"]
    return _NOWHERE


def _availability(problems: list[str], since: datetime) -> str:
    notes = "".join(f"<vosi:note>{escape(sentence)}</vosi:note>" for sentence in problems)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">'
        f"<vosi:available>{'false' if problems else 'true'}</vosi:available>"
        f"<vosi:upSince>{since:%Y-%m-%dT%H:%M:%SZ}</vosi:upSince>{notes}</vosi:availability>\n"
    )


def _capabilities(base: str, place: tuple[float, float]) -> str:
    meta = "".join(
        f"<capability standardID={quoteattr('ivo://ivoa.net/std/VOSI#' + name)}>"
        f'<interface xsi:type="vs:ParamHTTP" role="std" version="1.1">'
        f'<accessURL use="full">{escape(base)}/scs/{name}</accessURL></interface></capability>\n'
        for name in ("capabilities", "availability")
    )
    parameters = "".join(_parameter(*parameter) for parameter in PARAMETERS)
    ra, dec = place
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"'
        ' xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"'
        ' xmlns:cs="http://www.ivoa.net/xml/ConeSearch/v1.0"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"{meta}"
        '<capability standardID="ivo://ivoa.net/std/ConeSearch" xsi:type="cs:ConeSearch">\n'
        '<interface xsi:type="vs:ParamHTTP" role="std" version="1.03">'
        f'<accessURL use="base">{escape(base)}{cone.PATH}?</accessURL>'
        f"<queryType>GET</queryType><resultType>{VOTABLE_TYPE}</resultType>\n{parameters}</interface>\n"
        f"<maxSR>{cone.MAX_RADIUS}</maxSR><maxRecords>{cone.MAX_RECORDS}</maxRecords><verbosity>true</verbosity>\n"
        f"<testQuery><ra>{ra!r}</ra><dec>{dec!r}</dec><sr>{_TEST_RADIUS}</sr>"
        f"<verb>{cone.DEFAULT_VERBOSITY}</verb></testQuery>\n"
        "</capability>\n</vosi:capabilities>\n"
    )


def _parameter(name: str, required: bool, kind: str, unit: str | None, ucd: str | None, what: str) -> str:
    return (
        f'<param std="{"true" if name != "MAXREC" else "false"}" use="{"required" if required else "optional"}">'
        f"<name>{name}</name><description>{escape(what)}</description>"
        + (f"<unit>{unit}</unit>" if unit else "")
        + (f"<ucd>{ucd}</ucd>" if ucd else "")
        + f"<dataType>{kind}</dataType></param>\n"
    )
