"""What stands over a job: whether it goes on by itself, and the way out."""

from __future__ import annotations

import pytest

from sim.world import spec
from unit.domain.builders import NOW, fleet, job
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.blockers import config_too_large, in_the_way
from wavegate.domain.observed import Refusal

pytestmark = pytest.mark.row("Waiting")


@pytest.mark.parametrize(
    ("reason", "stalled", "says"),
    [
        ("Stranger", True, "delete what is in its place, or rename the job; tried again"),
        ("CordonForbidden", True, "node/n1: said the server; tried again by itself"),
        ("Forbidden", False, "node/n1: said the server; tried again by itself"),
    ],
)
def test_a_refused_write_is_named_and_stalls_the_job_where_a_person_has_to_act(
    reason: str, stalled: bool, says: str
) -> None:
    found = in_the_way(fleet(refusals={"node/n1": Refusal("said the server", reason, NOW)}))
    assert found is not None
    assert (found.reason, found.stalled) == (reason, stalled)
    assert says in found.message


def test_nothing_is_in_the_way_of_a_job_that_is_well() -> None:
    assert in_the_way(fleet()) is None


def test_a_config_that_no_version_is_made_of_is_named() -> None:
    raw = {**spec(), "config": {"a": "x" * 300 * 1024}}
    found = config_too_large(fleet(job=job(load_job_spec(raw), raw_spec=raw)))
    assert found is not None
    assert (found.reason, found.stalled) == ("TemplateRefused", True)
    assert found.message == "spec.config: has 307208 bytes as JSON, at most 262144 are allowed"
    assert config_too_large(fleet()) is None
