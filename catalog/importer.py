"""Records of our own schema, one JSON object a line, into the store.

The id of a record comes from its source and its first identifier, so importing again updates, and an import that was
killed is made good by running it again. A line that is no record goes to quarantine with its number and its reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import orjson

from catalog import quarantine
from catalog.allocating import uncollected
from catalog.documents import Put, Quarantined, Tally, encode
from catalog.store import Store
from schemas.errors import RecordError
from schemas.record import Record, record_id, validate_record

DEFAULT_SOURCE = "import"
MAX_LINE = 16 * 1024 * 1024  # bytes; the largest real record met, a survey's MOC at full depth, has 3 MB
_BATCH_LINES = 5000  # 120 ms of transaction; fewer would write the same index pages more often
_FIRST_LINES = 1000
_FEWEST_LINES = 200
_HELD = 0.2  # seconds of a transaction: records that are parts of clusters cost several times as much as others
_BATCH_BYTES = 8 * 1024 * 1024
_OURS = ("same_as", "chosen")  # of merged records: a line that has them was one, and is its source's own here


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """After each batch: ``lines`` read so far, what came of them, and the newest feed number."""

    lines: int
    tally: Tally
    last_seq: int


class _BadLineError(Exception):
    def __init__(self, code: str, reason: str, native_id: str | None = None) -> None:
        super().__init__(reason)
        self.code = f"import.{code}"
        self.reason = reason
        self.native_id = native_id


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of ``stream``, in bounded memory: of one longer than ``MAX_LINE`` only that much and a byte."""
    while line := stream.readline(MAX_LINE + 2):
        if len(line) > MAX_LINE + 1:
            beginning = line[: MAX_LINE + 1]
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE)
            line = beginning
        yield line


def import_lines(
    store: Store,
    lines: Iterable[bytes],
    source: str | None = None,
    *,
    name: str | None = None,
    on_batch: Callable[[ImportProgress], None] | None = None,
) -> ImportProgress:
    """Import ``lines`` (see :func:`read_lines`) as records of ``source``.

    ``source`` is theirs if they name one and this is None, and ``import`` otherwise. Of two lines with the same id
    the last wins. ``id``, ``source`` and ``provenance`` may be missing; an ``id`` that is not ours is replaced.
    ``name`` is that of the file: what could not be read in an earlier import of it is forgotten in the end, because
    whoever imports it again has mended that, or it is there anew.
    """
    tally = Tally()
    done = ImportProgress(0, tally, store.last_seq())
    with store.database.reading() as connection:
        earlier = quarantine.last(connection)
    pace = _Pace()
    with uncollected():
        for number, puts, bad in _batches(lines, source, f"{name}, line" if name else "line", pace):
            for whose in dict.fromkeys([*puts, *bad]):
                began = time.monotonic()
                tally += store.save(whose, puts.get(whose, ()), (), bad.get(whose, ()))
                pace.took(len(puts.get(whose, ())), time.monotonic() - began)
            done = ImportProgress(number, tally, store.last_seq())
            if on_batch is not None:
                on_batch(done)
    if name:
        with store.database.writing() as connection:
            quarantine.forget_lines(connection, source or DEFAULT_SOURCE, earlier, f"{name}, line ")
    return done


class _Pace:
    """How many lines make a batch, so that a transaction takes ``_HELD``."""

    def __init__(self) -> None:
        self.lines = min(_FIRST_LINES, _BATCH_LINES)

    def took(self, records: int, seconds: float) -> None:
        if records:
            fitting = int(records * _HELD / max(seconds, 1e-3))
            self.lines = max(min(fitting, 2 * self.lines, _BATCH_LINES), min(_FEWEST_LINES, _BATCH_LINES))


def _batches(
    lines: Iterable[bytes], source: str | None, at: str, pace: _Pace
) -> Iterator[tuple[int, dict[str, list[Put]], dict[str, list[Quarantined]]]]:
    puts: dict[str, list[Put]] = {}
    bad: dict[str, list[Quarantined]] = {}
    count = size = number = 0
    for number, line in enumerate(lines, 1):
        body = line.strip()
        if number == 1:
            body = body.removeprefix(b"\xef\xbb\xbf")  # some editors begin a file with a byte order mark
        if not body:
            continue
        count += 1
        size += len(body)
        try:
            put = _put(body, source)
        except _BadLineError as error:
            name = source or DEFAULT_SOURCE
            place = f"{at} {number}"
            bad.setdefault(name, []).append(
                Quarantined(error.native_id, error.code, error.reason, raw=body, place=place)
            )
        else:
            puts.setdefault(put.record["source"], []).append(put)
        if count >= pace.lines or size >= _BATCH_BYTES:
            yield number, puts, bad
            puts, bad = {}, {}
            count = size = 0
    if count:
        yield number, puts, bad


def _put(body: bytes, source: str | None) -> Put:
    if len(body) > MAX_LINE:
        raise _BadLineError(
            "line-too-long", f"the line has more than {MAX_LINE} bytes; split the record or leave files out"
        )
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _BadLineError("bad-json", f"not JSON (RFC 8259; NaN and Infinity are not): {error}") from None
    if not isinstance(document, dict):
        raise _BadLineError("not-an-object", "the line is JSON but not an object")
    name = source or document.get("source") or DEFAULT_SOURCE
    native_id = _native_id(document)
    if not isinstance(name, str) or "\0" in name or "\0" in native_id:
        raise _BadLineError("bad-name", "source and identifiers are texts without NUL characters")
    document["id"] = record_id(name, native_id)
    document["source"] = name
    for field in _OURS:
        document.pop(field, None)
    try:
        encoded = encode(document)
        return Put(native_id, validate_record(document), encoded=encoded)
    except RecordError as error:
        raise _BadLineError("invalid-record", error.detail, native_id) from None


def _native_id(document: Record) -> str:
    """What the source calls it: the provenance says, or else its first identifier does, with its scheme."""
    try:
        if named := (document.get("provenance") or {}).get("native_id"):
            return str(named)
        first = document["identifiers"][0]
        if first["scheme"] and first["value"]:
            return f"{first['scheme']}:{first['value']}"
    except (LookupError, TypeError, AttributeError):
        pass
    raise _BadLineError(
        "no-identifier", 'the record needs an identifier: "identifiers": [{"scheme": ..., "value": ...}]'
    )
