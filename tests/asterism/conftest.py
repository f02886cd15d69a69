"""A place to work in, the command line as a function, and a registry that can be made to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result

from asterism.cli import cli

CRAB = {
    "identifiers": [{"scheme": "doi", "value": "10.5072/a1"}],
    "kind": "observation",
    "title": "Crab",
    "position": {"ra": 83.63, "dec": 22.01},
    "facilities": ["H.E.S.S."],
    "wavebands": ["gamma-ray"],
    "time": [{"min": 53345.9, "max": 53346.0}],
    "bytes": 1000,
    "extra": {"hess": {"obs_id": 23523}},
}
VELA = {
    "identifiers": [{"scheme": "rucio", "value": "scope:vela"}],
    "kind": "dataset",
    "title": "Vela\x1b[31m in red",
    "position": {"ra": 128.83, "dec": -45.18},
    "calib_level": -1,
    "bytes": 5,
}
HIDDEN = {
    "identifiers": [{"scheme": "doi", "value": "10.5072/secret"}],
    "kind": "dataset",
    "title": "Crab in private",
    "rights": {"level": "restricted", "groups": ["few"]},
}

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASTERISM_CONFIG", "ASTERISM_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "asterism.toml"
    file.write_text('data = "kept"\n')
    return file


@pytest.fixture
def run(config: Path) -> Run:
    """``run("search", "crab")``: what ``asterism --config FILE search crab`` does."""

    def invoke(*arguments: str, text: str | None = None) -> Result:
        return CliRunner().invoke(cli, ["--config", str(config), *arguments], input=text)

    return invoke


@pytest.fixture
def filled(run: Run) -> Run:
    """The same, where three records have been imported, one of them restricted."""
    lines = "".join(json.dumps(record) + "\n" for record in (CRAB, VELA, HIDDEN))
    result = run("import", "--source", "hess", "-", text=lines)
    assert result.exit_code == 0, result.output
    return run


class Registry(ThreadingHTTPServer):
    """An OAI-PMH server of four VO resources on two pages; ``hold`` makes it wait before the second."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.hold = False
        self.held = threading.Event()
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/oai"


class _Answers(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if asked.get("resumptionToken") and self.server.hold:
            self.server.held.set()
            self.server.release.wait(60)
        body = _answer(asked).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _answer(asked: dict[str, str]) -> str:
    match asked.get("verb"):
        case "Identify":
            inside = (
                "<Identify><repositoryName>Test</repositoryName><baseURL>http://127.0.0.1/oai</baseURL>"
                "<protocolVersion>2.0</protocolVersion><adminEmail>a@example.org</adminEmail>"
                "<earliestDatestamp>2000-01-01T00:00:00Z</earliestDatestamp><deletedRecord>persistent</deletedRecord>"
                "<granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify>"
            )
        case "ListRecords" if "from" in asked:
            inside = '<error code="noRecordsMatch">nothing new</error>'
        case "ListRecords":
            second = "resumptionToken" in asked
            records = "".join(map(_record, (3, 4) if second else (1, 2)))
            token = "" if second else "next"
            inside = f"<ListRecords>{records}<resumptionToken>{token}</resumptionToken></ListRecords>"
        case _:
            inside = '<error code="badVerb">what?</error>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        f"<responseDate>2026-01-01T00:00:00Z</responseDate><request>http://127.0.0.1/oai</request>{inside}</OAI-PMH>"
    )


def _record(number: int) -> str:
    ivoid = f"ivo://example.test/r{number}"
    return (
        f"<record><header><identifier>{ivoid}</identifier><datestamp>2020-01-01T00:00:00Z</datestamp></header><metadata>"
        '<ri:Resource xmlns:ri="http://www.ivoa.net/xml/RegistryInterface/v1.0" xmlns=""'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:vr="http://www.ivoa.net/xml/VOResource/v1.0"'
        ' xsi:type="vr:Service" status="active" created="2019-01-01T00:00:00" updated="2020-01-01T00:00:00">'
        f"<title>Resource {number}</title><identifier>{ivoid}</identifier><curation><publisher>Us</publisher>"
        "<contact><name>Us</name></contact></curation><content><subject>stars</subject>"
        "<description>One of four.</description><referenceURL>http://example.test/</referenceURL></content>"
        "</ri:Resource></metadata></record>"
    )


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()
    thread.join()
