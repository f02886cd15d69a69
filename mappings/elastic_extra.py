"""``extra.*`` in Elasticsearch: any path and any type in one keyword field.

A mapping for each key would explode, and break where a type changes between sources; ``flattened`` compares all as
words. So a value is a term: its path, NUL, a letter for its type, and the value so spelt that the order of terms is
the order of values:

    d   the date that a word spells, as MJD          double as 16 hexadecimal digits
    n   a number                                     the same
    t   the number that a word spells                the same
    w   a word, or a truth value                     the word itself
"""

from __future__ import annotations

import hashlib
import struct

from mappings.document import Document

TYPES = {"": "n", "text": "t", "date": "d"}
_LONGEST = 500  # bytes of a path; a longer one is its checksum


def extra_terms(document: Document) -> tuple[list[str], list[str]]:
    """The terms of all values in ``extra``, and the paths that have any."""
    made: dict[str, None] = {}
    paths: dict[str, None] = {}
    for name, words in document.terms.items():
        if name.startswith("extra."):
            path = spelt_path(name)
            paths[path] = None
            made |= dict.fromkeys(f"{path}\0w{word}" for word in words)
    for name, numbers in document.numbers.items():
        if name.startswith("extra."):
            place, _, kind = name.partition("\0")
            path = spelt_path(place)
            paths[path] = None
            made |= dict.fromkeys(f"{path}\0{TYPES[kind]}{spelt(number)}" for number in numbers)
    return list(made), list(paths)


def spelt_path(path: str) -> str:
    """``path`` as it stands in terms."""
    raw = path.encode()
    return path if len(raw) <= _LONGEST else f"extra.{hashlib.blake2b(raw, digest_size=16).hexdigest()}"


def spelt(value: float) -> str:
    """Sixteen hexadecimal digits in the order of the doubles; -0 is 0."""
    (bits,) = struct.unpack(">q", struct.pack(">d", value + 0.0))
    return f"{(bits ^ 0x7FFFFFFFFFFFFFFF if bits < 0 else bits) + (1 << 63):016x}"


def read(text: str) -> float:
    """The double that :func:`spelt` spelt."""
    bits = int(text, 16) - (1 << 63)
    return float(struct.unpack(">d", struct.pack(">q", bits ^ 0x7FFFFFFFFFFFFFFF if bits < 0 else bits))[0])
