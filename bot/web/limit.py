"""How fast one client may ask: a bucket of tokens for each address, and whose address it is behind a proxy."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from cachetools import LRUCache

RATE = 20.0
"""Requests a second, in the long run."""

BURST = 120.0
"""Requests at once: a page with all that belongs to it, many times over."""

REMEMBERED = 10_000
"""Clients. One who was forgotten begins with a full bucket."""

_Address = IPv4Address | IPv6Address


class Limit:
    """Token buckets. Not for several threads: it is asked in the event loop."""

    def __init__(self, rate: float = RATE, burst: float = BURST, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: LRUCache[str, tuple[float, float]] = LRUCache(REMEMBERED)

    def allows(self, client: str) -> bool:
        """Whether *client* may ask once more, now. Who sits at the machine itself (``""``) always may."""
        if not client:
            return True
        now = self._clock()
        tokens, since = self._buckets.get(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1


def client_of(peer: str, forwarded: str) -> str:
    """Who asks: *peer* holds the connection, *forwarded* is X-Forwarded-For; empty for this very machine.

    A header is believed only where the connection comes from a private network, as it does from a host's proxy; and of
    it only the last public address, which that proxy wrote itself. What stands before it anybody may have made up.
    """
    found = _address(peer)
    if found is None:
        return peer
    if not _is_private(found):
        return _name(found)
    for word in reversed(forwarded.split(",")):
        behind = _address(word)
        if behind is not None and not _is_private(behind):
            return _name(behind)
    return "" if found.is_loopback and not forwarded else _name(found)


def _address(text: str) -> _Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_private(address: _Address) -> bool:
    return address.is_private or address.is_loopback or address.is_link_local


def _name(address: _Address) -> str:
    """One of IPv6 stands for its network: whoever has one address has 2⁶⁴."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)
