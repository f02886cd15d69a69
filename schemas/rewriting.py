"""What people type, put into a form that a grammar reads as it is meant.

Pasted identifiers, lines like ``[O III]``, a loose quote or dash are no syntax of anyone's, and yet their meaning is
plain: words are escaped, parentheses balanced, an AND put between neighbours, dangling operators dropped.
"""

from __future__ import annotations

import re
import unicodedata

from schemas.errors import QueryError
from schemas.fields import field_name, search_fields, top_level
from schemas.text import TEXT_FIELDS

MAX_DEPTH = 20

_UNSEEN = re.compile(r"\s|[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_QUOTES = str.maketrans("“”„", '"""')
_SIGN = re.compile(r"[+-]+(?=[^\s+-])")
_OPERATOR = re.compile(r"(?:AND|OR|NOT)(?=[\s()]|$)|&&|\|\|")
_FIELD = re.compile(r"([^\W\d][\w.-]*):(?=\S)")
_VALUE = r'(?:"(?:[^"\\]|\\.)*"|(?:\\.|[^\s"\\\]}])+)'
_RANGE = re.compile(rf"([\[{{])\s*({_VALUE})\s+TO\s+({_VALUE})\s*([\]}}])")
_THERE = re.compile(r"\*(?=[\s)]|$)")
_COMPARISON = re.compile(r"[<>]=?\s*")
_PHRASE = re.compile(r'"((?:[^"\\]|\\.)*)"([~^][\d.]*)?')
_WORD = re.compile(r"(?:\\.|(?!&&|\|\|)[^\s()])+")
_FUZZY = re.compile(r"(.*[^\W_].*)~(\d(?:\.\d+)?)?")
_BOOSTED = re.compile(r"(?:.*[^\W\d_].*|\))\^\d+(?:\.\d+)?")
ESCAPED = re.compile(r"\\(.)|\\$|(.)", re.DOTALL)
LETTER = re.compile(r"[^\W_]")


def readable(q: str) -> str:
    """``q`` for luqum: words escaped, all operators written out.

    Raises
    ------
    QueryError
        ``query.bad-text`` when nothing is left, or for what the grammar has and a search has not.
    """
    return _Rewriter(_UNSEEN.sub(" ", unicodedata.normalize("NFC", q)).translate(_QUOTES)).text()


def bad(sentence: str) -> QueryError:
    return QueryError("bad-text", sentence, parameter="q")


def _known(name: str) -> str | None:
    """What ``name:`` stands for, if anything: a text field, a field to compare, one that may only be there."""
    for asked in (name, name.lower()):
        if asked in TEXT_FIELDS or (asked.startswith("extra.") and len(asked) > len("extra.")):
            return asked
        if (found := field_name(asked)) in search_fields() or found in top_level():
            return found
    return None


def _holds_values(field: str) -> bool:
    """Whether it can be searched or compared; of other fields one can only ask whether they are there."""
    return field in TEXT_FIELDS or field in search_fields() or field.startswith("extra.")


class _Rewriter:
    """``q`` item by item into text that the grammar reads as it is meant."""

    def __init__(self, q: str) -> None:
        self._q = q
        self._at = 0
        self._out: list[str] = []  # operands, "(" with its field before it, ")", AND, OR, NOT
        self._open = 0

    def text(self) -> str:
        while self._at < len(self._q):
            self._step()
        while self._open:
            self._close()
        self._trim()
        if not self._out:
            raise bad("q has no word to search for")
        return " ".join(self._out)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._q, self._at)
        if found:
            self._at = found.end()
        return found

    def _step(self) -> None:
        if self._q[self._at].isspace():
            self._at += 1
            return
        if (not self._at or self._q[self._at - 1] in " (") and (sign := self._take(_SIGN)):
            if "-" in sign[0]:
                self._operator("NOT")
        elif operator := self._take(_OPERATOR):
            self._operator({"&&": "AND", "||": "OR"}.get(operator[0], operator[0]))
        elif self._q[self._at] == ")":
            self._at += 1
            if self._q[self._at : self._at + 1] == "^":
                raise bad("a boost, as in (a b)^2, is not supported; leave it out")
            self._close()
        else:
            self._operand()

    def _operator(self, word: str) -> None:
        after_operand = bool(self._out) and self._out[-1] not in ("AND", "OR", "NOT") and self._out[-1][-1] != "("
        if word == "NOT":
            self._out += ["AND", "NOT"] if after_operand else ["NOT"]
        elif after_operand:
            self._out.append(word)

    def _add(self, operand: str) -> None:
        if self._out and self._out[-1] not in ("AND", "OR", "NOT") and not self._out[-1].endswith("("):
            self._out.append("AND")
        self._out.append(operand)

    def _trim(self) -> None:
        while self._out and self._out[-1] in ("AND", "OR", "NOT"):
            self._out.pop()

    def _close(self) -> None:
        if not self._open:
            return
        self._open -= 1
        self._trim()
        if self._out[-1].endswith("("):
            self._out.pop()
        else:
            self._out.append(")")

    def _operand(self) -> None:
        start = self._at
        named = self._take(_FIELD)
        field = _known(named[1]) if named else None
        if field is None or (not _holds_values(field) and not _THERE.match(self._q, self._at)):
            field, self._at = None, start
        head = f"{_escape(field)}:" if field else ""
        if self._q[self._at] == "(":
            self._at += 1
            self._open += 1
            if self._open > MAX_DEPTH:
                raise bad(f"q has parentheses more than {MAX_DEPTH} deep")
            self._add(head + "(")
        elif field and (span := self._take(_RANGE)):
            low, high = (_escape(unquoted(span[n])) if span[n] != "*" else "*" for n in (2, 3))
            self._add(f"{head}{span[1]}{low} TO {high}{span[4]}")
        else:
            compared = self._take(_COMPARISON) if field and field not in TEXT_FIELDS else None
            self._value(field, head + (compared[0].strip() if compared else ""))

    def _value(self, field: str | None, head: str) -> None:
        if phrase := self._take(_PHRASE):
            if phrase[2]:
                what = "nearness" if phrase[2][0] == "~" else "a boost"
                raise bad(f'{what}, as in "a b"{phrase[2]}, is not supported; leave {phrase[2]} out')
            said = unescaped(phrase[1])
            if LETTER.search(said) or field:
                self._add(f'{head}"{_quotable(said)}"')
            return
        found = self._take(_WORD)
        word = found[0] if found else ""
        compared = field is not None and field not in TEXT_FIELDS
        if not word or (not compared and not LETTER.search(word) and set(word) != {"*"}):
            if field:
                raise bad(f"{field}: nothing follows that could be searched for")
            return
        if not compared and _BOOSTED.fullmatch(word):
            raise bad(f'a boost, as in {word}, is not supported; to search for that as it stands, quote it: "{word}"')
        if not compared and (fuzzy := _FUZZY.fullmatch(word)):
            if fuzzy[2] not in (None, "1", "2"):
                raise bad(f"{word}: write ~1 or ~2, the number of letters that may differ")
            self._add(f"{head}{_escape(fuzzy[1])}~{fuzzy[2] or 2}")
        else:
            self._add(head + _escape(word, wild=True))


def _escape(text: str, *, wild: bool = False) -> str:
    """Every sign escaped, and the first letter, for TO and NOT are words here; ``wild``: but for ``*`` and ``?``."""

    def safe(found: re.Match[str]) -> str:
        if found[2] and wild and found[2] in "*?":
            return found[2]
        one = found[1] or found[2] or ""
        return one if one.isalnum() else f"\\{one}" * bool(one)

    made = ESCAPED.sub(safe, text)
    return f"\\{made}" if made[:1].isalnum() else made


def unescaped(text: str) -> str:
    return ESCAPED.sub(lambda found: found[1] or found[2] or "", text)


def unquoted(text: str) -> str:
    return text[1:-1] if text[0] == '"' else text


def _quotable(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
