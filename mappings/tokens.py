"""The words of a text as the index keeps them, the same for both engines, which split at spaces and do no more.

A word is a run of letters and digits of any script, folded (no case, no accents) and brought to its English stem:
``Röntgen`` is ``rontgen``, ``galaxies`` is ``galaxi``, ``Hα`` is ``hα``. A dotted acronym is one word, ``H.E.S.S.`` is
``hess``. Numbers and words with digits have no stem: ``1275`` of ``NGC-1275``, ``j1713``.
"""

from __future__ import annotations

import functools
import re
import threading
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import Stemmer

VERSION = f"1, {Stemmer.version()}"  # raise the number when the code below makes other tokens of the same text
MAX_TOKEN = 100  # characters; what follows in a longer word is not searched
_CACHED = 200_000  # words; so many take some 40 MB
_CACHED_LENGTH = 40

# accents that stand for themselves, and what hyphenates, joins or selects a variant without being seen
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\xad\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff"
_ACRONYM = r"(?<![^\W_])(?:[^\W\d_]\.){2,}(?![^\W_]{2})[^\W_]?"
_WORD = re.compile(rf"{_ACRONYM}|(?:[^\W_][{_MARKS}]*)+(?:['’]s(?![^\W_]))?")
_PLAIN = re.compile(
    r"(?<![a-zA-Z0-9])(?:[a-zA-Z]\.){2,}(?![a-zA-Z0-9]{2})[a-zA-Z0-9]?|[a-zA-Z0-9]+(?:'s(?![a-zA-Z0-9]))?"
)
_DIGIT = re.compile(r"\d")
_PART = re.compile(r"[^\W_]+")
_NO_PATTERN = re.compile(r"[^\w*?]|_")
_RUN = re.compile(r"\*+")
_UNSEEN = re.compile(f"[{_MARKS}]")
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"})


class Span(NamedTuple):
    """One token and where its word stands: ``text[start:end]``."""

    token: str
    start: int
    end: int


def tokens(text: str) -> list[str]:
    """The words of ``text`` in order, each of 1 to ``MAX_TOKEN`` letters and digits."""
    return token_text(text).split()


def token_text(text: str) -> str:
    """The tokens of ``text`` in order with a space or more between them, as engines take them."""
    return _short(text) if len(text) <= _CACHED_LENGTH else " ".join(map(_KNOWN.__getitem__, text.split()))


@functools.lru_cache(maxsize=20_000)  # names, keywords: they repeat
def _short(text: str) -> str:
    return " ".join(map(_KNOWN.__getitem__, text.split()))


def spans(text: str) -> Iterator[Span]:
    """The tokens of :func:`tokens` with their places; two of one word (``½``) have the same."""
    for found in (_PLAIN if text.isascii() else _WORD).finditer(text):
        for token in _KNOWN[found[0]].split():
            yield Span(token, found.start(), found.end())


def fold(text: str) -> str:
    """``text`` without case and accents; ß, æ, ø, ł and their like as plain letters, Greek as it is."""
    if text.isascii():
        return text.lower()
    for _ in range(3):  # a compatibility form may hold capitals, and they accents: NFKD alone is not the end of it
        plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
        folded = _UNSEEN.sub("", plain).casefold().translate(_LETTERS)
        if folded == text:
            break
        text = folded
    return text


def stem(word: str) -> str:
    """The English stem of a folded word."""
    if not word.isalpha():
        return word[:MAX_TOKEN]
    try:
        stemmer = _LOCAL.stemmer
    except AttributeError:  # one for each thread: they keep state
        stemmer = _LOCAL.stemmer = Stemmer.Stemmer("english", 0)
    return str(stemmer.stemWord(word[:MAX_TOKEN]))


def patterns(text: str) -> list[str]:
    """The patterns of which a token must match one: folded, of letters, digits, ``*`` (any, or none) and ``?`` (one).

    Tokens are stems, so that the beginning of a word asks for its stem's beginning too: ``galaxies*`` is ``galaxi*``,
    ``galaxy*`` is ``galaxy*`` or ``galaxi*``.
    """
    made = _RUN.sub("*", _NO_PATTERN.sub("", fold(text)))
    start = made[:-1]
    if not made.endswith("*") or "*" in start or "?" in start:
        return [made] if made else []
    stemmed = stem(start)
    return [f"{stemmed}*"] if start.startswith(stemmed) else [made, f"{stemmed}*"]


def pattern_regex(text: str) -> str:
    """:func:`patterns` as one regular expression for whole tokens, as Python and tantivy read it."""
    return "|".join(one.replace("*", ".*").replace("?", ".") for one in patterns(text))


def _parts(word: str) -> list[str]:
    if "." in word:
        word = word.replace(".", "")
    elif word[-2:-1] in ("'", "’"):
        word = word[:-2]
    return [word.lower()] if word.isascii() else _PART.findall(fold(word))


class _Known(dict[str, str]):
    """The tokens, spaces between them, of what stands between spaces: no word reaches across one.

    Long numbers seldom repeat: they are read anew.
    """

    def __missing__(self, written: str) -> str:
        words = (_PLAIN if written.isascii() else _WORD).findall(written)
        made = " ".join([stem(part) for word in words for part in _parts(word)])
        if len(written) <= _CACHED_LENGTH and (len(written) <= 4 or not _DIGIT.search(written)):
            if len(self) >= _CACHED:
                self.clear()
            self[written] = made
        return made


_KNOWN = _Known()
_LOCAL = threading.local()
