"""The crosswalk: which key of a source's metadata means which field of the record.

Science keys differ by experiment, so a data lake has a table of rules, as TOML:

    [[rules]]
    key = ["s_ra"]            # any of these, whatever the case, "-" the same as "_"; "a.b" looks inside a
    field = "position.ra"     # see FIELDS
    set = "obscore"           # rules of one set belong together: a ra goes with the dec of its set
    unit = "deg"
    frame = "icrs"

``crosswalk.toml`` beside this module is the default. A source's own table goes before it: a key that
it names is no longer the default's, and ``replace = true`` leaves the default out altogether.
``mappings/crosswalking.py`` applies it.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from mappings.quantities import FRAMES, SCALES, TIME_FORMATS, UNITS
from schemas.errors import SettingsError

DATE_TYPES = ("Available", "Collected", "Copyrighted", "Created", "Issued", "Submitted", "Updated", "Valid")
RELATION_TYPES = ("Cites", "IsDerivedFrom", "IsPartOf", "IsSupplementTo", "IsVersionOf", "References")

# What a rule may aim at, and what its value is. Fields of one group (before the dot) work together.
FIELDS: dict[str, str] = {
    "extra": "kept as it is in extra.rucio, and nowhere else",
    "title": "text",
    "alternative_titles": "texts",
    "description": "text, HTML becomes plain",
    "publisher": "text",
    "version": "text",
    "language": "text",
    "creators": "names",
    "subjects": "terms, of the vocabulary `scheme`",
    "facilities": "texts",
    "instruments": "texts",
    "targets": "texts",
    "wavebands": "texts",
    "product_type": "text",
    "calib_level": "whole number, -1 to 4",
    "bytes": "size",
    "files": "whole number",
    "position.ra": "angle; sexagesimal text counts hours",
    "position.dec": "angle",
    "position.fov": "angle: diameter of the circle around the position that becomes the footprint",
    "position.frame": "name of the frame, for the set and the sets below it",
    "position.equinox": "year, for the set and the sets below it",
    "footprint": "region: circle, polygon, box or MOC",
    "footprint.moc": "MOC in ASCII",
    "time.min": "time",
    "time.max": "time",
    "time.duration": "duration, where the set has no end",
    "time.scale": "name of the time scale, for the set and the sets below it",
    "time.reference": 'MJD from which `format = "elapsed"` counts',
    "time.reference_fraction": "days to add to it",
    "spectral.min": "wavelength, or frequency or photon energy: the ends are swapped",
    "spectral.max": "the same",
    "energy.min": "energy of another messenger than photons",
    "energy.max": "the same",
    "energy.messenger": "text",
    "access.url": "text",
    "access.media_type": "text",
    "access.bytes": "size",
    "access.checksum": "text",
    "rights.level": "open, public; embargoed; restricted, proprietary, private, secure",
    "rights.licence": "text",
    "rights.statement": "text",
    "rights.embargo_until": "date",
    "rights.groups": "texts",
    "identifiers": "DOI, ivoid, ARK or URL: told by its looks, left in extra otherwise",
    "identifiers.doi": "DOI, with or without its resolver",
    "identifiers.ivoid": "ivo://...",
    **{f"dates.{kind}": "ISO 8601 date, UTC" for kind in DATE_TYPES},
    **{f"relations.{kind}": "identifier (DOI, ivoid, URL, bibcode)" for kind in RELATION_TYPES},
}
DIMENSIONS = {
    "position.ra": "angle",
    "position.dec": "angle",
    "position.fov": "angle",
    "footprint": "angle",
    "time.min": "duration",
    "time.max": "duration",
    "time.duration": "duration",
    "spectral.min": "spectral",
    "spectral.max": "spectral",
    "energy.min": "energy",
    "energy.max": "energy",
    "access.bytes": "size",
    "bytes": "size",
}
_WORDS: dict[str, tuple[str, ...]] = {
    "frame": FRAMES,
    "scale": SCALES,
    "format": (*TIME_FORMATS, "elapsed"),
}
_FREE = ("set", "scheme", "separator")
_PARAMETERS = ("key", "field", "unit", *_FREE, *_WORDS)


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a value goes; ``key`` is the spellings to look for, the preferred first, already folded."""

    key: tuple[str, ...]
    field: str
    set: str = ""
    unit: str | None = None
    frame: str = "icrs"
    scale: str = "utc"
    format: str = "auto"
    scheme: str | None = None
    separator: str | None = None


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """The rules of one source, in order."""

    rules: tuple[Rule, ...]


