"""That no connection is opened to an address that was not judged, whatever a name says."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from support.endpoints import body, heard, says
from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.connecting import AddressRefused, Gate, open_session

NOBODY = AddressPolicy()
ONE = AddressPolicy(allow=(ipaddress.ip_network("127.0.0.2/32"),))
answers = says(body(b""))


@pytest.fixture
def names(monkeypatch) -> Iterator[dict[str, list[list[str]]]]:
    """By name, what each look-up of it finds, in turn; the last one repeats."""
    found: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        if host not in found:
            return real(host, port, *rest, **more)
        addresses = found[host].pop(0) if len(found[host]) > 1 else found[host][0]
        return [info for each in addresses for info in real(each, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return found


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "169.254.169.254"]
)
async def test_a_name_of_an_address_that_is_refused(serve, names, address):
    served = await serve(answers)
    names["rebound.example."] = [[address]]
    told = await heard(f"http://rebound.example:{served.port}/", NOBODY)
    assert told.failure == "AddressRefused"
    assert told.message.startswith(f"rebound.example: {address} is ")
    assert served.connections == 0


async def test_of_a_names_addresses_those_that_are_refused_are_not_tried(serve, names):
    served = await serve(answers)
    names["both.example."] = [["127.0.0.1", "::1", "127.0.0.2"]]
    told = await heard(f"http://both.example:{served.port}/", ONE)
    assert (told.failure, served.connections) == ("ConnectFailed", 0)


async def test_of_a_names_addresses_one_that_is_allowed_is_called(serve, names):
    served = await serve(answers)
    names["both.example."] = [["::1", "127.0.0.2", "127.0.0.1"]]
    policy = AddressPolicy(allow=(ipaddress.ip_network("127.0.0.1/32"),))
    told = await heard(f"http://both.example:{served.port}/", policy)
    assert (told.http_status, served.connections) == (200, 1)


async def test_a_name_that_is_another_when_it_is_looked_up_again(serve, names):
    served = await serve(answers)
    names["rebound.example."] = [["127.0.0.2"], ["127.0.0.1"]]
    told = await heard(f"http://rebound.example:{served.port}/", ONE)
    assert (told.failure, served.connections) == ("ConnectFailed", 0)
    assert names["rebound.example."] == [["127.0.0.1"]]  # looked up once


async def test_a_name_is_looked_up_as_it_stands(serve, names):
    served = await serve(answers)
    names["metrics"] = [["127.0.0.2"]]  # as a search domain would have it
    assert (await heard(f"http://metrics:{served.port}/", ONE)).failure == "DnsFailed"


async def test_an_address_that_no_resolver_is_asked_for_is_judged_too(serve):
    served = await serve(answers)
    gate = Gate(NOBODY, "shop")
    async with open_session(gate, trust=True, trace=aiohttp.TraceConfig()) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as told:
            await session.post(f"http://127.0.0.1:{served.port}/")
    assert isinstance(told.value.os_error, AddressRefused)
    assert served.connections == 0


@pytest.mark.parametrize(
    "where", [("127.0.0.1", 80), ("::1", 80, 0, 0), ("fe80::1%lo", 80, 0, 1), ("localhost", 80)]
)
async def test_no_socket_is_made_for_an_address_that_is_refused(where):
    family = socket.AF_INET if len(where) == 2 else socket.AF_INET6
    with pytest.raises(AddressRefused):
        Gate(NOBODY, "shop").socket((family, socket.SOCK_STREAM, 0, "", where))


async def test_the_jobs_namespace_counts(names):
    policy = AddressPolicy(namespace_of=lambda ip: "other" if str(ip) == "10.96.0.2" else None)
    names["alias.example."] = [["10.96.0.2"]]
    told = await heard("http://alias.example/", policy)
    assert told.message == "alias.example: 10.96.0.2 is a Service of the namespace other"


async def test_a_name_that_is_no_host_name_to_the_resolver_does_not_resolve():
    gate = Gate(NOBODY, "shop")
    with pytest.raises(socket.gaierror):
        await gate.resolve("a..b")
