"""The command line's reference page, written from its own help: ``python -m asterism.reference > PAGE``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from asterism.cli import cli

_HEAD = """# Command line

This page is written from the program's own help (`python -m asterism.reference`); a test keeps the two equal.

Exit codes: 0, all went well; 1, something failed, and a sentence with its code (`area.what`) is on standard error;
2, the command was misused, or a search cannot be understood; 130 and 143, stopped by SIGINT (Ctrl-C) and SIGTERM
(`serve`, which ends in no other way, exits 0 then).
Answers go to standard output, progress and messages to standard error.
"""
_WIDTH = 100
_FIELDS_HEAD = """### The fields

What each field means, in which unit and frame: the record reference. All take `.exists true|false`.

| FIELD | holds | may be |
|---|---|---|
| `--extra.NAME` | what the source says | compared, counted |"""
_MEANS = {
    "keyword": ("compared", "counted"),
    "number": ("compared", "counted", "sorted by"),
    "date": ("compared", "counted", "sorted by"),
    "interval": ("compared", "sorted by"),
    "text": ("searched with TEXT",),
}


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
        if name == "asterism search":
            parts.append(_fields())
    return "\n".join(parts)


def _fields() -> str:
    """The table of what may stand for FIELD."""
    from schemas.fields import search_fields

    rows = [
        f"| `--{field.name}` | {field.kind} | {', '.join(_MEANS[field.kind])} |" for field in search_fields().values()
    ]
    return "\n".join([_FIELDS_HEAD, *rows, ""])


if __name__ == "__main__":
    click.echo(page(), nl=False)
