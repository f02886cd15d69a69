"""``hints``: what placement would do, and why; ``hints apply`` lets Rucio do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from asterism.commands.asking import take_up
from asterism.settings import load
from schemas.hint import ACTIONS

if TYPE_CHECKING:
    from schemas.hint import Hint


@click.group(invoke_without_command=True)
@click.option("--for", "query", metavar="QUERY", help="Only of what this query string, or saved query, finds.")
@click.option("--rse", "expression", metavar="EXPR", help="Only to or from RSEs of this RSE expression.")
@click.option("--action", "actions", type=click.Choice(ACTIONS), multiple=True, help="Only these; may be repeated.")
@click.option("--policy", metavar="NAME", help="Only those of that policy.")
@click.option("--format", "form", type=click.Choice(("table", "jsonl")), default="table", show_default=True,
              help="How to print them; jsonl: one a line, with all reasons.")  # fmt: skip
@click.option("--limit", type=click.IntRange(0), help="At most so many, those that save most first.")
@click.pass_context
def hints(
    context: click.Context,
    query: str | None,
    expression: str | None,
    actions: tuple[str, ...],
    policy: str | None,
    form: str,
    limit: int | None,
) -> None:
    """Say where replicas should be: what to replicate, extend, release and stage, and why.

    Planned from the state of the lake at its last harvest, the policies, and what people look for. The same input
    gives the same hints.
    """
    if context.invoked_subcommand is not None:
        if query or expression or actions or policy or limit is not None or form != "table":
            raise click.UsageError(f"options of hints come after {context.invoked_subcommand}")
        return
    from asterism.factory import Factory

    with Factory(load(context.obj)) as factory:
        take_up(factory)
        planned = factory.placement.plan()
        found = factory.placement.narrowed(planned.hints, query, expression, actions, policy)
        shown = found if limit is None else found[:limit]
        for text in planned.notes:
            click.echo(f"asterism: {text}", err=True)
        _PRINT[form](shown)
        if form == "table":
            more = f", {len(found)} in all" if len(found) > len(shown) else ""
            click.echo(f"{len(shown)} hints{more}; {planned.as_of}")


def _print_jsonl(hints: Sequence[Hint]) -> None:
    import orjson

    for one in hints:
        click.echo(orjson.dumps(one.document()))


def _print_table(hints: Sequence[Hint]) -> None:
    from asterism.output import table, terminal_width
    from schemas.amounts import written_size

    if not hints:
        return
    rows = [
        [
            one.id,
            one.action,
            f"{one.scope}:{one.name}",
            ", ".join(one.from_rses) or "-",
            ", ".join(one.to) or "-",
            written_size(one.bytes),
            f"{one.score:.3g}",
            "; ".join(reason.text for reason in one.reasons[:1]),
        ]
        for one in hints
    ]
    click.echo(table(["hint", "action", "did", "from", "to", "bytes", "score", "why"], rows, width=terminal_width()))


_PRINT = {"table": _print_table, "jsonl": _print_jsonl}