def fold(key: str) -> str:
    """One spelling of a metadata key: lower case, ``_`` for ``-``."""
    return key.strip().casefold().replace("-", "_")


def parse(table: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Check a table of rules.

    Raises
    ------
    SettingsError
        ``settings.crosswalk``, naming the rule and the nearest right word.
    """
    for word in table:
        _known(word, ("rules", "replace"), "the crosswalk")
    if not isinstance(table.get("replace", False), bool):
        raise SettingsError("crosswalk", "the crosswalk: replace is true or false")
    entries = table.get("rules", [])
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise SettingsError("crosswalk", "the crosswalk: write each rule under its own [[rules]]")
    return tuple(_rule(entry, f"rule {n} of the crosswalk") for n, entry in enumerate(entries, 1))


def _rule(entry: Mapping[str, Any], where: str) -> Rule:
    for word in entry:
        _known(word, _PARAMETERS, where)
    keys = entry.get("key")
    if isinstance(keys, str):
        keys = [keys]
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key.strip() for key in keys):
        raise SettingsError("crosswalk", f"{where}: key is the metadata key, or a list of them")
    where = f"{where} ({', '.join(keys)})"
    for word, value in entry.items():
        if word != "key" and not isinstance(value, str):
            raise SettingsError("crosswalk", f"{where}: {word} is a text in quotes")
    field = entry.get("field")
    if field is None:
        raise SettingsError("crosswalk", f"{where}: field is missing; it names where the value goes")
    _known(field, FIELDS, f"{where}: field")
    if "unit" in entry:
        dimension = DIMENSIONS.get(field)
        if dimension is None:
            raise SettingsError("crosswalk", f"{where}: {field} has no unit; take the unit away")
        _known(entry["unit"], UNITS[dimension], f"{where}: unit")
    for word, allowed in _WORDS.items():
        if word in entry:
            _known(entry[word], allowed, f"{where}: {word}")
    given = {word: entry[word] for word in (*_FREE, *_WORDS, "unit") if word in entry}
    return Rule(key=tuple(fold(key) for key in keys), field=field, **given)


def _known(word: str, allowed: Iterable[str], where: str) -> None:
    allowed = list(allowed)
    if word in allowed:
        return
    folded = {name.casefold(): name for name in allowed}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0)
    hint = f"did you mean {folded[near[0]]!r}?" if near else ""
    raise SettingsError("crosswalk", f"{where}: unknown {word!r}; {hint}", unknown=word, nearest=folded[near[0]])


@functools.cache
def default_crosswalk() -> Crosswalk:
    """The crosswalk that comes with Asterism: ObsCore names, FITS keywords, Rucio's columns."""
    text = resources.files("mappings").joinpath("crosswalk.toml").read_text(encoding="utf-8")
    return Crosswalk(parse(tomllib.loads(text)))


def load_crosswalk(table: Mapping[str, Any] | None) -> Crosswalk:
    """The default crosswalk with a source's own table before it.

    Raises
    ------
    SettingsError
        As :func:`parse`.
    """
    if not table:
        return default_crosswalk()
    own = parse(table)
    if table.get("replace"):
        return Crosswalk(own)
    named = {key for rule in own for key in rule.key}
    kept = []
    for rule in default_crosswalk().rules:
        keys = tuple(key for key in rule.key if key not in named)
        if keys:
            kept.append(replace(rule, key=keys))
    return Crosswalk(own + tuple(kept))
