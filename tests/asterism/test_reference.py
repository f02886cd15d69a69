"""The command line's reference page, and that its every promise is kept by a command."""

from __future__ import annotations

from pathlib import Path

from asterism import reference
from asterism.cli import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "command-line.md"
PROMISED = [
    "init",
    "sources",
    "harvest",
    "search",
    "show",
    "import",
    "export",
    "reindex",
    "remap",
    "serve",
    "token",
    "doctor",
]


def test_the_page_is_the_help() -> None:
    assert PAGE.read_text() == reference.page(), "run: python -m asterism.reference > docs/reference/command-line.md"


def test_every_command_and_option_is_on_the_page() -> None:
    page = PAGE.read_text()
    seen = dict(reference.commands(cli))
    assert [name for name in PROMISED if f"asterism {name}" not in seen] == []
    options = {flag for command in seen.values() for param in command.params for flag in param.opts if flag[0] == "-"}
    assert {"--config", "--full", "--cone", "--facet", "--limit", "--format", "--host", "--source"} <= options
    assert [name for name in seen if f"## {name}\n" not in page] == []
    assert [flag for flag in sorted(options) if flag not in page] == []


def test_every_command_says_what_it_does() -> None:
    assert [name for name, command in reference.commands(cli) if not command.get_short_help_str(80)] == []
