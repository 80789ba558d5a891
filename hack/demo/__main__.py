"""``make demo``: a real cluster, the operator on it, and the main job in four acts."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import gettempdir

from rich.console import Console

from demo.acts import Act, acts, job_file
from demo.clusters import LEAST_NODES, Stage, stage_for
from demo.errors import DemoError
from demo.installed import InstalledOperator
from demo.observer import JOB, Seen, is_ready, messages_received, observe
from demo.operator_process import OperatorProcess
from demo.view import Outcome, View
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
        choices=("wavelab", "simulated", "current", "installed"),
        help="wavelab: real nodes made here (root); simulated: nodes that run nothing; current:"
        " the cluster of KUBECONFIG; installed: the same with the operator that is installed in it"
        " (default: wavelab for root, else simulated)",
    )
    parser.add_argument(
        "--nodes",
        type=int,
        default=LEAST_NODES,
        help="nodes to make, at least a canary, one that fails and a bystander"
        " (default: %(default)s)",
    )
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    parser.add_argument("--plain", action="store_true", help="a line for each change, no tree")
    parser.add_argument(
        "--selector",
        default="",
        metavar="KEY=VALUE",
        help="current, installed: label of the nodes to use",
    )
    parser.add_argument(
        "--namespace",
        default="wavegate-demo",
        help="current, installed: the namespace that is made, and removed (default: %(default)s)",
    )
    parser.add_argument(
        "--pipeline-image",
        metavar="IMAGE",
        help="current: image of the pipeline engine, from where the nodes can pull it",
    )
    options = parser.parse_args(arguments)
    if options.nodes < LEAST_NODES:
        parser.error(f"--nodes: the acts take {LEAST_NODES} nodes at least")
    if options.cluster == "current" and not options.pipeline_image:
        parser.error(
            "--pipeline-image: is needed for --cluster current (make demo PIPELINE_IMAGE=...):"
            " an image of a Benthos-family engine that its nodes can pull"
        )
    return options


class Demonstration:
    """The acts on a stage, with the operator."""

    def __init__(self, stage: Stage, view: View, image: str | None) -> None:
        self.stage = stage
        self._view = view
        self._operator: OperatorProcess | InstalledOperator | None = None
        self._image = image
        self._failing = ""
        self._logs = Path(gettempdir()) / f"wavegate-demo-{os.getpid()}"

    def run(self) -> list[Outcome]:
        """Prepare the stage and play all acts; an act that goes wrong ends it."""
        self.stage.prepare(self._view.say)
        self._operator = self.stage.installed_operator() or self._process()
        self._operator.start()
        self._view.say("the operator leads, under its own ServiceAccount")
        kind = "pipeline" if self.stage.runs_pods else "container"
        outcomes: list[Outcome] = []
        for number, act in enumerate(acts(kind, lambda _: self._failing), start=1):
            self._view.begin(number, act.title)
            outcomes.append(self._play(act))
            self._view.end(outcomes[-1])
            if outcomes[-1].problems:
                break
        return outcomes

    def _process(self) -> OperatorProcess:
        return OperatorProcess(
            self.stage.operator_kubeconfig(),
            self._logs / "operator.log",
            lease_namespace=self.stage.lease_namespace,
            namespace=self.stage.namespace,
            image=self._image,
            marks=self.stage.marks(),
        )

    @property
    def operator(self) -> int | None:
        """Process id of the operator; None before it began, 0 where it is no process of ours."""
        return self._operator.pid if self._operator is not None else None

    def stop(self) -> None:
        """End the operator."""
        if self._operator is not None:
            self._operator.stop()

    def forget_logs(self) -> None:
        """Remove what the operator has said, where nobody will want to read it."""
        shutil.rmtree(self._logs, ignore_errors=True)

    def evidence(self) -> str:
        """What helps to find out why an act went wrong; empty before the operator began."""
        if self._operator is None:
            return ""
        try:
            told = story(observe(self.stage.kubectl, self.stage.namespace))
        except DemoError as error:
            told = [str(error)]
        log = f"the operator's last words, of {self._operator.log}:"
        hint = "to look around, run it again with KEEP=1"
        return "\n".join(["what the cluster says:", *told, log, self._operator.tail(), hint])

    def _play(self, act: Act) -> Outcome:
        begun = time.monotonic()
        seen = self._look()
        self._failing = _failing_node(seen)
        text = job_file(act, self._failing, self.stage.namespace, self.stage.selector)
        self.stage.kubectl("apply", "-f", "-", given=text)
        waited = ""
        while not waited and not act.over(seen):
            self._refuse_unreachable(seen)
            if time.monotonic() - begun > _ACT_SECONDS:
                waited = f"not over after {_ACT_SECONDS:g} s: {seen.state}: {seen.message}"
            time.sleep(_POLL_SECONDS)
            seen = self._look()
        seconds = time.monotonic() - begun
        problems = [waited] if waited else [said for check in act.checks if (said := check(seen))]
        return Outcome(act.title, act.expected, self._facts(seen), problems, seconds)

    def _look(self) -> Seen:
        seen = observe(self.stage.kubectl, self.stage.namespace)
        self._view.show(seen)
        return seen

    def _facts(self, seen: Seen) -> str:
        if not self.stage.runs_pods:
            return seen.facts()
        flowed = sum(messages_received(pod) or 0 for pod in seen.pods if is_ready(pod))
        return f"{seen.facts()}; {flowed:,} messages through them"

    def _refuse_unreachable(self, seen: Seen) -> None:
        """Stop where it is this machine that cannot reach the pods: no version is to blame."""
        rollout = seen.open_rollout()
        if rollout.get("reason") != "MetricsUnreadable":
            return
        asked = [messages_received(pod) for pod in seen.pods if is_ready(pod)]
        if asked and not any(answer is not None for answer in asked):
            raise DemoError(
                "the pods' addresses cannot be reached from this machine, where the operator runs"
                " for the demonstration, so it cannot read what the pipelines count"
                f" ({rollout.get('message')}). Run it on a machine in the cluster's network, or"
                " as `make demo` without CLUSTER."
            )


def _failing_node(seen: Seen) -> str:
    """The last node that is no canary; canaries are the same from version to version."""
    canaries = set(seen.deployment(f"{JOB}-v2").get("canaryNodes") or [])
    others = [node for node in seen.claims() if node not in canaries]
    return others[-1] if others else ""


def story(seen: Seen) -> list[str]:
    """What job, rollouts and executions say of themselves, a line each."""
    told = [f"  job: {seen.state}: {seen.message}"]
    for each in seen.deployments:
        status = each.get("status") or {}
        said = " ".join(str(status.get(key) or "") for key in ("state", "reason", "message"))
        told.append(f"  {each['metadata']['name']}: {said}")
    for node, claim in seen.claims().items():
        observed = (claim.get("status") or {}).get("observedState") or {}
        said = f"{observed.get('stateType', 'Pending')} {observed.get('message', '')}"
        told.append(f"  {node}: v{claim['spec']['jobVersion']} {said}")
    return told


def is_plain(options: argparse.Namespace, environ: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether to print lines instead of drawing: asked for, no terminal, NO_COLOR or CI."""
    return bool(options.plain or not terminal or environ.get("NO_COLOR") or environ.get("CI"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Play; returns the exit code: 1 it went wrong, 2 refused, 130 interrupted."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    plain = is_plain(options, os.environ, terminal=sys.stdout.isatty())
    console = Console(no_color=plain, soft_wrap=plain, highlight=False)
    view = View(console, live=not plain)
    try:
        stage = stage_for(options.cluster, options.nodes, options.selector, options.namespace)
    except (DemoError, WavelabError) as error:
        console.print(f"demo: {error}", markup=False)
        return 2
    if not stage.runs_pods:
        view.say("the nodes are simulated, and run nothing (real ones: --cluster wavelab, as root)")
    return _perform(Demonstration(stage, view, options.pipeline_image), view, console, options.keep)


def _perform(play: Demonstration, view: View, console: Console, keep: bool) -> int:
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
        if play.operator is None:
            code = 2
        else:
            console.print(play.evidence(), markup=False)
    except KeyboardInterrupt:
        console.print("demo: interrupted; cleaning up", markup=False)
        code = 130
    finally:
        if keep and code != 130 and play.operator is not None:
            console.print("\nthe cluster and the operator are left running:", markup=False)
            for line in play.stage.how_to_use(play.operator):
                console.print(f"  {line}", markup=False)
        else:
            play.stop()
            play.stage.remove(view.say)
            if code != 1:
                play.forget_logs()
    return code


if __name__ == "__main__":
    # Whoever ends it, by Ctrl-C or kill, finds nothing left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
