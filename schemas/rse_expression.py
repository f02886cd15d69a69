"""Rucio's RSE expressions, as its version 41 reads them: which storage elements (RSEs) does one mean?

=================== ===========================================================================================
``NAME``            RSEs with the attribute NAME set to true; each RSE has its own name as such an attribute
``key=value``       RSEs whose attribute is that text; ``true`` and ``false`` in any case
``key<n`` ``key>n`` RSEs whose attribute is a number below or above n; true counts as 1
``*``               all
``A|B A&B A\\B``     union, intersection, difference; from left to right, none before another, but parentheses
=================== ===========================================================================================

There are no blanks and no wildcards. A few keys are columns of Rucio's table of RSEs and no attributes
(``rse_type=TAPE``, ``volatile``): of them Rucio refuses some forms, and so does :func:`parse`. It also refuses what
Rucio answers with an error of its database, such as ``latitude=50`` or a bare ``city``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import PolicyError

_COMPARISON = re.compile(r"([A-Za-z0-9._-]+)([=<>])([A-Za-z0-9_-]+)")
_NAME = re.compile(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*")
_FLAGS = frozenset(
    {"deterministic", "volatile", "staging_area", "availability_read", "availability_write", "availability_delete"}
)
# of these Rucio makes an attribute, too
_MIRRORED = frozenset({"continent", "city", "region_code", "country_name", "time_zone", "ISP", "ASN"})
_TEXTS = _MIRRORED | {"rse", "vo", "qos_class"}
_UNCOMPARED = frozenset(
    {"id", "latitude", "longitude", "availability", "usage", "deleted", "created_at", "updated_at", "deleted_at"}
)
_KINDS = ("DISK", "TAPE")
COMPARED = _FLAGS | _TEXTS | {"rse_type"}
COLUMNS = COMPARED | _UNCOMPARED
# Names of Rucio's own programming stand before an attribute of the same name: such a one is never found
_NEVER = frozenset(
    {"delete", "from_str", "items", "keys", "metadata", "next", "registry", "save", "to_dict", "update", "values"}
)


@dataclass(frozen=True, slots=True)
class Test:
    """One question to an RSE; ``operator`` is ``=``, ``<``, ``>`` or ``*`` (any)."""

    key: str
    operator: str
    value: str = "true"

    def holds(self, name: str, attributes: Mapping[str, Any]) -> bool:
        """Does an RSE with these attributes answer yes?"""
        match self.operator:
            case "*":
                return True
            case "=":
                return name == self.value if self.key == "rse" else self._equals(attributes.get(self.key))
            case _:
                return self._compares(attributes.get(self.key))

    def _equals(self, held: Any) -> bool:
        if held is None or self.key in _NEVER:
            return False
        if self.key in _FLAGS:
            return _said(held) == ("true" if self.value.lower() in ("true", "1") else "false")
        return bool(held == self.value) if self.key in _TEXTS else _said(held) == _said(self.value)

    def _compares(self, held: Any) -> bool:
        if held is None or (self.key in COLUMNS and self.key not in _MIRRORED):
            return False
        said = _said(held)
        try:
            number = float({"true": "1", "false": "0"}.get(said, said))
            return number < float(self.value) if self.operator == "<" else number > float(self.value)
        except ValueError:  # as in Rucio: what is no number is neither below nor above
            return False


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was understood; ``steps`` are its tests, each operator after its two operands."""

    text: str
    steps: tuple[Test | str, ...]

    def __str__(self) -> str:
        return self.text

    def matching(self, rses: Iterable[tuple[str, Mapping[str, Any]]]) -> set[str]:
        """The names of the RSEs that it means, of pairs of name and attributes.

        Attributes are all that Rucio lists of an RSE, its own name among them, and the filled ones of :data:`COMPARED`,
        which stand before attributes of the same name. Where none is meant, Rucio calls it an error; here it is empty.
        """
        known = list(rses)
        stack: list[set[str]] = []
        for step in self.steps:
            if isinstance(step, Test):
                stack.append({name for name, attributes in known if step.holds(name, attributes)})
                continue
            right, left = stack.pop(), stack.pop()
            stack.append(left | right if step == "|" else left & right if step == "&" else left - right)
        return stack[0]


def parse(text: str) -> Expression:
    """Read an RSE expression.

    Raises
    ------
    PolicyError
        ``policy.bad-expression``; ``context["place"]`` is the faulty character's, from 0.
    """
    steps: list[Test | str] = []
    waiting = [""]  # the operator that waits for its right side, in each open parenthesis
    opened: list[int] = []
    place, operand = 0, True  # operand: one must come next
    while place < len(text):
        sign = text[place]
        if operand and sign == "(":
            opened.append(place)
            waiting.append("")
            place += 1
            continue
        if operand:
            test, end = _test(text, place)
            steps.append(test)
        elif sign == ")":
            if not opened:
                raise _refused(text, place, "this parenthesis was never opened")
            opened.pop()
            waiting.pop()
            end = place + 1
        elif sign in "|&\\":
            waiting[-1] = sign
            operand, place = True, place + 1
            continue
        else:
            blank = "; leave out the blank" if sign.isspace() else ""
            raise _refused(text, place, f"expected |, &, \\ or the end, and not {sign!r}{blank}")
        operand, place = False, end
        if waiting[-1]:
            steps.append(waiting[-1])
            waiting[-1] = ""
    if operand:
        raise _refused(text, place, "expected the name of an RSE, a comparison such as country=ZA, or *")
    if opened:
        raise _refused(text, opened[-1], "this parenthesis is never closed")
    return Expression(text, tuple(steps))


def _test(text: str, place: int) -> tuple[Test, int]:
    if text[place] == "*":
        return Test("*", "*"), place + 1
    if found := _COMPARISON.match(text, place):
        key, operator, value = found.groups()
        if operator == "=":
            _check_column(text, place, key, value)
        return Test(key, operator, value), found.end()
    if found := _NAME.match(text, place):
        _check_column(text, place, found[0], None)
        return Test(found[0], "="), found.end()
    expected = "expected the name of an RSE, a comparison such as country=ZA, or *"
    raise _refused(text, place, f"{expected}, and not {text[place]!r}")


def _check_column(text: str, place: int, key: str, value: str | None) -> None:
    """Refuse what Rucio cannot ask of a column; ``value`` is None for a bare name."""
    if key in _UNCOMPARED:
        raise _refused(text, place, f"Rucio cannot compare {key}")
    if key == "rse_type" and value not in _KINDS:
        raise _refused(text, place, f"write rse_type={' or rse_type='.join(_KINDS)}")
    if key in _TEXTS and value is None:
        raise _refused(text, place, f"{key} is a text and not a tag: write {key}=...")
    if key in _FLAGS and value is not None and value.lower() not in ("true", "false", "1", "0"):
        raise _refused(text, place, f"{key} is true or false")


def _said(value: Any) -> str:
    """An attribute's value as Rucio's table of attributes holds it."""
    said = str(value)
    return said.lower() if said.lower() in ("true", "false") else said


def _refused(text: str, place: int, why: str) -> PolicyError:
    shown = text if len(text) <= 200 else f"{text[:200]}..."
    detail = f"the RSE expression {shown!r} is wrong at character {place + 1}: {why}"
    return PolicyError("bad-expression", detail, expression=shown, place=place)
