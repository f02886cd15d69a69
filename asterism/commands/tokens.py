"""``token``: who may write over HTTP."""

from __future__ import annotations

from pathlib import Path

import click

from asterism.settings import load


@click.group()
def token() -> None:
    """Who may write over HTTP.

    A program sends its token as `Authorization: Bearer TOKEN`.
    """


@token.command()
@click.argument("name")
@click.pass_obj
def create(config: Path | None, name: str) -> None:
    """Make a token called NAME.

    It is printed this once: the store keeps only its hash.
    """
    from asterism.factory import Factory
    from catalog.tokens import create_token

    with Factory(load(config)) as factory:
        click.echo(create_token(factory.store, name))


@token.command("list")
@click.pass_obj
def list_(config: Path | None) -> None:
    """List the tokens."""
    from asterism.factory import Factory
    from asterism.output import table
    from catalog.tokens import list_tokens

    with Factory(load(config)) as factory:
        rows = [[one.name, one.id, one.created_at] for one in list_tokens(factory.store)]
    click.echo(table(["name", "id", "created"], rows))


@token.command()
@click.argument("name")
@click.pass_obj
def revoke(config: Path | None, name: str) -> None:
    """Revoke the token of that NAME or id.

    What it is used for is refused from now on.
    """
    from asterism.factory import Factory
    from catalog.tokens import revoke_token

    with Factory(load(config)) as factory:
        gone = revoke_token(factory.store, name)
    click.echo(f"revoked {gone.name}")
