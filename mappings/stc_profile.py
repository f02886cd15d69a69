"""The coverage of old VODataService 1.0 and 1.1: an STC 1.30 resource profile in XML.

Only what can be said exactly is taken: all sky, one circle or box in a known frame, intervals of time and of
wavelength. The rest is kept in words, as ``extra.vo.stc``.
"""

from __future__ import annotations

import contextlib
from typing import Any

from mappings import regions
from mappings.quantities import UnusableError, quantity, scale_name, tdb
from mappings.safe_xml import Element, split_tag, text_of
from mappings.vo_draft import RegistryDraft
from mappings.vodataservice import ALL_SKY
from schemas.times import utc_span

_XLINK = "{http://www.w3.org/1999/xlink}href"


def stc_profile(draft: RegistryDraft, profile: Element) -> None:
    """Read ``stc:STCResourceProfile`` into ``footprint``, ``time`` and ``spectral``."""
    systems = {child.get("id", ""): _words(child) for child in profile if _local(child) == "AstroCoordSystem"}
    for area in (child for child in profile if _local(child) == "AstroCoordArea"):
        scale, frame = systems.get(area.get("coord_system_id", ""), (None, None))
        for part in area:
            kind = _local(part)
            field = {"TimeInterval": "time", "SpectralInterval": "spectral"}.get(kind, "footprint")
            try:
                if kind == "TimeInterval" and scale:
                    draft.add("time", _time(part, scale))
                elif kind == "SpectralInterval":
                    draft.add("spectral", _spectral(part))
                elif (kind == "AllSky" or (kind in ("Circle", "Box") and frame)) and "footprint" not in draft.record:
                    draft.put("footprint", _region(part, kind, frame or ""))
                else:
                    draft.add_vo("stc", _shown(part))
            except UnusableError as error:
                draft.problem(field, error.code.removeprefix("mapping."), f"the STC {kind} {error}", _shown(part))


def _words(system: Element) -> tuple[str | None, str | None]:
    """Time scale and frame out of ``ivo://STClib/CoordSys#UTC-ICRS-TOPO`` or of the spelt-out system; None unknown."""
    scale = frame = None
    words = (system.get(_XLINK) or "").rpartition("#")[2].split("-")
    for node in system.iter():
        name = _local(node)
        words.append(text_of(node).strip() if name == "TimeScale" else name)
    if any(word in ("Equinox", "B1950") for word in words) and "FK5" not in words:
        return None, None
    for word in words:
        with contextlib.suppress(UnusableError):
            scale = scale or scale_name(word)
        if word in ("ICRS", "FK5"):
            frame = frame or word
    return scale, frame


def _region(part: Element, kind: str, frame: str) -> dict[str, Any]:
    if kind == "AllSky":
        return {"moc": ALL_SKY}
    unit = part.get("unit", "deg").split()[0] if part.get("unit", "deg").strip() else "deg"
    sizes = [quantity(text, "angle", _angle_unit(part, unit)) for text in _sizes(part)]
    centre = [quantity(text, "angle", unit) for text in _inside(part, "Center")]
    numbers = " ".join(map(repr, (*centre, *sizes)))
    return regions.footprint(f"{kind.upper()} {frame} {numbers}")


def _angle_unit(part: Element, unit: str) -> str:
    for child in part:
        if _local(child) in ("Radius", "Size"):
            return child.get("pos_unit") or child.get("unit") or unit
    return unit


def _sizes(part: Element) -> list[str]:
    return _inside(part, "Radius") or _inside(part, "Size")


def _inside(part: Element, name: str) -> list[str]:
    """The numbers in a child: its ``C1`` and ``C2``, or its own text."""
    for child in part:
        if _local(child) == name:
            return [word for inner in (list(child) or [child]) for word in text_of(inner).split()]
    return []


def _time(part: Element, scale: str) -> dict[str, float]:
    made: dict[str, float] = {}
    for child in part:
        end = {"StartTime": "min", "StopTime": "max"}.get(_local(child))
        text = text_of(child).strip()
        if not end or not text:
            continue
        try:
            span = utc_span(text)
        except ValueError as error:
            raise UnusableError("bad-interval", f"has no date: {error}") from None
        made[end] = tdb(span[0] if end == "min" else span[1], scale)
    return _ordered(made)


def _spectral(part: Element) -> dict[str, float]:
    """Limits in the element's unit, as wavelengths in metres; a frequency or an energy turns the ends round."""
    unit = part.get("unit", "m").strip()
    ends: list[float] = []
    for child in part:
        if _local(child) in ("LoLimit", "HiLimit"):
            ends.append(quantity(f"{text_of(child).strip()} {unit}", "spectral", None))
    if len(ends) != 2:
        raise UnusableError("bad-interval", "has no two limits")
    return {"min": min(ends), "max": max(ends)}


def _ordered(made: dict[str, float]) -> dict[str, float]:
    if not made:
        raise UnusableError("bad-interval", "has no limit")
    if "min" in made and "max" in made and made["min"] > made["max"]:
        raise UnusableError("bad-interval", "ends before it begins")
    return made


def _local(element: Element) -> str:
    return split_tag(str(element.tag))[1]


def _shown(part: Element) -> str:
    numbers = " ".join(" ".join(str(text).split()) for text in part.itertext())
    unit = f" {part.get('unit')}" if part.get("unit") else ""
    return f"{_local(part)} {' '.join(numbers.split())}{unit}".strip()[:500]
