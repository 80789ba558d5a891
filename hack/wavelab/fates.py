"""What becomes of pods and nodes that nothing runs: stages for kwok.

A pod's *fate* is a word. It is looked for in this order:

1. annotation `wavelab.dev/fate-on` of the pod: fates by node, `sim-003=crash,sim-004=hang`
2. annotation `wavelab.dev/fate` of the pod
3. label `wavelab.dev/fate` of the pod
4. `complete` for a Job's pod, else `ready`

Put them on a pod template, and a version fails on exactly the nodes named. A running pod follows a
changed annotation.

| fate          | the pod                                                                   |
| ------------- | ------------------------------------------------------------------------- |
| ready         | Running and Ready at once                                                 |
| local         | the same at the address 127.0.0.1, where a test may serve its metrics     |
| never-ready   | Running, never Ready                                                      |
| unready-later | Ready, and after 5 s not Ready any more                                   |
| crash         | phase Failed, container terminated: exit code 1, message "boom"           |
| crash-loop    | Running, not Ready; container waiting: CrashLoopBackOff, restarted 3 times|
| image-missing | Pending; container waiting: ImagePullBackOff                              |
| hang          | Pending, no status at all                                                 |
| complete      | Running, then Succeeded with exit code 0                                  |
| slow-stop     | Ready; takes 10 s to go once deleted                                      |

Any other word leaves the pod to stages of one's own (`Cluster.apply_stages`); without such stages
it is like `hang`. A node with the label or annotation `wavelab.dev/fate` = `not-ready` reports
Ready False, and True again when it is taken away.
"""

from __future__ import annotations

import json
from typing import Any

Stage = dict[str, Any]

FATE = "wavelab.dev/fate"
FATE_ON = "wavelab.dev/fate-on"
FATES = (
    "ready",
    "local",
    "never-ready",
    "unready-later",
    "crash",
    "crash-loop",
    "image-missing",
    "hang",
    "complete",
    "slow-stop",
)

UNREADY_AFTER_MILLISECONDS = 5_000
SLOW_STOP_MILLISECONDS = 10_000

# jq, evaluated on the pod: always exactly one word.
POD_FATE = f"""
.spec.nodeName as $node
| (.metadata.annotations["{FATE_ON}"] // "" | split(",")
   | map(split("=") | map(gsub("^\\\\s+|\\\\s+$"; "")) | select(.[0] == $node) | .[1]) | .[0])
// .metadata.annotations["{FATE}"]
// .metadata.labels["{FATE}"]
// (if any(.metadata.ownerReferences // [] | .[]; .kind == "Job") then "complete" else "ready" end)
""".strip()

NODE_FATE = f'.metadata.annotations["{FATE}"] // .metadata.labels["{FATE}"] // "ready"'

_READY = '.status.conditions.[] | select(.type == "Ready") | .status'
_WAITING = ".status.containerStatuses.[].state.waiting.reason"
_ENDING = ".metadata.deletionTimestamp"
_GRACE = ".metadata.deletionGracePeriodSeconds // 1 | tostring"
_PHASE = ".status.phase"

_RUNNING = "running: {startedAt: {{ $now | Quote }}}"
_TERMINATED = (
    "terminated: {exitCode: %d, reason: %s, message: %s,"
    " startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}"
)
_ANY_ADDRESS = (
    'PodIPWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "")'
    ' (or .metadata.name "") (or .metadata.namespace "")'
)
_BOOM = _TERMINATED % (1, "Error", '"boom"')
_KILLED = _TERMINATED % (137, "Error", '""')
_DONE = _TERMINATED % (0, "Completed", '""')


