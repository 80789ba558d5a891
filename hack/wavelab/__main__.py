"""The command line: `PYTHONPATH=hack python -m wavelab …`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wavelab import binaries, machine
from wavelab import state as states
from wavelab.cluster import Cluster
from wavelab.errors import RefusedError, WavelabError

EXAMPLE = """\
example:
  wavelab up --simulated 20              a control plane and 20 nodes that only claim to run pods
  export KUBECONFIG=$(wavelab kubeconfig)
  wavelab kubectl -- get nodes
  wavelab up --nodes 3 --simulated 100   the same cluster, now with 3 nodes that really run pods
  wavelab down

exit codes: 0 done, 1 tried and failed, 2 refused before anything was changed
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="wavelab",
        description="A real Kubernetes cluster on this machine, without a container engine.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument("--name", default="dev", help="the cluster (default: dev)")
        return made

    up = command("up", "make the cluster run with as many nodes as asked; a running one is reused")
    up.add_argument("--nodes", type=int, default=0, metavar="N", help="real nodes (needs root)")
    up.add_argument("--simulated", type=int, default=0, metavar="N", help="simulated nodes")
    up.add_argument("--no-audit", action="store_true", help="write no audit log")
    down = command("down", "remove every trace of the cluster")
    down.add_argument("--all", action="store_true", help="of all clusters")
    status = command("status", "what runs; exit code 0 if the cluster runs, else 1")
    status.add_argument(
        "--all", action="store_true", help="all clusters; exit code 0 if none is broken"
    )
    status.add_argument("-o", "--output", choices=["text", "json"], default="text")
    text = "install the Debian packages that real nodes need and that are missing"
    commands.add_parser("install", help=text, description=text)
    text = "build programs that are not in the cache yet, and print where they are"
    built = commands.add_parser("binaries", help=text, description=text)
    built.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"one of: {', '.join(binaries.BINARIES)} (default: all that a cluster consists of)",
    )
    kubectl = command("kubectl", "run kubectl as administrator: wavelab kubectl -- get pods -A")
    kubectl.add_argument("args", nargs=argparse.REMAINDER)
    command("kubeconfig", "print the path of the administrator's kubeconfig")
    load = command("load-image", "import an OCI layout tar into every real node")
    load.add_argument("tar", type=Path)
    push = command(
        "push-image", "put an OCI layout tar into the registry, and print its name there"
    )
    push.add_argument("tar", type=Path)
    token = command("token", "write a kubeconfig that is a ServiceAccount, and print its path")
    token.add_argument("--namespace", required=True)
    token.add_argument("--serviceaccount", required=True)
    token.add_argument("--duration", type=int, default=24 * 3600, metavar="SECONDS")
    for name, text in (
        ("stop-kubelet", "kill a real node's kubelet, as if the machine were lost"),
        ("start-kubelet", "start a real node's kubelet again"),
    ):
        command(name, text).add_argument("node")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        return run(options)
    except WavelabError as error:
        print(f"wavelab: {error}", file=sys.stderr)
        return error.exit_code


def run(options: argparse.Namespace) -> int:
    """Do what the parsed command line asks for."""
    started = time.monotonic()

    def progress(text: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {text}", file=sys.stderr, flush=True)

    match options.command:
        case "binaries":
            names = options.names or binaries.CLUSTER
            for name in names:
                if name not in binaries.BINARIES:
                    raise RefusedError(f"{name}: one of {', '.join(binaries.BINARIES)}")
            list_binaries(names, binaries.ensure(names, progress))
        case "install":
            if not machine.missing():
                progress("nothing is missing")
            machine.install(progress)
        case "up":
            cluster = Cluster(options.name)
            cluster.up(options.nodes, options.simulated, progress, audit=not options.no_audit)
        case "down":
            names = [s.name for s in states.all_states()] if options.all else [options.name]
            removed = [name for name in names if Cluster(name).down(progress)]
            if not removed:
                progress("nothing to remove")
        case "status":
            names = [s.name for s in states.all_states()] if options.all else [options.name]
            if not names:
                print("no local cluster; make one with `wavelab up`")
            as_json = options.output == "json"
            return max((show_status(Cluster(each), as_json=as_json) for each in names), default=0)
        case _:
            use(Cluster(options.name), options, progress)
    return 0


def use(cluster: Cluster, options: argparse.Namespace, progress: Callable[[str], None]) -> None:
    """Commands that need a cluster to be there."""
    if not cluster.kubeconfig.exists():
        raise RefusedError(f"no cluster {cluster.name}: `wavelab up --name {cluster.name}`")
    match options.command:
        case "kubectl":
            exec_kubectl(cluster, options.args)
        case "kubeconfig":
            print(cluster.kubeconfig)
        case "load-image":
            cluster.load_image(options.tar)
        case "push-image":
            print(cluster.push_image(options.tar, progress))
        case "token":
            account = (options.namespace, options.serviceaccount, options.duration)
            print(cluster.service_account_kubeconfig(*account))
        case "stop-kubelet":
            cluster.stop_kubelet(options.node)
        case "start-kubelet":
            cluster.start_kubelet(options.node)


def list_binaries(names: Sequence[str], took: Mapping[str, float]) -> None:
    """Print every binary's place and how long it took to build."""
    for name in names:
        note = f"built in {took[name]:.0f} s" if name in took else "cached"
        print(f"{name:<24} {note:<16} {binaries.path_of(name)}")


def show_status(cluster: Cluster, *, as_json: bool) -> int:
    """Print what there is."""
    status = cluster.status()
    if as_json:
        print(json.dumps(status, indent=1))
    else:
        print(f"cluster {status['name']}: {status['state']}")
        for key in ("server", "kubeconfig", "directory"):
            if key in status:
                print(f"  {key}: {status[key]}")
        for name, alive in status.get("processes", {}).items():
            print(f"  {name}: {'running' if alive else 'not running'}")
        nodes = status.get("nodes", [])
        for kind in ("real", "simulated"):
            of_kind = [node for node in nodes if node["kind"] == kind]
            ready = sum(node["ready"] for node in of_kind)
            print(f"  {kind} nodes: {len(of_kind)}, ready: {ready}")
    return 0 if status["state"] == "running" else 1


def exec_kubectl(cluster: Cluster, args: Sequence[str]) -> None:
    """Become kubectl, so that terminals, pipes and signals work as ever."""
    program = str(binaries.path_of("kubectl"))
    words = [*args[1:]] if args[:1] == ["--"] else [*args]
    os.execve(program, [program, *words], {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)})


if __name__ == "__main__":
    sys.exit(main())
