"""Numbers with units, angles and times as science metadata writes them, in the record's units and scales.

Every function raises :class:`UnusableError` for a value that cannot be what it is said to be; the caller
quarantines the field with its ``code`` and sentence.
"""

from __future__ import annotations

import functools
import math
import re
from typing import Any

from schemas.times import to_tdb, utc_span

# What each kind of quantity may be written in, by astropy's names; the first is the record's own unit.
UNITS: dict[str, tuple[str, ...]] = {
    "angle": ("deg", "rad", "hourangle", "arcmin", "arcsec", "mas"),
    "spectral": (
        *("m", "cm", "mm", "um", "nm", "Angstrom"),
        *("Hz", "kHz", "MHz", "GHz", "THz"),
        *("J", "erg", "eV", "keV", "MeV", "GeV", "TeV", "PeV"),
    ),
    "energy": ("J", "erg", "eV", "keV", "MeV", "GeV", "TeV", "PeV"),
    "duration": ("s", "ms", "min", "h", "d"),
    "size": ("byte", "kbyte", "Mbyte", "Gbyte", "Tbyte"),
}
FRAMES = ("icrs", "fk5", "fk4", "galactic")
SCALES = ("utc", "tt", "tai", "tdb", "tcb", "tcg", "ut1", "gps")
TIME_FORMATS = ("auto", "mjd", "jd", "iso", "unix")

# FITS 4.0 table 30 and what older files wrote
_SCALE_ALIASES = {"tdt": "tt", "et": "tt", "iat": "tai", "ut": "ut1", "gmt": "utc", "z": "utc"}
_FRAME_ALIASES = {"j2000": "fk5", "b1950": "fk4", "gal": "galactic", "galactic_ii": "galactic"}
_NUMBER = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)\s*([A-Za-zµμÅ]*)$")
_SEXAGESIMAL = re.compile(r"^[+-]?\d{1,3}(?::\d{1,2}(?::\d{1,2}(?:\.\d*)?)?|\s+\d{1,2}(?:\s+\d{1,2}(?:\.\d*)?)?)$")
_LETTERED = re.compile(r"^[+-]?\d{1,3}[hd°]", re.IGNORECASE)
_OLD_FITS_DATE = re.compile(r"^(\d\d)/(\d\d)/(\d\d)$")
_UNIX_EPOCH_MJD = 40587.0
_JD_OF_MJD_0 = 2400000.5
# 1311 to 2406: a Julian date, a year or seconds given for an MJD fall outside
_MJD_RANGE = (-200000.0, 200000.0)


class UnusableError(ValueError):
    """A value that cannot stand in the record; ``code`` is stable."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = f"mapping.{code}"


def number(value: Any) -> tuple[float, str | None]:
    """Read ``83.6``, ``"83.6"``, ``"1.5 GHz"`` or ``{"value": 1.5, "unit": "GHz"}``: the number and its own unit."""
    if isinstance(value, dict) and "value" in value:
        amount, _ = number(value["value"])
        unit = value.get("unit")
        return amount, str(unit).strip() or None if unit is not None else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnusableError("not-a-number", "is not a number")
    unit = None
    if isinstance(value, str):
        found = _NUMBER.match(value.strip())
        if not found:
            if value.strip().lstrip("+-").casefold() in ("nan", "inf", "infinity"):
                raise UnusableError("not-finite", "is not a finite number")
            raise UnusableError("not-a-number", "is not a number")
        unit = found[2] or None
        value = float(found[1].replace("d", "e").replace("D", "e"))
    try:
        amount = float(value)
    except OverflowError:
        amount = math.inf
    if not math.isfinite(amount):
        raise UnusableError("not-finite", "is not a finite number")
    return amount, unit


def quantity(value: Any, dimension: str, unit: str | None) -> float:
    """Give ``value`` in the record's unit of ``dimension``; a unit written with the value wins over ``unit``."""
    amount, own = number(value)
    name = _unit_name(own, dimension) if own else (unit or UNITS[dimension][0])
    if dimension == "spectral":
        return _wavelength(amount, name)
    return amount * _factor(name, UNITS[dimension][0])


def inverts(value: Any, unit: str | None) -> bool:
    """Whether a bigger number in this spectral unit means a shorter wave."""
    _, own = number(value)
    name = _unit_name(own, "spectral") if own else (unit or "m")
    return _physical_type(name) != "length"


def _unit_name(written: str, dimension: str) -> str:
    known = UNITS[dimension]
    written = written.replace("µ", "u").replace("μ", "u").replace("Å", "Angstrom")
    if written in known:
        return written
    # "DEG" and "degrees" are plain; "mhz" could be two things, so that only one reading counts
    aliases = {
        "degree": "deg",
        "degrees": "deg",
        "hour": "h",
        "micron": "um",
        "sec": "s",
        "seconds": "s",
        "bytes": "byte",
    }
    folded = aliases.get(written.casefold(), written.casefold())
    alike = [name for name in known if name.casefold() == folded]
    if len(alike) == 1:
        return alike[0]
    raise UnusableError("wrong-unit", f"is in {written!r}, which is no unit of {dimension} ({', '.join(known)})")


@functools.cache
def _factor(unit: str, target: str) -> float:
    from astropy import units

    return float(units.Unit(unit).to(units.Unit(target)))


@functools.cache
def _physical_type(unit: str) -> str:
    from astropy import units

    return str(units.Unit(unit).physical_type).split("/", maxsplit=1)[0]


