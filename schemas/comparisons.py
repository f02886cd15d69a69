"""Comparisons of fields, as they are typed: which field is meant, and whether its values can be read."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import cast, get_args

from schemas.errors import QueryError
from schemas.fields import field_name, search_fields, top_level
from schemas.filters import Filter, Op
from schemas.numbers import number
from schemas.times import instant, utc_span
from schemas.vocabulary import canonical

_OPS = frozenset(get_args(Op)) - {"eq", "like"}  # what may end a parameter's name
_ORDERED_OPS = ("gt", "gte", "lt", "lte")
_ORDERED_KINDS = ("number", "date", "interval")


def field_span(name: str, value: str) -> tuple[float, float]:
    """The closed-open bounds that ``value`` names in the number or date field ``name``: a number is its own bounds.

    Raises
    ------
    QueryError
        ``query.bad-value``.
    """
    known = search_fields().get(name)
    try:
        if known is not None and known.kind == "date":
            return utc_span(value)
        if known is not None and name == "time":
            return instant(value)
        read = number(value)
    except ValueError as error:
        raise QueryError("bad-value", f"{name}: {error}", parameter=name, value=value) from None
    if not math.isfinite(read):
        raise QueryError("bad-value", f"{name}: {value} is not a finite number", parameter=name, value=value)
    return read, read


def is_extra(name: str) -> bool:
    """Whether ``name`` is that of something a source brought along."""
    return name.startswith("extra.") and len(name) > len("extra.")


def field_op(name: str, others: Iterable[str] = ()) -> tuple[str, Op]:
    """The field and the comparison that a parameter's name means: ``bytes.gte`` is ``("bytes", "gte")``.

    Raises
    ------
    QueryError
        ``query.unknown-field``; the nearest field, or the nearest of ``others``, is named.
    """
    found = known_field_op(name)
    if found is None:
        base, _, last = name.rpartition(".")
        asked = base if base and last in _OPS else name
        raise unknown("unknown-field", "field", asked, [*search_fields(), *others, "extra."])
    return found


def known_field_op(name: str) -> tuple[str, Op] | None:
    """As :func:`field_op`; None for a name that is no field's."""
    base, dot, last = name.rpartition(".")
    op: Op = "eq"
    if dot and last in _OPS:
        name, op = base, cast(Op, last)
    name = field_name(name)
    known = is_extra(name) or name in search_fields() or (op == "exists" and name in top_level())
    return (name, op) if known else None


def unknown(code: str, what: str, name: str, known: Iterable[str], parameter: str | None = None) -> QueryError:
    """The error for a name that nobody knows, with its nearest neighbour."""
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return QueryError(code, f"no {what} {name[:80]!r}{hint}", parameter=parameter or name)


def comparison(name: str, op: Op, values: Sequence[str]) -> Filter:
    """``name``, as :func:`field_op` gives it, compared with any of ``values``.

    Raises
    ------
    QueryError
        ``query.*``: it is no field, cannot be compared so, or a value cannot be read.
    """
    if op == "exists":
        said = {choice(f"{name}.exists", value.lower(), ("true", "false")) for value in values}
        if len(said) > 1:
            raise QueryError("repeated-parameter", f"{name}.exists is given twice; give it once", parameter=name)
        return Filter(name, op, tuple(said))
    if any("\0" in value for value in values):
        raise QueryError("bad-value", f"{name}: a value holds a NUL character", parameter=name)
    known = search_fields().get(name)
    kind = known.kind if known else "extra"
    if kind == "text":
        raise QueryError("not-a-filter", f"{name} is text: search it with q, or ask {name}.exists", parameter=name)
    if kind in _ORDERED_KINDS:
        if op == "like":
            raise QueryError("bad-value", f"{name} has no words for * and ? to match; compare it", parameter=name)
        for value in values:
            field_span(name, value)
    if op in _ORDERED_OPS and len(values) > 1:
        raise QueryError("repeated-parameter", f"{name}.{op} is given twice; give it once", parameter=name)
    # a pattern is compared as it is written: no right spelling is known of half a name
    spelt = values if op == "like" else (canonical(name, value) for value in values)
    return Filter(name, op, tuple(dict.fromkeys(spelt)))


def choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """``value``, if it is one of ``allowed``; else ``query.bad-value``."""
    if value not in allowed:
        raise QueryError("bad-value", f"{name}={value[:40]} is not one of {', '.join(allowed)}", parameter=name)
    return value
