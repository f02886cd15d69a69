"""Patterns over words of a column: what they match, and how long that may take."""

from __future__ import annotations

import fnmatch
import re
import time

from hypothesis import example, given
from hypothesis import strategies as st

from catalog.patterns import expression


@given(st.text("ab*?.\n", max_size=10), st.text("ab.\n", max_size=10))
@example("*ab*ab", "abab")
@example("*aa*", "a")
@example("a*a", "a")
def test_it_is_a_glob(pattern: str, word: str) -> None:
    by_python = re.compile(fnmatch.translate(pattern), re.DOTALL)
    assert bool(expression(pattern).fullmatch(word)) == bool(by_python.match(word))


def test_many_stars_take_no_long_time() -> None:
    started = time.perf_counter()
    assert not expression("*e" * 12 + "*z").fullmatch("the nebula seen here " * 10)
    assert time.perf_counter() - started < 0.1
