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
_ENV: Final = {
    "name": "TOKEN",
    "valueFrom": {"secretKeyRef": {"name": "of-others", "key": "token"}},
}

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
    Template("shared-processes", ROLLS_OUT, pod={"shareProcessNamespace": True}),
    Template(
        "group-of-root",
        ROLLS_OUT,
        pod={"securityContext": {**_POD, "supplementalGroups": [0], "fsGroup": 0}},
    ),
    Template(
        "low-port",
        ROLLS_OUT,
        main={
            "securityContext": {
                **_MAIN,
                "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
            }
        },
    ),
    Template(
        "seccomp-of-the-node",
        ROLLS_OUT,
        pod={
            "securityContext": {
                **_POD,
                "seccompProfile": {"type": "Localhost", "localhostProfile": "own.json"},
            }
        },
    ),
    Template(
        "selinux-user",
        Refused("seLinuxOptions"),
        pod={"securityContext": {**_POD, "seLinuxOptions": {"user": "system_u"}}},
    ),
    Template(
        "iscsi",
        Refused("restricted volume types"),
        pod=_volume(
            iscsi={"targetPortal": "192.0.2.1:3260", "iqn": "iqn.2001-04.example:disk", "lun": 0}
        ),
    ),
    Template(
        "flex-volume",
        Refused("restricted volume types"),
        pod=_volume(flexVolume={"driver": "example/lvm"}),
    ),
    Template("memory-volume", ROLLS_OUT, pod=_volume(emptyDir={"medium": "Memory"})),
    Template(
        "own-labels",
        ROLLS_OUT,
        pod=_volume(
            downwardAPI={
                "items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
            }
        ),
    ),
    Template(
        "no-claim",
        **_both(Fails('persistentvolumeclaim "ghost" not found')),
        pod=_volume(persistentVolumeClaim={"claimName": "ghost"}),
    ),
    Template("of-others-by-env", ROLLS_OUT, main={"env": [_ENV]}),
    Template("pull-secret", ROLLS_OUT, pod={"imagePullSecrets": [{"name": "of-others"}]}),
    Template("bad-hostname", **_both(Refused("hostname")), pod={"hostname": "Not A Name"}),
    Template("dns-none", **_both(Refused("dnsConfig")), pod={"dnsPolicy": "None"}),
    Template(
        "two-of-a-name",
        **_both(Refused('Duplicate value: "main"')),
        pod={"initContainers": [{"name": "main", "image": "app:1", "securityContext": _MAIN}]},
    ),
    Template("image-of-blanks", **_both(Refused("whitespace")), main={"image": " app:1"}),
    Template(
        "limit-below-request",
        **_both(Refused("must be less than or equal to cpu limit")),
        main={"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
    ),
    Template(
        "unknown-runtime",
        **_both(Refused('RuntimeClass "ghost" not found')),
        pod={"runtimeClassName": "ghost"},
    ),
    Template(
        "own-overhead", **_both(Refused("Overhead set without")), pod={"overhead": {"cpu": "1m"}}
    ),
    Template(
        "own-priority", **_both(Refused("the integer value of priority")), pod={"priority": 10**9}
    ),
    Template(
        "unknown-mount",
        **_both(Refused('Not found: "ghost"')),
        main={"volumeMounts": [{"name": "ghost", "mountPath": "/ghost"}]},
    ),
    Template("no-port", **_both(Refused("containerPort")), main={"ports": [{"containerPort": 0}]}),
    Template("bad-subdomain", **_both(Refused("subdomain")), pod={"subdomain": "Not A Name"}),
    Template(
        "windows-host",
        Refused("hostProcess"),
        pod={
            "hostNetwork": True,
            "securityContext": {
                **_SECCOMP,
                "runAsNonRoot": True,
                "windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"},
            },
        },
    ),
)
