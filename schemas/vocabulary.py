"""Words that have one right spelling: messenger bands and facilities.

A record keeps what its source wrote; the index and the query both go through :func:`canonical`,
so that ``HESS`` finds ``H.E.S.S.`` and ``gamma-ray`` finds ``Gamma-ray``.
"""

from __future__ import annotations

import re
import unicodedata

# IVOA messenger vocabulary, http://www.ivoa.net/rdf/messenger (terms are facts of the standard)
_BANDS = (
    "Radio",
    "Millimeter",
    "Infrared",
    "Optical",
    "UV",
    "EUV",
    "X-ray",
    "Gamma-ray",
    "Photon",
    "Neutrino",
)
_BAND_ALIASES = {"millimetre": "Millimeter", "ultraviolet": "UV", "xray": "X-ray", "gammaray": "Gamma-ray"}

# canonical name -> other spellings; punctuation, case and spaces never matter (see _key)
_FACILITIES: dict[str, tuple[str, ...]] = {
    "H.E.S.S.": ("HESS", "High Energy Stereoscopic System"),
    "MAGIC": ("Major Atmospheric Gamma Imaging Cherenkov Telescopes",),
    "VERITAS": ("Very Energetic Radiation Imaging Telescope Array System",),
    "CTAO": ("CTA", "Cherenkov Telescope Array", "Cherenkov Telescope Array Observatory"),
    "Fermi": ("Fermi Gamma-ray Space Telescope", "GLAST", "Fermi-GST"),
    "XMM-Newton": ("XMM", "XMM-SAS"),
    "Chandra": ("CXO", "AXAF", "Chandra X-ray Observatory"),
    "HST": ("Hubble", "Hubble Space Telescope"),
    "JWST": ("Webb", "James Webb Space Telescope"),
    "ALMA": ("Atacama Large Millimeter Array", "Atacama Large Millimeter/submillimeter Array"),
    "LOFAR": ("Low Frequency Array", "Low-Frequency Array"),
    "MeerKAT": ("Meer KAT",),
    "SKAO": ("SKA", "Square Kilometre Array", "Square Kilometre Array Observatory"),
    "ASKAP": ("Australian Square Kilometre Array Pathfinder",),
    "Rubin": ("LSST", "Vera C. Rubin Observatory", "Rubin Observatory", "Large Synoptic Survey Telescope"),
    "KM3NeT": ("Cubic Kilometre Neutrino Telescope",),
    "ANTARES": ("Antares Neutrino Telescope",),
    "IceCube": ("IceCube Neutrino Observatory",),
    "Virgo": ("Advanced Virgo", "EGO Virgo"),
    "LIGO": ("Advanced LIGO",),
    "Gaia": ("ESA Gaia",),
    "LHC": ("Large Hadron Collider", "HL-LHC"),
}


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[\W_]+", "", plain)


_TABLES: dict[str, dict[str, str]] = {
    "wavebands": {_key(band): band for band in _BANDS} | _BAND_ALIASES,
    "facilities": {_key(word): name for name, more in _FACILITIES.items() for word in (name, *more)},
}

RESPELT = frozenset(_TABLES)  # the fields that have a right spelling


def canonical(field: str, value: str) -> str:
    """The right spelling of ``value`` in ``field``, or ``value`` itself where nothing says otherwise."""
    table = _TABLES.get(field)
    if table is None:
        return value
    known = _CACHE.get((field, value))
    if known is None:
        known = table.get(_key(value), value)
        if len(_CACHE) < 100_000:  # bounded: facilities are few, but a source may write nonsense
            _CACHE[field, value] = known
    return known


_CACHE: dict[tuple[str, str], str] = {}
