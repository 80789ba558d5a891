"""Schemas: pruned, defaulted, validated."""

from __future__ import annotations

import warnings

import pytest

from conformance.subject import (
    Subject,
    case,
    config_map,
    deployment,
    execution,
    job,
    refused,
    status,
)
from wavegate.kube.errors import ApiError, Invalid


@case
async def unknown_fields_are_pruned(s: Subject):
    body = execution()
    body["spec"]["surprise"] = 1
    assert "surprise" not in (await s.create(body))["spec"]


@case
async def unknown_fields_are_refused_where_that_is_asked(s: Subject):
    body = execution()
    body["spec"]["surprise"] = 1
    with refused(Invalid, 400, "BadRequest"):
        await s.create(body, fieldValidation="Strict")


@case
async def what_is_to_be_preserved_is_kept(s: Subject):
    made = await s.create(job(config={"any": {"thing": [1, None, "x"]}}))
    assert made["spec"]["config"] == {"any": {"thing": [1, None, "x"]}}


@case
async def a_required_field_is_required(s: Subject):
    body = execution()
    del body["spec"]["nodeName"]
    with refused(Invalid, 422, "Invalid"):
        await s.create(body)


@case
async def a_whole_spec_is_required(s: Subject):
    body = execution()
    del body["spec"]
    with refused(Invalid, 422, "Invalid"):
        await s.create(body)


@case
async def a_value_has_its_type(s: Subject):
    body = execution()
    body["spec"]["attempt"] = "one"
    with refused(Invalid, 422, "Invalid"):
        await s.create(body)


@case
async def a_word_is_one_of_those_that_there_are(s: Subject):
    with refused(Invalid, 422, "Invalid"):
        await s.create(deployment(type="Explode"))


@case
async def a_number_has_its_bounds(s: Subject):
    with refused(Invalid, 422, "Invalid"):
        await s.create(job(priority=101))


@case
async def a_text_has_its_length(s: Subject):
    body = execution()
    body["spec"]["evalId"] = "x" * 65
    with refused(Invalid, 422, "Invalid"):
        await s.create(body)


@case
async def a_duration_has_its_form(s: Subject):
    with refused(Invalid, 422, "Invalid"):
        await s.create(job(timeouts={"queue": "P1D"}))


@case
async def defaults_are_filled_in(s: Subject):
    made = await s.create(job())
    assert made["spec"]["priority"] == 50
    assert made["status"]["observedGeneration"] == -1


@case
async def a_null_gets_the_default(s: Subject):
    assert (await s.create(job(priority=None)))["spec"]["priority"] == 50


@case
async def a_null_without_a_default_is_taken_away(s: Subject):
    made = await s.create(job(description=None, labels={"team": None}))
    assert "description" not in made["spec"]
    assert made["spec"]["labels"] == {}


@case
async def a_whole_number_may_be_written_as_a_fraction(s: Subject):
    made = await s.create(job(priority=60.0))
    assert made["spec"]["priority"] == 60
    assert isinstance(made["spec"]["priority"], int)


@case
async def a_whole_number_has_64_bits(s: Subject):
    with refused(Invalid, 422, "Invalid"):
        await s.create(job(priority=2**63))


@case
async def a_list_of_a_map_has_objects_in_it(s: Subject):
    with refused(Invalid, 422, "Invalid"):
        await s.create(job(template={"spec": {"containers": ["main"]}}))


@case
async def a_line_end_is_not_the_end_of_a_text(s: Subject):
    with refused(Invalid, 422, "Invalid"):
        await s.create(job(labels={"team": "edge\n"}))


@case
async def a_number_or_a_share_is_both(s: Subject):
    check = {"healthCheck": {"deadline": "1m"}, "strategy": "Rolling"}
    for index, value in enumerate((2, "20%")):
        made = await s.create(job(f"job-{index}", rollout={**check, "maxParallel": value}))
        assert made["spec"]["rollout"]["maxParallel"] == value


@case
async def a_status_is_validated(s: Subject):
    made = await s.create(execution())
    with refused(Invalid, 422, "Invalid"):
        await s.put({**made, "status": status("Flying")}, status=True)


@case
async def a_time_in_a_status_is_a_time(s: Subject):
    made = await s.create(execution())
    with refused(Invalid, 422, "Invalid"):
        await s.put({**made, "status": status(updatedAt="yesterday")}, status=True)


@case
async def a_status_is_pruned(s: Subject):
    made = await s.create(execution())
    stored = await s.put({**made, "status": status(surprise=1)}, status=True)
    assert "surprise" not in stored["status"]


@case
async def a_document_may_not_be_too_large(s: Subject):
    body = config_map()
    body["data"]["key"] = "x" * 4_000_000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the client's, of a body of this size
        with pytest.raises(ApiError) as caught:
            await s.create(body)
    assert caught.value.status in (413, 422)
