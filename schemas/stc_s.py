"""STC-S (IVOA Note 1.33) and ObsCore's ``s_region`` as plain data; no geometry, no astropy."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Frame = Literal["icrs", "fk5", "fk4", "galactic", "ecliptic"]
Form = Literal["circle", "ellipse", "box", "polygon", "position", "allsky"]

MAX_VERTICES = 10_000  # of all polygons together; a real outline has tens
MAX_PARTS = 1_000  # shapes of a union; of more the cells alone take seconds
MAX_DEPTH = 20  # unions in unions

_FRAMES: dict[str, Frame] = {
    "icrs": "icrs",
    "unknownframe": "icrs",
    "fk5": "fk5",
    "j2000": "fk5",
    "fk4": "fk4",
    "b1950": "fk4",
    "galactic": "galactic",
    "galactic_ii": "galactic",
    "gal": "galactic",
    "ecliptic": "ecliptic",
}
_EQUINOX = {("fk5", "j2000"), ("fk4", "b1950"), ("ecliptic", "j2000")}
# as good as one another for a direction on the sky, at the precision of an outline
_PLACES = {
    *("geocenter", "barycenter", "heliocenter", "topocenter", "embarycenter", "unknownrefpos", "relocatable"),
    *("galactic_center", "local_group_center", "lsr", "lsrk", "lsrd", "moon", "mercury", "venus", "mars", "jupiter"),
    *("saturn", "uranus", "neptune", "pluto"),
}
_COUNTS: dict[Form, int] = {"circle": 3, "ellipse": 5, "box": 4, "position": 2, "allsky": 0}
_VERTICES: dict[Form, int] = {"ellipse": 64, "box": 4}  # of the polygons that they are taken for
_REFUSED = {
    **dict.fromkeys(("intersection", "not", "difference"), "give the region itself, as a Union or a MOC"),
    "convex": "give its corners as a Polygon",
    "positioninterval": "give it as a Polygon",
    "range": "give it as a Polygon",
}
_WORD = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])|[A-Za-z_]\w*|[()]")


class RegionError(ValueError):
    """Text that is no region of the sky; ``code``: unknown-region, unknown-frame or impossible-coordinate."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Part:
    """One shape: ``numbers`` in degrees, in ``frame``.

    circle: lon, lat, radius; ellipse: lon, lat, two half axes, the first one's position angle; box: lon, lat, width,
    height; polygon: lon, lat of each vertex; position: lon, lat; allsky: none.
    """

    form: Form
    frame: Frame
    numbers: tuple[float, ...]


