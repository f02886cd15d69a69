"""What the composition root makes of the settings of a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.factory import Factory
from asterism.settings import Settings, load
from schemas.errors import SettingsError, StoreError

LAKE = """
[[sources]]
name = "lake"
kind = "rucio"
url = "https://user:hunter2@rucio.example.org/?token=hunter2"
account = "reader"
auth = "userpass"
username = "u"
password = "p"
crosswalk = "words.toml"
"""


@pytest.fixture
def settings(config: Path) -> Settings:
    config.write_text(LAKE)
    return load(config)


def test_the_crosswalk_is_read_for_the_mapping(settings: Settings, tmp_path: Path) -> None:
    from mappings.rucio import to_record

    (tmp_path / "words.toml").write_text('[[rules]]\nkey = ["our_target"]\nfield = "targets"\n')
    options = Factory(settings).map_options(settings.source("lake"))
    raw = b'{"did": {"scope": "s", "name": "n", "did_type": "DATASET"}, "metadata": {"our_target": "Crab"}}'
    record = to_record(raw, options).record
    assert record is not None
    assert record["targets"] == ["Crab"]


def test_a_crosswalk_that_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"words\.toml of source lake") as caught:
        Factory(settings).map_options(settings.source("lake"))
    assert caught.value.code == "settings.unreadable"
    (tmp_path / "words.toml").write_text("[[rules")
    with pytest.raises(SettingsError, match=r"words\.toml of source lake"):
        Factory(settings).map_options(settings.source("lake"))


def test_a_wrong_rule_is_an_error_before_any_document_is_mapped(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "words.toml").write_text('[[rules]]\nkey = ["our_target"]\nfield = "targts"\n')
    with pytest.raises(SettingsError, match="targets") as caught:
        Factory(settings).map_options(settings.source("lake"))
    assert caught.value.code == "settings.crosswalk"


def test_the_scope_is_what_is_asked_not_who_asks(settings: Settings) -> None:
    factory = Factory(settings)
    options = settings.source("lake").resolved()
    scope = factory.scope(options)
    assert factory.scope({**options, "password": "new", "account": "other"}) == scope
    assert factory.scope({**options, "scopes": ["one"]}) != scope
    assert factory.scope({**options, "url": "https://elsewhere.example.org"}) != scope


def test_an_endpoint_holds_no_secret(settings: Settings) -> None:
    endpoint = Factory(settings).endpoint(settings.source("lake").resolved())
    assert "rucio.example.org" in endpoint
    assert "hunter2" not in endpoint


def test_only_filling_commands_make_a_store(config: Path) -> None:
    with pytest.raises(StoreError, match="asterism init"), Factory(load(config)) as factory:
        factory.store.last_seq()
    with Factory(load(config), create=True) as factory:
        assert factory.store.last_seq() == 0
    with Factory(load(config)) as factory:
        assert factory.store.last_seq() == 0


def test_the_catalogue_is_what_the_api_asks_for(config: Path) -> None:
    from api.catalogue import Catalogue

    with Factory(load(config), create=True) as factory:
        catalogue: Catalogue = factory.catalogue
        assert catalogue.ready() == []
        assert catalogue.lag() == 0
        assert catalogue.sources() == []
