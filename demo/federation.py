"""The three servers in one process, on one port of this machine alone."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from demo import invenio, registry, rucio
from demo.invenio import Repository
from demo.lake import Lake
from demo.registry import Registry

HOST = "127.0.0.1"
PORT = 18900  # the same at every start where it is free, so that the settings file stays the same
_STARTED_WITHIN = 20.0  # seconds


def app(vo: Registry, zenodo: Repository, lake: Lake) -> Starlette:
    """The ASGI application: ``/registry/oai``, ``/zenodo/api/records`` and Rucio under ``/lake``."""
    return Starlette(
        routes=[
            Mount("/registry", registry.app(vo)),
            Mount("/zenodo", invenio.app(zenodo)),
            Mount("/lake", rucio.app(lake)),
        ]
    )


class Federation:
    """The federation of ``demo/facts``, running while one is in its ``with``; a test may change its three stores."""

    def __init__(self, port: int = PORT) -> None:
        self.vo, self.zenodo, self.lake = Registry.of_facts(), Repository.of_facts(), Lake.of_facts()
        self._socket = _listen(port)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(app(self.vo, self.zenodo, self.lake), log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="federation", daemon=True)

    def __enter__(self) -> Self:
        # the socket listens already: a request that comes before uvicorn is ready waits for it
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_STARTED_WITHIN)
        self._socket.close()

    def settings(self, data: str) -> str:
        """An ``asterism.toml`` that harvests the federation into the folder ``data``."""
        return f'''# Written by `make demo`: the three servers of the demonstration, as any other source.
data = "{data}"

[[sources]]
name = "vo"
kind = "vo-oai"
url = "{self.url}/registry/oai"
set = "{registry.MANAGED}"

[[sources]]
name = "zenodo"
kind = "invenio"
url = "{self.url}/zenodo"

[[sources]]
name = "lake"
kind = "rucio"
url = "{self.url}/lake"
account = "demo"
auth = "userpass"
username = "{rucio.USERNAME}"
password = "{rucio.PASSWORD}"

[lake]
source = "lake"

[[policies]]
name = "crab"
query = "cone=83.6331,22.0145,2"
rse_expression = "site=SYNTHETIC-EAST"
copies = 1
lifetime = "90d"

[[policies]]
name = "hess"
query = "facilities=H.E.S.S."
rse_expression = "country=XE&tier=2"
copies = 1
lifetime = "90d"
'''


def _listen(port: int) -> socket.socket:
    """A listening socket on that port, or on a free one where it is taken."""
    for choice in (port, 0):
        # asyncio turns Nagle's algorithm off (40 ms an answer) only where the protocol is named
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, choice))
        except OSError:
            listener.close()
            continue
        listener.listen(128)
        return listener
    raise OSError(f"no port of {HOST} is free")
