"""Text as people read it, out of what repositories call descriptions: HTML, entities, stray control characters."""

from __future__ import annotations

import html
import re
import unicodedata

_CLOSING = re.compile(r"</[a-z]|<br ?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]\w{1,31});")  # with its semicolon: "?a=1&copy=2"

# Cc but newline and tab, lone surrogates, non-characters, and the invisible ones that split words in a search
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200b\ufeff]")
_SPACES = re.compile(r"[^\S\n ][^\S\n]*| [^\S\n]+")  # a lone space, which is most of them, needs no work
_LINES = re.compile(r" \n ?|\n ")
_BLANK_LINES = re.compile(r"\n{3,}")


def plain_text(markup: str) -> str:
    """Give the text of an HTML fragment; plain text passes unharmed, ``a < b`` too.

    Entities are decoded, block elements begin new lines, scripts and styles go, runs of spaces become
    one and runs of empty lines become one. A number in ``<sup>`` keeps its sense: ``10<sup>51</sup>`` is
    ``10^51``. The result is in Unicode NFC and holds no control character but the newline.
    """
    text = markup
    if not text.isprintable():
        text = UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if "<" in text and (found := _from_markup(text)) is not None:
        text = found
    elif "&" in text:
        text = decoded(text)
        # Zenodo's OAI-PMH escapes its HTML twice; a closing tag tells that from a text that speaks of a tag
        if _CLOSING.search(text):
            text = _from_markup(text) or text
    text = _LINES.sub("\n", _SPACES.sub(" ", text))
    return unicodedata.normalize("NFC", _BLANK_LINES.sub("\n\n", text).strip())


def one_line(markup: str) -> str:
    """Give :func:`plain_text` on one line, for titles, names and terms."""
    return " ".join(plain_text(markup).split())


def _from_markup(text: str) -> str | None:
    from mappings import markup

    return markup.from_html(text) if markup.has_tags(text) else None


def decoded(text: str) -> str:
    """Entities as what they stand for."""
    return UNSEEN.sub("", _ENTITY.sub(lambda entity: html.unescape(entity[0]), text))
