"""``serve``: the HTTP API, in one or more worker processes."""

from __future__ import annotations

import threading
from pathlib import Path

import click

DEFAULT_HOST = "127.0.0.1"  # a fresh installation is not open to the network unless it is told to be
DEFAULT_PORT = 8000
_FOLLOW_AFTER_SECONDS = 5.0  # the processor is the workers' while they start
_LAST_REQUESTS_SECONDS = 10  # how long requests under way may take once the server is told to stop


@click.command()
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="The address to listen on; 0.0.0.0 for all.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="The port to listen on."
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="How many worker processes.")
@click.pass_obj
def serve(config: Path | None, host: str, port: int, workers: int) -> None:
    """Serve the catalogue over HTTP until stopped.

    Changes that a killed import or harvest left out of the index are taken into it meanwhile.
    """
    import uvicorn

    from asterism.factory import Factory
    from asterism.follower import Follower
    from asterism.settings import hand_down, load

    settings = load(config)
    with Factory(settings) as factory:
        factory.store  # noqa: B018  # a missing or outdated store is said here, once, and not by each worker
    hand_down(settings)
    with Follower(settings, leftovers=True) as follower:
        later = threading.Timer(_FOLLOW_AFTER_SECONDS, follower.start)
        later.daemon = True
        later.start()
        try:
            uvicorn.run(
                "asterism.factory:app",
                factory=True,
                host=host,
                port=port,
                workers=workers,
                access_log=False,  # queries may name what people look for; /metrics counts requests
                log_level="info",
                server_header=False,
                timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
            )
        finally:
            later.cancel()
            later.join()  # it may be at it: then the follower is there to be ended
