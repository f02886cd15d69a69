"""One polite HTTP client for every source.

It names itself and a contact, keeps to a rate, waits as long as ``Retry-After`` says, backs off,
and never takes more bytes or more time than it was given. What goes wrong leaves as a
:class:`~schemas.errors.SourceError`, whose text and context carry no password and no token:

========================== ====================================================================
``source.unreachable``     no connection, or it broke before the answer began
``source.timeout``         the source hangs or dribbles
``source.truncated``       the connection was cut inside the answer
``source.too-large``       the answer, decompressed, or one of its lines, is larger than allowed
``source.http-status``     a status that was not asked for; ``context["status"]`` is its number
``source.bad-answer``      an encoding that was not asked for, or damaged
``source.bad-redirect``    a redirect that leads nowhere, or too many
``source.bad-url``         an address that is no HTTP address, or a header that cannot be sent
``source.bad-certificate`` the client certificate or the CA bundle cannot be read
========================== ====================================================================
"""

from __future__ import annotations

import re
import ssl
import time
import weakref
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from harvesters.http_bounds import MIB, Again, Budget, Encoding, retry_after, within
from schemas.errors import SourceError

RETRIED = frozenset({429, 500, 502, 503, 504})
MAX_REDIRECTS = 5
MAX_BYTES = 64 * MIB  # of an answer
MAX_LINE = 16 * MIB  # of a streamed listing: a Rucio DID with all its metadata is a few kB
# What may follow a redirect to another host: no credential is among them, whatever header it travels in
_HARMLESS = frozenset({"accept", "accept-encoding", "connection", "content-type", "host", "user-agent"})
_SECRET = re.compile(r"(?i)token|passw|secret|auth|signature|credential|api_?key|^key$|^code$")

Params = Mapping[str, Any] | None
Headers = Mapping[str, str] | None


def user_agent(contact: str) -> str:
    """``Asterism/<version> (+contact)``, so that a source's operator knows whom to write to."""
    try:
        version = metadata.version("asterism")
    except metadata.PackageNotFoundError:  # run from a bare checkout
        version = "0"
    contact = re.sub(r"[^\x20-\x7e]", "?", contact)
    return f"Asterism/{version} (+{contact})" if contact else f"Asterism/{version}"


