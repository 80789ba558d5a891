"""The table of job types."""

from __future__ import annotations

from typing import get_args

import pytest

from wavegate.api.fleetjob import JobType
from wavegate.drivers.driver import DRIVERS, driver_for


def test_every_job_type_of_the_api_has_a_driver():
    assert set(DRIVERS) == set(get_args(JobType))


def test_a_job_type_that_the_api_does_not_have_is_an_error():
    with pytest.raises(KeyError):
        driver_for("cron")
