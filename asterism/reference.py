"""The command line's reference page, written from its own help: ``python -m asterism.reference > PAGE``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from asterism.cli import cli

_HEAD = """# Command line

This page is written from the program's own help (`python -m asterism.reference`); a test keeps the two equal.

Exit codes: 0, all went well; 1, something failed, and a sentence with its code (`area.what`) is on standard error;
2, the command was misused, or a search cannot be understood; 130 and 143, stopped by SIGINT (Ctrl-C) and SIGTERM.
Answers go to standard output, progress and messages to standard error.
"""
_WIDTH = 100


def commands(group: click.Group, name: str = "asterism") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name: the group itself, then each command and the commands under it."""
    yield name, group
    for sub in group.list_commands(click.Context(group)):
        command = group.commands[sub]
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {sub}")
        else:
            yield f"{name} {sub}", command


def page() -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for name, command in commands(cli):
        context = click.Context(
            command, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH, help_option_names=["-h", "--help"]
        )
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    click.echo(page(), nl=False)
