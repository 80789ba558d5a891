"""What an administrator may set, from the command line or the environment."""

from __future__ import annotations

import argparse
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from yarl import URL

from wavegate.api.fleetjob import ONE_SHOT_TYPES
from wavegate.domain.observed import PlanSettings
from wavegate.health.endpoint import Endpoint
from wavegate.option_types import (
    IPNetwork,
    address,
    base_url,
    directory,
    duration,
    named,
    network,
    positive,
    source,
    whole,
)

ENVIRONMENT_PREFIX: Final = "WAVEGATE_"

_REPEATED: Final = (
    "namespace",
    "config_directory",
    "call_namespace",
    "call_network",
    "prometheus_source",
    "prometheus_token_file",
    "prometheus_ca_file",
)
"""Options that may be given several times."""

_DESCRIPTION: Final = """\
Rolls versioned jobs out to every node their selector matches, wave by wave, and goes back by
itself when the health checks say no. Several of these processes may run; one leads.
"""
_EPILOG: Final = f"""\
Every option may also be given by the environment, as {ENVIRONMENT_PREFIX} and its name
({ENVIRONMENT_PREFIX}LOG_FORMAT=json; several values separated by commas); the command line
wins.

The cluster is the first of: --kubeconfig or --context, $KUBECONFIG, the pod that this runs in,
~/.kube/config.
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """The process's settings, checked. Durations in seconds, ``write_rate`` in requests/s."""

    identity: str
    """Unlike that of any other process."""
    kubeconfig: str | None = None
    context: str | None = None
    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    lease_namespace: str | None = None
    """None: the namespace of the service account or context."""
    lease_name: str = "wavegate"
    metrics_host: str = "0.0.0.0"  # noqa: S104  (it is scraped from other machines)
    metrics_port: int = 8080
    pipeline_image: str = PlanSettings().pipeline_image
    query_image: str = ""
    update_image: str = ""
    config_image: str = ""
    config_directories: tuple[str, ...] = ()
    lost_after: float = PlanSettings().lost_after
    calls: int = 64
    read_secrets: bool = False
    call_namespaces: tuple[str, ...] = ()
    """Whose Services the HTTPJobs of every namespace may call."""
    call_networks: tuple[IPNetwork, ...] = ()
    """Addresses that may be called although they are of a kind that is refused."""
    callback_url: str = ""
    """Where endpoints reach the port at which they call back; empty: it is not served."""
    callback_host: str = "0.0.0.0"  # noqa: S104  (it is called from other machines)
    callback_port: int = 8090
    write_rate: float = 300.0
    write_burst: float = 500.0
    prometheus: Mapping[str, Endpoint] = field(default_factory=dict)
    """By the name that jobs give as the source of their error rate."""
    log_format: str = "text"
    verbose: bool = False

    def for_plans(self) -> PlanSettings:
        """The part that the rules read."""
        return PlanSettings(
            pipeline_image=self.pipeline_image,
            query_image=self.query_image,
            update_image=self.update_image,
            config_image=self.config_image,
            config_directories=self.config_directories,
            lost_after=self.lost_after,
            prometheus_sources=frozenset(self.prometheus),
        )


