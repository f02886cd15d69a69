"""The composition root: everything is built here, from one :class:`~asterism.settings.Settings`."""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import os
import signal
import threading
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import metadata
from multiprocessing import connection
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from asterism.settings import Settings, SourceSettings, load
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from asterism.catalogue import LocalCatalogue
    from catalog.elastic import ElasticEngine
    from catalog.embedded import EmbeddedEngine
    from catalog.indexer import Indexer
    from catalog.store import Store
    from harvesters.base import Harvester
    from harvesters.rucio_session import RucioSession
    from harvesters.sesame import Sesame
    from mappings.thesaurus import Thesaurus
    from placement.apply import Applier
    from placement.recorder import NoRecorder
    from placement.service import Placement

# How a source is asked, not what: new credentials do not make another harvest of it
_CREDENTIALS = frozenset({"account", "auth", "username", "password", "token_file", "certificate"})


class Factory:
    """Builds each part when it is first asked for; close it, or use it in a ``with``.

    ``create``: the commands that fill the store may also make it; the others say that there is none.
    """

    def __init__(self, settings: Settings, *, create: bool = False) -> None:
        self.settings = settings
        self._create = create
        self._open = ExitStack()

    @functools.cached_property
    def store(self) -> Store:
        """The record store."""
        from catalog.store import Store
        from schemas.errors import StoreError

        try:
            store = Store.open(self.settings.store)
        except StoreError as error:
            if not self._create or error.code != "store.not-initialised":
                raise
            store = Store.create_or_upgrade(self.settings.store)
        self._open.callback(store.close)
        return store

    @functools.cached_property
    def engine(self) -> EmbeddedEngine | ElasticEngine:
        """The search index."""
        if (elastic := self.settings.elastic) is not None:
            from catalog.elastic import ElasticEngine

            made = ElasticEngine(
                elastic.url,
                prefix=elastic.prefix,
                api_key=elastic.api_key,
                ca=elastic.ca,
                settings={"number_of_shards": elastic.shards} if elastic.shards else None,
                thesaurus=self.thesaurus,
            )
            self._open.callback(made.disconnect)
            return made
        from catalog.embedded import EmbeddedEngine

        engine = EmbeddedEngine(self.settings.index, thesaurus=self.thesaurus)
        self._open.callback(engine.close)
        return engine

    @functools.cached_property
    def thesaurus(self) -> Thesaurus | None:
        """The subjects' broader terms, where the settings name a file of them."""
        if (file := self.settings.thesaurus) is None:
            return None
        from mappings.thesaurus import Thesaurus

        try:
            return Thesaurus.parse(file.read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError("unreadable", f"the thesaurus {file} cannot be read: {error}") from error

    @functools.cached_property
    def resolver(self) -> Sesame | None:
        """Who is asked for objects that are not in the built-in list."""
        if (address := self.settings.resolver) is None:
            return None
        from harvesters.sesame import Sesame, polite_client

        made = Sesame(address, polite_client(self.settings.contact))
        self._open.callback(made.close)
        return made

    @functools.cached_property
    def indexer(self) -> Indexer:
        """What makes the index follow the store."""
        from catalog.indexer import Indexer

        return Indexer(self.store, self.engine)

    @functools.cached_property
    def catalogue(self) -> LocalCatalogue:
        """Store, index and tokens behind one door, for the API and for searches."""
        from asterism.catalogue import LocalCatalogue

        return LocalCatalogue(self)

    @functools.cached_property
    def placement(self) -> Placement:
        """What plans for the lake; raises ``placement.no-lake`` where the settings name none."""
        from placement.service import Placement
        from schemas.errors import PlacementError

        settings = self.settings
        if settings.lake is None:
            where = settings.file or "the settings"
            raise PlacementError(
                "no-lake", f'nobody\'s replicas are looked after: say [lake] source = "..." in {where}'
            )
        return Placement(
            self.store,
            self.catalogue.search,
            self.engine.applied,
            self.indexer.missing,
            self.catalogue.resolve,
            settings.data / "placement",
            settings.lake,
            settings.demand,
            settings.policies,
        )

    def applier(self) -> Applier:
        """What makes Rucio do what the hints say, as the lake's source logs in."""
        from placement.apply import Applier
        from placement.rucio_rules import Rules

        lake = self.placement.settings
        return Applier(
            self.store,
            Rules(self.lake_session),
            lake,
            self.placement.applicable,
            self.settings.data / "hints.stop",
        )

    @functools.cached_property
    def lake_session(self) -> RucioSession:
        """Requests to the Rucio of the lake whose replicas are looked after."""
        from harvesters.registry import rucio_session

        source = self.settings.source(self.placement.settings.source)
        made = rucio_session(source.resolved(), self.settings.contact, source.rate)
        self._open.callback(made.close)
        return made

    @functools.cached_property
    def recorder(self) -> NoRecorder:
        """What takes note of what is asked for."""
        from placement.lake import lake
        from placement.recorder import NoRecorder, Recorder

        if not self.settings.demand.enabled:
            return NoRecorder()
        source = self.settings.lake.source if self.settings.lake else None
        known = functools.partial(lake, self.store, source) if source else None
        made = Recorder(self.store, self.settings.demand, source, lake=known)
        self._open.callback(made.close)
        return made

    def harvester(self, source: SourceSettings, options: Mapping[str, Any]) -> Harvester:
        """The harvester of a source; ``options`` are its own, resolved."""
        from harvesters.registry import build

        return build(source.kind, options, contact=self.settings.contact, rate=source.rate)

    def endpoint(self, options: Mapping[str, Any]) -> str:
        """The address that records and errors may name."""
        from harvesters.http import public_url

        return public_url(options["url"])

    def scope(self, options: Mapping[str, Any]) -> str:
        """A fingerprint of what is harvested, whoever asks: another address, set or query is another harvest."""
        asked = {key: value for key, value in options.items() if key not in _CREDENTIALS}
        return hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16).hexdigest()

    def map_options(self, source: SourceSettings) -> dict[str, Any]:
        """What the mapping of a source is told: the crosswalk's table, for those that have one."""
        if source.crosswalk is None:
            return {}
        from mappings.crosswalk import load_crosswalk

        try:
            table = tomllib.loads(source.crosswalk.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(
                "unreadable", f"the crosswalk {source.crosswalk} of {source.place} cannot be read: {error}"
            ) from error
        load_crosswalk(table)  # a wrong rule is said here, once, and not of each document
        return {"crosswalk": table}

    def api(self) -> FastAPI:
        """The HTTP application."""
        from api.app import create_app

        return create_app(
            self.catalogue,
            version=version(),
            public_url=self.settings.public_url,
            metrics_folder=self.settings.data / "metrics",
            recorder=self.recorder,
        )

    def close(self) -> None:
        """Give up connections and files."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def app() -> FastAPI:
    """The application of a ``serve`` worker, from the environment (see :func:`asterism.settings.hand_down`)."""
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="parent watch", daemon=True).start()
    return Factory(load()).api()


def _end_with(parent: int) -> None:
    """Stop this worker when its parent is gone: one that was killed cannot say so, and its port would stay taken."""
    connection.wait([parent])
    os.kill(os.getpid(), signal.SIGTERM)


def version() -> str:
    """The installed version of Asterism; ``0`` in a bare checkout."""
    try:
        return metadata.version("asterism")
    except metadata.PackageNotFoundError:
        return "0"
