"""A record in the making, from documents whose every value may be of the wrong type."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import orjson

from mappings.citation import identify, orcid_of, vocabulary_word
from mappings.dates import date_of
from mappings.outcome import Mapped, Problem
from mappings.text import one_line, plain_text
from schemas.errors import MappingError
from schemas.record import Record

MAX_DEPTH = 40  # of what is kept in extra; catalogue metadata is five or six deep
_UNKNOWN = re.compile(r"\(?:(?:unac|unal|unap|unas|unav|unkn|none|null|tba|etal)\)?")  # DataCite 4.6, appendix 3
_MAX_KEPT = 200  # characters of a quarantined value that the problem quotes


class Draft:
    """Collects a record and its problems; a value that cannot be taken is a problem, and the record stands.

    ``field`` arguments name where a value stands in the source's document (``metadata.creators.3``).
    """

    def __init__(self) -> None:
        self.record: Record = {}
        self.problems: list[Problem] = []
        self._related: set[tuple[str, str]] = set()

    def problem(self, field: str, code: str, reason: str, value: Any = None) -> None:
        """Quarantine ``value``; the code gets ``mapping.`` before it."""
        quoted = value if value is None or isinstance(value, (bool, int, float)) else str(value)[:_MAX_KEPT]
        self.problems.append(Problem(field, f"mapping.{code}", reason, quoted))

    # -- reading

    def string(self, value: Any, field: str) -> str | None:
        """Give a text or number as text; None for nothing; anything else is a problem."""
        if value is None:
            return None
        if isinstance(value, str):
            return value if value.strip() else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        self.problem(field, "wrong-type", f"a text was expected, not {_type(value)}", value)
        return None

    def line(self, value: Any, field: str) -> str | None:
        """Give a text on one line, its markup gone; None for nothing, and for DataCite's words for nothing."""
        text = self.string(value, field)
        return (one_line(text) or None) if text is not None and not _UNKNOWN.fullmatch(text.strip()) else None

    def table(self, value: Any, field: str) -> dict[str, Any]:
        """Give an object; nothing is an empty one."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self.problem(field, "wrong-type", f"an object was expected, not {_type(value)}", value)
        return {}

    def each(self, value: Any, field: str) -> Iterator[tuple[str, Any]]:
        """Give the items of a list with their places; one item alone counts as a list of one."""
        if value is None or value == "":
            return
        for n, item in enumerate(value if isinstance(value, list) else [value]):
            yield f"{field}.{n}", item

    def tables(self, value: Any, field: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give the objects of a list with their places."""
        for place, item in self.each(value, field):
            if isinstance(item, dict):
                yield place, item
            else:
                self.problem(place, "wrong-type", f"an object was expected, not {_type(item)}", item)

    def count(self, value: Any, field: str) -> int | None:
        """Give a whole number that is not negative; None for nothing."""
        if value is None or value == "":
            return None
        try:
            number = float(value) if not isinstance(value, (bool, list, dict)) else math.nan
        except ValueError:
            number = math.nan
        if math.isfinite(number) and number >= 0 and number == int(number):
            return int(value) if isinstance(value, int) else int(number)
        self.problem(field, "not-a-number", "a whole number that is not negative was expected", value)
        return None

    # -- writing

    def put(self, name: str, value: Any) -> None:
        """Set a field unless there is nothing to set."""
        if value not in (None, "", [], {}):
            self.record[name] = value

    def add(self, name: str, item: Any) -> None:
        """Append to a list field, once."""
        items = self.record.setdefault(name, [])
        if item not in items:
            items.append(item)

    def identifier(self, value: Any, scheme: Any, field: str) -> None:
        """Add an identifier of the thing itself."""
        text = self.string(value, field)
        if text is None:
            return
        if found := identify(text, self.string(scheme, field)):
            self.add("identifiers", found)
        else:
            self.problem(field, "bad-doi", f"{text[:80]!r} is not a DOI", text)

    def relation(self, kind: Any, value: Any, scheme: Any, field: str, title: str | None = None) -> None:
        """Add a link to another thing, once."""
        word, text = self.line(kind, field), self.string(value, field)
        if text is None:
            return
        if word is None:
            self.problem(field, "missing", "a related identifier without its relation type", text)
            return
        found = identify(text, self.string(scheme, field))
        if found is None:
            self.problem(field, "bad-doi", f"{text[:80]!r} is not a DOI", text)
            return
        item = {"type": vocabulary_word(word), "identifier": found["value"], "scheme": found["scheme"]}
        if (item["type"], item["identifier"]) not in self._related:
            self._related.add((item["type"], item["identifier"]))
            self.record.setdefault("relations", []).append(item | ({"title": title} if title else {}))

    def date(self, value: Any, kind: Any, field: str) -> None:
        """Add a date in its own precision."""
        word = self.line(kind, field)
        if made := date_of(value, vocabulary_word(word) if word else "Other", field, self.problems):
            self.add("dates", made)

    def only_date(self, value: Any, field: str) -> str | None:
        """Give a date in its own precision, to stand outside ``dates``."""
        made = date_of(value, "Other", field, self.problems)
        return made["date"] if made else None

    def place_on_earth(self, longitude: Any, latitude: Any, field: str) -> tuple[float, float] | None:
        """Give a geographic point in degrees (WGS 84), which is never a position on the sky."""
        try:
            lon, lat = (math.nan if isinstance(value, bool) else float(value) for value in (longitude, latitude))
        except (TypeError, ValueError):
            lon = lat = math.nan
        if -180 <= lon <= 180 and -90 <= lat <= 90:
            return lon, lat
        where = f"longitude {str(longitude)[:30]}, latitude {str(latitude)[:30]}"
        self.problem(field, "impossible-coordinate", f"{where} is nowhere on Earth", where)
        return None

    def person(
        self,
        goal: str,
        field: str,
        *,
        name: Any,
        orcid: Any = None,
        affiliations: list[str] | None = None,
        role: Any = None,
    ) -> None:
        """Append to ``creators`` or ``contributors``; a wrong ORCID is left out, and its person stays."""
        known = self.line(name, f"{field}.name")
        if known is None:
            self.problem(field, "missing", "a person or organisation without a name")
            return
        made: dict[str, Any] = {"name": known}
        if (written := self.string(orcid, f"{field}.orcid")) is not None:
            if bare := orcid_of(written):
                made["orcid"] = bare
            else:
                self.problem(f"{field}.orcid", "bad-orcid", f"{written[:60]!r} is not an ORCID iD", written)
        if affiliations:
            made["affiliations"] = list(dict.fromkeys(affiliations))
        if (word := self.line(role, f"{field}.role")) is not None:
            made["role"] = vocabulary_word(word)
        self.record.setdefault(goal, []).append(made)  # the same name twice is two people, or the source's business

    def description(self, value: Any, field: str) -> str | None:
        """Give a description as plain text."""
        text = self.string(value, field)
        return (plain_text(text) or None) if text is not None else None

    def finish(self, namespace: str, extra: dict[str, Any]) -> Mapped:
        """Give the record, with ``extra`` typed under its namespace.

        Raises
        ------
        MappingError
            ``mapping.no-identifier`` when nothing names the thing.
        """
        record = self.record
        if not record.get("identifiers"):
            raise MappingError("no-identifier", "the document names no identifier, so nothing can refer to its record")
        # the DOI is what a thing is cited by, so it goes first where there is one
        record["identifiers"].sort(key=lambda one: one["scheme"] != "doi")
        # an alternate identifier that is the concept DOI names all versions together, and not this one
        concepts = {one["identifier"] for one in record.get("relations", ()) if one["type"] == "IsVersionOf"}
        first, *others = record["identifiers"]
        record["identifiers"] = [first, *(one for one in others if one["value"] not in concepts)]
        if "title" not in record:
            record["title"] = record["identifiers"][0]["value"]
            self.problem("title", "missing", "there is no title; the identifier stands in for it")
        if kept := self.typed(extra, namespace):
            record["extra"] = {namespace: kept}
        return Mapped(record, self.problems)

    def typed(self, value: Any, field: str, depth: int = 0) -> Any:
        """Copy JSON without what is empty; numbers stay numbers, texts lose their control characters."""
        if depth > MAX_DEPTH:
            self.problem(field, "too-deep", f"nested deeper than {MAX_DEPTH}")
            return None
        if isinstance(value, dict):
            copied = {key: self.typed(inner, f"{field}.{key}", depth + 1) for key, inner in value.items()}
            return {key: inner for key, inner in copied.items() if inner not in (None, "", [], {})}
        if isinstance(value, list):
            listed = [self.typed(inner, f"{field}.{n}", depth + 1) for n, inner in enumerate(value)]
            return [inner for inner in listed if inner not in (None, "", [], {})]
        if isinstance(value, str):
            return plain_text(value) if "\0" in value else value.strip()
        if isinstance(value, float) and not math.isfinite(value):
            self.problem(field, "not-a-number", "not a finite number", value)
            return None
        return value


def read_json(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises
    ------
    MappingError
        ``mapping.bad-json`` when it is not JSON (NaN and Infinity are not), ``mapping.wrong-shape`` when it is
        not an object.
    """
    try:
        document = orjson.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise MappingError("bad-json", f"the document is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise MappingError("wrong-shape", f"the document is {_type(document)}, not a JSON object")
    return document


def _type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
