"""The polite client, against doubles and against a socket that misbehaves."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from harvesters.http import PoliteClient, public_url
from schemas.errors import SourceError

OK = httpx.Response(200, text="ok")


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def client(answers: Any, clock: Clock | None = None, **options: Any) -> PoliteClient:
    """A client whose network is ``answers``: a function, or responses and exceptions one after the other."""
    clock = clock or Clock()
    if not callable(answers):
        queue = iter(answers)

        def answers(request: httpx.Request) -> httpx.Response:
            one = next(queue)
            if isinstance(one, Exception):
                raise one
            return one

    double = httpx.MockTransport(answers)
    return PoliteClient(contact="a@example.org", transport=double, sleep=clock.sleep, clock=clock, **options)


class Server:
    """One thread that lets ``talk`` answer each connection after its request has been read."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.served = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.served += 1
                try:
                    connection.recv(65536)
                    self._talk(connection)
                except OSError:
                    pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    servers: list[Server] = []

    def make(talk: Callable[[socket.socket], None]) -> Server:
        servers.append(Server(talk))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def test_it_names_itself_and_a_contact() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["User-Agent"])
        return OK

    client(answer).get("http://source.test/")
    assert seen[0].startswith("Asterism/") and seen[0].endswith(" (+a@example.org)")


def test_requests_keep_to_the_rate(clock: Clock) -> None:
    polite = client(lambda _: OK, clock, rate=0.5)
    starts = []
    for _ in range(3):
        polite.get("http://source.test/")
        starts.append(clock.now)
    assert starts == [0.0, 2.0, 4.0]


def test_waiting_for_ones_turn_is_not_the_sources_delay(clock: Clock) -> None:
    polite = client(lambda _: httpx.Response(200, content=iter([b"o", b"k"])), clock, rate=0.01, deadline=10)
    assert [polite.get("http://source.test/").text for _ in range(3)] == ["ok"] * 3 and clock.now == 200


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_obeyed(clock: Clock, status: int) -> None:
    answer = client([httpx.Response(status, headers={"Retry-After": "7"}), OK], clock).get("http://source.test/")
    assert answer.text == "ok" and clock.slept == [7.0]


def test_retry_after_as_a_date_is_obeyed(clock: Clock) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    client([httpx.Response(503, headers={"Retry-After": when}), OK], clock).get("http://source.test/")
    assert len(clock.slept) == 1 and 85 < clock.slept[0] <= 90


@pytest.mark.parametrize("value", ["soon", "-5", "Mon, 99 Foo 2020"])
def test_a_nonsense_retry_after_is_a_backoff(clock: Clock, value: str) -> None:
    client([httpx.Response(503, headers={"Retry-After": value}), OK], clock).get("http://source.test/")
    assert len(clock.slept) == 1 and 0.5 <= clock.slept[0] <= 1.0


def test_a_retry_after_of_a_day_ends_the_harvest_now(clock: Clock) -> None:
    with pytest.raises(SourceError) as caught:
        client([httpx.Response(429, headers={"Retry-After": "86400"})], clock).get("http://source.test/")
    assert caught.value.code == "source.http-status" and caught.value.context["retry_after"] == 86400.0
    assert clock.slept == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_it_backs_off_longer_each_time_and_then_gives_up(clock: Clock, status: int) -> None:
    with pytest.raises(SourceError) as caught:
        client(lambda _: httpx.Response(status), clock, retries=3).get("http://source.test/")
    assert caught.value.code == "source.http-status" and caught.value.context["status"] == status
    first, second, third = clock.slept
    assert 0.5 <= first <= 1 and 1 <= second <= 2 and 2 <= third <= 4


def test_a_broken_connection_is_tried_again(clock: Clock) -> None:
    assert client([httpx.ConnectError("refused"), OK], clock).get("http://source.test/").text == "ok"


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_other_statuses_are_raised_at_once_unless_they_are_asked_for(clock: Clock, status: int) -> None:
    with pytest.raises(SourceError) as caught:
        client([httpx.Response(status)], clock).get("http://source.test/")
    assert caught.value.context["status"] == status and clock.slept == []
    accepted = client([httpx.Response(status, text="why")], clock).get("http://source.test/", accept=(status,))
    assert (accepted.status_code, accepted.text) == (status, "why")


