from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.names import API_VERSION as OURS
from wavegate.cache.fields import (
    Owner,
    condition,
    controller_of,
    flag,
    integer,
    meta_of,
    strings,
    text,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(json_values)
def test_nothing_raises_whatever_is_there(value: Any) -> None:
    assert isinstance(text(value), str)
    assert isinstance(integer(value), int)
    assert isinstance(flag(value), bool)
    assert all(isinstance(item, str) for item in strings(value).values())
    condition({"conditions": value}, "Ready")
    controller_of({"metadata": {"ownerReferences": value}})


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"name": "a", "uid": "u"},
        {"name": "a", "uid": "u", "resourceVersion": "1x"},
        {"name": "", "uid": "u", "resourceVersion": "1"},
        {"name": "a", "resourceVersion": "1"},
    ],
)
def test_an_object_without_an_identity_is_refused(metadata: Any) -> None:
    with pytest.raises(ValueError, match="metadata without"):
        meta_of({"metadata": metadata})


def test_only_the_controller_among_the_owners_counts() -> None:
    references = [
        {"apiVersion": OURS, "kind": "FleetJob", "name": "x", "uid": "1"},
        {"apiVersion": OURS, "kind": "Execution", "name": "y", "uid": "2", "controller": True},
    ]
    owner = controller_of({"metadata": {"ownerReferences": references}})
    assert (owner.kind, owner.name, owner.uid) == ("Execution", "y", "2")
    assert controller_of({"metadata": {"ownerReferences": references[:1]}}) == Owner()


def test_a_controller_of_another_group_is_none_of_our_kinds_and_has_no_uid_of_ours() -> None:
    theirs = {"kind": "Execution", "name": "y", "uid": "2", "controller": True}
    for version in ("work.example/v1", f"x{OURS}", "v1", None):
        reference = {**theirs, "apiVersion": version}
        owner = controller_of({"metadata": {"ownerReferences": [reference]}})
        assert owner == Owner(f"Execution ({version or ''})", "y")
