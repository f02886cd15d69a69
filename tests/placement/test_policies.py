"""Policies of the store: versions, files, and who wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.store import Store
from placement.policies import add, history, in_force, named, read_file, remove
from schemas.errors import PolicyError
from schemas.policy import Policy, read_policy

GC = Policy("galactic-centre", "cone=266.4,-29,5", "country=ZA", copies=2, lifetime=90 * 86_400)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create_or_upgrade(f"sqlite:///{tmp_path}/asterism.db")


def test_a_policy_is_in_force_until_it_is_removed(store: Store) -> None:
    with store:
        assert add(store, GC) == replace(GC, version=1)
        assert in_force(store) == [replace(GC, version=1)]
        assert named(in_force(store), GC.name).copies == 2
        remove(store, GC.name)
        assert in_force(store) == []
        with pytest.raises(PolicyError, match="no policy") as raised:
            remove(store, GC.name)
        assert raised.value.code == "policy.unknown"


def test_every_version_is_kept_and_the_same_again_is_none(store: Store) -> None:
    with store:
        add(store, GC)
        add(store, GC)
        add(store, replace(GC, copies=3))
        remove(store, GC.name)
        assert add(store, GC).version == 3  # back in force, as a version of its own
        versions = history(store, GC.name)
    assert [(one.policy.version, one.policy.copies, one.removed_at is None) for one in versions] == [
        (1, 2, True),
        (2, 3, False),
        (3, 2, True),
    ]


def test_the_settings_file_and_the_store_do_not_share_a_name(store: Store) -> None:
    with store:
        other = replace(GC, name="other")
        add(store, other)
        assert [one.name for one in in_force(store, [GC])] == ["galactic-centre", "other"]
        with pytest.raises(PolicyError) as raised:
            add(store, GC, [GC])
        assert raised.value.code == "policy.duplicate"
        with pytest.raises(PolicyError) as raised:
            in_force(store, [other])
        assert raised.value.code == "policy.duplicate"
        with pytest.raises(PolicyError) as raised:
            remove(store, GC.name, [GC])
        assert raised.value.code == "policy.in-settings"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("one.toml", 'name = "a"\nquery = "kind=dataset"\nrse_expression = "*"\nlifetime = "1w"\n'),
        ("list.toml", '[[policies]]\nname = "a"\nquery = "kind=dataset"\nrse_expression = "*"\nlifetime = "7d"\n'),
        ("one.json", '{"name": "a", "query": "kind=dataset", "rse_expression": "*", "lifetime": "168h"}'),
        ("list.json", '[{"name": "a", "query": "kind=dataset", "rse_expression": "*", "lifetime": "604800s"}]'),
    ],
)
def test_files_say_the_same_in_every_form(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_file(tmp_path / name) == [Policy("a", "kind=dataset", "*", lifetime=7 * 86_400)]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("x.toml", "name = ", "policy.unreadable"),
        ("x.json", "[1]", "policy.unreadable"),
        ("x.json", "[]", "policy.unreadable"),
        ("x.json", '{"name": "a"}', "policy.missing-key"),
        ("x.json", '{"name": "a", "query": "k=1", "rse_expression": "*", "copies": 21}', "policy.bad-value"),
        ("x.json", '{"name": "a", "query": "k=1", "rse_expression": "*", "copy": 2}', "policy.unknown-key"),
        ("x.json", '[{"name": "a", "query": "k=1", "rse_expression": "*"}, '
                   '{"name": "a", "query": "k=2", "rse_expression": "*"}]', "policy.duplicate"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_what_is_wrong(tmp_path: Path, name: str, text: str, code: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PolicyError) as raised:
        read_file(tmp_path / name)
    assert raised.value.code == code


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        read_file(tmp_path / "absent.toml")


def test_a_document_is_what_it_was_read_from() -> None:
    full = replace(GC, activity="Express", priority=5, version=4)
    assert read_policy(full.document(), "it", 4) == full
    assert GC.saved_query is None and replace(GC, query="crab").saved_query == "crab"
