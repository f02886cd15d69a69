"""What people should look at after a harvest that went through: it lost, lacked or refused more than is usual."""

from __future__ import annotations

from dataclasses import dataclass

_FEW = 10  # records, below which a share says nothing
_LOST = 0.2  # of a source's records
_REFUSED = 0.1  # of what came


@dataclass(frozen=True, slots=True)
class Alarm:
    """A stable ``code`` and a sentence."""

    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.detail} [{self.code}]"


def drop(source: str, before: int, after: int) -> list[Alarm]:
    """The source has far fewer records than before."""
    lost = before - after
    if lost <= _FEW or lost <= _LOST * before:
        return []
    what = f"{source} went from {before} records to {after}; look whether its address, set or query still are right"
    return [Alarm("harvest.count-drop", what)]


def missing(source: str, count: int, known: int) -> list[Alarm]:
    """Far more records than usual are not there any more; each is asked for before it is deleted."""
    if count <= _FEW or count <= _LOST * known:
        return []
    return [Alarm("harvest.many-missing", f"{source} did not show {count} of its {known} records; asking for each")]


def incomplete(source: str, announced: int | None, received: int) -> list[Alarm]:
    """The source said that it has more than it gave. Its own count is a hint only, so this fails nothing."""
    if announced is None or received >= announced:
        return []
    return [Alarm("harvest.incomplete", f"{source} announced {announced} documents and gave {received}")]


def refused(source: str, count: int, fetched: int) -> list[Alarm]:
    """Much of what came is in quarantine."""
    if count <= _FEW or count <= _REFUSED * fetched:
        return []
    return [Alarm("harvest.many-quarantined", f"{count} of {fetched} documents of {source} are quarantined, see why")]


def unasked(source: str, count: int, reason: str) -> list[Alarm]:
    """Records that are missing, and that the source would not be asked about: they stay."""
    if not count:
        return []
    return [Alarm("harvest.unasked", f"{count} missing records of {source} were kept: it fails when asked ({reason})")]
