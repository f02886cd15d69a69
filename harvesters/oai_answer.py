"""What an OAI-PMH answer says (protocol version 2.0), also when the XML of some of its records is broken.

Elements are known by their local names: servers are met that use the namespace of version 1, or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from mappings.safe_xml import Element, parse_xml, split_tag, text_of
from schemas.errors import MappingError, SourceError

LARGEST = 16 * 2**20  # bytes of a record in a broken answer: no registry or repository has one that long
KEPT = 1_000_000  # bytes of a broken record that are kept for whoever looks into the quarantine
_HTML = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+)?html\b", re.IGNORECASE | re.DOTALL)
_DOCTYPE = re.compile(rb"\s*(<\?.*?\?>\s*|<!--.*?-->\s*)*<!DOCTYPE", re.DOTALL)
_ROOT = re.compile(rb"<((?:[\w.-]+:)?)OAI-PMH\b")
_IDENTIFIER = re.compile(rb"<(?:[\w.-]+:)?identifier\b[^>]*>\s*([^<]*?)\s*</")
_VERBS = ("ListRecords", "ListIdentifiers", "GetRecord", "Identify", "ListMetadataFormats")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Entry:
    """A record or a header. ``raw`` is the ``<record>`` element, complete in itself; None: a header, or deleted."""

    identifier: str
    datestamp: str | None
    sets: tuple[str, ...]
    deleted: bool
    raw: bytes | None


@dataclass(slots=True)
class Answer:
    """One answer to any verb.

    ``verb`` is what it answers, None for errors; ``date`` is its ``responseDate`` as written; ``errors`` are messages
    by OAI code; ``token`` is where the list goes on, None at its end; ``total`` its ``completeListSize``. ``problems``
    are entries that could not be read, as in :class:`harvesters.base.Page`. ``whole`` is False when the end is
    missing, and the token with it.
    """

    root: Element
    verb: str | None = None
    date: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    token: str | None = None
    total: int | None = None
    problems: list[tuple[str | None, str, str, bytes]] = field(default_factory=list)
    whole: bool = True


class BrokenXmlError(Exception):
    """The answer is OAI-PMH but not well-formed; :func:`salvage` may still read most of it."""


def read(body: bytes) -> Answer:
    """Read a well-formed answer.

    Raises
    ------
    BrokenXmlError
        Ask once more, then :func:`salvage`.
    SourceError
        ``source.hostile-xml``: there is a document type or an entity. ``source.bad-answer``: HTML, or something else.
    """
    body = body.removeprefix(_BOM)
    if not body.strip():
        raise BrokenXmlError("the answer is empty")
    if _HTML.match(body):
        raise SourceError("bad-answer", "the answer is an HTML page in place of OAI-PMH; look at the address")
    if _DOCTYPE.match(body):
        raise _hostile()
    try:
        root = parse_xml(body)
    except MappingError as error:
        # in a broken document the parser cannot tell a document type from one that a text quotes; in UTF-16 only it can
        if error.code == "mapping.hostile-xml" and not _ROOT.search(body[:KEPT]):
            raise _hostile() from error
        raise BrokenXmlError(error.detail) from error
    if _local(root) != "OAI-PMH":
        raise SourceError("bad-answer", f"the answer is <{_local(root)[:40]}> in place of OAI-PMH; look at the address")
    return _answer(root)


def salvage(body: bytes) -> Answer:
    """Read a broken answer record by record: what is well-formed by itself becomes an entry, the rest a problem.

    Raises
    ------
    SourceError
        ``source.bad-answer`` when not even its frame can be read.
    """
    body = body.removeprefix(_BOM)
    found = _ROOT.search(body)
    if not found and body.lstrip()[:5] == b"<?xml" and not body.rstrip().endswith(b">"):
        raise SourceError("truncated", "the answer was cut short")
    if not found:
        raise SourceError("bad-answer", f"the answer is not OAI-PMH: {body[:60].decode(errors='replace')!r}")
    prefix = found[1]
    starts = [one.start() for one in re.finditer(rb"<" + prefix + rb"record[\s>]", body)]
    end_tag = re.compile(rb"</" + prefix + rb"record\s*>")
    if not starts:
        raise _cut_or_bad(body, prefix)
    head = body[: starts[0]]
    pieces: list[bytes] = []
    tail = b""
    for start, stop in zip(starts, [*starts[1:], len(body)], strict=True):
        piece = body[start:stop]
        ends = [one.end() for one in end_tag.finditer(piece)]
        pieces.append(piece[: ends[-1]] if ends else piece)
        tail = piece[ends[-1] :] if ends else b""
    verb = b"GetRecord" if re.search(rb"<" + prefix + rb"GetRecord[\s>]", head) else b"ListRecords"
    close = b"</" + prefix + verb + b"></" + prefix + b"OAI-PMH>"
    try:
        answer = _answer(parse_xml(head + tail))
    except MappingError:
        try:
            answer = _answer(parse_xml(head + close))
        except MappingError as error:
            raise SourceError("bad-answer", f"the answer is not readable OAI-PMH: {error.detail}") from error
        answer.whole = False
        if not end_tag.search(pieces[-1]):
            pieces.pop()  # the one that the cut went through
    for piece in pieces:
        try:
            if len(piece) > LARGEST:
                raise MappingError("bad-xml", f"the record is larger than {LARGEST // 2**20} MiB")
            inner = _answer(parse_xml(head + piece + close))
        except MappingError as error:
            name = _IDENTIFIER.search(piece[:KEPT])
            identifier = name[1].decode(errors="replace") if name else None
            answer.problems.append((identifier, "source.bad-record", error.detail, piece[:KEPT]))
            continue
        answer.entries += inner.entries
        answer.problems += inner.problems
    return answer


def _cut_or_bad(body: bytes, prefix: bytes) -> SourceError:
    if re.search(rb"</" + prefix + rb"OAI-PMH\s*>\s*$", body):
        return SourceError("bad-answer", "the answer is not well-formed XML")
    return SourceError("truncated", "the answer was cut short")


def _answer(root: Element) -> Answer:
    answer = Answer(root)
    for child in root:
        name = _local(child)
        if name == "responseDate":
            answer.date = text_of(child).strip() or None
        elif name == "error":
            answer.errors[child.get("code", "error")] = " ".join(text_of(child).split())[:300]
        elif name in _VERBS:
            answer.verb = name
            for item in child if name in _VERBS[:3] else ():
                _item(answer, item)
    return answer


def _item(answer: Answer, item: Element) -> None:
    name = _local(item)
    if name == "resumptionToken":
        answer.token = text_of(item).strip() or None
        size = item.get("completeListSize", "").strip()
        answer.total = int(size) if re.fullmatch(r"\d{1,12}", size) else None
    elif name in ("record", "header"):
        header = item if name == "header" else next((one for one in item if _local(one) == "header"), None)
        texts = {"identifier": "", "datestamp": ""}
        sets = []
        for one in () if header is None else header:
            if _local(one) == "setSpec":
                sets.append(text_of(one).strip())
            else:
                texts[_local(one)] = text_of(one).strip()
        raw = etree.tostring(item, encoding="utf-8", with_tail=False) if name == "record" else b""
        if header is None or not texts["identifier"]:
            reason = "the record's header has no identifier"
            answer.problems.append((None, "source.no-identifier", reason, raw[:KEPT]))
            return
        deleted = header.get("status", "").strip() == "deleted"
        kept = raw if raw and not deleted else None
        answer.entries.append(Entry(texts["identifier"], texts["datestamp"] or None, tuple(sets), deleted, kept))


def values(root: Element, name: str) -> Iterator[str]:
    """The texts of all elements of that local name, in document order."""
    for element in root.iter("{*}" + name):
        yield text_of(element).strip()


def _local(element: Element) -> str:
    return split_tag(str(element.tag))[1]


def _hostile() -> SourceError:
    return SourceError(
        "hostile-xml", "the answer declares a document type or entities, which OAI-PMH has no use for; it was not read"
    )
