"""Pod templates that ask for more than they should get, and what each of two policies says of them.

Each is the template of a job that satisfies the restricted Pod Security Standard, changed in one
thing. In a namespace where ``restricted`` is enforced, and in one with ``privileged``, it ends in
one of four ways:

- it rolls out;
- ``AtApply``: the API server refuses the job itself, and names the field;
- ``Refused``: the API server would refuse its pods: TemplateRefused, in the server's words, and
  there is no execution;
- ``Fails``: nobody refuses it and it cannot run: one canary fails, and no other node is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from support.jobs import container

NODES: Final = ("sim-001", "sim-002")
"""For which the jobs are."""


@dataclass(frozen=True)
class AtApply:
    says: str


@dataclass(frozen=True)
class Refused:
    says: str


@dataclass(frozen=True)
class Fails:
    says: str


@dataclass(frozen=True)
class RollsOut:
    pass


End = AtApply | Refused | Fails | RollsOut

ROLLS_OUT: Final = RollsOut()


@dataclass(frozen=True)
class Template:
    """``pod`` and ``main`` replace fields of the pod's spec and of its container."""

    name: str
    restricted: End
    privileged: End = ROLLS_OUT
    pod: dict[str, Any] = field(default_factory=dict)
    main: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def end(self, policy: str) -> End:
        return self.restricted if policy == "restricted" else self.privileged

    def job(self) -> dict[str, Any]:
        """The job's spec."""
        spec = container(
            healthCheck={"interval": "1s", "successThreshold": 1, "deadline": "10s"}, maxParallel=1
        )
        spec["selector"] = {"matchIds": list(NODES)}
        pod = spec["template"]["spec"]
        pod |= {"securityContext": _POD, **self.pod}
        pod["containers"][0] |= {"securityContext": _MAIN, **self.main}
        if self.metadata:
            spec["template"]["metadata"] = self.metadata
        return spec


_SECCOMP: Final = {"seccompProfile": {"type": "RuntimeDefault"}}
_POD: Final = {"runAsNonRoot": True, "runAsUser": 1000, **_SECCOMP}
_MAIN: Final = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _volume(**source: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "more", **source}]}


def _both(end: End) -> dict[str, End]:
    return {"restricted": end, "privileged": end}


_TERMS: Final = {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name"}]}]}
_BY_NAME: Final = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _TERMS}}
_TOKEN: Final = {"serviceAccountToken": {"path": "token", "audience": "vault"}}
_SPEC: Final = "spec.template.spec"

