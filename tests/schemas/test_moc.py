"""MOCs in ASCII: the cells that mocpy reads, and nothing that is no MOC."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.moc import MAX_ORDER, parse_moc


def ranges(text: str) -> list[list[int]]:
    """Order-29 ranges of what the parser reads, joined."""
    spans = sorted(
        (first << 2 * (MAX_ORDER - order), (last + 1) << 2 * (MAX_ORDER - order))
        for order, first, last in parse_moc(text)
    )
    made: list[list[int]] = []
    for low, high in spans:
        if made and low <= made[-1][1]:
            made[-1][1] = max(made[-1][1], high)
        else:
            made.append([low, high])
    return made


def by_mocpy(text: str) -> list[list[int]]:
    from mocpy import MOC

    found: list[list[int]] = np.asarray(MOC.from_str(text).to_depth29_ranges).astype(int).reshape(-1, 2).tolist()
    return found


@st.composite
def mocs(draw: st.DrawFn) -> str:
    """A MOC as mocpy writes it: from cells of one order, normalised."""
    from mocpy import MOC

    order = draw(st.integers(0, 11))
    cells = draw(st.lists(st.integers(0, 12 * 4**order - 1), min_size=1, max_size=30, unique=True))
    made = MOC.from_json({str(order): sorted(cells)})
    return str(made.to_string(format="ascii", fold=draw(st.sampled_from([0, 20]))))


@settings(max_examples=100, deadline=None)
@given(mocs())
def test_reads_what_mocpy_writes(text: str) -> None:
    assert ranges(text) == by_mocpy(text)


@pytest.mark.parametrize("text", ["1/0-3 5 7/65540", "0/", "29/0", "3/\n", "0/1\n2/100 102-104", "0/0-11", "6/ 1 2 3"])
def test_reads_as_mocpy_does(text: str) -> None:
    assert ranges(text) == by_mocpy(text)


def test_what_standards_and_sources_write_besides() -> None:
    assert parse_moc("s1/3") == [(1, 3, 3)]  # MOC 2.0 marks the dimension
    assert parse_moc("1/0-3,5") == [(1, 0, 3), (1, 5, 5)]  # MOC 1.0 put commas
    assert parse_moc("0/1 1/ 2/") == [(0, 1, 1)]  # an order alone states the resolution


WRONG = ["", " ", "1 2", "1/48", "30/1", "1/3-1", "1/a", "1/-3", "1/3-", "t29/1", "s0/1 t3/4", "1/0x1", "circle 1 2 3"]
WRONG += ["1/٣", "١/3", "1/3²", "1//3", "/3", "1/1e1", "1/3--5", "0/0-12", "29/3458764513820540928"]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_moc(text: str) -> None:
    with pytest.raises(ValueError, match=r"MOC"):
        parse_moc(text)


@given(st.lists(st.sampled_from(["1", "3-5", "-", " ", ", ", "7-9", "5-", "1-2-3", "\n", "4-2", "9" * 25]), max_size=8))
def test_a_long_text_is_read_as_a_short_one(words: list[str]) -> None:
    body = " ".join(words)
    made = []
    for more in (0, 1000):  # cells repeated, so that nothing else changes
        try:
            made.append(parse_moc("9/" + " 6 " * more + body)[more:])
        except ValueError:
            made.append([])
    assert made[0] == made[1]


def test_no_text_takes_long() -> None:
    started = time.perf_counter()
    for text in ("1/" * 1_000_000, "1/2/" * 500_000 + "x"):
        with contextlib.suppress(ValueError):
            parse_moc(text)
    assert time.perf_counter() - started < 1


@given(st.text("0123456789/-, st.x\n", max_size=40) | st.text(max_size=20))
def test_anything_else_is_refused_or_within_the_sky(text: str) -> None:
    try:
        cells = parse_moc(text)
    except ValueError:
        return
    assert all(0 <= order <= MAX_ORDER and 0 <= first <= last < 12 * 4**order for order, first, last in cells)
