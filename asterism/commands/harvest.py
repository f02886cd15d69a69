"""``harvest``: fetch what is new from the sources, each on its own, and say what came."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asterism.settings import SourceSettings, load
from schemas.errors import AsterismError, SettingsError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.factory import Factory
    from asterism.output import Progress
    from harvesters.runner import Progress as Step
    from harvesters.runner import RunResult

_COUNTS = ("fetched", "new", "changed", "deleted", "quarantined")


@click.command()
@click.argument("names", nargs=-1, metavar="[SOURCE]...")
@click.option("--full", is_flag=True, help="Fetch everything again, not only what changed since the last harvest.")
@click.pass_obj
def harvest(config: Path | None, names: tuple[str, ...], full: bool) -> None:
    """Harvest the named sources, or all of them.

    A source that fails does not stop the others; the exit code is then 1. A harvest that was cut short is taken up
    where it stopped. Ends with a table of what was fetched, new, changed, deleted and quarantined, and the seconds,
    once searches see all of it.
    """
    from asterism.factory import Factory
    from asterism.follower import START_AFTER, Follower
    from asterism.output import Progress, table

    settings = load(config)
    try:
        chosen = [settings.source(name) for name in dict.fromkeys(names)] or list(settings.sources)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    if not chosen:
        where = settings.file or "the settings"
        raise SettingsError("no-sources", f"no sources in {where}: add some; sources.example.toml has many")
    progress = Progress()
    results: list[RunResult] = []
    with Factory(settings, create=True) as factory, Follower(settings) as follower:

        def show(step: Step) -> None:
            if step.fetched >= START_AFTER:
                follower.start()
            of = f" of {step.total}" if step.total is not None else ""
            progress(f"{step.source}: {step.stage}, {step.fetched}{of} fetched")

        for source in chosen:
            result = _one(factory, source, full, show)
            results.append(result)
            for said in [result.error, *result.alarms]:
                if said is not None:
                    progress.say(f"{source.name}: {said}")
        progress("indexing")
        factory.indexer.catch_up(factory.store.last_seq())
        planned = settings.lake is None or _plan(factory, settings.lake.source, results, progress)
    progress.close()
    rows = [
        [one.source, *(getattr(one, name) for name in _COUNTS), one.seconds, "failed" if one.error else "ok"]
        for one in results
    ]
    click.echo(table(["source", *_COUNTS, "seconds", "outcome"], rows))
    sys.exit(1 if not planned or any(one.error for one in results) else 0)


def _plan(factory: Factory, lake: str, results: list[RunResult], progress: Progress) -> bool:
    """Take the lake's state if its source has been harvested, and plan; whether that went well.

    What was harvested stands either way, and so do the hints of before.
    """
    harvested = [one for one in results if one.source == lake]
    if any(one.error for one in harvested):
        return True  # that is said already
    try:
        if harvested:
            progress("the state of the lake")
            factory.placement.take(factory.lake_session)
        progress("planning")
        planned = factory.placement.plan()
    except AsterismError as error:
        if error.code == "placement.no-state":  # the lake's turn is yet to come
            return True
        progress.say(f"placement: {error}")
        return False
    for note in planned.notes:
        progress.say(f"placement: {note}")
    progress.say(f"placement: {len(planned.hints)} hints; see them with: asterism hints")
    return True


def _one(factory: Factory, source: SourceSettings, full: bool, show: Callable[[Step], None]) -> RunResult:
    """Harvest one source; whatever goes wrong with it is in the result, so that the next one has its turn."""
    from harvesters.runner import RunResult
    from harvesters.runner import harvest as run

    started = time.monotonic()
    error: AsterismError
    try:
        options = source.resolved()
        return run(
            factory.store,
            source.name,
            source.kind,
            factory.harvester(source, options),
            full=full,
            map_options=factory.map_options(source),
            endpoint=factory.endpoint(options),
            scope=factory.scope(options),
            progress=show,
        )
    except AsterismError as raised:
        error = raised
    except Exception as raised:  # a fault of ours in one source is not the others' either
        error = SourceError("unexpected", f"a fault in Asterism, please report it: {type(raised).__name__}: {raised}")
        error.__cause__ = raised
    mode = "full" if full else "incremental"
    return RunResult(source.name, mode, seconds=time.monotonic() - started, error=error)
