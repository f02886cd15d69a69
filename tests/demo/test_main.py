"""``python -m demo`` from its start to its end, as people run it: it takes half a minute."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]


def command(run: Path, *words: str, archives: int = 0) -> list[str]:
    return [sys.executable, "-m", "demo", "--run", str(run), "--federation-port", str(archives), *words]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_taken_port_is_said_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(tmp_path, "--port", str(port)), cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.stdout
    assert not list(tmp_path.iterdir())


def test_it_harvests_searches_serves_and_ends_clean_and_does_so_twice(tmp_path: Path) -> None:
    archives = free_port()  # the same twice: a source at another address would be another source
    words = command(tmp_path, "--once", archives=archives)
    elsewhere = {**os.environ, "ASTERISM_DATA": str(tmp_path / "mine")}
    first = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=200, env=elsewhere)
    assert first.returncode == 0, first.stdout + first.stderr
    assert not (tmp_path / "mine").exists()  # a catalogue of one's own is left alone
    assert re.search(r"^vo +251 +251 +0 +0 +0 .* ok$", first.stdout, re.MULTILINE)
    assert re.search(r"^zenodo +107 +107 +0 +0 +0 .* ok$", first.stdout, re.MULTILINE)
    assert re.search(r"^lake +446 +446 +0 +0 +0 .* ok$", first.stdout, re.MULTILINE)
    assert re.search(r"^H\.E\.S\.S\. +105$", first.stdout, re.MULTILINE)
    assert len(re.findall(r"^\d+ records in [\d.]+ ms", first.stdout, re.MULTILINE)) == 2
    assert "crab: 4 datasets match" in first.stdout and "4 rules made" in first.stdout
    assert re.search(r"^0 hints; the lake as of", first.stdout, re.MULTILINE)  # of the Crab, once they are made

    port = free_port()
    log = tmp_path / "second.txt"
    with log.open("w") as out:
        words = command(tmp_path, "--port", str(port), archives=archives)
        second = subprocess.Popen(words, cwd=ROOT, stdout=out, stderr=out)
    try:
        answer = _first_answer(f"http://127.0.0.1:{port}/api/v1/search", second)
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0, log.read_text()
    finally:
        second.kill()
        second.wait()
    # the lake is a new one, without the rules that the first run had made: four datasets change, and then again
    assert len(re.findall(r"^lake +446 +0 +4 +0 +0 .* ok$", log.read_text(), re.MULTILINE)) == 2
    assert answer["facets"]["targets"]["buckets"][0] == {"value": "Crab", "count": 4}
    with pytest.raises(httpx.ConnectError):  # the API ended with it
        httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)


def _first_answer(url: str, process: subprocess.Popen[bytes]) -> dict[str, dict[str, dict[str, list[object]]]]:
    parameters = {"cone": "83.6331,22.0145,2", "source": "lake", "facets": "targets", "limit": "0"}
    for _ in range(600):
        assert process.poll() is None, "the demonstration ended by itself"
        try:
            answer = httpx.get(url, params=parameters, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.25)
            continue
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
    raise AssertionError("the API did not answer within 150 seconds")
