"""The command line: one group, its commands in ``asterism/commands/``, and what each failure exits with.

0: all went well; 1: something failed, the sentence and its code are on stderr; 2: the command was misused
(:class:`~schemas.errors.QueryError` too, as a search is its options); 130 and 143: stopped by SIGINT and SIGTERM.
Only light modules are imported before a command runs, so that ``asterism --help`` answers at once.
"""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import IO, Any

import click

from asterism.commands import (
    harvest,
    hints,
    hints_apply,
    index,
    placement,
    policies,
    saved,
    search,
    serve,
    setup,
    tokens,
    transfer,
)
from schemas.errors import AsterismError, QueryError

EXIT_MISUSED = 2  # as click itself


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised where SIGINT would be, so that transactions roll back and leases are given up alike."""


class Failure(click.ClickException):
    """An :class:`AsterismError` on its way out."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"asterism: {self.message}", file=file, err=file is None)


class Misuse(Failure):
    """A query that cannot be understood: it was typed on this very line."""

    exit_code = EXIT_MISUSED


class Commands(click.Group):
    """The group; translates what commands raise into what the shell sees."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of a first day, not of the alphabet

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AsterismError as error:
            raise (Misuse if isinstance(error, QueryError) else Failure)(str(error)) from error
        except Terminated:
            ctx.exit(128 + signal.SIGTERM)
        except KeyboardInterrupt:
            click.echo("asterism: stopped", err=True)
            ctx.exit(128 + signal.SIGINT)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The settings file; else ASTERISM_CONFIG, else ./asterism.toml.",
)
@click.version_option(package_name="asterism", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """One catalogue over the Virtual Observatory, Rucio data lakes and InvenioRDM repositories."""
    ctx.obj = config


for command in (
    setup.init,
    setup.sources,
    harvest.harvest,
    search.search,
    search.coverage,
    search.show,
    saved.saved,
    saved.watch,
    policies.policy,
    hints.hints,
    placement.placement,
    transfer.import_,
    transfer.export,
    index.reindex,
    index.remap,
    serve.serve,
    tokens.token,
    index.doctor,
):
    cli.add_command(command)
hints.hints.add_command(hints_apply.apply)
hints.hints.add_command(hints_apply.export)


def main() -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    cli(prog_name="asterism")


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
