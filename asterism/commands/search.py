"""``search`` and ``show``: the same query as over HTTP, as ``(name, value)`` pairs for ``schemas.query.parse``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schemas.errors import StoreError

if TYPE_CHECKING:
    from api.catalogue import Catalogue
    from asterism.factory import Factory
    from catalog.engine import Answer
    from schemas.record import Record

FORMATS = ("table", "json", "jsonl", "csv", "votable")
_COLUMNS = ("id", "kind", "source", "title")
_MOST_TO_TAKE_UP = 40_000  # changes: two seconds, and what a killed import leaves, whose index is two batches behind
_PAIRS = "asterism.pairs"  # where parse_args leaves for the command what click does not know


class SearchCommand(click.Command):
    """Any field is an option: what is not the command's own goes to the query, which knows its fields.

    The query's other parameters are declared for the help alone (``expose_value=False``). Values may start with a
    hyphen, as coordinates do: ``--cone=-1,2,3``, ``--cone -- -1,2,3``.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        declared = {name: param for param in self.get_params(ctx) for name in param.opts}
        pairs: list[tuple[str, str]] = []
        rest: list[str] = []
        waiting = list(args)
        while waiting:
            token = waiting.pop(0)
            if token == "--":
                rest += ["--", *waiting]
                break
            name, equals, value = token.partition("=")
            param = declared.get(name)
            if not name.startswith("--") or (param is not None and getattr(param, "is_flag", False)):
                rest.append(token)
                continue
            if not equals:
                value = _value(name, waiting, ctx)
            if param is not None and param.expose_value:
                rest.append(f"{name}={value}")
            else:
                pairs.append((_field(name.removeprefix("--")), value))
        ctx.meta[_PAIRS] = pairs
        return super().parse_args(ctx, rest)


def _value(name: str, waiting: list[str], ctx: click.Context) -> str:
    """Take the value that follows ``name``; a ``--`` before it says that the value may start with a hyphen."""
    if waiting and waiting[0] == "--":
        waiting.pop(0)
        quoted = True
    else:
        quoted = False
    if not waiting or (waiting[0].startswith("--") and not quoted):
        raise click.BadOptionUsage(name, f"Option '{name}' requires an argument.", ctx)
    return waiting.pop(0)


def _field(name: str) -> str:
    """The field that is meant: ``product-type`` is ``product_type``; a source's own keys are kept as they are."""
    return name if name.startswith("extra.") else name.replace("-", "_")


