"""``reindex``, ``remap`` and ``doctor``: making things right again."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asterism.settings import load

if TYPE_CHECKING:
    from asterism.factory import Factory


@click.command()
@click.pass_obj
def reindex(config: Path | None) -> None:
    """Build the search index anew.

    Searches meanwhile see the old one.
    """
    from asterism.factory import Factory
    from asterism.output import Progress

    progress = Progress()
    started = time.monotonic()
    with Factory(load(config)) as factory:
        last = factory.store.last_seq()
        factory.indexer.rebuild(lambda applied: progress(f"change {applied} of {last}"))
        progress.close()
        click.echo(f"{factory.engine.count()} records indexed in {time.monotonic() - started:.1f} s")


@click.command()
@click.argument("names", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--all", "force", is_flag=True, help="Also what this version has mapped already: after a crosswalk changed."
)
@click.pass_obj
def remap(config: Path | None, names: tuple[str, ...], force: bool) -> None:
    """Apply newer mappings to the documents kept.

    Every raw document that an older version's mapping has read is mapped again, and those in quarantine are tried
    again. Nothing is fetched.
    """
    from asterism.factory import Factory
    from asterism.follower import START_AFTER, Follower
    from asterism.output import Progress, table

    settings = load(config)
    progress = Progress()
    started = time.monotonic()
    with Factory(settings) as factory, Follower(settings) as follower:
        from catalog.remap import RemapProgress
        from catalog.remap import remap as run

        def show(done: RemapProgress) -> None:
            if done.documents >= START_AFTER:
                follower.start()
            progress(f"{done.documents} documents mapped")

        options = {source.name: factory.map_options(source) for source in settings.sources}
        done = run(factory.store, options, sources=_known(factory, names), force=force, on_batch=show)
        factory.indexer.catch_up(done.last_seq)
    progress.close()
    tally = done.tally
    header = ["documents", "new", "changed", "unchanged", "deleted", "quarantined", "seconds"]
    counts = [tally.new, tally.changed, tally.unchanged, tally.deleted, tally.quarantined]
    click.echo(table(header, [[done.documents, *counts, time.monotonic() - started]]))


def _known(factory: Factory, names: tuple[str, ...]) -> list[str] | None:
    """The names that were given, each of which the store has met; None for no names: all of them."""
    met = [state.name for state in factory.store.sources()]
    for name in names:
        if name not in met:
            raise click.UsageError(f"no source {name!r} in the store; it has {', '.join(met) or 'none yet'}")
    return list(names) or None


@click.command()
@click.pass_obj
def doctor(config: Path | None) -> None:
    """Look for what is wrong here.

    Each finding says what to do about it. `note` is for what you may want to know; with a `wrong` the exit code is 1.
    """
    from asterism.doctor import examine
    from asterism.output import plain

    wrong = False
    for finding in examine(config):
        click.echo(f"{finding.level:<6}{plain(finding.about)}: {plain(finding.text)}")
        wrong = wrong or finding.level == "wrong"
    sys.exit(1 if wrong else 0)
