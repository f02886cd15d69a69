"""``trace``: writes a synthetic trace, for the replay."""

from __future__ import annotations

from pathlib import Path

import click

KINDS = ("calibrated", "shifting")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same trace for the same seed."
)
@click.option("--days", type=click.FloatRange(min=1), default=60, show_default=True, help="How long.")
@click.option(
    "--datasets", type=click.IntRange(min=50), default=6000, show_default=True, help="Half are there at the start."
)
@click.option("--reads", type=click.IntRange(min=50), help="About so many; ten a dataset if unsaid.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    required=True,
    help="gzip if it ends in .gz.",
)
def trace(kind: str, seed: int, days: float, datasets: int, reads: int | None, output: Path) -> None:
    """Write a synthetic trace: JSON lines in the form of Rucio's traces.

    `calibrated` has the sites and sizes of LHCb's grid, the popularity of CERN EOS and the ages at access of ATLAS;
    what people search, and why, is assumed. `shifting` has other assumptions: searches that say nothing of the reads,
    interests that jump, a burst where a transient was seen.

    \b
      asterism placement trace calibrated --seed 1 --output trace.jsonl.gz
    """
    from placement.traces import calibrated, shifting
    from placement.traces.writer import write

    if reads and reads > 10 * datasets:
        raise click.BadParameter("at most ten reads a dataset: more are not as EOS's popularity", param_hint="--reads")
    events = {"calibrated": calibrated, "shifting": shifting}[kind].events(seed, days, datasets, reads)
    try:
        click.echo(f"{write(events, output)} events in {output}")
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error
