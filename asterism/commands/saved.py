"""``saved`` and ``watch``: searches under a name, and what is new in them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asterism.commands.asking import take_up
from asterism.settings import load

if TYPE_CHECKING:
    from asterism.factory import Factory
    from schemas.record import Record

_PAGE = 1000  # records


@click.group()
def saved() -> None:
    """Searches under a name.

    They are answered over HTTP at /api/v1/saved/NAME/search, and what is new in them is told by `asterism watch
    NAME` and the Atom feed /api/v1/saved/NAME/atom.
    """


@saved.command()
@click.argument("name")
@click.argument("parameters", nargs=-1, required=True, metavar="PARAM=VALUE...")
@click.option("--replace", "anew", is_flag=True, help="Also when another search has that name.")
@click.pass_obj
def add(config: Path | None, name: str, parameters: tuple[str, ...], anew: bool) -> None:
    """Save a search as NAME, with the parameters that it has over HTTP.

    \b
      asterism saved add crab cone=M1,1 kind=observation bytes.gte=1e9
      asterism saved add pulsars q="pulsar timing"
    """
    from asterism.factory import Factory
    from catalog.saved import put

    pairs: list[tuple[str, str]] = []
    for one in parameters:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{one!r} is no PARAM=VALUE; words to find are q={one!r}")
        pairs.append((key, value))
    with Factory(load(config)) as factory:
        new = put(factory.store, name, pairs, factory.catalogue.resolve, replace=anew)
    click.echo(f"{'saved' if new else 'replaced'} {name}")


@saved.command("list")
@click.pass_obj
def list_(config: Path | None) -> None:
    """List the saved searches."""
    from asterism.factory import Factory
    from asterism.output import table, terminal_width
    from catalog.saved import listed

    with Factory(load(config)) as factory:
        rows = [[one.name, one.updated_at, one.query] for one in listed(factory.store)]
    click.echo(table(["name", "saved", "query"], rows, width=terminal_width()))


@saved.command()
@click.argument("name")
@click.pass_obj
def show(config: Path | None, name: str) -> None:
    """Print a saved search, one parameter a line."""
    from asterism.factory import Factory
    from asterism.output import plain
    from catalog.saved import get

    with Factory(load(config)) as factory:
        for key, value in get(factory.store, name).parameters:
            click.echo(plain(f"{key}={value}"))


@saved.command()
@click.argument("name")
@click.pass_obj
def remove(config: Path | None, name: str) -> None:
    """Forget a saved search."""
    from asterism.factory import Factory
    from catalog.saved import remove as forget

    with Factory(load(config)) as factory:
        forget(factory.store, name)
    click.echo(f"removed {name}")


@click.command()
@click.argument("name")
@click.option("--format", "form", type=click.Choice(("table", "jsonl")), default="table", show_default=True,
              help="How to print the records.")  # fmt: skip
@click.option("--peek", is_flag=True, help="Do not keep that they have been shown.")
@click.pass_obj
def watch(config: Path | None, name: str, form: str, peek: bool) -> None:
    """Print what is new or changed in a saved search since it was watched last.

    The first time that is all it finds. What has been printed counts as shown only when all of it is out: after a
    kill it is printed again.
    """
    from asterism.factory import Factory
    from catalog import saved as saved_queries

    with Factory(load(config)) as factory:
        take_up(factory)
        before = saved_queries.get(factory.store, name).seen
        total = 0
        for records in _new(factory, name, keep=not peek):
            total += _PRINT[form](records)
            sys.stdout.flush()
    if form == "table":
        click.echo(f"{total} new or changed {'since it was watched last' if before else 'in all'}")


def _new(factory: Factory, name: str, *, keep: bool = True) -> Iterator[list[Record]]:
    """What is new or changed, a page at a time, in the order of the feed; kept as shown once the last page is."""
    from catalog import saved
    from schemas.query import Sort

    watched = saved.get(factory.store, name)
    query = replace(
        watched.parsed((), factory.catalogue.resolve),
        after=watched.seen or None,
        sort=(Sort("changed"),),
        limit=_PAGE,
        facets=(),
        histograms=(),
        density=None,
    )
    # asked before the search: what comes in between is shown now, and once more
    upto = min(factory.engine.applied(), factory.store.last_seq())
    while True:
        answer = factory.catalogue.search(query)
        yield factory.catalogue.records(answer.ids)
        if answer.next is None:
            break
        query = replace(query, cursor=answer.next)
    if keep:
        saved.keep_seen(factory.store, watched, upto)


def _print_jsonl(records: list[Record]) -> int:
    import orjson

    for record in records:
        click.echo(orjson.dumps(record))
    return len(records)


def _print_table(records: list[Record]) -> int:
    from asterism.output import table, terminal_width

    if records:
        columns = ("id", "kind", "source", "title")
        click.echo(table(columns, [[record[name] for name in columns] for record in records], width=terminal_width()))
    return len(records)


_PRINT: dict[str, Callable[[list[Record]], int]] = {"table": _print_table, "jsonl": _print_jsonl}