def public_url(url: str | httpx.URL) -> str:
    """``url`` without its user, password, fragment and secret query values, fit for messages and records."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "(an invalid address)"
    hidden = [
        (name, "hidden" if _SECRET.search(name) and name != "resumptionToken" else value)
        for name, value in parsed.params.multi_items()
    ]
    plain = parsed.copy_with(username=None, password=None, fragment=None, query=None)
    return str(plain.copy_with(params=hidden) if hidden else plain)


class PoliteClient:
    """See the module; ``close`` it, or use it in a ``with``. One client serves one source, one thread.

    Parameters
    ----------
    contact
        Mail address or page in the User-Agent.
    rate
        Requests a second, at most.
    timeout
        Seconds to wait for a connection and for each read.
    retries
        How often a request is repeated after 429, 500, 502, 503, 504, a timeout or a broken connection.
        POST is repeated like GET: sources are only read, and what is posted is a query.
    max_bytes
        Bound of an answer, decompressed.
    deadline
        Seconds that one request may spend on the network, all its repetitions together; pauses between
        them are not counted. For :meth:`lines` it bounds each line.
    transport, sleep, clock
        Where a test puts its doubles.
    verify
        False, or the path of a CA bundle or directory that is trusted too.
    cert
        Path of a PEM file with certificate and key, or a pair of paths.
    """

    def __init__(
        self,
        *,
        contact: str,
        rate: float | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        max_bytes: int = MAX_BYTES,
        deadline: float = 300.0,
        transport: httpx.BaseTransport | None = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1.0 / rate if rate else 0.0
        self._timeout, self._retries = timeout, retries
        self._max_bytes, self._deadline = max_bytes, deadline
        self._sleep, self._clock = sleep, clock
        self._next_start = float("-inf")
        self._doubled = transport is not None
        self._client = httpx.Client(
            headers={"User-Agent": user_agent(contact), "Accept-Encoding": "gzip"},
            transport=transport,
            verify=_tls(verify, cert),
            follow_redirects=False,  # by hand, see _redirected
        )
        # a harvester lives as long as its client and has no end of its own
        self._closing = weakref.finalize(self, self._client.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closing()

    def get(
        self,
        url: str,
        params: Params = None,
        headers: Headers = None,
        accept: Collection[int] = (),
        *,
        once: bool = False,
    ) -> httpx.Response:
        """The answer, fully read. A status in ``accept`` is returned, any other than 2xx raised.

        ``once``: a failure says something too, so it is not tried again.
        """
        return self._whole(self._request("GET", url, params=params, headers=headers), accept, once=once)

    def post(
        self,
        url: str,
        content: bytes | str | None = None,
        json: Any = None,
        params: Params = None,
        headers: Headers = None,
        accept: Collection[int] = (),
        data: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """POST a query (``data``: as a form); otherwise like :meth:`get`."""
        request = self._request("POST", url, content=content, json=json, data=data, params=params, headers=headers)
        return self._whole(request, accept)

    def write(
        self, method: str, url: str, json: Any = None, headers: Headers = None, accept: Collection[int] = ()
    ) -> httpx.Response:
        """PUT, POST or DELETE what changes something there: sent once, since one that failed may have been done."""
        return self._whole(self._request(method, url, params=None, headers=headers, json=json), accept, once=True)

    def lines(self, url: str, params: Params = None, headers: Headers = None) -> Iterator[bytes]:
        """Stream the lines of an answer of any length, without their ends; empty lines are left out.

        Requests are repeated until the answer begins; ``source.truncated`` after that is the caller's to resume.
        """
        answer = self._answer(self._request("GET", url, params=params, headers=headers), (), self._budget())
        rest = b""
        try:
            for chunk in self._body(answer, self._deadline):
                *whole, rest = (rest + chunk).split(b"\n")
                if max(map(len, (*whole, rest))) > MAX_LINE:
                    raise SourceError("too-large", f"{_name(answer)} has a line of more than {MAX_LINE // MIB} MiB")
                yield from filter(None, (line.rstrip(b"\r") for line in whole))
            if rest := rest.rstrip(b"\r"):
                yield rest
        except Again as broken:
            raise broken.error from broken.__cause__
        finally:
            answer.close()

    # -- one request, its repetitions and its redirects

    def _budget(self, *, once: bool = False) -> Budget:
        return Budget(self._deadline, 0 if once else self._retries, self._sleep)

    def _request(self, method: str, url: str, *, params: Params, headers: Headers, **rest: Any) -> httpx.Request:
        if not re.match("https?://", url, re.IGNORECASE):
            raise SourceError("bad-url", f"{public_url(url)} is not an http:// or https:// address")
        try:
            # an address may have a query of its own, which stays
            full = httpx.URL(url).copy_merge_params(params) if params else httpx.URL(url)
            request = self._client.build_request(method, full, headers=headers, **rest)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise SourceError("bad-url", f"{public_url(url)} or its headers cannot be sent; check them") from error
        if not request.url.host:
            raise SourceError("bad-url", f"{public_url(url)} names no host")
        return request

    def _whole(self, request: httpx.Request, accept: Collection[int], *, once: bool = False) -> httpx.Response:
        budget = self._budget(once=once)
        while True:
            answer = self._answer(request, accept, budget)
            start = self._clock()
            try:
                body = b"".join(self._body(answer, budget.left, self._max_bytes))
            except Again as broken:
                budget.spend(self._clock() - start)
                budget.again(broken.error, cause=broken.__cause__)
                continue
            finally:
                answer.close()
            # the body is decoded by now, and its length is what it is
            dropped = ("content-encoding", "content-length", "transfer-encoding")
            kept = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in dropped]
            return httpx.Response(answer.status_code, headers=kept, content=body, request=answer.request)

    def _answer(self, request: httpx.Request, accept: Collection[int], budget: Budget) -> httpx.Response:
        """The first answer with a status that is wanted; its body is still to be read."""
        while True:
            self._pace()
            start = self._clock()
            try:
                answer = self._open(request, budget.left)
            except Again as broken:
                budget.spend(self._clock() - start)
                budget.again(broken.error, cause=broken.__cause__)
                continue
            budget.spend(self._clock() - start)
            status = answer.status_code
            if answer.is_success or status in accept:
                return answer
            answer.close()
            url = public_url(answer.request.url)
            what = f"{url} says {status} {answer.reason_phrase}".rstrip()
            error = SourceError("http-status", what, status=status, url=url)
            if status not in RETRIED:
                raise error
            budget.again(error, asked=retry_after(answer.headers.get("retry-after")))

    def _open(self, request: httpx.Request, seconds: float) -> httpx.Response:
        """Send once and follow redirects."""
        for hop in range(MAX_REDIRECTS + 1):
            if hop:
                self._pace()
            request.extensions["timeout"] = httpx.Timeout(min(self._timeout, seconds)).as_dict()
            url = public_url(request.url)
            try:
                answer = self._send(request, seconds)
            except httpx.TimeoutException as error:
                raise Again(_timeout(request)) from error
            except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, UnicodeError) as error:
                # their text may quote the header, and so a token
                raise SourceError("bad-url", f"{url} or its headers cannot be sent; check them") from error
            except httpx.HTTPError as error:
                what = f"{url} cannot be reached ({type(error).__name__}); is the source up?"
                raise Again(SourceError("unreachable", what, url=url)) from error
            if not answer.has_redirect_location:
                return answer
            answer.close()
            request = _redirected(answer)
        raise SourceError("bad-redirect", f"{public_url(request.url)}: more than {MAX_REDIRECTS} redirects")

    def _send(self, request: httpx.Request, seconds: float) -> httpx.Response:
        if self._doubled:
            return self._client.send(request, stream=True)
        return within(seconds, lambda: self._client.send(request, stream=True))

    def _pace(self) -> None:
        now = self._clock()
        if now < self._next_start:
            self._sleep(self._next_start - now)
        self._next_start = max(now, self._next_start) + self._interval

    def _body(self, answer: httpx.Response, seconds: float, bound: int | None = None) -> Iterator[bytes]:
        """The body, decoded, in bounded pieces; ``Again`` when it is cut, or slow.

        ``seconds`` may be spent waiting for it; without a ``bound``, for each line of it.
        """
        if answer.is_stream_consumed:  # a test double made with content=: httpx has decoded it already
            if bound is not None and len(answer.content) > bound:
                raise _too_large(answer, bound)
            yield answer.content
            return
        encoding = Encoding(answer, _name(answer))
        promised = answer.headers.get("content-length", "")
        received = taken = 0
        waited, start = 0.0, self._clock()
        try:
            for chunk in answer.iter_raw():
                waited += self._clock() - start
                if waited > seconds:
                    raise Again(_timeout(answer.request))
                received += len(chunk)
                for piece in encoding.decode(chunk):
                    taken += len(piece)
                    if bound is not None and taken > bound:
                        raise _too_large(answer, bound)
                    if bound is None and b"\n" in piece:
                        waited = 0.0
                    yield piece
                start = self._clock()  # what the reader did meanwhile is not the source's delay
        except httpx.TimeoutException as error:
            raise Again(_timeout(answer.request)) from error
        except httpx.HTTPError as error:
            raise Again(_truncated(answer)) from error
        except zlib.error as error:
            raise SourceError("bad-answer", f"{_name(answer)} is not the gzip that it says it is") from error
        if (promised.isdigit() and received < int(promised)) or not encoding.complete:
            raise Again(_truncated(answer))


def _redirected(answer: httpx.Response) -> httpx.Request:
    """The request that a redirect asks for; to another origin without any credential."""
    old, new = answer.request, answer.next_request
    if new is None or new.url.scheme not in ("http", "https"):
        raise SourceError("bad-redirect", f"{_name(answer)} redirects to no HTTP address")
    if (old.url.scheme, old.url.host, old.url.port) != (new.url.scheme, new.url.host, new.url.port):
        for name in set(new.headers.keys()) - _HARMLESS:
            del new.headers[name]
    return new


def _tls(verify: bool | str, cert: str | tuple[str, str] | None) -> ssl.SSLContext | bool:
    if verify is not True or cert is not None:
        try:
            context = httpx.create_ssl_context(verify=bool(verify))
            if isinstance(verify, str):
                folder = Path(verify).is_dir()
                context.load_verify_locations(**({"capath": verify} if folder else {"cafile": verify}))
            if cert is not None:
                context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
        except OSError as error:  # ssl.SSLError is one
            what = f"the certificate {cert or verify} cannot be read ({type(error).__name__})"
            raise SourceError("bad-certificate", f"{what}; it has to be PEM, with its key") from error
        return context
    return True


def _name(answer: httpx.Response) -> str:
    return public_url(answer.request.url)


def _timeout(request: httpx.Request) -> SourceError:
    url = public_url(request.url)
    return SourceError("timeout", f"{url} hangs or answers too slowly; try again later", url=url)


def _truncated(answer: httpx.Response) -> SourceError:
    return SourceError("truncated", f"the answer of {_name(answer)} was cut short", url=_name(answer))


def _too_large(answer: httpx.Response, bound: int) -> SourceError:
    detail = f"the answer of {_name(answer)} is larger than {bound / MIB:.0f} MiB, which is more than is taken"
    return SourceError("too-large", detail, url=_name(answer))
