"""OAI-PMH 2.0, as VO registries (``ivo_vor``) and repositories (DataCite) speak it.

A harvest is incremental from the first ``responseDate`` of the last complete one. Its checkpoint is::

    {"set", "prefix", "format"   what was asked for; a checkpoint of other settings is not resumed
     "from"                      start of the window in the server's granularity, None for everything
     "first"                     responseDate of the list's first answer
     "token"                     where the list goes on, None at its start and its end
     "done"}                     True after the last page
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from harvesters.base import Begin, Fetched, Page
from harvesters.http import PoliteClient, public_url
from harvesters.oai_answer import Answer, BrokenXmlError, Entry, read, salvage, values
from schemas.errors import SourceError

# Records become visible a little after the datestamp they carry: transactions, replicas, clocks of several machines
OVERLAP = timedelta(minutes=5)
# Tokens that expire while we work: a server that drops the list this often will not let us finish it
MAX_RESTARTS = 3
# A page may be empty (sets are filtered late by some servers), a hundred in a row are a list that never ends
MAX_EMPTY = 100
# Servers put their OAI errors under these (InvenioRDM: 422), and some a missing record under 404 or 410
_ANSWERS = (400, 404, 410, 422)
_GONE = ("idDoesNotExist", "noRecordsMatch", "cannotDisseminateFormat")
# How a server fails on one record: 500, a page of HTML, or nothing at all
_FAILURES = ("source.http-status", "source.unreachable", "source.bad-answer", "source.truncated")


class OaiHarvester:
    """One OAI-PMH server, or one set of it.

    Parameters
    ----------
    client
        Sends the requests.
    url
        The base URL.
    formats
        ``(metadataPrefix, format)`` pairs, best first; when there are several, the first that the server has.
    set
        ``setSpec`` to harvest; everything by default.
    now
        The present time, which bounds what a server may claim.
    """

    lists_all = False

    def __init__(
        self,
        client: PoliteClient,
        url: str,
        *,
        formats: Sequence[tuple[str, str]],
        set: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._url, self._set, self._now = client, url, set, now
        self._formats = tuple(formats)
        self._chosen: tuple[str, str] | None = None
        self._shown: str | None = None  # a record that the list shows
        self.announces_deletions = False

    def pages(self, begin: Begin) -> Iterator[Page]:
        """Yield the list's pages; a list whose token the server refuses starts again."""
        seconds = self._identify()
        prefix, form = self._choose()
        ours = {"set": self._set, "prefix": prefix, "format": form}
        state = begin.checkpoint or {}
        if any(state.get(key) != value for key, value in ours.items()) or not {"from", "token", "done"} <= state.keys():
            since = _moment(begin.since)
            state = {**ours, "from": _stamp(since, seconds) if since else None}
            state |= {"first": None, "token": None, "done": False}
        if state["done"]:  # killed between the last page and the end of the harvest
            yield Page([], state)
            return
        for _ in range(MAX_RESTARTS + 1):
            window = {"metadataPrefix": prefix, "from": state["from"], "set": self._set}
            try:
                for answer, repeats in self._walk("ListRecords", window, state["token"]):
                    first = state["first"] or self._first(answer)
                    if repeats:  # start afresh next time: this token leads nowhere
                        state = {**state, "first": None, "token": None}
                    elif answer.whole:
                        state = {**state, "first": first, "token": answer.token, "done": answer.token is None}
                    items = [Fetched(native_id(one.identifier), one.raw, form, one.datestamp) for one in answer.entries]
                    problems = [(one and native_id(one), code, why, raw) for one, code, why, raw in answer.problems]
                    yield Page(items, state, answer.total, problems)
                return
            except _TokenRefusedError as error:
                refused = error
                state = {**state, "first": None, "token": None}
        raise refused.error

    def since(self, checkpoint: dict[str, Any]) -> str | None:
        """The first ``responseDate``, less an overlap; None (everything) where the server gave no date."""
        first = _moment(checkpoint.get("first"))
        return _stamp(first - OVERLAP, True) if first else None

    def identifiers(self) -> Iterator[list[str]]:
        """List the identifiers of all that is not deleted; one may come twice when the list had to start again."""
        window = {"metadataPrefix": self._choose()[0], "set": self._set}
        for _ in range(MAX_RESTARTS + 1):
            try:
                for answer, _ in self._walk("ListIdentifiers", window, None):
                    if answer.problems:
                        raise SourceError("bad-answer", f"{self._place} lists a header without identifier")
                    yield [native_id(entry.identifier) for entry in answer.entries if not entry.deleted]
                return
            except _TokenRefusedError as error:
                refused = error
        raise refused.error

    def is_gone(self, native_id: str) -> bool:
        """Ask by ``GetRecord``: no such record, a deleted one, or one that left the set or the format.

        InvenioRDM 14 has no answer for a deleted record: it fails. So one that the list does not show, and on which
        the server fails again and again while it gives another one, is gone.
        """
        try:
            entry = self._record(native_id, once=True)
        except SourceError as error:
            if error.code not in _FAILURES or not self._gives_others(native_id):
                raise
            try:
                entry = self._record(native_id, once=True)
            except SourceError as again:
                if again.code not in _FAILURES:
                    raise
                return True
        if entry is None:
            return True
        # setSpec is hierarchical: a:b is in a. A header without any is a server that does not say
        inside = not (self._set and entry.sets) or any(
            one == self._set or one.startswith(f"{self._set}:") for one in entry.sets
        )
        return entry.deleted or not inside

    def _record(self, native_id: str, *, once: bool = False) -> Entry | None:
        """One record's entry by ``GetRecord``, None when there is no such record."""
        parameters = {"verb": "GetRecord", "identifier": native_id, "metadataPrefix": self._choose()[0]}
        answer, status = self._ask(parameters, once=once)
        if answer is None or any(code in answer.errors for code in _GONE):
            return None
        self._raise_errors(answer, "GetRecord")
        if not answer.entries:
            raise SourceError("bad-answer", f"{self._place} answers GetRecord ({status}) without a record")
        return answer.entries[0]

    def _gives_others(self, native_id: str) -> bool:
        """Whether ``GetRecord`` works for a record that the list shows."""
        if self._shown is None:
            self._shown = next((one for some in self.identifiers() for one in some if one != native_id), None)
        if self._shown is None:
            return False
        entry = self._record(self._shown)
        return entry is not None and not entry.deleted

    # -- the protocol

    @property
    def _place(self) -> str:
        return public_url(self._url)

    def _identify(self) -> bool:
        """Learn how the server announces deletions; whether its datestamps have seconds."""
        answer = self._must("Identify", {})
        self.announces_deletions = next(values(answer.root, "deletedRecord"), "no").lower() == "persistent"
        return "hh" in next(values(answer.root, "granularity"), "YYYY-MM-DD")

    def _choose(self) -> tuple[str, str]:
        """The best of our formats that the server has."""
        if self._chosen is None:
            self._chosen = self._formats[0]
            if len(self._formats) > 1:
                known = list(values(self._must("ListMetadataFormats", {}).root, "metadataPrefix"))
                usable = [pair for pair in self._formats if pair[0] in known]
                if not usable:
                    ours = ", ".join(prefix for prefix, _ in self._formats)
                    raise SourceError("no-format", f"{self._place} offers none of {ours}, but {', '.join(known)[:200]}")
                self._chosen = usable[0]
        return self._chosen

    def _walk(self, verb: str, window: dict[str, str | None], token: str | None) -> Iterator[tuple[Answer, bool]]:
        """Yield the answers of one list, and whether the list begins to repeat itself, after which it ends.

        Raises
        ------
        _TokenRefusedError
            The server knows the token no more.
        SourceError
            ``source.token-loop``, ``source.truncated`` (after the answer was yielded), ``source.oai-<code>`` and more.
        """
        tokens = {token} if token else set[str]()
        shown: set[bytes] = set()
        empty = 0
        while True:
            asked = {"resumptionToken": token} if token else {name: one for name, one in window.items() if one}
            answer, status = self._ask({"verb": verb, **asked})
            if answer is None:
                raise SourceError("http-status", f"{self._place} says {status} to {verb}", status=status)
            if token and "badResumptionToken" in answer.errors:
                raise _TokenRefusedError(self._error(answer, verb, "badResumptionToken"))
            if set(answer.errors) != {"noRecordsMatch"}:
                self._raise_errors(answer, verb)
            if not answer.errors and answer.verb != verb:
                raise SourceError("bad-answer", f"{self._place} answers {verb} with neither a list nor an error")
            page = _fingerprint(answer)
            empty = 0 if answer.entries else empty + 1
            again = bool(answer.entries) and page in shown
            if again:  # another token, the same page
                answer.entries, answer.problems = [], []
            repeats = again or answer.token in tokens or empty > MAX_EMPTY
            yield answer, repeats
            if not answer.whole:
                raise SourceError("truncated", f"the answer of {self._place} to {verb} was cut short")
            if repeats:
                raise SourceError("token-loop", f"the list of {self._place} does not end: it repeats itself")
            if answer.token is None:
                return
            shown.add(page)
            token = answer.token
            tokens.add(token)

    def _ask(self, parameters: dict[str, str], *, once: bool = False) -> tuple[Answer | None, int]:
        """One answer and its HTTP status; None when it is an error status without OAI-PMH in it."""
        broken: BrokenXmlError | None = None
        for _attempt in (1, 2):
            response = self._client.get(self._url, params=parameters, accept=_ANSWERS, once=once)
            try:
                return read(response.content), response.status_code
            except BrokenXmlError as error:  # a connection cut by a proxy looks like this too: ask once more
                broken = error
            except SourceError as error:
                if response.is_success:
                    raise self._named(error) from error.__cause__
            if not response.is_success:
                if response.status_code in (404, 410):
                    return None, response.status_code
                status = response.status_code
                raise SourceError("http-status", f"{self._place} says {status}", status=status, url=self._place)
        try:
            return salvage(response.content), response.status_code
        except SourceError as error:
            raise self._named(error) from broken

    def _must(self, verb: str, parameters: dict[str, str]) -> Answer:
        answer, status = self._ask({"verb": verb, **parameters})
        if answer is None:
            raise SourceError("http-status", f"{self._place} says {status} to {verb}", status=status)
        self._raise_errors(answer, verb)
        if answer.verb != verb:
            raise SourceError("bad-answer", f"{self._place} answers {verb} with something else")
        return answer

    def _named(self, error: SourceError) -> SourceError:
        return SourceError(error.code.partition(".")[2], f"{self._place}: {error.detail}", url=self._place)

    def _raise_errors(self, answer: Answer, verb: str) -> None:
        for code in answer.errors:
            raise self._error(answer, verb, code)

    def _error(self, answer: Answer, verb: str, code: str) -> SourceError:
        plain = code if re.fullmatch(r"[A-Za-z]{1,40}", code) else "error"
        return SourceError(
            f"oai-{plain}", f"{self._place} answers {verb} with {plain}: {answer.errors[code]}".rstrip(": ")
        )

    def _first(self, answer: Answer) -> str | None:
        """When the server says the list began, but never later than now: a clock ahead would hide changes."""
        date = _moment(answer.date)
        return _stamp(min(date, self._now()), True) if date else None


class _TokenRefusedError(Exception):
    def __init__(self, error: SourceError) -> None:
        super().__init__(error.detail)
        self.error = error


def native_id(identifier: str) -> str:
    """One spelling of an OAI identifier: ivoids are compared without case (IVOA Identifiers 2.0, section 2.1)."""
    return identifier.lower() if identifier[:6].lower() == "ivo://" else identifier


def _fingerprint(answer: Answer) -> bytes:
    """The same for two answers with the same entries."""
    digest = hashlib.blake2b(digest_size=16)
    for entry in answer.entries:
        digest.update(repr((entry.identifier, entry.datestamp)).encode())
        digest.update(entry.raw or b"")
    return digest.digest()


def _moment(text: str | None) -> datetime | None:
    """An OAI UTCdatetime, of either granularity."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stamp(moment: datetime, seconds: bool) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ" if seconds else "%Y-%m-%d")
