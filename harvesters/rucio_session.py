"""Talking to a Rucio server: tokens, and its newline-delimited JSON.

Rucio (41) answers lists as NDJSON, dates as RFC 1123, 401 for a bad token and 400 for none. It prints
bare ``Infinity``. A token of ``/auth/...`` lives for an hour or so; an OpenID Connect token is made by
somebody else and left in a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from harvesters.http import PoliteClient
from mappings import loose_json
from schemas.errors import SettingsError, SourceError

_T = TypeVar("_T")
AUTH = ("userpass", "x509", "oidc")
# A token is renewed this long before its end, so that a long listing does not outlive it
RENEWAL = 120.0
# Where Rucio does not say when a token ends; its own default is an hour
LIFETIME = 3600.0
# 503 is what Rucio says when it has too much to do; it may have words too, but then another try is what it needs
_REFUSALS = frozenset({400, 401, 403, 404, 406, 409, 500, 501})


class RucioSession:
    """Requests to one Rucio server as one account.

    Parameters
    ----------
    client
        Sends the requests; for ``x509`` it has to present the certificate.
    url
        Address of the server, before ``/dids``.
    account
        Rucio account to act as.
    auth
        ``userpass`` (with ``username`` and ``password``), ``x509`` (with ``certificate``) or ``oidc`` (with
        ``token_file``, read again whenever it changes).
    now
        Seconds on a clock that only goes forward.

    Raises
    ------
    SettingsError
        ``settings.rucio``: what this way to authenticate needs is missing.
    """

    def __init__(
        self,
        client: PoliteClient,
        url: str,
        *,
        account: str,
        auth: str,
        username: str | None = None,
        password: str | None = None,
        token_file: str | None = None,
        certificate: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        needed = {
            "userpass": {"username": username, "password": password},
            "x509": {"certificate": certificate},
            "oidc": {"token_file": token_file},
        }
        if auth not in needed:
            raise SettingsError("rucio", f"auth = {auth!r} is unknown: it is one of {', '.join(AUTH)}")
        if missing := [name for name, value in needed[auth].items() if not value]:
            raise SettingsError("rucio", f"auth = {auth!r} needs {' and '.join(missing)}")
        self._client, self._url, self._account, self._auth = client, url.rstrip("/"), account, auth
        self._credentials = {"X-Rucio-Username": username or "", "X-Rucio-Password": password or ""}
        self._token_file = Path(token_file) if token_file else None
        self._now = now
        self._token: str | None = None
        self._renew_at = 0.0

    def __repr__(self) -> str:  # never the credentials
        return f"RucioSession({self._url!r}, account={self._account!r}, auth={self._auth!r})"

    @property
    def account(self) -> str:
        """Who acts."""
        return self._account

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None, accept: Collection[int] = ()) -> httpx.Response:
        """GET; a status in ``accept`` is returned, any other but 2xx is a SourceError."""
        return self._authorised(
            lambda headers: self._client.get(self._url + path, params=params, headers=headers, accept=accept)
        )

    def post(
        self, path: str, body: Any, accept: Collection[int] = (), headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """POST a question; as :meth:`get`."""
        more = dict(headers or {})
        return self._authorised(
            lambda token: self._client.post(self._url + path, json=body, headers=token | more, accept=accept)
        )

    def write(self, method: str, path: str, body: Any) -> httpx.Response:
        """POST, PUT or DELETE what changes Rucio, once: whoever asked looks whether a request that failed was done.

        What Rucio refuses in words of its own (a header ``ExceptionClass``) is returned, whatever its status: it
        answers 401 also to an account that may not do this.
        """

        def send(headers: dict[str, str]) -> httpx.Response:
            answer = self._client.write(method, self._url + path, json=body, headers=headers, accept=_REFUSALS)
            said = answer.headers.get("ExceptionClass")
            if answer.is_success or said not in (None, "CannotAuthenticate"):
                return answer
            status, url = answer.status_code, self._url + path
            raise SourceError("http-status", f"{url} says {status} {answer.reason_phrase}", status=status, url=url)

        return self._authorised(send)

    def lines(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """GET a list as it comes, each line parsed; raises SourceError when it is cut short."""

        def first(headers: dict[str, str]) -> tuple[Iterator[bytes], bytes | None]:
            stream = self._client.lines(self._url + path, params=params, headers=headers)
            return stream, next(stream, None)  # the status is known with the first line

        stream, line = self._authorised(first)
        if line is not None:
            yield self.parse(line, path)
            for line in stream:
                yield self.parse(line, path)

    def rows(self, response: httpx.Response, path: str) -> list[dict[str, Any]]:
        """The objects of an NDJSON answer."""
        rows = [self.parse(line, path) for line in response.content.splitlines() if line.strip()]
        if not all(isinstance(row, dict) for row in rows):
            raise self.unexpected(path)
        return rows

    def parse(self, text: bytes, path: str) -> Any:
        """One JSON value, made fit to be written again."""
        try:
            return loose_json.loads(text)
        except ValueError:
            raise self.unexpected(path) from None

    def unexpected(self, path: str) -> SourceError:
        """The error for an answer that is not what Rucio's API promises."""
        url = self._url + path
        return SourceError(
            "bad-answer", f"{url} answers something else than Rucio does; is it a Rucio server?", url=url
        )

    # -- tokens ---------------------------------------------------------------------------------------

    def _authorised(self, send: Callable[[dict[str, str]], _T]) -> _T:
        """Send with a token; once more with a new one when the server says 401."""
        headers = self._headers()
        try:
            return send(headers)
        except SourceError as error:
            if error.context.get("status") != 401:
                raise
        self._token = None
        renewed = self._headers()
        if renewed == headers:
            detail = f"{self._url} refuses the token in {self._token_file}; put a new one there"
            raise SourceError("unauthorised", detail, status=401)
        try:
            return send(renewed)
        except SourceError as error:
            if error.context.get("status") != 401:
                raise
            detail = f"{self._url} refuses even a new token for the account {self._account!r}; check the account"
            raise SourceError("unauthorised", detail, status=401) from None

    def _headers(self) -> dict[str, str]:
        if self._auth == "oidc":
            self._token = self._read_token()
        elif self._token is None or self._now() >= self._renew_at:
            self._token = self._log_in()
        return {"X-Rucio-Auth-Token": self._token, "X-Rucio-Account": self._account}

    def _read_token(self) -> str:
        assert self._token_file is not None  # the constructor asked for it
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            detail = f"the token file {self._token_file} cannot be read ({type(error).__name__})"
            raise SourceError("unauthorised", detail) from None
        if not token or not token.isascii() or any(map(str.isspace, token)):
            raise SourceError("unauthorised", f"the token file {self._token_file} holds no token")
        return token

    def _log_in(self) -> str:
        headers = {"X-Rucio-Account": self._account, **(self._credentials if self._auth == "userpass" else {})}
        try:
            response = self._client.get(f"{self._url}/auth/{self._auth}", headers=headers)
        except SourceError as error:
            if error.context.get("status") not in (401, 403):
                raise
            what = "username, password" if self._auth == "userpass" else "certificate"
            detail = f"{self._url} lets nobody in as {self._account!r} with this {what}; check them and the account"
            raise SourceError("unauthorised", detail, status=error.context["status"]) from None
        token = response.headers.get("X-Rucio-Auth-Token")
        if not token:
            raise self.unexpected(f"/auth/{self._auth}")
        lifetime = _seconds_between(response.headers.get("Date"), response.headers.get("X-Rucio-Auth-Token-Expires"))
        lifetime = LIFETIME if lifetime is None else lifetime
        self._renew_at = self._now() + max(lifetime - RENEWAL, lifetime / 2)
        return str(token)


def _seconds_between(date: str | None, expires: str | None) -> float | None:
    """How long a token lives by the server's own clock, which need not be ours."""
    try:
        return max(0.0, (parsedate_to_datetime(expires or "") - parsedate_to_datetime(date or "")).total_seconds())
    except (ValueError, TypeError):  # TypeError: one date has a zone and the other none
        return None


def did_path(scope: str, name: str) -> str:
    """``/dids/SCOPE/NAME``: a name may hold slashes, which travel encoded."""
    return f"/dids/{quote(scope, safe='')}/{quote(name, safe='')}"
