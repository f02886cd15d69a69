"""What a settings file may say, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism import settings
from asterism.settings_placement import DEMAND_KEYS, LAKE_KEYS
from schemas import policy
from schemas.errors import PolicyError, SettingsError

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
    keys |= {*LAKE_KEYS, *DEMAND_KEYS, *policy.KEYS}
    assert {"data", "crosswalk", "token_file"} <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []
    assert [kind for kind in OPTIONS if f"`{kind}`" not in page] == []
    assert [name for name in ("ASTERISM_CONFIG", "ASTERISM_DATA") if f"`{name}`" not in page] == []


LAKE = RUCIO + '[lake]\nsource = "lake"\n'


def test_nobodys_replicas_are_looked_after_unless_it_is_said(tmp_path: Path) -> None:
    loaded = settings.load(written(tmp_path, RUCIO))
    assert loaded.lake is None and loaded.policies == () and loaded.demand.enabled


def test_the_lake_and_its_budgets(tmp_path: Path) -> None:
    lake = settings.load(written(tmp_path, LAKE)).lake
    assert lake is not None and (lake.source, lake.activity, lake.window) == ("lake", "Data Brokering", 7 * 86_400)
    assert lake.transfer is None
    more = 'activity = "Express"\nwindow = "36h"\ntransfer = "1.5TiB"\nmax_rules = 7\n'
    lake = settings.load(written(tmp_path, LAKE + more)).lake
    assert lake is not None and (lake.activity, lake.window, lake.max_rules) == ("Express", 129_600, 7)
    assert lake.transfer == 3 * 2**39


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (LAKE.replace('source = "lake"', 'source = "lak"'), "settings.bad-value", "there is lake"),
        ('[lake]\nsource = "x"', "settings.bad-value", "there is none yet"),
        ('[lake]\nwindow = "7d"', "settings.missing-key", "source"),
        (LAKE + 'window = "a week"', "settings.bad-value", "such as 90d"),
        (LAKE + "max_rules = true", "settings.bad-value", "whole number"),
        (LAKE + 'transfers = "1TB"', "settings.unknown-key", "did you mean 'transfer'?"),
        ("lake = 3", "settings.bad-value", "a table"),
        ('[demand]\nenabled = "no"', "settings.bad-value", "true or false"),
        ('[demand]\nsites = { "10.0.0.0/33" = "A" }', "settings.bad-value", "10.0.0.0/33"),
        ('[demand]\nsites = ["A"]', "settings.bad-value", "sites"),
        ("policies = 3", "settings.bad-value", "[[policies]]"),
    ],
)
def test_wrong_settings_of_placement_are_told_what_is_wrong(tmp_path: Path, text: str, code: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings.load(written(tmp_path, text))
    assert raised.value.code == code and said in raised.value.detail


def test_the_narrowest_network_comes_first(tmp_path: Path) -> None:
    text = '[demand]\nsites = { "10.0.0.0/8" = "WIDE", "10.1.0.0/16" = "NARROW" }\ntraces = "t"\nhalf_life = "2d"'
    demand = settings.load(written(tmp_path, text)).demand
    assert [site for _, site in demand.sites] == ["NARROW", "WIDE"]
    assert demand.traces == tmp_path / "t" and demand.half_life == 2 * 86_400


POLICY = '[[policies]]\nname = "gc"\nquery = "cone=266.4168,-29.0078,5"\nrse_expression = "country=ZA"\n'


def test_policies_of_the_file(tmp_path: Path) -> None:
    (one,) = settings.load(written(tmp_path, POLICY + 'lifetime = "90d"')).policies
    assert (one.name, one.copies, one.lifetime, one.priority, one.version) == ("gc", 1, 90 * 86_400, 3, 0)
    assert one.saved_query is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (POLICY + "copies = 0", "policy.bad-value"),
        (POLICY + "lifetime = 90", "policy.bad-value"),
        (POLICY + 'life_time = "90d"', "policy.unknown-key"),
        (POLICY.replace('query = "cone=266.4168,-29.0078,5"\n', ""), "policy.missing-key"),
        (POLICY.replace('"gc"', '"Galactic Centre"'), "policy.bad-value"),
        (POLICY + POLICY, "settings.duplicate-policy"),
    ],
)
def test_a_wrong_policy_of_the_file(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises((PolicyError, SettingsError)) as raised:
        settings.load(written(tmp_path, text))
    assert raised.value.code == code
