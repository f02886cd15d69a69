"""A registry record in the making: what VOResource XML and RegTAP rows say alike, as plain values.

Both mappings call the same methods with the same words, so that a resource becomes the same record by either road.
Empty values and None mean that nothing is said.
"""

from __future__ import annotations

import math
import re
from typing import Any

from mappings.citation import licence_of, orcid_of
from mappings.dates import normal_date
from mappings.outcome import Mapped, Problem
from mappings.text import one_line, plain_text
from mappings.vo_identifiers import identifier, is_url
from mappings.vo_vocabulary import KIND_OF_TYPE, content_word, date_type, relation_type
from schemas.errors import MappingError

# RegTAP and VOResource allow IVOIDs any case and compare them without it (IVOA Identifiers 2.0, section 2.5)
_IVOID = re.compile(r"^ivo://[a-z0-9][^\s/?#<>\"]*(?:[/?#][^\s<>\"]*)?$")
_DAY_WITH_ZONE = re.compile(r"\d{4}(-\d\d){0,2}Z")  # which XML Schema's date may have, and ISO 8601's not
_TIME_WITHOUT_ZONE = re.compile(r"[^/]+T[0-9:.]+")
_PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*")
# VOResource 1.0's three words (section 3.1.3). A registry shows everyone that a resource exists.
_RIGHTS = {"public": "open", "secure": "restricted", "proprietary": "restricted"}


def line(text: str | None) -> str:
    """One line of plain text; the usual one, without markup, at once."""
    if not text:
        return ""
    flat = " ".join(text.split())
    if flat.isascii() and flat.isprintable() and "<" not in flat and "&" not in flat:
        return flat
    return one_line(flat)


def prose(text: str | None) -> str:
    """Plain text; a single newline is the source's line width, an empty line parts paragraphs."""
    if not text:
        return ""
    paragraphs = [" ".join(part.split()) for part in _PARAGRAPH.split(text.replace("\r\n", "\n"))]
    # where there may be markup, white space parts nothing but an element does
    return plain_text(("<br>" if "<" in text else "\n\n").join(filter(None, paragraphs)))