def _wavelength(amount: float, unit: str) -> float:
    """Vacuum wavelength in metres: c / frequency, or hc / photon energy."""
    if amount <= 0:
        raise UnusableError("impossible-spectral", "must be above 0")
    kind = _physical_type(unit)
    if kind == "length":
        return amount * _factor(unit, "m")
    return _one_of(kind) / (amount * _factor(unit, "Hz" if kind == "frequency" else "J"))


@functools.cache
def _one_of(kind: str) -> float:
    """The wavelength in metres of 1 Hz or of 1 J."""
    from astropy import units

    unit = units.Hz if kind == "frequency" else units.J
    return float((1 * unit).to_value(units.m, equivalencies=units.spectral()))


def angle(value: Any, unit: str | None, *, hours: bool = False) -> float:
    """Give an angle in degrees; sexagesimal text counts hours where ``hours`` is set (right ascension).

    ``05:34:31.9``, ``05 34 31.9`` and ``05h34m31.9s`` are read, as are numbers and numeric text in ``unit``.
    """
    if isinstance(value, str):
        text = value.strip()
        if _SEXAGESIMAL.match(text) or _LETTERED.match(text):
            return _sexagesimal(text, hours)
    return quantity(value, "angle", unit)


@functools.lru_cache(maxsize=4096)
def _sexagesimal(text: str, hours: bool) -> float:
    import warnings

    from astropy.coordinates import Angle

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 60 seconds is read as the next minute
            return float(Angle(text, unit="hourangle" if hours else "deg").deg)
    except ValueError as error:
        raise UnusableError("impossible-coordinate", f"is no sexagesimal angle: {error}") from None


def frame_name(written: Any) -> str:
    """Give one of :data:`FRAMES` for what a FITS header or a region calls it."""
    name = str(written).strip().casefold()
    name = _FRAME_ALIASES.get(name, name)
    if name not in FRAMES:
        raise UnusableError("unknown-frame", f"is no celestial frame known here ({', '.join(FRAMES)})")
    return name


def to_icrs(lon: float, lat: float, frame: str, equinox: float | None = None) -> tuple[float, float]:
    """Check a pair of coordinates in degrees and convert it to ICRS.

    ``equinox`` is a Julian (FK5) or Besselian (FK4) year; without it J2000 and B1950.
    """
    if not (0 <= lon <= 360):
        raise UnusableError("impossible-coordinate", f"gives {lon:.10g} deg: a longitude is 0 to 360 deg")
    if not (-90 <= lat <= 90):
        raise UnusableError("impossible-coordinate", f"gives {lat:.10g} deg: a latitude is -90 to 90 deg")
    lon = lon % 360  # 360 is a place too, and its name is 0
    if frame == "icrs":
        return lon, lat
    return _converted(lon, lat, frame, equinox)


@functools.lru_cache(maxsize=4096)
def _converted(lon: float, lat: float, frame: str, equinox: float | None) -> tuple[float, float]:
    from astropy.coordinates import FK4, FK5, Galactic, SkyCoord

    match frame:
        case "fk5":
            system = FK5(equinox=f"J{equinox or 2000}")
        case "fk4":
            system = FK4(equinox=f"B{equinox or 1950}")
        case _:
            system = Galactic()
    there = SkyCoord(lon, lat, unit="deg", frame=system).icrs
    return float(there.ra.deg), float(there.dec.deg)


def scale_name(written: Any) -> str:
    """Give one of :data:`SCALES` for a FITS TIMESYS value; ``UTC(NIST)`` is UTC."""
    name = str(written).strip().casefold().split("(", maxsplit=1)[0]
    name = _SCALE_ALIASES.get(name, name)
    if name not in SCALES:
        raise UnusableError("unknown-time-scale", f"is no time scale known here ({', '.join(SCALES)})")
    return name


def mjd_span(value: Any, form: str, scale: str) -> tuple[float, float]:
    """First and last moment, MJD TDB, of what ``value`` names in ``scale``; a bare day or year is long."""
    if form == "iso" or (form == "auto" and isinstance(value, str) and not _NUMBER.match(value.strip())):
        first, last = _date(value)
    else:
        amount, own = number(value)
        if own and own != "d":
            raise UnusableError("wrong-unit", f"is in {own!r}; an MJD or JD is in days")
        if form == "jd" or (form == "auto" and amount > 2_000_000):
            amount -= _JD_OF_MJD_0
        elif form == "unix":
            amount = amount / 86400 + _UNIX_EPOCH_MJD
        first = last = amount
    return tdb(first, scale), tdb(last, scale)


def tdb(mjd: float, scale: str) -> float:
    """MJD TDB of an MJD in one of :data:`SCALES`; GPS time is TAI less 19 s."""
    if not _MJD_RANGE[0] <= mjd <= _MJD_RANGE[1]:
        raise UnusableError("impossible-time", f"gives the MJD {mjd:.10g}, which is outside 1311 to 2406")
    if scale == "gps":
        mjd, scale = mjd + 19 / 86400, "tai"
    return to_tdb(mjd, scale)


def _date(value: Any) -> tuple[float, float]:
    text = value.strip() if isinstance(value, str) else ""
    if old := _OLD_FITS_DATE.match(text):  # dd/mm/yy, years 1900 to 1999 (FITS 4.0, section 4.4.2.1)
        text = f"19{old[3]}-{old[2]}-{old[1]}"
    try:
        return utc_span(text)
    except ValueError as error:
        raise UnusableError("impossible-time", f"is no date: {error}") from None
