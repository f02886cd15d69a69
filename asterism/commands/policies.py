"""``policy``: which data, where, how many copies; kept in versions beside those of the settings file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asterism.settings import load

if TYPE_CHECKING:
    from schemas.policy import Policy


@click.group()
def policy() -> None:
    """Policies of placement: a query, an RSE expression, and how many copies.

    Those of the settings file ([[policies]]) and those that are added here are in force alike.
    """


@policy.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.pass_obj
def add(config: Path | None, file: Path) -> None:
    """Add the policies of a TOML or JSON FILE, or new versions of them.

    All of the file is checked first: the query and the RSE expression among it.
    """
    from asterism.factory import Factory
    from placement import policies

    settings = load(config)
    found = policies.read_file(file)
    with Factory(settings) as factory:
        for one in found:
            policies.check_name(one, settings.policies)
            factory.placement.validate(one)
        for one in found:
            made = policies.add(factory.store, one, settings.policies)
            click.echo(f"{made.name}: version {made.version}")


@policy.command("list")
@click.pass_obj
def list_(config: Path | None) -> None:
    """List the policies in force."""
    from asterism.factory import Factory
    from asterism.output import table, terminal_width
    from placement.policies import in_force

    settings = load(config)
    with Factory(settings) as factory:
        rows = [
            [one.name, one.version or "settings", one.priority, one.copies, _life(one), one.rse_expression, one.query]
            for one in in_force(factory.store, settings.policies)
        ]
    heads = ["name", "version", "priority", "copies", "lifetime", "rse_expression", "query"]
    click.echo(table(heads, rows, width=terminal_width()))


@policy.command()
@click.argument("name")
@click.option("--history", is_flag=True, help="All versions that it had.")
@click.pass_obj
def show(config: Path | None, name: str, history: bool) -> None:
    """Print a policy as JSON, one line a version."""
    import orjson

    from asterism.factory import Factory
    from placement import policies

    settings = load(config)
    with Factory(settings) as factory:
        if history:
            versions = policies.history(factory.store, name)
            if not versions:  # one of the settings file has no history, any other is not known
                policies.named(policies.in_force(factory.store, settings.policies), name)
            for one in versions:
                kept = {"version": one.policy.version, "created_at": one.created_at, "removed_at": one.removed_at}
                click.echo(orjson.dumps(one.policy.document() | kept))
        else:
            found = policies.named(policies.in_force(factory.store, settings.policies), name)
            click.echo(orjson.dumps(found.document() | {"version": found.version}))


@policy.command()
@click.argument("name")
@click.pass_obj
def remove(config: Path | None, name: str) -> None:
    """Take a policy out of force.

    Its rules end when their lifetime does, or when a hint releases them.
    """
    from asterism.factory import Factory
    from placement import policies

    settings = load(config)
    with Factory(settings) as factory:
        policies.remove(factory.store, name, settings.policies)
    click.echo(f"removed {name}")


@policy.command()
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@click.pass_obj
def check(config: Path | None, names: tuple[str, ...]) -> None:
    """Say what the policies match now, and what they would cost, in bytes by RSE.

    Of the policies in force, or of those named; FILE is one that is not added yet. Each is taken by itself.
    """
    from asterism.factory import Factory
    from asterism.output import table, terminal_width
    from placement import policies
    from schemas.amounts import written_size
    from schemas.errors import PolicyError

    settings = load(config)
    failed = False
    with Factory(settings) as factory:
        known = policies.in_force(factory.store, settings.policies)
        chosen: list[Policy] = [] if names else known
        for name in names:
            chosen += policies.read_file(Path(name)) if Path(name).is_file() else [policies.named(known, name)]
        if not chosen:
            click.echo("there are no policies; add one with: asterism policy add FILE")
        for one in chosen:
            try:
                found = factory.placement.check(one)
            except PolicyError as error:
                failed = True
                click.echo(f"{one.name}: {error}")
                continue
            failed |= bool(found.short)
            where = ", ".join(found.rses) if len(found.rses) <= 5 else f"{len(found.rses)} RSEs"
            click.echo(
                f"{one.name}: {found.matched} datasets match, {written_size(found.bytes)}; "
                f"{found.satisfied} have {one.copies} on {where}"
            )
            rows = [
                [rse, cost.datasets, cost.extends, written_size(cost.bytes), _free(cost.free)]
                for rse, cost in sorted(found.cost.items())
            ]
            if rows:
                click.echo(table(["rse", "new copies", "held longer", "to move", "free"], rows, width=terminal_width()))
            for text in found.short:
                click.echo(f"  {text}")
    sys.exit(1 if failed else 0)


def _life(one: Policy) -> str:
    return "for ever" if one.lifetime is None else f"{one.lifetime / 86_400:g}d"


def _free(amount: int | None) -> str:
    from schemas.amounts import written_size

    return "not known" if amount is None else written_size(amount)
