"""An OAI-PMH 2.0 publishing registry (IVOA Registry Interfaces 1.1) on loopback.

It knows all six verbs, ``from``, ``until`` and ``set``, pages with resumption tokens and every error code of the
protocol that it can meet. Deletions stay (``deletedRecord=persistent``).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.rows import Row, datestamp, rows
from demo.voresource import SPACES, XSI, resource

OAI = "http://www.openarchives.org/OAI/2.0/"
_DC, _OAI_DC = "http://purl.org/dc/elements/1.1/", "http://www.openarchives.org/OAI/2.0/oai_dc/"
FORMATS = {
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", _OAI_DC),
    "ivo_vor": ("http://www.ivoa.net/xml/RegistryInterface/v1.0", SPACES["ri"]),
}
MANAGED = "ivo_managed"  # Registry Interfaces 1.1, section 2.1: what the registry publishes itself
PAGE = 60
# verb -> (arguments that it needs, arguments that it may have)
_LIST = ({"metadataPrefix"}, {"from", "until", "set", "resumptionToken"})
_VERBS: dict[str, tuple[set[str], set[str]]] = {
    "Identify": (set(), set()),
    "ListMetadataFormats": (set(), {"identifier"}),
    "ListSets": (set(), {"resumptionToken"}),
    "GetRecord": ({"identifier", "metadataPrefix"}, set()),
    "ListIdentifiers": _LIST,
    "ListRecords": _LIST,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the registry; ``document`` is its ``ri:Resource``, None once it is deleted."""

    identifier: str
    stamp: datetime
    document: etree._Element | None


class OaiError(Exception):
    """An error of the protocol (OAI-PMH 2.0, section 3.6)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Registry:
    """The records by identifier, which is compared without case as ivoids are; ``now`` is its clock."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC), page: int = PAGE) -> None:
        self.now, self.page = now, page
        self.entries: dict[str, Entry] = {}

    @classmethod
    def of_facts(cls) -> Registry:
        """The registry with the resources of ``demo/facts``."""
        registry = cls()
        for number, row in enumerate(rows("vo_resources")):
            registry.put(row, datestamp(number))
        return registry

    def put(self, row: Row, stamp: datetime | None = None) -> None:
        """Publish or replace a resource; its datestamp is now unless it is said."""
        stamp = (stamp or self.now()).replace(microsecond=0)
        self.entries[row["ivoid"].lower()] = Entry(row["ivoid"], stamp, resource(row, stamp))

    def delete(self, identifier: str) -> None:
        """Delete a resource for good: its header stays, with the datestamp of now."""
        old = self.entries[identifier.lower()]
        self.entries[identifier.lower()] = replace(old, stamp=self.now().replace(microsecond=0), document=None)

    def between(self, start: datetime | None, end: datetime | None) -> list[Entry]:
        """The entries of a closed window, oldest first."""
        found = [
            entry
            for entry in self.entries.values()
            if (start is None or entry.stamp >= start) and (end is None or entry.stamp <= end)
        ]
        return sorted(found, key=lambda entry: (entry.stamp, entry.identifier))


def app(registry: Registry) -> Starlette:
    """The ASGI application: OAI-PMH over GET and POST at ``/oai``."""
    return Starlette(routes=[Route("/oai", partial(_answer, registry), methods=["GET", "POST"])])


async def _answer(registry: Registry, request: Request) -> Response:
    if request.method == "POST":
        pairs = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    else:
        pairs = list(request.query_params.multi_items())
    base = str(request.url.replace(query=None))
    # with a prefix, as the children of ri:Resource are in no namespace at all and a default one would catch them
    root = etree.Element(f"{{{OAI}}}OAI-PMH", nsmap={"oai": OAI, "xsi": XSI})
    root.set(f"{{{XSI}}}schemaLocation", f"{OAI} {OAI}OAI-PMH.xsd")
    _put(root, "responseDate", _utc(registry.now()))
    echo = _put(root, "request", base)
    try:
        verb, arguments = _read(pairs)
        body = etree.SubElement(root, f"{{{OAI}}}{verb}")
        for name, value in (("verb", verb), *arguments.items()):
            echo.set(name, value)
        _BODIES[verb](registry, body, arguments, base)
    except OaiError as error:
        if error.code in ("badVerb", "badArgument"):  # section 3.2: the request is then not echoed
            echo.attrib.clear()
        for child in root[2:]:
            root.remove(child)
        _put(root, "error", str(error)).set("code", error.code)
    return Response(etree.tostring(root, xml_declaration=True, encoding="UTF-8"), media_type="text/xml")


