"""Operations that are generated from the CRDs, asked of the real and the simulated server.

``make generated`` asks all of them, ``make test`` one of so many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from generated.answers import Answer, SimulatedServer, change_of, real_answer
from generated.bases import BASES, Object
from generated.operations import Operation, all_operations
from integration.conftest import Api, collection
from support.campaign import sample

pytestmark = pytest.mark.cluster

SHARE = int(os.environ.get("GENERATED_SHARE", "4"))
PARTS = 4
NOWHERE = {"matchLabels": {"pool": "no-such"}}
"""What is stored is for no node, so that the operator has nothing to do with it."""


@pytest.fixture(scope="module")
def stored(api: Api) -> Iterator[Mapping[str, Object]]:
    """The bases, each under a name of its own; changes are only tried on them."""
    made = {}
    for base, document in BASES.items():
        obj = {**document, "metadata": {"name": f"base-{base}"}}
        code, answer = api.create(obj)
        assert code == 201, answer
        made[base] = obj
    yield made
    for obj in made.values():
        code, _ = api.request("DELETE", f"{collection(obj)}/{obj['metadata']['name']}")
        assert code == 200


def _asked(api: Api, stored: Mapping[str, Object], operation: Operation) -> Answer:
    if operation.verb == "create":
        return real_answer(*api.create(operation.document(), dry=True))
    obj = stored[operation.base]
    path = f"{collection(obj)}/{obj['metadata']['name']}?dryRun=All"
    change = change_of(operation)
    return real_answer(*api.request("PATCH", path, change, "application/merge-patch+json"))


@pytest.mark.parametrize("part", range(PARTS))
def test_the_servers_refuse_the_same_and_name_the_same_field(
    api: Api, stored: Mapping[str, Object], part: int
) -> None:
    simulated = SimulatedServer()
    wrong: dict[str, Any] = {}
    operations = list(sample(all_operations(), SHARE, seed=1))[part::PARTS]
    refused = 0
    for operation in operations:
        real, ours = _asked(api, stored, operation), simulated.answer(operation)
        refused += real.refused
        if not real.agrees_with(ours):
            wrong[str(operation)] = (real.says, ours.says)
        elif real.refused and not real.names(operation):
            wrong[str(operation)] = (real.says, "names another field")
    told = "\n".join(f"{each}\n    {real}\n    {ours}" for each, (real, ours) in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(operations)}:\n{told}"
    assert 0 < refused < len(operations)
