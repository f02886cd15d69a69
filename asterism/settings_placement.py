"""The settings of placement: ``[lake]``, ``[demand]`` and ``[[policies]]`` of ``asterism.toml``."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from placement.settings import DemandSettings, LakeSettings
from schemas.amounts import duration, size
from schemas.errors import SettingsError
from schemas.policy import read_policy

LAKE_KEYS = ("source", "activity", "window", "transfer", "max_rules")
DEMAND_KEYS = ("enabled", "half_life", "sites", "traces")
_MOST_RULES = 100_000


class _Source(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...


def read_placement(document: Mapping[str, Any], where: str, folder: Path, sources: Sequence[_Source]) -> dict[str, Any]:
    """The fields ``lake``, ``demand`` and ``policies`` of the settings.

    Raises
    ------
    SettingsError
        ``settings.unknown-key``, ``settings.missing-key``, ``settings.bad-value``, ``settings.duplicate-policy``.
    PolicyError
        What is wrong with a policy.
    """
    tables = document.get("policies", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError("bad-value", f"policies in {where}: write each policy as a table, [[policies]]")
    policies = tuple(read_policy(table, f"policy {n} of {where}") for n, table in enumerate(tables, 1))
    for n, one in enumerate(policies):
        if any(other.name == one.name for other in policies[:n]):
            raise SettingsError("duplicate-policy", f"two policies are named {one.name!r} in {where}; rename one")
    return {
        "lake": _lake(document.get("lake"), f"lake in {where}", sources),
        "demand": _demand(document.get("demand"), f"demand in {where}", folder),
        "policies": policies,
    }


def _lake(table: Any, place: str, sources: Sequence[_Source]) -> LakeSettings | None:
    if table is None:
        return None
    _table(table, LAKE_KEYS, place)
    lakes = [one.name for one in sources if one.kind == "rucio"]
    if not (source := _text(table, "source", place)):
        raise SettingsError("missing-key", f'{place} has no source; name a rucio source: source = "..."', key="source")
    if source not in lakes:
        there = f"there is {', '.join(lakes)}" if lakes else "there is none yet"
        raise SettingsError("bad-value", f"source of {place}: no rucio source {source!r}; {there}", key="source")
    made: dict[str, Any] = {"source": source}
    if activity := _text(table, "activity", place):
        made["activity"] = activity
    if (window := _amount(table, "window", duration, place)) is not None:
        made["window"] = window
    if (transfer := _amount(table, "transfer", size, place)) is not None:
        made["transfer"] = round(transfer)
    if (rules := table.get("max_rules")) is not None:
        if isinstance(rules, bool) or not isinstance(rules, int) or not 0 <= rules <= _MOST_RULES:
            said = f"max_rules of {place}: give a whole number up to {_MOST_RULES}"
            raise SettingsError("bad-value", said, key="max_rules")
        made["max_rules"] = rules
    return LakeSettings(**made)


def _demand(table: Any, place: str, folder: Path) -> DemandSettings:
    if table is None:
        return DemandSettings()
    _table(table, DEMAND_KEYS, place)
    made: dict[str, Any] = {}
    if (enabled := table.get("enabled")) is not None:
        if not isinstance(enabled, bool):
            raise SettingsError("bad-value", f"enabled of {place}: write true or false", key="enabled")
        made["enabled"] = enabled
    if (half_life := _amount(table, "half_life", duration, place)) is not None:
        made["half_life"] = half_life
    if (sites := table.get("sites")) is not None:
        if not isinstance(sites, dict) or not all(isinstance(site, str) and site for site in sites.values()):
            raise SettingsError("bad-value", f'sites of {place}: write {{ "192.0.2.0/24" = "SITE" }}', key="sites")
        try:
            networks = [(ipaddress.ip_network(network), site) for network, site in sites.items()]
        except ValueError as error:
            raise SettingsError("bad-value", f"sites of {place}: {error}", key="sites") from None
        # the narrowest first: it is the one that is meant
        made["sites"] = tuple(sorted(networks, key=lambda one: (-one[0].prefixlen, str(one[0]))))
    if traces := _text(table, "traces", place):
        made["traces"] = folder / traces
    return DemandSettings(**made)


def _table(table: Any, known: Iterable[str], place: str) -> None:
    allowed = list(known)
    if not isinstance(table, dict):
        raise SettingsError("bad-value", f"{place}: write a table of {', '.join(allowed)}")
    for key in table:
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, 1, 0.4)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it may have {', '.join(allowed)}"
            raise SettingsError("unknown-key", f"unknown key {key!r} in {place}{hint}", key=key)


def _text(table: Mapping[str, Any], key: str, place: str) -> str | None:
    value = table.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise SettingsError("bad-value", f"{key} of {place}: give a text that is not empty", key=key)


def _amount(table: Mapping[str, Any], key: str, read: Callable[[str], float], place: str) -> float | None:
    if (text := _text(table, key, place)) is None:
        return None
    try:
        return read(text)
    except ValueError as error:
        raise SettingsError("bad-value", f"{key} of {place}: {error}", key=key) from None
