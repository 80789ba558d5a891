"""``make demo``: a real cluster, the operator on it, and the main job in four acts."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir

from rich.console import Console

from demo.acts import Act, acts, job_file
from demo.clusters import Progress, Stage, stage_for
from demo.errors import DemoError
from demo.observer import JOB, Seen, messages_received, observe
from demo.operator_process import OperatorProcess
from demo.view import Outcome, View
from wavelab import binaries
from wavelab.errors import WavelabError

_ACT_SECONDS = 180.0
_POLL_SECONDS = 0.4


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ``--help`` says what happens."""
    parser = argparse.ArgumentParser(
        prog="demo",
        description="Shows Wavegate's main job in four acts: a first version, a good one, one that"
        " its canary gate refuses, and one that fails on a single node. Exit code 0 only if every"
        " act ended as it should.",
        epilog="example: make demo CLUSTER=current SELECTOR=pool=edge",
    )
    parser.add_argument(
        "--cluster",
        choices=("wavelab", "simulated", "current"),
        help="wavelab: real nodes made here (root); simulated: nodes that run nothing; current:"
        " the cluster of KUBECONFIG (default: wavelab for root, else simulated)",
    )
    parser.add_argument("--nodes", type=int, default=3, help="nodes to make (default: 3)")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    parser.add_argument("--plain", action="store_true", help="a line for each change, no tree")
    parser.add_argument(
        "--selector", default="", metavar="KEY=VALUE", help="current: label of the nodes to use"
    )
    parser.add_argument(
        "--namespace",
        default="wavegate-demo",
        help="current: the namespace that is made, and removed (default: %(default)s)",
    )
    parser.add_argument(
        "--pipeline-image",
        metavar="IMAGE",
        help="image of the pipeline engine, needed on a cluster that was not made here",
    )
    options = parser.parse_args(arguments)
    if options.nodes < 3:
        parser.error("--nodes: a canary, a failure and a bystander take three nodes at least")
    return options


class Demonstration:
    """The acts on a stage, with the operator."""

    def __init__(self, stage: Stage, view: View, image: str | None) -> None:
        self._stage = stage
        self._view = view
        self._operator: OperatorProcess | None = None
        self._image = image
        self._failing = ""

    def run(self) -> list[Outcome]:
        """Prepare the stage and play all acts; an act that goes wrong ends it."""
        self._stage.prepare(self._view.say)
        operator = OperatorProcess(
            self._stage.operator_kubeconfig(),
            Path(gettempdir()) / f"wavegate-demo-{os.getpid()}" / "operator.log",
            lease_namespace=self._stage.lease_namespace,
            namespace=self._stage.namespace,
            image=self._image,
            marks=self._stage.marks(),
        )
        self._operator = operator
        operator.start()
        self._view.say("the operator leads, under its own ServiceAccount")
        kind = "pipeline" if self._stage.runs_pods else "container"
        outcomes: list[Outcome] = []
        for number, act in enumerate(acts(kind, lambda _: self._failing), start=1):
            self._view.begin(number, act.title)
            outcomes.append(self._play(act))
            if outcomes[-1].problems:
                break
            if number == 1 and self._stage.runs_pods:
                self._check_addresses()
        return outcomes

    def stop(self) -> None:
        """End the operator."""
        if self._operator is not None:
            self._operator.stop()

    def evidence(self) -> str:
        """What helps to find out why an act went wrong."""
        if self._operator is None:
            return ""
        try:
            seen = observe(self._stage.kubectl, self._stage.namespace)
            told = [f"{d['metadata']['name']}: {d.get('status')}" for d in seen.deployments]
        except DemoError as error:
            told = [str(error)]
        return "\n".join([*told, "the operator's last words:", self._operator.tail()])

    def _play(self, act: Act) -> Outcome:
        begun = time.monotonic()
        seen = self._look()
        self._failing = _failing_node(seen)
        text = job_file(act, self._failing, self._stage.namespace, self._stage.selector)
        self._stage.kubectl("apply", "-f", "-", given=text)
        while not act.over(seen):
            if time.monotonic() - begun > _ACT_SECONDS:
                waited = f"not over after {_ACT_SECONDS:g} s: {seen.state}: {seen.message}"
                return Outcome(act.title, act.expected, [waited], time.monotonic() - begun)
            time.sleep(_POLL_SECONDS)
            seen = self._look()
        seconds = time.monotonic() - begun
        problems = [problem for check in act.checks if (problem := check(seen))]
        return Outcome(act.title, act.expected, problems, seconds)

    def _look(self) -> Seen:
        seen = observe(self._stage.kubectl, self._stage.namespace)
        self._view.show(seen)
        return seen

    def _check_addresses(self) -> None:
        pods = self._look().pods
        if not any(messages_received(pod) is not None for pod in pods):
            raise DemoError(
                "the pods' addresses cannot be reached from this machine, so the operator, which"
                " runs here for the demonstration, cannot read what they count. Run it on a"
                " machine inside the cluster's network, or use `make demo` without CLUSTER."
            )


def _failing_node(seen: Seen) -> str:
    """The last node that is no canary; canaries are the same from version to version."""
    canaries = set(seen.deployment(f"{JOB}-v2").get("canaryNodes") or [])
    others = [node for node in seen.claims() if node not in canaries]
    return others[-1] if others else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play; returns the exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    plain = options.plain or not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR"))
    console = Console(no_color=plain, soft_wrap=plain, highlight=False)
    view = View(console, live=not plain)
    try:
        stage = stage_for(options.cluster, options.nodes, options.selector, options.namespace)
    except DemoError as error:
        console.print(f"demo: {error}", markup=False)
        return 2
    if not stage.runs_pods:
        view.say("not root: nodes are simulated by kwok, and run nothing (as root they are real)")
    if options.cluster in (None, "wavelab", "simulated"):
        _build(stage, view.say)
    return _perform(stage, view, console, options)


def _build(stage: Stage, progress: Progress) -> None:
    """Build what the cluster is made of; takes minutes the first time and nothing later."""
    programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"]
    programs += ["kubelet", "kube-proxy", "benthos"] if stage.runs_pods else ["kwok"]
    binaries.ensure(programs, progress)


def _perform(stage: Stage, view: View, console: Console, options: argparse.Namespace) -> int:
    play = Demonstration(stage, view, options.pipeline_image)
    code = 1
    try:
        with view:
            outcomes = play.run()
        view.finish(outcomes)
        code = 1 if any(outcome.problems for outcome in outcomes) else 0
        if code:
            console.print(play.evidence(), markup=False)
    except (DemoError, WavelabError) as error:
        console.print(f"demo: {error}", markup=False)
        console.print(play.evidence(), markup=False)
    except KeyboardInterrupt:
        console.print("demo: interrupted; cleaning up", markup=False)
        code = 130
    finally:
        if options.keep and code in (0, 1):
            console.print("\nthe cluster and the operator are left running:", markup=False)
            for line in stage.how_to_use():
                console.print(f"  {line}", markup=False)
        else:
            play.stop()
            stage.remove(view.say)
    return code


if __name__ == "__main__":
    sys.exit(main())
