"""What an operator may set of placement, as plain data; ``asterism.toml`` is read by ``asterism/``."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

DAY = 86_400.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class LakeSettings:
    """The lake whose replicas are looked after.

    ``source`` is the name of a rucio source; ``activity`` Rucio's, of our rules; ``window`` in seconds: what a forecast
    looks ahead; ``transfer``: bytes that one planning may bring to one RSE, None: no limit but its room;
    ``max_rules``: that one `hints apply` may make or change.
    """

    source: str
    activity: str = "Data Brokering"
    window: float = 7 * DAY
    transfer: int | None = None
    max_rules: int = 100


@dataclass(frozen=True, slots=True)
class DemandSettings:
    """What is kept of what people look for.

    ``half_life`` in seconds; ``sites``: the site of readers by network; ``traces``: a file of Rucio's traces, or a
    folder of such.
    """

    enabled: bool = True
    half_life: float = 14 * DAY
    sites: tuple[tuple[Network, str], ...] = ()
    traces: Path | None = None
