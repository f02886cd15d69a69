"""The kinds of sources: what each may be told, and the harvester it gets. A harvester is imported when it is built."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harvesters.base import Harvester
from schemas.errors import SettingsError

if TYPE_CHECKING:
    import httpx

    from harvesters.http import PoliteClient
    from harvesters.rucio_session import RucioSession

# kind -> its keys in the settings -> whether it cannot do without
OPTIONS: dict[str, dict[str, bool]] = {
    "vo-oai": {"url": True, "set": False},
    "vo-regtap": {"url": True},
    "rucio": {
        "url": True,
        "account": True,
        "auth": True,
        "username": False,
        "password": False,
        "token_file": False,
        "certificate": False,
        "scopes": False,
        "types": False,
    },
    "invenio": {"url": True, "query": False, "communities": False},
    "oai-datacite": {"url": True, "set": False},
}
# Requests a second where the settings say nothing. Zenodo allows 30 searches a minute to guests and 120 OAI-PMH
# requests a minute; registries and data lakes publish no figure, so theirs are what a person with a browser might do.
RATES = {"vo-oai": 2.0, "vo-regtap": 2.0, "rucio": 10.0, "invenio": 0.5, "oai-datacite": 1.0}

# Bytes: an OAI-PMH server says how long its pages are, and one monstrous record must not hide the others of its page
OAI_PAGE = 160 * 2**20


def build(
    kind: str,
    options: Mapping[str, Any],
    *,
    contact: str,
    rate: float | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Harvester:
    """The harvester of a source.

    Parameters
    ----------
    kind, options
        A key of :data:`OPTIONS`, and values for the keys that it lists.
    contact
        For the User-Agent.
    rate
        Requests a second at most; by default that of :data:`RATES`, and none on this machine's own loopback address.
    transport
        In place of the network, for tests. RegTAP speaks through pyvo and takes it through an adapter.

    Raises
    ------
    SettingsError
        ``settings.unknown-kind``, ``settings.unknown-key``, ``settings.missing-key``.
    SourceError
        ``source.bad-certificate``.
    """
    _check(kind, options)
    client = _client(kind, options, contact, rate, transport)
    url = str(options["url"]).strip()
    rest = {key: value for key, value in options.items() if key != "url"}
    match kind:
        case "vo-oai":
            from harvesters.oai import OaiHarvester

            return OaiHarvester(client, url, formats=(("ivo_vor", "voresource"),), **rest)
        case "oai-datacite":
            from harvesters.oai import OaiHarvester

            formats = (("datacite", "datacite"), ("oai_datacite", "datacite"), ("oai_dc", "oai_dc"))
            return OaiHarvester(client, url, formats=formats, **rest)
        case "vo-regtap":
            from harvesters.regtap import RegTapHarvester

            return RegTapHarvester(client, url)
        case "rucio":
            from harvesters.rucio import RucioHarvester

            return RucioHarvester(client, url, **rest)
        case "invenio":
            from harvesters.invenio import InvenioHarvester

            return InvenioHarvester(client, url, **rest)
    raise AssertionError(kind)  # OPTIONS and this table name the same kinds


def rucio_session(
    options: Mapping[str, Any], contact: str, rate: float | None = None, transport: httpx.BaseTransport | None = None
) -> RucioSession:
    """Requests to the Rucio of a ``rucio`` source, with its credentials; otherwise as :func:`build`."""
    _check("rucio", options)
    from harvesters.rucio_session import RucioSession

    client = _client("rucio", options, contact, rate, transport)
    rest = {key: value for key, value in options.items() if key not in ("url", "scopes", "types")}
    return RucioSession(client, str(options["url"]).strip(), **rest)


def _check(kind: str, options: Mapping[str, Any]) -> None:
    own = OPTIONS.get(kind)
    if own is None:
        raise SettingsError("unknown-kind", f"no kind of source {kind!r}; there is {', '.join(OPTIONS)}", key="kind")
    for key in options:
        if key not in own:
            raise SettingsError("unknown-key", f"a {kind} source has no {key!r}; it has {', '.join(own)}", key=key)
    for key, required in own.items():
        if required and not options.get(key):
            raise SettingsError("missing-key", f"a {kind} source needs {key!r}", key=key)


def _client(
    kind: str, options: Mapping[str, Any], contact: str, rate: float | None, transport: httpx.BaseTransport | None
) -> PoliteClient:
    from harvesters.http import MAX_BYTES, PoliteClient

    return PoliteClient(
        contact=contact,
        rate=rate or (None if _is_loopback(str(options["url"]).strip()) else RATES[kind]),
        transport=transport,
        cert=options.get("certificate") if options.get("auth") == "x509" else None,
        max_bytes=OAI_PAGE if kind in ("vo-oai", "oai-datacite") else MAX_BYTES,
    )


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
