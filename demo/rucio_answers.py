"""How Rucio 41 answers: lists as newline-delimited JSON, dates as RFC 1123 with ``UTC``, errors with their class."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from starlette.responses import Response


class RucioError(Exception):
    """One of Rucio's exceptions, by name, and the status that it is answered with."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name = status, name

    def answer(self) -> Response:
        """As Rucio says it, in headers and body."""
        body = {"ExceptionClass": self.name, "ExceptionMessage": str(self)}
        return Response(json.dumps(body), self.status, body, "application/octet-stream")


def rucio_date(moment: datetime) -> str:
    """RFC 1123, in Rucio's spelling of the zone."""
    return moment.strftime("%a, %d %b %Y %H:%M:%S UTC")


def as_json(value: Any, status: int = 200) -> Response:
    """One JSON value; infinity comes bare, as from Rucio."""
    return Response(json.dumps(value), status, media_type="application/json")


def as_lines(rows: Iterable[Any]) -> Response:
    """One JSON value a line."""
    return Response("".join(json.dumps(row) + "\n" for row in rows), media_type="application/x-json-stream")
