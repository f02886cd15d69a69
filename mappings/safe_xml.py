"""XML from strangers: parsed without entities, document types, network or unbounded trees."""

from __future__ import annotations

import re

from lxml import etree

from schemas.errors import MappingError

Element = etree._Element

_BOM = b"\xef\xbb\xbf"
_BELIEVED = (b"utf-8", b"utf8", b"us-ascii", b"utf-7", b"iso-2022", b"hz")  # the last three look like ASCII
_DECLARATION = re.compile(rb"""<\?xml\b[^>]*?\bencoding\s*=\s*["']([A-Za-z][\w.-]*)["'][^>]*\?>""")


def parse_xml(raw: bytes) -> Element:
    """Parse one document; white space before it is forgiven, and so is UTF-8 that is declared as something else.

    Raises
    ------
    MappingError
        ``mapping.hostile-xml`` when there is a document type or an entity declaration, ``mapping.bad-xml`` when it is
        not well-formed, not in the encoding it declares, or beyond the parser's limits.
    """
    # a parser of its own for each document: one that met an error or another thread is not to be trusted again
    parser: etree.XMLParser[Element] = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        # libxml2 then refuses text above 10 MB and nesting below 256, which no catalogue record needs
        huge_tree=False,
        # so that the text of an element is one string
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root: Element = etree.fromstring(_as_utf_8(raw.removeprefix(_BOM).lstrip()), parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        # cut-short bombs fail to parse before their document type can be asked for
        if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
            raise _hostile() from error
        raise MappingError("bad-xml", f"the document is not well-formed XML: {error}") from error
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.externalDTD is not None:
        raise _hostile()
    return root


def _as_utf_8(raw: bytes) -> bytes:
    """Without a declaration of another encoding, where the bytes are UTF-8 all the same.

    Accented text in a one-byte encoding is hardly ever valid UTF-8, so what is valid was meant to be it: as Latin-1,
    it would parse, and every name would lose its accents.
    """
    declared = _DECLARATION.match(raw)
    if declared is None or declared[1].lower().startswith(_BELIEVED):
        return raw
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw
    return raw[declared.end() :]


def text_of(element: Element | None) -> str:
    """All character data of an element, markup inside it ignored; ``""`` for None."""
    if element is None:
        return ""
    if len(element) == 0:
        return element.text or ""
    return "".join(str(part) for part in element.itertext())


def children(element: Element) -> dict[str, list[Element]]:
    """Child elements by tag, in document order."""
    found: dict[str, list[Element]] = {}
    for child in element:
        found.setdefault(str(child.tag), []).append(child)
    return found


def split_tag(tag: str) -> tuple[str, str]:
    """(namespace or ``""``, local name) of a tag in Clark notation."""
    if tag[:1] == "{":
        namespace, _, local = tag[1:].partition("}")
        return namespace, local
    return "", tag


def _hostile() -> MappingError:
    return MappingError(
        "hostile-xml",
        "the document declares a document type or entities, which no registry or repository record needs; "
        "ask the source to send it without",
    )