def _parameter(flag: str, metavar: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(flag, metavar=metavar, help=text, expose_value=False)


@click.command(cls=SearchCommand, options_metavar="[OPTIONS] [--FIELD VALUE]...")
@click.argument("text", nargs=-1)
@_parameter("--cone", "RA,DEC,RADIUS", "A circle on the sky, in degrees (ICRS).")
@_parameter("--relation", "WORD", "How a record meets the cone: intersects (if unsaid), within, contains, position.")
@_parameter("--unlocated", "WORD", "With --cone: exclude (if unsaid) or include what has no place on the sky.")
@_parameter("--time", "START/END", "Observed in that interval: ISO 8601 (UTC) or MJD (TDB); .. is an open end.")
@_parameter("--spectral", "LOW/HIGH", "Wavelengths in that interval, in metres; .. is an open end.")
@click.option(
    "--facet", "facets", multiple=True, metavar="FIELD", help="Count that field's values; FIELD:N for N of them."
)
@_parameter("--sort", "FIELD", "Order by that field, -FIELD for descending; also score, distance, id.")
@_parameter("--limit", "N", "So many records at most: 25 if unsaid, 0 for the counts alone.")
@_parameter("--cursor", "CURSOR", "Go on where an earlier answer ended, with its `next`.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print the answer."
)
@click.pass_context
def search(ctx: click.Context, /, text: tuple[str, ...], facets: tuple[str, ...], form: str) -> None:
    """Search the catalogue for TEXT and fields.

    Any field of the record is an option, and `--extra.NAME` any key a source brought along. A field given twice
    means either value; different fields must all hold. FIELD.gt, .gte, .lt, .lte, .not and .exists compare:

    \b
      asterism search crab --cone 83.63,22.01,1 --kind observation
      asterism search --bytes.gte 1e9 --facilities HESS --facet wavebands
      asterism search --extra.rucio.run_number 5 --format json
    """
    from asterism.factory import Factory
    from asterism.settings import load
    from schemas.query import parse

    pairs: list[tuple[str, str]] = [*ctx.meta[_PAIRS]]
    pairs += [("facets", facet) for facet in facets]
    if text:
        pairs.append(("q", " ".join(text)))
    query = parse(pairs)
    with Factory(load(ctx.obj)) as factory:
        _take_up(factory)
        answer = factory.catalogue.search(query)
        records = factory.catalogue.records(answer.ids)
    _PRINT[form](answer, records)


def _take_up(factory: Factory) -> None:
    """Let the index follow a little way first, if a command was killed before it did; say what it still lacks."""
    if missing := factory.indexer.take_up(_MOST_TO_TAKE_UP):
        how = "wait for the command that is at it, or run `asterism init`, which catches up"
        click.echo(f"asterism: {missing} changes of the store are not searched yet: {how}", err=True)


def _print_json(answer: Answer, records: list[Record]) -> None:
    import json

    document = {
        "total": answer.total,
        "items": records,
        "facets": {name: asdict(counts) for name, counts in answer.facets.items()},
        "next": answer.next,
        "unlocated": answer.unlocated,
    }
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _print_jsonl(answer: Answer, records: list[Record]) -> None:
    import orjson

    for record in records:
        click.echo(orjson.dumps(record))


def _print_csv(answer: Answer, records: list[Record]) -> None:
    from mappings.table import csv_header, csv_rows

    click.echo((csv_header() + csv_rows(records)).encode(), nl=False)


def _print_votable(answer: Answer, records: list[Record]) -> None:
    from mappings.table import columns
    from mappings.votable import votable

    click.echo(votable(records, columns(), overflow=answer.next is not None).encode(), nl=False)


def _print_table(answer: Answer, records: list[Record]) -> None:
    from asterism.output import table, terminal_width

    width = terminal_width()
    if records:
        rows = [[_place(record, "ra"), _place(record, "dec"), *map(record.get, _COLUMNS)] for record in records]
        click.echo(table(["ra", "dec", *_COLUMNS], rows, width=width))
    for name, counts in answer.facets.items():
        buckets = [[str(bucket.value), bucket.count] for bucket in counts.buckets]
        if counts.missing:
            buckets.append(["(none)", counts.missing])
        click.echo("\n" + table([name, "count"], buckets, width=width))
    more = f"; more with --cursor {answer.next}" if answer.next else ""
    without = f"; {answer.unlocated} more have no place on the sky" if answer.unlocated else ""
    click.echo(f"\n{len(records)} of {answer.total}{without}{more}")


def _place(record: Record, axis: str) -> str:
    position = record.get("position")
    return f"{position[axis]:.4f}" if position else "-"


_PRINT = {
    "table": _print_table,
    "json": _print_json,
    "jsonl": _print_jsonl,
    "csv": _print_csv,
    "votable": _print_votable,
}


@click.command()
@click.argument("id_", metavar="ID")
@click.pass_obj
def show(config: Path | None, id_: str) -> None:
    """Print one record as JSON.

    ID is the record's own, or any of its identifiers: a DOI, ivo://..., scope:name.
    """
    import json

    from asterism.factory import Factory
    from asterism.settings import load

    with Factory(load(config)) as factory:
        _take_up(factory)
        record = _find(factory.catalogue, id_)
    click.echo(json.dumps(record, ensure_ascii=False, indent=2))


def _find(catalogue: Catalogue, name: str) -> Record:
    """The record of that id or identifier, if everybody may see it."""
    from schemas.access import visible
    from schemas.query import parse

    record = catalogue.record(name)
    if record is not None and visible(record, frozenset()):
        return record
    found = catalogue.records(catalogue.search(parse([("identifiers", name), ("limit", "10")])).ids)
    if not found:
        raise StoreError("no-record", f"no record {name!r}; find one with: asterism search", id=name)
    if len(found) > 1:
        ids = ", ".join(f"{one['id']} ({one['source']})" for one in found)
        raise StoreError(
            "ambiguous", f"{name!r} is an identifier of several records: {ids}; show one by its id", id=name
        )
    return found[0]
