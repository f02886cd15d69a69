"""``search``, ``coverage`` and ``show``: the same query as over HTTP, as pairs for ``schemas.query.parse``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asterism.commands.asking import SearchCommand, parameter, query_options, read_query, take_up
from schemas.errors import StoreError

if TYPE_CHECKING:
    from api.catalogue import Catalogue
    from mappings.moc_files import Form
    from schemas.record import Record

FORMATS = ("table", "json", "jsonl", "csv", "votable")


@click.command(cls=SearchCommand, options_metavar="[OPTIONS] [--FIELD VALUE]...")
@click.argument("text", nargs=-1)
@query_options
@click.option(
    "--facet",
    "--facets",
    "facets",
    multiple=True,
    metavar="FIELD",
    help="Count that field's values; FIELD:N for N of them.",
)
@parameter("--facet-prefix", "FIELD:PREFIX", "Of that facet the values that begin so, or of a .path the level below.")
@parameter("--histogram", "FIELD", "Count that field's numbers or dates in bins; FIELD:N for at most N.")
@parameter("--density", "ORDER", "Count by HEALPix cell of that order, 0 to 8.")
@parameter("--sort", "FIELD", "Order by that field, -FIELD for descending; also score, distance, covered, changed, id.")
@parameter("--limit", "N", "So many records at most: 25 if unsaid, 0 for the counts alone.")
@parameter("--cursor", "CURSOR", "Go on where an earlier answer ended, with its `next`.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print the answer."
)
@click.pass_context
def search(ctx: click.Context, /, text: tuple[str, ...], facets: tuple[str, ...], form: str) -> None:
    """Search the catalogue for TEXT and fields.

    TEXT may have "phrases", AND, OR, NOT, field:value, bytes:>1e9, [LOW TO HIGH], wild* and fuzzy~ words.
    Any field of the record is an option, and `--extra.NAME` any key a source brought along. A field given twice
    means either value; different fields must all hold. FIELD.gt, .gte, .lt, .lte, .not and .exists compare.
    All of it may be written NAME=VALUE too, as in a URL:

    \b
      asterism search crab --cone 83.63,22.01,1 --kind observation
      asterism search --bytes.gte 1e9 --facilities HESS --facet wavebands
      asterism search cone=M31,2 spectral=X-ray --histogram time
      asterism search --extra.rucio.run_number 5 --format json
    """
    from api.answers import counts, hints
    from asterism.factory import Factory
    from asterism.printing import PRINT
    from asterism.settings import load

    with Factory(load(ctx.obj)) as factory:
        query = read_query(ctx, factory, text, *(("facets", facet) for facet in facets))
        take_up(factory)
        answer = factory.catalogue.search(query)
        factory.recorder.search(query, answer.ids, answer.total, "")
        records = factory.catalogue.records(answer.ids)
        rest = counts(answer, query) | hints(factory.catalogue, answer, query)
    PRINT[form](answer, records, rest)


@click.command(cls=SearchCommand, options_metavar="[OPTIONS] [--FIELD VALUE]...")
@click.argument("text", nargs=-1)
@query_options
@click.option("--order", type=click.IntRange(0, 12), default=8, show_default=True, help="HEALPix order of the cells.")
@click.option("--form", type=click.Choice(("fits", "ascii", "json")), help="The MOC's form: fits; ascii if printed.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Else it is printed.")
@click.pass_context
def coverage(ctx: click.Context, /, text: tuple[str, ...], order: int, form: Form | None, output: Path | None) -> None:
    """Write the MOC of all that a search finds: of the footprints, else the positions.

    TEXT and options are those of `asterism search`:

    \b
      asterism coverage --facilities XMM-Newton --order 9 --output xmm.fits
    """
    from asterism.factory import Factory
    from asterism.settings import load
    from mappings.moc_files import write_moc

    with Factory(load(ctx.obj)) as factory:
        query = read_query(ctx, factory, text)
        take_up(factory)
        ranges = factory.catalogue.coverage(query, order)
    body = write_moc(ranges, form or ("fits" if output else "ascii"), order)
    if output:
        try:
            output.write_bytes(body)
        except OSError as error:
            raise click.FileError(str(output), error.strerror) from None
    else:
        click.echo(body, nl=form != "fits")


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--placement", is_flag=True, help="Where its data are, where they should be, and why, instead.")
@click.pass_obj
def show(config: Path | None, id_: str, placement: bool) -> None:
    """Print one record as JSON.

    ID is the record's own, or any of its identifiers: a DOI, ivo://..., scope:name.
    """
    import json

    from asterism.factory import Factory
    from asterism.settings import load

    with Factory(load(config)) as factory:
        take_up(factory)
        record = _find(factory.catalogue, id_)
        factory.recorder.view(record["id"], "")
        shown = factory.catalogue.placement(record["id"]) if placement else record
    click.echo(json.dumps(shown, ensure_ascii=False, indent=2))


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
