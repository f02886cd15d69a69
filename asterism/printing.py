"""An answer to a search as it is printed: a table for people, and the forms of the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from catalog.engine import Answer
    from schemas.record import Record

COLUMNS = ("id", "kind", "source", "title")
_MOST_CELLS = 20


def print_json(answer: Answer, records: list[Record], rest: dict[str, Any]) -> None:
    import json

    click.echo(json.dumps({"total": answer.total, "items": records, **rest}, ensure_ascii=False, indent=2))


def print_jsonl(answer: Answer, records: list[Record], rest: dict[str, Any]) -> None:
    import orjson

    for record in records:
        click.echo(orjson.dumps(record))


def print_csv(answer: Answer, records: list[Record], rest: dict[str, Any]) -> None:
    from mappings.table import csv_header, csv_rows

    click.echo((csv_header() + csv_rows(records)).encode(), nl=False)


def print_votable(answer: Answer, records: list[Record], rest: dict[str, Any]) -> None:
    from mappings.table import columns
    from mappings.votable import votable

    click.echo(votable(records, columns(), overflow=answer.next is not None).encode(), nl=False)


def print_table(answer: Answer, records: list[Record], rest: dict[str, Any]) -> None:
    from asterism.output import table, terminal_width

    width = terminal_width()
    covered = ["covered"] if "covered" in rest else []
    if records:
        rows = [
            [_place(record, "ra"), _place(record, "dec"), *(_fraction(answer, record) for _ in covered)]
            + [record.get(name) for name in COLUMNS]
            for record in records
        ]
        click.echo(table(["ra", "dec", *covered, *COLUMNS], rows, width=width))
    for header, rows in _counts(answer, rest):
        click.echo("\n" + table(header, rows, width=width))
    more = f"; more with --cursor {answer.next}" if answer.next else ""
    without = f"; {answer.unlocated} more have no place on the sky" if answer.unlocated else ""
    click.echo(f"\n{len(records)} of {answer.total}{without}{more}")
    if meant := rest.get("did_you_mean"):
        click.echo(f"did you mean: {meant}")
    if place := rest.get("object"):
        click.echo(f'{place["name"]} is at {place["ra"]:.4f} {place["dec"]:+.4f}: --cone "{place["name"]},RADIUS"')


def _counts(answer: Answer, rest: dict[str, Any]) -> list[tuple[list[str], list[list[object]]]]:
    """Header and rows of each facet, histogram and density map."""
    found: list[tuple[list[str], list[list[object]]]] = []
    for name, facet in answer.facets.items():
        buckets: list[list[object]] = [[str(bucket.value), bucket.count] for bucket in facet.buckets]
        found.append(([name, "count"], [*buckets, *_missing(facet.missing)]))
    for name, histogram in rest.get("histograms", {}).items():
        ends = [edge if isinstance(edge, str) else f"{edge:g}" for edge in histogram["edges"]]
        bins = [list(one) for one in zip(ends, ends[1:], histogram["counts"], strict=False)]
        missing = [[*row[:1], "", *row[1:]] for row in _missing(histogram["missing"])]
        found.append(([name, "to", "count"], [*bins, *missing]))
    if "density" in rest:
        cells = sorted(rest["density"]["cells"].items(), key=lambda one: -one[1])
        shown = [[cell, count] for cell, count in cells[:_MOST_CELLS]]
        if len(cells) > _MOST_CELLS:
            shown.append([f"({len(cells) - _MOST_CELLS} more)", sum(count for _, count in cells[_MOST_CELLS:])])
        found.append(([f"cell of order {rest['density']['order']}", "count"], shown))
    return found


def _missing(count: int) -> list[list[object]]:
    return [["(none)", count]] if count else []


def _fraction(answer: Answer, record: Record) -> str:
    return f"{answer.covered[record['id']]:.3f}" if record["id"] in answer.covered else "-"


def _place(record: Record, axis: str) -> str:
    position = record.get("position")
    return f"{position[axis]:.4f}" if position else "-"


PRINT = {
    "table": print_table,
    "json": print_json,
    "jsonl": print_jsonl,
    "csv": print_csv,
    "votable": print_votable,
}
