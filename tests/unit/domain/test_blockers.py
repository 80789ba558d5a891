"""What stands over a job: whether it goes on by itself, and the way out."""

from __future__ import annotations

import pytest

from unit.domain.builders import NOW, fleet
from wavegate.domain.blockers import in_the_way
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
