"""Whose Service an address is, so that no call gets round by it what its name would be refused for.

Only addresses of the cluster's own range count: that of a load balancer is meant to be called.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from wavegate.cache.fields import Raw, mapping, meta_of, texts
from wavegate.cache.store import Item, Store, item_of

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A Service. ``addresses``: one for each family that it has; empty: it is headless."""

    addresses: tuple[IPAddress, ...]


class Services:
    """All of the cluster. ``clock``: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.store: Store[ServiceView] = Store(self._changed, clock=clock)
        self._owners: dict[IPAddress, Item[ServiceView]] = {}

    def namespace_of(self, address: IPAddress) -> str | None:
        """The namespace of the Service with this address; None: it is no Service's."""
        owner = self._owners.get(address)
        return owner.namespace if owner is not None else None

    def _changed(self, old: Item[ServiceView] | None, new: Item[ServiceView] | None) -> None:
        if old is not None:
            for address in old.view.addresses:
                # It may be another's already: news of two Services come in any order.
                owner = self._owners.get(address)
                if owner is not None and owner.uid == old.uid:
                    del self._owners[address]
        if new is not None:
            self._owners |= dict.fromkeys(new.view.addresses, new)


def decode_service(raw: Raw) -> Item[ServiceView]:
    """Raises ValueError where metadata lacks name, uid or a numeric resourceVersion."""
    meta = meta_of(raw)
    given = texts(mapping(raw.get("spec")).get("clusterIPs"))
    found = tuple(ipaddress.ip_address(each) for each in sorted(given) if _is_address(each))
    return item_of(meta, "", ServiceView(found))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False  # "None", which a headless one has
    return True
