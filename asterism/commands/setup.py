"""``init`` and ``sources``: a place to work in, and what is harvested into it."""

from __future__ import annotations

from pathlib import Path

import click

from asterism.settings import DEFAULT_DATA, load, locate

_TEMPLATE = f"""# The settings of Asterism. All keys: docs/reference/settings.md. Public sources: sources.example.toml.

# Where the records and the index are kept, relative to this file.
data = "{DEFAULT_DATA}"

# Who runs this, for the people who run the sources: an e-mail address or a web page.
# contact = "you@example.org"

# A first source: the Registry of Registries of the Virtual Observatory, some 100 records.
# [[sources]]
# name = "rofr"
# kind = "vo-oai"
# url = "http://rofr.ivoa.net/oai"
"""


@click.command()
@click.pass_obj
def init(config: Path | None) -> None:
    """Make the settings file, the store and the index.

    What is there already is kept and brought up to this version; running it again does no harm.
    """
    from asterism.factory import Factory
    from catalog.store import Store

    file = locate(config)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_TEMPLATE)
        click.echo(f"wrote {file}")
    settings = load(file)
    settings.data.mkdir(parents=True, exist_ok=True)
    Store.create_or_upgrade(settings.store).close()
    with Factory(settings) as factory:
        factory.indexer.catch_up(factory.store.last_seq())
    click.echo(f"ready: {settings.data}")


@click.command()
@click.pass_obj
def sources(config: Path | None) -> None:
    """List the sources and how they are doing.

    How many records of each there are, when it was last harvested to the end, and what went wrong the last time.
    Sources that are no longer in the settings, and those of imports, are listed too. Passwords are never shown.
    """
    from asterism.factory import Factory
    from asterism.output import table, terminal_width

    settings = load(config)
    with Factory(settings) as factory:
        states = {state.name: state for state in factory.store.sources()}
        counts = factory.store.counts()
        runs = {name: factory.store.runs(name) for name in states}
    configured = {source.name: source for source in settings.sources}
    rows = []
    for name in [*configured, *sorted(counts.keys() - configured.keys())]:
        state = states.get(name)
        complete = next((run for run in runs.get(name, []) if run.status == "complete"), None)
        run = state.last if state else None
        rows.append(
            [
                name,
                configured[name].kind if name in configured else state.kind if state else None,
                counts.get(name, {}).get("records", 0),
                complete.ended if complete else None,
                configured[name].address if name in configured else None,
                f"{run.error} [{run.error_code}]" if run and run.error_code else None,
            ]
        )
    header = ["name", "kind", "records", "last complete harvest", "url", "last error"]
    click.echo(table(header, rows, width=terminal_width()))
    if not rows:
        click.echo(f"no sources yet: add some to {settings.file or 'a settings file'} (see sources.example.toml)")
