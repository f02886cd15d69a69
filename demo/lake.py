"""A data lake as Rucio keeps one: containers of datasets with columns, JSON metadata, replicas and rules.

What a dataset is, where it points, when it was taken and how large it is are facts. Where its copies lie is not:
storage elements, replicas, rules and accounts are synthetic, and their names say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demo.rows import FIRST, Row, datestamp, rows
from demo.storage import DISK_A, DISK_B, RSES, TAPE

__all__ = ["ACCOUNT", "RSES", "Did", "Lake", "Rule"]
ACCOUNT = "synthetic"
Key = tuple[str, str]
# Particle physics on tape and one disk, the sky on both disks: so that facets over RSEs have something to tell
_PLACES = {"cernopendata": (DISK_A, TAPE)}
_SKY = (DISK_A, DISK_B)


@dataclass(slots=True)
class Rule:
    """A replication rule on a dataset, or on a container and all that is in it; it holds copies at ``rses``."""

    scope: str
    name: str
    rse_expression: str
    copies: int
    rses: tuple[str, ...]
    account: str = ACCOUNT
    activity: str = "User Subscriptions"
    comments: str | None = "synthetic"
    priority: int = 3
    created: datetime | None = None  # as what it is on, where it does not say
    expires: datetime | None = None

    @property
    def id(self) -> str:
        """32 hexadecimal digits, the same at every start; Rucio has no two rules that are alike in these."""
        alike = f"{self.scope}:{self.name}:{self.account}:{self.rse_expression}:{self.copies}"
        return hashlib.blake2b(alike.encode(), digest_size=16).hexdigest()


@dataclass(slots=True, eq=False)  # one is itself alone: comparing all columns would be slow
class Did:
    """A data identifier; ``contents`` of a container, ``rses`` that hold a dataset."""

    scope: str
    name: str
    type: str
    created: datetime
    columns: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    contents: list[Key] = field(default_factory=list)
    rses: tuple[str, ...] = ()
    updated: datetime | None = None


class Lake:
    """All DIDs by (scope, name), and the rules by id; a test may change both."""

    def __init__(self) -> None:
        self.dids: dict[Key, Did] = {}
        self.rules: dict[str, Rule] = {}

    @classmethod
    def of_facts(cls) -> Lake:
        """The lake with the observations of ``demo/facts``."""
        lake = cls()
        for number, row in enumerate(rows("observations")):
            lake.put(row, datestamp(number))
        return lake

    def put(self, row: Row, created: datetime = FIRST) -> Did:
        """Add the dataset of one row of ``observations.csv``, and its container and rule where they are new."""
        places = _PLACES.get(row["scope"], _SKY)
        key = (row["scope"], row["name"])
        did = Did(*key, "DATASET", created, _columns(row), _METADATA[row["kind"]](row), rses=places)
        self.dids[key] = did
        container = (row["scope"], row["container"])
        if container not in self.dids:
            self.dids[container] = Did(*container, "CONTAINER", created)
            rule = Rule(*container, "|".join(places), len(places), places)
            self.rules[rule.id] = rule
        if key not in self.dids[container].contents:
            self.dids[container].contents.append(key)
        return did

    def delete(self, scope: str, name: str) -> None:
        """Take a DID out without a trace, as Rucio's undertaker does."""
        del self.dids[scope, name]
        for did in self.dids.values():
            if (scope, name) in did.contents:
                did.contents.remove((scope, name))
        for rule in [one for one in self.rules.values() if (one.scope, one.name) == (scope, name)]:
            del self.rules[rule.id]

    def add_rule(self, rule: Rule) -> None:
        """Add a rule; its copies are there at once."""
        self.rules[rule.id] = rule
        for did in self.below(self.dids[rule.scope, rule.name]):
            did.rses = tuple(sorted({*did.rses, *rule.rses}))

    def end_rule(self, id: str) -> None:
        """Take a rule out, and the copies that no other rule holds."""
        rule = self.rules.pop(id)
        for did in self.below(self.dids[rule.scope, rule.name]):
            held = {rse for other in self.locking(did) for rse in other.rses}
            did.rses = tuple(rse for rse in did.rses if rse in held or rse not in rule.rses)

    def end_rules(self, now: datetime) -> None:
        """Take out the rules whose time has come, as Rucio's judge-cleaner does."""
        for id in [one.id for one in self.rules.values() if one.expires is not None and one.expires <= now]:
            self.end_rule(id)

    def below(self, did: Did) -> Iterator[Did]:
        """The datasets of a container, however deep, or a dataset itself."""
        if did.type == "DATASET":
            yield did
        for key in did.contents:
            yield from self.below(self.dids[key])

    def locking(self, did: Did) -> list[Rule]:
        """The rules that hold a DID: its own and its containers'."""
        return [
            rule
            for rule in self.rules.values()
            if (holder := self.dids.get((rule.scope, rule.name))) and (holder is did or did in self.below(holder))
        ]


