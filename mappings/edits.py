"""How far one word is from another."""

from __future__ import annotations


def edits(one: str, other: str, limit: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours from one to the other; above ``limit`` some such.

    The optimal string alignment distance, as both engines count: no letter is edited twice.
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for n, letter in enumerate(one, 1):
        row = [n]
        for m, found in enumerate(other, 1):
            best = min(row[m - 1] + 1, last[m] + 1, last[m - 1] + (letter != found))
            if before and m > 1 and letter == other[m - 2] and one[n - 2] == found:
                best = min(best, before[m - 2] + 1)
            row.append(best)
        if min(row) > limit and min(last) > limit:
            return limit + 1
        before, last = last, row
    return last[-1]
