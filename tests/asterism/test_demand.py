"""Demand from the command line and through the application, on and off."""

from __future__ import annotations

from pathlib import Path

import httpx

from asterism.factory import Factory
from asterism.settings import load
from placement import terms
from tests.api.conftest import Served
from tests.asterism.conftest import Run


def dims(config: Path) -> dict[str, set[int]]:
    """The dimensions of what is kept, by site."""
    with Factory(load(config)) as factory:
        rows = factory.store.database.fetch("SELECT site, dim FROM demand", ())
    return {site: {dim for one, dim in rows if one == site} for site, _ in rows}


def test_the_command_line_counts(filled: Run, config: Path) -> None:
    assert filled("search", "crab", "--cone", "83.63,22.01,1").exit_code == 0
    assert dims(config) == {"": {terms.FOUND, terms.SKY, terms.WORD}}
    assert filled("show", "scope:vela").exit_code == 0
    assert terms.VIEW in dims(config)[""]


def test_the_application_counts_by_site_and_saves_at_its_end(filled: Run, config: Path) -> None:
    config.write_text(config.read_text() + '[demand]\nsites = { "127.0.0.0/8" = "CAPE" }\n')
    with Factory(load(config)) as factory:
        with Served(factory.api()) as url:
            assert httpx.get(f"{url}/api/v1/search?q=crab").status_code == 200
        assert dims(config) == {"CAPE": {terms.FOUND, terms.WORD}}


def test_switched_off_nothing_is_kept(filled: Run, config: Path) -> None:
    config.write_text(config.read_text() + "[demand]\nenabled = false\n")
    assert filled("search", "crab").exit_code == 0
    with Factory(load(config)) as factory, Served(factory.api()) as url:
        assert httpx.get(f"{url}/api/v1/search?q=crab").status_code == 200
    assert dims(config) == {}