def _columns(row: Row) -> dict[str, Any]:
    """Rucio's own columns; ``bytes`` and ``length`` stay empty where the origin does not say."""
    columns: dict[str, Any] = {"bytes": _whole(row["bytes"]), "length": _whole(row["files"])}
    if row["kind"] == "hep":
        columns |= {"project": row["instrument"], "datatype": row["product_type"], "events": _whole(row["events"])}
    return columns


def _fits(row: Row) -> dict[str, Any]:
    """In the words of FITS headers, as DL3 files and raw data of observatories have them."""
    pointing = {"hess": "_PNT", "integral": "_PNT"}.get(row["scope"], "")
    return _filled(
        {
            f"RA{pointing}": _real(row["ra"]),
            f"DEC{pointing}": _real(row["dec"]),
            "OBJECT": row["target"],
            "TELESCOP": row["facility"],
            "INSTRUME": row["instrument"],
            "TIMESYS": row["time_scale"],
            "DATE-OBS": row["time_start"],
            "DATE-END": row["time_end"],
            "EXPOSURE": _real(row["exposure_s"]),
            "EVENT_COUNT": _whole(row["events"]),
            "release_doi": row["doi"],
        }
        | _every(row)
    )


def _obscore(row: Row) -> dict[str, Any]:
    """In the words of IVOA ObsCore 1.1."""
    return _filled(
        {
            "s_ra": _real(row["ra"]),
            "s_dec": _real(row["dec"]),
            "s_region": row["region"],
            "target_name": row["target"],
            "facility_name": row["facility"],
            "instrument_name": row["instrument"],
            "t_min": _real(row["time_start"]),
            "t_max": _real(row["time_end"]),
            "t_exptime": _real(row["exposure_s"]),
            "em_min": _real(row["em_min_m"]),
            "em_max": _real(row["em_max_m"]),
        }
        | _every(row)
    )


def _hep(row: Row) -> dict[str, Any]:
    """Collisions: no place on the sky."""
    return _filled(
        {
            "title": row["title"],
            "doi": row["doi"],
            "facility_name": row["facility"],
            "instrument_name": row["instrument"],
            "collision": row["energy"],
            "run_period": row["run_period"],
            "obs_collection": row["collection"],
            "access_url": row["url"],
            "obs_release_date": row["release_date"],
        }
    )


_METADATA = {"fits": _fits, "obscore": _obscore, "hep": _hep}


def _every(row: Row) -> dict[str, Any]:
    return {
        # ours: a title for people, of what the facts say
        "obs_title": ", ".join(
            filter(None, (row["target"], f"{row['facility']} {row['instrument']}".strip(), row["name"]))
        ),
        "dataproduct_type": row["product_type"],
        "calib_level": _whole(row["calib_level"]),
        "waveband": row["waveband"],
        "obs_collection": row["collection"],
        "obs_release_date": row["release_date"],
        "access_url": row["url"],
    }


def _filled(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if value not in ("", None)}


def _real(text: str) -> float | None:
    return float(text) if text else None


def _whole(text: str) -> int | None:
    return int(text) if text else None
