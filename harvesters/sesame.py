"""Names of objects asked of a Sesame service (CDS): SIMBAD, NED and VizieR behind one address.

The answer is the XML of ``-oxp`` (http://vizier.cds.unistra.fr/xml/sesame_4x.xsd): a ``Resolver`` for each
service that was asked, of which the first with ``jradeg`` and ``jdedeg`` (degrees, J2000 as ICRS) counts.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import quote

from harvesters.http import PoliteClient, public_url
from mappings.safe_xml import Element, parse_xml
from schemas.errors import MappingError, SourceError
from schemas.numbers import number
from schemas.objects import KnownObject

CDS = "https://cds.unistra.fr/cgi-bin/nph-sesame"
TIMEOUT = 3.0  # seconds: somebody waits for the search that names the object
MAX_BYTES = 1_000_000  # an answer has all the names of an object, some kB

_log = logging.getLogger(__name__)
_OPTIONS = "/-oxp/SNV"  # XML as plain text; SIMBAD, then NED, then VizieR, until one knows it
_LONGEST = 100  # characters of a name
_KEPT = 10_000  # names
_UNKNOWN_SECONDS = 600.0  # a name that nobody knows may be a new transient's
_REST_SECONDS = 60.0  # a service that fails is left alone: searches do not wait for it again and again


def polite_client(contact: str) -> PoliteClient:
    """A client that gives up soon enough for somebody who waits."""
    return PoliteClient(contact=contact, rate=5.0, timeout=TIMEOUT, deadline=TIMEOUT, retries=0, max_bytes=MAX_BYTES)


class Sesame:
    """``url`` is the service's address, without options (:data:`CDS`). Threads share it; one asks at a time."""

    def __init__(self, url: str, client: PoliteClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url, self._client, self._clock = url.rstrip("/"), client, clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, tuple[float, KnownObject | None]] = OrderedDict()  # with when it ends
        self._rests_until = -math.inf

    def close(self) -> None:
        self._client.close()

    def resolve(self, name: str) -> KnownObject | None:
        """Where ``name`` is; None when nobody knows it, or when the service cannot say, which the log tells."""
        asked = " ".join(name.split())
        if not asked or len(asked) > _LONGEST or not asked.isprintable():
            return None
        key = asked.casefold()
        with self._lock:
            until, found = self._answers.get(key, (-math.inf, None))
            if self._clock() < until:
                self._answers.move_to_end(key)
                return found
            if self._clock() < self._rests_until:
                return None
            try:
                found = _read(self._client.get(f"{self._url}{_OPTIONS}?{quote(asked, safe='')}").content, asked)
            except (SourceError, MappingError) as error:
                # not what was asked: what people look for may be private
                _log.warning("the resolver %s fails (%s) and is left alone", public_url(self._url), error.code)
                self._rests_until = self._clock() + _REST_SECONDS
                return None
            self._answers[key] = (math.inf if found else self._clock() + _UNKNOWN_SECONDS, found)
            if len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
            return found


def _read(body: bytes, asked: str) -> KnownObject | None:
    """The first position of an answer; ``MappingError`` when it is none."""
    root = parse_xml(body)
    if root.tag != "Sesame":
        raise MappingError("bad-xml", f"the answer is no Sesame document but <{str(root.tag)[:40]}>")
    for resolver in root.iter("Resolver"):
        ra, dec = _degrees(resolver, "jradeg"), _degrees(resolver, "jdedeg")
        if ra is not None and dec is not None:
            if not (0 <= ra <= 360 and -90 <= dec <= 90):
                raise MappingError("bad-xml", f"({ra:g}, {dec:g}) is not on the sky")
            name = " ".join((resolver.findtext("oname") or "").removeprefix("NAME ").split())
            # such as "Sc=Simbad (CDS, via client/server)", "N=NED"
            source = (resolver.get("name") or "").rpartition("=")[2].partition("(")[0].strip()
            return KnownObject(name or asked, ra, dec, source or "Sesame")
    return None


def _degrees(resolver: Element, tag: str) -> float | None:
    text = resolver.findtext(tag)
    if text is None:
        return None
    try:
        value = number(text)
    except ValueError as error:
        raise MappingError("bad-xml", f"{tag} is {text[:40]!r}") from error
    return value if math.isfinite(value) else None
