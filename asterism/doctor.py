"""``asterism doctor``: what is wrong here, and what to do about it."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from asterism.factory import Factory, version
from asterism.settings import Settings, load
from schemas.errors import AsterismError

if TYPE_CHECKING:
    from catalog.runs import SourceState

_LIBRARIES = ("sqlalchemy", "tantivy", "numpy", "cdshealpix", "mocpy", "astropy", "fastapi", "uvicorn")
_LITTLE_ROOM = 1 << 30  # bytes; a merge of the index of a million records takes about so much for a while
_REASONS = 3  # quarantined documents shown for each source


@dataclass(frozen=True, slots=True)
class Finding:
    """``level``: ``ok``; ``note`` for what people may want to know; ``wrong`` for what somebody must put right."""

    level: Literal["ok", "note", "wrong"]
    about: str
    text: str


def examine(config: Path | None) -> Iterator[Finding]:
    """Look at everything in turn; what cannot be looked at because of what came before is left out."""
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    yield Finding("ok", "program", f"Asterism {version()}, Python {platform.python_version()}; {libraries}")
    try:
        settings = load(config)
    except AsterismError as error:
        yield Finding("wrong", "settings", str(error))
        return
    yield from _settings(settings)
    with Factory(settings) as factory:
        try:
            store = factory.store
            yield Finding("ok", "store", f"{sum(_records(factory))} records, change {store.last_seq()}")
        except AsterismError as error:
            yield Finding("wrong", "store", str(error))
            return
        yield from _room(settings)
        yield from _index(factory)
        yield from _leases(factory)
        yield from _sources(factory)
        yield from _clusters(factory)
        yield from _quarantine(factory)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("ok", "settings", f"{settings.file or 'no file'}, data in {settings.data}")
    if settings.sources and not settings.contact:
        yield Finding(
            "note", "settings", "no contact: set it, so that a source's operator can write before blocking you"
        )
    for source in settings.sources:
        try:
            source.resolved()
        except AsterismError as error:
            yield Finding("note", f"source {source.name}", str(error))


def _records(factory: Factory) -> list[int]:
    return [count["records"] for count in factory.store.counts().values()]


def _room(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.data).free if settings.data.is_dir() else None
    if free is not None and free < _LITTLE_ROOM:
        yield Finding("wrong", "disk", f"only {free >> 20} MB free in {settings.data}: free some, or move the data")


def _index(factory: Factory) -> Iterator[Finding]:
    wrong = factory.engine.check()
    yield from (Finding("wrong", "index", sentence) for sentence in wrong)
    if wrong:
        return
    applied, last = factory.engine.applied(), factory.store.last_seq()
    if applied > last:
        yield Finding(
            "wrong", "index", f"it is at change {applied}, the store at {last}: it is another store's; reindex"
        )
    elif applied < last:
        how = "wait for the command that is at it, or run `asterism init`, which catches up"
        yield Finding("wrong", "index", f"{last - applied} changes of the store are not in it yet: {how}")
    elif (indexed := factory.engine.count()) != (kept := sum(_records(factory)) + factory.store.clusters()):
        what = f"it has {indexed} records, merged ones among them, the store {kept}: run `asterism reindex`"
        yield Finding("wrong", "index", what)
    else:
        yield Finding("ok", "index", f"{indexed} records, change {applied}, all of the store's")


def _leases(factory: Factory) -> Iterator[Finding]:
    from catalog.lease import leases

    for name, holder, held in leases(factory.store):
        over = "" if held else " was cut short; the next command takes its place"
        yield Finding("note", "at work", f"{name}: {holder}{over}")


def _sources(factory: Factory) -> Iterator[Finding]:
    states = {state.name: state for state in factory.store.sources()}
    for source in factory.settings.sources:
        if source.name not in states or states[source.name].last is None:
            yield Finding("note", f"source {source.name}", f"never harvested: asterism harvest {source.name}")
    for state in states.values():
        yield from _source(state)


def _source(state: SourceState) -> Iterator[Finding]:
    run, about = state.last, f"source {state.name}"
    if run is None:
        return
    again = f"asterism harvest {state.name}"
    if run.status == "failed":
        yield Finding("wrong", about, f"the last harvest failed: {run.error} [{run.error_code}]; try again: {again}")
    elif run.status == "running":
        yield Finding(
            "note", about, f"a harvest from {run.started} is under way, or was cut short; {again} takes it up"
        )
    else:
        yield Finding("ok", about, f"{run.mode} harvest {run.status} at {run.ended}")
    for alarm in run.alarms:
        if not alarm["code"].startswith("identity."):  # how it is now, and not at the harvest, is said below
            yield Finding("wrong", about, "; ".join(alarm.values()))


def _clusters(factory: Factory) -> Iterator[Finding]:
    if count := factory.store.clusters():
        yield Finding("ok", "identity", f"{count} things that several records describe")
    for alarm in factory.store.alarms():
        yield Finding("wrong", "identity", "; ".join(alarm.values()))


def _quarantine(factory: Factory) -> Iterator[Finding]:
    for name, count in factory.store.counts().items():
        if not count["quarantined"]:
            continue
        newest = factory.store.quarantine(name, limit=_REASONS)
        reasons = "; ".join(
            f"{one.native_id or one.place or '?'}{f' ({one.field})' if one.field else ''}: {one.reason} [{one.code}]"
            for one in newest
        )
        yield Finding("note", f"quarantine of {name}", f"{count['quarantined']} documents, the newest: {reasons}")
