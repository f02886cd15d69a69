"""A record that breaks the schema in one place, saved by leaving that place out.

A mapping names what it leaves out itself; this is for the values that it did not foresee. First the value goes, then
the item of a list or the object that cannot be without it, at last the whole field.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from schemas.errors import RecordError
from schemas.record import Record, RecordSchema, validate_record

_MAX_VALUE = 200  # characters of a refused value that its reason shows
_Path = tuple[str, ...]


def validate_or_prune(record: Record) -> list[tuple[str, str]]:
    """Make ``record`` valid in place; gives (field path, reason) of what had to go, nothing for a valid one.

    Raises
    ------
    RecordError
        ``record.invalid``, as from :func:`~schemas.record.validate_record`, when it cannot be without what is wrong.
    """
    left_out: dict[str, str] = {}
    cuts: Counter[str] = Counter()  # of each field, how many it has had: the next is coarser
    required = _required()
    while True:
        try:
            validate_record(record)
            return list(left_out.items())
        except RecordError as error:
            faults = {tuple(path.split(".")): reason for path, reason in error.context["errors"].items()}
            if any(path[0] in required or path[0] not in record for path in faults):
                raise
        targets = {path: _CUTS[min(cuts[path[0]], len(_CUTS) - 1)](path) for path in faults}
        cuts.update({path[0] for path in faults})
        removed = {target: _remove(record, target) for target in sorted(set(targets.values()), key=_last_first)}
        for path, target in targets.items():
            reason = f"{faults[path].rstrip('.')}: {str(removed[target])[:_MAX_VALUE]}"
            left_out.setdefault(".".join(path), reason)


@functools.cache
def _required() -> frozenset[str]:
    """The fields that every record has; making a schema takes 3 ms, longer than all else that is done to a record."""
    return frozenset(name for name, field in RecordSchema().fields.items() if field.required)


def _item(path: _Path) -> _Path:
    """The innermost item of a list on the path, or else the object around the value."""
    numbers = [n for n, step in enumerate(path) if step.isdecimal()]
    return path[: numbers[-1] + 1] if numbers else path[: max(1, len(path) - 1)]


_CUTS: Sequence[Callable[[_Path], _Path]] = (lambda path: path, _item, lambda path: path[:1])


def _last_first(target: _Path) -> list[tuple[int, str]]:
    """Items from the end of a list first, so that the numbers of the others stay true."""
    return [(-int(step), "") if step.isdecimal() else (0, step) for step in target]


def _remove(record: Record, target: _Path) -> Any:
    """Take out what ``target`` leads to, as far as it leads; gives it."""
    place: Any = record
    for step in target[:-1]:
        try:
            place = place[int(step)] if isinstance(place, list) else place[step]
        except (LookupError, ValueError, TypeError):
            return None
    last = target[-1]
    if isinstance(place, dict):
        return place.pop(last, None)
    if isinstance(place, list) and last.isdecimal() and int(last) < len(place):
        return place.pop(int(last))
    return None
