"""The commands of the runbooks, as they stand there, on a cluster with a job."""

from __future__ import annotations

import re
import shlex

import pytest

import wavelab
from support.alerts import RUNBOOKS
from support.space import Space
from wavelab.errors import WavelabError

pytestmark = pytest.mark.cluster

OF_A_RELEASE = ("deployment/wavegate", "deployment wavegate", "servicemonitors", "top pods")
"""What only a cluster has in which the chart is installed, with what it needs around it."""
NOT_THERE = re.compile("not found|doesn't have a resource type|Metrics API not available")


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", RUNBOOKS.read_text(), re.DOTALL)
    return sorted({line for block in blocks for line in block.strip().splitlines()})


def test_every_command_is_one_that_kubectl_takes(settled: Space, cluster: wavelab.Cluster) -> None:
    found = commands()
    refused = {command: said_against(cluster, settled, command) for command in found}
    failed = {command: words for command, words in refused.items() if words}
    assert len(found) - len(failed) > 10
    for command, words in failed.items():
        assert any(each in command for each in OF_A_RELEASE), f"{command}: {words}"
        assert NOT_THERE.search(words), f"{command}: {words}"


def said_against(cluster: wavelab.Cluster, space: Space, command: str) -> str:
    """What kubectl says where it fails; what follows in the pipe is left out."""
    filled = command.replace("NAMESPACE", space.name).replace("JOB", "app")
    program, *arguments = shlex.split(filled.partition("|")[0])
    assert program == "kubectl", command
    try:
        cluster.kubectl(*arguments)
    except WavelabError as error:
        return str(error)
    return ""
