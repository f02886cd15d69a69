"""Record to flat row: the columns of CSV, VOTable and the command line's table, in one list.

A record is a tree and a row is not: lists are joined with ``"; "``, several intervals become the span of all of
them, and the footprint is shown where it is a circle or a polygon. The record itself is in the JSON.
"""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mappings.stc_s import read_region, write_region
from schemas.record import Record

Cell = str | int | float | None
JOIN = "; "
_LONG_MAX = 2**63 - 1  # VOTable's long is signed 64 bit; JSON's integers end where the sender likes


@dataclass(frozen=True, slots=True, eq=False)  # compared and hashed by identity: each is one of COLUMNS
class Column:
    """One column.

    ``datatype`` is VOTable's (VOTable 1.4, section 2.1); ``verbosity`` the least VERB of Simple Cone Search that
    shows it; ``ref`` the coordinate system it is in: ``icrs`` or ``tdb``.
    """

    name: str
    datatype: Literal["char", "unicodeChar", "double", "long", "short"]
    verbosity: Literal[1, 2, 3]
    description: str
    read: Callable[[Record], Cell]
    ucd: str | None = None
    unit: str | None = None
    ref: str | None = None
    utype: str | None = None


def _value(name: str) -> Callable[[Record], Cell]:
    return lambda record: record.get(name)


def _integer(name: str) -> Callable[[Record], Cell]:
    def read(record: Record) -> Cell:
        value: int | None = record.get(name)
        return value if value is None or value <= _LONG_MAX else None

    return read


def _joined(name: str) -> Callable[[Record], Cell]:
    def read(record: Record) -> Cell:
        values = record.get(name)
        return JOIN.join(values) if values else None

    return read


def _joined_of(name: str, key: str) -> Callable[[Record], Cell]:
    def read(record: Record) -> Cell:
        items = record.get(name)
        return JOIN.join(dict.fromkeys(item[key] for item in items if key in item)) or None if items else None

    return read


def _first_of(name: str, key: str) -> Callable[[Record], Cell]:
    def read(record: Record) -> Cell:
        items = record.get(name)
        value: Cell = items[0].get(key) if items else None
        return value

    return read


def _inside(name: str, key: str) -> Callable[[Record], Cell]:
    def read(record: Record) -> Cell:
        inner = record.get(name)
        value: Cell = inner.get(key) if inner else None
        return value

    return read


def _bound(name: str, key: Literal["min", "max"]) -> Callable[[Record], Cell]:
    """The outer bound of all intervals; none where one of them is open at that end."""
    outer: Callable[[Iterable[float]], float] = min if key == "min" else max

    def read(record: Record) -> Cell:
        intervals = record.get(name)
        if not intervals:
            return None
        if len(intervals) == 1:
            only: Cell = intervals[0].get(key)
            return only
        bounds = [interval.get(key) for interval in intervals]
        return None if None in bounds else outer(bounds)

    return read


def _issued(record: Record) -> Cell:
    dates: list[dict[str, str]] = record.get("dates", [])
    return next((date["date"] for date in dates if date["type"] == "Issued"), None)


def _region(record: Record) -> Cell:
    """The footprint as ObsCore 1.1 writes ``s_region``; a MOC is too long for a cell."""
    footprint: dict[str, Any] = record.get("footprint") or {}
    if circle := footprint.get("circle"):
        return "CIRCLE ICRS " + " ".join(map(repr, circle))
    if polygon := footprint.get("polygon"):
        return "POLYGON ICRS " + " ".join(repr(number) for vertex in polygon for number in vertex)
    if region := footprint.get("stc_s"):
        return write_region(read_region(region))
    return None


