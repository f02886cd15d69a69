"""Wavelengths and energies as they are typed: ``1.4 GHz``, ``0.5/2 keV``, ``X-ray``, ``K(IR)``.

Astropy's units would do more than this and take half a second to import; these are a few exact numbers.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from typing import Literal

from schemas.numbers import number

_C = 299792458.0  # m/s
_H = 6.62607015e-34  # J s
_E = 1.602176634e-19  # C; all three exact in the SI since 2019
# A source may have converted the same number in another order: its last digits are not to decide
_SLACK = 1e-12

Kind = Literal["length", "frequency", "energy"]
_LENGTHS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9, "Angstrom": 1e-10}
_FREQUENCIES = {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9, "THz": 1e12}
_ENERGIES = {"J": 1.0, "erg": 1e-7} | {
    f"{prefix}eV": factor * _E
    for prefix, factor in {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}.items()
}
UNITS: dict[str, tuple[Kind, float]] = (
    {unit: ("length", factor) for unit, factor in _LENGTHS.items()}
    | {unit: ("frequency", factor) for unit, factor in _FREQUENCIES.items()}
    | {unit: ("energy", factor) for unit, factor in _ENERGIES.items()}
)
_ALIASES = {
    "µm": "um",
    "\u03bcm": "um",
    "micron": "um",
    "\u00c5": "Angstrom",
    "\u212b": "Angstrom",
    "angstrom": "Angstrom",
}
_VALUE = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*([^\W\d_].*)?")
_OPEN_LOW = ("..", "-Inf")
_OPEN_HIGH = ("..", "+Inf", "Inf")


def _photon(energy: float) -> float:
    return _H * _C / energy


def _frequencies(low: float, high: float) -> tuple[float, float]:
    return _C / (high * 1e9), _C / (low * 1e9)


# Wavelengths in metres, or metres from keV and GHz
BANDS: dict[str, tuple[float, float]] = {
    # IVOA messenger vocabulary, http://www.ivoa.net/rdf/messenger
    "Photon": (0.0, math.inf),
    "Radio": (1e-2, math.inf),
    "Millimeter": (1e-4, 1e-2),
    "Infrared": (1e-6, 1e-4),
    "Optical": (300e-9, 1000e-9),
    "UV": (100e-9, 300e-9),
    "EUV": (_photon(120 * _E), _photon(12 * _E)),
    "X-ray": (_photon(120e3 * _E), _photon(120 * _E)),
    "Gamma-ray": (0.0, _photon(120e3 * _E)),
    # IVOA list of UCDs 1.4, em.*
    "Soft X-ray": (_photon(2e3 * _E), _photon(120 * _E)),
    "Hard X-ray": (_photon(120e3 * _E), _photon(2e3 * _E)),
    "FUV": (100e-9, 200e-9),
    "NUV": (200e-9, 300e-9),
    "U": (300e-9, 400e-9),
    "B": (400e-9, 500e-9),
    "V": (500e-9, 600e-9),
    "R": (600e-9, 750e-9),
    "I": (750e-9, 1000e-9),
    "J": (1e-6, 1.5e-6),
    "H": (1.5e-6, 2e-6),
    "K(IR)": (2e-6, 3e-6),
    "L(IR)": (3e-6, 4e-6),
    "NIR": (1e-6, 5e-6),
    "MIR": (5e-6, 30e-6),
    "FIR": (30e-6, 100e-6),
    # IEEE Std 521-2019
    "HF": _frequencies(0.003, 0.03),
    "VHF": _frequencies(0.03, 0.3),
    "UHF": _frequencies(0.3, 1),
    "L": _frequencies(1, 2),
    "S": _frequencies(2, 4),
    "C": _frequencies(4, 8),
    "X": _frequencies(8, 12),
    "Ku": _frequencies(12, 18),
    "K": _frequencies(18, 27),
    "Ka": _frequencies(27, 40),
    "V(radio)": _frequencies(40, 75),
    "W": _frequencies(75, 110),
}


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


_BY_KEY = {_key(name): name for name in BANDS} | {
    "millimetre": "Millimeter",
    "ultraviolet": "UV",
    "extremeuv": "EUV",
    "ir": "Infrared",
    "visible": "Optical",
    "gamma": "Gamma-ray",
    "l(radio)": "L",
    "k(radio)": "K",
    "v(opt)": "V",
}


@functools.lru_cache(maxsize=1024)
def wavelengths(text: str, relation: str = "overlaps") -> tuple[float, float]:
    """The closed interval of vacuum wavelengths, in metres, that ``text`` names.

    A value, ``LOW/HIGH`` or a band's name. A bare number is metres; a unit on one end holds for both; the ends are
    those of the quantity that is typed: ``0.5/2 keV``, ``1/2 GHz``. What was converted is made wider by a relative
    1e-12, or narrower to be contained. Of bands that meet at an edge, each has it for ``within`` and none else.

    Raises
    ------
    ValueError
        For anything else.
    """
    if name := _BY_KEY.get(_key(text)):
        return _loosened(*BANDS[name], wider=relation == "within")
    kind, low, high, converted = _interval(text, ("length", "frequency", "energy"), "m")
    if kind != "length":
        scale = _C if kind == "frequency" else _H * _C
        low, high = (scale / end if end > 0 else math.inf for end in (high, low))
    return _loosened(low, high, wider=relation != "contains") if converted else (low, high)


@functools.lru_cache(maxsize=1024)
def energies(text: str, relation: str = "overlaps") -> tuple[float, float]:
    """The closed interval of energies, in joules, that ``text`` names; as :func:`wavelengths`, without bands."""
    _, low, high, converted = _interval(text, ("energy",), "J")
    return _loosened(low, high, wider=relation != "contains") if converted else (low, high)


def split_interval(text: str) -> tuple[str, str]:
    """``LOW/HIGH`` in two; one value is both.

    Raises
    ------
    ValueError
        When an end is missing.
    """
    low, slash, high = (part.strip() for part in text.partition("/"))
    if slash and not (low and high):
        raise ValueError("write .. for an open end")
    return low, high if slash else low


def is_open(text: str, infinity: float) -> bool:
    """Whether ``text`` is how an end is left open towards ``infinity``."""
    return text in (_OPEN_LOW if infinity < 0 else _OPEN_HIGH)


def _interval(text: str, kinds: tuple[Kind, ...], base: str) -> tuple[Kind, float, float, bool]:
    """The kind of quantity, its ends in SI units as typed, and whether they were converted."""
    ends = split_interval(text)
    read = [None if is_open(end, side) else _value(end, kinds) for end, side in zip(ends, (-1, 1), strict=True)]
    units = [found[1] for found in read if found and found[1]] or [base]
    of = {unit: UNITS[unit] for unit in units}
    if len({kind for kind, _ in of.values()}) > 1:
        raise ValueError(f"{' and '.join(units)} are of two kinds: {text[:40]!r}")
    kind = of[units[0]][0]
    low, high = (
        side if found is None else found[0] * of[found[1] or units[0]][1]
        for found, side in zip(read, (0.0, math.inf), strict=True)
    )
    if low > high:
        raise ValueError(f"ends before it starts: {text[:40]!r}")
    return kind, low, high, units != [base]


def _value(text: str, kinds: tuple[Kind, ...]) -> tuple[float, str | None]:
    found = _VALUE.fullmatch(text)
    if found is None:
        raise ValueError(_no_band(text) if "length" in kinds else f"not a number: {text[:40]!r}")
    amount, unit = number(found[1]), (found[2] or "").strip()
    unit = _ALIASES.get(unit, unit)
    if not 0 <= amount < math.inf:
        raise ValueError(f"{found[1]} is not 0 or more, and finite")
    if unit and (unit not in UNITS or UNITS[unit][0] not in kinds):
        known = [name for name, (kind, _) in UNITS.items() if kind in kinds]
        near = difflib.get_close_matches(unit, known, 1, 0.5)
        hint = f"; did you mean {near[0]}?" if near else f" ({', '.join(known)})"
        raise ValueError(f"{unit[:20]!r} is not a unit of it{hint}")
    return amount, unit or None


def _no_band(text: str) -> str:
    if _key(text) in _BY_KEY:
        return f"a band stands alone: {text[:40]!r} is no end of an interval"
    near = difflib.get_close_matches(_key(text), list(_BY_KEY), 1, 0.5)
    hint = f"; did you mean {_BY_KEY[near[0]]}?" if near else ""
    return f"neither a number nor a band: {text[:40]!r}{hint}"


def _loosened(low: float, high: float, *, wider: bool) -> tuple[float, float]:
    slack = _SLACK if wider else -_SLACK
    found = low * (1 - slack), high * (1 + slack)
    return found if found[0] <= found[1] else (low, high)
