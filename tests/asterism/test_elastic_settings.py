"""``index`` in the settings: which engine searches, and how it is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asterism.factory import Factory
from asterism.settings import ElasticSettings, read
from catalog.elastic import ElasticEngine
from catalog.embedded import EmbeddedEngine
from schemas.errors import SettingsError


def elastic(index: Any, folder: Path) -> ElasticSettings | None:
    return read({"index": index}, folder / "asterism.toml").elastic


def test_an_address_alone_is_enough(tmp_path: Path) -> None:
    assert elastic("http://127.0.0.1:9200", tmp_path) == ElasticSettings("http://127.0.0.1:9200")


def test_the_engine_is_the_one_that_the_settings_say(tmp_path: Path) -> None:
    with Factory(read({"index": "http://127.0.0.1:9"}, tmp_path / "asterism.toml")) as factory:
        assert isinstance(factory.engine, ElasticEngine)
    with Factory(read({}, tmp_path / "asterism.toml")) as factory:
        assert isinstance(factory.engine, EmbeddedEngine)


def test_a_key_from_the_environment_and_a_file_beside_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "c2VjcmV0")
    (tmp_path / "ca.pem").write_text("")
    found = elastic({"url": "https://u:pw@a.example", "api_key": "${KEY}", "ca": "ca.pem", "shards": 3}, tmp_path)
    assert found is not None
    assert (found.api_key, found.ca, found.shards) == ("c2VjcmV0", tmp_path / "ca.pem", 3)
    assert found.address == "https://a.example"


@pytest.mark.parametrize(
    ("index", "code"),
    [
        ("ftp://a.example", "bad-value"),
        ("http://", "bad-value"),
        ("http://a:port", "bad-value"),
        ("asterism-data/index", "bad-value"),
        (17, "bad-value"),
        ({"prefix": "vo"}, "missing-key"),
        ({"url": "http://a", "prefix": "VO"}, "bad-value"),
        ({"url": "http://a", "prefix": "a,b"}, "bad-value"),
        ({"url": "http://a", "shards": 0}, "bad-value"),
        ({"url": "http://a", "shards": True}, "bad-value"),
        ({"url": "http://a", "key": "x"}, "unknown-key"),
        ({"url": "http://a", "ca": "none.pem"}, "unreadable"),
        ({"url": "http://a", "api_key": "${NOT_SET_AT_ALL}"}, "unset-variable"),
    ],
)
def test_what_cannot_be_meant_is_refused(index: Any, code: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        elastic(index, tmp_path)
    assert caught.value.code == f"settings.{code}"