def pod_status(
    phase: str,
    state: str,
    *,
    ready: bool,
    last_state: str = "",
    restarts: int = 0,
    address: str = "",
) -> str:
    """kwok's template of a pod status with every container in the same `state` (inline YAML).

    A pod keeps the address it has: kwok would hand out another one, and the server refuses two.
    Its first one is `address`, where given.
    """
    first_address = f'"{address}"' if address else _ANY_ADDRESS
    verdict = "True" if ready else "False"
    started = "true" if state == _RUNNING else "false"
    return f"""
{{{{ $now := Now }}}}
phase: {phase}
startTime: {{{{ or .status.startTime $now | Quote }}}}
conditions:
- {{type: Initialized, status: "True", lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: Ready, status: "{verdict}", lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: ContainersReady, status: "{verdict}", lastTransitionTime: {{{{ $now | Quote }}}}}}
{{{{ range .spec.readinessGates }}}}
- type: {{{{ .conditionType | Quote }}}}
  status: "{verdict}"
  lastTransitionTime: {{{{ $now | Quote }}}}
{{{{ end }}}}
{{{{ if .spec.initContainers }}}}
initContainerStatuses:
{{{{ range .spec.initContainers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  imageID: ""
  ready: true
  restartCount: 0
  {{{{ if eq (or .restartPolicy "") "Always" }}}}
  started: true
  state: {{{_RUNNING}}}
  {{{{ else }}}}
  state: {{{_DONE}}}
  {{{{ end }}}}
{{{{ end }}}}
{{{{ end }}}}
containerStatuses:
{{{{ range .spec.containers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  imageID: ""
  ready: {str(ready).lower()}
  started: {started}
  restartCount: {restarts}
  state: {{{state}}}
  lastState: {{{last_state}}}
{{{{ end }}}}
{{{{ $hostIP := NodeIPWith .spec.nodeName }}}}
hostIP: {{{{ $hostIP | Quote }}}}
hostIPs: [{{ip: {{{{ $hostIP | Quote }}}}}}]
{{{{ $podIP := .status.podIP }}}}
{{{{ if not $podIP }}}}
{{{{ $podIP = {first_address} }}}}
{{{{ end }}}}
podIP: {{{{ $podIP | Quote }}}}
podIPs: [{{ip: {{{{ $podIP | Quote }}}}}}]
"""


def is_in(key: str, *values: str) -> Stage:
    """The jq expression gives one of the values."""
    return {"key": key, "operator": "In", "values": list(values)}


def not_in(key: str, *values: str) -> Stage:
    """The jq expression gives none of the values (nothing at all counts)."""
    return {"key": key, "operator": "NotIn", "values": list(values)}


def stage(
    name: str, kind: str, when: list[Stage], then: dict[str, Any], *, delay: int = 0
) -> Stage:
    """One kwok Stage for objects of `kind`; `delay` in milliseconds."""
    spec: Stage = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": when},
        "next": then,
    }
    if delay:
        spec["delay"] = {"durationMilliseconds": delay}
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": spec,
    }


def pod_stages() -> list[Stage]:
    """Stages that give every pod its fate."""
    living = {"key": _ENDING, "operator": "DoesNotExist"}
    ending = {"key": _ENDING, "operator": "Exists"}
    # kwok deletes by name alone. Its own delete is told as a change once more, and played again
    # that would meet the next pod of the name.
    first = not_in(_GRACE, "0")
    active = is_in(_PHASE, "Pending", "Running")

    def pod(name: str, when: list[Stage], status: str, *, delay: int = 0) -> Stage:
        return stage(name, "Pod", [living, *when], {"statusTemplate": status}, delay=delay)

    ready = pod_status("Running", _RUNNING, ready=True)
    unready = pod_status("Running", _RUNNING, ready=False)
    loop = "waiting: {reason: CrashLoopBackOff, message: back-off restarting failed container}"
    pull = "waiting: {reason: ImagePullBackOff, message: the image cannot be pulled}"
    return [
        pod(
            "pod-ready",
            [active, is_in(POD_FATE, "ready", "slow-stop"), not_in(_READY, "True")],
            ready,
        ),
        pod(
            "pod-local",
            [active, is_in(POD_FATE, "local"), not_in(_READY, "True")],
            pod_status("Running", _RUNNING, ready=True, address="127.0.0.1"),
        ),
        pod(
            "pod-ready-first",
            [is_in(_PHASE, "Pending"), is_in(POD_FATE, "unready-later", "complete")],
            ready,
        ),
        pod(
            "pod-unready-later",
            [is_in(_PHASE, "Running"), is_in(POD_FATE, "unready-later"), is_in(_READY, "True")],
            unready,
            delay=UNREADY_AFTER_MILLISECONDS,
        ),
        pod(
            "pod-complete",
            [is_in(_PHASE, "Running"), is_in(POD_FATE, "complete")],
            pod_status("Succeeded", _DONE, ready=False),
        ),
        # Phase and verdict together: a Pending pod may be not Ready already, by `image-missing`.
        pod(
            "pod-never-ready",
            [
                is_in(POD_FATE, "never-ready"),
                is_in(f'{_PHASE} + " " + ([{_READY}][0] // "")', *_not_yet("False")),
            ],
            unready,
        ),
        pod(
            "pod-crash",
            [active, is_in(POD_FATE, "crash")],
            pod_status("Failed", _BOOM, ready=False),
        ),
        pod(
            "pod-crash-loop",
            [active, is_in(POD_FATE, "crash-loop"), not_in(_WAITING, "CrashLoopBackOff")],
            pod_status("Running", loop, ready=False, last_state=_BOOM, restarts=3),
        ),
        _deadline(living),
        pod(
            "pod-image-missing",
            [active, is_in(POD_FATE, "image-missing"), not_in(_WAITING, "ImagePullBackOff")],
            pod_status("Pending", pull, ready=False),
        ),
        stage(
            "pod-delete", "Pod", [ending, first, not_in(POD_FATE, "slow-stop")], {"delete": True}
        ),
        stage(
            "pod-delete-slowly",
            "Pod",
            [ending, first, is_in(POD_FATE, "slow-stop")],
            {"delete": True},
            delay=SLOW_STOP_MILLISECONDS,
        ),
    ]


