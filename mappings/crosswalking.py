"""Applying a crosswalk: metadata keys and values in, fields of the record and quarantined values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mappings import quantities
from mappings.citation import identify
from mappings.crosswalk import Crosswalk, Rule, fold
from mappings.outcome import Problem
from mappings.quantities import UnusableError
from mappings.regions import circle, footprint, moc
from mappings.text import one_line, plain_text
from schemas.record import Record
from schemas.times import utc_span

_LEVELS = {
    **dict.fromkeys(("open", "public"), "open"),
    "embargoed": "embargoed",
    **dict.fromkeys(("restricted", "proprietary", "private", "secure"), "restricted"),
}
_TEXTS = ("alternative_titles", "facilities", "instruments", "targets", "wavebands")
_LINES = ("title", "publisher", "version", "language", "product_type")
_GROUPS = ("position", "time", "spectral", "energy", "access")


@dataclass(frozen=True, slots=True)
class _Found:
    """A rule that met a value; ``key`` as the source spells it."""

    rule: Rule
    key: str
    value: Any


def apply(crosswalk: Crosswalk, metadata: Mapping[str, Any], record: Record) -> list[Problem]:
    """Add to ``record`` what the rules find in ``metadata``; give back what could not be used.

    A field that the record has already is left alone where it holds one value.
    """
    return _Application(metadata, record).run(crosswalk.rules)


class _Application:
    def __init__(self, metadata: Mapping[str, Any], record: Record) -> None:
        self.metadata = metadata
        # of two spellings of one key the first counts
        self.folded = {fold(key): key for key in reversed(list(metadata))}
        self.record = record
        self.problems: list[Problem] = []
        # (field, set) -> what was found for it, in the order of the rules
        self.grouped: dict[tuple[str, str], _Found] = {}

    def run(self, rules: Iterable[Rule]) -> list[Problem]:
        for rule in rules:
            for found in self._found(rule):
                if rule.field.partition(".")[0] in _GROUPS:
                    self.grouped.setdefault((rule.field, rule.set), found)
                else:
                    self._try(found, self._single)
        if "position" not in self.record:
            self._first_good("position", self._position)
        for name, read in (("time", self._time), ("spectral", self._spectral), ("energy", self._energy)):
            if name not in self.record:
                self._first_good(name, read)
        for name in self._sets("access"):
            self._access(name)
        return self.problems

    def _found(self, rule: Rule) -> Iterable[_Found]:
        """The first of the rule's keys that has a value; all of them where the field is a list."""
        many = rule.field in _TEXTS or rule.field.startswith(("subjects", "creators", "identifiers", "relations."))
        for key in rule.key:
            spelt, value = self._look_up(key)
            if value is None or (isinstance(value, str) and not value.strip()) or value in ([], {}):
                continue
            yield _Found(rule, spelt, value)
            if not many:
                return

    def _look_up(self, key: str) -> tuple[str, Any]:
        if key in self.folded:
            spelt = self.folded[key]
            return spelt, self.metadata[spelt]
        node: Any = self.metadata
        for part in key.split(".") if "." in key else ():
            node = {fold(name): inner for name, inner in node.items()}.get(part) if isinstance(node, Mapping) else None
        return key, None if node is self.metadata else node

    def _try(self, found: _Found, use: Any) -> None:
        try:
            use(found)
        except UnusableError as unusable:
            self._quarantine(found.rule.field, [found], unusable)

    def _quarantine(self, field: str, founds: Iterable[_Found], unusable: UnusableError) -> None:
        founds = list(founds)
        said = ", ".join(f"{found.key} = {repr(found.value)[:80]}" for found in founds)
        value = founds[0].value if len(founds) == 1 else {found.key: found.value for found in founds}
        self.problems.append(Problem(field, unusable.code, f"{said}: {unusable}", value))

    # -- fields that one key fills ------------------------------------------------------------------

    def _single(self, found: _Found) -> None:
        rule, record = found.rule, self.record
        name, _, part = rule.field.partition(".")
        if name == "extra":
            return
        if name in _TEXTS:
            self._extend(name, _texts(found.value, rule.separator))
        elif name == "subjects":
            scheme = {"scheme": rule.scheme} if rule.scheme else {}
            self._extend(name, [{"term": term, **scheme} for term in _texts(found.value, rule.separator)])
        elif name == "creators":
            self._extend(name, [{"name": person} for person in _texts(found.value, rule.separator)])
        elif name in ("identifiers", "relations"):
            self._identifiers(found, name, part)
        elif name == "dates":
            self._extend(name, [{"date": _iso(found.value), "type": part}])
        elif name == "rights":
            self._rights(found, part)
        elif name in record:
            return
        elif name in _LINES:
            record[name] = _text(found.value)
        elif name == "description":
            record[name] = _prose(found.value)
        elif name == "footprint":
            record[name] = {"moc": moc(found.value)} if part == "moc" else footprint(found.value, rule.frame)
        else:
            record[name] = _whole(
                found, low=-1 if name == "calib_level" else 0, high=4 if name == "calib_level" else None
            )

    def _extend(self, name: str, values: list[Any]) -> None:
        if values:
            listed = self.record.setdefault(name, [])
            listed += [value for n, value in enumerate(values) if value not in listed and value not in values[:n]]

    def _identifiers(self, found: _Found, name: str, part: str) -> None:
        for text in _texts(found.value, found.rule.separator):
            found_out = identify(text) or {"scheme": "other", "value": text}
            scheme, value = found_out["scheme"], found_out["value"]
            if name == "relations":
                known = {} if scheme == "other" else {"scheme": scheme}
                self._extend(name, [{"type": part, "identifier": value, **known}])
            elif part and scheme != part:
                raise UnusableError("wrong-identifier", f"is no {'DOI' if part == 'doi' else 'ivoid'}")
            elif scheme in ("doi", "ivoid", "ark", "url"):
                self._extend(name, [found_out])

    def _rights(self, found: _Found, part: str) -> None:
        rights = self.record.get("rights", {})
        if part in rights:
            return
        if part == "groups":
            value: Any = _texts(found.value, found.rule.separator)
        elif part == "level":
            value = _LEVELS.get(_text(found.value).casefold())
            if value is None:  # who may see it is not known, so nobody does until somebody says
                self.record["rights"] = {**rights, part: "restricted"}
                raise UnusableError("unknown-rights", f"is none of {', '.join(_LEVELS)}; it is taken as restricted")
        else:
            value = _iso(found.value) if part == "embargo_until" else _text(found.value)
        self.record["rights"] = {**rights, part: value}

    # -- fields that a set of keys fills ------------------------------------------------------------

    def _sets(self, group: str) -> list[str]:
        return list(dict.fromkeys(name for field, name in self.grouped if field.startswith(f"{group}.")))

    def _members(self, group: str, name: str, *parts: str) -> list[_Found]:
        return [found for part in parts if (found := self.grouped.get((f"{group}.{part}", name)))]

    def _qualifier(self, field: str, name: str) -> _Found | None:
        """What says the frame or scale of a set: its own, else that of the set above (``fits`` for ``fits/mjd``)."""
        while True:
            if found := self.grouped.get((field, name)):
                return found
            if "/" not in name:
                return None
            name = name.rpartition("/")[0]

    def _first_good(self, group: str, read: Any) -> None:
        """Take the fullest set that can be used; of equals the first."""
        ends = {"position": ("ra", "dec"), "time": ("min", "max")}.get(group, ("min", "max"))
        names = [name for name in self._sets(group) if self._members(group, name, *ends)]
        names.sort(key=lambda name: -len(self._members(group, name, *ends)))
        for name in names:
            members = self._members(group, name, *ends)
            try:
                read(name)
            except UnusableError as unusable:
                self._quarantine(group, members, unusable)
            else:
                return

    def _position(self, name: str) -> None:
        ra, dec = self.grouped.get(("position.ra", name)), self.grouped.get(("position.dec", name))
        if ra is None or dec is None:
            raise UnusableError("half-a-position", "the other coordinate of its pair is missing")
        frame, equinox = ra.rule.frame, None
        if year := self._qualifier("position.equinox", name):
            equinox = quantities.number(str(year.value).strip().lstrip("JBjb"))[0]
            # FITS 4.0, section 8.3: without RADESYS the equinox tells the system
            frame = "fk4" if equinox < 1984 else "fk5"
        if system := self._qualifier("position.frame", name):
            frame = _named(system, quantities.frame_name)
        # an hour angle is for right ascension alone: galactic longitude counts degrees
        lon = quantities.angle(ra.value, ra.rule.unit, hours=frame != "galactic")
        lat = quantities.angle(dec.value, dec.rule.unit)
        lon, lat = quantities.to_icrs(lon, lat, frame, equinox if frame in ("fk4", "fk5") else None)
        self.record["position"] = {"ra": lon, "dec": lat}
        fov = self.grouped.get(("position.fov", name))
        if fov and "footprint" not in self.record:
            self._try(fov, lambda found: self._circle(lon, lat, found))

    def _circle(self, ra: float, dec: float, fov: _Found) -> None:
        diameter = quantities.angle(fov.value, fov.rule.unit)
        if not 0 <= diameter <= 360:
            raise UnusableError("impossible-coordinate", f"gives a field of {diameter:.10g} deg: it is 0 to 360 deg")
        if diameter:  # 0 is what some write for "not known"; the position says as much
            self.record["footprint"] = {"circle": circle(ra, dec, diameter / 2)}

    def _time(self, name: str) -> None:
        start, end = self.grouped.get(("time.min", name)), self.grouped.get(("time.max", name))
        low, high = (self._span(found, name) if found else None for found in (start, end))
        first, last = (low or high or (0.0, 0.0))[0], (high or low or (0.0, 0.0))[1]
        length = self._qualifier("time.duration", name)
        if length and high is None and low is not None:
            try:
                seconds = quantities.quantity(length.value, "duration", length.rule.unit)
                if seconds < 0:
                    raise UnusableError("impossible-time", "is below 0")
                # a start known to the day says more than the exposure added to its midnight
                last = max(last, first + seconds / 86400)
            except UnusableError as unusable:
                self._quarantine("time.duration", [length], unusable)
        if first > last:
            raise UnusableError("impossible-time", "the start is after the end")
        self.record["time"] = [{"min": first, "max": last}]

    def _span(self, found: _Found, name: str) -> tuple[float, float]:
        rule = found.rule
        scale = rule.scale
        if said := self._qualifier("time.scale", name):
            scale = _named(said, quantities.scale_name)
        if rule.format != "elapsed":
            return quantities.mjd_span(found.value, rule.format, scale)
        reference = self._qualifier("time.reference", name)
        if reference is None:
            raise UnusableError("no-time-reference", "counts from a reference (MJDREF) that is not given")
        origin = quantities.number(reference.value)[0]
        if fraction := self._qualifier("time.reference_fraction", name):
            origin += quantities.number(fraction.value)[0]
        elapsed = quantities.quantity(found.value, "duration", rule.unit or "s") / 86400
        moment = quantities.tdb(origin + elapsed, scale)
        return moment, moment

    def _spectral(self, name: str) -> None:
        bounds: dict[str, float] = {}
        for part, other in (("min", "max"), ("max", "min")):
            if found := self.grouped.get((f"spectral.{part}", name)):
                end = other if quantities.inverts(found.value, found.rule.unit) else part
                bounds[end] = quantities.quantity(found.value, "spectral", found.rule.unit)
        self.record["spectral"] = [_ordered(bounds, "impossible-spectral")]

    def _energy(self, name: str) -> None:
        bounds: dict[str, Any] = {}
        for part in ("min", "max"):
            if found := self.grouped.get((f"energy.{part}", name)):
                bounds[part] = quantities.quantity(found.value, "energy", found.rule.unit)
                if bounds[part] < 0:
                    raise UnusableError("impossible-energy", "is below 0")
        interval = _ordered(bounds, "impossible-energy")
        if messenger := self.grouped.get(("energy.messenger", name)):
            interval["messenger"] = _text(messenger.value)
        self.record["energy"] = [interval]

    def _access(self, name: str) -> None:
        url = self.grouped.get(("access.url", name))
        if url is None:
            return
        access: Record = {"url": _text(url.value)}
        for part in ("media_type", "checksum"):
            if found := self.grouped.get((f"access.{part}", name)):
                access[part] = _text(found.value)
        if size := self.grouped.get(("access.bytes", name)):
            self._try(size, lambda found: access.update(bytes=_whole(found)))
        self._extend("access", [access])