def parse_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Settings from a command line and an environment.

    Exits as argparse does: 0 after --help, 2 with a message that names the option.
    """
    parser = command_line()
    values = vars(parser.parse_args([*_from_environment(parser, environ), *arguments]))
    # Repeated options add up; those of the environment are to be replaced, not added to.
    given = vars(parser.parse_args(arguments))
    repeated: dict[str, list[Any]] = {name: given[name] or values[name] or [] for name in _REPEATED}
    single = {name: value for name, value in values.items() if name not in _REPEATED}
    host, port = single.pop("metrics_bind")
    callback_host, callback_port = single.pop("callback_bind")
    return Settings(
        **single,
        metrics_host=host,
        metrics_port=port,
        callback_host=callback_host,
        callback_port=callback_port,
        namespaces=tuple(dict.fromkeys(repeated["namespace"])),
        config_directories=tuple(dict.fromkeys(repeated["config_directory"])),
        call_namespaces=tuple(dict.fromkeys(repeated["call_namespace"])),
        call_networks=tuple(dict.fromkeys(repeated["call_network"])),
        prometheus=_endpoints(parser, repeated),
    )


def _endpoints(
    parser: argparse.ArgumentParser, given: Mapping[str, list[Any]]
) -> dict[str, Endpoint]:
    """The sources by name, with their files; exits where these do not belong together."""
    urls = dict(given["prometheus_source"])
    files = {}
    for option in ("prometheus_token_file", "prometheus_ca_file"):
        files[option] = dict(given[option])
        for name in files[option]:
            if name not in urls:
                _refuse(parser, option, f"there is no --prometheus-source {name}=URL")
            if URL(urls[name]).scheme != "https":
                _refuse(parser, option, f"source {name} is http; this is for https")
    return {
        name: Endpoint(
            url,
            token_file=files["prometheus_token_file"].get(name, ""),
            ca_file=files["prometheus_ca_file"].get(name, ""),
        )
        for name, url in urls.items()
    }


def _refuse(parser: argparse.ArgumentParser, option: str, why: str) -> None:
    parser.error(f"argument --{option.replace('_', '-')}: {why}")


def command_line() -> argparse.ArgumentParser:
    """The parser; its help is the source of docs/reference/operator.md."""
    parser = argparse.ArgumentParser(
        prog="python -m wavegate",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_cluster_options(parser)
    _add_leader_options(parser)
    _add_work_options(parser)
    _add_call_options(parser)
    _add_callback_options(parser)
    _add_source_options(parser)
    _add_report_options(parser)
    return parser


def _add_cluster_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cluster")
    group.add_argument("--kubeconfig", metavar="FILE", help="kubeconfig file")
    group.add_argument("--context", metavar="NAME", help="context of the kubeconfig file")
    group.add_argument(
        "-n",
        "--namespace",
        metavar="NAME",
        action="append",
        help="look after this namespace only; may be repeated (default: all namespaces)",
    )


def _add_leader_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("leadership")
    group.add_argument(
        "--lease-namespace",
        metavar="NAME",
        help="namespace of the Lease (default: the service account's or the context's)",
    )
    group.add_argument(
        "--lease-name",
        metavar="NAME",
        default="wavegate",
        help="name of the Lease; processes that share it elect one leader (default: %(default)s)",
    )
    group.add_argument(
        "--identity",
        metavar="TEXT",
        default=f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}",
        help="name of this process in the Lease, unlike any other's (default: host name and a"
        " random part)",
    )


def _add_work_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("work")
    defaults = PlanSettings()
    group.add_argument(
        "--pipeline-image",
        metavar="IMAGE",
        default=defaults.pipeline_image,
        help="engine of jobs of type pipeline, used by versions made from now on"
        " (default: %(default)s)",
    )
    for kind in ONE_SHOT_TYPES:
        group.add_argument(
            f"--{kind}-image",
            metavar="IMAGE",
            default="",
            help=f"image of jobs of type {kind} whose template brings none, used by versions made"
            " from now on (default: none)",
        )
    group.add_argument(
        "--config-directory",
        metavar="DIR",
        action="append",
        type=directory,
        help="directory of the nodes in which jobs of type config may write; may be repeated"
        " (default: none, and every such job is refused)",
    )
    group.add_argument(
        "--lost-after",
        metavar="DURATION",
        type=duration,
        default=defaults.lost_after,
        help="how long a rollout waits for a node that became NotReady (default: 1h)",
    )
    group.add_argument(
        "--write-rate",
        metavar="N",
        type=positive,
        default=300.0,
        help="requests a second sent at most for writes (default: 300)",
    )
    group.add_argument(
        "--write-burst",
        metavar="N",
        type=positive,
        default=500.0,
        help="requests that may be sent at once after a quiet time (default: 500)",
    )


def _add_call_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "calls of HTTPJobs",
        "Loopback, link-local addresses, the API server and Services of other namespaces are not"
        " called, whatever a job says.",
    )
    group.add_argument(
        "--calls",
        metavar="N",
        type=whole,
        default=64,
        help="calls that are under way at most, over all jobs (default: %(default)s)",
    )
    group.add_argument(
        "--read-secrets",
        action="store_true",
        help="read the Secrets that HTTPJobs and JobRuns name: headers, signing keys, payloads",
    )
    group.add_argument(
        "--call-namespace",
        metavar="NAME",
        action="append",
        help="namespace whose Services the HTTPJobs of all namespaces may call; may be repeated",
    )
    group.add_argument(
        "--call-network",
        metavar="CIDR",
        action="append",
        type=network,
        help="addresses that may be called although they are loopback or link-local; may be"
        " repeated",
    )


def _add_callback_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "call backs of Async HTTPJobs",
        "Without an address, runs of jobs with spec.http.completion Async fail, CallbacksOff.",
    )
    group.add_argument(
        "--callback-url",
        metavar="URL",
        type=base_url,
        default="",
        help="address at which endpoints reach --callback-bind, such as"
        " http://wavegate-callbacks.wavegate-system.svc:8090 (default: none, and call backs are not"
        " served)",
    )
    group.add_argument(
        "--callback-bind",
        metavar="HOST:PORT",
        type=address,
        default="0.0.0.0:8090",
        help="where call backs are served; port 0: any free one, which is logged (default:"
        " %(default)s)",
    )


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "sources of error rates",
        "Jobs name these in healthCheck.errorRate.prometheus; they cannot give an address."
        " Whoever may create a FleetJob has its queries asked with the token given here.",
    )
    group.add_argument(
        "--prometheus-source",
        metavar="NAME=URL",
        action="append",
        type=source,
        help="a Prometheus, or what answers as one, such as"
        " main=https://prometheus.monitoring:9090; may be repeated",
    )
    group.add_argument(
        "--prometheus-token-file",
        metavar="NAME=FILE",
        action="append",
        type=named,
        help="file with the bearer token for that source, https only; read again for each query",
    )
    group.add_argument(
        "--prometheus-ca-file",
        metavar="NAME=FILE",
        action="append",
        type=named,
        help="file with the certificates (PEM) that vouch for that source, instead of the"
        " system's; read again for each query",
    )


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("reports")
    group.add_argument(
        "--metrics-bind",
        metavar="HOST:PORT",
        type=address,
        default="0.0.0.0:8080",
        help="where /metrics, /healthz and /readyz are served; port 0: any free one, which is"
        " logged (default: %(default)s)",
    )
    group.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="form of the log's lines on stderr (default: %(default)s)",
    )
    group.add_argument(
        "-v", "--verbose", action="store_true", help="log every step, too, not only decisions"
    )


def environment_name(action: argparse.Action) -> str:
    """The variable by which an option may be given as well."""
    return ENVIRONMENT_PREFIX + action.option_strings[-1][2:].replace("-", "_").upper()


def _from_environment(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> list[str]:
    """The options that the environment gives, spelled as on a command line."""
    found: list[str] = []
    for action in parser._actions:
        option = action.option_strings[-1]
        text = environ.get(environment_name(action), "")
        if not text or action.dest == "help":
            continue
        if action.const is True:
            found += [option] if text.lower() in ("1", "true", "yes") else []
        elif action.dest in _REPEATED:
            found += [f"{option}={name.strip()}" for name in text.split(",") if name.strip()]
        else:
            found.append(f"{option}={text}")
    return found
