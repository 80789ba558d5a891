"""What only the operator can reach: the API server and itself. No call goes there."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from wavegate.dispatch.addresses import IPAddress


async def reserved(server: str) -> tuple[frozenset[str], frozenset[IPAddress]]:
    """Host names and addresses, by the URL at which the API server is reached."""
    host = urlsplit(server).hostname or ""
    names = frozenset({"kubernetes.default.svc", host})
    found = [await _addresses(each) for each in (host, socket.gethostname())]
    return names, frozenset[IPAddress]().union(*found)


async def _addresses(host: str) -> frozenset[IPAddress]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return frozenset()
    return frozenset(ipaddress.ip_address(address[0]) for *_, address in found)
