"""Making objects under names that follow from what they are."""

from __future__ import annotations

from collections.abc import Callable

from wavegate.cache.kinds import KindCache
from wavegate.engine.bodies import Document, controller
from wavegate.engine.client import Client
from wavegate.engine.outcomes import Done, Outcome, Refused
from wavegate.kube.errors import AlreadyExists
from wavegate.kube.resources import BY_KIND

SameAs = Callable[[Document, Document], bool]


def of_same_controller(made: Document, wanted: Document) -> bool:
    """Whether what is there is what was to be made, by whom it belongs to."""
    return controller(made) == controller(wanted)


async def create_or_find(
    client: Client, cache: KindCache, body: Document, is_same: SameAs = of_same_controller
) -> Outcome:
    """Create, or find that it is there: its name follows from what is meant."""
    resource, metadata = BY_KIND[body["kind"]], body["metadata"]
    try:
        made = await client.create(resource, metadata["namespace"], body)
    except AlreadyExists:
        made = await client.get(resource, metadata["namespace"], metadata["name"])
        if not is_same(made, body):
            name = f"{resource.kind} {metadata['namespace']}/{metadata['name']}"
            return Refused("Stranger", f"{name} exists already and is another's")
    cache.assume(resource.kind, made)
    return Done()
