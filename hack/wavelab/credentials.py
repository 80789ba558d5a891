"""Users of a cluster: their bearer tokens, the server's token file, and kubeconfig files."""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

# A static token file is read once, when the server starts, so every node that may ever join has
# its token from the beginning.
MAX_NODES = 10

ADMIN = "wavelab:admin"
KWOK = "wavelab:kwok"
PROXY = "system:kube-proxy"
CONTROLLERS = "system:kube-controller-manager"
SCHEDULER = "system:kube-scheduler"


def node_name(index: int) -> str:
    """Real nodes are called node-1, node-2, …"""
    return f"node-{index}"


def node_user(name: str) -> str:
    """The user a kubelet is; the Node authorizer lets it touch only what is on its own node."""
    return f"system:node:{name}"


def groups() -> dict[str, str]:
    """Every user with the group it is in ("" for none)."""
    users = {
        ADMIN: "system:masters",
        # Of its own, so that the audit log can tell simulated nodes' requests from a person's.
        KWOK: "system:masters",
        CONTROLLERS: "",
        SCHEDULER: "",
        PROXY: "",
    }
    users.update({node_user(node_name(i)): "system:nodes" for i in range(1, MAX_NODES + 1)})
    return users


def create_tokens(path: Path) -> None:
    """Write a token file with one new secret a user; an existing file stays."""
    if not path.exists():
        lines = [
            f'{secrets.token_hex(24)},{user},{user},"{group}"'
            if group
            else f"{secrets.token_hex(24)},{user},{user}"
            for user, group in groups().items()
        ]
        write_private(path, "\n".join(lines) + "\n")


def token(path: Path, user: str) -> str:
    """The bearer token of `user` in the token file."""
    for line in path.read_text().splitlines():
        secret, name = line.split(",")[:2]
        if name == user:
            return secret
    raise KeyError(user)


def kubeconfig(server: str, authority: Path, user: str, secret: str, namespace: str) -> str:
    """A kubeconfig file's content, in JSON (which is YAML); the authority is embedded."""
    data = base64.b64encode(authority.read_bytes()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "wavelab",
                "cluster": {"server": server, "certificate-authority-data": data},
            }
        ],
        "users": [{"name": user, "user": {"token": secret}}],
        "contexts": [
            {
                "name": "wavelab",
                "context": {"cluster": "wavelab", "user": user, "namespace": namespace},
            }
        ],
        "current-context": "wavelab",
    }
    return json.dumps(document, indent=1) + "\n"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.rename(path)
