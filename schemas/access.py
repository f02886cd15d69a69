"""Who may see a record: one predicate, for the engine's documents and for what is fetched by id alike."""

from __future__ import annotations

from collections.abc import Set

from schemas.record import Record


def visible(record: Record, groups: Set[str]) -> bool:
    """Say whether a member of ``groups`` may see ``record`` at all.

    Restricted data whose metadata the source shows to everyone (``rights.discoverable``) is seen by all;
    other restricted records only by the members of one of ``rights.groups``. Embargoed records are seen:
    the embargo is on the data (InvenioRDM 14, access.record and access.files).
    """
    rights = record.get("rights") or {}
    if rights.get("level") != "restricted" or rights.get("discoverable") is True:
        return True
    return not groups.isdisjoint(rights.get("groups") or ())
