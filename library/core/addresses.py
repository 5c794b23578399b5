"""Where a name in the network leads, and whether that is a place for everybody: the guard against being sent inside.

Whoever asks a server that a user named connects to the very address that was checked here, so that the name cannot mean
something else a moment later.
"""

import ipaddress
import socket

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses as networks that speak IPv6 alone write them (RFC 6052)."""


class Unknown(Exception):
    """No such host."""


class Private(Exception):
    """The host is, or may be, in a private network."""


def address_of(host: str, port: int, *, may_be_private: bool) -> str:
    """An address of the host, of the older protocol where it has one: that works everywhere.

    Raises Unknown, and Private unless `may_be_private`: if but one of its addresses is not for everybody.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unknown(host) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not may_be_private and not all(map(is_public, addresses)):
        raise Private(host)
    return min(addresses, key=lambda address: ":" in address)


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public internet."""
    address = ipaddress.ip_address(text.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if address in _TRANSLATED:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)
