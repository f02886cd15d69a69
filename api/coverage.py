"""``GET`` and ``POST /api/v1/coverage``: where on the sky a whole result lies, as one MOC to download."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response
from starlette.routing import Route

from api.catalogue import Catalogue
from api.parameters import Pairs, only
from api.search import query_endpoint
from api.threads import Lanes
from schemas.comparisons import choice
from schemas.parsing import whole
from schemas.query import parse

PATH = "/api/v1/coverage"
DEFAULT_ORDER = 8  # cells of 14 arcminutes
MAX_ORDER = 12  # 51 arcseconds: 200 million cells of the whole sky, which are twelve ranges
# form: media type, file name's end
FORMS = {
    "fits": ("application/fits", "fits"),
    "ascii": ("text/plain; charset=us-ascii", "txt"),
    "json": ("application/json", "json"),
}


def route(catalogue: Catalogue, lanes: Lanes) -> Route:
    """The route; it works on the lane of long answers, as it looks at all that matches."""
    return Route(PATH, query_endpoint(lanes, partial(answer, catalogue), long=True), methods=["GET", "POST"])


def answer(catalogue: Catalogue, asked: Pairs, linked: bool = True) -> Response:
    """The MOC of what ``asked`` finds; raises ``QueryError``."""
    from mappings.moc_files import write_moc

    form = choice("form", only(asked, "form") or "fits", tuple(FORMS))
    order = whole("order", only(asked, "order") or str(DEFAULT_ORDER), 0, MAX_ORDER)
    query = parse([(name, value) for name, value in asked if name not in ("form", "order")], catalogue.resolve)
    media_type, end = FORMS[form]
    headers = {"Content-Disposition": f'attachment; filename="coverage.{end}"'}
    body = write_moc(catalogue.coverage(query, order), form, order)  # type: ignore[arg-type]  # form is one of FORMS
    return Response(body, headers=headers, media_type=media_type)
