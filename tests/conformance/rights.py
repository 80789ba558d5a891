"""What the shipped roles allow."""

from __future__ import annotations

from conformance.subject import Subject, case, execution, job, lease, pod, refused
from wavegate.kube.errors import Forbidden
from wavegate.kube.resources import CONFIG_MAPS, EXECUTIONS, FLEET_JOBS, LEASES, PODS
from wavegate.kube.transport import MERGE_PATCH


@case
async def the_operator_may_make_executions(s: Subject):
    path = EXECUTIONS.collection(s.namespace)
    assert (await s.operator.request("POST", path, body=execution()))["kind"] == "Execution"


@case
async def the_operator_may_not_write_a_job(s: Subject):
    await s.create(job())
    path = FLEET_JOBS.object(s.namespace, "one")
    change = {"spec": {"priority": 1}}
    with refused(Forbidden, 403, "Forbidden"):
        await s.operator.request("PATCH", path, body=change, content_type=MERGE_PATCH)


@case
async def the_operator_may_not_change_a_pod(s: Subject):
    made = await s.create(pod())
    with refused(Forbidden, 403, "Forbidden"):
        await s.operator.request("PUT", PODS.object(s.namespace, "one"), body=made)


@case
async def the_operator_has_no_lease_in_another_namespace(s: Subject):
    with refused(Forbidden, 403, "Forbidden"):
        await s.operator.request("POST", LEASES.collection(s.namespace), body=lease())


@case
async def the_operator_may_not_list_config_maps(s: Subject):
    with refused(Forbidden, 403, "Forbidden"):
        await s.operator.request("GET", CONFIG_MAPS.collection(s.namespace))


@case
async def what_is_not_there_is_forbidden_first(s: Subject):
    path = CONFIG_MAPS.object(s.namespace, "no-such")
    with refused(Forbidden, 403, "Forbidden"):
        await s.operator.request("DELETE", path)


@case
async def the_schemas_of_our_kinds_are_published(s: Subject):
    version = EXECUTIONS.api_version
    answer = await s.operator.request("GET", f"/openapi/v3/apis/{version}")
    named = "x-kubernetes-group-version-kind"
    kinds = {
        each[named][0]["kind"]: each["properties"]
        for each in answer["components"]["schemas"].values()
        if named in each
    }
    status = kinds["Execution"]["status"]["properties"]
    assert status["result"]["properties"]["exitCode"]["type"] == "integer"
    assert {"FleetJob", "FleetDeployment", "JobVersion"} < kinds.keys()


@case
async def the_kind_is_in_discovery(s: Subject):
    groups = await s.operator.request("GET", "/apis")
    assert "wavegate.dev" in [each["name"] for each in groups["groups"]]
    kinds = await s.operator.request("GET", f"/apis/{EXECUTIONS.api_version}")
    assert "executions" in [each["name"] for each in kinds["resources"]]
