"""Which addresses may be called.

A job's author says where a call goes and reads what comes back, from inside the operator's network.
So what only the operator can reach is refused: itself, its node and the cloud's metadata, the API
server, and Services of namespaces that are not the job's. Private addresses are not: edge sites
live there.

It is asked twice: with the host as it is written, and with each address before a connection to it
is opened. A name is looked up as it stands and never with the search domains of the operator's own
pod, which would make `api.shop` a Service; only `NAME.NAMESPACE.svc` is completed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED: Final[tuple[tuple[IPNetwork, str], ...]] = tuple(
    (ipaddress.ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "an unspecified address"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "the broadcast address"),
        ("::/128", "the unspecified address"),
        ("::1/128", "the loopback address"),
        ("fe80::/10", "a link-local address"),
        ("ff00::/8", "a multicast address"),
        # What its last bits mean is known to the translator alone (RFC 8215).
        ("64:ff9b:1::/48", "a translated address"),
        # Where clouds serve a machine's credentials and yet not on a link-local address.
        ("100.100.100.200/32", "a cloud's metadata address"),
        ("168.63.129.16/32", "a cloud's metadata address"),
        ("fd00:ec2::254/128", "a cloud's metadata address"),
        ("fd20:ce::254/128", "a cloud's metadata address"),
    )
)
_LAST_32_BITS: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
"""Where the last 32 bits are an IPv4 address: compatible, mapped, translated, NAT64."""
_NO_IPV4: Final = (ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1"))
_HOST: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What the administrator and the cluster say about addresses; the same for all jobs."""

    allowed_namespaces: frozenset[str] = frozenset()
    """Whose Services each job may call."""
    api_server_hosts: frozenset[str] = frozenset({"kubernetes.default.svc"})
    api_server_ips: frozenset[IPAddress] = frozenset()
    allow: tuple[IPNetwork, ...] = ()
    """Called although they are of a kind that is refused; never the API server or a Service."""
    cluster_domain: str = "cluster.local"
    namespace_of: Callable[[IPAddress], str | None] | None = None
    """The namespace of the Service with this address; None: it is no Service's."""

    def refuses_host(self, namespace: str, host: str) -> str:
        """Why a job of this namespace may not call this host; empty: by its name it may.

        ``host`` is a name or an IP address without brackets, as a URL library understood it.
        """
        if ":" in host:
            return self.refuses_ip(namespace, host)
        name = host.lower()
        if not _HOST.fullmatch(name) or len(name) > 253:
            return f"{host!r} is no host name"
        name = name.rstrip(".")
        labels = name.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            # Others read 127.1, 0x7f.1 and 017700000001 as 127.0.0.1; a name ends otherwise.
            return self.refuses_ip(namespace, host)
        if labels[-1] == "localhost":
            return self.refuses_ip(namespace, "127.0.0.1")
        name = self._short(name)
        if name in {self._short(each.lower().rstrip(".")) for each in self.api_server_hosts}:
            return f"{host} is the API server"
        for other in _namespaces(name):
            if not self._may_call(namespace, other):
                return f"{host} is of the namespace {other}"
        return ""

    def refuses_ip(self, namespace: str, ip: str) -> str:
        """The same for the address that is connected to, and that it is one."""
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return f"{ip!r} is not written as an IP address is"
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
            return f"{ip} names an interface"
        for meant in _meanings(address):
            if meant in self.api_server_ips:
                return f"{ip} is the API server"
            other = self.namespace_of(meant) if self.namespace_of else None
            if other is not None and not self._may_call(namespace, other):
                return f"{ip} is a Service of the namespace {other}"
            if any(meant in network for network in self.allow):
                continue
            for network, why in _REFUSED:
                if meant in network:
                    return f"{ip} is {why}"
        return ""

    def absolute(self, host: str) -> str:
        """The name that is looked up for this host, which no search domain is added to."""
        name = host.rstrip(".")
        if name.lower().endswith(".svc"):
            name += f".{self.cluster_domain}"
        return name + "."

    def _short(self, name: str) -> str:
        return name.removesuffix(f".{self.cluster_domain.lower()}")

    def _may_call(self, namespace: str, other: str) -> bool:
        return other == namespace or other in self.allowed_namespaces


def _meanings(address: IPAddress) -> Iterator[IPAddress]:
    """The address, and the IPv4 addresses that it is another spelling of or a way to."""
    yield address
    if isinstance(address, ipaddress.IPv4Address) or address in _NO_IPV4:
        return
    if any(address in network for network in _LAST_32_BITS):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour:
        yield address.sixtofour
    yield from address.teredo or ()


def _namespaces(name: str) -> Iterator[str]:
    """Of ``NAME.NAMESPACE.svc``, whatever stands before and after, and ``IP.NAMESPACE.pod``."""
    labels = name.split(".")
    for at, label in enumerate(labels[2:], start=2):
        if label == "svc" or (label == "pod" and at == len(labels) - 1):
            yield labels[at - 1]
