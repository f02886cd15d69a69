"""What the documentation tells people to type is understood: commands, settings, crosswalks, Python, JSON."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from asterism.cli import cli
from asterism.commands.asking import PAIRS
from asterism.settings import KEYS, SOURCE_KEYS
from harvesters.registry import OPTIONS
from mappings.crosswalk import parse as parse_crosswalk
from schemas.errors import AsterismError, QueryError
from schemas.query import parse
from tests.conftest import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SHELL = ("", "sh", "console")
# after a prompt, variables and a path; up to a comment, a pipe, a redirection or the next command
_COMMAND = re.compile(r"(?:^|&&\s*|;\s*)(?:\$ )?(?:[A-Z_]+=\S* )*(?:[\w./]*/)?asterism(?=\s)((?:\s+(?![#|>&;])\S+)+)")


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    """(page, code) of the fenced blocks in these languages."""
    for page in PAGES:
        for language, code in _FENCE.findall(page.read_text(encoding="utf-8")):
            if language in languages:
                yield str(page.relative_to(ROOT)), code


def commands(code: str) -> list[str]:
    return [found.strip() for line in code.splitlines() for found in _COMMAND.findall(line.strip())]


COMMANDS = [(page, line) for page, code in blocks(*_SHELL) for line in commands(code)]


def wrong(line: str) -> str | None:
    """What the command line would say to it, without running it."""
    words = shlex.split(line)
    while words[:1] == ["--config"]:
        words = words[2:]
    command: click.Command = cli
    # click keeps a command's help option as the first context wanted it
    context = click.Context(cli, info_name="asterism", help_option_names=["-h", "--help"])
    try:
        while isinstance(command, click.Group) and not _by_itself(command, words):
            _, found, words = command.resolve_command(context, words)
            assert found is not None
            command = found
        made = command.make_context(command.name, words, parent=context)
        facets = [("facets", name) for name in made.params.get("facets", ())]
        pairs = [pair for pair in made.meta.get(PAIRS, ()) if pair[0] != "moc"]  # the name of a file there
        parse([*pairs, *facets, ("q", " ".join(made.params.get("text", ())))], lambda name: (0.0, 0.0))
    except QueryError as error:
        return error.detail
    except click.UsageError as error:
        said = error.format_message()
        return None if re.search(r"does not exist|No such file", said) else said
    return None


def _by_itself(group: click.Group, words: list[str]) -> bool:
    """Whether it is the group that is called, with options of its own, and none of its commands."""
    return group.invoke_without_command and (not words or words[0].startswith("-"))


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line}" for page, line in COMMANDS])
def test_every_command_is_understood(page: str, line: str) -> None:
    assert wrong(line) is None


def test_the_commands_are_found_and_a_wrong_one_is_seen() -> None:
    assert len(COMMANDS) > 30
    assert {"init", "harvest", "search", "serve", "doctor", "remap"} <= {line.split()[0] for _, line in COMMANDS}
    code = "$ X=1 ./asterism search --cone 1,2,3 | head   # all\nasterism init && asterism harvst\ncat asterism.toml\n"
    assert commands(code) == ["search --cone 1,2,3", "init", "harvst"]
    assert [wrong(line) is None for line in commands(code)] == [True, True, False]
    assert wrong("remap --everything") and wrong("search --facilites HESS")


TABLES = list(blocks("toml"))


@pytest.mark.parametrize(("page", "code"), TABLES, ids=[f"{page}-{n}" for n, (page, _) in enumerate(TABLES)])
def test_every_setting_and_every_rule_is_one(page: str, code: str) -> None:
    table = tomllib.loads(code)
    if "rules" in table:
        parse_crosswalk(table)
        return
    assert set(table) <= set(KEYS)
    for source in table.get("sources", []):
        assert set(source) <= {*SOURCE_KEYS, *OPTIONS[source["kind"]]}


def test_there_are_settings_of_every_kind_and_a_wrong_rule_would_be_seen() -> None:
    kinds = {source["kind"] for _, code in TABLES for source in tomllib.loads(code).get("sources", [])}
    assert kinds == set(OPTIONS)
    assert any("[[rules]]" in code for _, code in TABLES)
    with pytest.raises(AsterismError):
        parse_crosswalk({"rules": [{"key": "a", "field": "nonsense"}]})


PROGRAMS = [*blocks("python"), *blocks("json")]


@pytest.mark.parametrize(("page", "code"), PROGRAMS, ids=[f"{page}-{n}" for n, (page, _) in enumerate(PROGRAMS)])
def test_every_program_and_document_can_be_read(page: str, code: str) -> None:
    if code.lstrip().startswith(("{", "[")):
        json.loads(code)
    else:
        compile(code, page, "exec")


def test_there_are_programs() -> None:
    assert len(PROGRAMS) > 5 and all(Path(ROOT / page).exists() for page, _ in PROGRAMS)
