"""The site of a reader by the network of the address, which is looked at and not kept."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from placement.settings import Network
from placement.state import ELSEWHERE


class Sites:
    """Sites by network; of several that an address is in, the narrowest."""

    def __init__(self, networks: Sequence[tuple[Network, str]]) -> None:
        # by IP version, for each length of a prefix that there is, the longest first: the sites by prefix
        self._by_version: dict[int, dict[int, dict[int, str]]] = {4: {}, 6: {}}
        for network, site in sorted(networks, key=lambda one: -one[0].prefixlen):
            shift = network.max_prefixlen - network.prefixlen
            prefixes = self._by_version[network.version].setdefault(shift, {})
            prefixes.setdefault(int(network.network_address) >> shift, site)
        self._any = bool(networks)

    def of(self, host: str | None) -> str:
        """The site of an address; :data:`ELSEWHERE` of one in no network, and of what is no address."""
        if not self._any or not host:
            return ELSEWHERE
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return ELSEWHERE
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        number = int(address)
        for shift, prefixes in self._by_version[address.version].items():
            if (site := prefixes.get(number >> shift)) is not None:
                return site
        return ELSEWHERE
