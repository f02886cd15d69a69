"""HTML fragments as text, by libxml2; apart, because a search needs no HTML and loading that library takes 20 ms."""

from __future__ import annotations

import re

from lxml import etree
from lxml.html import HTMLParser, defs, document_fromstring

from mappings.text import UNSEEN, decoded

# Mathematics is full of "<": "a < b", "x<y and z>2". Only what is spelt as a tag of a known element counts as one
# (with JATS and MathML prefixes, as publishers send them); anything else is a less-than sign.
_NEWER = {"article", "aside", "figure", "figcaption", "footer", "header", "main", "nav", "section"}
_KNOWN = defs.tags | _NEWER | {"mark", "time", "u", "svg", "math", "template", "wbr"}
_ELEMENTS = "|".join(sorted(_KNOWN, key=len, reverse=True))
_BARE = "allowfullscreen|async|checked|controls|defer|disabled|hidden|nowrap|noshade|reversed|selected|compact"
_TAG = re.compile(
    rf"<(?:/?(?:(?:jats|mml|m):[a-z][\w-]*|(?:{_ELEMENTS})(?=[\s/>]))"
    rf"(?:\s+(?:[\w:.-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'|[^\s\"'<>]+)|{_BARE}))*\s*/?>|!--|!doctype\b)",
    re.IGNORECASE,
)
_ANY_LESS = re.compile("<")
_BLOCKS = (defs.block_tags | _NEWER | {"br", "dd", "dt", "li", "tr", "caption", "legend", "sec"}) - {"td", "th"}
_CELLS = frozenset({"td", "th"})
_DROPPED = frozenset({"script", "style", "template", "head", "iframe", "object", "svg", "select", "textarea"})
_SIGNED = re.compile(r"[+\-−]?\d+")
_PRIVATE_BREAK = "\x0b"  # a line break that an element asked for; text itself cannot contain it (see UNSEEN)


def has_tags(text: str) -> bool:
    """Whether it is HTML at all, and not a text with less-than signs."""
    return _TAG.search(text) is not None


def from_html(text: str) -> str:
    """The text of a fragment, block elements on lines of their own."""
    kept: list[str] = []
    end = 0
    for less in _ANY_LESS.finditer(text):
        tag = _TAG.match(text, less.start())
        if not tag:
            kept += (text[end : less.start()], "&lt;")
            end = less.end()
    kept.append(text[end:])
    try:
        # an explicit body, because a fragment of comments alone is no document to libxml2
        parser = HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
        root = document_fromstring(f"<html><body>{''.join(kept)}</body></html>", parser=parser)
    except (etree.LxmlError, ValueError):
        return _without_tags(text)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log.filter_from_fatals()):
        return _without_tags(text)  # nested deeper than libxml2 reads (2048): it would drop all the rest
    parts: list[str] = []
    _read(root, parts)
    lines = (" ".join(line.split()) for line in "".join(parts).split(_PRIVATE_BREAK))
    return UNSEEN.sub("", "\n".join(line for line in lines if line))


def _without_tags(text: str) -> str:
    return decoded(_TAG.sub(" ", text))


def _read(root: etree._Element, parts: list[str]) -> None:
    """Collect text in document order without recursion (nesting is the sender's choice)."""
    skipping: etree._Element | None = None
    for event, node in etree.iterwalk(root, events=("start", "end")):
        tag = str(node.tag).rpartition(":")[2]  # jats:p as p
        if event == "start":
            if skipping is None and tag in _DROPPED:
                skipping = node
            if skipping is None:
                if tag in _BLOCKS:
                    parts.append(_PRIVATE_BREAK)
                if node.text:
                    power = tag == "sup" and parts and parts[-1][-1:].isalnum() and _SIGNED.fullmatch(node.text.strip())
                    parts.append(f"^{node.text.strip()}" if power else node.text)
            continue
        if skipping is node:
            skipping = None
        if skipping is None:
            if tag in _BLOCKS:
                parts.append(_PRIVATE_BREAK)
            elif tag in _CELLS:
                parts.append(" ")
            if node.tail and node is not root:
                parts.append(node.tail)