def every_httpx_error() -> list[type[httpx.RequestError]]:
    def below(kind: type[httpx.RequestError]) -> Iterator[type[httpx.RequestError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return sorted(set(below(httpx.RequestError)), key=lambda kind: kind.__name__)


def test_every_httpx_error_becomes_ours() -> None:
    assert len(every_httpx_error()) > 12
    for kind in every_httpx_error():
        with pytest.raises(SourceError) as caught:
            client([kind("token=hush")], retries=0).get("http://source.test/")
        assert isinstance(caught.value.__cause__, kind), kind
        assert "hush" not in str(caught.value), kind


def test_errors_tell_no_secret() -> None:
    url = "http://ada:hush@source.test/x?access_token=hush&q=crab&resumptionToken=t1#hush"
    with pytest.raises(SourceError) as caught:
        client([httpx.Response(403)]).get(url, headers={"X-Rucio-Auth-Token": "hush"})
    assert "hush" not in f"{caught.value} {caught.value.context}" and "q=crab" in str(caught.value)
    assert public_url(url) == "http://source.test/x?access_token=hidden&q=crab&resumptionToken=t1"


@pytest.mark.parametrize("url", ["nonsense", "ftp://source.test/", "http://", "http://ada:hu/sh@source.test:x/"])
def test_an_address_that_is_none_is_said_so(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        client([OK]).get(url)
    assert caught.value.code == "source.bad-url" and "hu/sh" not in str(caught.value)


def test_a_query_in_the_address_stays() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return OK

    client(answer).get("http://source.test/oai?repo=7", {"verb": "Identify"})
    assert asked == ["http://source.test/oai?repo=7&verb=Identify"]


def test_a_redirect_to_another_host_takes_no_credential_along() -> None:
    seen: dict[str, httpx.Headers] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        seen[request.url.host] = request.headers
        elsewhere = {"Location": "http://other.test/"}
        return httpx.Response(302, headers=elsewhere) if request.url.host == "source.test" else OK

    client(answer).get(
        "http://source.test/", headers={"X-Rucio-Auth-Token": "t", "Authorization": "u", "Accept": "a/b"}
    )
    assert seen["source.test"]["X-Rucio-Auth-Token"] == "t"
    assert not {"x-rucio-auth-token", "authorization", "cookie"} & set(seen["other.test"])
    assert seen["other.test"]["Accept"] == "a/b"


@pytest.mark.parametrize("to", ["http://source.test/", "ftp://source.test/"])
def test_a_redirect_that_leads_nowhere_is_refused(to: str) -> None:
    with pytest.raises(SourceError) as caught:
        client(lambda _: httpx.Response(302, headers={"Location": to})).get("http://source.test/")
    assert caught.value.code in ("source.bad-redirect", "source.bad-url")


# -- a socket that misbehaves


def real(**options: Any) -> PoliteClient:
    settings: dict[str, Any] = {"retries": 0, "timeout": 0.3, "deadline": 0.6, **options}
    return PoliteClient(contact="a@example.org", sleep=lambda _: None, **settings)


def drip(head: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(piece)
            time.sleep(0.05)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(lambda connection: time.sleep(1), id="silence"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x"), id="a body that drips"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"), id="a header that drips"),
    ],
)
def test_a_source_that_hangs_or_dribbles_is_left(serve: Any, talk: Any) -> None:
    server = serve(talk)
    start = time.monotonic()
    with real() as polite, pytest.raises(SourceError) as caught:
        polite.get(server.url)
    assert caught.value.code == "source.timeout"
    assert time.monotonic() - start < 3


def test_a_source_that_hung_twice_is_not_asked_again(clock: Clock) -> None:
    asked: list[httpx.Request] = []

    def hangs(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ReadTimeout("nothing came", request=request)

    with pytest.raises(SourceError) as caught:
        client(hangs, clock, retries=5, deadline=1e9).get("https://a.example/")
    assert (caught.value.code, len(asked)) == ("source.timeout", 2)


def test_a_cut_answer_is_asked_for_again_and_then_truncated(serve: Any) -> None:
    server = serve(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"))
    with real(retries=2) as polite, pytest.raises(SourceError) as caught:
        polite.get(server.url)
    assert caught.value.code == "source.truncated" and server.served == 3


def send_gzip(body: bytes, encoding: bytes = b"gzip") -> Callable[[socket.socket], None]:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(body))
    return lambda connection: connection.sendall(head + body)


def test_gzip_is_undone_also_in_several_members(serve: Any) -> None:
    server = serve(send_gzip(gzip.compress(b"one ") + gzip.compress(b"two")))
    with real() as polite:
        answer = polite.get(server.url)
    assert answer.content == b"one two" and "content-encoding" not in answer.headers


def test_a_gzip_bomb_meets_the_bound(serve: Any) -> None:
    server = serve(send_gzip(gzip.compress(bytes(30_000_000))))
    with real(max_bytes=2_000_000) as polite, pytest.raises(SourceError) as caught:
        polite.get(server.url)
    assert caught.value.code == "source.too-large"


def test_gzip_that_ends_early_is_truncated(serve: Any) -> None:
    server = serve(send_gzip(gzip.compress(b"some text")[:-6]))
    with real() as polite, pytest.raises(SourceError) as caught:
        polite.get(server.url)
    assert caught.value.code == "source.truncated"


@pytest.mark.parametrize(("body", "encoding"), [(b"<html/>", b"gzip"), (b"x", b"br"), (b"x", b"gzip, gzip")])
def test_an_encoding_that_is_not_what_it_says_is_refused(serve: Any, body: bytes, encoding: bytes) -> None:
    server = serve(send_gzip(body, encoding))
    with real() as polite, pytest.raises(SourceError) as caught:
        polite.get(server.url)
    assert caught.value.code == "source.bad-answer"


# -- lines


def streamed(*chunks: bytes, error: Exception | None = None, clock: Clock | None = None, pause: float = 0) -> Any:
    def parts() -> Iterator[bytes]:
        for chunk in chunks:
            if clock:
                clock.now += pause
            yield chunk
        if error:
            raise error

    return lambda _: httpx.Response(200, content=parts())


def test_lines_are_whole_wherever_the_chunks_end() -> None:
    polite = client(streamed(b'{"a"', b": 1}\r\n\n{", b'"b": 2}\n{"c": 3}'))
    assert list(polite.lines("http://source.test/")) == [b'{"a": 1}', b'{"b": 2}', b'{"c": 3}']


def test_lines_that_are_cut_say_so_after_the_whole_ones() -> None:
    polite = client(streamed(b"1\n2\n3", error=httpx.RemoteProtocolError("peer closed connection")))
    got = []
    with pytest.raises(SourceError) as caught:
        for line in polite.lines("http://source.test/"):
            got.append(line)
    assert caught.value.code == "source.truncated" and got == [b"1", b"2"]


def test_a_line_without_end_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harvesters.http.MAX_LINE", 1000)
    polite = client(streamed(*itertools.repeat(b"x" * 300, 10)))
    with pytest.raises(SourceError) as caught:
        list(polite.lines("http://source.test/"))
    assert caught.value.code == "source.too-large"


def test_a_reader_that_takes_its_time_is_not_the_sources_delay(clock: Clock) -> None:
    polite = client(streamed(b"1\n", b"2\n", b"3\n"), clock, deadline=10)
    for _ in polite.lines("http://source.test/"):
        clock.now += 1000


def test_lines_that_dribble_are_a_timeout(clock: Clock) -> None:
    polite = client(streamed(*[b"x"] * 20, clock=clock, pause=1.0), clock, deadline=10)
    with pytest.raises(SourceError) as caught:
        list(polite.lines("http://source.test/"))
    assert caught.value.code == "source.timeout"


def test_a_certificate_that_cannot_be_read_is_said_so() -> None:
    with pytest.raises(SourceError) as caught:
        PoliteClient(contact="a@example.org", cert="no-such-file.pem")
    assert caught.value.code == "source.bad-certificate"
