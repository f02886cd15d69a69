"""The way to an Elasticsearch server: the official client, bounded waits, and its errors in our words.

The client of version 8.19 asks for the forms of version 8, which servers of version 9 give too.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from schemas.errors import SearchIndexError

SEARCH_TIMEOUT = 30.0  # seconds
WRITE_TIMEOUT = 120.0
_BUSY = 429
_AWAY = (502, 503, 504)
_REFUSED = (401, 403)


class NotThere(Exception):  # noqa: N818 - an answer, not a failure: no index, document or point in time
    """The server answered 404."""


class Connection:
    """One server, or several behind one address; opens at the first request, safe in threads.

    ``url`` may hold a user and a password; they are sent, and not shown. ``ca`` is a PEM file of the
    authority that signed the server's certificate.
    """

    def __init__(self, url: str, *, api_key: str | None = None, ca: Path | None = None) -> None:
        parts = urlsplit(url)
        self._user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self.address = f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"
        self._key = api_key
        self._ca = ca
        self._lock = threading.Lock()
        self._client: Any = None

    def _open(self) -> Any:
        with self._lock:
            if self._client is None:
                from elasticsearch import Elasticsearch

                more: dict[str, Any] = {}
                if self._ca is not None:
                    more["ca_certs"] = str(self._ca)
                if self._key:
                    more["api_key"] = self._key
                elif self._user:
                    more["basic_auth"] = self._user
                self._client = Elasticsearch(self.address, request_timeout=SEARCH_TIMEOUT, max_retries=1, **more)
            return self._client

    def ask(
        self, method: str, path: str, body: Any = None, *, params: Mapping[str, Any] | None = None, timeout: float = 0
    ) -> Any:
        """The server's answer to one request.

        Raises
        ------
        NotThere
            It answered 404.
        SearchIndexError
            ``index.unreachable``, ``index.timeout``, ``index.refused``, ``index.unavailable``, ``index.overloaded``,
            ``index.not-elasticsearch``, ``index.bad-request``.
        """
        from elastic_transport import ConnectionTimeout, TransportError
        from elasticsearch import ApiError, UnsupportedProductError

        client = self._client or self._open()
        lines = path.endswith(("_bulk", "_msearch"))
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/x-ndjson" if lines else "application/json"
        if timeout:
            client = client.options(request_timeout=timeout)
        try:
            return client.perform_request(method, path, params=params, headers=headers, body=body).body
        except UnsupportedProductError as error:
            raise SearchIndexError(
                "not-elasticsearch", f"what answers at {self.address} is no Elasticsearch: correct `index`"
            ) from error
        except ApiError as error:
            raise self._refusal(error) from error
        except ConnectionTimeout as error:
            raise SearchIndexError(
                "timeout", f"Elasticsearch at {self.address} did not answer in time: look at its load, and try again"
            ) from error
        except TransportError as error:
            raise SearchIndexError(
                "unreachable",
                f"Elasticsearch at {self.address} cannot be reached ({_short(error)}): look whether it runs",
            ) from error

    def _refusal(self, error: Any) -> Exception:
        status = error.status_code
        if status == 404:
            return NotThere(error.message)
        said = reason(error.body)
        if status in _REFUSED:
            return SearchIndexError(
                "refused", f"Elasticsearch at {self.address} lets us not do this ({said}): look at the key or password"
            )
        if status == _BUSY:
            return SearchIndexError("overloaded", f"Elasticsearch at {self.address} has too much to do: try again")
        if status in _AWAY:
            return SearchIndexError(
                "unavailable", f"Elasticsearch at {self.address} cannot serve all of the index ({said}): look at it"
            )
        return SearchIndexError("bad-request", f"Elasticsearch at {self.address} takes a request for wrong: {said}")

    def close(self) -> None:
        """Let go of the connections; the next request opens others."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


def reason(body: Any) -> str:
    """What an error's body says, in short."""
    found = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(found, dict):
        deeper = (found.get("root_cause") or [found])[0]
        caused = found.get("caused_by") or deeper.get("caused_by") or {}
        found = caused.get("reason") or deeper.get("reason") or found.get("reason") or found
    return str(found)[:300]


def _short(error: Any) -> str:
    return str(getattr(error, "message", error))[:200]
