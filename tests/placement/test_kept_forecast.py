"""The forecast of the last planning: given again while it is of the same, made anew else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from placement import kept_forecast
from placement.forecast import Forecast
from tests.placement.demands import LAKE, datasets

WEEK = 7 * 86_400.0
MADE = datasets([[(3, 1)], [(3, 2)]])
FORECAST = Forecast(
    LAKE.sites,
    np.arange(2 * len(LAKE.sites), dtype=np.float32).reshape(2, -1),
    np.array([[1, 2], [3, 4]], np.float32),
    ("reads", "sky"),
    np.array([0.5, 0.25], np.float32),
)


class _MadeAnewError(Exception):
    pass


def _make() -> Forecast:
    raise _MadeAnewError


def test_what_was_kept_is_given_again(tmp_path: Path) -> None:
    kept_forecast.keep(tmp_path, MADE, LAKE, WEEK, FORECAST)
    found = kept_forecast.kept(tmp_path, MADE, LAKE, WEEK, _make)
    assert (found.sites, found.part_names) == (FORECAST.sites, FORECAST.part_names)
    for name in ("reads", "parts", "confidence"):
        assert np.array_equal(getattr(found, name), getattr(FORECAST, name))


def test_of_anything_else_it_is_made_anew(tmp_path: Path) -> None:
    with pytest.raises(_MadeAnewError):
        kept_forecast.kept(tmp_path, MADE, LAKE, WEEK, _make)
    kept_forecast.keep(tmp_path, MADE, LAKE, WEEK, FORECAST)
    later = replace(LAKE, taken_at=LAKE.taken_at + 1)
    renamed = replace(LAKE, rses=tuple(replace(rse, site=f"{rse.site}X") for rse in LAKE.rses))
    others = replace(MADE, ids=["d0", "d2"])
    for made, lake, window in (
        (MADE, later, WEEK),
        (MADE, renamed, WEEK),
        (others, LAKE, WEEK),
        (MADE, LAKE, 2 * WEEK),
    ):
        with pytest.raises(_MadeAnewError):
            kept_forecast.kept(tmp_path, made, lake, window, _make)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(_MadeAnewError):
        kept_forecast.kept(tmp_path, MADE, LAKE, WEEK, _make)
