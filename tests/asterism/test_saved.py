"""Saved searches on the command line, and what a watch shows: never less than all that is new, at most some twice."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from asterism.cli import cli
from asterism.commands import saved as commands
from asterism.factory import Factory
from asterism.settings import load
from catalog import saved
from tests.asterism.conftest import CRAB, Run


def more(run: Run, *names: str, title: str = "Crab") -> None:
    lines = [
        json.dumps({"identifiers": [{"scheme": "doi", "value": f"10.5072/{name}"}], "kind": "dataset", "title": title})
        for name in names
    ]
    result = run("import", "--source", "more", "-", text="\n".join(lines))
    assert result.exit_code == 0, result.output


def watched(run: Run, *options: str, name: str = "crab") -> list[str]:
    """The identifiers that a watch shows."""
    result = run("watch", name, "--format", "jsonl", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line)["identifiers"][0]["value"] for line in result.stdout.splitlines()]


@pytest.fixture
def crab(filled: Run) -> Run:
    """Three records, one of them restricted, and the saved search ``crab``."""
    assert filled("saved", "add", "crab", "q=crab").exit_code == 0
    return filled


def test_add_list_show_replace_remove(crab: Run) -> None:
    assert crab("saved", "add", "big", "bytes.gte=1e3", "facilities=H.E.S.S.", "facilities=A=B").exit_code == 0
    assert crab("saved", "show", "big").stdout.splitlines() == [
        "bytes.gte=1e3",
        "facilities=H.E.S.S.",
        "facilities=A=B",
    ]
    listed = crab("saved", "list").stdout
    assert listed.index("big") < listed.index("crab") and "q=crab" in listed
    taken = crab("saved", "add", "crab", "q=vela")
    assert taken.exit_code == 2 and "query.saved-query-exists" in taken.stderr
    assert crab("saved", "show", "crab").stdout == "q=crab\n"
    assert crab("saved", "add", "crab", "--replace", "q=vela").stdout == "replaced crab\n"
    assert crab("saved", "show", "crab").stdout == "q=vela\n"
    assert crab("saved", "remove", "crab").exit_code == 0
    for command in (("saved", "show"), ("saved", "remove"), ("watch",)):
        gone = crab(*command, "crab")
        assert gone.exit_code == 2 and "query.no-saved-query" in gone.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Crab", "q=x"), "query.bad-name"),
        (("x", "crab"), "PARAM=VALUE"),
        (("x", "=crab"), "PARAM=VALUE"),
        (("x",), "Missing argument"),
        (("x", "colour=red"), "query.unknown-field"),
        (("x", "q=a", "limit=-1"), "query.bad-value"),
        (("x", "q=a", "cursor=1"), "query.not-saved"),
    ],
)
def test_what_cannot_be_saved(filled: Run, arguments: tuple[str, ...], said: str) -> None:
    result = filled("saved", "add", *arguments)
    assert result.exit_code == 2 and said in result.stderr
    assert "x" not in filled("saved", "list").stdout


def test_the_first_watch_shows_all_and_the_next_what_is_new_or_changed(crab: Run) -> None:
    assert watched(crab) == ["10.5072/a1"]
    assert watched(crab) == []
    more(crab, "b", "c")
    more(crab, "d", title="Vela")
    assert watched(crab, "--peek") == ["10.5072/b", "10.5072/c"]
    assert watched(crab) == ["10.5072/b", "10.5072/c"]
    assert watched(crab) == []
    more(crab, "b", title="Crab again")  # changed
    more(crab, "c")  # as it was
    more(crab, "d", title="Crab at last")  # matches now
    assert watched(crab) == ["10.5072/b", "10.5072/d"]


def test_each_search_is_watched_for_itself_and_anew_when_replaced(crab: Run) -> None:
    crab("saved", "add", "vela", "q=vela")
    assert watched(crab) == ["10.5072/a1"]
    assert watched(crab, name="vela") == ["scope:vela"]
    crab("saved", "add", "crab", "--replace", "q=crab")  # the same
    assert watched(crab) == []
    crab("saved", "add", "crab", "--replace", "bytes.gte=1")
    assert watched(crab) == ["10.5072/a1", "scope:vela"]


def test_more_than_a_page_and_whatever_the_search_says_of_pages(crab: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterism.commands.saved._PAGE", 3)
    crab("saved", "add", "few", "q=crab", "limit=0", "sort=-bytes", "facets=kind")
    more(crab, *"bcdefgh")
    assert watched(crab, name="few") == ["10.5072/a1", *(f"10.5072/{name}" for name in "bcdefgh")]


def test_a_table_for_people(crab: Run) -> None:
    crab("saved", "add", "vela", "q=vela")
    out = crab("watch", "vela").stdout
    assert "Vela" in out and "\x1b" not in out
    assert out.endswith("1 new or changed in all\n")
    assert crab("watch", "vela").stdout == "0 new or changed since it was watched last\n"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit, OSError])
def test_a_kill_between_printing_and_keeping_loses_nothing(
    crab: Run, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    def killed(*_: Any) -> None:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr("catalog.saved.keep_seen", killed)
        first = crab("watch", "crab", "--format", "jsonl")
    assert "10.5072/a1" in first.stdout
    assert watched(crab) == ["10.5072/a1"]
    assert watched(crab) == []


def test_a_kill_while_printing_loses_nothing(crab: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(records: list[Any]) -> int:
        raise BrokenPipeError

    with monkeypatch.context() as patch:
        patch.setitem(commands._PRINT, "jsonl", broken)
        crab("watch", "crab", "--format", "jsonl")
    assert watched(crab) == ["10.5072/a1"]


def test_what_comes_in_while_a_watch_prints_is_shown_by_it_or_the_next(
    crab: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = commands._PRINT["jsonl"]
    came = False

    def slowly(records: list[Any]) -> int:
        nonlocal came
        if not came:
            came = True
            more(crab, "late")
        return real(records)

    with monkeypatch.context() as patch:
        patch.setitem(commands._PRINT, "jsonl", slowly)
        first = watched(crab)
    assert {*first, *watched(crab)} == {"10.5072/a1", "10.5072/late"}
    assert watched(crab) == []


def test_two_watches_at_once_each_show_all_and_keep_the_later(crab: Run, config: Path) -> None:
    """The first one to begin is the last one to keep, when more has come in and has been shown."""
    with Factory(load(config)) as factory:
        slow = saved.get(factory.store, "crab")
        upto = factory.engine.applied()
        more(crab, "b")
        assert watched(crab) == ["10.5072/a1", "10.5072/b"]
        after = saved.get(factory.store, "crab").seen
        saved.keep_seen(factory.store, slow, upto)
        assert saved.get(factory.store, "crab").seen == after > upto > 0
    assert watched(crab) == []


def test_a_watch_of_what_was_replaced_meanwhile_keeps_nothing(crab: Run, config: Path) -> None:
    with Factory(load(config)) as factory:
        old = saved.get(factory.store, "crab")
        saved.put(factory.store, "crab", [("q", "vela")])
        saved.keep_seen(factory.store, old, factory.engine.applied())
        assert saved.get(factory.store, "crab").seen == 0
    assert watched(crab) == ["scope:vela"]


def test_many_watches_while_records_come_in_show_each_at_least_once(crab: Run, config: Path) -> None:
    shown: list[str] = []
    done = threading.Event()

    def watching() -> None:
        while not done.is_set():
            shown.extend(_watch(config))

    threads = [threading.Thread(target=watching) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(6):
        with Factory(load(config)) as factory:
            line = CRAB | {"identifiers": [{"scheme": "doi", "value": f"10.5072/n{n}"}]}
            factory.catalogue.import_lines([json.dumps(line).encode()], "more")
    done.set()
    for thread in threads:
        thread.join()
    shown += _watch(config)
    assert set(shown) == {"10.5072/a1", *(f"10.5072/n{n}" for n in range(6))}
    assert _watch(config) == []


def _watch(config: Path) -> list[str]:
    """As the command does, without its standard output, which threads would share."""
    with Factory(load(config)) as factory:
        found: list[str] = []
        for records in commands._new(factory, "crab"):
            found += [record["identifiers"][0]["value"] for record in records]
        return found


def test_a_search_that_is_not_understood_any_more(crab: Run, config: Path) -> None:
    with Factory(load(config)) as factory, factory.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE saved SET query = 'colour=red'")
    result = crab("watch", "crab")
    assert result.exit_code == 2
    assert "query.broken-saved-query" in result.stderr and "colour" in result.stderr
    assert crab("saved", "show", "crab").stdout == "colour=red\n"


def test_without_a_store_there_is_a_sentence(config: Path) -> None:
    result = CliRunner().invoke(cli, ["--config", str(config), "saved", "list"])
    assert result.exit_code == 1 and "asterism init" in result.stderr
