"""Text as people read it, out of what repositories call descriptions: HTML, entities, stray control characters."""

from __future__ import annotations

import html
import re
import unicodedata

from lxml import etree
from lxml.html import HTMLParser, defs, document_fromstring

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
_CLOSING = re.compile(r"</[a-z]|<br ?/?>", re.IGNORECASE)
_ANY_LESS = re.compile("<")
_BLOCKS = (defs.block_tags | _NEWER | {"br", "dd", "dt", "li", "tr", "caption", "legend", "sec"}) - {"td", "th"}
_CELLS = frozenset({"td", "th"})
_DROPPED = frozenset({"script", "style", "template", "head", "iframe", "object", "svg", "select", "textarea"})
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]\w{1,31});")  # with its semicolon: "?a=1&copy=2"
_SIGNED = re.compile(r"[+\-−]?\d+")

# Cc but newline and tab, lone surrogates, non-characters, and the invisible ones that split words in a search
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200b\ufeff]")
_SPACES = re.compile(r"[^\S\n ][^\S\n]*| [^\S\n]+")  # a lone space, which is most of them, needs no work
_LINES = re.compile(r" \n ?|\n ")
_BLANK_LINES = re.compile(r"\n{3,}")
_PRIVATE_BREAK = "\x0b"  # a line break that an element asked for; text itself cannot contain it (see _UNSEEN)


def plain_text(markup: str) -> str:
    """Give the text of an HTML fragment; plain text passes unharmed, ``a < b`` too.

    Entities are decoded, block elements begin new lines, scripts and styles go, runs of spaces become
    one and runs of empty lines become one. A number in ``<sup>`` keeps its sense: ``10<sup>51</sup>`` is
    ``10^51``. The result is in Unicode NFC and holds no control character but the newline.
    """
    text = markup
    if not text.isprintable():
        text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if "<" in text and _TAG.search(text):
        text = _from_html(text)
    elif "&" in text:
        decoded = _decoded(text)
        # Zenodo's OAI-PMH escapes its HTML twice; a closing tag tells that from a text that speaks of a tag
        text = _from_html(decoded) if _CLOSING.search(decoded) and _TAG.search(decoded) else decoded
    text = _LINES.sub("\n", _SPACES.sub(" ", text))
    return unicodedata.normalize("NFC", _BLANK_LINES.sub("\n\n", text).strip())


def one_line(markup: str) -> str:
    """Give :func:`plain_text` on one line, for titles, names and terms."""
    return " ".join(plain_text(markup).split())


def _from_html(text: str) -> str:
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
    return _UNSEEN.sub("", "\n".join(line for line in lines if line))


def _without_tags(text: str) -> str:
    return _decoded(_TAG.sub(" ", text))


def _decoded(text: str) -> str:
    return _UNSEEN.sub("", _ENTITY.sub(lambda entity: html.unescape(entity[0]), text))


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
