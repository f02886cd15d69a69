"""``import`` and ``export``: records in and out as JSON lines."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from asterism.settings import load

if TYPE_CHECKING:
    from catalog.importer import ImportProgress


@click.command("import")
@click.argument("file", type=click.File("rb"), metavar="FILE.jsonl")
@click.option(
    "--source", metavar="NAME", help="Whose records these are; else what each record says in `source`, or `import`."
)
@click.pass_obj
def import_(config: Path | None, file: BinaryIO, source: str | None) -> None:
    """Import records, one JSON object a line.

    The records are of our own schema; '-' reads standard input. A record's id comes from its source and its first
    identifier, so importing it again updates it. A line that is no record goes to quarantine with its reason, and
    the others are imported. Returns once searches see them.
    """
    from asterism.factory import Factory
    from asterism.follower import START_AFTER, Follower
    from asterism.output import Progress, table
    from catalog.importer import import_lines, read_lines

    settings = load(config)
    progress = Progress()
    start = time.monotonic()
    with Factory(settings, create=True) as factory, Follower(settings) as follower:

        def show(done: ImportProgress) -> None:
            if done.lines >= START_AFTER:
                follower.start()
            progress(f"{done.lines} lines, {done.lines / (time.monotonic() - start):.0f} a second")

        read_from = getattr(file, "name", "<stdin>")
        name = None if read_from == "<stdin>" else click.format_filename(Path(read_from).name)
        done = import_lines(factory.store, read_lines(file), source, name=name, on_batch=show)
        factory.indexer.catch_up(done.last_seq)
    progress.close()
    tally = done.tally
    header = ["lines", "new", "changed", "unchanged", "quarantined", "seconds"]
    row = [done.lines, tally.new, tally.changed, tally.unchanged, tally.quarantined, time.monotonic() - start]
    click.echo(table(header, [row]))
    if tally.quarantined:
        click.echo(f"{tally.quarantined} lines are no records; `asterism doctor` shows why", err=True)


@click.command()
@click.option("--source", metavar="NAME", help="Only that source's records.")
@click.pass_obj
def export(config: Path | None, source: str | None) -> None:
    """Print all records, one JSON object a line.

    In the order of their ids, restricted records too; `import` reads them back.
    """
    from asterism.factory import Factory
    from catalog.exporter import export_lines

    with Factory(load(config)) as factory:
        for line in export_lines(factory.store, source):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
