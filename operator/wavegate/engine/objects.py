"""Requests about one object, and what their answers say of it, whatever its kind.

Each names its object by name, uid and resourceVersion, so that one that comes late is refused; each
answer goes into the cache, so that the next pass sees it before any watch has told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from wavegate.cache.kinds import KindCache
from wavegate.domain.actions import DeletePod, DeleteRecord, SetStatus
from wavegate.engine import bodies
from wavegate.engine.bodies import Document
from wavegate.engine.client import Client
from wavegate.engine.outcomes import Done, Failed, LookAgain, NotLeading, Outcome, Refused
from wavegate.kube.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    Uncertain,
)
from wavegate.kube.guard import NotSent
from wavegate.kube.resources import BY_KIND, PODS


async def tried(doing: Awaitable[Outcome], look: Callable[[], Awaitable[None]]) -> Outcome:
    """What came of an action; what may go wrong is returned.

    ``look`` reads what a write has met that was refused as stale.
    """
    try:
        return await doing
    except NotSent:
        return NotLeading()
    except Conflict as error:
        await look()
        return LookAgain(str(error))
    except NotFound as error:
        return LookAgain(str(error))
    except (Invalid, Forbidden) as error:
        return Refused(error.reason, error.message)
    except ApiError as error:
        return Failed(error)


async def look_at(
    client: Client, cache: KindCache, kind: str, namespace: str, name: str, uid: str
) -> None:
    """Read an object: the event that tells of it may be late, or lost."""
    try:
        found = await client.get(BY_KIND[kind], namespace, name)
    except NotFound:
        cache.forget(kind, namespace, name, uid)
    except ApiError:
        return  # the next try meets it again
    else:
        cache.assume(kind, found)


async def put_status(
    client: Client, cache: KindCache, namespace: str, action: SetStatus
) -> Document:
    """Replace a status; the object as it is stored. Raises what the client raises.

    A write of which nobody knows whether it was applied is looked for: what goes with it, such as
    its events, would never be told by a later pass, which sees that it is on record already.
    """
    body = bodies.status(namespace, action)
    try:
        stored = await client.put_status(BY_KIND[action.kind], namespace, action.name, body)
    except NotFound:
        cache.forget(action.kind, namespace, action.name, action.uid)
        raise
    except (Uncertain, ServerError):
        found = await _found(client, namespace, action)
        if found is None or found.get("status") != body["status"]:
            raise
        stored = found
    cache.assume(action.kind, stored)
    return stored


async def _found(client: Client, namespace: str, action: SetStatus) -> Document | None:
    """The object of which a status was written; None where that cannot be told."""
    try:
        found = await client.get(BY_KIND[action.kind], namespace, action.name)
    except ApiError:
        return None
    return found if found["metadata"]["uid"] == action.uid else None


async def delete(
    client: Client, cache: KindCache, namespace: str, action: DeletePod | DeleteRecord
) -> Outcome:
    """Delete an object; one that is gone already is what was wanted."""
    resource = PODS if isinstance(action, DeletePod) else BY_KIND[action.kind]
    options = bodies.delete_options(action.uid, action.resource_version)
    try:
        answer = await client.delete(resource, namespace, action.name, options)
    except NotFound:
        cache.forget(resource.kind, namespace, action.name, action.uid)
    else:
        cache.deleted(resource.kind, namespace, action.name, action.uid, answer)
    return Done()
