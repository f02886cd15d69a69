"""``placement replay``: what placement would have done on a trace."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from placement.replay.report import Row

CAPACITIES = "1,5,10,25,50"
GENERATORS = ("calibrated", "shifting")


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option("--capacities", default=CAPACITIES, show_default=True, metavar="PERCENT,...",
              help="What the disks hold of all data, in percent.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 100), default=5, show_default=True,
              help="How many traces to make, where TRACE is calibrated or shifting.")  # fmt: skip
@click.option("--strategies", metavar="NAME,...", help="Which strategies, and bound; all if unsaid.")
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", show_default=True,
              help="How to print the report.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the report there.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Traces at a time.")
@click.pass_context
def replay(
    ctx: click.Context,
    traces: tuple[str, ...],
    capacities: str,
    seeds: int,
    strategies: str | None,
    form: str,
    output: Path | None,
    jobs: int,
) -> None:
    """Replay traces, with each strategy of placement in the place of ours.

    TRACE is a file of Rucio's traces (JSON lines, plain or .gz); several are taken as several draws of the same. Or
    it is calibrated or shifting: then synthetic traces are made of the seeds 1 to --seeds.

    \b
      asterism placement replay traces.jsonl.gz --capacities 10
      asterism placement replay calibrated --seeds 5 --jobs 2 --format json --output report.json
    """
    from placement.replay import report

    names = _names(strategies, (*report.STRATEGIES, report.BOUND))
    percents = _percents(capacities)
    with tempfile.TemporaryDirectory(prefix="asterism-traces-") as folder:
        paths = [path for one in traces for path in _files(ctx, one, seeds, Path(folder))]
        rows = report.run(paths, percents, names, jobs)
    text = _as_json(report.document(rows)) if form == "json" else _as_table(*report.table_rows(rows), rows)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    else:
        click.echo(text)


def _files(ctx: click.Context, trace: str, seeds: int, folder: Path) -> list[Path]:
    if trace not in GENERATORS:
        if not Path(trace).is_file():
            raise click.UsageError(f"no file {trace!r}; synthetic traces are {' and '.join(GENERATORS)}")
        return [Path(trace)]
    from asterism.commands.trace import trace as make

    made = [folder / f"{trace}-{seed}.jsonl" for seed in range(1, seeds + 1)]
    for seed, path in enumerate(made, 1):
        ctx.invoke(make, kind=trace, seed=seed, output=path)
    return made


def _names(asked: str | None, known: Sequence[str]) -> list[str]:
    names = [name.strip() for name in asked.split(",")] if asked else list(known)
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no strategy {name!r}; there is {', '.join(known)}", param_hint="--strategies")
    return names


def _percents(asked: str) -> list[float]:
    try:
        percents = [float(one) for one in asked.split(",")]
    except ValueError:
        percents = [0.0]
    if not all(0 < one <= 1000 for one in percents):
        raise click.BadParameter(f"give percentages above 0 with commas, as {CAPACITIES}", param_hint="--capacities")
    return percents


def _as_json(document: object) -> str:
    import orjson

    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _as_table(header: list[str], lines: list[list[str]], rows: Sequence[Row]) -> str:
    from asterism.output import table, terminal_width
    from placement.replay import report

    compared = report.comparison_lines(rows)
    note = "bytes*: of reads that no custodial copy at the reader's site serves; cold: of a dataset never read before"
    return "\n".join([table(header, lines, width=terminal_width()), "", note, *compared])