def parse_stc_s(text: str, frame: Frame = "icrs") -> list[Part]:
    """Read ``"Circle ICRS 10 20 0.5"``, ``"Union ICRS (Box 1 2 3 4 Polygon ...)"``: the shapes of a union.

    Words in any case, commas and brackets as archives put them (``CIRCLE(10, 20, 0.5)``). Shapes one after the other
    are a union too. ``frame``: where none is named.

    Raises
    ------
    RegionError
        A ValueError with what is wrong: ``Intersection``, ``Not`` and ``Convex``, other units than degrees, flavors
        other than SPHERICAL2 and places that are not on the sky among it.
    """
    if not text.isascii():
        raise RegionError("unknown-region", "is not in ASCII")
    spaced = text.replace(",", " ")
    words = _WORD.findall(spaced)
    if rest := _WORD.sub("", spaced).split():
        raise RegionError("unknown-region", f"has {rest[0][:20]!r}, which is no word of a region")
    reader = _Reader(words)
    parts = reader.regions(frame, 0)
    if not parts:
        raise RegionError("unknown-region", "names no region")
    if reader.at < len(words):
        raise RegionError("unknown-region", f"has a {words[reader.at]!r} that closes nothing")
    if len(parts) > MAX_PARTS:
        raise RegionError("unknown-region", f"has more than {MAX_PARTS} shapes: give it as a MOC")
    if (
        sum(len(part.numbers) // 2 if part.form == "polygon" else _VERTICES.get(part.form, 0) for part in parts)
        > MAX_VERTICES
    ):
        raise RegionError("unknown-region", f"has more than {MAX_VERTICES} vertices: give it as a MOC")
    return parts


class _Reader:
    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.at = 0

    def next(self) -> str:
        """The word at hand, in lower case; nothing at the end."""
        return self.words[self.at].lower() if self.at < len(self.words) else ""

    def take(self, wanted: Callable[[str], bool]) -> list[str]:
        first = self.at
        while self.at < len(self.words) and wanted(self.words[self.at]):
            self.at += 1
        return self.words[first : self.at]

    def regions(self, frame: Frame, depth: int) -> list[Part]:
        """Shapes up to the end or a closing bracket."""
        if depth > MAX_DEPTH:
            raise RegionError("unknown-region", f"has more than {MAX_DEPTH} unions in one another")
        made: list[Part] = []
        while self.next() not in ("", ")"):
            made += self.region(frame, depth)
        return made

    def region(self, frame: Frame, depth: int) -> list[Part]:
        name = self.next()
        self.at += 1
        if name in _REFUSED:
            raise RegionError("unknown-region", f"has {name.capitalize()}, which is not read here: {_REFUSED[name]}")
        form = next((known for known in (*_COUNTS, "polygon") if known == name), None)
        if form is None and name != "union":
            raise RegionError(
                "unknown-region", f"is no Circle, Ellipse, Box, Polygon, Position or Union ({name[:20]!r})"
            )
        if self.next() == "fillfactor":  # how much of it is covered: the outline is the same
            self.at += 2
        frame = self.system(frame)
        opened = self.next() == "("
        self.at += opened
        if name == "union":
            if not opened:
                raise RegionError("unknown-region", "has a Union without (")
            made = self.regions(frame, depth + 1)
            if len(made) == 0:
                raise RegionError("unknown-region", "has a Union of nothing")
        else:
            assert form is not None
            numbers = tuple(map(float, self.take(_is_number)))
            made = [Part(form, frame, _checked(form, numbers))]
        if opened:
            if self.next() != ")":
                raise RegionError("unknown-region", "has a ( without )")
            self.at += 1
        self.unit()
        return made

    def system(self, frame: Frame) -> Frame:
        """Frame, reference position and flavor, each if it is there."""
        before = ""
        for written in self.take(lambda word: word[0].isalpha() and word.lower() not in ("union", "unit", *_COUNTS)):
            word = written.lower()
            if (before, word) in _EQUINOX or word in _PLACES or word == "spherical2":
                pass
            elif word in _FRAMES:
                frame = _FRAMES[word]
            elif word.startswith(("cartesian", "spherical", "unitsphere", "polar", "cylindrical")):
                raise RegionError(
                    "unknown-region", f"has the flavor {written[:20]}: only SPHERICAL2 is an outline on the sky"
                )
            else:
                raise RegionError("unknown-frame", f"has {written[:20]!r}, which is no celestial frame known here")
            before = word
        return frame

    def unit(self) -> None:
        if self.next() != "unit":
            return
        self.at += 1
        for word in self.take(lambda word: word.lower() in ("deg", "arcmin", "arcsec", "h", "rad", "mas")):
            if word.lower() != "deg":
                raise RegionError("unknown-region", f"is in {word}: give it in degrees")


def _is_number(word: str) -> bool:
    return word[0] in "+-.0123456789"


def _checked(form: Form, numbers: tuple[float, ...]) -> tuple[float, ...]:
    if form == "polygon":
        if len(numbers) < 6 or len(numbers) % 2:
            raise RegionError(
                "unknown-region", f"has a Polygon of {len(numbers)} numbers: it takes three or more pairs"
            )
    elif len(numbers) != _COUNTS[form]:
        raise RegionError(
            "unknown-region", f"has a {form.capitalize()} of {len(numbers)} numbers: it takes {_COUNTS[form]}"
        )
    if not all(map(math.isfinite, numbers)):
        raise RegionError("unknown-region", "has a number that is not finite")
    pairs = numbers if form == "polygon" else numbers[:2]
    for lon, lat in zip(pairs[::2], pairs[1::2], strict=True):
        if not (0 <= lon <= 360 and -90 <= lat <= 90):
            raise RegionError(
                "impossible-coordinate", f"has ({lon:.10g}, {lat:.10g}), which is not on the sky: 0 to 360, -90 to 90"
            )
    sizes = numbers[2:4]
    if form == "circle" and not 0 <= numbers[2] <= 180:
        raise RegionError("impossible-coordinate", f"has a radius of {numbers[2]:.10g} deg: it is 0 to 180 deg")
    if form == "box" and not all(0 <= size < 180 for size in sizes):
        raise RegionError(
            "impossible-coordinate", f"has a box of {sizes[0]:.10g} by {sizes[1]:.10g} deg: sides are below 180 deg"
        )
    if form == "ellipse" and not all(0 <= size < 90 for size in sizes):
        raise RegionError(
            "impossible-coordinate", f"has half axes of {sizes[0]:.10g} and {sizes[1]:.10g} deg: they are below 90 deg"
        )
    return numbers
