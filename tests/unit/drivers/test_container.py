"""Job type container: nothing is added but the config."""

from __future__ import annotations

import json

import pytest

from unit.drivers.views import container
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.container import ContainerDriver
from wavegate.drivers.document import DocumentError

DRIVER = ContainerDriver()


def test_no_image_is_pinned_and_no_counters_are_known():
    assert DRIVER.image(PlanSettings()) == ""
    assert DRIVER.counters(container()) is None


def test_the_config_is_a_file_exactly_as_written():
    config = {"http": {"address": "127.0.0.1:1"}, "rate": None}
    assert (
        json.loads(DRIVER.document(container(config=config), "", PlanSettings())["config.yaml"])
        == config
    )


def test_without_a_config_there_is_no_file_but_an_empty_one_is_a_file():
    assert DRIVER.document(container(), "", PlanSettings()) == {}
    assert DRIVER.document(container(config={}), "", PlanSettings()) == {"config.yaml": "{}\n"}


def test_a_config_that_is_too_long_is_refused():
    with pytest.raises(DocumentError, match=r"^spec\.config: "):
        DRIVER.document(container(config={"a": "x" * 300_000}), "", PlanSettings())
