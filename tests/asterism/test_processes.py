"""What only whole processes show: signals, start-up, the server, two processes at one index."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from asterism import follower, settings
from asterism.factory import Factory
from catalog.documents import Put
from catalog.lease import Lease
from tests.asterism.conftest import CRAB, Registry, Run

ASTERISM = [sys.executable, "-m", "asterism"]


@contextmanager
def started(config: Path, *arguments: str, start_new_session: bool = False) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*ASTERISM, "--config", str(config), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
        cwd=config.parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_harvest_keeps_what_it_has(
    run: Run, config: Path, registry: Registry, number: signal.Signals, code: int
) -> None:
    config.write_text(f'[[sources]]\nname = "reg"\nkind = "vo-oai"\nurl = "{registry.url}"\n')
    registry.hold = True
    with started(config, "harvest") as process:
        assert registry.held.wait(60)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    assert len(run("export").stdout.splitlines()) == 2
    registry.hold = False
    registry.release.set()
    result = run("harvest")
    assert result.exit_code == 0, result.output
    assert "4 of 4" in run("search").stdout


def _saved_only(config: Path) -> None:
    """A record in the store whose indexing was never reached."""
    with Factory(settings.load(config)) as factory:
        named = {"identifiers": [{"scheme": "doi", "value": "10.5072/late"}]}
        factory.store.save("late", [Put("doi:10.5072/late", {**CRAB, **named, "id": "0" * 16, "source": "late"})])


def test_a_search_takes_up_what_a_killed_command_left(
    filled: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _saved_only(config)
    monkeypatch.setattr("asterism.commands.asking.MOST_TO_TAKE_UP", 0)
    behind = filled("search", "--source", "late")
    assert "0 of 0" in behind.stdout and "1 changes" in behind.stderr
    monkeypatch.undo()
    found = filled("search", "--source", "late")
    assert "1 of 1" in found.stdout and found.stderr == ""


def test_a_search_does_not_wait_for_who_is_at_the_index(filled: Run, config: Path) -> None:
    _saved_only(config)
    with Factory(settings.load(config)) as factory, Lease(factory.store, "index"):
        behind = filled("search", "--source", "late")
    assert "0 of 0" in behind.stdout and "1 changes" in behind.stderr


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(
    config: Path, *arguments: str, start_new_session: bool = False
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    serve = ("serve", "--port", str(port), *arguments)
    with started(config, *serve, start_new_session=start_new_session) as process:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"{base}/readyz").status_code == 200
                break
            except httpx.TransportError:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield process, base


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_answers_until_it_is_stopped(filled: Run, config: Path, workers: str) -> None:
    with serving(config, "--workers", workers) as (process, base):
        query = {"cone": "83.63,22.01,1", "facets": "kind"}
        answer = httpx.get(f"{base}/api/v1/search", params=query).json()
        own = json.loads(filled("search", "--cone", query["cone"], "--facet", "kind", "--format", "json").stdout)
        assert answer == own
        assert [item["title"] for item in answer["items"]] == ["Crab"]
        # what another process imports, the next answer has
        again = {**CRAB, "identifiers": [{"scheme": "doi", "value": "10.5072/again"}], "title": "Crab again"}
        filled("import", "-", text=json.dumps(again))
        assert httpx.get(f"{base}/api/v1/search", params=query).json()["total"] == 2
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert "83.63" not in said  # what people look for is in no log


def test_a_server_takes_up_what_a_killed_command_left(filled: Run, config: Path) -> None:
    with serving(config) as (_, base):
        _saved_only(config)
        query = {"source": "late", "limit": "0"}
        assert _within(60, lambda: httpx.get(f"{base}/api/v1/search", params=query).json()["total"] == 1)


def test_a_server_stops_when_its_whole_group_is_told_to(filled: Run, config: Path) -> None:
    """As systemd does it: the follower is gone before the server can tell it."""
    with serving(config, start_new_session=True) as (process, base):
        _saved_only(config)
        query = {"source": "late", "limit": "0"}
        assert _within(60, lambda: httpx.get(f"{base}/api/v1/search", params=query).json()["total"] == 1)  # it is there
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_workers_of_a_killed_server_end_too(filled: Run, config: Path) -> None:
    with serving(config, "--workers", "2") as (process, base):
        process.kill()
        process.wait()

        def gone() -> bool:
            try:
                httpx.get(f"{base}/healthz")
            except httpx.TransportError:
                return True
            return False

        assert _within(30, gone)


def test_serve_without_a_store_says_what_to_do(config: Path) -> None:
    with started(config, "serve", "--port", str(_free_port())) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "asterism init" in said


def test_help_loads_nothing_heavy() -> None:
    heavy = {"sqlalchemy", "numpy", "tantivy", "httpx", "fastapi", "marshmallow", "astropy", "lxml", "uvicorn"}
    program = f"import sys, asterism.cli; print(sorted({heavy!r} & set(sys.modules)), 'click' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_search_leaves_the_slow_libraries_alone(filled: Run, config: Path) -> None:
    program = (
        "import sys; from click.testing import CliRunner; from asterism.cli import cli;"
        f"done = CliRunner().invoke(cli, ['--config', {str(config)!r}, 'search', 'crab', '--cone', '83,22,2']);"
        "print('1 of 1' in done.output, sorted({'astropy', 'fastapi', 'uvicorn', 'mocpy', 'lxml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_an_import_is_indexed_by_a_second_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "START_AFTER", 1)
    lines = "".join(
        json.dumps({**CRAB, "identifiers": [{"scheme": "doi", "value": f"10.5072/{n}"}]}) + "\n" for n in range(4000)
    )
    result = run("import", "-", text=lines)
    assert result.exit_code == 0, result.output
    assert "of 4000" in run("search", "--limit", "1").stdout
    assert run("doctor").exit_code == 0