TEMPLATES: Final = (
    Template("as-it-should-be", ROLLS_OUT),
    Template(
        "privileged",
        Refused("privileged (container"),
        main={"securityContext": {"privileged": True}},
    ),
    Template(
        "privileged-init",
        Refused('privileged (container "first"'),
        pod={
            "initContainers": [
                {"name": "first", "image": "app:1", "securityContext": {"privileged": True}}
            ]
        },
    ),
    Template(
        "escalation",
        Refused("allowPrivilegeEscalation != false"),
        main={"securityContext": {**_MAIN, "allowPrivilegeEscalation": True}},
    ),
    Template(
        "added-capability",
        Refused('must not include "SYS_ADMIN"'),
        main={
            "securityContext": {**_MAIN, "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}
        },
    ),
    Template(
        "all-capabilities",
        Refused('must not include "ALL"'),
        main={"securityContext": {**_MAIN, "capabilities": {"drop": ["ALL"], "add": ["ALL"]}}},
    ),
    Template(
        "kept-capabilities",
        Refused("unrestricted capabilities"),
        main={"securityContext": {"allowPrivilegeEscalation": False}},
    ),
    Template(
        "root",
        Refused("runAsUser=0"),
        pod={"securityContext": {"runAsUser": 0, **_SECCOMP}},
    ),
    Template(
        "any-user",
        Refused("runAsNonRoot != true"),
        pod={"securityContext": _SECCOMP},
    ),
    Template(
        "seccomp-unconfined",
        Refused("seccompProfile"),
        pod={"securityContext": {**_POD, "seccompProfile": {"type": "Unconfined"}}},
    ),
    Template(
        "apparmor-unconfined",
        Refused("AppArmor"),
        main={"securityContext": {**_MAIN, "appArmorProfile": {"type": "Unconfined"}}},
    ),
    Template(
        "selinux-type",
        Refused("seLinuxOptions"),
        main={"securityContext": {**_MAIN, "seLinuxOptions": {"type": "spc_t"}}},
    ),
    Template(
        "proc-unmasked",
        **_both(Refused("procMount")),
        main={"securityContext": {**_MAIN, "procMount": "Unmasked"}},
    ),
    Template(
        "unsafe-sysctl",
        Refused("forbidden sysctls"),
        pod={"securityContext": {**_POD, "sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    ),
    Template(
        "safe-sysctl",
        ROLLS_OUT,
        pod={
            "securityContext": {
                **_POD,
                "sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}],
            }
        },
    ),
    Template("host-network", Refused("hostNetwork=true"), pod={"hostNetwork": True}),
    Template("host-pid", Refused("hostPID=true"), pod={"hostPID": True}),
    Template("host-ipc", Refused("hostIPC=true"), pod={"hostIPC": True}),
    Template(
        "host-port",
        Refused("hostPort"),
        main={"ports": [{"containerPort": 8080, "hostPort": 8080}]},
    ),
    Template("host-path", Refused("hostPath"), pod=_volume(hostPath={"path": "/"})),
    Template(
        "nfs",
        Refused("restricted volume types"),
        pod=_volume(nfs={"server": "nfs.example", "path": "/"}),
    ),
    Template("projected-token", ROLLS_OUT, pod=_volume(projected={"sources": [_TOKEN]})),
    Template("secret-volume", ROLLS_OUT, pod=_volume(secret={"secretName": "of-others"})),
    Template("tolerates-all", ROLLS_OUT, pod={"tolerations": [{"operator": "Exists"}]}),
    Template("critical", ROLLS_OUT, pod={"priorityClassName": "system-node-critical"}),
    Template(
        "unknown-priority",
        **_both(Refused("no PriorityClass with name ghost")),
        pod={"priorityClassName": "ghost"},
    ),
    Template(
        "unknown-account",
        **_both(Refused('serviceaccount "ghost" not found')),
        pod={"serviceAccountName": "ghost"},
    ),
    Template(
        "unknown-field",
        **_both(Refused('unknown field "spec.containers[0].privleged"')),
        main={"privleged": True},
    ),
    Template(
        "ephemeral",
        **_both(Refused("ephemeralContainers")),
        pod={"ephemeralContainers": [{"name": "debug", "image": "app:1"}]},
    ),
    Template(
        "node-name",
        **_both(AtApply(f"{_SPEC}.nodeName: is not allowed")),
        pod={"nodeName": "sim-003"},
    ),
    Template(
        "huge",
        **_both(Fails("Insufficient cpu")),
        main={"resources": {"requests": {"cpu": "100000"}}},
    ),
    Template(
        "restart-policy",
        **_both(AtApply(f"{_SPEC}.restartPolicy: is not allowed")),
        pod={"restartPolicy": "Never"},
    ),
    Template(
        "own-deadline",
        **_both(AtApply(f"{_SPEC}.activeDeadlineSeconds: is not allowed")),
        pod={"activeDeadlineSeconds": 1},
    ),
    Template(
        "other-node",
        **_both(AtApply(f"{_SPEC}.affinity: matchFields is not allowed")),
        pod={"affinity": _BY_NAME},
    ),
    Template(
        "our-label",
        **_both(AtApply("spec.template.metadata.labels: keys that begin with wavegate.dev/")),
        metadata={"labels": {"wavegate.dev/job": "another"}},
    ),
    Template(
        "our-annotation",
        **_both(AtApply("spec.template.metadata.annotations: keys that begin with wavegate.dev/")),
        metadata={"annotations": {"wavegate.dev/execution": "another"}},
    ),
)
