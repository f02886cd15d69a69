"""What the composition root makes of the settings of a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.factory import Factory
from asterism.settings import Settings, load
from harvesters.sesame import Sesame
from schemas.errors import SettingsError, StoreError
from schemas.objects import KnownObject
from tests.asterism.conftest import Run

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


THESAURUS = '{"uri": "http://a.example/v", "terms": {"b": {"label": "B"}, "c": {"label": "C", "wider": ["b"]}}}'


def test_the_thesaurus_is_handed_to_the_index(config: Path, tmp_path: Path, filled: Run) -> None:
    config.write_text('data = "kept"\nthesaurus = "words.json"\n')
    (tmp_path / "words.json").write_text(THESAURUS)
    out_of_date = filled("search", "crab")
    assert out_of_date.exit_code == 1 and "asterism reindex" in out_of_date.stderr
    assert filled("reindex").exit_code == 0
    line = '{"identifiers": [{"scheme": "doi", "value": "10.5072/c"}], "kind": "dataset", "title": "C"'
    filled("import", "--source", "x", "-", text=line + ', "subjects": [{"term": "c"}]}\n')
    assert "10.5072/c" in filled("search", "--subjects.path", "B", "--format", "json").stdout
    (tmp_path / "words.json").write_text(THESAURUS.replace('"label": "B"', '"label": "B2"'))
    assert filled("search", "crab").exit_code == 1
    assert filled("reindex").exit_code == 0
    assert "10.5072/c" in filled("search", "--subjects.path", "B2/C", "--format", "json").stdout


@pytest.mark.parametrize("text", [None, "", "[]", "<rdf/>"])
def test_a_thesaurus_that_cannot_be_read(config: Path, tmp_path: Path, text: str | None) -> None:
    config.write_text('thesaurus = "words.json"\n')
    if text is not None:
        (tmp_path / "words.json").write_text(text)
    with pytest.raises(SettingsError, match=r"thesaurus .*words\.json") as caught:
        _ = Factory(load(config)).thesaurus
    assert caught.value.code == "settings.unreadable"


def test_the_resolver_is_asked_for_what_the_list_does_not_know(
    config: Path, filled: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def resolve(self: Sesame, name: str) -> KnownObject | None:
        asked.append(name)
        return KnownObject(name, 83.63, 22.01, "Simbad") if name == "V1" else None

    monkeypatch.setattr(Sesame, "resolve", resolve)
    assert filled("search", "--cone", "V1,1").exit_code == 2
    assert asked == []  # nobody is to be asked
    config.write_text('data = "kept"\nresolver = "https://sesame.example/nph-sesame"\n')
    found = filled("search", "--cone", "V1,1", "--format", "json")
    assert found.exit_code == 0 and '"Crab"' in found.stdout
    assert filled("search", "--cone", "M1,1", "--format", "json").exit_code == 0
    unknown = filled("search", "--cone", "Nobody,1")
    assert unknown.exit_code == 2 and "query.unknown-object" in unknown.stderr
    assert asked == ["V1", "Nobody"]


@pytest.mark.parametrize("value", ["cds.unistra.fr", "ftp://a.example", "https://", "http://a:x/"])
def test_a_resolver_needs_an_address(config: Path, value: str) -> None:
    config.write_text(f'resolver = "{value}"\n')
    with pytest.raises(SettingsError, match="resolver") as caught:
        load(config)
    assert caught.value.code == "settings.bad-value"
