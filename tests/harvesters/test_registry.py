"""Every kind of source can be built from what the settings may say."""

from __future__ import annotations

import httpx
import pytest

from harvesters.registry import OPTIONS, RATES, build
from schemas.errors import SettingsError

VALUES = {
    "vo-oai": {"set": "ivo_managed"},
    "vo-regtap": {},
    "rucio": {
        "account": "root",
        "auth": "userpass",
        "username": "u",
        "password": "p",
        "token_file": "token",
        "certificate": "proxy.pem",
        "scopes": ["test"],
        "types": ["dataset"],
    },
    "invenio": {"query": "crab", "communities": ["escape2020"]},
    "oai-datacite": {"set": "user-escape"},
}


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"building a harvester asks for {request.url}")


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_kind_is_built_from_all_its_options_and_from_the_required_ones(kind: str) -> None:
    every = {"url": "https://source.test/x", **VALUES[kind]}
    assert set(every) == set(OPTIONS[kind]), "an option has no value in this test"
    needed = {key: value for key, value in every.items() if OPTIONS[kind][key] or key in ("username", "password")}
    for options in (every, needed):
        one = build(kind, options, contact="a@example.org", transport=httpx.MockTransport(nobody))
        assert {"pages", "since", "identifiers", "is_gone", "lists_all", "announces_deletions"} <= set(dir(one))
    assert RATES[kind] > 0


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [
        ("oai", {"url": "http://x"}, "settings.unknown-kind"),
        ("vo-oai", {}, "settings.missing-key"),
        ("vo-oai", {"url": "http://x", "sett": "a"}, "settings.unknown-key"),
        ("rucio", {"url": "http://x", "account": "a"}, "settings.missing-key"),
    ],
)
def test_what_cannot_be_built_is_a_settings_error(kind: str, options: dict[str, str], code: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build(kind, options, contact="a@example.org")
    assert caught.value.code == code
