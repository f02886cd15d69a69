"""What a settings file may say, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism import settings
from schemas.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]

RUCIO = """
[[sources]]
name = "lake"
kind = "rucio"
url = "https://user:hunter2@rucio.example.org"
account = "reader"
auth = "userpass"
username = "reader"
password = "${ASTERISM_TEST_PASSWORD}"
scopes = ["a", "${ASTERISM_TEST_SCOPE}"]
"""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASTERISM_CONFIG", "ASTERISM_DATA", "ASTERISM_TEST_PASSWORD", "ASTERISM_TEST_SCOPE"):
        monkeypatch.delenv(name, raising=False)


def written(folder: Path, text: str) -> Path:
    file = folder / "asterism.toml"
    file.write_text(text)
    return file


def test_data_is_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = settings.load(written(tmp_path, 'data = "kept"'))
    assert loaded.data == tmp_path / "kept"
    assert loaded.store == f"sqlite:///{tmp_path}/kept/asterism.db"


def test_environment_names_file_and_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTERISM_CONFIG", str(written(tmp_path, 'data = "kept"\ncontact = "me@example.org"')))
    assert settings.load().contact == "me@example.org"
    monkeypatch.setenv("ASTERISM_DATA", str(tmp_path / "other"))
    assert settings.load().data == tmp_path / "other"


def test_option_wins_over_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTERISM_CONFIG", str(tmp_path / "absent.toml"))
    assert settings.load(written(tmp_path, 'data = "kept"')).data == tmp_path / "kept"


def test_without_a_file_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="asterism init") as caught:
        settings.load()
    assert caught.value.code == "settings.no-file"


def test_data_folder_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASTERISM_DATA", str(tmp_path / "kept"))
    assert settings.load() == settings.Settings(
        file=None,
        data=tmp_path / "kept",
        store=f"sqlite:///{tmp_path}/kept/asterism.db",
        contact="",
        public_url=None,
        sources=(),
    )


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('dta = "x"', "settings.unknown-key", ["'dta'", "did you mean 'data'?"]),
        (
            '[[sources]]\nname = "a"\nkind = "vo-oai"\nurll = "http://x"',
            "settings.unknown-key",
            ["'urll'", "'url'", "source a"],
        ),
        ('[[sources]]\nname = "a"\nkind = "vo-ai"\nurl = "http://x"', "settings.unknown-kind", ["'vo-oai'"]),
        ('[[sources]]\nname = "a"\nkind = "vo-oai"', "settings.missing-key", ["no url", "source a"]),
        ('[[sources]]\nkind = "vo-oai"\nurl = "http://x"', "settings.missing-key", ["no name", "source 1"]),
        ('[[sources]]\nname = "a"\nurl = "http://x"', "settings.missing-key", ["no kind", "vo-regtap"]),
        ('[[sources]]\nname = "a b"\nkind = "vo-oai"\nurl = "http://x"', "settings.bad-value", ["name in source a b"]),
        (
            '[[sources]]\nname = "a"\nkind = "vo-oai"\nurl = "http://x"\nrate = 0',
            "settings.bad-value",
            ["rate", "above 0"],
        ),
        (
            '[[sources]]\nname = "a"\nkind = "vo-oai"\nurl = "http://x"\ncrosswalk = "x.toml"',
            "settings.unknown-key",
            ["crosswalk"],
        ),
        ('sources = "a"', "settings.bad-value", ["[[sources]]"]),
        ("data = 5", "settings.bad-value", ["data"]),
        ("data =", "settings.unreadable", ["asterism.toml"]),
    ],
)
def test_a_wrong_file_is_told_what_and_where(tmp_path: Path, text: str, code: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load(written(tmp_path, text))
    assert caught.value.code == code
    for word in words:
        assert word in caught.value.detail


def test_two_sources_of_one_name(tmp_path: Path) -> None:
    one = '[[sources]]\nname = "a"\nkind = "vo-oai"\nurl = "http://x"\n'
    with pytest.raises(SettingsError, match="two sources are named 'a'"):
        settings.load(written(tmp_path, one + one))


def test_a_secret_is_looked_up_when_its_source_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = settings.load(written(tmp_path, RUCIO)).source("lake")
    with pytest.raises(SettingsError, match=r"password in source lake .* ASTERISM_TEST_PASSWORD") as caught:
        lake.resolved()
    assert caught.value.code == "settings.unset-variable"
    monkeypatch.setenv("ASTERISM_TEST_PASSWORD", "s3cret")
    monkeypatch.setenv("ASTERISM_TEST_SCOPE", "b")
    assert lake.resolved()["password"] == "s3cret"
    assert lake.resolved()["scopes"] == ["a", "b"]


def test_a_shown_address_has_no_password(tmp_path: Path) -> None:
    assert settings.load(written(tmp_path, RUCIO)).source("lake").address == "https://rucio.example.org"


def test_an_unknown_source_names_its_neighbour(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean 'lake'"):
        settings.load(written(tmp_path, RUCIO)).source("lakes")


def test_the_example_is_a_settings_file() -> None:
    loaded = settings.load(ROOT / "sources.example.toml")
    assert {source.kind for source in loaded.sources} == {"vo-oai", "vo-regtap", "rucio", "invenio", "oai-datacite"}
    assert all(source.address.startswith("http") for source in loaded.sources)


def test_lists_and_files_of_a_source(tmp_path: Path) -> None:
    text = """
        [[sources]]
        name = "lake"
        kind = "rucio"
        url = "https://rucio.example.org"
        account = "reader"
        auth = "oidc"
        token_file = "secret/token"
        scopes = "one"
        crosswalk = "words.toml"
    """
    lake = settings.load(written(tmp_path, text)).source("lake")
    assert lake.resolved()["scopes"] == ["one"]
    assert lake.resolved()["token_file"] == str(tmp_path / "secret" / "token")
    assert lake.crosswalk == tmp_path / "words.toml"


@pytest.mark.parametrize("value", ["[]", '[""]', "[1]", "5"])
def test_a_list_that_is_none(tmp_path: Path, value: str) -> None:
    text = f'[[sources]]\nname = "z"\nkind = "invenio"\nurl = "http://x"\ncommunities = {value}'
    with pytest.raises(SettingsError, match="communities in source z"):
        settings.load(written(tmp_path, text))


def test_every_key_is_in_the_reference() -> None:
    from harvesters.registry import OPTIONS

    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    keys = {*settings.KEYS, *settings.SOURCE_KEYS, *(key for own in OPTIONS.values() for key in own)}
    assert {"data", "crosswalk", "token_file"} <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []
    assert [kind for kind in OPTIONS if f"`{kind}`" not in page] == []
    assert [name for name in ("ASTERISM_CONFIG", "ASTERISM_DATA") if f"`{name}`" not in page] == []