def _deadline(living: Stage) -> Stage:
    """A pod that runs longer than its activeDeadlineSeconds is ended, as a kubelet does it."""
    status = pod_status("Failed", _KILLED, ready=False)
    reason = "reason: DeadlineExceeded\nmessage: Pod was active on the node longer than it may\n"
    limited = {"key": ".spec.activeDeadlineSeconds", "operator": "Exists"}
    when = [living, is_in(_PHASE, "Running"), is_in(POD_FATE, "ready"), is_in(_READY, "True")]
    made = stage(
        "pod-deadline", "Pod", [*when, limited], {"statusTemplate": f"{status}{reason}"}, delay=1
    )
    made["spec"]["delay"]["durationFrom"] = {
        "expressionFrom": '(.spec.activeDeadlineSeconds // 0 | tostring) + "s"'
    }
    return made


def _not_yet(verdict: str) -> list[str]:
    """Every "phase verdict" of an active pod that is not Running with this verdict."""
    pairs = [f"{phase} {is_}" for phase in ("Pending", "Running") for is_ in ("", "True", "False")]
    return [pair for pair in pairs if pair != f"Running {verdict}"]


def node_status(*, ready: bool) -> str:
    """kwok's template of a node status."""
    verdict, reason = ("True", "KubeletReady") if ready else ("False", "WavelabFate")
    fine = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
    conditions = [("Ready", verdict, reason), *((kind, "False", "Simulated") for kind in fine)]
    lines = "\n".join(
        f'- {{type: {kind}, status: "{status}", reason: {why}, message: simulated,'
        " lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}"
        for kind, status, why in conditions
    )
    return f"""
{{{{ $now := Now }}}}
phase: Running
conditions:
{lines}
addresses:
- {{type: InternalIP, address: {{{{ NodeIP | Quote }}}}}}
- {{type: Hostname, address: {{{{ NodeName | Quote }}}}}}
allocatable: {{cpu: "64", memory: 256Gi, pods: "1000"}}
capacity: {{cpu: "64", memory: 256Gi, pods: "1000"}}
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  kubeletVersion: kwok-{{{{ Version }}}}
  kubeProxyVersion: kwok-{{{{ Version }}}}
  containerRuntimeVersion: kwok-{{{{ Version }}}}
  kernelVersion: kwok
  osImage: kwok
  bootID: ""
  machineID: ""
  systemUUID: ""
"""


def node_stages() -> list[Stage]:
    """Stages that make a new node Ready, or NotReady while its fate says so."""
    return [
        stage(
            "node-ready",
            "Node",
            [not_in(_READY, "True"), not_in(NODE_FATE, "not-ready")],
            {"statusTemplate": node_status(ready=True)},
        ),
        stage(
            "node-not-ready",
            "Node",
            [not_in(_READY, "False"), is_in(NODE_FATE, "not-ready")],
            {"statusTemplate": node_status(ready=False)},
        ),
    ]


def configuration(extra: str = "") -> str:
    """The whole kwok configuration file; `extra` holds further stages as YAML documents."""
    options = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {
            "podPlayStageParallelism": 16,
            "nodePlayStageParallelism": 16,
            "nodeLeaseParallelism": 16,
        },
    }
    documents = [options, *node_stages(), *pod_stages()]
    text = "\n---\n".join(json.dumps(document, indent=1) for document in documents)
    return f"{text}\n---\n{extra.strip()}\n" if extra.strip() else f"{text}\n"
