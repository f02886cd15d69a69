"""Numbers in the fewest bytes that hold them exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

Arrays = dict[str, Any]
_SAMPLE = 4096


def smallest(numbers: Any) -> Any:
    """Integers from 0 as the smallest unsigned type."""
    numbers = np.asarray(numbers)
    highest = int(numbers.max()) if numbers.size else 0
    return numbers.astype(np.min_scalar_type(highest))


def put_values(made: Arrays, name: str, values: Any) -> None:
    """Put numbers under ``name``: as codes of ``name/table``, ascending, where few are different, else as they are.

    Whole doubles become integers. Single precision is never used: a comparison with a double would round it.
    """
    step = max(1, len(values) // _SAMPLE)
    if len(np.unique(values[::step])) * 2 <= max(2, len(values[::step])):
        table, codes = np.unique(values, return_inverse=True)
        if len(table) <= 256 or (len(table) <= 65536 and 8 * len(table) <= len(values)):
            made[name], made[name + "/table"] = smallest(codes.reshape(-1)), table
            return
    made[name] = _whole(values)


def _whole(values: Any) -> Any:
    if values.dtype != np.float64 or len(values) == 0:
        return values
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high < 2**32):
        return values
    whole = values.astype(np.min_scalar_type(int(high)))
    return whole if (whole == values).all() else values
