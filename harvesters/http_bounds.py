"""What one HTTP request may cost: attempts, seconds, and bytes in memory."""

from __future__ import annotations

import queue
import random
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from schemas.errors import SourceError

MIB = 1024 * 1024
MAX_RETRY_AFTER = 600.0  # seconds; who wants to be left alone for longer is asked again in the next harvest
MAX_BACKOFF = 60.0
MAX_HANGS = 2  # of one request: a source that hung twice hangs, and the other sources wait for it


class Again(Exception):  # noqa: N818 -- not an error: a reason to try again
    """An attempt failed in a way that the next one may not."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(error.detail)
        self.error = error


class Budget:
    """What one request may still cost: seconds on the network, and attempts."""

    def __init__(self, seconds: float, retries: int, sleep: Callable[[float], object]) -> None:
        self._seconds, self._retries, self._sleep = seconds, retries, sleep
        self._failed = self._hung = 0

    @property
    def left(self) -> float:
        return max(self._seconds, 0.001)

    def spend(self, seconds: float) -> None:
        self._seconds -= seconds

    def again(self, error: SourceError, *, cause: BaseException | None = None, asked: float | None = None) -> None:
        """Pause before the next attempt (``asked``: seconds the source wants); raise ``error`` if there is none."""
        self._failed += 1
        self._hung += error.code == "source.timeout"
        if asked is not None and asked > MAX_RETRY_AFTER:
            detail = f"{error.detail} and asks to be left alone for {asked:.0f} s; harvest it again after that"
            raise SourceError("http-status", detail, **error.context, retry_after=asked)
        if self._failed > self._retries or self._hung >= MAX_HANGS or self._seconds <= 0:
            raise error from cause
        # jitter, so that clients that failed together do not come back together
        backoff = min(MAX_BACKOFF, 2.0 ** (self._failed - 1)) * random.uniform(0.5, 1.0)
        self._sleep(backoff if asked is None else asked)


class Encoding:
    """Content-Encoding, undone in pieces of at most 1 MiB, so that a gzip bomb meets the bound and not the memory."""

    def __init__(self, answer: httpx.Response, place: str) -> None:
        named = answer.headers.get("content-encoding", "identity").strip().lower()
        if named not in ("", "identity", "gzip", "x-gzip"):
            raise SourceError("bad-answer", f"{place} is encoded as {named[:40]!r}, which was not asked for")
        self._gzip = named.endswith("gzip")
        self._member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self._started = False

    @property
    def complete(self) -> bool:
        return not (self._gzip and self._started) or self._member.eof

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        if not self._gzip:
            yield chunk
            return
        while chunk:
            if self._member.eof:
                if not chunk.strip(b"\0"):  # padding, which gzip allows
                    return
                self._member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            self._started = True
            yield self._member.decompress(chunk, MIB)
            chunk = self._member.unconsumed_tail or self._member.unused_data


def retry_after(value: str | None) -> float | None:
    """Seconds to wait, from ``Retry-After`` (RFC 9110, section 10.2.3): a number or an HTTP date."""
    if value is None:
        return None
    if re.fullmatch(r"\s*\d{1,9}\s*", value, re.ASCII):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:  # HTTP dates are UTC, whatever they fail to say
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def within(seconds: float, send: Callable[[], httpx.Response]) -> httpx.Response:
    """What ``send`` gives, or ``httpx.ReadTimeout`` when that takes longer.

    httpx bounds each read; a header that comes a byte at a time would keep it waiting for days. So a thread does the
    waiting, and is left to itself when it takes too long.
    """
    outcome: queue.SimpleQueue[httpx.Response | BaseException] = queue.SimpleQueue()
    late = threading.Event()

    def work() -> None:
        try:
            answer = send()
        except BaseException as error:  # whatever it is, the caller gets it
            outcome.put(error)
            return
        outcome.put(answer)
        if late.is_set():
            answer.close()

    threading.Thread(target=work, daemon=True, name="asterism-http").start()
    try:
        got = outcome.get(timeout=seconds)
    except queue.Empty:
        late.set()
        if not outcome.empty() and isinstance(just_in := outcome.get(), httpx.Response):
            just_in.close()
        raise httpx.ReadTimeout("the header did not come in time") from None
    if isinstance(got, BaseException):
        raise got
    return got
