"""``python -m demo``: a federation of three archives on this machine, harvested, searched and served.

What harvests, searches and serves is the ordinary command line, as separate processes, with the settings file that
is written here: ``asterism --config demo/run/asterism.toml ...`` does the same by hand while this runs.
"""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from demo.federation import HOST, PORT, Federation

RUN = Path(__file__).parent / "run"
API_PORT = 8000
CRAB = "83.6331,22.0145"  # degrees, ICRS
CONE = ("--cone", f"{CRAB},2")
FACETS = ("--facet", "source", "--facet", "kind", "--facet", "facilities", "--facet", "wavebands", "--limit", "0")
_REPEATS = 20
_PATIENCE = 15.0  # seconds that the API may take to stop


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; the exit code is 1 when a step of it failed."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _stop)
    for name in ("ASTERISM_CONFIG", "ASTERISM_DATA"):  # somebody's own catalogue is not for this
        os.environ.pop(name, None)
    try:
        return _run(options)
    except KeyboardInterrupt:
        _say("stopped")
        return 128 + signal.SIGINT
    except subprocess.CalledProcessError as error:
        _say(f"failed: {shlex.join(error.cmd)} ended with {error.returncode}")
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--port", type=int, default=API_PORT, help=f"the port of the API ({API_PORT})")
    parser.add_argument("--run", type=Path, default=RUN, metavar="FOLDER", help="settings and data (demo/run)")
    parser.add_argument("--federation-port", type=int, default=PORT, help=f"the archives' port, if free ({PORT})")
    parser.add_argument("--once", action="store_true", help="end after the searches, without serving")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> int:
    if not options.once and (problem := _taken(options.port)):
        _say(problem)
        return 1
    run: Path = options.run.absolute()
    run.mkdir(parents=True, exist_ok=True)
    config = run / "asterism.toml"
    with Federation(options.federation_port) as federation:
        config.write_text(federation.settings("data"), encoding="utf-8")
        _say(
            f"a federation on {federation.url}: {len(federation.vo.entries)} resources in a VO registry, "
            f"{len(federation.zenodo.records)} records in a Zenodo,\n"
            f"  {len(federation.lake.dids)} data identifiers in a Rucio. The facts are true and their origins are in "
            "demo/facts; the servers, copies and rules are not."
        )
        asterism = _command(config)
        try:
            asterism("init")
        except subprocess.CalledProcessError:
            if not (run / "data" / "asterism.db").is_file():  # then it is not a catalogue that failed
                raise
            _say("the catalogue here is of another version; it is made afresh")
            shutil.rmtree(run / "data")
            asterism("init")
        asterism("harvest")
        _say("the Crab nebula, 2 degrees around")
        asterism("search", *CONE, "--limit", "10")
        _timing(config, ("cone", CONE[1]))
        _say("everything, counted by four fields")
        asterism("search", *FACETS)
        _timing(config, ("facets", "source,kind,facilities,wavebands"), ("limit", "0"))
        _say("where copies should be: two policies of the settings file, and what people look for")
        asterism("policy", "check")
        asterism("hints", "--limit", "5")
        _say("a Rucio makes them so; the next harvest finds nothing more to do for the Crab")
        asterism("hints", "apply", "--yes", "--policy", "crab")
        asterism("harvest", "lake")
        asterism("hints", "--for", f"cone={CRAB},2")
        if options.once:
            return 0
        return _serve(config, options.port)


def _command(config: Path) -> Callable[..., None]:
    """The command line, shown as a person would type it and run with the settings of the demonstration."""

    def asterism(*words: str) -> None:
        _say(f"$ asterism --config {_short(config)} {shlex.join(words)}")
        subprocess.run([*_asterism(config), *words], check=True)

    return asterism


def _asterism(config: Path) -> list[str]:
    return [sys.executable, "-m", "asterism", "--config", str(config)]


def _timing(config: Path, *parameters: tuple[str, str]) -> None:
    """Say how long the search itself takes, without the start of a process."""
    from asterism.factory import Factory
    from asterism.settings import load
    from schemas.query import parse

    query = parse(parameters)
    with Factory(load(config)) as factory:
        total = factory.catalogue.search(query).total
        seconds = []
        for _ in range(_REPEATS):
            start = time.perf_counter()
            factory.catalogue.search(query)
            seconds.append(time.perf_counter() - start)
    _say(f"{total} records in {statistics.median(seconds) * 1e3:.2f} ms (median of {_REPEATS}, in process)")


def _serve(config: Path, port: int) -> int:
    """Serve until stopped; the federation stays too, so that more can be harvested."""
    _say(
        f"serving until stopped (Ctrl-C): http://{HOST}:{port}/docs\n"
        f"  http://{HOST}:{port}/api/v1/search?cone={CRAB},2&facets=facilities\n"
        f"  http://{HOST}:{port}/scs?RA=83.6331&DEC=22.0145&SR=2"
    )
    # a session of its own: Ctrl-C in the terminal comes here alone, and is passed on once
    child = subprocess.Popen([*_asterism(config), "serve", "--host", HOST, "--port", str(port)], start_new_session=True)
    try:
        code = child.wait()
    except KeyboardInterrupt:  # the way it is meant to end
        _end(child)
        _say("stopped")
        return 0
    finally:
        _end(child)
    _say(f"the API ended with {code}")
    return 1


def _end(child: subprocess.Popen[Any]) -> None:
    """Stop the API and its workers."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(_PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _taken(port: int) -> str | None:
    """A sentence when the API could not listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"port {port} of {HOST} is taken"
            else:
                why = f"port {port} of {HOST} cannot be used ({error.strerror})"
            return f"{why}; stop what listens there, or choose another: python -m demo --port {port + 1}"
    return None


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
