"""Regions of the sky as they are typed, in the form of a record's ``footprint``; numbers are checked, no more."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from typing import Any

from schemas.errors import QueryError
from schemas.moc import parse_spans
from schemas.numbers import number
from schemas.objects import names
from schemas.stc_s import parse_stc_s

Footprint = dict[str, Any]
Resolver = Callable[[str], "tuple[float, float] | None"]

NAMES = ("cone", "polygon", "box", "moc", "footprint", "footprint_of")
MAX_VERTICES = 10_000
_ID = re.compile(r"[0-9a-v]{16}")


def cone(text: str, resolve: Resolver | None) -> Footprint:
    """``RA,DEC,RADIUS`` or ``NAME,RADIUS``; ``resolve`` gives the (ra, dec) of a name, in degrees, or None."""
    name, comma, radius = (part.strip() for part in text.rpartition(","))
    if not comma or "," in name or not name or all(map(_is_number, name.split())):
        ra, dec, size = floats("cone", text, 3)
    else:
        found = resolve(name) if resolve is not None and "\0" not in name else None
        if found is None:
            near = difflib.get_close_matches(name[:80], names(), 1, 0.75)
            how = f"did you mean {near[0]!r}? Or give" if near else "give"
            said = f"no object {name[:80]!r} is known here; {how} its position: cone=RA,DEC,RADIUS"
            raise QueryError("unknown-object", said, parameter="cone")
        (ra, dec), (size,) = found, floats("cone", radius, 1)
    check_place(ra, dec, "cone")
    check_radius(size, "cone")
    return {"circle": [ra, dec, size]}


def polygon(text: str) -> Footprint:
    """``RA,DEC,RA,DEC,RA,DEC...``: three vertices at least."""
    numbers = floats("polygon", text, None)
    if len(numbers) < 6 or len(numbers) % 2 or len(numbers) > 2 * MAX_VERTICES:
        said = f"{len(numbers)} numbers are not 3 to {MAX_VERTICES} pairs RA,DEC"
        raise QueryError("bad-value", f"polygon: {said}", parameter="polygon")
    vertices = [[ra, dec] for ra, dec in zip(numbers[::2], numbers[1::2], strict=True)]
    for ra, dec in vertices:
        check_place(ra, dec, "polygon")
    return {"polygon": vertices}


def box(text: str) -> Footprint:
    """``RA,DEC,WIDTH,HEIGHT`` (STC 1.33, section 4.5.1.5): full sides in degrees, each below 180."""
    ra, dec, width, height = floats("box", text, 4)
    check_place(ra, dec, "box")
    if not (0 <= width < 180 and 0 <= height < 180):
        detail = f"a box of {width:g} by {height:g} degrees: each side must be 0 or more and below 180"
        raise QueryError("bad-value", detail, parameter="box")
    return {"stc_s": f"Box ICRS {ra!r} {dec!r} {width!r} {height!r}"}


class ReadMoc(str):
    """A MOC in ASCII that was made of a file: half a million ranges need not be checked a second time."""

    __slots__ = ()


def moc(text: str) -> Footprint:
    """A spatial MOC in ASCII."""
    if isinstance(text, ReadMoc):
        return {"moc": str(text)}
    try:
        parse_spans(text)
    except ValueError as error:
        raise QueryError("bad-value", f"moc: {error}", parameter="moc") from None
    return {"moc": text}


def stc_s(text: str) -> Footprint:
    """A region in STC-S, or an ObsCore ``s_region``."""
    try:
        parse_stc_s(text)
    except ValueError as error:
        raise QueryError("bad-value", f"footprint: {error}", parameter="footprint") from None
    return {"stc_s": text}


def record(text: str) -> str:
    """The id of a record."""
    if not _ID.fullmatch(text.strip()):
        said = f"footprint_of={text[:40]} is not the id of a record, 16 digits and letters a to v"
        raise QueryError("bad-value", said, parameter="footprint_of")
    return text.strip()


def floats(name: str, text: str, count: int | None) -> list[float]:
    """Finite numbers, with commas or spaces between them; ``count`` of them, or any number."""
    parts = text.replace(",", " ").split()
    wanted = "numbers" if count is None else f"{count} numbers"
    try:
        numbers = [number(part) for part in parts]
    except ValueError:
        raise QueryError("bad-value", f"{name}={text[:80]} is not {wanted}", parameter=name) from None
    if (count is not None and len(numbers) != count) or not all(map(math.isfinite, numbers)):
        raise QueryError("bad-value", f"{name}={text[:80]} is not {wanted}, all finite", parameter=name)
    return numbers


def check_place(ra: float, dec: float, parameter: str) -> None:
    """0 <= ra <= 360, -90 <= dec <= 90, else ``query.bad-position``."""
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        where = f"({ra:g}, {dec:g}) is not on the sky: ra 0 to 360, dec -90 to 90"
        raise QueryError("bad-position", where, parameter=parameter)


def check_radius(radius: float, parameter: str) -> None:
    """0 <= radius <= 180 degrees, else ``query.bad-radius``."""
    if not 0 <= radius <= 180:
        raise QueryError("bad-radius", f"radius {radius:g} is not 0 to 180 degrees", parameter=parameter)


def _is_number(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True
