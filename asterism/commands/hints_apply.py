"""``hints apply`` makes Rucio do what the hints say; ``hints export`` writes them for those who do it themselves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asterism.commands.asking import take_up
from asterism.settings import load

if TYPE_CHECKING:
    from asterism.factory import Factory
    from placement.apply import Report
    from placement.service import Planned
    from placement.steps import Line

_WAIT = "30min"


def _seconds(context: click.Context, parameter: click.Parameter, text: str) -> float:
    from schemas.amounts import duration

    try:
        return duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--yes", is_flag=True, help="Do it; without, only say what would be done.")
@click.option("--id", "ids", multiple=True, metavar="HINT", help="Only this hint; may be repeated.")
@click.option("--for", "query", metavar="QUERY", help="Only hints on what this query string, or saved query, finds.")
@click.option("--policy", metavar="NAME", help="Only the hints of that policy.")
@click.option("--max", "most", type=click.IntRange(0), metavar="N",
              help="Make or change at most so many rules; never more than max_rules of the settings.")  # fmt: skip
@click.option("--wait", is_flag=True, help="Look at the rules until all are OK.")
@click.option(
    "--timeout", callback=_seconds, default=_WAIT, metavar="DURATION", show_default=True, help="How long --wait does."
)
@click.option("--finish", is_flag=True, help="Only do the rest of a run that was cut short.")
@click.option("--roll-back", is_flag=True, help="Undo what the last run did.")
@click.option("--format", "form", type=click.Choice(("table", "jsonl")), default="table", show_default=True,
              help="How to print the steps.")  # fmt: skip
@click.pass_obj
def apply(
    config: Path | None,
    yes: bool,
    ids: tuple[str, ...],
    query: str | None,
    policy: str | None,
    most: int | None,
    wait: bool,
    timeout: float,
    finish: bool,
    roll_back: bool,
    form: str,
) -> None:
    """Make Rucio do what the hints say, with rules of its own.

    Without --yes it says what it would do. With it, rules are made, given a later end, or let go; what was done
    before is not done again. Exits 0 only when every rule stands: Rucio holds it, and it is neither STUCK nor
    SUSPENDED. A file hints.stop in the data folder stops it before its next step.
    """
    narrowed = bool(ids or query or policy)
    if finish + roll_back + yes > 1 or ((finish or roll_back) and (narrowed or most is not None)):
        raise click.UsageError("--yes, --finish and --roll-back go one at a time, and say by themselves what is meant")
    from asterism.factory import Factory
    from placement.apply import Report

    failed = False
    with Factory(load(config)) as factory:
        applier, for_so_long = factory.applier(), timeout if wait else None
        if roll_back:
            report = applier.roll_back()
        elif finish:
            report = applier.watch(applier.finish(), wait=for_so_long)
        else:
            planned = _plan(factory)
            failed = bool(planned.failed)
            chosen, nothing = ids, False
            if query or policy:
                found = factory.placement.narrowed(planned.hints, query, None, (), policy)
                chosen = tuple(one.id for one in found if not ids or one.id in ids)
                if nothing := not chosen:
                    click.echo("asterism: there are no such hints", err=True)
            report = Report([]) if nothing else applier.run(chosen, most) if yes else applier.plan(chosen, most)
            if yes:
                earlier = not (ids or query)
                report = applier.watch(report, wait=for_so_long, earlier=earlier, policy=policy)
    done = yes or finish or roll_back
    _print(report, form, planned=not done)
    sys.exit(0 if (report.stands and not failed) or not done else 1)


def _plan(factory: Factory) -> Planned:
    """Plan anew, so that what is applied is what `asterism hints` would show now."""
    take_up(factory)
    planned = factory.placement.plan()
    for text in planned.notes:
        click.echo(f"asterism: {text}", err=True)
    return planned


def _print(report: Report, form: str, *, planned: bool) -> None:
    if form == "jsonl":
        import orjson

        for one in report.lines:
            click.echo(orjson.dumps(one.document()))
    else:
        _table(report.lines)
        click.echo(_summary(report, planned))
    if report.stopped:
        click.echo(f"asterism: {report.stopped}", err=True)
    if report.cut_short:
        said = f"an earlier run was cut short, with {report.cut_short} steps planned"
        click.echo(f"asterism: {said}; go on with --yes or --finish, or undo it with --roll-back", err=True)


def _table(lines: Sequence[Line]) -> None:
    from asterism.output import table, terminal_width
    from schemas.amounts import written_size

    if not lines:
        return
    rows = [
        [
            one.hint,
            one.what,
            f"{one.scope}:{one.name}",
            one.rse,
            written_size(one.bytes),
            one.outcome,
            one.rule or "-",
            one.state or "-",
            one.detail or "",
        ]
        for one in lines
    ]
    header = ["hint", "step", "did", "rse", "bytes", "outcome", "rule", "state", "why"]
    click.echo(table(header, rows, width=terminal_width()))


def _summary(report: Report, planned: bool) -> str:
    from placement.steps import totals
    from schemas.amounts import written_size

    sums = totals(report.lines)
    parts = [
        f"{sums['creates']} rules made ({written_size(sums['bytes'])})",
        f"{sums['extends']} given a later end",
        f"{sums['releases']} released ({written_size(sums['freed'])})",
    ]
    for outcome in ("stands", "skipped", "failed", "undone"):
        if n := sum(one.outcome == outcome for one in report.lines):
            parts.append(f"{n} {'stand already' if outcome == 'stands' else outcome}")
    if report.left:
        parts.append(f"{report.left} left for the next run")
    said = ", ".join(parts)
    return f"would be: {said}\ndo it with: asterism hints apply --yes" if planned else said


@click.command()
@click.option("--format", "form", type=click.Choice(("rules", "subscription")), default="rules", show_default=True,
              help="rules: of the hints, as for POST /rules/; subscription: of the policies.")  # fmt: skip
@click.option("--id", "ids", multiple=True, metavar="HINT", help="Only this hint; may be repeated.")
@click.option("--policy", "names", multiple=True, metavar="POLICY", help="Only this policy; may be repeated.")
@click.pass_obj
def export(config: Path | None, form: str, ids: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Print what the hints ask for as JSON, for an operator of Rucio.

    Exits 1 where a policy says more than a subscription can.
    """
    import orjson

    from asterism.factory import Factory

    with Factory(load(config)) as factory:
        made, said = (_rules if form == "rules" else _subscriptions)(factory, ids, names)
    click.echo(orjson.dumps(made, option=orjson.OPT_INDENT_2))
    for text in said:
        click.echo(f"asterism: {text}", err=True)
    sys.exit(1 if said and form == "subscription" else 0)


def _rules(factory: Factory, ids: Sequence[str], names: Sequence[str]) -> tuple[list[Any], list[str]]:
    from placement.export import left_out, rules

    lake = factory.placement.settings
    hints = [one for one in _plan(factory).hints if (not ids or one.id in ids) and (not names or one.policy in names)]
    account = str(factory.settings.source(lake.source).resolved()["account"])
    n = left_out(hints)
    said = [f"{n} hints change rules that are there, and are left out"] if n else []
    return rules(hints, account, lake.activity), said


def _subscriptions(factory: Factory, ids: Sequence[str], names: Sequence[str]) -> tuple[list[Any], list[str]]:
    from catalog.saved import get
    from placement.export import subscription
    from schemas.errors import PolicyError

    lake = factory.placement.settings
    account = str(factory.settings.source(lake.source).resolved()["account"])
    made, said = [], []
    for one in factory.placement.policies():
        if names and one.name not in names:
            continue
        query = get(factory.store, one.saved_query).query if one.saved_query else one.query
        try:
            made.append(subscription(one, query, account, lake.activity, lake.source))
        except PolicyError as error:
            said.append(str(error))
    return made, said