def _read(pairs: list[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    """The verb and its arguments, checked as section 3.6 asks."""
    verbs = [value for name, value in pairs if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in _VERBS:
        raise OaiError("badVerb", "give one verb of OAI-PMH 2.0")
    needed, allowed = _VERBS[verbs[0]]
    arguments: dict[str, str] = {}
    for name, value in pairs:
        if name == "verb":
            continue
        if name in arguments:
            raise OaiError("badArgument", f"{name} is given twice")
        if name not in needed | allowed:
            raise OaiError("badArgument", f"{verbs[0]} has no argument {name}")
        arguments[name] = value
    if "resumptionToken" in arguments:
        if len(arguments) > 1:
            raise OaiError("badArgument", "resumptionToken stands alone")
        return verbs[0], arguments
    if missing := needed - arguments.keys():
        raise OaiError("badArgument", f"{verbs[0]} needs {', '.join(sorted(missing))}")
    if arguments.get("metadataPrefix", "ivo_vor") not in FORMATS:
        raise OaiError("cannotDisseminateFormat", f"there is {' and '.join(FORMATS)}")
    return verbs[0], arguments


def _identify(registry: Registry, body: etree._Element, _: dict[str, str], base: str) -> None:
    stamps = [entry.stamp for entry in registry.entries.values()] or [registry.now()]
    for name, text in (
        ("repositoryName", "Asterism demonstration registry (true identifiers, served on loopback)"),
        ("baseURL", base),
        ("protocolVersion", "2.0"),
        ("adminEmail", "nobody@localhost.invalid"),
        ("earliestDatestamp", _utc(min(stamps))),
        ("deletedRecord", "persistent"),
        ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
    ):
        _put(body, name, text)


def _formats(registry: Registry, body: etree._Element, arguments: dict[str, str], _: str) -> None:
    if "identifier" in arguments:
        _entry(registry, arguments["identifier"])
    for prefix, (schema, space) in FORMATS.items():
        node = _put(body, "metadataFormat")
        _put(node, "metadataPrefix", prefix)
        _put(node, "schema", schema)
        _put(node, "metadataNamespace", space)


def _sets(registry: Registry, body: etree._Element, arguments: dict[str, str], _: str) -> None:
    if "resumptionToken" in arguments:
        raise OaiError("badResumptionToken", "the list of sets has one page")
    node = _put(body, "set")
    _put(node, "setSpec", MANAGED)
    _put(node, "setName", "Resources that this registry publishes")


def _get(registry: Registry, body: etree._Element, arguments: dict[str, str], _: str) -> None:
    _record(body, _entry(registry, arguments["identifier"]), arguments["metadataPrefix"])


def _list(registry: Registry, body: etree._Element, arguments: dict[str, str], _: str) -> None:
    state = _resume(arguments["resumptionToken"]) if "resumptionToken" in arguments else _start(arguments)
    found = registry.between(_moment(state["from"]), _end(state["until"])) if state["set"] in (None, MANAGED) else []
    if not found:
        raise OaiError("noRecordsMatch", "nothing in this window and set")
    # a page goes on after the last entry of the one before, so that a change in between skips nothing
    place = state["after"]
    rest = found if place is None else [one for one in found if [_utc(one.stamp), one.identifier] > place]
    page, more = rest[: registry.page], len(rest) > registry.page
    records = str(body.tag).endswith("ListRecords")
    for entry in page:
        if records:
            _record(body, entry, state["prefix"])
        else:
            _header(body, entry)
    if more or place is not None:
        after = [_utc(page[-1].stamp), page[-1].identifier] if page else place
        token = _put(body, "resumptionToken", _token({**state, "after": after}) if more else None)
        token.set("completeListSize", str(len(found)))
        token.set("cursor", str(len(found) - len(rest)))


_BODIES: dict[str, Callable[[Registry, etree._Element, dict[str, str], str], None]] = {
    "Identify": _identify,
    "ListMetadataFormats": _formats,
    "ListSets": _sets,
    "GetRecord": _get,
    "ListIdentifiers": _list,
    "ListRecords": _list,
}


def _entry(registry: Registry, identifier: str) -> Entry:
    try:
        return registry.entries[identifier.lower()]
    except KeyError:
        raise OaiError("idDoesNotExist", f"no resource {identifier}") from None


def _start(arguments: dict[str, str]) -> dict[str, Any]:
    start, end = arguments.get("from"), arguments.get("until")
    if start and end and len(start) != len(end):
        raise OaiError("badArgument", "from and until have different granularities")
    first, last = _moment(start), _end(end)
    if first and last and first > last:
        raise OaiError("badArgument", "from is after until")
    return {
        "prefix": arguments["metadataPrefix"],
        "from": start,
        "until": end,
        "set": arguments.get("set"),
        "after": None,
    }


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    form = "%Y-%m-%dT%H:%M:%SZ" if "T" in text else "%Y-%m-%d"
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?", text, re.ASCII):
            raise ValueError(text)
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        raise OaiError("badArgument", f"{text} is no UTCdatetime of OAI-PMH") from None


def _end(text: str | None) -> datetime | None:
    """A day means all of it (section 2.7.1)."""
    moment = _moment(text)
    return moment + timedelta(days=1, seconds=-1) if moment and text and "T" not in text else moment


def _token(state: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(state).encode()).decode()


def _resume(token: str) -> dict[str, Any]:
    try:
        state = json.loads(base64.b64decode(token, validate=True))
        if not {"prefix", "from", "until", "set", "after"} <= state.keys():
            raise ValueError(token)
    except (ValueError, AttributeError):
        raise OaiError("badResumptionToken", "this token is not one of ours") from None
    return dict(state)


def _record(body: etree._Element, entry: Entry, prefix: str) -> None:
    record = _put(body, "record")
    _header(record, entry)
    if entry.document is None:
        return
    metadata = _put(record, "metadata")
    if prefix == "ivo_vor":
        # a copy: an element has one parent, and this one is served again
        metadata.append(etree.fromstring(etree.tostring(entry.document)))
        return
    dc = etree.SubElement(metadata, f"{{{_OAI_DC}}}dc", nsmap={"oai_dc": _OAI_DC, "dc": _DC})
    for name, path in (("title", "title"), ("identifier", "identifier"), ("publisher", "curation/publisher")):
        etree.SubElement(dc, f"{{{_DC}}}{name}").text = entry.document.findtext(path)


def _header(parent: etree._Element, entry: Entry) -> None:
    header = _put(parent, "header")
    if entry.document is None:
        header.set("status", "deleted")
    _put(header, "identifier", entry.identifier)
    _put(header, "datestamp", _utc(entry.stamp))
    _put(header, "setSpec", MANAGED)


def _put(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{OAI}}}{name}")
    child.text = text
    return child


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
