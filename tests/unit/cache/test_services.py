"""Whose Service an address is."""

from __future__ import annotations

import ipaddress
from typing import Any

from wavegate.cache.services import Services, decode_service


def service(name: str, version: int, *addresses: str, uid: str = "", **metadata: Any) -> Any:
    return decode_service(
        {
            "metadata": {
                "namespace": f"of-{name}",
                "name": name,
                "uid": uid or name,
                "resourceVersion": str(version),
                **metadata,
            },
            "spec": {"clusterIP": (addresses or ("None",))[0], "clusterIPs": list(addresses)},
        }
    )


def namespace_of(services: Services, address: str) -> str | None:
    return services.namespace_of(ipaddress.ip_address(address))


def test_an_address_is_of_the_namespace_of_its_service() -> None:
    services = Services(lambda: 0.0)
    services.store.apply("ADDED", service("api", 1, "10.96.0.9", "fd00:10:96::9"))
    assert namespace_of(services, "10.96.0.9") == "of-api"
    assert namespace_of(services, "fd00:10:96:0::9") == "of-api"
    assert namespace_of(services, "10.96.0.10") is None


def test_a_headless_service_and_one_without_an_address_have_none() -> None:
    services = Services(lambda: 0.0)
    services.store.apply("ADDED", service("headless", 1, "None"))
    services.store.apply("ADDED", service("external", 2))
    assert len(services.store) == 2
    assert namespace_of(services, "0.0.0.0") is None


def test_an_address_that_a_service_gives_up_is_nobodys() -> None:
    services = Services(lambda: 0.0)
    services.store.apply("ADDED", service("api", 1, "10.96.0.9"))
    services.store.apply("MODIFIED", service("api", 2, "10.96.0.10"))
    assert namespace_of(services, "10.96.0.9") is None
    assert namespace_of(services, "10.96.0.10") == "of-api"
    services.store.apply("DELETED", service("api", 3, "10.96.0.10"))
    assert namespace_of(services, "10.96.0.10") is None


def test_an_address_that_changes_hands_is_the_newer_ones_in_whatever_order_it_is_heard() -> None:
    services = Services(lambda: 0.0)
    services.store.apply("ADDED", service("old", 1, "10.96.0.9"))
    services.store.apply("ADDED", service("new", 3, "10.96.0.9"))
    services.store.apply("DELETED", service("old", 2, "10.96.0.9"))
    assert namespace_of(services, "10.96.0.9") == "of-new"
    services.store.replace([], 4)
    assert namespace_of(services, "10.96.0.9") is None
