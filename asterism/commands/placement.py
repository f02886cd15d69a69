"""``placement``: the lake, the forecast's model, what is kept of demand, and strategies judged on traces."""

from __future__ import annotations

from pathlib import Path

import click

from asterism.commands import replay, trace
from asterism.settings import load


@click.group()
def placement() -> None:
    """Look at what placement knows, train its forecast, and judge it on traces."""


@placement.command()
@click.pass_obj
def lake(config: Path | None) -> None:
    """Show the lake's RSEs as they were at its last harvest: their room, what our account may lock, how old that is."""
    from asterism.factory import Factory
    from asterism.output import table, terminal_width
    from schemas.amounts import written_size

    def size(amount: int | None, unknown: str = "not known") -> str:
        return unknown if amount is None else written_size(amount)

    with Factory(load(config)) as factory:
        state = factory.placement.state()
    rows = [
        [
            one["rse"], one["rse_type"], one["site"], size(one["total"]), size(one["free"]), size(one["min_free"]),
            size(one["account_left"], "no limit"), "yes" if one["writable"] else "no", one["measured_at"] or "never",
        ]
        for one in state["rses"]
    ]  # fmt: skip
    heads = ["rse", "type", "site", "total", "free", "kept free", "account left", "writable", "measured"]
    click.echo(table(heads, rows, width=terminal_width()))
    click.echo(f"{len(rows)} RSEs of {state['source']}, as of {state['taken_at']}; rules are {state['account']}'s")
    for note in state["notes"]:
        click.echo(f"asterism: {note}", err=True)


@placement.command()
@click.pass_obj
def train(config: Path | None) -> None:
    """Train the forecast on what was asked for and read since the first plannings.

    Prints how well it foretells, beside a dataset's own history alone and beside a constant, on plannings that it was
    not trained on.
    """
    from asterism.factory import Factory

    with Factory(load(config)) as factory:
        for line in factory.placement.train():
            click.echo(line)


@placement.command()
@click.option("--yes", is_flag=True, help="Do it; there is no way back.")
@click.pass_obj
def forget(config: Path | None, yes: bool) -> None:
    """Erase what is kept of what people look for."""
    from asterism.factory import Factory
    from placement.demand_store import forget as erase

    if not yes:
        raise click.UsageError("this erases all that is kept of what people look for; say --yes")
    with Factory(load(config)) as factory:
        click.echo(f"forgotten: {erase(factory.store)} sums")


placement.add_command(replay.replay)
placement.add_command(trace.trace)