# The first three carry UCD1 names because Simple Cone Search 1.03, section 2.2, asks for exactly these; all others
# are UCD1+ (the rows shared with ObsCore use ObsCore 1.1's, table 5).
COLUMNS: tuple[Column, ...] = (
    Column("id", "char", 1, "Identifier of the record in this catalogue", _value("id"), "ID_MAIN"),
    Column("ra", "double", 1, "Right ascension of the stated position (ICRS)", _inside("position", "ra"),
           "POS_EQ_RA_MAIN", "deg", "icrs", "obscore:Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C1"),
    Column("dec", "double", 1, "Declination of the stated position (ICRS)", _inside("position", "dec"),
           "POS_EQ_DEC_MAIN", "deg", "icrs", "obscore:Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C2"),
    Column("title", "unicodeChar", 2, "Title", _value("title"), "meta.title"),
    Column("kind", "unicodeChar", 2, "What it is: observation, dataset, service ...", _value("kind"),
           "meta.code.class"),
    Column("source", "unicodeChar", 2, "Source that it was harvested from", _value("source"), "meta.curation"),
    Column("identifier", "unicodeChar", 2, "The source's own identifier: DOI, ivoid, scope:name ...",
           _first_of("identifiers", "value"), "meta.id"),
    Column("facilities", "unicodeChar", 2, "Observatories and experiments", _joined("facilities"),
           "meta.id;instr.tel"),
    Column("instruments", "unicodeChar", 2, "Instruments", _joined("instruments"), "meta.id;instr"),
    Column("targets", "unicodeChar", 2, "Observed objects", _joined("targets"), "meta.id;src"),
    Column("wavebands", "unicodeChar", 2, "Messenger bands", _joined("wavebands"), "instr.bandpass"),
    Column("product_type", "unicodeChar", 2, "Data product type", _value("product_type"), "meta.code.class"),
    Column("t_min", "double", 2, "Start of the observation (MJD, TDB)", _bound("time", "min"),
           "time.start;obs.exposure", "d", "tdb"),
    Column("t_max", "double", 2, "End of the observation (MJD, TDB)", _bound("time", "max"),
           "time.end;obs.exposure", "d", "tdb"),
    Column("em_min", "double", 2, "Shortest wavelength in vacuum", _bound("spectral", "min"),
           "em.wl;stat.min", "m"),
    Column("em_max", "double", 2, "Longest wavelength in vacuum", _bound("spectral", "max"),
           "em.wl;stat.max", "m"),
    Column("bytes", "long", 2, "Size of all of it", _integer("bytes"), "phys.size;meta.file", "byte"),
    Column("access_url", "unicodeChar", 2, "Where it is got (the first way)", _first_of("access", "url"),
           "meta.ref.url"),
    Column("access_format", "unicodeChar", 3, "Media type of the first way", _first_of("access", "media_type"),
           "meta.code.mime"),
    Column("s_region", "unicodeChar", 3, "Footprint, where it is no MOC (STC-S, ICRS, degrees)", _region,
           "pos.outline;obs.field"),
    Column("calib_level", "short", 3, "Calibration level (ObsCore 1.1)", _value("calib_level"), "meta.code;obs.calib"),
    Column("files", "long", 3, "Number of files", _integer("files"), "meta.number;meta.file"),
    Column("replicas", "unicodeChar", 3, "Rucio storage elements that hold copies", _joined_of("replicas", "rse")),
    Column("creators", "unicodeChar", 3, "Who made it", _joined_of("creators", "name"), "meta.bib.author"),
    Column("publisher", "unicodeChar", 3, "Who publishes it", _value("publisher"), "meta.curation"),
    Column("issued", "unicodeChar", 3, "Date of issue, as precise as the source states it", _issued,
           "time.release"),
    Column("subjects", "unicodeChar", 3, "Subject terms", _joined_of("subjects", "term"), "meta"),
    Column("rights", "unicodeChar", 3, "Who may have the data: open, embargoed, restricted", _inside("rights", "level"),
           "meta.code"),
    Column("licence", "unicodeChar", 3, "SPDX id or licence URI", _inside("rights", "licence"), "meta.ref"),
    Column("description", "unicodeChar", 3, "Description", _value("description"), "meta.note"),
)  # fmt: skip


@functools.cache
def columns(verbosity: int = 3) -> tuple[Column, ...]:
    """The columns that VERB=``verbosity`` shows (SCS 1.03, section 2.1): 1 bare, 2 usual, 3 all."""
    return tuple(column for column in COLUMNS if column.verbosity <= verbosity)


def row(record: Record, shown: Sequence[Column] = COLUMNS) -> list[Cell]:
    """The cells of ``record`` in the order of ``shown``."""
    return [column.read(record) for column in shown]


def csv_header(shown: Sequence[Column] = COLUMNS) -> str:
    """The header line of RFC 4180, section 2, rule 3."""
    return _csv_lines([[column.name for column in shown]])


def csv_rows(records: Iterable[Record], shown: Sequence[Column] = COLUMNS) -> str:
    """The lines of ``records``, without the header (RFC 4180); nothing stands between the commas of a missing cell."""
    return _csv_lines(row(record, shown) for record in records)


def _csv_lines(rows: Iterable[Sequence[Cell]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()
