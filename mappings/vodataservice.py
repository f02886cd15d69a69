"""Coverage in sky, time, spectrum and waveband (VODataService 1.2, section 3.2) on plain values.

Called with the same words by the XML mapping and by RegTAP's (whose ``stc_*`` tables copy these elements).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from mappings import regions
from mappings.quantities import UnusableError
from mappings.stc_s import read_region
from mappings.vo_draft import RegistryDraft, line
from schemas.stc_s import RegionError
from schemas.vocabulary import canonical

# Exact in the SI of 2019: Planck constant (J s) times the speed of light (m/s)
HC = 6.62607015e-34 * 299792458.0
ALL_SKY = "0/0-11"
# Wavelengths in metres of the messenger vocabulary's bands (http://www.ivoa.net/rdf/messenger)
_BANDS = {
    "Radio": (1e-2, math.inf),
    "Millimeter": (1e-4, 1e-2),
    "Infrared": (1e-6, 1e-4),
    "Optical": (3e-7, 1e-6),
    "UV": (1e-7, 3e-7),
    "EUV": (1e-8, 1e-7),
    "X-ray": (1e-11, 1e-8),
    "Gamma-ray": (0.0, 1e-11),
    "Photon": (0.0, math.inf),
}
# An interval a hundred times outside every stated band is in another unit than Joule; eV, Hz and m are 1e10 off
_SLACK = 100.0
_HIGHEST_PHOTON = 1.0  # J; 6 EeV, above any photon ever seen: a frequency or an energy in eV
_JULIAN_DATE = 1_000_000  # an MJD is below it until the year 4596, a Julian date above it since 1975 BC
_WORD = re.compile(r"\s*[A-Za-z]{2}")
_NO_CELLS = re.compile(r"(?:\d+/\s*)+")


def wavebands(draft: RegistryDraft, words: Iterable[str]) -> None:
    """Add wavebands in the vocabulary's spelling; an unknown one as it is written."""
    for word in words:
        if term := line(word):
            draft.add("wavebands", canonical("wavebands", term))


def spatial(draft: RegistryDraft, coverages: Iterable[tuple[str, str | None]]) -> None:
    """Set ``footprint`` from (MOC in ASCII or region text, frame) pairs.

    Several MOCs are one, and so are several other regions. Another frame than ICRS (the Sun, Mars, Galactic) goes to
    ``extra.vo.spatial`` with its frame, and so do a MOC and other regions together.
    """
    mocs: list[str] = []
    shapes: list[dict[str, Any]] = []
    texts: list[str] = []
    for written, frame in coverages:
        text = " ".join(written.split())
        if not text:
            continue
        if frame and frame.strip().upper() not in ("ICRS", ""):
            draft.add_vo("spatial", {"frame": frame.strip(), "coverage": text})
            continue
        try:
            if _WORD.match(text):
                shapes += read_region(text)
            else:
                moc = regions.moc(text)
                if _NO_CELLS.fullmatch(moc):
                    raise UnusableError("empty-moc", "is a MOC that covers nothing")
                mocs.append(moc)
            texts.append(text)
        except RegionError as error:
            draft.problem("footprint", error.code, f"the spatial coverage {error}", text)
        except UnusableError as error:
            draft.problem("footprint", error.code.removeprefix("mapping."), f"the spatial coverage {error}", text)
    if mocs and not shapes:
        draft.put("footprint", {"moc": " ".join(mocs)})
    elif shapes and not mocs:
        draft.put("footprint", regions.union(shapes))
    else:
        for text in texts:
            draft.add_vo("spatial", {"frame": "ICRS", "coverage": text})


def temporal(draft: RegistryDraft, intervals: Iterable[tuple[Any, ...]]) -> None:
    """Add intervals of MJD TDB; None or infinity is an open end."""
    for n, interval in enumerate(intervals):
        name = f"time.{n}"
        if not (bounds := _bounds(draft, name, interval)):
            continue
        low, high = bounds
        ends = [end for end in bounds if math.isfinite(end)]
        if any(abs(end) > _JULIAN_DATE for end in ends):
            draft.problem(name, "wrong-unit", "the time is no MJD; it looks like a Julian date", _shown(interval))
        elif len(ends) == 2 and all(1800 <= end <= 2100 and end == int(end) for end in ends):
            # as MJD this is the winter of 1863; nobody observed then for whole days from one "year" to another
            draft.problem(name, "wrong-unit", "the time is no MJD; it looks like years", _shown(interval))
        else:
            draft.add("time", _interval(low, high))


def spectral(draft: RegistryDraft, intervals: Iterable[tuple[Any, ...]]) -> None:
    """Add intervals of energy in Joule: wavelengths for photons, energies for other messengers.

    A resource that observes both photons and another messenger does not say which interval is whose; one that
    lies in none of its photon bands is the other messenger's.
    """
    bands = [band for band in draft.record.get("wavebands", ()) if band in _BANDS]
    others = ["Neutrino"] if "Neutrino" in draft.record.get("wavebands", ()) else []
    for n, interval in enumerate(intervals):
        name = f"spectral.{n}"
        if not (bounds := _bounds(draft, name, interval)):
            continue
        low, high = bounds
        if (math.isfinite(low) and low < 0) or high <= 0:
            draft.problem(name, "impossible-value", "an energy must be above 0", _shown(interval))
            continue
        low = max(low, 0.0)
        shortest = HC / high
        longest = HC / low if low > 0 else math.inf
        photons = not others or bool(bands)
        fits = not bands or any(
            shortest <= end * _SLACK and longest >= start / _SLACK for start, end in map(_BANDS.__getitem__, bands)
        )
        if others and not (photons and fits):
            energy = _interval(low if low > 0 else -math.inf, high)
            draft.add("energy", energy | {"messenger": others[0]})
        elif not fits or (math.isfinite(high) and high > _HIGHEST_PHOTON):
            reason = "the energies are not in Joule: they are far outside the resource's wavebands"
            draft.problem(name, "wrong-unit", reason, _shown(interval))
        else:
            draft.add("spectral", _interval(shortest if shortest > 0 else -math.inf, longest))


def two_numbers(text: str) -> tuple[str, ...]:
    """Part an interval as VODataService writes it, ``"low high"``; what is not one comes back whole."""
    words = text.split()
    return (words[0], words[1]) if len(words) == 2 else (text,)


def _bounds(draft: RegistryDraft, name: str, interval: tuple[Any, ...]) -> tuple[float, float] | None:
    """Two ordered floats, infinite where open; None with or without a problem when there is no interval."""
    if len(interval) != 2:
        draft.problem(name, "bad-interval", "an interval is two numbers", _shown(interval))
        return None
    try:
        low, high = (
            infinity if end is None else float(end)
            for end, infinity in zip(interval, (-math.inf, math.inf), strict=True)
        )
    except (TypeError, ValueError):
        draft.problem(name, "bad-interval", "an interval is two numbers", _shown(interval))
        return None
    if math.isnan(low) or math.isnan(high) or low == math.inf or high == -math.inf:
        draft.problem(name, "bad-interval", "a bound of the interval is not a number", _shown(interval))
        return None
    if low > high:
        draft.problem(
            name, "bad-interval", f"the interval ends ({high:g}) before it begins ({low:g})", _shown(interval)
        )
        return None
    return None if low == -math.inf and high == math.inf else (low, high)


def _interval(low: float, high: float) -> dict[str, Any]:
    made = {}
    if math.isfinite(low):
        made["min"] = low
    if math.isfinite(high):
        made["max"] = high
    return made


def _shown(interval: tuple[Any, ...]) -> str:
    return " ".join(map(str, interval))
