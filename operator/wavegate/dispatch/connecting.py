"""Connections to addresses that may be called, and to no others.

Each address is judged where its socket is made, and that socket is connected to that address: there
is no second look-up in between whose answer could be another. aiohttp asks no resolver about a
host that is an address already, but needs a socket for it all the same.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from wavegate.dispatch.addresses import AddressPolicy

_SENDABLE: Final = re.compile(r"[!-~]*")


class AddressRefused(OSError):
    """An address that may not be called; its text says why."""


class InvalidUrl(ValueError):
    """What is no URL that can be called; its text says why, without the URL."""


def judged(url: str, policy: AddressPolicy, namespace: str) -> URL:
    """The URL as it is called. Raises InvalidUrl, or AddressRefused for what its host says."""
    try:
        # What can be sent is sent as it is: a path or query may be signed.
        target = URL(url, encoded=bool(_SENDABLE.fullmatch(url)))
        host = target.raw_host
    except ValueError:
        raise InvalidUrl("the URL is none") from None
    if target.scheme not in ("http", "https") or not host:
        raise InvalidUrl("the URL is none of http or https with a host")
    if target.raw_user is not None or target.raw_password is not None:
        raise InvalidUrl("the URL has a user")
    why = policy.refuses_host(namespace, host)
    if why:
        raise AddressRefused(why)
    return target


class Gate(AbstractResolver):
    """Looks names up and makes sockets for the calls of one namespace."""

    def __init__(self, policy: AddressPolicy, namespace: str) -> None:
        self._policy = policy
        self._namespace = namespace
        self._resolver = aiohttp.ThreadedResolver()
        self._sockets: list[socket.socket] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Those of the host's addresses that may be called. Raises AddressRefused if none may."""
        try:
            found = await self._resolver.resolve(self._policy.absolute(host), port, family)
        except UnicodeError:  # of labels that are none
            raise socket.gaierror(socket.EAI_NONAME, "is no host name") from None
        refusals = [self._policy.refuses_ip(self._namespace, each["host"]) for each in found]
        allowed = [each for each, why in zip(found, refusals, strict=True) if not why]
        if found and not allowed:
            raise AddressRefused(f"{host}: {refusals[0]}")
        return allowed

    def socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """For a connection to this address. Raises AddressRefused."""
        family, kind, protocol, _, where = address
        ip = str(where[0])
        why = self._policy.refuses_ip(self._namespace, ip)
        if why:
            raise AddressRefused(why)
        made = socket.socket(family, kind, protocol)
        self._sockets.append(made)
        return made

    def drop(self) -> None:
        """End what is still connected, whatever is not sent yet or not said goodbye to."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    async def close(self) -> None:
        await self._resolver.close()


def open_session(
    gate: Gate, trust: ssl.SSLContext | bool, trace: aiohttp.TraceConfig
) -> aiohttp.ClientSession:
    """A session for one call: no proxy from the environment, no cookies, no unpacking, no limit.

    ``trust``: whom a server's certificate must be of; True: of those that the system trusts.
    """
    return aiohttp.ClientSession(
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        trace_configs=[trace],
        connector=aiohttp.TCPConnector(
            resolver=gate,
            socket_factory=gate.socket,
            use_dns_cache=False,
            force_close=True,
            limit=0,
            ssl=trust,
        ),
    )
