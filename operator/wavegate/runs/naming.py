"""Naming: what a run is called; at most 40 characters.

The run of a tick, for the ends of other jobs' runs, or for an item of a batch has the same name
whoever makes it, so that the API server refuses a second one.

A run with a key has a name that follows from its job and the key, so that the API server itself
refuses a second one. Once that has failed, the key is free again, and the next run of it is
``NAME-2``, then ``NAME-3``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wavegate.api.jobrun import MAX_RUN_NAME
from wavegate.api.names import node_hash

MOST_OF_A_KEY: Final = 99
"""Runs that can be asked for with one key."""


def tick_name(job: str, job_uid: str, tick: float) -> str:
    """Name of the run for a tick of a job: ``JOB-DIGEST``, with as much of the job as has room."""
    return _name(job, node_hash(f"{job_uid}/{tick:.0f}"), 0)


def after_name(job: str, job_uid: str, ends: Mapping[str, float]) -> str:
    """Name of the run for the ends of other jobs' runs (epoch seconds): ``JOB-DIGEST``."""
    told = ",".join(f"{name}@{end:.6f}" for name, end in sorted(ends.items()))
    return _name(job, node_hash(f"{job_uid}/after/{told}"), 0)


def keyed_name(job: str, job_uid: str, key: str, number: int = 1) -> str:
    """Name of the ``number``-th run of a key: ``JOB-DIGEST``, then ``JOB-DIGEST-2``, up to 99.

    Unlike the name for any tick of a schedule, whatever the key is.
    """
    name = _name(job, node_hash(f"{job_uid}/key/{key}"), len(f"-{MOST_OF_A_KEY}"))
    return name if number == 1 else f"{name}-{number}"


def item_name(job: str, batch_uid: str, key: str) -> str:
    """Name of the run for an item of a batch, or that repeats a run of that name."""
    return _name(job, node_hash(f"{batch_uid}/item/{key}"), 0)


def drawn_name(job: str, draw: str) -> str:
    """Name of a run without a key; ``draw``: random text."""
    return _name(job, node_hash(draw), 0)


def _name(job: str, digest: str, room: int) -> str:
    return f"{job[: MAX_RUN_NAME - room - len(digest) - 1].rstrip('-')}-{digest}"
