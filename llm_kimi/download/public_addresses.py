"""Which IP addresses are on the public internet: the only ones a URL of a request may lead to.

The tables are IANA's special-purpose registries (https://www.iana.org/assignments/
iana-ipv4-special-registry, .../iana-ipv6-special-registry). They are written out because what
``ipaddress`` calls global changed between the Python versions (3.12.4, 3.11.10, 3.10.15).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["is_public"]

_REFUSED = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and the metadata of Alibaba Cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform, reachable from inside its machines only
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # the metadata of Oracle Cloud is here
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo (2001::/32) among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether ``address``, as ``getaddrinfo`` writes it, is one of the public internet.

    IPv6 addresses that lead to an IPv4 address (mapped, NAT64) are judged by that one.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped
        if inner is None and found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
        elif found.scope_id is not None or found not in _GLOBAL_UNICAST:
            return False
    return found.is_global and not any(found in network for network in _REFUSED)
