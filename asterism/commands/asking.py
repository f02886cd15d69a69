"""Commands that take a query: any of its parameters is an option, and so is any field of a record."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from asterism.factory import Factory
    from schemas.query import Query

MOST_TO_TAKE_UP = 40_000  # changes: two seconds, and what a killed import leaves, whose index is two batches behind
PAIRS = "asterism.pairs"  # where parse_args leaves for the command what click does not know
_ASCII_MOC = "0123456789"  # how a MOC begins that is typed and not named

Command = Callable[..., None]


class SearchCommand(click.Command):
    """Any field is an option: what is not the command's own goes to the query, which knows its fields.

    The query's other parameters are declared for the help alone (``expose_value=False``). Values may start with a
    hyphen, as coordinates do: ``--cone=-1,2,3``, ``--cone -- -1,2,3``. ``NAME=VALUE`` is taken as well, as in a URL.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from schemas.query import is_parameter

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
            if equals and (is_parameter(name) or _is_misspelt(name)):
                pairs.append((name, value))
                continue
            if not name.startswith("--") or (param is not None and getattr(param, "is_flag", False)):
                rest.append(token)
                continue
            if not equals:
                value = _value(name, waiting, ctx)
            if param is not None and param.expose_value:
                rest.append(f"{name}={value}")
            else:
                pairs.append((_field(name.removeprefix("--")), value))
        ctx.meta[PAIRS] = pairs
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


def _is_misspelt(name: str) -> bool:
    """Whether a field must be meant, so that ``facilites=HESS`` is an error and not words to find."""
    from schemas.fields import search_fields

    return bool(difflib.get_close_matches(name, search_fields(), 1, 0.85))


def _field(name: str) -> str:
    """The field that is meant: ``product-type`` is ``product_type``; a source's own keys are kept as they are."""
    return name if name.startswith("extra.") else name.replace("-", "_")


_ABOUT = (
    ("--cone", "RA,DEC,RADIUS", "A circle on the sky, in degrees (ICRS); NAME,RADIUS around an object."),
    ("--polygon", "RA,DEC,...", "The area within these corners, three or more, joined by great circles."),
    ("--box", "RA,DEC,W,H", "A box of that width and height, in degrees, around a place."),
    ("--moc", "FILE", "The area of a MOC: a file (FITS, ASCII, JSON), or order/cells."),
    ("--footprint", "STC-S", "An area in STC-S, or an ObsCore s_region."),
    ("--footprint-of", "ID", "The footprint of that record."),
    ("--relation", "WORD", "How a record meets the area: intersects (if unsaid), within, contains, position."),
    ("--unlocated", "WORD", "With an area: exclude (if unsaid) or include what has no place on the sky."),
    ("--covered.gte", "F", "Covers at least that fraction of the area; --covered.lte: at most."),
    ("--time", "START/END", "Observed in that interval: ISO 8601 (UTC), MJD, JD (TDB); .. is an open end."),
    ("--spectral", "LOW/HIGH", "Wavelengths in metres, or with a unit: 0.5/2 keV, 21 cm, 1.4 GHz; or a band: X-ray."),
    ("--energy", "LOW/HIGH", "Energies of other messengers, in joules, or with a unit: 1/10 TeV."),
    ("--time-relation", "WORD", "overlaps (if unsaid), within, contains; also --spectral-relation, --energy-relation."),
    ("--collapse", "WORD", "true (if unsaid): the same thing from several sources is one record; false: each alone."),
)


def query_options(command: Command) -> Command:
    """Declare what a query may ask, for the help."""
    for flag, metavar, text in reversed(_ABOUT):
        command = parameter(flag, metavar, text)(command)
    return command


def parameter(flag: str, metavar: str, text: str) -> Callable[[Command], Command]:
    """Declare one parameter of the query, for the help alone."""
    return click.option(flag, metavar=metavar, help=text, expose_value=False)


def read_query(ctx: click.Context, factory: Factory, text: tuple[str, ...], *more: tuple[str, str]) -> Query:
    """The query of this command line; ``factory`` knows objects by name.

    Raises
    ------
    QueryError
        ``query.*``.
    """
    from schemas.query import parse

    pairs = [(name, _moc(value) if name == "moc" else value) for name, value in ctx.meta[PAIRS]]
    pairs += more
    if text:
        pairs.append(("q", " ".join(text)))

    def resolve(name: str) -> tuple[float, float] | None:
        return factory.catalogue.resolve(name)  # the store is opened for a name alone: a wrong query is said without it

    return parse(pairs, resolve)


def take_up(factory: Factory) -> None:
    """Let the index follow a little way first, if a command was killed before it did; say what it still lacks."""
    if missing := factory.indexer.take_up(MOST_TO_TAKE_UP):
        how = "wait for the command that is at it, or run `asterism init`, which catches up"
        click.echo(f"asterism: {missing} changes of the store are not searched yet: {how}", err=True)


def _moc(value: str) -> str:
    """The MOC in the file of that name, in ASCII; or ``value`` itself, if it is one."""
    from mappings.moc_files import read_moc
    from schemas.errors import QueryError

    if "/" in value and value.strip()[:1] in _ASCII_MOC and not Path(value).is_file():
        return value
    try:
        return read_moc(Path(value).read_bytes())
    except OSError as error:
        said = f"moc: no file {value[:80]} can be read ({error.strerror}), and it is no MOC in ASCII"
        raise QueryError("bad-value", said, parameter="moc") from None
    except ValueError as error:
        raise QueryError("bad-value", f"moc: {error}", parameter="moc") from None