class RegistryDraft:
    """``record`` and its ``extra.vo`` as they grow, and the ``problems`` met on the way."""

    def __init__(self) -> None:
        self.record: dict[str, Any] = {}
        self.vo: dict[str, Any] = {}
        self.problems: list[Problem] = []

    def problem(self, field: str, code: str, reason: str, value: Any = None) -> None:
        """Note a value that is left out."""
        if isinstance(value, str) and len(value) > 200:
            value = value[:200] + "..."
        self.problems.append(Problem(field, f"mapping.{code}", reason, value))

    def put(self, name: str, value: Any) -> None:
        """Set a field of the record, unless there is nothing to set."""
        if value:
            self.record[name] = value

    def put_vo(self, name: str, value: Any) -> None:
        """Set ``extra.vo.NAME``, unless there is nothing to set; 0 and False are something."""
        if value not in (None, "", []):
            self.vo[name] = value

    def add(self, name: str, item: Any) -> None:
        """Append to a list of the record what is not there yet."""
        items = self.record.setdefault(name, [])
        if item not in items:
            items.append(item)

    def add_vo(self, name: str, item: Any) -> None:
        """Append to a list in ``extra.vo`` what is not there yet."""
        items = self.vo.setdefault(name, [])
        if item not in items:
            items.append(item)

    def number(self, field: str, text: Any, low: float = -math.inf, high: float = math.inf) -> float | None:
        """Read a finite number from low to high; anything else is a problem, nothing at all is None."""
        if text is None or text == "" or text != text:  # noqa: PLR0124  # NaN is what databases say for nothing
            return None
        try:
            value = float(text)
        except (TypeError, ValueError):
            self.problem(field, "not-a-number", f"{field} is not a number", text)
            return None
        if not low <= value <= high or not math.isfinite(value):
            self.problem(field, "impossible-value", f"{field} must be {low:g} to {high:g}", str(text))
            return None
        return value

    # identity

    def identity(self, ivoid: str, title: str, resource_type: str, kind: str | None = None) -> None:
        """Set the three without which there is no record.

        Raises
        ------
        MappingError
            ``mapping.no-identifier``, ``mapping.bad-identifier``, ``mapping.missing-title``.
        """
        ivoid = ivoid.strip().lower()
        if not ivoid:
            raise MappingError("no-identifier", "the resource has no identifier")
        if not _IVOID.match(ivoid):
            raise MappingError("bad-identifier", f"{ivoid[:80]!r} is not an IVOA identifier (ivo://authority/path)")
        title = line(title)
        if not title:
            raise MappingError("missing-title", f"the resource {ivoid} has no title")
        self.record["identifiers"] = [{"scheme": "ivoid", "value": ivoid}]
        self.record["kind"] = KIND_OF_TYPE.get(resource_type) or kind or "other"
        self.record["title"] = title
        self.put_vo("type", resource_type)

    def alternate(self, text: str | None) -> None:
        """Add an altIdentifier (VOResource 1.1, section 3.1.1)."""
        if not (text := (text or "").strip()):
            return
        if not (found := identifier(text)):
            self.problem("identifiers", "bad-identifier", "an altIdentifier must be a URI, a DOI or a bibcode", text)
        elif found[0] != "orcid":  # RegTAP's table of them has the creators' too
            self.add("identifiers", {"scheme": found[0], "value": found[1]})

    # curation

    def creators(self, names: str | None, orcid: str | None = None) -> None:
        """Add creators; several in one string are parted by semicolons (VOResource 1.1, section 3.1.2)."""
        parts = [name for part in (names or "").split(";") if (name := line(part))]
        for name in parts:
            self.add("creators", self._person("creators", name, orcid if len(parts) == 1 else None))

    def contributor(self, name: str | None, orcid: str | None = None, role: str | None = None) -> None:
        """Add a contributor or, with a role, a contact."""
        if name := line(name):
            person = self._person("contributors", name, orcid)
            self.add("contributors", person | ({"role": role} if role else {}))

    def _person(self, field: str, name: str, orcid: str | None) -> dict[str, Any]:
        """A person; of other people's identifiers (ISNI, ROR) the record keeps none."""
        if bare := orcid_of(orcid or ""):
            return {"name": name, "orcid": bare}
        if orcid and "orcid" in orcid.lower():
            self.problem(field, "bad-orcid", f"{orcid.strip()[:60]!r} is not an ORCID iD", orcid)
        return {"name": name}

    def date(self, text: str | None, role: str | None) -> None:
        """Add a date in the resource's life."""
        if date := self.utc("dates", text):
            self.add("dates", {"date": date, "type": date_type(role or "representative")})

    def utc(self, field: str, text: str | None) -> str | None:
        """A date in UTC, which is what the registry's dates without a zone are."""
        if not (text := (text or "").strip()):
            return None
        if _DAY_WITH_ZONE.fullmatch(text):
            text = text[:-1]
        try:
            date = normal_date(text)
        except ValueError as error:
            self.problem(field, "bad-date", str(error), text)
            return None
        return date + "Z" if _TIME_WITHOUT_ZONE.fullmatch(date) else date

    # content

    def subject(self, text: str | None) -> None:
        """Add a subject term as it is written."""
        if term := line(text):
            self.add("subjects", {"term": term})

    def content(self, name: str, text: str | None) -> None:
        """Add to ``extra.vo.content_type`` or ``content_level``."""
        if word := line(text):
            self.add_vo(name, content_word(word))

    def reference(self, url: str | None) -> None:
        """Add the page for people that describes the resource (VOResource 1.1, ``referenceURL``)."""
        if not (url := (url or "").strip()):
            return
        if not is_url(url):
            self.problem("relations", "bad-url", "the reference URL is not a web address", url)
            return
        self.add("relations", {"type": "IsDocumentedBy", "identifier": url, "scheme": "url"})

    def source(self, text: str | None, form: str | None) -> None:
        """Add the publication that the resource is derived from (VOResource 1.1, section 3.1.3)."""
        if not (text := line(text)):
            return
        found = identifier(text) or (
            identifier(f"bibcode:{text}") if (form or "").strip().lower() == "bibcode" else None
        )
        if found:
            self.add("relations", {"type": "IsDerivedFrom", "identifier": found[1], "scheme": found[0]})
        else:
            self.put_vo("source", text)  # a citation in words

    def relationship(self, kind: str | None, ivoid: str | None, name: str | None, alternate: str | None = None) -> None:
        """Add a relation to another resource; one that has a name only goes to ``extra.vo.related``."""
        name = line(name)
        if not (kind := line(kind)):
            return
        kind = relation_type(kind)
        found = identifier((ivoid or "").strip()) or identifier((alternate or "").strip()) or identifier(name)
        if not found:
            if name:
                self.add_vo("related", {"type": kind, "name": name})
            return
        relation = {"type": kind, "identifier": found[1], "scheme": found[0]}
        if name and name.lower() != found[1]:
            relation["title"] = name
        self.add("relations", relation)

    def rights(self, text: str | None, uri: str | None) -> None:
        """Add a statement of rights; several add up, and the strictest level counts."""
        statement, uri = line(text), (uri or "").strip()
        if not (statement or uri):
            return
        rights = self.record.setdefault("rights", {})
        level = _RIGHTS.get(statement.lower())
        if level == "restricted":
            rights.update(level=level, discoverable=True)
        elif level:
            rights.setdefault("level", level)
        if uri or is_url(statement):
            rights.setdefault("licence", licence_of(None, uri or statement))
        if statement:
            rights["statement"] = f"{rights['statement']}; {statement}" if "statement" in rights else statement

    def finish(self) -> Mapped:
        """The record, with ``extra.vo`` where there is any."""
        if self.vo:
            self.record["extra"] = {"vo": self.vo}
        return Mapped({name: value for name, value in self.record.items() if value or value == 0}, self.problems)
