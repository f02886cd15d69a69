"""A Sesame service as CDS runs it, doubled: found, unknown, broken, slow, gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import httpx
import pytest

from harvesters.http import PoliteClient
from harvesters.sesame import Sesame, polite_client
from schemas.objects import KnownObject

M31 = """<?xml version="1.0" encoding="UTF-8" ?>
<Sesame xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://vizier.u-strasbg.fr/xml/sesame_4x.xsd">
<Target option="SNV">
  <name>m 31</name>
  <!-- Q1 #1 -->
  <Resolver name="Sc=Simbad (CDS, via client/server)">
    <otype>AGN</otype>
    <jpos>00:42:44.33 +41:16:07.5</jpos>
    <jradeg>10.68470833</jradeg>
    <jdedeg>41.26875000</jdedeg>
    <refPos>2006AJ....131.1163S</refPos>
    <oname>M  31</oname>
  </Resolver>
</Target>
</Sesame>
"""
NOTHING = """<?xml version="1.0" encoding="UTF-8" ?>
<Sesame><Target option="SNV"><name>xyzzy</name><INFO> *** Nothing found *** </INFO></Target></Sesame>
"""
SECOND = """<Sesame><Target option="SNV"><name>x</name>
<Resolver name="Sc=Simbad"><INFO>from cache</INFO></Resolver>
<Resolver name="N=NED"><jradeg>314.75</jradeg><jdedeg>-44.37</jdedeg></Resolver></Target></Sesame>"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Service:
    """What the next answers are, and what was asked."""

    def __init__(self, body: str, status: int = 200) -> None:
        self.body, self.status = body, status
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return httpx.Response(self.status, content=self.body.encode())


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sesame(service: Service, clock: Clock) -> Sesame:
    client = PoliteClient(contact="", retries=0, transport=httpx.MockTransport(service))
    return Sesame("https://sesame.example/nph-sesame/", client, clock=clock)


def test_a_name_is_asked_once_and_then_known(clock: Clock) -> None:
    service = Service(M31)
    one = sesame(service, clock)
    assert one.resolve("m  31") == one.resolve("M 31") == KnownObject("M 31", 10.68470833, 41.26875, "Simbad")
    clock.now = 1e9
    assert one.resolve("m 31") is not None
    assert service.asked == ["https://sesame.example/nph-sesame/-oxp/SNV?m%2031"]


def test_a_name_is_one_name_whatever_is_in_it(clock: Clock) -> None:
    service = Service(NOTHING)
    assert sesame(service, clock).resolve("a&b=c #1+2/ä") is None
    assert service.asked[0].endswith("/-oxp/SNV?a%26b%3Dc%20%231%2B2%2F%C3%A4")


def test_an_unknown_name_is_asked_again_after_some_minutes(clock: Clock) -> None:
    service = Service(NOTHING)
    one = sesame(service, clock)
    assert one.resolve("AT 2030a") is one.resolve("at 2030A") is None
    clock.now = 599
    assert one.resolve("AT 2030a") is None
    assert len(service.asked) == 1
    clock.now, service.body = 601, M31
    assert one.resolve("AT 2030a") is not None
    assert len(service.asked) == 2


def test_the_first_resolver_with_a_position_counts(clock: Clock) -> None:
    assert sesame(Service(SECOND), clock).resolve("x y") == KnownObject("x y", 314.75, -44.37, "NED")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (M31, 500),
        ("", 200),
        ("<html><body>maintenance</body></html>", 200),
        (M31[:200], 200),
        ("<!DOCTYPE Sesame [<!ENTITY x 'y'>]>" + SECOND, 200),
        (M31.replace("10.68470833", "ten"), 200),
        (M31.replace("10.68470833", "361"), 200),
        (M31.replace("41.26875000", "-90.1"), 200),
    ],
)
def test_a_bad_answer_is_none_and_is_logged(
    body: str, status: int, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(body, status)
    one = sesame(service, clock)
    with caplog.at_level(logging.WARNING):
        assert one.resolve("M 31") is None
    assert "sesame.example" in caplog.text
    assert "31" not in caplog.text  # what people look for may be private
    # it rests, for every name, and is asked again then
    assert one.resolve("M 33") is None
    assert len(service.asked) == 1
    clock.now, service.body, service.status = 61, M31, 200
    assert one.resolve("M 31") is not None


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\0b", "a\x1bb"])
def test_what_is_no_name_is_not_asked(name: str, clock: Clock) -> None:
    service = Service(M31)
    assert sesame(service, clock).resolve(name) is None
    assert service.asked == []


def test_a_secret_in_the_address_is_not_logged(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    client = PoliteClient(contact="", retries=0, transport=httpx.MockTransport(Service("", 503)))
    with caplog.at_level(logging.WARNING):
        assert Sesame("https://me:hunter2@sesame.example/s", client, clock=clock).resolve("M 31") is None
    assert caplog.text and "hunter2" not in caplog.text


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        options, _, name = self.path.partition("?")
        body = M31 if (options, unquote(name).casefold()) == ("/nph-sesame/-oxp/SNV", "m 31") else NOTHING
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/nph-sesame"
        server.shutdown()
        thread.join()


def test_over_the_network_from_many_threads(served: str) -> None:
    one = Sesame(served, polite_client("me@example.org"))
    found: list[KnownObject | None] = []
    threads = [threading.Thread(target=lambda: found.append(one.resolve("M 31"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [KnownObject("M 31", 10.68470833, 41.26875, "Simbad")] * 8
    assert one.resolve("xyzzy") is None
    one.close()


def test_a_service_that_is_not_there(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    one = Sesame("http://127.0.0.1:9/nph-sesame", polite_client(""), clock=clock)
    assert one.resolve("M 31") is None
    assert "unreachable" in caplog.text
    one.close()
