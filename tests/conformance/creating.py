"""What becomes of a create."""

from __future__ import annotations

from conformance.subject import (
    Subject,
    case,
    config_map,
    deployment,
    document,
    execution,
    job,
    pod,
    refused,
    status,
)
from wavegate.kube.errors import AlreadyExists, Invalid, NotFound
from wavegate.kube.resources import CONFIG_MAPS, EVENTS, EXECUTIONS, PODS


@case
async def a_create_gives_uid_version_time_and_generation(s: Subject):
    made = (await s.create(execution()))["metadata"]
    assert made["uid"]
    assert int(made["resourceVersion"]) > 0
    assert made["generation"] == 1
    assert made["creationTimestamp"].endswith("Z")
    assert made["namespace"] == s.namespace


@case
async def what_was_created_is_read_back(s: Subject):
    made = await s.create(execution())
    assert await s.get(EXECUTIONS, "one") == made


@case
async def a_name_is_given_once(s: Subject):
    await s.create(execution())
    with refused(AlreadyExists, 409, "AlreadyExists"):
        await s.create(execution())


@case
async def names_are_of_a_kind(s: Subject):
    await s.create(execution())
    await s.create(deployment())
    await s.create(config_map())


@case
async def a_name_that_comes_again_has_another_uid(s: Subject):
    first = await s.create(config_map())
    await s.delete(CONFIG_MAPS, "one")
    assert (await s.create(config_map()))["metadata"]["uid"] != first["metadata"]["uid"]


@case
async def a_bad_name_is_refused(s: Subject):
    with refused(Invalid, 422, "Invalid"):
        await s.create(config_map("Not_A_Name"))


@case
async def a_name_is_a_text(s: Subject):
    body = job()
    body["metadata"]["name"] = 5
    with refused(Invalid, 400, "BadRequest"):
        await s.create(body)


@case
async def no_name_is_refused(s: Subject):
    body = config_map()
    del body["metadata"]["name"]
    with refused(Invalid, 422, "Invalid"):
        await s.create(body)


@case
async def a_made_up_name_has_five_letters_more(s: Subject):
    body = config_map()
    body["metadata"] = {"generateName": "one-"}
    name = (await s.create(body))["metadata"]["name"]
    assert name.startswith("one-")
    assert len(name) == len("one-") + 5


@case
async def made_up_names_differ(s: Subject):
    body = config_map()
    body["metadata"] = {"generateName": "one-"}
    names = {(await s.create(body))["metadata"]["name"] for _ in range(5)}
    assert len(names) == 5


@case
async def a_name_wins_over_one_to_be_made_up(s: Subject):
    made = await s.create(config_map(generateName="other-"))
    assert made["metadata"]["name"] == "one"


@case
async def the_body_has_to_be_of_the_namespace(s: Subject):
    with refused(Invalid, 400, "BadRequest"):
        await s.create(config_map(namespace="default"))


@case
async def there_is_nothing_without_its_namespace(s: Subject):
    path = CONFIG_MAPS.collection("no-such-namespace")
    with refused(NotFound, 404, "NotFound"):
        await s.admin.request("POST", path, body=config_map())


@case
async def a_status_is_not_created(s: Subject):
    made = await s.create({**execution(), "status": status(podUid="uid")})
    assert "podUid" not in made.get("status", {})


@case
async def a_pods_status_is_its_own_business(s: Subject):
    made = await s.create({**pod(), "status": {"phase": "Running"}})
    assert made.get("status", {}).get("phase") != "Running"


@case
async def a_dry_run_leaves_nothing(s: Subject):
    body = pod()
    body["metadata"] = {"generateName": "try-"}
    answer = await s.create(body, dryRun="All", fieldValidation="Strict")
    assert answer["metadata"]["name"].startswith("try-")
    assert await s.names(PODS) == []


@case
async def a_dry_run_is_validated(s: Subject):
    body = pod()
    body["spec"]["containers"] = []
    with refused(Invalid, 422, "Invalid"):
        await s.create(body, dryRun="All")


@case
async def a_container_needs_an_image(s: Subject):
    body = pod()
    body["spec"]["containers"] = [{"name": "main"}]
    with refused(Invalid, 422, "Invalid"):
        await s.create(body)


@case
async def an_event_can_be_told(s: Subject):
    body = document(
        EVENTS,
        "one",
        eventTime="2026-01-01T00:00:00.000000Z",
        type="Normal",
        reason="Tried",
        action="Tried",
        note="a note",
        reportingController="wavegate.dev/operator",
        reportingInstance="test",
        regarding={"kind": "FleetJob", "name": "x", "namespace": s.namespace},
    )
    path = EVENTS.collection(s.namespace)
    made = await s.operator.request("POST", path, body=body)
    assert made["note"] == "a note"
