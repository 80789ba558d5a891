"""Tells a Prometheus which pods to scrape, as its discovery of Kubernetes pods would."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.space import Requests

PORT_NAME = "metrics"


class PodTargets:
    """An HTTP discovery of every running pod of our jobs that names a port ``metrics``."""

    def __init__(self, client: Requests) -> None:
        self._client = client
        targets = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(targets.groups()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def groups(self) -> list[dict[str, Any]]:
        """Targets with the labels that people give theirs: namespace, node, pod, app."""
        pods = self._client.get("/api/v1/pods?labelSelector=wavegate.dev/job")["items"]
        found = []
        for pod in pods:
            meta, address = pod["metadata"], pod["status"].get("podIP")
            annotations = meta.get("annotations", {})
            if not address or pod["status"]["phase"] != "Running":
                continue
            for container in pod["spec"]["containers"]:
                for port in container.get("ports", ()):
                    if port.get("name") != PORT_NAME:
                        continue
                    labels = {
                        "namespace": meta["namespace"],
                        "node": pod["spec"]["nodeName"],
                        "pod": meta["name"],
                        "app": meta["labels"]["wavegate.dev/job"],
                        "__metrics_path__": annotations.get("prometheus.io/path", "/metrics"),
                    }
                    target = f"{address}:{port['containerPort']}"
                    found.append({"targets": [target], "labels": labels})
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