def _named(found: _Found, read: Any) -> str:
    """Read a frame or scale; the sentence names its key, as the caller's names only the coordinates'."""
    try:
        return str(read(found.value))
    except UnusableError as unusable:
        raise UnusableError(unusable.code.partition(".")[2], f"{found.key} = {found.value!r} {unusable}") from None


def _ordered(bounds: dict[str, float], code: str) -> dict[str, Any]:
    if len(bounds) == 2 and bounds["min"] > bounds["max"]:
        raise UnusableError(code, "the lower end is above the upper")
    return dict(bounds)


def _text(value: Any) -> str:
    texts = _texts(value, None)
    if not texts:
        raise UnusableError("not-a-text", "is not a text")
    return texts[0]


def _prose(value: Any) -> str:
    """Paragraphs as they are; a list has one in each item."""
    items = value if isinstance(value, list) else [value]
    text = "\n".join(plain_text(item) for item in items if isinstance(item, str)).strip()
    if not text:
        raise UnusableError("not-a-text", "is not a text")
    return text


def _texts(value: Any, separator: str | None) -> list[str]:
    """The texts in a value: itself, each of a list, or the parts between separators."""
    items = value if isinstance(value, list) else [value]
    texts: list[str] = []
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            continue
        parts = item.split(separator) if separator and isinstance(item, str) else [str(item)]
        texts += [line for part in parts if (line := one_line(part))]
    return texts


def _whole(found: _Found, low: int = 0, high: int | None = None) -> int:
    if found.rule.field in ("bytes", "access.bytes"):
        amount = quantities.quantity(found.value, "size", found.rule.unit)
    else:
        amount = quantities.number(found.value)[0]
    whole = round(amount)
    if found.rule.field in ("files", "calib_level") and whole != amount:
        raise UnusableError("not-a-number", "is not a whole number")
    if whole < low or (high is not None and whole > high):
        raise UnusableError(
            "out-of-range", f"must be at least {low}" + (f" and at most {high}" if high is not None else "")
        )
    return whole


def _iso(value: Any) -> str:
    text = str(value).strip()
    try:
        utc_span(text)
    except ValueError as error:
        raise UnusableError("impossible-time", f"is no date: {error}") from None
    return text
