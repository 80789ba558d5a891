"""Kopf's storages: nothing is ever stored."""

from __future__ import annotations

import kopf

from wavegate.handlers.storages import ForgetfulDiffBase, ForgetfulProgress

BODY = kopf.Body({"metadata": {"annotations": {}}, "spec": {"a": 1}})


def test_no_storage_changes_an_object():
    patch = kopf.Patch()
    progress, diffbase = ForgetfulProgress(), ForgetfulDiffBase()
    progress.store(key="k", record={}, body=BODY, patch=patch)
    progress.touch(body=BODY, patch=patch, value="now")
    progress.purge(key="k", body=BODY, patch=patch)
    diffbase.store(body=BODY, patch=patch, essence={})
    assert not patch


def test_nothing_is_remembered():
    assert ForgetfulProgress().fetch(key="k", body=BODY) is None
    assert ForgetfulDiffBase().fetch(body=BODY) is None
    assert ForgetfulProgress().clear(essence={"spec": {}}) == {"spec": {}}
